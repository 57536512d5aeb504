/** The longer boots (npm run test:guests; the longest: npm run soak:guests): each test may take minutes. */
import { availableParallelism } from 'node:os';
import { mergeConfig } from 'vite';
import config from './vite.config.ts';
import { patient } from './test/support/patience.ts';

const merged = mergeConfig(config, {
  // What a guest should show has limits of its own; these are for what hangs, which is tried twice.
  test: { testTimeout: patient(12 * 60_000), hookTimeout: patient(5 * 60_000) },
});
merged.test.projects = undefined;
merged.test.include = [process.env.RINGSIDE_SOAK ? 'test/soak/**/*.guest.ts' : 'test/guests/**/*.guest.ts'];
merged.test.setupFiles = ['test/support/compiler.ts'];
// A guest takes the whole of a processor: more of them at once end no sooner, and each of them waits longer.
merged.test.maxWorkers = availableParallelism();
merged.test.passWithNoTests = true;
export default merged;
