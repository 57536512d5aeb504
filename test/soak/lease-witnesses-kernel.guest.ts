/**
 * npm run soak:guests -- lease-witnesses: besides the runs of lease-witnesses.guest.ts, RINGSIDE_RUNS (60) runs from RINGSIDE_SEED on with real processes and the kernel's
 * own TCP, RINGSIDE_AT_ONCE (3) at once. In each a guest with `ha = 1` numbers, flushes and checks its writes on the disk of a real qemu-nbd or nbd-server. Its host is in a network namespace
 * that is cut off, is stopped, or sleeps with its clocks standing still, so that another host starts the guest or nearly does; then all is well again. The disk must
 * have each write that was acknowledged, and no write of a copy behind one of another.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { type Pick, picker } from '../../src/workshop/harness/pick.ts';
import { CutNetwork, NEAR, type NetworkProgram, whyNoNetwork } from '../support/cut-network.ts';
import { file, program } from '../support/needs.ts';
import { acknowledged, complaints, DISK_BYTES, diskProblems, numberedWriter } from '../support/numbered-writer.ts';

const { RINGSIDE_RUNS = '60', RINGSIDE_SEED = '1', RINGSIDE_AT_ONCE = '3' } = process.env;
const CODE = '0123-4567-89ab-cdef';
const HUB_PORT = 7000,
  DISK_PORT = 10809;
/** After all is well again a late segment has this long to come. */
const LATE_MS = 20_000;
/** How long a host is away at most before another has the guest, where it is to have it. */
const AWAY_SECONDS = 90;
const SERVERS = ['qemu-nbd', 'nbd-server'] as const;

/** What happens to bravo. `sleep`: its clocks stop, and its wall clock shows the time when it wakes; `sleep-boot`: that shows the time before, too. */
const FAULTS = [
  'cut',
  'cut',
  'cut',
  'cut-short',
  'cut-hub',
  'cut-disk',
  'stop',
  'stop-cut',
  'sleep',
  'sleep-boot',
] as const;
type Fault = (typeof FAULTS)[number];

const pause = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms));

/** libfaketime, by which the clocks of a process stop. */
const faketime = [
  '/usr/lib',
  '/usr/lib64',
  ...(existsSync('/usr/lib') ? readdirSync('/usr/lib').map(name => `/usr/lib/${name}`) : []),
]
  .map(folder => join(folder, 'faketime/libfaketimeMT.so.1'))
  .find(path => existsSync(path));

const why =
  ['ip', 'nft', 'sysctl', ...SERVERS]
    .map(name => (program(name) ? undefined : `${name} is not installed`))
    .find(Boolean) ?? (faketime ? whyNoNetwork() : 'libfaketime is not installed');
if (why !== undefined) console.log(`lease-witnesses: the runs with the kernel's sockets are skipped: ${why}`);

interface Run {
  fault: Fault;
  server: string;
  acks: number;
  takenOver: boolean;
  /** From the fault until the other host had started the guest. */
  takeOverMs: number;
  problems: string[];
}

class Witness {
  private readonly folder = mkdtempSync(join(tmpdir(), 'ringside-witness-'));
  private readonly network: CutNetwork;
  private readonly started: NetworkProgram[] = [];
  private readonly pick: Pick;
  private readonly fault: Fault;
  private readonly server: string;
  private disk: NetworkProgram;
  private bravo!: NetworkProgram;
  private alfa!: NetworkProgram;

  constructor(seed: number) {
    this.pick = picker(seed);
    this.fault = FAULTS[this.pick(FAULTS.length)]!;
    // qemu-nbd does not set SO_KEEPALIVE, so it cannot drop a client whose kernel is cut off.
    this.server = this.fault === 'stop-cut' ? 'nbd-server' : SERVERS[this.pick(2)]!;
    this.network = new CutNetwork(`rs${process.pid % 100_000}x${seed}`);
    this.disk = this.serve();
  }

  private path(name: string): string {
    return join(this.folder, name);
  }

