/** vcpu_op. Source: xen/include/public/vcpu.h, hvm/hvm_vcpu.h. */
import type { AreaField } from './areas.ts';
import {
  CR0_PE,
  CR0_PG,
  CR4_PAE,
  EFER_LMA,
  EFER_LME,
  EFER_NXE,
  EFER_SCE,
  shownBy,
} from '../../../cpu/architecture/index.ts';
import { putFlags, registers as R } from '../../../cpu/architecture/index.ts';
import { KICK, XEN_TYPE, XEN_VCPU } from './layout.ts';
import { FRAME_BYTES, FRAME_SHIFT } from '../../memory/machine.ts';
import { EEXIST, EFAULT, EINVAL, ENOENT, ENOSYS, ENXIO, SHUTDOWN, VCPUOP } from './abi.ts';
import { type HypercallContext, offered, operation, operations, perform, plain } from './hypercalls.ts';
import { takeWritable } from './memory/writable.ts';
import { array, at, byWidth, type GuestStruct, handle, struct, u16, u32, u64, u64words } from './struct.ts';
import { RunstateInfo, VCPU_INFO, VcpuInfo, VcpuTimeInfo } from './shared.ts';

/** Its part for a vCPU of 32 bits: general registers in the order of vcpu_hvm_x86_32, then base, limit and access rights of CS, DS, SS, ES and TR. */
export const VcpuHvmContext = struct({
  mode: u32,
  pad: u32,
  general: array(u32, 9),
  eflags: u32,
  cr0: u32,
  cr3: u32,
  cr4: u32,
  pad1: u32,
  efer: u64,
  bases: array(u32, 5),
  limits: array(u32, 5),
  rights: array(u16, 5),
  pad2: array(u16, 3),
});
/** The same for a vCPU of 64 bits: words of registers in the order of vcpu_hvm_x86_64, to RFLAGS; segments are flat. */
export const VcpuHvmLongContext = struct({
  mode: u32,
  pad: u32,
  general: array(u64words, 9),
  rflags: u64words,
  cr0: u64words,
  cr3: u64words,
  cr4: u64words,
  efer: u64words,
});
/** addr is a union of 64 bits: a 32-bit guest gives the first word. */
export const RegisterRunstate = struct({ addr: handle, _high: byWidth(u32, at(4, u32)) });
export const RegisterTimeArea = struct({ addr: handle, _high: byWidth(u32, at(4, u32)) });
export const SetPeriodicTimer = struct({ period_ns: u64 });
export const SetSingleshotTimer = struct({ timeout_abs_ns: u64, flags: u32 });
export const RegisterVcpuInfo = struct({ mfn: u64, offset: u32, rsvd: u32 });

const MODE_32 = 0,
  MODE_64 = 1;
/** STIME_DELTA_MAX of xen/include/xen/time.h. */
const LONGEST_PERIOD_NS = 2 ** 62;
const VM86 = 0x20000;
/** Access rights: a segment that is there; code; bits 0-3 of a busy 32-bit TSS. */
const PRESENT = 0x80,
  CODE = 8,
  TYPE = 0x0f,
  BUSY_TSS = 0x0b;
/** Bits of EFER that a vCPU of 64 bits may have. */
const LONG_EFER = EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE;
/** Four entries of two words; address, PCD, PWT and P of each. */
const PDPTE_WORDS = 8,
  PDPTE_BITS = 0xfffff019 | 0;

/** A one-shot timer is set by its own vCPU. */
const byItself = { before: ({ current }: HypercallContext, vcpu: number): number => (vcpu === current ? 0 : -EINVAL) };

