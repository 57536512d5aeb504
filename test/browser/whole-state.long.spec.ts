/** The host in one file: exported, reset, dropped again, and refused where the file was cut. */
import { readFileSync } from 'node:fs';
import { drop, expect, open, test } from './page.ts';

test('everything is exported, reset away and dropped back; a cut file changes nothing', async ({ page }) => {
  await open(page);
  await page.getByRole('tab', { name: 'Storage' }).click();
  await page.getByRole('button', { name: 'New volume' }).click();
  const volume = page.getByRole('cell', { name: '/dev/vg0/volume1', exact: true });
  await expect(volume).toBeVisible();
  const saved = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Export everything' }).click();
  const path = await (await saved).path(),
    name = (await saved).suggestedFilename();
  const file = readFileSync(path);
  expect(name).toMatch(/^ringside-\d{4}-\d\d-\d\d\.state$/);
  expect(file.subarray(0, 16).toString()).toBe('Ringside state 1');
  await page.getByRole('button', { name: 'Reset the host' }).click();
  const asked = page.getByRole('group', { name: 'Reset the host?' });
  await expect(asked).toContainText('volume1 (1.0 GiB)');
  await expect(asked).toContainText('minipv-pvh');
  await asked.getByRole('button', { name: 'Reset now' }).click();
  await expect(page.getByText('The host is as it was at the first visit.')).toBeVisible();
  await expect(volume).toBeHidden();
  await drop(page, [{ name: 'cut.state', buffer: file.subarray(0, file.length - 100) }]);
  await expect(page.getByRole('alert')).toContainText('it was cut off');
  await expect(page.getByRole('alert')).toContainText('Nothing was changed.');
  await expect(volume).toBeHidden();
  await drop(page, [{ name, buffer: file }]);
  await expect(page.getByText(`${name} holds another host`)).toBeVisible();
  await page.getByRole('button', { name: 'Put it in the place of this host' }).click();
  await expect(page.getByText(`This is the host of ${name} now.`)).toBeVisible();
  await expect(volume).toBeVisible();
  await expect(page.getByRole('status').filter({ hasText: `ringside import ${name}` })).toBeVisible();
  // It is kept.
  await page.reload();
  await expect(volume).toBeVisible();
});
