/**
 * Changes of a domain's guest-physical memory by its own hypercalls: balloon, special pages, grant table frames. HVM and PVH.
 * A frame that leaves goes to the allocator only after the domain's own translations of it are gone; others' references keep it from there.
 */
import { P2M_EXECUTE, P2M_RWX, P2M_WRITE, type Processor } from '../../../../cpu/architecture/index.ts';
import { INVALID_M2P } from '../../../layout/layout.ts';
import { XEN, XEN_TYPE } from '../layout.ts';
import { type DomainRecord, FRAME_SHIFT, type Machine } from '../../../memory/machine.ts';
import { mfnOf, type SecondStage } from '../../../memory/second-stage.ts';
import type { Ports } from '../events/ports.ts';
import { bringFrame } from '../../../memory/away-frames.ts';
import { Pod } from './pod.ts';

/** Guest frames of a PC that firmware and the chipset's shadowing hold: not the guest's to change. */
const LEGACY_FIRST = 0xa0,
  LEGACY_END = 0x100;

/** hvmmem_type_t of xen/include/public/hvm/hvm_op.h. */
export const HVMMEM = { RAM_RW: 0, RAM_RO: 1, MMIO_DM: 2 } as const;

/** The domain whose memory it is. */
interface GuestFramesOf {
  readonly machine: Machine;
  readonly record: DomainRecord;
  readonly words: Int32Array;
  readonly xenBlock: number;
  readonly type: number;
  readonly ports: Ports;
  readonly parts: {
    readonly processor: Pick<Processor, 'flushTlb'>;
    /** A machine frame was written by someone who is not the processor. */
    written(mfn: number): void;
  };
}

export class GuestFrames {
  private readonly xen: GuestFramesOf;
  private readonly stage: SecondStage;
  /** What of it is populated on demand. */
  readonly pod: Pod;

  constructor(xen: GuestFramesOf) {
    this.xen = xen;
    this.stage = xen.machine.secondStage(xen.record);
    this.pod = new Pod(xen.machine, xen.record, () => xen.parts.processor.flushTlb());
  }

  get current(): number {
    return this.xen.words[this.xen.xenBlock + XEN.CURRENT_FRAMES];
  }

  get most(): number {
    return this.xen.words[this.xen.xenBlock + XEN.MAX_FRAMES];
  }

  private count(change: number): void {
    Atomics.add(this.xen.words, this.xen.xenBlock + XEN.CURRENT_FRAMES, change);
  }

  /** Highest guest frame that has memory. */
  get highest(): number {
    return this.stage.highest;
  }

  /** Whether a guest may put something at a guest frame, or take it away. */
  private mayChange(gfn: number): boolean {
    if (gfn < 0 || gfn >= this.stage.frames) return false;
    bringFrame(this.xen.machine, this.xen.record, this.stage, gfn);
    if (this.xen.type === XEN_TYPE.HVM && gfn >= LEGACY_FIRST && gfn < LEGACY_END) return false;
    const entry = this.stage.entry(gfn),
      mfn = mfnOf(entry);
    if (mfn < 0) return true;
    // What lies there through a grant, its own perhaps, goes with the grant's unmap call and no other way: its frame is not this entry's to give back.
    return (entry & P2M_EXECUTE) !== 0 && !this.xen.machine.isDeviceFrame(mfn);
  }

  /** Machine frame behind a guest frame; -1: none (yet). */
  machineFrame(gfn: number): number {
    bringFrame(this.xen.machine, this.xen.record, this.stage, gfn);
    return this.stage.mfn(gfn);
  }

  /** What a guest frame is to the guest: HVMMEM. What is populated on demand is memory already. */
  memType(gfn: number): number {
    if (this.stage.entry(gfn) === 0) return HVMMEM.MMIO_DM;
    return this.stage.isToCome(gfn) || (this.stage.rights(gfn) & P2M_WRITE) !== 0 ? HVMMEM.RAM_RW : HVMMEM.RAM_RO;
  }

