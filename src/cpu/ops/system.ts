/** System instructions. Source: SDM vol. 2 at each mnemonic, vol. 3 for control and debug registers, 28.2 for exit qualifications. */
import type { Cpu } from '../cpu.ts';
import { CPUID_MONITOR, cpuid, type Features } from '../architecture/cpuid.ts';
import { ExitReason } from '../architecture/edge.ts';
import { AC, DF, IF, IOPL, RF, TF, VIF, VM, ZF } from '../architecture/flags.ts';
import { CR0_PE, CR0_TS, CR4_DE, CR4_TSD, CR4_UMIP } from '../architecture/control-bits.ts';
import { GP, NP, UD } from '../faults.ts';
import { JUMP, S_STOP, S_USER } from '../scratch.ts';
import { monitorEnabled } from '../monitor.ts';
import {
  APIC_ID,
  CPL,
  CR0,
  CR2,
  CR3,
  CR4,
  CS,
  DR,
  EAX,
  EBX,
  ECX,
  EDX,
  EFLAGS,
  EIP,
  ESP,
  GDTR_BASE,
  GDTR_LIMIT,
  IDTR_BASE,
  IDTR_LIMIT,
  LDTR,
  MSR_APIC_BASE,
  MSR_MISC_ENABLE,
  MSR_SYSENTER_CS,
  MSR_SYSENTER_EIP,
  MSR_SYSENTER_ESP,
  MSR_TSC_AUX,
  SEG,
  SEG_BASE,
  SEG_LIMIT,
  SEG_RIGHTS,
  SEG_SELECTOR,
  SEG_WORDS,
  SS,
  TR,
} from '../architecture/registers.ts';
import { inLongMode } from '../mode.ts';
import {
  descriptorDpl,
  descriptorLimit,
  descriptorPresent,
  descriptorType,
  findDescriptor,
  inProtected,
  inVirtual8086,
  isCode,
  isConforming,
  loadSegment,
  readDescriptor,
  setNull,
  setSegment,
} from '../segments.ts';
import type { Row } from '../table/index.ts';
import { changesVif, setVif } from '../virtual-interrupts.ts';
import { read, readRm, setRegister, write } from './arithmetic.ts';
import { DST, META, META_OPERAND16, SRC } from '../record.ts';
import type { OpFactory } from './context.ts';
import { writeCr0, writeCr3, writeCr4 } from './control-register-writes.ts';
import { putMsr, putTsc, readTsc, writeMsr } from './msr.ts';

// ---- control registers ----

/** Qualification of a control-register access (SDM vol. 3, table 28-3). */
const crQualification = (cr: number, type: number, register: number) => cr | (type << 4) | (register << 8);

const movtocr: OpFactory = () => (cpu, p) => {
  if (cpu.R[CPL] !== 0) cpu.fault(GP, 0);
  const cr = cpu.A[p + DST]!,
    register = cpu.A[p + SRC]!;
  const value = cpu.R[register]!;
  const { controls } = cpu;
  const exit = () => cpu.loop.vmExit(ExitReason.CR_ACCESS, crQualification(cr, 0, register), p);
  switch (cr) {
    case 0:
      if (((value ^ controls.cr0Shadow) & controls.cr0Mask) !== 0) return exit();
      return writeCr0(cpu, (value & ~controls.cr0Mask) | (cpu.R[CR0]! & controls.cr0Mask));
    case 2:
      cpu.R[CR2] = value;
      return;
    case 3:
      return controls.cr3Load ? exit() : writeCr3(cpu, value);
    case 4:
      if (((value ^ controls.cr4Shadow) & controls.cr4Mask) !== 0) return exit();
      return writeCr4(cpu, (value & ~controls.cr4Mask) | (cpu.R[CR4]! & controls.cr4Mask));
    default:
      cpu.fault(UD);
  }
};

