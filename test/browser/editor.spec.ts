/** The editor of definitions: one text, as form and as text. */

import type { Page } from '@playwright/test';
import { domainRows, expect, open, test } from './page.ts';
import { patient } from '../support/patience.ts';

declare const inventoryCalls: { count: number };

/** Has the page count how often it asks Domain 0 for the inventory. */
const countLooks = (page: Page): Promise<unknown> =>
  page.addInitScript(() => {
    const calls = { count: 0 };
    Object.assign(globalThis, { inventoryCalls: calls });
    for (const sender of [globalThis.Worker, MessagePort]) {
      const { postMessage } = sender.prototype;
      sender.prototype.postMessage = function (this: MessagePort, ...args: Parameters<MessagePort['postMessage']>) {
        if (/\binventory\b/.test(String(args[0]?.path))) calls.count++;
        return postMessage.apply(this, args);
      } as typeof postMessage;
    }
  });
const inventoryLooks = (page: Page): Promise<number> => page.evaluate(() => inventoryCalls.count);

test('a guest is defined in form and text, corrected, started, and starts by itself after a reload', async ({
  page,
}) => {
  await countLooks(page);
  await open(page, './?boot=0');
  await page.getByRole('button', { name: 'Write one' }).click();
  const text = page.getByLabel('Text of the definition');
  await expect(text).toHaveValue(/name = "guest1"/);
  // Wrong in the text: the field of the form points at its line, and Start waits.
  await text.fill('# mine\nname = "web"\ntype = "pvh"\nmemory = "64M"\nkernel = "/boot/minipv"\n');
  await expect(page.locator('.edt-m li').filter({ hasText: '4:10' })).toContainText('Write 64');
  const memory = page.getByRole('spinbutton', { name: 'Memory, MiB' });
  await expect(page.locator('.fld').filter({ has: memory })).toContainText(
    'Line 4, column 10: xl takes MiB as a number. Write 64.',
  );
  await expect(page.getByRole('button', { name: 'Start web', exact: true })).toBeDisabled();
  // The page shows what Start would do if the error's advice were followed, and a button writes that.
  await expect(page.locator('.plan')).toContainText('The domain gets 64 MiB');
  // Nor is it kept back that what the error says would not be enough.
  await text.fill('# mine\nname = "web"\ntype = "pvh"\nmemory = "2040M"\nkernel = "/boot/minipv"\n');
  await expect(page.locator('.plan.next')).toContainText(
    /Still in its way.*once its error is fixed.*The guest wants 2040 MiB and the host can give it \d+\./s,
  );
  await expect(page.locator('.after')).toContainText(/2040 MiB are needed, and \d+ are free/);
  const whole = page.viewportSize()!;
  await page.setViewportSize({ width: 390, height: whole.height });
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
  await page.setViewportSize(whole);
  await text.fill('# mine\nname = "web"\ntype = "pvh"\nmemory = "64M"\nkernel = "/boot/minipv"\n');
  await expect(page.locator('.plan.next')).toHaveCount(0);
  await page.getByRole('button', { name: 'Write 64 in line 4' }).click();
  await expect(text).toHaveValue('# mine\nname = "web"\ntype = "pvh"\nmemory = 64\nkernel = "/boot/minipv"\n');
  await expect(page.getByRole('button', { name: 'Start web', exact: true })).toBeEnabled();
  // Right by the form: the text follows, and nothing else of it changes.
  await memory.fill('12');
  // The page looks at the host every 3 s: it leaves what is being written. The second look begins when the first has been noted.
  const looks = await inventoryLooks(page);
  await expect.poll(() => inventoryLooks(page), { timeout: patient(15_000) }).toBeGreaterThan(looks + 1);
  await expect(memory).toHaveValue('12');
  await memory.press('Enter');
  await expect(text).toHaveValue('# mine\nname = "web"\ntype = "pvh"\nmemory = 12\nkernel = "/boot/minipv"\n');
  // What is not kept is there after a reload.
  await page.reload();
  await expect(text).toHaveValue(/# mine/, { timeout: patient(15_000) });
  // Back and Forward go from place to place.
  await page.goBack();
  await expect(page.getByRole('button', { name: 'Write one' })).toBeVisible();
  await page.goForward();
  await expect(text).toHaveValue(/# mine/);
  // A volume is made where the disk is added.
  await page.getByLabel('Size of the new volume, GiB').fill('0.25');
  await page.getByRole('button', { name: 'New volume' }).click();
  await expect(text).toHaveValue(/disk = \[ "\/dev\/vg0\/web,raw,xvda" \]/);
  await page.getByRole('button', { name: 'Keep in /etc/xen/vm' }).click();
  await expect(page.getByRole('treeitem', { name: /web PVH/ })).toContainText('defined', { timeout: patient(15_000) });
  await expect(text).toHaveValue(/uuid = "/);
  await page.getByLabel('Starts with the host').check();
  await page.getByRole('button', { name: 'Start web', exact: true }).click();
  await expect(page.getByTestId('serial-text')).toContainText('minipv>', { timeout: patient(30_000) });
  await page.reload();
  await expect(domainRows(page)).toHaveCount(1, { timeout: patient(30_000) });
  await expect(domainRows(page)).toContainText('web');
});
