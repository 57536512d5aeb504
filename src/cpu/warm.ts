/**
 * Runs every case of the interpreter's switch once or more before the guest does. V8 compiles what has no type feedback into a deoptimisation: without
 * this, the first use of each rare instruction throws the whole switch back to bytecode for a second. Measured in docs/architecture.md.
 */
import { LEAVE } from './faults.ts';
import { ADC, ADD, ALL, DEC, EXPLICIT, INC, LOGIC, SBB, SUB } from './architecture/flags.ts';
import type { Cpu } from './cpu.ts';
import { INVALID } from './tlb.ts';
import { EXIT, JUMP, S_BUDGET, S_PAGE_EIP, S_STOP, S_USER } from './scratch.ts';
import { BASE, baseWord, DISP, EXTRA, IMM, INDEX, narrowIndex, NEXT, OP, RECORD_WORDS, SRC, TARGET } from './record.ts';
import {
  CASE_BASED,
  CASE_COUNTS,
  CASE_DIRECT,
  CASE_INDIRECT,
  CASE_PUSHES,
  CASE_READS_FLAGS,
  CASE_STATE_WORD,
  CASE_X87,
  type Switch,
} from './plans.ts';
import { PLAIN } from './mode.ts';
import { OP_NOTHING } from './record-writer.ts';
import {
  CR4,
  EAX,
  EBP,
  EBX,
  ECX,
  EDI,
  EIP,
  ESI,
  ESP,
  FA,
  FB,
  FCW,
  FK,
  FPR,
  FR,
  FS,
  FSW,
  FTW,
  SEG_BASE,
  SEG_LIMIT,
  SEG_RIGHTS,
  STATE_WORDS,
  ZERO,
} from './architecture/registers.ts';

const KINDS = [ALL, SUB, ADD, LOGIC, INC, DEC, EXPLICIT, SBB, ADC];

/** The same between two batches of a guest's instructions: nothing changes. */
export function warmUpBetween(cpu: Cpu, run: (record: number) => void, own: Switch, pushed = 4): void {
  const { R, S, A } = cpu,
    { PM } = cpu.code,
    { TR, TW, CP } = cpu.tlb;
  const kept = (
    [
      [R, 0, R.length],
      [S, 0, S.length],
      [A, 0, 3 * RECORD_WORDS],
      [PM, 4096, 1],
      [TR, 1, 2],
      [TW, 1, 2],
      [CP, 1, 1],
    ] as const
  ).map(([array, at, count]) => [array, at, array.slice(at, at + count)] as const);
  R.fill(0);
  warmUp(cpu, run, own, pushed);
  for (const [array, at, words] of kept) array.set(words, at);
}

/** Runs the cases of one switch, which push this many bytes. Uses the processor's own state words as memory; leaves tables as they were and the state to be reset. */
export function warmUp(cpu: Cpu, run: (record: number) => void, { cases, nop }: Switch, pushed = 4): void {
  const place = new WarmPlace(cpu, run);
  place.begin();
  place.record(place.end, nop);
  warmLoop(place, nop);
  warmCalls(place);
  for (const [op, facts] of cases) {
    const { functions } = cpu.writer;
    // Whatever leaves the switch in here must not run for real.
    const before = functions[op]!;
    functions[op] = functions[OP_NOTHING]!;
    warmCase(place, op, facts, pushed);
    functions[op] = before;
  }
  place.leave();
}

/** The page of code whose one entry of the TLB and of the page map is ours while the cases run. */
const TABLE = 4096;

/** Two records, the second of which leads nowhere, and a doubleword of memory: state words behind those that a processor uses. */
class WarmPlace {
  readonly cpu: Cpu;
  readonly run: (record: number) => void;
  private readonly host: number;
  /** Of the doubleword. */
  readonly linear: number;
  /** Of the record that runs, and of the one behind it. */
  readonly first = RECORD_WORDS;
  readonly end = 2 * RECORD_WORDS;

