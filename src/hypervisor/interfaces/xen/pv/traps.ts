/**
 * Exceptions, events and returns of a paravirtual kernel in ring 1. The processor has no IDT for it: whatever would go through one leaves to the
 * hypervisor, which puts a frame onto the guest's stack as a processor would and continues at the handler that the guest named ("bounce").
 * Source: xen/include/public/xen.h, arch-x86/xen-x86_32.h, callback.h.
 */
import { type Processor, registers as R } from '../../../../cpu/architecture/index.ts';
import { EFAULT, EINVAL, ENOSYS } from '../abi.ts';
import { FLAT_RING1_CS, FLAT_RING3_DS, PV, type PvBlock } from './block.ts';
import { struct, u8, u16, u32, ulong } from '../struct.ts';
import type { Descriptors } from './descriptors.ts';
import type { PvMemory } from './memory.ts';
import { VCPU_INFO } from '../shared.ts';

const TF = 0x100,
  IF = 0x200,
  IOPL_SHIFT = 12,
  IOPL_MASK = 0x3000,
  NT = 0x4000,
  RF = 0x10000,
  VM = 0x20000,
  FIXED = 2;
const RING_1 = 1;
/** Flags of a trap table entry: DPL in bits 0-1, events masked on entry. */
const TRAP_DPL = 3,
  TRAP_MASKS = 4;
/** Entries of a trap table that are taken before others have their turn. */
const TRAPS_A_TURN = 1024;
export const TrapInfo = struct({ vector: u8, flags: u8, cs: u16, address: ulong });
/** EAX, EIP, CS, EFLAGS. */
const IRET_FRAME_BYTES = 16;
/** callback_op (xen/include/public/callback.h). */
const CALLBACKOP_REGISTER = 0,
  CALLBACKOP_UNREGISTER = 1;
/** nmi_op (xen/include/public/nmi.h). */
export const XennmiCallback = struct({ handler_address: ulong, pad: ulong });
export const CallbackRegister = struct({ type: u16, flags: u16, cs: u32, eip: ulong });
export const CallbackUnregister = struct({ type: u16, _unused: u16 });
const CALLBACK_PLACES: { readonly [type: number]: number } = {
  0: PV.EVENT,
  1: PV.FAILSAFE,
  5: PV.SYSENTER,
  7: PV.SYSCALL32,
};
const CALLBACK_FAILSAFE = 1,
  CALLBACK_NMI = 4,
  CALLBACK_SYSENTER = 5;
const CALLBACKF_MASK_EVENTS = 1;
/** Vectors with an error code (SDM vol. 3, table 6-1), and those of a control-protection exception. */
const ERROR_CODES = (1 << 8) | (1 << 10) | (1 << 11) | (1 << 12) | (1 << 13) | (1 << 14) | (1 << 17) | (1 << 21);
/** Exceptions of class fault but for #DB: the saved flags have RF (SDM vol. 3, 17.3.1.1): #DE #BR #UD #NM #TS #NP #SS #GP #PF #MF #AC #XM. */
const FAULTS = [0, 5, 6, 7, 10, 11, 12, 13, 14, 16, 17, 19].reduce((bits, vector) => bits | (1 << vector), 0);
const OLD_SYSTEM_CALL = 0x80;
/** Breakpoint, overflow and the old system call have gates of DPL 3 in Xen's own table. */
const hasGate = (vector: number): boolean => vector === 3 || vector === 4 || vector === OLD_SYSTEM_CALL;
const NMI = 2,
  GENERAL_PROTECTION = 13,
  PAGE_FAULT = 14;

export interface TrapParts {
  processor: Processor;
  block: PvBlock;
  descriptors: Descriptors;
  memory: PvMemory;
  currentVcpu(): number;
  /** Machine memory, and the byte offset of a vCPU's vcpu_info in it. */
  bytes: Uint8Array;
  vcpuInfo(vcpu: number): number;
  /** VMASST_TYPE_architectural_iopl: the guest sees its virtual IOPL in frames. */
  architecturalIopl(): boolean;
  /** Ends the hypercall under way for now: it is made again with this argument. */
  continueWith(argument: number, value: number): number;
  /** The domain cannot go on: a sentence for its crash report. */
  crash(sentence: string): void;
}

