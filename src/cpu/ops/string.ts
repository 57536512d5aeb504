/**
 * String instructions on memory. A REP form runs as many elements as lie in one page on each side, then looks at interrupts; every element that
 * was done is in the registers, so a fault or an interrupt between elements finds the architectural state. Source: SDM vol. 2, REP and each mnemonic.
 */
import type { Cpu } from '../cpu.ts';
import { DF, TF } from '../architecture/flags.ts';
import { JUMP, S_STOP } from '../scratch.ts';
import {
  EAX,
  ECX,
  EDI,
  EFLAGS,
  ES,
  ESI,
  FK,
  FR,
  HIGH,
  SEG,
  SEG_BASE,
  SEG_LIMIT,
  SEG_RIGHTS,
  SEG_WORDS,
} from '../architecture/registers.ts';
import { META, META_ADDRESS16, META_REP, META_REPNE, META_SEGMENT } from '../record.ts';
import type { Op, OpFactory } from './context.ts';
import { addedHigh } from '../stack.ts';
import { operandBits } from '../table/operands.ts';

export const short = (cpu: Cpu, p: number) => (cpu.A[p + META]! & META_ADDRESS16) !== 0;
export const sourceSegment = (cpu: Cpu, p: number) => (cpu.A[p + META]! >>> META_SEGMENT) & 7;
export const get = (cpu: Cpu, register: number, narrow: boolean) =>
  narrow ? cpu.R16[register * 2]! : cpu.R[register]!;
/** Moves a pointer or counter of 64-bit code; one of 32 bits (`isShort`) loses its high half. */
export function advanceLong(cpu: Cpu, register: number, by: number, isShort: boolean): void {
  const { R } = cpu;
  R[register + HIGH] = isShort ? 0 : addedHigh(R[register]!, R[register + HIGH]!, by);
  R[register] = R[register]! + by;
}
export const advance = (cpu: Cpu, register: number, by: number, narrow: boolean) => {
  if (narrow) cpu.R16[register * 2]! += by;
  else cpu.R[register] = (cpu.R[register]! + by) | 0;
};
export const readElement = (cpu: Cpu, linear: number, size: number) =>
  size === 4 ? cpu.memory.read32(linear) : size === 2 ? cpu.memory.read16(linear) : cpu.memory.read8(linear);
export const writeElement = (cpu: Cpu, linear: number, size: number, value: number) => {
  if (size === 4) cpu.memory.write32(linear, value);
  else if (size === 2) cpu.memory.write16(linear, value);
  else cpu.memory.write8(linear, value);
};

/** Elements that one call may do: enough to be fast, few enough to keep interrupts prompt. */
const CHUNK = 4096;
/** Elements that one element from or to a device counts for, besides itself. */
export const DEVICE_WEIGHT = 63;
/** A bulk function's answer where there is no memory to copy: a device, most likely, and it stays one for this many elements. */
export const NO_MEMORY = -1,
  DEVICE_ELEMENTS = 32;

/** Elements done in bulk that one done by itself takes as long as. */
export const SINGLE_WEIGHT = 32;

/** What a REP form may take at once: one element when each must be seen (single step, breakpoints, answered accesses). */
export function mayRepeat(cpu: Cpu): number {
  return (cpu.R[EFLAGS]! & TF) !== 0 || cpu.mmio.pending || cpu.debug.elementByElement ? 1 : CHUNK;
}

/** Does several elements of `size` bytes, at most `count`, and says how many. 0 and NO_MEMORY: none. */
export type Bulk = (cpu: Cpu, p: number, size: number, count: number) => number;

