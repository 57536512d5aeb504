/** event_channel_op. Source: xen/include/public/event_channel.h. The order of the checks is the order of the errors that a guest can see. */
import { PORT, XEN, XEN_VCPU, XEN_VIRQS } from '../../memory/layout.ts';
import { FRAME_BYTES } from '../../memory/machine.ts';
import { TRACE_KIND } from '../../domain/trace.ts';
import {
  DOMID_SELF,
  EACCES,
  EBUSY,
  EEXIST,
  EFAULT,
  EINVAL,
  ENOENT,
  ENOSPC,
  ENOSYS,
  EOPNOTSUPP,
  EPERM,
  ESRCH,
  EVTCHNOP,
  EVTCHNSTAT,
  SHARED_INFO,
  VIRQ,
} from '../abi.ts';
import { FIFO_CONTROL_BYTES, FIFO_LINK_BITS, FIFO_MOST_PAGES, fifoCarryOver, fifoPageAdded } from './fifo.ts';
import type { XenGuest } from '../guest.ts';
import type { Hypercall } from '../hypercalls.ts';
import type { Ports } from './ports.ts';
import { takeWritable } from '../memory/writable.ts';

/** Bytes of each operation's structure. */
const BYTES: Record<number, number> = {
  [EVTCHNOP.BIND_INTERDOMAIN]: 12,
  [EVTCHNOP.BIND_VIRQ]: 12,
  [EVTCHNOP.CLOSE]: 4,
  [EVTCHNOP.SEND]: 4,
  [EVTCHNOP.STATUS]: 24,
  [EVTCHNOP.ALLOC_UNBOUND]: 8,
  [EVTCHNOP.BIND_IPI]: 8,
  [EVTCHNOP.BIND_VCPU]: 8,
  [EVTCHNOP.UNMASK]: 4,
  [EVTCHNOP.RESET]: 2,
  [EVTCHNOP.INIT_CONTROL]: 24,
  [EVTCHNOP.EXPAND_ARRAY]: 8,
  [EVTCHNOP.SET_PRIORITY]: 8,
};
const LOWEST_PRIORITY = 15;

/** Where a VIRQ belongs: one a vCPU, one a domain, or Domain 0's alone. */
const PER_VCPU: readonly number[] = [VIRQ.TIMER, VIRQ.DEBUG, VIRQ.XENOPROF, VIRQ.XENPMU];
const PER_DOMAIN: readonly number[] = [VIRQ.ARGO];

/** Result of an operation, and whether its structure goes back to the guest. */
export const eventChannelOp: Hypercall = (xen, [command, arg]) => {
  const bytes = BYTES[command];
  if (bytes === undefined) return -ENOSYS;
  const view = xen.access.view(arg, bytes);
  if (!view) return -EFAULT;
  const u32 = (at: number): number => view.getUint32(at, true);
  const u16 = (at: number): number => view.getUint16(at, true);
  const { ports } = xen;
  /** Puts a new port into the structure. */
  const give = (port: number, at: number): number => {
    if (port < 0) return port === -1 ? -ENOSPC : -EINVAL;
    view.setUint32(at, port, true);
    if (xen.access.put(arg, view, at, 4)) return 0;
    ports.close(port);
    return -EFAULT;
  };
  switch (command) {
    case EVTCHNOP.ALLOC_UNBOUND: {
      const domid = u16(0),
        remote = u16(2);
      if (domid !== DOMID_SELF && domid !== ports.record.id) return ports.of(domid) ? -EPERM : -ESRCH;
      const id = remote === DOMID_SELF ? ports.record.id : remote;
      return give(
        ports.locked(() => ports.allocate(EVTCHNSTAT.UNBOUND, id, 0, 0)),
        4,
      );
    }
    case EVTCHNOP.BIND_INTERDOMAIN: {
      const other = ports.of(u16(0) === DOMID_SELF ? ports.record.id : u16(0));
      return other ? give(ports.bindInterdomain(other, u32(4)), 8) : -ESRCH;
    }
    case EVTCHNOP.BIND_VIRQ:
      return bindVirq(xen, u32(0), u32(4), port => give(port, 8));
    case EVTCHNOP.BIND_IPI: {
      const vcpu = u32(0);
      if (vcpu >= ports.vcpus) return -ENOENT;
      return give(
        ports.locked(() => ports.allocate(EVTCHNSTAT.IPI, 0, 0, vcpu)),
        4,
      );
    }
    case EVTCHNOP.CLOSE:
      return ports.isValid(u32(0)) && !ports.isOfXen(u32(0)) && ports.close(u32(0)) ? 0 : -EINVAL;
    case EVTCHNOP.SEND:
      if (!ports.send(u32(0))) return -EINVAL;
      if (xen.parts.trace.on) xen.parts.trace.add(TRACE_KIND.EVENT, xen.current, u32(0), ports.remoteOf(u32(0)));
      return 0;
    case EVTCHNOP.STATUS:
      return status(xen, view, arg);
    case EVTCHNOP.BIND_VCPU:
      return bindVcpu(ports, u32(0), u32(4));
    case EVTCHNOP.UNMASK:
      if (!isOpen(ports, u32(0))) return -EINVAL;
      ports.unmask(u32(0));
      return 0;
    case EVTCHNOP.RESET: {
      const domid = u16(0);
      if (domid !== DOMID_SELF && domid !== ports.record.id) return ports.of(domid) ? -EPERM : -ESRCH;
      resetEvents(xen);
      return 0;
    }
    case EVTCHNOP.INIT_CONTROL:
      return initControl(xen, view, arg);
    case EVTCHNOP.EXPAND_ARRAY:
      return expandArray(xen, view);
    case EVTCHNOP.SET_PRIORITY: {
      if (!isOpen(ports, u32(0))) return -EINVAL;
      if (xen.words[xen.xen + XEN.EVENT_ABI] !== 1) return -ENOSYS;
      if (u32(4) > LOWEST_PRIORITY) return -EINVAL;
      const at = ports.entry(u32(0)) + PORT.VCPU;
      xen.words[at] = (xen.words[at] & ~0xf00) | (u32(4) << 8);
      return 0;
    }
    default:
      return -ENOSYS;
  }
};

