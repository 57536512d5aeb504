/**
 * *Idea.* Interpreting costs the same for the millionth run of an instruction as for the first. The second tier finds the few places where a guest
 * spends its time and compiles them to JavaScript functions, *regions*, which V8 then compiles to machine code. Finding them must be cheap, so it is
 * done by sampling: every BATCH retired instructions the interpreter returns here, and its position is a sample. When enough samples fall into one
 * line of memory, the next instructions are traced one by one. A loop or function that the trace shows becomes a region, and so does a place to which
 * regions often exit. Counts are halved at each epoch, so only code that takes a real share of recent time is compiled.
 *
 * Invariants: registers, memory and the number of retired instructions are those of the interpreter, whatever was compiled and when, so runs in
 * virtual time stay identical. A region is entered through a record (code-cache.ts), and is dropped as soon as a byte of its code changes. All limits
 * are counts of instructions, never time. See docs/engine.md, "The second tier".
 */
import type { Features } from '../architecture/cpuid.ts';
import { DOUBLE_ZERO } from '../architecture/edge.ts';
import { CR0_PE } from '../architecture/control-bits.ts';
import { arithmetic, carry, condition, kindWithChange, outcome, VM, withChange } from '../architecture/flags.ts';
import {
  type CodeKind,
  type CodePage,
  type Compile,
  type EntryState,
  isLinear,
  type RegionCompiler,
  type RegionOptions,
  type RegionStatistics,
  type RegionText,
  type RegionView,
  type Regions,
  type Seen,
} from '../architecture/regions.ts';
import { CR0, EDI, EFLAGS, EIP } from '../architecture/registers.ts';
import { type Entry, linesOf } from '../code-cache.ts';
import type { Cpu } from '../cpu.ts';
import { multiplyHigh, productFlags } from '../ops/arithmetic.ts';
import { identify } from '../ops/system.ts';
import * as hot from '../fpu/hot.ts';
import { pairValues } from '../fpu/pairs.ts';
import { packedFunctions } from '../fpu/packed.ts';
import { laneFunctions, numbers } from '../fpu/sse.ts';
import { implicitIndex } from '../fpu/strings.ts';
import { META, OP } from '../record.ts';
import { OP_ENTRY } from '../record-writer.ts';
import { S_BUDGET, S_STOP, S_USER, THROWN, USER } from '../scratch.ts';
import { DECODED } from '../table/index.ts';
import { INVALID } from '../tlb.ts';
import { Compilation } from './compilation.ts';
import {
  BATCH,
  BREAK,
  EPOCH,
  EPOCH_SHIFT,
  EXITS_A_SAMPLE,
  EXITS_KEPT,
  FIRST_SAMPLES,
  FIRST_TRACES,
  IDLE,
  IDLE_SHARE,
  LARGE,
  LINE,
  LINE_SHIFT,
  LONGEST_TRACE,
  MAX_COMPILES,
  MAX_COUNTS,
  MAX_DROPS,
  MAX_REGIONS,
  MAX_TRACES,
  MAX_UNDER_WAY,
  PRODUCTS,
  PUT_OFF,
  QUIET,
  REFUSED,
  REGION_BATCH,
  RETRY,
  SHORT,
  SHORT_TEXT,
  TRACE,
  TRACES_AN_EPOCH,
  TRIAL,
  WARM_CALLS,
} from './limits.ts';
import { createCall, createEntry, type Enterable, REGION, RegionTable } from './transfers.ts';

/** Words of a record behind META and REGION: how often regions led to it, in which epoch. */
const EXITS = META + 2,
  EXITS_EPOCH = META + 3;
const NOTHING: ReadonlySet<number> = new Set();

/** Of what ran, offsets from the start of page 0, what lies in these pages: a watch sees thousands of instructions, of which a region has some, and regions live long. */
function within(ran: ReadonlySet<number>, pages: RegionText['pages']): ReadonlySet<number> {
  const numbers = new Set(pages.map(page => page.number)),
    found = new Set<number>();
  for (const at of ran) if (numbers.has(at >> 12)) found.add(at);
  return found;
}

const lineOf = (frame: number, linear: number): number => frame / LINE + ((linear & 4095) >>> LINE_SHIFT);

