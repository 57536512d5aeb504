/**
 * npm run -s soak:amd64 -- [--only WORDS] [--moments N] [--end N] [--seed S]
 *
 * Debian 12 and 13 of 64 bits with systemd, from a disk by BIOS and GRUB on a PC and as HVM guest of Xen with the drivers of a PC and with Xen's, and by
 * kernel and initrd as PVH; two virtual processors wherever Xen is. Each boots to its login in virtual time, and is kept there; the kept state goes on:
 * root logs in, no unit has failed, apt installs a package of 64 bits and a program of 32 from an archive on the disk, both run, and the system powers off.
 * Then the same boots of Debian 12 are saved and restored at N random moments between them (100), and must show the same and end in the same state as
 * uninterrupted, but for what a restored guest gets new (stream/differences.ts). Last, the page boots a disk. Each row prints processor seconds. Needs npm run guests -- --systemd; for the page Chromium.
 *
 *   --only WORDS   rows whose name this regular expression matches: "12 pvh$", "page", "moments"
 *   --end N        where the runs of the random moments stop, in instructions, instead of shortly before the login
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { programModule } from './build.mjs';
import { drawFrom } from './killable.mjs';
import { at, run } from './lib.mjs';
import { explain } from './usage.mjs';

explain(import.meta.url);

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    moments: { type: 'string', default: '100' },
    end: { type: 'string', default: '0' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
});
const only = new RegExp(values.only);
const LOGIN = 'login: ';
/** Of the host, at a load of ten. */
const LIMIT_SECONDS = 3600;
const WRONG = /Kernel panic|BUG:|Oops|soft lockup|detected stall|stalls on CPU|Call Trace|I\/O error|FAILED\] Failed/;
/** root's commands, each with what it must show. The drivers say which way the disk and the card are. */
const COMMANDS = [
  ['systemctl is-system-running --wait', /^running\r?$/m],
  ['systemctl --failed --no-legend --no-pager | wc -l', /^0\r?$/m],
  ['uname -m; nproc', undefined],
  ['readlink /sys/block/*/device/driver /sys/class/net/*/device/driver', undefined],
  ['networkctl -l --no-pager | cat', undefined],
  ['apt-get -q update; apt-get -q -y install hello busybox-static:i386', /Setting up hello/],
  // The fifth byte of an ELF file: of 32 bits.
  ['hello; od -An -tx1 -N5 /bin/busybox; busybox echo 32 bits', /Hello, world!\r?\n 7f 45 4c 46 01\r?\n32 bits/],
];

