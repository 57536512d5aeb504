import { existsSync, readFileSync } from 'node:fs';
import type { Page } from '@playwright/test';
import { file } from '../support/needs.ts';
import { bootDemo, domainRows, drop, expect, open, test, type GivenFile } from './page.ts';

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
  const errors = page.locator('.edt-m li.stop');
  await expect(errors.first()).toBeVisible();
  const places = await errors.getByRole('button').allInnerTexts();
  expect(places.length).toBeGreaterThanOrEqual(3);
  for (const place of places) expect(place).toMatch(/^\d+:\d+$/);
  const text = page.getByLabel('Text of the definition');
  await expect(text).toHaveValue(BROKEN);
  await expect(page.getByRole('button', { name: /^Start/ })).toBeDisabled();
  // It can be fixed here; what the form says is in the text.
  await text.fill('name = "web1"\ntype = "hvm"\nkernel = "vmlinuz"\nmemory = 64\n');
  await expect(errors).toHaveCount(1);
  await expect(errors).toContainText('vmlinuz is not among the dropped files');
  await page.getByLabel('Name', { exact: true }).fill('web2');
  await page.getByLabel('Name', { exact: true }).press('Enter');
  await expect(text).toHaveValue(/name = "web2"/);
  await page.getByRole('button', { name: 'Discard' }).click();
  await expect(domainRows(page)).toHaveCount(0);
});

/** What is dropped gets this sentence next to it, cannot be started, and leaves nothing behind. */
async function expectRefused(page: Page, files: GivenFile[], sentence: RegExp): Promise<void> {
  await drop(page, files);
  await expect(page.locator('.verd .wh, .edt-m .stop, .draft .stop').filter({ hasText: sentence })).toBeVisible();
  await expect(page.getByRole('button', { name: /^Start/ })).toBeDisabled();
  await page.getByRole('button', { name: 'Discard' }).click();
  await expect(page.getByRole('heading', { name: 'Drop a definition here' })).toBeVisible();
  await expect(domainRows(page)).toHaveCount(0);
}

test('files that cannot be started get one sentence that says what to do', async ({ page }) => {
  await open(page);
  const noise = Buffer.from([0xff, 0xd8, 0xff, 0xe0, ...Array(2000).fill(7)]);
  await expectRefused(
    page,
    [{ name: 'holiday.jpg', buffer: noise }],
    /holiday\.jpg is a picture\. Take a disk image, a CD or a kernel\./,
  );
  await expectRefused(page, [{ name: 'vmlinuz', buffer: Buffer.alloc(0) }], /vmlinuz is empty\. /);
  const lonely = Buffer.from('name = "web1"\ntype = "hvm"\nkernel = "boot/vmlinuz"\nmemory = 64\n');
  await expectRefused(
    page,
    [{ name: 'web1.cfg', buffer: lonely }],
    /vmlinuz is not among the dropped files\. Drop it together with web1\.cfg\./,
  );
  // The first bytes of a saved domain, and nothing behind them.
  const saved = Buffer.from('Xen saved domain, xl format\n \0 \r');
  await drop(page, [{ name: 'web1.save', buffer: saved }]);
  await expect(page.locator('.stop').filter({ hasText: /web1\.save .*\. / })).toBeVisible();
  await page.getByRole('button', { name: 'Discard' }).click();
  await expect(domainRows(page)).toHaveCount(0);
});

test('a truncated kernel and an initrd too large for the memory are refused with numbers', async ({ page }) => {
  const kernel = file('.cache/guests/debian-686/vmlinuz');
  test.skip(!existsSync(kernel), 'npm run guests has not fetched Debian');
  await open(page);
  const whole = readFileSync(kernel);
  const sentence = /vmlinuz is truncated: its header says \d+ bytes, the file has 300000\. Copy or fetch it again\./;
  await expectRefused(page, [{ name: 'vmlinuz', buffer: whole.subarray(0, 300_000) }], sentence);
  const definition = Buffer.from('name = "web1"\ntype = "hvm"\nkernel = "vmlinuz"\nramdisk = "initrd"\nmemory = 36\n');
  await expectRefused(
    page,
    [
      { name: 'web1.cfg', buffer: definition },
      { name: 'vmlinuz', buffer: whole },
      { name: 'initrd', buffer: Buffer.alloc(20_000_000) },
    ],
    /initrd \(20 MiB\) does not fit: .* Write memory = \d+ or more\./,
  );
});

test('one long word fits into 320 pixels', async ({ page }) => {
  await open(page);
  await page.setViewportSize({ width: 320, height: 640 });
  const long = 'w'.repeat(150);
  await drop(page, [
    {
      name: `${long}.cfg`,
      buffer: Buffer.from(`name = "${long}"\ntype = "hvm"\nkernel = "/boot/${long}"\n${long} = 1\n`),
    },
  ]);
  await expect(page.locator('.edt-m .stop').first()).toBeVisible();
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(320);
  await expect(page.getByRole('button', { name: /^Start/ })).toBeInViewport();
});

test('a definition that was refused for its name can be started once the name is free', async ({ page }) => {
  await open(page);
  const folder = new URL('../../guests/demo/', import.meta.url);
  const files = ['demo.cfg', 'demo.elf'].map(name => ({ name, buffer: readFileSync(new URL(name, folder)) }));
  await bootDemo(page);
  await expect(page.getByRole('heading', { name: 'demo' })).toBeVisible();
  await drop(page, files);
  await expect(page.locator('.edt-m .stop').filter({ hasText: 'There is a domain called demo already' })).toBeVisible();
  await domainRows(page)
    .filter({ hasText: /running|blocked/ })
    .click();
  await page.getByRole('button', { name: 'Destroy' }).click();
  await page.getByRole('button', { name: 'Destroy now' }).click();
  await page.getByRole('button', { name: 'Close' }).click();
  await page.locator('[role=treeitem][data-draft]').click();
  await page.getByRole('button', { name: 'Start demo' }).click();
  await expect(page.getByRole('heading', { name: 'demo' })).toBeVisible();
  await expect(page.getByRole('button', { name: 'Pause', exact: true })).toBeVisible();
});
