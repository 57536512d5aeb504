/**
 * vcpu_guest_context: the state in which a paravirtual guest starts another of its vCPUs (VCPUOP_initialise).
 * Source: xen/include/public/arch-x86/xen.h, 32-bit layout.
 */
import { putFlags, registers as R } from '../../../../cpu/architecture/index.ts';
import { EFAULT, EINVAL } from '../abi.ts';
import { GUEST_GDT_FRAMES, PV, type PvBlock } from './block.ts';
import type { Descriptors } from './descriptors.ts';
import { CR4_GUEST, debugValues, type Emulator } from './emulate.ts';
import type { PvMemory } from './memory.ts';
import type { Mmu } from './mmu.ts';
import type { PageTypes } from './page-types.ts';
import type { PageTables } from './tables.ts';
import { kernelSelector, type Traps } from './traps.ts';

export const CONTEXT_BYTES = 0xaf0;
const AT = {
  FPU: 0,
  FLAGS: 0x200,
  USER_REGS: 0x204,
  TRAPS: 0x248,
  LDT_BASE: 0xa48,
  LDT_ENTRIES: 0xa4c,
  GDT_FRAMES: 0xa50,
  GDT_ENTRIES: 0xa90,
  KERNEL_SS: 0xa94,
  KERNEL_SP: 0xa98,
  CONTROL: 0xa9c,
  DEBUG: 0xabc,
  EVENT_CS: 0xadc,
  EVENT_EIP: 0xae0,
  FAILSAFE_CS: 0xae4,
  FAILSAFE_EIP: 0xae8,
} as const;
/** What names frames in it: EDX holds start_info's, of a guest that suspends itself. */
export const CONTEXT = {
  START_INFO: AT.USER_REGS + 8,
  CR3: AT.CONTROL + 12,
  GDT_FRAMES: AT.GDT_FRAMES,
  GDT_ENTRIES: AT.GDT_ENTRIES,
} as const;
/** VGCF_in_kernel. */
const IN_KERNEL = 4;
/** Offsets in cpu_user_regs. */
const GENERAL: readonly [offset: number, register: number][] = [
  [0, R.EBX],
  [4, R.ECX],
  [8, R.EDX],
  [12, R.ESI],
  [16, R.EDI],
  [20, R.EBP],
  [24, R.EAX],
  [0x20, R.EIP],
  [0x2c, R.ESP],
];
const SEGMENTS: readonly [offset: number, register: number][] = [
  [0x34, R.ES],
  [0x38, R.DS],
  [0x3c, R.FS],
  [0x40, R.GS],
];
const CS = 0x24,
  SS = 0x30,
  EFLAGS = 0x28;
/** Arithmetic flags, TF, IF, DF, AC and ID: what a guest decides. */
const FLAGS_KEPT = 0x240fd5,
  INTERRUPT_FLAG = 0x200;
/** VGCF_failsafe_disables_events; callback_op's number for that callback. */
const FAILSAFE_DISABLES_EVENTS = 8,
  CALLBACK_FAILSAFE = 1;
const UNUSABLE = 0x10000;

export interface ContextParts {
  block: PvBlock;
  memory: PvMemory;
  types: PageTypes;
  tables: PageTables;
  descriptors: Descriptors;
  mmu: Mmu;
  traps: Traps;
  emulator: Emulator;
}

export class GuestContext {
  private readonly parts: ContextParts;

  constructor(parts: ContextParts) {
    this.parts = parts;
  }

  /** Fills the state words of a vCPU that does not run. 0, -EFAULT or -EINVAL; then nothing is held for it. */
  set(vcpu: number, address: number, regs: Int32Array, setControls: (regs: Int32Array) => void): number {
    const bytes = new Uint8Array(CONTEXT_BYTES);
    return this.parts.memory.read(address, bytes) ? this.apply(vcpu, bytes, regs, setControls) : -EFAULT;
  }

