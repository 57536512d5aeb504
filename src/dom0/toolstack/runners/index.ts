/** What src/dom0/toolstack/runners offers to other rooms. */
export type { Runners, RunnersHost } from './runner.ts';
export { inTurns, type Pace } from './runner-local.ts';
export type { Watching, WorkerLike } from './worker-watch.ts';
