/** What stands around the picture of a schedule, and its times in words. */

import type { Decision } from '../../../hypervisor/view/index.ts';
import { signed } from '../../units.ts';

export const words = {
  nothing: 'Nobody has had a processor yet.',
  pcpu: (n: number) => `pCPU ${n}`,
  idle: 'idle',
  weight: 'weight',
  cap: 'cap',
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
  shares: 'Weight and cap',
  sharesHint: 'Bar: its time in the picture. Mark: what the weights give.',
  log: 'Decisions',
  newest: 'the line in the picture is at the marked one',
  legend: ['BOOST', 'UNDER', 'OVER'],
  runnable: 'runnable, waits',
  creditLine: ({ least, most }: { least: number; most: number }) =>
    `credit, ${signed(Math.round(least))} to ${signed(Math.round(most))}`,
  handed: 'credit is handed out',
  noSwitch: 'No switch in this picture.',
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
  } as Record<string, string>,
  boosted: 'woke: BOOST goes first',
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
/** A time of the picture, as it is told next to its span. */
export const lengthText = (ns: number): string => (ns < 1e9 ? `${inMs(ns)} ms` : `${Number((ns / 1e9).toFixed(2))} s`);

/** Why this one was chosen, and what had become of the one before it. */
export function reasonOf({ why, left, priority, from, to }: Decision, nameAt: (unit: number) => string): string {
  const because = from >= 0 ? words.lefts[left]?.(nameAt(from)) : undefined,
    chosen = to >= 0 && priority === 0 && why !== 'WOKEN' && why !== 'LEAST' ? words.boosted : words.whys[why];
  return [because, chosen].filter(Boolean).join('; ');
}
