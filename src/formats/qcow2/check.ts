/**
 * Whether the tables of a qcow2 image agree with each other: each cluster of the file is to have as many references as its reference count says, and a table's
 * entry says "copied" where that is one. Words are those of qemu-img check. Source: QEMU's docs/interop/qcow2.txt; what is counted, and in which order that is
 * reported, is qcow2_check_refcounts()'s in block/qcow2-refcount.c of QEMU 7.2.
 */
import type { BlockDevice } from '../blocks/index.ts';
import {
  AUTOCLEAR,
  ENTRY_BYTES,
  HEAD_BYTES,
  L1_AT,
  L1_SIZE,
  Qcow2Error,
  readQcow2Header,
  REFCOUNT_TABLE_AT,
  REFCOUNT_TABLE_CLUSTERS,
  SECTOR_BYTES,
  SNAPSHOTS,
  SNAPSHOTS_AT,
  viewOf,
  wideAt,
} from './header.ts';
import { countIn } from './table-in-memory.ts';

export interface ImageCheck {
  /** Lines about each fault. */
  faultLines: string[];
  corruptions: number;
  leaks: number;
  /** What could not be checked. */
  checkErrors: number;
  /** Clusters of the disk, and those of them that the file has. */
  totalClusters: number;
  allocatedClusters: number;
  fragmentedClusters: number;
  compressedClusters: number;
  /** Bytes up to the end of the last cluster that is used. */
  imageEnd: number;
}

/** Bitmaps have tables of their own. */
const BITMAPS = 1;
/** Bits of an entry: what it names is used once; it is compressed; it reads as zeros; where it lies; what is to be 0, in L1, in L2 and in the table of reference counts. */
const COPIED = 1n << 63n,
  COMPRESSED = 1n << 62n,
  ZEROS = 1n,
  OFFSET = 0x00fffffffffffe00n,
  L1_RESERVED = 0x7f000000000001ffn,
  L2_RESERVED = 0x3f000000000001fen,
  REFCOUNT_TABLE_RESERVED = 0x1ffn;
/** A table of one snapshot begins with this many bytes, and is padded to this. */
const SNAPSHOT_BYTES = 40,
  SNAPSHOT_ALIGN = 8;

const hex = (value: number | bigint): string => value.toString(16);

class Checker {
  private readonly file: BlockDevice;
  private readonly head: DataView;
  private readonly clusterBits: number;
  private readonly clusterBytes: number;
  private readonly refcountBits: number;
  /** References by cluster of the file. */
  private readonly references = new Map<number, number>();
  /** Reference count blocks: where they lie, 0: there is none, -1: it cannot be read. */
  private readonly blocks: number[] = [];
  /** The block that was looked at last: clusters come one after the other. */
  private lastBlock: { at: number; view: DataView } = { at: 0, view: new DataView(new ArrayBuffer(0)) };
  private snapshotTable = { at: 0, bytes: 0 };
  private readonly result: ImageCheck;

  /** @throws Qcow2Error */
  constructor(file: BlockDevice) {
    this.file = file;
    const head = new Uint8Array(Math.min(file.bytes, HEAD_BYTES));
    file.read(0, head);
    const { clusterBits, diskBytes, version, refcountBits } = readQcow2Header(head, file.bytes, { onOthers: true });
    this.head = viewOf(head);
    if (version === 3 && this.head.getUint32(AUTOCLEAR + 4) & BITMAPS)
      throw new Qcow2Error('has bitmaps', 'has dirty bitmaps, whose tables are not checked here.');
    this.clusterBits = clusterBits;
    this.clusterBytes = 2 ** clusterBits;
    this.refcountBits = refcountBits;
    this.result = {
      faultLines: [],
      corruptions: 0,
      leaks: 0,
      checkErrors: 0,
      totalClusters: Math.ceil(diskBytes / this.clusterBytes),
      allocatedClusters: 0,
      fragmentedClusters: 0,
      compressedClusters: 0,
      imageEnd: 0,
    };
  }

  check(): ImageCheck {
    const { head, clusterBytes } = this;
    const l1 = { at: wideAt(head, L1_AT), entries: head.getUint32(L1_SIZE) };
    this.refer(0, clusterBytes);
    this.walk(l1, true);
    for (const table of this.snapshots()) this.walk(table, false);
    this.readBlocks();
    this.compare();
    this.checkCopied(l1);
    return this.result;
  }

  private wrong(text: string): void {
    this.result.corruptions++;
    this.result.faultLines.push(text);
  }

