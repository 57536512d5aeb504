/** Lessons, documents and search are reached from everywhere: wide, on a phone, and within a lesson, which can be left. */
import { expect, open, test } from './page.ts';
import { patient } from '../support/patience.ts';

test('the header leads to all lessons, and Help to documents, which lead to one another', async ({ page }) => {
  await open(page);
  await page.getByRole('banner').getByRole('link', { name: 'Lessons' }).click();
  await expect(page.getByRole('heading', { name: 'Lessons' })).toBeVisible();
  await expect(page.getByRole('listitem').filter({ hasText: /^\d+\. / })).toHaveCount(20);
  await expect(page).toHaveURL(/#\/lessons$/);
  await page.getByRole('button', { name: 'Help' }).click();
  const help = page.getByRole('dialog', { name: 'Help' });
  await expect(help).toContainText('an x86 computer and a hypervisor');
  await help.getByRole('link', { name: 'Documents' }).click();
  await expect(help).toHaveCount(0);
  await page.getByRole('article').getByRole('link', { name: 'serving' }).first().click();
  await expect(page).toHaveURL(/#\/documents\/serving$/);
  await expect(page.getByRole('article').getByRole('heading').first()).toBeVisible();
  await page.getByLabel('Document').selectOption('storage');
  await expect(page).toHaveURL(/#\/documents\/storage$/);
  await page.goBack();
  await expect(page).toHaveURL(/#\/documents\/serving$/);
});

test('a phone has search and Help in its header, with lessons and the theme', async ({ page }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  await page.goto('./?boot=0');
  const header = page.getByRole('banner');
  await header.getByRole('button', { name: 'Search' }).click();
  await page.getByRole('combobox', { name: 'Search and commands' }).fill('lesson trap');
  await page.keyboard.press('Escape');
  await header.getByRole('button', { name: 'Help' }).click();
  const help = page.getByRole('dialog', { name: 'Help' });
  await help.getByLabel('Theme').selectOption('dark');
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark');
  const box = (await help.boundingBox())!;
  expect(box.x >= 0 && box.x + box.width <= 390).toBe(true);
  await help.getByRole('link', { name: 'Lessons' }).click();
  await expect(page.getByRole('link', { name: '1. Trap and emulate' })).toBeVisible();
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
});

test('a lesson has the way to all lessons, and one out of it; it is offered in the languages that it is in', async ({
  page,
}) => {
  await page.goto('./?time=virtual&lesson=types&seed=a');
  await page.getByText('More', { exact: true }).click({ timeout: patient(60_000) });
  await expect(page.getByRole('link', { name: 'Español' })).toHaveCount(0);
  await page.getByRole('banner').getByRole('link', { name: 'Lessons' }).click();
  await expect(page.getByRole('link', { name: '2. Privileged and sensitive' })).toBeVisible();
  await page.goBack();
  await page.getByRole('link', { name: 'All lessons' }).click();
  await expect(page).not.toHaveURL(/lesson=/);
  await page.getByRole('link', { name: '1. Trap and emulate' }).click();
  await page.getByText('More', { exact: true }).click({ timeout: patient(60_000) });
  await page.getByRole('link', { name: 'Leave the lesson' }).click();
  await expect(page.getByRole('heading', { name: 'Boot something' })).toBeVisible();
  await expect(page).not.toHaveURL(/lesson=/);
});
