/** /components.html: the parts in each of their states, without a host. */
import { expect, test } from './page.ts';

test('each part stands there in its states, and no host is started for it', async ({ page }) => {
  await page.goto('./components.html');
  for (const name of [
    'Rows of the tree',
    'Buttons, tabs, fields',
    'States, modes, verdicts',
    'Icons',
    'Task log',
    'A dropped definition',
    'Several at once',
  ])
    await expect(page.getByRole('region', { name, exact: true })).toBeVisible();
  await expect(
    page.getByRole('region', { name: 'Serial terminal of paused', exact: true }).getByTestId('serial-text'),
  ).toContainText('writer xvda');
  await expect(page.getByRole('region', { name: 'Screen of paused', exact: true })).toContainText('Paused');
  await page.getByLabel('Theme').selectOption('contrast');
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'contrast');
  expect(page.workers()).toEqual([]);
});
