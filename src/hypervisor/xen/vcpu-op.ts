/** vcpu_op. Source: xen/include/public/vcpu.h, hvm/hvm_vcpu.h. */
import { ALL, ARITHMETIC, ZF } from '../../cpu/flags.ts';
import * as R from '../../cpu/registers.ts';
import { KICK, XEN_TYPE, XEN_VCPU } from '../memory/layout.ts';
import { FRAME_BYTES, FRAME_SHIFT } from '../memory/machine.ts';
import { EBUSY, EEXIST, EFAULT, EINVAL, ENOENT, ENOSYS, SHUTDOWN, VCPU_INFO, VCPU_INFO_BYTES, VCPU_TIME, VCPUOP } from './abi.ts';
import { getUint64 } from './guest-access.ts';
import type { XenGuest } from './guest.ts';
import type { Hypercall } from './hypercalls.ts';
import { takeWritable } from './memory/writable.ts';

const HVM_CONTEXT_BYTES = 128,
  MODE_32 = 0;
const RUNSTATE_BYTES = 44;
/** STIME_DELTA_MAX of xen/include/xen/time.h. */
const LONGEST_PERIOD_NS = 2 ** 62;
const VM86 = 0x20000;
const CR0_PG = 0x80000000 | 0,
  CR4_PAE = 0x20,
  EFER_NXE = 0x800;
/** Four entries of two words; address, PCD, PWT and P of each. */
const PDPTE_WORDS = 8,
  PDPTE_BITS = 0xfffff019 | 0;

export const vcpuOp: Hypercall = (xen, [command, id, arg]) => {
  if (id >>> 0 >= xen.ports.vcpus) return -ENOENT;
  const record = xen.ports.vcpu(id);
  const { words } = xen;
  switch (command) {
    case VCPUOP.INITIALISE:
      return xen.type === XEN_TYPE.PV ? -ENOSYS : initialise(xen, id, arg);
    case VCPUOP.UP:
      if (xen.parts.vcpus.isUp(id)) return 0;
      if (words[record + XEN_VCPU.INITIALISED] === 0) return -EINVAL;
      xen.parts.vcpus.bringUp(id);
      xen.parts.vcpus.call(id);
      return 0;
    case VCPUOP.DOWN:
      words[record + XEN_VCPU.INITIALISED] = 1;
      xen.parts.vcpus.takeDown(id);
      if (!xen.parts.vcpus.anyUp) xen.shutdown(SHUTDOWN.POWEROFF);
      return 0;
    case VCPUOP.IS_UP:
      return xen.parts.vcpus.isUp(id) ? 1 : 0;
    case VCPUOP.GET_RUNSTATE_INFO:
      return xen.access.put(arg, xen.time.runstateNow(id)) ? 0 : -EFAULT;
    case VCPUOP.REGISTER_RUNSTATE_MEMORY_AREA:
    case VCPUOP.REGISTER_VCPU_TIME_MEMORY_AREA: {
      const linear = xen.access.readWord(arg);
      if (linear === undefined) return -EFAULT;
      const runstate = command === VCPUOP.REGISTER_RUNSTATE_MEMORY_AREA;
      const [field, bytes] = runstate ? [XEN_VCPU.RUNSTATE_AREA, RUNSTATE_BYTES] : [XEN_VCPU.TIME_AREA, VCPU_TIME.BYTES];
      if (linear === 0) {
        words[record + field] = 0;
        return 0;
      }
      if (!xen.time.registerArea(id, field, linear, bytes, at => xen.parts.processor.translate(at))) return -EFAULT;
      if (runstate) xen.time.publishRunstate(id);
      else xen.time.updateRecord(id);
      return 0;
    }
    case VCPUOP.SET_PERIODIC_TIMER: {
      const view = xen.access.view(arg, 8);
      if (!view) return -EFAULT;
      const periodNs = getUint64(view, 0);
      return periodNs === 0 || periodNs > LONGEST_PERIOD_NS ? -EINVAL : xen.time.setPeriodic(id, periodNs);
    }
    case VCPUOP.STOP_PERIODIC_TIMER:
      return xen.time.setPeriodic(id, 0);
    case VCPUOP.SET_SINGLESHOT_TIMER: {
      if (id !== xen.current) return -EINVAL;
      const view = xen.access.view(arg, 12);
      if (!view) return -EFAULT;
      xen.time.setSingle(id, getUint64(view, 0));
      return 0;
    }
    case VCPUOP.STOP_SINGLESHOT_TIMER:
      if (id !== xen.current) return -EINVAL;
      xen.time.setSingle(id, 0);
      return 0;
    case VCPUOP.REGISTER_VCPU_INFO: {
      const view = xen.access.view(arg, 16);
      if (!view) return -EFAULT;
      return registerInfo(xen, id, getUint64(view, 0), view.getUint32(8, true));
    }
    case VCPUOP.SEND_NMI:
      if (arg !== 0) return -EINVAL;
      xen.parts.vcpus.nmi(id);
      xen.parts.vcpus.call(id);
      return 0;
    case VCPUOP.GET_PHYSID:
      // For the hardware domain's pinned vCPUs.
      return -EINVAL;
    default:
      return -ENOSYS;
  }
};

