/** The texts around the picture of a schedule, and its times in words. */

import type { Decision } from '../../../hypervisor/view/index.ts';
import { ofHost, type OfEach } from '../../hypervisors/of-host.ts';
import { signed } from '../../units.ts';

/** Whose scheduler gives processors to vCPUs: Xen's credit scheduler, or Linux's, which gives them to QEMU's threads. */
interface SchedulerWords {
  /** Units have credit and priorities, and accountings hand credit out. */
  hasCredit: boolean;
  weight: string;
  cap: string;
  shares: string;
  sharesHint: string;
  /** Why one was chosen, by the name of the reason (hypervisor/scheduler/block.ts). */
  whys: Readonly<Record<string, string>>;
  /** It woke, and goes before all others; undefined: there is no such priority. */
  boosted: string | undefined;
}
const OF_EACH: OfEach<SchedulerWords> = {
  xen: {
    hasCredit: true,
    weight: 'weight',
    cap: 'cap',
    shares: 'Weight and cap',
    sharesHint: 'Bar: its time in the picture. Mark: what the weights give.',
    whys: {
      IDLE: 'nobody was runnable',
      ALONE: 'nobody else waited',
      PRIORITY: 'best priority in line',
      TURN: 'first in line of equals',
      WOKEN: 'woke, and the processor was idle',
      STOLEN: 'had credit; taken from the other pCPU',
      RATELIMIT: 'began too short a time ago to be preempted',
      PREFERRED: 'its soft affinity names this pCPU',
      LEAST: 'its virtual runtime is the least',
    },
    boosted: 'woke: BOOST goes first',
  },
  kvm: {
    hasCredit: false,
    weight: 'cpu_shares',
    cap: 'quota, %',
    shares: 'Shares and quota',
    sharesHint: 'Bar: its time in the picture. Mark: what the shares give.',
    whys: {
      IDLE: 'no thread was runnable',
      ALONE: 'no other thread waited',
      PRIORITY: 'the scheduler put it first',
      TURN: 'first in the queue',
      WOKEN: 'woke, and the processor was idle',
      STOLEN: 'waited at another pCPU, and was moved here',
      RATELIMIT: 'began too short a time ago to be preempted',
      PREFERRED: 'woke where its affinity allows, on an idle pCPU',
      LEAST: 'its virtual runtime is the least',
    },
    boosted: undefined,
  },
};
/** The words of the scheduler that the host has. */
export const schedulerWords = (): SchedulerWords => ofHost(OF_EACH);

export const words = {
  nothing: 'Nobody has had a processor yet.',
  pcpu: (n: number) => `pCPU ${n}`,
  idle: 'idle',
  none: 'none',
  at: 'At, ms',
  where: 'Where',
  change: 'Switch',
  priority: 'Priority',
  credit: 'Credit',
  reason: 'Why this one',
  waited: 'Waited, ms',
  span: 'Length of the picture',
  accountings: 'Accountings',
  previous: '‹ Prev',
  next: 'Next switch ›',
  log: 'Decisions',
  newest: 'the line in the picture is at the marked one',
  legend: ['BOOST', 'UNDER', 'OVER'],
  runnable: 'runnable, waits',
  creditLine: ({ least, most }: { least: number; most: number }) =>
    `credit, ${signed(Math.round(least))} to ${signed(Math.round(most))}`,
  handed: 'credit is handed out',
  noSwitch: 'No switch in this picture.',
  lefts: {
    BLOCKED: (who: string) => `${who} sleeps`,
    SLICE: (who: string) => `${who}’s slice is over`,
    YIELDED: (who: string) => `${who} yields`,
    PARKED: (who: string) => `${who}’s cap or quota is used up`,
    PAUSED: (who: string) => `${who} was paused`,
    DESTROYED: (who: string) => `${who} was destroyed`,
    AFFINITY: (who: string) => `${who} may not run here`,
  } as Record<string, (who: string) => string>,
};

export const inMs = (ns: number): string => (ns / 1e6).toFixed(ns > 0 && ns < 9.5e6 ? 1 : 0);
/** A time of the picture, as it is written next to its span. */
export const lengthText = (ns: number): string => (ns < 1e9 ? `${inMs(ns)} ms` : `${Number((ns / 1e9).toFixed(2))} s`);

/** Why this one was chosen, and what had become of the one before it. */
export function reasonOf({ why, left, priority, from, to }: Decision, nameAt: (unit: number) => string): string {
  const { whys, boosted } = schedulerWords(),
    because = from >= 0 ? words.lefts[left]?.(nameAt(from)) : undefined,
    chosen = to >= 0 && priority === 0 && why !== 'WOKEN' && why !== 'LEAST' ? (boosted ?? whys[why]) : whys[why];
  return [because, chosen].filter(Boolean).join('; ');
}
