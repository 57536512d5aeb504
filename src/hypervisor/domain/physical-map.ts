/** What lies at a domain's guest frames beyond plain RAM: firmware, the frame buffer, what the A20 gate shows, and frames that are there for who uses them. */
import type { Processor } from '../../cpu/architecture/index.ts';
import { ramRanges } from '../layout/ram-layout.ts';
import { A20Gate } from '../memory/a20.ts';
import type { FirmwareMap } from '../memory/firmware-map.ts';
import type { SecondStage } from '../memory/second-stage.ts';
import type { VideoFrames } from '../memory/video-memory.ts';
import { firmwareParts } from './board.ts';
import type { DomainOptions } from './domain-options.ts';
import type { GuestInterface, GuestTraits } from './guest-interface.ts';
import type { RunState } from './run-state.ts';
import type { Vcpus } from './vcpus.ts';

interface Mapped {
  readonly options: DomainOptions;
  readonly processor: Processor;
  readonly traits: GuestTraits;
  readonly state: RunState;
  /** There once the map is. */
  readonly guest: Pick<GuestInterface, 'demand'>;
  readonly vcpus: Pick<Vcpus, 'waitForFrame'>;
}

export class PhysicalMap {
  readonly firmware: FirmwareMap | undefined;
  readonly video: VideoFrames | undefined;
  readonly a20: A20Gate;
  /** Called with each frame that a vCPU waits for. */
  onAway: (gfn: number) => void = () => {};
  private readonly stage: SecondStage;
  private readonly domain: Mapped;

  constructor(domain: Mapped, stage: SecondStage) {
    const { options, traits, processor } = domain;
    this.domain = domain;
    this.stage = stage;
    this.a20 = new A20Gate(stage, ramRanges(options.record), open => {
      processor.flushTlb();
      traits.a20Changed?.(open);
    });
    const { firmware, video } = firmwareParts(options, traits, processor);
    this.firmware = firmware;
    this.video = video;
  }

  /** Entry of the second stage for the RAM at a guest frame, also where firmware's ROM or a closed A20 gate hides it. */
  ramEntry(gfn: number): number {
    return this.firmware?.hides(gfn) ? this.firmware.ramEntry(gfn) : this.a20.entry(gfn);
  }

  /**
   * A guest frame is used: one that is on its way from another host (memory/away-frames.ts) comes first, and one that is populated on demand gets memory. False:
   * it is neither. Where there is no memory left, the domain crashes.
   */
  demand(gfn: number): boolean {
    const { stage, a20, domain } = this;
    if (stage.isAway(gfn)) {
      domain.options.machine.bring(domain.options.record, gfn);
      return true;
    }
    if (!stage.isOnDemand(gfn)) return false;
    const at = a20.shown(gfn);
    if (domain.guest.demand(at)) a20.populated(at);
    else domain.state.stop();
    return true;
  }

  /** The same by the current vCPU, which waits until a frame that is away has come. */
  demandByVcpu(gfn: number): boolean {
    if (!this.stage.isAway(gfn)) return this.demand(gfn);
    this.domain.vcpus.waitForFrame(gfn);
    this.onAway(gfn);
    return true;
  }
}