interface Compiled extends Enterable {
  entry: Entry;
  instructions: number;
  /** Ways from the interpreter into it, and what was done there until control came back, in other regions too. */
  visits: number;
  retired: number;
  /** Entries after which nothing was done, and instructions that it had run when that was looked at last. */
  idle: number;
  looked: number;
  /** Of its text and its code: entering asks them, and V8 takes back what met an object of another shape. */
  windows: boolean;
  isLinear: boolean;
  seen: Seen;
  /** Instructions that it ran before the epoch began. */
  before: number;
  made: RegionText;
  /** Linear address of its first instruction where it was compiled. */
  linear: number;
}

export class RegionTier implements Regions {
  private readonly cpu: Cpu;
  private readonly compile: Compile;
  private readonly call: (p: number) => boolean;
  private readonly threshold: number;
  private compiler: RegionCompiler | null = null;
  /**
   * Linear addresses of the instructions under watch, from one in a hot line (`traced`) on, until it is known where the region is to begin (`head`), of those alone that run
   * at its privilege (`user`: 0 or USER) and in its mode (`key`; `base`: of CS); null: none are.
   */
  private trace: number[] | null = null;
  private traced = 0;
  private user = 0;
  private key = 0;
  private base = 0;
  private head: number | null = null;
  /** How many instructions were watched in all; the linear addresses of those, each once; how many there had been when the last of these came. */
  private watched = 0;
  private readonly ran = new Set<number>();
  private newest = 0;
  /** General registers when control was at the head last. */
  private headRegisters: Int32Array | null = null;
  /** Linear address to which regions often lead: what runs from there is to be watched. Null: none. */
  private exit: number | null = null;
  /** Of those that are allowed at once. */
  private traces = 0;
  /** In the epoch. */
  private compiles = 0;
  /** By record. */
  private readonly underWay = new Map<number, Compilation>();
  private retiredBefore = DOUBLE_ZERO;
  /** Instructions between samples; retired when the next one is due. Batches end early, too, at exits and faults: what comes behind these is not hot for that. */
  private interval = BATCH;
  private due = DOUBLE_ZERO;
  private readonly values: Record<string, unknown>;
  private readonly names: readonly string[];
  private readonly table = new RegionTable<Compiled>(MAX_REGIONS);
  private readonly counts = new Map<number, number>();
  private readonly drops = new Map<number, number>();
  /** Records that a region did no good at, or that cannot be compiled; lines where watching showed nothing new. */
  private readonly refused = new Map<number, number>();
  private readonly refusedLines = new Map<number, number>();
  /** How many regions have code in a line. */
  private readonly covered = new Map<number, number>();
  readonly statistics: RegionStatistics = {
    regions: 0,
    characters: 0,
    compiled: 0,
    evicted: 0,
    dropped: 0,
    givenUp: 0,
    retired: DOUBLE_ZERO,
    samples: 0,
    regionSamples: 0,
  };
  wantsCompiler = false;
  off = false;

  constructor(cpu: Cpu, { compile, threshold = 8 }: RegionOptions) {
    this.cpu = cpu;
    this.call = createCall(cpu, this.table);
    this.compile = compile;
    this.threshold = threshold;
    this.values = {
      R: cpu.R,
      S: cpu.S,
      TR: cpu.tlb.TR,
      TW: cpu.tlb.TW,
      CP: cpu.tlb.CP,
      M1: cpu.M1,
      M2: cpu.M2,
      M4: cpu.M4,
      LINES: cpu.code.lines,
      carry,
      condition,
      arithmetic,
      outcome,
      kindWithChange,
      withChange,
      multiplyHigh,
      productFlags,
      controls: cpu.controls,
      identify: () => identify(cpu),
      readQuietly: (linear: number, size: number) => cpu.memory.readQuietly(linear, size),
      call: this.call,
      callCaught: (p: number) => this.callCaught(p),
      ...hot,
      ...pairValues,
      numbers,
      ...laneFunctions,
      ...packedFunctions,
      implicitIndex,
      FLOATS: new Float32Array(cpu.R.buffer, cpu.R.byteOffset, cpu.R.length),
    };
    this.names = [...Object.keys(this.values), 'calls'];
    for (let i = 0; i < PRODUCTS; i++) {
      productFlags(0x7fffffff, 0x7fffffff - i, 1);
      outcome(i, 0x7fffffff - i, -0x7fffffff + i, 1);
      withChange(kindWithChange(i, i - PRODUCTS / 2), 0x7fffffff - i, -0x7fffffff + i, 1, i - PRODUCTS / 2);
      withChange(i, 0x7fffffff - i, -0x7fffffff + i, 1, 1);
    }
    cpu.writer.functions[OP_ENTRY] = createEntry(cpu, this.table, this.statistics, {
      visited: (p, region, ran) => this.visited(p, region, ran),
      left: (q, region) => this.left(q, region),
      didNothing: index => this.didNothing(index),
    });
  }