/** Runs `element` once, or for REP until the count ends it; with `whileEqual` REPE goes on while ZF is set, REPNE while it is clear. */
function repeated(
  cpu: Cpu,
  p: number,
  size: number,
  element: () => void,
  bulk: Bulk | null,
  whileEqual: boolean,
): void {
  const { R, R16, A, S } = cpu;
  const meta = A[p + META]!;
  if ((meta & (META_REP | META_REPNE)) === 0) {
    element();
    return;
  }
  const narrow = short(cpu, p),
    equal = (meta & META_REP) !== 0;
  let room = mayRepeat(cpu),
    single = 0,
    work = 0;
  for (;;) {
    const count = narrow ? R16[ECX * 2]! : R[ECX]!;
    if (count === 0) {
      cpu.loop.worked(work);
      return cpu.loop.ended();
    }
    if (room <= 0 || cpu.loop.stopping) {
      cpu.loop.worked(work);
      // Not done: the same instruction again, after interrupts were looked at.
      cpu.loop.goOn();
      S[S_STOP] = JUMP;
      return;
    }
    let done = bulk === null || room === 1 || --single >= 0 ? 0 : bulk(cpu, p, size, Math.min(count >>> 0, room * 4));
    if (done <= 0) {
      if (done === NO_MEMORY) single = DEVICE_ELEMENTS;
      const { answeredInPlace } = cpu.mmio;
      element();
      done = 1;
      work += SINGLE_WEIGHT;
      // A device's answer takes as long as many elements in memory: limits of instructions represent time.
      if (cpu.mmio.answeredInPlace !== answeredInPlace) {
        room -= DEVICE_WEIGHT;
        cpu.mmio.committed();
      }
    }
    if (narrow) R16[ECX * 2] = count - done;
    else R[ECX] = (count - done) | 0;
    room -= done;
    work += done;
    if (whileEqual && (R[FR] === 0) !== equal) {
      cpu.loop.worked(work);
      return cpu.loop.ended();
    }
  }
}

/** Flags that a REP CMPS or SCAS found. */
const found = new Int32Array(4);

/**
 * `repeated` for generated functions (gen/general.ts). As long as a REP form that writes flags is not done they are those from before it: a fault restores
 * them (SDM vol. 2, REP), and an interrupt or trap between elements finds them so on Intel's processors (`npm run -s fuzz:native`); AMD's show the last element's.
 */
export function repeat(
  cpu: Cpu,
  p: number,
  size: number,
  element: () => void,
  bulk: Bulk | null,
  whileEqual: boolean,
): void {
  if (!whileEqual) return repeated(cpu, p, size, element, bulk, false);
  const { R, S } = cpu;
  for (let i = 0; i < 4; i++) found[i] = R[FK + i]!;
  let done = false;
  try {
    repeated(cpu, p, size, element, bulk, true);
    done = S[S_STOP] !== JUMP;
  } finally {
    if (!done) R.set(found, FK);
  }
}

/**
 * Bytes from `offset` on that can be handled in one piece as far as a segment goes: up to its limit, and to where 16-bit offsets wrap. Less than 1: none,
 * or a segment of another kind than writable data.
 */
function reach(cpu: Cpu, segment: number, offset: number, narrow: boolean): number {
  const { R } = cpu;
  const s = SEG + segment * SEG_WORDS;
  if ((R[s + SEG_RIGHTS]! & 0x1001e) !== 0x12) return 0;
  const limit = R[s + SEG_LIMIT]! >>> 0;
  return (narrow && limit > 0xffff ? 0xffff : limit) - (offset >>> 0) + 1;
}

/** Elements of `size` bytes, downwards, whose last byte lies no higher in the page than that of the first, at `linear`. */
const elementsDown = (linear: number, bytes: number, size: number) => {
  const within = linear & 4095;
  return within + size > 4096 || bytes < size ? 0 : Math.floor(within / size) + 1;
};

/** MOVS. */
export function copyElements(cpu: Cpu, p: number, size: number, count: number): number {
  const { R, memory } = cpu;
  const down = (R[EFLAGS]! & DF) !== 0,
    narrow = short(cpu, p),
    segment = sourceSegment(cpu, p);
  const si = get(cpu, ESI, narrow),
    di = get(cpu, EDI, narrow);
  let from = (R[SEG + segment * SEG_WORDS + SEG_BASE]! + si) | 0,
    to = (R[SEG + ES * SEG_WORDS + SEG_BASE]! + di) | 0;
  const fromReach = reach(cpu, segment, si, narrow),
    toReach = reach(cpu, ES, di, narrow);
  let n: number;
  if (down) {
    // Offsets go down to 0.
    n = Math.min(
      count,
      elementsDown(from, fromReach, size),
      elementsDown(to, toReach, size),
      Math.floor((si >>> 0) / size) + 1,
      Math.floor((di >>> 0) / size) + 1,
    );
    from -= (n - 1) * size;
    to -= (n - 1) * size;
  } else n = Math.min(count, Math.floor(Math.min(fromReach, toReach) / size));
  if (n < FEWEST || (from & 4095) + FEWEST * size > 4096 || (to & 4095) + FEWEST * size > 4096) return 0;
  const source = memory.hostRead(from | 0);
  if (source < 0) return NO_MEMORY;
  const target = memory.hostWrite(to | 0);
  if (target < 0) return NO_MEMORY;
  // Copies onto what is still to be read repeat a pattern: element by element then, or as far as up to there.
  if (down) {
    if (target < source && source < target + n * size) return 0;
  } else {
    let bytes = memory.writeStretch(to, target, memory.readStretch(from, source, n * size));
    if (target > source && target - source < bytes) bytes = target - source;
    n = Math.floor(bytes / size);
    if (n < FEWEST) return 0;
  }
  copy(cpu, source, target, n * size);
  const by = down ? -n * size : n * size;
  advance(cpu, ESI, by, narrow);
  advance(cpu, EDI, by, narrow);
  return n;
}
/** Elements for which it is worth while. */
export const FEWEST = 4;

