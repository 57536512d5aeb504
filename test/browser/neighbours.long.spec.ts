/** Guests of one host at the same time: two that ping, one that goes back to its snapshot, and one whose window is closed while it is saved. */
import { readFileSync } from 'node:fs';
import type { Page } from '@playwright/test';
import { drop, expect, open, serialText, test, useConsole } from './page.ts';
import { openShell, run } from './shell.ts';
import { patient } from '../support/patience.ts';

const row = (page: Page, name: string) => page.locator(`[role=treeitem][data-domain][data-name="${name}"]`);

async function boot(page: Page, name: string): Promise<void> {
  await page.getByRole('treeitem', { name: /^ringside-1/ }).click();
  await page.getByRole('tab', { name: 'Desktop' }).click();
  const more = page.getByRole('button', { name: 'New guest' });
  if (await more.isVisible()) await more.click();
  await page.getByRole('button', { name: `Boot ${name}`, exact: true }).click();
  await expect(page.locator('.bh h2', { hasText: name })).toBeVisible({ timeout: patient(20_000) });
  await expect.poll(() => serialText(page), { timeout: patient(20_000) }).toMatch(/minipv>\s*$/);
}

/** Types a line at the guest that is shown; resolves when it has answered. */
async function type(page: Page, line: string, answer: RegExp): Promise<void> {
  await useConsole(page);
  await page.keyboard.type(`${line}\n`);
  await expect.poll(() => serialText(page)).toMatch(answer);
  await page.keyboard.press('Shift+Tab');
}

test('two guests ping each other over the bridge, which has learned where they are; no answer comes from one that is destroyed', async ({
  page,
}) => {
  await open(page, './?boot=0');
  await boot(page, 'minipv-pvh');
  await type(page, 'ip 10.0.2.51', /ip 10\.0\.2\.51\nminipv>\s*$/);
  await boot(page, 'minipv-pv');
  await type(page, 'ip 10.0.2.52', /ip 10\.0\.2\.52\nminipv>\s*$/);
  await type(page, 'ping 10.0.2.51 5', /^ping: 5 of 5$/m);
  await row(page, 'minipv-pvh').click();
  await type(page, 'ping 10.0.2.52 4 1400', /^ping: 4 of 4$/m);
  await openShell(page);
  const macs = [...(await run(page, 'brctl showmacs xenbr0')).matchAll(/00:16:3e:\S+/g)].map(String);
  expect(new Set(macs).size).toBe(2);
  await page.keyboard.press('Shift+Tab');
  await row(page, 'minipv-pvh').click();
  await page.getByRole('button', { name: 'Destroy' }).click();
  await page.getByRole('button', { name: 'Destroy now' }).click();
  await row(page, 'minipv-pv').click();
  await type(page, 'ping 10.0.2.51 1', /^ping: 0 of 1$/m);
});

test('a guest goes back to its snapshot: memory and disk are as they were', async ({ page }) => {
  await open(page, './?boot=0');
  await openShell(page);
  await run(page, 'lvcreate -L 8M -n disk vg0');
  await run(
    page,
    `printf 'name="web"\\ntype="pvh"\\nmemory=16\\nkernel="/boot/minipv"\\nvif=[""]\\ndisk=["phy:/dev/vg0/disk,xvda,w"]\\n' > web.cfg; xl create web.cfg`,
  );
  await page.keyboard.press('Shift+Tab');
  await row(page, 'web').click();
  await expect.poll(() => serialText(page), { timeout: patient(20_000) }).toMatch(/minipv>\s*$/);
  await type(page, 'ip 10.0.2.61', /minipv>\s*$/);
  await type(page, 'fill xvda 0 64 1', /fill xvda 0 64 1\n[^]*minipv>\s*$/);
  await type(page, 'sum xvda 0 64', /sum xvda 0 64\n[^]*minipv>\s*$/);
  const sum = /sum xvda 0 64\n(.+)/.exec(await serialText(page))![1]!;
  await openShell(page);
  await run(page, 'xl snapshot web one');
  await page.keyboard.press('Shift+Tab');
  await row(page, 'web').click();
  await type(page, 'ip 10.0.2.62', /ip 10\.0\.2\.62\nminipv>\s*$/);
  await type(page, 'fill xvda 0 64 2', /fill xvda 0 64 2\n[^]*minipv>\s*$/);
  await openShell(page);
  expect(await run(page, 'xl snapshot-list web')).toContain('one');
  await run(page, 'xl revert web one; echo "status $?"');
  await page.keyboard.press('Shift+Tab');
  await row(page, 'web').click();
  // It learns that it was saved and went on elsewhere.
  await expect.poll(() => serialText(page), { timeout: patient(20_000) }).toMatch(/resumed/);
  await type(page, 'net', /^10\.0\.2\.61, echoed 0 bytes$/m);
  await type(page, 'sum xvda 0 64', new RegExp(`net\\n[^]*sum xvda 0 64\\n${sum.replace(/[\d.]+ ms.*/, '')}`));
});

test('a guest whose windows are closed while it is saved is saved whole, and runs on', async ({ page }) => {
  await open(page, './?boot=0');
  await boot(page, 'minipv-pvh');
  await type(page, 'ip 10.0.2.71', /ip 10\.0\.2\.71\nminipv>\s*$/);
  const saving = page.waitForEvent('download');
  // Asked for, and at once its windows go: as soon as the desktop shows them.
  await page.evaluate(async () => {
    const press = (selector: string) =>
      document.querySelectorAll<HTMLElement>(selector).forEach(element => {
        element.click();
      });
    [...document.querySelectorAll<HTMLElement>('#bench button')]
      .find(({ textContent, ariaLabel }) => /Save state/.test(`${textContent} ${ariaLabel}`))!
      .click();
    document.querySelector<HTMLElement>('[role=treeitem][aria-level="1"]')!.click();
    const close = '[data-window^="minipv-pvh/"] button[aria-label^="Close the window"]';
    while (!document.querySelector(close)) await new Promise(requestAnimationFrame);
    press(close);
  });
  const buffer = readFileSync(await (await saving).path());
  await expect(page.locator('[data-window^="minipv-pvh/"]')).toHaveCount(0);
  await row(page, 'minipv-pvh').click();
  await type(page, 'net', /^10\.0\.2\.71, /m);
  await page.getByRole('button', { name: 'Destroy' }).click();
  await page.getByRole('button', { name: 'Destroy now' }).click();
  await page.getByRole('button', { name: 'Close', exact: true }).click();
  await drop(page, [{ name: 'minipv-pvh.save', buffer }]);
  // Nothing is in its way: it goes on at once.
  await expect(row(page, 'minipv-pvh')).toBeVisible();
  await expect.poll(() => serialText(page)).toMatch(/resumed/);
  await type(page, 'net', /net\n10\.0\.2\.71, /);
});
