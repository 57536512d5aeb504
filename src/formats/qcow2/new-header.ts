/** The header of a new qcow2 image, which is made seldom. Source: QEMU's docs/interop/qcow2.txt. */
import {
  BACKING_AT,
  BACKING_FORMAT,
  BACKING_LENGTH,
  type Backing,
  CLUSTER_BITS,
  ENTRY_BYTES,
  HEAD_BYTES,
  HEADER_LENGTH,
  L1_AT,
  L1_SIZE,
  MAGIC,
  MAX_NAME,
  Qcow2Error,
  REFCOUNT_ORDER,
  REFCOUNT_ORDER_2,
  REFCOUNT_TABLE_AT,
  REFCOUNT_TABLE_CLUSTERS,
  SIZE,
  viewOf,
} from './header.ts';

/** Of a new image: of version 3, with reference counts of 16 bits. */
export interface NewHeader {
  clusterBits: number;
  diskBytes: number;
  l1At: number;
  l1Entries: number;
  refcountTableAt: number;
  refcountTableClusters: number;
  backing?: Required<Backing>;
}

/** Fields of version 3 up to the compression's type, as QEMU has written them since 5.1. */
const NEW_HEADER_BYTES = 112;

/** The first bytes of a new image. @throws Qcow2Error where the name of the backing file is too long */
export function newHeader(of: NewHeader): Uint8Array {
  const { backing, clusterBits } = of;
  const name = new TextEncoder().encode(backing?.path ?? ''),
    format = new TextEncoder().encode(backing?.format ?? '');
  const head = new Uint8Array(Math.min(HEAD_BYTES, 2 ** clusterBits));
  const view = viewOf(head);
  const wide = (at: number, value: number): void => view.setBigUint64(at, BigInt(value));
  view.setUint32(0, MAGIC);
  view.setUint32(4, 3);
  view.setUint32(CLUSTER_BITS, clusterBits);
  wide(SIZE, of.diskBytes);
  view.setUint32(L1_SIZE, of.l1Entries);
  wide(L1_AT, of.l1At);
  wide(REFCOUNT_TABLE_AT, of.refcountTableAt);
  view.setUint32(REFCOUNT_TABLE_CLUSTERS, of.refcountTableClusters);
  view.setUint32(REFCOUNT_ORDER, REFCOUNT_ORDER_2);
  view.setUint32(HEADER_LENGTH, NEW_HEADER_BYTES);
  if (!backing) return head;
  const paddedFormat = Math.ceil(format.length / ENTRY_BYTES) * ENTRY_BYTES,
    nameAt = NEW_HEADER_BYTES + ENTRY_BYTES + paddedFormat + ENTRY_BYTES;
  if (name.length > MAX_NAME || nameAt + name.length > head.length)
    throw new Qcow2Error('name too long', `cannot name a backing file by ${name.length} bytes. Take a shorter path.`);
  view.setUint32(NEW_HEADER_BYTES, BACKING_FORMAT);
  view.setUint32(NEW_HEADER_BYTES + 4, format.length);
  head.set(format, NEW_HEADER_BYTES + ENTRY_BYTES);
  wide(BACKING_AT, nameAt);
  view.setUint32(BACKING_LENGTH, name.length);
  head.set(name, nameAt);
  return head;
}