export const VCPU_OPERATIONS = operations('VCPUOP_', VCPUOP, {
  INITIALISE: plain(initialise),
  UP: plain(up),
  DOWN: plain(down),
  IS_UP: plain(isUp),
  GET_RUNSTATE_INFO: plain(getRunstateInfo),
  REGISTER_RUNSTATE_MEMORY_AREA: operation(RegisterRunstate, registerRunstateArea),
  SET_PERIODIC_TIMER: operation(SetPeriodicTimer, setPeriodicTimer),
  STOP_PERIODIC_TIMER: plain(stopPeriodicTimer),
  SET_SINGLESHOT_TIMER: operation(SetSingleshotTimer, setSingleshotTimer, byItself),
  STOP_SINGLESHOT_TIMER: plain(stopSingleshotTimer),
  REGISTER_VCPU_INFO: operation(RegisterVcpuInfo, registerVcpuInfo),
  SEND_NMI: plain(sendNmi),
  GET_PHYSID: plain(getPhysid),
  REGISTER_VCPU_TIME_MEMORY_AREA: operation(RegisterTimeArea, registerTimeArea),
});

/**
 * vcpu_op: a vCPU's life, its timers and the places where it reads of itself.
 * IN: cmd, vcpuid, arg.
 * Errors: ENOENT no such vCPU.
 */
export function vcpuOp(caller: HypercallContext, [command, which, arg]: readonly number[]): number {
  const vcpu = which >>> 0;
  if (vcpu >= caller.ports.vcpus) return -ENOENT;
  const found = offered(VCPU_OPERATIONS, command | 0, caller);
  return found ? perform(caller, found, arg, vcpu) : -ENOSYS;
}

const wasInitialised = ({ words, ports }: HypercallContext, vcpu: number): boolean =>
  words[ports.vcpu(vcpu) + XEN_VCPU.INITIALISED] !== 0;

function setInitialised({ words, ports }: HypercallContext, vcpu: number): void {
  words[ports.vcpu(vcpu) + XEN_VCPU.INITIALISED] = 1;
}

/**
 * VCPUOP_initialise: the registers with which a vCPU starts: a vcpu_guest_context of a paravirtual guest, a vcpu_hvm_context of others.
 * IN: the context.
 * Errors: EFAULT it cannot be read; EEXIST the vCPU has registers already (a paravirtual guest hears of that first); EINVAL the context is none that can run.
 */
function initialise(caller: HypercallContext, address: number, vcpu: number): number {
  const exists = wasInitialised(caller, vcpu) || caller.parts.vcpus.isUp(vcpu);
  const result = caller.pv
    ? caller.pv.initialise(vcpu, address >>> 0, exists)
    : initialiseHvm(caller, address, vcpu, exists);
  if (result === 0) setInitialised(caller, vcpu);
  return result;
}

function initialiseHvm(caller: HypercallContext, address: number, vcpu: number, exists: boolean): number {
  const context = VcpuHvmContext.read(caller.access, address);
  if (!context) return -EFAULT;
  if (exists) return -EEXIST;
  if (context.mode === MODE_64)
    return initialiseLong(caller, VcpuHvmLongContext.over(new Uint8Array(context.view.buffer)), vcpu);
  if (context.mode !== MODE_32) return -EINVAL;
  const { cr0, cr4, efer, rights, bases, limits } = context;
  // Protected mode, and segments that a VM entry takes: code, and a busy TSS.
  if (!(cr0 & CR0_PE) || efer >= 2 ** 32 || (efer & ~EFER_NXE) !== 0) return -EINVAL;
  const [cs, , ss, , tr] = rights;
  if (!(cs & PRESENT) || !(cs & CODE) || !(ss & PRESENT) || (tr & TYPE) !== BUSY_TSS) return -EINVAL;
  const regs = caller.parts.vcpus.freshRegisters(vcpu);
  const { general } = context;
  GENERAL.forEach((register, i) => {
    regs[register] = general[i];
  });
  SEGMENTS.forEach((segment, i) => putSegment(regs, segment, bases[i], limits[i], rights[i]));
  regs[R.CR0] = cr0;
  regs[R.CR3] = cr0 & CR0_PG ? context.cr3 : 0;
  regs[R.CR4] = cr4;
  regs[R.EFER] = efer;
  if (regs[R.CR3] !== 0 && regs[R.CR4] & CR4_PAE) regs.set(pageDirectories(caller, regs[R.CR3]), R.PDPTE);
  regs[R.CPL] = (ss >>> 5) & 3;
  putFlags(regs, context.eflags & ~VM86);
  return 0;
}