  private serve(): NetworkProgram {
    writeFileSync(this.path('disk'), new Uint8Array(DISK_BYTES));
    if (this.server === 'qemu-nbd')
      return this.start('near', [
        'qemu-nbd',
        '-f',
        'raw',
        '-t',
        '-e',
        '8',
        '-x',
        'w',
        '-b',
        NEAR,
        '-p',
        `${DISK_PORT}`,
        this.path('disk'),
      ]);
    // As docs/pools.md has it: a client that is silent is dropped before another host can have its guest.
    this.network.sysctl(
      'near',
      'net.ipv4.tcp_keepalive_time=4',
      'net.ipv4.tcp_keepalive_intvl=1',
      'net.ipv4.tcp_keepalive_probes=4',
    );
    writeFileSync(
      this.path('nbd.conf'),
      `[generic]\nlistenaddr=${NEAR}\nport=${DISK_PORT}\n[w]\nexportname=${this.path('disk')}\nflush=true\n`,
    );
    return this.start('near', ['nbd-server', '-C', this.path('nbd.conf'), '-p', this.path('nbd.pid')]);
  }

  private start(end: 'near' | 'far', argv: string[], env?: NodeJS.ProcessEnv): NetworkProgram {
    const started = this.network.start(end, argv, env);
    this.started.push(started);
    return started;
  }

  private ringside(end: 'near' | 'far', argv: string[], env?: NodeJS.ProcessEnv): NetworkProgram {
    return this.start(end, [process.execPath, file('bin/ringside.mjs'), ...argv], env);
  }

  private async host(end: 'near' | 'far', name: string, env?: NodeJS.ProcessEnv): Promise<NetworkProgram> {
    const files = ['writer.elf', 'w.cfg'].flatMap(each => ['--file', `${this.path(each)}:/root/${each}`]);
    const join = ['--join', `ws://${NEAR}:${HUB_PORT}/#${CODE}`, '--name', name, '--host-memory', '64'];
    const host = this.ringside(end, ['sh', ...join, ...files], env);
    await host.expect('# ', 90);
    return host;
  }

  /** The clocks of bravo are `seconds` behind. */
  private setBehind(seconds: number): void {
    writeFileSync(this.path('behind'), `-${seconds.toFixed(3)}\n`);
  }

  private get clocks(): NodeJS.ProcessEnv {
    if (!this.fault.startsWith('sleep')) return {};
    this.setBehind(0);
    const wall = `const { readFileSync } = require('node:fs'); const { now } = Date;
      Date.now = () => Math.floor(now() - 1000 * Number(readFileSync(${JSON.stringify(this.path('behind'))}, 'latin1')));`;
    writeFileSync(this.path('wall.cjs'), wall);
    return {
      LD_PRELOAD: faketime,
      FAKETIME_TIMESTAMP_FILE: this.path('behind'),
      FAKETIME_NO_CACHE: '1',
      ...(this.fault === 'sleep' ? { NODE_OPTIONS: `--require ${this.path('wall.cjs')}` } : {}),
    };
  }

  async run(): Promise<Run> {
    const { fault, server } = this;
    writeFileSync(this.path('writer.elf'), numberedWriter());
    const disk = `nbd://${NEAR}:${DISK_PORT}/w,raw,hda,w`;
    writeFileSync(
      this.path('w.cfg'),
      `name = "w"\ntype = "hvm"\nmemory = 4\ncap = 10\nkernel = "/root/writer.elf"\nserial = "pty"\nha = 1\ndisk = ["${disk}"]\n`,
    );
    const hub = this.ringside('near', ['pool', '--no-page', '--listen', `${NEAR}:${HUB_PORT}`, '--code', CODE]);
    await hub.expect('(Ctrl-C ends it.)', 120);
    this.alfa = await this.host('near', 'alfa');
    this.bravo = await this.host('far', 'bravo', this.clocks);
    const { alfa, bravo } = this;
    await bravo.run('xl create /root/w.cfg', 60);
    await bravo.run('until pool leases | grep -q "^w .*bravo"; do sleep 0.2; done', 30);
    await alfa.run('until pool guests | grep -q "^w .* bravo "; do sleep 0.2; done', 30);
    bravo.send('xl console w\r');
    await this.until(() => acknowledged(bravo.output).length > 3, 60, 'the guest writes');
    await pause(1000 + this.pick(3000));
    // Alfa looks for the guest all the time.
    const from = alfa.output.length;
    const there = (): string => alfa.output.slice(from);
    alfa.send(`until xl list | grep -q "^w "; do sleep 0.2; done; echo is-he''re\r`);
    const looking = alfa.expect('is-here', AWAY_SECONDS).then(() => alfa.send('xl console w\r'));
    looking.catch(() => {});
    const beganMs = performance.now();
    let takeOverMs = 0;
    const takenOver = async (): Promise<void> => {
      await this.until(() => acknowledged(there()).length > 0, AWAY_SECONDS, 'the guest is started elsewhere');
      takeOverMs = performance.now() - beganMs;
      await pause(2000 + this.pick(4000));
    };
    await this.hurt(takenOver);
    await pause(LATE_MS);
    const acks = (): number => acknowledged(bravo.output).length + acknowledged(there()).length;
    const [before] = [acks()];
    const consoles = (): string => bravo.output + there();
    if (complaints(consoles()).length === 0) await this.until(() => acks() > before + 3, 60, 'the guest goes on');
    const all = [...acknowledged(bravo.output), ...acknowledged(there())];
    for (const each of this.started) if (each !== this.disk) await each.kill();
    await pause(500);
    const problems = [...complaints(consoles()), ...diskProblems(readFileSync(this.path('disk')), all)];
    return { fault, server, acks: all.length, takenOver: takeOverMs > 0, takeOverMs: Math.round(takeOverMs), problems };
  }