  // ---- what its owner does

  get waiting(): boolean {
    return !this.off && (this.wantsCompiler || [...this.underWay.values()].some(({ late }) => late));
  }

  useCompiler(create: (bytes: Uint8Array, features: () => Features) => RegionCompiler): void {
    this.compiler = create(this.cpu.M1, () => this.cpu.writer.instructions);
    this.wantsCompiler = false;
  }

  failed(): void {
    this.off = true;
    this.wantsCompiler = false;
    this.underWay.clear();
    this.table.regions.forEach((region, i) => {
      if (region !== null) this.remove(i);
    });
  }

  hottest(count: number): RegionView[] {
    const those = this.table.regions.flatMap((region, i) =>
      region === null ? [] : [{ region, retired: region.before + this.table.recent[i]! }],
    );
    return those
      .sort((a, b) => b.retired - a.retired)
      .slice(0, count)
      .map(
        ({
          region: {
            made: { text, pages },
            linear,
            seen: {
              kind: { code32 },
            },
          },
          retired,
        }) => ({
          linear,
          code32,
          text,
          retired,
          // Callees may be there more than once.
          code: [
            ...new Map(
              pages.flatMap(({ number, frame, ranges }) =>
                ranges.map(([first, last]) => {
                  const next = pages.find(page => page.number === number + 1)?.frame ?? 0;
                  return [
                    number * 4096 + first,
                    { offset: number * 4096 + first, machine: frame + first, length: last - first + 1, next },
                  ] as const;
                }),
              ),
            ).values(),
          ].sort((a, b) => a.offset - b.offset),
        }),
      );
  }

  get recordBytes(): number {
    return this.cpu.code.bytes;
  }

  // ---- finding what is hot

  /** Instructions up to the next sample; 0 or less: it is due. It is, too, where a reset or a restored state set the processor's count back. */
  private get untilSample(): number {
    const left = this.due - this.cpu.loop.retiredNow;
    return left > REGION_BATCH ? 0 : left;
  }

  /** Instructions in the loop's next batch, at most. */
  get batch(): number {
    if (this.trace !== null) return 1;
    const left = this.untilSample;
    // None is of one instruction: single steps are no samples.
    return left > 1 ? left : this.interval;
  }

  /** A batch of `n` instructions or less begins at record `p` with EIP set. Between instructions. True: it is to have one instruction alone. */
  sample(p: number, n: number): boolean {
    if (this.trace !== null) this.watch(this.trace);
    else if (this.exit !== null) this.watchExit(this.exit);
    // Single steps are no sample.
    else if (n > 1 && (this.untilSample <= 0 || this.threshold === 1)) {
      this.count(p);
      this.due = this.cpu.loop.retiredNow + this.interval;
    }
    return this.trace !== null;
  }

  private count(p: number): void {
    const { counts, statistics } = this;
    if (++statistics.samples % EPOCH === 0) this.halve();
    const inRegions = statistics.retired - this.retiredBefore;
    this.retiredBefore = statistics.retired;
    const busy = inRegions >= this.interval >> 1;
    this.interval = busy ? REGION_BATCH : BATCH;
    if (busy) statistics.regionSamples++;
    if (this.underWay.size > 0 && statistics.samples % BREAK === 0) this.compileOn();
    if (this.off || this.cpu.A[p + OP] === OP_ENTRY) return;
    const { linear } = this,
      page = this.pageAt(linear >>> 12);
    if (page === null) return;
    const line = lineOf(page.frame, linear);
    // A batch that regions ran ends in their code whatever that is worth.
    if (this.refusedLines.has(line) || (busy && this.threshold > 1 && this.covered.has(line))) return;
    const count = (counts.get(line) ?? 0) + 1;
    if (count < this.threshold || !this.canCompile()) {
      if (counts.size < MAX_COUNTS) counts.set(line, count);
      return;
    }
    counts.delete(line);
    if (this.threshold === 1) this.compileAt(p, linear, this.seen(NOTHING));
    else if (this.traces < MAX_TRACES) {
      this.traces++;
      this.beginTrace(linear, line, null);
    }
  }

