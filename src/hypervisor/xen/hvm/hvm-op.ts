/** hvm_op: HVM parameters and upcall vectors. Source: xen/include/public/hvm/hvm_op.h, params.h. */
import { XEN_TYPE, XEN_VCPU } from '../../memory/layout.ts';
import { DOMID_SELF, EEXIST, EFAULT, EINVAL, ENODEV, ENOENT, ENOSYS, EOPNOTSUPP, EPERM, ESRCH, HVM_PARAM, HVMOP } from '../abi.ts';
import { setUint64 } from '../guest-access.ts';
import type { XenGuest } from '../guest.ts';
import type { Hypercall } from '../hypercalls.ts';
import { HVMMEM } from '../memory/p2m.ts';
import { getParam, isDeadParam, setParam } from './params.ts';

const PARAM_BYTES = 16;
/** xen_hvm_pagetable_dying, xen_hvm_get_mem_type, xen_hvm_xentrace. */
const DYING_BYTES = 16,
  MEM_TYPE_BYTES = 16,
  XENTRACE_BYTES = 32;
/** Bytes that a guest may put into a trace record, and bits of its event (TRC_SUBCLS_SHIFT). */
const MOST_TRACED = 28,
  TRACE_EVENT_BITS = 12;
/** First vector that a local APIC takes as a fixed interrupt. */
const FIRST_VECTOR = 16;

/** What a guest may do with its own parameters. The others are the toolstack's (-EPERM), or gone (-EINVAL). */
const GUEST_SETS: readonly number[] = [
  HVM_PARAM.CALLBACK_IRQ,
  HVM_PARAM.STORE_EVTCHN,
  HVM_PARAM.VM86_TSS,
  HVM_PARAM.VM86_TSS_SIZED,
  HVM_PARAM.CONSOLE_EVTCHN,
  HVM_PARAM.ACPI_IOPORTS_LOCATION,
  HVM_PARAM.VM_GENERATION_ID_ADDR,
  HVM_PARAM.X87_FIP_WIDTH,
];
const GUEST_GETS: readonly number[] = [...GUEST_SETS, HVM_PARAM.STORE_PFN, HVM_PARAM.CONSOLE_PFN, HVM_PARAM.ALTP2M];
export const hvmOp: Hypercall = (xen, [command, arg]) => {
  switch (command) {
    case HVMOP.SET_PARAM:
    case HVMOP.GET_PARAM:
      return param(xen, command === HVMOP.SET_PARAM, arg);
    case HVMOP.FLUSH_TLBS:
      if (arg !== 0) return -EINVAL;
      xen.parts.processor.flushTlb();
      return 0;
    case HVMOP.GET_TIME: {
      const view = new DataView(new ArrayBuffer(8));
      setUint64(view, 0, Math.floor(xen.time.now()));
      return xen.access.put(arg, view) ? 0 : -EFAULT;
    }
    case HVMOP.SET_EVTCHN_UPCALL_VECTOR: {
      const view = xen.access.view(arg, 8);
      if (!view) return -EFAULT;
      const vector = view.getUint8(4);
      if (vector < FIRST_VECTOR) return -EINVAL;
      const vcpu = view.getUint32(0, true);
      if (vcpu >= xen.ports.vcpus) return -ENOENT;
      if (vcpu === 0) xen.dropLine();
      xen.words[xen.ports.vcpu(vcpu) + XEN_VCPU.VECTOR] = vector;
      if (xen.ports.upcallPending(vcpu)) xen.assertUpcall(vcpu);
      return 0;
    }
    case HVMOP.GUEST_REQUEST_VM_EVENT:
      // A monitor is told, and there is none.
      return arg === 0 ? 0 : -EINVAL;
    case HVMOP.PAGETABLE_DYING: {
      const view = xen.access.view(arg, DYING_BYTES);
      // Second-stage paging walks no copies of the guest's tables.
      return view ? (isKnown(xen, view.getUint16(0, true)) ? -EINVAL : -ESRCH) : -EFAULT;
    }
    case HVMOP.GET_MEM_TYPE:
      return memType(xen, arg);
    case HVMOP.XENTRACE: {
      const view = xen.access.view(arg, XENTRACE_BYTES);
      if (!view) return -EFAULT;
      // The trace has the call itself.
      return view.getUint16(2, true) > MOST_TRACED || view.getUint16(0, true) >>> TRACE_EVENT_BITS !== 0 ? -EINVAL : 0;
    }
    case HVMOP.ALTP2M:
      return -EOPNOTSUPP;
    default:
      return -ENOSYS;
  }
};

function isKnown(xen: XenGuest, domid: number): boolean {
  return domid === DOMID_SELF || xen.ports.of(domid) !== undefined;
}

/** What lies at a guest frame now, without bringing anything there. */
function memType(xen: XenGuest, arg: number): number {
  const view = xen.access.view(arg, MEM_TYPE_BYTES);
  if (!view) return -EFAULT;
  const domid = view.getUint16(0, true);
  if (!isKnown(xen, domid)) return -ESRCH;
  if (domid !== DOMID_SELF && domid !== xen.record.id) return -EPERM;
  if (xen.type === XEN_TYPE.PV) return -EINVAL;
  view.setUint16(2, view.getUint32(12, true) === 0 ? xen.frames.memType(view.getUint32(8, true)) : HVMMEM.MMIO_DM, true);
  return xen.access.put(arg, view) ? 0 : -EFAULT;
}

function param(xen: XenGuest, set: boolean, arg: number): number {
  const view = xen.access.view(arg, PARAM_BYTES);
  if (!view) return -EFAULT;
  const domid = view.getUint16(0, true),
    index = view.getUint32(4, true);
  if (index >= HVM_PARAM.COUNT) return -EINVAL;
  if (domid !== DOMID_SELF && domid !== xen.record.id) return xen.ports.of(domid) ? -EPERM : -ESRCH;
  if (xen.type === XEN_TYPE.PV) return -EINVAL;
  if (isDeadParam(index)) return -EINVAL;
  if (!(set ? GUEST_SETS : GUEST_GETS).includes(index)) return -EPERM;
  if (!set) {
    const [low, high] = getParam(xen.ports, index);
    view.setUint32(8, low, true);
    view.setUint32(12, high, true);
    return xen.access.put(arg, view) ? 0 : -EFAULT;
  }
  const low = view.getUint32(8, true),
    high = view.getUint32(12, true);
  switch (index) {
    case HVM_PARAM.CALLBACK_IRQ:
      xen.dropLine();
      setParam(xen.ports, index, low, high);
      xen.latchWidth();
      xen.updateLine();
      return 0;
    case HVM_PARAM.X87_FIP_WIDTH:
      if (high !== 0 || (low !== 0 && low !== 4 && low !== 8)) return -EINVAL;
      break;
    case HVM_PARAM.ACPI_IOPORTS_LOCATION:
      // Without a chipset there is no such block of ports.
      if (xen.type !== XEN_TYPE.HVM) return -ENODEV;
      if (high !== 0 || low > 1) return -EINVAL;
      break;
    case HVM_PARAM.STORE_EVTCHN:
    case HVM_PARAM.CONSOLE_EVTCHN: {
      // Set once by the toolstack; the guest may write what is there.
      const [old] = getParam(xen.ports, index);
      if (old !== 0 && old !== low) return -EEXIST;
      break;
    }
  }
  setParam(xen.ports, index, low, high);
  return 0;
}
