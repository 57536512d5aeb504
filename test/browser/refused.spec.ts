/** Browsers that refuse what the page would like to have. */
import { bootDemo, drop, expect, open, test } from './page.ts';

test('where nothing may be kept the page works, and says what it cannot do', async ({ page }) => {
  // As Chromium has it where a site may keep no data.
  await page.addInitScript(() => {
    const deny = (): never => {
      throw new DOMException('Access is denied for this document.', 'SecurityError');
    };
    for (const name of ['localStorage', 'sessionStorage']) Object.defineProperty(window, name, { get: deny });
    IDBFactory.prototype.open = deny;
    StorageManager.prototype.getDirectory = StorageManager.prototype.persist = async () => deny();
  });
  await open(page);
  await page.getByRole('combobox', { name: 'Theme' }).selectOption('dark');
  await bootDemo(page);
  await expect(page.getByTestId('serial-text').filter({ hasText: 'demo>' })).toBeAttached();
  await drop(page, [{ name: 'mine.md', buffer: Buffer.from('---\ntitle: Mine\n---\n') }]);
  await expect(page.locator('#bench').getByRole('alert')).toContainText('allow this site to keep data');
  await page.getByRole('button', { name: 'Discard' }).click();
  await page.getByRole('link', { name: 'Ringside' }).click();
  await page.getByRole('tab', { name: 'Storage', exact: true }).click();
  await page.getByLabel('Name of the new volume').fill('a b');
  await page.getByRole('button', { name: 'New volume' }).click();
  await expect(page.locator('#bench').getByRole('alert')).toContainText('A name has letters, digits');
});
