/** On the host's page: the vCPU on each processor, with its priority and since when, and those that had it within the last second, as the run queue keeps it. */

import type { ComponentChildren } from 'preact';
import { useRef } from 'preact/hooks';
import type { Decision } from '../../hypervisor/view/index.ts';
import { sharedMs } from '../../hypervisor/worker/index.ts';
import { nameOf } from '../host.ts';
import { useLook } from '../inspect/machine.ts';
import { schedulerWords } from '../inspect/scheduler/words.ts';
import { isGap, PRIORITIES, runsOf, timesOf, withNewer } from '../inspect/runs.ts';
import { viewStrings } from '../view-strings.ts';
import { Chip, ownerClass } from './marks.tsx';

const words = viewStrings.hostPage.pcpus;
const EVERY_MS = 250,
  SPAN_NS = 1e9,
  /** Its current vCPU may have had it before the span. */
  KEPT_NS = 2 * SPAN_NS;

/** `isLeast`: it may have been longer than the decisions go back. */
interface Held {
  ms: number;
  isLeast: boolean;
}
interface Use {
  /** -1: nobody has it. */
  id: number;
  priority: number;
  held: Held;
  /** Parts of the time, the largest first. */
  parts: { id: number; part: number }[];
}
interface Seen {
  uses: Use[];
  spanMs: number;
}

function heldOf(decisions: readonly Decision[], pcpu: number, nowNs: number, fromNs: number): Held {
  const change = decisions.findLast(each => each.pcpu === pcpu && each.from !== each.to);
  return { ms: Math.max(0, nowNs - (change?.timeNs ?? fromNs)) / 1e6, isLeast: !change };
}

/** `otherwise`: where the page cannot look into the machine. */
export function PcpuUse({ otherwise }: { otherwise: ComponentChildren }) {
  /** More than the run queue keeps. */
  const kept = useRef<Decision[]>([]);
  const seen = useLook(EVERY_MS, (machine): Seen => {
    const { scheduler } = machine,
      nowNs = scheduler.timeNs(sharedMs()),
      units = scheduler.units();
    // Another machine's clock began later.
    const before = kept.current.filter(({ timeNs }) => timeNs > nowNs - KEPT_NS && timeNs <= nowNs),
      now = scheduler.decisions();
    const decisions = (kept.current = isGap(before, now) ? now : withNewer(before, now, scheduler.pcpus));
    // At first they go back less.
    const fromNs = Math.max(nowNs - SPAN_NS, decisions[0]?.timeNs ?? nowNs),
      spanNs = Math.max(1, nowNs - fromNs),
      runs = runsOf(decisions, fromNs, nowNs);
    return {
      spanMs: spanNs / 1e6,
      uses: scheduler.slots.map(
        (unit, pcpu): Use => ({
          id: unit < 0 ? -1 : machine.idOf(unit),
          priority: units.find(each => each.unit === unit)?.priority ?? 0,
          held: heldOf(decisions, pcpu, nowNs, fromNs),
          parts: [...timesOf(runs.filter(run => run.pcpu === pcpu))]
            .map(([of, ns]) => ({ id: machine.idOf(of), part: ns / spanNs }))
            .sort((a, b) => b.part - a.part),
        }),
      ),
    };
  });
  if (!seen) return <>{otherwise}</>;
  return (
    <div class="pcu">
      {seen.uses.map(({ id, priority, held, parts }, pcpu) => (
        <div key={pcpu}>
          <div class="row">
            <b>{words.name(pcpu)}</b>
            {id < 0 ? (
              <span class="sec">{words.idle}</span>
            ) : (
              <span class="nw cut">
                <Chip id={id} /> {nameOf(id)}
              </span>
            )}
            <span class="grow" />
            {id >= 0 && schedulerWords().hasCredit && <span class="sec">{PRIORITIES[priority]}</span>}
            <span class="m nw" title={words.since}>
              {words.held(held.ms, held.isLeast)}
            </span>
          </div>
          <div
            class="bar tall"
            role="img"
            aria-label={
              parts.map(({ id: of, part }) => `${nameOf(of)} ${Math.round(100 * part)} %`).join(', ') || words.idle
            }
          >
            {parts.map(({ id: of, part }) => (
              <i
                key={of}
                class={ownerClass(of)}
                style={`width:${100 * part}%`}
                title={`${nameOf(of)} ${Math.round(100 * part)} %`}
              />
            ))}
          </div>
        </div>
      ))}
      <p class="cap-t" title={words.captionHint}>
        {words.caption(seen.spanMs)}
      </p>
    </div>
  );
}
