import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { drop, expect, open, serialText, test } from './page.ts';

const guests = fileURLToPath(new URL('../../.cache/guests/debian-686/', import.meta.url));
const files = ['debian-686.cfg', 'vmlinuz', 'initrd'];

test("Debian's Linux, dropped as definition, kernel and initrd, boots to a shell and powers off", async ({ page }) => {
  test.skip(!existsSync(guests), 'the guests are not here: npm run guests');
  await open(page);
  await drop(
    page,
    files.map(name => ({ name, buffer: readFileSync(guests + name) })),
  );
  await page.getByRole('button', { name: /^Start/ }).click();
  await expect.poll(() => serialText(page), { timeout: 200_000 }).toContain('BOOT-OK');
  await expect.poll(() => serialText(page)).toContain('/ # ');
  await page.getByRole('button', { name: 'Use this terminal' }).click();
  await page.keyboard.type('echo $((6 * 7)) is typed; uname -a\n');
  await expect.poll(() => serialText(page)).toContain('42 is typed');
  // The README's picture: RINGSIDE_SCREENSHOT=docs/first-light.png npx playwright test debian
  if (process.env.RINGSIDE_SCREENSHOT) await page.screenshot({ path: process.env.RINGSIDE_SCREENSHOT });
  await page.keyboard.type('poweroff -f\n');
  await expect(page.getByText(/powered off/i).first()).toBeVisible({ timeout: 30_000 });
});
