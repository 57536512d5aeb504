/**
 * npm run -s bench:migration -- [--mib N,N] [--moves N] [--only ROW] [--way page|tabs|nodes|turns] [--check] [--quick]
 *
 * A guest that writes to its memory moves between two hosts, there and back: rounds, bytes, the whole time, how long it was paused by the first host's count
 * (from when it did until the second one has said that it runs there), and the gap: from the guest's last beat on the first host to its first one on the second,
 * as a thread next to it sees. The third figure is that of who uses a guest: minipv at the same dial is pinged every 10 ms through the bridge of the first host while
 * it moves, and the longest time between two answers counts (service.ts). After each move what the guest has written is looked through. `page`: both hosts are in this
 * process, each guest in a worker; `tabs`: each in a tab of Chromium, whose task log is all that is known (tabs.ts); `nodes`: each in a process, with a hub between
 * them; `turns`: hosts and guests take turns on one thread. In the row `linux` the writer is a program of Debian's kernel. Where QEMU is installed, the same guest
 * moves as often between processes of QEMU's in the same run, with QEMU's own count and the same gap. `--check`: status 1 where the same Linux was paused longer than
 * with QEMU by the gap, which is where the whole 95 % interval of the ratio of medians lies above 1; QEMU's own count ends when the state was written, and what the
 * other process does then is not in it (qemu.ts). `--quick`: 128 MiB, three moves.
 */
import { createHost, inTurns, inWorkers } from '../../dom0/service/index.ts';
import { FRAMES_A_MIB } from '../../hypervisor/layout/index.ts';
import { drawing } from '../harness/pick.ts';
import { median, ratioOf } from '../harness/median.ts';
import { flag, hidden, number, oneOf, text, WrongUse } from '../harness/options.ts';
import { program } from '../harness/program.ts';
import { later, sharedMs, soon } from '../../cli/node-clock.ts';
import { spawnDomainWorker } from '../../cli/node-worker.ts';
import { nodeWays } from '../../cli/ways.ts';
import { type MakeHost, Moves, serviceMs, type Sides, sidesHere } from './moves.ts';
import { beSide, sidesInProcesses } from './processes.ts';
import { movesInTabs, type Told } from './tabs.ts';
import { isDebianHere, type Row } from './guest.ts';
import { type Floor, floorOf, isQemuHere } from './qemu.ts';
import type { Served } from './service.ts';
import { spinsFor } from './writer.ts';

interface Wanted {
  /** That are written. */
  frames: number;
  /** Absent: as fast as the processor goes. */
  framesPerSecond?: number;
  /** The same Linux is QEMU's guest, whose downtime is the floor. */
  linux?: boolean;
}
const MODERATE = { frames: 1500, framesPerSecond: 20_000 };
const DIALS: Record<string, Wanted> = {
  idle: { frames: 0 },
  moderate: MODERATE,
  linux: { ...MODERATE, linux: true },
  heavy: { frames: 6000 },
};
/** The same for the guest that is pinged: it writes in bursts, and answers between two. */
const SERVED: Record<string, Served> = {
  idle: { pages: 0, pauseUs: 0 },
  moderate: { pages: 128, pauseUs: 6400 },
  heavy: { pages: 128, pauseUs: 200 },
};
const WAYS = ['page', 'tabs', 'nodes', 'turns'] as const;
type Way = (typeof WAYS)[number];

/** What a guest needs next to the frames that it writes. */
const LEAST_MIB = 4;

const pause = (ms: number): Promise<void> => new Promise(resolve => void later(ms, resolve));

const makeIn =
  (turns: boolean): MakeHost =>
  parts =>
    createHost({
      version: 'bench',
      pcpus: 2,
      runners: turns
        ? inTurns({ soon, later, hostMs: sharedMs })
        : inWorkers({ spawn: () => spawnDomainWorker(), later, hostMs: sharedMs }),
      soon,
      later,
      hostMs: sharedMs,
      epochMs: () => Date.now(),
      ways: nodeWays,
      ...parts,
    });

/** @throws WrongUse */
function sizesOf(mib: string): number[] {
  if (!/^[1-9]\d*(,[1-9]\d*)*$/.test(mib)) throw new WrongUse(`--mib ${mib}: write numbers with commas between them.`);
  const sizes = mib.split(',').map(Number);
  if (sizes.some(each => each < 2 * LEAST_MIB))
    throw new WrongUse(`--mib ${mib}: a guest here has ${2 * LEAST_MIB} MiB or more.`);
  return sizes;
}

