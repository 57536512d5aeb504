import { readFileSync } from 'node:fs';
import { domainRows, drop, expect, open, serialText, test } from './page.ts';

test('the demo guest boots with one click, answers a typed command, and its exits are counted', async ({ page }) => {
  await open(page);
  await page.getByRole('button', { name: 'Boot demo' }).click();
  await expect(domainRows(page)).toHaveCount(1);
  await page.getByRole('group', { name: 'Windows' }).getByRole('button', { name: 'Both' }).click();
  await page.getByRole('button', { name: 'Use this terminal' }).click();
  await expect.poll(() => serialText(page), { timeout: 30_000 }).toMatch(/demo> *$/);
  await page.keyboard.type('echo $$ six by seven\n');
  await expect.poll(() => serialText(page)).toMatch(/^\$\$ six by seven$/m);

  const exits = page.getByRole('complementary', { name: 'Activity' });
  await expect(exits.getByRole('row', { name: /30 I\/O instruction/ })).toBeVisible();
  await expect(exits.locator('.big')).toHaveText(/\d/);

  // Shift + Tab leaves the terminal (WCAG 2.1.2).
  await page.keyboard.press('Shift+Tab');
  expect(await page.evaluate(() => !!document.activeElement?.closest('.xterm'))).toBe(false);
});

test('pause stops virtual time, run lets it go on, destroy ends the domain', async ({ page }) => {
  await open(page);
  await page.getByRole('button', { name: 'Boot demo' }).click();
  await page.getByRole('button', { name: 'Pause', exact: true }).click();
  await expect(domainRows(page).locator('.st')).toContainText('paused');
  const clock = page.locator('.clock').first();
  await page.waitForTimeout(600);
  const stopped = await clock.textContent();
  await page.waitForTimeout(600);
  expect(await clock.textContent()).toBe(stopped);
  await page.getByRole('toolbar').getByRole('button', { name: 'Run' }).click();
  await expect.poll(() => clock.textContent()).not.toBe(stopped);
  await page.getByRole('button', { name: 'Destroy' }).click();
  await expect(page.getByText(/stopped/).first()).toBeVisible();
  await page.getByRole('button', { name: 'Close' }).click();
  await expect(domainRows(page)).toHaveCount(0);
  await page.getByRole('button', { name: 'Show task log' }).click();
  await expect(page.getByRole('row', { name: /xl destroy/ })).toBeVisible();
});

test('the screen takes the keyboard on request only, and left Ctrl + left Alt gives it back', async ({ page }) => {
  await open(page);
  await page.getByRole('button', { name: 'Boot demo' }).click();
  await page.getByRole('group', { name: 'Windows' }).getByRole('button', { name: 'Screen' }).click();
  const use = page.getByRole('button', { name: 'Use this screen' });
  await expect(use).toBeEnabled();
  await use.click();
  const status = page.locator('.screen .ws');
  await expect(status).toContainText('Keyboard goes to');
  // Playwright's type() sends capitals without a Shift key, which no keyboard does.
  await page.keyboard.type('echo ');
  await page.keyboard.press('Shift+KeyT');
  await page.keyboard.type('yped on the keyboard\n');
  await expect(page.getByTestId('screen-text').getByText(/^Typed on the keyboard$/)).toBeAttached();
  await page.keyboard.down('ControlLeft');
  await page.keyboard.down('AltLeft');
  await page.keyboard.up('AltLeft');
  await page.keyboard.up('ControlLeft');
  await expect(status).toContainText('Press Enter, or click it');
});

test('a saved guest, dropped again, goes on where it was', async ({ page }) => {
  await open(page);
  await page.getByRole('button', { name: 'Boot demo' }).click();
  await page.getByRole('group', { name: 'Windows' }).getByRole('button', { name: 'Both' }).click();
  await expect.poll(() => serialText(page), { timeout: 30_000 }).toMatch(/demo> *$/);
  const saved = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Save state' }).click();
  const file = await saved;
  expect(file.suggestedFilename()).toBe('demo.save');
  await page.getByRole('button', { name: 'Destroy' }).click();
  await page.getByRole('button', { name: 'Close' }).click();
  await expect(domainRows(page)).toHaveCount(0);
  await drop(page, [{ name: 'demo.save', buffer: readFileSync(await file.path()) }]);
  await expect(domainRows(page)).toHaveCount(1);
  await page.getByRole('button', { name: 'Use this terminal' }).click();
  await page.keyboard.type('echo went on\n');
  await expect.poll(() => serialText(page)).toMatch(/^went on$/m);
});