const movcr: OpFactory = () => (cpu, p) => {
  if (cpu.R[CPL] !== 0) cpu.fault(GP, 0);
  const cr = cpu.A[p + DST]!,
    register = cpu.A[p + SRC]!;
  const { R, controls } = cpu;
  switch (cr) {
    case 0:
      R[register] = (R[CR0]! & ~controls.cr0Mask) | (controls.cr0Shadow & controls.cr0Mask);
      return;
    case 2:
      R[register] = R[CR2]!;
      return;
    case 3:
      if (controls.cr3Store) return cpu.loop.vmExit(ExitReason.CR_ACCESS, crQualification(3, 1, register), p);
      R[register] = R[CR3]!;
      return;
    case 4:
      R[register] = (R[CR4]! & ~controls.cr4Mask) | (controls.cr4Shadow & controls.cr4Mask);
      return;
    default:
      cpu.fault(UD);
  }
};

/** Which debug register is meant: 4 and 5 are 6 and 7 unless CR4.DE is set. Faults of SDM vol. 3, 17.2.2. */
function debugRegister(cpu: Cpu, p: number): number {
  const { R } = cpu;
  let n = cpu.A[p + DST]!;
  if (n === 4 || n === 5) {
    if ((R[CR4]! & CR4_DE) !== 0) cpu.fault(UD);
    n += 2;
  }
  if ((R[DR + 7]! & 0x2000) !== 0) cpu.faults.raiseDebug(0x2000);
  return n;
}

const movtodr: OpFactory = () => (cpu, p) => {
  if (cpu.controls.movDr) return cpu.loop.vmExit(ExitReason.DR_ACCESS, cpu.A[p + DST]! | (cpu.A[p + SRC]! << 8), p);
  const n = debugRegister(cpu, p);
  const value = cpu.R[cpu.A[p + SRC]!]!;
  cpu.R[DR + n] = n === 6 ? (value & 0xe00f) | 0xffff0ff0 : n === 7 ? (value & (0xffff23ff | 0)) | 0x400 : value;
  if (n !== 6) {
    cpu.breakpointsChanged();
    cpu.loop.codeGoesOn();
  }
};

const movdr: OpFactory = () => (cpu, p) => {
  if (cpu.controls.movDr)
    return cpu.loop.vmExit(ExitReason.DR_ACCESS, cpu.A[p + DST]! | 16 | (cpu.A[p + SRC]! << 8), p);
  const n = debugRegister(cpu, p);
  cpu.R[cpu.A[p + SRC]!] = cpu.R[DR + n]!;
};

// ---- segments ----

const SEGMENT_NAMES = ['ES', 'CS', 'SS', 'DS', 'FS', 'GS'];
const selectorOf = (cpu: Cpu, segment: number) => cpu.R[SEG + segment * SEG_WORDS + SEG_SELECTOR]!;

/** A load of SS holds interrupts off for one instruction. */
function load(cpu: Cpu, segment: number, selector: number): void {
  const { key } = cpu.mode;
  loadSegment(cpu, segment, selector);
  if (cpu.mode.key !== key) cpu.loop.codeGoesOn();
  if (segment === SS) cpu.loop.shadow(2);
}

const movtosreg: OpFactory = (_row, memory) => (cpu, p) => load(cpu, cpu.A[p + DST]!, readRm(cpu, p, memory, 16));

const movsreg: OpFactory = (_row, memory, size) => (cpu, p) => {
  const selector = selectorOf(cpu, cpu.A[p + DST]!);
  if (memory) cpu.memory.write16(cpu.addressing.address(p, 2, true), selector);
  else setRegister(cpu, cpu.A[p + SRC]!, size, selector);
};

const segmentOperand = (row: Row) => SEGMENT_NAMES.indexOf(row.operands[0]!);

const popsreg: OpFactory = (row, _memory, size) => {
  const segment = segmentOperand(row);
  return cpu => {
    if (size === 32 && segment !== SS && cpu.flat.pop(segment)) return;
    const selector = cpu.memory.read16(cpu.stack.at(0, size >> 3, false));
    const { key } = cpu.mode,
      wide = cpu.mode.stack32;
    loadSegment(cpu, segment, selector);
    // ESP moves by the width that the stack had before.
    if (wide) cpu.R[ESP] = (cpu.R[ESP]! + (size >> 3)) | 0;
    else cpu.R16[ESP * 2]! += size >> 3;
    if (cpu.mode.key !== key) cpu.loop.codeGoesOn();
    if (segment === SS) cpu.loop.shadow(2);
  };
};

