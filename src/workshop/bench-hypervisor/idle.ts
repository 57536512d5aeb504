/** Linux guests that sit at their shells: what they cost the host. All go on from one saved state. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { inTurns } from '../../dom0/service/index.ts';
import { inWorkers } from '../../dom0/service/index.ts';
import { blueprintOf, type DomainConsole } from '../../dom0/toolstack/index.ts';
import { WHOLE_P2M } from '../../dom0/toolstack/index.ts';
import { Toolstack, type ToolstackListener, type ToolstackParts } from '../../dom0/toolstack/index.ts';
import { type DomainRecord, noMedia, readState } from '../../hypervisor/index.ts';
import { machineBytesFor } from '../../hypervisor/memory/index.ts';
import { type Counters, exitsByName } from '../../hypervisor/view/index.ts';
import { later, sharedMs, soon } from '../../cli/node-clock.ts';
import { spawnDomainWorker } from '../../cli/node-worker.ts';
import { sleep } from './host.ts';

const MEMORY_MIB = 64;
const PROMPT = '/ # ';
const CMDLINE = 'console=hvc0 cryptomgr.notests';
const MIB = 2 ** 20;
/** Until what a guest does after it was restored is done. */
const SETTLE_MS = 8000;

/** Debian's kernel and its smallest RAM disk, as `npm run guests` left them, or other files by the names that are there. */
function guestFiles(): { kernel: string; initrd: string } | undefined {
  const folder = join(process.env.RINGSIDE_ROOT ?? '.', '.cache', 'guests', 'debian-686-pae');
  const files = { kernel: join(folder, 'vmlinuz'), initrd: join(folder, 'initrd') };
  return existsSync(files.kernel) && existsSync(files.initrd) ? files : undefined;
}

/** A PVH guest at its shell, saved; undefined: there is no kernel here. */
export function savedShell(): Uint8Array | undefined {
  const files = guestFiles();
  if (!files) return undefined;
  const folder = mkdtempSync(join(tmpdir(), 'ringside-idle-'));
  try {
    const state = join(folder, 'state');
    const program = join(process.env.RINGSIDE_ROOT ?? '.', 'bin', 'ringside.mjs');
    const words = [
      'boot',
      '--type',
      'pvh',
      '--kernel',
      files.kernel,
      '--initrd',
      files.initrd,
      '--cmdline',
      CMDLINE,
      '--memory',
      String(MEMORY_MIB),
    ];
    execFileSync(process.execPath, [program, ...words, '--until', PROMPT, '--save', state, '--timeout', '120'], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    return new Uint8Array(readFileSync(state));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export interface IdleCost {
  /** Processor time of the whole process, per cent of one core. */
  percent: number;
  /** Of one guest, a second: HLT exits, all exits, instructions. */
  halts: number;
  exits: number;
  instructions: number;
  /** Resident memory of the process over that of its machine memory, MiB a guest. */
  hostMiB: number;
  byReason: Record<string, number>;
}

async function measure({ machine, view }: Toolstack, records: DomainRecord[], seconds: number): Promise<IdleCost> {
  await sleep(SETTLE_MS);
  const counters = (): Counters[] => records.map(({ id }) => view.domain(id)!.counters());
  const reasons = (): Record<string, number> => {
    const all: Record<string, number> = {};
    for (const { byReason } of counters())
      for (const [name, count] of Object.entries(exitsByName(byReason))) all[name] = (all[name] ?? 0) + count;
    return all;
  };
  const look = (): number[] =>
    counters().reduce(([exits, retired], of) => [exits + of.exits, retired + of.retired], [0, 0]);
  const before = look(),
    reasonsBefore = reasons(),
    cpu = process.cpuUsage(),
    start = performance.now();
  await sleep(seconds * 1000);
  const used = process.cpuUsage(cpu),
    elapsed = (performance.now() - start) / 1000;
  const [exits, instructions] = look().map((value, i) => (value - before[i]) / elapsed / records.length);
  const byReason = Object.fromEntries(
    Object.entries(reasons()).map(([name, count]) => [
      name,
      (count - (reasonsBefore[name] ?? 0)) / elapsed / records.length,
    ]),
  );
  return {
    percent: (used.user + used.system) / elapsed / 1e4,
    halts: byReason.HLT ?? 0,
    exits,
    instructions,
    hostMiB: (process.memoryUsage.rss() - machine.memory.byteLength) / MIB / records.length,
    byReason,
  };
}

/** This many guests that go on from a saved state, measured. */
async function idle(
  saved: Uint8Array,
  guests: number,
  seconds: number,
  runners: ToolstackParts['runners'],
): Promise<IdleCost> {
  const file = new Blob([saved as BlobPart]),
    state = readState(saved, 'idle');
  const nobody: ToolstackListener<DomainConsole> = {
    console: () => ({ print: () => {}, close: () => {} }),
    listed: () => {},
    ended: ({ name }) => {
      throw new Error(`${name} ended`);
    },
    restarted: () => {},
    rebuildFailed: () => {},
    problem: () => {},
  };
  const memory = new SharedArrayBuffer(guests * machineBytesFor(MEMORY_MIB, WHOLE_P2M));
  const toolstack = new Toolstack(
    { version: 'bench', memory, runners, soon, later, hostMs: sharedMs, epochMs: () => 0, openMedium: noMedia },
    nobody,
  );
  for (let i = 0; i < guests; i++) {
    const blueprint = blueprintOf(state, { file }, [], 'idle');
    const { uuid: _same, ...definition } = blueprint.definition;
    await toolstack.build({ ...blueprint, definition: { ...definition, name: `idle${i}` } });
  }
  const members = [...toolstack.members.values()];
  const cost = await measure(
    toolstack,
    members.map(({ record }) => record),
    seconds,
  );
  toolstack.runners.hold();
  for (const member of members) await toolstack.remove(member);
  toolstack.close();
  return cost;
}

/** Each guest in a worker of its own, Domain 0 in this thread, as in the page. */
export const idleInWorkers = (saved: Uint8Array, guests: number, seconds: number): Promise<IdleCost> =>
  idle(saved, guests, seconds, inWorkers({ spawn: spawnDomainWorker, later, hostMs: sharedMs }));

/** All guests and Domain 0 interleaved on this thread, as `ringside boot` has them where there is one slot. */
export const idleInTurns = (saved: Uint8Array, guests: number, seconds: number): Promise<IdleCost> =>
  idle(saved, guests, seconds, inTurns({ soon, later, hostMs: sharedMs }));
