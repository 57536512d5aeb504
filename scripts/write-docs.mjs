/**
 * npm run docs:hypercalls, docs:lessons, docs:map: writes the parts of docs/hypercalls.md, lessons.md and files.md that are generated from the source, by the
 * test that compares them:
 *
 *   node scripts/write-docs.mjs TEST     test/TEST.test.ts
 */
import { at, run } from './lib.mjs';
import { explain } from './usage.mjs';

explain(import.meta.url);

process.env.RINGSIDE_WRITE_DOCS = '1';
process.exitCode = await run(
  process.execPath,
  [at('node_modules', 'vitest', 'vitest.mjs'), 'run', `test/${process.argv[2]}.test.ts`],
  { limitSeconds: 300 },
);
