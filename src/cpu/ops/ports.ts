/**
 * Port I/O. Every port leaves by a VM exit (or reads as all ones, where bitmaps pass it through); what is left to do once the exit is answered lies
 * in the state words, so that a state saved in between goes on. Sources: SDM vol. 2, IN, INS, OUT, OUTS; vol. 1, 19.5 (permission); vol. 3, 17.2.
 */
import type { Cpu } from '../cpu.ts';
import { ExitReason, IO_IMMEDIATE, IO_IN, IO_REP, IO_STRING } from '../architecture/edge.ts';
import { DF, IOPL, TF } from '../architecture/flags.ts';
import { FAULT, GP } from '../faults.ts';
import {
  CPL,
  EAX,
  ECX,
  EDI,
  EDX,
  EFLAGS,
  ES,
  ESI,
  HIGH,
  PENDING_DEBUG,
  PORT,
  PORT_ANSWERED,
  PORT_LINEAR,
  PORT_NONE,
  PORT_STATE,
  PORT_VALUE,
  PORT_WAITS,
  SEG,
  SEG_BASE,
  SEG_LIMIT,
  SEG_RIGHTS,
  SEG_WORDS,
  TR,
} from '../architecture/registers.ts';
import { inProtected, inVirtual8086, tableAddress } from '../segments.ts';
import { IMM, META, META_ADDRESS16, META_ADDRESS32, META_REP, META_REPNE } from '../record.ts';
import { addedHigh } from '../stack.ts';
import type { Op, OpFactory } from './context.ts';
import { advance, advanceLong, get, readElement, sized, sourceSegment, writeElement } from './string.ts';

/** Bits of PORT next to the qualification: 16-bit addresses (in 64-bit code: of 32 bits); instruction length from bit 8; I/O breakpoints hit from bit 12. */
const PORT_SHORT = 1 << 7,
  PORT_LENGTH = 8,
  PORT_HITS = 12,
  HITS_MASK = 15 << PORT_HITS;

/** CPL against IOPL, then the I/O permission bitmap of the TSS (SDM vol. 1, 18.5). */
function checkPort(cpu: Cpu, port: number, size: number): void {
  const { R } = cpu;
  cpu.debug.port(port, size);
  if (!inProtected(cpu) && !inVirtual8086(cpu)) return;
  if (!inVirtual8086(cpu) && R[CPL]! <= (R[EFLAGS]! & IOPL) >>> 12) return;
  const tr = SEG + TR * SEG_WORDS,
    limit = R[tr + SEG_LIMIT]! >>> 0;
  if ((R[tr + SEG_RIGHTS]! & 8) === 0 || limit < 103) cpu.fault(GP, 0);
  // In a task state of 64 bits it lies at the same place (SDM vol. 3, figure 8-11).
  const word = (offset: number) => cpu.memory.readSystem16(tableAddress(cpu, tr + SEG_BASE, offset, 2));
  const at = word(102) + (port >>> 3);
  if (at + 1 > limit) cpu.fault(GP, 0);
  const bits = word(at) >>> (port & 7);
  if ((bits & ((1 << size) - 1)) !== 0) cpu.fault(GP, 0);
}

/** With I/O bitmaps: false if every port of the access is passed through (there is nothing behind it here: it reads as all ones). */
function exits(cpu: Cpu, port: number, size: number): boolean {
  const bitmaps = cpu.controls.ioBitmaps;
  if (bitmaps === null) return true;
  for (let i = port; i < port + size; i++) {
    if (i > 0xffff || (bitmaps[i >>> 3]! & (1 << (i & 7))) !== 0) return true;
  }
  return false;
}

/** Leaves for the machine. `linear` and `segment`: where INS stores and OUTS reads. */
function portExit(
  cpu: Cpu,
  p: number,
  port: number,
  size: number,
  bits: number,
  value: number,
  linear = 0,
  segment = ES,
): void {
  const { R, exit } = cpu;
  const qualification = (size - 1) | bits | (port << 16);
  exit.size = size;
  exit.value = value;
  if ((bits & IO_STRING) !== 0) exit.guestLinear = cpu.tlb.linearOf(linear);
  cpu.loop.vmExit(ExitReason.IO, qualification, p);
  R[PORT_STATE] = PORT_WAITS;
  R[PORT] =
    qualification |
    (isShort(cpu, p) ? PORT_SHORT : 0) |
    (exit.instructionLength << PORT_LENGTH) |
    (cpu.debug.hits << PORT_HITS);
  R[PORT_LINEAR] = linear;
  R[PORT_VALUE] = segment;
}

