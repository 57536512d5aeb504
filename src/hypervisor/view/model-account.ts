/** What a domain's device model did, and how long it took, for whoever lists domains. */
import { MODEL, MODEL_STATE, XEN_MODEL } from '../layout/layout.ts';
import type { DomainView } from './domain-view.ts';

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

export function modelAccount(domain: DomainView): ModelAccount {
  const { ioreqs: requests, ioreqSamples, ioreqSampleNs } = domain.counters();
  if (domain.xen !== 0 && domain.xenWord(XEN_MODEL + MODEL.STATE) !== MODEL_STATE.HERE)
    return { where: 'Domain-0', requests, ns: domain.memory.pair((domain.xen >>> 2) + XEN_MODEL + MODEL.SPENT_NS) };
  return {
    where: 'stub',
    requests,
    ns: ioreqSamples === 0 ? 0 : Math.round((ioreqSampleNs / ioreqSamples) * requests),
  };
}
