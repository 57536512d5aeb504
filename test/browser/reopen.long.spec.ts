/** Files that were dropped open again after a reload: by their stored handles, or the page asks for them and knows them again. */
import { readFileSync } from 'node:fs';
import type { Page } from '@playwright/test';
import { file } from '../support/needs.ts';
import { drop, expect, open, pressAndReload, test } from './page.ts';
import { patient } from '../support/patience.ts';

/** Larger than what the page keeps itself. */
const bytes = Buffer.concat([readFileSync(file('guests/minipv/minipv.elf')), Buffer.alloc(300_000)]);
const kernel = { name: 'minipv', buffer: bytes };
const definition = {
  name: 'web.cfg',
  buffer: Buffer.from('name = "web"\ntype = "pvh"\nmemory = 16\nkernel = "minipv"\n'),
};

async function startAndReload(page: Page): Promise<void> {
  await open(page);
  await drop(page, [definition, kernel]);
  await page.getByRole('button', { name: 'Start web' }).click();
  await expect(page.getByTestId('serial-text')).toContainText('minipv>', { timeout: patient(20_000) });
  await page.goto('./?boot=0');
  await expect(page.getByText(/MiB free/)).toBeVisible();
}

test('by the handle that the browser stored', async ({ page }) => {
  // A drag in a test has no handle: one of the browser's own files takes its place.
  await page.addInitScript(() => {
    Object.assign(DataTransferItem.prototype, {
      async getAsFileSystemHandle(this: DataTransferItem) {
        const data = this.getAsFile()!;
        const folder = await navigator.storage.getDirectory();
        const handle = await folder.getFileHandle(`test-${data.name}`, { create: true });
        const writer = await handle.createWritable();
        await writer.write(data);
        await writer.close();
        return handle;
      },
    });
  });
  await startAndReload(page);
  await page.getByRole('button', { name: 'Open again: web' }).click();
  await page.getByRole('button', { name: 'Start web' }).click();
  await expect(page.getByTestId('serial-text')).toContainText('minipv>', { timeout: patient(20_000) });
  // What has changed since is not taken for it.
  await page.evaluate(async () => {
    const handle = await (await navigator.storage.getDirectory()).getFileHandle('test-minipv');
    const writer = await handle.createWritable({ keepExistingData: true });
    await writer.write({ type: 'write', position: 10, data: 'changed' });
    await writer.close();
  });
  await page.goto('./?boot=0');
  await page.getByRole('button', { name: 'Open again: web' }).click();
  await expect(page.getByText(/minipv has changed since it was dropped\./)).toBeVisible();
});

test('without a handle the page asks for the file, and checks that it is the same', async ({ page }) => {
  await startAndReload(page);
  await page.getByRole('button', { name: 'Open again: web' }).click();
  await expect(page.getByText(/does not open minipv \(\d+ KiB\) by itself/)).toBeVisible();
  const other = Buffer.from(bytes);
  other[100] ^= 1;
  await drop(page, [{ name: 'minipv', buffer: other }]);
  await expect(page.getByText(/This minipv is another file: its content differs/)).toBeVisible();
  await drop(page, [kernel]);
  await page.getByRole('button', { name: 'Start web' }).click();
  await expect(page.getByTestId('serial-text')).toContainText('minipv>', { timeout: patient(20_000) });
  await page.goto('./?boot=0');
  await pressAndReload(page, page.getByRole('button', { name: /^Forget web/ }));
  await expect(page.getByRole('heading', { name: 'Drop a definition here' })).toBeVisible();
  await expect(page.getByRole('heading', { name: 'Dropped before' })).toHaveCount(0);
});
