/**
 * A domain's event channel ports, as any worker sees and changes them: the port table, the bitmaps in shared_info, each vCPU's vcpu_info.
 * Source: the public ABI (event_channel.h, xen.h); the order of the steps is the ABI's (two-level, race-free against a guest that runs meanwhile).
 */
import { MAILBOX, XENHEAP } from '../../../layout/layout.ts';
import {
  KICK,
  PORT,
  PORT_OF_XEN,
  PORTS,
  PORT_WORDS,
  XEN,
  XEN_VCPU,
  XEN_VCPU_WORDS,
  isXen,
  PORTS_AT,
} from '../layout.ts';
import { dropLock, Journal, takeLock } from '../../../memory/lock.ts';
import { type DomainRecord, FRAME_SHIFT, type Machine } from '../../../memory/machine.ts';
import { EVTCHNSTAT } from '../abi.ts';
import { dropWritable } from '../memory/writable.ts';
import { LEGACY_VCPUS, SHARED_INFO, VCPU_INFO, VcpuInfo, wordShiftOf } from '../shared.ts';
import type { Width } from '../struct.ts';
import { fifoClear, fifoIsBusy, fifoIsPending, fifoRaise, fifoTellAgain, fifoUnmask } from './fifo.ts';

/** Default FIFO priority (event_channel.h, EVTCHN_FIFO_PRIORITY_DEFAULT). */
export const PRIORITY_DEFAULT = 7;
export const FIFO_QUEUES = 16;

export class Ports {
  readonly machine: Machine;
  readonly record: DomainRecord;
  readonly words: Int32Array;
  /** Index in `words` of the XEN block. */
  readonly xenBlock: number;
  private readonly table: number;
  private readonly journal: Journal;
  private readonly doorbell: number;
  private readonly others = new Map<number, Ports>();
  /** Set by the domain's own worker: it looks after a vCPU at once and needs no doorbell. */
  onKick: ((vcpu: number) => void) | undefined;

  constructor(machine: Machine, record: DomainRecord) {
    this.machine = machine;
    this.record = record;
    this.words = machine.words;
    this.xenBlock = record.guestOffset >>> 2;
    this.table = (record.guestOffset + PORTS_AT) >>> 2;
    this.journal = new Journal(machine, XENHEAP.PORT_JOURNAL, () => {});
    this.doorbell = (record.mailboxOffset >>> 2) + MAILBOX.DOORBELL;
  }

  // ---- the table

  /** Index in `words` of a port's entry (PORT). */
  entry(port: number): number {
    return this.table + port * PORT_WORDS;
  }

  state(port: number): number {
    return this.words[this.entry(port) + PORT.STATE];
  }

  /** Whether it is a port that can be open: 0 never is. */
  isValid(port: number): boolean {
    return port > 0 && port < PORTS;
  }

  /** Index in `words` of a vCPU's record (XEN_VCPU). */
  vcpu(id: number): number {
    return this.xenBlock + XEN.VCPU + id * XEN_VCPU_WORDS;
  }

  get vcpus(): number {
    return this.words[this.xenBlock + XEN.VCPUS];
  }

  /** The port a hypercall allocates: the lowest free one; -1: none. */
  private free(): number {
    for (let port = 1; port < PORTS; port++) {
      if (this.state(port) === EVTCHNSTAT.CLOSED && !(this.isFifo && fifoIsBusy(this, port))) return port;
    }
    return -1;
  }

  /** Takes a port for `state`, with the lock held; -1: none is free. */
  allocate(state: number, remote: number, remotePort: number, vcpu: number): number {
    const port = this.free();
    if (port < 0) return -1;
    const entry = this.entry(port);
    const { journal } = this;
    journal.set(entry + PORT.REMOTE, remote);
    journal.set(entry + PORT.REMOTE_PORT, remotePort);
    journal.set(entry + PORT.VCPU, vcpu | (PRIORITY_DEFAULT << 8) | (vcpu << 16) | (PRIORITY_DEFAULT << 24));
    journal.set(entry + PORT.STATE, state);
    return port;
  }

