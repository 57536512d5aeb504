/** A virtual processor, read from memory: registers, where its addresses lead, its last exits. */
import {
  CR4_PAE,
  CR4_PSE,
  EFER_LMA,
  EVENT_ERROR_CODE,
  EVENT_EXCEPTION,
  EVENT_NMI,
  EVENT_PRIVILEGED_SOFTWARE,
  EVENT_SOFTWARE,
  EVENT_SOFTWARE_EXCEPTION,
  EVENT_TYPE_MASK,
  PTE_P,
  PTE_PS,
} from '../../cpu/architecture/index.ts';
import { arithmeticOf, ipOf, isLongCode, wideOf } from '../../cpu/architecture/index.ts';
import { PageWalk, PHYSICAL_BITS, ShadowWalk, type Translation } from '../../cpu/architecture/index.ts';
import { registers as R } from '../../cpu/architecture/index.ts';
import { EXIT_COUNTERS } from './exit-reasons.ts';
import {
  DOMAIN,
  FRAME_BYTES,
  LAST_CODE,
  LAST_CODE_ABOUT,
  LAST_CODE_COUNT,
  LAST_CODE_KEPT,
  LAST_CODE_RING,
  LAST_CODE_WORDS,
  LAST_EXITS,
  LAST_EXITS_COUNT,
  LAST_EXITS_RING,
  LAST_EXIT_WORDS,
  VCPU_BYTES,
  VCPU_EXITS,
  VCPU_RETIRED,
} from '../layout/layout.ts';
import type { SecondStage } from '../memory/second-stage.ts';
import { get64, getSigned64 } from '../memory/words.ts';
import { type Copy, type MemoryView, wholeEntries } from './memory-view.ts';
import { type PagingEntry, pagingEntries } from './paging-entries.ts';

/** Intel's activity state of a processor that nobody has started (SDM vol. 3, 25.4.2). */
const WAIT_FOR_SIPI = 3;
/** In EFLAGS: virtual-8086 mode. */
const VM = 1 << 17;
/** An address or a word of the second stage to the number of its frame. */
const PAGE_SHIFT = 12,
  /** Of an entry's high word. */
  HIGH_FRAME_BITS = 2 ** (PHYSICAL_BITS - 32) - 1,
  /** Of 64-bit paging structures. */
  LONG_LEVELS = 4;

/** The domain whose vCPU it is (DomainView). */
interface ViewedDomain {
  readonly memory: MemoryView;
  /** Its entry in the domain table. */
  readonly entry: Int32Array;
  readonly currentVcpu: number;
  readonly secondStage: SecondStage;
}

export interface LastExit {
  /** Number of the exit since the vCPU started, from 0. */
  number: number;
  reason: number;
  qualification: number;
  /** Offset in CS: of 64-bit code a canonical address, with a sign. */
  ip: number;
  /** Guest-physical address, port or value, as the reason has it. */
  detail: number;
}

/** By whom it came: INT n is a software interrupt, INT3, INTO and INT1 are exceptions that an instruction asks for (SDM vol. 3, table 25-17). */
export type EventType = 'external' | 'NMI' | 'exception' | 'software interrupt' | 'software exception';
const EVENT_TYPES: Readonly<Record<number, EventType>> = {
  [EVENT_NMI]: 'NMI',
  [EVENT_EXCEPTION]: 'exception',
  [EVENT_SOFTWARE]: 'software interrupt',
  [EVENT_PRIVILEGED_SOFTWARE]: 'software exception',
  [EVENT_SOFTWARE_EXCEPTION]: 'software exception',
};

/** An interrupt or exception that a processor began to deliver. */
export interface UndeliveredEvent {
  vector: number;
  type: EventType;
  /** Where the vector has one. */
  error?: number;
  /** Of a page fault: the linear address, a number with a sign where 64-bit code has it. */
  address: number;
}

