/** What experiments offer to the page and to the command line. */
export { type Cost, type CostId, type CostTable, COSTS, PUBLISHED } from './costs.ts';
export { type Column, type Drawing, type Experiment, type Row, TIMES, type Verdict } from './form.ts';
export { EXPERIMENTS } from './list.ts';
export { type Progress, runExperiment, TIMED, timeExperiment, WARM } from './run.ts';
export { type Cells, cellsOf, csvOf, headOf } from './table.ts';
export { short } from './words.ts';
