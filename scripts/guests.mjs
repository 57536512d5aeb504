/**
 * npm run guests [-- --from PATH|URL] [-- --refresh]
 *
 * Fetches Debian packages and assembles guests from them into .cache/guests. The work is in guests.ts, which is bundled on its own:
 * guests are wanted also while the rest of the tree does not build.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { at, root } from './lib.mjs';
import { ensureDependencies } from './setup.mjs';
import { explain } from './usage.mjs';

explain(import.meta.url);

/** The bundle, in a folder named by its sources; made if it is not there. */
async function bundle() {
  const folders = ['scripts/archive', 'src/formats/elf', 'src/formats/unpack'];
  const sources = [
    'scripts/guests.mjs',
    'scripts/guests.ts',
    ...folders.flatMap(folder => readdirSync(at(folder)).map(name => `${folder}/${name}`)),
  ];
  const hash = createHash('sha256').update(process.version);
  for (const path of sources.sort()) hash.update(`\0${path}\0`).update(readFileSync(at(path)));
  const folder = at('.cache', 'guests-program', hash.digest('hex').slice(0, 16));
  if (existsSync(folder)) return folder;
  await ensureDependencies();
  const { build } = await import('vite');
  const temporary = `${folder}.${process.pid}`;
  mkdirSync(temporary, { recursive: true });
  await build({
    root,
    configFile: false,
    logLevel: 'error',
    publicDir: false,
    build: {
      ssr: true,
      outDir: temporary,
      target: 'node20',
      minify: false,
      rolldownOptions: { input: at('scripts', 'guests.ts'), output: { entryFileNames: 'guests.js' } },
    },
  });
  // Bundles of other sources go; another run may be at its own at this moment.
  for (const name of readdirSync(join(folder, '..')))
    if (/^[0-9a-f]+$/.test(name)) rmSync(join(folder, '..', name), { recursive: true, force: true });
  try {
    renameSync(temporary, folder);
  } catch (error) {
    rmSync(temporary, { recursive: true, force: true });
    if (!existsSync(folder)) throw error;
  }
  return folder;
}

const { main } = await import(pathToFileURL(join(await bundle(), 'guests.js')));
// npm runs scripts in the repository; the person who typed the command may be elsewhere, and --from is theirs.
if (process.env.npm_lifecycle_event === 'guests' && process.env.INIT_CWD) process.chdir(process.env.INIT_CWD);
process.exitCode = await main(process.argv.slice(2), root);
