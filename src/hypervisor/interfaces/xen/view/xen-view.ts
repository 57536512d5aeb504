/** What Xen keeps of a domain, read from its XEN block: kind of guest, reservation, how it shut down, hypercalls, runstates, its device model. */
import { DOMAIN } from '../../../layout/layout.ts';
import type { DomainView } from '../../../view/domain-view.ts';
import { isXen, MODEL, MODEL_STATE, XEN, XEN_MODEL, XEN_TYPE, XEN_VCPU, XEN_VCPU_WORDS } from '../layout.ts';

/** Runstate of a vCPU (xen/include/public/vcpu.h). */
export interface VcpuRunstate {
  /** RUNSTATE. */
  state: number;
  /** The domain's clock when it entered the state, and nanoseconds in each of the four up to then. */
  sinceNs: number;
  ns: [running: number, runnable: number, blocked: number, offline: number];
  torn: boolean;
}

export interface ModelAccount {
  /** `stub`: next to the domain's processor, listed as NAME-dm; `Domain-0`: there, whose runstate time this is a part of. */
  where: 'stub' | 'Domain-0';
  /** Requests so far, to the end of the domain's last slice. */
  requests: number;
  /**
   * Nanoseconds that it worked. In Domain 0 measured; of a stub domain the mean of every 64th request (COUNTERS.IOREQ_SAMPLES) times all of them, which
   * the domain's own run time contains. 0 in virtual time, where nobody looks at a clock.
   */
  ns: number;
}

const TYPES = { [XEN_TYPE.HVM]: 'hvm', [XEN_TYPE.PVH]: 'pvh', [XEN_TYPE.PV]: 'pv' } as const;

export class XenView {
  readonly domain: DomainView;
  /** Byte offset of the XEN block. */
  readonly block: number;

  /** Of a guest of Xen: `xenViewOf`. */
  constructor(domain: DomainView) {
    this.domain = domain;
    this.block = domain.entry[DOMAIN.GUEST] >>> 0;
  }

  word(field: number): number {
    return this.domain.memory.word((this.block >>> 2) + field);
  }

  get type(): 'hvm' | 'pvh' | 'pv' | undefined {
    return TYPES[this.word(XEN.TYPE) as keyof typeof TYPES];
  }

  /** Frames of RAM that it has now, and may have. */
  get reservation(): { current: number; most: number } {
    return { current: this.word(XEN.CURRENT_FRAMES), most: this.word(XEN.MAX_FRAMES) };
  }

  /** SHUTDOWN code with which it shut down; -1: it has not. */
  get shutdown(): number {
    return this.word(XEN.SHUTDOWN) - 1;
  }

  /** Hypercalls so far, and those that nobody implements. */
  get hypercalls(): { all: number; unknown: number } {
    return { all: this.word(XEN.HYPERCALLS) >>> 0, unknown: this.word(XEN.UNKNOWN_HYPERCALLS) >>> 0 };
  }

  runstate(vcpu: number): VcpuRunstate {
    const { words, torn } = this.domain.memory.copy(
      (this.block >>> 2) + XEN.VCPU + vcpu * XEN_VCPU_WORDS,
      XEN_VCPU_WORDS,
    );
    const pair = (at: number): number => (words[at] >>> 0) + (words[at + 1] >>> 0) * 2 ** 32;
    return {
      state: words[XEN_VCPU.STATE],
      sinceNs: pair(XEN_VCPU.STATE_ENTRY),
      ns: [pair(XEN_VCPU.TIMES), pair(XEN_VCPU.TIMES + 2), pair(XEN_VCPU.TIMES + 4), pair(XEN_VCPU.TIMES + 6)],
      torn,
    };
  }
}

/** Undefined: there is no such domain, or its guest sees something else. */
export function xenViewOf(domain: DomainView | undefined): XenView | undefined {
  return domain && isXen({ interface: domain.entry[DOMAIN.INTERFACE] }) ? new XenView(domain) : undefined;
}

/** What a domain's device model did, and how long it took, for lists of domains. */
export function modelAccount(domain: DomainView): ModelAccount {
  const { ioreqs: requests, ioreqSamples, ioreqSampleNs } = domain.counters();
  const xen = xenViewOf(domain);
  if (xen && xen.word(XEN_MODEL + MODEL.STATE) !== MODEL_STATE.HERE)
    return {
      where: 'Domain-0',
      requests,
      ns: domain.memory.pair((xen.block >>> 2) + XEN_MODEL + MODEL.SPENT_NS),
    };
  return {
    where: 'stub',
    requests,
    ns: ioreqSamples === 0 ? 0 : Math.round((ioreqSampleNs / ioreqSamples) * requests),
  };
}

/** Where it is. */
export const modelPlace = (domain: DomainView | undefined): ModelAccount['where'] | undefined =>
  domain && modelAccount(domain).where;

/** For a post-mortem. */
export function hypercallsOf(domain: DomainView): string | undefined {
  const xen = xenViewOf(domain);
  return xen && `hypercalls ${xen.hypercalls.all}`;
}
