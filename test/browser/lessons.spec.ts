/** A lesson in the page: from the first view to its measurement, and a file of somebody's own. */

import type { Page } from '@playwright/test';
import { drop, expect, open, test, useConsole } from './page.ts';

/** Presses "Begin the step again", and Pause for all guests in the same turn in which the page asks Domain 0 for the `nth` thing from then on: in the middle of whatever it is doing. */
const pauseWithinReset = (page: Page, nth: number): Promise<void> =>
  page.evaluate(count => {
    const { postMessage } = Worker.prototype;
    Worker.prototype.postMessage = function (this: Worker, ...given: Parameters<typeof postMessage>): void {
      postMessage.apply(this, given);
      if (--count > 0) return;
      Worker.prototype.postMessage = postMessage;
      document.querySelector<HTMLButtonElement>('.mtime button:nth-child(2)')!.click();
    } as typeof postMessage;
    [...document.querySelectorAll<HTMLButtonElement>('.lstep button')]
      .find(({ textContent }) => textContent === 'Begin the step again')!
      .click();
  }, nth);

test('a lesson starts from the first view; what it measures is the machine’s, and a step can be begun again', async ({
  page,
}) => {
  await open(page);
  const link = page.getByRole('link', { name: 'Trap and emulate' });
  await expect(link).toHaveAttribute('href', /time=virtual&lesson=trap-and-emulate&seed=\w+/);
  await page.goto('./?time=virtual&lesson=trap-and-emulate&seed=a');
  await expect(page.getByRole('heading', { name: 'Trap and emulate' })).toBeVisible();
  // What it is about is a sentence, whose words follow each other.
  await expect(page.locator('.lesson .about, main .about').first()).toHaveCSS('display', 'block');
  await page.getByLabel(/How many I\/O exits will Xen count/).fill('100');
  // The text of a field stays there while guests stop and go on.
  const pauseAll = page.locator('.mtime').getByRole('button').nth(1);
  await pauseAll.click();
  await expect(pauseAll).toHaveAttribute('aria-pressed', 'true');
  await page.locator('.mtime').getByRole('button').first().click();
  await expect(pauseAll).toHaveAttribute('aria-pressed', 'false');
  await expect(page.getByLabel(/How many I\/O exits will Xen count/)).toHaveValue('100');
  await page.getByRole('button', { name: 'Keep the answer' }).click();
  await page.getByRole('button', { name: 'Run it for me' }).click();
  await page.getByRole('button', { name: 'Measure' }).click();
  const row = page.getByRole('row', { name: /I\/O exits 100/ });
  await expect(row.getByRole('cell').last()).toHaveText(/^\d{3}$/);
  const measured = await row.getByRole('cell').last().innerText();
  await expect(page.getByText('Each IN and OUT trapped')).toBeVisible();
  await page.screenshot({ path: '.cache/browser-tests/lesson.png' });
  // A student who paused the machine reads why the step does not get on: before its guest was destroyed for the new one, while that is made and boots, and afterwards.
  const paused = page.getByText(/ is paused: nothing goes on until it runs\./);
  for (const moment of [1, 2, 3, 5, 8]) {
    await expect(page.getByRole('button', { name: 'Begin the step again' })).toBeEnabled();
    await pauseWithinReset(page, moment);
    await expect(paused).toBeVisible();
    await page
      .locator('.lstep')
      .getByRole('button', { name: /^Let \S+ go on$/ })
      .click();
    await expect(paused).toHaveCount(0);
  }
  await page.getByRole('button', { name: 'Run it for me' }).click();
  await page.getByRole('button', { name: 'Measure' }).click();
  await expect(row.getByRole('cell').last()).toHaveText(measured);
});

