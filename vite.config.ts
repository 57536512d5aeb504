import { createReadStream, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';
import { licences } from './scripts/licences.ts';
import { interpreterPlugin } from './src/cpu/gen/plugin.ts';
import { ALONE } from './test/support/alone.ts';
import { HeaviestFirst } from './test/support/heaviest-first.ts';
import { patient } from './test/support/patience.ts';
import V8_FLAGS from './test/support/v8-flags.json' with { type: 'json' };

const isolation = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' };

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

/** Workers that come with every page; those that come in their place elsewhere are bundled alone. */
const SHARING = /new Worker\(new URL\('([^']*\/(?:worker|storage-worker)\.ts)', import\.meta\.url\)/g;

/**
 * Bundles the page and its workers as one: what several of them need is one chunk, which is transferred once. Vite bundles each worker alone, with
 * what others have, too.
 */
function sharedWorkers(): Plugin {
  return {
    name: 'shared-workers',
    apply: (_config, { command, isSsrBuild }) => command === 'build' && !isSsrBuild,
    enforce: 'pre',
    async transform(code, id) {
      const found = [...code.matchAll(SHARING)];
      if (found.length === 0) return undefined;
      let out = code;
      for (const [text, path] of found) {
        const worker = await this.resolve(path!, id);
        if (!worker) throw new Error(`${id}: there is no ${path}`);
        const reference = this.emitFile({
          type: 'chunk',
          id: worker.id,
          name: worker.id.replace(/^.*\/src\/|\.ts$/g, '').replace(/\W+/g, '-'),
        });
        out = out.replace(text, `new Worker(import.meta.ROLLUP_FILE_URL_${reference}`);
      }
      return out;
    },
  };
}

/** A name that its module may set again, or cannot read yet (a circle of imports), stays a getter. */
const SETTLE = `
for (const name of Object.keys(__vite_ssr_exports__))
  try {
    Object.defineProperty(__vite_ssr_exports__, name, { value: __vite_ssr_exports__[name], configurable: true, enumerable: true });
  } catch {}
Object.create(__vite_ssr_exports__);`;

/**
 * Under vitest what a module exports are getters of an object without a prototype, which V8 keeps as a hash table: each call of an imported function looks
 * there, and the processor runs six times slower than in the page. Values of an object that is another's prototype are as quick as a bundle's.
 */
function settledExports(): Plugin {
  return {
    name: 'settled-exports',
    apply: 'serve',
    enforce: 'post',
    transform: (code, id, options) =>
      options?.ssr && /\/src\/.*\.ts$/.test(id) && !/^export (let|var) /m.test(code) ? `${code}${SETTLE}` : undefined,
  };
}

/** Vite's loader of parts tells a window what it could not load, and workers share the page's chunks: they would fail for having no window. */
function loaderWithoutWindow(): Plugin {
  return {
    name: 'loader-without-window',
    apply: 'build',
    enforce: 'post',
    transform: (code, id) =>
      id.includes('vite/preload-helper') ? code.replace('window.dispatchEvent', 'globalThis.dispatchEvent') : undefined,
  };
}

const packages = licences(fileURLToPath(new URL('.', import.meta.url)));

export default defineConfig({
  appType: 'mpa',
  plugins: [
    fetchedGuests(),
    sharedWorkers(),
    loaderWithoutWindow(),
    interpreterPlugin(),
    settledExports(),
    packages.page,
  ],
  base: './',
  // Workers are bundled on their own, with plugins of their own.
  worker: { format: 'es', plugins: () => [interpreterPlugin(), packages.workers] },
  build: {
    target: 'es2022',
    // Definitions and scripts of guests are read when a host is installed or somebody boots them: no part of a script.
    assetsInlineLimit: path => (/\/guests\//.test(path) ? false : undefined),
    // The page's first scripts alone: a worker has no document to put links into.
    modulePreload: { resolveDependencies: (_, paths, { hostType }) => (hostType === 'html' ? paths : []) },
  },
  server: { headers: isolation },
  preview: { headers: isolation },
  test: {
    // For what hangs: no test judges how long something took.
    testTimeout: patient(180_000),
    hookTimeout: patient(60_000),
    // Two more than there are processors: some files wait for most of their time, for other programs or for time to go by.
    maxWorkers: availableParallelism() + 2,
    sequence: { sequencer: HeaviestFirst },
    // What Vite makes of a module is kept by its text and by all that this file imports, the interpreter's generator among them: half of the time to begin.
    experimental: { fsModuleCache: true, fsModuleCachePath: '.cache/vitest' },
    // A processor's tables are 100 MB, of which it touches little. Where some have been freed, glibc takes the next ones from its heap and clears them, which
    // took longer than all else that short tests do; above this threshold, once it is set, it goes on asking the kernel, whose pages are clear (mallopt(3)).
    env: { MALLOC_MMAP_THRESHOLD_: String(2 ** 20) },
    // Half of a file's processor time was loading the modules that the one before it had loaded.
    projects: [
      // A thread each: it begins sooner than a process.
      { extends: true, test: { name: 'alone', include: ALONE, pool: 'threads' } },
      {
        extends: true,
        test: {
          name: 'shared',
          include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
          exclude: ALONE,
          isolate: false,
          // Compiling with TurboFan and collecting were half of all processor time: most of what was optimized ran too rarely afterwards, and threads that collect beside each other
          // take more of it than one does. Marking by steps begins again and again for buffers of a few MB, and is dearer than at once.
          execArgv: V8_FLAGS,
          setupFiles: ['test/support/compiler.ts', 'test/support/ports.ts'],
        },
      },
    ],
  },
});