/** Of a vcpu_hvm_context, in its order. */
const GENERAL = [R.EAX, R.ECX, R.EDX, R.EBX, R.ESP, R.EBP, R.ESI, R.EDI, R.EIP],
  SEGMENTS = [R.CS, R.DS, R.SS, R.ES, R.TR];

function putSegment(regs: Int32Array, segment: number, base: number, limit: number, access: number): void {
  const at = R.SEG + segment * R.SEG_WORDS;
  regs[at + R.SEG_SELECTOR] = 0;
  regs[at + R.SEG_BASE] = base;
  regs[at + R.SEG_LIMIT] = limit;
  // Bits 8-11 of the access word hold AVL, L, D/B and G, where VMX has them at 12-15.
  regs[at + R.SEG_RIGHTS] = (access & 0xff) | ((access & 0xf00) << 4);
}

/** Access words of 64-bit code, of data and of a busy TSS, as arch_set_info_hvm_guest has them (xen/arch/x86/hvm/domain.c). */
const LONG_CODE = 0xa9b,
  LONG_DATA = 0xc93,
  LONG_TSS = 0x8b,
  TSS_LIMIT = 0x67;

function initialiseLong(
  caller: HypercallContext,
  context: GuestStruct<typeof VcpuHvmLongContext>,
  vcpu: number,
): number {
  const { general, cr0, cr4, efer } = context,
    rip = general[GENERAL.indexOf(R.EIP)];
  if ((rip[1] << 16) >> 16 !== (rip[1] | 0)) return -EINVAL;
  if (!(cr0[0] & CR0_PG) || !(cr0[0] & CR0_PE) || !(cr4[0] & CR4_PAE) || !(efer[0] & EFER_LME)) return -EINVAL;
  if (cr0[1] !== 0 || cr4[1] !== 0 || efer[1] !== 0 || efer[0] & ~LONG_EFER) return -EINVAL;
  const regs = caller.parts.vcpus.freshRegisters(vcpu);
  if (!shownBy(regs).has('lm')) return -EINVAL;
  const put = (register: number, [low, high]: readonly number[]): void => {
    regs[register] = low;
    regs[register + R.HIGH] = high;
  };
  GENERAL.forEach((register, i) => put(register, general[i]));
  for (const segment of SEGMENTS)
    if (segment !== R.TR) putSegment(regs, segment, 0, -1, segment === R.CS ? LONG_CODE : LONG_DATA);
  putSegment(regs, R.TR, 0, TSS_LIMIT, LONG_TSS);
  put(R.CR0, cr0);
  put(R.CR3, context.cr3);
  put(R.CR4, cr4);
  regs[R.EFER] = efer[0] | EFER_LMA;
  regs[R.CPL] = 0;
  putFlags(regs, context.rflags[0] & ~VM86);
  return 0;
}

/** The four entries at CR3 with PAE paging: a processor has them in registers, which a VM entry loads (SDM vol. 3, 26.3.2.4). Reserved bits are dropped. */
function pageDirectories({ frames, machine }: HypercallContext, cr3: number): Int32Array {
  const mfn = frames.machineFrame(cr3 >>> FRAME_SHIFT);
  if (mfn < 0) return new Int32Array(PDPTE_WORDS);
  const at = (mfn * FRAME_BYTES + (cr3 & (FRAME_BYTES - 1) & ~31)) >>> 2;
  return machine.words.slice(at, at + PDPTE_WORDS).map((word, i) => (i & 1 ? 0 : word & PDPTE_BITS));
}

/**
 * VCPUOP_up: a vCPU runs. One that runs already stays as it is.
 * Errors: EINVAL it has no registers yet.
 */
