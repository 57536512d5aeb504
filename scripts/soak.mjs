/** npm run soak:guests: boots that take too long for npm run test:guests (test/soak). */
import { at, run } from './lib.mjs';

process.exitCode = await run(process.execPath, [at('node_modules', 'vitest', 'vitest.mjs'), 'run', '--config', 'vitest.guests.config.ts'], {
  env: { RINGSIDE_SOAK: '1' },
  limitSeconds: 3600,
});
