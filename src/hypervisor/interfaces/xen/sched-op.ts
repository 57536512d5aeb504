/** sched_op and set_timer_op. Source: xen/include/public/sched.h. */
import { XEN } from './layout.ts';
import { EFAULT, EINVAL, ENOSPC, ENOSYS, EPERM, ESRCH, SCHEDOP, SHUTDOWN } from './abi.ts';
import { dispatch, type HypercallContext, operation, operations, plain, toolstackOnly } from './hypercalls.ts';
import { type GuestStruct, handle, struct, u16, u32, u64 } from './struct.ts';

export const Shutdown = struct({ reason: u32 });
export const Poll = struct({ ports: handle, nr_ports: u32, timeout: u64 });
export const RemoteShutdown = struct({ domain_id: u16, reason: u32 });
export const Watchdog = struct({ id: u32, timeout: u32 });

const MOST_POLLED = 128;
const WATCHDOGS = 2;
/** Bits of a shutdown's reason that count. */
const REASON = 0xff;

export const SCHED_OPERATIONS = operations('SCHEDOP_', SCHEDOP, {
  YIELD: plain(yieldTurn),
  BLOCK: plain(block),
  SHUTDOWN: operation(Shutdown, shutdown),
  POLL: operation(Poll, poll),
  REMOTE_SHUTDOWN: operation(RemoteShutdown, remoteShutdown),
  SHUTDOWN_CODE: operation(Shutdown, shutdownCode),
  WATCHDOG: operation(Watchdog, watchdog),
  PIN_OVERRIDE: plain(toolstackOnly),
});

/** sched_op: when the vCPU runs, and the domain's end. IN: cmd, arg. */
export function schedOp(caller: HypercallContext, [command, arg]: readonly number[]): number {
  return dispatch(caller, SCHED_OPERATIONS, command, arg);
}

/** SCHEDOP_yield: others have their turn. */
function yieldTurn({ parts }: HypercallContext): number {
  parts.vcpus.turns.yieldTurn();
  parts.yield();
  return 0;
}

/** SCHEDOP_block: unmasks events and waits for one, unless there is one. */
function block(caller: HypercallContext): number {
  const { ports, current } = caller;
  ports.setUpcallMask(current, false);
  if (!ports.upcallPending(current)) caller.block();
  return 0;
}

/**
 * SCHEDOP_shutdown: the domain ends, or suspends itself; with the reason that was latched, where there is one.
 * IN: reason.
 */
function shutdown(caller: HypercallContext, { reason }: GuestStruct<typeof Shutdown>): number {
  caller.shutdown(reason & REASON);
  return 0;
}

/**
 * SCHEDOP_shutdown_code: latches the reason of a shutdown that comes later by another way. The first one stays.
 * IN: reason.
 */
function shutdownCode({ words, xenBlock }: HypercallContext, { reason }: GuestStruct<typeof Shutdown>): number {
  const latched = xenBlock + XEN.LATCHED_SHUTDOWN;
  if (words[latched] === 0) words[latched] = (reason & REASON) + 1;
  return 0;
}

/**
 * SCHEDOP_poll: waits until one of the ports is pending or the time (absolute, of the system) has come; an event that can be delivered ends it at once.
 * IN: ports, nr_ports, timeout.
 * Errors: EINVAL more than 128 ports; EFAULT the list cannot be read; EINVAL no port.
 */
function poll(caller: HypercallContext, args: GuestStruct<typeof Poll>): number {
  const { nr_ports: count, timeout: timeoutNs } = args;
  if (count > MOST_POLLED) return -EINVAL;
  const { ports } = caller;
  if (caller.deliverable()) return 0;
  const portAt = (i: number): number | undefined => caller.access.readWord(args.ports + i * 4);
  let last = 0;
  for (let i = 0; i < count; i++) {
    const port = portAt(i);
    if (port === undefined) return -EFAULT;
    if (!ports.isValid(port)) return -EINVAL;
    if (ports.isPending(port)) return 0;
    last = port;
  }
  if (timeoutNs !== 0 && timeoutNs <= caller.time.now()) return 0;
  caller.block(count === 1 ? last : -1, timeoutNs === 0 ? Infinity : timeoutNs);
  // Sent between the look and the wait, perhaps by another worker.
  for (let i = 0; i < count; i++) {
    const port = portAt(i);
    if (port !== undefined && ports.isValid(port) && ports.isPending(port)) caller.wake(caller.current);
  }
  return 0;
}

/**
 * SCHEDOP_remote_shutdown: another domain's end. DOMID_SELF names nobody here.
 * IN: domain_id, reason.
 * Refused: the toolstack's.
 * Errors: ESRCH no such domain; EPERM any other.
 */
function remoteShutdown({ machine }: HypercallContext, args: GuestStruct<typeof RemoteShutdown>): number {
  return machine.find(args.domain_id) ? -EPERM : -ESRCH;
}

/**
 * SCHEDOP_watchdog: id 0 takes a free timer and returns its id, 1 or 2; any other id restarts that timer, and 0 seconds stop it. A timer that expires ends the domain.
 * IN: id, timeout.
 * Errors: EINVAL no such id, one that is not in use, or a new one of 0 seconds; ENOSPC both are in use.
 */
function watchdog(caller: HypercallContext, { id, timeout }: GuestStruct<typeof Watchdog>): number {
  if (id > WATCHDOGS) return -EINVAL;
  if (id > 0) {
    if (!caller.watchdogInUse(id - 1)) return -EINVAL;
    caller.setWatchdog(id - 1, timeout);
    return 0;
  }
  if (timeout === 0) return -EINVAL;
  const free = caller.freeWatchdog;
  if (free < 0) return -ENOSPC;
  caller.setWatchdog(free, timeout);
  return free + 1;
}

/**
 * sched_op_compat: its first form: yield, block, and shutdown with the reason in a register.
 * IN: cmd, value.
 * Errors: ENOSYS any other.
 */
export function schedOpCompat(caller: HypercallContext, [command, value]: readonly number[]): number {
  if (command === SCHEDOP.SHUTDOWN) {
    caller.shutdown(value >>> 0 > SHUTDOWN.SOFT_RESET ? SHUTDOWN.CRASH : value);
    return 0;
  }
  return command === SCHEDOP.YIELD || command === SCHEDOP.BLOCK ? schedOp(caller, [command, 0]) : -ENOSYS;
}

/**
 * set_timer_op: the one-shot timer of the vCPU that calls, at an absolute system time in nanoseconds; 0 stops it. Linux sets the top bit for "never",
 * which Xen takes as some seconds from now; Linux then sets it again.
 * IN: low, high; one word of 64-bit code.
 */
export function setTimerOp(caller: HypercallContext, [low, high]: readonly number[]): number {
  const upper = caller.width === 64 ? Math.floor(low / 2 ** 32) : high;
  caller.time.setSingle(caller.current, (upper >>> 0) * 2 ** 32 + (low >>> 0));
  return 0;
}