/** In machine memory; only the first page of the target may hold code (`writeStretch`). */
export function copy(cpu: Cpu, source: number, target: number, bytes: number): void {
  const { shared } = cpu;
  const isAskew = ((source ^ target) & 7) !== 0 && (target + bytes <= source || source + bytes <= target);
  if (shared !== null && isAskew && bytes >= LONG) copyAskew(shared, source, target, bytes);
  else cpu.M1.copyWithin(target, source, source + bytes);
  cpu.code.wrote(target, Math.min(bytes, 4096 - (target & 4095)));
}

/** Bytes from which the loop below is quicker. */
const LONG = 512;

/** `copyWithin` of shared memory moves single bytes where source and target lie differently in their words of 8: 1.1 us a page. */
function copyAskew(view: DataView, source: number, target: number, bytes: number): void {
  const words = bytes & ~15;
  for (let i = 0; i < words; i += 16) {
    view.setInt32(target + i, view.getInt32(source + i, true), true);
    view.setInt32(target + i + 4, view.getInt32(source + i + 4, true), true);
    view.setInt32(target + i + 8, view.getInt32(source + i + 8, true), true);
    view.setInt32(target + i + 12, view.getInt32(source + i + 12, true), true);
  }
  for (let i = words; i < bytes; i++) view.setInt8(target + i, view.getInt8(source + i));
}

/** A page full of the element stored last. */
const pattern = new Int32Array(1024);
let patternWord = 0;
export function patternPage(value: number, size: number): Int32Array {
  const word = size === 4 ? value : size === 2 ? ((value & 0xffff) * 0x10001) | 0 : ((value & 0xff) * 0x1010101) | 0;
  if (word !== patternWord) pattern.fill((patternWord = word));
  return pattern;
}

/** STOS, upwards. */
export function fillElements(cpu: Cpu, p: number, size: number, count: number): number {
  const { R, R8, R16, M1, M2, M4, memory } = cpu;
  if ((R[EFLAGS]! & DF) !== 0) return 0;
  const narrow = short(cpu, p);
  const value = size === 4 ? R[EAX]! : size === 2 ? R16[EAX * 2]! : R8[EAX * 4]!;
  const di = get(cpu, EDI, narrow);
  const to = (R[SEG + ES * SEG_WORDS + SEG_BASE]! + di) | 0;
  const most = Math.min(count, Math.floor(reach(cpu, ES, di, narrow) / size));
  if (most < 8 || (to & 4095) + 8 * size > 4096) return 0;
  const target = memory.hostWrite(to);
  if (target < 0) return NO_MEMORY;
  if ((target & (size - 1)) !== 0) return 0;
  const n = Math.floor(memory.writeStretch(to, target, most * size) / size),
    bytes = n * size;
  // A seed, then doubling: `fill` on a SharedArrayBuffer is slower than `copyWithin`.
  let seeded = Math.min(bytes, 4096);
  if (seeded === 4096 && (target & 3) === 0) M4.set(patternPage(value, size), target >>> 2);
  else {
    for (let i = 0; i < 8; i++) {
      if (size === 4) M4[(target >>> 2) + i] = value;
      else if (size === 2) M2[(target >>> 1) + i] = value;
      else M1[target + i] = value;
    }
    seeded = 8 * size;
  }
  for (; seeded < bytes; seeded *= 2) M1.copyWithin(target + seeded, target, target + Math.min(seeded, bytes - seeded));
  cpu.code.wrote(target, Math.min(bytes, 4096 - (target & 4095)));
  advance(cpu, EDI, bytes, narrow);
  return n;
}

/** Width in bytes from whichever operand has one. */
export const sized =
  (make: (size: number) => Op): OpFactory =>
  (row, _memory, operandSize) => {
    const code = row.operands.find(o => o[0] === 'X' || o[0] === 'Y') ?? row.operands[0]!;
    return make(operandBits(code, operandSize) / 8);
  };
