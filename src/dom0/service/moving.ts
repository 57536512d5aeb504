/** A host's domains go to its neighbours, and theirs come to it: what does that is loaded for the first one. */
import { loadedAgain } from '../host/loading/index.ts';
import type { Neighbours } from '../pool/index.ts';
import type { Receiver, SenderParts } from '../pool/migration/index.ts';
import type { CommandHost } from '../toolstack/index.ts';

export type MoveOwnership = NonNullable<SenderParts['ownership']>;
type Migrate = NonNullable<CommandHost['moveTo']>;

/** From now on domains can come from these hosts; how one goes to them. `ownership`: who says whose a domain is. */
export function meet(host: CommandHost, neighbours: Neighbours, ownership?: MoveOwnership): Migrate {
  const parts = { host, neighbours, ...(ownership ? { ownership } : {}) };
  const load = loadedAgain(() => import('../pool/migration/index.ts'));
  let receiver: Receiver | undefined;
  const receive: Receiver['serve'] = async (channel, from) => {
    const migration = await load();
    receiver ??= new migration.Receiver(host);
    return receiver.serve(channel, from);
  };
  neighbours.serve('migrate', (channel, from) => void receive(channel, from));
  return async (guest, to, wish) => (await load()).migrate(parts, guest, to, wish);
}
