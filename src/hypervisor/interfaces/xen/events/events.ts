/** event_channel_op. Source: xen/include/public/event_channel.h. The order of the checks is the order of the errors that a guest can see. */
import { TRACE_KIND } from '../../../tracing/trace.ts';
import { PORT, XEN, XEN_VCPU, XEN_VIRQS } from '../layout.ts';
import { DOMAIN_0, FRAME_BYTES } from '../../../memory/machine.ts';
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
  VIRQ,
} from '../abi.ts';
import { dispatch, type HypercallContext, operation, operations } from '../hypercalls.ts';
import { takeWritable } from '../memory/writable.ts';
import { at, type GuestStruct, octets, struct, u8, u16, u32, u64 } from '../struct.ts';
import { FIFO_CONTROL_BYTES, FIFO_LINK_BITS, FIFO_MOST_PAGES, fifoCarryOver, fifoPageAdded } from './fifo.ts';
import type { Ports } from './ports.ts';
import { SHARED_INFO } from '../shared.ts';

export const BindInterdomain = struct({ remote_dom: u16, remote_port: u32, local_port: u32 });
export const BindVirq = struct({ virq: u32, vcpu: u32, port: u32 });
export const Close = struct({ port: u32 });
export const Send = struct({ port: u32 });
/** Its union: who may bind an unbound port; the other end; the VIRQ or PIRQ. */
export const Status = struct({
  dom: u16,
  port: u32,
  status: u32,
  vcpu: u32,
  u_dom: at(16, u16),
  u_port: at(20, u32),
  u_irq: at(16, u32),
});
export const AllocUnbound = struct({ dom: u16, remote_dom: u16, port: u32 });
export const BindIpi = struct({ vcpu: u32, port: u32 });
export const BindVcpu = struct({ port: u32, vcpu: u32 });
export const Unmask = struct({ port: u32 });
export const Reset = struct({ dom: u16 });
export const InitControl = struct({ control_gfn: u64, offset: u32, vcpu: u32, link_bits: u8, _pad: octets(7) });
export const ExpandArray = struct({ array_gfn: u64 });
export const SetPriority = struct({ port: u32, priority: u32 });

const LOWEST_PRIORITY = 15;
/** Where a VIRQ belongs: one a vCPU, one a domain, or Domain 0's alone. */
const PER_VCPU: readonly number[] = [VIRQ.TIMER, VIRQ.DEBUG, VIRQ.XENOPROF, VIRQ.XENPMU];
const PER_DOMAIN: readonly number[] = [VIRQ.ARGO];

/** A port whose number cannot be returned to the guest is closed again. */
const closePort = ({ ports }: HypercallContext, { port }: { port: number }): void => void ports.close(port);

export const EVENT_CHANNEL_OPERATIONS = operations('EVTCHNOP_', EVTCHNOP, {
  BIND_INTERDOMAIN: operation(BindInterdomain, bindInterdomain, {
    out: ['local_port'],
    undo: (caller, { local_port }) => closePort(caller, { port: local_port }),
  }),
  BIND_VIRQ: operation(BindVirq, bindVirq, { out: ['port'], undo: closePort }),
  CLOSE: operation(Close, close),
  SEND: operation(Send, send),
  STATUS: operation(Status, status, { out: ['status', 'vcpu', 'u_dom', 'u_port', 'u_irq'] }),
  ALLOC_UNBOUND: operation(AllocUnbound, allocUnbound, { out: ['port'], undo: closePort }),
  BIND_IPI: operation(BindIpi, bindIpi, { out: ['port'], undo: closePort }),
  BIND_VCPU: operation(BindVcpu, bindVcpu),
  UNMASK: operation(Unmask, unmask),
  RESET: operation(Reset, reset),
  INIT_CONTROL: operation(InitControl, initControl, { out: ['link_bits'] }),
  EXPAND_ARRAY: operation(ExpandArray, expandArray),
  SET_PRIORITY: operation(SetPriority, setPriority),
});

