/**
 * *Idea.* The host's disk has 500 GB, and the browser grants a fraction of that. So the disk is sparse: it is divided into extents of 1 MiB, and an
 * extent gets a slot of the data file when it is first written, at the file's end or where another extent was freed. The map from extents to slots is
 * a journal. Extents may share a slot (`share`), which is how snapshots cost no room: an extent that is written while it shares gets a slot of its
 * own.
 *
 *   disk.data   slot 0, slot 1, …     each of the size of an extent
 *   disk.0, .1  the map (journal.ts)  first a record with the disk's size, then records of pairs (extent, slot; slot −1: freed)
 *
 * Invariants, whatever part of the unflushed writes a power cut leaves: a pair becomes durable after the data in its slot; a freed slot gets new data
 * only after the record that frees it is durable; the last extent of a shared slot writes in place only once the journal knows that it is the last.
 *
 * The end of a worker is not a power cut: its writes are in the files, and only its memory is lost. Pairs that are not yet in the journal are
 * therefore also stored in memory that outlives the worker (`Unflushed`), so the next worker to open the disk knows every write that was answered.
 */
import { Journal } from './journal.ts';
import {
  DeviceFull,
  ImmediateDevice,
  inUnits,
  type Place,
  SECTOR_BYTES,
  within,
} from '../../../formats/blocks/index.ts';
import { IO_HOP, passes } from '../../../hypervisor/tracing/index.ts';
import { geometryOf, geometryRecord, pairRecords, pairsOf } from './extent-map.ts';
import type { StoredDisk } from './stored-disk.ts';
import { damaged, type Store, type StoreFile } from './store.ts';

export const EXTENT_BYTES = 2 ** 20;
const NOWHERE = -1;

/** Word 0: how many pairs (extent, slot) follow, in the order in which they came. */
export const UNFLUSHED_BYTES = 4 * (2 + 2 * 4096);

interface ExtentDiskOptions {
  /** Memory that outlives this disk's worker, UNFLUSHED_BYTES of it: what it says is taken over. */
  unflushed?: Int32Array | undefined;
  /** Of a disk that is not there yet; one that is has the size it was made with. */
  bytes: number;
  extentBytes?: number;
  /** See Journal.open. */
  leastCompaction?: number;
}

export class ExtentDisk extends ImmediateDevice implements StoredDisk {
  readonly bytes: number;
  readonly extentBytes: number;
  private readonly data: StoreFile;
  private journal!: Journal;
  /** Slot by extent. */
  private readonly slots: Int32Array;
  /** Extents whose slots the journal does not know yet. */
  private readonly changed = new Set<number>();
  /** Slots for new extents, below `nextSlot`; their old content is still there. */
  private readonly free: number[] = [];
  /** Given up by an extent, once for each that did, and not to be used before the journal says so. */
  private freed: number[] = [];
  /** How many extents have a slot, of slots that more than one has; one that was given up since the last flush still counts. */
  private readonly owners = new Map<number, number>();
  private nextSlot = 0;
  /** See WHOLE_SLOTS: the journal says so, or will with its next record of the size. */
  hasWholeSlots = true;
  /** Something may be left behind the last slot that counts. */
  private hasExcess = false;
  private unflushed: Int32Array | undefined;
  private failed: Error | undefined;

  private constructor(data: StoreFile, bytes: number, extentBytes: number) {
    super();
    this.data = data;
    this.bytes = bytes;
    this.extentBytes = extentBytes;
    this.slots = new Int32Array(Math.ceil(bytes / extentBytes)).fill(NOWHERE);
  }

