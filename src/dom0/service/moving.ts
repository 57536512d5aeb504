/** A host's domains go to its neighbours, and theirs come to it: what does that is loaded for the first one. */
import type { Neighbours } from '../pool/index.ts';
import type { SenderParts } from '../pool/migration/index.ts';
import type { CommandHost } from '../toolstack/index.ts';

export type MoveOwnership = NonNullable<SenderParts['ownership']>;
type Migrate = NonNullable<CommandHost['moveTo']>;

/** From now on domains can come from these hosts; how one goes to them. `ownership`: who says whose a domain is. */
export function meet(host: CommandHost, neighbours: Neighbours, ownership?: MoveOwnership): Migrate {
  const parts = { host, neighbours, ...(ownership ? { ownership } : {}) };
  const load = async () => {
    const migration = await import('../pool/migration/index.ts');
    return { migration, receiver: new migration.Receiver(host) };
  };
  let loading: ReturnType<typeof load> | undefined;
  const loaded = (): ReturnType<typeof load> => (loading ??= load());
  neighbours.serve('migrate', (channel, from) => void loaded().then(({ receiver }) => receiver.serve(channel, from)));
  return async (guest, to, wish) => (await loaded()).migration.migrate(parts, guest, to, wish);
}
