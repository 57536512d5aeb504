/** Guests side by side, types of hypervisors, and a stop at a hypercall: what the page shows of them is the machine's. */
import { domainRows, expect, open, test } from './page.ts';
import { patient } from '../support/patience.ts';

const tab = (page: Parameters<typeof open>[0], name: string) => page.getByRole('tab', { name, exact: true }).click();

test('types of hypervisors are drawn from one read under each, and leave no guest', async ({ page }) => {
  await open(page);
  await tab(page, 'Inspect');
  await tab(page, 'Types');
  await page.getByRole('button', { name: 'Run all four' }).click();
  await expect(page.getByRole('button', { name: 'Run again' })).toBeVisible({ timeout: patient(60_000) });
  // Fifteen accesses to registers, and a call of what the browser runs on; a ring has hypercalls and events.
  await expect(page.getByRole('img', { name: 'Hosted: 15 exits; 1 system call' })).toBeVisible();
  await expect(
    page.getByRole('img', { name: /^Hypervisor with Domain 0: [12] hypercalls?; 1 event; 1 back; 4 KiB/ }),
  ).toBeVisible();
  await expect(
    page.getByRole('img', { name: /^Linux as the hypervisor: 15 exits; 15 to QEMU; 1 read; 4 KiB/ }),
  ).toBeVisible();
  await expect(domainRows(page)).toHaveCount(0);
});

test('a line goes to guests in four modes, whose exits count up; one of them stops at a hypercall', async ({
  page,
}) => {
  await open(page);
  await tab(page, 'Inspect');
  await tab(page, 'Side by side');
  await page.getByRole('button', { name: 'Start minipv in four modes' }).click();
  const consoles = page.locator('.togg .code');
  await expect(consoles.filter({ hasText: 'minipv>' })).toHaveCount(4, { timeout: patient(60_000) });
  await page.getByRole('textbox', { name: 'A line for all consoles' }).fill('calls 200');
  await page.keyboard.press('Enter');
  await expect(consoles.filter({ hasText: 'calls: 200' })).toHaveCount(4);
  // The counts are read some times a second, so they come a little after the line in the console.
  await expect
    .poll(async () => {
      const counts = await page.locator('.togg .big').allInnerTexts();
      return Math.min(...counts.map(text => Number(text.replace(/\D/g, ''))));
    })
    .toBeGreaterThanOrEqual(200);
  await page.getByRole('treeitem', { name: /minipv-shadow/ }).click();
  await tab(page, 'Inspect');
  await tab(page, 'Memory');
  await expect(page.locator('.walk').nth(1)).toContainText('shadow L1');
  await tab(page, 'Processor');
  await page.getByRole('combobox', { name: 'When it stops' }).selectOption('hypercall');
  await page.getByRole('button', { name: 'Stop there' }).click();
  await expect(page.getByText('sched_op has returned 0.')).toBeVisible();
});
