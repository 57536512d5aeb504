/** The experiment that runs, in a worker of its own, and what was measured by each since the page was loaded. */
import { signal } from '@preact/signals';
import type { Progress, Row } from '../../lessons/experiments/index.ts';
import type { Asked, ExperimentNews } from './messages.ts';
import { words } from './words.ts';

export interface Run {
  asked: Asked;
  rows: readonly Row[];
  /** Where it is; undefined: it has ended. */
  progress?: Progress | undefined;
  problem?: string | undefined;
  isCancelled?: boolean;
}

/** The last one of each. */
export const runs = signal<ReadonlyMap<string, Run>>(new Map());

let worker: Worker | undefined;

function keep(asked: Asked, change: Partial<Run>): void {
  const now = runs.peek().get(asked.id);
  // A cancelled run reports nothing any more.
  if (now && now.asked !== asked) return;
  runs.value = new Map(runs.peek()).set(asked.id, { asked, rows: [], ...now, ...change });
}

/** One at a time: they would take each other's processor. */
function endWorker(): void {
  worker?.terminate();
  worker = undefined;
  for (const { asked, progress } of runs.peek().values())
    if (progress) keep(asked, { progress: undefined, isCancelled: true });
}

export const cancel = endWorker;

export function start(asked: Asked): void {
  endWorker();
  runs.value = new Map(runs.peek()).set(asked.id, { asked, rows: [], progress: { name: words.loads, part: 0 } });
  const mine = new Worker(new URL('./experiment-worker.ts', import.meta.url), {
    type: 'module',
    // Its lock's, too, among those of all tabs.
    name: `experiment-${Math.random().toString(36).slice(2)}`,
  });
  worker = mine;
  const end = (change: Partial<Run>): void => {
    mine.terminate();
    if (worker !== mine) return;
    worker = undefined;
    keep(asked, { ...change, progress: undefined });
  };
  mine.onmessage = ({ data: { holds, progress, rows, isDone, problem } }: MessageEvent<ExperimentNews>) => {
    if (holds !== undefined) void navigator.locks.request(holds, () => end({ problem: words.ended }));
    else if (problem !== undefined) end({ problem });
    else if (isDone) end({ rows: rows! });
    else keep(asked, { ...(progress ? { progress } : {}), ...(rows ? { rows } : {}) });
  };
  mine.onerror = event => {
    event.preventDefault();
    end({ problem: words.failed(event.message) });
  };
  mine.postMessage(asked);
}
