import { domainRows, expect, open, test } from './page.ts';

test('a boot sector is chosen, read and booted from the first view', async ({ page }) => {
  await open(page);
  await page.getByText('A dozen boot sectors').click();
  await page.getByRole('button', { name: 'Plasma', exact: true }).click();
  await expect(page.getByRole('region', { name: 'Source of Plasma' })).toContainText('org     7c00h');
  await page.getByRole('button', { name: 'Boot Plasma' }).click();
  await expect(domainRows(page)).toHaveCount(1);
  await page.getByRole('group', { name: 'Windows' }).getByRole('button', { name: 'Screen' }).click();
  await expect(page.getByText('VGA, 320 × 200')).toBeVisible({ timeout: 60_000 });
});
