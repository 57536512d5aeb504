/** npm run docs:hypercalls: writes docs/hypercalls.md anew, by the test that compares it (test/hypercalls.test.ts). */
import { at, run } from './lib.mjs';

process.env.RINGSIDE_WRITE_DOCS = '1';
process.exitCode = await run(
  process.execPath,
  [at('node_modules', 'vitest', 'vitest.mjs'), 'run', 'test/hypercalls.test.ts'],
  { limitSeconds: 300 },
);
