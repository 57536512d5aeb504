/** Guest frames that are there for who uses them: populated on demand, or on their way from another host (memory/away-frames.ts). */
import type { A20Gate } from '../memory/a20.ts';
import type { DomainRecord, Machine } from '../memory/machine.ts';
import type { SecondStage } from '../memory/second-stage.ts';
import type { GuestInterface } from './guest-interface.ts';
import type { Vcpus } from './vcpus.ts';

interface Demanded {
  readonly options: { machine: Machine; record: DomainRecord };
  readonly stage: SecondStage;
  readonly guest: Pick<GuestInterface, 'demand'>;
  stopSlice(): void;
}

/** A guest frame is used: what is away comes first, and what is populated on demand gets memory. False: it is neither. Where there is no memory left, the domain crashes. */
export function demandFrame(domain: Demanded, a20: A20Gate, gfn: number): boolean {
  const { options, stage, guest } = domain;
  if (stage.isAway(gfn)) {
    options.machine.bring(options.record, gfn);
    return true;
  }
  if (!stage.isOnDemand(gfn)) return false;
  const at = a20.shown(gfn);
  if (guest.demand(at)) a20.populated(at);
  else domain.stopSlice();
  return true;
}

interface Standing {
  readonly stage: SecondStage;
  readonly vcpus: Pick<Vcpus, 'waitForFrame'>;
  onAway(gfn: number): void;
  demand(gfn: number): boolean;
}

/** The same by the current vCPU, which waits until what is away has come. */
export function standForFrame(domain: Standing, gfn: number): boolean {
  if (!domain.stage.isAway(gfn)) return domain.demand(gfn);
  domain.vcpus.waitForFrame(gfn);
  domain.onAway(gfn);
  return true;
}
