/** Several definitions dropped at once: one plan, a verdict for each, and what is chosen of them is defined or started. */
import { readFileSync } from 'node:fs';
import { file } from '../support/needs.ts';
import { domainRows, drop, expect, open, test } from './page.ts';
import { patient } from '../support/patience.ts';

const kernel = { name: 'minipv', buffer: readFileSync(file('guests/minipv/minipv.elf')) };
const definition = (name: string, more = '') => ({
  name: `${name}.cfg`,
  buffer: Buffer.from(`name = "${name}"\ntype = "pvh"\nmemory = 16\nkernel = "minipv"\n${more}`),
});

test('several definitions are judged together, and those that are chosen start or are kept', async ({ page }) => {
  await open(page);
  await drop(page, [
    definition('web'),
    definition('db'),
    { name: 'broken.cfg', buffer: Buffer.from('name = "broken"\ntype = "pvh"\nkernel = "minipv"\n\nmemory = "8M"\n') },
    kernel,
  ]);
  await expect(page.getByRole('heading', { name: '3 guests' })).toBeVisible();
  const row = (name: string) => page.locator('.several tbody tr', { hasText: name });
  // What stops one is reported at its line, which is shown at once.
  await expect(row('broken')).toContainText('Waits for line 5');
  const lines = page.locator('.sev-v');
  await expect(lines).toContainText(/5:10.*memory = '8M': xl takes MiB as a number/);
  await expect(lines.getByRole('button', { name: 'Write 8' })).toBeVisible();
  await expect(page.getByLabel('Name', { exact: true })).toHaveValue('broken');
  await expect(page.getByText('The 2 to start take 32 of')).toBeVisible();
  // What cannot start is not taken.
  await expect(page.getByLabel('Take broken.cfg')).not.toBeChecked();
  await page.getByLabel('Take db.cfg').uncheck();
  await page.getByRole('button', { name: 'Start 1', exact: true }).click();
  await expect(row('web')).toContainText('web runs as domain 1.', { timeout: patient(20_000) });
  // The broken one is as it was, and hindered nobody.
  await expect(lines).toContainText('8M');
  await page.getByLabel('Take db.cfg').check();
  await page.getByRole('button', { name: 'Define 1', exact: true }).click();
  await expect(row('db')).toContainText('db is kept as /etc/xen/vm/db.');
  await page.getByRole('button', { name: 'Form and text of broken' }).click();
  await page.getByLabel('Text of the definition').fill(definition('mended').buffer.toString());
  await page.getByRole('button', { name: 'Start mended' }).click();
  await expect(domainRows(page)).toHaveCount(2);
  await expect(page.getByTestId('serial-text').first()).toContainText('minipv>', { timeout: patient(20_000) });
});

test('files that come later complete several definitions, and a saved domain is restored beside them', async ({
  page,
}) => {
  await open(page);
  await page.getByRole('button', { name: 'Boot minipv-pvh' }).click();
  await expect(page.getByTestId('serial-text')).toContainText('minipv>', { timeout: patient(30_000) });
  const saving = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Save state' }).click();
  const state = { name: 'minipv.save', buffer: readFileSync(await (await saving).path()) };
  await page.getByRole('button', { name: 'Destroy' }).click();
  await page.getByRole('button', { name: 'Destroy now' }).click();
  await page.getByRole('button', { name: 'Close' }).click();
  await drop(page, [state, definition('web')]);
  const row = (name: string) => page.locator('.several tbody tr', { hasText: name });
  await expect(row('web')).toContainText('1 error');
  await expect(page.locator('.sev-v')).toContainText('minipv is not among the dropped files');
  await drop(page, [kernel]);
  await page.getByRole('button', { name: 'Start 2', exact: true }).click();
  // Both run: there is nothing left to choose from.
  await expect(page.locator('.several')).toHaveCount(0);
  await expect(domainRows(page).filter({ hasText: /minipv-pvh|web/ })).toHaveCount(2);
});

test('what the machine has no memory for together is refused before anything starts; alone each has its turn', async ({
  page,
}) => {
  await open(page, './?boot=0&host=memory=96,pcpus=1');
  const large = (name: string) => ({
    name: `${name}.cfg`,
    buffer: Buffer.from(`name = "${name}"\ntype = "pvh"\nmemory = 48\nkernel = "minipv"\n`),
  });
  await drop(page, [large('web'), large('db'), kernel]);
  await expect(page.locator('.counts')).toContainText('2 ready');
  await expect(page.getByText(/^The 2 to start take 96 MiB together, and 2 .*; \d+ MiB are free\./)).toBeVisible();
  await expect(page.getByRole('button', { name: 'Start 2', exact: true })).toBeDisabled();
  await page.getByLabel('Take db.cfg').uncheck();
  await page.getByRole('button', { name: 'Start 1', exact: true }).click();
  await expect(page.locator('.several tbody tr', { hasText: 'web' })).toContainText('web runs as domain 1.', {
    timeout: patient(20_000),
  });
  await expect(page.locator('.sev-v')).toContainText(/The guest wants 48 MiB and the host can give it \d+\./);
  await expect(page.locator('.counts')).toContainText('One cannot be started yet.');
  await expect(page.locator('.counts')).not.toContainText('ready');
  // Once the other is gone it can.
  await page.getByRole('treeitem', { name: /web PVH/ }).click();
  await page.getByRole('button', { name: 'Destroy' }).click();
  await page.getByRole('button', { name: 'Destroy now' }).click();
  await page.goBack();
  await expect(page.locator('.counts')).toContainText('1 ready');
  await page.getByLabel('Take db.cfg').check();
  await page.getByRole('button', { name: 'Start 1', exact: true }).click();
  await expect(domainRows(page).filter({ hasText: 'db' })).toHaveCount(1);
});
