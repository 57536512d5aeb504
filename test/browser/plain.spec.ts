import { bootDemo, domainRows, expect, open, serialText, test } from './page.ts';

const PLAIN = process.env.RINGSIDE_TEST_PLAIN!;

test('without cross-origin isolation the page says what is lost, and guests run all the same', async ({ page }) => {
  await open(page, PLAIN);
  expect(await page.evaluate(() => globalThis.crossOriginIsolated)).toBe(false);
  await expect(page.getByText(/This page is not cross-origin isolated: all domains share one worker/)).toBeVisible();
  await page.getByRole('button', { name: 'How to serve it' }).click();
  await expect(page.getByText('Cross-Origin-Embedder-Policy: require-corp')).toBeVisible();

  await bootDemo(page);
  await expect(domainRows(page)).toHaveCount(1);
  await page.getByRole('group', { name: 'Windows' }).getByRole('button', { name: 'Both' }).click();
  await page.getByRole('button', { name: 'Use this terminal' }).click();
  await expect.poll(() => serialText(page), { timeout: 30_000 }).toMatch(/demo> *$/);
  await page.keyboard.type('echo $$ six by seven\n');
  await expect.poll(() => serialText(page)).toMatch(/^\$\$ six by seven$/m);
  await expect(page.getByTestId('screen-text')).toContainText(/\w/);
  await expect(
    page.getByRole('complementary', { name: 'Activity' }).getByRole('row', { name: /30 I\/O instruction/ }),
  ).toBeVisible();
});
