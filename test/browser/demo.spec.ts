import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { bootDemo, demoButton, domainRows, drop, expect, open, serialText, settled, test, useConsole } from './page.ts';
import { patient } from '../support/patience.ts';

test('the demo guest boots with one click, answers a typed command, and its exits are counted', async ({ page }) => {
  await open(page);
  await bootDemo(page);
  await expect(domainRows(page)).toHaveCount(1);
  await expect.poll(() => serialText(page), { timeout: patient(30_000) }).toMatch(/demo> *$/);
  // Keys go to the guest that was booted, and the window says so.
  await expect(page.locator('.serial .ws')).toContainText('Keyboard goes to demo');
  await page.keyboard.type('echo $$ six by seven\n');
  await expect.poll(() => serialText(page)).toMatch(/^\$\$ six by seven$/m);

  const exits = page.getByRole('complementary', { name: 'Activity' });
  await expect(exits.getByRole('row', { name: /30 I\/O instruction/ })).toBeVisible();
  await expect(exits.locator('.big')).toHaveText(/\d/);

  // Shift + Tab leaves the terminal (WCAG 2.1.2).
  await page.keyboard.press('Shift+Tab');
  expect(await page.evaluate(() => !!document.activeElement?.closest('.xterm'))).toBe(false);
});

test('no guest is offered before the list is whole: what stood under the pointer would be another one', async ({
  page,
}) => {
  let answer = (): void => {};
  const held = new Promise<void>(resolve => {
    answer = resolve;
  });
  await page.route('**/guests/catalogue.json', async route => {
    await held;
    await route.continue();
  });
  await open(page, './?boot=0');
  await expect(page.getByRole('status').getByText('Loading the list of guests.')).toBeVisible();
  await expect(page.getByRole('button', { name: /^Boot / })).toHaveCount(0);
  answer();
  await expect(await demoButton(page)).toBeVisible();
});

test('a double click on Boot boots the guest, once: its second click does not cancel', async ({ page }) => {
  await open(page, './?boot=0');
  await (await demoButton(page)).dblclick();
  await expect.poll(() => serialText(page), { timeout: patient(30_000) }).toMatch(/demo> *$/);
  await expect(domainRows(page)).toHaveCount(1);
});

/** Of how many guests the page has kept the time to their prompts (src/ui/settings.ts). */
const timesKept = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const opening = indexedDB.open('keyval-store');
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => {
      const asked = opening.result.transaction('keyval').objectStore('keyval').get('ringside-page');
      asked.onerror = () => reject(asked.error);
      asked.onsuccess = () => {
        opening.result.close();
        resolve(Object.keys(asked.result?.readyIn ?? {}).length);
      };
    };
  });

test('the first view tells how long a guest took to its prompt, and keeps it', async ({ page }) => {
  await open(page, './?boot=0');
  await bootDemo(page);
  await expect(page.getByTestId('serial-text').filter({ hasText: 'demo>' })).toBeAttached();
  const took = page.locator('.offers tr', { hasText: 'our monitor on the bare machine' }).locator('td').nth(4);
  // It waits there for a while before that counts as its prompt, and is kept.
  await expect.poll(() => page.evaluate(timesKept)).toBe(1);
  await page.goto('./?boot=0');
  await demoButton(page);
  await expect(took).toHaveText(/\d s$/);
});

