/**
 * Builds what is missing or stale.
 *
 *   npm run -s build [-- --guests]     the page into dist/, the command line into build/
 *   node scripts/build.mjs --uncompressed     without what a server sends of the page's files: browsers' tests do not ask for it
 *
 * Programs go to build/NAME-<hash of the sources>/, so that a program that runs is never changed under its feet and two that start at
 * once cannot disturb each other.
 */
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, gzipSync } from 'node:zlib';
import { at, BROTLI, guestsFolder, isMain, NO_GUESTS, root, run, shrinks } from './lib.mjs';
import { documentPolicy, WORKER_POLICY } from './policy.mjs';
import { ensureDependencies, guestsFetched } from './setup.mjs';

/** What runs next to a program in a thread of its own, for a domain or for a host's files. */
const WORKERS = { worker: 'src/cli/domain-worker.ts', storage: 'src/cli/storage-worker.ts' };
/**
 * Programs that run in node: NAME.js is a module whose `main` is called, the others are what those start. The command line is built by itself, as somebody
 * waits for it and its speed is measured, and all tools at once: they share most of what they are made from.
 */
const PROGRAMS = {
  ringside: { ringside: 'src/cli/main.ts', package: 'src/cli/package.ts', ...WORKERS },
  tools: {
    oracle: 'src/workshop/oracle.ts',
    'oracle-make': 'src/workshop/oracle-make.ts',
    disasm: 'src/workshop/disasm.ts',
    'state-differences': 'src/workshop/state-differences.ts',
    'soak-back': 'src/workshop/soak-back.ts',
    'soak-migration': 'src/workshop/soak-migration/main.ts',
    'watch-word': 'src/workshop/bench-migration/watch-word.ts',
    'soak-pool': 'src/workshop/soak-pool/main.ts',
    'soak-storage': 'src/workshop/soak-storage.ts',
    'fuzz-storage': 'src/workshop/fuzz-storage.ts',
    'fuzz-hypercalls': 'src/workshop/fuzz-hypercalls.ts',
    'fuzz-backends': 'src/workshop/fuzz-backends.ts',
    scribbler: 'src/workshop/scribbler-worker.ts',
    'fuzz-devices': 'src/workshop/fuzz-devices.ts',
    'fuzz-cpu': 'src/workshop/fuzz-cpu.ts',
    'fuzz-programs': 'src/workshop/fuzz-programs.ts',
    'fuzz-disasm': 'src/workshop/fuzz-disasm.ts',
    'fuzz-native': 'src/workshop/fuzz-native.ts',
    'sim-pool': 'src/workshop/sim-pool/main.ts',
    'fuzz-leases': 'src/workshop/fuzz-leases.ts',
    'fuzz-pool': 'src/workshop/fuzz-pool.ts',
    'fuzz-libvirt': 'src/workshop/fuzz-libvirt.ts',
    'judge-libvirt': 'src/workshop/judge-libvirt.ts',
    'judge-tools': 'src/workshop/judge-tools.ts',
    'judge-definitions': 'src/workshop/judge-definitions.ts',
    'fuzz-gdb': 'src/workshop/fuzz-gdb.ts',
    'fuzz-rfb': 'src/workshop/fuzz-rfb.ts',
    'fuzz-doors': 'src/workshop/fuzz-doors.ts',
    'explore-leases': 'src/workshop/explore-leases.ts',
    'lesson-times': 'src/workshop/lesson-times.ts',
    'bench-widths': 'src/workshop/bench-widths.ts',
    'bench-hypervisor': 'src/workshop/bench-hypervisor/main.ts',
    'bench-migration': 'src/workshop/bench-migration/main.ts',
    start: 'src/workshop/bench-hypervisor/start.ts',
    ...WORKERS,
  },
};

function* files(path) {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat?.isFile()) yield { path, stat };
  else if (stat)
    for (const entry of readdirSync(path).sort())
      if (!entry.startsWith('.') && !entry.endsWith('.test.ts')) yield* files(join(path, entry));
}

