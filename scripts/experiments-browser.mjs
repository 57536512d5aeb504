/**
 * npm run -s experiments:browser [-- NAME…]     each experiment (or those named) in Chromium and on the command line: their tables, cell by cell
 *
 * Builds what is stale. It takes about as long as all experiments do (ringside experiment --help lists them); a table that differs, or that has a cell that is no
 * finite number where it should be one, is shown, and the status is 1 then. Needs Chromium: RINGSIDE_CHROMIUM names another than the first that is found.
 */
import { execFileSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { at, run } from './lib.mjs';
import { ensureChromium, ensureDependencies } from './setup.mjs';
import { explain } from './usage.mjs';

explain(import.meta.url);

const { positionals } = parseArgs({ allowPositionals: true, options: {} });
await ensureDependencies({ quiet: true });
const { path, why } = await ensureChromium();
if (!path) {
  process.stderr.write(`experiments:browser: there is no Chromium (${why}). Name one: RINGSIDE_CHROMIUM=PATH.\n`);
  process.exit(2);
}
if ((await run(process.execPath, [at('scripts', 'build.mjs'), '--uncompressed'])) !== 0) process.exit(1);
/** As the command line lists them. */
const all = () =>
  [
    ...execFileSync(process.execPath, [at('bin', 'ringside.mjs'), 'experiment', '--help'], {
      encoding: 'utf8',
    }).matchAll(/^ {2}([a-z][a-z-]*) {2,}\S/gm),
  ].map(([, name]) => name);
process.exit(
  await run(
    process.execPath,
    [at('node_modules', '@playwright', 'test', 'cli.js'), 'test', 'experiments.long', '--reporter=line'],
    {
      env: {
        RINGSIDE_LONG: '1',
        RINGSIDE_CHROMIUM: path,
        RINGSIDE_EXPERIMENTS: (positionals.length > 0 ? positionals : all()).join(' '),
      },
    },
  ),
);
