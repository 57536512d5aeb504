/** System instructions of 64-bit code whose operands have 64 bits. Source: SDM vol. 2 at each mnemonic, vol. 3, 2.5 and 10.8.6 (CR8). */
import { isCanonical } from '../addressing.ts';
import type { Cpu } from '../cpu.ts';
import { CR4_DE, CR4_UMIP } from '../architecture/control-bits.ts';
import { ExitReason } from '../architecture/edge.ts';
import {
  CPL,
  CR0,
  CR2,
  CR3,
  CR4,
  CR8,
  DR,
  FS,
  GDTR_BASE,
  GDTR_LIMIT,
  HIGH,
  IDTR_BASE,
  IDTR_LIMIT,
  LDTR,
  SEG,
  SEG_BASE,
  SEG_WORDS,
  TR,
} from '../architecture/registers.ts';
import { GP, NP, UD } from '../faults.ts';
import { DST, META, META_SEGMENT, SRC } from '../record.ts';
import { S_HIGH } from '../scratch.ts';
import { descriptorPresent, descriptorType, readDescriptor, setNull, setSegment } from '../segments.ts';
import { readRm } from './arithmetic.ts';
import type { LongOpFactory } from './context.ts';
import { writeCr0, writeCr3, writeCr4 } from './control-register-writes.ts';

const needPrivilege = (cpu: Cpu): void => {
  if (cpu.R[CPL] !== 0) cpu.fault(GP, 0);
};
/** Qualification of a control-register access (SDM vol. 3, table 28-3): registers by number. */
const numberOf = (word: number): number => (word < 8 ? word : word - 8);

const movtocr: LongOpFactory = () => (cpu, p) => {
  needPrivilege(cpu);
  const { R, controls } = cpu,
    cr = cpu.A[p + DST]!,
    word = cpu.A[p + SRC]!,
    value = R[word]!,
    high = R[word + HIGH]!;
  const exit = () => cpu.loop.vmExit(ExitReason.CR_ACCESS, cr | (numberOf(word) << 8), p);
  switch (cr) {
    case 0:
      if (high !== 0) cpu.fault(GP, 0);
      if (((value ^ controls.cr0Shadow) & controls.cr0Mask) !== 0) return exit();
      return writeCr0(cpu, (value & ~controls.cr0Mask) | (R[CR0]! & controls.cr0Mask));
    case 2:
      R[CR2] = value;
      R[CR2 + HIGH] = high;
      return;
    case 3:
      return controls.cr3Load ? exit() : writeCr3(cpu, value, high);
    case 4:
      if (high !== 0) cpu.fault(GP, 0);
      if (((value ^ controls.cr4Shadow) & controls.cr4Mask) !== 0) return exit();
      return writeCr4(cpu, (value & ~controls.cr4Mask) | (R[CR4]! & controls.cr4Mask));
    case 8:
      if (high !== 0 || (value & ~15) !== 0) cpu.fault(GP, 0);
      R[CR8] = value;
      cpu.taskPriority?.set(value << 4);
      return;
    default:
      cpu.fault(UD);
  }
};

const movcr: LongOpFactory = () => (cpu, p) => {
  needPrivilege(cpu);
  const { R, controls } = cpu,
    cr = cpu.A[p + DST]!,
    word = cpu.A[p + SRC]!;
  const put = (low: number, high = 0) => {
    R[word] = low;
    R[word + HIGH] = high;
  };
  switch (cr) {
    case 0:
      return put((R[CR0]! & ~controls.cr0Mask) | (controls.cr0Shadow & controls.cr0Mask));
    case 2:
      return put(R[CR2]!, R[CR2 + HIGH]!);
    case 3:
      if (controls.cr3Store) return cpu.loop.vmExit(ExitReason.CR_ACCESS, 3 | (1 << 4) | (numberOf(word) << 8), p);
      return put(R[CR3]!, R[CR3 + HIGH]!);
    case 4:
      return put((R[CR4]! & ~controls.cr4Mask) | (controls.cr4Shadow & controls.cr4Mask));
    case 8:
      return put(cpu.taskPriority === undefined ? R[CR8]! : cpu.taskPriority.get() >>> 4);
    default:
      cpu.fault(UD);
  }
};

/** Which debug register is meant; faults of SDM vol. 3, 17.2.2. */
function debugRegister(cpu: Cpu, p: number): number {
  const { R } = cpu,
    n = cpu.A[p + DST]!;
  if ((n === 4 || n === 5) && (R[CR4]! & CR4_DE) !== 0) cpu.fault(UD);
  if ((R[DR + 7]! & 0x2000) !== 0) cpu.faults.raiseDebug(0x2000);
  return n === 4 || n === 5 ? n + 2 : n;
}

