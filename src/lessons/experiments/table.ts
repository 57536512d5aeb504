/** The rows of an experiment as a table, and its numbers as they are. */
import { csvField } from '../../formats/csv/index.ts';
import { type CostTable, PUBLISHED } from './costs.ts';
import { type Column, type Experiment, type Row, TIMES } from './form.ts';

export interface Cells {
  columns: readonly Column[];
  rows: readonly Row[];
}

/** By the table of costs. */
const RECKONED: Column = { id: 'reckonedUs', name: 'time by the costs', unit: 'µs' };
/** Of a run in real time: of all the work of a row’s condition. */
const MEASURED: readonly Column[] = [
  { id: TIMES.ms, name: 'time here, median', unit: 'ms' },
  { id: TIMES.least, name: 'least', unit: 'ms' },
  { id: TIMES.most, name: 'most', unit: 'ms' },
];

/** The experiment's columns, with what was measured by the clock or, in virtual time, reckoned by costs. */
export function cellsOf(experiment: Experiment, rows: readonly Row[], costs?: CostTable): Cells {
  const isTimed = rows.some(row => TIMES.ms in row);
  if (isTimed) return { columns: [...experiment.columns, ...MEASURED], rows };
  const reckoned = rows.map(row => reckonedUs(experiment, row, costs));
  if (reckoned.every(us => us === undefined)) return { columns: experiment.columns, rows };
  return {
    columns: [...experiment.columns, RECKONED],
    rows: rows.map((row, i) => (reckoned[i] === undefined ? row : { ...row, [RECKONED.id]: reckoned[i] })),
  };
}

export const headOf = ({ name, unit }: Column): string => (unit === undefined ? name : `${name} (${unit})`);

/** Every digit, for a spreadsheet. */
export const csvOf = ({ columns, rows }: Cells): string =>
  [columns.map(headOf), ...rows.map(row => columns.map(({ id }) => row[id] ?? ''))]
    .map(cells => `${cells.map(csvField).join(',')}\r\n`)
    .join('');

/** Microseconds that a row's counts take on a processor of silicon; undefined: it has none that costs. */
function reckonedUs({ columns }: Experiment, row: Row, costs: CostTable = PUBLISHED): number | undefined {
  const costing = columns.filter(({ id, cost }) => cost !== undefined && typeof row[id] === 'number');
  if (costing.length === 0) return undefined;
  return costing.reduce((sum, { id, cost }) => sum + (row[id] as number) * costs[cost!], 0) / 1000;
}