test('pause stops virtual time, run lets it go on, destroy ends the domain', async ({ page }) => {
  await open(page);
  await bootDemo(page);
  await page.getByRole('button', { name: 'Pause', exact: true }).click();
  await expect(domainRows(page).locator('.st')).toContainText('paused');
  const clock = page.locator('.clock').first();
  const stopped = await settled(page, () => clock.textContent());
  await page.getByRole('toolbar').getByRole('button', { name: 'Run' }).click();
  await expect.poll(() => clock.textContent()).not.toBe(stopped);
  // Destroying says what goes with the guest, and can be taken back.
  await page.getByRole('button', { name: 'Destroy' }).click();
  await expect(page.getByText(/demo is paused .* 16 MiB of memory will be lost/)).toBeVisible();
  const standing = await clock.textContent();
  await page.getByRole('button', { name: 'Keep it' }).click();
  await expect.poll(() => clock.textContent()).not.toBe(standing);
  await page.getByRole('button', { name: 'Destroy' }).click();
  await page.getByRole('button', { name: 'Destroy now' }).click();
  await expect(page.getByText(/stopped/).first()).toBeVisible();
  // What is gone has counts and no rate.
  const activity = page.getByRole('complementary', { name: 'Activity' });
  await expect(activity.locator('.big')).toHaveText('–');
  await expect(
    activity
      .getByRole('row', { name: /30 I\/O instruction/ })
      .locator('td')
      .nth(1),
  ).toHaveText('–');
  await page.getByRole('button', { name: 'Close' }).click();
  await expect(domainRows(page)).toHaveCount(0);
  // The visible word is in the name (WCAG 2.5.3).
  await page.getByRole('button', { name: 'Tasks: show task log' }).click();
  await expect(
    page.getByRole('row', { name: /xl destroy demo done .* Domain 1 is gone, its 16 MiB are free\./ }),
  ).toBeVisible();
  // What Domain 0 really did for it, by the keyboard.
  const log = page.getByRole('button', { name: 'log of xl destroy demo' });
  await log.press('Enter');
  await expect(log).toHaveAttribute('aria-expanded', 'true');
  await expect(page.locator('.causes').getByText('XEN_DOMCTL_destroydomain')).toBeVisible();
});

test('the screen takes the keyboard, after Boot without being asked, and left Ctrl + left Alt gives it back', async ({
  page,
}) => {
  await open(page);
  await bootDemo(page);
  await page.getByRole('group', { name: 'Windows' }).getByRole('button', { name: 'Screen' }).click();
  await useConsole(page, 'screen');
  const status = page.locator('.screen .ws');
  await expect(status).toContainText('Keyboard goes to');
  // Playwright's type() sends capitals without a Shift key, which no keyboard does.
  await page.keyboard.type('echo ');
  await page.keyboard.press('Shift+KeyT');
  await page.keyboard.type('yped on the keyboard\n');
  await expect(page.getByTestId('screen-text').getByText(/^Typed on the keyboard$/)).toBeAttached();
  await page.keyboard.down('ControlLeft');
  await page.keyboard.down('AltLeft');
  await page.keyboard.up('AltLeft');
  await page.keyboard.up('ControlLeft');
  await expect(status).toContainText('Press Enter, or click it');
});

test('a triple fault is told in the task log and in the console, and a second boot takes a free name', async ({
  page,
}) => {
  await open(page);
  await bootDemo(page);
  await page.getByRole('group', { name: 'Windows' }).getByRole('button', { name: 'Serial' }).click();
  await useConsole(page);
  await expect.poll(() => serialText(page), { timeout: patient(30_000) }).toMatch(/demo>\s*$/);
  await page.keyboard.type('fault triple\n');
  await expect
    .poll(() => serialText(page), { timeout: patient(30_000) })
    .toMatch(
      /\[ringside\] Triple fault \(exit 2\)[\s\S]*starts again as domain 2\.[\s\S]*TRIPLE_FAULT[\s\S]*demo>\s*$/,
    );
  await expect(page.getByText(/^Restarted once\. Triple fault/)).toBeVisible();
  await page.getByRole('button', { name: 'Tasks' }).click();
  await expect(page.getByRole('row').filter({ hasText: 'demo restarted' })).toContainText('Triple fault (exit 2)');
  await page.getByRole('treeitem', { name: 'ringside-1' }).click();
  await page.getByRole('button', { name: 'New guest' }).click();
  await bootDemo(page);
  await expect(page.getByRole('heading', { name: 'demo-2' })).toBeVisible();
  // Help closes wherever the focus is.
  await page.getByRole('button', { name: 'Help' }).click();
  await expect(page.getByRole('dialog', { name: 'Help' })).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(page.getByRole('dialog', { name: 'Help' })).toHaveCount(0);
});