/** An instruction that a vCPU has done: where it was, which general registers it gave which value, and its last write to memory. */
export interface LastInstruction {
  linear: number;
  /** Offset in CS; addresses of 64-bit code have a sign. */
  ip: number;
  bits: 16 | 32 | 64;
  /** What it changed was seen. */
  isKnown: boolean;
  registers: { number: number; value: bigint }[];
  written?: { linear: number; bytes: number; value: bigint };
}

/** An entry of the ring of last instructions. `high`: of 64-bit code, its high halves. */
function lastInstruction(low: Int32Array, high: Int32Array | undefined): LastInstruction {
  const about = low[2],
    bytes = (about >>> LAST_CODE_ABOUT.WRITTEN) & 15;
  const address = (word: number): number => (high ? high[word] * 2 ** 32 : 0) + (low[word] >>> 0),
    value = (word: number): bigint => (BigInt((high?.[word] ?? 0) >>> 0) << 32n) | BigInt(low[word] >>> 0);
  return {
    linear: address(0),
    ip: high ? address(0) : low[1] >>> 0,
    bits: high ? 64 : (about & LAST_CODE_ABOUT.IS_32) !== 0 ? 32 : 16,
    isKnown: (about & LAST_CODE_ABOUT.IS_KNOWN) !== 0,
    registers: Array.from({ length: (about >>> LAST_CODE_ABOUT.COUNT) & 3 }, (_, i) => ({
      number: (about >>> (LAST_CODE_ABOUT.REGISTERS + 4 * i)) & 15,
      value: value(3 + i),
    })),
    ...(bytes === 0 ? {} : { written: { linear: address(6), bytes, value: value(7) } }),
  };
}

export class VcpuView {
  readonly id: number;
  private readonly domain: ViewedDomain;
  private readonly block: Int32Array;

  constructor(domain: ViewedDomain, id: number) {
    this.domain = domain;
    this.id = id;
    this.block = domain.memory.block(domain.entry[DOMAIN.VCPU] + id * VCPU_BYTES, VCPU_BYTES / 4);
  }

  /** Its turn is on, in a domain whose vCPUs take turns. */
  get isCurrent(): boolean {
    return this.domain.currentVcpu === this.id;
  }

  /** State words (src/cpu/architecture/registers.ts), as they are now: of one that runs they change. Torn: its turn began or ended meanwhile, or there are none. */
  registers(): Copy {
    const { domain } = this;
    const look = (): Int32Array =>
      (this.isCurrent
        ? domain.memory.block(domain.entry[DOMAIN.LIVE], R.STATE_WORDS)
        : this.block.subarray(0, R.STATE_WORDS)
      ).slice();
    const before = this.isCurrent;
    const words = look();
    if (words.length < R.STATE_WORDS) return { words: new Int32Array(R.STATE_WORDS), torn: true };
    return this.isCurrent === before ? { words, torn: false } : { words: look(), torn: true };
  }

  /** Instructions that it has retired, of its domain's. */
  get retired(): number {
    return this.block.length === 0 ? 0 : get64(this.block, VCPU_RETIRED);
  }

  /** Exits of this vCPU, a counter a reason (exit-reasons.ts). */
  exits(): Uint32Array {
    return Uint32Array.from(this.block.subarray(VCPU_EXITS, VCPU_EXITS + EXIT_COUNTERS));
  }

  /** The last ones, oldest first, and how many there were. */
  lastExits(): { exits: LastExit[]; total: number } {
    const { block } = this;
    if (block.length === 0) return { exits: [], total: 0 };
    const total = Atomics.load(block, LAST_EXITS);
    const ring = block.slice(LAST_EXITS_RING, LAST_EXITS_RING + LAST_EXITS_COUNT * LAST_EXIT_WORDS);
    const oldest = total >>> 0 > LAST_EXITS_COUNT ? (total - LAST_EXITS_COUNT) | 0 : 0;
    const { first } = wholeEntries(oldest, total, Atomics.load(block, LAST_EXITS), LAST_EXITS_COUNT);
    const exits = Array.from({ length: (total - first) >>> 0 }, (_, i) => {
      const number = (first + i) >>> 0,
        at = (number % LAST_EXITS_COUNT) * LAST_EXIT_WORDS;
      return {
        number,
        reason: ring[at],
        qualification: ring[at + 1],
        ip: getSigned64(ring, at + 2),
        detail: getSigned64(ring, at + 4),
      };
    });
    return { exits, total: total >>> 0 };
  }

