/**
 * Writes a disk image as QEMU's qcow2, version 2: clusters of zeros are nowhere in the file.
 * Source: docs/interop/qcow2.txt of QEMU.
 */

const MAGIC = 0x514649fb,
  VERSION = 2;
const CLUSTER_BITS = 12,
  CLUSTER = 1 << CLUSTER_BITS;
/** Entries of eight bytes in a cluster, and reference counts of two. */
const ENTRIES = CLUSTER / 8,
  COUNTS = CLUSTER / 2;
/** Of an entry: the cluster belongs to this image alone, and may be written in place. */
const COPIED = 1n << 63n;
/** Header, reference table, its one block, and the first cluster of the L1 table. */
const HEADER = 0,
  TABLE = 1,
  BLOCK = 2,
  L1 = 3;

/** `disk`: its content, whole clusters. Throws where what is not zero takes more than 8 MiB, which one block of reference counts covers. */
export function writeQcow2(disk: Uint8Array): Uint8Array {
  if (disk.length % CLUSTER !== 0) throw new Error(`a disk of ${disk.length} bytes is no whole number of clusters of ${CLUSTER}`);
  const clusters = disk.length / CLUSTER,
    tables = Math.ceil(clusters / ENTRIES);
  const used = Array.from({ length: clusters }, (_, i) => i).filter(i => disk.subarray(i * CLUSTER, (i + 1) * CLUSTER).some(byte => byte !== 0));
  const inUse = [...new Set(used.map(i => Math.floor(i / ENTRIES)))];
  let next = L1 + Math.ceil(tables / ENTRIES);
  const tableAt = new Map(inUse.map(table => [table, next++]));
  const all = next + used.length;
  if (all > COUNTS) throw new Error(`an image of ${all} clusters needs more than one block of reference counts`);
  const image = new Uint8Array(all * CLUSTER),
    view = new DataView(image.buffer);
  const set64 = (at: number, value: number, flags = 0n) => view.setBigUint64(at, BigInt(value) | flags);
  view.setUint32(HEADER, MAGIC);
  view.setUint32(4, VERSION);
  view.setUint32(20, CLUSTER_BITS);
  set64(24, disk.length);
  view.setUint32(36, tables);
  set64(40, L1 * CLUSTER);
  set64(48, TABLE * CLUSTER);
  view.setUint32(56, 1);
  set64(TABLE * CLUSTER, BLOCK * CLUSTER);
  for (let cluster = 0; cluster < all; cluster++) view.setUint16(BLOCK * CLUSTER + 2 * cluster, 1);
  for (const [table, cluster] of tableAt) set64(L1 * CLUSTER + 8 * table, cluster * CLUSTER, COPIED);
  for (const i of used) {
    set64(tableAt.get(Math.floor(i / ENTRIES))! * CLUSTER + 8 * (i % ENTRIES), next * CLUSTER, COPIED);
    image.set(disk.subarray(i * CLUSTER, (i + 1) * CLUSTER), next++ * CLUSTER);
  }
  return image;
}
