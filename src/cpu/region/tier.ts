/**
 * The second tier: finds where a guest spends its time, compiles regions there and lets records lead to them. Time is sampled: the interpreter's batches are of
 * equal length, and where a batch begins is where time is spent. Counts are halved at each epoch, so that only what takes a real share of recent time is compiled.
 * Registers, memory and the number of retired instructions are those of the interpreter, whatever was compiled when.
 */
import type { Features } from '../architecture/cpuid.ts';
import { arithmetic, carry, condition } from '../architecture/flags.ts';
import type { Compile, RegionCompiler, RegionOptions, RegionStatistics, RegionText, RegionView, Regions } from '../architecture/regions.ts';
import { EIP } from '../architecture/registers.ts';
import { type Entry, linesOf } from '../code-cache.ts';
import type { Cpu } from '../cpu.ts';
import { KEY_CODE32, KEY_FLAT, KEY_STACK32 } from '../mode.ts';
import { multiplyHigh } from '../ops/arithmetic.ts';
import * as hot from '../fpu/hot.ts';
import { META, META_LENGTH, META_OFFSET_MASK, OP, type Op } from '../ops/context.ts';
import { OP_ENTRY } from '../record-writer.ts';
import { GO, JUMP, S_BUDGET, S_PAGE_EIP, S_STOP, S_USER, STALE } from '../scratch.ts';
import { DECODED } from '../table/index.ts';

/** The one mode whose code becomes regions. */
const KEY = KEY_CODE32 | KEY_STACK32 | KEY_FLAT;
/** Word of a record behind META: which region it leads to. */
const REGION = META + 1;
/** Samples in an epoch: 5 million instructions. Records in the table of counts at most. */
const EPOCH = 1024, MAX_COUNTS = 4096;
/** Regions that are kept; calls that give a region's way out type feedback before V8 compiles it. */
const MAX_REGIONS = 96, WARM_CALLS = 20;
/** So often a frame's regions may be dropped because its bytes were written, until counts are halved. */
const MAX_DROPS = 16;
/** A region whose visits are shorter on average, in instructions, costs more than it brings: looked at after so many visits. */
const SHORT = 6, TRIAL = 4096;

interface Compiled {
  entry: Entry;
  run(u: number, base: number): void;
  /** Most instructions up to the first test of the budget behind the entry. */
  longest: number;
  /** The record's own op. */
  own: Op;
  instructions: number;
  /** Ways from the interpreter into it, and what was done there until control came back, in other regions too. */
  visits: number;
  retired: number;
  /** Instructions that it ran since the epoch began, and before. */
  recent: number;
  before: number;
  made: RegionText;
  /** Machine address of the frame. */
  frame: number;
}

export class RegionTier implements Regions {
  private readonly cpu: Cpu;
  private readonly compile: Compile;
  private readonly threshold: number;
  private compiler: RegionCompiler | null = null;
  private readonly values: Record<string, unknown>;
  private readonly names: readonly string[];
  private readonly regions: (Compiled | null)[] = [];
  private readonly free: number[] = [];
  private readonly counts = new Map<number, number>();
  private readonly drops = new Map<number, number>();
  /** Records that a region did no good at, or that cannot be compiled, until they are forgotten. */
  private readonly refused = new Set<number>();
  readonly statistics: RegionStatistics = { regions: 0, characters: 0, compiled: 0, evicted: 0, dropped: 0, given: 0, retired: 0, samples: 0, regionSamples: 0 };
  wantsCompiler = false;
  off = false;
  private textUnderway = false;

  constructor(cpu: Cpu, { compile, threshold = 8 }: RegionOptions) {
    this.cpu = cpu;
    this.compile = compile;
    this.threshold = threshold;
    this.values = {
      R: cpu.R, S: cpu.S, TR: cpu.tlb.TR, TW: cpu.tlb.TW, M1: cpu.M1, M2: cpu.M2, M4: cpu.M4, carry, condition, arithmetic, multiplyHigh,
      call: (p: number) => this.call(p), ...hot,
    };
    this.names = [...Object.keys(this.values), 'calls'];
    cpu.writer.functions[OP_ENTRY] = (_, p) => this.enter(p);
  }

  // ---- what its owner does

  get waiting(): boolean { return !this.off && (this.wantsCompiler || this.textUnderway); }

  useCompiler(create: (bytes: Uint8Array, features: () => Features) => RegionCompiler): void {
    this.compiler = create(this.cpu.M1, () => this.cpu.writer.instructions);
    this.wantsCompiler = false;
  }

