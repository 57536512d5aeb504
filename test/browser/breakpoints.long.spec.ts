/** A guest stops before an instruction of a loop that runs compiled, and after a write; its own debug registers are as they were. */
import type { Page } from '@playwright/test';
import { expect, open, register, test, useConsole, wholeIn } from './page.ts';
import { patient } from '../support/patience.ts';

const tab = (page: Page, name: string) => page.getByRole('tab', { name, exact: true }).click();
const retired = async (page: Page): Promise<number> => wholeIn(await page.locator('.idet .sec.m').innerText());

test('a guest stops at an instruction and at a write, and goes on when the points are gone', async ({ page }) => {
  await open(page);
  await page.getByRole('button', { name: 'Boot minipv-pvh' }).click();
  await expect(page.getByTestId('serial-text')).toContainText('minipv>', { timeout: patient(30_000) });
  await useConsole(page);
  await page.keyboard.type('hog 60000\n');
  await tab(page, 'Inspect');
  await tab(page, 'Engine');
  // Most of it runs in regions by now.
  await expect(page.locator('.eng .picks tbody tr').first()).toBeVisible();
  await tab(page, 'Processor');
  await page.getByRole('button', { name: 'Pause domain' }).click();
  await expect(page.getByText(/The domain is paused: these/)).toBeVisible();
  const eip = await register(page, 'EIP'),
    esp = await register(page, 'ESP'),
    dr7 = await register(page, 'DR7'),
    before = await retired(page);
  await page.getByRole('button', { name: 'Stop there' }).click();
  const point = page.getByRole('button', { name: `Remove: before the instruction at ${eip}` });
  await expect(point).toBeVisible();
  await expect(page.getByRole('status').filter({ hasText: `xl break minipv-pvh 0x${eip}` })).toBeVisible();
  await page.getByRole('button', { name: 'Run domain' }).click();
  await expect(page.getByText(`Before the instruction at ${eip}: it has not begun.`)).toBeVisible();
  expect([await register(page, 'EIP'), await register(page, 'DR7')]).toEqual([eip, dr7]);
  // A round of the loop, or more, later.
  expect(await retired(page)).toBeGreaterThan(before);
  await point.click();
  await expect(point).toBeHidden();
  // Its loop writes a variable on its stack.
  await page.getByRole('combobox', { name: 'When it stops' }).selectOption('write');
  await page.getByRole('combobox', { name: 'Bytes' }).selectOption('4096');
  await page.getByRole('textbox', { name: 'Linear address' }).fill('nowhere');
  await page.getByRole('button', { name: 'Stop there' }).click();
  await expect(page.getByRole('alert')).toContainText('up to 16 hexadecimal digits');
  await page.getByRole('textbox', { name: 'Linear address' }).fill(`0x${esp}`);
  await page.getByRole('button', { name: 'Stop there' }).click();
  const watch = page.getByRole('button', { name: `Remove: after a write to 4096 bytes at ${esp}` });
  await expect(watch).toBeVisible();
  await page.getByRole('button', { name: 'Run domain' }).click();
  await expect(page.getByText(/^The instruction at [\da-f]{8} wrote 4 bytes at [\da-f]{8}/)).toBeVisible();
  expect(await register(page, 'DR7')).toBe(dr7);
  await watch.click();
  await expect(watch).toBeHidden();
  const stood = await retired(page);
  await page.getByRole('button', { name: 'Run domain' }).click();
  await expect.poll(() => retired(page)).toBeGreaterThan(stood + 1_000_000);
});