  private beginTrace(linear: number, line: number, head: number | null): void {
    this.trace = [linear];
    this.user = this.cpu.S[S_USER]!;
    this.key = this.cpu.mode.key;
    this.base = this.cpu.mode.csBase;
    this.watched = this.newest = 1;
    this.ran.clear();
    this.ran.add(linear);
    this.traced = line;
    this.head = head;
    this.headRegisters = head === null ? null : this.cpu.R.slice(0, EDI + 1);
  }

  /** Regions led to `exit`: the instructions from there on are watched, if it is there that control is now. */
  private watchExit(exit: number): void {
    this.exit = null;
    if (this.linear !== exit) return;
    const page = this.pageAt(exit >>> 12);
    if (page === null) return;
    this.beginTrace(exit, lineOf(page.frame, exit), exit);
  }

  /**
   * Notes the instruction that begins. Compiles what they show where control is at the head again, or far on the way round where privilege and mode are the head's,
   * which behind a system call they are not.
   */
  private watch(trace: number[]): void {
    const { S, mode } = this.cpu,
      { linear } = this,
      here = mode.key === this.key && S[S_USER] === this.user;
    let known = false;
    this.watched++;
    if (here) {
      if (this.head === null) trace.push(linear);
      if (!this.ran.has(linear)) {
        this.ran.add(linear);
        this.newest = this.watched;
      }
      // What came again only by returns goes round in some function that was called before.
      if (this.head === null && linear === trace[0]) {
        this.head = this.compiler!.head(mode.code32, trace, page => this.pageAt(page));
        // One watch in five of a kernel's boot: thousands more instructions would show nothing that is wanted.
        known = this.head !== null && this.isSettled(this.recordAt(this.head));
      }
    }
    const { head } = this,
      atHead = here && linear === head;
    if (atHead) this.headRegisters = this.cpu.R.slice(0, EDI + 1);
    const most = head === null ? TRACE : atHead ? this.newest + QUIET : LONGEST_TRACE;
    if (!known && this.watched < most) return;
    this.trace = null;
    this.interval = BATCH;
    this.due = this.cpu.loop.retiredNow + BATCH;
    this.retiredBefore = this.statistics.retired;
    const record = head === null || !here || (!atHead && mode.csBase !== this.base) ? 0 : this.recordAt(head);
    if (head === null ? trace.length < this.watched : record === 0) this.refusedLines.set(this.traced, PUT_OFF);
    else if (head === null || this.isSettled(record)) this.refusedLines.set(this.traced, REFUSED);
    else
      this.compileAt(
        record,
        head,
        this.seen(new Set([...this.ran].map(at => (at - (head & -4096)) | 0)), head),
        true,
        this.headRegisters,
      );
  }

  /** A record leads to a region, or none is to begin there for a time. */
  private isSettled(record: number): boolean {
    return this.cpu.A[record + OP] === OP_ENTRY || this.refused.has(record);
  }

  private canCompile(): boolean {
    this.wantsCompiler = this.compiler === null;
    return !this.wantsCompiler;
  }

  private halve(): void {
    this.traces = Math.max(0, this.traces - (this.statistics.samples < FIRST_SAMPLES ? FIRST_TRACES : TRACES_AN_EPOCH));
    this.compiles = 0;
    for (const one of [...this.underWay.values()]) {
      // Control was never there when it was looked for: it is not hot any more.
      if (one.old) this.underWay.delete(one.record);
      one.old = true;
    }
    for (const map of [this.counts, this.drops, this.refused, this.refusedLines]) {
      for (const [key, count] of map) {
        if (count > 1) map.set(key, count >> 1);
        else map.delete(key);
      }
    }
    this.table.regions.forEach((region, i) => {
      if (region !== null) region.before += this.table.recent[i]!;
    });
    this.table.recent.fill(0);
  }

