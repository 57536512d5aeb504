import { bootDemo, domainRows, expect, open, serialText, test, useConsole } from './page.ts';
import { patient } from '../support/patience.ts';

const FAR = process.env.RINGSIDE_TEST_FAR!;

test('over plain http from another machine the page says what is lost, and guests, lessons and walls are there all the same', async ({
  page,
  context,
}) => {
  await open(page, FAR);
  expect(await page.evaluate(() => [globalThis.crossOriginIsolated, globalThis.isSecureContext])).toEqual([
    false,
    false,
  ]);
  await expect(page.getByText('In memory: gone with this page')).toBeVisible();
  await expect(page.getByText('opens without a network')).toHaveCount(0);
  await expect(page.getByText(/This page is not cross-origin isolated: all domains share one worker/)).toBeVisible();
  await page.getByRole('button', { name: 'How to serve it' }).click();
  await expect(page.getByText('Cross-Origin-Embedder-Policy: require-corp')).toBeVisible();

  await bootDemo(page);
  await expect(domainRows(page)).toHaveCount(1);
  await page.getByRole('group', { name: 'Windows' }).getByRole('button', { name: 'Both' }).click();
  await useConsole(page);
  await expect.poll(() => serialText(page), { timeout: patient(30_000) }).toMatch(/demo> *$/);
  await page.keyboard.type('echo $$ six by seven\n');
  await expect.poll(() => serialText(page)).toMatch(/^\$\$ six by seven$/m);
  await expect(page.getByTestId('screen-text')).toContainText(/\w/);
  await expect(
    page.getByRole('complementary', { name: 'Activity' }).getByRole('row', { name: /30 I\/O instruction/ }),
  ).toBeVisible();

  const lesson = `${FAR}?time=virtual&lesson=trap-and-emulate&seed=a&room=lab`;
  await page.goto(`${lesson}&view=wall`);
  const student = await context.newPage();
  student.on('dialog', dialog => void dialog.accept());
  await student.goto(lesson);
  await student.getByLabel(/How many I\/O exits will Xen count/).fill('100');
  await student.getByRole('button', { name: 'Keep the answer' }).click();
  await student.getByRole('button', { name: 'Run it for me' }).click();
  await student.getByRole('button', { name: 'Measure' }).click();
  await expect(student.getByText('Each IN and OUT trapped')).toBeVisible();
  await expect(page.getByText('1 student, 0 stuck.')).toBeVisible();
  await student.close();
});
