/** ?time=virtual: the page says so, and a run repeats its registers and its memory. */

import { domainRows, expect, open, serialText, test } from './page.ts';
import type { Page } from '@playwright/test';

/** Boots minipv, types at it, and reads the registers and the memory sums that the page's host has then. */
async function run(page: Page, address: string): Promise<{ registers: string; clock: string }> {
  await open(page, address);
  await expect(page.getByTestId('virtual-time')).toContainText('noted');
  await page.getByRole('button', { name: 'Boot minipv-pv', exact: true }).click();
  await expect.poll(() => serialText(page), { timeout: 60_000 }).toContain('minipv>');
  await page.keyboard.press('Enter');
  await page.keyboard.type('calls 123\n', { delay: 15 });
  await expect.poll(() => serialText(page)).toContain('calls: 123');
  await expect(domainRows(page)).toHaveCount(1);
  await expect(page.getByTestId('virtual-time')).toContainText('11 inputs noted');
  await page.getByRole('tab', { name: 'Inspect' }).click();
  await page.getByRole('tab', { name: 'Processor' }).click();
  await expect(page.locator('dl.regs').first()).toContainText(/EIP\s*[0-9a-f]{8}/);
  return {
    registers: (await page.locator('dl.regs').allInnerTexts()).join(' ').replace(/\s+/g, ' '),
    clock: await page.locator('header .clock').first().innerText(),
  };
}

test('two runs in virtual time with the same inputs end in the same registers at the same time', async ({ page }) => {
  const first = await run(page, './?time=virtual&seed=7');
  const second = await run(page, './?time=virtual&seed=7');
  expect(second).toEqual(first);
  expect(first.clock).toMatch(/00:00:0\d\.\d{3}/);
});