  /** A linear page's table of records and frame; null: no code of it was decoded. */
  private pageAt(page: number): CodePage | null {
    const { A, tlb, code } = this.cpu,
      table = tlb.CP[(page & (USER - 1)) + this.cpu.S[S_USER]!]!;
    return table === 0
      ? null
      : {
          table,
          frame: code.frameOf(table) * 4096,
          begins: offset => {
            const record = code.PM[table + offset]!;
            return (
              record !== 0 &&
              A[record + OP] === OP_ENTRY &&
              this.table.regions[A[record + REGION]!]!.instructions >= LARGE
            );
          },
        };
  }
  /** The record at linear address `at`; 0: none. */
  private recordAt(at: number): number {
    const page = this.pageAt(at >>> 12);
    return page === null ? 0 : this.cpu.code.PM[page.table + (at & 4095)]!;
  }

  /** The linear address where control is. */
  private get linear(): number {
    return (this.cpu.R[EIP]! + this.cpu.mode.csBase) | 0;
  }
  /** What code at a linear address is in the segment that runs now. */
  private kindAt(linear: number): CodeKind {
    const {
      R,
      mode: { code32, stack32, flat, csBase },
    } = this.cpu;
    return {
      code32,
      stack32,
      flat,
      segments: (R[CR0]! & CR0_PE) === 0 ? 'real' : (R[EFLAGS]! & VM) !== 0 ? 'virtual' : 'protected',
      pageEip: ((linear & -4096) - csBase) | 0,
    };
  }
  /** `ran`: offsets from the beginning of the page of `linear`. */
  private seen(ran: ReadonlySet<number>, linear = this.linear): Seen {
    const {
        mmio,
        mode: { csBase },
      } = this.cpu,
      toEip = (linear & -4096) - csBase;
    return {
      kind: this.kindAt(linear),
      ran,
      missed: new Set([...ran].filter(at => mmio.accessesRegister(at + toEip))),
    };
  }
  /** The processor as a region finds it that is entered with such general registers. */
  private entryState(registers: ArrayLike<number>): EntryState {
    const {
        S,
        tlb: { TR, TW },
      } = this.cpu,
      user = S[S_USER]!;
    return {
      registers,
      reads: page => (TR[page + user]! & INVALID) === 0,
      writes: page => (TW[page + user]! & INVALID) === 0,
    };
  }

  /**
   * Begins to compile what begins at the record of a linear address, if that is where this leads now. `windows`: it may have some; `registers`: as control had them there,
   * null if that is not known.
   */
  private compileAt(
    record: number,
    linear: number,
    seen: Seen,
    windows = true,
    registers: ArrayLike<number> | null = this.linear === linear ? this.cpu.R.slice(0, EDI + 1) : null,
  ): void {
    const { underWay } = this;
    // Records of another mode are other records of the same code, which is not compiled for it.
    if (this.recordAt(linear) !== record || this.refused.has(record) || underWay.has(record)) return;
    if (underWay.size >= MAX_UNDER_WAY || (++this.compiles > MAX_COMPILES && this.threshold > 1)) return;
    const page = linear >>> 12,
      pages = new Map<number, CodePage | null>();
    const find = (number: number): CodePage | null => {
      // In a later step other pages may be mapped there.
      if (!pages.has(number)) pages.set(number, this.pageAt(page + number));
      return pages.get(number)!;
    };
    const steps = this.compiler!.compile(
      seen,
      linear & 4095,
      find,
      this.cpu.S[S_USER]!,
      windows && registers !== null ? this.entryState(registers) : null,
      this.threshold === 1 || this.statistics.samples >= FIRST_SAMPLES,
    );
    const begun = new Compilation(this.cpu, record, linear, seen, steps);
    underWay.set(record, begun);
    // To try everything, it is compiled at once.
    do this.step(begun);
    while (this.threshold === 1 && !begun.late && underWay.get(record) === begun);
  }

  /** One step of the first compilation that is not waiting for control to come by, or for its function. */
  private compileOn(): void {
    for (const one of this.underWay.values()) if (this.step(one)) return;
  }

  /** False: nothing was done. */
  private step(one: Compilation): boolean {
    const { record, made } = one;
    if (one.late && this.statistics.samples % RETRY !== 0) return false;
    if (made === null) {
      if (!one.write()) return true;
      if (one.made === null) this.refuse(record);
      else if (one.made.text.length <= SHORT_TEXT) this.step(one);
      return true;
    }
    if (this.recordAt(one.linear) !== record || !one.isFor) return false;
    if (this.refused.has(record) || !one.isUnchanged(made)) this.underWay.delete(record);
    else if (made.pages.some(({ frame }) => (this.drops.get(frame / 4096) ?? 0) >= MAX_DROPS)) this.refuse(record);
    else return this.finish(one, made);
    return true;
  }

