/**
 * The header of QEMU's copy-on-write images, qcow2, of versions 2 and 3: what a file of this format is judged by before anybody reads it.
 * Source: QEMU's docs/interop/qcow2.txt.
 */
import type { BlockDevice } from '../blocks/index.ts';

/** The image cannot be read: a sentence without the image's name, and at most 48 characters of it. */
export class Qcow2Error extends Error {
  override name = 'Qcow2Error';
  readonly short: string;

  constructor(short: string, message: string) {
    super(message);
    this.short = short;
  }
}

/** Read of a file for its header, the name of a backing file with it. */
export const HEAD_BYTES = 4096;
export const MAGIC = 0x514649fb;
/** Of a version 2 header; version 3 has more fields, and says how many bytes. */
const HEADER_BYTES = 72,
  HEADER_3_BYTES = 104;
const MIN_CLUSTER_BITS = 9,
  MAX_CLUSTER_BITS = 21;
/** QEMU's limit (QCOW_MAX_L1_SIZE). */
export const MAX_L1_BYTES = 32 * 2 ** 20;
export const ENTRY_BYTES = 8,
  SECTOR_BYTES = 512,
  TWO_32 = 2 ** 32;
/** Incompatible features of version 3. Bit 0, dirty, is about the reference counts, which are not read. */
const CORRUPT = 1 << 1,
  DATA_FILE = 1 << 2,
  COMPRESSION = 1 << 3,
  EXTENDED_L2 = 1 << 4,
  KNOWN = 0x1f;
/** Fields, by their first byte. */
export const SIZE = 24,
  L1_SIZE = 36,
  L1_AT = 40,
  REFCOUNT_TABLE_AT = 48,
  REFCOUNT_TABLE_CLUSTERS = 56,
  SNAPSHOTS = 60,
  SNAPSHOTS_AT = 64,
  AUTOCLEAR = 88;
export const BACKING_AT = 8,
  BACKING_LENGTH = 16,
  CLUSTER_BITS = 20,
  ENCRYPTION = 32,
  INCOMPATIBLE = 72,
  REFCOUNT_ORDER = 96,
  HEADER_LENGTH = 100,
  COMPRESSION_TYPE = 104;
/** Bits of a reference count, as a power of 2, that version 2 has, and the largest one. */
export const REFCOUNT_ORDER_2 = 4,
  MAX_REFCOUNT_ORDER = 6;
/** The header extension with the format of the backing file, and the end of extensions. */
export const BACKING_FORMAT = 0xe2792aca,
  NO_MORE = 0;
export const MAX_NAME = 1023;

const CHECK = 'Run qemu-img check on it, or copy it again.';
export const damaged = (text: string): Qcow2Error => new Qcow2Error('damaged', `is damaged: ${text}. ${CHECK}`);
const unread = (short: string, text: string): Qcow2Error =>
  new Qcow2Error(short, `${text}. Run qemu-img convert -O qcow2 with it, and take what that makes.`);

/** By the header's number of each. */
const COMPRESSIONS = ['deflate', 'zstd'] as const;
export type Compression = (typeof COMPRESSIONS)[number];

export interface Backing {
  /** As the image has it: from the image's own folder on, where it is no absolute path. */
  path: string;
  /** Undefined: the image does not say it. */
  format?: string;
}

export interface Header {
  version: number;
  clusterBits: number;
  /** Of the disk in it. */
  diskBytes: number;
  l1At: number;
  /** As far as the disk needs it. */
  l1Bytes: number;
  /** Of the whole table. */
  l1Entries: number;
  refcountTableAt: number;
  refcountTableClusters: number;
  /** Of one reference count. */
  refcountBits: number;
  /** In the image. */
  snapshots: number;
  /** What is read where the image has nothing. */
  backing?: Backing;
  /** What its compressed clusters are packed with. */
  compression: Compression;
}

export const isQcow2 = (head: Uint8Array): boolean => head.length >= 4 && viewOf(head).getUint32(0) === MAGIC;