/** event_channel_op: what is done with a port. IN: cmd, arg. */
export function eventChannelOp(caller: HypercallContext, [command, arg]: readonly number[]): number {
  return dispatch(caller, EVENT_CHANNEL_OPERATIONS, command, arg);
}

/**
 * event_channel_op_compat: its first form, where the operation's number is the structure's first word.
 * IN: op.
 * Errors: EFAULT the number cannot be read; then as event_channel_op.
 */
export function eventChannelOpCompat(caller: HypercallContext, [arg]: readonly number[]): number {
  const command = caller.access.readWord(arg);
  return command === undefined ? -EFAULT : eventChannelOp(caller, [command, arg + 4]);
}

/** A port that was allocated, or why there is none (-1: all are in use). */
function giveOut(port: number, give: (port: number) => void): number {
  if (port < 0) return port === -1 ? -ENOSPC : -EINVAL;
  give(port);
  return 0;
}

/** 0 for the caller itself; others' ports are not a guest's business. */
function itself({ ports }: HypercallContext, domid: number): number {
  if (domid === DOMID_SELF || domid === ports.record.id) return 0;
  return ports.of(domid) ? -EPERM : -ESRCH;
}

/**
 * EVTCHNOP_alloc_unbound: a new port that another domain may bind to.
 * IN: dom, remote_dom. OUT: port.
 * Errors: ESRCH no such domain; EPERM `dom` is another than the caller; ENOSPC no free port.
 */
function allocUnbound(caller: HypercallContext, args: GuestStruct<typeof AllocUnbound>): number {
  const { ports } = caller;
  const refused = itself(caller, args.dom);
  if (refused) return refused;
  const remote = args.remote_dom === DOMID_SELF ? ports.record.id : args.remote_dom;
  return giveOut(
    ports.locked(() => ports.allocate(EVTCHNSTAT.UNBOUND, remote, 0, 0)),
    port => (args.port = port),
  );
}

/**
 * EVTCHNOP_bind_interdomain: a new port, connected to one that another domain keeps unbound for the caller. It starts pending, since the other may have sent
 * before.
 * IN: remote_dom, remote_port. OUT: local_port.
 * Errors: ESRCH no such domain; EINVAL the port is not unbound for the caller; ENOSPC no free port.
 */
function bindInterdomain({ ports }: HypercallContext, args: GuestStruct<typeof BindInterdomain>): number {
  const remote = ports.of(args.remote_dom === DOMID_SELF ? ports.record.id : args.remote_dom);
  if (!remote) return -ESRCH;
  return giveOut(ports.bindInterdomain(remote, args.remote_port), port => (args.local_port = port));
}

/**
 * EVTCHNOP_bind_virq: a new port for a virtual interrupt of a vCPU, or of the domain (then `vcpu` is 0).
 * IN: virq, vcpu. OUT: port.
 * Errors: EINVAL no such VIRQ, or one of the domain for another vCPU than 0; EBUSY one that Domain 0 has; ENOENT no such vCPU; EEXIST bound already;
 * ENOSPC no free port.
 */
function bindVirq({ ports, words }: HypercallContext, args: GuestStruct<typeof BindVirq>): number {
  const { virq, vcpu } = args;
  if (virq >= XEN_VIRQS) return -EINVAL;
  const perVcpu = PER_VCPU.includes(virq);
  if (!perVcpu && vcpu !== 0) return -EINVAL;
  // The other global ones have their handler in Domain 0.
  if (!perVcpu && !PER_DOMAIN.includes(virq)) return -EBUSY;
  if (vcpu >= ports.vcpus) return -ENOENT;
  if (words[ports.vcpu(vcpu) + XEN_VCPU.VIRQ + virq] !== 0) return -EEXIST;
  return giveOut(ports.allocateVirq(virq, vcpu), port => (args.port = port));
}

/**
 * EVTCHNOP_bind_ipi: a new port by which the domain interrupts one of its own vCPUs.
 * IN: vcpu. OUT: port.
 * Errors: ENOENT no such vCPU; ENOSPC no free port.
 */
