import { readFileSync } from 'node:fs';
import type { Page } from '@playwright/test';
import { domainRows, expect, open, pressAndReload, test } from './page.ts';
import { patient } from '../support/patience.ts';

/** The part of the screen's light that is red, of a picture that is not dark. */
const redness = (page: Page): Promise<number> =>
  page
    .getByTestId('screen')
    .locator('canvas')
    .evaluate(element => {
      const canvas = element as HTMLCanvasElement;
      const { data } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height);
      let red = 0,
        all = 0;
      for (let i = 0; i < data.length; i += 4) {
        red += data[i]!;
        all += data[i]! + data[i + 1]! + data[i + 2]!;
      }
      return all === 0 ? -1 : red / all;
    });
const lit = (page: Page) => expect(page.getByText('VGA, 320 × 200')).toBeVisible({ timeout: patient(60_000) });

test('a boot sector is booted from the first view, edited, assembled and booted anew', async ({ page }) => {
  await open(page);
  await page.getByText('A dozen boot sectors').click();
  await page.getByRole('button', { name: 'Boot Plasma', exact: true }).click();
  await expect(domainRows(page)).toHaveCount(1);
  await lit(page);
  await expect.poll(() => redness(page)).toBeGreaterThan(0.3);
  const source = page.getByLabel('Source of Plasma');
  await expect(source).toHaveValue(/org {5}7c00h/);
  const listing = page.getByRole('list', { name: 'Address and bytes' });
  await expect(listing.getByRole('listitem').nth(9)).toHaveText('7c00 31c0');

  // A line with a mistake is reported, and the guest that runs is left alone.
  const text = await source.inputValue();
  const first = await domainRows(page).getAttribute('data-domain');
  await source.fill(text.replace('xor     ax, ax', 'xor     ax, axe'));
  await expect(page.getByText('1 mistake: nothing is booted')).toBeVisible();
  await expect(page.locator('.src-m li')).toContainText('“axe” is not defined');
  await source.press('Control+Enter');
  await page.getByRole('button', { name: '10:21, go there' }).click();
  await expect(source).toBeFocused();
  expect(await domainRows(page).getAttribute('data-domain')).toBe(first);
  await lit(page);
  // So is a program that no BIOS would boot.
  await source.fill(text.replace('0aa55h', '0aa56h'));
  await expect(page.getByRole('alert')).toContainText('belongs into the bytes 510 and 511');
  await source.fill(text.replace('times 510-', 'times 520-'));
  await expect(page.getByRole('alert')).toContainText('522 bytes, 10 more than a sector');
  await source.press('Control+Enter');
  expect(await domainRows(page).getAttribute('data-domain')).toBe(first);

  // The palette without its red, by a key: another guest of the same name in its place.
  const changed = text.replace('colour: mov     al, ah', 'colour: xor     al, al');
  await source.fill(changed);
  await expect(page.getByText('of 510 bytes, edited')).toBeVisible();
  await source.press('Control+Enter');
  await expect.poll(() => domainRows(page).first().getAttribute('data-domain')).not.toBe(first);
  await expect(domainRows(page)).toHaveCount(1);
  await lit(page);
  await expect.poll(() => redness(page)).toBe(0);
  await expect(source).toBeFocused();

  // Files of it, and the edit after a reload.
  const [asm] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: 'plasma.asm' }).click(),
  ]);
  expect(readFileSync(await asm.path(), 'utf8')).toBe(changed);
  const [img] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: 'plasma.img' }).click(),
  ]);
  const image = readFileSync(await img.path());
  expect([image.length, image.readUInt16LE(510)]).toEqual([512, 0xaa55]);
  await page.reload();
  await expect(source).toHaveValue(changed);
  await pressAndReload(page, page.getByRole('button', { name: 'Reset the source' }));
  await expect(source).toHaveValue(text);
  await expect(page.getByRole('button', { name: 'Reset the source' })).toBeDisabled();
});
