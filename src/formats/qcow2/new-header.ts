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

/** Of a new image, with reference counts of 16 bits. */
export interface NewHeader {
  /** QEMU's compat=0.10 is 2, and 1.1 is 3. */
  version: 2 | 3;
  clusterBits: number;
  diskBytes: number;
  l1At: number;
  l1Entries: number;
  refcountTableAt: number;
  refcountTableClusters: number;
  backing?: Required<Backing>;
}

/** Of version 3 with the fields up to the compression's type, as QEMU has written them since 5.1; behind those of version 2 extensions begin. */
const NEW_HEADER_BYTES = { 2: 72, 3: 112 };

/** The first bytes of a new image. @throws Qcow2Error where the name of the backing file is too long */
export function newHeader(of: NewHeader): Uint8Array {
  const { backing, clusterBits, version } = of;
  const headerBytes = NEW_HEADER_BYTES[version];
  const name = new TextEncoder().encode(backing?.path ?? ''),
    format = new TextEncoder().encode(backing?.format ?? '');
  const head = new Uint8Array(Math.min(HEAD_BYTES, 2 ** clusterBits));
  const view = viewOf(head);
  const wide = (at: number, value: number): void => view.setBigUint64(at, BigInt(value));
  view.setUint32(0, MAGIC);
  view.setUint32(4, version);
  view.setUint32(CLUSTER_BITS, clusterBits);
  wide(SIZE, of.diskBytes);
  view.setUint32(L1_SIZE, of.l1Entries);
  wide(L1_AT, of.l1At);
  wide(REFCOUNT_TABLE_AT, of.refcountTableAt);
  view.setUint32(REFCOUNT_TABLE_CLUSTERS, of.refcountTableClusters);
  if (version === 3) {
    view.setUint32(REFCOUNT_ORDER, REFCOUNT_ORDER_2);
    view.setUint32(HEADER_LENGTH, headerBytes);
  }
  if (!backing) return head;
  const paddedFormat = Math.ceil(format.length / ENTRY_BYTES) * ENTRY_BYTES,
    nameAt = headerBytes + ENTRY_BYTES + paddedFormat + ENTRY_BYTES;
  if (name.length > MAX_NAME || nameAt + name.length > head.length)
    throw new Qcow2Error('name too long', `cannot name a backing file by ${name.length} bytes. Take a shorter path.`);
  view.setUint32(headerBytes, BACKING_FORMAT);
  view.setUint32(headerBytes + 4, format.length);
  head.set(format, headerBytes + ENTRY_BYTES);
  wide(BACKING_AT, nameAt);
  view.setUint32(BACKING_LENGTH, name.length);
  head.set(name, nameAt);
  return head;
}
