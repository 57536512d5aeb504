/**
 * The floor: the same guest moves between two processes of QEMU, whose processor is TCG, writing as many frames a second. Its own count of the downtime
 * (query-migrate of its QMP, docs/interop/qemu-qmp-ref, "downtime") is the source's: from when it stops the guest until all of the state was written
 * (migration_completion() and migration_calculate_complete() of migration/migration.c); what the other process does then is not in it. The gap is ours.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { LEAST_ROUNDS, LOOK_MS } from './moves.ts';
import type { Row } from './side.ts';
import { Beats } from './beats.ts';
import { BEAT_GFN, FIRST_GFN, spinsFor, writer } from './writer.ts';

const QEMU = 'qemu-system-x86_64';
type Pause = (ms: number) => Promise<void>;

export const isQemuHere = (): boolean => spawnSync(QEMU, ['--version']).status === 0;

/** Of files that lie in memory. */
const SHM = '/dev/shm';

export interface Floor {
  /** By QEMU's own count. */
  downtimeMs: number;
  /** How long the guest did not go on, as somebody beside it sees. */
  gapMs: number | undefined;
  totalMs: number;
  bytes: number;
  framesPerSecond: number;
}

/** One QEMU, asked by QMP. */
class Machine {
  private readonly child: ChildProcess;
  private socket: Socket | undefined;
  private readonly answers: ((answer: Record<string, unknown>) => void)[] = [];
  private readonly qmp: string;
  private readonly pause: Pause;
  private readonly memory: string;
  private watched: Beats | undefined;

  constructor(kernel: string, mib: number, qmp: string, pause: Pause, incoming?: string) {
    this.qmp = qmp;
    this.pause = pause;
    this.memory = `${qmp}.memory`;
    const words = ['-accel', 'tcg', '-m', String(mib), '-nodefaults', '-display', 'none', '-kernel', kernel];
    words.push('-object', `memory-backend-file,id=memory,size=${mib}M,mem-path=${this.memory},share=on`);
    words.push('-machine', 'memory-backend=memory');
    this.child = spawn(
      QEMU,
      [...words, '-qmp', `unix:${qmp},server=on,wait=off`, ...(incoming === undefined ? [] : ['-incoming', incoming])],
      { stdio: 'ignore' },
    );
  }

  /** @throws Error where it does not come up */
  async up(): Promise<void> {
    for (let tries = 0; !this.socket; tries++) {
      if (tries > 500) throw new Error('QEMU does not answer.');
      const socket = createConnection({ path: this.qmp });
      const stands = await new Promise<boolean>(resolve => {
        socket.once('connect', () => resolve(true));
        socket.once('error', () => resolve(false));
      });
      if (stands) this.socket = socket;
      else await this.pause(20);
    }
    const lines = createInterface({ input: this.socket });
    lines.on('line', line => {
      const said = JSON.parse(line) as Record<string, unknown>;
      if ('return' in said || 'error' in said) this.answers.shift()?.(said);
    });
    await this.ask('qmp_capabilities');
  }

  /** @throws Error with what QEMU says */
  async ask(execute: string, given: object = {}): Promise<unknown> {
    const answer = new Promise<Record<string, unknown>>(resolve => this.answers.push(resolve));
    this.socket!.write(`${JSON.stringify({ execute, arguments: given })}\n`);
    const said = await answer;
    if ('error' in said) throw new Error(`QEMU: ${execute}: ${JSON.stringify(said.error)}`);
    return said.return;
  }

  /** The first word that the guest writes. */
  private async count(): Promise<number> {
    const text = (await this.ask('human-monitor-command', {
      'command-line': `xp /1wx 0x${(FIRST_GFN * 4096).toString(16)}`,
    })) as string;
    return Number(text.trim().split(/\s+/).at(-1));
  }

  /** Once it writes: rounds a second. @throws Error where it does not */
  async roundsPerSecond(nowMs: () => number): Promise<number> {
    for (let tries = 0; (await this.count()) < 3; tries++) {
      if (tries > 1000) throw new Error('The guest does not begin to write in QEMU.');
      await this.pause(20);
    }
    const [before, ms] = [await this.count(), nowMs()];
    let count = before;
    while (count < before + LEAST_ROUNDS) {
      await this.pause(LOOK_MS);
      count = await this.count();
    }
    return ((count - before) * 1000) / (nowMs() - ms);
  }

  /** Its guest's, from the first call on. */
  get beats(): Beats {
    return (this.watched ??= new Beats({ file: this.memory, offset: BEAT_GFN * 4096 }));
  }

  end(): void {
    this.watched?.end();
    this.socket?.destroy();
    this.child.kill();
  }
}

interface QueryMigrate {
  status: string;
  downtime: number;
  'total-time': number;
  ram: { transferred: number };
  'error-desc'?: string;
}

/** From the guest's last beat in one process to its first in the other; undefined: it does not go on there. */
async function gapBetween(from: Beats, to: Beats, pause: Pause): Promise<number | undefined> {
  const { last } = from;
  const next = last && (await to.comesAfter(last.value, pause));
  return next && next.ms - last.ms;
}

/** `framesPerSecond`: that the guest of ours writes. @throws Error with a sentence */
export async function floorOf(
  { mib, dial }: Row,
  framesPerSecond: number,
  nowMs: () => number,
  pause: Pause,
): Promise<Floor> {
  const folder = mkdtempSync(join(existsSync(SHM) ? SHM : tmpdir(), 'bench-migration-'));
  const machines: Machine[] = [];
  const begin = async (spins: number, name: string, incoming?: string): Promise<Machine> => {
    const kernel = join(folder, `${name}.elf`);
    writeFileSync(kernel, writer({ ...dial, spins }));
    const machine = new Machine(kernel, mib, join(folder, `${name}.qmp`), pause, incoming);
    machines.push(machine);
    await machine.up();
    return machine;
  };
  try {
    let tries = 0;
    const rateWith = async (spins: number): Promise<number> => {
      const machine = await begin(spins, `tried${++tries}`);
      const rate = (await machine.roundsPerSecond(nowMs)) * dial.frames;
      machine.end();
      return rate;
    };
    const spins = dial.spins > 1 ? await spinsFor(framesPerSecond, rateWith) : dial.spins;
    const uri = `unix:${join(folder, 'stream')}`;
    const from = await begin(spins, 'from');
    const rounds = dial.frames > 0 ? await from.roundsPerSecond(nowMs) : (await pause(1500), 0);
    const to = await begin(spins, 'to', uri);
    const watched = [from.beats, to.beats];
    await pause(100);
    // As fast as it goes: QEMU's own limit is a network's.
    await from.ask('migrate-set-parameters', { 'max-bandwidth': 2 ** 34 });
    await from.ask('migrate', { uri });
    for (let tries = 0; ; tries++) {
      const now = (await from.ask('query-migrate')) as QueryMigrate;
      if (now.status === 'completed')
        return {
          downtimeMs: now.downtime,
          gapMs: await gapBetween(watched[0]!, watched[1]!, pause),
          totalMs: now['total-time'],
          bytes: now.ram.transferred,
          framesPerSecond: rounds * dial.frames,
        };
      if (now.status === 'failed' || tries > 3000) throw new Error(`QEMU: ${now['error-desc'] ?? 'it does not end'}.`);
      await pause(20);
    }
  } finally {
    for (const machine of machines) machine.end();
    rmSync(folder, { recursive: true, force: true });
  }
}