// ---- registers of string instructions, of either kind of code ----

/** Its addresses have 16 bits, or 32 in 64-bit code. */
const isShort = (cpu: Cpu, p: number): boolean =>
  (cpu.A[p + META]! & (cpu.mode.long ? META_ADDRESS32 : META_ADDRESS16)) !== 0;
const high = ({ R, mode }: Cpu, register: number, narrow: boolean): number =>
  mode.long && !narrow ? R[register + HIGH]! : 0;
const low = (cpu: Cpu, register: number, narrow: boolean): number => get(cpu, register, narrow && !cpu.mode.long);
/** Of ECX, without sign. */
const count = (cpu: Cpu, narrow: boolean): number =>
  (high(cpu, ECX, narrow) >>> 0) * 2 ** 32 + (low(cpu, ECX, narrow) >>> 0);
function move(cpu: Cpu, register: number, by: number, narrow: boolean): void {
  if (cpu.mode.long) advanceLong(cpu, register, by, narrow);
  else advance(cpu, register, by, narrow);
}
/** Where `size` bytes at ESI or EDI lie, and `delta` bytes further on. */
function elementAt(
  cpu: Cpu,
  segment: number,
  register: number,
  size: number,
  write: boolean,
  narrow: boolean,
  delta = 0,
): number {
  const offset = low(cpu, register, narrow),
    at = (offset + delta) | 0;
  if (!cpu.mode.long) return cpu.addressing.linear(segment, at, size, write);
  return cpu.addressing.long(segment, at, addedHigh(offset, high(cpu, register, narrow), delta), size);
}

/**
 * The machine answers IN or OUT in place, without the way out of `run()` and back; `exit` is filled in as for that exit. False: nothing was done, and it exits, as
 * where each instruction is looked at.
 */
function answered(cpu: Cpu, p: number, port: number, size: number, bits: number, value: number): boolean {
  const { exit, tlb, answerPort } = cpu;
  if (answerPort === undefined || cpu.debug.oneByOne || (cpu.R[EFLAGS]! & TF) !== 0) return false;
  const { changes } = tlb;
  cpu.loop.describeExit(ExitReason.IO, (size - 1) | bits | (port << 16), p);
  exit.size = size;
  exit.value = value;
  if (!answerPort(exit)) return false;
  // A port may have opened a gate (A20) or switched a ROM: the instructions that follow are looked up again.
  if (tlb.changes !== changes) cpu.loop.codeGoesOn();
  return true;
}

/** True: the machine answered in place. Else the instruction leaves for its answer. */
function ask(cpu: Cpu, p: number, port: number, size: number, bits: number, value: number): boolean {
  if (answered(cpu, p, port, size, bits, value)) return true;
  portExit(cpu, p, port, size, bits, value);
  return false;
}

const mask = (size: number) => (size === 4 ? -1 : (1 << (8 * size)) - 1);

function setAccumulator(cpu: Cpu, size: number, value: number): void {
  if (size === 4) {
    cpu.R[EAX] = value;
    if (cpu.mode.long) cpu.R[EAX + HIGH] = 0;
  } else if (size === 2) cpu.R16[EAX * 2] = value;
  else cpu.R8[EAX * 4] = value;
}

const input =
  (size: number, immediate: boolean): Op =>
  (cpu, p) => {
    const port = immediate ? cpu.A[p + IMM]! & 255 : cpu.R16[EDX * 2]!;
    checkPort(cpu, port, size);
    if (exits(cpu, port, size)) {
      if (ask(cpu, p, port, size, IO_IN | (immediate ? IO_IMMEDIATE : 0), 0)) setAccumulator(cpu, size, cpu.exit.value);
    } else {
      setAccumulator(cpu, size, -1);
      cpu.probe?.port?.(port, size, false, mask(size) >>> 0);
    }
  };