function up(caller: HypercallContext, _arg: number, vcpu: number): number {
  const { vcpus } = caller.parts;
  if (vcpus.isUp(vcpu)) return 0;
  if (!wasInitialised(caller, vcpu)) return -EINVAL;
  vcpus.bringUp(vcpu);
  vcpus.turns.call(vcpu);
  return 0;
}

/** VCPUOP_down: a vCPU stops. With the last one the domain powers off. */
function down(caller: HypercallContext, _arg: number, vcpu: number): number {
  const { vcpus } = caller.parts;
  setInitialised(caller, vcpu);
  vcpus.takeDown(vcpu);
  if (!vcpus.anyUp) caller.shutdown(SHUTDOWN.POWEROFF);
  return 0;
}

/** VCPUOP_is_up: 1 where a vCPU runs or waits, 0 where it is down. */
function isUp({ parts }: HypercallContext, _arg: number, vcpu: number): number {
  return parts.vcpus.isUp(vcpu) ? 1 : 0;
}

/**
 * VCPUOP_get_runstate_info: how long a vCPU ran, waited and was blocked. OUT: the vcpu_runstate_info.
 * Errors: EFAULT it cannot be written.
 */
function getRunstateInfo({ access, time, width }: HypercallContext, address: number, vcpu: number): number {
  return access.put(address, time.runstateNow(vcpu, width)) ? 0 : -EFAULT;
}

/** A place of the guest's, at a linear address, where the hypervisor writes what it has to tell of a vCPU; 0: no more. */
function registerArea(
  caller: HypercallContext,
  vcpu: number,
  field: AreaField,
  linear: number,
  bytes: number,
): boolean {
  const { words, ports, time, access } = caller;
  if (linear !== 0) return time.registerArea(vcpu, field, linear, bytes, at => access.physical(at));
  words[ports.vcpu(vcpu) + field] = 0;
  return true;
}

/**
 * VCPUOP_register_runstate_memory_area: where a vCPU's runstates are kept for the guest from now on; 0 ends it.
 * IN: addr.
 * Errors: EFAULT no memory of the guest's is there.
 */
function registerRunstateArea(
  caller: HypercallContext,
  { addr }: GuestStruct<typeof RegisterRunstate>,
  vcpu: number,
): number {
  // After a restore Linux registers this before it sets its callback, where Xen looks at its width: until then it would get a 64-bit guest's layout.
  if (addr !== 0) caller.latchWidth();
  if (!registerArea(caller, vcpu, XEN_VCPU.RUNSTATE_AREA, addr, RunstateInfo.at(caller.ports.width).bytes))
    return -EFAULT;
  if (addr !== 0) caller.time.publishRunstate(vcpu);
  return 0;
}

/**
 * VCPUOP_register_vcpu_time_memory_area: where a vCPU's vcpu_time_info is kept for the guest's programs; 0 ends it.
 * IN: addr.
 * Errors: EFAULT no memory of the guest's is there.
 */
function registerTimeArea(
  caller: HypercallContext,
  { addr }: GuestStruct<typeof RegisterTimeArea>,
  vcpu: number,
): number {
  if (!registerArea(caller, vcpu, XEN_VCPU.TIME_AREA, addr, VcpuTimeInfo.bytes)) return -EFAULT;
  if (addr !== 0) caller.time.updateRecord(vcpu);
  return 0;
}

/**
 * VCPUOP_set_periodic_timer: VIRQ_TIMER comes to a vCPU again and again.
 * IN: period_ns.
 * Errors: EINVAL 0, longer than the longest, or shorter than the shortest period.
 */
function setPeriodicTimer(
  { time }: HypercallContext,
  { period_ns }: GuestStruct<typeof SetPeriodicTimer>,
  vcpu: number,
): number {
  return period_ns === 0 || period_ns > LONGEST_PERIOD_NS ? -EINVAL : time.setPeriodic(vcpu, period_ns);
}

