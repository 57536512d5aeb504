/**
 * What the benchmarks share. Every figure is a ratio to a peer that ran alternately with us, in the same run: the machine's other work then weighs on both.
 */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { at, guestsFolder, which } from '../scripts/lib.mjs';
import { explained } from '../scripts/usage.mjs';

/** Seconds after which a program that has not come to its last line is ended. */
const LIMIT_S = 590;

/** Firmware that v86 needs, as `npm run guests` fetches it (Debian's seabios package): undefined where it is not there. */
export function firmware() {
  const folder = process.env.ROMS_DIR ?? join(guestsFolder, 'firmware');
  const find = (...names) => names.map(name => join(folder, name)).find(path => existsSync(path));
  const bios = find('seabios.bin', 'bios.bin');
  const vgaBios = find('vgabios.bin', 'vgabios-stdvga.bin');
  return bios && vgaBios ? { bios, vgaBios } : undefined;
}

const limitOf = ({ limitS = LIMIT_S }) => String(limitS);

const jit = ({ jitThreshold }) =>
  jitThreshold === undefined ? [] : jitThreshold === 0 ? ['--no-jit'] : ['--jit-threshold', String(jitThreshold)];

/**
 * Commands that start a guest: `job` has `kernel`, `initrd` (optional), `cmdline`, `memory` (MiB), `multiboot` (true: an ELF kernel with a
 * multiboot header; else a Linux bzImage), `disk` (an image for the first IDE channel), `nic` (true: PCNet or v86's ne2k), `jit` (v86 with its compiler),
 * `jitThreshold` (ringside: --jit-threshold; 0: --no-jit), `definition` (its file), `more`, `words` (QEMU, ringside: further words), `limitS` (seconds that it may take), `program` (QEMU's), `wait` (the program is left to end by itself), `node` (words for node).
 */
export const peers = {
  /** Debian's qemu-system-x86 (QEMU names another). */
  qemu: job => [
    '-accel',
    'tcg,thread=single',
    '-display',
    'none',
    '-nodefaults',
    '-vga',
    'std',
    '-serial',
    'stdio',
    '-no-reboot',
    '-m',
    String(job.memory),
    '-kernel',
    job.kernel,
    '-append',
    job.cmdline,
    ...(job.initrd ? ['-initrd', job.initrd] : []),
    ...(job.more ?? []),
  ],
  /** A host without guests, which lists itself. */
  host: () => [at('bin', 'ringside.mjs'), 'sh', '-c', 'xl list'],
  /** A guest of a definition file. */
  definition: job => [
    at('bin', 'ringside.mjs'),
    'boot',
    job.definition,
    ...jit(job),
    ...(job.words ?? []),
    '--timeout',
    limitOf(job),
  ],
  ringside: job => [
    at('bin', 'ringside.mjs'),
    'boot',
    ...(job.bios ? ['--bios', job.bios] : ['--kernel', job.kernel, '--cmdline', job.cmdline]),
    ...(job.initrd ? ['--initrd', job.initrd] : []),
    ...(job.disk ? ['--disk', job.disk] : []),
    ...(job.nic ? ['--nic', 'pcnet'] : []),
    ...jit(job),
    '--memory',
    String(job.memory),
    ...(job.words ?? []),
    '--timeout',
    limitOf(job),
  ],
  /** v86, without its compiler unless `jit`: its interpreter is WebAssembly made from Rust. */
  v86: job => [
    at('bench', 'v86.mjs'),
    JSON.stringify({
      ...firmware(),
      ...(job.bios ? { bios: job.bios } : {}),
      memory: job.memory,
      cmdline: job.cmdline,
      initrd: job.initrd,
      hda: job.disk,
      nic: job.nic,
      jit: job.jit,
      [job.multiboot ? 'multiboot' : 'bzimage']: job.kernel,
    }),
  ],
};

/**
 * Runs a guest on one of the peers until a line of its serial port contains `until`; `onLine(line, ms, pid)` sees every line with the time of its arrival.
 * Resolves with the seconds from the start of the process, or with `why` it did not get there. `begun` gets the process, whose input is the guest's.
 */
