/** What src/dom0/toolstack/runners offers to other rooms. */
export type { Runners, RunnersHost, RunnersMoment } from './runner.ts';
export { inTurns, type Pace, type Turns } from './in-turns.ts';
export type { Watching, WorkerLike } from './worker-watch.ts';
export { inWorkers, WorkerRunner } from './in-workers.ts';