test('what somebody does by hand is ticked, with what was counted, and a word is explained', async ({ page }) => {
  await page.goto('./?time=virtual&lesson=ring-request&seed=ringside');
  await page.locator('dfn', { hasText: /^ring/ }).focus();
  await expect(page.getByRole('tooltip').filter({ visible: true })).toContainText('One page that two domains share');
  await page.getByLabel(/How many doorbells does Domain-0 hear/).fill('50');
  await page.getByRole('button', { name: 'Keep the answer' }).click();
  const steps = page.locator('.acts li');
  await expect(steps.first()).toContainText('392 sectors of 512 bytes');
  await useConsole(page);
  await page.keyboard.type('time xvda write 392 4 1\n');
  await expect(steps.first()).toHaveText(/^done .*50 doorbells/);
  await expect(steps).toHaveText(/^done .*50 doorbells.*at a time.*idle after \d/);
  await expect(page.getByText('Opens when that is done: your 50 is shown next to the counter.')).toBeVisible();
});

test('a lesson’s link with a seed can be handed out', async ({ page, context }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await open(page);
  await page.getByRole('button', { name: 'Copy a link to A ring request, end to end' }).click();
  await expect(page.getByText(/seed \w+: copied/)).toBeVisible();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toMatch(
    /^http.*time=virtual&lesson=ring-request&seed=\w+&name=$/,
  );
  // The student who opens it is asked for a name, and has numbers and a code of that name.
  await page.goto('./?time=virtual&lesson=ring-request&seed=a&name=');
  await page.getByLabel('Your name').fill('Ada');
  await page.keyboard.press('Enter');
  await expect(page.locator('.lwhere')).toContainText('seed a · Ada');
  await page.getByText('More', { exact: true }).click();
  await page.getByRole('button', { name: 'QR code' }).click();
  await expect(page.getByRole('img', { name: /^QR code of http.*lesson=/ })).toBeVisible();
  await page.getByRole('button', { name: 'Another name' }).click();
  await expect(page.getByLabel('Your name')).toHaveValue('Ada');
});

test('who teaches has goals, a plan, and answers behind a switch, which the page measures', async ({ page }) => {
  await page.goto('./?time=virtual&lesson=ring-request&seed=a&view=teacher');
  await expect(page.getByRole('heading', { name: /^Plan: \d+ minutes/ })).toBeVisible();
  await expect(page.getByText('Follow one disk request')).toBeVisible();
  await expect(page.getByRole('heading', { name: 'Answers' })).toHaveCount(0);
  await page.getByRole('switch', { name: 'Show the answers' }).click();
  await page.getByRole('button', { name: 'Measure them' }).click();
  await expect(page.locator('.lans b').first()).toHaveText(/^\d+$/);
  await expect(page.locator('.lanswers')).toContainText(/Code of the seed a: [0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}/);
});

test('whoever writes a lesson sees a mistake at its line, and tries what is none', async ({ page }) => {
  await page.goto('./?time=virtual&lesson=ring-request&seed=a&view=edit');
  const text = page.getByLabel('Text of the lesson');
  await expect(page.getByText('A lesson, without a mistake.')).toBeVisible();
  const good = await text.inputValue();
  await text.fill(good.replace('```predict', '```pedict'));
  await expect(page.getByText('Did you mean ```predict?').first()).toBeVisible();
  await text.fill(good.replace(/^title: .*$/m, 'title: My own'));
  await expect(page.locator('.lpreview h1')).toHaveText('My own');
  await page.getByRole('button', { name: 'Try it' }).click();
  await expect(page.getByRole('heading', { name: 'My own' })).toBeVisible();
  await expect(page.getByText('A lesson of yours')).toBeVisible();
});

test('a link to a round opens it, what stands before it done; one of another version says so', async ({ page }) => {
  await page.goto('./?time=virtual&lesson=ring-request&seed=a&round=2&v=00&embed=1');
  await expect(page.getByText('This is the nearest step.')).toBeVisible();
  await expect(page.getByLabel(/How many doorbells now/)).toBeVisible();
  await expect(page.locator('.top')).toBeHidden();
});

