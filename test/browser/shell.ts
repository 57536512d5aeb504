/** Domain 0's shell in the page, for tests that type there. */
import type { Page } from '@playwright/test';
import { expect } from './page.ts';
import { patient } from '../support/patience.ts';

export const shellText = async (page: Page): Promise<string> => {
  const rows = await page.getByTestId('shell').locator('.xterm-rows > div').allInnerTexts();
  return rows.map(row => row.replace(/\u00a0/g, ' ').trimEnd()).join('\n');
};
export const prompt = /ringside:~ # *\n*$/;

export async function openShell(page: Page): Promise<void> {
  await page.getByRole('treeitem', { name: 'Domain-0' }).click();
  await expect.poll(() => shellText(page), { timeout: patient(30_000) }).toMatch(prompt);
  await page.getByRole('button', { name: 'Use this terminal' }).click();
}

/** Tells the end of one line's output from that of the line before, which is there until the shell has cleared it. */
let lines = 0;

/** Types a line; resolves with what it printed. */
export async function run(page: Page, line: string): Promise<string> {
  const end = `end of line ${++lines}\n`;
  await page.keyboard.type(`clear; ${line}; echo end "of" line ${lines}\n`);
  await expect
    .poll(() => shellText(page), { timeout: patient(30_000) })
    .toMatch(new RegExp(`^${end}ringside:\\S+ # *\\n*$`, 'm'));
  const text = await shellText(page);
  return text.slice(0, text.indexOf(`\n${end}`) + 1);
}