  /** Opens the files `name`.data and `name`.0 and .1, or makes them. @throws StoreDamaged, and any Error of the store */
  static async open(
    store: Store,
    name: string,
    { bytes, extentBytes = EXTENT_BYTES, leastCompaction, unflushed }: ExtentDiskOptions,
  ): Promise<ExtentDisk> {
    const data = await store.open(`${name}.data`);
    const refuse = (what: string): never => {
      throw damaged(store, `The disk in ${store.where} is damaged: ${what}.`);
    };
    const hasData = `${name}.data in ${store.where} has ${data.bytes} bytes, and only they say what those are.`;
    let disk: ExtentDisk | undefined;
    const journal = await Journal.open(
      store,
      name,
      record => {
        const geometry = geometryOf(record);
        if (geometry) {
          const { bytes: size, extentBytes: unit, hasWholeSlots } = geometry;
          if (unit === 0 || size / unit > 2 ** 24) refuse('its map says that it has no size that could be');
          disk ??= new ExtentDisk(data, size, unit);
          disk.hasWholeSlots = hasWholeSlots;
        } else if (!disk?.take(record)) refuse('its map names extents that it does not have');
      },
      {
        ...(leastCompaction === undefined ? {} : { leastCompaction }),
        ...(data.bytes > 0 ? { expected: hasData } : {}),
      },
    );
    const isNew = disk === undefined;
    if (isNew && data.bytes > 0) refuse(`its map, ${name}.0 and ${name}.1, has no record. ${hasData}`);
    disk ??= new ExtentDisk(data, bytes, extentBytes);
    disk.journal = journal;
    if (isNew) {
      const made = disk;
      journal.append(geometryRecord(made));
      journal.flush(() => made.snapshot());
    }
    disk.unflushed = unflushed;
    disk.takeOver();
    const problem = disk.findFree();
    if (problem) refuse(problem);
    return disk;
  }

  /** What the one before had not flushed is flushed now: the caller that freed a slot may use it again then. */
  private takeOver(): void {
    const { unflushed, slots } = this;
    const count = unflushed?.[0] ?? 0;
    if (!unflushed || count === 0) return;
    for (let i = 0; i < count; i++) {
      const extent = unflushed[2 + 2 * i];
      slots[extent] = unflushed[3 + 2 * i];
      this.changed.add(extent);
    }
    this.flush();
  }

  /** An extent has another slot, or none any more. What lies in the slot was written before. */
  private map(extent: number, slot: number): void {
    this.slots[extent] = slot;
    this.changed.add(extent);
    const { unflushed } = this;
    if (!unflushed) return;
    const count = unflushed[0];
    unflushed[2 + 2 * count] = extent;
    unflushed[3 + 2 * count] = slot;
    Atomics.store(unflushed, 0, count + 1);
    if (4 + 2 * count === unflushed.length) this.flush();
  }

  /** False: the record names what is not there. */
  private take(record: Uint8Array): boolean {
    for (const [extent, slot] of pairsOf(record)) {
      if (extent >= this.slots.length || slot < NOWHERE) return false;
      this.slots[extent] = slot;
    }
    return true;
  }

  /** Finds the free slots, and what a power cut left behind the last one that counts. @returns what is wrong */
  private findFree(): string | undefined {
    const { slots, extentBytes, data } = this;
    let used = 0;
    for (const slot of slots) if (slot >= 0) used = Math.max(used, slot + 1);
    const taken = new Uint32Array(used);
    for (const slot of slots) if (slot >= 0 && ++taken[slot] > 1) this.owners.set(slot, taken[slot]);
    if (data.bytes < (this.hasWholeSlots ? used * extentBytes : (used - 1) * extentBytes + 1))
      return `its data end at byte ${data.bytes}, and its map names the slot ${used - 1}`;
    for (let slot = used - 1; slot >= 0; slot--) if (!taken[slot]) this.free.push(slot);
    this.nextSlot = used;
    this.hasExcess = data.bytes > used * extentBytes;
    return undefined;
  }

  /** A slot at the end is taken for new, so zeros. */
  private lengthen(): void {
    const { data, extentBytes, nextSlot } = this;
    if (this.hasExcess) data.truncate(nextSlot * extentBytes);
    this.hasExcess = true;
    data.truncate((nextSlot + 1) * extentBytes);
  }

  private pairs(extents: Iterable<number>): Iterable<Uint8Array> {
    return pairRecords([...extents].map(extent => [extent, this.slots[extent]] as const));
  }

  private *snapshot(): Generator<Uint8Array> {
    yield geometryRecord(this);
    const there: number[] = [];
    this.slots.forEach((slot, extent) => {
      if (slot >= 0) there.push(extent);
    });
    yield* this.pairs(there);
  }

  // Reading and writing.