const output =
  (size: number, immediate: boolean): Op =>
  (cpu, p) => {
    const port = immediate ? cpu.A[p + IMM]! & 255 : cpu.R16[EDX * 2]!;
    checkPort(cpu, port, size);
    const value = cpu.R[EAX]! & mask(size);
    if (exits(cpu, port, size)) ask(cpu, p, port, size, immediate ? IO_IMMEDIATE : 0, value);
    else cpu.probe?.port?.(port, size, true, value >>> 0);
  };

/** The element that the port access under way is for. No slot address (tlb.ts) outlives `run()`: in 64-bit code it is found by the registers, which wait, too. */
const waitingElement = (cpu: Cpu, size: number, pointer: number, write: boolean, narrow: boolean): number =>
  cpu.mode.long ? elementAt(cpu, cpu.R[PORT_VALUE]!, pointer, size, write, narrow) : cpu.R[PORT_LINEAR]!;

/** One element of INS or OUTS is done: registers move on. True if REP has more to do. */
function elementDone(cpu: Cpu, register: number, size: number, rep: boolean, narrow: boolean): boolean {
  move(cpu, register, (cpu.R[EFLAGS]! & DF) !== 0 ? -size : size, narrow);
  if (!rep) return false;
  move(cpu, ECX, -1, narrow);
  return count(cpu, narrow) !== 0;
}

const repeats = (cpu: Cpu, p: number) => (cpu.A[p + META]! & (META_REP | META_REPNE)) !== 0;

const ins =
  (size: number): Op =>
  (cpu, p) => {
    const { R } = cpu;
    const narrow = isShort(cpu, p),
      rep = repeats(cpu, p);
    const port = cpu.R16[EDX * 2]!;
    checkPort(cpu, port, size);
    if (rep && count(cpu, narrow) === 0) return;
    const linear = elementAt(cpu, ES, EDI, size, true, narrow);
    // Whatever may fault does so before the port is read.
    cpu.memory.checkAlignment(linear, size);
    cpu.memory.probeWrite(linear, size);
    // An element that goes to no memory was read before its store left by another exit: it is not read again.
    if (R[PORT_STATE] === PORT_ANSWERED && R[PORT]! >>> 16 === port) {
      writeElement(cpu, linear, size, R[PORT_VALUE]!);
      R[PORT_STATE] = PORT_NONE;
      if (elementDone(cpu, EDI, size, rep, narrow)) {
        cpu.loop.goOn();
        cpu.loop.jumped();
      } else cpu.loop.ended();
      return;
    }
    portExit(cpu, p, port, size, IO_IN | IO_STRING | (rep ? IO_REP : 0), 0, linear);
  };

const outs =
  (size: number): Op =>
  (cpu, p) => {
    const narrow = isShort(cpu, p),
      rep = repeats(cpu, p);
    const port = cpu.R16[EDX * 2]!;
    checkPort(cpu, port, size);
    if (rep && count(cpu, narrow) === 0) return;
    const segment = sourceSegment(cpu, p);
    const linear = elementAt(cpu, segment, ESI, size, false, narrow);
    const value = readElement(cpu, linear, size);
    portExit(cpu, p, port, size, IO_STRING | (rep ? IO_REP : 0), value & mask(size), linear, segment);
  };

/** True if a store could be made now without a fault or an exit. */
function isMemory(cpu: Cpu, linear: number, size: number): boolean {
  try {
    return cpu.memory.hostWrite(linear) >= 0 && cpu.memory.hostWrite((linear + size - 1) | 0) >= 0;
  } catch (thrown) {
    if (thrown !== FAULT) throw thrown;
    return false;
  }
}

