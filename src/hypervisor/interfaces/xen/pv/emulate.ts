/**
 * Privileged instructions that a paravirtual kernel runs in ring 1 all the same: each faults, and is done here in the guest's stead or handed back as
 * the guest's own #GP. Source: SDM vol. 2 for what each does; what a guest may do with it as Xen has it (docs of direct paging guests).
 */
import {
  type CpuidAnswer,
  CR0_TS,
  CR4_DE,
  CR4_TSD,
  EFER_LMA,
  EFER_LME,
  EFER_SCE,
  type Processor,
  registers as R,
} from '../../../../cpu/architecture/index.ts';
import { ENODEV, EPERM, MSR_HYPERCALL_PAGE, PV_VIRT_START } from '../abi.ts';
import { answerCpuid } from '../../cpuid.ts';
import { FORCED_PREFIX } from '../forced-prefix.ts';
import { type GuestMsrs, MISC_ENABLE_UNAVAILABLE } from '../msrs.ts';
import { PV, type PvBlock } from './block.ts';
import { fetchInstruction, MAX_INSTRUCTION, type PvMemory } from './memory.ts';

const DR6_FIXED = 0xffff0ff0 | 0,
  DR7_FIXED = 0x400;
/** DR7 bits 11, 12, 14 and 15 read 0. */
const DR7_RESERVED = 0xd800,
  DR7_GENERAL_DETECT = 0x2000,
  /** L0-L3 and G0-G3. */
  DR7_ACTIVE = 0xff;
/** R/W field of a breakpoint for ports, in bits 16-17, 20-21, 24-25 and 28-29 of DR7. */
const DR7_PORT = 2;
/** Bits of CR4 that are the guest's. */
export const CR4_GUEST = CR4_TSD | CR4_DE;
const PREFIXES = new Set([0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3]);
const OPERAND_SIZE = 0x66,
  ADDRESS_SIZE = 0x67,
  REPNE = 0xf2,
  REP = 0xf3;
const SEGMENT_PREFIXES = new Map([
  [0x26, R.ES],
  [0x2e, R.CS],
  [0x36, R.SS],
  [0x3e, R.DS],
  [0x64, R.FS],
  [0x65, R.GS],
]);
const DF = 0x400;
/** Elements of a REP INS or OUTS that are done at one fault. */
const ELEMENTS_A_FAULT = 4096;

/** Beyond what the table of all guests has (msrs.ts). */
const MSR = {
  TSC: 0x10,
  APIC_BASE: 0x1b,
  MPERF: 0xe7,
  APERF: 0xe8,
  THERM_CONTROL: 0x19a,
  MISC_ENABLE: 0x1a0,
  ENERGY_PERF_BIAS: 0x1b0,
  PAT: 0x277,
  PERF_CAPABILITIES: 0x345,
  EFER: 0xc0000080,
  TSC_AUX: 0xc0000103,
} as const;
/** Registers that the processor has and a paravirtual guest has not: MTRRCAP, those of SYSENTER, the MTRRs. */
const HOST_MSRS = [
  [0xfe, 0xfe],
  [0x174, 0x176],
  [0x200, 0x20f],
  [0x250, 0x250],
  [0x258, 0x259],
  [0x268, 0x26f],
  [0x2ff, 0x2ff],
] as const;
/** The hypervisor's alone: they read as 0. */
const EFER_OF_XEN = EFER_SCE | EFER_LME | EFER_LMA;
/** IA32_MISC_ENABLE (guest_misc_enable): fast strings; neither performance counters nor MONITOR, nor xTPR messages. */
const MISC_ENABLE_VALUE = 1 | MISC_ENABLE_UNAVAILABLE | (1 << 23);
/** CPUID leaf 0x80000001 EDX and leaf 7 ECX: a processor with one of these has IA32_TSC_AUX. */
const RDTSCP = 1 << 27,
  RDPID = 1 << 22;
const APIC_BASE_VALUE = 0xfee00800,
  APIC_BASE_BSP = 0x100;