  read(at: number, into: Uint8Array): void {
    within(this, at, into.length, 'the disk');
    passes(IO_HOP.DISK, at / SECTOR_BYTES, into.length / SECTOR_BYTES);
    inUnits(at, into.length, this.extentBytes, (extent, offset, from, count) => {
      const slot = this.slots[extent];
      passes(IO_HOP.STORED, slot, offset / SECTOR_BYTES);
      const piece = into.subarray(from, from + count);
      if (slot < 0) piece.fill(0);
      else this.data.read(slot * this.extentBytes + offset, piece);
    });
  }

  override write(at: number, bytes: Uint8Array): void {
    within(this, at, bytes.length, 'the disk');
    this.alive();
    passes(IO_HOP.DISK, at / SECTOR_BYTES, bytes.length / SECTOR_BYTES);
    inUnits(at, bytes.length, this.extentBytes, (extent, offset, from, count) => {
      const piece = bytes.subarray(from, from + count);
      const slot = this.slots[extent];
      if (slot < 0) this.allocate(extent, offset, piece);
      else if (this.owners.has(slot)) this.separate(extent, offset, piece);
      else this.attempt(() => this.data.write(slot * this.extentBytes + offset, piece));
      passes(IO_HOP.STORED, this.slots[extent], offset / SECTOR_BYTES);
    });
  }

  /** The first write to an extent. */
  private allocate(extent: number, offset: number, piece: Uint8Array): void {
    const { extentBytes, data, free } = this;
    const old = free.at(-1);
    const slot = old ?? this.nextSlot;
    this.attempt(() => {
      if (old === undefined) {
        this.lengthen();
        data.write(slot * extentBytes + offset, piece);
        this.hasExcess = false;
        return;
      }
      // What lay there before is not this extent's.
      const whole = new Uint8Array(extentBytes);
      whole.set(piece, offset);
      data.write(slot * extentBytes, whole);
    });
    if (old === undefined) this.nextSlot++;
    else free.pop();
    this.map(extent, slot);
  }

  /** A write to an extent that shares its slot: it gets a slot of its own, with what was there. */
  private separate(extent: number, offset: number, piece: Uint8Array): void {
    const shared = this.slots[extent];
    const whole = new Uint8Array(this.extentBytes);
    if (piece.length < whole.length) this.data.read(shared * this.extentBytes, whole);
    whole.set(piece, offset);
    this.allocate(extent, 0, whole);
    this.freed.push(shared);
  }

  share(from: number, to: number, bytes = this.extentBytes): void {
    const { extentBytes } = this;
    if (from % extentBytes !== 0 || to % extentBytes !== 0)
      throw new RangeError(`Bytes ${from} and ${to} are not both the beginning of an extent.`);
    this.alive();
    for (let at = 0; at < bytes; at += extentBytes) this.shareOne(from + at, to + at);
  }

  private shareOne(from: number, to: number): void {
    const { extentBytes, slots } = this;
    within(this, from, 1, 'the disk');
    within(this, to, 1, 'the disk');
    const slot = slots[from / extentBytes],
      target = to / extentBytes;
    const old = slots[target];
    if (slot === old) return;
    if (old >= 0) this.freed.push(old);
    if (slot >= 0) this.owners.set(slot, (this.owners.get(slot) ?? 1) + 1);
    this.map(target, slot);
  }

  override discard(at: number, bytes: number): void {
    within(this, at, bytes, 'the disk');
    this.alive();
    const { extentBytes, slots } = this;
    // The last extent is shorter than others: the last sector is the end of it.
    const end = this.bytes - at - bytes < SECTOR_BYTES ? slots.length : Math.floor((at + bytes) / extentBytes);
    for (let extent = Math.ceil(at / extentBytes); extent < end; extent++) {
      if (slots[extent] < 0) continue;
      this.freed.push(slots[extent]);
      this.map(extent, NOWHERE);
    }
  }

  override flush(): void {
    this.alive();
    this.attempt(() => {
      this.wholeSlots();
      this.data.flush();
      if (this.changed.size === 0) return;
      for (const record of this.pairs(this.changed)) this.journal.append(record);
      // From here on the journal has them, also where it finds no room now.
      this.changed.clear();
    });
    this.attempt(() => this.journal.flush(() => this.snapshot()));
    if (this.unflushed) Atomics.store(this.unflushed, 0, 0);
    for (const slot of this.freed) {
      const left = (this.owners.get(slot) ?? 1) - 1;
      if (left > 1) this.owners.set(slot, left);
      else this.owners.delete(slot);
      if (left === 0) this.free.push(slot);
    }
    this.freed = [];
    this.shorten();
  }