  private async hurt(takenOver: () => Promise<void>): Promise<void> {
    const { fault, network, bravo, pick } = this;
    const beganMs = performance.now();
    if (fault.startsWith('stop') || fault.startsWith('sleep')) {
      if (fault === 'stop-cut') {
        network.cut();
        await pause(pick(1500));
      }
      bravo.signal('SIGSTOP');
      await takenOver();
      if (fault.startsWith('sleep')) this.setBehind((performance.now() - beganMs) / 1000);
      network.heal();
      bravo.signal('SIGCONT');
      return;
    }
    network.cut({ 'cut-hub': HUB_PORT, 'cut-disk': DISK_PORT }[fault as string]);
    // One that is cut off from its disk alone has its lease.
    if (fault === 'cut-short' || fault === 'cut-disk') await pause(500 + pick(fault === 'cut-short' ? 7500 : 20_000));
    else await takenOver();
    network.heal();
  }

  private async until(holds: () => boolean, usualSeconds: number, what: string): Promise<void> {
    const endMs = performance.now() + 3000 * usualSeconds;
    while (!holds()) {
      if (performance.now() > endMs) {
        const tail = [this.bravo, this.alfa].map(host => host?.output.slice(-1500)).join('\n--- alfa:\n');
        throw new Error(
          `${this.fault}, ${this.server}: not within ${3 * usualSeconds} s: ${what}\n--- bravo:\n${tail}`,
        );
      }
      await pause(50);
    }
  }

  async close(): Promise<void> {
    for (const each of this.started) await each.kill();
    // Workers and children of those that did not become the program.
    await pause(200);
    this.network.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

async function witness(seed: number): Promise<Run & { seed: number }> {
  const each = new Witness(seed);
  try {
    return { seed, ...(await each.run()) };
  } catch (error) {
    (error as Error).message = `seed ${seed}: ${(error as Error).message}`;
    throw error;
  } finally {
    await each.close();
  }
}

it.skipIf(why !== undefined)(
  `loses, doubles and overwrites no write on a disk behind the kernel's sockets, whatever happens to a host${why === undefined ? '' : ` (${why})`}`,
  { timeout: 4 * 3_600_000 },
  async () => {
    const runs: (Run & { seed: number })[] = [];
    const failed: string[] = [];
    let next = Number(RINGSIDE_SEED);
    const end = next + Number(RINGSIDE_RUNS);
    const line = async (): Promise<void> => {
      while (next < end) {
        const seed = next++;
        try {
          const run = await witness(seed);
          runs.push(run);
          console.log(`seed ${seed}: ${JSON.stringify(run)}`);
        } catch (error) {
          failed.push((error as Error).message);
          console.log((error as Error).message);
        }
      }
    };
    await Promise.all(Array.from({ length: Number(RINGSIDE_AT_ONCE) }, line));
    const times = runs.flatMap(({ takenOver, takeOverMs }) => (takenOver ? [takeOverMs] : [])).sort((a, b) => a - b);
    console.log(
      `${runs.length} runs from seed ${RINGSIDE_SEED}: ${runs.reduce((sum, { acks }) => sum + acks, 0)} writes acknowledged, ${times.length} guests started elsewhere after ${times[0]} to ${times.at(-1)} ms`,
    );
    expect(runs.filter(({ problems }) => problems.length > 0)).toEqual([]);
    expect(failed).toEqual([]);
    expect(runs.every(({ acks }) => acks > 3)).toBe(true);
  },
);
