/** What is counted and logged of exits, what a filter leaves of it, and what was chosen. */

import { exitWords } from '../explained/index.ts';
import { type Counters, exitTitle } from '../../../hypervisor/view/index.ts';
import { stamp } from '../../units.ts';
import type { Shown } from '../inspector.ts';
import type { KindTimes, SeenExit } from './log.ts';
import { callOf, isCall, numberOf } from './words.ts';

/** What is counted of a reason, and the times of one in 64. */
export interface Reason extends KindTimes {
  key: string;
  reason: number;
  count: number;
}
export interface Calls {
  key: string;
  number: number;
  count: number;
}
export interface Counted {
  domain: number;
  reasons: Reason[];
  calls: Calls[];
}
export interface Data {
  counted: readonly Counted[];
  log: readonly SeenExit[];
  /** The last exit of each reason that vCPUs have kept. */
  lasts: ReadonlyMap<number, SeenExit>;
  /** Exits since this view was opened. */
  seen: number;
  /** The shortest time that was seen above 0: a step of the browser's clock. */
  stepNs: number;
  /** Of exits like it, as many as this view has seen. */
  timesOf(exit: SeenExit): KindTimes | undefined;
  isHost: boolean;
  /** Counts and log begin with a step of a lesson, else with the guest and with this view. */
  isOfStep: boolean;
  nameOf(domain: number): string;
  /** `function+0xoffset`; '' where its kernel names nothing there, or it is still looked for. */
  symbolOf(exit: SeenExit): string;
}

/** Of a domain's counters those of exits. */
type ExitCounters = Pick<Counters, 'byReason' | 'samples' | 'sampleNs' | 'beforeNs' | 'answerNs' | 'hypercalls'>;
const COUNTED = ['byReason', 'samples', 'sampleNs', 'beforeNs', 'answerNs', 'hypercalls'] as const;

/** What has been counted since `before`; all, where there is none, or the host has gone back to before that. */
export function grownOf(
  now: ExitCounters,
  before: ExitCounters | undefined,
): Record<(typeof COUNTED)[number], number[]> {
  const isBefore = before !== undefined && [...now.byReason].every((count, i) => count >= (before.byReason[i] ?? 0));
  return Object.fromEntries(
    COUNTED.map(name => [name, [...now[name]].map((count, i) => count - (isBefore ? (before[name][i] ?? 0) : 0))]),
  ) as Record<(typeof COUNTED)[number], number[]>;
}

const reasonWords = (reason: number): string => `${numberOf(reason)} ${exitTitle(reason)}`.toLowerCase();
const callWords = (number?: number): string =>
  number === undefined ? '' : `${number} ${exitWords().callName(number)}`.toLowerCase();
/** Words of `filter` that name a domain choose domains; the others are looked for in the reason and the hypercall. */
function filterOf(
  { counted, nameOf }: Data,
  filter: string,
): { isDomain(id: number): boolean; isReason(text: string): boolean } {
  const terms = filter.toLowerCase().split(/\s+/).filter(Boolean),
    isName = (term: string) => counted.some(({ domain }) => nameOf(domain).toLowerCase().startsWith(term));
  const names = terms.filter(isName),
    rest = terms.filter(term => !isName(term));
  return {
    isDomain: id => names.length === 0 || names.some(term => nameOf(id).toLowerCase().startsWith(term)),
    isReason: text => rest.every(term => text.includes(term)),
  };
}

/** What the filter leaves: reasons and hypercalls of all chosen domains together, the most frequent first, and the log. */
export function viewOf(data: Data, filter: string): { reasons: Reason[]; calls: Calls[]; log: SeenExit[] } {
  const { isDomain, isReason } = filterOf(data, filter),
    reasons = new Map<number, Reason>(),
    calls = new Map<number, Calls>();
  for (const each of data.counted.filter(({ domain }) => isDomain(domain))) {
    for (const one of each.reasons) {
      const sum = reasons.get(one.reason);
      if (!sum) reasons.set(one.reason, { ...one });
      else for (const field of ['count', 'timed', 'ns', 'beforeNs', 'answerNs'] as const) sum[field] += one[field];
    }
    for (const one of each.calls)
      calls.set(one.number, { ...one, count: one.count + (calls.get(one.number)?.count ?? 0) });
  }
  const most = <T extends { count: number }>(all: Iterable<T>): T[] => [...all].sort((a, b) => b.count - a.count);
  return {
    reasons: most(reasons.values()).filter(({ reason }) =>
      isReason(`${reasonWords(reason)} ${isCall(reason) ? [...calls.keys()].map(callWords).join(' ') : ''}`),
    ),
    calls: most(calls.values()).filter(({ number }) => isReason(callWords(number))),
    log: data.log.filter(
      exit => isDomain(exit.domain) && isReason(`${reasonWords(exit.reason)} ${callWords(callOf(exit))}`),
    ),
  };
}

/** When it began, as the log tells it: of one guest on that guest's own clock, which is the page's time of it. Undefined: before anybody watched. */
export const stampOf = ({ hostNs, ownNs }: SeenExit, { isHost }: Pick<Data, 'isHost'>): string | undefined => {
  const ns = isHost ? hostNs : ownNs;
  return ns === undefined ? undefined : stamp(ns);
};

/** What was chosen: an exit, with the reason that it is counted by; or a hypercall. */
export function choiceOf(
  { data, chosen }: Pick<Shown<Data>, 'data' | 'chosen'>,
  filter: string,
): {
  key: string;
  hypercall?: number;
  reason?: number;
  exit?: SeenExit;
  isLast?: true;
} {
  const { reasons, log } = viewOf(data, filter),
    exit = /^[lk]/.test(chosen) ? data.log.find(({ key }) => key === chosen) : undefined;
  if (exit) return { key: chosen, reason: exit.reason, exit };
  if (chosen.startsWith('h')) return { key: chosen, hypercall: Number(chosen.slice(1)) };
  const reason = chosen.startsWith('r') ? Number(chosen.slice(1)) : reasons[0]?.reason;
  if (reason === undefined) return { key: '' };
  const last = log.find(each => each.reason === reason) ?? data.lasts.get(reason);
  return { key: `r${reason}`, reason, ...(last ? { exit: last, isLast: true } : {}) };
}