  /** Changes an entry: nothing translated through the old one may be used any more. */
  private set(gfn: number, mfn: number, rights: number = P2M_RWX): void {
    const old = this.stage.entry(gfn);
    if (mfn < 0) this.stage.unmap(gfn);
    else this.stage.map(gfn, mfn, rights);
    if (old === 0) return;
    this.xen.parts.processor.flushTlb();
    this.xen.parts.written(old >>> FRAME_SHIFT);
  }

  /** Takes the page at a guest frame away: RAM of the domain goes back, what is the hypervisor's is only not seen there any more. False: nothing there. */
  remove(gfn: number): boolean {
    if (!this.mayChange(gfn) || this.stage.entry(gfn) === 0) return false;
    if (this.pod.dropEntry(gfn)) return true;
    const mfn = this.stage.mfn(gfn);
    this.set(gfn, -1);
    const { machine, record } = this.xen;
    if (machine.ownerOf(mfn) !== record.id || machine.isXenFrame(mfn) || this.pod.keep(mfn)) return true;
    if (machine.release(mfn)) this.count(-1);
    return true;
  }

  /** XENMEM_remove_from_physmap: what lies at a guest frame is not seen there any more, and stays whose it is. False: nothing there. */
  hide(gfn: number): boolean {
    const mfn = this.mayChange(gfn) ? this.machineFrame(gfn) : -1;
    if (mfn < 0) return false;
    this.set(gfn, -1);
    this.xen.words[this.xen.machine.m2p + mfn] = INVALID_M2P;
    return true;
  }

  /** Frames of RAM that the domain has and sees nowhere; false: it may not have them, or the host has none. */
  own(frames: number): boolean {
    const { machine, record } = this.xen;
    if (this.current + frames > this.most || !machine.allocate(frames, record.id)) return false;
    this.count(frames);
    return true;
  }

  /** Gives the domain a fresh frame of RAM at a guest frame; false: it may not have more, the host has none, or something is there. */
  populate(gfn: number): boolean {
    const { machine, record } = this.xen;
    if (!this.mayChange(gfn) || this.machineFrame(gfn) >= 0 || this.current >= this.most) return false;
    const mfn = machine.allocate(1, record.id)?.[0];
    if (mfn === undefined) return false;
    this.pod.dropEntry(gfn);
    this.count(1);
    machine.words[machine.m2p + mfn] = gfn;
    this.set(gfn, mfn);
    return true;
  }

  /** Shows a frame that is not RAM of the domain at a guest frame, instead of where it was before. RAM that lay there goes back. False: it may not lie there. */
  place(gfn: number, mfn: number): boolean {
    if (!this.mayChange(gfn)) return false;
    const { words, machine } = this.xen;
    const seenAt = machine.m2p + mfn;
    const before = words[seenAt];
    if (this.machineFrame(before) === mfn) this.set(before, -1);
    this.remove(gfn);
    words[seenAt] = gfn;
    this.set(gfn, mfn);
    return true;
  }

  /** XENMAPSPACE_gmfn: moves the page from one guest frame to another. */
  move(from: number, to: number): boolean {
    if (!this.mayChange(from) || !this.mayChange(to)) return false;
    const mfn = this.machineFrame(from);
    // Its own RAM alone: what others granted stays where it was mapped.
    if (mfn < 0 || this.xen.machine.ownerOf(mfn) !== this.xen.record.id) return false;
    if (from === to) return true;
    this.remove(to);
    this.set(from, -1);
    this.xen.words[this.xen.machine.m2p + mfn] = to;
    this.set(to, mfn);
    return true;
  }

  /** A granted frame at a guest frame, with `rights` that do not let it be executed; RAM that lay there goes back. */
  showForeign(gfn: number, mfn: number, rights: number): boolean {
    if (!this.mayChange(gfn)) return false;
    this.remove(gfn);
    this.set(gfn, mfn, rights);
    return true;
  }

  /** False: something else is there. */
  hideForeign(gfn: number, mfn: number): boolean {
    if (this.machineFrame(gfn) !== mfn) return false;
    this.set(gfn, -1);
    return true;
  }
}
