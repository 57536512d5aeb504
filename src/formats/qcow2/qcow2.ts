/**
 * *Idea.* A qcow2 image is a disk that takes room only for what was written. It is divided into clusters, and a table of two levels (L1, L2) says
 * where in the file each cluster is. A cluster without a place is in the backing file, or zeros. This file reads such images, of versions 2 and 3,
 * without encryption; written.ts writes them. Tables are read when they are used and may contain anything, so each offset is checked before it is
 * followed, and a bad one is a bad sector, not an exception elsewhere. Source: QEMU's docs/interop/qcow2.txt.
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
} from './header.ts';
import { type Entry, NO_ENTRY, offsetOf, Table } from './table-in-memory.ts';

/** In the upper half of an L2 entry. */
export const COMPRESSED = 1 << 30;
/** In the lower half of an L2 entry, of version 3: the cluster reads as zeros, whatever lies there. */
export const ZEROS = 1;
/** Kept of L2 tables, and of unpacked clusters. */
const CACHE_BYTES = 4 * 2 ** 20;

/** A cluster's sectors; what follows its data is not looked at. @throws DecodeError */
const UNPACK: Readonly<Record<Compression, (packed: Uint8Array, limit: number) => Uint8Array>> = {
  deflate: (packed, limit) => inflate(packed, { limit }),
  zstd: (packed, limit) => unzstd(packed, { limit, firstFrameOnly: true }),
};

/** What was used last, up to some bytes. */
class Cache<T> {
  private readonly items = new Map<number, T>();
  private readonly limit: number;

  constructor(itemBytes: number) {
    this.limit = Math.max(1, Math.floor(CACHE_BYTES / itemBytes));
  }

  get(key: number, make: () => T): T {
    const item = this.items.get(key) ?? make();
    this.items.delete(key);
    if (this.items.size >= this.limit) this.items.delete(this.items.keys().next().value as number);
    this.items.set(key, item);
    return item;
  }
}

export interface Qcow2Options {
  /** The disk in its backing file. */
  backing?: BlockDevice | undefined;
  writable?: boolean;
}

/** The disk in an image. What is wrong with its tables is found where they are used. */
export class Qcow2Source extends ImmediateDevice {
  readonly header: Header;
  protected diskBytes: number;
  protected readonly file: BlockDevice;
  protected readonly backing: BlockDevice | undefined;
  protected l1: Table;
  /** Where the L2 tables lie. */
  protected readonly tables = new Set<number>();
  private readonly l2Cache: Cache<Table>;
  private readonly unpacked: Cache<Uint8Array>;

  /** @throws Qcow2Error */
  constructor(file: BlockDevice, { backing, writable = false }: Qcow2Options = {}) {
    super({ readOnly: !writable });
    try {
      const head = new Uint8Array(Math.min(file.bytes, HEAD_BYTES));
      file.read(0, head);
      this.header = readQcow2Header(head, file.bytes, { onOthers: backing !== undefined });
      this.l1 = Table.read(file, this.header.l1At, this.header.l1Bytes);
    } catch (error) {
      throw error instanceof Qcow2Error ? error : new Qcow2Error('unreadable', 'cannot be read.');
    }
    this.file = file;
    this.backing = backing;
    this.diskBytes = this.header.diskBytes;
    this.l2Cache = new Cache(this.clusterBytes);
    this.unpacked = new Cache(this.clusterBytes);
    for (let index = 0; index < this.header.l1Bytes / ENTRY_BYTES; index++) this.noteTable(index);
  }

  get bytes(): number {
    return this.diskBytes;
  }

  get clusterBytes(): number {
    return 2 ** this.header.clusterBits;
  }

  private noteTable(index: number): void {
    const table = offsetOf(this.l1.entry(index));
    if (table === 0) return;
    if (table % this.clusterBytes !== 0 || table + this.clusterBytes > this.file.bytes || this.isTable(table))
      throw damaged(`entry ${index} of its L1 table names byte ${table}, where no L2 table can be`);
    this.tables.add(table);
  }

