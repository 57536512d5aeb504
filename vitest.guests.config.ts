/** The longer boots (npm run test:guests; the longest: npm run soak:guests): each test may take minutes. */
import { mergeConfig } from 'vite';
import config from './vite.config.ts';

const merged = mergeConfig(config, {
  test: { testTimeout: 15 * 60_000, hookTimeout: 5 * 60_000 },
});
merged.test.projects = undefined;
merged.test.include = [process.env.RINGSIDE_SOAK ? 'test/soak/**/*.guest.ts' : 'test/guests/**/*.guest.ts'];
merged.test.setupFiles = ['test/support/compiler.ts'];
merged.test.passWithNoTests = true;
export default merged;