  /** Takes a port for a VIRQ of a vCPU, and sends that there; -1: none is free. */
  allocateVirq(virq: number, vcpu: number): number {
    return this.locked(() => {
      const port = this.allocate(EVTCHNSTAT.VIRQ, virq, 0, vcpu);
      if (port > 0) this.journal.set(this.vcpu(vcpu) + XEN_VCPU.VIRQ + virq, port);
      return port;
    });
  }

  /** vCPU that a port's events go to. */
  target(port: number): number {
    return this.words[this.entry(port) + PORT.VCPU] & 0xff;
  }

  setTarget(port: number, vcpu: number): void {
    const at = this.entry(port) + PORT.VCPU;
    this.words[at] = (this.words[at] & ~0xff) | vcpu;
  }

  /** Ports of another domain; undefined: it is not there, is dying or has no event channels. */
  of(domid: number): Ports | undefined {
    if (domid === this.record.id) return this;
    const known = this.others.get(domid);
    if (known && this.machine.isAlive(known.record)) return known;
    this.others.delete(domid);
    const record = this.machine.find(domid);
    if (!record || !isXen(record)) return undefined;
    const ports = new Ports(this.machine, record);
    this.others.set(domid, ports);
    return ports;
  }

  /** Runs `section` while no other worker changes any port table; `after`: what cannot be undone, once it is done. Both as lock.ts says. */
  locked<T>(section: () => T, after?: (result: T) => void): T {
    const { machine, journal } = this;
    if (takeLock(machine, XENHEAP.PORT_LOCK)) journal.undo();
    const result = section();
    journal.commit();
    after?.(result);
    dropLock(machine, XENHEAP.PORT_LOCK);
    return result;
  }

  /**
   * Somebody died who may have begun to tell this domain's vCPUs of events: what is pending is signalled again. An upcall too many finds nothing, and a vCPU
   * that is woken for nothing blocks again.
   */
  tellAgain(): void {
    for (let port = 1; port < PORTS; port++)
      if (this.state(port) !== EVTCHNSTAT.CLOSED && !this.isOfXen(port) && this.isPending(port)) this.unmaskAgain(port);
    for (let id = 0; id < this.vcpus; id++)
      this.kick(id, (this.upcallPending(id) ? KICK.UPCALL : 0) | KICK.WAKE | KICK.MODEL);
  }

  private unmaskAgain(port: number): void {
    if (this.isFifo) fifoTellAgain(this, port);
    else if (!(Atomics.load(this.words, this.maskWord(port)) & (1 << (port & 31)))) {
      this.select(port);
      this.markPending(this.target(port));
    }
  }

  // ---- what the guest sees

  /** Byte offset of shared_info in machine memory. */
  get sharedInfo(): number {
    return this.words[this.xenBlock + XEN.SHARED_INFO] << FRAME_SHIFT;
  }

  /** Whether a frame is shared_info, which lives as long as the domain's records: nobody counts who uses it. */
  isSharedInfo(mfn: number): boolean {
    return mfn === this.words[this.xenBlock + XEN.SHARED_INFO];
  }

  /** Width of shared_info's layout: 32 or 64. */
  get width(): Width {
    return this.words[this.xenBlock + XEN.WIDTH] === 32 ? 32 : 64;
  }

  private pendingWord(port: number): number {
    return (this.sharedInfo + SHARED_INFO[32].evtchn_pending + ((port >>> 5) << 2)) >>> 2;
  }

  private maskWord(port: number): number {
    return (this.sharedInfo + SHARED_INFO[this.width].evtchn_mask + ((port >>> 5) << 2)) >>> 2;
  }

  private get isFifo(): boolean {
    return this.words[this.xenBlock + XEN.EVENT_ABI] === 1;
  }

