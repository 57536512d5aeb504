/**
 * npm run -s bench:widths [-- --runs N --ms N --only alu,fib,…]
 *
 * The same C as 64-bit and as 32-bit code on the interpreter alone: rows of the micro benchmark without a kernel (bench/guests/widths.c), in interleaved pairs.
 * A ratio is the time of 32-bit code divided by that of 64-bit code, so 0.8 means that 64-bit code takes a quarter longer. Checksums must be equal.
 */
import { rmSync } from 'node:fs';
import { runProgram } from '../scripts/program.mjs';
import { buildWidth, cannotBuild, WIDTH_ROWS } from './guests.mjs';
import { need, options } from './lib.mjs';

const { runs, ms, only } = options({ runs: 9, ms: 200, only: '' });
const why = cannotBuild();
need(!why, why);
const rows = only === '' ? Object.keys(WIDTH_ROWS) : only.split(',');
for (const row of rows)
  need(row in WIDTH_ROWS, `There is no row ${row}; there are ${Object.keys(WIDTH_ROWS).join(', ')}.`);
const images = [32, 64].map(buildWidth);
process.on('exit', () => images.forEach(image => rmSync(image)));
const asked = rows.map(row => ({ name: row, number: Object.keys(WIDTH_ROWS).indexOf(row), pilot: WIDTH_ROWS[row] }));
await runProgram('bench-widths', [JSON.stringify({ images, rows: asked, runs, ms })]);
