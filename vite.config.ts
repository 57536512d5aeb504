import { createReadStream, statSync } from 'node:fs';
import { join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';
import { interpreterPlugin } from './src/cpu/gen/plugin.ts';

const isolation = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' };

/** Tests that want modules of their own: the page's, which keep what they saw in signals, and one that puts a module of its own in another's place (vi.mock). */
const ALONE = ['src/ui/**/*.test.ts', 'test/adding/panel.test.ts', 'src/cpu/flat-transfers.test.ts'];

/** While developing (npm run dev): what `npm run guests` fetched is found under guests/, as with `npm start`. */
function fetchedGuests(): Plugin {
  const folder = fileURLToPath(new URL('.cache/guests', import.meta.url));
  return {
    name: 'fetched-guests',
    configureServer: server => {
      server.middlewares.use('/guests', (request, response, next) => {
        const file = join(folder, normalize(decodeURIComponent((request.url ?? '/').split('?')[0]!)));
        if (!statSync(file, { throwIfNoEntry: false })?.isFile()) return next();
        createReadStream(file).pipe(response);
      });
    },
  };
}

export default defineConfig({
  appType: 'mpa',
  plugins: [fetchedGuests(), interpreterPlugin()],
  base: './',
  // Workers are bundled on their own, with plugins of their own.
  worker: { format: 'es', plugins: () => [interpreterPlugin()] },
  build: { target: 'es2022' },
  server: { headers: isolation },
  preview: { headers: isolation },
  test: {
    testTimeout: 180_000,
    maxWorkers: '100%',
    // Half of a file's processor time was loading the modules that the one before it had loaded.
    projects: [
      { extends: true, test: { name: 'alone', include: ALONE } },
      {
        extends: true,
        test: {
          name: 'shared',
          include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
          exclude: ALONE,
          isolate: false,
          setupFiles: ['test/support/compiler.ts'],
        },
      },
    ],
  },
});
