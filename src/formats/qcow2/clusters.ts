/**
 * Which clusters of an image's file are free: reference counts in blocks, which a table names. Source: QEMU's docs/interop/qcow2.txt, "Host cluster management".
 *
 * What is taken has its count in memory, and in the file once `write` has returned; what was released keeps its count until `settle`. A caller that writes what
 * names a cluster in between the two leaves at most counts that are too high, whenever the host ends.
 */
import { damaged, ENTRY_BYTES, type Header, Qcow2Error, REFCOUNT_TABLE_AT, REFCOUNT_TABLE_CLUSTERS } from './header.ts';
import type { GrowingFile } from './growing-file.ts';
import { countIn, entryAt, offsetOf, Table } from './table-in-memory.ts';

export class Clusters {
  private readonly file: GrowingFile;
  private readonly clusterBytes: number;
  private readonly bits: number;
  /** The image's first sector. */
  private readonly head: Table;
  private table: Table;
  private tableClusters: number;
  /** Those that were looked at, by their place in the table. */
  private readonly blocks = new Map<number, Table>();
  /** Clusters with one reference less, once nothing in the file names them. */
  private released: number[] = [];
  /** Every cluster before this one is in use. */
  private firstFree = 1;

  constructor(file: GrowingFile, head: Table, header: Header) {
    this.file = file;
    this.head = head;
    this.clusterBytes = 2 ** header.clusterBits;
    this.bits = header.refcountBits;
    this.tableClusters = header.refcountTableClusters;
    const { refcountTableAt: at } = header;
    if (at === 0 || at % this.clusterBytes !== 0 || at + this.tableClusters * this.clusterBytes > file.bytes)
      throw damaged(`its table of reference counts is said to lie at byte ${at}, where none can be`);
    this.table = Table.read(file, at, this.tableClusters * this.clusterBytes);
  }

  private get perBlock(): number {
    return (this.clusterBytes * 8) / this.bits;
  }

  private get tableEntries(): number {
    return this.table.bytes.length / ENTRY_BYTES;
  }

  private block(index: number): Table | undefined {
    const known = this.blocks.get(index);
    const at = known || index >= this.tableEntries ? 0 : offsetOf(this.table.entry(index));
    if (known || at === 0) return known;
    if (at % this.clusterBytes !== 0 || at >= this.file.bytes)
      throw damaged(`its reference count block ${index} is said to lie at byte ${at}, where none can be`);
    const block = Table.read(this.file, at, this.clusterBytes);
    this.blocks.set(index, block);
    return block;
  }

  /** Whether a cluster can be taken. Where its count has no place yet that place is made, on the cluster itself. */
  private isFree(cluster: number): boolean {
    const index = Math.floor(cluster / this.perBlock);
    const block = this.block(index);
    if (block) return countIn(block.view, cluster % this.perBlock, this.bits) === 0;
    if (index < this.tableEntries) this.makeBlocks(cluster, 1);
    else this.growTable(cluster);
    return false;
  }

  private setCount(cluster: number, count: number): void {
    this.block(Math.floor(cluster / this.perBlock))!.setCount(cluster % this.perBlock, this.bits, count);
  }

  /** One cluster. @throws DeviceFull: nothing was taken */
  take(): number {
    return this.takeRun(1);
  }

  /** This many clusters side by side: where the first one begins. @throws DeviceFull: nothing was taken */
  takeRun(clusters: number): number {
    let first = this.firstFree;
    for (let i = 0; i < clusters; ) {
      if (this.isFree(first + i)) i++;
      else {
        first += i + 1;
        i = 0;
      }
    }
    this.file.grow((first + clusters) * this.clusterBytes);
    for (let i = 0; i < clusters; i++) this.setCount(first + i, 1);
    if (clusters === 1) this.firstFree = first + 1;
    return first * this.clusterBytes;
  }

  /** What was taken, and nothing was made to name it. */
  giveBack(at: number): void {
    const cluster = at / this.clusterBytes;
    this.setCount(cluster, 0);
    this.firstFree = Math.min(this.firstFree, cluster);
  }

  /** A reference to each cluster in which these bytes lie goes. */
  release(at: number, bytes = this.clusterBytes): void {
    const last = Math.floor((at + bytes - 1) / this.clusterBytes);
    for (let cluster = Math.floor(at / this.clusterBytes); cluster <= last; cluster++) this.released.push(cluster);
  }

  /** Counts of what was taken are durable when it returns, and all else that was written before. */
  write(): void {
    for (const block of this.blocks.values()) block.writeTo(this.file);
    this.file.flush();
    if (this.table.isChanged) {
      this.table.writeTo(this.file);
      this.file.flush();
    }
    this.writeHead();
  }

  /** The header names what was written before. */
  writeHead(): void {
    if (!this.head.isChanged) return;
    this.head.writeTo(this.file);
    this.file.flush();
  }

  /** Whether counts in the file are others. */
  get isChanged(): boolean {
    return this.released.length > 0 || this.table.isChanged || [...this.blocks.values()].some(block => block.isChanged);
  }

  /** Nothing in the file names what was released: others may have it. */
  settle(): void {
    if (this.released.length === 0) return;
    for (const cluster of this.released.splice(0)) {
      const block = this.block(Math.floor(cluster / this.perBlock));
      const count = block ? countIn(block.view, cluster % this.perBlock, this.bits) : 0;
      if (count === 0) continue;
      this.setCount(cluster, count - 1);
      if (count === 1) this.firstFree = Math.min(this.firstFree, cluster);
    }
    for (const block of this.blocks.values()) block.writeTo(this.file);
  }

  /** Blocks for the counts of clusters from `first` on, which are not in use: they lie on these clusters. */
  private makeBlocks(first: number, count: number): void {
    this.file.grow((first + count) * this.clusterBytes);
    const index = Math.floor(first / this.perBlock);
    for (let i = 0; i < count; i++) {
      const at = (first + i) * this.clusterBytes;
      const block = new Table(at, new Uint8Array(this.clusterBytes));
      // What lay there once is nobody's count.
      block.noteAll();
      this.blocks.set(index + i, block);
      this.table.setEntry(index + i, entryAt(at));
    }
    for (let i = 0; i < count; i++) this.setCount(first + i, 1);
  }

  /** A longer table, on the first clusters that the old one has no place for, behind the blocks that count these. */
  private growTable(first: number): void {
    const old = { at: this.table.at, clusters: this.tableClusters };
    const clusters = old.clusters + Math.ceil(old.clusters / 2);
    const within = first % this.perBlock;
    let blocks = 1;
    while (within + blocks + clusters > blocks * this.perBlock) {
      if (++blocks > clusters) throw new Qcow2Error('too large', 'cannot have more clusters of this size.');
    }
    this.file.grow((first + blocks + clusters) * this.clusterBytes);
    const at = (first + blocks) * this.clusterBytes;
    const longer = new Table(at, new Uint8Array(clusters * this.clusterBytes));
    longer.bytes.set(this.table.bytes);
    longer.noteAll();
    this.table = longer;
    this.tableClusters = clusters;
    this.makeBlocks(first, blocks);
    for (let i = 0; i < clusters; i++) this.setCount(first + blocks + i, 1);
    this.head.setEntry(REFCOUNT_TABLE_AT / ENTRY_BYTES, entryAt(at));
    this.head.view.setUint32(REFCOUNT_TABLE_CLUSTERS, clusters);
    this.release(old.at, old.clusters * this.clusterBytes);
    this.write();
  }
}
