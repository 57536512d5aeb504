/**
 * npm run soak:failover: a host's process is killed at random moments (RINGSIDE_RUNS, 50 each, of RINGSIDE_SEED), with snapshots kept elsewhere and with Remus, while
 * somebody outside asks its guest. What is lost, and how long nobody answers, is told at the end.
 */
import { expect, it, onTestFinished } from 'vitest';
import { xorshift } from '../../src/dom0/toolstack/random.ts';
import { median } from '../../src/cli/median.ts';
import { type Kept, type Lost, PoolOfProcesses } from '../support/lost-host.ts';

const { RINGSIDE_RUNS = '50', RINGSIDE_SEED = '1' } = process.env;
const EVERY_SECONDS = 5,
  EVERY_MS = 100;
/** Somebody outside knows how far a guest was as often as it is asked, and later than it was. */
const SEEN_MS = 1000;

const limit = { timeout: 4 * 3_600_000 };
const seconds = (ms: number): string => (ms / 1000).toFixed(2);

async function kills(kept: Kept, withinMs: number): Promise<Lost[]> {
  const pool = new PoolOfProcesses();
  onTestFinished(() => pool.end());
  await pool.start();
  const random = xorshift(Number(RINGSIDE_SEED));
  const all: Lost[] = [];
  for (let run = 0; run < Number(RINGSIDE_RUNS); run++) {
    const afterMs = (random() >>> 0) % withinMs;
    const lost = await pool.lose(kept, afterMs, run);
    all.push(lost);
    console.log(
      `${kept.as} ${run + 1}: killed ${afterMs} ms after it was kept: ${lost.wentBack ? `${seconds(lost.lostMs)} s of answers lost` : 'no answer lost'}; it answers again after ${seconds(lost.failoverMs)} s`,
    );
  }
  const times = all.map(({ failoverMs }) => failoverMs);
  console.log(
    `${kept.as}: ${all.length} hosts killed; answers again after ${seconds(median(times))} s (median), ${seconds(Math.max(...times))} s at most; lost ${seconds(Math.max(...all.map(({ wentBack, lostMs }) => (wentBack ? lostMs : 0))))} s at most`,
  );
  return all;
}

it('loses nothing that was answered, with Remus', limit, async () => {
  const all = await kills({ as: 'remus', everyMs: EVERY_MS }, 20 * EVERY_MS);
  expect(all.filter(({ wentBack }) => wentBack)).toEqual([]);
});

it('loses no more than the interval, with snapshots', limit, async () => {
  const all = await kills({ as: 'replicate', everySeconds: EVERY_SECONDS }, 2000 * EVERY_SECONDS);
  expect(all.filter(({ lostMs }) => lostMs > 1000 * EVERY_SECONDS + SEEN_MS)).toEqual([]);
});
