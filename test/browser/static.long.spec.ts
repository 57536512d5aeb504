/** The built page on a plain static server, in a folder: what its service worker brings. */

import { domainRows, expect, open, test } from './page.ts';
import { ended, portOf, serveStatic } from './static-server.ts';
import { patient } from '../support/patience.ts';

test.use({ serviceWorkers: 'allow' });

test('from a plain static server under a path the page is isolated, and opens without a network after its first load', async ({
  page,
}) => {
  const server = await serveStatic('/a/b/');
  const address = `http://127.0.0.1:${portOf(server)}/a/b/`;
  await open(page, address);
  await expect.poll(() => page.evaluate(() => globalThis.crossOriginIsolated)).toBe(true);
  await expect(page.getByText('one worker for all')).toHaveCount(0);
  await page.getByRole('button', { name: 'Boot minipv-pv', exact: true }).click();
  await expect(page.getByTestId('serial-text')).toContainText('minipv>', { timeout: patient(30_000) });
  await expect(page.getByText('opens without a network')).toBeVisible({ timeout: patient(60_000) });
  // Large files do not pass through the service worker: it may be ended on the way.
  const [image] = await Promise.all([
    page.waitForResponse(/guests\/disk\.img$/),
    page.evaluate(() => fetch('guests/disk.img').then(answer => answer.text())),
  ]);
  expect(image.fromServiceWorker()).toBe(false);
  const [script] = await Promise.all([
    page.waitForResponse(/\.js$/),
    page.evaluate(() =>
      fetch(document.querySelector<HTMLScriptElement>('script[src]')!.src).then(answer => answer.text()),
    ),
  ]);
  expect(script.fromServiceWorker()).toBe(true);
  await ended(server);
  await page.reload();
  await expect(page.getByText(/MiB free/)).toBeVisible();
  await page.goto(address);
  await page.getByRole('button', { name: 'Boot minipv-pvh' }).click();
  await expect(domainRows(page)).toHaveCount(1, { timeout: patient(30_000) });
  await expect(page.getByTestId('serial-text')).toContainText('minipv>', { timeout: patient(30_000) });
});