export const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

/** A number of 64 bits. */
export const wideAt = (view: DataView, at: number): number => view.getUint32(at) * TWO_32 + view.getUint32(at + 4);

/**
 * `onOthers`: the reader knows where backing files are. @throws Qcow2Error where the header of a file of `fileBytes` bytes, of which `head` is the beginning, is
 * bad or asks for what is not read
 */
export function readQcow2Header(head: Uint8Array, fileBytes: number, { onOthers = false } = {}): Header {
  if (!isQcow2(head)) throw new Qcow2Error('no qcow2 image', 'is no qcow2 image.');
  if (head.length < HEADER_BYTES)
    throw new Qcow2Error(
      'cut short',
      `is cut short: it has ${fileBytes} bytes, and a qcow2 header ${HEADER_BYTES}. Copy it again.`,
    );
  const view = viewOf(head);
  const wide = (at: number): number => wideAt(view, at);
  const version = view.getUint32(4);
  if (version !== 2 && version !== 3)
    throw unread('unknown version', `is a qcow2 image of version ${version}, and versions 2 and 3 are read`);
  const clusterBits = view.getUint32(CLUSTER_BITS);
  if (clusterBits < MIN_CLUSTER_BITS || clusterBits > MAX_CLUSTER_BITS)
    throw damaged(
      `its header says clusters of 2^${clusterBits} bytes, and 2^${MIN_CLUSTER_BITS} to 2^${MAX_CLUSTER_BITS} can be`,
    );
  if (version === 3) checkFeatures(view);
  const compression = version === 3 ? compressionOf(view) : COMPRESSIONS[0];
  if (view.getUint32(ENCRYPTION) !== 0)
    throw unread('encrypted', 'is an encrypted qcow2 image, and plain ones are read');
  const backing = backingOf(head, version);
  if (backing && !onOthers)
    throw unread(
      'has a backing file',
      `holds only what differs from another image (${backing.path.slice(0, 100).replace(/[^ -~]/g, '?')})`,
    );
  const clusterBytes = 2 ** clusterBits;
  const diskBytes = wide(SIZE);
  if (diskBytes === 0 || !Number.isSafeInteger(diskBytes))
    throw damaged(`its header says a disk of ${diskBytes} bytes`);
  if (diskBytes % SECTOR_BYTES !== 0)
    throw damaged(`its header says a disk of ${diskBytes} bytes, and a disk has whole sectors of ${SECTOR_BYTES}`);
  const l1Entries = view.getUint32(L1_SIZE);
  const needed = Math.ceil(diskBytes / (clusterBytes * (clusterBytes / ENTRY_BYTES)));
  if (needed * ENTRY_BYTES > MAX_L1_BYTES)
    throw damaged(
      `its header says a disk of ${diskBytes} bytes, whose L1 table would be larger than ${MAX_L1_BYTES} bytes`,
    );
  if (l1Entries < needed)
    throw damaged(`its L1 table has ${l1Entries} entries, and a disk of ${diskBytes} bytes needs ${needed}`);
  const l1At = wide(L1_AT);
  const l1Bytes = needed * ENTRY_BYTES;
  if (l1At % clusterBytes !== 0 || l1At < clusterBytes)
    throw damaged(`its L1 table is at byte ${l1At}, where no table can be`);
  if (l1At + l1Bytes > fileBytes)
    throw new Qcow2Error(
      'cut short',
      `is cut short: its L1 table ends at byte ${l1At + l1Bytes}, and the file has ${fileBytes}. Copy it again.`,
    );
  const refcountOrder = version === 3 ? view.getUint32(REFCOUNT_ORDER) : REFCOUNT_ORDER_2;
  if (refcountOrder > MAX_REFCOUNT_ORDER) throw damaged('its reference counts have more than 64 bits');
  return {
    version,
    clusterBits,
    diskBytes,
    l1At,
    l1Bytes,
    l1Entries,
    refcountTableAt: wide(REFCOUNT_TABLE_AT),
    refcountTableClusters: view.getUint32(REFCOUNT_TABLE_CLUSTERS),
    refcountBits: 2 ** refcountOrder,
    snapshots: view.getUint32(SNAPSHOTS),
    ...(backing ? { backing } : {}),
    compression,
  };
}

