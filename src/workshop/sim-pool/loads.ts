/** What guests of a simulated pool want of their hosts' slots, at each moment of a run. */
import type { Draw } from '../harness/pick.ts';
import { RECORDED, RECORDED_EVERY_MS } from './recorded.ts';

/** Slots that a guest would take if it got them. */
export type Load = (atMs: number) => number;

/** Milliseconds of a simulated day. */
const DAY_MS = 20 * 60_000;
const CELL_MS = 30_000;
const FLAP_MS = 70_000;

/** A number that follows from two others alone: a load can be asked for at any moment. */
function noise(seed: number, cell: number): number {
  let mixed = Math.imul(seed ^ Math.imul(cell + 1, 0x9e3779b1), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32;
}

/** Most have a mean of some 0.2 slots. `half`: of the pool in which the guest begins, 0 or 1. */
export const LOADS = {
  /** The same all the time, but for a tenth. */
  steady: (draw: Draw): Load => {
    const seed = Math.floor(draw() * 2 ** 31);
    const mean = 0.02 + draw() ** 3 * 0.8;
    return atMs => mean * (0.9 + 0.2 * noise(seed, atMs / 2000));
  },
  /** Days of twenty minutes, of people in three time zones. */
  diurnal: (draw: Draw): Load => {
    const mean = draw() * 0.44;
    const phase = Math.floor(draw() * 3) / 3 + draw() * 0.1;
    return atMs => mean * (1 + Math.sin(2 * Math.PI * (atMs / DAY_MS + phase)));
  },
  /** Half a minute of work now and then. */
  bursts: (draw: Draw): Load => {
    const seed = Math.floor(draw() * 2 ** 31);
    const high = 0.5 + draw();
    return atMs => (noise(seed, Math.floor(atMs / CELL_MS)) < 0.2 ? high : 0.02);
  },
  /** Two halves of the pool work alternately, each for a little longer than a guest rests after a move: what was balanced is wrong when it is done. */
  flapping: (draw: Draw, half: number): Load => {
    const high = 0.4 + draw() * 0.5;
    return atMs => (Math.floor(atMs / FLAP_MS) % 2 === half ? high : 0.02);
  },
  /** What working copies of a project took while people and their tests were at work (recorded.ts), from anywhere in it. */
  recorded: (draw: Draw): Load => {
    const series = RECORDED[Math.floor(draw() * RECORDED.length)];
    const from = Math.floor(draw() * series.length);
    return atMs => series[(from + Math.floor(atMs / RECORDED_EVERY_MS)) % series.length];
  },
} satisfies Record<string, (draw: Draw, half: number) => Load>;

export type LoadKind = keyof typeof LOADS;