  /** The last instructions, oldest first; undefined: its domain does not keep them. Of one that runs they may be torn. */
  lastCode(): LastInstruction[] | undefined {
    const { block, domain } = this;
    const [first] = domain.memory.block((domain.entry[DOMAIN.VCPU] >>> 0) + LAST_CODE_KEPT * 4, 1);
    if (block.length === 0 || !first) return undefined;
    const total = block[LAST_CODE] >>> 0,
      count = Math.min(total, LAST_CODE_COUNT),
      ring = block.slice(LAST_CODE_RING, LAST_CODE_RING + LAST_CODE_COUNT * LAST_CODE_WORDS);
    const entry = (i: number): Int32Array => {
      const at = (((total - count + i) >>> 0) % LAST_CODE_COUNT) * LAST_CODE_WORDS;
      return ring.subarray(at, at + LAST_CODE_WORDS);
    };
    const code: LastInstruction[] = [];
    for (let i = 0; i < count; i++) {
      const low = entry(i),
        is64 = (low[2] & LAST_CODE_ABOUT.IS_64) !== 0;
      // The first half of the oldest may be gone.
      if ((low[2] & LAST_CODE_ABOUT.IS_HIGH) === 0 && (!is64 || i + 1 < count))
        code.push(lastInstruction(low, is64 ? entry(++i) : undefined));
    }
    return code;
  }

  /** It was started and is not down, also while its whole domain is paused. */
  get isUp(): boolean {
    return (this.id === 0 || this.retired > 0) && this.registers().words[R.ACTIVITY] !== WAIT_FOR_SIPI;
  }

  /** Registers and address space together, as they are now, for callers that ask several things of them. */
  look(): VcpuState {
    return new VcpuState(this, this.domain);
  }
}

/** An entry of a shadow page table, of level 1 (a leaf) to 4: its machine address, and its two words (cpu/architecture/shadow-walk.ts). */
export interface ShadowEntry {
  level: number;
  machine: number;
  low: number;
  high: number;
}

/** A copy of a vCPU's registers, and its memory through them. */
export class VcpuState {
  readonly regs: Int32Array;
  readonly torn: boolean;
  private readonly domain: ViewedDomain;
  private readonly stage: SecondStage;
  private readonly walk: PageWalk;
  private readonly vcpu: number;

  constructor(vcpu: VcpuView, domain: ViewedDomain) {
    const { words, torn } = vcpu.registers();
    this.vcpu = vcpu.id;
    this.regs = words;
    this.torn = torn;
    this.domain = domain;
    this.stage = domain.secondStage;
    this.walk = new PageWalk(words, domain.memory.words, this.stage.words);
  }

  /** From now on addresses are those of another space of the same guest: tables and, with PAE, directory pointers as they are in its memory now. */
  enter(cr3: number): void {
    const { regs } = this,
      { memory } = this.domain;
    if (wideOf(regs, R.CR3) === cr3) return;
    regs[R.CR3] = cr3;
    regs[R.CR3 + R.HIGH] = Math.floor(cr3 / 2 ** 32);
    const offset = this.stage.offset((cr3 & -32) >>> 0);
    if ((regs[R.CR4]! & CR4_PAE) === 0 || offset < 0) return;
    const at = offset >>> 2;
    for (let i = 0; i < 8; i++) regs[R.PDPTE + i] = memory.word(at + i);
  }