/** Of an image that may lie on another; undefined: it is none, or cannot be read. */
export function qcow2HeaderOf(file: BlockDevice): Header | undefined {
  const head = new Uint8Array(Math.min(file.bytes, HEAD_BYTES));
  try {
    file.read(0, head);
    return readQcow2Header(head, file.bytes, { onOthers: true });
  } catch {
    return undefined;
  }
}

function checkFeatures(view: DataView): void {
  if (view.byteLength < HEADER_3_BYTES || view.getUint32(HEADER_LENGTH) < HEADER_3_BYTES)
    throw damaged(`its header is shorter than the ${HEADER_3_BYTES} bytes of version 3`);
  const high = view.getUint32(INCOMPATIBLE),
    features = view.getUint32(INCOMPATIBLE + 4);
  if (high !== 0 || (features & ~KNOWN) !== 0)
    throw unread('unknown features', 'has incompatible features that are not known here');
  if (features & CORRUPT) throw damaged('it is marked as corrupt');
  if (features & DATA_FILE) throw unread('has a data file', 'keeps its data in another file');
  if (features & EXTENDED_L2) throw unread('has subclusters', 'has subclusters (extended_l2), which are not read');
}

/** The feature is set where the type is not 0, as QEMU has it (validate_compression_type in block/qcow2.c). */
function compressionOf(view: DataView): Compression {
  // The field is there when the header is longer than version 3's smallest.
  const isThere = view.byteLength > COMPRESSION_TYPE && view.getUint32(HEADER_LENGTH) > COMPRESSION_TYPE;
  const type = isThere ? view.getUint8(COMPRESSION_TYPE) : 0;
  const compression = COMPRESSIONS[type];
  if (!compression)
    throw unread('unknown compression', `is compressed by type ${type}, and deflate (0) and zstd (1) are read`);
  const isSet = (view.getUint32(INCOMPATIBLE + 4) & COMPRESSION) !== 0;
  if (isSet !== (type !== 0))
    throw damaged(
      `its header says compression by ${compression}, and its incompatible features that it is ${isSet ? 'not deflate' : 'deflate'}`,
    );
  return compression;
}

/** The header is followed by extensions, and those by the name: all of it in the first cluster, of which `head` has a part. @throws Qcow2Error */
function backingOf(head: Uint8Array, version: number): Backing | undefined {
  const view = viewOf(head);
  const at = wideAt(view, BACKING_AT),
    length = view.getUint32(BACKING_LENGTH);
  if (at === 0) return undefined;
  if (length === 0 || length > MAX_NAME || at + length > head.length)
    throw damaged(`the name of its backing file is said to have ${length} bytes, at byte ${at}`);
  const format = formatIn(head, version === 3 ? view.getUint32(HEADER_LENGTH) : HEADER_BYTES, at);
  return {
    path: new TextDecoder().decode(head.subarray(at, at + length)),
    ...(format === undefined ? {} : { format }),
  };
}

/** Of the extensions from there to there. */
function formatIn(head: Uint8Array, from: number, to: number): string | undefined {
  const view = viewOf(head);
  for (let at = from; at + ENTRY_BYTES <= to; ) {
    const type = view.getUint32(at),
      length = view.getUint32(at + 4);
    if (type === NO_MORE) return undefined;
    if (type === BACKING_FORMAT)
      return new TextDecoder().decode(head.subarray(at + ENTRY_BYTES, at + ENTRY_BYTES + length));
    at += ENTRY_BYTES + Math.ceil(length / ENTRY_BYTES) * ENTRY_BYTES;
  }
  return undefined;
}
