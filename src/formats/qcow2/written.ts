/**
 * A qcow2 image that is written in place. Source: QEMU's docs/interop/qcow2.txt.
 *
 * Data goes to its cluster at once. Tables are changed in memory and go to the file with a flush, in this order, each step durable before the next: counts of
 * clusters that were taken; L2 tables; entries of L1; at last counts of what is not named any more. So whenever the host ends the file's tables name only what
 * is counted and written, and what is counted and not named is a leak.
 */
import { within as refuseOutside, inUnits } from '../blocks/index.ts';
import { checkQcow2 } from './check.ts';
import { Clusters } from './clusters.ts';
import type { GrowingFile } from './growing-file.ts';
import {
  AUTOCLEAR,
  damaged,
  ENTRY_BYTES,
  L1_AT,
  L1_SIZE,
  MAX_L1_BYTES,
  Qcow2Error,
  SECTOR_BYTES,
  SIZE,
} from './header.ts';
import { COMPRESSED, type Qcow2Options, Qcow2Source, ZEROS } from './qcow2.ts';
import { COPIED, copiedAt, type Entry, NO_ENTRY, offsetOf, Table } from './table-in-memory.ts';

/** L2 tables that may differ from the file's, in bytes: more are written without being asked for. */
const MOST_CHANGED_BYTES = 4 * 2 ** 20;

export class Qcow2Disk extends Qcow2Source {
  declare protected readonly file: GrowingFile;
  private readonly clusters: Clusters;
  private readonly head: Table;
  /** Of the L1 table in the file. */
  private l1Entries: number;
  /** L2 tables that differ from those in the file, by their place in L1. */
  private readonly changed = new Map<number, Table>();

  /** @throws Qcow2Error: it cannot be read, or its reference counts are wrong */
  constructor(file: GrowingFile, options: Omit<Qcow2Options, 'writable'> = {}) {
    super(file, { ...options, writable: true });
    // A cluster that is in use and counted as free would be given to another.
    const { corruptions, checkErrors } = checkQcow2(file);
    if (corruptions + checkErrors > 0) throw damaged(`its tables have ${corruptions + checkErrors} errors`);
    this.head = Table.read(file, 0, SECTOR_BYTES);
    this.l1Entries = this.header.l1Entries;
    this.clusters = new Clusters(file, this.head, this.header);
  }

  /** What others keep next to the disk (dirty bitmaps) is not right any more once this was written. */
  private begin(): void {
    if (
      this.header.version < 3 ||
      (this.head.view.getUint32(AUTOCLEAR) | this.head.view.getUint32(AUTOCLEAR + 4)) === 0
    )
      return;
    this.head.setEntry(AUTOCLEAR / ENTRY_BYTES, NO_ENTRY);
    this.clusters.writeHead();
  }

  protected override l2Of(index: number): Table | undefined {
    return this.changed.get(index) ?? super.l2Of(index);
  }

  /** The L2 table of an entry of L1, to be changed: one that others have, too, becomes the disk's own. */
  private ownL2(index: number): Table {
    const known = this.changed.get(index);
    if (known) return known;
    if (this.changed.size * this.clusterBytes >= MOST_CHANGED_BYTES) this.flush();
    const entry = this.l1.entry(index),
      at = offsetOf(entry),
      before = this.l2Of(index);
    let table = before;
    if (!table || !(entry.high & COPIED)) {
      table = new Table(this.clusters.take(), before?.bytes.slice() ?? new Uint8Array(this.clusterBytes));
      table.noteAll();
      this.l1.setEntry(index, copiedAt(table.at));
      this.tables.add(table.at);
      if (before) {
        this.clusters.release(at);
        this.tables.delete(at);
      }
    }
    this.changed.set(index, table);
    return table;
  }

  private setEntry(cluster: number, entry: Entry): void {
    const table = this.ownL2(Math.floor(cluster / this.perTable));
    const before = table.entry(cluster % this.perTable);
    table.setEntry(cluster % this.perTable, entry);
    if (before.high & COMPRESSED) {
      const { from, packed } = this.locatePacked(cluster, before);
      this.clusters.release(from, packed);
    } else if (offsetOf(before) !== 0) this.clusters.release(offsetOf(before));
  }

  /** @throws DeviceFull; Qcow2Error where that part of the image is damaged */
  override write(at: number, bytes: Uint8Array): void {
    refuseOutside(this, at, bytes.length, 'the image');
    this.begin();
    inUnits(at, bytes.length, this.clusterBytes, (cluster, within, from, count) =>
      this.writeWithin(cluster, within, bytes.subarray(from, from + count)),
    );
  }

  private writeWithin(cluster: number, within: number, piece: Uint8Array): void {
    const place = this.locate(cluster);
    if (typeof place === 'object' && !place.packed && this.entryOf(cluster).high & COPIED) {
      this.file.grow(place.from + this.clusterBytes);
      return this.file.write(place.from + within, piece);
    }
    const whole = new Uint8Array(this.clusterBytes);
    if (piece.length < whole.length) this.readWithin(cluster, 0, whole);
    whole.set(piece, within);
    // What may find no room comes before what changes the tables.
    this.ownL2(Math.floor(cluster / this.perTable));
    const to = this.clusters.take();
    try {
      this.file.write(to, whole);
    } catch (error) {
      this.clusters.giveBack(to);
      throw error;
    }
    this.setEntry(cluster, copiedAt(to));
  }