  /** Nothing is compiled there for a time. */
  private refuse(record: number): void {
    this.refused.set(record, REFUSED);
    this.underWay.delete(record);
  }

  /** Makes the function of a region and lets its record lead there. False: it is on its way. */
  private finish(one: Compilation, region: RegionText): boolean {
    const make = this.compile(this.names, region.text);
    if (make === undefined) {
      const first = !one.late;
      one.late = true;
      return first;
    }
    this.underWay.delete(one.record);
    if (make === null) this.failed();
    else this.install(one, region, make);
    return true;
  }

  private install(
    { record, linear, seen }: Compilation,
    region: RegionText,
    make: NonNullable<ReturnType<Compile>>,
  ): void {
    const { A, R, S, code, writer } = this.cpu,
      { longest, text, instructions, pages, calls } = region;
    const records = this.writeRecords(calls);
    if (records === null) return;
    if (this.statistics.regions >= MAX_REGIONS) this.evict();
    const index = this.table.take();
    const sources = pages.map(({ frame, ranges, tail }) => {
      let lines = tail > 0 ? linesOf(0, tail) : 0;
      for (const [first, last] of ranges) lines |= linesOf(first, last - first + 1);
      return { mfn: frame / 4096, lines, pieces: tail > 0 ? [...ranges, [0, tail - 1] as const] : ranges };
    });
    const own = writer.functions[A[record + OP]!]!;
    const entry: Entry = {
      record,
      op: OP_ENTRY,
      sources,
      dropped: () => {
        this.statistics.dropped++;
        for (const { mfn } of sources) this.drops.set(mfn, (this.drops.get(mfn) ?? 0) + 1);
        this.forget(index);
      },
    };
    if (!code.install(entry)) {
      this.table.give(index);
      return;
    }
    const run = (this.table.functions[index] = make(...Object.values(this.values), records) as () => void);
    this.table.longest[index] = longest;
    this.table.recent[index] = 0;
    A[record + REGION] = index;
    this.table.regions[index] = {
      live: true,
      entry,
      own,
      instructions,
      visits: 0,
      retired: DOUBLE_ZERO,
      idle: 0,
      looked: DOUBLE_ZERO,
      windows: region.windows,
      isLinear: isLinear(seen.kind),
      seen: { ...seen, ran: within(seen.ran, pages) },
      before: DOUBLE_ZERO,
      made: region,
      linear,
    };
    this.cover(region.pages, 1);
    this.statistics.regions++;
    this.statistics.characters += text.length;
    this.statistics.compiled++;
    // With no budget it leaves at once, and V8 learns the types of what it writes on its way out.
    const budget = S[S_BUDGET]!,
      back = R[EIP]!;
    for (let i = 0; i < WARM_CALLS; i++) {
      S[S_BUDGET] = 0;
      run();
    }
    R[EIP] = back;
    S[S_BUDGET] = budget;
  }

  /** Gives what the region calls its records. They stay when the region goes: a full arena is emptied as a whole. */
  private writeRecords(calls: RegionText['calls']): number[] | null {
    const { code, writer } = this.cpu;
    if (!code.hasRoom(calls.length)) return null;
    return calls.map(({ offset, decoded }) => {
      const record = code.allocate();
      writer.write(record, DECODED, offset & 4095, decoded);
      return record;
    });
  }

  /** `call`, of a region that has more to put into the state: what is thrown is noted, as the interpreter does. */
  private callCaught(p: number): boolean {
    try {
      return this.call(p);
    } catch (thrown) {
      this.cpu.faults.thrown = thrown;
      this.cpu.S[S_STOP] = THROWN;
      return true;
    }
  }
  private cover(pages: RegionText['pages'], by: number): void {
    for (const { frame, ranges } of pages) {
      for (const [first] of ranges) {
        const line = frame / LINE + (first >>> LINE_SHIFT),
          count = (this.covered.get(line) ?? 0) + by;
        if (count > 0) this.covered.set(line, count);
        else this.covered.delete(line);
      }
    }
  }

