/** What an exit cost: of itself where it took steps enough of the browser's clock, else of those like it in the mean. */

import type { Answerer } from '../explain.ts';
import type { Data, Reason } from './facts.ts';
import { type KindTimes, type SeenExit, subjectOf } from './log.ts';
import { costText, hypervisorWords, us, wholeUs, words } from './words.ts';

/** With fewer timed exits no mean is shown: one that the host’s own scheduler cut in two would be all of it. */
export const FEWEST = 32;
/** An exit that took this many steps of the clock is shown in parts of its own. */
const STEPS = 20,
  /** One that took fewer is shown by the mean of its kind, where that is near and this many were seen. */
  FEW_STEPS = 4,
  FEW_LIKE_IT = 12,
  /** Less than this is the rounding of a clock that was paused. */
  LEAST_NS = 500;

const enough = (of: KindTimes | undefined, fewest: number): KindTimes | undefined =>
  of && of.timed >= fewest ? of : undefined;
/** Of the exit's own kind, where enough of them were seen; of its reason, likewise. */
export const likeIt = (data: Data, exit: SeenExit | undefined): KindTimes | undefined =>
  enough(exit && data.timesOf(exit), FEW_LIKE_IT);
/** The mean that is shown of an exit: of its kind. Where the reason alone is its kind, that is what the table of reasons says: one number, not two of the same. */
export const meanOf = (
  exit: SeenExit | undefined,
  kind: KindTimes | undefined,
  reason: KindTimes | undefined,
): KindTimes | undefined => (exit && subjectOf(exit) === undefined ? (reason ?? kind) : (kind ?? reason));
export const ofReason = (reasons: readonly Reason[] | undefined, reason: number): KindTimes | undefined =>
  enough(
    reasons?.find(each => each.reason === reason),
    FEWEST,
  );

/** What a row of the log tells of its cost. `exactly`: what the clock said, where the mean of its kind, which is known closer than the clock goes, represents it. */
export function tookOf(data: Data, exit: SeenExit): { text: string; exactly?: string } {
  if (exit.ns === undefined) return { text: '' };
  const of = meanOf(
      exit,
      likeIt(data, exit),
      ofReason(data.counted.find(({ domain }) => domain === exit.domain)?.reasons, exit.reason),
    ),
    mean = of && of.ns / of.timed,
    text = costText(exit.ns, data.stepNs);
  return mean !== undefined && exit.ns < FEW_STEPS * data.stepNs && Math.abs(mean - exit.ns) < 2 * data.stepNs
    ? { text: words.mostly(us(mean)), exactly: text }
    : { text };
}

/** `share` of the whole, in nanoseconds; `kind`: its class, by who answered. */
export interface CostPart {
  name: string;
  share: number;
  text: string;
  kind: string;
}
/** Parts add up; none: nothing is known. */
export interface Cost {
  title: string;
  parts: CostPart[];
  caption: string;
}

/**
 * What an exit cost, in parts that add up, where it took steps enough of the clock; else what those like it (`of`) cost in the mean. `about`: what these are
 * alike in, undefined: in their reason alone.
 */
export function costOf(
  exit: SeenExit | undefined,
  of: KindTimes | undefined,
  about: string | undefined,
  stepNs: number,
  answerer: Answerer | undefined,
): Cost {
  const mean = of ? of.ns / of.timed : 0,
    ns = exit?.ns ?? 0;
  const three = (all: number, beforeNs: number, answerNs: number, text: (ns: number) => string): CostPart[] =>
    (
      [
        [words.parts[0], beforeNs, 'cb-way'],
        [answerer?.name ?? '', answerNs, `cb-${answerer?.by}`],
        [words.parts[1], Math.max(0, all - beforeNs - answerNs), 'cb-way'],
      ] as const
    ).map(([name, share, kind]) => ({ name, share, text: text(share), kind }));
  const alone = (all: number, text: (ns: number) => string): CostPart[] => [
    { name: hypervisorWords().itself, share: all, text: text(all), kind: 'cb-way' },
  ];
  // The clock goes in steps. What took few of them the mean of many tells, and parts that one exit cannot.
  if (ns >= LEAST_NS && exit?.parts && ns >= STEPS * stepNs)
    return {
      title: words.costOf(wholeUs(ns)),
      parts: three(ns, exit.parts.beforeNs, exit.parts.answerNs, each => costText(each, stepNs)),
      caption: of ? words.kindTakes(us(mean), of.timed) : '',
    };
  if (of)
    return {
      title: words.costOfKind(us(mean)),
      parts: of.answerNs > 0 ? three(mean, of.beforeNs / of.timed, of.answerNs / of.timed, us) : alone(mean, us),
      caption: [
        words.meanOf(of.timed, about, of.apart ?? 0),
        ...(exit?.ns !== undefined && ns >= FEW_STEPS * stepNs ? [words.thisOne(costText(ns, stepNs))] : []),
      ].join(' '),
    };
  if (ns < LEAST_NS) return { title: words.cost, parts: [], caption: words.noCost };
  return { title: words.costOf(wholeUs(ns)), parts: alone(ns, wholeUs), caption: '' };
}