const lseg: OpFactory = (row, _memory, size) => {
  const segment = SEGMENT_NAMES.indexOf(row.mnemonic.slice(1).toUpperCase());
  return (cpu, p) => {
    const n = size >> 3;
    const at = cpu.addressing.operand(p, n + 2, false);
    const offset = read(cpu, at, size),
      selector = cpu.memory.read16((at + n) | 0);
    loadSegment(cpu, segment, selector);
    setRegister(cpu, cpu.A[p + DST]!, size, offset);
    // LSS loads ESP too, and so blocks nothing (SDM vol. 3, 6.8.3).
    cpu.loop.codeGoesOn();
  };
};

const needProtected = (cpu: Cpu) => {
  if (!inProtected(cpu)) cpu.fault(UD);
};
const needPrivilege = (cpu: Cpu) => {
  if (cpu.R[CPL] !== 0) cpu.fault(GP, 0);
};
const umip = (cpu: Cpu) => {
  if (cpu.R[CPL] !== 0 && (cpu.R[CR4]! & CR4_UMIP) !== 0) cpu.fault(GP, 0);
};

const storeSystem =
  (value: (cpu: Cpu) => number, protectedOnly: boolean): OpFactory =>
  (_row, memory, size) =>
  (cpu, p) => {
    if (protectedOnly) needProtected(cpu);
    umip(cpu);
    if (memory) cpu.memory.write16(cpu.addressing.address(p, 2, true), value(cpu));
    else setRegister(cpu, cpu.A[p + SRC]!, size, value(cpu));
  };

const storeTable =
  (base: number, limit: number): OpFactory =>
  () =>
  (cpu, p) => {
    umip(cpu);
    const at = cpu.addressing.address(p, 6, true);
    cpu.memory.probeWrite(at, 6);
    cpu.memory.write16(at, cpu.R[limit]!);
    cpu.memory.write32((at + 2) | 0, cpu.R[base]!);
  };

/** With 16-bit operands the base has 24 bits. */
const loadTable =
  (base: number, limit: number): OpFactory =>
  () =>
  (cpu, p) => {
    const at = cpu.addressing.address(p, 6, false);
    const newLimit = cpu.memory.read16(at),
      newBase = cpu.memory.read32((at + 2) | 0);
    cpu.R[limit] = newLimit;
    cpu.R[base] = (cpu.A[p + META]! & META_OPERAND16) !== 0 ? newBase & 0xffffff : newBase;
  };

const lldt: OpFactory = (_row, memory) => (cpu, p) => {
  needProtected(cpu);
  needPrivilege(cpu);
  const selector = readRm(cpu, p, memory, 16);
  if ((selector & 0xfffc) === 0) return setNull(cpu, LDTR, selector);
  if ((selector & 4) !== 0) cpu.fault(GP, selector & 0xfffc);
  const d = readDescriptor(cpu, selector);
  if (descriptorType(d) !== 2) cpu.fault(GP, selector & 0xfffc);
  if (!descriptorPresent(d)) cpu.fault(NP, selector & 0xfffc);
  setSegment(cpu, LDTR, selector, d);
};

const ltr: OpFactory = (_row, memory) => (cpu, p) => {
  needProtected(cpu);
  needPrivilege(cpu);
  const selector = readRm(cpu, p, memory, 16);
  if ((selector & 0xfffc) === 0) cpu.fault(GP, 0);
  if ((selector & 4) !== 0) cpu.fault(GP, selector & 0xfffc);
  const d = readDescriptor(cpu, selector);
  const type = descriptorType(d);
  if (type !== 1 && type !== 9) cpu.fault(GP, selector & 0xfffc);
  if (!descriptorPresent(d)) cpu.fault(NP, selector & 0xfffc);
  d.high |= 0x200;
  cpu.memory.writeSystem((d.at + 5) | 0, 1, d.high >>> 8);
  setSegment(cpu, TR, selector, d);
};

