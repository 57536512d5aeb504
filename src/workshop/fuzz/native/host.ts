/** The host's own processor: whether it can be asked, and asking it (the oracle's runner.c). */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { Setting } from '../../oracle/machine.ts';
import { buildRunner, NoHost } from '../../oracle/make.ts';
import { Drawer } from './cases.ts';
import { decodeEnds, encode, type NativeEnd } from './wire.ts';

export { NoHost };

/** One second is some 20,000 cases; a machine may be busy. */
const TIMEOUT_MS = 120_000;

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
  const runner = buildRunner();
  const about = readFileSync('/proc/cpuinfo', 'utf8');
  const line = (name: string) => new RegExp(`^${name}\\s*: (.*)$`, 'm').exec(about)?.[1] ?? '';
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

/** Kernels whose hypervisor runs them in ring 3 (PVM) accept modify_ldt and load no LDT: no narrow case begins there, whatever its instruction. */
function loadsSegments(host: Host): boolean {
  try {
    const [end] = runNatively(host, [{ ...new Drawer(1, 32).next(), code: Uint8Array.of(NOP), flags: TF | 2 }]);
    return !(end?.signal === SIGSEGV && (end.errorCode & OF_LDT) !== 0);
  } catch (error) {
    // It loads them before the case begins.
    if (error instanceof RunnerFault) return false;
    throw error;
  }
}

/** The runner itself faulted (leave(5) in runner.c). */
class RunnerFault extends Error {}
const FAULT_STATUS = 5;

/** Runs the cases; undefined for one that did not end. @throws NoHost where the host's kernel does not let the runner begin */
export function runNatively(host: Host, cases: readonly Setting[]): (NativeEnd | undefined)[] {
  const run = spawnSync(host.runner, {
    input: Buffer.concat(cases.map(encode)),
    timeout: TIMEOUT_MS,
    maxBuffer: Number.POSITIVE_INFINITY,
  });
  if (run.status === 2) throw new NoHost(`the runner cannot begin: ${run.stderr.toString().trim()}`);
  if (run.status === FAULT_STATUS) throw new RunnerFault('the runner faulted before or behind a case');
  if (run.status !== 0)
    throw new Error(`the runner ended with ${run.signal ?? `status ${run.status}`}: ${run.stderr.toString().trim()}`);
  return decodeEnds(run.stdout, cases);
}
