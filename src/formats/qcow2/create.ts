/** A new qcow2 image, with nothing in it. Source: QEMU's docs/interop/qcow2.txt. */
import { ENTRY_BYTES, MAX_L1_BYTES, type Backing, Qcow2Error } from './header.ts';
import type { GrowingFile } from './growing-file.ts';
import { newHeader } from './new-header.ts';
import { Table } from './table-in-memory.ts';

/** qemu-img's (DEFAULT_CLUSTER_SIZE). */
const CLUSTER_BITS = 16;
const REFCOUNT_BITS = 16;

export interface NewImage {
  /** Of the disk in it, in whole sectors. */
  bytes: number;
  clusterBits?: number;
  /** Of its format (default: 3). */
  version?: 2 | 3;
  backing?: Required<Backing>;
}

/** Bytes of the file of an image in which nothing was written. */
export const emptyImageBytes = ({ bytes, clusterBits = CLUSTER_BITS }: NewImage): number =>
  (3 + l1Clusters(bytes, clusterBits)) * 2 ** clusterBits;

const l1EntriesOf = (bytes: number, clusterBits: number): number =>
  Math.ceil(bytes / (2 ** clusterBits * (2 ** clusterBits / ENTRY_BYTES)));
const l1Clusters = (bytes: number, clusterBits: number): number =>
  Math.ceil((l1EntriesOf(bytes, clusterBits) * ENTRY_BYTES) / 2 ** clusterBits);

/** Durable when it returns: the header comes last, so that before there is no image. @throws Qcow2Error, DeviceFull */
export function createQcow2(file: GrowingFile, image: NewImage): void {
  const { bytes, clusterBits = CLUSTER_BITS, version = 3, backing } = image;
  const clusterBytes = 2 ** clusterBits;
  const l1Entries = l1EntriesOf(bytes, clusterBits);
  // Header, table of reference counts, one block of them, L1.
  const clusters = 3 + l1Clusters(bytes, clusterBits);
  if (l1Entries * ENTRY_BYTES > MAX_L1_BYTES || clusters * REFCOUNT_BITS > clusterBytes * 8)
    throw new Qcow2Error('too large', `cannot hold ${bytes} bytes with clusters of ${clusterBytes}.`);
  const header = newHeader({
    version,
    clusterBits,
    diskBytes: bytes,
    l1At: 3 * clusterBytes,
    l1Entries,
    refcountTableAt: clusterBytes,
    refcountTableClusters: 1,
    ...(backing ? { backing } : {}),
  });
  file.grow(clusters * clusterBytes);
  const tables = new Uint8Array((clusters - 1) * clusterBytes);
  const counts = new Table(0, tables);
  counts.setEntry(0, { high: 0, low: 2 * clusterBytes });
  for (let cluster = 0; cluster < clusters; cluster++)
    counts.setCount((clusterBytes * 8) / REFCOUNT_BITS + cluster, REFCOUNT_BITS, 1);
  file.write(clusterBytes, tables);
  file.flush();
  file.write(0, header);
  file.flush();
}