  failed(): void {
    this.off = true;
    this.wantsCompiler = false;
    this.regions.forEach((region, i) => {
      if (region !== null) this.remove(i);
    });
  }

  hottest(count: number): RegionView[] {
    const those = this.regions.filter(region => region !== null).map(region => ({ region, retired: region.before + region.recent }));
    return those.sort((a, b) => b.retired - a.retired).slice(0, count).map(({ region: { frame, made, entry }, retired }) => ({
      address: frame + (this.cpu.A[entry.record + META]! & META_OFFSET_MASK), text: made.text, retired,
      code: [...made.ranges].sort(([a], [b]) => a - b).map(([first, last]) => [frame + first, last - first + 1] as const),
    }));
  }

  get recordBytes(): number { return this.cpu.code.bytes; }

  // ---- finding what is hot

  /** A batch begins at record `p` with EIP set. Between instructions. */
  sample(p: number): void {
    const { counts, statistics } = this;
    if (++statistics.samples % EPOCH === 0) this.halve();
    if (this.cpu.A[p + OP] === OP_ENTRY) {
      statistics.regionSamples++;
      return;
    }
    if (this.off || this.cpu.mode.key !== KEY || this.refused.has(p)) return;
    const count = (counts.get(p) ?? 0) + 1;
    if (count < this.threshold || !this.canCompile()) {
      if (counts.size < MAX_COUNTS) counts.set(p, count);
      return;
    }
    counts.delete(p);
    this.compileAt(p);
  }

  private canCompile(): boolean {
    this.wantsCompiler = this.compiler === null;
    return !this.wantsCompiler;
  }

  private halve(): void {
    for (const map of [this.counts, this.drops]) {
      for (const [key, count] of map) {
        if (count > 1) map.set(key, count >> 1);
        else map.delete(key);
      }
    }
    if (this.refused.size > MAX_COUNTS) this.refused.clear();
    for (const region of this.regions) {
      if (region === null) continue;
      region.before += region.recent;
      region.recent = 0;
    }
  }

  /** Compiles what begins at record `p`, where EIP points, and what begins behind its calls, as far as that was decoded. */
  private compileAt(p: number): void {
    const { A, R, S, tlb, code } = this.cpu;
    const table = tlb.CP[(R[EIP]! >>> 12) + S[S_USER]!]!;
    if (table === 0) return;
    const returns = this.install(p, table);
    for (const offset of returns) {
      const q = code.PM[table + offset]!;
      if (q !== 0 && A[q + OP] !== OP_ENTRY && !this.refused.has(q)) this.install(q, table);
    }
  }

  private install(record: number, table: number): number[] {
    const { A, R, S, code, writer } = this.cpu;
    const offset = A[record + META]! & META_OFFSET_MASK;
    if (offset > 4095 || code.PM[table + offset] !== record || this.refused.has(record)) return [];
    const mfn = code.frameOf(table);
    if ((this.drops.get(mfn) ?? 0) >= MAX_DROPS) return [];
    const made = this.compiler!.compile(mfn * 4096, offset);
    if (made === null) {
      this.refused.add(record);
      return [];
    }
    const { longest, text, instructions, ranges, returns, calls } = made;
    const make = this.compile(this.names, text);
    this.textUnderway = make === undefined;
    if (make === undefined) {
      // It is hot at the next sample, too.
      this.counts.set(record, this.threshold);
      return [];
    }
    if (make === null) {
      this.failed();
      return [];
    }
    const records = this.writeRecords(calls);
    if (records === null) return [];
    if (this.statistics.regions >= MAX_REGIONS) this.evict();
    const index = this.free.pop() ?? this.regions.length;
    let lines = 0;
    for (const [first, last] of ranges) lines |= linesOf(first, last - first + 1);
    const own = writer.functions[A[record + OP]!]!;
    const entry: Entry = {
      record, op: OP_ENTRY, sources: [{ mfn, lines }],
      dropped: () => {
        this.statistics.dropped++;
        this.drops.set(mfn, (this.drops.get(mfn) ?? 0) + 1);
        this.forget(index);
      },
    };
    if (!code.install(entry)) {
      this.free.push(index);
      return [];
    }
    const run = make(...Object.values(this.values), records) as Compiled['run'];
    A[record + REGION] = index;
    this.regions[index] = { entry, run, longest, own, instructions, visits: 0, retired: 0, recent: 0, before: 0, made, frame: mfn * 4096 };
    this.statistics.regions++;
    this.statistics.characters += text.length;
    this.statistics.compiled++;
    // With no budget it leaves at once, and V8 learns the types of what it writes on its way out.
    const eip = R[EIP]!, budget = S[S_BUDGET]!;
    for (let i = 0; i < WARM_CALLS; i++) {
      S[S_BUDGET] = 0;
      run(0, 0);
    }
    R[EIP] = eip;
    S[S_BUDGET] = budget;
    return [...returns];
  }