/** IA32_PAT as the hypervisor has it: entry 4 is write-combining, 5 write-protected. */
const PAT_LOW = 0x00070406,
  PAT_HIGH = 0x00000501;

export interface EmulateParts {
  processor: Processor;
  block: PvBlock;
  memory: PvMemory;
  currentVcpu(): number;
  /** VMASST_TYPE_architectural_iopl. */
  architecturalIopl(): boolean;
  /** The guest gets a #PF with this error code, but for the bit that tells kernel and programs apart. */
  pageFault(linear: number, error: number): void;
  /** The guest gets a #GP(0). */
  generalProtection(): void;
  /** It has a handler for that. */
  takesProtectionFaults(): boolean;
  cpuid(leaf: number, subleaf: number): CpuidAnswer;
  msrs: GuestMsrs;
  /** MOV to CR3: a machine frame. False: no table of the guest's. */
  newBase(mfn: number): boolean;
  /** The MSR that names the hypercall page. False: #GP. */
  writeHypercallMsr(low: number, high: number): boolean;
  /** Time stamp counter: low and high word. */
  tsc(): readonly [low: number, high: number];
}

export class Emulator {
  private readonly parts: EmulateParts;
  private readonly code = new Uint8Array(MAX_INSTRUCTION);
  private length = 0;

  constructor(parts: EmulateParts) {
    this.parts = parts;
  }

  private fetch(): void {
    this.length = fetchInstruction(this.parts.processor.regs, this.parts.memory, this.code);
  }

  private done(length: number): true {
    const { processor } = this.parts;
    processor.regs[R.EIP] += length;
    processor.regs[R.INTERRUPTIBILITY] &= ~3;
    return true;
  }

  /** #UD: the forced emulation prefix before CPUID (xen/arch/x86/pv/emul-inv-op.c). False: the guest's own. */
  invalidOpcode(): boolean {
    this.fetch();
    if (this.length < FORCED_PREFIX.length + 2 || FORCED_PREFIX.some((byte, i) => this.code[i] !== byte)) return false;
    if (this.code[FORCED_PREFIX.length] !== 0x0f || this.code[FORCED_PREFIX.length + 1] !== 0xa2) return false;
    const { processor, msrs, cpuid, generalProtection } = this.parts;
    const { regs } = processor;
    if (msrs.cpuidFaults && regs[R.CPL] === 3) {
      regs[R.EIP] += FORCED_PREFIX.length;
      generalProtection();
      return true;
    }
    answerCpuid(regs, cpuid(regs[R.EAX], regs[R.ECX]));
    return this.done(FORCED_PREFIX.length + 2);
  }

  /** #GP at an instruction. False: the guest's own. */
  generalProtection(): boolean {
    this.fetch();
    const { code } = this;
    let at = 0,
      wide = true;
    while (at < this.length && PREFIXES.has(code[at])) if (code[at++] === OPERAND_SIZE) wide = false;
    if (at >= this.length) return false;
    const opcode = code[at];
    switch (opcode) {
      case 0xfa: // CLI
      case 0xfb: // STI: with the right to do it, they have no effect, since the mask is in memory.
        return this.mayDoIo() && this.done(at + 1);
      case 0x6c:
      case 0x6d:
      case 0x6e:
      case 0x6f:
        return this.portString(opcode, wide, at);
      case 0xe4:
      case 0xe5:
        return at + 1 < this.length && this.input(opcode & 1 ? (wide ? 4 : 2) : 1, at + 2);
      case 0xe6:
      case 0xe7:
        return at + 1 < this.length && this.output(at + 2);
      case 0xec:
      case 0xed:
        return this.input(opcode & 1 ? (wide ? 4 : 2) : 1, at + 1);
      case 0xee:
      case 0xef:
        return this.output(at + 1);
      case 0x0f:
        return this.parts.processor.regs[R.CPL] === 1 && at + 1 < this.length && this.twoByte(code[at + 1], at + 2);
      default:
        return false;
    }
  }

