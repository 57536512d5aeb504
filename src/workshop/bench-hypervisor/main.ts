/**
 * npm run -s bench:hypervisor [-- --seconds N --runs N --only slots,weights,… --guests N --state FILE --json FILE --check]
 *
 * What the hypervisor costs and whether it shares as it should. Domains run in worker threads, as many at once as there are slots; times of sharing are
 * runstate times. With --check the status is 1 where a goal is missed. Rows:
 *   slots      CPU-bound domains on as many slots, against as many separate processes, interleaved: guest counts, ratio (goal 0.9)
 *   slot       the same for one domain on one slot
 *   weights    256 against 512 on two slots (goal 2 within 3 %)
 *   cap        25 per cent on two slots (goal 25 within 2)
 *   wake       a sleeper next to four hogs on one slot: median wait for the slot (goal 2 ms)
 *   pingpong   Atomics.wait and notify between two threads, there and back: what the next rows are held against
 *   port       a port-I/O exit to a platform device, best of the runs (goal 1 µs)
 *   ioreq      an access to a port, to memory and a sector of an emulated device, by where its device model runs
 *   vcpus      a switch between two vCPUs that wait for each other by PAUSE
 *   ipi        a message to a halted vCPU until its answer is there, for a sender that spins without PAUSE (goal 50 µs: 50,000 cycles of the TSC)
 *   dirtylog   a moderate writer with its writes logged and asked for every 100 ms, against one that nobody logs, interleaved (goal 0.95)
 *   hypercall  a hypercall that does nothing (goal 0.5 µs)
 *   events     an event to another domain and one back, both wait for theirs (goal: 2 pingpongs)
 *   busy       the same to one that looks at its pending bit without waiting (goal 100 µs)
 *   idle       20 Linux guests of 64 MiB at their shells, a worker each: processor time of the process over 60 s (goal 10 % of a core)
 *   idleturns  the same on one thread
 */
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { performance } from 'node:perf_hooks';
import { Worker } from 'node:worker_threads';
import { createDomain, DirtyLog, type GuestRecords, machineBytesFor } from '../../hypervisor/memory/index.ts';
import { loadCompiler } from '../../cpu/index.ts';
import { loadEverything } from '../../dom0/service/index.ts';
import { WHOLE_P2M } from '../../dom0/toolstack/index.ts';
import { assembleDomain } from '../../hypervisor/interfaces/index.ts';
import { type Boot, type DomainRecord, Machine } from '../../hypervisor/index.ts';
import { XEN_PVH } from '../../hypervisor/interfaces/xen/index.ts';
import {
  countWrites,
  eventAnswerer,
  eventSender,
  hog,
  loop,
  messages,
  NULL_CALL,
  pauses,
  sleeper,
  xenLoop,
} from './guests.ts';
import { ioreq } from './ioreq.ts';
import { median } from '../harness/median.ts';
import { flag, hidden, listOf, number, seconds, text } from '../harness/options.ts';
import { program } from '../harness/program.ts';
import { sharedMs } from '../../cli/node-clock.ts';
import { countOf, sleep, WorkerHost } from './host.ts';
import { idleInTurns, idleInWorkers, savedShell } from './idle.ts';

interface Options {
  seconds: number;
  runs: number;
  /** Of the idle rows: how many, and a saved state instead of a boot. */
  guests: number;
  state: string | undefined;
}

interface Result {
  row: string;
  text: string;
  values: Record<string, number>;
  met?: boolean;
}

const WARM_UP_MS = 1500;

// ---- processor time

