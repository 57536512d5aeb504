/** Exits one after the other, as the traces of domains have them: a hypercall is listed with the exit by which it came. */
import { ExitReason } from '../../../cpu/architecture/index.ts';
import { NO_TIME, TRACE_KIND } from '../../../hypervisor/tracing/index.ts';
import type { LastExit, TraceEntry } from '../../../hypervisor/view/index.ts';

/** A hypercall; of a multicall the whole. */
export interface Call {
  number: number;
  first: number;
  result: number;
}

/** An exit as far as it is known. */
export interface SeenExit {
  key: string;
  domain: number;
  vcpu: number;
  reason: number;
  /** Of 64-bit code with a sign (view/address.ts). */
  ip: number;
  qualification: number;
  /** What it was about next to the qualification: a port's value, an address, a number. */
  detail?: number;
  call?: Call;
  /** When it began, by which exits of several guests are in order (CommonClock): guests' own clocks do not compare. Undefined: before anybody watched. */
  hostNs?: number;
  /** The same on its guest's own clock. */
  ownNs?: number;
  /** Until it was handled, nanoseconds. */
  ns?: number;
  /** Of that: until a device or a hypercall was asked, and until it had answered. Undefined: nobody was. */
  parts?: { beforeNs: number; answerNs: number };
  /** Of the address space that the guest was in. */
  cr3?: number;
}

/** What exits of one kind took together: as many as were timed; nanoseconds in all, until somebody was asked, until it had answered. `apart`: left out, as they took far longer. */
export interface KindTimes {
  timed: number;
  ns: number;
  beforeNs: number;
  answerNs: number;
  apart?: number;
}

/** Exits that cost about the same: of one guest, for one hypercall and operation, one port, one page, one MSR. */
export const kindOf = (exit: SeenExit): string => `${exit.domain} ${exit.reason} ${subjectOf(exit) ?? ''}`;
/** What parts exits of one reason into kinds; undefined: the reason alone, and what is counted of that is of the same exits. */
export function subjectOf({ reason, qualification, detail = 0, call }: SeenExit): string | number | undefined {
  if (call) return `${call.number} ${call.first}`;
  return reason === ExitReason.IO
    ? qualification
    : reason === ExitReason.EPT_VIOLATION
      ? detail >>> PAGE_BITS
      : reason === ExitReason.RDMSR || reason === ExitReason.WRMSR
        ? detail
        : undefined;
}
const PAGE_BITS = 12,
  /** Kinds are few; pages that are touched once are not. */
  MOST_KINDS = 4096;
/** From this many on it is known what is far longer than the mean: this many times as long, and as a step of the browser's clock. */
const ENOUGH = 8,
  FAR = 10,
  LEAST_NS = 5000;

/** Before anything that has a time. */
const UNKNOWN_NS = -Number.MAX_VALUE;

/**
 * The clock by which exits of several domains are in order. In real time it is the one that all workers share. In virtual time nobody writes that; domains
 * take turns there and their clocks go together, so each is put on the first one's, as both were when it was first seen.
 */
export class CommonClock {
  private readonly aheads = new Map<number, number>();
  private latestNs = 0;

  /** What it is ahead of the clock of a domain that now has these counters. */
  aheadOf(domain: number, { hostUs, nowNs }: { hostUs: number; nowNs: number }): number {
    if (hostUs > 0) return 1000 * hostUs - nowNs;
    const ahead = this.aheads.get(domain) ?? (this.aheads.size === 0 ? 0 : this.latestNs - nowNs);
    this.aheads.set(domain, ahead);
    this.latestNs = ahead + nowNs;
    return ahead;
  }
}

export class ExitLog {
  /** Exits that were there to see, also those that no look caught. */
  seen = 0;
  private readonly kinds = new Map<string, KindTimes>();
  private readonly most: number;
  private log: SeenExit[] = [];
  /** The last exit of each vCPU, for its hypercalls. */
  private readonly last = new Map<string, SeenExit>();