/** VCPUOP_stop_periodic_timer: it comes no more. */
function stopPeriodicTimer({ time }: HypercallContext, _arg: number, vcpu: number): number {
  return time.setPeriodic(vcpu, 0);
}

/**
 * VCPUOP_set_singleshot_timer: VIRQ_TIMER comes to the vCPU that calls at a system time.
 * IN: timeout_abs_ns, flags.
 * Errors: EINVAL for another vCPU than the one that calls, which is looked at before the structure.
 */
function setSingleshotTimer(
  { time }: HypercallContext,
  args: GuestStruct<typeof SetSingleshotTimer>,
  vcpu: number,
): number {
  time.setSingle(vcpu, args.timeout_abs_ns);
  return 0;
}

/**
 * VCPUOP_stop_singleshot_timer: it does not come.
 * Errors: EINVAL for another vCPU than the one that calls.
 */
function stopSingleshotTimer({ time, current }: HypercallContext, _arg: number, vcpu: number): number {
  if (vcpu !== current) return -EINVAL;
  time.setSingle(vcpu, 0);
  return 0;
}

/**
 * VCPUOP_register_vcpu_info: moves a vCPU's vcpu_info to a place of the guest's: contents go along, and everything is signalled again, so that nothing is
 * lost. Only once. The place may be shared_info's own.
 * IN: mfn, offset.
 * Errors: ENXIO it leaves the page, or is not aligned to words of the guest's width; EINVAL it was moved before, another vCPU has it and is up, or the frame
 * is none that the guest may write (xen/common/domain.c, map_vcpu_info).
 */
function registerVcpuInfo(
  caller: HypercallContext,
  { mfn: given, offset }: GuestStruct<typeof RegisterVcpuInfo>,
  vcpu: number,
): number {
  const { words, machine, ports, parts } = caller;
  const { width } = ports;
  const record = ports.vcpu(vcpu);
  if (offset > FRAME_BYTES - VcpuInfo.bytes || offset % (width / 8) !== 0) return -ENXIO;
  if (words[record + XEN_VCPU.INFO_MFN] !== 0) return -EINVAL;
  if (vcpu !== caller.current && parts.vcpus.isUp(vcpu)) return -EINVAL;
  const mfn = caller.type === XEN_TYPE.PV ? given : caller.frames.machineFrame(given);
  if (mfn < 0 || !(ports.isSharedInfo(mfn) || takeWritable(machine, caller.record, mfn))) return -EINVAL;
  const to = mfn * FRAME_BYTES + offset,
    from = words[record + XEN_VCPU.INFO];
  if (from !== 0) machine.bytes.copyWithin(to, from, from + VcpuInfo.bytes);
  else machine.bytes.fill(0, to, to + VcpuInfo.bytes);
  words[record + XEN_VCPU.INFO_MFN] = mfn + 1;
  Atomics.store(words, record + XEN_VCPU.INFO, to);
  parts.written(to >>> FRAME_SHIFT);
  caller.time.updateRecord(vcpu);
  for (let at = to + VCPU_INFO[width].evtchn_pending_sel, end = at + width / 8; at < end; at += 4)
    Atomics.store(words, at >>> 2, -1);
  Atomics.or(words, to >>> 2, 1);
  ports.kick(vcpu, KICK.UPCALL);
  return 0;
}

/**
 * VCPUOP_send_nmi: a non-maskable interrupt to a vCPU.
 * Errors: EINVAL an argument, where none is wanted.
 */
function sendNmi({ parts }: HypercallContext, arg: number, vcpu: number): number {
  if (arg !== 0) return -EINVAL;
  parts.vcpus.nmi(vcpu);
  parts.vcpus.turns.call(vcpu);
  return 0;
}

/**
 * VCPUOP_get_physid: the processor on which a vCPU runs.
 * Refused: it is for the hardware domain's vCPUs, which stay where they are.
 * Errors: EINVAL always.
 */
function getPhysid(): number {
  return -EINVAL;
}
