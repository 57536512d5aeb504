/** The picture of a schedule, and below it the decisions in it. */

import { mediaSignal, PHONE } from '../../media.ts';
import type { Shown } from '../inspector.ts';
import { Decisions } from './decisions.tsx';
import { type Data, keyOf, pickedOf, pictureOf } from './facts.ts';
import { creditScale, type Lane, Schedule } from './schedule.tsx';
import { spanMs } from './source.ts';
import { lengthText, schedulerWords, words } from './words.ts';

const SPANS = [60, 120, 1000, 10_000],
  /** Pictures of more ticks have no lines of them and of accountings: they would be grey. */
  MOST_TICKS = 24;
/** There the picture has its lengths above it. */
const phone = mediaSignal(PHONE);

/** How long a time the picture is of. */
export const Spans = () => (
  <div class="seg" role="group" aria-label={words.span}>
    {SPANS.map(each => (
      <button
        key={each}
        aria-pressed={each === spanMs.value}
        onClick={() => {
          spanMs.value = each;
        }}
      >
        {lengthText(each * 1e6)}
      </button>
    ))}
  </div>
);

export function Figure(shown: Shown<Data>) {
  const { data, choose } = shown,
    { accountings, units, fromNs, toNs, pcpus, periods, shares } = data,
    span = toNs - fromNs,
    isFine = span <= MOST_TICKS * periods.tickNs,
    stepNs = isFine ? periods.tickNs : span / 6,
    isTicked = isFine && accountings.length > 0;
  const { runs, lanes: all } = pictureOf(data);
  // Linux's scheduler has no credit, and hands none out.
  const isFair = !schedulerWords().hasCredit,
    lanes = isFair ? all.map(lane => ({ ...lane, credit: [] })) : all;
  return (
    <div class="col sch fit">
      {phone.value && <Spans />}
      <Schedule
        label={units.map(({ name, unit }) => `${name} ${lengthText(shares.get(unit)?.ran ?? 0)}`).join(', ')}
        fromNs={fromNs}
        toNs={toNs}
        pcpus={pcpus}
        runs={runs}
        at={pickedOf(shown)}
        choose={run => choose(keyOf({ timeNs: run.fromNs, pcpu: run.pcpu, to: run.unit }))}
        marks={Array.from({ length: Math.round(span / stepNs) + 1 }, (_, i) => ({
          ns: fromNs + i * stepNs,
          label: String(Math.round((i * stepNs) / 1e6)),
          isStrong: isTicked && !isFair && (i * stepNs) % periods.accountingNs === 0,
        }))}
        lanes={lanes}
        handedOut={periods.credits}
      />
      {!isFair && <Legend lanes={lanes} handedOut={periods.credits} isTicked={isTicked} />}
      <Decisions {...shown} />
    </div>
  );
}

const Legend = ({ lanes, handedOut, isTicked }: { lanes: readonly Lane[]; handedOut: number; isTicked: boolean }) => (
  <div class="legend">
    {words.legend.map((name, i) => (
      <span key={name}>
        <i class={`pri p${i}`} />
        {name}
      </span>
    ))}
    <span>
      <i class="pri dots" />
      {words.runnable}
    </span>
    <span>
      <svg class="saw" viewBox="0 0 22 11" aria-hidden="true">
        <path d="M1 9L9 3V9L21 2" />
      </svg>
      {words.creditLine(creditScale(lanes, handedOut))}
    </span>
    {isTicked && (
      <span>
        <i class="pri at" />
        {words.handed}
      </span>
    )}
  </div>
);