  /** Bytes of the file; behind its end are zeros. */
  private bytesAt(at: number, length: number): DataView {
    const bytes = new Uint8Array(length);
    const there = Math.max(0, Math.min(length, this.file.bytes - at));
    if (there > 0) this.file.read(at, bytes.subarray(0, there));
    return new DataView(bytes.buffer);
  }

  /** A reference to each cluster in which bytes of that stretch lie. */
  private refer(start: number | bigint, length: number): void {
    if (length === 0) return;
    const at = Number(start);
    // The last cluster of a file may be there in part.
    if (at + length - this.file.bytes >= this.clusterBytes)
      return this.wrong(
        `ERROR: counting reference for region exceeding the end of the file by one cluster or more: offset 0x${hex(start)} size 0x${hex(length)}`,
      );
    const last = Math.floor((at + length - 1) / this.clusterBytes);
    for (let cluster = Math.floor(at / this.clusterBytes); cluster <= last; cluster++) {
      const count = this.references.get(cluster) ?? 0;
      if (count === 2 ** this.refcountBits - 1)
        this.wrong(
          `ERROR: overflow cluster offset=0x${hex(cluster * this.clusterBytes)}\nUse qemu-img amend to increase the refcount entry width or qemu-img convert to create a clean copy if the image cannot be opened for writing`,
        );
      else this.references.set(cluster, count + 1);
    }
  }

  private *entriesAt(at: number, count: number): Generator<{ entry: bigint; index: number }> {
    const table = this.bytesAt(at, count * ENTRY_BYTES);
    for (let index = 0; index < count; index++) yield { entry: table.getBigUint64(index * ENTRY_BYTES), index };
  }

  /** An L1 table and what it names; clusters are counted of the disk's own. */
  private walk({ at, entries }: { at: number; entries: number }, isActive: boolean): void {
    this.refer(at, entries * ENTRY_BYTES);
    for (const { entry } of this.entriesAt(at, entries)) {
      if (entry === 0n) continue;
      if (entry & L1_RESERVED) this.wrong(`ERROR found L1 entry with reserved bits set: ${hex(entry)}`);
      const table = Number(entry & OFFSET);
      this.refer(table, this.clusterBytes);
      if (table % this.clusterBytes !== 0)
        this.wrong(`ERROR l2_offset=${hex(table)}: Table is not cluster aligned; L1 entry corrupted`);
      this.walkL2(table, isActive);
    }
  }

  private walkL2(at: number, isActive: boolean): void {
    const { result, clusterBytes } = this;
    let next = 0;
    for (const { entry } of this.entriesAt(at, clusterBytes / ENTRY_BYTES)) {
      if (entry & COMPRESSED) this.referPacked(entry, isActive);
      else {
        if (entry & L2_RESERVED) this.wrong(`ERROR found l2 entry with reserved bits set: ${hex(entry)}`);
        const from = Number(entry & OFFSET);
        if (from === 0) continue;
        if (from % clusterBytes !== 0)
          this.wrong(
            `ERROR offset=${hex(from)}: ${entry & ZEROS ? 'Preallocated' : 'Data'} cluster is not properly aligned; L2 entry corrupted.`,
          );
        if (isActive) {
          result.allocatedClusters++;
          if (next !== 0 && from !== next) result.fragmentedClusters++;
          next = from + clusterBytes;
        }
        this.refer(from, clusterBytes);
      }
    }
  }

  /** Source: "Compressed Clusters Descriptor". */
  private referPacked(entry: bigint, isActive: boolean): void {
    const { result } = this;
    const offsetBits = BigInt(62 - (this.clusterBits - 8));
    const from = entry & ((1n << offsetBits) - 1n);
    if (entry & COPIED)
      this.wrong(`ERROR: coffset=0x${hex(from)}: copied flag must never be set for compressed clusters`);
    const sectors = Number((entry & (COMPRESSED - 1n)) >> offsetBits) + 1;
    this.refer(from, sectors * SECTOR_BYTES - Number(from % BigInt(SECTOR_BYTES)));
    if (!isActive) return;
    result.allocatedClusters++;
    result.compressedClusters++;
    // One after the other they lie anywhere.
    result.fragmentedClusters++;
  }

  /** The L1 tables of snapshots in the image. */
  private snapshots(): { at: number; entries: number }[] {
    const count = this.head.getUint32(SNAPSHOTS),
      start = wideAt(this.head, SNAPSHOTS_AT);
    const tables: { at: number; entries: number }[] = [];
    let at = start;
    for (let i = 0; i < count && at < this.file.bytes; i++) {
      const entry = this.bytesAt(at, SNAPSHOT_BYTES);
      tables.push({ at: wideAt(entry, 0), entries: entry.getUint32(8) });
      const bytes = SNAPSHOT_BYTES + entry.getUint32(36) + entry.getUint16(12) + entry.getUint16(14);
      at += Math.ceil(bytes / SNAPSHOT_ALIGN) * SNAPSHOT_ALIGN;
    }
    this.snapshotTable = { at: start, bytes: at - start };
    return tables.filter(table => table.at + table.entries * ENTRY_BYTES <= this.file.bytes);
  }