/** Of sizes and times of change: reading all sources at each start of a program cost a tenth of a second. */
function hashOf(paths) {
  const hash = createHash('sha256').update(process.version);
  for (const path of paths)
    for (const { path: file, stat } of files(at(path)))
      hash.update(`\0${file.slice(root.length)}\0${stat.size} ${stat.mtimeMs}`);
  return hash.digest('hex').slice(0, 16);
}

const always = [
  'src',
  'guests',
  'package.json',
  'scripts/build.mjs',
  'scripts/policy.mjs',
  'scripts/licences.ts',
  'package-lock.json',
  'vite.config.ts',
  'tsconfig.json',
];

/** What vite.config.ts says, read once: it is bundled to be read, and what its plugins generate is generated again in each copy of them. */
let shared;

/** Vite, only where something has to be built: loading it takes longer than all the rest. */
async function vite(config) {
  await ensureDependencies({ quiet: true });
  const { build, loadConfigFromFile, mergeConfig } = await import('vite');
  shared ??= loadConfigFromFile({ command: 'build', mode: 'production' }, at('vite.config.ts'));
  return build({ ...mergeConfig((await shared).config, config), root, configFile: false, logLevel: 'error' });
}

/** Where a program of these sources is, or will be once it is built with others. */
function programPlace(name) {
  const [together, input] = Object.entries(PROGRAMS).find(([, programs]) => name in programs) ?? [];
  if (!input) throw new Error(`there is no program ${name}`);
  const folder = at('build', `${together}-${hashOf(always)}`);
  return { folder, module: join(folder, `${name}.js`), input };
}

/** The file in which a program begins. */
export const programSource = name => {
  const input = Object.values(PROGRAMS).find(programs => name in programs)?.[name];
  if (!input) throw new Error(`there is no program ${name}`);
  return at(input);
};

/** Path of a program's module; built, if it is not there, in a process of its own: what a builder takes of memory would stay with the program. */
export async function programModule(name) {
  // Once: that reads all sources.
  const { folder, module } = programPlace(name);
  if (!existsSync(module)) {
    const status = await run(process.execPath, [at('scripts', 'build.mjs'), '--program', name]);
    if (status !== 0) throw new Error(`its build ended with status ${status}`);
  }
  utimesSync(folder, new Date(), new Date());
  return module;
}

/** Builds a program, with those that are built with it, if it is not there; returns the path of its module. */
export async function buildProgram(name) {
  const { folder, module, input } = programPlace(name);
  if (existsSync(module)) {
    utimesSync(folder, new Date(), new Date());
    return module;
  }
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
      rolldownOptions: {
        input: Object.fromEntries(Object.entries(input).map(([as, source]) => [as, at(source)])),
        output: { entryFileNames: '[name].js', chunkFileNames: 'chunks/[name]-[hash].js' },
      },
    },
  });
  try {
    renameSync(temporary, folder);
  } catch (error) {
    rmSync(temporary, { recursive: true, force: true });
    if (!existsSync(module)) throw error; // else another process built the same meanwhile
  }
  prune();
  return module;
}

/** What other pages load, in a folder of its own: it shares no chunk with the page, whose first ones are counted. Returns the folder. */
export async function buildEmbed() {
  const folder = at('build', `embed-${hashOf(always)}`);
  if (existsSync(folder)) return folder;
  const temporary = `${folder}.${process.pid}`;
  await vite({
    publicDir: false,
    build: {
      outDir: temporary,
      reportCompressedSize: false,
      rolldownOptions: {
        input: { ringside: at('src/ui/embed/ringside.ts'), loader: at('src/ui/embed/loader.ts') },
        preserveEntrySignatures: 'strict',
        output: {
          entryFileNames: ({ name }) =>
            ['ringside', 'loader'].includes(name) ? '[name].js' : 'assets/[name]-[hash].js',
          topLevelVar: false,
        },
      },
    },
  });
  renameSync(temporary, folder);
  prune();
  return folder;
}