  override flush(): void {
    if (this.changed.size === 0 && !this.l1.isChanged && !this.clusters.isChanged) return this.file.flush();
    this.clusters.write();
    for (const table of this.changed.values()) table.writeTo(this.file);
    this.file.flush();
    if (this.l1.isChanged) {
      this.l1.writeTo(this.file);
      this.file.flush();
    }
    this.changed.clear();
    this.clusters.settle();
  }

  /** Whole clusters read as zeros from now on; of others nothing changes. */
  override discard(at: number, bytes: number): void {
    refuseOutside(this, at, bytes, 'the image');
    this.begin();
    const last =
      at + bytes === this.bytes
        ? Math.ceil(this.bytes / this.clusterBytes)
        : Math.floor((at + bytes) / this.clusterBytes);
    for (let cluster = Math.ceil(at / this.clusterBytes); cluster < last; cluster++) this.clear(cluster);
  }

  /** Version 2 has no zeros that hide what is in a backing file: such a cluster stays as it is. */
  private clear(cluster: number): boolean {
    const entry = this.entryOf(cluster);
    const start = cluster * this.clusterBytes;
    const hides = this.backing !== undefined && start < this.backing.bytes;
    if (!hides) {
      if ((entry.high | entry.low) !== 0) this.setEntry(cluster, NO_ENTRY);
      return true;
    }
    if (this.header.version < 3) return false;
    if (!this.isZeros(entry) || offsetOf(entry) !== 0) this.setEntry(cluster, { high: 0, low: ZEROS });
    return true;
  }

  /** The disk has this many bytes, in whole sectors, from now on; what is new reads as zeros. Durable when it returns. @throws Qcow2Error, DeviceFull */
  override resize(bytes: number): void {
    if (this.header.snapshots > 0)
      throw new Qcow2Error('has snapshots', 'has snapshots in it, and is not resized with them.');
    this.begin();
    this.flush();
    const before = this.diskBytes;
    if (bytes < before) this.cutOff(bytes);
    else {
      this.growL1(Math.ceil(bytes / (this.clusterBytes * this.perTable)));
      this.diskBytes = bytes;
      this.clearNew(before);
    }
    this.flush();
    this.diskBytes = bytes;
    this.head.view.setBigUint64(SIZE, BigInt(bytes));
    this.head.noteAt(SIZE);
    this.clusters.writeHead();
  }

  /** Nothing is behind that byte. */
  private cutOff(end: number): void {
    const first = Math.ceil(end / this.clusterBytes);
    for (let cluster = first; cluster * this.clusterBytes < this.diskBytes; cluster++) {
      const { high, low } = this.entryOf(cluster);
      if ((high | low) !== 0) this.setEntry(cluster, NO_ENTRY);
    }
    const within = end % this.clusterBytes;
    if (within > 0 && typeof this.locate(first - 1) === 'object')
      this.writeWithin(first - 1, within, new Uint8Array(this.clusterBytes - within));
  }

  /** From there to the end of the disk, what a longer backing file has there is not to be seen. */
  private clearNew(from: number): void {
    const end = Math.min(this.diskBytes, this.backing?.bytes ?? 0);
    inUnits(from, Math.max(0, end - from), this.clusterBytes, (cluster, within, _from, count) => {
      if (within > 0 || !this.clear(cluster)) this.writeWithin(cluster, within, new Uint8Array(count));
    });
  }

  /** The L1 table has room for this many entries. */
  private growL1(entries: number): void {
    if (entries * ENTRY_BYTES > MAX_L1_BYTES)
      throw new Qcow2Error('too large', `cannot be so large: its L1 table would have more than ${MAX_L1_BYTES} bytes.`);
    if (entries * ENTRY_BYTES <= this.l1.bytes.length && entries <= this.l1Entries) return;
    if (entries <= this.l1Entries) {
      this.l1 = Table.read(this.file, this.l1.at, entries * ENTRY_BYTES);
      return;
    }
    const old = { at: this.l1.at, bytes: this.l1Entries * ENTRY_BYTES };
    const clusters = Math.ceil((entries * ENTRY_BYTES) / this.clusterBytes);
    const longer = new Table(this.clusters.takeRun(clusters), new Uint8Array(clusters * this.clusterBytes));
    longer.bytes.set(Table.read(this.file, old.at, old.bytes).bytes.subarray(0, old.bytes));
    longer.noteAll();
    longer.writeTo(this.file);
    this.clusters.write();
    this.head.view.setUint32(L1_SIZE, entries);
    this.head.view.setBigUint64(L1_AT, BigInt(longer.at));
    this.head.noteAt(L1_AT);
    this.clusters.writeHead();
    this.l1 = longer;
    this.l1Entries = entries;
    this.clusters.release(old.at, old.bytes);
  }
}
