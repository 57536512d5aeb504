/** What went through a guest's disks, whatever shows them to it: a paravirtual back end, an emulated drive, a disk of virtio. */
import { ideName } from '../definitions/index.ts';
import { COUNTERS, DRIVE_COUNTS, DRIVE_PLACES, DRIVE_WORDS } from '../../hypervisor/layout/index.ts';
import type { Guest } from './command-host.ts';
import type { Toolstack } from './toolstack.ts';

/** Requests, and sectors of 512 bytes. */
export interface BlockCounts {
  reads: number;
  readSectors: number;
  writes: number;
  writtenSectors: number;
}

/** By the name of the disk's device. A disk that is seen both ways is one disk. */
export function blockCounts({ machine, services }: Toolstack, { record, blueprint }: Guest): Map<string, BlockCounts> {
  const all = new Map<string, BlockCounts>();
  const add = (vdev: string, { reads, readSectors, writes, writtenSectors }: BlockCounts): void => {
    const before = all.get(vdev) ?? { reads: 0, readSectors: 0, writes: 0, writtenSectors: 0 };
    all.set(vdev, {
      reads: before.reads + reads,
      readSectors: before.readSectors + readSectors,
      writes: before.writes + writes,
      writtenSectors: before.writtenSectors + writtenSectors,
    });
  };
  for (const { vdev, counts } of services.diskCounts(record.id)) add(vdev, counts);
  const words = new Uint32Array(machine.words.buffer, record.countersOffset + 4 * COUNTERS.DRIVES);
  for (const { place, vdev = ideName(place) } of blueprint.drives ?? []) {
    if (place < 0 || place >= DRIVE_PLACES) continue;
    const count = (what: keyof typeof DRIVE_COUNTS): number => words[place * DRIVE_WORDS + DRIVE_COUNTS[what]]!;
    add(vdev, {
      reads: count('READS'),
      readSectors: count('READ_SECTORS'),
      writes: count('WRITES'),
      writtenSectors: count('WRITTEN_SECTORS'),
    });
  }
  return all;
}
