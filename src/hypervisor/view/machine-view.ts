/**
 * What a host holds, read from its memory alone: the domain table, the frames, the run queue. For the page, the command line, reports of dead workers and
 * tests: none of them needs a Machine, a Domain or a processor. Cheap to make; every call reads again and changes nothing.
 */
import {
  DOMID_XEN,
  DOMAIN,
  DOMAIN_WORDS,
  FRAME,
  FRAME_COUNT_MASK,
  FRAME_FLAG,
  FRAME_OWNER_SHIFT,
  FRAME_PINNED,
  FRAME_TAKER_SHIFT,
  FRAME_TYPE,
  FRAME_TYPE_SHIFT,
  FRAME_VALIDATED,
  FRAME_WORDS,
  INVALID_M2P,
  MAX_DOMAINS,
  XENHEAP,
  XENHEAP_MAGIC,
  XENHEAP_VERSION,
} from '../layout/layout.ts';
import { DomainView } from './domain-view.ts';
import { MemoryView } from './memory-view.ts';
import { SchedulerView } from './scheduler.ts';

/** A machine frame, as the frame table has it. */
export interface FrameState {
  mfn: number;
  /** Domain id; DOMID_XEN: the hypervisor's; -1: free. */
  owner: number;
  /** References that keep it from the allocator, its owner's among them. */
  references: number;
  /** One of the references is its owner's. */
  allocated: boolean;
  /** A ROM's or a frame buffer's. */
  device: boolean;
  /** Its owner's processor has translated code from it. */
  code: boolean;
  /** The hypervisor's, though a domain owns it. */
  xen: boolean;
  /** Page type of PV memory, how many use it as that, and what pinning and validation say. */
  type: keyof typeof FRAME_TYPE;
  uses: number;
  pinned: boolean;
  validated: boolean;
  /** Mappings of others that may write it. */
  writers: number;
  /** Slot of the domain whose worker took it for the hypervisor; -1: none did. */
  taker: number;
  /** The frame number by which a PV owner knows it (M2P); -1: none. */
  m2p: number;
}

const TYPE_NAMES = new Map<number, keyof typeof FRAME_TYPE>(
  Object.entries(FRAME_TYPE).map(([name, type]) => [type, name as keyof typeof FRAME_TYPE]),
);

export class MachineView {
  readonly memory: MemoryView;
  /** The holders of the slots, and why. */
  readonly scheduler: SchedulerView;

  constructor(memory: SharedArrayBuffer | ArrayBuffer) {
    this.memory = new MemoryView(memory);
    this.scheduler = new SchedulerView(memory);
  }

  /** The id of the domain whose vCPUs a unit of the run queue is; -1: it is gone. */
  idOf(unit: number): number {
    return unit === 0 ? 0 : (this.at(unit)?.id ?? -1);
  }

  /** Whether this is machine memory of this version. Of any other memory no domain and no frame is shown. */
  get isMachine(): boolean {
    return this.memory.word(XENHEAP.MAGIC) === XENHEAP_MAGIC && this.memory.word(XENHEAP.VERSION) === XENHEAP_VERSION;
  }

  get frames(): number {
    return this.isMachine ? Math.min(this.memory.unsigned(XENHEAP.FRAMES), this.memory.words.length >>> 10) : 0;
  }

  get freeFrames(): number {
    return this.isMachine ? this.memory.unsigned(XENHEAP.FREE_FRAMES) : 0;
  }

  /** The domains of the domain table by index, those that are dying among them. */
  domains(): DomainView[] {
    return Array.from({ length: MAX_DOMAINS }, (_, index) => this.at(index)).filter(domain => domain !== undefined);
  }

  /** A domain by its id; undefined: it is not there. */
  domain(id: number): DomainView | undefined {
    return this.domains().find(domain => domain.id === id);
  }