  /** The instruction that `generalProtection` has just looked at is SYSENTER, which always faults: its MSRs are zero. */
  isSysenter(): boolean {
    return this.length >= 2 && this.code[0] === 0x0f && this.code[1] === 0x34;
  }

  /** The kernel counts as privilege level 1; with the assist for an architectural IOPL as 0, which every IOPL allows. */
  private mayDoIo(): boolean {
    const { processor, block, currentVcpu, architecturalIopl } = this.parts;
    const kernel = processor.regs[R.CPL] === 1;
    const level = kernel ? (architecturalIopl() ? 0 : 1) : 3;
    return block.vcpu(currentVcpu())[PV.IOPL] >= level;
  }

  /** No port belongs to a guest: reads float high. */
  private input(size: 1 | 2 | 4, length: number): boolean {
    if (!this.mayDoIo()) return false;
    const { regs } = this.parts.processor;
    regs[R.EAX] |= size === 1 ? 0xff : size === 2 ? 0xffff : -1;
    return this.done(length);
  }

  private output(length: number): boolean {
    return this.mayDoIo() && this.done(length);
  }

  /** INS and OUTS of the kernel, with 32-bit addresses; a long one goes on at the next fault. */
  private portString(opcode: number, wide: boolean, at: number): boolean {
    const { processor, memory } = this.parts;
    const { regs } = processor;
    const prefixes = [...this.code.subarray(0, at)];
    if (!this.mayDoIo() || regs[R.CPL] !== 1 || prefixes.includes(ADDRESS_SIZE)) return false;
    const repeats = prefixes.some(byte => byte === REP || byte === REPNE);
    const size = (opcode & 1) === 0 ? 1 : wide ? 4 : 2;
    const step = processor.eflags & DF ? -size : size;
    const isInput = opcode < 0x6e;
    const pointer = isInput ? R.EDI : R.ESI;
    const override = prefixes.map(byte => SEGMENT_PREFIXES.get(byte)).findLast(segment => segment !== undefined);
    const base = regs[R.SEG + (isInput ? R.ES : (override ?? R.DS)) * R.SEG_WORDS + R.SEG_BASE];
    const ones = new Uint8Array(size).fill(0xff);
    for (let left = repeats ? Math.min(regs[R.ECX] >>> 0, ELEMENTS_A_FAULT) : 1; left > 0; left--) {
      const linear = (base + regs[pointer]) >>> 0;
      // Reads float high, writes go nowhere.
      if (!(isInput ? memory.write(linear, ones) : memory.read(linear, ones.slice()))) {
        const { low } = memory.walk(linear);
        this.parts.pageFault(linear, (low & 1) | (isInput ? 2 : 0));
        return true;
      }
      regs[pointer] += step;
      if (repeats) regs[R.ECX]--;
    }
    return repeats && regs[R.ECX] !== 0 ? true : this.done(at + 1);
  }

  private twoByte(opcode: number, at: number): boolean {
    const { processor } = this.parts;
    const { regs } = processor;
    switch (opcode) {
      case 0x06: // CLTS
        regs[R.CR0] &= ~CR0_TS;
        processor.reload();
        return this.done(at);
      case 0x08: // INVD is not done for guests
        return false;
      case 0x09: // WBINVD: there is no cache to write back
        return this.done(at);
      case 0x20:
        return this.readControl(at);
      case 0x22:
        return this.writeControl(at);
      case 0x21:
        return this.readDebug(at);
      case 0x23:
        return this.writeDebug(at);
      case 0x30:
        return this.writeMsr(regs[R.ECX] >>> 0, regs[R.EAX], regs[R.EDX]) && this.done(at);
      case 0x32:
        return this.readMsr(regs[R.ECX] >>> 0) && this.done(at);
      case 0x01: // RDTSCP, of 0F 01
        if (at >= this.length || this.code[at] !== 0xf9 || !this.hasTscAux) return false;
        this.putTsc();
        regs[R.ECX] = regs[R.MSR_TSC_AUX];
        return this.done(at + 1);
      case 0x31:
        this.putTsc();
        return this.done(at);
      default:
        return false;
    }
  }

