/** A lesson as a frame of a course page: of another site, in a sandbox, and where the browser keeps nothing for it. */
import { expect, test } from './page.ts';
import { ended, portOf, serveStatic } from './static-server.ts';

const LESSON = 'time=virtual&lesson=trap-and-emulate&embed=1&panels=steps,consoles';

test('a lesson is taken in a frame of another site, says what is kept there, and opens outside of it', async ({
  page,
  context,
}) => {
  const ringside = await serveStatic('/some/course/');
  const at = `http://127.0.0.1:${portOf(ringside)}/some/course/`;
  const frame = (id: string, seed: string, rest = '') =>
    `<iframe id="${id}" width="1200" height="700" src="${at}?${LESSON}&seed=${seed}" ${rest}></iframe>`;
  const course = await serveStatic('/none/', {
    '/week-3.html': (_, response) =>
      response
        .setHeader('Content-Type', 'text/html')
        .end(
          `<!doctype html><h1>Week 3</h1>${frame('lesson', 'a')}${frame('opaque', 'b', 'sandbox="allow-scripts"')}${frame('denied', 'denied')}`,
        ),
  });
  // As a browser answers whose user lets sites keep nothing.
  await page.addInitScript(() => {
    if (!location.search.includes('seed=denied')) return;
    for (const name of ['localStorage', 'sessionStorage', 'indexedDB', 'caches'])
      Object.defineProperty(globalThis, name, {
        get: () => {
          throw new DOMException('Access is denied for this document.', 'SecurityError');
        },
      });
  });
  // Another site, not just another port: a browser parts what it keeps by sites.
  await page.goto(`http://localhost:${portOf(course)}/week-3.html`);
  const lesson = page.frameLocator('#lesson');
  await expect(page.frameLocator('#opaque').getByText('the browser gives this page no origin')).toBeVisible();
  await expect(lesson.getByLabel(/How many I\/O exits/)).toBeEditable();
  // Browsers part what such a frame keeps from what its own page does, or give it no storage: Chromium's shell the one, Chromium the other.
  const inFrame = page.frame({ url: /seed=a$/ })!,
    keeps = await inFrame.evaluate(() => {
      try {
        return localStorage.length >= 0;
      } catch {
        return false;
      }
    });
  const said = keeps ? 'your progress here is kept apart' : 'This browser keeps nothing here';
  await expect(lesson.getByText(said)).toBeVisible();
  await expect(page.frameLocator('#denied').getByText('This browser keeps nothing here')).toBeVisible();
  await expect(page.frameLocator('#denied').getByLabel(/How many I\/O exits/)).toBeEditable();
  expect(await inFrame.evaluate(() => globalThis.crossOriginIsolated)).toBe(false);
  await expect(lesson.locator('.top')).toBeHidden();

  await lesson.getByLabel(/How many I\/O exits will Xen count/).fill('100');
  await lesson.getByRole('button', { name: 'Keep the answer' }).click();
  await lesson.getByRole('button', { name: 'Run it for me' }).click();
  await lesson.getByRole('button', { name: 'Measure' }).click();
  await expect(
    lesson
      .getByRole('row', { name: /I\/O exits 100/ })
      .getByRole('cell')
      .last(),
  ).toHaveText(/^\d{3}$/);
  // The page around it gives it no clipboard, so that the link is there to follow.
  await lesson.getByText('More', { exact: true }).click();
  await lesson.getByRole('button', { name: 'Link to this round' }).click();
  const opened = context.waitForEvent('page');
  await lesson.getByRole('link', { name: /^http.*round=1/ }).click();
  const outside = await opened;
  await expect(outside.getByLabel(/How many I\/O exits will Xen count/)).toBeEditable();
  await expect(outside.locator('.top')).toBeVisible();
  await expect(outside.getByText(said)).toHaveCount(0);
  await Promise.all([ended(ringside), ended(course)]);
});
