/**
 * Reads QEMU's copy-on-write images, qcow2, of versions 2 and 3: a table of two levels (L1, L2) says where in the file each cluster of the disk lies. Only
 * what stands in one file is read: no backing file, no encryption. Nothing is written.
 * Source: QEMU's docs/interop/qcow2.txt.
 */
import { type BlockDevice, ImmediateDevice, inUnits, type Place } from '../blocks/index.ts';
import { inflate, unzstd } from '../unpack/index.ts';
import {
  type Compression,
  damaged,
  ENTRY_BYTES,
  HEAD_BYTES,
  type Header,
  Qcow2Error,
  readQcow2Header,
  SECTOR_BYTES,
  TWO_32,
  viewOf,
} from './header.ts';

/** In the upper half of an L2 entry. */
const COMPRESSED = 1 << 30;
/** In the lower half of an L2 entry, of version 3: the cluster reads as zeros, whatever lies there. */
const ZEROS = 1;
/** Bits 9 to 55 of an entry are an offset; those of its upper half. */
const OFFSET_HIGH = 0x00ffffff,
  OFFSET_LOW = ~0x1ff;
/** Kept of L2 tables, and of unpacked clusters. */
const CACHE_BYTES = 4 * 2 ** 20;

/** A cluster's sectors; what stands behind its data is not looked at. @throws DecodeError */
const UNPACK: Readonly<Record<Compression, (packed: Uint8Array, limit: number) => Uint8Array>> = {
  deflate: (packed, limit) => inflate(packed, { limit }),
  zstd: (packed, limit) => unzstd(packed, { limit, firstFrameOnly: true }),
};

const offsetOf = (high: number, low: number): number => (high & OFFSET_HIGH) * TWO_32 + ((low & OFFSET_LOW) >>> 0);

/** What was used last, up to some bytes. */
class Cache {
  private readonly items = new Map<number, Uint8Array>();
  private readonly limit: number;

  constructor(itemBytes: number) {
    this.limit = Math.max(1, Math.floor(CACHE_BYTES / itemBytes));
  }

  get(key: number, make: () => Uint8Array): Uint8Array {
    const item = this.items.get(key) ?? make();
    this.items.delete(key);
    if (this.items.size >= this.limit) this.items.delete(this.items.keys().next().value as number);
    this.items.set(key, item);
    return item;
  }
}

/** The disk in an image. What is wrong with its tables is found where they are used. */
export class Qcow2Source extends ImmediateDevice {
  readonly bytes: number;
  private readonly file: BlockDevice;
  private readonly header: Header;
  private readonly l1: DataView;
  /** Where the L2 tables lie. */
  private readonly tables = new Set<number>();
  private readonly l2Cache: Cache;
  private readonly unpacked: Cache;

  /** @throws Qcow2Error */
  constructor(file: BlockDevice) {
    super({ readOnly: true });
    const head = new Uint8Array(Math.min(file.bytes, HEAD_BYTES));
    const read = (at: number, into: Uint8Array): Uint8Array => {
      try {
        file.read(at, into);
      } catch {
        throw new Qcow2Error('unreadable', 'cannot be read.');
      }
      return into;
    };
    this.header = readQcow2Header(read(0, head), file.bytes);
    this.file = file;
    this.bytes = this.header.diskBytes;
    this.l1 = viewOf(read(this.header.l1At, new Uint8Array(this.header.l1Bytes)));
    this.l2Cache = new Cache(this.clusterBytes);
    this.unpacked = new Cache(this.clusterBytes);
    for (let at = 0; at < this.header.l1Bytes; at += ENTRY_BYTES) this.noteTable(at);
  }

  private get clusterBytes(): number {
    return 2 ** this.header.clusterBits;
  }

  private noteTable(at: number): void {
    const table = offsetOf(this.l1.getUint32(at), this.l1.getUint32(at + 4));
    if (table === 0) return;
    const what = `entry ${at / ENTRY_BYTES} of its L1 table`;
    if (table % this.clusterBytes !== 0 || table + this.clusterBytes > this.file.bytes || this.isTable(table))
      throw damaged(`${what} names byte ${table}, where no L2 table can be`);
    this.tables.add(table);
  }

  /** Whether the header or a table lies in this cluster of the file. */
  private isTable(at: number): boolean {
    const { l1At, l1Bytes } = this.header;
    return at < this.clusterBytes || (at + this.clusterBytes > l1At && at < l1At + l1Bytes) || this.tables.has(at);
  }

