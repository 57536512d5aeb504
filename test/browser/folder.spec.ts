/** A folder dropped from the desktop is the same as its files. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from '@playwright/test';
import { expect, open, test } from './page.ts';

/** As the browser does it with what a person drags: paths of this machine. */
async function dropPaths(page: Page, files: string[]): Promise<void> {
  const session = await page.context().newCDPSession(page);
  for (const type of ['dragEnter', 'dragOver', 'drop'] as const)
    await session.send('Input.dispatchDragEvent', {
      type,
      x: 600,
      y: 400,
      data: { items: [], files, dragOperationsMask: 1 },
    });
}

test('a folder stands for the files in it; one without any, or with far too many, is told', async ({ page }, info) => {
  const folder = (name: string): string => info.outputPath(name);
  for (const name of ['shop/boot', 'shop/.git', 'none/deep', 'many']) mkdirSync(folder(name), { recursive: true });
  writeFileSync(join(folder('shop'), 'shop.cfg'), 'name = "shop"\ntype = "pvh"\nkernel = "boot/kernel"\nmemory = 16\n');
  writeFileSync(join(folder('shop'), 'boot', 'kernel'), Buffer.alloc(512));
  writeFileSync(join(folder('shop'), '.git', 'config'), '');
  for (let i = 0; i < 201; i++) writeFileSync(join(folder('many'), `${i}.cfg`), '');
  await open(page);
  await dropPaths(page, [folder('shop')]);
  await expect(page.getByLabel('Text of the definition')).toHaveValue(/name = "shop"/);
  await expect(page.locator('.edt-m .stop').filter({ hasText: 'is not among the dropped files' })).toHaveCount(0);
  await page.getByRole('button', { name: 'Discard' }).click();
  await dropPaths(page, [folder('none')]);
  await expect(page.locator('#bench').getByRole('alert')).toContainText('the folder none holds no file');
  await page.getByRole('button', { name: 'Discard' }).click();
  await dropPaths(page, [folder('many')]);
  await expect(page.locator('#bench').getByRole('alert')).toContainText('holds more than 200 files');
});
