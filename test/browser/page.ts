/** What the browser tests share: a page without WebAssembly that fails a test on any exception, and words for what a person does there. */

import { expect, type Locator, type Page, test as base } from '@playwright/test';
import { patient } from '../support/patience.ts';

export const test = base.extend<{ exceptions: string[] }>({
  exceptions: [
    async ({ page }, use) => {
      const exceptions: string[] = [];
      // The page warns before it goes with guests that run; a test means it.
      page.on('dialog', dialog => {
        if (dialog.type() === 'beforeunload') void dialog.accept();
      });
      page.on('pageerror', error => exceptions.push(String(error.stack ?? error)));
      // The test server deletes it from the program's own scripts, the workers' too; this is for everything else.
      await page.addInitScript(() => {
        delete (globalThis as { WebAssembly?: unknown }).WebAssembly;
      });
      await use(exceptions);
      expect(exceptions).toEqual([]);
    },
    { auto: true },
  ],
});

export interface GivenFile {
  name: string;
  buffer: Buffer;
}

/** Longer than from one look of the page at a guest to the next. */
const LOOK_MS = 1000;

/** Opens the page and waits until Domain 0 answers. */
export async function open(page: Page, address = './'): Promise<void> {
  await page.goto(address);
  await expect(page.getByText(/MiB free/)).toBeVisible();
}

/** Presses a button and reloads the page while its script has no other turn: an answer that it waits for comes too late. */
export async function pressAndReload(page: Page, button: Locator): Promise<void> {
  await button.waitFor();
  const loaded = page.waitForEvent('load');
  await button.evaluate((pressed: HTMLElement) => {
    setTimeout(() => {
      location.reload();
      pressed.click();
      const sinceMs = performance.now();
      while (performance.now() - sinceMs < 300);
    });
  });
  await loaded;
}

/** What it comes to once it does not change from one look at the guest to the next; what goes on never comes to one. */
export async function settled<T>(page: Page, what: () => Promise<T>): Promise<T> {
  let last = await what();
  await expect
    .poll(async () => {
      const before = last;
      await page.waitForTimeout(LOOK_MS);
      last = await what();
      return last === before;
    })
    .toBe(true);
  return last;
}

/** The button of a small guest: where others were fetched it is behind them. */
export async function demoButton(page: Page): Promise<Locator> {
  const all = page.getByText(/^All \d+ guests$/),
    button = page.getByRole('button', { name: 'Boot demo', exact: true, includeHidden: true });
  await all.waitFor();
  if (!(await button.isVisible())) await all.click();
  return button;
}

export const bootDemo = async (page: Page): Promise<void> => (await demoButton(page)).click();

/** Drops files anywhere on the page, as a drag from the desktop would. */
export async function drop(page: Page, files: GivenFile[]): Promise<void> {
  const transfer = await page.evaluateHandle(
    list => {
      const data = new DataTransfer();
      for (const { name, text } of list)
        data.items.add(new File([Uint8Array.from(atob(text), c => c.charCodeAt(0))], name));
      return data;
    },
    files.map(({ name, buffer }) => ({ name, text: buffer.toString('base64') })),
  );
  for (const type of ['dragenter', 'dragover', 'drop'])
    await page.dispatchEvent('body', type, { dataTransfer: transfer });
}

/** Gives a console the keyboard, where it has not got it: after Boot it gets it by itself, as soon as it can take it. */
export async function useConsole(within: Page | Locator, which: 'terminal' | 'screen' = 'terminal'): Promise<void> {
  const button = within.getByRole('button', { name: `Use this ${which}` }).first(),
    has = within.locator(which === 'terminal' ? '.serial .ws.on' : '.screen .ws.on').first();
  await button.or(has).first().waitFor();
  // It may get it in this moment.
  if (await button.isVisible()) await button.click({ timeout: patient(2000) }).catch(() => has.waitFor());
}

/** Text of the serial terminal's visible rows. */
export async function serialText(page: Page): Promise<string> {
  const rows = await page.getByTestId('serial').locator('.xterm-rows > div').allInnerTexts();
  return rows.map(row => row.replace(/\u00a0/g, ' ').trimEnd()).join('\n');
}

/** Rows of guests, and of what was dropped to become one: not those of definitions, Domain-0, bridge and storage. */
export const domainRows = (page: Page) =>
  page.getByRole('tree').locator('[role=treeitem]:is([data-domain],[data-draft])');

/** The first whole number of a text of the page, which has narrow spaces between groups of three digits. */
export const wholeIn = (text: string): number => Number(/\d[\d\u202f]*/.exec(text)![0].replaceAll('\u202f', ''));

/** The text behind the name of a register in a processor's inspector. */
export const register = async (page: Page, name: string): Promise<string> =>
  (
    await page
      .locator('.regs > div', { has: page.getByRole('button', { name, exact: true }) })
      .locator('dd')
      .innerText()
  ).trim();

export { expect };