  /** `most`: this many are kept. */
  constructor(most: number) {
    this.most = most;
  }

  /** Records of one domain, oldest first; `missed` were overwritten before. `aheadNs`: what the shared clock is ahead of the domain's. */
  take({ entries, missed }: { entries: readonly TraceEntry[]; missed: number }, aheadNs: number): void {
    if (missed > 0) this.last.clear();
    let exits = 0;
    for (const {
      domain,
      vcpu,
      sequence,
      kind,
      ns,
      details: [first, second, third],
      exit,
    } of entries) {
      const whose = `${domain} ${vcpu}`;
      if (kind === TRACE_KIND.HYPERCALL) {
        const by = this.last.get(whose);
        if (by) by.call = { number: first, first: second, result: third };
      }
      if (kind !== TRACE_KIND.EXIT || !exit) continue;
      const seen: SeenExit = {
        key: `l${domain}.${sequence}`,
        domain,
        vcpu,
        reason: first,
        ip: second,
        qualification: third,
        detail: exit.detail,
        hostNs: aheadNs + ns,
        ownNs: ns,
        ...(exit.ns === NO_TIME ? {} : { ns: exit.ns }),
        ...(exit.answerNs === NO_TIME ? {} : { parts: { beforeNs: exit.beforeNs, answerNs: exit.answerNs } }),
        cr3: exit.cr3,
      };
      // Whatever hypercall it was for is known by now.
      this.count(this.last.get(whose));
      this.last.set(whose, seen);
      this.log.push(seen);
      exits++;
    }
    // Of what was overwritten exits had the part that they have of the rest.
    this.seen += exits + (entries.length > 0 ? Math.round((missed * exits) / entries.length) : 0);
  }

  /** What vCPUs kept of the time before anybody watched, oldest first. */
  takeKept(domain: number, vcpu: number, exits: readonly LastExit[]): void {
    for (const { number, reason, ip, qualification, detail } of exits)
      this.log.push({ key: `k${domain}.${vcpu}.${number}`, domain, vcpu, reason, ip, qualification, detail });
  }

  /** Of those like it that this log has seen. The clock goes in steps, which the mean of many does not. */
  timesOf(exit: SeenExit): KindTimes | undefined {
    return this.kinds.get(kindOf(exit));
  }

  private count(exit: SeenExit | undefined): void {
    if (exit?.ns === undefined) return;
    const kind = kindOf(exit),
      sum = this.kinds.get(kind) ?? { timed: 0, ns: 0, beforeNs: 0, answerNs: 0 };
    if (sum.timed === 0 && this.kinds.size >= MOST_KINDS) return;
    // This computer had something else to do meanwhile: one such time would be all of the mean.
    if (sum.timed >= ENOUGH && exit.ns > FAR * Math.max(sum.ns / sum.timed, LEAST_NS)) {
      this.kinds.set(kind, { ...sum, apart: (sum.apart ?? 0) + 1 });
      return;
    }
    this.kinds.set(kind, {
      ...sum,
      timed: sum.timed + 1,
      ns: sum.ns + exit.ns,
      beforeNs: sum.beforeNs + (exit.parts?.beforeNs ?? 0),
      answerNs: sum.answerNs + (exit.parts?.answerNs ?? 0),
    });
  }

  /** A domain's clock shows this now: what it did later has not happened, as its host went back to an earlier moment (virtual time). */
  goBack(domain: number, nowNs: number): void {
    this.log = this.log.filter(exit => exit.domain !== domain || (exit.ownNs ?? 0) <= nowNs);
    this.last.clear();
  }

  /** Newest first; what is without a time was before all others. */
  newest(): SeenExit[] {
    this.log = this.log.sort((a, b) => (a.hostNs ?? UNKNOWN_NS) - (b.hostNs ?? UNKNOWN_NS)).slice(-this.most);
    return [...this.log].reverse();
  }
}
