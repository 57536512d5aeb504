/** The host's boot menu in the page: by its address, and after a reboot from the shell. */
import type { Page } from '@playwright/test';
import { expect, open, test, useConsole } from './page.ts';
import { patient } from '../support/patience.ts';

const menu = (page: Page) => page.getByTestId('bootmenu');
const shellText = async (page: Page): Promise<string> =>
  (await page.getByTestId('shell').locator('.xterm-rows > div').allInnerTexts())
    .map(row => row.replace(/\u00a0/g, ' ').trimEnd())
    .join('\n');

async function line(page: Page, text: string, shows: RegExp): Promise<void> {
  await page.keyboard.type(`${text}\n`);
  await expect.poll(() => shellText(page), { timeout: patient(30_000) }).toMatch(shows);
}
async function openShell(page: Page): Promise<void> {
  await page.getByRole('treeitem', { name: 'Domain-0' }).click();
  await expect.poll(() => shellText(page), { timeout: patient(30_000) }).toMatch(/ringside:~ # *\n*$/);
  await useConsole(page);
}

test('an address names the entry, the host and what Xen is told', async ({ page }) => {
  await open(page, './?boot=xen-no-vt&host=memory=256,pcpus=1');
  await openShell(page);
  await line(
    page,
    'clear; xl info | grep -E "virt_caps|nr_cpus|total_mem|commandline"',
    /nr_cpus +: 1\nvirt_caps +: pv gnttab-v1 gnttab-v2\ntotal_memory +: 256\nxen_commandline +: .*cpuid=no-vmx/,
  );
});

test('the menu waits for keys, an entry is edited for this boot, and a reboot shows it again as grub.cfg has it then', async ({
  page,
}) => {
  await page.goto('./?boot=menu');
  await expect(menu(page)).toContainText('Ringside VM Server without VT');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowUp');
  await page.waitForTimeout(1500);
  await expect(menu(page)).toBeVisible();
  await page.keyboard.press('e');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('End');
  await page.keyboard.type(' sched=rr');
  await page.keyboard.press('F10');
  await expect(menu(page)).toBeHidden();
  await openShell(page);
  await line(page, 'clear; xl info xen_scheduler', /^rr$/m);
  await page.keyboard.type(
    "sed -i 's/timeout=1/timeout=-1/; s/Advanced options/What a test wrote/' /boot/grub/grub.cfg\n",
  );
  await page.keyboard.type('reboot\n');
  await expect(menu(page)).toContainText('What a test wrote', { timeout: patient(30_000) });
  await page.keyboard.press('Enter');
  await expect(page.getByText(/MiB free/)).toBeVisible();
  // The file is kept: another load knows it.
  await page.goto('./?boot=menu');
  await expect(menu(page)).toContainText('What a test wrote');
});

test('an entry that is not there leads to the menu, which says so; poweroff waits to be switched on', async ({
  page,
}) => {
  await page.goto('./?boot=Windows');
  await expect(menu(page)).toContainText('error: there is no entry Windows');
  await page.keyboard.press('Enter');
  await page.keyboard.press('Enter');
  await expect(page.getByText(/MiB free/)).toBeVisible();
  await openShell(page);
  await page.keyboard.type('poweroff\n');
  await page.getByRole('button', { name: 'Switch on' }).click({ timeout: patient(30_000) });
  // Nobody presses a key: its countdown ends by itself.
  await expect(page.getByText(/MiB free/)).toBeVisible();
});

test('the first visit shows the menu with its countdown, and nothing before it; a later one boots at once', async ({
  page,
}) => {
  // What is painted before the menu is a flash of the page behind it.
  await page.addInitScript(() => {
    const painted: boolean[] = [];
    Object.assign(globalThis, { painted });
    const look = (): void => {
      if (document.getElementById('app')?.firstElementChild)
        painted.push(!!document.querySelector('[data-testid=bootmenu]'));
      if (painted.length < 20) requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  });
  await page.goto('./');
  await expect(menu(page)).toContainText('The highlighted entry will be executed automatically in');
  expect(await page.evaluate(() => (globalThis as unknown as { painted: boolean[] }).painted[0])).toBe(true);
  await expect(menu(page)).toBeHidden();
  await expect(page.getByText(/MiB free/)).toBeVisible();
  await page.reload();
  await expect(page.getByText(/MiB free/)).toBeVisible();
  expect(await page.evaluate(() => (globalThis as unknown as { painted: boolean[] }).painted.includes(true))).toBe(
    false,
  );
});
