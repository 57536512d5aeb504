/** Frames of guests that run here while these are still on the host that they left: which code asks for them, and what in Domain 0 goes on once they are here. */
import { FrameAway, type Machine } from '../../../hypervisor/memory/index.ts';
import type { FramesAway } from '../../toolstack/index.ts';

/** Who brings a domain's frames. */
export interface FrameSource {
  /** Somebody represents this one. */
  ask(gfn: number): void;
  /** The domain is gone. */
  gone(): void;
}

export class AwayFrames implements FramesAway {
  /** By the domain's number. */
  private readonly sources = new Map<number, FrameSource>();
  private readonly waiting = new Map<number, Map<number, (() => void)[]>>();

  constructor(machine: Machine) {
    machine.bring = ({ id }, gfn) => {
      this.wanted(id, gfn);
      throw new FrameAway(id, gfn, then => this.whenCome(id, gfn, then));
    };
  }

  /** Frames of this domain are away from now on. */
  begin(domid: number, source: FrameSource): void {
    this.sources.set(domid, source);
    this.waiting.set(domid, new Map());
  }

  /** None is any more. */
  end(domid: number): void {
    this.sources.delete(domid);
    this.waiting.delete(domid);
  }

  /** The domain is. */
  gone(domid: number): void {
    const source = this.sources.get(domid);
    this.end(domid);
    source?.gone();
  }

  /** Somebody represents this one. */
  wanted(domid: number, gfn: number): void {
    this.sources.get(domid)?.ask(gfn);
  }

  /** At once where none of the domain's is away any more. */
  private whenCome(domid: number, gfn: number, then: () => void): void {
    const waiting = this.waiting.get(domid);
    if (!waiting) return then();
    const others = waiting.get(gfn);
    if (others) others.push(then);
    else waiting.set(gfn, [then]);
  }

  /** It is here. */
  came(domid: number, gfn: number): void {
    const waiting = this.waiting.get(domid),
      all = waiting?.get(gfn);
    waiting?.delete(gfn);
    for (const then of all ?? []) then();
  }
}