  private putTsc(): void {
    const { regs } = this.parts.processor;
    [regs[R.EAX], regs[R.EDX]] = this.parts.tsc();
  }

  private modrm(at: number): { reg: number; rm: number } | undefined {
    if (at >= this.length) return undefined;
    const byte = this.code[at];
    return { reg: (byte >>> 3) & 7, rm: byte & 7 };
  }

  private readControl(at: number): boolean {
    const fields = this.modrm(at);
    const { regs } = this.parts.processor;
    if (!fields) return false;
    const { reg, rm } = fields;
    if (reg === 0) regs[rm] = regs[R.CR0];
    else if (reg === 2) regs[rm] = regs[R.CR2];
    else if (reg === 3) {
      // xen_pfn_to_cr3: the frame number, rotated.
      const mfn = this.parts.block.vcpu(this.parts.currentVcpu())[PV.BASE];
      regs[rm] = (mfn << 12) | (mfn >>> 20);
    } else if (reg === 4) regs[rm] = regs[R.CR4];
    else return false;
    return this.done(at + 1);
  }

  private writeControl(at: number): boolean {
    const fields = this.modrm(at);
    const { processor } = this.parts;
    const { regs } = processor;
    if (!fields) return false;
    const { reg, rm } = fields;
    const value = regs[rm];
    if (reg === 0) {
      // Only TS is the guest's.
      if ((value ^ regs[R.CR0]) & ~CR0_TS) return false;
      regs[R.CR0] = value;
      processor.reload();
    } else if (reg === 2) regs[R.CR2] = value;
    else if (reg === 3) {
      if (!this.parts.newBase((value >>> 12) | ((value & 0xfff) << 20))) return false;
    } else if (reg === 4) {
      // What is not the guest's stays as it is, without a word.
      regs[R.CR4] = (regs[R.CR4] & ~CR4_GUEST) | (value & CR4_GUEST);
      processor.reload();
    } else return false;
    return this.done(at + 1);
  }

  private readDebug(at: number): boolean {
    const fields = this.modrm(at);
    const value = fields && this.getDebug(fields.reg);
    if (!fields || value === undefined) return false;
    this.parts.processor.regs[fields.rm] = value;
    return this.done(at + 1);
  }

  private writeDebug(at: number): boolean {
    const fields = this.modrm(at);
    if (!fields || this.setDebug(fields.reg, this.parts.processor.regs[fields.rm]) !== 0) return false;
    return this.done(at + 1);
  }

  /** DR4 and DR5 are DR6 and DR7 unless CR4.DE is set, and then nothing (SDM vol. 3, 17.2.2). Undefined: no such register. */
  private debugIndex(index: number): number | undefined {
    if (index !== 4 && index !== 5) return index <= 7 ? index : undefined;
    return this.parts.processor.regs[R.CR4] & CR4_DE ? undefined : index + 2;
  }

  /** HYPERVISOR_get_debugreg, MOV from DR. */
  getDebug(index: number): number | undefined {
    const { block, currentVcpu } = this.parts;
    const register = this.debugIndex(index);
    return register === undefined ? undefined : block.vcpu(currentVcpu())[PV.DEBUG + register];
  }

  /** HYPERVISOR_set_debugreg, MOV to DR. 0 or a negated errno, and then nothing changed. */
  setDebug(index: number, value: number): number {
    const { processor, block, currentVcpu } = this.parts;
    const register = this.debugIndex(index);
    if (register === undefined) return -ENODEV;
    const values = debugValues(register, value, processor.regs[R.CR4]);
    if (typeof values === 'number') return values;
    block.vcpu(currentVcpu())[PV.DEBUG + register] = values.shown;
    processor.regs[R.DR + register] = values.real;
    processor.reload();
    return 0;
  }

