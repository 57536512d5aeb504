/** Looks at the scheduler again and again, and keeps what it overwrites: decisions, accountings, and for how long each unit ran. */

import { signal } from '@preact/signals';
import type { Accounting, Decision } from '../../../hypervisor/view/index.ts';
import { sharedMs } from '../../../hypervisor/worker/index.ts';
import { domains, nameOf } from '../../host.ts';
import type { Target } from '../inspector.ts';
import { isBack, withNewer } from '../runs.ts';
import { type Data, isHungry, type Look, LOOK_NS, sharesOf } from './facts.ts';

const KEPT = 6000,
  KEPT_ACCOUNTINGS = 400;

/** How long a time the picture is of. */
export const spanMs = signal(120);

export function open({ machine }: Target) {
  let decisions: Decision[] = [],
    accountings: Accounting[] = [];
  const looks = new Map<number, Look[]>();
  return {
    look(): Data | undefined {
      if (!machine) return undefined;
      const { scheduler } = machine,
        nowNs = scheduler.timeNs(sharedMs());
      const accounted = scheduler.accountings();
      if (isBack(accountings, accounted)) accountings = [];
      const lastAccountingNs = accountings.at(-1)?.timeNs ?? -1;
      decisions = withNewer(decisions, scheduler.decisions(), scheduler.pcpus).slice(-KEPT);
      accountings = [...accountings, ...accounted.filter(({ timeNs }) => timeNs > lastAccountingNs)].slice(
        -KEPT_ACCOUNTINGS,
      );
      // A crashed domain has no part in it.
      const units = scheduler
        .units()
        .map(unit => {
          const id = machine.idOf(unit.unit);
          return { ...unit, id, name: id < 0 ? '?' : nameOf(id) };
        })
        .filter(({ id }) => domains.value.find(domain => domain.id === id)?.state !== 'c');
      for (const { unit } of units) {
        const { running, runnable } = scheduler.runstates(unit, nowNs);
        looks.set(
          unit,
          [...(looks.get(unit) ?? []), { ns: nowNs, running, runnable }].filter(({ ns }) => nowNs - ns < 2 * LOOK_NS),
        );
      }
      const toNs = accountings.at(-1)?.timeNs ?? nowNs,
        fromNs = toNs - spanMs.value * 1e6,
        { pcpus, periods } = scheduler;
      if (decisions.length === 0) return undefined;
      const seen = { decisions, accountings, units, fromNs, toNs, pcpus, periods };
      return { ...seen, shares: sharesOf(seen, unit => isHungry(looks.get(unit)!)) };
    },
  };
}
