/**
 * npm test                      everything that a change must pass, set-up included
 * npm run test:guests           the longer boots, in node and in three browsers, and what takes long in the page
 * npm test -- --times           prints the fifteen slowest steps and files at the end (for test:guests, too)
 * npm test -- --weigh           keeps what files took, by which they are ordered (test/support/heaviest-first.ts): on a machine with nothing else to do
 * npm test -- --changed[=REV]   only what the files reach that differ from REV (HEAD): tests that import them, and the browser's where the page changed
 *
 * What is not available on this machine is skipped, with the reason; with RINGSIDE_STRICT=1 that is a failure, except for tests that say they need
 * ../shared (a folder next to the repository that visitors do not have) where it is absent.
 * There a test that fails is tried a second time, too: some wait for what a busy machine does late. Those that needed it are named, with what they said.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs, stripVTControlCharacters } from 'node:util';
import { at, run, say, strict } from './lib.mjs';
import { measureSlowness } from './slowness.mjs';
import { ensureChromium, ensureDependencies, ensureGuests, ensureHeadlessShell, ensurePrograms } from './setup.mjs';
import { explain } from './usage.mjs';

explain(import.meta.url);

const SHARED_MARK = '[needs ../shared]';
const haveShared = existsSync(at('..', 'shared', 'oracle'));
const reports = at('.cache', 'test');
const V8_FLAGS = JSON.parse(readFileSync(at('test', 'support', 'v8-flags.json'), 'utf8'));
/** Modules as vitest has them (vite.config.ts); each change of one adds a file. */
const modules = at('.cache', 'vitest');
const MOST_MODULES = 20_000;

const { values: options, positionals } = parseArgs({
  // `--changed` alone means against HEAD; parseArgs knows no option whose value may be left out.
  args: process.argv.slice(2).map(word => (word === '--changed' ? '--changed=HEAD' : word)),
  options: { times: { type: 'boolean' }, weigh: { type: 'boolean' }, changed: { type: 'string' } },
  allowPositionals: true,
});

/** Steps with what they counted; a step without a report counts as one check. */
const results = [];
/** How long each step without a report and each file of tests took, in seconds. Files run in parallel on all cores. */
const times = [];
const skipped = [];
/** Tests that passed at their second attempt. */
const again = [];
const retries = strict ? 1 : 0;

/** What `run` gives for what it ended at its limit (scripts/lib.mjs). */
const LATE = 124;
/** Of the whole, set-up included: .ci/run says how long this half may take. The rest is for what comes behind the tests. */
const LIMIT_S = Number(process.env.RINGSIDE_LIMIT_S ?? 5400);
const REPORT_S = 30;
const leftSeconds = () => LIMIT_S - REPORT_S - performance.now() / 1000;

const record = (step, passed, failed, notes = []) => {
  results.push({ step, passed, failed, notes });
  for (const note of notes) say(`  ${note}`);
  say(`${step}: ${passed} passed, ${failed} failed`);
};

function skip(what, why) {
  if (strict) record(what, 0, 1, [`skipped, which is not allowed here: ${why}`]);
  else {
    skipped.push(`${what}: ${why}`);
    say(`${what} skipped: ${why}`);
  }
}

const bin = (name, file) => at('node_modules', name, file);

/** A step that only succeeds or fails; resolves with whether it did succeed. */
async function check(step, script, args, limitSeconds = 300) {
  say(step);
  const begin = performance.now();
  const status = await run(process.execPath, [script, ...args], { limitSeconds });
  times.push({ what: step, seconds: (performance.now() - begin) / 1000 });
  record(step, status === 0 ? 1 : 0, status === 0 ? 0 : 1);
  return status === 0;
}

/** Titles of tests that did not run, sorted into allowed and not. */
function judgeSkips(titles) {
  const allowed = titles.filter(title => title.includes(SHARED_MARK) && !haveShared);
  const others = titles.filter(title => !allowed.includes(title));
  skipped.push(...allowed);
  if (!strict) skipped.push(...others);
  return strict ? others : [];
}

const readReport = path => (existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : undefined);

/** What a failed test said, in one line: a log of which only the end was kept still tells why. */
const said = message =>
  stripVTControlCharacters(message ?? 'no message')
    .split('\n')
    .map(line => line.trim())
    .filter(line => line && !line.startsWith('at '))
    .slice(0, 6)
    .join(' | ');