  identify(identity: number): void {
    this.flush();
    this.attempt(() => this.journal.identify(identity, () => this.snapshot()));
  }

  /** Of a disk that an earlier version left: its last slot gets its whole length, and the journal will say so. */
  private wholeSlots(): void {
    if (this.hasWholeSlots || this.changed.size === 0) return;
    if (!this.hasExcess) this.data.truncate(this.nextSlot * this.extentBytes);
    this.hasWholeSlots = true;
  }

  /** Gives back what is free at the end of the data file. */
  private shorten(): void {
    const { free } = this;
    if (free.length === 0) return;
    free.sort((a, b) => b - a);
    let last = 0;
    while (last < free.length && free[last] === this.nextSlot - 1) {
      this.nextSlot--;
      last++;
    }
    if (last === 0) return;
    free.splice(0, last);
    this.attempt(() => this.data.truncate(this.nextSlot * this.extentBytes));
    this.hasExcess = false;
  }

  /**
   * Moves the last slots into free ones, at most `most`, and makes the data file shorter by them: what a browser lets a page store counts the whole file.
   * @returns how many are still free
   */
  reclaim(most: number): number {
    this.flush();
    const moved: number[] = [];
    if (this.free.length > 0) {
      const extentsOf = new Map<number, number[]>();
      this.slots.forEach((slot, extent) => {
        if (slot < 0 || slot < this.nextSlot - most) return;
        const sharers = extentsOf.get(slot);
        if (sharers) sharers.push(extent);
        else extentsOf.set(slot, [extent]);
      });
      const content = new Uint8Array(this.extentBytes);
      for (let slot = this.nextSlot - 1; moved.length < most && this.free.length > 0; slot--) {
        const extents = extentsOf.get(slot);
        const target = this.free.at(-1) as number;
        if (extents === undefined || target >= slot) break;
        this.data.read(slot * this.extentBytes, content);
        this.attempt(() => this.data.write(target * this.extentBytes, content));
        this.free.pop();
        this.freed.push(slot);
        this.owners.delete(slot);
        if (extents.length > 1) this.owners.set(target, extents.length);
        for (const extent of extents) this.map(extent, target);
        moved.push(slot);
      }
    }
    if (moved.length > 0) this.flush();
    return this.free.length;
  }

  /** Where nothing is known any more of what was written, nothing more is: the guest sees a bad disk and the host's next start the last good state. */
  private alive(): void {
    if (this.failed) throw this.failed;
  }

  private attempt(what: () => void): void {
    try {
      what();
    } catch (error) {
      if (!(error instanceof DeviceFull)) this.failed = error as Error;
      throw error;
    }
  }

  writtenBytes(at: number, bytes: number): number {
    const { extentBytes, slots } = this;
    let count = 0;
    for (let extent = Math.floor(at / extentBytes); extent * extentBytes < at + bytes; extent++)
      if (slots[extent] >= 0) count++;
    return count * extentBytes;
  }

  get stored(): { bytes: number; usedBytes: number } {
    const unused = this.free.length + this.freed.filter(slot => !this.owners.has(slot)).length;
    return { bytes: this.nextSlot * this.extentBytes, usedBytes: (this.nextSlot - unused) * this.extentBytes };
  }

  override place(at: number): Place[] {
    const extent = Math.floor(at / this.extentBytes);
    const slot = this.slots[extent];
    const here: Place = { layer: 'disk sda', at, unit: { name: 'extent', number: extent } };
    return slot < 0
      ? [here, { layer: 'file disk.data' }]
      : [
          here,
          {
            layer: 'file disk.data',
            at: slot * this.extentBytes + (at % this.extentBytes),
            unit: { name: 'slot', number: slot },
          },
        ];
  }

  close(): void {
    try {
      if (!this.failed) this.flush();
    } finally {
      this.failed ??= new Error('The disk is closed.');
      this.data.close();
      this.journal.close();
    }
  }
}
