/**
 * Domain 0's end of the pages that a domain shares with its device model: the hypervisor makes the event channels and takes the pages from the guest's
 * reach, then each request is handed to the program that runs the device model. Source: xen/arch/x86/hvm/ioreq.c (hvm_create_ioreq_server, hvm_remove_ioreq_gfn),
 * and the loop that QEMU has for it (hw/i386/xen/xen-hvm.c, cpu_handle_ioreq).
 */
import { MODEL, MODEL_STATE, XEN_MODEL } from '../layout.ts';
import { DOMAIN_0, HostError } from '../../../memory/machine.ts';
import { HVM_PARAM } from '../abi.ts';
import type { Dom0, Mapping } from '../dom0-access.ts';
import { setParam } from '../hvm/params.ts';
import type { Ports } from '../events/ports.ts';
import { BufferedPage, type Ioreq, IOREQ_STATE, IOREQ_TYPE, IoreqSlot } from './page.ts';

export interface IoreqHandler {
  /** Does what a request asks for; returns the data of a read. @throws Error where it makes no sense: the device model ends. */
  request(request: Ioreq): number;
  /** Something came, and all of it is done. */
  served(): void;
  /** The device model cannot go on. */
  failed(error: Error): void;
}

export class IoreqServer {
  private readonly dom0: Dom0;
  private readonly handler: IoreqHandler;
  private readonly guest: Ports;
  private readonly base: number;
  private readonly pages: Mapping[] = [];
  private readonly bound: number[] = [];
  private readonly slots: IoreqSlot[];
  private readonly buffered: BufferedPage;
  private closed = false;

  /** The domain is built and does not run yet. @throws HostError */
  constructor(dom0: Dom0, domid: number, handler: IoreqHandler) {
    this.dom0 = dom0;
    this.handler = handler;
    this.guest = dom0.portsOf(domid);
    const { guest } = this;
    this.base = guest.xenBlock + XEN_MODEL;
    const { words } = dom0.machine;
    if (words[this.base + MODEL.STATE] !== MODEL_STATE.WANTED)
      throw new HostError(`Domain ${domid} was not built for a device model in Domain 0.`);
    try {
      const requests = this.take(HVM_PARAM.IOREQ_PFN, MODEL.IOREQ_MFN),
        buffered = this.take(HVM_PARAM.BUFIOREQ_PFN, MODEL.BUFFERED_MFN);
      this.buffered = new BufferedPage(buffered.words);
      const bufferedPort = this.port(0, () => this.drain());
      words[this.base + MODEL.BUFFERED_PORT] = bufferedPort;
      setParam(guest, HVM_PARAM.BUFIOREQ_EVTCHN, bufferedPort);
      this.slots = Array.from({ length: guest.vcpus }, (_, vcpu) => {
        const slot = new IoreqSlot(requests.words, vcpu);
        slot.port = this.port(vcpu, () => this.serve(vcpu));
        return slot;
      });
    } catch (error) {
      this.close();
      throw error;
    }
    Atomics.store(words, this.base + MODEL.STATE, MODEL_STATE.ATTACHED);
  }

  /** Maps a special page and takes it out of the guest's memory. */
  private take(param: number, field: number): Mapping {
    const { dom0, guest } = this;
    const { machine } = dom0;
    const gfn = dom0.getHvmParam(guest.record.id, param);
    const page = dom0.mapForeign(guest.record.id, gfn);
    this.pages.push(page);
    machine.scrub(page.mfn);
    machine.secondStage(guest.record).unmap(gfn);
    machine.words[this.base + field] = page.mfn;
    return page;
  }

  /** An event channel between a vCPU and us: the guest's port. */
  private port(vcpu: number, onEvent: () => void): number {
    const { dom0, guest } = this;
    const theirs = guest.allocateForXen(DOMAIN_0, vcpu);
    if (theirs < 0) throw new HostError(`Domain ${guest.record.id} has no free event channel port.`);
    this.bound.push(dom0.bindInterdomain(guest.record.id, theirs, onEvent));
    return theirs;
  }

  /** Looks at a vCPU's slot. */
  private serve(vcpu: number): void {
    const slot = this.slots?.[vcpu];
    if (this.closed || !slot) return;
    this.guarded(() => {
      this.takeBuffered();
      if (slot.state === IOREQ_STATE.READY) {
        slot.state = IOREQ_STATE.IN_PROCESS;
        const request = slot.get();
        const data = this.handler.request(request);
        if (request.read && !request.isPointer) slot.data = data;
        this.handler.served();
        slot.state = IOREQ_STATE.RESPONSE_READY;
        this.dom0.send(this.bound[1 + vcpu]);
      }
    });
  }

  private drain(): void {
    if (this.closed || !this.slots) return;
    this.guarded(() => {
      this.takeBuffered();
      this.handler.served();
      // What came meanwhile has its turn behind others.
      if (this.buffered.waiting > 0) this.dom0.ports.raise(this.bound[0]);
    });
  }

  /** Does as much as waits now: a guest that writes as fast as we do must not keep us. */
  private takeBuffered(): void {
    for (let left = this.buffered.waiting; left > 0; left--) {
      const write = this.buffered.take();
      if (!write) return;
      if (write.type !== IOREQ_TYPE.COPY) throw new Error(`a buffered ioreq has type ${write.type}`);
      this.handler.request({ ...write, bdf: 0, count: 1, read: false, down: false, isPointer: false });
    }
  }

  /** Serves what waits now. False: a request is still under way. */
  quiesce(): boolean {
    this.slots.forEach((_, vcpu) => this.serve(vcpu));
    this.drain();
    return (
      this.closed || this.slots.every(({ state }) => state === IOREQ_STATE.NONE || state === IOREQ_STATE.RESPONSE_READY)
    );
  }

  private guarded(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.close();
      this.handler.failed(error as Error);
    }
  }

  /** Lets pages and ports go. A vCPU that still waits learns that no one answers. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    const { machine } = this.dom0;
    if (machine.isAlive(this.guest.record)) Atomics.store(machine.words, this.base + MODEL.STATE, MODEL_STATE.GONE);
    for (const port of this.bound) {
      this.dom0.send(port);
      this.dom0.close(port);
    }
    for (const page of this.pages) page.unmap();
  }
}
