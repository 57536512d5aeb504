/** One lesson of each kind from its beginning to its code, on a phone by keys alone, and in a wide window by clicks: the same numbers, so the same code. */
import type { Page } from '@playwright/test';
import { expect, test } from './page.ts';
import { patient } from '../support/patience.ts';

/** One guest and its ring; several and the host's scheduler; a guest's source that is changed; exits; a store. */
const LESSONS = ['ring-request', 'weight-and-cap', 'deprivileged', 'trap-and-emulate', 'xenstore'];
const PHONE = { width: 390, height: 844 },
  WIDE = { width: 1440, height: 900 };
const MOST_TABS = 150;

type Press = (page: Page, name: string) => Promise<void>;
type Write = (page: Page, text: string) => Promise<void>;

const click: Press = (page, name) => page.locator('.lstep.here').getByRole('button', { name }).click();
const fill: Write = (page, text) => page.locator('.lstep.here').locator('input').fill(text);

/** Goes on by Tab until what has the focus lies in the step at hand, and is of this kind. */
async function tabTo(page: Page, selector: string, name = ''): Promise<void> {
  for (let i = 0; i < MOST_TABS; i++) {
    await page.keyboard.press('Tab');
    const isThere = await page.evaluate(
      ([wanted, said]) => {
        const element = document.activeElement;
        return (
          !!element?.matches(`.lstep.here ${wanted}`) &&
          (element.textContent ?? '').includes(said!) &&
          (element as HTMLButtonElement).disabled !== true
        );
      },
      [selector, name],
    );
    if (isThere) return;
  }
  throw new Error(`${MOST_TABS} Tabs do not lead to ${selector} ${name}`);
}
const pressByKeys: Press = async (page, name) => {
  await expect(page.locator('.lstep.here').getByRole('button', { name })).toBeEnabled();
  await tabTo(page, 'button', name);
  await page.keyboard.press('Enter');
};
const writeByKeys: Write = async (page, text) => {
  await tabTo(page, 'input');
  await page.keyboard.type(text);
};

/** Answers 1 to each question, and has the page do what is to be done; the code at the end. */
async function walk(page: Page, id: string, press: Press, write: Write): Promise<string> {
  await page.goto(`./?time=virtual&lesson=${id}&seed=a&round=1`);
  const here = page.locator('.lstep.here'),
    code = page.getByTestId('code').locator('code');
  await expect(here).toBeVisible();
  for (let before = ''; !(await code.isVisible()); ) {
    const step = (await here.getAttribute('data-step'))!;
    expect(step, 'the step goes on').not.toBe(before);
    before = step;
    if (await here.locator('input').count()) {
      await write(page, '1');
      await press(page, 'Keep the answer');
    } else if (await here.getByRole('button', { name: 'Run it for me' }).count()) await press(page, 'Run it for me');
    else {
      if (await here.getByRole('button', { name: 'Measure' }).count()) {
        await press(page, 'Measure');
        await expect(here.getByRole('button', { name: 'Measure again' })).toBeVisible();
      }
      await press(page, 'Go on');
    }
    await expect(here.or(code).first()).not.toHaveAttribute('data-step', step);
  }
  return code.innerText();
}

for (const id of LESSONS)
  test(`${id} is walked by keys on a phone, and by clicks in a wide window, to one code`, async ({ page }) => {
    await page.setViewportSize(PHONE);
    const byKeys = await walk(page, id, pressByKeys, writeByKeys);
    expect(byKeys).toMatch(/^[A-Z\d-]{4,}$/);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(PHONE.width);
    await page.setViewportSize(WIDE);
    expect(await walk(page, id, click, fill)).toBe(byKeys);
  });

test('a lesson whose worker has ended says so, and goes on when its step is begun again', async ({ page }) => {
  await page.setViewportSize(PHONE);
  await page.goto('./?time=virtual&lesson=trap-and-emulate&seed=a&round=1');
  const here = page.locator('.lstep.here');
  await fill(page, '1');
  await click(page, 'Keep the answer');
  await expect(here).toHaveAttribute('data-step', '1');
  for (const worker of page.workers()) await worker.evaluate(() => globalThis.close()).catch(() => {});
  await expect(page.getByText(/worker ended and was started again/).first()).toBeVisible({ timeout: patient(60_000) });
  await click(page, 'Run it for me');
  const said = page.getByText('Begin the step again: its guests are made again.');
  await expect(said).toBeVisible();
  expect((await said.boundingBox())!.width).toBeLessThanOrEqual(PHONE.width);
  await page.getByRole('button', { name: 'Begin the step again' }).click();
  await expect(said).toHaveCount(0);
  await click(page, 'Run it for me');
  await click(page, 'Measure');
  await expect(page.getByText('Each IN and OUT trapped')).toBeVisible();
});