  /** The table of reference count blocks, and the blocks themselves. */
  private readBlocks(): void {
    const { clusterBytes, file } = this;
    this.refer(this.snapshotTable.at, this.snapshotTable.bytes);
    const at = wideAt(this.head, REFCOUNT_TABLE_AT),
      bytes = this.head.getUint32(REFCOUNT_TABLE_CLUSTERS) * clusterBytes;
    this.refer(at, bytes);
    const clusters = Math.ceil(file.bytes / clusterBytes);
    for (const { entry, index } of this.entriesAt(at, Math.min(bytes, file.bytes) / ENTRY_BYTES)) {
      const block = Number(entry & ~REFCOUNT_TABLE_RESERVED);
      this.blocks[index] = block;
      if (entry & REFCOUNT_TABLE_RESERVED) {
        this.wrong(`ERROR refcount table entry ${index} has reserved bits set`);
      } else if (block % clusterBytes !== 0) {
        this.wrong(`ERROR refcount block ${index} is not cluster aligned; refcount table entry corrupted`);
        this.blocks[index] = -1;
      } else if (block / clusterBytes >= clusters) {
        this.wrong(`ERROR refcount block ${index} is outside image`);
      } else if (block !== 0) {
        this.refer(block, clusterBytes);
        const references = this.references.get(block / clusterBytes) ?? 0;
        if (references !== 1) this.wrong(`ERROR refcount block ${index} refcount=${references}`);
      }
    }
  }

  /** What the image says of a cluster; undefined: it cannot be read. */
  private refcount(cluster: number): number | undefined {
    const perBlock = (this.clusterBytes * 8) / this.refcountBits;
    const block = this.blocks[Math.floor(cluster / perBlock)] ?? 0;
    if (block <= 0) return block === 0 ? 0 : undefined;
    if (this.lastBlock.at !== block) this.lastBlock = { at: block, view: this.bytesAt(block, this.clusterBytes) };
    return countIn(this.lastBlock.view, cluster % perBlock, this.refcountBits);
  }

  private compare(): void {
    const { result } = this;
    const clusters = Math.ceil(this.file.bytes / this.clusterBytes);
    let highest = 0;
    for (let cluster = 0; cluster < clusters; cluster++) {
      const count = this.refcount(cluster),
        references = this.references.get(cluster) ?? 0;
      if (count === undefined) {
        result.checkErrors++;
        result.faultLines.push(`Can't get refcount for cluster ${cluster}: Input/output error`);
        continue;
      }
      if (count > 0 || references > 0) highest = cluster;
      if (count === references) continue;
      const text = `cluster ${cluster} refcount=${count} reference=${references}`;
      if (count < references) this.wrong(`ERROR ${text}`);
      else {
        result.leaks++;
        result.faultLines.push(`Leaked ${text}`);
      }
    }
    result.imageEnd = (highest + 1) * this.clusterBytes;
  }

  /** Entries of the disk's own tables say whether what they name has one reference. */
  private checkCopied({ at, entries }: { at: number; entries: number }): void {
    const isRight = (entry: bigint, count: number): boolean => (count === 1) === ((entry & COPIED) !== 0n);
    for (const { entry, index } of this.entriesAt(at, entries)) {
      const table = Number(entry & OFFSET);
      if (table === 0) continue;
      const count = this.refcount(Math.floor(table / this.clusterBytes));
      if (count === undefined) continue;
      if (!isRight(entry, count))
        this.wrong(`ERROR OFLAG_COPIED L2 cluster: l1_index=${index} l1_entry=${hex(entry)} refcount=${count}`);
      for (const { entry: data } of this.entriesAt(table, this.clusterBytes / ENTRY_BYTES)) {
        const from = Number(data & OFFSET);
        if (data & COMPRESSED || from === 0) continue;
        const references = this.refcount(Math.floor(from / this.clusterBytes));
        if (references !== undefined && !isRight(data, references))
          this.wrong(`ERROR OFLAG_COPIED data cluster: l2_entry=${hex(data)} refcount=${references}`);
      }
    }
  }
}

/** @throws Qcow2Error where its header does not let it be read */
export const checkQcow2 = (file: BlockDevice): ImageCheck => new Checker(file).check();