const setZf = (cpu: Cpu, on: boolean) => {
  const flags = cpu.getFlags();
  cpu.setFlags(on ? flags | ZF : flags & ~ZF);
};

/** True if the descriptor is visible at max(CPL, RPL): SDM vol. 2, LAR and LSL. */
const visible = (cpu: Cpu, selector: number, d: { low: number; high: number; at: number }) =>
  isConforming(d) || descriptorDpl(d) >= Math.max(cpu.R[CPL]!, selector & 3);
const LAR_TYPES = new Set([1, 2, 3, 4, 5, 9, 11, 12]),
  LSL_TYPES = new Set([1, 2, 3, 9, 11]),
  ONLY_OUTSIDE_LONG_MODE = new Set([1, 3, 4, 5]);

const lar =
  (limit: boolean): OpFactory =>
  (_row, memory, size) =>
  (cpu, p) => {
    needProtected(cpu);
    const selector = readRm(cpu, p, memory, 16);
    const d = findDescriptor(cpu, selector);
    const type = d === null ? 0 : descriptorType(d);
    const known =
      type >= 16 ||
      ((limit ? LSL_TYPES : LAR_TYPES).has(type) && !(inLongMode(cpu.R) && ONLY_OUTSIDE_LONG_MODE.has(type)));
    const ok = d !== null && known && visible(cpu, selector, d);
    if (ok)
      setRegister(cpu, cpu.A[p + DST]!, size, limit ? descriptorLimit(d) : d.high & (size === 16 ? 0xff00 : 0xffff00));
    setZf(cpu, ok);
  };

const verify =
  (writable: boolean): OpFactory =>
  (_row, memory) =>
  (cpu, p) => {
    needProtected(cpu);
    const selector = readRm(cpu, p, memory, 16);
    const d = findDescriptor(cpu, selector);
    let ok = d !== null && descriptorType(d) >= 16 && visible(cpu, selector, d);
    if (ok && d !== null) ok = writable ? !isCode(d) && (d.high & 0x200) !== 0 : !isCode(d) || (d.high & 0x200) !== 0;
    setZf(cpu, ok);
  };

const arpl: OpFactory = (_row, memory) => (cpu, p) => {
  needProtected(cpu);
  const value = readRm(cpu, p, memory, 16);
  const rpl = cpu.R16[cpu.A[p + DST]! * 2]! & 3;
  const lower = (value & 3) < rpl;
  // The operand need not be writable unless it changes.
  if (lower) {
    if (memory) write(cpu, cpu.addressing.address(p, 2, true), 16, (value & ~3) | rpl);
    else cpu.R16[cpu.A[p + SRC]! * 2] = (value & ~3) | rpl;
  }
  setZf(cpu, lower);
};

const lmsw: OpFactory = (_row, memory) => (cpu, p) => {
  const source = readRm(cpu, p, memory, 16);
  const { R, controls } = cpu;
  // PE can be set, not cleared.
  const value = (R[CR0]! & ~14) | (source & 15);
  if (((value ^ controls.cr0Shadow) & controls.cr0Mask & 15) !== 0) {
    if (memory) cpu.exit.guestLinear = cpu.tlb.linearOf(cpu.addressing.address(p, 2, false));
    return cpu.loop.vmExit(ExitReason.CR_ACCESS, (3 << 4) | (memory ? 1 << 6 : 0) | (source << 16), p);
  }
  writeCr0(cpu, (value & ~controls.cr0Mask) | (R[CR0]! & controls.cr0Mask));
};

