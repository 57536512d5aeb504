import { domainRows, expect, open, test } from './page.ts';

test('Ctrl + K finds guests and commands by name, and Escape leaves', async ({ page }) => {
  await open(page);
  await page.keyboard.press('Control+k');
  const search = page.getByRole('combobox', { name: 'Search and commands' });
  await expect(search).toBeFocused();
  await page.keyboard.type('boot demo');
  await page.keyboard.press('Enter');
  await expect(search).toBeHidden();
  await expect(domainRows(page)).toHaveCount(1);
  await expect(page.getByRole('heading', { name: 'demo' })).toBeVisible();
  // It is a domain now, and not only one that is being made.
  await expect(page.getByRole('toolbar', { name: 'demo' }).getByRole('button', { name: 'Pause' })).toBeVisible();
  await page.getByRole('button', { name: /^Search/ }).click();
  await page.keyboard.type('xl pause');
  await page.keyboard.press('Enter');
  await expect(domainRows(page).locator('.st')).toContainText('paused');
  await page.keyboard.press('Control+k');
  await page.keyboard.type('lesson ring');
  await expect(page.getByRole('option', { name: /^Lesson: A ring request/ })).toBeVisible();
  await search.fill('no such thing');
  await expect(page.getByText('Nothing here is called ‘no such thing’.')).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(search).toBeHidden();
});
