/** Records of the map from the disk's extents to slots of its data file (extent-disk.ts). Numbers are little endian. */

const GEOMETRY = 0,
  PAIRS = 1;
/** Second byte of a record of the size: the data file is a whole number of slots. Earlier versions wrote the last slot as far as it was used. */
const WHOLE_SLOTS = 1;
const HEAD_BYTES = 4,
  PAIR_BYTES = 8;
/** Of one record. */
const MOST_PAIRS = 65_536;

export interface Geometry {
  bytes: number;
  extentBytes: number;
  hasWholeSlots: boolean;
}

export function geometryRecord({ bytes, extentBytes, hasWholeSlots }: Geometry): Uint8Array {
  const record = new Uint8Array(16);
  const view = new DataView(record.buffer);
  record[0] = GEOMETRY;
  record[1] = hasWholeSlots ? WHOLE_SLOTS : 0;
  view.setBigUint64(4, BigInt(bytes), true);
  view.setUint32(12, extentBytes, true);
  return record;
}

/** undefined: it is a record of pairs. */
export function geometryOf(record: Uint8Array): Geometry | undefined {
  if (record[0] !== GEOMETRY || record.length < 16) return undefined;
  const view = new DataView(record.buffer, record.byteOffset);
  return {
    bytes: Number(view.getBigUint64(4, true)),
    extentBytes: view.getUint32(12, true),
    hasWholeSlots: record[1] === WHOLE_SLOTS,
  };
}

/** Slot −1: the extent has none any more. */
export function* pairRecords(pairs: readonly (readonly [extent: number, slot: number])[]): Generator<Uint8Array> {
  for (let from = 0; from < pairs.length; from += MOST_PAIRS) {
    const part = pairs.slice(from, from + MOST_PAIRS);
    const record = new Uint8Array(HEAD_BYTES + part.length * PAIR_BYTES);
    const view = new DataView(record.buffer);
    record[0] = PAIRS;
    part.forEach(([extent, slot], i) => {
      view.setUint32(HEAD_BYTES + i * PAIR_BYTES, extent, true);
      view.setInt32(HEAD_BYTES + 4 + i * PAIR_BYTES, slot, true);
    });
    yield record;
  }
}

export function* pairsOf(record: Uint8Array): Generator<[extent: number, slot: number]> {
  const view = new DataView(record.buffer, record.byteOffset, record.length);
  for (let at = HEAD_BYTES; at + PAIR_BYTES <= record.length; at += PAIR_BYTES)
    yield [view.getUint32(at, true), view.getInt32(at + 4, true)];
}
