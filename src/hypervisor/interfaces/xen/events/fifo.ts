/**
 * FIFO event channels: an event word a port in pages of the guest's, and queues by vCPU and priority linked through them.
 * Source: xen/include/public/event_channel.h and the design "Event Channel FIFO" of the Xen project.
 * The words are the guest's: every index that is read from one is checked before it is used.
 */
import { dropLock, type LockedMemory, takeLock } from '../../../memory/lock.ts';
import { FRAME_SHIFT } from '../../../memory/machine.ts';
import { PORT, PORT_PENDING_EARLY as EARLY, PORTS, XEN, XEN_VCPU } from '../layout.ts';
import { EVENT_WORD } from '../abi.ts';

const { PENDING, MASKED, LINKED, BUSY, LINK_BITS } = EVENT_WORD;
const LINK_MASK = (1 << LINK_BITS) - 1;
export const FIFO_LINK_BITS = LINK_BITS;
/** Event words of a page. */
export const FIFO_PAGE_WORDS = EVENT_WORD.PER_PAGE;
/** Pages that a domain's ports can need. */
export const FIFO_MOST_PAGES = Math.ceil(PORTS / FIFO_PAGE_WORDS);
/** Control block: ready bits, then 16 heads from byte 8. */
export const FIFO_CONTROL_BYTES = 72;
const HEADS = 2;

/** A domain's ports (Ports), whose words lie in pages of the guest's. */
interface FifoPorts {
  readonly machine: LockedMemory;
  readonly words: Int32Array;
  /** Indexes in `words`: of the XEN block, of a vCPU's words, of a port's. */
  readonly xenBlock: number;
  vcpu(id: number): number;
  entry(port: number): number;
  /** An event that waits is seen by the vCPU. */
  markPending(vcpu: number): void;
  raise(port: number): void;
}

/** Index of a port's event word; -1: its page has not come yet. */
function eventWord(ports: FifoPorts, port: number): number {
  const page = Math.floor(port / FIFO_PAGE_WORDS);
  if (page >= ports.words[ports.xenBlock + XEN.FIFO_PAGES]) return -1;
  return (ports.words[ports.xenBlock + XEN.FIFO_FRAMES + page] << (FRAME_SHIFT - 2)) + (port % FIFO_PAGE_WORDS);
}

function lock(ports: FifoPorts, vcpu: number): void {
  if (takeLock(ports.machine, ports.vcpu(vcpu) + XEN_VCPU.FIFO_LOCK)) repair(ports, vcpu);
}

function unlock(ports: FifoPorts, vcpu: number): void {
  dropLock(ports.machine, ports.vcpu(vcpu) + XEN_VCPU.FIFO_LOCK);
}

/** A worker died as it linked a port to a vCPU's queue: it is linked again. Where it was linked already, the guest finds it twice, and nothing the second time. */
function repair(ports: FifoPorts, vcpu: number): void {
  const { words } = ports;
  const port = words[ports.vcpu(vcpu) + XEN_VCPU.FIFO_PORT];
  const at = port === 0 ? -1 : eventWord(ports, port);
  const control = words[ports.vcpu(vcpu) + XEN_VCPU.FIFO_CONTROL] >>> 2;
  if (at < 0 || control === 0 || !(Atomics.load(words, at) & LINKED)) return;
  const priority = (words[ports.entry(port) + PORT.VCPU] >>> 24) & 15;
  if (words[ports.vcpu(vcpu) + XEN_VCPU.FIFO_TAIL + priority] !== port) append(ports, port, vcpu, priority, control);
  Atomics.or(words, control, 1 << priority);
}

/** Takes a vCPU's queues from a worker that died with them. */
export function fifoRepair(ports: FifoPorts, vcpu: number): void {
  lock(ports, vcpu);
  unlock(ports, vcpu);
}

export function fifoIsPending(ports: FifoPorts, port: number): boolean {
  const at = eventWord(ports, port);
  return at >= 0
    ? (Atomics.load(ports.words, at) & PENDING) !== 0
    : (ports.words[ports.entry(port) + PORT.VCPU] & EARLY) !== 0;
}

/** Linked in a queue: the port's number cannot be given to another use yet. */
export function fifoIsBusy(ports: FifoPorts, port: number): boolean {
  const at = eventWord(ports, port);
  return at >= 0 && (Atomics.load(ports.words, at) & LINKED) !== 0;
}

export function fifoClear(ports: FifoPorts, port: number): void {
  const at = eventWord(ports, port);
  if (at >= 0) Atomics.and(ports.words, at, ~PENDING);
  else Atomics.and(ports.words, ports.entry(port) + PORT.VCPU, ~EARLY);
}

