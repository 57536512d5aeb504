/** A lesson in the page: from the first view to its measurement, and a file of somebody's own. */

import { drop, expect, open, test } from './page.ts';

test('a lesson starts from the first view; what it measures is the machine’s, and a step can be begun again', async ({ page }) => {
  await open(page);
  const link = page.getByRole('link', { name: 'Trap and emulate' });
  await expect(link).toHaveAttribute('href', /time=virtual&lesson=trap-and-emulate&seed=\w+/);
  await page.goto('./?time=virtual&lesson=trap-and-emulate&seed=a');
  await expect(page.getByRole('heading', { name: 'Trap and emulate' })).toBeVisible();
  await page.getByLabel(/How many I\/O exits will Xen count/).fill('100');
  await page.getByRole('button', { name: 'Keep the answer' }).click();
  await page.getByRole('button', { name: 'Run it for me' }).click();
  await page.getByRole('button', { name: 'Measure' }).click();
  const row = page.getByRole('row', { name: /I\/O exits 100/ });
  await expect(row.getByRole('cell').last()).toHaveText(/^\d{3}$/);
  const measured = await row.getByRole('cell').last().innerText();
  await expect(page.getByText('Each IN and OUT trapped')).toBeVisible();
  await page.screenshot({ path: '.cache/browser-tests/lesson.png' });
  await page.getByRole('button', { name: 'Reset step' }).click();
  // Whoever has paused the machine is told why the step does not get on.
  const paused = page.getByText(/ is paused: nothing goes on until it runs\./);
  await page.locator('.mtime').getByRole('button').nth(1).click();
  await expect(paused).toBeVisible();
  await page.locator('.lstep').getByRole('button', { name: /^Let \S+ go on$/ }).click();
  await expect(paused).toHaveCount(0);
  await page.getByRole('button', { name: 'Run it for me' }).click();
  await page.getByRole('button', { name: 'Measure' }).click();
  await expect(row.getByRole('cell').last()).toHaveText(measured);
});

test('a lesson of somebody’s own is read when it is dropped, and told what is wrong with it', async ({ page }) => {
  await open(page);
  await drop(page, [{ name: 'mine.md', buffer: Buffer.from('---\ntitle: Mine\n---\n## Predict\n<script>alert(1)</script>\n') }]);
  await expect(page.getByRole('heading', { name: 'This file is no lesson yet.' })).toBeVisible();
  await expect(page.getByRole('row', { name: /line 5.*HTML/ })).toBeVisible();
  await expect(page.getByText('The lesson has no guest.')).toBeVisible();
});

test('a text beside a definition is no lesson: the definition is judged', async ({ page }) => {
  await open(page);
  await drop(page, [{ name: 'README.md', buffer: Buffer.from('# About this guest\n') }, { name: 'web.cfg', buffer: Buffer.from('name = "web"\nmemroy = 8\n') }]);
  await expect(page.locator('#bench')).toContainText('memroy');
  await expect(page.getByText('README.md is a text and was left out.')).toBeVisible();
  await expect(page.getByText('This file is no lesson yet.')).toHaveCount(0);
});