  /** Whether the header or a table lies in this cluster of the file. */
  private isTable(at: number): boolean {
    const { at: l1At, bytes } = this.l1;
    return at < this.clusterBytes || (at + this.clusterBytes > l1At && at < l1At + bytes.length) || this.tables.has(at);
  }

  /** @throws Qcow2Error: that part of the image is damaged; what reading the file throws */
  read(at: number, into: Uint8Array): void {
    inUnits(at, into.length, this.clusterBytes, (cluster, within, from, count) =>
      this.readWithin(cluster, within, into.subarray(from, from + count)),
    );
  }

  protected get perTable(): number {
    return this.clusterBytes / ENTRY_BYTES;
  }

  /** The L2 table that an entry of L1 names; undefined: there is none. */
  protected l2Of(index: number): Table | undefined {
    const at = offsetOf(this.l1.entry(index));
    return at === 0 ? undefined : this.l2Cache.get(at, () => Table.read(this.file, at, this.clusterBytes));
  }

  /** The L2 entry of a cluster. */
  protected entryOf(cluster: number): Entry {
    return this.l2Of(Math.floor(cluster / this.perTable))?.entry(cluster % this.perTable) ?? NO_ENTRY;
  }

  protected isZeros({ low }: Entry): boolean {
    return this.header.version === 3 && (low & ZEROS) !== 0;
  }

  /** Of a compressed cluster its byte in what that unpacks to; of one that cannot be read, nothing. */
  override place(at: number): Place[] {
    const cluster = Math.floor(at / this.clusterBytes);
    const here = { layer: 'file of the image', unit: { name: 'cluster', number: cluster } };
    try {
      const there = this.locate(cluster);
      if (there === 'behind')
        return this.backing && at < this.backing.bytes
          ? [{ layer: 'backing file of the image', at }, ...this.backing.place(at)]
          : [here];
      if (there === 'zeros') return [here];
      if (there.packed) return [{ layer: `compressed cluster ${cluster}`, at: at % this.clusterBytes }];
      const from = there.from + (at % this.clusterBytes);
      return [{ ...here, at: from }, ...this.file.place(from)];
    } catch {
      return [];
    }
  }

  /**
   * Where the file has a cluster: its data, or this many bytes `packed` that unpack to them; 'behind': it is in the backing file, if there is one, and else zeros.
   * @throws Qcow2Error where no data can be
   */
  protected locate(cluster: number): { from: number; packed?: number } | 'zeros' | 'behind' {
    const entry = this.entryOf(cluster);
    if (entry.high & COMPRESSED) return this.locatePacked(cluster, entry);
    if (this.isZeros(entry)) return 'zeros';
    const from = offsetOf(entry);
    if (from === 0) return 'behind';
    if (from % this.clusterBytes !== 0 || from >= this.file.bytes || this.isTable(from))
      throw damaged(`cluster ${cluster} is said to lie at byte ${from}, where no data can be`);
    return { from };
  }

  protected readWithin(cluster: number, within: number, into: Uint8Array): void {
    const place = this.locate(cluster);
    if (place === 'zeros') return void into.fill(0);
    if (place === 'behind') return this.readBehind(cluster * this.clusterBytes + within, into);
    const { from, packed } = place;
    if (packed) return void into.set(this.unpack(cluster, from, packed).subarray(within, within + into.length));
    // A file may end within its last cluster.
    const there = Math.max(0, Math.min(into.length, this.file.bytes - from - within));
    this.fromFile(from + within, into.subarray(0, there));
    into.fill(0, there);
  }

  /** Behind the end of a backing file are zeros. */
  private readBehind(at: number, into: Uint8Array): void {
    const there = this.backing ? Math.max(0, Math.min(into.length, this.backing.bytes - at)) : 0;
    if (there > 0) this.backing!.read(at, into.subarray(0, there));
    into.fill(0, there);
  }

  /** Source: "Compressed Clusters Descriptor": the offset has 62 − (cluster_bits − 8) bits, what is left counts the sectors after the first. */
  protected locatePacked(cluster: number, { high, low }: Entry): { from: number; packed: number } {
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
