/** The same guest, five ways: one click measures, the numbers are of that run, and its guests are gone afterwards. */
import type { Page } from '@playwright/test';
import { domainRows, expect, open, test } from './page.ts';
import { patient } from '../support/patience.ts';

/** The number of a measure in each of the five rows. */
const numbers = async (page: Page, measure: string): Promise<number[]> =>
  (await page.locator('.wym', { hasText: measure }).locator('b').allInnerTexts()).map(text =>
    Number(text.replace(/[\s\u202f]/g, '')),
  );

test('one click measures a guest’s disk five ways, and leaves no guest behind', async ({ page }) => {
  await open(page);
  await page.getByRole('button', { name: 'Same guest, five ways' }).click();
  await expect(page.getByRole('heading', { name: 'One guest, five ways to its disk' })).toBeVisible();
  await expect(page.getByRole('progressbar', { name: 'Progress of the run' })).toBeVisible();
  await expect(page.getByRole('button', { name: 'Run again' })).toBeVisible({ timeout: patient(60_000) });
  const exits = await numbers(page, 'VM exits'),
    ports = await numbers(page, 'Copied through ports'),
    events = await numbers(page, 'Events');
  expect(exits[0]).toBeGreaterThan(4096);
  expect(exits[0]).toBeGreaterThan(4 * exits[1]!);
  expect(exits[1]).toBeGreaterThan(4 * Math.max(exits[2]!, exits[3]!));
  expect([Math.floor(ports[0]! / 1024), ports[2], ports[3]]).toEqual([1, 0, 0]);
  // A write to a port tells of eight requests.
  expect(exits[4]).toBeLessThan(exits[1]! / 2);
  expect(events[0]).toBeGreaterThan(2 * 4096);
  // How many requests share an event is the scheduler's: on a busy machine more.
  expect(Math.min(events[2]!, events[3]!)).toBeGreaterThanOrEqual(1);
  expect((await numbers(page, 'Time')).every(us => us > 0)).toBe(true);
  await expect(page.getByText(/PIO took .* exits for each MiB/)).toContainText(
    exits[0]!.toLocaleString('en').replace(',', '\u202f'),
  );
  await page.getByRole('button', { name: 'As table' }).click();
  const row = page.getByRole('row', { name: /^IDE by PIO ways-pio read 4 / });
  expect(Number(await row.getByRole('cell').nth(4).innerText())).toBeGreaterThan(4096 * 4);
  await expect(domainRows(page)).toHaveCount(0);
  await page.getByRole('button', { name: 'As table' }).click();
  await page.getByRole('button', { name: 'Write' }).click();
  await page.getByRole('button', { name: 'Run all five' }).click();
  await page.getByRole('button', { name: 'Cancel' }).click();
  await expect(page.getByText('Cancelled: its guests are gone')).toBeVisible();
  await expect(domainRows(page)).toHaveCount(0);
});

test('in one worker the same is measured, and the page says what differs', async ({ page }) => {
  await open(page, process.env.RINGSIDE_TEST_PLAIN!);
  await page.getByRole('button', { name: 'Same guest, five ways' }).click();
  await expect(page.getByText('All domains share one worker here. Counts are the same')).toBeVisible();
  await expect(page.getByRole('button', { name: 'Run again' })).toBeVisible({ timeout: patient(60_000) });
  const exits = await numbers(page, 'VM exits');
  expect(exits[0]).toBeGreaterThan(4 * exits[1]!);
  expect(exits[1]).toBeGreaterThan(4 * Math.max(exits[2]!, exits[3]!));
  await expect(domainRows(page)).toHaveCount(0);
});
