import { domainRows, drop, expect, open, test } from './page.ts';

const BROKEN = `name    = "web1"
type    = "hvm"
kernel  = "vmlinuz"
memory  = "2G"
this line is no setting
vcpus   = [ 1
`;

test('a broken definition lists all its errors beside it and creates nothing', async ({ page }) => {
  await open(page);
  await drop(page, [{ name: 'web1.cfg', buffer: Buffer.from(BROKEN) }]);
  const errors = page.locator('.verd tr.v-error, .verd tr.v-missing');
  await expect(errors.first()).toBeVisible();
  const places = await errors.locator('td:first-child').allInnerTexts();
  expect(places.length).toBeGreaterThanOrEqual(3);
  for (const place of places) expect(place).toMatch(/^\d+:\d+$/);
  await expect(page.locator('.verd .src').filter({ hasText: 'this line is no setting' })).toBeVisible();
  await expect(page.getByRole('button', { name: /^Start/ })).toBeDisabled();
  await page.getByRole('button', { name: 'Discard' }).click();
  await expect(domainRows(page)).toHaveCount(0);
});

test('a file that is no kernel gets one sentence that says what to do', async ({ page }) => {
  await open(page);
  await drop(page, [{ name: 'holiday.jpg', buffer: Buffer.from([0xff, 0xd8, 0xff, 0xe0, ...Array(2000).fill(7)]) }]);
  await expect(page.locator('.verd .wh, .stop')).toContainText(/holiday\.jpg/);
  await expect(page.getByRole('button', { name: /^Start/ })).toBeDisabled();
  await page.getByRole('button', { name: 'Discard' }).click();
  await expect(page.getByRole('heading', { name: 'Drop a definition here' })).toBeVisible();
  await expect(domainRows(page)).toHaveCount(0);
});
