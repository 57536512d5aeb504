/**
 * A disk's partition table as a PC's master boot record has it: four entries of 16 bytes from byte 446 on, 55 AA at the end.
 * Of each: state (80: active), first sector as CHS, type, last sector as CHS, first sector (32 bits), sectors (32 bits).
 */
import { type BlockDevice, SECTOR_BYTES } from '../blocks/index.ts';

const TABLE = 446,
  ENTRY_BYTES = 16,
  SIGNATURE = 510,
  DISK_ID = 440;
/** For sectors that CHS does not reach. */
const NO_CHS = [0xfe, 0xff, 0xff];
export const TYPE = { FAT32: 0x0c, FAT16: 0x0e, SWAP: 0x82, LINUX: 0x83, LVM: 0x8e, PROTECTIVE: 0xee } as const;

export interface Partition {
  /** From 1 on, as in sda1. */
  number: number;
  active: boolean;
  type: number;
  firstSector: number;
  sectors: number;
}

/** Bytes of a disk; undefined: it has none there. */
export function bytesAt(disk: BlockDevice, at: number, length: number): DataView | undefined {
  if (!(at >= 0 && at + length <= disk.bytes)) return undefined;
  const bytes = new Uint8Array(length);
  disk.read(at, bytes);
  return new DataView(bytes.buffer);
}

/** The four entries of a sector with such a table, as they are on the disk; none where 55 AA is missing. */
export function tableEntries(sector: DataView): (Omit<Partition, 'active'> & { state: number })[] {
  if (sector.getUint16(SIGNATURE, true) !== 0xaa55) return [];
  return [0, 1, 2, 3].map(i => {
    const at = TABLE + ENTRY_BYTES * i;
    return {
      number: i + 1,
      state: sector.getUint8(at),
      type: sector.getUint8(at + 4),
      firstSector: sector.getUint32(at + 8, true),
      sectors: sector.getUint32(at + 12, true),
    };
  });
}

/** @returns the partitions that lie within the disk; none where there is no table */
export function readPartitions(disk: BlockDevice): Partition[] {
  const sector = new Uint8Array(SECTOR_BYTES);
  disk.read(0, sector);
  return tableEntries(new DataView(sector.buffer))
    .filter(
      ({ type, firstSector, sectors }) =>
        type !== 0 && sectors !== 0 && (firstSector + sectors) * SECTOR_BYTES <= disk.bytes,
    )
    .map(({ state, ...entry }) => ({ ...entry, active: state === 0x80 }));
}

/** Durable with the disk's next flush. `id`: the disk's signature, 32 bits. */
export function writePartitions(disk: BlockDevice, partitions: readonly Partition[], id: number): void {
  const sector = new Uint8Array(SECTOR_BYTES);
  const view = new DataView(sector.buffer);
  view.setUint32(DISK_ID, id, true);
  for (const { number, active, type, firstSector, sectors } of partitions) {
    const at = TABLE + ENTRY_BYTES * (number - 1);
    sector.set([active ? 0x80 : 0, ...NO_CHS, type, ...NO_CHS], at);
    view.setUint32(at + 8, firstSector, true);
    view.setUint32(at + 12, sectors, true);
  }
  sector.set([0x55, 0xaa], SIGNATURE);
  disk.write(0, sector);
}