export function runGuest(peer, job, until, onLine = () => {}, begun = undefined) {
  return new Promise(resolve => {
    const start = performance.now();
    const [program, words] = peer === 'qemu' ? [qemu(job.program), []] : [process.execPath, job.node ?? []];
    const child = spawn(program, [...words, ...peers[peer](job)], {
      stdio: [begun ? 'pipe' : 'ignore', 'pipe', 'pipe'],
    });
    begun?.(child);
    child.stdin?.on('error', () => {});
    let rest = '';
    let errors = '';
    const tail = [];
    let outcome;
    const end = result => {
      clearTimeout(timer);
      outcome = result;
      if (job.wait && result.seconds) return;
      child.kill('SIGKILL');
      resolve(result);
    };
    const failed = why => end({ why: `${why}\n  ${[...tail, errors.trim()].filter(Boolean).join('\n  ')}` });
    const timer = setTimeout(() => failed(`no "${until}" in ${limitOf(job)} s`), Number(limitOf(job)) * 1000);
    child.stderr.on('data', data => {
      errors = (errors + data).slice(-1000);
    });
    child.stdout.on('data', data => {
      const now = performance.now();
      const lines = (rest + data.toString('latin1')).split('\n');
      rest = lines.pop();
      for (const raw of lines) {
        const line = raw.replaceAll('\r', '');
        tail.push(line);
        if (tail.length > 5) tail.shift();
        onLine(line, now, child.pid);
        if (line.includes(until)) return end({ seconds: (now - start) / 1000, rssMiB: peakMiB(child.pid) });
      }
    });
    child.on('error', error => failed(error.message));
    child.on('close', status => (outcome ? resolve(outcome) : failed(`ended with status ${status}`)));
  });
}

/** QEMU's program, or undefined. `program`: for guests of 64 bits, qemu-system-x86_64. */
export const qemu = (program = 'qemu-system-i386') => which(process.env.QEMU ?? program);

/** Most memory that a process has had, MiB (Linux; NaN elsewhere). */
function peakMiB(pid) {
  try {
    return Math.round(Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024);
  } catch {
    return Number.NaN;
  }
}

/** Milliseconds that each thread of a process has run (Linux). */
export function threadTimes(pid) {
  const times = new Map();
  for (const thread of readdirSync(`/proc/${pid}/task`))
    try {
      times.set(thread, Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]) / 1e6);
    } catch {
      // It has just ended.
    }
  return times;
}

/** How long the thread that was busiest between two looks at `threadTimes` ran between them. */
export const busiest = (before, after) => Math.max(...[...after].map(([thread, ms]) => ms - (before.get(thread) ?? 0)));

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Rows of the micro benchmark whose geometric mean is printed. */
export const MEANS = {
  integer: ['alu', 'sieve', 'fib', 'mix', 'copyloop', 'sha256', 'lz'],
  x87: ['mandel', 'nbody'],
  system: ['int80', 'cr3', 'pgswitch', 'invlpg', 'pgfault', 'memtlb', 'outb'],
};

export const geometricMean = values =>
  Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);

/** Student's t for 97.5 %, by degrees of freedom from 1 on; beyond, as for the last one. */
const STUDENT = [
  12.71, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131,
];

/** The geometric mean of ratios of pairs, with the 95 % interval of that mean (of one pair: none). */
export function ratio(values) {
  const logs = values.map(Math.log);
  const mean = logs.reduce((sum, log) => sum + log, 0) / logs.length;
  const variance = logs.reduce((sum, log) => sum + (log - mean) ** 2, 0) / (logs.length - 1);
  const half =
    logs.length > 1
      ? STUDENT[Math.min(logs.length - 1, STUDENT.length) - 1] * Math.sqrt(variance / logs.length)
      : Number.NaN;
  return { mean: Math.exp(mean), low: Math.exp(mean - half), high: Math.exp(mean + half) };
}

/** Three significant digits. */
export const short = value => (Number.isFinite(value) ? (value >= 100 ? value.toFixed(0) : value.toPrecision(3)) : '-');

/** `--name value` and `--flag` options; ends with a sentence and status 2 on any other. */
export function options(defaults) {
  const values = { ...defaults };
  const argv = process.argv.slice(2);
  if (explained(process.argv[1], argv)) process.exit(0);
  for (let i = 0; i < argv.length; i++) {
    const name = argv[i].replace(/^--/, '');
    if (!argv[i].startsWith('--') || !(name in defaults)) {
      console.error(
        `unknown option ${argv[i]}; known: ${Object.keys(defaults)
          .map(key => `--${key}`)
          .join(' ')}`,
      );
      process.exit(2);
    }
    if (typeof defaults[name] === 'boolean') values[name] = true;
    else values[name] = typeof defaults[name] === 'number' ? Number(argv[++i]) : argv[++i];
    if (values[name] === undefined || Number.isNaN(values[name])) {
      console.error(`${argv[i - 1]} wants a ${typeof defaults[name]}`);
      process.exit(2);
    }
  }
  return values;
}

/** Ends with a sentence and status 1: something the benchmark needs is not here. */
export function need(present, sentence) {
  if (present) return;
  console.error(sentence);
  process.exit(1);
}