  /** EFLAGS whole: the arithmetic flags are computed from what the processor remembers of the last operation. */
  get eflags(): number {
    const { regs } = this;
    return arithmeticOf(regs) | regs[R.EFLAGS] | 2;
  }

  /** Instructions that the domain's vCPUs have retired since its reset. */
  get retired(): number {
    return (this.regs[R.RETIRED_LOW] >>> 0) + (this.regs[R.RETIRED_HIGH] >>> 0) * 2 ** 32;
  }

  /** Events in a row that could not be delivered, oldest first: of a vCPU whose last exit is a triple fault, what led to it. */
  get undelivered(): readonly UndeliveredEvent[] {
    const { regs } = this;
    const count = Math.min(Math.max(0, regs[R.UNDELIVERED]), R.UNDELIVERED_MOST);
    return Array.from({ length: count }, (_, i) => {
      const at = R.UNDELIVERED_EVENTS + i * R.UNDELIVERED_WORDS,
        information = regs[at];
      return {
        vector: information & 255,
        type: EVENT_TYPES[information & EVENT_TYPE_MASK] ?? 'external',
        ...((information & EVENT_ERROR_CODE) === 0 ? {} : { error: regs[at + 1] >>> 0 }),
        address: wideOf(regs, at + 2),
      };
    });
  }

  /** It runs 64-bit code. Its addresses are numbers with a sign then, as the processor's exits tell them: what is canonical is exact so. */
  get isLong(): boolean {
    return isLongCode(this.regs);
  }

  /** Width of the code that it runs. */
  get bits(): 16 | 32 | 64 {
    if (this.isLong) return 64;
    const { regs } = this;
    return (regs[R.SEG + R.CS * R.SEG_WORDS + R.SEG_RIGHTS] & R.RIGHTS_DB) !== 0 && (regs[R.EFLAGS] & VM) === 0
      ? 32
      : 16;
  }

  /** The instruction pointer: an offset in CS. */
  get ip(): number {
    return ipOf(this.regs);
  }

  /** Linear address of an offset in a segment (R.CS …): of 64-bit code only FS and GS have bases. */
  linear(segment: number, offset: number): number {
    if (this.isLong)
      return segment < R.FS ? offset : offset + wideOf(this.regs, R.SEG + segment * R.SEG_WORDS + R.SEG_BASE);
    return (this.regs[R.SEG + segment * R.SEG_WORDS + R.SEG_BASE] + offset) >>> 0;
  }

  /** Linear to physical to machine, with the entries on the way. */
  translate(linear: number, access: 'read' | 'write' | 'fetch' = 'read'): Translation {
    return this.walk.explain(linear, access);
  }

  /**
   * The entries of the shadow tables (hap = 0) on the way of an address, from the top: all that the processor walks, as far as the hypervisor has filled them;
   * the last one may be empty. Undefined: it walks the guest's own tables and the second stage.
   */
  shadow(linear: number): ShadowEntry[] | undefined {
    const { regs, domain, vcpu } = this,
      top = domain.entry[DOMAIN.SHADOW] >>> PAGE_SHIFT;
    if (top === 0) return undefined;
    const { memory } = domain,
      walk = new ShadowWalk(regs, memory.words),
      high = this.isLong ? Math.floor(linear / 2 ** 32) : 0,
      entries: ShadowEntry[] = [];
    walk.root = top + vcpu;
    for (let { levels: level } = walk as { levels: number }; level > 0; level--) {
      const at = walk.find(linear | 0, high, level);
      if (walk.reached !== level) break;
      entries.push({ level, machine: at * 4, low: memory.word(at), high: memory.word(at + 1) });
    }
    return entries;
  }

