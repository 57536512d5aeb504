/**
 * npm run -s bench:migration -- [--mib N] [--moves N] [--only ROW] [--in-turns]
 *
 * A guest that writes to its memory moves between two hosts of this process, there and back: rounds, bytes, the whole time, and how long it stood still (from
 * when it did on the first host until the second one has said that it runs there). After each move what the guest has written is looked through.
 */
import { parseArgs } from 'node:util';
import { createHost, inTurns, inWorkers } from '../../dom0/service/index.ts';
import { median } from '../median.ts';
import { later, sharedMs, soon } from '../node-clock.ts';
import { spawnDomainWorker } from '../node-worker.ts';
import { type MakeHost, Moves, type Row } from './moves.ts';

const WRONG_USE = 2;
/** Frames that are written, and how fast: about 20,000 a second, and as fast as the processor goes. */
const DIALS = {
  idle: { frames: 0, spins: 1 },
  moderate: { frames: 1500, spins: 2000 },
  heavy: { frames: 6000, spins: 1 },
} as const;

/** What a guest needs beside the frames that it writes. */
const LEAST_MIB = 4;

const pause = (ms: number): Promise<void> => new Promise(resolve => void later(ms, resolve));

export async function main(argv: string[]): Promise<number> {
  let values: { mib?: string; moves?: string; only?: string; 'in-turns'?: boolean };
  try {
    const text = { type: 'string' as const };
    ({ values } = parseArgs({
      args: argv,
      options: { mib: text, moves: text, only: text, 'in-turns': { type: 'boolean' } },
    }));
    for (const name of ['mib', 'moves'] as const)
      if (!/^[1-9]\d*$/.test(values[name] ?? '1')) throw new Error(`--${name} ${values[name]}: write a number.`);
    if (Number(values.mib ?? 128) < 2 * LEAST_MIB)
      throw new Error(`--mib ${values.mib}: a guest here has ${2 * LEAST_MIB} MiB or more.`);
  } catch (error) {
    process.stderr.write(`bench:migration: ${(error as Error).message}\n`);
    return WRONG_USE;
  }
  const mib = Number(values.mib ?? 128),
    moves = Number(values.moves ?? 5);
  const runners = values['in-turns']
    ? inTurns({ soon, later, hostMs: sharedMs })
    : inWorkers({ spawn: () => spawnDomainWorker(), later, hostMs: sharedMs });
  const make: MakeHost = parts =>
    createHost({
      version: 'bench',
      pcpus: 2,
      runners,
      soon,
      later,
      hostMs: sharedMs,
      epochMs: () => Date.now(),
      ...parts,
    });
  process.stdout.write(
    `${mib} MiB, ${values['in-turns'] ? 'in turns on one thread' : 'each guest in a worker'}, medians of ${moves} moves\n`,
  );
  process.stdout.write('row       rounds      MiB   total ms   stood still ms (each)\n');
  for (const [name, dial] of Object.entries(DIALS)) {
    if (values.only !== undefined && values.only !== name) continue;
    // The kernel lies below them, and the guest has no more than its memory.
    const frames = Math.min(dial.frames, (mib - LEAST_MIB) * 256);
    const row: Row = { name, mib, dial: { ...dial, frames } };
    const pair = new Moves(row, make, { soon, pause });
    await pair.start();
    const done = [];
    for (let i = 0; i < moves; i++) done.push(await pair.move());
    await pair.end();
    const cells = [
      String(median(done.map(({ rounds }) => rounds.length))).padStart(6),
      (median(done.map(({ bytes }) => bytes)) / 2 ** 20).toFixed(1).padStart(8),
      median(done.map(({ totalMs }) => totalMs))
        .toFixed(0)
        .padStart(10),
      median(done.map(({ downtimeMs }) => downtimeMs))
        .toFixed(0)
        .padStart(10),
    ];
    const each = done.map(({ downtimeMs }) => Math.round(downtimeMs)).join(' ');
    process.stdout.write(`${name.padEnd(9)} ${cells.join(' ')}   (${each})\n`);
  }
  return 0;
}
