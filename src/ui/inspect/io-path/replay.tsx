/** One request again, stage by stage: which party handles it, what it is there, and what the ring's indices do meanwhile. */
import './replay.css';
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { FollowedRequest } from '../../../dom0/service/index.ts';
import { ownerOf } from './facts.ts';
import { LANES, type Stage, stagesOf } from './stages.ts';
import { replayWords, words } from './replay-words.ts';
import { afterText } from './words.ts';

const WIDTH = 620,
  HEAD = 26,
  ROW = 24,
  /** From the names of the lanes on. */
  LEFT = 60,
  APART = (WIDTH - 2 * LEFT) / (LANES.length - 1);
/** Of a stage that is played. */
const STAGE_MS = 900;

export function Replay({ request, id }: { request: FollowedRequest; id: number }) {
  const stages = stagesOf(request),
    at = useSignal(0),
    playing = useSignal(false);
  useEffect(() => {
    at.value = 0;
    playing.value = false;
  }, [request.number]);
  useEffect(() => {
    if (!playing.value) return;
    const timer = setInterval(() => {
      if (at.peek() + 1 < stages.length) at.value++;
      else playing.value = false;
    }, STAGE_MS);
    return () => clearInterval(timer);
  }, [playing.value, stages.length]);
  const shown = Math.min(at.value, stages.length - 1),
    stage = stages[shown];
  if (!stage) return null;
  const go = (to: number): void => {
    playing.value = false;
    at.value = Math.max(0, Math.min(stages.length - 1, to));
  };
  return (
    <section class="rpl" aria-label={words.title}>
      <div class="row wrap">
        <h3 class="grow">{words.title}</h3>
        <button class="btn sm" disabled={shown === 0} onClick={() => go(0)}>
          {words.first}
        </button>
        <button class="btn sm" disabled={shown === 0} onClick={() => go(shown - 1)}>
          {words.back}
        </button>
        <button class="btn sm" disabled={shown + 1 >= stages.length} onClick={() => go(shown + 1)}>
          {words.next}
        </button>
        <button
          class="btn sm"
          aria-pressed={playing.value}
          onClick={() => {
            if (!playing.peek() && shown + 1 >= stages.length) at.value = 0;
            playing.value = !playing.peek();
          }}
        >
          {words.play}
        </button>
      </div>
      <div class="rplg">
        <Picture stages={stages} shown={shown} id={id} />
        <div role="status">
          <p>
            <b>{words.stage(shown + 1, stages.length, replayWords().lanes[stage.lane])}</b> {stage.says}
          </p>
          <p class="sec m">
            {stage.what} · {afterText(stage.us)}
          </p>
        </div>
      </div>
    </section>
  );
}

/** A line for each party that handles it; a dot for each stage, those that come are empty. */
function Picture({ stages, shown, id }: { stages: readonly Stage[]; shown: number; id: number }) {
  const x = ({ lane }: Stage): number => LEFT + LANES.indexOf(lane) * APART,
    y = (i: number): number => HEAD + ROW * (i + 0.5),
    height = HEAD + ROW * stages.length + 4;
  return (
    <svg viewBox={`0 0 ${WIDTH} ${height}`} role="img" aria-label={words.picture(shown + 1, stages.length)}>
      {LANES.map((lane, i) => (
        <g key={lane}>
          <text x={LEFT + i * APART} y="12" text-anchor="middle">
            {replayWords().lanes[lane]}
          </text>
          <path class="life" d={`M${LEFT + i * APART} ${HEAD - 6}V${height}`} />
        </g>
      ))}
      {stages.map((stage, i) => {
        const before = stages[i - 1];
        return (
          <g key={i} class={`${ownerOf(stage.place, id)}${i > shown ? ' next' : ''}${i === shown ? ' on' : ''}`}>
            {before && <path class="way" d={`M${x(before)} ${y(i - 1)}L${x(stage)} ${y(i)}`} />}
            <circle cx={x(stage)} cy={y(i)} r={i === shown ? 7 : 5} />
          </g>
        );
      })}
    </svg>
  );
}