/** Old builds go, but not one that a program may still run from. */
function prune() {
  const dayAgo = Date.now() - 24 * 3600 * 1000;
  for (const entry of readdirSync(at('build'), { withFileTypes: true })) {
    const path = at('build', entry.name);
    if (entry.isDirectory() && statSync(path, { throwIfNoEntry: false })?.mtimeMs < dayAgo)
      rmSync(path, { recursive: true, force: true });
  }
}

/** Builds and compresses the page if dist/ is stale; returns true if it built it. `begins`: gets what is done from then on, which takes minutes on a busy machine. */
export async function buildPage({ compressed = true, begins = () => {} } = {}) {
  const hash = hashOf([...always, 'index.html', 'bench.html', 'components.html', 'public']);
  const [built, packed] = ['page', 'compressed-page'].map(name => at('build', name));
  const isOf = stamp => existsSync(stamp) && readFileSync(stamp, 'utf8') === hash;
  const isStale = !existsSync(at('dist', 'index.html')) || !isOf(built);
  if (isStale) {
    for (const stamp of [built, packed]) rmSync(stamp, { force: true });
    begins('builds the page');
    await makePage();
    mkdirSync(at('build'), { recursive: true });
    writeFileSync(built, hash);
  }
  if (compressed && !isOf(packed)) {
    begins('compresses the page');
    await compress();
    writeFileSync(packed, hash);
  }
  return isStale;
}

async function makePage() {
  const input = {
    index: at('index.html'),
    bench: at('bench.html'),
    components: at('components.html'),
    [SERVICE_WORKER]: at('src/ui/service-worker.ts'),
  };
  // It answers for the folder in which it is, under a name that stays.
  const entryFileNames = ({ name }) => (name === SERVICE_WORKER ? '[name].js' : 'assets/[name]-[hash].js');
  const { output } = await vite({ build: { write: false, minify: false, rolldownOptions: { input } } });
  const names = firstChunks(output);
  const codeSplitting = { groups: [{ name: id => names.get(id), includeDependenciesRecursively: false }] };
  await vite({
    build: {
      outDir: at('dist'),
      emptyOutDir: true,
      reportCompressedSize: false,
      rolldownOptions: {
        input,
        // The minifier writes a number in place of a constant, but not in place of the `var` that Vite makes of one.
        optimization: { inlineConst: { mode: 'all', pass: 3 } },
        output: { entryFileNames, codeSplitting, topLevelVar: false },
      },
    },
  });
  listFiles();
  // Not of those that tell one build from another, as guests may be fetched later. The page asks for it wherever it is served: an answer of 404 would be in the browser's console as a fault.
  mkdirSync(at('dist', 'guests'), { recursive: true });
  writeFileSync(at('dist', 'guests', 'catalogue.json'), NO_GUESTS);
}

/** Threads, each with its script and what that asks for at once: the first three begin before the first prompt. */
const THREADS = {
  page: ['index.html', 'src/ui/main.tsx'],
  dom0: ['src/dom0/service/worker.ts', 'src/dom0/service/inventory.ts'],
  guest: ['src/hypervisor/worker/worker.ts', 'src/hypervisor/interfaces/xen/interface.ts'],
  storage: ['src/dom0/service/storage-worker.ts'],
};
const FIRST = ['page', 'dom0', 'guest'];

/**
 * Names the chunk of each module that is needed at first: after the threads that need it and, behind `for`, those that may later. Left alone, the builder
 * gives a chunk to what any two of all later parts share: sixty small ones before the first prompt, which compress worse than a few and name each other by
 * hashes, which do not compress at all.
 *
 * @param chunks of a build without groups
 * @returns names by module
 */