const movtodr: LongOpFactory = () => (cpu, p) => {
  const { R, A } = cpu,
    word = A[p + SRC]!;
  if (cpu.controls.movDr) return cpu.loop.vmExit(ExitReason.DR_ACCESS, A[p + DST]! | (numberOf(word) << 8), p);
  const n = debugRegister(cpu, p),
    value = R[word]!,
    high = R[word + HIGH]!;
  if (n > 3 && high !== 0) cpu.fault(GP, 0);
  R[DR + n] = n === 6 ? (value & 0xe00f) | 0xffff0ff0 : n === 7 ? (value & (0xffff23ff | 0)) | 0x400 : value;
  R[DR + n + HIGH] = n > 3 ? 0 : high;
  if (n !== 6) {
    cpu.breakpointsChanged();
    cpu.loop.codeGoesOn();
  }
};

const movdr: LongOpFactory = () => (cpu, p) => {
  const { R, A } = cpu,
    word = A[p + SRC]!;
  if (cpu.controls.movDr) return cpu.loop.vmExit(ExitReason.DR_ACCESS, A[p + DST]! | 16 | (numberOf(word) << 8), p);
  const n = debugRegister(cpu, p);
  R[word] = R[DR + n]!;
  R[word + HIGH] = R[DR + n + HIGH]!;
};

/** SGDT, SIDT: a limit of 16 bits and a base of 64. */
const storeTable =
  (base: number, limit: number): LongOpFactory =>
  () =>
  (cpu, p) => {
    const { R, memory } = cpu;
    if (R[CPL] !== 0 && (R[CR4]! & CR4_UMIP) !== 0) cpu.fault(GP, 0);
    const at = cpu.addressing.address(p, 10, true);
    memory.probeWrite(at, 10);
    memory.write16(at, R[limit]!);
    memory.write64((at + 2) | 0, R[base]!, R[base + HIGH]!);
  };

const loadTable =
  (base: number, limit: number): LongOpFactory =>
  () =>
  (cpu, p) => {
    const { R, memory } = cpu,
      at = cpu.addressing.address(p, 10, false);
    const newLimit = memory.read16(at),
      low = memory.read64((at + 2) | 0),
      high = cpu.S[S_HIGH]!;
    if (!isCanonical(high)) cpu.fault(GP, 0);
    R[limit] = newLimit;
    R[base] = low;
    R[base + HIGH] = high;
  };

/** LLDT and LTR: descriptors of 16 bytes. */
const loadSystem =
  (segment: number): LongOpFactory =>
  (_row, memory) =>
  (cpu, p) => {
    needPrivilege(cpu);
    const { R } = cpu,
      selector = readRm(cpu, p, memory, 16),
      error = selector & 0xfffc,
      isTask = segment === TR;
    if (error === 0) {
      if (isTask) cpu.fault(GP, 0);
      return setNull(cpu, segment, selector);
    }
    if ((selector & 4) !== 0 || (selector | 7) + 8 > R[GDTR_LIMIT]!) cpu.fault(GP, error);
    const d = readDescriptor(cpu, selector),
      upper = readDescriptor(cpu, selector + 8);
    if (descriptorType(d) !== (isTask ? 9 : 2) || (upper.high & 0x1f00) !== 0) cpu.fault(GP, error);
    if (!descriptorPresent(d)) cpu.fault(NP, error);
    if (!isCanonical(upper.low)) cpu.fault(GP, error);
    if (isTask) {
      d.high |= 0x200;
      cpu.memory.writeSystem((d.at + 5) | 0, 1, d.high >>> 8);
    }
    setSegment(cpu, segment, selector, d);
    R[SEG + segment * SEG_WORDS + SEG_BASE + HIGH] = upper.low;
  };

/** The address is linear once a segment's base is added; one that is not canonical invalidates nothing, and is no fault (SDM vol. 2, INVLPG). */
const invlpg: LongOpFactory = () => (cpu, p) => {
  needPrivilege(cpu);
  const { addressing, S } = cpu,
    segment = (cpu.A[p + META]! >>> META_SEGMENT) & 7;
  let low = addressing.offset(p);
  if (segment >= FS) low = addressing.based(segment, low, S[S_HIGH]!);
  const high = S[S_HIGH]!;
  if (cpu.controls.invlpg) return cpu.loop.vmExit(ExitReason.INVLPG, high * 2 ** 32 + (low >>> 0), p);
  if (isCanonical(high)) cpu.tlb.flushLongPage(low, high);
  cpu.loop.codeGoesOn();
};

export const longSystem: Record<string, LongOpFactory> = {
  movtocr,
  movcr,
  movtodr,
  movdr,
  sgdt: storeTable(GDTR_BASE, GDTR_LIMIT),
  sidt: storeTable(IDTR_BASE, IDTR_LIMIT),
  lgdt: loadTable(GDTR_BASE, GDTR_LIMIT),
  lidt: loadTable(IDTR_BASE, IDTR_LIMIT),
  lldt: loadSystem(LDTR),
  ltr: loadSystem(TR),
  invlpg,
};
