/** Domain 0's shell in the page, for tests that type there. */
import type { Page } from '@playwright/test';
import { expect } from './page.ts';

export const shellText = async (page: Page): Promise<string> => {
  const rows = await page.getByTestId('shell').locator('.xterm-rows > div').allInnerTexts();
  return rows.map(row => row.replace(/\u00a0/g, ' ').trimEnd()).join('\n');
};
export const prompt = /ringside:~ # *\n*$/;

export async function openShell(page: Page): Promise<void> {
  await page.getByRole('treeitem', { name: 'Domain-0' }).click();
  await expect.poll(() => shellText(page), { timeout: 30_000 }).toMatch(prompt);
  await page.getByRole('button', { name: 'Use this terminal' }).click();
}

/** Types a line; resolves with what it printed. */
export async function run(page: Page, line: string): Promise<string> {
  await page.keyboard.type(`clear; ${line}; echo "end of" line\n`);
  await expect.poll(() => shellText(page), { timeout: 30_000 }).toMatch(/^end of line\nringside:\S+ # *\n*$/m);
  return (await shellText(page)).replace(/end of line\n[^]*$/, '');
}