function firstChunks(chunks) {
  const byFile = new Map(chunks.map(chunk => [chunk.fileName, chunk]));
  const modulesReached = (roots, next) => {
    const paths = roots.map(path => at(path));
    const files = new Set(chunks.filter(chunk => paths.includes(chunk.facadeModuleId)).map(chunk => chunk.fileName));
    for (const file of files) for (const other of next(byFile.get(file))) files.add(other);
    return new Set([...files].flatMap(file => byFile.get(file).moduleIds));
  };
  const threads = Object.entries(THREADS).map(([name, roots]) => ({
    name,
    first: FIRST.includes(name) ? modulesReached(roots, ({ imports }) => imports) : new Set(),
    ever: modulesReached(roots, ({ imports, dynamicImports }) => [...imports, ...dynamicImports]),
  }));
  const namesOf = wanted => threads.filter(wanted).map(({ name }) => name);
  const names = new Map();
  for (const id of new Set(threads.flatMap(({ first }) => [...first]))) {
    const later = namesOf(({ first, ever }) => ever.has(id) && !first.has(id));
    names.set(id, [...namesOf(({ first }) => first.has(id)), ...(later.length > 0 ? ['for', ...later] : [])].join('-'));
  }
  // What begins when it is loaded stays by itself.
  for (const root of Object.values(THREADS).flat()) names.delete(at(root));
  return names;
}

const SERVICE_WORKER = 'service-worker';