  isPending(port: number): boolean {
    if (this.isFifo) return fifoIsPending(this, port);
    return (Atomics.load(this.words, this.pendingWord(port)) & (1 << (port & 31))) !== 0;
  }

  private clearPending(port: number): void {
    if (this.isFifo) fifoClear(this, port);
    else Atomics.and(this.words, this.pendingWord(port), ~(1 << (port & 31)));
  }

  /** A port of the guest's table that is the hypervisor's own. */
  isOfXen(port: number): boolean {
    return (this.words[this.entry(port) + PORT.VCPU] & PORT_OF_XEN) !== 0 && this.state(port) !== EVTCHNSTAT.CLOSED;
  }

  /** Makes a port for the hypervisor's half of the domain to talk to domain `remote`; -1: none is free. */
  allocateForXen(remote: number, vcpu: number): number {
    return this.locked(() => {
      const port = this.allocate(EVTCHNSTAT.UNBOUND, remote, 0, vcpu);
      if (port > 0)
        this.journal.set(this.entry(port) + PORT.VCPU, this.words[this.entry(port) + PORT.VCPU] | PORT_OF_XEN);
      return port;
    });
  }

  /** Marks an event pending on a port and tells its vCPU, unless it is pending already or masked. */
  raise(port: number): void {
    const { words } = this;
    if (this.isOfXen(port)) return this.kick(this.target(port), KICK.MODEL);
    if (this.isFifo) {
      if (!fifoRaise(this, port)) return;
    } else {
      const bit = 1 << (port & 31);
      if (Atomics.or(words, this.pendingWord(port), bit) & bit) return;
      this.machine.step?.();
      if (!(Atomics.load(words, this.maskWord(port)) & bit)) this.select(port);
    }
    this.wakePollers(port);
  }

  /** Sets a port's selector bit; where it was clear the vCPU has something new. */
  private select(port: number): void {
    const vcpu = this.target(port);
    const info = this.words[this.vcpu(vcpu) + XEN_VCPU.INFO];
    if (info === 0) return;
    const { width } = this;
    const number = port >>> wordShiftOf(width);
    const at = (info + VCPU_INFO[width].evtchn_pending_sel + ((number >>> 5) << 2)) >>> 2;
    const bit = 1 << (number & 31);
    const was = Atomics.or(this.words, at, bit);
    this.machine.step?.();
    if (!(was & bit)) this.markPending(vcpu);
  }

  /** vcpu_info.evtchn_upcall_pending goes to 1: the vCPU gets its upcall. */
  markPending(vcpu: number): void {
    const info = this.words[this.vcpu(vcpu) + XEN_VCPU.INFO];
    if (info === 0) return;
    if (Atomics.or(this.words, info >>> 2, 1) & 0xff) return;
    this.machine.step?.();
    this.kick(vcpu, KICK.UPCALL);
  }

  upcallPending(vcpu: number): boolean {
    const info = this.words[this.vcpu(vcpu) + XEN_VCPU.INFO];
    return info !== 0 && (Atomics.load(this.words, info >>> 2) & 0xff) !== 0;
  }

  /** vcpu_info.evtchn_upcall_mask: a PV guest's interrupt flag, inverted. */
  upcallMasked(vcpu: number): boolean {
    const info = this.words[this.vcpu(vcpu) + XEN_VCPU.INFO];
    return info !== 0 && this.machine.bytes[info + VCPU_INFO[32].evtchn_upcall_mask] !== 0;
  }

  setUpcallMask(vcpu: number, masked: boolean): void {
    const info = this.words[this.vcpu(vcpu) + XEN_VCPU.INFO];
    if (info !== 0) this.machine.bytes[info + VCPU_INFO[32].evtchn_upcall_mask] = masked ? 1 : 0;
  }