interface Asked {
  moves: number;
  ways: readonly Way[];
}

/** The row with a guest that writes this many frames a second here. */
async function dialled(row: Row, framesPerSecond: number | undefined): Promise<Row> {
  if (framesPerSecond === undefined) return row;
  const pair = new Moves(row, sidesHere(row, makeIn(false), soon, pause), pause);
  await pair.start();
  const spins = await spinsFor(framesPerSecond, async spins => {
    await pair.spin(spins);
    return pair.framesPerSecond(sharedMs);
  });
  await pair.end();
  return { ...row, dial: { ...row.dial, spins } };
}

const eachOf = ({ downtimeMs, gapMs }: Found): string =>
  [downtimeMs, gapMs].map(values => `(${values.map(value => Math.round(value)).join(' ')})`).join(' ');

const cell = (value: number, width: number, digits = 0): string => value.toFixed(digits).padStart(width);

/** What was measured of each move. */
interface Found {
  /** Absent: nobody can tell. */
  framesPerSecond?: number;
  downtimeMs: number[];
  /** Of those that were seen. */
  gapMs: number[];
}

const foundOf = (moves: readonly { downtimeMs: number; gapMs?: number | undefined }[]): Found => ({
  downtimeMs: moves.map(move => move.downtimeMs),
  gapMs: moves.flatMap(({ gapMs }) => gapMs ?? []),
});

const seenCell = (value: number | undefined, width: number): string =>
  value === undefined ? '?'.padStart(width) : cell(value, width);
const medianCell = (values: readonly number[], width: number): string =>
  seenCell(values.length > 0 ? median(values) : undefined, width);

/** Two hosts by that way, for `work`. */
async function between<Result>(row: Row, way: Way, work: (sides: Sides) => Promise<Result>): Promise<Result> {
  const far = way === 'nodes' ? await sidesInProcesses(row) : undefined;
  try {
    return await work(far?.sides ?? sidesHere(row, makeIn(way === 'turns'), soon, pause, way === 'page'));
  } finally {
    far?.end();
  }
}

const measure = (row: Row, way: Way, moves: number): Promise<Found> =>
  way === 'tabs' ? measureTabs(row, moves) : between(row, way, sides => measureBetween(sides, row, way, moves));

async function measureTabs(row: Row, moves: number): Promise<Found> {
  const done = await movesInTabs(row, moves);
  return tell('tabs', done, {});
}

/** The row of a way. */
function tell(
  way: Way,
  done: readonly Told[],
  { framesPerSecond, pingMs }: { framesPerSecond?: number; pingMs?: number },
): Found {
  const found = foundOf(done);
  const cells = [
    seenCell(framesPerSecond, 8),
    cell(median(done.map(({ rounds }) => rounds)), 7),
    cell(median(done.map(({ bytes }) => bytes)) / 2 ** 20, 8, 1),
    cell(median(done.map(({ totalMs }) => totalMs)), 9),
    medianCell(found.downtimeMs, 9),
    medianCell(found.gapMs, 7),
    seenCell(pingMs, 8),
  ];
  process.stdout.write(`${way.padEnd(6)} ${cells.join(' ')}   ${eachOf(found)}\n`);
  return { ...(framesPerSecond === undefined ? {} : { framesPerSecond }), ...found };
}

async function measureBetween(sides: Sides, row: Row, way: Way, moves: number): Promise<Found> {
  const pair = new Moves(row, sides, pause);
  await pair.start();
  const framesPerSecond = await pair.framesPerSecond(sharedMs);
  const done: Told[] = [];
  for (let i = 0; i < moves; i++) {
    const { rounds, ...move } = await pair.move();
    done.push({ ...move, rounds: rounds.length });
  }
  await pair.end();
  const served = SERVED[row.name];
  const service = served && (await between({ ...row, served }, way, pair => serviceMs(pair, moves, pause)));
  return tell(way, done, { framesPerSecond, ...(service ? { pingMs: service.ms } : {}) });
}

