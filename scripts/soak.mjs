/**
 * npm run soak:guests, soak:pair, soak:install, soak:failover: boots that take too long for npm run test:guests (test/soak), all or those of a name.
 * RINGSIDE_MIB: what a pair copies, instead of 100; RINGSIDE_CONSOLE: a file that gets what is shown meanwhile.
 */
import { at, run } from './lib.mjs';
import { explain } from './usage.mjs';

explain(import.meta.url);

process.exitCode = await run(
  process.execPath,
  [at('node_modules', 'vitest', 'vitest.mjs'), 'run', '--config', 'vitest.guests.config.ts', ...process.argv.slice(2)],
  {
    env: { RINGSIDE_SOAK: '1' },
    limitSeconds: 4 * 3600,
  },
);
