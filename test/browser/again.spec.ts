/** A network that comes and goes while the page is open. */
import { expect, open, test } from './page.ts';

test('what could not be loaded is loaded when somebody asks for it again', async ({ page }) => {
  let isThere = false;
  await page.route(/assets\/(xterm|network-page)-[^/]*\.js/, route => (isThere ? route.continue() : route.abort()));
  await open(page, './?boot=0');
  await page.getByRole('tab', { name: 'Network' }).click();
  const refused = page.getByRole('alert').filter({ hasText: 'could not be loaded' });
  await expect(refused).toBeVisible();
  isThere = true;
  await refused.getByRole('button', { name: 'Try again' }).click();
  await expect(refused).toBeHidden();
  await expect(page.getByText('xenbr0').first()).toBeVisible();

  isThere = false;
  await page.getByRole('tab', { name: 'Desktop' }).click();
  await page.getByRole('button', { name: 'Start three side by side' }).click();
  await page.getByRole('treeitem', { name: /minipv-pvh/ }).click();
  const again = page.getByTestId('serial').locator('..').getByRole('button', { name: 'Try again' });
  await expect(again).toBeVisible();
  await expect(page.getByText('Text alone')).toBeVisible();
  isThere = true;
  await again.click();
  await expect(page.locator('.serial .xterm').first()).toBeVisible();
  await expect(again).toBeHidden();
});
