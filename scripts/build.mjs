/**
 * Builds what is missing or stale.
 *
 *   npm run -s build [-- --guests]     the page into dist/, the command line into build/
 *
 * The command line goes to build/<hash of the sources>/, so that a program that runs is never changed under its feet and two that start at
 * once cannot disturb each other.
 */
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { at, guestsFolder, isMain, root } from './lib.mjs';
import { ensureDependencies } from './setup.mjs';

/** Programs that run in node, and the module each is made from. `worker` is what the command line starts for a domain. */
export const programs = {
  main: 'src/cli/main.ts',
  oracle: 'src/cli/oracle.ts',
  disasm: 'src/cli/disasm.ts',
  'fuzz-cpu': 'src/cli/fuzz-cpu.ts',
  worker: 'src/hypervisor/worker.ts',
  guests: 'scripts/guests.ts',
};

function* files(path) {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat?.isFile()) yield path;
  else if (stat)
    for (const entry of readdirSync(path).sort()) if (!entry.startsWith('.') && !entry.endsWith('.test.ts')) yield* files(join(path, entry));
}

function hashOf(paths) {
  const hash = createHash('sha256').update(process.version);
  for (const path of paths) for (const file of files(at(path))) hash.update(`\0${file.slice(root.length)}\0`).update(readFileSync(file));
  return hash.digest('hex').slice(0, 16);
}

const always = ['src', 'guests', 'scripts/build.mjs', 'package-lock.json', 'vite.config.ts', 'tsconfig.json'];

/** Vite, only where something has to be built: loading it takes longer than all the rest. */
async function vite(config) {
  await ensureDependencies({ quiet: true });
  const { build } = await import('vite');
  await build({ root, configFile: at('vite.config.ts'), logLevel: 'error', ...config });
}

/** Builds the command line if it is not there; returns its folder. */
export async function buildPrograms() {
  const folder = at('build', hashOf([...always, 'scripts/guests.ts', 'scripts/guests', 'scripts/archive']));
  if (existsSync(folder)) {
    utimesSync(folder, new Date(), new Date());
    return folder;
  }
  const input = Object.fromEntries(
    Object.entries(programs)
      .filter(([, source]) => existsSync(at(source)))
      .map(([name, source]) => [name, at(source)]),
  );
  mkdirSync(at('build'), { recursive: true });
  const temporary = `${folder}.${process.pid}`;
  await vite({
    publicDir: false,
    // Everything in one place: loading a few files is quicker than resolving packages at each start.
    ssr: { noExternal: true },
    build: {
      ssr: true,
      outDir: temporary,
      target: 'node20',
      minify: false,
      reportCompressedSize: false,
      rolldownOptions: { input, output: { entryFileNames: '[name].js', chunkFileNames: 'chunks/[name]-[hash].js' } },
    },
  });
  try {
    renameSync(temporary, folder);
  } catch (error) {
    rmSync(temporary, { recursive: true, force: true });
    if (!existsSync(folder)) throw error; // else another process built the same meanwhile
  }
  prune();
  return folder;
}

/** Old builds go, but not one that a program may still run from. */
function prune() {
  const dayAgo = Date.now() - 24 * 3600 * 1000;
  for (const entry of readdirSync(at('build'), { withFileTypes: true })) {
    const path = at('build', entry.name);
    if (entry.isDirectory() && statSync(path, { throwIfNoEntry: false })?.mtimeMs < dayAgo) rmSync(path, { recursive: true, force: true });
  }
}

/** Builds the page if dist/ is stale; returns true if it did. */
export async function buildPage() {
  const hash = hashOf([...always, 'index.html', 'public']);
  const stamp = at('build', 'page');
  if (existsSync(at('dist', 'index.html')) && existsSync(stamp) && readFileSync(stamp, 'utf8') === hash) return false;
  rmSync(stamp, { force: true });
  await vite({ build: { outDir: at('dist'), emptyOutDir: true, reportCompressedSize: false } });
  mkdirSync(at('build'), { recursive: true });
  writeFileSync(stamp, hash);
  return true;
}

/** Puts the guests that were fetched beside the page, for a host that serves dist/ alone. */
function copyGuests() {
  if (!existsSync(guestsFolder)) throw new Error('There are no guests to copy: run `npm run guests` first.');
  rmSync(at('dist', 'guests'), { recursive: true, force: true });
  cpSync(guestsFolder, at('dist', 'guests'), { recursive: true });
}

if (isMain(import.meta.url)) {
  try {
    const unknown = process.argv.slice(2).find(option => option !== '--guests');
    if (unknown) throw new Error(`build: unknown option ${unknown}; the only one is --guests (copies the fetched guests into dist/).`);
    if (existsSync(at('index.html'))) await buildPage();
    await buildPrograms();
    if (process.argv.includes('--guests')) copyGuests();
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}