  /** @throws Qcow2Error: that part of the image is damaged; what reading the file throws */
  read(at: number, into: Uint8Array): void {
    inUnits(at, into.length, this.clusterBytes, (cluster, within, from, count) =>
      this.readWithin(cluster, within, into.subarray(from, from + count)),
    );
  }

  /** The L2 entry of a cluster, in two halves; undefined: it has none. */
  private entryOf(cluster: number): { high: number; low: number } | undefined {
    const perTable = this.clusterBytes / ENTRY_BYTES;
    const l1Entry = Math.floor(cluster / perTable) * ENTRY_BYTES;
    const table = offsetOf(this.l1.getUint32(l1Entry), this.l1.getUint32(l1Entry + 4));
    if (table === 0) return undefined;
    const l2 = viewOf(this.l2Cache.get(table, () => this.fromFile(table, new Uint8Array(this.clusterBytes))));
    const entry = (cluster % perTable) * ENTRY_BYTES;
    return { high: l2.getUint32(entry), low: l2.getUint32(entry + 4) };
  }

  /** Of a compressed cluster its byte in what that unpacks to; of one that cannot be read, nothing. */
  override place(at: number): Place[] {
    const cluster = Math.floor(at / this.clusterBytes);
    const here = { layer: 'file of the image', unit: { name: 'cluster', number: cluster } };
    try {
      const there = this.locate(cluster);
      if (there?.packed) return [{ layer: `compressed cluster ${cluster}`, at: at % this.clusterBytes }];
      return [there ? { ...here, at: there.from + (at % this.clusterBytes) } : here];
    } catch {
      return [];
    }
  }

  /** Where the file has a cluster: its data, or so many bytes `packed` that unpack to them. Undefined: it is zeros. @throws Qcow2Error where no data can be */
  private locate(cluster: number): { from: number; packed?: number } | undefined {
    const { high, low } = this.entryOf(cluster) ?? { high: 0, low: 0 };
    if (high & COMPRESSED) return this.locatePacked(cluster, high, low);
    const from = offsetOf(high, low);
    if (from === 0 || (this.header.version === 3 && low & ZEROS)) return undefined;
    if (from % this.clusterBytes !== 0 || from >= this.file.bytes || this.isTable(from))
      throw damaged(`cluster ${cluster} is said to lie at byte ${from}, where no data can be`);
    return { from };
  }

  private readWithin(cluster: number, within: number, into: Uint8Array): void {
    const place = this.locate(cluster);
    if (!place) return void into.fill(0);
    const { from, packed } = place;
    if (packed) return void into.set(this.unpack(cluster, from, packed).subarray(within, within + into.length));
    // A file may end within its last cluster.
    const there = Math.max(0, Math.min(into.length, this.file.bytes - from - within));
    this.fromFile(from + within, into.subarray(0, there));
    into.fill(0, there);
  }

  /** Source: "Compressed Clusters Descriptor": the offset has 62 − (cluster_bits − 8) bits, what is left counts the sectors after the first. */
  private locatePacked(cluster: number, high: number, low: number): { from: number; packed: number } {
    const offsetHighBits = 62 - (this.header.clusterBits - 8) - 32;
    const upper = high & (COMPRESSED - 1);
    const from = (upper & (2 ** offsetHighBits - 1)) * TWO_32 + (low >>> 0);
    const sectors = (upper >>> offsetHighBits) + 1;
    const packed = Math.min(sectors * SECTOR_BYTES - (from % SECTOR_BYTES), this.file.bytes - from);
    if (from < this.clusterBytes || packed <= 0)
      throw damaged(`the compressed cluster ${cluster} is said to lie at byte ${from}, where no data can be`);
    return { from, packed };
  }

  private unpack(cluster: number, from: number, bytes: number): Uint8Array {
    return this.unpacked.get(cluster, () => {
      const packed = this.fromFile(from, new Uint8Array(bytes));
      let data: Uint8Array;
      try {
        data = UNPACK[this.header.compression](packed, this.clusterBytes);
      } catch (error) {
        throw damaged(`the compressed cluster ${cluster} cannot be unpacked (${(error as Error).message})`);
      }
      if (data.length !== this.clusterBytes)
        throw damaged(`the compressed cluster ${cluster} has ${data.length} bytes, and a cluster ${this.clusterBytes}`);
      return data;
    });
  }

  private fromFile(at: number, into: Uint8Array): Uint8Array {
    if (into.length > 0) this.file.read(at, into);
    return into;
  }
}
