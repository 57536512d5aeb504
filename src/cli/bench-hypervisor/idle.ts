/** Linux guests that sit at their shells: what they cost the host. All go on from one saved state. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { Services, WHOLE_P2M } from '../../dom0/toolstack/services.ts';
import { uuidOf } from '../../dom0/toolstack/uuid.ts';
import { WorkerRunner } from '../../dom0/runner-worker.ts';
import { assembleDomain } from '../../hypervisor/domain/assemble.ts';
import { type DomainRecord, Machine, readState } from '../../hypervisor/index.ts';
import { MAILBOX, XEN_TYPE } from '../../hypervisor/memory/layout.ts';
import { createDomain, machineBytesFor } from '../../hypervisor/memory/domain-table.ts';
import { DOMAIN_0 } from '../../hypervisor/memory/machine.ts';
import { queueClock, Scheduler } from '../../hypervisor/scheduler/scheduler.ts';
import { Slot } from '../../hypervisor/scheduler/slot.ts';
import { type Counters, exitsByName } from '../../hypervisor/view/counters.ts';
import { MachineView } from '../../hypervisor/view/machine-view.ts';
import { Runner, type Member } from '../boot/run.ts';
import { spawnDomainWorker } from '../node-worker.ts';
import { later, sharedMs, sleep } from './host.ts';

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
    const words = ['boot', '--type', 'pvh', '--kernel', files.kernel, '--initrd', files.initrd, '--cmdline', CMDLINE, '--memory', String(MEMORY_MIB)];
    execFileSync(process.execPath, [program, ...words, '--until', PROMPT, '--save', state, '--timeout', '120'], { stdio: ['ignore', 'ignore', 'inherit'] });
    return new Uint8Array(readFileSync(state));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

interface Host {
  machine: Machine;
  queue: Scheduler;
  services: Services;
  slot: Slot;
}

function createHost(guests: number, pcpus: number): Host {
  const machine = Machine.create(new SharedArrayBuffer(guests * machineBytesFor(MEMORY_MIB, WHOLE_P2M)));
  const services = new Services(machine);
  const queue = new Scheduler(machine, queueClock(machine, sharedMs));
  queue.configure({ pcpus });
  queue.add({ slot: DOMAIN_0, vcpus: 1 }, { doorbell: services.dom0.doorbell });
  return { machine, queue, services, slot: new Slot(queue, DOMAIN_0) };
}

function createRecord({ machine, queue, services }: Host): { record: DomainRecord; uuid: string } {
  const record = createDomain(machine, MEMORY_MIB, WHOLE_P2M, { vcpus: 1, xen: XEN_TYPE.PVH });
  const uuid = uuidOf(record.id, 0);
  services.prepare(record, uuid);
  queue.add(record, { doorbell: (record.mailboxOffset >>> 2) + MAILBOX.DOORBELL });
  return { record, uuid };
}

function attach({ services }: Host, record: DomainRecord, uuid: string): void {
  const described = { uuid, name: `idle${record.id}`, type: 'pvh', memoryMiB: MEMORY_MIB, maxMemoryMiB: MEMORY_MIB, vcpus: 1, maxVcpus: 1, startEpochMs: 0 } as const;
  services.attach(record, described, () => {});
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

async function measure(host: Host, records: DomainRecord[], seconds: number, rest: Promise<unknown>): Promise<IdleCost> {
  await sleep(SETTLE_MS);
  const view = new MachineView(host.machine.memory);
  const counters = (): Counters[] => records.map(({ id }) => view.domain(id)!.counters());
  const reasons = (): Record<string, number> => {
    const all: Record<string, number> = {};
    for (const { byReason } of counters()) for (const [name, count] of Object.entries(exitsByName(byReason))) all[name] = (all[name] ?? 0) + count;
    return all;
  };
  const look = (): number[] => counters().reduce(([exits, retired], of) => [exits + of.exits, retired + of.retired], [0, 0]);
  const before = look(),
    reasonsBefore = reasons(),
    cpu = process.cpuUsage(),
    start = performance.now();
  await Promise.race([sleep(seconds * 1000), rest]);
  const used = process.cpuUsage(cpu),
    elapsed = (performance.now() - start) / 1000;
  const [exits, instructions] = look().map((value, i) => (value - before[i]) / elapsed / records.length);
  const byReason = Object.fromEntries(Object.entries(reasons()).map(([name, count]) => [name, (count - (reasonsBefore[name] ?? 0)) / elapsed / records.length]));
  return {
    percent: (used.user + used.system) / elapsed / 1e4,
    halts: byReason.HLT ?? 0,
    exits,
    instructions,
    hostMiB: (process.memoryUsage.rss() - host.machine.memory.byteLength) / MIB / records.length,
    byReason,
  };
}

/** Each guest in a worker of its own, Domain 0 in this thread, as in the page. */
export async function idleInWorkers(saved: Uint8Array, guests: number, seconds: number): Promise<IdleCost> {
  const host = createHost(guests, 1);
  const { machine, services, slot, queue } = host;
  let ended = false;
  const listen = (): void => {
    if (ended) return;
    const seen = Atomics.load(machine.words, services.dom0.doorbell);
    slot.serve(services.pending, () => services.poll());
    const ring = Atomics.waitAsync(machine.words, services.dom0.doorbell, seen);
    if (ring.async) void ring.value.then(listen);
    else setImmediate(listen);
  };
  listen();
  const { about, boot } = readState(saved, 'idle');
  const running: { record: DomainRecord; runner: WorkerRunner }[] = [];
  for (let i = 0; i < guests; i++) {
    const { record, uuid } = createRecord(host);
    const message = {
      memory: machine.memory as SharedArrayBuffer, slot: record.slot, name: `idle${i}`, memoryMiB: MEMORY_MIB, boot, startEpochMs: about.startEpochMs,
      onReset: 'end', onTripleFault: 'end', program: 'bench', definition: '', saved,
    } as const;
    const listener = { serial: () => {}, ended: () => {}, restarted: () => {}, problem: () => {} };
    const runner = new WorkerRunner(spawnDomainWorker(), machine, record, message, listener, { later, hostMs: sharedMs });
    runner.setPaused(true);
    await runner.started;
    attach(host, record, uuid);
    runner.setPaused(false);
    running.push({ record, runner });
  }
  const cost = await measure(host, running.map(({ record }) => record), seconds, new Promise(() => {}));
  ended = true;
  for (const { record, runner } of running) {
    await runner.destroy();
    queue.remove(record.slot);
  }
  return cost;
}

/** All guests and Domain 0 in turns on this thread, as `ringside boot` has them where there is one slot. */
export async function idleInTurns(saved: Uint8Array, guests: number, seconds: number): Promise<IdleCost> {
  const host = createHost(guests, 1);
  const { machine, services, slot, queue } = host;
  const state = readState(saved, 'idle');
  const members = Array.from({ length: guests }, (): Member => {
    const { record, uuid } = createRecord(host);
    const { boot, about } = state;
    const options = { machine, record, memoryMiB: MEMORY_MIB, boot, startEpochMs: about.startEpochMs, onReset: 'end', onTripleFault: 'end', hostMs: () => performance.now() } as const;
    const domain = assembleDomain({ ...options, serial: () => {} }, state);
    attach(host, record, uuid);
    return { domain, slot: new Slot(queue, record.slot, held => domain.setSlot(held)) };
  });
  const runner = new Runner(members, {
    timeoutSeconds: Infinity,
    flush: () => {},
    serve: () => slot.serve(services.pending, () => services.poll()),
  });
  const run = runner.run();
  const cost = await measure(host, members.map(({ domain }) => domain.options.record), seconds, run);
  runner.stop();
  await run;
  return cost;
}
