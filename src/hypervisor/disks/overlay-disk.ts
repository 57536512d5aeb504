/**
 * A disk whose medium is never written: what the guest changes is kept in memory, in blocks of 4 KiB. A last sector that the medium has only the beginning of
 * ends in zeros.
 */
import {
  type BlockDevice,
  type BlockRequest,
  deviceOf,
  type Done,
  ImmediateDevice,
  inUnits,
  type Place,
} from '../../formats/blocks/index.ts';
import { IO_HOP, passes } from '../tracing/io-trace.ts';
import { fingerprint } from './fingerprint.ts';

export const OVERLAY_BLOCK_BYTES = 4096;
const BLOCK_BYTES = OVERLAY_BLOCK_BYTES;
/** A block that is not as the medium has it. */
export interface DiskChange {
  block: number;
  bytes: Uint8Array;
}

/** Where what is written of a disk outlives its domain. */
export interface ChangeKeeper {
  /** Blocks that changed since the last call; without `bytes` one is as the medium has it again. False: they could not be kept, and are offered again. */
  keep(changes: readonly { block: number; bytes: Uint8Array | undefined }[]): boolean;
}

interface OverlayOptions {
  sectorBytes?: number;
  readOnly?: boolean;
  /** What people call the medium. */
  label?: string;
  /** Called with why the medium could not be read. @returns the error for the caller */
  failed?: (error: Error) => Error;
}

export class OverlayDisk extends ImmediateDevice {
  /** Whole sectors. */
  readonly bytes: number;
  readonly label: string;
  /** One that is not read-only is written itself. */
  private readonly source: BlockDevice;
  private readonly failed: (error: Error) => Error;
  private readonly changed = new Map<number, Uint8Array>();
  /** Blocks that changed since somebody asked; undefined: nobody has. */
  private written: Set<number> | undefined;
  /** Blocks that changed since somebody took them, or were not taken yet; undefined: nobody takes any. A device in front of this one (`behind`) has the same. */
  private readonly taking: { left?: Set<number> | undefined } = {};
  /** Who keeps what is written, and which blocks are not there yet; shared with a device in front of this one, too. */
  private readonly keeping: { by?: ChangeKeeper | undefined; left: Set<number> } = { left: new Set() };

  constructor(
    source: BlockDevice,
    { sectorBytes = 512, readOnly = false, label = '', failed = error => error }: OverlayOptions = {},
  ) {
    super({ sectorBytes, readOnly });
    this.source = source;
    this.label = label;
    this.failed = failed;
    this.bytes = Math.ceil(source.bytes / sectorBytes) * sectorBytes;
  }

  override request(request: BlockRequest, done: Done): void {
    if ('pieces' in request)
      passes(
        IO_HOP.IMAGE,
        Math.floor(request.at / 512),
        this.changed.has(Math.floor(request.at / BLOCK_BYTES)) ? 1 : 0,
      );
    super.request(request, done);
  }

  /** Where a byte lies: in the image, and in memory where the guest has written it. */
  override place(at: number): Place[] {
    const block = Math.floor(at / BLOCK_BYTES);
    return [
      { layer: `image ${this.label}`, at },
      ...(this.changed.has(block)
        ? [{ layer: 'overlay in memory', at: at % BLOCK_BYTES, unit: { name: 'block', number: block } }]
        : this.source.place(at)),
    ];
  }

  /** As the medium has it; zeros behind its end. */
  private fromSource(at: number, into: Uint8Array): void {
    const there = Math.max(0, Math.min(into.length, this.source.bytes - at));
    try {
      this.source.read(at, into.subarray(0, there));
    } catch (error) {
      throw this.failed(error as Error);
    }
    into.fill(0, there);
  }

  read(at: number, into: Uint8Array): void {
    this.fromSource(at, into);
    if (this.changed.size === 0) return;
    inUnits(at, into.length, BLOCK_BYTES, (block, within, from, count) => {
      const bytes = this.changed.get(block);
      if (bytes) into.set(bytes.subarray(within, within + count), from);
    });
  }

  override write(at: number, bytes: Uint8Array): void {
    this.mayWrite();
    if (!this.source.readOnly) return this.source.write(at, bytes);
    inUnits(at, bytes.length, BLOCK_BYTES, (block, within, from, count) => {
      let changed = this.changed.get(block);
      if (!changed) {
        changed = new Uint8Array(BLOCK_BYTES);
        this.fromSource(block * BLOCK_BYTES, changed);
        this.changed.set(block, changed);
      }
      changed.set(bytes.subarray(from, from + count), within);
      this.noteWritten(block);
    });
  }

