/** Volumes of snapshots and clones that a host was making or removing when it ended. */
import type { Uses } from '../command-host.ts';
import { devicesOverlap, isDevice, type Storage } from '../../host/storage/index.ts';
import { unfinishedComing } from '../incoming-disks.ts';
import { SnapshotRecords, volumesOf } from './record.ts';

/**
 * What a snapshot's record or a definition names is theirs: the host ended after all was done. What nothing names is removed. Without Domain 0's files
 * nobody can tell, and all stays as it is.
 */
export async function settleUnfinished(
  { files: { own: files }, managed }: Uses<'files' | 'managed'>,
  storage: Storage,
): Promise<void> {
  const { unfinished } = storage;
  if (unfinished.length === 0 || !files) return;
  unfinishedComing(storage);
  const records = await new SnapshotRecords(files).all();
  const targets = ((await managed?.list()) ?? []).flatMap(({ definition }) =>
    definition.disks.map(({ target }) => target),
  );
  const named = new Set(records.flatMap(volumesOf));
  const isNamed = (name: string): boolean =>
    named.has(name) || targets.some(target => isDevice(target) && devicesOverlap(target, `/dev/vg0/${name}`));
  storage.setUnfinished(unfinished.filter(isNamed), false);
  for (const name of storage.unfinished) storage.removeUnused(name);
}