export class Traps {
  private readonly parts: TrapParts;

  constructor(parts: TrapParts) {
    this.parts = parts;
  }

  private get state(): Int32Array {
    return this.parts.block.vcpu(this.parts.currentVcpu());
  }

  /** Virtual interrupt flag, inverted (vcpu_info.evtchn_upcall_mask). */
  get masked(): boolean {
    const { bytes, vcpuInfo, currentVcpu } = this.parts;
    return bytes[vcpuInfo(currentVcpu()) + VCPU_INFO[32].evtchn_upcall_mask] !== 0;
  }

  set masked(masked: boolean) {
    const { bytes, vcpuInfo, currentVcpu } = this.parts;
    bytes[vcpuInfo(currentVcpu()) + VCPU_INFO[32].evtchn_upcall_mask] = masked ? 1 : 0;
  }

  // ---- what the guest registers

  /** HYPERVISOR_set_trap_table: 0 as address takes all entries away. */
  setTrapTable(table: number): number {
    const { state } = this;
    if (table === 0) {
      state.fill(0, PV.TRAPS, PV.TRAPS + 512);
      return 0;
    }
    const bytes = new Uint8Array(TrapInfo.bytes);
    const trap = TrapInfo.over(bytes);
    for (let at = table; ; at = (at + TrapInfo.bytes) >>> 0) {
      if (at - table === TRAPS_A_TURN * TrapInfo.bytes) return this.parts.continueWith(0, at);
      if (!this.parts.memory.read(at, bytes)) return -EFAULT;
      if (trap.address === 0) return 0;
      const to = PV.TRAPS + 2 * trap.vector;
      state[to] = kernelSelector(trap.cs) | (trap.flags << 16);
      state[to + 1] = trap.address;
    }
  }

  /** HYPERVISOR_stack_switch. */
  stackSwitch(ss: number, esp: number): number {
    this.state[PV.KERNEL_SS] = kernelSelector(ss);
    this.state[PV.KERNEL_ESP] = esp;
    return 0;
  }

  private setCallback(place: number, selector: number, address: number): void {
    this.state[place] = kernelSelector(selector);
    this.state[place + 1] = address;
  }

  /** HYPERVISOR_set_callbacks: event and failsafe. */
  setCallbacks(eventCs: number, eventEip: number, failsafeCs: number, failsafeEip: number): number {
    this.setCallback(PV.EVENT, eventCs, eventEip);
    this.setCallback(PV.FAILSAFE, failsafeCs, failsafeEip);
    return 0;
  }

  /** HYPERVISOR_callback_op. What can be taken away again is the NMI's alone. */
  callbackOp(command: number, argument: number): number {
    if (command !== CALLBACKOP_REGISTER && command !== CALLBACKOP_UNREGISTER) return -EINVAL;
    const bytes = new Uint8Array(CallbackRegister.bytes);
    const { parts } = this;
    // What is taken away is named by its first field alone (struct callback_unregister).
    if (
      !parts.memory.read(
        argument,
        command === CALLBACKOP_REGISTER ? bytes : bytes.subarray(0, CallbackUnregister.bytes),
      )
    )
      return -EFAULT;
    const { type, flags, cs, eip } = CallbackRegister.over(bytes);
    if (type === CALLBACK_NMI) return command === CALLBACKOP_REGISTER ? this.setNmi(eip) : this.dropNmi();
    const place = CALLBACK_PLACES[type];
    if (place === undefined) return -ENOSYS;
    if (command === CALLBACKOP_UNREGISTER) return -EINVAL;
    this.setCallback(place, cs & 0xffff, eip);
    const bit = 1 << type;
    if (flags & CALLBACKF_MASK_EVENTS) this.state[PV.CALLBACK_MASKS] |= bit;
    else this.state[PV.CALLBACK_MASKS] &= ~bit;
    return 0;
  }