/** Guest rounds a second of one domain in a process of its own. */
function inProcess(seconds: number): Promise<number> {
  const child = spawn(process.execPath, [process.argv[1].replace(/[^/\\]*$/, 'start.js'), '--hog', String(seconds)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.on('data', data => (text += data));
  return new Promise(resolve => child.on('close', () => resolve(Number(text))));
}

/** That process: counts after a warm-up. */
export async function hogProcess(seconds: number): Promise<number> {
  const { domain, machine, record } = single(hog());
  const runFor = (ms: number): void => {
    const end = performance.now() + ms;
    while (performance.now() < end) domain.runSlice();
  };
  runFor(WARM_UP_MS / 2);
  // A worker loads the compiler when something is hot.
  const { regions } = domain.processor;
  if (regions?.wantsCompiler) regions.useCompiler(await loadCompiler());
  runFor(WARM_UP_MS);
  const before = countOf(machine, record),
    start = performance.now();
  runFor(seconds * 1000);
  return (((countOf(machine, record) - before) >>> 0) * 1000) / (performance.now() - start);
}

function single(
  boot: Boot,
  guest?: GuestRecords,
  vcpus = 1,
): { domain: ReturnType<typeof assembleDomain>; machine: Machine; record: DomainRecord } {
  const p2mFrames = guest ? WHOLE_P2M : 1024;
  const machine = Machine.create(new SharedArrayBuffer(machineBytesFor(4, p2mFrames)));
  const record = createDomain(machine, 4, p2mFrames, { vcpus, ...(guest ? { guest } : {}) });
  const domain = assembleDomain({
    machine,
    record,
    memoryMiB: 4,
    boot,
    startEpochMs: 0,
    onReset: 'end',
    onTripleFault: 'end',
    hostMs: () => performance.now(),
    serial: () => {},
  });
  return { domain, machine, record };
}

const slotsRow =
  (row: string, n: number) =>
  async ({ seconds, runs }: Options): Promise<Result> => {
    const ratios: number[] = [];
    for (let run = 0; run < runs; run++) {
      const processes = (await Promise.all(Array.from({ length: n }, () => inProcess(seconds)))).reduce(
        (a, b) => a + b,
        0,
      );
      const host = new WorkerHost(n);
      const records = await Promise.all(Array.from({ length: n }, (_, i) => host.start(`hog${i}`, hog())));
      await sleep(WARM_UP_MS);
      const before = records.map(record => countOf(host.machine, record)),
        start = performance.now();
      await sleep(seconds * 1000);
      const counted = records.reduce((sum, record, i) => sum + ((countOf(host.machine, record) - before[i]) >>> 0), 0);
      ratios.push((counted * 1000) / (performance.now() - start) / processes);
      await host.end();
    }
    const ratio = median(ratios);
    const many = n === 1 ? 'a domain on one slot makes' : `${n} domains on ${n} slots make`;
    return {
      row,
      text: `${many} ${ratio.toFixed(2)} of what ${n === 1 ? 'a process makes' : `${n} processes make`}`,
      values: { ratio },
      met: ratio >= 0.9,
    };
  };

/** Time that each of some domains ran in `seconds`, in seconds. */
async function shares(
  pcpus: number,
  seconds: number,
  guests: { name: string; weight?: number; cap?: number }[],
): Promise<number[]> {
  const host = new WorkerHost(pcpus);
  const records: DomainRecord[] = [];
  for (const { name, ...options } of guests) records.push(await host.start(name, hog(), options));
  await sleep(500);
  const running = (): number[] =>
    records.map(
      record => host.toolstack.view.scheduler.runstates(record.index, host.toolstack.queue.nowNs()).running / 1e9,
    );
  const before = running();
  await sleep(seconds * 1000);
  const after = running();
  await host.end();
  return after.map((time, i) => time - before[i]);
}

async function weights({ seconds }: Options): Promise<Result> {
  const [a, b, c, d] = await shares(2, 5 * seconds, [
    { name: 'light1', weight: 256 },
    { name: 'light2', weight: 256 },
    { name: 'heavy1', weight: 512 },
    { name: 'heavy2', weight: 512 },
  ]);
  const ratio = (c + d) / (a + b);
  return {
    row: 'weights',
    text: `weights 256:512 give 1:${ratio.toFixed(3)}`,
    values: { ratio },
    met: Math.abs(ratio / 2 - 1) <= 0.03,
  };
}

async function cap({ seconds }: Options): Promise<Result> {
  const [capped] = await shares(2, 5 * seconds, [{ name: 'capped', cap: 25 }, { name: 'hog1' }, { name: 'hog2' }]);
  const share = (100 * capped) / (5 * seconds);
  return {
    row: 'cap',
    text: `cap 25 gives ${share.toFixed(1)} % of a slot`,
    values: { share },
    met: Math.abs(share - 25) <= 2,
  };
}

async function wake({ seconds }: Options): Promise<Result> {
  const host = new WorkerHost(1);
  for (let i = 0; i < 4; i++) await host.start(`hog${i}`, hog());
  const { index } = await host.start('sleeper', sleeper());
  await sleep(1000);
  const waits: number[] = [];
  let seen = sharedMs(),
    seenNs = host.toolstack.view.scheduler.decisions().at(-1)?.timeNs ?? 0;
  for (const end = seen + 5000 * seconds; seen < end; seen = sharedMs()) {
    await sleep(50);
    const decisions = host.toolstack.view.scheduler.decisions().filter(({ timeNs }) => timeNs > seenNs);
    seenNs = decisions.at(-1)?.timeNs ?? seenNs;
    waits.push(
      ...decisions.filter(({ to, from }) => to === index && from !== index).map(({ waitedNs }) => waitedNs / 1e6),
    );
  }
  await host.end();
  const ms = median(waits);
  return {
    row: 'wake',
    text: `${waits.length} wake-ups while four hogs run, median wait ${ms.toFixed(2)} ms`,
    values: { ms },
    met: ms <= 2,
  };
}

// ---- the price of a word to another

/** Microseconds there and back. */
async function pingpong({ runs }: Options): Promise<Result> {
  const rounds = 20_000;
  const words = new Int32Array(new SharedArrayBuffer(8));
  const other = new Worker(
    `const { workerData: words } = require('node:worker_threads');
     for (let i = 1; ; i++) { Atomics.wait(words, 0, i - 1); const now = Atomics.load(words, 0); if (now < 0) break; Atomics.store(words, 1, i); Atomics.notify(words, 1); }`,
    { eval: true, workerData: words },
  );
  let best = Infinity;
  for (let run = 0, i = 0; run < runs + 1; run++) {
    const start = performance.now();
    for (const end = i + rounds; i < end; ) {
      Atomics.store(words, 0, ++i);
      Atomics.notify(words, 0);
      Atomics.wait(words, 1, i - 1);
    }
    best = Math.min(best, ((performance.now() - start) * 1000) / rounds);
  }
  Atomics.store(words, 0, -1);
  Atomics.notify(words, 0);
  await other.terminate();
  return {
    row: 'pingpong',
    text: `Atomics.wait and notify, there and back: ${best.toFixed(1)} µs`,
    values: { us: best },
  };
}

/** Microseconds of one round of a loop. */
function timeLoop(body: string, rounds: number): number {
  const { domain } = single(loop(body, rounds));
  const start = performance.now();
  while (domain.runSlice().state !== 'ended');
  return ((performance.now() - start) * 1000) / rounds;
}

/** One thing in a guest's loop, less the loop; best of the runs, after one to warm up. */
function cost(body: string, rounds: number, runs: number): number {
  const best = (text: string): number => {
    let least = Infinity;
    for (let run = 0; run <= runs; run++) least = Math.min(least, timeLoop(text, rounds));
    return least;
  };
  return best(body) - best('90');
}

async function port({ runs }: Options): Promise<Result> {
  // in al, 0x61
  const us = cost('e4 61', 500_000, runs);
  return {
    row: 'port',
    text: `port-I/O exit to the PIT's port 0x61: ${us.toFixed(2)} µs`,
    values: { us },
    met: us <= 1,
  };
}

async function vcpus({ runs }: Options): Promise<Result> {
  const rounds = 50_000;
  let us = Infinity;
  for (let run = 0; run <= runs; run++) {
    const { domain } = single(pauses(rounds), undefined, 2);
    const start = performance.now();
    while (domain.runSlice().state !== 'ended');
    us = Math.min(us, ((performance.now() - start) * 1000) / domain.vcpus.switches);
  }
  return {
    row: 'vcpus',
    text: `a PAUSE exit and the switch to another vCPU of the domain: ${us.toFixed(2)} µs`,
    values: { us },
  };
}

/** Counts of a writer in windows of half a second, with its writes logged in every second one. */
async function dirtyLog({ seconds, runs }: Options): Promise<Result> {
  const { domain, machine, record } = single(countWrites());
  const countFor = (ms: number, between: () => void): number => {
    const before = countOf(machine, record),
      start = performance.now();
    for (let end = start + 100; end <= start + ms; end += 100) {
      while (performance.now() < end) domain.runSlice();
      between();
    }
    return ((countOf(machine, record) - before) >>> 0) / (performance.now() - start);
  };
  countFor(WARM_UP_MS, () => {});
  const ratios: number[] = [];
  for (let i = 0; i < Math.max(4, runs * seconds); i++) {
    const without = countFor(500, () => {});
    const log = new DirtyLog({ machine, record, flush: () => domain.processor.flushTlb() });
    const logged = countFor(500, () => log.clean());
    log.end();
    ratios.push(logged / without);
  }
  const ratio = median(ratios);
  return {
    row: 'dirtylog',
    text: `a moderate writer whose writes are logged: ${ratio.toFixed(3)} of its speed (goal 0.95)`,
    values: { ratio },
    met: ratio >= 0.95,
  };
}

async function ipi({ runs }: Options): Promise<Result> {
  const rounds = 20_000;
  let us = Infinity;
  for (let run = 0; run <= runs; run++) {
    const { domain } = single(messages(rounds), undefined, 2);
    const start = performance.now();
    while (domain.runSlice().state !== 'ended');
    us = Math.min(us, ((performance.now() - start) * 1000) / rounds);
  }
  return {
    row: 'ipi',
    text: `a message to a halted vCPU and its answer, the sender spins: ${us.toFixed(1)} µs`,
    values: { us },
    met: us <= 50,
  };
}

async function hypercall({ runs }: Options): Promise<Result> {
  const time = (body: string): number => {
    let best = Infinity;
    for (let run = 0; run <= runs; run++) {
      const rounds = 500_000;
      const { domain } = single(xenLoop(body, rounds), XEN_PVH);
      const start = performance.now();
      while (domain.runSlice().state !== 'ended');
      best = Math.min(best, ((performance.now() - start) * 1000) / rounds);
    }
    return best;
  };
  const us = time(NULL_CALL) - time('90');
  return {
    row: 'hypercall',
    text: `null hypercall (XENVER_version by VMCALL): ${us.toFixed(2)} µs`,
    values: { us },
    met: us <= 0.5,
  };
}

/** Microseconds from one domain to another and back. */
async function roundTrip(blocks: boolean, seconds: number): Promise<number> {
  const host = new WorkerHost(2);
  await host.start('answerer', eventAnswerer(2, blocks), { xen: 'pvh' });
  const sender = await host.start('sender', eventSender(1), { xen: 'pvh' });
  await sleep(WARM_UP_MS);
  let best = Infinity;
  for (let i = 0; i < 4; i++) {
    const before = countOf(host.machine, sender),
      start = performance.now();
    await sleep((seconds * 1000) / 4);
    best = Math.min(best, ((performance.now() - start) * 1000) / (countOf(host.machine, sender) - before));
  }
  await host.end();
  return best;
}

async function events(options: Options): Promise<Result> {
  const bare = (await pingpong(options)).values.us;
  const us = await roundTrip(true, options.seconds);
  const text = `event channel, there and back, receiver blocks: ${us.toFixed(1)} µs, ${(us / bare).toFixed(1)} x Atomics (${bare.toFixed(1)} µs)`;
  return { row: 'events', text, values: { us, bare }, met: us <= 2 * bare };
}

async function busy({ seconds }: Options): Promise<Result> {
  const us = await roundTrip(false, seconds);
  return {
    row: 'busy',
    text: `event channel, there and back, receiver computes: ${us.toFixed(1)} µs`,
    values: { us },
    met: us <= 100,
  };
}

const idleRow =
  (row: string, run: typeof idleInWorkers) =>
  async (options: Options): Promise<Result> => {
    const saved = options.state === undefined ? savedShell() : new Uint8Array(readFileSync(options.state));
    if (!saved) return { row, text: 'no Debian kernel here: npm run guests fetches it', values: {} };
    const { guests } = options;
    const { percent, halts, exits, instructions, hostMiB, byReason } = await run(saved, guests, 30 * options.seconds);
    const text =
      `${guests} idle Linux guests use ${percent.toFixed(1)} % of a core; each a second ${halts.toFixed(1)} halts, ` +
      `${exits.toFixed(0)} exits, ${(instructions / 1000).toFixed(0)} thousand instructions; ${hostMiB.toFixed(0)} MiB each besides its RAM`;
    return { row, text, values: { percent, halts, exits, instructions, hostMiB, ...byReason }, met: percent < 10 };
  };

const ROWS: Record<string, (options: Options) => Promise<Result>> = {
  slots: slotsRow('slots', availableParallelism()),
  slot: slotsRow('slot', 1),
  weights,
  cap,
  wake,
  pingpong,
  port,
  ioreq,
  vcpus,
  ipi,
  dirtylog: dirtyLog,
  hypercall,
  events,
  busy,
  idle: idleRow('idle', idleInWorkers),
  idleturns: idleRow('idleturns', idleInTurns),
};

export const main = program({
  name: 'bench:hypervisor',
  options: {
    seconds: seconds(2),
    runs: number(5, { least: 1 }),
    only: listOf(Object.keys(ROWS)),
    guests: number(20, { least: 1 }),
    state: text('FILE'),
    json: text('FILE'),
    check: flag,
    hog: hidden(seconds(undefined)),
  },
  run: async ({ only, json, check, hog, ...options }, write) => {
    // The second tier is a part of it, which workers load for themselves: the process that they are compared with has it, too.
    await loadEverything();
    if (hog !== undefined) {
      write(String(await hogProcess(hog)));
      return 0;
    }
    const results: Result[] = [];
    for (const row of only) {
      const result = await ROWS[row](options);
      results.push(result);
      const verdict = result.met === undefined ? '  ' : result.met ? 'ok' : '--';
      write(`${row.padEnd(9)} ${verdict}  ${result.text}\n`);
    }
    if (json !== undefined) writeFileSync(json, `${JSON.stringify(results, null, 2)}\n`);
    return check && results.some(({ met }) => met === false) ? 1 : 0;
  },
});