  /** The region that ran least since the last epoch makes room. */
  private evict(): void {
    let least = -1;
    this.table.regions.forEach((region, i) => {
      if (region !== null && (least < 0 || this.table.recent[i]! < this.table.recent[least]!)) least = i;
    });
    if (least >= 0) this.remove(least);
    this.statistics.evicted++;
  }

  private remove(index: number): void {
    this.cpu.code.remove(this.table.regions[index]!.entry);
    this.forget(index);
  }

  private forget(index: number): void {
    const region = this.table.regions[index]!,
      { text, pages } = region.made;
    region.live = false;
    this.statistics.characters -= text.length;
    this.cover(pages, -1);
    this.table.changed = true;
    this.table.give(index);
    this.statistics.regions--;
  }

  /** If a region does nothing again and again, one without windows takes its place, or one that calls its first instruction, unless it did much in between. */
  private didNothing(index: number): void {
    const region = this.table.regions[index]!;
    if (region === null || (!region.windows && region.isLinear) || ++region.idle < IDLE) return;
    const ran = region.before + this.table.recent[index]!;
    if (ran - region.looked < IDLE * IDLE_SHARE) {
      if (region.windows) this.compileAnew(region, region.seen);
      else this.callsMissed(region, region.linear);
    }
    region.idle = 0;
    region.looked = ran;
  }

  private compileAnew(region: Compiled, seen: Seen, windows = false): void {
    const {
      entry: { record },
      linear,
    } = region;
    this.remove(this.cpu.A[record + REGION]!);
    this.compileAt(record, linear, seen, windows);
  }

  /**
   * If `linear` is one of the region's instructions, control left it there since the TLB does not serve that: it is compiled again and calls the instruction. Flat code
   * mostly leaves where the TLB has not been filled yet, and does not come back: of it only what reads a device's register.
   */
  private callsMissed(region: Compiled, linear: number): boolean {
    const {
        seen,
        made: { pages },
      } = region,
      offset = linear - (region.linear & -4096);
    if ((isLinear(seen.kind) && !this.cpu.mmio.accessesRegister(this.cpu.R[EIP]!)) || seen.missed.has(offset))
      return false;
    if (
      !pages.some(
        ({ number, ranges }) => number === offset >> 12 && ranges.some(([first]) => first === (offset & 4095)),
      )
    )
      return false;
    this.compileAnew(region, { ...seen, missed: new Set([...seen.missed, offset]) }, isLinear(seen.kind));
    return true;
  }

  /** A region led to record `q`, which leads to none. Null: it is gone. */
  private left(q: number, region: Compiled | null): void {
    // Of a region that left since the batch is over, nothing was missed.
    if (region !== null && !isLinear(region.seen.kind) && this.cpu.S[S_BUDGET]! < region.instructions) return;
    const { A } = this.cpu,
      epoch = this.statistics.samples >> EPOCH_SHIFT;
    const since = epoch - A[q + EXITS_EPOCH]!;
    if (since !== 0) {
      A[q + EXITS_EPOCH] = epoch;
      A[q + EXITS] = since > 0 ? A[q + EXITS]! * EXITS_KEPT ** since : 0;
    }
    if (
      ++A[q + EXITS]! < EXITS_A_SAMPLE * this.threshold ||
      this.trace !== null ||
      this.exit !== null ||
      !this.canCompile()
    )
      return;
    A[q + EXITS] = 0;
    const { linear } = this;
    if (region !== null && this.callsMissed(region, linear)) return;
    if (this.threshold === 1) this.compileAt(q, linear, this.seen(NOTHING));
    else if (!this.refused.has(q) && this.traces < MAX_TRACES) {
      this.traces++;
      this.exit = linear;
      // The batch ends, and the next one begins there.
      this.cpu.loop.endBatch();
    }
  }

  /** A way into compiled code and back took long for what was done there, if that goes on so. */
  private visited(p: number, region: Compiled, done: number): void {
    this.statistics.retired += done;
    region.retired += done;
    if (++region.visits < TRIAL) return;
    // What is on its way may be what it leads to.
    if (
      region.retired < TRIAL * SHORT &&
      this.underWay.size === 0 &&
      this.table.regions[this.cpu.A[p + REGION]!] === region
    ) {
      this.refused.set(p, REFUSED);
      this.statistics.givenUp++;
      this.remove(this.cpu.A[p + REGION]!);
    }
    region.visits = region.retired = 0;
  }
}