test('whoever loads a lesson anew, comes back to it or changes its language goes on where they were', async ({
  page,
}) => {
  await page.goto('./?time=virtual&lesson=ring-request&seed=a&round=1');
  await page.getByLabel(/How many doorbells does Domain-0 hear/).fill('50');
  await page.getByRole('button', { name: 'Keep the answer' }).click();
  const here = page.locator('.lstep.here');
  await expect(here).toHaveAttribute('data-step', '1');
  await page.reload();
  await expect(here).toHaveAttribute('data-step', '1');
  await expect(page.getByText('You said 50.')).toBeVisible();
  // A person who types by hand finds the guest awake.
  await expect(page.locator('.mtime')).not.toContainText('time stopped');
  await page.getByText('More', { exact: true }).click();
  await page.getByRole('link', { name: 'Glossary' }).click();
  await expect(page.getByRole('heading', { name: 'Glossary' })).toBeVisible();
  await page.goBack();
  await expect(here).toHaveAttribute('data-step', '1');
  await page.getByText('More', { exact: true }).click();
  await page.getByRole('link', { name: 'Español' }).click();
  await expect(page.getByText('Sigues donde estabas en esta pestaña.')).toBeVisible();
  await expect(here).toHaveAttribute('data-step', '1');
  await page.getByRole('link', { name: 'Empezar desde el principio' }).click();
  await expect(here).toHaveAttribute('data-step', '0');
  // On paper there is the lesson alone.
  await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
  await expect(page.locator('.lhead')).toHaveCSS('background-color', 'rgb(255, 255, 255)');
  await expect(here).toBeVisible();
  for (const part of ['.top', '.tree', '.strip', '.serials', '.lsn .btn'])
    await expect(page.locator(part).first()).toBeHidden();
});

test('a course leads from lesson to lesson', async ({ page }) => {
  await page.goto('./?time=virtual&lesson=course&seed=a&view=course&course=virtualization');
  await page.getByRole('link', { name: 'Trap and emulate' }).click();
  await page.waitForURL(/lesson=trap-and-emulate&seed=a&course=virtualization/);
});

test('a lesson of somebody’s own is read when it is dropped, and told what is wrong with it', async ({ page }) => {
  await open(page);
  await drop(page, [
    { name: 'mine.md', buffer: Buffer.from('---\ntitle: Mine\n---\n## Predict\n<script>alert(1)</script>\n') },
  ]);
  await expect(page.getByRole('heading', { name: 'This file is no lesson yet.' })).toBeVisible();
  await expect(page.getByRole('row', { name: /line 5.*HTML/ })).toBeVisible();
  await expect(page.getByText('The lesson has no guest.')).toBeVisible();
});

test('a text beside a definition is no lesson: the definition is judged', async ({ page }) => {
  await open(page);
  await drop(page, [
    { name: 'README.md', buffer: Buffer.from('# About this guest\n') },
    { name: 'web.cfg', buffer: Buffer.from('name = "web"\nmemroy = 8\n') },
  ]);
  await expect(page.locator('#bench')).toContainText('memroy');
  await expect(page.getByText('README.md is a text and was left out.')).toBeVisible();
  await expect(page.getByText('This file is no lesson yet.')).toHaveCount(0);
});

test('a guest moves within the page, round by round, and the lesson follows it', async ({ page }) => {
  await page.goto('./?time=virtual&lesson=live-migration&seed=a&round=3');
  await page.getByLabel(/For how many milliseconds does it stand still/).fill('60');
  await page.getByRole('button', { name: 'Keep the answer' }).click();
  await page.getByRole('button', { name: 'Run it for me' }).click();
  await page.getByRole('button', { name: 'Measure' }).click();
  await expect(page.getByText('Five rounds, and none was shorter than the one before.')).toBeVisible();
  await expect(page.getByRole('region', { name: 'Its last move, round by round' })).toContainText(/round 5.*211 pages/);
});
