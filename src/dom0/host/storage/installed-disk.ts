/** What an installer leaves on a new disk: partitions for swap and Domain 0's root, one to give to a guest, and the volume group on the last. */
import { SECTOR_BYTES } from '../../../formats/blocks/index.ts';
import { type Partition, TYPE, writePartitions } from '../../../formats/file-systems/index.ts';
import { GROUP, LVM_NUMBER } from './device-names.ts';
import type { HostDisk } from './host-disk.ts';
import { extentsOf, lvmUuid, readGroup, writeGroup, writeLabel } from './lvm.ts';
import { partOf } from './part.ts';

const MIB = 2 ** 20,
  GIB = 2 ** 30;
const SWAP_BYTES = 2 * GIB,
  ROOT_BYTES = 64 * GIB,
  SPARE_BYTES = 20 * GIB;
/** Extents that are written before the table is there: label, metadata, and the table's own. */
const MOST_INSTALLED_BYTES = 4 * MIB;

function partitionsOf(disk: HostDisk): Partition[] {
  const partitions: Partition[] = [];
  let start = MIB;
  const add = (type: number, bytes: number, active = false): void => {
    partitions.push({
      number: partitions.length + 1,
      active,
      type,
      firstSector: start / SECTOR_BYTES,
      sectors: bytes / SECTOR_BYTES,
    });
    start += bytes;
  };
  // A small disk has the same partitions, in proportion.
  const scale = Math.min(1, disk.bytes / (4 * (SWAP_BYTES + ROOT_BYTES + SPARE_BYTES)));
  const scaled = (bytes: number): number => Math.ceil((bytes * scale) / MIB) * MIB;
  add(TYPE.SWAP, scaled(SWAP_BYTES));
  add(TYPE.LINUX, scaled(ROOT_BYTES), true);
  add(TYPE.LINUX, scaled(SPARE_BYTES));
  add(TYPE.LVM, Math.floor((disk.bytes - start) / MIB) * MIB);
  return partitions;
}

/** Of a disk without a partition table: a power cut came while `install` ran, and nothing was put on it yet. */
export function wasBeingInstalled(disk: HostDisk): boolean {
  const group = readGroup(partOf(disk, partitionsOf(disk)[LVM_NUMBER - 1]));
  return group ? group.seqno === 1 && group.volumes.length === 0 : disk.stored.usedBytes <= MOST_INSTALLED_BYTES;
}

/** The table comes last: where a power cut leaves none, all is done again. */
export function install(
  disk: HostDisk,
  { epochMs, random }: { epochMs: () => number; random: (below: number) => number },
): void {
  const partitions = partitionsOf(disk);
  const medium = partOf(disk, partitions[LVM_NUMBER - 1]);
  const pvUuid = lvmUuid(random);
  writeLabel(medium, pvUuid);
  const extents = extentsOf(medium.bytes);
  writeGroup(
    medium,
    { group: GROUP, groupUuid: lvmUuid(random), pvUuid, seqno: 1, extents, deviceBytes: medium.bytes, volumes: [] },
    epochMs(),
  );
  writePartitions(disk, partitions, random(2 ** 32));
  disk.flush();
}
