/** Started by fuzz-backends: writes into a hostile domain's pages. */
import { workerData } from 'node:worker_threads';
import { scribble, type ScribblerStart } from './fuzz/backends/scribbler.ts';

scribble(workerData as ScribblerStart);
