/** npm run docs:lessons: writes the facts in docs/lessons.md anew, by the test that compares it (test/lesson-guide.test.ts). */
import { at, run } from './lib.mjs';

process.env.RINGSIDE_WRITE_DOCS = '1';
process.exitCode = await run(
  process.execPath,
  [at('node_modules', 'vitest', 'vitest.mjs'), 'run', 'test/lesson-guide.test.ts'],
  { limitSeconds: 300 },
);