const folder = mkdtempSync(join(tmpdir(), 'ringside-amd64-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const path = name => join(folder, name);

/** Runs `ringside boot`: what it showed, its status, instructions, and the processor seconds of it and its workers. */
async function boot(...argv) {
  const stats = path('stats.json'),
    usage = path('usage');
  // In the process itself, and in each of its workers, whose seconds are among the process's: the last word is its own.
  const told = `import { writeFileSync } from 'node:fs'; process.on('exit', () => { const { user, system } = process.cpuUsage(); writeFileSync(${JSON.stringify(usage)}, String((user + system) / 1e6)); });`;
  const options = ['--virtual-time', '--seed', '1', '--stats', stats];
  const child = spawn(
    process.execPath,
    [
      '--import',
      `data:text/javascript,${encodeURIComponent(told)}`,
      at('bin', 'ringside.mjs'),
      'boot',
      ...argv,
      ...options,
    ],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let output = '',
    errors = '';
  child.stdout.on('data', data => (output += data.toString('latin1')));
  child.stderr.on('data', data => (errors += data));
  const timer = setTimeout(() => child.kill('SIGKILL'), LIMIT_SECONDS * 1000);
  const status = await new Promise(resolve => child.on('close', resolve));
  clearTimeout(timer);
  const how = status === null ? `no end in ${LIMIT_SECONDS} s of the host` : `status ${status}`;
  if (status !== 0) throw new Error(`${how}: ${`${errors}\n${output}`.trim().slice(-600)}`);
  return {
    output,
    instructions: JSON.parse(readFileSync(stats, 'utf8')).instructions,
    seconds: Number(readFileSync(usage, 'utf8')),
  };
}

const RELEASES = [12, 13];
const files = version => name => at('.cache', 'systemd', `debian-${version}`, name);
/** How each kind starts, how many processors it has, and the drivers of its disk and its card. */
const KINDS = {
  pc: {
    argv: file => ['--disk', file('disk.img'), '--cpu', 'x86-64-v2', '--nic', 'pcnet'],
    cpus: 1,
    drivers: ['sd', 'pcnet32'],
  },
  hvm: {
    argv: file => ['--type', 'hvm', '--disk', file('disk.img'), '--cpu', 'x86-64-v2', '--nic', 'pcnet', '--vcpus', '2'],
    cpus: 2,
    // GRUB's second entry, by its key.
    script: ['expect executed automatically', 'send w'],
    drivers: ['sd', 'pcnet32'],
  },
  pvhvm: {
    argv: file => ['--type', 'hvm', '--disk', file('disk.img'), '--cpu', 'x86-64-v2', '--nic', 'pcnet', '--vcpus', '2'],
    cpus: 2,
    drivers: ['vbd', 'vif'],
  },
  pvh: {
    argv: file => [
      ...[
        '--type',
        'pvh',
        '--kernel',
        file('vmlinuz'),
        '--ramdisk',
        file('initrd'),
        '--disk',
        file('disk.img'),
        '--nic',
        'pcnet',
        '--vcpus',
        '2',
      ],
      ...['--cmdline', `${JSON.parse(readFileSync(file('about.json'), 'utf8')).cmdline} console=hvc0`],
    ],
    cpus: 2,
    drivers: ['vbd', 'vif'],
  },
};
const MEMORY = ['--memory', '256'];

/** To the login, kept there; and from there on. */
async function bootAndUse(version, kind) {
  const { argv, script = [], cpus, drivers } = KINDS[kind];
  const state = path('login'),
    lines = path('script');
  writeFileSync(lines, `${script.join('\n')}\n`);
  const head = await boot(
    ...argv(files(version)),
    ...MEMORY,
    ...(script.length ? ['--script', lines] : []),
    '--until',
    LOGIN,
    '--save',
    state,
  );
  if (version === 12) toLogin.set(kind, head.instructions);
  // Each command's output ends in a line that the command itself does not hold.
  const commands = COMMANDS.flatMap(([command], i) => [
    `send ${command}; echo end-$((${i} + 100))\\n`,
    `expect end-${i + 100}`,
  ]);
  // A guest that suspended itself starts its getty again, which throws away what was typed before.
  writeFileSync(
    lines,
    ['wait 10000', 'send root\\n', 'expect # ', ...commands, 'send poweroff\\n', 'expect Power down', ''].join('\n'),
  );
  const tail = await boot('--restore', state, '--script', lines);
  const shown = tail.output.replace(/\x1b\[[?\d;]*[A-Za-z]/g, '');
  const wrong = [head, tail].flatMap(({ output }) => WRONG.exec(output)?.[0] ?? []);
  COMMANDS.forEach(([command, wanted], i) => {
    const its = shown.slice(i === 0 ? 0 : shown.indexOf(`end-${i + 99}`), shown.indexOf(`end-${i + 100}`));
    if (wanted && !wanted.test(its)) wrong.push(`${command}: ${its.slice(-200)}`);
    else if (command.startsWith('uname') && !new RegExp(`^x86_64\\r?\\n${cpus}\\r?$`, 'm').test(its))
      wrong.push(`${command}: ${its.slice(-100)}`);
    else if (
      command.startsWith('readlink') &&
      !drivers.every(driver => its.includes(`/${driver}\r`) || its.includes(`/${driver}\n`))
    )
      wrong.push(`drivers: ${its.slice(-300)}`);
    else if (command.startsWith('networkctl') && !/routable/.test(its)) wrong.push(`no address: ${its.slice(-300)}`);
  });
  return {
    seconds: head.seconds + tail.seconds,
    wrong,
    about: `${(head.instructions / 1e9).toFixed(1)} G instructions to the login`,
  };
}

/** Instructions of Debian 12 to its login, by kind. */
const toLogin = new Map();
/** Of them, where both runs stop: services are up. */
const PART = 0.95;

/** The same boot, uninterrupted and saved at random moments between which each run goes on in a process of its own. */
async function savedAtMoments(kind, count, draw) {
  const argv = [...KINDS[kind].argv(files(12)), ...MEMORY];
  // Of the matrix where that ran; its guests were asked to suspend themselves at the login, which is no moment that another run stops at.
  const login = async () => toLogin.get(kind) ?? (await boot(...argv, '--until', LOGIN)).instructions;
  const end = Number(values.end) || Math.floor((await login()) * PART);
  const stateOf = n => path(`state-${n % 2}`);
  const whole = await boot(...argv, '--save', path('whole'), '--save-at', String(end));
  const moments = Array.from({ length: count }, () => draw(end - 1) + 1).sort((a, b) => a - b);
  let seconds = whole.seconds,
    output = '';
  for (const [n, moment] of [...new Set(moments), end].entries()) {
    const leg = await boot(
      ...(n === 0 ? argv : ['--restore', stateOf(n)]),
      '--save',
      stateOf(n + 1),
      '--save-at',
      String(moment),
    );
    seconds += leg.seconds;
    output += leg.output;
    if (leg.instructions !== moment)
      return { seconds, wrong: [`saved after ${leg.instructions} instructions, not ${moment}`] };
    if (!whole.output.startsWith(output))
      return { seconds, wrong: [`other output before instruction ${moment}: ${output.slice(-200)}`] };
  }
  const { stateDifferences } = await import(pathToFileURL(await programModule('state-differences')));
  const others = stateDifferences(path('whole'), stateOf(new Set(moments).size + 1));
  return {
    seconds,
    wrong: others.length ? [`another state at instruction ${end}: ${others.slice(0, 8).join('; ')}`] : [],
    about: `${count} moments in ${(end / 1e9).toFixed(1)} G instructions`,
  };
}
/** Debian amd64 in a page of Chromium (test/soak/amd64-page.guest.ts). */
async function inPage() {
  const status = await run(
    process.execPath,
    [at('node_modules', 'vitest', 'vitest.mjs'), 'run', '--config', 'vitest.guests.config.ts', 'amd64-page'],
    {
      env: { RINGSIDE_SOAK: '1' },
      limitSeconds: LIMIT_SECONDS,
      quiet: true,
    },
  );
  return { seconds: Number.NaN, wrong: status === 0 ? [] : ['see npm run -s soak:guests -- amd64-page'] };
}

const draw = drawFrom(Number(values.seed));
const MOMENT_KINDS = ['pc', 'pvhvm', 'pvh'];
const rows = [
  ...RELEASES.flatMap(version =>
    Object.keys(KINDS).map(kind => [`Debian ${version} ${kind}`, () => bootAndUse(version, kind), version]),
  ),
  ...MOMENT_KINDS.map((kind, i) => {
    const count = Math.floor((Number(values.moments) + i) / MOMENT_KINDS.length);
    return [`moments ${kind}`, () => savedAtMoments(kind, count, draw), 12];
  }),
  ['page', inPage],
].filter(([name]) => only.test(name));
const isMissing = version => version !== undefined && !existsSync(files(version)('about.json'));
if (rows.some(([, , version]) => isMissing(version)))
  await run(process.execPath, [at('scripts', 'guests.mjs'), '--systemd'], { quiet: true });

let failed = 0;
console.log(`seed ${values.seed}`);
for (const [name, act, version] of rows) {
  let result;
  if (isMissing(version)) result = { seconds: 0, wrong: [`Debian ${version} is not in the archive`] };
  else result = await act().catch(error => ({ seconds: 0, wrong: [error.message] }));
  const { seconds, wrong, about = '' } = result;
  if (wrong.length) failed++;
  const spent = Number.isNaN(seconds) ? '-' : seconds.toFixed(0);
  console.log(
    `${name.padEnd(18)} ${spent.padStart(6)} s  ${wrong.length ? `FAILED ${wrong.join(' | ')}` : 'passed'}  ${about}`,
  );
}
console.log(`${rows.length - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