/** Tells the service worker which files the page has, and which build they are: the same sources make the same one everywhere. */
function listFiles() {
  const script = at('dist', `${SERVICE_WORKER}.js`);
  const paths = [...files(at('dist'))]
    .map(({ path }) => path.slice(at('dist').length + 1))
    .filter(path => path !== `${SERVICE_WORKER}.js`);
  const build = createHash('sha256');
  for (const path of paths) build.update(`\0${path}\0`).update(readFileSync(at('dist', path)));
  const policy = documentPolicy(readFileSync(at('dist', 'index.html'), 'utf8'));
  build.update(policy + WORKER_POLICY);
  // The page is asked for by its folder's name.
  const list = JSON.stringify([
    './',
    'guests/catalogue.json',
    ...paths.filter(path => !/^(bench\.html|components\.html|assets\/(bench|components)-)/.test(path)),
  ]);
  writeFileSync(
    script,
    readFileSync(script, 'utf8')
      .replace('__FILES__', list)
      .replace('__BUILD__', build.digest('hex').slice(0, 16))
      // The bundler chose the quotes of these, which policies have, too, and may write them several times.
      .replace(/(["'`])__POLICY__\1/g, JSON.stringify(policy))
      .replace(/(["'`])__WORKER_POLICY__\1/g, JSON.stringify(WORKER_POLICY)),
  );
}

/** Puts next to each text what a server sends of it (serve.mjs; nginx: brotli_static): the best that Brotli can takes too long for each visit. */
async function compress() {
  const texts = [...files(at('dist'))].filter(({ path, stat }) => shrinks(path, stat.size));
  await Promise.all(
    texts.map(async ({ path }) =>
      writeFileSync(`${path}${BROTLI}`, await promisify(brotliCompress)(readFileSync(path))),
    ),
  );
}

/** Puts the guests that were fetched next to the page, for a host that serves dist/ alone, and the first of them as it is at its shell. */
async function copyGuests() {
  if (!guestsFetched()) throw new Error('There are no guests to copy: run `npm run guests` first.');
  const folder = at('dist', 'guests');
  rmSync(folder, { recursive: true, force: true });
  cpSync(guestsFolder, folder, { recursive: true });
  const path = join(folder, 'catalogue.json');
  const catalogue = JSON.parse(readFileSync(path, 'utf8'));
  // The one that the page offers first (bestOf in src/ui/parts/home.tsx).
  const guest = catalogue.guests.at(-1);
  const state = `${guest.id}/${guest.id}.state`;
  const bytes = await stateAtShell(guest);
  writeFileSync(join(folder, state), bytes);
  // What was written to its disks is in the state, and they are below that.
  const disks = guest.files
    .filter(({ name }) => name.endsWith('.qcow2'))
    .map(({ name, path, bytes: size }) => ({ name, path, bytes: size }));
  catalogue.saved = [
    {
      guest: guest.id,
      path: state,
      bytes: bytes.length + disks.reduce((sum, { bytes: size }) => sum + size, 0),
      disks,
    },
  ];
  writeFileSync(path, `${JSON.stringify(catalogue, null, 1)}\n`);
}

/** On a computer that has other work, too. */
const BOOT_SECONDS = 900;
const SHELL = '/ # ';
/**
 * Typed at the shell before it is saved: memory that the kernel has used and given back, such as its unpacked RAM disk's, is filled with zeros, which take no
 * room. 8 MiB are left to the kernel. Each line erases itself, which tells that it was done; the last one by a sequence of its own.
 */
const ZERO_FREE_MEMORY = [
  String.raw`e() { printf '\\033[A\\r\\033[J'; }; mkdir /z; e`,
  String.raw`k=$(awk '/MemFree/ { print $2 - 8192 }' /proc/meminfo); e`,
  String.raw`mount -t tmpfs -o size=$\{k}k z /z; cat /dev/zero 2>&- >/z/z; e`,
  String.raw`umount /z; rmdir /z; unset k; unset -f e; printf '\\033[A\\r\\033[K\\033[J'`,
];
const ERASED = '\\x1b[J',
  ALL_ERASED = '\x1b[K\x1b[J';

/** The saved state of a fetched guest that waits at its shell, by gzip. It is made once for each build of the command line and of the guest. */
async function stateAtShell({ id, files }) {
  const ringside = programPlace('ringside').folder;
  const kept = join(
    ringside,
    `${id}-${createHash('sha256')
      .update(JSON.stringify([files, ZERO_FREE_MEMORY]))
      .digest('hex')
      .slice(0, 16)}.state`,
  );
  if (!existsSync(kept)) {
    console.error(`${id} boots, to be saved at its shell …`);
    const saved = `${kept}.${process.pid}`;
    const script = `${saved}.script`;
    writeFileSync(
      script,
      ZERO_FREE_MEMORY.map((line, i) => `expect ${i > 0 ? ERASED : ''}${SHELL}\nsend ${line}\\n\n`).join(''),
    );
    const ends = [
      '--script',
      script,
      '--until',
      `${ALL_ERASED}${SHELL}`,
      '--timeout',
      String(BOOT_SECONDS),
      '--save',
      saved,
    ];
    const status = await run(
      process.execPath,
      [at('bin', 'ringside.mjs'), 'boot', join(guestsFolder, id, `${id}.cfg`), ...ends],
      { quiet: true },
    );
    rmSync(script);
    if (status !== 0)
      throw new Error(
        `${id} did not come to its shell (status ${status}). Try: npx ringside boot ${join(guestsFolder, id, `${id}.cfg`)}`,
      );
    writeFileSync(saved, gzipSync(readFileSync(saved), { level: 9 }));
    renameSync(saved, kept);
  }
  return readFileSync(kept);
}

if (isMain(import.meta.url)) {
  try {
    const [option, program] = process.argv.slice(2);
    if (option === '--program') {
      await buildProgram(program);
      process.exit(0);
    }
    const unknown = process.argv.slice(2).find(option => !['--guests', '--uncompressed'].includes(option));
    if (unknown)
      throw new Error(
        `build: unknown option ${unknown}; there are --guests (copies the fetched guests into dist/, one of them as it stands at its shell) and --uncompressed (leaves out what servers send of the page).`,
      );
    if (existsSync(at('index.html'))) await buildPage({ compressed: !process.argv.includes('--uncompressed') });
    for (const together of Object.values(PROGRAMS)) await buildProgram(Object.keys(together)[0]);
    if (process.argv.includes('--guests')) await copyGuests();
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}