function bindIpi({ ports }: HypercallContext, args: GuestStruct<typeof BindIpi>): number {
  const { vcpu } = args;
  if (vcpu >= ports.vcpus) return -ENOENT;
  return giveOut(
    ports.locked(() => ports.allocate(EVTCHNSTAT.IPI, 0, 0, vcpu)),
    port => (args.port = port),
  );
}

/**
 * EVTCHNOP_close: the port is free; the other end is unbound again.
 * IN: port.
 * Errors: EINVAL no port, one of the hypervisor's, or closed.
 */
function close({ ports }: HypercallContext, { port }: GuestStruct<typeof Close>): number {
  return ports.isValid(port) && !ports.isOfXen(port) && ports.close(port) ? 0 : -EINVAL;
}

/**
 * EVTCHNOP_send: the other end is pending.
 * IN: port.
 * Errors: EINVAL no port that can be sent through.
 */
function send({ ports, parts, current }: HypercallContext, { port }: GuestStruct<typeof Send>): number {
  if (!ports.send(port)) return -EINVAL;
  if (ports.remoteOf(port) === DOMAIN_0) parts.callDomain0();
  if (parts.trace.on) parts.trace.add(TRACE_KIND.EVENT, current, port, ports.remoteOf(port));
  return 0;
}

function isOpen(ports: Ports, port: number): boolean {
  return ports.isValid(port) && ports.state(port) !== EVTCHNSTAT.CLOSED;
}

/**
 * EVTCHNOP_bind_vcpu: another vCPU hears of the port.
 * IN: port, vcpu.
 * Errors: ENOENT no such vCPU; EINVAL no port, one of the hypervisor's, an IPI's, that of a VIRQ of one vCPU, or closed.
 */