  private wakePollers(port: number): void {
    for (let id = 0; id < this.vcpus; id++) {
      const at = this.vcpu(id) + XEN_VCPU.POLL;
      const poll = Atomics.load(this.words, at);
      if (poll !== -1 && poll !== port) continue;
      if (poll !== 0 && Atomics.compareExchange(this.words, at, poll, 0) === poll) this.kick(id, KICK.WAKE);
    }
  }

  kick(vcpu: number, reason: number): void {
    const { words } = this;
    Atomics.or(words, this.vcpu(vcpu) + XEN_VCPU.KICK, reason);
    if (this.onKick) this.onKick(vcpu);
    else this.ring();
  }

  /** Ends the slice or the sleep of the domain's worker. */
  ring(): void {
    Atomics.add(this.words, this.doorbell, 1);
    Atomics.notify(this.words, this.doorbell);
  }

  /** EVTCHNOP_unmask: an event that came meanwhile is delivered now. */
  unmask(port: number): void {
    if (this.isFifo) return fifoUnmask(this, port);
    const bit = 1 << (port & 31);
    if (Atomics.and(this.words, this.maskWord(port), ~bit) & bit && this.isPending(port)) this.select(port);
  }

  // ---- between domains

  /** Domain at the other end of a port; -1: none. */
  remoteOf(port: number): number {
    const entry = this.entry(port);
    return this.words[entry + PORT.STATE] === EVTCHNSTAT.INTERDOMAIN ? this.words[entry + PORT.REMOTE] : -1;
  }

  /** Sends on an open port: to the other end, or to itself for an IPI. False: a port that cannot be sent on. */
  send(port: number): boolean {
    return this.isValid(port) && !this.isOfXen(port) && this.sendAsXen(port);
  }

  /** The same for the hypervisor, on its own ports too. */
  sendAsXen(port: number): boolean {
    const entry = this.entry(port);
    switch (Atomics.load(this.words, entry + PORT.STATE)) {
      case EVTCHNSTAT.INTERDOMAIN: {
        const other = this.of(this.words[entry + PORT.REMOTE]);
        other?.raise(this.words[entry + PORT.REMOTE_PORT]);
        return true;
      }
      case EVTCHNSTAT.IPI:
        this.raise(port);
        return true;
      case EVTCHNSTAT.UNBOUND:
        return true;
      default:
        return false;
    }
  }

  /** Binds a port of ours to `port` of another domain, which waits for us. Returns it; -1: none free; -2: the other one does not wait for us. */
  bindInterdomain(other: Ports, port: number): number {
    const { words, journal } = this;
    return this.locked(
      () => {
        const entry = other.isValid(port) ? other.entry(port) : -1;
        if (
          entry < 0 ||
          words[entry + PORT.STATE] !== EVTCHNSTAT.UNBOUND ||
          words[entry + PORT.REMOTE] !== this.record.id
        )
          return -2;
        const mine = this.allocate(EVTCHNSTAT.INTERDOMAIN, other.record.id, port, 0);
        if (mine < 0) return -1;
        journal.set(entry + PORT.REMOTE, this.record.id);
        journal.set(entry + PORT.REMOTE_PORT, mine);
        journal.set(entry + PORT.STATE, EVTCHNSTAT.INTERDOMAIN);
        return mine;
      },
      // The other end may have sent before we were there.
      mine => mine > 0 && this.raise(mine),
    );
  }

