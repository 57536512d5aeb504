/** Looks at exits: takes what traces and vCPUs have kept, and finds the code that exits came from. */

import { signal } from '@preact/signals';
import { type Counters, reasonOf, type DomainView, type VcpuState } from '../../../hypervisor/view/index.ts';
import { nameOf } from '../../host.ts';
import { instructionAt } from '../disassembly.ts';
import type { Target } from '../inspector.ts';
import { symbolAt } from '../symbols.ts';
import { type Counted, type Data, grownOf } from './facts.ts';
import { CommonClock, ExitLog, type SeenExit } from './log.ts';

/** This many exits are kept. */
const LOG = 2000;

/** What somebody looks for; it stays from one view to the next. */
export const filter = signal('');

const domainsOf = ({ session, machine }: Target): DomainView[] =>
  (machine?.domains() ?? []).filter(({ id }) => id > 0 && (!session || id === session.id));

export function open(target: Target) {
  const readers = new Map<number, ReturnType<DomainView['watch']>>(),
    nows = new Map<number, number>(),
    clock = new CommonClock(),
    log = new ExitLog(LOG),
    before = new Map<number, Counters>(),
    lasts = new Map<number, SeenExit>();
  let stepNs = Number.POSITIVE_INFINITY;
  const take = (domain: DomainView): void => {
    let reader = readers.get(domain.id);
    const counters = domain.counters(),
      { nowNs } = counters;
    if (!reader) {
      readers.set(domain.id, (reader = domain.watch()));
      if (target.isOfStep) before.set(domain.id, counters);
      else for (const vcpu of domain.vcpus()) log.takeKept(domain.id, vcpu.id, vcpu.lastExits().exits);
    }
    // The host has gone back to an earlier moment (virtual time).
    if (nowNs < (nows.get(domain.id) ?? 0)) log.goBack(domain.id, nowNs);
    nows.set(domain.id, nowNs);
    log.take(reader.take(), clock.aheadOf(domain.id, counters));
    for (const vcpu of domain.vcpus())
      for (const exit of vcpu.lastExits().exits)
        lasts.set(exit.reason, { key: '', domain: domain.id, vcpu: vcpu.id, ...exit });
  };
  return {
    look(): Data | undefined {
      const seen = domainsOf(target);
      if (seen.length === 0) return undefined;
      const counted = seen.map((domain): Counted => {
        take(domain);
        const { byReason, samples, sampleNs, beforeNs, answerNs, hypercalls } = grownOf(
          domain.counters(),
          before.get(domain.id),
        );
        return {
          domain: domain.id,
          reasons: [...byReason].flatMap((count, i) =>
            count === 0
              ? []
              : [
                  {
                    key: `r${reasonOf(i)}`,
                    reason: reasonOf(i),
                    count,
                    timed: samples[i]!,
                    ns: sampleNs[i]!,
                    beforeNs: beforeNs[i] ?? 0,
                    answerNs: answerNs[i] ?? 0,
                  },
                ],
          ),
          calls: [...hypercalls].flatMap((count, number) =>
            count === 0 ? [] : [{ key: `h${number}`, number, count }],
          ),
        };
      });
      const newest = log.newest();
      for (const { ns } of newest) if (ns !== undefined && ns > 500) stepNs = Math.min(stepNs, ns);
      return {
        counted,
        log: newest,
        lasts: new Map(lasts),
        seen: log.seen,
        stepNs,
        timesOf: exit => log.timesOf(exit),
        isHost: !target.session,
        isOfStep: target.isOfStep === true,
        nameOf,
        symbolOf: exit => symbolOf(target, exit),
      };
    },
    close(): void {
      for (const reader of readers.values()) reader.close();
    },
  };
}

/** A vCPU as it was to the exit: in that address space. */
export function stateOf({ machine }: Target, { domain, vcpu, cr3 }: SeenExit): VcpuState | undefined {
  const state = machine?.domain(domain)?.vcpus()[vcpu]?.look();
  if (cr3 !== undefined) state?.enter(cr3);
  return state;
}
/** Instructions of the rows that are listed: decoded once, when the row comes. */
const decoded = new WeakMap<SeenExit, { text: string; length: number }>();
export const symbolOf = (target: Target, exit: SeenExit): string =>
  target.machine ? symbolAt(target.machine, exit.domain, exit.ip, () => stateOf(target, exit)) : '';
export function instructionOf(target: Target, exit: SeenExit): { text: string; length: number } {
  const known = decoded.get(exit),
    state = known ? undefined : stateOf(target, exit),
    found = known ?? (state && instructionAt(state, exit.ip)) ?? { text: '', length: 0 };
  decoded.set(exit, found);
  return found;
}
