/**
 * npm run docs:hypercalls, docs:lessons, docs:map: writes anew what is made of the source in docs/hypercalls.md, lessons.md and architecture.md, by the test
 * that compares it:
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
