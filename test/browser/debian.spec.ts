import { existsSync, readFileSync } from 'node:fs';
import { file } from '../support/needs.ts';
import { domainRows, drop, expect, open, serialText, test } from './page.ts';

const GUEST = '.cache/guests/debian-686';
const FILES = ['debian-686.cfg', 'vmlinuz', 'initrd'];

test('Debian dropped as definition, kernel and RAM disk boots to a shell, runs commands and powers off', async ({ page }) => {
  test.skip(!existsSync(file(`${GUEST}/vmlinuz`)), 'npm run guests has not fetched Debian');
  test.setTimeout(360_000);
  await open(page);
  await drop(
    page,
    FILES.map(name => ({ name, buffer: readFileSync(file(`${GUEST}/${name}`)) })),
  );
  await page.getByRole('button', { name: 'Start debian-686' }).click();
  await expect.poll(() => serialText(page), { timeout: 300_000, intervals: [1000] }).toMatch(/built-in shell[\s\S]*# *$/);
  await page.getByRole('button', { name: 'Use this terminal' }).click();
  await page.keyboard.type('uname -sr; echo $((6*7))\n');
  await expect.poll(() => serialText(page)).toMatch(/Linux 6\.1\.[\s\S]*\n42\n/);
  await page.keyboard.type('while :; do echo $((n++)) words to draw; done\n');
  await expect.poll(() => serialText(page)).toMatch(/\d{3} words to draw/);
  await page.keyboard.press('Control+c');
  await page.keyboard.type('\npoweroff -f\n');
  await expect(page.getByText(/debian-686 stopped: the guest powered off/)).toBeVisible({ timeout: 60_000 });
  // What it wrote last stays readable.
  await expect.poll(() => serialText(page)).toMatch(/reboot: Power down/);
  // The host has buried it, as xl does; what it showed is here as long as somebody looks.
  await page.getByRole('button', { name: 'Close' }).click();
  await expect(domainRows(page)).toHaveCount(0);
});
