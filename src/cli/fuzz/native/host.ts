/** The host's own processor: whether it can be asked, and asking it (runner.c). */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Setting } from '../../oracle/machine.ts';
import { decodeEnd, Drawer, encode, END_BYTES, type NativeEnd, START_BYTES } from './cases.ts';

const ROOT = process.env.RINGSIDE_ROOT ?? '.';
const FOLDER = join(ROOT, '.cache', 'fuzz-native');
const FLAGS = ['-O1', '-fno-stack-protector', '-fno-tree-loop-distribute-patterns', '-mgeneral-regs-only'];
/** One second is some 100,000 cases; a machine may be busy. */
const TIMEOUT_MS = 120_000;

/** The host cannot be asked; the message says why. */
export class NoHost extends Error {}

const NOP = 0x90,
  TF = 0x100,
  SIGSEGV = 11;
/** Of a fault's error code: the selector that it names is one of the LDT (SDM vol. 3, 6.13). */
const OF_LDT = 4;

export interface Host {
  /** GenuineIntel, AuthenticAMD … */
  vendor: string;
  name: string;
  /** Feature names of /proc/cpuinfo. */
  features: ReadonlySet<string>;
  runner: string;
}

/** @throws NoHost */
export function findHost(): Host {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    throw new NoHost(`the host is ${process.platform} on ${process.arch}, not Linux on an x86-64 processor`);
  const about = readFileSync('/proc/cpuinfo', 'utf8');
  const line = (name: string) => new RegExp(`^${name}\\s*: (.*)$`, 'm').exec(about)?.[1] ?? '';
  const source = readFileSync(join(ROOT, 'src', 'cli', 'fuzz', 'native', 'runner.c'));
  const runner = join(
    FOLDER,
    `runner-${createHash('sha256').update(source).update(FLAGS.join()).digest('hex').slice(0, 16)}`,
  );
  if (!existsSync(runner)) {
    mkdirSync(FOLDER, { recursive: true });
    const made = `${runner}.${process.pid}`;
    const gcc = spawnSync('gcc', [...FLAGS, '-x', 'c', '-', '-o', made], { input: source });
    if (gcc.error) throw new NoHost('gcc is not installed');
    if (gcc.status !== 0)
      throw new NoHost(`gcc cannot build the runner: ${gcc.stderr.toString().trim().split('\n')[0]}`);
    renameSync(made, runner);
  }
  const host = {
    vendor: line('vendor_id'),
    name: line('model name'),
    features: new Set(line('flags').split(' ')),
    runner,
  };
  if (!loadsSegments(host))
    throw new NoHost(
      `the kernel takes an LDT, and its processor faults on its segments, as a virtual machine's may that runs without VT (${line('model name')})`,
    );
  return host;
}

/** Kernels whose hypervisor runs them in ring 3 (PVM) accept modify_ldt and load no LDT: no case begins there, whatever its instruction. */
function loadsSegments(host: Host): boolean {
  const [end] = runNatively(host, [{ ...new Drawer(1).next(), code: Uint8Array.of(NOP), flags: TF | 2 }]);
  return !(end?.signal === SIGSEGV && (end.errorCode & OF_LDT) !== 0);
}

/** Runs the cases; undefined for one that did not end. @throws NoHost where the host's kernel does not let the runner begin */
export function runNatively(host: Host, cases: readonly Setting[]): (NativeEnd | undefined)[] {
  const folder = mkdtempSync(join(FOLDER, 'run-'));
  try {
    const [input, output] = [join(folder, 'in'), join(folder, 'out')];
    const starts = new Int32Array((cases.length * START_BYTES) / 4);
    for (const [i, setting] of cases.entries())
      encode(setting, starts.subarray((i * START_BYTES) / 4, ((i + 1) * START_BYTES) / 4));
    writeFileSync(input, new Uint8Array(starts.buffer));
    writeFileSync(output, new Uint8Array(cases.length * END_BYTES));
    const run = spawnSync(host.runner, [input, output], { timeout: TIMEOUT_MS });
    if (run.status === 2) throw new NoHost(`the runner cannot begin: ${run.stderr.toString().trim()}`);
    if (run.status !== 0)
      throw new Error(`the runner ended with ${run.signal ?? `status ${run.status}`}: ${run.stderr.toString().trim()}`);
    const ends = readFileSync(output);
    const words = new Int32Array(ends.buffer, ends.byteOffset, ends.length / 4);
    return cases.map((_, i) => decodeEnd(words.subarray((i * END_BYTES) / 4, ((i + 1) * END_BYTES) / 4)));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