  /**
   * Machine frames of the paging structures to which CR3 leads now; none where paging is off. A large page has no table. One that is met twice, as where a
   * system maps its tables by themselves, is gone through once a level. Source: SDM vol. 3, 4.3 to 4.5.
   */
  tables(): Set<number> {
    const { regs } = this,
      { memory } = this.domain,
      found = new Set<number>(),
      seen = new Set<number>();
    if (regs[R.CR0] >= 0) return found;
    const isPae = (regs[R.CR4] & CR4_PAE) !== 0,
      hasLarge = isPae || (regs[R.CR4] & CR4_PSE) !== 0,
      entryWords = isPae ? 2 : 1;
    const visit = (low: number, high: number, level: number): void => {
      const mfn = this.stage.mfn(((high & HIGH_FRAME_BITS) << (32 - PAGE_SHIFT)) | (low >>> PAGE_SHIFT));
      if (mfn < 0) return;
      found.add(mfn);
      if (level === 1 || seen.has(mfn * 8 + level)) return;
      seen.add(mfn * 8 + level);
      const at = memory.frame(mfn);
      for (let i = 0; i < FRAME_BYTES / 4; i += entryWords) {
        const entry = memory.word(at + i),
          isLarge = hasLarge && level < LONG_LEVELS && (entry & PTE_PS) !== 0;
        if ((entry & PTE_P) !== 0 && !isLarge) visit(entry, isPae ? memory.word(at + i + 1) : 0, level - 1);
      }
    };
    if ((regs[R.EFER] & EFER_LMA) !== 0) visit(regs[R.CR3], regs[R.CR3 + R.HIGH], LONG_LEVELS);
    else if (isPae) {
      // Its four entries are in registers.
      visit(regs[R.CR3], 0, 1);
      for (let i = R.PDPTE; i < R.PDPTE + 8; i += 2) if ((regs[i] & PTE_P) !== 0) visit(regs[i], regs[i + 1], 2);
    } else visit(regs[R.CR3], 0, 2);
    return found;
  }

  /** Entries of 64 bits: physical address extension, or 64-bit mode. */
  get isPae(): boolean {
    return (this.regs[R.CR4] & CR4_PAE) !== 0;
  }

  /** Present entries of the paging structures to which CR3 leads now, in the order of their addresses; none where paging is off. */
  pagingEntries(): Generator<PagingEntry> {
    const { regs, stage } = this;
    return pagingEntries({ regs, memory: this.domain.memory, mfn: gfn => stage.mfn(gfn) });
  }

  /** Bytes at a guest-physical address, as far as there is memory. */
  physicalBytes(address: number, count: number): Uint8Array {
    const { memory } = this.domain,
      bytes = new Uint8Array(count);
    for (let done = 0; done < count; ) {
      const at = address + done,
        mfn = this.stage.mfn(Math.floor(at / FRAME_BYTES));
      if (mfn < 0) return bytes.slice(0, done);
      const inFrame = at % FRAME_BYTES,
        part = Math.min(count - done, FRAME_BYTES - inFrame);
      memory.read(mfn * FRAME_BYTES + inFrame, bytes, done, part);
      done += part;
    }
    return bytes;
  }

  /** Machine frame at a linear address, whatever the rights; -1: none. */
  frameAt(linear: number): number {
    return this.stage.mfn(this.walk.find(linear | 0, this.isLong ? Math.floor(linear / 2 ** 32) : 0));
  }

  /** Bytes at a linear address, whatever the rights, as far as memory is mapped there. */
  bytesAt(linear: number, count: number): Uint8Array {
    const { memory } = this.domain,
      bytes = new Uint8Array(count);
    const { isLong } = this;
    for (let done = 0; done < count; ) {
      const at = isLong ? linear + done : (linear + done) >>> 0,
        mfn = this.frameAt(at);
      if (mfn < 0) return bytes.slice(0, done);
      const inFrame = at & (FRAME_BYTES - 1),
        part = Math.min(count - done, FRAME_BYTES - inFrame);
      memory.read(mfn * FRAME_BYTES + inFrame, bytes, done, part);
      done += part;
    }
    return bytes;
  }
}