  /** HYPERVISOR_nmi_op, the same for the NMI's. */
  nmiOp(command: number, argument: number): number {
    if (command === CALLBACKOP_UNREGISTER) return this.dropNmi();
    if (command !== CALLBACKOP_REGISTER) return -ENOSYS;
    const bytes = new Uint8Array(XennmiCallback.bytes);
    if (!this.parts.memory.read(argument, bytes)) return -EFAULT;
    return this.setNmi(XennmiCallback.over(bytes).handler_address);
  }

  /** Its handler is vector 2 of the trap table, in the kernel's flat code segment and with events masked; only vCPU 0 gets NMIs. */
  private setNmi(address: number): number {
    if (this.parts.currentVcpu() !== 0) return -EINVAL;
    this.state[PV.TRAPS + 2 * NMI] = FLAT_RING1_CS | (TRAP_MASKS << 16);
    this.state[PV.TRAPS + 2 * NMI + 1] = address;
    return 0;
  }

  private dropNmi(): number {
    this.state[PV.TRAPS + 2 * NMI] = this.state[PV.TRAPS + 2 * NMI + 1] = 0;
    return 0;
  }

  // ---- into the guest

  /** Whether `int vector` from the current privilege level is allowed. Breakpoint and overflow are everybody's: their gates are the hypervisor's, DPL 3. */
  mayInt(vector: number): boolean {
    const { processor } = this.parts;
    // So is the old system call of Linux, where there is a handler: Xen enters that directly.
    if (hasGate(vector)) return vector !== OLD_SYSTEM_CALL || (this.state[PV.TRAPS + 2 * vector] & 0xfffc) !== 0;
    const dpl = (this.state[PV.TRAPS + 2 * vector] >>> 16) & TRAP_DPL;
    return dpl >= processor.regs[R.CPL];
  }

  hasHandler(vector: number): boolean {
    return this.state[PV.TRAPS + 2 * vector + 1] !== 0;
  }

  /** Delivers an exception to the guest's handler. `address`: of a page fault. */
  deliver(vector: number, errorCode: number, address = 0): void {
    const { bytes, vcpuInfo, currentVcpu, processor } = this.parts;
    let error = errorCode;
    // Xen passes on the flags that the processor has pushed for it, and those of a fault have RF.
    if ((FAULTS >>> vector) & 1) processor.eflags |= RF;
    if (vector === PAGE_FAULT) {
      new DataView(bytes.buffer).setInt32(vcpuInfo(currentVcpu()) + VCPU_INFO[32].cr2, address, true);
      processor.regs[R.CR2] = address;
      // Ring 1 is the guest's kernel, and its page tables say so.
      error = (error & ~4) | (processor.regs[R.CPL] === 3 ? 4 : 0);
    }
    this.toHandler(vector, error, (ERROR_CODES >>> vector) & 1 ? [error] : []);
  }

  private toHandler(vector: number, error: number, extra: readonly number[]): void {
    const at = PV.TRAPS + 2 * vector;
    const selector = this.state[at] & 0xffff,
      flags = this.state[at] >>> 16,
      handler = this.state[at + 1];
    if (handler === 0 || selector < 4)
      return this.parts.crash(`The guest has no handler for exception ${vector} (error code 0x${error.toString(16)}).`);
    this.bounce(selector, handler, (flags & TRAP_MASKS) !== 0, extra);
  }

  /**
   * What an INT n asks for that may: no error code, whichever its number. All but three have no gate in Xen's table that they may use, and come by a protection
   * fault, whose flags have RF (do_general_protection() and pv_inject_event() of xen/arch/x86).
   */
  softwareInterrupt(vector: number): void {
    if (!hasGate(vector)) this.parts.processor.eflags |= RF;
    this.toHandler(vector, 0, []);
  }

  /** A non-maskable interrupt. Without a handler it is lost. */
  deliverNmi(): void {
    if (this.state[PV.TRAPS + 2 * NMI + 1] !== 0) this.deliver(NMI, 0);
  }