const clts: OpFactory = () => (cpu, p) => {
  if ((cpu.controls.cr0Mask & cpu.controls.cr0Shadow & CR0_TS) !== 0)
    return cpu.loop.vmExit(ExitReason.CR_ACCESS, 2 << 4, p);
  // Owned by the hypervisor and clear for the guest: nothing to do (SDM vol. 3, 26.3).
  if ((cpu.controls.cr0Mask & CR0_TS) === 0) cpu.R[CR0]! &= ~CR0_TS;
};

// ---- flags ----

/** CLI and STI: CPL against IOPL; virtual-8086 mode needs IOPL 3. */
const ioplCheck = (cpu: Cpu) => {
  const iopl = (cpu.R[EFLAGS]! & IOPL) >>> 12;
  if (inVirtual8086(cpu) ? iopl < 3 : inProtected(cpu) && cpu.R[CPL]! > iopl) cpu.fault(GP, 0);
};

const cli: OpFactory = () => cpu => {
  if (changesVif(cpu)) {
    cpu.R[EFLAGS]! &= ~VIF;
    return;
  }
  ioplCheck(cpu);
  cpu.R[EFLAGS]! &= ~IF;
};

const sti: OpFactory = () => cpu => {
  if (changesVif(cpu)) return setVif(cpu);
  ioplCheck(cpu);
  if ((cpu.R[EFLAGS]! & IF) === 0) {
    cpu.R[EFLAGS]! |= IF;
    cpu.loop.shadow(1);
  }
};

// ---- fast system calls (SDM vol. 2, SYSENTER, SYSEXIT) ----

/** Flat code or data at `cpl`, without looking at a descriptor. */
function flat(cpu: Cpu, segment: number, selector: number, cpl: number): void {
  const { R } = cpu;
  const s = SEG + segment * SEG_WORDS;
  R[s + SEG_SELECTOR] = selector;
  R[s + SEG_BASE] = 0;
  R[s + SEG_LIMIT] = -1;
  R[s + SEG_RIGHTS] = 0xc090 | (cpl << 5) | (segment === CS ? 0xb : 3);
}

const sysenter: OpFactory = () => cpu => {
  if (inLongMode(cpu.R)) return cpu.longMode!.sysenter();
  const { R } = cpu;
  const cs = R[MSR_SYSENTER_CS]!;
  if (!((R[CR0]! & CR0_PE) !== 0) || (cs & 0xfffc) === 0) cpu.fault(GP, 0);
  R[EFLAGS]! &= ~(VM | IF | RF);
  flat(cpu, CS, cs & 0xfffc, 0);
  flat(cpu, SS, (cs & 0xfffc) + 8, 0);
  R[CPL] = 0;
  R[ESP] = R[MSR_SYSENTER_ESP]!;
  R[EIP] = R[MSR_SYSENTER_EIP]!;
  cpu.mode.changed();
  cpu.S[S_STOP] = JUMP;
};

const sysexit: OpFactory = () => cpu => {
  const { R } = cpu;
  const cs = R[MSR_SYSENTER_CS]!;
  if ((R[CR0]! & CR0_PE) === 0 || (cs & 0xfffc) === 0 || R[CPL] !== 0) cpu.fault(GP, 0);
  flat(cpu, CS, ((cs & 0xfffc) + 16) | 3, 3);
  flat(cpu, SS, ((cs & 0xfffc) + 24) | 3, 3);
  R[CPL] = 3;
  R[ESP] = R[ECX]!;
  R[EIP] = R[EDX]!;
  cpu.mode.changed();
  cpu.S[S_STOP] = JUMP;
};

// ---- time, identity, MSRs ----

const rdtsc =
  (withAux: boolean): OpFactory =>
  () =>
  (cpu, p) => {
    const { R, controls } = cpu;
    if ((R[CR4]! & CR4_TSD) !== 0 && R[CPL] !== 0) cpu.fault(GP, 0);
    if (controls.rdtsc) return cpu.loop.vmExit(withAux ? ExitReason.RDTSCP : ExitReason.RDTSC, 0, p);
    putTsc(cpu, withAux);
  };