function bindVcpu({ ports }: HypercallContext, { port, vcpu }: GuestStruct<typeof BindVcpu>): number {
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

/**
 * EVTCHNOP_status: what a port is. The union holds who may bind to an unbound one (`u_dom`), the other end (`u_dom`, `u_port`), or the number of the VIRQ
 * or PIRQ (`u_irq`).
 * IN: dom, port. OUT: status, vcpu, u_dom, u_port, u_irq.
 * Errors: ESRCH no such domain; EPERM another than the caller; EINVAL no port; EACCES one of the hypervisor's.
 */
function status(caller: HypercallContext, args: GuestStruct<typeof Status>): number {
  const { port } = args;
  const refused = itself(caller, args.dom);
  if (refused) return refused;
  const { ports, words } = caller;
  if (!ports.isValid(port)) return -EINVAL;
  if (ports.isOfXen(port)) return -EACCES;
  const entry = ports.entry(port),
    state = ports.state(port),
    remote = words[entry + PORT.REMOTE];
  args.status = state;
  args.vcpu = ports.target(port);
  if (state === EVTCHNSTAT.UNBOUND) args.u_dom = remote;
  else if (state === EVTCHNSTAT.INTERDOMAIN) {
    args.u_dom = remote;
    args.u_port = words[entry + PORT.REMOTE_PORT];
  } else if (state === EVTCHNSTAT.VIRQ || state === EVTCHNSTAT.PIRQ) args.u_irq = remote;
  return 0;
}

/**
 * EVTCHNOP_unmask: events of the port are delivered again, one that is pending at once.
 * IN: port.
 * Errors: EINVAL no port, or closed.
 */
function unmask({ ports }: HypercallContext, { port }: GuestStruct<typeof Unmask>): number {
  if (!isOpen(ports, port)) return -EINVAL;
  ports.unmask(port);
  return 0;
}

/**
 * EVTCHNOP_reset: all ports but the hypervisor's are closed, and the ABI is the two-level one again.
 * IN: dom.
 * Errors: ESRCH no such domain; EPERM another than the caller.
 */
function reset(caller: HypercallContext, { dom }: GuestStruct<typeof Reset>): number {
  const refused = itself(caller, dom);
  if (refused === 0) resetEvents(caller);
  return refused;
}

/** The same for a domain that starts again. */
export function resetEvents({ ports }: Pick<HypercallContext, 'ports'>): void {
  ports.closeAll(false);
  ports.leaveFifo();
}

/** A frame of the guest's RAM, taken for writing; -1: there is none. */
function takeFrame({ frames, machine, record }: HypercallContext, gfn: number): number {
  // No guest frame has a number of more than 32 bits.
  const mfn = gfn < 2 ** 32 ? frames.machineFrame(gfn) : -1;
  return mfn >= 0 && takeWritable(machine, record, mfn) ? mfn : -1;
}

/**
 * EVTCHNOP_init_control: the FIFO ABI, with a vCPU's control block. The first one moves all ports to it.
 * IN: control_gfn, offset, vcpu. OUT: link_bits.
 * Errors: ENOENT no such vCPU; EINVAL the offset leaves the page or is no multiple of 8, the vCPU has one, or the frame is none that the guest may write.
 */
function initControl(caller: HypercallContext, args: GuestStruct<typeof InitControl>): number {
  const { words, ports, xenBlock } = caller;
  const { offset, vcpu } = args;
  if (vcpu >= ports.vcpus) return -ENOENT;
  if (offset > FRAME_BYTES - FIFO_CONTROL_BYTES || offset % 8 !== 0) return -EINVAL;
  const control = ports.vcpu(vcpu) + XEN_VCPU.FIFO_CONTROL;
  if (words[control] !== 0) return -EINVAL;
  const mfn = takeFrame(caller, args.control_gfn);
  if (mfn < 0) return -EINVAL;
  if (words[xenBlock + XEN.EVENT_ABI] === 0) {
    const first = (ports.sharedInfo + SHARED_INFO[32].evtchn_pending) >>> 2;
    fifoCarryOver(ports, port => (words[first + (port >>> 5)] & (1 << (port & 31))) !== 0);
    words[xenBlock + XEN.EVENT_ABI] = 1;
  }
  words[control] = mfn * FRAME_BYTES + offset;
  args.link_bits = FIFO_LINK_BITS;
  return 0;
}

/**
 * EVTCHNOP_expand_array: one more page of event words, for the ports that have none yet.
 * IN: array_gfn.
 * Errors: EOPNOTSUPP the ABI is the two-level one; ENOSPC there are all; EINVAL the frame is none that the guest may write.
 */
function expandArray(caller: HypercallContext, args: GuestStruct<typeof ExpandArray>): number {
  const { words, xenBlock } = caller;
  if (words[xenBlock + XEN.EVENT_ABI] !== 1) return -EOPNOTSUPP;
  const pages = words[xenBlock + XEN.FIFO_PAGES];
  if (pages >= FIFO_MOST_PAGES) return -ENOSPC;
  const mfn = takeFrame(caller, args.array_gfn);
  if (mfn < 0) return -EINVAL;
  words[xenBlock + XEN.FIFO_FRAMES + pages] = mfn;
  words[xenBlock + XEN.FIFO_PAGES] = pages + 1;
  fifoPageAdded(caller.ports, pages);
  return 0;
}

/**
 * EVTCHNOP_set_priority: the FIFO queue of a port's events, 0 (first) to 15.
 * IN: port, priority.
 * Errors: EINVAL no port, or closed; ENOSYS the ABI is the two-level one; EINVAL no such priority.
 */
function setPriority(
  { ports, words, xenBlock }: HypercallContext,
  { port, priority }: GuestStruct<typeof SetPriority>,
): number {
  if (!isOpen(ports, port)) return -EINVAL;
  if (words[xenBlock + XEN.EVENT_ABI] !== 1) return -ENOSYS;
  if (priority > LOWEST_PRIORITY) return -EINVAL;
  const vcpu = ports.entry(port) + PORT.VCPU;
  words[vcpu] = (words[vcpu] & ~0xf00) | (priority << 8);
  return 0;
}
