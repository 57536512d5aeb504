/** ?time=virtual: the page says so, a run repeats its registers and its memory, and a guest goes back in it. */

import { readFileSync } from 'node:fs';
import { domainRows, drop, expect, open, register, serialText, test, wholeIn } from './page.ts';
import type { Page } from '@playwright/test';
import { patient } from '../support/patience.ts';

/** Boots minipv, types at it, and reads the registers and the memory sums that the page's host has then. */
async function run(page: Page, address: string): Promise<{ registers: string; clock: string }> {
  await open(page, address);
  await expect(page.getByTestId('virtual-time')).toContainText('noted');
  await page.getByRole('button', { name: 'Boot minipv-pv', exact: true }).click();
  await expect.poll(() => serialText(page), { timeout: patient(60_000) }).toContain('minipv>');
  // An input's time is that at which it comes. Time stops once the guest has echoed what came before, however busy this machine is.
  const line = 'calls 123';
  for (const [i, key] of [...line].entries()) {
    await page.keyboard.press(key === ' ' ? 'Space' : key);
    await expect
      .poll(async () => (await serialText(page)).trimEnd())
      .toMatch(new RegExp(`> ${line.slice(0, i + 1).trimEnd()}$`));
    // Nothing is seen of a space.
    if (key === ' ') await page.waitForTimeout(200);
  }
  await page.keyboard.press('Enter');
  await expect.poll(() => serialText(page)).toContain('calls: 123');
  await expect(domainRows(page)).toHaveCount(1);
  await expect(page.getByTestId('virtual-time')).toContainText('11 inputs noted');
  await page.getByRole('tab', { name: 'Inspect' }).click();
  await page.getByRole('tab', { name: 'Processor' }).click();
  await expect(page.locator('dl.regs').first()).toContainText(/EIP\s*[0-9a-f]{8}/);
  return {
    registers: (await page.locator('dl.regs').allInnerTexts()).join(' ').replace(/\s+/g, ' '),
    clock: await page.locator('header .clock').first().innerText(),
  };
}

test('two runs in virtual time with the same inputs end in the same registers at the same time', async ({ page }) => {
  const first = await run(page, './?time=virtual&seed=7');
  const second = await run(page, './?time=virtual&seed=7');
  expect(second).toEqual(first);
  expect(first.clock).toMatch(/00:00:0\d\.\d{3}/);
});

test('a PC goes back by an instruction, an exit, to a mark, to the last write of an address, and on from there', async ({
  page,
}) => {
  await open(page, './?time=virtual&seed=7');
  await drop(page, [
    { name: 'demo.elf', buffer: readFileSync(new URL('../../guests/demo/demo.elf', import.meta.url)) },
  ]);
  await page.getByRole('button', { name: /^Start/ }).click();
  await expect.poll(() => serialText(page), { timeout: patient(60_000) }).toContain('demo>');
  const tab = (name: string) => page.getByRole('tab', { name, exact: true }).click(),
    press = (name: string | RegExp) => page.getByRole('button', { name }).click();
  await tab('Inspect');
  await tab('Processor');
  await press('Keep its past from now on');
  const place = page.locator('.past [role=status]');
  await expect(place).toContainText('the present');
  await tab('Console');
  await press('Use this terminal');
  await page.keyboard.type('regs\n', { delay: 15 });
  await expect.poll(() => serialText(page)).toContain('GDTR');
  await tab('Inspect');
  await tab('Processor');
  const at = async (): Promise<[instruction: number, exit: number]> => {
    const [, instruction, exit] = /instruction ([\d\u202f]+), exit ([\d\u202f]+)/.exec(await place.innerText())!;
    return [wholeIn(instruction!), wholeIn(exit!)];
  };
  await press('One instruction back');
  await expect(place).toContainText('before the present');
  const [before] = await at();
  await press('One instruction back');
  await expect.poll(async () => (await at())[0]).toBe(before - 1);
  await press('Mark this place');
  const marked = await at();
  await press('One exit back');
  await expect.poll(async () => (await at())[1]).toBe(marked[1] - 1);
  await press(/^Mark 1: /);
  await expect.poll(at).toEqual(marked);
  // By now the answer's calls have written below the stack's top.
  await press('To the present');
  await expect(place).toContainText(': the present.');
  const stack = await register(page, 'ESP');
  await page.getByRole('textbox', { name: 'Address that was written' }).fill('nowhere');
  await press('To its last write');
  await expect(page.getByRole('alert')).toContainText('up to 16 hexadecimal digits');
  await page
    .getByRole('textbox', { name: 'Address that was written' })
    .fill((Number.parseInt(stack, 16) - 4).toString(16));
  await press('To its last write');
  await expect(place).toContainText('is the one that wrote');
  await press('To the present');
  await expect(place).toContainText(': the present.');
  await press('One second back');
  await press('Go on from here');
  await expect(place).toContainText(': the present.');
  await expect(page.getByRole('button', { name: 'Pause domain' })).toBeVisible();
});
