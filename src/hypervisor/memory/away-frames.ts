/**
 * Frames of a guest that runs here while they are still on the host that it has left (post-copy): their entries in the second stage have P2M_AWAY. A user of one
 * has it come first. A vCPU waits meanwhile (domain/vcpus.ts), and so does the thread of its domain in a hypercall, or with a device's access to memory. Domain
 * 0's thread cannot, since it is the one that brings it: it gets an error (FrameAway), and does what it was about again later.
 */
import type { DomainRecord, Machine } from './machine.ts';
import type { SecondStage } from './second-stage.ts';

/** It is not here yet, and was asked for. */
export class FrameAway extends Error {
  /** Calls back when it has come; never where its domain ends before. */
  readonly whenCome: (then: () => void) => void;

  constructor(domid: number, gfn: number, whenCome: FrameAway['whenCome']) {
    super(`Guest frame 0x${gfn.toString(16)} of domain ${domid} has not come from the other host yet.`);
    this.whenCome = whenCome;
  }
}

/** Returns when it is here, whichever thread calls. `stage`: the domain's. @throws FrameAway where it may not wait */
export function bringFrame(machine: Machine, record: DomainRecord, stage: SecondStage, gfn: number): void {
  if (stage.isAway(gfn)) machine.bring(record, gfn);
}
