import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { bootDemo, expect, open, test } from './page.ts';
import { patient } from '../support/patience.ts';

/** What the first prompt needs none of. */
const LATER =
  /assets\/(xterm|browser-state|shell|activity|touch-keys|browser|compiler|inspection|vbd|vif|vfb|device-model|pv-domain|uplink|e1000|ahci|chart|view-strings|host-pages|guest-pages|live|header-tools|drives|attached|drive-queue|saved-disks|builder|packed-images|zstd|unpackers|life-usage|commands|remote-model|records|reopen|tier|ops|boot-menu|wide-guests|menus|pool|pool-of-page|other-kernels|firmware-plans|pvh-board|plug|programs|states|arrivals|for-kvm)-/;

test('at most 414 KB of script, by gzip, come before the first prompt, and nothing of what is for later', async ({
  page,
  context,
}) => {
  const asked = new Set<string>();
  context.on(
    'request',
    request => void (/\.js$/.test(new URL(request.url()).pathname) && asked.add(new URL(request.url()).pathname)),
  );
  await open(page, './?boot=0');
  await bootDemo(page);
  await page.waitForFunction(
    () =>
      [...document.querySelectorAll('[data-testid=serial], [data-testid=screen-text]')].some(({ textContent }) =>
        /demo>/.test(textContent),
      ),
    undefined,
    { polling: 'raf' },
  );
  const before = [...asked];
  expect(before.filter(path => LATER.test(path))).toEqual([]);
  const bytes = before
    .map(path => gzipSync(readFileSync(new URL(`../../dist${path}`, import.meta.url))).length)
    .reduce((sum, each) => sum + each, 0);
  // Those of workers that a worker starts are listed, too: the guest's is the largest.
  expect(before.filter(path => path.includes('hypervisor-worker'))).toHaveLength(1);
  expect(bytes).toBeLessThan(414_000);
  // Behind it the page offers its guests of 64 bits, too.
  await page.getByRole('link', { name: 'Ringside' }).click();
  await page.getByRole('button', { name: 'New guest' }).click();
  await page.getByText(/^All \d+ guests$/).click();
  await page.getByRole('button', { name: 'Boot demo64' }).click();
  await expect(page.getByRole('region', { name: 'Text in the terminal of demo64' })).toContainText('demo>', {
    timeout: patient(30_000),
  });
});