function isOpen(ports: Ports, port: number): boolean {
  return ports.isValid(port) && ports.state(port) !== EVTCHNSTAT.CLOSED;
}

function bindVirq({ ports, words }: XenGuest, virq: number, vcpu: number, give: (port: number) => number): number {
  if (virq >= XEN_VIRQS) return -EINVAL;
  const perVcpu = PER_VCPU.includes(virq);
  if (!perVcpu && vcpu !== 0) return -EINVAL;
  // The other global ones have their handler in Domain 0.
  if (!perVcpu && !PER_DOMAIN.includes(virq)) return -EBUSY;
  if (vcpu >= ports.vcpus) return -ENOENT;
  const bound = ports.vcpu(vcpu) + XEN_VCPU.VIRQ + virq;
  if (words[bound] !== 0) return -EEXIST;
  return give(ports.allocateVirq(virq, vcpu));
}

function bindVcpu(ports: Ports, port: number, vcpu: number): number {
  if (vcpu >= ports.vcpus) return -ENOENT;
  if (!ports.isValid(port) || ports.isOfXen(port)) return -EINVAL;
  const remote = ports.words[ports.entry(port) + PORT.REMOTE];
  switch (ports.state(port)) {
    case EVTCHNSTAT.VIRQ:
      if (PER_VCPU.includes(remote)) return -EINVAL;
      break;
    case EVTCHNSTAT.UNBOUND:
    case EVTCHNSTAT.INTERDOMAIN:
    case EVTCHNSTAT.PIRQ:
      break;
    default:
      return -EINVAL;
  }
  ports.setTarget(port, vcpu);
  return 0;
}

function status(xen: XenGuest, view: DataView, arg: number): number {
  const domid = view.getUint16(0, true),
    port = view.getUint32(4, true);
  if (domid !== DOMID_SELF && domid !== xen.record.id) return xen.ports.of(domid) ? -EPERM : -ESRCH;
  const { ports, words } = xen;
  if (!ports.isValid(port)) return -EINVAL;
  if (ports.isOfXen(port)) return -EACCES;
  const entry = ports.entry(port),
    state = ports.state(port);
  view.setUint32(8, state, true);
  view.setUint32(12, ports.target(port), true);
  const remote = words[entry + PORT.REMOTE];
  if (state === EVTCHNSTAT.UNBOUND) view.setUint16(16, remote, true);
  else if (state === EVTCHNSTAT.INTERDOMAIN) {
    view.setUint16(16, remote, true);
    view.setUint32(20, words[entry + PORT.REMOTE_PORT], true);
  } else if (state === EVTCHNSTAT.VIRQ || state === EVTCHNSTAT.PIRQ) view.setUint32(16, remote, true);
  return xen.access.put(arg, view) ? 0 : -EFAULT;
}

/** EVTCHNOP_reset: everything closed, and the two-level ABI again. */
export function resetEvents({ ports }: XenGuest): void {
  ports.closeAll(false);
  ports.leaveFifo();
}

/** A frame of the guest's RAM, taken for writing; -1: there is none. */
function takeFrame(xen: XenGuest, gfn: number): number {
  const mfn = xen.frames.machineFrame(gfn);
  return mfn >= 0 && takeWritable(xen.machine, xen.record, mfn) ? mfn : -1;
}

function initControl(xen: XenGuest, view: DataView, arg: number): number {
  const { words, ports } = xen;
  const offset = view.getUint32(8, true),
    vcpu = view.getUint32(12, true);
  if (vcpu >= ports.vcpus) return -ENOENT;
  if (offset > FRAME_BYTES - FIFO_CONTROL_BYTES || offset % 8 !== 0) return -EINVAL;
  const control = ports.vcpu(vcpu) + XEN_VCPU.FIFO_CONTROL;
  if (words[control] !== 0) return -EINVAL;
  const mfn = view.getUint32(4, true) === 0 ? takeFrame(xen, view.getUint32(0, true)) : -1;
  if (mfn < 0) return -EINVAL;
  if (words[xen.xen + XEN.EVENT_ABI] === 0) {
    const first = (ports.sharedInfo + SHARED_INFO.EVTCHN_PENDING) >>> 2;
    fifoCarryOver(ports, port => (words[first + (port >>> 5)] & (1 << (port & 31))) !== 0);
    words[xen.xen + XEN.EVENT_ABI] = 1;
  }
  words[control] = mfn * FRAME_BYTES + offset;
  view.setUint8(16, FIFO_LINK_BITS);
  return xen.access.put(arg, view) ? 0 : -EFAULT;
}

function expandArray(xen: XenGuest, view: DataView): number {
  const { words } = xen;
  if (words[xen.xen + XEN.EVENT_ABI] !== 1) return -EOPNOTSUPP;
  const pages = words[xen.xen + XEN.FIFO_PAGES];
  if (pages >= FIFO_MOST_PAGES) return -ENOSPC;
  const mfn = view.getUint32(4, true) === 0 ? takeFrame(xen, view.getUint32(0, true)) : -1;
  if (mfn < 0) return -EINVAL;
  words[xen.xen + XEN.FIFO_FRAMES + pages] = mfn;
  words[xen.xen + XEN.FIFO_PAGES] = pages + 1;
  fifoPageAdded(xen.ports, pages);
  return 0;
}