  /** The domain at an index of the domain table. */
  at(index: number): DomainView | undefined {
    if (!this.isMachine || !(index >= 0 && index < MAX_DOMAINS)) return undefined;
    const { memory } = this;
    const at = (memory.unsigned(XENHEAP.DOMAIN_TABLE) >>> 2) + index * DOMAIN_WORDS;
    const id = memory.word(at + DOMAIN.ID);
    if (id <= 0) return undefined;
    const entry = memory.words.slice(at, at + DOMAIN_WORDS);
    // Who is taken from the table is wiped from the last word to the first: where this one is whole, so were those before it.
    if (
      entry.length < DOMAIN_WORDS ||
      memory.word(at + DOMAIN.ID) !== id ||
      memory.word(at + DOMAIN.ONLINE_VCPUS) === 0
    )
      return undefined;
    return new DomainView(memory, index, at, entry);
  }

  /** A frame's entry; undefined: there is no such frame. */
  frame(mfn: number): FrameState | undefined {
    if (!(mfn >= 0 && mfn < this.frames)) return undefined;
    const { memory } = this;
    const at = (memory.unsigned(XENHEAP.FRAME_TABLE) >>> 2) + mfn * FRAME_WORDS;
    const [count, flags, type, writers] = memory.copy(at, FRAME_WORDS).words;
    const owner = (count >>> FRAME_OWNER_SHIFT) - 1;
    const m2p = memory.word((memory.unsigned(XENHEAP.M2P) >>> 2) + mfn);
    return {
      mfn,
      owner,
      references: count & FRAME_COUNT_MASK,
      allocated: (flags & FRAME_FLAG.ALLOCATED) !== 0,
      device: (flags & FRAME_FLAG.DEVICE) !== 0,
      code: (flags & FRAME_FLAG.CODE) !== 0,
      xen: (flags & FRAME_FLAG.XEN) !== 0,
      type: TYPE_NAMES.get(type >>> FRAME_TYPE_SHIFT) ?? 'NONE',
      uses: type & FRAME_COUNT_MASK,
      pinned: (type & FRAME_PINNED) !== 0,
      validated: (type & FRAME_VALIDATED) !== 0,
      writers,
      taker: owner === DOMID_XEN ? (flags >>> FRAME_TAKER_SHIFT) - 1 : -1,
      m2p: m2p === INVALID_M2P ? -1 : m2p,
    };
  }

  /** Each frame's owner (domain id, DOMID_XEN, -1 of a free one): one pass over the frame table. */
  owners(): Int16Array {
    const { memory, frames } = this;
    const table = memory.unsigned(XENHEAP.FRAME_TABLE) >>> 2;
    const owners = new Int16Array(frames);
    for (let mfn = 0; mfn < frames; mfn++)
      owners[mfn] = (memory.unsigned(table + mfn * FRAME_WORDS + FRAME.COUNT) >>> FRAME_OWNER_SHIFT) - 1;
    return owners;
  }

  /** Of each frame, whether its owner's processor has translated code from it and whether more than its owner refers to it: one pass over the frame table. */
  marks(): { code: Uint8Array; referred: Uint8Array } {
    const { memory, frames } = this;
    const table = memory.unsigned(XENHEAP.FRAME_TABLE) >>> 2;
    const code = new Uint8Array(frames),
      referred = new Uint8Array(frames);
    for (let mfn = 0, at = table; mfn < frames; mfn++, at += FRAME_WORDS) {
      code[mfn] = (memory.word(at + FRAME.FLAGS) & FRAME_FLAG.CODE) !== 0 ? 1 : 0;
      referred[mfn] = (memory.word(at + FRAME.COUNT) & FRAME_COUNT_MASK) > 1 ? 1 : 0;
    }
    return { code, referred };
  }

  /** Frames by owner. */
  framesByOwner(): Map<number, number> {
    const counts = new Map<number, number>();
    for (const owner of this.owners()) counts.set(owner, (counts.get(owner) ?? 0) + 1);
    return counts;
  }
}
