/** Experiments in the page: a click, a chart, its table, the sentence, the raw numbers. */
import { expect, open, test } from './page.ts';
import { patient } from '../support/patience.ts';

test('an experiment runs from its click, in a worker of its own, and leaves the page’s guests alone', async ({
  page,
}) => {
  await page.addInitScript(() => {
    const Real = Worker;
    globalThis.Worker = class extends Real {
      constructor(url: string | URL, options?: WorkerOptions) {
        super(url, options);
        if (options?.name?.startsWith('experiment')) addEventListener('end-experiment', () => this.terminate());
      }
    };
  });
  await open(page, './?boot=0');
  await page.getByRole('button', { name: /^Experiments/ }).click();
  // A browser that ends its worker does not say so.
  await page.getByRole('button', { name: 'BOOST' }).click();
  await page.getByRole('button', { name: 'Run it' }).click();
  await expect(page.getByText('Measured now: credit')).toBeVisible();
  await page.evaluate(() => dispatchEvent(new Event('end-experiment')));
  await expect(page.getByText('the browser has ended the experiment’s worker')).toBeVisible();
  await page.getByRole('button', { name: 'Experiments', exact: true }).click();
  await page.getByRole('button', { name: 'Ballooning' }).click();
  await page.getByRole('button', { name: 'Run it' }).click();
  await expect(page.getByText('The claim held here')).toBeVisible({ timeout: patient(60_000) });
  await expect(page.getByRole('img', { name: /^memory \(MiB\)/ })).toBeVisible();
  await expect(page.getByRole('region', { name: 'Table' }).getByRole('row')).not.toHaveCount(1);
  const file = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Raw numbers as CSV' }).click();
  expect((await file).suggestedFilename()).toBe('ballooning.csv');
  // No guest of it is the page's.
  await expect(page.getByRole('treeitem', { name: /guest0/ })).toHaveCount(0);
  await page.reload();
  await expect(page.getByRole('heading', { name: 'Ballooning' })).toBeVisible();
});
