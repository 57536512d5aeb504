/** What a domain's device model did, and how long it took, for whoever lists domains: read from machine memory, in any worker. */
import { COUNTERS, MODEL, MODEL_STATE, XEN_MODEL } from '../layout.ts';
import type { DomainRecord, Machine } from '../machine.ts';

export interface ModelAccount {
  /** `stub`: beside the domain's processor, listed as NAME-dm; `Domain-0`: there, whose runstate time this is a part of. */
  where: 'stub' | 'Domain-0';
  /** Requests so far, to the end of the domain's last slice. */
  requests: number;
  /**
   * Nanoseconds that it worked. In Domain 0 measured; of a stub domain the mean of every 64th request (COUNTERS.IOREQ_SAMPLES) times all of them, which
   * the domain's own run time contains. 0 in virtual time, where nobody looks at a clock.
   */
  ns: number;
}

export function modelAccount(machine: Machine, record: DomainRecord): ModelAccount {
  const { words } = machine;
  const pair = (at: number): number => (words[at] >>> 0) + words[at + 1] * 2 ** 32;
  const counters = record.countersOffset >>> 2;
  const requests = pair(counters + COUNTERS.IOREQS);
  const model = (record.xenOffset >>> 2) + XEN_MODEL;
  if (record.xenOffset !== 0 && words[model + MODEL.STATE] !== MODEL_STATE.HERE) return { where: 'Domain-0', requests, ns: pair(model + MODEL.SPENT_NS) };
  const samples = words[counters + COUNTERS.IOREQ_SAMPLES] >>> 0;
  return { where: 'stub', requests, ns: samples === 0 ? 0 : Math.round((pair(counters + COUNTERS.IOREQ_SAMPLE_NS) / samples) * requests) };
}