const cpuidOp: OpFactory = () => (cpu, p) => {
  if (!cpu.controls.cpuid) return identify(cpu);
  const { exit, answerCpuid } = cpu;
  // Answered in place, but where each instruction is looked at.
  if (answerCpuid !== undefined && !cpu.debug.oneByOne && (cpu.R[EFLAGS]! & TF) === 0) {
    cpu.loop.describeExit(ExitReason.CPUID, 0, p);
    if (answerCpuid(exit)) return;
  }
  cpu.loop.vmExit(ExitReason.CPUID, 0, p);
};

/** What CPUID was last asked, on which processor (leaf, subleaf, IA32_APIC_BASE, APIC identifier, IA32_MISC_ENABLE; what it shows), and its answer: programs ask again. */
const asked = new Int32Array(5).fill(-1),
  answered = new Int32Array(4);
let askedOf: Features | undefined;

/** CPUID as it is without a hypervisor: EAX, EBX, ECX and EDX get the answer to EAX and ECX. */
export function identify({ R, features }: Cpu): void {
  if (
    R[EAX] !== asked[0] ||
    R[ECX] !== asked[1] ||
    R[MSR_APIC_BASE] !== asked[2] ||
    R[APIC_ID] !== asked[3] ||
    features !== askedOf ||
    R[MSR_MISC_ENABLE] !== asked[4]
  ) {
    asked.set([R[EAX]!, R[ECX]!, R[MSR_APIC_BASE]!, R[APIC_ID]!, R[MSR_MISC_ENABLE]!]);
    askedOf = features;
    const { eax, ebx, ecx, edx } = cpuid(R[EAX]!, R[ECX]!, (R[MSR_APIC_BASE]! & 0x800) !== 0, R[APIC_ID]!, features);
    // IA32_MISC_ENABLE can hide what it switches off.
    answered.set([eax, ebx, R[EAX] === 1 && !monitorEnabled(R) ? ecx & ~CPUID_MONITOR : ecx, edx]);
  }
  R[EAX] = answered[0]!;
  R[EBX] = answered[1]!;
  R[ECX] = answered[2]!;
  R[EDX] = answered[3]!;
}

/** MSR bitmap (SDM vol. 3, 25.6.9): reads of 0-1FFF, of C0000000-C0001FFF, then writes; others always exit. */
function msrExits(cpu: Cpu, index: number, isWrite: boolean): boolean {
  const bitmap = cpu.controls.msrBitmap;
  if (bitmap === null) return false;
  const low = index >>> 0 < 0x2000,
    high = (index & 0xffffe000) >>> 0 === 0xc0000000;
  if (!low && !high) return true;
  const bit = index & 0x1fff;
  return (bitmap[(low ? 0 : 1024) + (isWrite ? 2048 : 0) + (bit >>> 3)]! & (1 << (bit & 7))) !== 0;
}

const rdmsr: OpFactory = () => (cpu, p) => {
  if (msrExits(cpu, cpu.R[ECX]!, false) || !putMsr(cpu)) return cpu.loop.vmExit(ExitReason.RDMSR, 0, p);
};

const wrmsr: OpFactory = () => (cpu, p) => {
  const { R } = cpu;
  const index = R[ECX]!;
  const outcome = msrExits(cpu, index, true) ? 'unknown' : writeMsr(cpu, index, R[EAX]!, R[EDX]!);
  if (outcome === 'unknown') return cpu.loop.vmExit(ExitReason.WRMSR, 0, p);
  if (outcome === 'fault') cpu.fault(GP, 0);
  cpu.loop.codeGoesOn();
};

const leave =
  (reason: number): OpFactory =>
  () =>
  (cpu, p) =>
    cpu.loop.vmExit(reason, 0, p);
const nothing: OpFactory = () => () => {};
/** A word of nobody. */
const FENCED = new Int32Array(1);
/**
 * Stores before it are seen by every processor before a load behind it reads (SDM vol. 3, 9.2.5): vCPUs run on threads of their own, and a plain store of
 * JavaScript may wait in the store buffer of the processor below. An Atomics operation on any word empties that.
 */
const fence: OpFactory = () => () => void Atomics.add(FENCED, 0, 1);

