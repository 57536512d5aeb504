/** Running guests are saved at intervals, and go on from there after a reload. */
import { bootDemo, expect, open, serialText, test, useConsole } from './page.ts';
import { patient } from '../support/patience.ts';

test('a running guest is saved every five minutes, and goes on after a reload as it was then', async ({ page }) => {
  await page.clock.install();
  await open(page, './?boot=0');
  await bootDemo(page);
  await page.getByRole('group', { name: 'Windows' }).getByRole('button', { name: 'Both' }).click();
  await expect(page.getByTestId('serial-text')).toContainText('demo>', { timeout: patient(20_000) });
  await useConsole(page);
  await page.keyboard.type('echo before the reload\n');
  await expect(page.getByTestId('serial-text')).toContainText('before the reload');
  await page.getByRole('treeitem', { name: /^ringside-1/ }).click();
  await page.getByRole('tab', { name: 'Storage' }).click();
  const part = page.locator('section.checkpoints');
  await expect(part).toContainText('not yet');
  await part.getByLabel('Save them').selectOption({ label: 'every 5 minutes' });
  await expect(part).toContainText(/next at \d\d:\d\d/);
  await page.clock.fastForward('05:01');
  await expect(part.getByRole('row', { name: 'demo' })).toHaveText(/demo\d\d:\d\d$/, { timeout: patient(20_000) });
  // The second takes the place of the first.
  await page.clock.fastForward('05:01');
  await expect(page.getByText('xl snapshot-delete demo checkpoint-1').first()).toBeAttached({
    timeout: patient(20_000),
  });
  await page.goto('./?boot=0');
  const saved = page.getByRole('region', { name: 'Saved while they ran' });
  await expect(saved.getByRole('listitem')).toHaveCount(1);
  await saved.getByRole('button', { name: /^Have demo go on from/ }).click();
  await expect.poll(() => serialText(page), { timeout: patient(20_000) }).toContain('before the reload');
  await useConsole(page);
  await page.keyboard.type('echo after it\n');
  await expect.poll(() => serialText(page)).toMatch(/^after it/m);
});
