/** Sliders of a running guest: what they set is what it gets, by the times that xl counts. In virtual time, so that no load of the machine moves them. */
import { readFileSync } from 'node:fs';
import type { Page } from '@playwright/test';
import { file } from '../support/needs.ts';
import { domainRows, drop, expect, open, test } from './page.ts';
import { openShell, run } from './shell.ts';
import { patient } from '../support/patience.ts';

/** So much processor time of both lies between two looks, in seconds: xl's tenths move a part of it by 0.025 at most. */
const SPAN_S = 4;

async function times(page: Page): Promise<{ web: number; db: number }> {
  const text = await run(page, 'xl list');
  const of = (name: string) => Number(new RegExp(`^${name} .* (\\d+\\.\\d)$`, 'm').exec(text)![1]);
  return { web: of('web'), db: of('db') };
}

/** Web's part of what both ran from now on. */
async function part(page: Page): Promise<number> {
  await openShell(page);
  const before = await times(page);
  for (;;) {
    const { web, db } = await times(page);
    const ran = web - before.web;
    if (ran + db - before.db >= SPAN_S) return ran / (ran + db - before.db);
  }
}

async function slide(page: Page, name: string, value: string): Promise<void> {
  await page.keyboard.press('Shift+Tab');
  await domainRows(page).filter({ hasText: 'web' }).click();
  await page.getByRole('tab', { name: 'Overview' }).click();
  await page.getByRole('slider', { name }).fill(value);
  // The scheduler hears of it after the slider's own number: what ran before that would be counted too.
  await openShell(page);
  await expect.poll(() => run(page, 'xl sched-credit -d web')).toMatch(new RegExp(`^web .* ${value}\\b`, 'm'));
}

test('a slider of weight, and one of cap, moves the processor time that a guest gets', async ({ page }) => {
  await open(page, './?boot=0&time=virtual&seed=5&host=pcpus=1');
  const hungry = (name: string) => ({
    name: `${name}.cfg`,
    buffer: Buffer.from(`name = "${name}"\ntype = "pvh"\nmemory = 16\nkernel = "minipv"\ncmdline = "hog 4000000"\n`),
  });
  await drop(page, [
    hungry('web'),
    hungry('db'),
    { name: 'minipv', buffer: readFileSync(file('guests/minipv/minipv.elf')) },
  ]);
  await page.getByRole('button', { name: 'Start 2', exact: true }).click();
  await expect(domainRows(page).filter({ hasText: /web|db/ })).toHaveCount(2, { timeout: patient(20_000) });
  expect(await part(page)).toBeCloseTo(1 / 2, 1);
  // 768 against 256.
  await slide(page, 'weight', '768');
  expect(await part(page)).toBeCloseTo(3 / 4, 1);
  // A tenth of the one processor, whatever its weight; the other has the rest.
  await slide(page, 'cap', '10');
  expect(await part(page)).toBeCloseTo(1 / 10, 1);
});