  private get hasTscAux(): boolean {
    const { cpuid } = this.parts;
    return ((cpuid(0x80000001, 0).edx & RDTSCP) | (cpuid(7, 0).ecx & RDPID)) !== 0;
  }

  private readMsr(index: number): boolean {
    const { processor, msrs } = this.parts;
    const { regs } = processor;
    const value = (msrs.has(index) ? msrs.read(index) : this.ownMsr(index)) ?? this.fakedMsr(index);
    if (!value) return false;
    regs[R.EAX] = value[0];
    regs[R.EDX] = value[1];
    return true;
  }

  /** What the host has and the guest does not reads as 0 as long as the guest could not take the fault. */
  private fakedMsr(index: number): readonly [low: number, high: number] | undefined {
    return HOST_MSRS.some(([first, last]) => index >= first && index <= last) && !this.parts.takesProtectionFaults()
      ? [0, 0]
      : undefined;
  }

  /** read_msr of xen/arch/x86/pv/emul-priv-op.c. */
  private ownMsr(index: number): readonly [low: number, high: number] | undefined {
    const { processor, currentVcpu, tsc } = this.parts;
    const { regs } = processor;
    switch (index) {
      case MSR.TSC:
        return tsc();
      case MSR.EFER:
        return [regs[R.EFER] & ~EFER_OF_XEN, 0];
      case MSR.MISC_ENABLE:
        return [MISC_ENABLE_VALUE, 0];
      case MSR.APIC_BASE:
        return [APIC_BASE_VALUE | (currentVcpu() === 0 ? APIC_BASE_BSP : 0), 0];
      case MSR.PAT:
        return [PAT_LOW, PAT_HIGH];
      case MSR.TSC_AUX:
        return this.hasTscAux ? [regs[R.MSR_TSC_AUX], 0] : undefined;
      case MSR.PERF_CAPABILITIES:
      case MSR_HYPERCALL_PAGE:
        return [0, 0];
      default:
        return undefined;
    }
  }

  /** write_msr there. */
  private writeMsr(index: number, low: number, high: number): boolean {
    const { processor, msrs, writeHypercallMsr } = this.parts;
    const { regs } = processor;
    if (msrs.has(index)) return msrs.write(index, low, high);
    switch (index) {
      // What would change it is dropped.
      case MSR.MISC_ENABLE:
      case MSR.MPERF:
      case MSR.APERF:
      case MSR.THERM_CONTROL:
      case MSR.ENERGY_PERF_BIAS:
        return true;
      case MSR.EFER:
        return high === 0 && low === (regs[R.EFER] & ~EFER_OF_XEN);
      case MSR.TSC_AUX:
        if (!this.hasTscAux || high !== 0) return false;
        regs[R.MSR_TSC_AUX] = low;
        return true;
      case MSR_HYPERCALL_PAGE:
        return writeHypercallMsr(low, high);
      default:
        return false;
    }
  }
}

/**
 * What a debug register holds when the guest writes `value`: as it reads it, and as the processor has it. A negated errno: it may not.
 * Source: SDM vol. 3, 17.2; what a guest may have as Xen has it.
 */
export function debugValues(register: number, value: number, cr4: number): { shown: number; real: number } | number {
  if (register < 4) return value >>> 0 >= PV_VIRT_START ? -EPERM : { shown: value, real: value };
  if (register === 6) {
    const shown = (value & 0xe00f) | DR6_FIXED;
    return { shown, real: shown };
  }
  if (value & DR7_GENERAL_DETECT) return -EPERM;
  const shown = (value & ~DR7_RESERVED) | DR7_FIXED;
  let real = shown;
  // Breakpoints for ports are not for the processor, where no port access comes to its end; and there are none without CR4.DE.
  for (let point = 0; shown & DR7_ACTIVE && point < 4; point++) {
    if (((shown >>> (16 + 4 * point)) & 3) !== DR7_PORT) continue;
    if (!(cr4 & CR4_DE)) return -EPERM;
    real &= ~(3 << (2 * point));
  }
  return { shown, real };
}
