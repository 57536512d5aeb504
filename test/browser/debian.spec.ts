import { existsSync, readFileSync } from 'node:fs';
import { file } from '../support/needs.ts';
import { domainRows, drop, expect, open, serialText, test } from './page.ts';

const GUEST = '.cache/guests/debian-686';
const FILES = ['debian-686.cfg', 'vmlinuz', 'initrd'];

test('Debian dropped as definition, kernel and RAM disk boots to a shell, runs a command and powers off', async ({ page }) => {
  test.skip(!existsSync(file(`${GUEST}/vmlinuz`)), 'npm run guests has not fetched Debian');
  test.setTimeout(300_000);
  await open(page);
  await drop(
    page,
    FILES.map(name => ({ name, buffer: readFileSync(file(`${GUEST}/${name}`)) })),
  );
  await page.getByRole('button', { name: 'Start debian-686' }).click();
  await expect.poll(() => serialText(page), { timeout: 240_000 }).toMatch(/[#$] *$/);
  await page.getByRole('button', { name: 'Use this terminal' }).click();
  await page.keyboard.type('uname -sr; echo $((6*7))\n');
  await expect.poll(() => serialText(page)).toMatch(/Linux 6\.1\.[\s\S]*\n42\n/);
  if (process.env.RINGSIDE_PICTURE) await page.screenshot({ path: process.env.RINGSIDE_PICTURE });
  await page.keyboard.type('poweroff -f\n');
  await expect(page.getByText(/debian-686 stopped: the guest powered off/)).toBeVisible({ timeout: 30_000 });
  await page.getByRole('button', { name: 'Destroy' }).click();
  await page.getByRole('button', { name: 'Close' }).click();
  await expect(domainRows(page)).toHaveCount(0);
});
