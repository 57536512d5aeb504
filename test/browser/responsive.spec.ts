/** While a guest runs flat out no task of the page may take long; debian.spec.ts asks the same of Debian's boot. */
import { expectShortTasks } from './main-thread.ts';
import { expect, open, serialText, test } from './page.ts';

test('no task of the page takes more than 50 ms while a guest runs flat out', async ({ browser, page }) => {
  await open(page);
  await page.getByRole('button', { name: 'Boot demo' }).click();
  await page.getByRole('group', { name: 'Windows' }).getByRole('button', { name: 'Both' }).click();
  await page.getByRole('button', { name: 'Use this terminal' }).click();
  await expect.poll(() => serialText(page), { timeout: 30_000 }).toMatch(/demo> *$/);
  await page.keyboard.type('spin 60\n');
  await expect.poll(() => serialText(page)).toMatch(/instructions a second/);
  await expectShortTasks(browser, page);
});