/** Moves a vCPU's vcpu_info to a place of the guest's: contents go along, and everything is signalled again, so that nothing is lost. */
function registerInfo(xen: XenGuest, id: number, gfn: number, offset: number): number {
  const { words, machine, ports } = xen;
  const record = ports.vcpu(id);
  if (offset > FRAME_BYTES - VCPU_INFO_BYTES) return -EINVAL;
  // Atomics want words; and a guest that does not align it could not do the same.
  if (offset & 3) return -EINVAL;
  if (words[record + XEN_VCPU.INFO_MFN] !== 0) return -EBUSY;
  const mfn = xen.type === XEN_TYPE.PV ? gfn : xen.frames.machineFrame(gfn);
  if (mfn < 0 || !takeWritable(machine, xen.record, mfn)) return -EINVAL;
  const to = mfn * FRAME_BYTES + offset,
    from = words[record + XEN_VCPU.INFO];
  if (from !== 0) machine.bytes.copyWithin(to, from, from + VCPU_INFO_BYTES);
  else machine.bytes.fill(0, to, to + VCPU_INFO_BYTES);
  words[record + XEN_VCPU.INFO_MFN] = mfn + 1;
  Atomics.store(words, record + XEN_VCPU.INFO, to);
  xen.parts.written(to >>> FRAME_SHIFT);
  xen.time.updateRecord(id);
  Atomics.store(words, (to + VCPU_INFO.PENDING_SEL_32) >>> 2, -1);
  if (ports.width === 64) {
    Atomics.store(words, (to + VCPU_INFO.PENDING_SEL_64) >>> 2, -1);
    Atomics.store(words, (to + VCPU_INFO.PENDING_SEL_64 + 4) >>> 2, -1);
    Atomics.store(words, (to + VCPU_INFO.PENDING_SEL_32) >>> 2, 0);
  }
  Atomics.or(words, to >>> 2, 1);
  ports.kick(id, KICK.UPCALL);
  return 0;
}

/** vcpu_hvm_context: the registers with which a vCPU starts. */
function initialise(xen: XenGuest, id: number, arg: number): number {
  const view = xen.access.view(arg, HVM_CONTEXT_BYTES);
  if (!view) return -EFAULT;
  if (xen.words[xen.ports.vcpu(id) + XEN_VCPU.INITIALISED] !== 0 || xen.parts.vcpus.isUp(id)) return -EEXIST;
  if (view.getUint32(0, true) !== MODE_32) return -EINVAL;
  const u32 = (at: number): number => view.getInt32(at, true);
  const cr0 = u32(0x30);
  // Protected mode, and segments that a VM entry takes: code, and a busy TSS.
  if (!(cr0 & 1) || (u32(0x40) & ~EFER_NXE) !== 0 || u32(0x44) !== 0) return -EINVAL;
  const rights = Array.from({ length: 5 }, (_, i) => view.getUint16(0x70 + i * 2, true));
  const [cs, ds, ss, es, tr] = rights;
  if (!(cs & 0x80) || !(cs & 8) || !(ss & 0x80) || (tr & 0x0f) !== 0x0b) return -EINVAL;
  const regs = xen.parts.vcpus.freshRegisters(id);
  [R.EAX, R.ECX, R.EDX, R.EBX, R.ESP, R.EBP, R.ESI, R.EDI, R.EIP].forEach((register, i) => {
    regs[register] = u32(8 + i * 4);
  });
  const segments = [
    [R.CS, cs],
    [R.DS, ds],
    [R.SS, ss],
    [R.ES, es],
    [R.TR, tr],
  ];
  segments.forEach(([index, access], i) => {
    const at = R.SEG + index * R.SEG_WORDS;
    regs[at + R.SEG_SELECTOR] = 0;
    regs[at + R.SEG_BASE] = u32(0x48 + i * 4);
    regs[at + R.SEG_LIMIT] = u32(0x5c + i * 4);
    // Bits 8-11 of the access word hold AVL, L, D/B and G, where VMX has them at 12-15.
    regs[at + R.SEG_RIGHTS] = (access & 0xff) | ((access & 0xf00) << 4);
  });
  regs[R.CR0] = cr0;
  regs[R.CR3] = cr0 & CR0_PG ? u32(0x34) : 0;
  regs[R.CR4] = u32(0x38);
  regs[R.EFER] = u32(0x40);
  if (regs[R.CR3] !== 0 && regs[R.CR4] & CR4_PAE) regs.set(pageDirectories(xen, regs[R.CR3]), R.PDPTE);
  regs[R.CPL] = (ss >>> 5) & 3;
  putFlags(regs, u32(0x2c) & ~VM86);
  xen.words[xen.ports.vcpu(id) + XEN_VCPU.INITIALISED] = 1;
  return 0;
}

/** The four entries at CR3 with PAE paging: a processor has them in registers, which a VM entry loads (SDM vol. 3, 26.3.2.4). Reserved bits are dropped. */
function pageDirectories({ frames, machine }: XenGuest, cr3: number): Int32Array {
  const mfn = frames.machineFrame(cr3 >>> FRAME_SHIFT);
  if (mfn < 0) return new Int32Array(PDPTE_WORDS);
  const at = (mfn * FRAME_BYTES + (cr3 & (FRAME_BYTES - 1) & ~31)) >>> 2;
  return machine.words.slice(at, at + PDPTE_WORDS).map((word, i) => (i & 1 ? 0 : word & PDPTE_BITS));
}

/** EFLAGS into the state words of a vCPU that is not on the processor: the arithmetic flags have words of their own. */
export function putFlags(regs: Int32Array, flags: number): void {
  regs[R.EFLAGS] = flags & ~ARITHMETIC & ~2;
  regs[R.FK] = ALL;
  regs[R.FB] = flags & ARITHMETIC;
  regs[R.FR] = flags & ZF ? 0 : 1;
}
