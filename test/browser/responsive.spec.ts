/**
 * While a guest runs flat out no task of the page may use over 50 ms of main-thread CPU time, and the 99th percentile of their wall-clock time
 * stays at or below 50 ms in the best of three runs (the machine may be busy with other things).
 */
import type { Browser, Page } from '@playwright/test';
import { expect, open, serialText, test } from './page.ts';

const LIMIT_MS = 50;
const RUN_MS = 6000;

interface TraceEvent {
  name: string;
  ph: string;
  pid: number;
  tid: number;
  /** Microseconds: wall clock, and CPU time of the thread. */
  dur?: number;
  tdur?: number;
  args?: { name?: string };
}

/** Wall-clock and CPU milliseconds of each task of the page's main thread while it is watched. */
async function watch(browser: Browser, page: Page): Promise<{ wall: number[]; cpu: number[] }> {
  await browser.startTracing(page, { categories: ['toplevel', 'devtools.timeline', '__metadata'] });
  await page.waitForTimeout(RUN_MS);
  const { traceEvents } = JSON.parse((await browser.stopTracing()).toString()) as { traceEvents: TraceEvent[] };
  const mains = traceEvents.filter(({ name, args }) => name === 'thread_name' && args?.name === 'CrRendererMain');
  const tasks = traceEvents.filter(
    ({ name, ph, pid, tid }) => ph === 'X' && /RunTask$/.test(name) && mains.some(main => main.pid === pid && main.tid === tid),
  );
  expect(tasks.length).toBeGreaterThan(20);
  return { wall: tasks.map(({ dur = 0 }) => dur / 1000), cpu: tasks.map(({ tdur = 0 }) => tdur / 1000) };
}

const percentile = (values: number[], share: number): number => [...values].sort((a, b) => a - b)[Math.floor((values.length - 1) * share)]!;

test('no task of the page takes more than 50 ms while a guest runs flat out', async ({ browser, page }) => {
  await open(page);
  await page.getByRole('button', { name: 'Boot demo' }).click();
  await page.getByRole('group', { name: 'Windows' }).getByRole('button', { name: 'Both' }).click();
  await page.getByRole('button', { name: 'Use this terminal' }).click();
  await expect.poll(() => serialText(page), { timeout: 30_000 }).toMatch(/demo> *$/);
  await page.keyboard.type('spin 60\n');
  await expect.poll(() => serialText(page)).toMatch(/instructions a second/);
  const p99: number[] = [];
  for (let run = 0; run < 3; run++) {
    const { wall, cpu } = await watch(browser, page);
    expect(Math.max(...cpu)).toBeLessThanOrEqual(LIMIT_MS);
    p99.push(percentile(wall, 0.99));
    if (p99.at(-1)! <= LIMIT_MS) break;
  }
  expect(Math.min(...p99)).toBeLessThanOrEqual(LIMIT_MS);
});
