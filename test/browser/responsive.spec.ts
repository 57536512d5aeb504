/** What keeps the page quick on any machine; `npm run -s bench:page` measures how quick it is. */
import { domainWorkers, holdStill } from './workers.ts';
import { domainRows, drop, expect, open, serialText, test } from './page.ts';

test('every guest has a worker of its own, and the page and Domain 0 wait for none: they answer while all guests stand still', async ({ browser, page }) => {
  await open(page);
  const cdp = await browser.newBrowserCDPSession();
  expect(await domainWorkers(cdp)).toHaveLength(0);
  await page.getByRole('button', { name: 'Boot demo' }).click();
  await expect.poll(() => serialText(page), { timeout: 30_000 }).toMatch(/demo> *$/);
  await page.getByRole('button', { name: 'Use this terminal' }).click();
  await page.keyboard.type('spin 600\n');
  await expect.poll(() => serialText(page)).toMatch(/instructions a second/);
  const workers = await domainWorkers(cdp);
  expect(workers).toHaveLength(1);

  const letGo = await holdStill(cdp, workers);
  // What is typed waits for the guest; nobody waits with it.
  await page.keyboard.type('x');
  await page.keyboard.press('Shift+Tab');
  await page.getByRole('button', { name: 'Show task log' }).click();
  await expect(page.getByRole('row', { name: /xl create/ })).toBeVisible();
  await drop(page, [{ name: 'broken.cfg', buffer: Buffer.from('name = "broken"\nmemory = "many"\n') }]);
  await expect(page.getByText(/broken\.cfg/).first()).toBeVisible();
  await expect(page.getByText(/xl takes MiB as a number/).filter({ visible: true }).first()).toBeVisible();
  await letGo();

  await domainRows(page).filter({ hasText: 'demo' }).click();
  const clock = page.locator('.clock').first();
  const before = await clock.textContent();
  await expect.poll(() => clock.textContent()).not.toBe(before);
});
