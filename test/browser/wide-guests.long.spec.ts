/** A guest of 64 bits among those that the page carries: its registers are shown whole, wide and on a phone, and it stops where it is. */
import type { Page } from '@playwright/test';
import { expect, open, register, test } from './page.ts';
import { patient } from '../support/patience.ts';

const tab = (page: Page, name: string) => page.getByRole('tab', { name, exact: true }).click();

test('a guest of 64 bits has sixteen whole registers in its inspector, and nothing is wider than a phone', async ({
  page,
}) => {
  await open(page, './?boot=0');
  // It is offered behind the first prompt, or where nobody waits for one.
  await page.getByText(/^All \d+ guests$/).click();
  await page.getByRole('button', { name: 'Boot minipv64-pvh' }).click({ timeout: patient(30_000) });
  await expect(page.getByTestId('serial-text')).toContainText('minipv>', { timeout: patient(30_000) });
  await tab(page, 'Inspect');
  await tab(page, 'Processor');
  await page.getByRole('button', { name: 'Pause domain' }).click();
  await expect(page.getByText(/The domain is paused: these/)).toBeVisible();
  const names = ['RAX', 'RSP', 'RIP', ...Array.from({ length: 8 }, (_, i) => `R${8 + i}`)];
  const whole: string[] = [];
  for (const name of names) whole.push(await register(page, name));
  for (const [i, value] of whole.entries()) expect(value, names[i]).toMatch(/^[\da-f]{16}$/);
  // Long mode is on: EFER.LMA (SDM vol. 3, 2.2.1), CR4.PAE.
  expect(Number.parseInt(await register(page, 'EFER'), 16) & 0x400).toBe(0x400);
  expect(Number.parseInt(await register(page, 'CR4'), 16) & 0x20).toBe(0x20);
  await page.getByRole('button', { name: 'Stop there' }).click();
  const rip = whole[2]!.replace(/^0+/, '');
  await expect(
    page.getByRole('status').filter({ hasText: new RegExp(`xl break minipv64-pvh 0x0*${rip}`) }),
  ).toBeVisible();
  await page.setViewportSize({ width: 390, height: 844 });
  for (const [i, name] of names.entries()) expect(await register(page, name), name).toBe(whole[i]);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
});
