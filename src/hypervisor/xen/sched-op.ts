/** sched_op. Source: xen/include/public/sched.h. */
import { EFAULT, EINVAL, ENOSPC, ENOSYS, EPERM, ESRCH, SCHEDOP, SHUTDOWN } from './abi.ts';
import { getUint64 } from './guest-access.ts';
import type { XenGuest } from './guest.ts';
import type { Hypercall } from './hypercalls.ts';
import { XEN } from '../memory/layout.ts';

const POLL_BYTES = 16,
  MOST_POLLED = 128;
const WATCHDOGS = 2;

export const schedOp: Hypercall = (xen, [command, arg]) => {
  switch (command) {
    case SCHEDOP.YIELD:
      xen.parts.vcpus.yieldTurn();
      xen.parts.yield();
      return 0;
    case SCHEDOP.BLOCK:
      xen.ports.setUpcallMask(xen.current, false);
      if (!xen.ports.upcallPending(xen.current)) xen.block();
      return 0;
    case SCHEDOP.SHUTDOWN:
    case SCHEDOP.SHUTDOWN_CODE: {
      const reason = xen.access.readWord(arg);
      if (reason === undefined) return -EFAULT;
      // Eight bits count, and the first code that is latched.
      if (command === SCHEDOP.SHUTDOWN) xen.shutdown(reason & 0xff);
      else if (xen.words[xen.xen + XEN.LATCHED_SHUTDOWN] === 0) xen.words[xen.xen + XEN.LATCHED_SHUTDOWN] = (reason & 0xff) + 1;
      return 0;
    }
    case SCHEDOP.POLL:
      return poll(xen, arg);
    case SCHEDOP.WATCHDOG: {
      const view = xen.access.view(arg, 8);
      return view ? watchdog(xen, view.getUint32(0, true), view.getUint32(4, true)) : -EFAULT;
    }
    case SCHEDOP.REMOTE_SHUTDOWN: {
      const view = xen.access.view(arg, 8);
      if (!view) return -EFAULT;
      // DOMID_SELF names nobody here, and nobody but Domain 0 may.
      return xen.machine.find(view.getUint16(0, true)) ? -EPERM : -ESRCH;
    }
    case SCHEDOP.PIN_OVERRIDE:
      return -EPERM;
    default:
      return -ENOSYS;
  }
};

/** Waits until one of the ports is pending or the time has come; a deliverable event ends it at once. */
function poll(xen: XenGuest, arg: number): number {
  const view = xen.access.view(arg, POLL_BYTES);
  if (!view) return -EFAULT;
  const count = view.getUint32(4, true),
    timeoutNs = getUint64(view, 8);
  if (count > MOST_POLLED) return -EINVAL;
  const { ports } = xen;
  if (xen.deliverable()) return 0;
  let last = 0;
  for (let i = 0; i < count; i++) {
    const port = xen.access.readWord((view.getUint32(0, true) + i * 4) >>> 0);
    if (port === undefined) return -EFAULT;
    if (!ports.isValid(port)) return -EINVAL;
    if (ports.isPending(port)) return 0;
    last = port;
  }
  if (timeoutNs !== 0 && timeoutNs <= xen.time.now()) return 0;
  xen.block(count === 1 ? last : -1, timeoutNs === 0 ? Infinity : timeoutNs);
  // Sent between the look and the wait, perhaps by another worker.
  for (let i = 0; i < count; i++) {
    const port = xen.access.readWord((view.getUint32(0, true) + i * 4) >>> 0);
    if (port !== undefined && ports.isValid(port) && ports.isPending(port)) xen.wake(xen.current);
  }
  return 0;
}

/** Id 0 takes a free timer and returns its id; else the timer is set anew, with 0 seconds stopped. */
function watchdog(xen: XenGuest, id: number, seconds: number): number {
  if (id > WATCHDOGS) return -EINVAL;
  if (id > 0) {
    if (!xen.watchdogInUse(id - 1)) return -EINVAL;
    xen.setWatchdog(id - 1, seconds);
    return 0;
  }
  if (seconds === 0) return -EINVAL;
  const free = xen.freeWatchdog;
  if (free < 0) return -ENOSPC;
  xen.setWatchdog(free, seconds);
  return free + 1;
}

/** sched_op in its first form: yield, block, shutdown with the reason in a register. */
export const schedOpCompat: Hypercall = (xen, [command, arg]) => {
  if (command === SCHEDOP.SHUTDOWN) {
    xen.shutdown(arg >>> 0 > SHUTDOWN.SOFT_RESET ? SHUTDOWN.CRASH : arg);
    return 0;
  }
  return command === SCHEDOP.YIELD || command === SCHEDOP.BLOCK ? schedOp(xen, [command, 0]) : -ENOSYS;
};

/** set_timer_op: the one-shot timer of the calling vCPU, absolute; 0 stops it. */
export const setTimerOp: Hypercall = (xen, [low, high]) => {
  // The top bit: Linux's way to say "never", which Xen takes as some seconds from now and Linux then sets anew.
  const ns = (high >>> 0) * 2 ** 32 + (low >>> 0);
  xen.time.setSingle(xen.current, ns);
  return 0;
};