/** Marks a port pending and puts it at the end of its queue. False: it was pending already. */
export function fifoRaise(ports: FifoPorts, port: number): boolean {
  const { words } = ports;
  const at = eventWord(ports, port);
  if (at < 0) return !(Atomics.or(words, ports.entry(port) + PORT.VCPU, EARLY) & EARLY);
  const was = Atomics.or(words, at, PENDING);
  if (!(was & (MASKED | LINKED))) link(ports, port, at);
  return !(was & PENDING);
}

function link(ports: FifoPorts, port: number, at: number): void {
  const { words } = ports;
  const field = ports.entry(port) + PORT.VCPU;
  const vcpu = words[field] & 0xff,
    priority = (words[field] >>> 8) & 15;
  const control = words[ports.vcpu(vcpu) + XEN_VCPU.FIFO_CONTROL] >>> 2;
  if (control === 0) return;
  const oldVcpu = (words[field] >>> 16) & 0xff,
    oldPriority = (words[field] >>> 24) & 15;
  if (oldVcpu !== vcpu || oldPriority !== priority) {
    lock(ports, oldVcpu);
    const oldTail = ports.vcpu(oldVcpu) + XEN_VCPU.FIFO_TAIL + oldPriority;
    if (words[oldTail] === port) words[oldTail] = 0;
    unlock(ports, oldVcpu);
    words[field] = (words[field] & 0xffff) | (vcpu << 16) | (priority << 24);
  }
  lock(ports, vcpu);
  words[ports.vcpu(vcpu) + XEN_VCPU.FIFO_PORT] = port;
  ports.machine.step?.();
  let notify = false;
  if (!(Atomics.or(words, at, LINKED) & LINKED)) {
    ports.machine.step?.();
    const linked = append(ports, port, vcpu, priority, control);
    ports.machine.step?.();
    notify = !linked && !(Atomics.or(words, control, 1 << priority) & (1 << priority));
  }
  unlock(ports, vcpu);
  ports.machine.step?.();
  if (notify) ports.markPending(vcpu);
}

/** Puts a port at the end of a queue. False: the queue was empty, so that the vCPU is to be notified. */
function append(ports: FifoPorts, port: number, vcpu: number, priority: number, control: number): boolean {
  const { words } = ports;
  const tailAt = ports.vcpu(vcpu) + XEN_VCPU.FIFO_TAIL + priority;
  const tail = words[tailAt];
  const linked = tail !== 0 && tail !== port && setLink(words, eventWord(ports, tail), port);
  ports.machine.step?.();
  if (!linked) Atomics.store(words, control + HEADS + priority, port);
  ports.machine.step?.();
  words[tailAt] = port;
  return linked;
}

/** What is pending of a port may not be linked yet, or linked and its vCPU not notified. */
export function fifoTellAgain(ports: FifoPorts, port: number): void {
  const at = eventWord(ports, port);
  if (at < 0) return;
  const vcpu = (ports.words[ports.entry(port) + PORT.VCPU] >>> 16) & 0xff;
  const seen = Atomics.load(ports.words, at);
  if (!(seen & (MASKED | LINKED))) link(ports, port, at);
  else if (seen & LINKED) ports.markPending(vcpu);
}

/** Links `port` behind the last one of a queue; false: that one has been taken from the queue meanwhile. */
function setLink(words: Int32Array, tail: number, port: number): boolean {
  if (tail < 0) return false;
  for (let seen = Atomics.load(words, tail); seen & LINKED; ) {
    const was = Atomics.compareExchange(words, tail, seen, (seen & ~(LINK_MASK | BUSY)) | port);
    if (was === seen) return true;
    seen = was;
  }
  return false;
}

export function fifoUnmask(ports: FifoPorts, port: number): void {
  const at = eventWord(ports, port);
  if (at < 0) return;
  const was = Atomics.and(ports.words, at, ~MASKED);
  if (was & PENDING && !(was & LINKED)) link(ports, port, at);
}

/** A page of event words has been added: what became pending before it was there is raised. */
export function fifoPageAdded(ports: FifoPorts, page: number): void {
  for (let port = Math.max(1, page * FIFO_PAGE_WORDS); port < Math.min(PORTS, (page + 1) * FIFO_PAGE_WORDS); port++) {
    if (Atomics.and(ports.words, ports.entry(port) + PORT.VCPU, ~EARLY) & EARLY) ports.raise(port);
  }
}

/** The domain has changed to FIFO: ports that were pending in the bitmaps will be raised when their event words come. */
export function fifoCarryOver(ports: FifoPorts, wasPending: (port: number) => boolean): void {
  for (let port = 1; port < PORTS; port++)
    if (wasPending(port)) Atomics.or(ports.words, ports.entry(port) + PORT.VCPU, EARLY);
}