  /** Closes a port; the other end of an interdomain one waits again for us. False: it was not open. */
  close(port: number): boolean {
    const { words, journal } = this;
    return this.locked(
      () => {
        const entry = this.entry(port);
        const state = words[entry + PORT.STATE];
        if (state === EVTCHNSTAT.CLOSED) return false;
        const remote = words[entry + PORT.REMOTE];
        if (state === EVTCHNSTAT.INTERDOMAIN) {
          const theirs = this.of(remote)?.entry(words[entry + PORT.REMOTE_PORT]);
          // A domain that closed its end while we were dying has left ours as it was.
          if (
            theirs !== undefined &&
            words[theirs + PORT.STATE] === EVTCHNSTAT.INTERDOMAIN &&
            words[theirs + PORT.REMOTE] === this.record.id &&
            words[theirs + PORT.REMOTE_PORT] === port
          ) {
            journal.set(theirs + PORT.REMOTE_PORT, 0);
            journal.set(theirs + PORT.STATE, EVTCHNSTAT.UNBOUND);
          }
        } else if (state === EVTCHNSTAT.VIRQ) {
          // One of the whole domain is vCPU 0's, whichever it is delivered to.
          for (let id = 0; id < this.vcpus; id++) {
            const bound = this.vcpu(id) + XEN_VCPU.VIRQ + remote;
            if (words[bound] === port) journal.set(bound, 0);
          }
        }
        journal.set(entry + PORT.STATE, EVTCHNSTAT.CLOSED);
        return true;
      },
      closed => closed && this.clearPending(port),
    );
  }

  /** Closes all ports: the domain dies, or (EVTCHNOP_reset) all that are the guest's. */
  closeAll(ofXen: boolean): void {
    for (let port = 1; port < PORTS; port++)
      if (this.state(port) !== EVTCHNSTAT.CLOSED && (ofXen || !this.isOfXen(port))) this.close(port);
  }

  /** Two-level again: the guest's pages of FIFO events are its own alone. */
  leaveFifo(): void {
    const { words, machine, xenBlock } = this;
    // No event is raised through them any more before they go.
    Atomics.store(words, xenBlock + XEN.EVENT_ABI, 0);
    for (let id = 0; id < this.vcpus; id++) {
      const vcpu = this.vcpu(id);
      const control = words[vcpu + XEN_VCPU.FIFO_CONTROL];
      words[vcpu + XEN_VCPU.FIFO_CONTROL] = 0;
      words.fill(0, vcpu + XEN_VCPU.FIFO_TAIL, vcpu + XEN_VCPU.FIFO_TAIL + FIFO_QUEUES);
      if (control !== 0) dropWritable(machine, this.record, control >>> FRAME_SHIFT);
    }
    const pages = words[xenBlock + XEN.FIFO_PAGES];
    words[xenBlock + XEN.FIFO_PAGES] = 0;
    for (let page = 0; page < pages; page++)
      dropWritable(machine, this.record, words[xenBlock + XEN.FIFO_FRAMES + page]);
  }

  /** The domain dies or starts again: no port is open, and nothing of its memory is written for it any more. May be called again. */
  relinquish(): void {
    const { words, machine } = this;
    this.closeAll(true);
    this.leaveFifo();
    for (let id = 0; id < this.vcpus; id++) {
      const vcpu = this.vcpu(id);
      const mfn = words[vcpu + XEN_VCPU.INFO_MFN] - 1;
      Atomics.store(words, vcpu + XEN_VCPU.INFO, id < LEGACY_VCPUS ? this.sharedInfo + id * VcpuInfo.bytes : 0);
      words[vcpu + XEN_VCPU.INFO_MFN] = 0;
      for (const field of [
        XEN_VCPU.VECTOR,
        XEN_VCPU.POLL,
        XEN_VCPU.RUNSTATE_AREA,
        XEN_VCPU.TIME_AREA,
        XEN_VCPU.AREA_HIGH,
        XEN_VCPU.INITIALISED,
      ])
        words[vcpu + field] = 0;
      if (mfn >= 0 && !this.isSharedInfo(mfn)) dropWritable(machine, this.record, mfn);
    }
  }

  /** Raises a VIRQ of a vCPU, where it is bound. */
  raiseVirq(vcpu: number, virq: number): void {
    const port = this.words[this.vcpu(vcpu) + XEN_VCPU.VIRQ + virq];
    if (port !== 0) this.raise(port);
  }
}