  constructor(cpu: Cpu, run: (record: number) => void) {
    this.cpu = cpu;
    this.run = run;
    this.host = cpu.R.byteOffset + (STATE_WORDS - 8) * 4;
    this.linear = 4096 | (this.host & 4095);
  }

  begin(): void {
    const { S, code, tlb } = this.cpu,
      { TR, TW, CP } = tlb;
    TR[1] = TW[1] = 4096 ^ (this.host & ~4095);
    // The page behind is asked for as one that the TLB does not know: between two batches it may know the guest's.
    TR[2] = TW[2] = INVALID;
    CP[1] = TABLE;
    code.PM[TABLE] = this.end;
    S[S_USER] = 0;
  }

  leave(): void {
    const { A, code, tlb } = this.cpu;
    A.fill(0, 0, 3 * RECORD_WORDS);
    code.PM[TABLE] = 0;
    tlb.TR[1] = tlb.TW[1] = INVALID;
    tlb.CP[1] = 0;
  }

  record(at: number, op: number): void {
    const { A } = this.cpu;
    A.fill(0, at, at + RECORD_WORDS);
    A[at + OP] = op;
    A[at + NEXT] = this.end;
    A[at + BASE] = ZERO;
    A[at + INDEX] = ZERO | narrowIndex(ZERO, false);
    A[at + DISP] = this.linear;
    A[at + SRC] = EBX;
    A[at + IMM] = 1;
  }

  /** Runs the record with these lazy flags; `value` lies in EAX, `source` in EBX, `inMemory` in memory. */
  once(
    kind: number,
    a: number,
    b: number,
    r: number,
    top: number,
    count = 3,
    value = 4096,
    source = value,
    inMemory = value,
  ): void {
    const { R, S, M4 } = this.cpu;
    R[FK] = kind;
    R[FA] = a;
    R[FB] = b;
    R[FR] = r;
    // A source of 0 has a way of its own in BSF and BSR.
    R[EBX] = count === 0 ? 0 : source;
    R[EAX] = value;
    // Full for x87 instructions that read a register, empty for those that push one.
    R[FTW] = count === 0 ? 0xff : 0x7f;
    R[FSW] = 0;
    R[FCW] = 0x37f;
    for (let i = FPR; i < FPR + 32; i += 4) {
      R[i + 1] = -0x80000000;
      R[i + 2] = 0x3fff;
    }
    R[ECX] = count;
    R[CR4] = 512;
    R[baseWord(FS) - SEG_BASE + SEG_LIMIT] = -1;
    R[baseWord(FS) - SEG_BASE + SEG_RIGHTS] = PLAIN;
    S[S_PAGE_EIP] = 0;
    R[ESP] = top;
    R[EBP] = R[ESI] = R[EDI] = this.linear;
    M4[this.host >>> 2] = inMemory;
    S[S_BUDGET] = 1;
    S[S_STOP] = 0;
    this.run(this.first);
  }
}

/** V8 collects no feedback until a function has run eight times its size: a record that leads to itself, in portions too small to be compiled. */
function warmLoop(place: WarmPlace, nop: number): void {
  const { A, S } = place.cpu;
  place.record(place.first, nop);
  A[place.first + NEXT] = place.first;
  for (let i = 0; i < 60; i++) {
    S[S_BUDGET] = 400;
    place.run(place.first);
  }
}

