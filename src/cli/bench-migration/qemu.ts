/**
 * The floor: the same guest moves between two processes of QEMU, whose processor is TCG, writing as many frames a second; the downtime is QEMU's own count
 * (query-migrate of its QMP, docs/interop/qemu-qmp-ref, "downtime").
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { LEAST_ROUNDS, LOOK_MS } from './moves.ts';
import type { Row } from './side.ts';
import { FIRST_GFN, spinsFor, TRIED_SPINS, writer } from './writer.ts';

const QEMU = 'qemu-system-x86_64';
type Pause = (ms: number) => Promise<void>;

export const isQemuHere = (): boolean => spawnSync(QEMU, ['--version']).status === 0;

export interface Floor {
  downtimeMs: number;
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

  constructor(kernel: string, mib: number, qmp: string, pause: Pause, incoming?: string) {
    this.qmp = qmp;
    this.pause = pause;
    const words = ['-accel', 'tcg', '-m', String(mib), '-nodefaults', '-display', 'none', '-kernel', kernel];
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

  end(): void {
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

/** `framesPerSecond`: that the guest of ours writes. @throws Error with a sentence */
export async function floorOf(
  { mib, dial }: Row,
  framesPerSecond: number,
  nowMs: () => number,
  pause: Pause,
): Promise<Floor> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-migration-'));
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
    let { spins } = dial;
    if (spins > 1) {
      const machine = await begin(TRIED_SPINS, 'tried');
      spins = spinsFor(framesPerSecond, (await machine.roundsPerSecond(nowMs)) * dial.frames);
      machine.end();
    }
    const uri = `unix:${join(folder, 'stream')}`;
    const from = await begin(spins, 'from');
    const rounds = dial.frames > 0 ? await from.roundsPerSecond(nowMs) : (await pause(1500), 0);
    await begin(spins, 'to', uri);
    // As fast as it goes: QEMU's own limit is a network's.
    await from.ask('migrate-set-parameters', { 'max-bandwidth': 2 ** 34 });
    await from.ask('migrate', { uri });
    for (let tries = 0; ; tries++) {
      const now = (await from.ask('query-migrate')) as QueryMigrate;
      if (now.status === 'completed')
        return {
          downtimeMs: now.downtime,
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