  /** The same with a context that was copied already. 0 or -EINVAL. */
  apply(
    vcpu: number,
    bytes: Uint8Array<ArrayBuffer>,
    regs: Int32Array,
    setControls: (regs: Int32Array) => void,
  ): number {
    const { block, memory, types, tables, descriptors } = this.parts;
    const view = new DataView(bytes.buffer);
    const word = (at: number): number => view.getInt32(at, true);
    const state = block.vcpu(vcpu);
    const entries = word(AT.GDT_ENTRIES) >>> 0;
    const frames = Array.from(
      { length: Math.min(16, Math.ceil(entries / 512)) },
      (_, i) => word(AT.GDT_FRAMES + 4 * i) >>> 0,
    );
    const cr3 = word(AT.CONTROL + 12);
    const base = (cr3 >>> 12) | ((cr3 & 0xfff) << 20);
    if (types.get(base >>> 0, tables.top) !== 0) return -EINVAL;
    if (
      descriptors.setGdt(vcpu, frames, entries) !== 0 ||
      descriptors.setLdt(vcpu, word(AT.LDT_BASE) >>> 0, word(AT.LDT_ENTRIES) >>> 0) !== 0
    ) {
      descriptors.dropGdt(vcpu);
      types.put(base >>> 0);
      return -EINVAL;
    }
    state[PV.BASE] = base;
    state[PV.KERNEL_SS] = kernelSelector(view.getUint16(AT.KERNEL_SS, true));
    state[PV.KERNEL_ESP] = word(AT.KERNEL_SP);
    for (const [at, place] of [
      [AT.EVENT_CS, PV.EVENT],
      [AT.FAILSAFE_CS, PV.FAILSAFE],
    ]) {
      state[place] = kernelSelector(view.getUint16(at, true));
      state[place + 1] = word(at + 4);
    }
    for (let vector = 0; vector < 256; vector++) {
      const at = AT.TRAPS + 8 * vector;
      state[PV.TRAPS + 2 * vector] = kernelSelector(view.getUint16(at + 2, true)) | (bytes[at + 1] << 16);
      state[PV.TRAPS + 2 * vector + 1] = word(at + 4);
    }
    if (word(AT.FLAGS) & FAILSAFE_DISABLES_EVENTS) state[PV.CALLBACK_MASKS] |= 1 << CALLBACK_FAILSAFE;
    setControls(regs);
    if (word(AT.CONTROL) & 8) regs[R.CR0] |= 8;
    regs[R.CR4] |= word(AT.CONTROL + 16) & CR4_GUEST;
    // Registers that it may not have stay as after reset.
    for (const index of [0, 1, 2, 3, 6, 7]) {
      const values = debugValues(index, word(AT.DEBUG + 4 * index), regs[R.CR4]);
      if (typeof values === 'number') continue;
      state[PV.DEBUG + index] = values.shown;
      regs[R.DR + index] = values.real;
    }
    this.parts.mmu.loadBaseOf(vcpu, regs);
    descriptors.loadTables(vcpu, regs);
    for (const [at, register] of GENERAL) regs[register] = word(AT.USER_REGS + at);
    putFlags(regs, (word(AT.USER_REGS + EFLAGS) & FLAGS_KEPT) | INTERRUPT_FLAG);
    // A data selector that cannot be loaded is null, as the hypervisor's own switch of contexts leaves it.
    const selector = (at: number): number => view.getUint16(AT.USER_REGS + at, true);
    const cpl = Math.max(1, selector(CS) & 3);
    const load = (register: number, value: number): boolean =>
      descriptors.load(vcpu, register, value, cpl, regs, memory);
    for (const [at, register] of SEGMENTS) if (!load(register, selector(at))) load(register, 0);
    for (const [at, register] of [
      [CS, R.CS],
      [SS, R.SS],
    ]) {
      const wanted = (selector(at) & ~3) | cpl;
      if (load(register, wanted)) continue;
      // Nobody looks at it before the vCPU is brought up; then it faults at its first instruction.
      const words = R.SEG + register * R.SEG_WORDS;
      regs[words + R.SEG_SELECTOR] = wanted;
      regs[words + R.SEG_BASE] = regs[words + R.SEG_LIMIT] = 0;
      regs[words + R.SEG_RIGHTS] = UNUSABLE;
    }
    regs[R.CPL] = cpl;
    return 0;
  }

  /** The context of a vCPU that does not run. (The FPU's state is left out: flag VGCF_I387_VALID is clear.) */
  get(vcpu: number, regs: Int32Array, eflags: number): Uint8Array<ArrayBuffer> {
    const state = this.parts.block.vcpu(vcpu);
    const bytes = new Uint8Array(CONTEXT_BYTES);
    const view = new DataView(bytes.buffer);
    const word = (at: number, value: number): void => view.setInt32(at, value, true);
    const selector = (register: number): number => regs[R.SEG + register * R.SEG_WORDS + R.SEG_SELECTOR] & 0xffff;
    word(AT.FLAGS, IN_KERNEL | (state[PV.CALLBACK_MASKS] & (1 << CALLBACK_FAILSAFE) ? FAILSAFE_DISABLES_EVENTS : 0));
    for (const [at, register] of GENERAL) word(AT.USER_REGS + at, regs[register]);
    word(AT.USER_REGS + EFLAGS, eflags);
    for (const [at, register] of [...SEGMENTS, [CS, R.CS], [SS, R.SS]]) word(AT.USER_REGS + at, selector(register));
    for (let vector = 0; vector < 256; vector++) {
      const trap = state[PV.TRAPS + 2 * vector];
      word(AT.TRAPS + 8 * vector, vector | (((trap >>> 16) & 0xff) << 8) | (trap << 16));
      word(AT.TRAPS + 8 * vector + 4, state[PV.TRAPS + 2 * vector + 1]);
    }
    word(AT.LDT_BASE, state[PV.LDT_BASE]);
    word(AT.LDT_ENTRIES, state[PV.LDT_ENTRIES]);
    for (let page = 0; page < GUEST_GDT_FRAMES; page++) word(AT.GDT_FRAMES + 4 * page, state[PV.GDT_FRAMES + page]);
    word(AT.GDT_ENTRIES, state[PV.GDT_ENTRIES]);
    word(AT.KERNEL_SS, state[PV.KERNEL_SS]);
    word(AT.KERNEL_SP, state[PV.KERNEL_ESP]);
    word(AT.CONTROL, regs[R.CR0]);
    word(CONTEXT.CR3, (state[PV.BASE] << 12) | (state[PV.BASE] >>> 20));
    word(AT.CONTROL + 16, regs[R.CR4] & CR4_GUEST);
    for (let index = 0; index < 8; index++) word(AT.DEBUG + 4 * index, state[PV.DEBUG + index]);
    word(AT.EVENT_CS, state[PV.EVENT]);
    word(AT.EVENT_EIP, state[PV.EVENT + 1]);
    word(AT.FAILSAFE_CS, state[PV.FAILSAFE]);
    word(AT.FAILSAFE_EIP, state[PV.FAILSAFE + 1]);
    return bytes;
  }
}