/** The one place from which functions are called: V8 must not take the first one for the only one, and what they throw is caught next to it. */
function warmCalls(place: WarmPlace): void {
  const { cpu, linear } = place,
    { R, S, mode, faults } = cpu,
    { functions } = cpu.writer;
  const nothing = functions[OP_NOTHING]!;
  for (let i = 0; i < 20; i++) {
    const other = i % 5;
    functions[OP_NOTHING] =
      other === 0 ? () => {} : other === 1 ? c => c : other === 2 ? (_, q) => q : other === 3 ? () => 3 : () => 4;
    place.record(place.first, OP_NOTHING);
    place.once(SUB, 1, 2, -1, linear);
  }
  functions[OP_NOTHING] = () => {
    S[S_STOP] = EXIT;
  };
  for (let i = 0; i < 3; i++) place.once(SUB, 1, 2, -1, linear);
  // An instruction's, and that of the fetch behind a jump beyond the code segment.
  const { csLimit } = mode,
    { vector, error, thrown } = faults;
  mode.csLimit = 0;
  for (const op of [
    () => {
      throw LEAVE;
    },
    () => {
      S[S_STOP] = JUMP;
      S[S_BUDGET] = R[EIP] = 1;
    },
  ]) {
    functions[OP_NOTHING] = op;
    for (let i = 0; i < 3; i++) place.once(SUB, 1, 2, -1, linear);
  }
  mode.csLimit = csLimit;
  Object.assign(faults, { vector, error, thrown });
  functions[OP_NOTHING] = nothing;
}

/** One case, on each of its ways. */
function warmCase(place: WarmPlace, op: number, facts: number, pushed: number): void {
  const { A } = place.cpu,
    { first: p, end, linear } = place;
  // Only direct branches have a target; elsewhere the word is the base register.
  const direct = (facts & CASE_DIRECT) !== 0,
    based = (facts & CASE_BASED) !== 0;
  const lead = () => {
    place.record(p, op);
    if (direct) A[p + TARGET] = end;
    if ((facts & CASE_STATE_WORD) !== 0) A[p + IMM] = ZERO;
    if (based) A[p + IMM] = baseWord(FS);
  };
  const top = (facts & CASE_PUSHES) !== 0 ? linear + pushed : linear;
  // Only what reads flags cares how they were left.
  for (const kind of (facts & CASE_READS_FLAGS) !== 0 ? KINDS : KINDS.slice(0, 1)) {
    lead();
    place.once(kind, 5, 3, 2, top);
    place.once(kind, -3, 7, -10, top);
    place.once(kind, 4, 4, 0, top);
  }
  // A direct branch that leaves its page, the condition both ways; a count in CL; an immediate of no effect.
  place.record(p, op);
  if (direct) {
    A[p + TARGET] = 0;
    A[p + EXTRA] = 4096;
  }
  for (const [a, b] of [
    [1, 2],
    [2, 1],
    [1, 1],
  ] as const)
    place.once(SUB, a, b, a - b, top);
  lead();
  if (!based) A[p + IMM] = 0;
  place.once(SUB, 1, 2, -1, top, 0);
  if ((facts & CASE_COUNTS) !== 0) place.once(SUB, 1, 2, -1, linear, 1);
  if ((facts & (CASE_INDIRECT | CASE_STATE_WORD)) === 0) warmLargeValues(place, lead, top, based);
  // A double, 1.0, for what reads one; a single and a double to store.
  if ((facts & CASE_X87) !== 0) {
    for (const code of [0, 1, 2, 3, 16, 17, 18]) {
      place.record(p, op);
      A[p + IMM] = code;
      for (const count of [0, 3]) place.once(SUB, 1, 2, -1, linear, count, 0x3ff00000);
    }
  }
  // The way out of the switch: an address that is not in the TLB goes to the general function.
  lead();
  A[p + DISP] = 8192;
  place.once(SUB, 1, 2, -1, 8192);
}

/** Values whose sum, difference and product are no small integers, wherever the operands lie. */
function warmLargeValues(place: WarmPlace, lead: () => void, top: number, based: boolean): void {
  lead();
  if (!based) place.cpu.A[place.first + IMM] = 0x7fffffff;
  for (const value of [0x7fffffff, -0x80000000, -1]) {
    for (const [source, inMemory] of [
      [value, value],
      [~value, value],
      [~value, ~value],
    ] as const)
      place.once(ADD, value, value, 0, top, 31, value, source, inMemory);
  }
}