export const system: Record<string, OpFactory> = {
  movtocr,
  movcr,
  movtodr,
  movdr,
  movtosreg,
  movsreg,
  popsreg,
  lseg,
  lldt,
  ltr,
  arpl,
  lmsw,
  clts,
  cli,
  sti,
  sysenter,
  sysexit,
  rdmsr,
  wrmsr,
  sgdt: storeTable(GDTR_BASE, GDTR_LIMIT),
  sidt: storeTable(IDTR_BASE, IDTR_LIMIT),
  lgdt: loadTable(GDTR_BASE, GDTR_LIMIT),
  lidt: loadTable(IDTR_BASE, IDTR_LIMIT),
  sldt: storeSystem(cpu => selectorOf(cpu, LDTR), true),
  str: storeSystem(cpu => selectorOf(cpu, TR), true),
  smsw: storeSystem(
    cpu => (cpu.R[CR0]! & ~cpu.controls.cr0Mask) | (cpu.controls.cr0Shadow & cpu.controls.cr0Mask),
    false,
  ),
  lar: lar(false),
  lsl: lar(true),
  verr: verify(false),
  verw: verify(true),
  rdtsc: rdtsc(false),
  rdtscp: rdtsc(true),
  cpuid: cpuidOp,
  rdpid: () => (cpu, p) => {
    cpu.R[cpu.A[p + SRC]!] = cpu.R[MSR_TSC_AUX]!;
  },
  cld: () => cpu => {
    cpu.R[EFLAGS]! &= ~DF;
  },
  std: () => cpu => {
    cpu.R[EFLAGS]! |= DF;
  },
  // At CPL above 0 they are #UD, not #GP.
  clac: () => cpu => {
    if (cpu.R[CPL] !== 0) cpu.fault(UD);
    cpu.R[EFLAGS]! &= ~AC;
  },
  stac: () => cpu => {
    if (cpu.R[CPL] !== 0) cpu.fault(UD);
    cpu.R[EFLAGS]! |= AC;
  },
  invlpg: () => (cpu, p) => {
    if (cpu.R[CPL] !== 0) cpu.fault(GP, 0);
    // The address is linear; the segment's limit is not checked (SDM vol. 2, INVLPG).
    const segment = (cpu.A[p + META]! >>> 17) & 7;
    const linear = (cpu.R[SEG + segment * SEG_WORDS + SEG_BASE]! + cpu.addressing.offset(p)) | 0;
    if (cpu.controls.invlpg) return cpu.loop.vmExit(ExitReason.INVLPG, linear, p);
    cpu.flushPage(linear);
    // Of the code's own page, or of the next one, in which an instruction may end, nothing is known any more.
    const page = (cpu.mode.csBase + cpu.R[EIP]!) >>> 12,
      known = page + cpu.S[S_USER]!;
    if ((page & 1023) === 1023 || cpu.tlb.CP[known] === 0 || ((linear >>> 12) - page) >>> 0 < 2) cpu.loop.codeGoesOn();
  },
  hlt: leave(ExitReason.HLT),
  vmcall: leave(ExitReason.VMCALL),
  vmmcall: leave(ExitReason.VMMCALL),
  rdpmc: () => cpu => cpu.fault(GP, 0),
  pause: () => (cpu, p) => {
    const { pause, pauseLoop } = cpu.controls,
      exits = pause || (pauseLoop !== null && cpu.R[CPL] === 0 && cpu.pauses.exits(readTsc(cpu).low, pauseLoop));
    if (exits) cpu.loop.vmExit(ExitReason.PAUSE, 0, p);
  },
  // Caches are not modelled; loads are not reordered with loads, nor stores with stores, on processors that keep TSO.
  wbinvd: nothing,
  invd: nothing,
  prefetch: nothing,
  lfence: nothing,
  mfence: fence,
  sfence: nothing,
  clflush: (_row, memory) => (cpu, p) => {
    if (memory) cpu.memory.read8(cpu.addressing.address(p, 1, false));
  },
};
