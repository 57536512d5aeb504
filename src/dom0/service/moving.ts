/** A host's domains go to its neighbours, and theirs come to it: what does that is loaded for the first one. */
import { loadedAgain } from '../host/loading/index.ts';
import type { Neighbours } from '../pool/index.ts';
import type { Receiver, SenderParts } from '../pool/migration/index.ts';
import type { CommandHost } from '../toolstack/index.ts';
import type { VirtualTime } from './virtual-time.ts';

export type MoveOwnership = NonNullable<SenderParts['ownership']>;
type Migrate = NonNullable<CommandHost['moveTo']>;

const loadMigration = () => import('../pool/migration/index.ts');

/** From now on domains can come from these hosts; how one goes to them. `ownership`: who says whose a domain is. */
export function meet(
  host: CommandHost,
  neighbours: Neighbours,
  ownership?: MoveOwnership,
  loadOnce = loadMigration,
): Migrate {
  const parts = { host, neighbours, ...(ownership ? { ownership } : {}) };
  const load = loadedAgain(loadOnce);
  let receiver: Receiver | undefined;
  neighbours.serve('migrate', async (channel, from) => {
    const migration = await load().catch(() => undefined);
    if (!migration)
      return channel.close('The part of Ringside that takes domains in could not be loaded there. Try again.');
    receiver ??= new migration.Receiver(host);
    return receiver.serve(channel, from);
  });
  return async (guest, to, wish) => (await load()).migrate(parts, guest, to, wish);
}

/** A host in virtual time has no other, and domains move within it: `xl migrate NAME localhost`. */
export function moveWithin(host: CommandHost, virtual: VirtualTime): Migrate {
  const load = loadedAgain(async () => {
    await import('../toolstack/receiving.ts');
    return import('./virtual-link.ts');
  });
  return (guest, to, wish) =>
    virtual.move(async () => {
      const link = await load();
      return () => link.moveWithin(host, virtual, guest, to, wish);
    });
}
