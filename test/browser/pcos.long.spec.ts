import type { Page } from '@playwright/test';
import { domainRows, expect, open, test, useConsole } from './page.ts';
import { patient } from '../support/patience.ts';

const text = (page: Page): Promise<string> => page.getByTestId('screen-text').innerText();

test('pcos is booted from the first view beside its source, takes commands, and is drawn in with the mouse', async ({
  page,
}) => {
  await open(page);
  await page.getByRole('button', { name: 'Boot pcos', exact: true }).click();
  await expect.poll(() => text(page), { timeout: patient(60_000) }).toContain('pcos>');
  await expect(page.getByRole('region', { name: 'Source of main.c' })).toContainText('void main(');
  await page.getByLabel('Source file').selectOption('shell.c');
  await expect(page.getByRole('region', { name: 'Source of shell.c' })).toContainText('There is no command');

  await useConsole(page, 'screen');
  await page.keyboard.type('dhcp\nping 10.0.2.2\n');
  await expect.poll(() => text(page), { timeout: patient(60_000) }).toContain('4 sent, 0 lost');
  await page.keyboard.type('draw\n');
  await expect(page.getByText('VGA, 320 × 200')).toBeVisible({ timeout: patient(60_000) });
  /** Dots of the picture that are yellow; below it is the row of colours. */
  const drawn = (): Promise<number> =>
    page
      .getByTestId('screen')
      .locator('canvas')
      .evaluate(element => {
        const { data } = (element as HTMLCanvasElement).getContext('2d')!.getImageData(0, 0, 320, 190);
        let count = 0;
        for (let i = 0; i < data.length; i += 4)
          if (data[i] === 255 && data[i + 1] === 255 && data[i + 2] === 85) count++;
        return count;
      });
  expect(await drawn()).toBe(0);
  const box = (await page.getByTestId('screen').boundingBox())!;
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  await page.mouse.move(x, y);
  await page.mouse.down();
  // On the way here the pointer may have come to the right upper corner.
  await page.mouse.move(x - 60, y + 40, { steps: 6 });
  await page.mouse.up();
  await expect.poll(drawn).toBeGreaterThan(100);
  await page.keyboard.press('q');
  await expect.poll(() => text(page)).toContain('pcos> draw');

  // Started again: another domain in its place.
  await page.keyboard.down('ControlLeft');
  await page.keyboard.press('AltLeft');
  await page.keyboard.up('ControlLeft');
  const first = await domainRows(page).getAttribute('data-domain');
  await page.getByRole('button', { name: 'Boot pcos again' }).click();
  await expect.poll(() => domainRows(page).first().getAttribute('data-domain')).not.toBe(first);
  await expect(domainRows(page)).toHaveCount(1);
});

test('pcos ends when its power button is pressed', async ({ page }) => {
  await open(page);
  await page.getByRole('button', { name: 'Boot pcos', exact: true }).click();
  await expect.poll(() => text(page), { timeout: patient(60_000) }).toContain('pcos>');
  await page
    .getByRole('treeitem', { name: /pcos HVM/ })
    .first()
    .click();
  // The sheet of the sources, which has come by now, is for them alone: it once painted this white.
  await page.getByRole('tab', { name: 'Inspect' }).click();
  await expect(page.locator('.why .src').first()).toHaveCSS('background-color', 'rgba(0, 0, 0, 0)');
  await page.getByRole('toolbar', { name: 'pcos' }).getByRole('button', { name: 'Power button' }).click();
  await expect(page.getByText('The guest powered off.').first()).toBeVisible();
});
