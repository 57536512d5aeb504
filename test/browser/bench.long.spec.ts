import { expect, test } from './page.ts';
import { patient } from '../support/patience.ts';

test('the small programs run in the browser, and their figures are there as text and as JSON', async ({ page }) => {
  await page.goto('./bench.html?only=alu,outb&ms=30');
  await expect(page.getByRole('status')).toHaveText('Done.', { timeout: patient(90_000) });
  await expect(page.locator('tbody tr')).toHaveCount(2);
  const { rows } = JSON.parse((await page.locator('pre').textContent())!);
  for (const { steadyUs, freshUs } of rows) {
    expect(steadyUs).toBeGreaterThan(0);
    expect(freshUs).toBeGreaterThan(0);
  }
});

test('a row that is not there is named', async ({ page }) => {
  await page.goto('./bench.html?only=nothing');
  await expect(page.getByRole('status')).toContainText('There is no row nothing.');
});

test('a Linux that is not there is named', async ({ page }) => {
  await page.goto('./bench.html?linux=./nowhere/');
  await expect(page.getByRole('status')).toContainText(/nowhere\/(vmlinuz|initrd) cannot be fetched: status 404\./);
});
