/** What is left of a guest that crashed. */
import { readFileSync } from 'node:fs';
import { file } from '../support/needs.ts';
import { expect, drop, open, serialText, test } from './page.ts';

test('a triple fault is told event by event, with the gate that stood in the way', async ({ page }) => {
  const { faultyFloppy } = (await import(file('scripts/faulty-floppy.mjs'))) as { faultyFloppy(): Buffer };
  await open(page);
  await drop(page, [
    {
      name: 'fault.cfg',
      buffer: Buffer.from(
        'name = "fault"\ntype = "hvm"\nmemory = 16\nfda = "fault.img"\nboot = "a"\non_reboot = "preserve"\n',
      ),
    },
    { name: 'fault.img', buffer: faultyFloppy() },
  ]);
  await page.getByRole('button', { name: /^Start/ }).click();
  // A person who was there when it fell still sees its console.
  const tab = page.getByRole('tab', { name: 'Post-mortem' });
  await expect(tab).toHaveAttribute('aria-selected', 'false');
  await tab.click();
  const way = page.getByRole('list', { name: 'How it came to that' });
  await expect(way.getByRole('listitem')).toHaveText([
    /mov ds,ax/,
    /#GP\(0028\)/,
    /IDT entry 13.*P = 0.*not present: #NP\(006b\)/,
    /#DF\(0000\)/,
    /IDT entry 8.*P = 0.*#NP\(0043\)/,
    /Triple fault/,
  ]);
  await expect(page.locator('.pm .badr')).toHaveText(/47.*not present/);
  await expect(
    page.getByText(
      'Byte 5 is 0e. A present gate of this type has 8e there. The guest built all 256 entries so, without bit 47.',
    ),
  ).toBeVisible();
  await expect(page.locator('.pm .regs')).toContainText('EIP00007c6b');
  // What the stack holds is shown where memory proves it: a CALL is before the address.
  await expect(page.locator('.pm-stack tr')).toContainText([
    /^0009fbe0/,
    /^0009fbe4.*saved EBP$/,
    /^0009fbe8.*00007c5ereturn$/,
  ]);
  // Exits of one place are together.
  await expect(page.locator('.pm-exits tbody tr').first()).toHaveText(/00007c6bTriple fault\s+mov ds,ax1/);
  const times = (await page.locator('.pm-exits tbody td:last-child').allInnerTexts()).map(Number);
  expect(Math.max(...times)).toBeGreaterThan(1);
  await expect(page.getByRole('treeitem', { name: /fault/ }).locator('.st').first()).toHaveClass('st c');
  // The gate of the event that is chosen.
  await way.getByRole('button', { name: /IDT entry 8/ }).click();
  await expect(page.getByRole('heading', { name: 'IDT entry 8' })).toBeVisible();
  // Nothing moves: there is nothing to hold, and what is seen can be sent to somebody.
  await expect(page.getByRole('button', { name: /^Hold/ })).toHaveCount(0);
  const saved = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Save report' }).click();
  await page.getByRole('menuitem', { name: /^Text/ }).click();
  const report = await saved;
  expect(report.suggestedFilename()).toBe('fault post-mortem.txt');
  expect(readFileSync(await report.path(), 'utf8')).toMatch(
    /^How it came to that\nStep +What +More\nlast instruction +mov ds,ax +at 00007c6b\n/,
  );
  // Where the table lies is followed in the inspector of memory.
  await page.getByRole('button', { name: '00008440' }).click();
  await expect(page.getByRole('textbox', { name: 'linear address' })).toHaveValue('00008440');
  await tab.click();
  // A person who comes back begins with it, and the host's page says so.
  await page.getByRole('treeitem', { name: /ringside-1/ }).click();
  await page.getByRole('tab', { name: 'Host' }).click();
  await page
    .getByRole('row', { name: /\bfault/ })
    .getByRole('button', { name: /^Post-mortem/ })
    .click();
  await expect(tab).toHaveAttribute('aria-selected', 'true');
  await page.getByRole('button', { name: 'Destroy' }).click();
  await expect(tab).toHaveCount(0);
});

test('a definition with vmtrace_buf_kb keeps the instructions before the end, and what each did', async ({ page }) => {
  const { faultyFloppy } = (await import(file('scripts/faulty-floppy.mjs'))) as { faultyFloppy(): Buffer };
  await open(page);
  await drop(page, [
    {
      name: 'fault.cfg',
      buffer: Buffer.from(
        'name = "fault"\ntype = "hvm"\nmemory = 16\nfda = "fault.img"\nboot = "a"\non_reboot = "preserve"\nvmtrace_buf_kb = 4\n',
      ),
    },
    { name: 'fault.img', buffer: faultyFloppy() },
  ]);
  await page.getByRole('button', { name: /^Start/ }).click();
  await page.getByRole('tab', { name: 'Post-mortem' }).click();
  await expect(page.getByRole('heading', { name: 'Last 50 instructions' })).toBeVisible();
  const rows = page.locator('.pm-rows tr');
  await expect(rows).toHaveCount(50);
  // The one that failed, then the ones before it: registers, pushes and branches as they were.
  await expect(rows).toContainText([
    /^last00007c6bmovds,ax#GP\(0028\)$/,
    /^−100007c68addeax,0x8eax = 28$/,
    /^−200007c63moveax,0x20eax = 20$/,
    /^−300007c62pushebx\[9fbe0\] = /,
    /^−400007c60movebp,espebp = 9fbe4$/,
    /^−500007c5fpushebp/,
    /^−600007c59call0x7c5f\[9fbe8\] = 7c5e$/,
  ]);
  await expect(rows.filter({ hasText: 'not taken' })).toHaveText([/loop.*ecx = 0, not taken/]);
  await expect(rows.filter({ hasText: /, taken/ }).first()).toHaveText(/loop.*ecx = 1, taken/);
  // Those that the last five wrote.
  await expect(page.locator('.pm .regs .chg dt')).toHaveText(['EAX', 'EBP', 'ESP']);
  await expect(page.locator('.pm-stack tr').first()).toHaveText(/push ebx$/);
});

test('a guest that says that it crashed: its hypercall, and the reason it gave', async ({ page }) => {
  await open(page);
  await page.getByRole('button', { name: 'Boot minipv-pv', exact: true }).click();
  await expect.poll(() => serialText(page)).toContain('minipv>');
  await page.getByTestId('serial').click();
  await page.keyboard.type('crash\n');
  await page.getByRole('tab', { name: 'Post-mortem' }).click();
  await expect(page.getByRole('list', { name: 'How it came to that' }).getByRole('listitem')).toHaveText([
    /int 0x82/,
    /INT 0x82/,
    /sched_op.*SCHEDOP_shutdown, reason 3 crash/,
    /Domain-0.*keeps it/,
  ]);
  // Its memory is there for the other inspectors.
  await page.getByRole('button', { name: 'open Memory' }).click();
  await expect(page.getByRole('tab', { name: 'Memory' })).toHaveAttribute('aria-selected', 'true');
});