  /**
   * SYSENTER: false where the guest registered no callback for it. What the instruction leaves behind of its caller is nothing, so the frame names a null
   * code selector, address 0 and the hypervisor's flat stack; the convention between program and kernel lies in registers (callback.h).
   */
  sysenter(): boolean {
    const { state } = this;
    const { regs } = this.parts.processor;
    if (state[PV.SYSENTER + 1] === 0 || regs[R.CPL] !== 3) return false;
    const stack = R.SEG + R.SS * R.SEG_WORDS + R.SEG_SELECTOR,
      code = R.SEG + R.CS * R.SEG_WORDS + R.SEG_SELECTOR;
    regs[R.EIP] = regs[R.ESP] = 0;
    regs[code] = 3;
    regs[stack] = FLAT_RING3_DS;
    this.bounce(
      state[PV.SYSENTER],
      state[PV.SYSENTER + 1],
      (state[PV.CALLBACK_MASKS] & (1 << CALLBACK_SYSENTER)) !== 0,
      [],
    );
    return true;
  }

  /** The event callback; false: there is none to call now. */
  deliverEvent(): boolean {
    const { state } = this;
    if (state[PV.EVENT + 1] === 0) return false;
    this.bounce(state[PV.EVENT], state[PV.EVENT + 1], true, []);
    return true;
  }

  /** `extra`: what lies below the frame, lowest address first. */
  private bounce(selector: number, handler: number, mask: boolean, extra: readonly number[]): void {
    const { processor, descriptors, memory, currentVcpu } = this.parts;
    const { regs } = processor;
    const cpl = regs[R.CPL];
    const outer = cpl > RING_1;
    const ss = R.SEG + R.SS * R.SEG_WORDS,
      cs = R.SEG + R.CS * R.SEG_WORDS;
    const oldSs = regs[ss + R.SEG_SELECTOR],
      oldCs = regs[cs + R.SEG_SELECTOR],
      oldEsp = regs[R.ESP];
    const flags = processor.eflags;
    const wasMasked = this.masked;
    if (outer) {
      if (!descriptors.load(currentVcpu(), R.SS, this.state[PV.KERNEL_SS], RING_1, regs, memory)) {
        this.parts.crash(
          `The guest's kernel stack selector 0x${(this.state[PV.KERNEL_SS] & 0xffff).toString(16)} is none that can be loaded.`,
        );
        return;
      }
      regs[R.ESP] = this.state[PV.KERNEL_ESP];
    }
    const frame = [
      ...extra,
      regs[R.EIP],
      oldCs | (wasMasked ? 1 << 16 : 0),
      this.flagsInFrame(flags, wasMasked),
      ...(outer ? [oldEsp, oldSs] : []),
    ];
    const esp = (regs[R.ESP] - 4 * frame.length) | 0;
    if (!memory.write((regs[ss + R.SEG_BASE] + esp) >>> 0, new Uint8Array(Int32Array.from(frame).buffer))) {
      this.parts.crash(
        `The guest's kernel stack at 0x${(esp >>> 0).toString(16)} cannot take a frame: the page is missing or read-only.`,
      );
      return;
    }
    if (!descriptors.load(currentVcpu(), R.CS, selector, RING_1, regs, memory)) {
      this.parts.crash(`The guest's handler has code selector 0x${selector.toString(16)}, which cannot be loaded.`);
      return;
    }
    regs[R.ESP] = esp;
    regs[R.EIP] = handler;
    regs[R.CPL] = RING_1;
    // A data breakpoint that MOV SS held back would trap in the hypervisor now, where it means nothing (SDM vol. 3, 6.8.3).
    regs[R.INTERRUPTIBILITY] = regs[R.PENDING_DEBUG] = 0;
    processor.eflags = (flags & ~(TF | NT | RF | VM | IOPL_MASK)) | IF;
    if (mask) this.masked = true;
    processor.reload();
  }

  // ---- back

