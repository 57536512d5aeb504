/**
 * The floor: the same guest moves between two processes of QEMU, whose processor is TCG, writing as many frames a second. Its own count of the downtime
 * (query-migrate of its QMP, docs/interop/qemu-qmp-ref, "downtime") is the source's: from when it stops the guest until all of the state was written
 * (migration_completion() and migration_calculate_complete() of migration/migration.c); what the other process does then is not in it. The gap is ours.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, readSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { FRAME_BYTES } from '../../hypervisor/memory/index.ts';
import { LEAST_ROUNDS, LOOK_MS } from './moves.ts';
import { qemuWords, type Row } from './guest.ts';
import { Beats } from './beats.ts';
import { MARK, spinsFor, WORD } from './writer.ts';

const QEMU = 'qemu-system-x86_64';
type Pause = (ms: number) => Promise<void>;

export const isQemuHere = (): boolean => spawnSync(QEMU, ['--version']).status === 0;

/** How often a guest that boots is looked at until it writes, and after how long again. */
const MOST_LOOKS = 300,
  BOOT_LOOK_MS = 100;
/** What has begun to be watched, or has come, goes on for this long before anything else is asked of it. */
const SETTLES_MS = 300;

/** Of files that lie in memory. */
const SHM = '/dev/shm';

export interface Floor {
  framesPerSecond: number;
  moves: FloorMove[];
}

export interface FloorMove {
  /** By QEMU's own count. */
  downtimeMs: number;
  /** How long the guest did not go on, as somebody next to it sees. */
  gapMs: number | undefined;
  totalMs: number;
  bytes: number;
}

/** One QEMU, asked by QMP. */
class Machine {
  private readonly child: ChildProcess;
  private socket: Socket | undefined;
  private readonly answers: ((answer: Record<string, unknown>) => void)[] = [];
  private readonly qmp: string;
  private readonly pause: Pause;
  private readonly memory: string;
  private readonly bytes: number;
  private watched: Beats | undefined;

  /** `words`: of its command line, next to those of its memory and its other ends. */
  constructor(words: readonly string[], mib: number, qmp: string, pause: Pause, incoming?: string) {
    this.qmp = qmp;
    this.pause = pause;
    this.memory = `${qmp}.memory`;
    this.bytes = mib * 2 ** 20;
    const memory = `memory-backend-file,id=memory,size=${this.bytes},mem-path=${this.memory},share=on`;
    this.child = spawn(
      QEMU,
      [
        ...['-accel', 'tcg', '-object', memory, '-machine', 'memory-backend=memory', ...words],
        ...['-qmp', `unix:${qmp},server=on,wait=off`, ...(incoming === undefined ? [] : ['-incoming', incoming])],
      ],
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

  /** Where the guest's beat lies in its memory, once it writes. @throws Error where it does not come */
  async findsBeat(): Promise<number> {
    const mark = Buffer.from(new Uint32Array(MARK).buffer);
    const bytes = Buffer.alloc(this.bytes);
    for (let tries = 0; tries < MOST_LOOKS; tries++) {
      const file = openSync(this.memory, 'r');
      readSync(file, bytes, 0, bytes.length, 0);
      closeSync(file);
      for (let at = -1; (at = bytes.indexOf(mark, at + 1)) >= 0; )
        if (at % FRAME_BYTES === 4 * WORD.MARK) return at - 4 * WORD.MARK;
      await this.pause(BOOT_LOOK_MS);
    }
    throw new Error('The guest does not begin to write in QEMU.');
  }

  /** A word of the beat's page. */
  private word(beat: number, word: number): number {
    const bytes = Buffer.alloc(4),
      file = openSync(this.memory, 'r');
    readSync(file, bytes, 0, 4, beat + 4 * word);
    closeSync(file);
    return bytes.readUInt32LE(0);
  }

  spin(beat: number, spins: number): void {
    const bytes = Buffer.alloc(4),
      file = openSync(this.memory, 'r+');
    bytes.writeUInt32LE(spins);
    writeSync(file, bytes, 0, 4, beat + 4 * WORD.SPINS);
    closeSync(file);
  }

  /** Rounds a second. */
  async roundsPerSecond(beat: number, nowMs: () => number): Promise<number> {
    const [before, ms] = [this.word(beat, WORD.ROUND), nowMs()];
    let round = before;
    while (round < before + LEAST_ROUNDS) {
      await this.pause(LOOK_MS);
      round = this.word(beat, WORD.ROUND);
    }
    return ((round - before) * 1000) / (nowMs() - ms);
  }

  /** The guest's beat from the first call on. */
  beats(beat: number): Beats {
    return (this.watched ??= new Beats({ file: this.memory, offset: beat }));
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

/** One move. @throws Error with what QEMU says */
async function move(from: Machine, to: Machine, uri: string, beat: number, pause: Pause): Promise<FloorMove> {
  const watched = [from.beats(beat), to.beats(beat)] as const;
  await pause(SETTLES_MS);
  // As fast as it goes: QEMU's own limit is a network's.
  await from.ask('migrate-set-parameters', { 'max-bandwidth': 2 ** 34 });
  await from.ask('migrate', { uri });
  for (let tries = 0; ; tries++) {
    const now = (await from.ask('query-migrate')) as QueryMigrate;
    if (now.status === 'completed')
      return {
        downtimeMs: now.downtime,
        gapMs: await gapBetween(...watched, pause),
        totalMs: now['total-time'],
        bytes: now.ram.transferred,
      };
    if (now.status === 'failed' || tries > 3000) throw new Error(`QEMU: ${now['error-desc'] ?? 'it does not end'}.`);
    await pause(20);
  }
}

/** Moves from one process to the next. `framesPerSecond`: that the guest of ours writes. @throws Error with a sentence */
export async function floorOf(
  row: Row,
  moves: number,
  framesPerSecond: number,
  nowMs: () => number,
  pause: Pause,
): Promise<Floor> {
  const folder = mkdtempSync(join(existsSync(SHM) ? SHM : tmpdir(), 'bench-migration-'));
  const { mib, dial } = row;
  const words = qemuWords(row, (name, bytes) => {
    writeFileSync(join(folder, name), bytes);
    return join(folder, name);
  });
  let last: Machine | undefined;
  const begin = async (name: string, incoming?: string): Promise<Machine> => {
    const machine = new Machine(words, mib, join(folder, `${name}.qmp`), pause, incoming);
    await machine.up();
    return machine;
  };
  try {
    last = await begin('0');
    const machine = last,
      beat = await machine.findsBeat();
    await pause(SETTLES_MS);
    const rate = async (): Promise<number> => (await machine.roundsPerSecond(beat, nowMs)) * dial.frames;
    if (dial.spins > 1)
      await spinsFor(framesPerSecond, async spins => {
        machine.spin(beat, spins);
        return rate();
      });
    const found: Floor = { framesPerSecond: dial.frames > 0 ? await rate() : 0, moves: [] };
    for (let i = 1; i <= moves; i++) {
      const uri = `unix:${join(folder, `stream${i}`)}`;
      const to = await begin(String(i), uri);
      found.moves.push(await move(last, to, uri, beat, pause).catch(error => (to.end(), Promise.reject(error))));
      last.end();
      last = to;
    }
    return found;
  } finally {
    last?.end();
    rmSync(folder, { recursive: true, force: true });
  }
}