/** What vitest reported of its files (test/support/ended-files.mjs): those that ended, and names of those that began and did not. */
function readEnded(path) {
  if (!existsSync(path)) return { files: [], unended: [] };
  const lines = readFileSync(path, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map(line => JSON.parse(line));
  const files = lines
    .filter(({ ended }) => ended)
    .map(({ ended, ...rest }) => ({ ...rest, name: ended.slice(at().length) }));
  const ended = new Set(files.map(({ name }) => name));
  const begun = new Set(lines.filter(({ begun }) => begun).map(({ begun }) => begun.slice(at().length)));
  return { files, unended: [...begun].filter(name => !ended.has(name)) };
}

/** While tests run in the page: a page waits for a third of its test's time, for its guest or a poll's next turn. These use that, and wait where a page does not. */
async function vitest(step, args, limitSeconds) {
  const path = join(reports, `${step.replaceAll(' ', '-')}.jsonl`);
  say(step);
  const status = await run(
    process.execPath,
    [
      // Tests in threads run in its process, too.
      ...V8_FLAGS,
      bin('vitest', 'vitest.mjs'),
      'run',
      '--reporter=default',
      `--reporter=${at('test', 'support', 'ended-files.mjs')}`,
      `--retry=${retries}`,
      ...args,
    ],
    { limitSeconds, beside: true, yields: true, env: { RINGSIDE_ENDED_FILES: path } },
  );
  const { files, unended } = readEnded(path);
  if (status !== 0 && files.length + unended.length === 0) return record(step, 0, 1, [`no report (status ${status})`]);
  let passed = 0;
  const notRun = [];
  const bad = unended.map(name => `did not end: ${name}`);
  for (const { name, state, ms, errors, tests } of files) {
    times.push({ what: name, seconds: ms / 1000 });
    // A file that cannot be loaded, or an error outside its tests.
    if (state === 'failed' && !tests.some(test => test.state === 'failed'))
      bad.push(`failed outside its tests: ${name} (${said(errors[0])})`);
    for (const { title, state: one, errors: ofTest } of tests) {
      const called = `${name}: ${title}`;
      if (one === 'passed') passed++;
      if (one === 'failed') bad.push(`failed: ${called} (${said(ofTest[0])})`);
      else if (one !== 'passed') notRun.push(called);
      else if (ofTest.length) again.push(`${called} (${said(ofTest[0])})`);
    }
  }
  if (status === LATE)
    bad.push(`ended after ${limitSeconds.toFixed()} s: files that had not begun by then are not counted`);
  recordTests(step, passed, bad.length, status, bad, judgeSkips(notRun));
}

function recordTests(step, passed, failed, status, bad, skips) {
  if (status !== 0 && failed === 0) {
    failed = 1;
    bad.push(`ended with status ${status}, though no test failed`);
  }
  record(step, passed, failed + skips.length, [
    ...bad,
    ...skips.map(title => `skipped, which is not allowed here: ${title}`),
  ]);
}

/** Walks Playwright's tree of suites. */
function* specs(suites, path = '') {
  for (const suite of suites ?? []) {
    for (const spec of suite.specs ?? [])
      yield { file: spec.file, title: `${path}${suite.title}: ${spec.title}`, tests: spec.tests };
    yield* specs(suite.suites, `${path}${suite.title}: `);
  }
}

async function playwright(step, limitSeconds, env, args = []) {
  const file = join(reports, `${step.replaceAll(' ', '-')}.json`);
  say(step);
  const status = await run(
    process.execPath,
    [bin('@playwright/test', 'cli.js'), 'test', `--retries=${retries}`, ...args],
    { limitSeconds, beside: true, env: { ...env, PLAYWRIGHT_JSON_OUTPUT_FILE: file } },
  );
  const report = readReport(file);
  if (!report) return record(step, 0, 1, [`no report (status ${status})`]);
  const tests = [...specs(report.suites)].flatMap(({ file: ofFile, title, tests: ofSpec }) =>
    ofSpec.map(({ status: one, results: runs }) => ({
      file: `test/browser/${ofFile}`,
      title,
      status: one,
      seconds: runs.reduce((sum, { duration }) => sum + duration / 1000, 0),
      error: runs
        .find(({ errors }) => errors?.length)
        ?.errors.map(({ message }) => message)
        .join('\n'),
    })),
  );
  for (const what of new Set(tests.map(test => test.file)))
    times.push({
      what,
      seconds: tests.filter(test => test.file === what).reduce((sum, { seconds }) => sum + seconds, 0),
    });
  const count = wanted => tests.filter(({ status: one }) => wanted.includes(one)).length;
  const those = wanted => tests.filter(({ status: one }) => one === wanted);
  again.push(...those('flaky').map(({ title, error }) => `${title} (${said(error)})`));
  const failed = those('unexpected').map(({ title, error }) => `failed: ${title} (${said(error)})`);
  recordTests(
    step,
    count(['expected', 'flaky']),
    failed.length,
    status,
    failed,
    judgeSkips(those('skipped').map(({ title }) => title)),
  );
}

const haveFiles = (folder, ending) =>
  existsSync(at(folder)) && readdirSync(at(folder)).some(name => name.endsWith(ending));

/** `guests`: options of `npm run guests`. */
async function setUp(guests = []) {
  await ensureDependencies();
  const chromium = await ensureChromium();
  const guestsMissing = await ensureGuests({ options: guests });
  if (guestsMissing) skip('guests', guestsMissing);
  return chromium;
}

const build = (...options) => check('build', at('scripts', 'build.mjs'), options);

/** What the built page is made of; files of tests are not. */
const OF_THE_PAGE = /^(src\/(?!cli\/)|guests\/|public\/|scripts\/(build|serve|lib)|[^/]*\.html$|vite\.config|package)/;
/** Less is not worth an order. */
const LEAST_WEIGHT_S = 4;
const OF_NODE = /\.(test|guest)\.tsx?$/;
const OF_TESTS = /\.test\.tsx?$/;

/** Files that differ from the revision, those that git does not know yet among them. */
function changedFiles(revision) {
  const lines = args => execFileSync('git', args, { cwd: at(), encoding: 'utf8' }).split('\n').filter(Boolean);
  return [...lines(['diff', '--name-only', revision]), ...lines(['ls-files', '--others', '--exclude-standard'])];
}

async function testEverything() {
  const chromium = await setUp();
  // What others read our volume groups, CDs and FAT disks with, and write theirs; the assembler that ours is compared with; another PC that pcos runs on.
  const tools = await ensurePrograms({
    nasm: 'nasm',
    'qemu-system-i386': 'qemu-system-x86',
    pvck: 'lvm2',
    sfdisk: 'fdisk',
    mke2fs: 'e2fsprogs',
    mcopy: 'mtools',
    'fsck.fat': 'dosfstools',
    genisoimage: 'genisoimage',
    'qemu-nbd': 'qemu-utils',
    nbdcopy: 'libnbd-bin',
    nbdkit: 'nbdkit',
    etcd: 'etcd-server',
    virsh: 'libvirt-clients',
    '/usr/lib/python3/dist-packages/libvirt.py': 'python3-libvirt',
    // What virt-xml-validate of these runs.
    xmllint: 'libxml2-utils',
    gdb: 'gdb',
    gvnccapture: 'gvncviewer',
    iasl: 'acpica-tools',
  });
  if (tools)
    skip(
      'tools of volume groups, file systems, network disks, leases, libvirt, ACPI and assembly, QEMU, gdb, gvnccapture',
      tools,
    );
  const shell = await ensureHeadlessShell();
  const begin = performance.now();
  // Each takes one core for most of its time.
  const [built] = await Promise.all([
    build('--uncompressed'),
    check('type check', bin('typescript', join('bin', 'tsc')), [
      '-p',
      '.',
      '--noEmit',
      '--incremental',
      '--tsBuildInfoFile',
      at('.cache', 'types.tsbuildinfo'),
    ]),
    check('lint and format', bin('@biomejs/biome', join('bin', 'biome')), [
      'ci',
      '--error-on-warnings',
      '--reporter=summary',
      '.',
    ]),
  ]);
  const since = options.changed;
  // Playwright follows the imports of its own files alone: what the page is made of reaches all of them.
  const pageChanged = !since || changedFiles(since).some(file => OF_THE_PAGE.test(file) && !OF_TESTS.test(file));
  const inBrowser = () => {
    if (!haveFiles('test/browser', '.spec.ts')) return say('no browser tests in this version');
    if (!chromium.path) return skip('browser tests', chromium.why);
    if (!built) return undefined;
    const env = { RINGSIDE_CHROMIUM: chromium.path, ...(shell && { RINGSIDE_HEADLESS_SHELL: shell }) };
    return playwright(
      'browser tests',
      leftSeconds(),
      env,
      pageChanged ? [] : [`--only-changed=${since}`, '--pass-with-no-tests'],
    );
  };
  await Promise.all([
    inBrowser(),
    vitest('unit tests', since ? [`--changed=${since}`, '--passWithNoTests'] : [], leftSeconds()),
  ]);
  say(`tests took ${((performance.now() - begin) / 60_000).toFixed(1)} minutes after set-up`);
}

async function testGuests() {
  const chromium = await setUp(['--installer', '--amd64', '--agent']);
  // What boot loaders are put onto disks and CDs with, and another PC that our BIOS starts.
  const tools = await ensurePrograms({
    genisoimage: 'genisoimage',
    syslinux: 'syslinux',
    extlinux: 'extlinux',
    mcopy: 'mtools',
    'mkfs.vfat': 'dosfstools',
    mke2fs: 'e2fsprogs',
    'qemu-system-i386': 'qemu-system-x86',
  });
  if (tools) skip('tools of boot loaders', tools);
  if (!chromium.path) skip('Chromium', chromium.why);
  const firefox = await ensurePrograms({ 'firefox-esr': 'firefox-esr' });
  if (firefox) skip('Firefox', firefox);
  const webkit = await ensurePrograms({ WebKitWebDriver: 'webkit2gtk-driver', 'xvfb-run': 'xvfb' }, ['xauth']);
  if (webkit) skip('WebKitGTK', webkit);
  if (!(await build())) return;
  // Those in the page first, as some of them measure how much processor time guests get.
  await Promise.all([
    chromium.path &&
      playwright('long browser tests', leftSeconds(), { RINGSIDE_CHROMIUM: chromium.path, RINGSIDE_LONG: '1' }),
    vitest('guest tests', ['--config', 'vitest.guests.config.ts'], leftSeconds()),
  ]);
}

/** Keeps how long files of tests took that node runs, where that is worth an order. */
function weigh() {
  const path = at('test', 'support', 'weights.json');
  const weights = JSON.parse(readFileSync(path, 'utf8'));
  const seconds = new Map(times.filter(({ what }) => OF_NODE.test(what)).map(({ what, seconds }) => [what, seconds]));
  for (const what of Object.keys(weights)) if (!existsSync(at(what))) delete weights[what];
  for (const [what, took] of seconds) {
    if (took >= LEAST_WEIGHT_S) weights[what] = Math.round(took);
    else delete weights[what];
  }
  const sorted = Object.fromEntries(Object.entries(weights).sort(([one], [other]) => (one < other ? -1 : 1)));
  writeFileSync(path, `${JSON.stringify(sorted, null, 2)}\n`);
}

const suites = { test: testEverything, guests: testGuests };
const [name] = positionals;
mkdirSync(reports, { recursive: true });
if (existsSync(modules) && readdirSync(modules).length > MOST_MODULES) rmSync(modules, { recursive: true });
for (const old of readdirSync(reports)) rmSync(join(reports, old));
// Before anything of ours runs: limits of what hangs are multiples of it (test/support/patience.ts).
process.env.RINGSIDE_SLOWNESS ??= measureSlowness().toFixed(2);
if (Number(process.env.RINGSIDE_SLOWNESS) >= 1.5)
  say(`this machine takes ${process.env.RINGSIDE_SLOWNESS} times the usual time: hang limits are as many times longer`);
try {
  await suites[name]();
} catch (error) {
  record('set-up', 0, 1, [error.message]);
}
if (options.weigh) weigh();
const sum = key => results.reduce((total, result) => total + result[key], 0);
if (options.times) {
  console.log('\nDearest, in seconds:');
  const dearest = times.sort((one, other) => other.seconds - one.seconds).slice(0, 15);
  for (const { what, seconds } of dearest) console.log(`${seconds.toFixed(1).padStart(8)}  ${what}`);
}
if (skipped.length) console.log(`\nNot run here:\n${skipped.map(line => `  ${line}`).join('\n')}`);
if (again.length) console.log(`\nPassed at their second attempt:\n${again.map(line => `  ${line}`).join('\n')}`);
const failures = results
  .filter(({ failed }) => failed > 0)
  .flatMap(({ step, notes }) => (notes.length ? notes.map(note => `${step}: ${note}`) : [step]));
if (failures.length) console.log(`\nFailed:\n${failures.map(line => `  ${line}`).join('\n')}`);
// .ci/run adds up the two commands and wants its own last line to be the only one of its kind.
if (process.env.RINGSIDE_SUMMARY)
  writeFileSync(
    process.env.RINGSIDE_SUMMARY,
    JSON.stringify({ passed: sum('passed'), failed: sum('failed'), failures, again }),
  );
else console.log(`${sum('passed')} passed, ${sum('failed')} failed`);
process.exitCode = sum('failed') === 0 ? 0 : 1;