  /** Gives what the region calls its records. They stay when the region goes: a full arena is emptied as a whole. */
  private writeRecords(calls: RegionText['calls']): number[] | null {
    const { code, writer } = this.cpu;
    if (!code.hasRoom(calls.length)) return null;
    return calls.map(({ offset, decoded }) => {
      const record = code.allocate();
      writer.write(record, DECODED, offset, decoded);
      return record;
    });
  }

  /**
   * Runs the record `p` for a region, which has put everything in the state. True: the region is to be left, EIP says where to; S_STOP says if the interpreter is
   * to be left too.
   */
  private call(p: number): boolean {
    const { A, R, S, writer: { functions } } = this.cpu;
    const budget = S[S_BUDGET]!;
    this.changed = false;
    functions[A[p + OP]!]!(this.cpu, p);
    const stop = S[S_STOP]!;
    if (stop === GO && S[S_BUDGET] === budget && !this.changed) return false;
    this.lost = budget - S[S_BUDGET]!;
    if (stop === GO || stop === STALE) {
      S[S_STOP] = GO;
      R[EIP] = (R[EIP]! + (A[p + META]! >>> META_LENGTH & 15)) | 0;
    }
    return true;
  }
  /** What is called took regions away, perhaps the one that runs; and so many instructions that are not to run any more. */
  private changed = false;
  private lost = 0;

  /** The region that ran least since the last epoch makes room. */
  private evict(): void {
    let least = -1;
    this.regions.forEach((region, i) => {
      if (region !== null && (least < 0 || region.recent < this.regions[least]!.recent)) least = i;
    });
    if (least >= 0) this.remove(least);
    this.statistics.evicted++;
  }

  private remove(index: number): void {
    this.cpu.code.remove(this.regions[index]!.entry);
    this.forget(index);
  }

  private forget(index: number): void {
    this.statistics.characters -= this.regions[index]!.made.text.length;
    this.changed = true;
    this.regions[index] = null;
    this.free.push(index);
    this.statistics.regions--;
  }

  /** Runs the record `p`, of which one instruction was taken from the budget, and whatever regions follow. */
  private enter(p: number): void {
    const { A, R, S } = this.cpu, { CP } = this.cpu.tlb, { PM } = this.cpu.code;
    const first = this.regions[A[p + REGION]!]!;
    const begun = S[S_BUDGET]! + 1;
    let q = p, left = begun;
    for (;;) {
      const region = this.regions[A[q + REGION]!]!;
      if (left < region.longest) break;
      S[S_BUDGET] = left;
      region.run(S[S_USER]!, S[S_PAGE_EIP]!);
      const done = left - S[S_BUDGET]! - this.lost;
      region.recent += done;
      this.statistics.retired += done;
      if (done === 0) break;
      left = S[S_BUDGET]!;
      this.lost = 0;
      if (S[S_STOP] !== GO) {
        if (S[S_STOP] !== JUMP) return;
        S[S_STOP] = GO;
      }
      const eip = R[EIP]!;
      q = PM[CP[(eip >>> 12) + S[S_USER]!]! + (eip & 4095)]!;
      if (q === 0 || A[q + OP] !== OP_ENTRY) {
        S[S_STOP] = JUMP;
        this.visited(p, first, begun - left);
        return;
      }
      S[S_PAGE_EIP] = eip & -4096;
    }
    this.visited(p, first, begun - left);
    if (q !== p || left === 0) {
      // An op may run only from its own record, and while the budget lasts.
      S[S_BUDGET] = left;
      S[S_STOP] = JUMP;
      return;
    }
    S[S_BUDGET] = left - 1;
    first.own(this.cpu, p);
  }

  /** A way into compiled code and back took long for what was done there, if that goes on so. */
  private visited(p: number, region: Compiled, done: number): void {
    region.retired += done;
    if (++region.visits < TRIAL) return;
    if (region.retired < TRIAL * SHORT && this.regions[this.cpu.A[p + REGION]!] === region) {
      this.refused.add(p);
      this.statistics.given++;
      this.remove(this.cpu.A[p + REGION]!);
    }
    region.visits = region.retired = 0;
  }
}