  /**
   * HYPERVISOR_iret: the frame lies behind EAX on the ring-1 stack. Events are masked or not as its IF says.
   * What cannot be returned to goes to the failsafe callback.
   */
  iret(): void {
    const { processor, memory, descriptors, currentVcpu } = this.parts;
    const { regs } = processor;
    const base = regs[R.SEG + R.SS * R.SEG_WORDS + R.SEG_BASE];
    const bytes = new Uint8Array(24);
    const at = (base + regs[R.ESP]) >>> 0;
    if (!memory.read(at, bytes.subarray(0, 16))) return this.parts.crash('The frame of HYPERVISOR_iret is not mapped.');
    const frame = new Int32Array(bytes.buffer);
    const cs = frame[2] & 0xffff,
      flags = frame[3];
    const cpl = cs & 3;
    if (flags & VM) return this.iretToVirtual8086(at, flags);
    if (cpl === 0) return this.parts.crash(`HYPERVISOR_iret to ring 0 (code selector 0x${cs.toString(16)}).`);
    const outer = cpl > RING_1;
    if (outer && !memory.read((at + 16) >>> 0, bytes.subarray(16)))
      return this.parts.crash('The frame of HYPERVISOR_iret is not mapped.');
    if (this.parts.architecturalIopl()) this.state[PV.IOPL] = (flags & IOPL_MASK) >>> IOPL_SHIFT;
    this.masked = (flags & IF) === 0;
    regs[R.EAX] = frame[0];
    regs[R.EIP] = frame[1];
    processor.eflags = (flags & ~(IOPL_MASK | VM)) | IF | FIXED;
    const saved = regs.slice(R.SEG, R.SEG + 8 * R.SEG_WORDS);
    const loaded =
      descriptors.load(currentVcpu(), R.CS, cs, cpl, regs, memory) &&
      (!outer || descriptors.load(currentVcpu(), R.SS, frame[5] & 0xffff, cpl, regs, memory));
    if (!loaded) {
      regs.set(saved, R.SEG);
      return this.failsafe(cs, outer ? [frame[4], frame[5]] : []);
    }
    regs[R.ESP] = outer ? frame[4] : regs[R.ESP] + 16;
    regs[R.CPL] = cpl;
    if (outer) this.dropInnerSegments();
    regs[R.INTERRUPTIBILITY] = 0;
    processor.reload();
  }

  /** On the way to an outer ring, data segments of inner rings become null (SDM vol. 2, IRET). */
  private dropInnerSegments(): void {
    const { regs } = this.parts.processor;
    for (const register of [R.ES, R.DS, R.FS, R.GS]) {
      const at = R.SEG + register * R.SEG_WORDS;
      const rights = regs[at + R.SEG_RIGHTS];
      const conforming = (rights & 0xc) === 0xc;
      if (rights & 0x10000 || conforming || ((rights >>> 5) & 3) >= regs[R.CPL]) continue;
      regs[at + R.SEG_SELECTOR] = regs[at + R.SEG_BASE] = regs[at + R.SEG_LIMIT] = 0;
      regs[at + R.SEG_RIGHTS] = 0x10000;
    }
  }

