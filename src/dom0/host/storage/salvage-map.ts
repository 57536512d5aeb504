/** The map of the host's disk, as far as it can be read, in records of which a disk can be opened again (extent-disk.ts). */
import { DISK_BYTES } from './device-names.ts';
import { EXTENT_BYTES } from './extent-disk.ts';
import { geometryOf, geometryRecord, pairRecords, pairsOf } from './extent-map.ts';

export interface MapSalvage {
  records: Uint8Array[];
  /** Extents that have a slot, and that had one behind the end of the data. */
  extents: number;
  lostExtents: number;
  /** Slots of the data that no extent has. */
  unnamedSlots: number;
  /** Extents that have one slot with another: snapshots have, and where records are lost others may. */
  sharedExtents: number;
  /** The data file's length that the map needs, of what is saved and of all. */
  dataBytes: number;
  neededBytes: number;
  /** See Geometry. */
  isWhole: boolean;
  hasSize: boolean;
  /** What is wrong with records that check. */
  problems: string[];
}

/** `dataBytes`: of the data file. */
export function salvageMap(records: readonly Uint8Array[], dataBytes: number): MapSalvage {
  const slots = new Map<number, number>();
  const problems: string[] = [];
  const size = records.map(geometryOf).find(geometry => geometry !== undefined);
  const { bytes, extentBytes } = size ?? { bytes: DISK_BYTES, extentBytes: EXTENT_BYTES };
  for (const record of records) {
    if (geometryOf(record)) continue;
    for (const [extent, slot] of pairsOf(record)) {
      if (extent >= Math.ceil(bytes / extentBytes) || slot < -1)
        problems.push(`the map names extent ${extent} and slot ${slot}, which there cannot be`);
      else if (slot < 0) slots.delete(extent);
      else slots.set(extent, slot);
    }
  }
  const needed = [...slots.values()].reduce((most, slot) => Math.max(most, slot + 1), 0);
  const there = Math.ceil(dataBytes / extentBytes);
  const lost = [...slots].filter(([, slot]) => slot >= there);
  for (const [extent] of lost) slots.delete(extent);
  const named = new Map<number, number>();
  let used = 0;
  for (const slot of slots.values()) {
    named.set(slot, (named.get(slot) ?? 0) + 1);
    used = Math.max(used, slot + 1);
  }
  return {
    records: [geometryRecord({ bytes, extentBytes, hasWholeSlots: true }), ...pairRecords([...slots])],
    extents: slots.size,
    lostExtents: lost.length,
    unnamedSlots: there - named.size,
    sharedExtents: [...slots.values()].filter(slot => (named.get(slot) as number) > 1).length,
    dataBytes: used * extentBytes,
    neededBytes: needed * extentBytes,
    isWhole: size?.hasWholeSlots ?? false,
    hasSize: size !== undefined,
    problems,
  };
}