/** Finishes the port access that waits (Processor.completePortAccess). */
export function completePort(cpu: Cpu, value: number): void {
  const { R, exit } = cpu;
  if (R[PORT_STATE] !== PORT_WAITS) return;
  const port = R[PORT]!;
  const size = (port & 7) + 1,
    narrow = (port & PORT_SHORT) !== 0,
    input = (port & IO_IN) !== 0;
  exit.instructionLength = (port >>> PORT_LENGTH) & 15;
  cpu.debug.hits = (port >>> PORT_HITS) & 15;
  cpu.probe?.port?.(port >>> 16, size, !input, ((input ? value : exit.value) & mask(size)) >>> 0);
  let more = false;
  if ((port & IO_STRING) === 0) {
    if (input) setAccumulator(cpu, size, value);
  } else if (input) {
    const linear = waitingElement(cpu, size, EDI, true, narrow);
    if (!isMemory(cpu, linear, size)) {
      R[PORT_STATE] = PORT_ANSWERED;
      R[PORT_VALUE] = value;
      return;
    }
    writeElement(cpu, linear, size, value);
    more = elementDone(cpu, EDI, size, (port & IO_REP) !== 0, narrow);
  } else more = elementDone(cpu, ESI, size, (port & IO_REP) !== 0, narrow);
  R[PORT_STATE] = PORT_NONE;
  cpu.mmio.forget();
  // Each element is traced (SDM vol. 3, 17.3.1.4).
  if (more && (R[EFLAGS]! & TF) !== 0) R[PENDING_DEBUG]! |= 1 << 14;
  if (more) {
    cpu.loop.goOn();
    cpu.debug.tell();
  } else cpu.skipInstruction();
  R[PENDING_DEBUG]! |= cpu.debug.hits;
  cpu.debug.hits = 0;
}

/**
 * Where in machine memory the elements of the waiting REP INS or OUTS lie that come next, side by side within one page; -1: they are to be done one by
 * one. Their number is then in `elements`.
 */
function nextElements(cpu: Cpu): number {
  const { R } = cpu;
  const port = R[PORT]!;
  if (R[PORT_STATE] !== PORT_WAITS || (port & (IO_STRING | IO_REP)) !== (IO_STRING | IO_REP)) return -1;
  if ((R[EFLAGS]! & (TF | DF)) !== 0 || (port & HITS_MASK) !== 0 || cpu.debug.elementByElement) return -1;
  const size = (port & 7) + 1,
    narrow = (port & PORT_SHORT) !== 0,
    input = (port & IO_IN) !== 0;
  const pointer = input ? EDI : ESI,
    linear = waitingElement(cpu, size, pointer, input, narrow);
  elements = Math.min(count(cpu, narrow), Math.floor((4096 - (linear & 4095)) / size));
  if (narrow) elements = Math.min(elements, Math.floor((wrapsAt(cpu) - (low(cpu, pointer, true) >>> 0)) / size));
  if (elements < 2) return -1;
  const last = (elements - 1) * size;
  try {
    // The first element passed the segment's checks, so the last one represents those between.
    if (elementAt(cpu, R[PORT_VALUE]!, pointer, size, input, narrow, last) !== ((linear + last) | 0)) return -1;
    return input ? cpu.memory.hostWrite(linear) : cpu.memory.hostRead(linear);
  } catch (thrown) {
    if (thrown !== FAULT) throw thrown;
    return -1;
  }
}
let elements = 0;
/** Where offsets of short addresses begin again. */
const wrapsAt = (cpu: Cpu): number => (cpu.mode.long ? 2 ** 32 : 0x10000);

/** Processor.portMemory. */
export function portMemory(cpu: Cpu): Uint8Array | null {
  const at = nextElements(cpu);
  return at < 0 ? null : cpu.M1.subarray(at, at + elements * ((cpu.R[PORT]! & 7) + 1));
}

/** Processor.completePortBlock. */
export function completePortBlock(cpu: Cpu, bytes: number): void {
  const { R, exit } = cpu;
  const at = nextElements(cpu);
  const port = R[PORT]!;
  const size = (port & 7) + 1,
    narrow = (port & PORT_SHORT) !== 0,
    input = (port & IO_IN) !== 0;
  if (at < 0 || bytes < size || bytes > elements * size) return;
  if (input) cpu.code.wrote(at, bytes);
  move(cpu, input ? EDI : ESI, bytes, narrow);
  move(cpu, ECX, -bytes / size, narrow);
  exit.instructionLength = (port >>> PORT_LENGTH) & 15;
  R[PORT_STATE] = PORT_NONE;
  cpu.mmio.forget();
  if (count(cpu, narrow) === 0) cpu.skipInstruction();
  else cpu.loop.goOn();
}

const accumulator = (code: string, operandSize: 16 | 32) => (code === 'AL' ? 1 : operandSize / 8);

export const ports: Record<string, OpFactory> = {
  ins: sized(ins),
  outs: sized(outs),
  in: (row, _memory, size) => input(accumulator(row.operands[0]!, size), row.operands[1]![0] === 'I'),
  out: (row, _memory, size) => output(accumulator(row.operands[1]!, size), row.operands[0]![0] === 'I'),
};
