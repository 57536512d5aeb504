/** A host's domains go to its neighbours, and theirs come to it: what does that is loaded for the first one. */
import { type Part, part } from '../../formats/loading/index.ts';
import type { Neighbours } from '../pool/index.ts';
import type { Receiver, ReceiverParts, SenderParts } from '../pool/migration/index.ts';
import type { CommandHost } from '../toolstack/index.ts';
import type { FarDisks } from './far-disks.ts';

export type MoveOwnership = NonNullable<SenderParts['ownership']> &
  NonNullable<ReceiverParts['ownership']> &
  NonNullable<FarDisks['ownership']>;
export type Migrate = NonNullable<CommandHost['moveTo']>;

export const migration = part(() => import('../pool/migration/index.ts'), 'moves domains');

/** From now on domains can come from these hosts; how one goes to them. `ownership`: who says whose a domain is. */
export function meet(
  host: CommandHost & { far: FarDisks },
  neighbours: Neighbours,
  ownership?: MoveOwnership,
  moves: Part<NonNullable<typeof migration.loaded>> = migration,
): Migrate {
  host.far.ownership = ownership;
  ownership?.onUnsure?.(() => host.far.fence());
  const parts = { host, neighbours, ...(ownership ? { ownership } : {}) };
  let receiver: Receiver | undefined;
  neighbours.serve('migrate', async (channel, from) => {
    const loaded = await moves.load().catch(() => undefined);
    if (!loaded)
      return channel.close('The part of Ringside that takes domains in could not be loaded there. Try again.');
    receiver ??= new loaded.Receiver(parts);
    return receiver.serve(channel, from);
  });
  // There is a move whose disks they are, so that what takes it is loaded.
  neighbours.serve('disks', (channel, from) =>
    receiver ? receiver.serveDisks(channel, from) : channel.close('No domain comes.'),
  );
  return async (guest, to, wish) => (await moves.load()).migrate(parts, guest, to, wish);
}