function tellFloor({ framesPerSecond, moves }: Floor): Found {
  const found = foundOf(moves);
  const cells = [
    cell(framesPerSecond, 8),
    ''.padStart(7),
    cell(median(moves.map(({ bytes }) => bytes)) / 2 ** 20, 8, 1),
    cell(median(moves.map(({ totalMs }) => totalMs)), 9),
    medianCell(found.downtimeMs, 9),
    medianCell(found.gapMs, 7),
    ''.padStart(8),
  ];
  process.stdout.write(`QEMU   ${cells.join(' ')}   ${eachOf(found)}\n`);
  return found;
}

/** Says how ours compares; what of it is longer than QEMU's, where both are counted alike. */
function judge(way: Way, ours: Found, floor: Found): string[] {
  const longer: string[] = [];
  for (const [what, key] of [
    ['stood', 'downtimeMs'],
    ['gap', 'gapMs'],
  ] as const) {
    const { ratio, low, high } = ratioOf(ours[key], floor[key], drawing(1));
    if (Number.isNaN(ratio)) continue;
    const line = `${way}: ${what} ${ratio.toFixed(2)} of QEMU's (95 %: ${low.toFixed(2)} to ${high.toFixed(2)})`;
    process.stdout.write(`${line}\n`);
    if (key === 'gapMs' && low > 1) longer.push(line);
  }
  return longer;
}

/** By all ways, and by QEMU; what is longer than with that. */
async function measureRow(name: string, dial: Wanted, mib: number, { ways, moves }: Asked): Promise<string[]> {
  // The kernel lies below them, and the guest has no more than its memory.
  const frames = Math.min(dial.frames, (mib - LEAST_MIB) * FRAMES_A_MIB);
  const asked: Row = { name, mib, dial: { frames, spins: 1 }, ...(dial.linux ? { linux: true } : {}) };
  const row = await dialled(asked, dial.framesPerSecond);
  process.stdout.write(
    `\n${name}, ${mib} MiB\n       frames/s  rounds      MiB  total ms   down ms  gap ms  ping ms (each: down, gap)\n`,
  );
  const done: (Found & { way: Way })[] = [];
  for (const way of ways) done.push({ way, ...(await measure(row, way, moves)) });
  if (!isQemuHere()) return [];
  const rate = done.find(({ framesPerSecond }) => framesPerSecond !== undefined)?.framesPerSecond;
  const floor = tellFloor(await floorOf(row, moves, rate ?? dial.framesPerSecond ?? 0, sharedMs, pause));
  return done.flatMap(({ way, ...found }) => judge(way, found, floor));
}

export const main = program({
  name: 'bench:migration',
  options: {
    mib: text('N,N'),
    moves: number(undefined, { least: 1 }),
    only: oneOf(Object.keys(DIALS)),
    way: oneOf(WAYS),
    check: flag,
    quick: flag,
    host: hidden(text('NAME')),
    join: hidden(text('URL')),
    row: hidden(text('ROW')),
  },
  run: async ({ quick, mib, moves: givenMoves, only, way, check, host, join, row }, write) => {
    if (host !== undefined && join !== undefined && row !== undefined) {
      await beSide({ host, join, row }, makeIn(false), pause);
      return 0;
    }
    const moves = givenMoves ?? (quick ? 3 : 5),
      ways: readonly Way[] = way === undefined ? ['page', 'tabs', 'nodes'] : [way],
      sizes = sizesOf(mib ?? (quick ? '128' : '128,512'));
    if (!isQemuHere()) write('QEMU (qemu-system-x86_64) is not here: there is no floor, and nothing is judged.\n');
    write(`Medians of ${moves} moves.\n`);
    const longer: string[] = [];
    for (const size of sizes)
      for (const [name, dial] of Object.entries(DIALS)) {
        if (only !== undefined && only !== name) continue;
        if (dial.linux && !isDebianHere()) {
          write('\nDebian is not here (npm run guests): the floor is not judged.\n');
          continue;
        }
        const found = await measureRow(name, dial, size, { ways, moves });
        if (dial.linux) longer.push(...found.map(each => `  ${size} MiB, ${each}\n`));
      }
    if (longer.length > 0) write(`\nLinux was paused longer than with QEMU:\n${longer.join('')}`);
    return check && longer.length > 0 ? 1 : 0;
  },
});