  /** There is no such mode: the kernel gets a #GP at the first instruction of the program, with its frame on the kernel's stack. */
  private iretToVirtual8086(at: number, flags: number): void {
    const { processor, memory, descriptors, currentVcpu } = this.parts;
    const { regs } = processor;
    const { state } = this;
    // EIP, CS, EFLAGS, ESP, SS, ES, DS, FS, GS as given, and an error code of 0 below.
    const frame = new Uint8Array(40);
    const handler = PV.TRAPS + 2 * GENERAL_PROTECTION;
    const selector = state[handler] & 0xffff;
    const esp = (state[PV.KERNEL_ESP] - 40) | 0;
    const before = regs.slice(R.SEG, R.SEG + 8 * R.SEG_WORDS);
    const ready =
      memory.read(at, frame) &&
      descriptors.load(currentVcpu(), R.SS, state[PV.KERNEL_SS], RING_1, regs, memory) &&
      descriptors.load(currentVcpu(), R.CS, selector, RING_1, regs, memory);
    const eax = new DataView(frame.buffer).getInt32(0, true);
    frame.fill(0, 0, 4);
    if (!ready || !memory.write((regs[R.SEG + R.SS * R.SEG_WORDS + R.SEG_BASE] + esp) >>> 0, frame)) {
      regs.set(before, R.SEG);
      return this.parts.crash(
        'HYPERVISOR_iret to virtual-8086 mode, which a paravirtual guest does not have, and no #GP can be delivered.',
      );
    }
    regs[R.EAX] = eax;
    if ((state[handler] >>> 16) & TRAP_MASKS) this.masked = true;
    else this.masked = (flags & IF) === 0;
    processor.eflags = (flags & ~(VM | RF | NT | TF | IOPL_MASK)) | IF | FIXED;
    regs[R.ESP] = esp;
    regs[R.EIP] = state[handler + 1];
    regs[R.CPL] = RING_1;
    regs[R.INTERRUPTIBILITY] = 0;
    processor.reload();
  }

  /**
   * Reports to the guest that what it wanted to return to cannot be loaded: the segment registers, then a frame as of an interrupt at the very place.
   * EIP and flags are there already; `cs` and, for rings 2 and 3, `stack` (ESP, SS) are what it gave.
   */
  private failsafe(cs: number, stack: readonly number[]): void {
    const { processor, memory, descriptors, currentVcpu } = this.parts;
    const { regs } = processor;
    const { state } = this;
    if (state[PV.FAILSAFE + 1] === 0) {
      this.parts.crash('HYPERVISOR_iret to segments that cannot be loaded, and no failsafe callback.');
      return;
    }
    const selector = (register: number): number => regs[R.SEG + register * R.SEG_WORDS + R.SEG_SELECTOR];
    const { masked } = this;
    const flags = processor.eflags;
    const whole = [
      selector(R.DS),
      selector(R.ES),
      selector(R.FS),
      selector(R.GS),
      regs[R.EIP],
      cs | (masked ? 1 << 16 : 0),
      this.flagsInFrame(flags, masked),
      ...stack,
    ];
    const outer = stack.length > 0;
    const top = outer ? state[PV.KERNEL_ESP] : regs[R.ESP] + IRET_FRAME_BYTES;
    const esp = (top - 4 * whole.length) | 0;
    if (
      (outer && !descriptors.load(currentVcpu(), R.SS, state[PV.KERNEL_SS], RING_1, regs, memory)) ||
      !memory.write(
        (regs[R.SEG + R.SS * R.SEG_WORDS + R.SEG_BASE] + esp) >>> 0,
        new Uint8Array(Int32Array.from(whole).buffer),
      ) ||
      !descriptors.load(currentVcpu(), R.CS, state[PV.FAILSAFE], RING_1, regs, memory)
    ) {
      this.parts.crash('The failsafe callback cannot be called: its stack or code selector is not there.');
      return;
    }
    regs[R.ESP] = esp;
    regs[R.EIP] = state[PV.FAILSAFE + 1];
    regs[R.CPL] = RING_1;
    processor.eflags = (flags & ~(TF | NT | RF | VM | IOPL_MASK)) | IF;
    if (state[PV.CALLBACK_MASKS] & (1 << CALLBACK_FAILSAFE)) this.masked = true;
    processor.reload();
  }

  /** EFLAGS as a frame shows them: IF is the virtual one, and IOPL only for who wants it there. */
  private flagsInFrame(flags: number, masked: boolean): number {
    return (
      (flags & ~(IF | IOPL_MASK)) |
      (masked ? 0 : IF) |
      (this.parts.architecturalIopl() ? this.state[PV.IOPL] << IOPL_SHIFT : 0)
    );
  }
}

/** The guest's kernel is in ring 1, whatever it believes. */
export function kernelSelector(selector: number): number {
  return (selector & 0xffff & 3) === 0 && (selector & 0xffff) !== 0 ? (selector & 0xffff) | 1 : selector & 0xffff;
}