  private mayWrite(): void {
    if (this.readOnly) throw new Error(`${this.label} is not written.`);
  }

  override flush(): void {
    if (!this.source.readOnly) this.source.flush();
    this.keepNow();
  }

  /** All that differs from the medium is kept from now on, by each flush and each `keepNow`; undefined: no more. */
  keepBy(keeper: ChangeKeeper | undefined): void {
    this.keeping.by = keeper;
    this.keeping.left = new Set(keeper ? this.changed.keys() : []);
  }

  /** What is not kept yet is. */
  keepNow(): void {
    const { by, left } = this.keeping;
    if (!by || left.size === 0) return;
    const changes = [...left].sort((a, b) => a - b).map(block => ({ block, bytes: this.changed.get(block) }));
    if (by.keep(changes)) left.clear();
  }

  /** How many blocks differ from the medium. */
  get changedBlocks(): number {
    return this.changed.size;
  }

  /** As the medium has it, in whole sectors, whatever was written. */
  get original(): BlockDevice {
    return deviceOf(this.bytes, (at, into) => this.fromSource(at, into));
  }

  /** Whole blocks read as the medium has them, and need no memory any more. */
  override discard(at: number, bytes: number): void {
    const end = Math.floor((at + bytes) / BLOCK_BYTES);
    const first = Math.ceil(at / BLOCK_BYTES);
    if (end - first <= this.changed.size) for (let block = first; block < end; block++) this.drop(block);
    else for (const block of this.changed.keys()) if (block >= first && block < end) this.drop(block);
    this.mayWrite();
  }

  private drop(block: number): void {
    if (this.changed.delete(block)) this.noteWritten(block);
  }

  private noteWritten(block: number): void {
    this.written?.add(block);
    this.taking.left?.add(block);
    if (this.keeping.by) this.keeping.left.add(block);
  }

  // Saved states.

  fingerprint(): number {
    return fingerprint(this.source);
  }

  /** What the guest has changed and the medium does not hold, in the order of blocks. */
  *changes(): Generator<DiskChange> {
    for (const block of [...this.changed.keys()].sort((a, b) => a - b))
      yield { block, bytes: this.changed.get(block) as Uint8Array };
  }

  /**
   * While the guest runs: at most this many of the blocks that changed since they were taken last; an empty list: nothing is left. Blocks that were discarded come as
   * the medium has them.
   */
  takeChanges(most: number): DiskChange[] {
    this.taking.left ??= new Set(this.changed.keys());
    const taken: DiskChange[] = [];
    for (const block of this.taking.left) {
      if (taken.length === most) break;
      this.taking.left.delete(block);
      taken.push({ block, bytes: this.blockAsRead(block) });
    }
    return taken;
  }

  /** How many `takeChanges` would give now. */
  get blocksLeft(): number {
    return (this.taking.left ?? this.changed).size;
  }

  /** What `takeChanges` has not given; all that `changes` gives where nobody takes any. */
  *changesLeft(): Generator<DiskChange> {
    if (!this.taking.left) return yield* this.changes();
    for (const block of [...this.taking.left].sort((a, b) => a - b)) yield { block, bytes: this.blockAsRead(block) };
  }

  /** Nobody takes any more. */
  endTaking(): void {
    this.taking.left = undefined;
  }

  private blockAsRead(block: number): Uint8Array {
    const changed = this.changed.get(block);
    if (changed) return changed;
    const bytes = new Uint8Array(BLOCK_BYTES);
    this.fromSource(block * BLOCK_BYTES, bytes);
    return bytes;
  }

  // The past of its domain (src/hypervisor/history).

  /** All that is written is kept here. */
  get keepsWrites(): boolean {
    return this.readOnly || this.source.readOnly;
  }

  /** Blocks that changed since the last call; of the first one all that are not as the medium has them. */
  takeWritten(): number[] {
    const written = this.written ?? this.changed.keys();
    this.written = new Set();
    return [...written];
  }

  /** Undefined: it is as the medium has it. */
  block(number: number): Uint8Array | undefined {
    return this.changed.get(number);
  }

  putBlock(number: number, bytes: Uint8Array | undefined): void {
    if (bytes) this.changed.set(number, bytes.slice());
    else this.changed.delete(number);
    this.taking.left?.add(number);
    if (this.keeping.by) this.keeping.left.add(number);
  }

  /** Takes back what `changes` gave. Blocks past the end are ignored. */
  change({ block, bytes }: DiskChange): void {
    if (block * BLOCK_BYTES >= this.source.bytes || bytes.length !== BLOCK_BYTES) return;
    this.changed.set(block, bytes.slice());
    if (this.keeping.by) this.keeping.left.add(block);
  }
}