test('a saved guest, dropped again, goes on where it was', async ({ page }) => {
  await open(page);
  await bootDemo(page);
  await page.getByRole('group', { name: 'Windows' }).getByRole('button', { name: 'Both' }).click();
  await expect.poll(() => serialText(page), { timeout: patient(30_000) }).toMatch(/demo> *$/);
  const saved = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Save state' }).click();
  const file = await saved;
  expect(file.suggestedFilename()).toBe('demo.save');
  // Refused while its name is taken, and taken up once it is free.
  await drop(page, [{ name: 'demo.save', buffer: readFileSync(await file.path()) }]);
  await expect(page.getByText(/There is a domain called demo already/).first()).toBeVisible();
  await page.getByRole('treeitem', { name: /demo HVM/ }).click();
  await page.getByRole('button', { name: 'Destroy' }).click();
  await page.getByRole('button', { name: 'Destroy now' }).click();
  await page.getByRole('button', { name: 'Close' }).click();
  await page.getByRole('treeitem', { name: /demo\.save/ }).click();
  await page.getByRole('button', { name: 'Restore it' }).click();
  await expect(page.getByRole('heading', { name: 'demo' })).toBeVisible();
  // Its console's history came with it.
  await expect.poll(() => serialText(page)).toMatch(/demo> *$/);
  await useConsole(page);
  await page.keyboard.type('echo went on\n');
  await expect.poll(() => serialText(page)).toMatch(/^went on$/m);
});

test('a guest that the host offers as it stands at its shell goes on there, with what it showed', async ({ page }) => {
  await open(page);
  await bootDemo(page);
  await expect(page.getByTestId('serial-text')).toContainText('demo>', { timeout: patient(30_000) });
  const download = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Save state' }).click();
  const state = gzipSync(readFileSync(await (await download).path()));
  const guests = [
    { id: 'shell', title: 'Shell', about: '', bytes: 1, files: [{ name: 'shell.cfg', path: 'shell.cfg' }] },
  ];
  await page.route('**/guests/catalogue.json', route =>
    route.fulfill({ json: { guests, saved: [{ guest: 'shell', path: 'shell/shell.state', bytes: state.length }] } }),
  );
  await page.route('**/guests/shell/shell.state', route =>
    route.fulfill({ body: state, contentType: 'application/octet-stream' }),
  );
  await open(page);
  await page.getByRole('button', { name: 'Boot Shell, at its shell' }).click();
  await page.getByRole('group', { name: 'Windows' }).getByRole('button', { name: 'Both' }).click();
  await expect.poll(() => serialText(page)).toMatch(/demo> *$/);
  await useConsole(page);
  await page.keyboard.type('echo went on\n');
  await expect.poll(() => serialText(page)).toMatch(/^went on$/m);
});

test('a screen that was chosen at one guest is not offered of another that has none', async ({ page }) => {
  await open(page);
  await bootDemo(page);
  const choice = (name: string) => page.getByRole('group', { name: 'Windows' }).getByRole('button', { name });
  await choice('Screen').click();
  await page.keyboard.press('Control+k');
  await page.getByRole('combobox', { name: 'Search and commands' }).fill('Boot minipv-pvh');
  await page.keyboard.press('Enter');
  await expect(page.locator('.bh h2')).toContainText('minipv-pvh');
  await expect(page.getByTestId('serial-text')).toContainText('minipv>', { timeout: patient(30_000) });
  await expect(page.getByTestId('serial')).toBeVisible();
  await expect(page.getByRole('group', { name: 'Windows' })).toHaveCount(0);
});

test('while xterm is not there a guest’s words stand as text, with the last in view, and take keys', async ({
  page,
}) => {
  const xterm = /\/xterm-[\w-]+\.js(\?|$)/;
  await open(page);
  await page.route(xterm, route => route.abort());
  await bootDemo(page);
  const text = page.getByTestId('serial').locator('pre');
  await expect(text).toContainText('demo>', { timeout: patient(30_000) });
  // The end is in view, in a window that is lower than the text.
  await page.getByRole('group', { name: 'Windows' }).getByRole('button', { name: 'Both' }).click();
  await expect.poll(() => text.evaluate(its => its.scrollHeight - its.clientHeight - its.scrollTop)).toBeLessThan(2);
  await useConsole(page);
  await page.keyboard.type('echo early\n');
  await expect(text).toContainText('early\ndemo>');
});
