/** The grant table of a domain (layout.ts, GRANT): what it lets others use, who uses it, and what it has mapped of others. */
import { FRAME_BYTES } from '../../../layout/layout.ts';
import {
  ACTIVE_PER_FRAME,
  ENTRIES_V1,
  ENTRIES_V2,
  GRANT,
  GRANT_ACTIVE,
  GRANT_MAP,
  GRANTS_BYTES,
  MAPS_PER_FRAME,
  STATUS_PER_FRAME,
  GRANTS_AT,
} from '../layout.ts';
import { GNTMAP, GTF } from '../abi.ts';
import type { DomainView } from '../../../view/domain-view.ts';
import type { MemoryView } from '../../../view/memory-view.ts';
import { xenViewOf } from './xen-view.ts';

/** Who uses an entry now. */
export interface GrantUse {
  user: number;
  readers: number;
  writers: number;
  /** Machine frame; -1: the grant is handed on to another domain's. */
  mfn: number;
  /** The bytes of the frame that are granted. */
  start: number;
  length: number;
}

export interface GrantEntry {
  ref: number;
  type: 'access' | 'transitive' | 'other';
  /** Domain that may use it. */
  domid: number;
  /** Guest frame; of a transitive one the reference at `behind`. */
  frame: number;
  /** Transitive: the domain whose grant is handed on. */
  behind?: number;
  readonly: boolean;
  /** What the guest sees: somebody reads it, somebody writes it. */
  reading: boolean;
  writing: boolean;
  use?: GrantUse;
}

/** A frame of another domain that this one has mapped. */
export interface GrantMapping {
  handle: number;
  /** Whose grant, and its reference. */
  domid: number;
  ref: number;
  /** Mapped for the processor, for devices. */
  host: boolean;
  device: boolean;
  readonly: boolean;
  /** Guest frame where an HVM or PVH domain sees it. */
  gfn: number;
}

export interface GrantsView {
  /** Of the entries: 1 or 2. */
  version: number;
  /** Frames of entries that there are, and may be. */
  frames: number;
  maxFrames: number;
  /** Entries that grant something, or are in use. */
  entries: GrantEntry[];
  mappings: GrantMapping[];
  /** The table changed its size or version meanwhile. Guests change their entries whenever they like. */
  torn: boolean;
}

const FRAME_WORDS = FRAME_BYTES / 4;

export function grantsOf(domain: DomainView | undefined): GrantsView | undefined {
  const xen = xenViewOf(domain);
  if (!domain || !xen) return undefined;
  const { memory } = domain;
  const at = (xen.block + GRANTS_AT) >>> 2;
  if (at === 0) return undefined;
  const { words: block, torn } = memory.copy(at, GRANTS_BYTES / 4);
  if (block.length < GRANTS_BYTES / 4)
    return { version: 0, frames: 0, maxFrames: 0, entries: [], mappings: [], torn: true };
  const table = new Table(memory, block);
  const { entries } = table,
    mappings = table.mappings();
  const fields = [GRANT.VERSION, GRANT.FRAMES, GRANT.STATUS_FRAMES, GRANT.MAPTRACK_FRAMES];
  return {
    version: table.version,
    frames: table.frames,
    maxFrames: block[GRANT.MAX_FRAMES],
    entries,
    mappings,
    torn: torn || fields.some(field => memory.word(at + field) !== block[field]),
  };
}

class Table {
  private readonly memory: MemoryView;
  private readonly block: Int32Array;
  readonly version: number;
  readonly frames: number;

  constructor(memory: MemoryView, block: Int32Array) {
    this.memory = memory;
    this.block = block;
    this.version = block[GRANT.VERSION] === 2 ? 2 : 1;
    this.frames = Math.min(GRANT.FRAMES_LIMIT, Math.max(0, block[GRANT.FRAMES]));
  }

  /** A word of the n-th record of `perFrame` a frame, in the frames that the block names from `first`. */
  private wordOf(first: number, index: number, perFrame: number, field: number): number {
    const frame = this.memory.frame(this.block[first + Math.floor(index / perFrame)]);
    return frame < 0 ? 0 : this.memory.word(frame + (index % perFrame) * (FRAME_WORDS / perFrame) + field);
  }

  private get perFrame(): number {
    return this.version === 2 ? ENTRIES_V2 : ENTRIES_V1;
  }

  get entries(): GrantEntry[] {
    const entries: GrantEntry[] = [];
    for (let ref = 0; ref < this.frames * this.perFrame; ref++) {
      const entry = this.entry(ref);
      if (entry) entries.push(entry);
    }
    return entries;
  }

  private entry(ref: number): GrantEntry | undefined {
    const word = (field: number): number => this.wordOf(GRANT.SHARED, ref, this.perFrame, field);
    const head = word(0),
      type = head & GTF.TYPE,
      use = this.use(ref);
    if (type === GTF.INVALID && !use) return undefined;
    const status = this.version === 2 ? this.status(ref) : head;
    return {
      ref,
      type: type === GTF.PERMIT_ACCESS ? 'access' : type === GTF.TRANSITIVE ? 'transitive' : 'other',
      domid: head >>> 16,
      frame: word(this.version === 2 ? 2 : 1) >>> 0,
      ...(type === GTF.TRANSITIVE && this.version === 2 ? { behind: word(1) & 0xffff } : {}),
      readonly: (head & GTF.READONLY) !== 0,
      reading: (status & GTF.READING) !== 0,
      writing: (status & GTF.WRITING) !== 0,
      ...(use ? { use } : {}),
    };
  }

  /** Status word of version 2: 16 bits. */
  private status(ref: number): number {
    const frame = this.memory.frame(this.block[GRANT.STATUS + Math.floor(ref / STATUS_PER_FRAME)]);
    const half = ref % STATUS_PER_FRAME;
    return frame < 0 ? 0 : this.memory.word(frame + (half >>> 1)) >>> ((half & 1) * 16);
  }

  private use(ref: number): GrantUse | undefined {
    const word = (field: number): number => this.wordOf(GRANT.ACTIVE, ref, ACTIVE_PER_FRAME, field);
    const pins = word(GRANT_ACTIVE.PINS);
    if (pins === 0) return undefined;
    const span = word(GRANT_ACTIVE.SPAN);
    return {
      user: word(GRANT_ACTIVE.DOMID),
      readers: pins & 0xffff,
      writers: pins >>> 16,
      mfn: Math.max(-1, word(GRANT_ACTIVE.MFN)),
      start: span & 0xffff,
      length: span >>> 16,
    };
  }

  mappings(): GrantMapping[] {
    const mappings: GrantMapping[] = [];
    const frames = Math.min(GRANT.MAPTRACK_LIMIT, Math.max(0, this.block[GRANT.MAPTRACK_FRAMES]));
    for (let handle = 0; handle < frames * MAPS_PER_FRAME; handle++) {
      const word = (field: number): number => this.wordOf(GRANT.MAPTRACK, handle, MAPS_PER_FRAME, field);
      const flags = word(GRANT_MAP.FLAGS);
      if (flags === 0) continue;
      const has = (flag: number): boolean => (flags & flag) !== 0;
      mappings.push({
        handle,
        domid: word(GRANT_MAP.DOMID),
        ref: word(GRANT_MAP.REF),
        host: has(GNTMAP.HOST),
        device: has(GNTMAP.DEVICE),
        readonly: has(GNTMAP.READONLY),
        gfn: word(GRANT_MAP.GFN),
      });
    }
    return mappings;
  }
}
