import { print, pvhKernel, shutdown, waitForKey } from '../../src/hypervisor/xen/pvh-kernel.test-support.ts';
import { domainRows, drop, expect, open, serialText, test } from './page.ts';

const definition = Buffer.from('name = "guest1"\ntype = "pvh"\nmemory = 16\nkernel = "guest.elf"\n');

test('a PVH guest shows its PV console like a serial line, is typed at there, and powers off', async ({ page }) => {
  await open(page);
  const kernel = pvhKernel([...print('a key?  '), ...waitForKey(), ...shutdown(0)]);
  await drop(page, [
    { name: 'guest1.cfg', buffer: definition },
    { name: 'guest.elf', buffer: Buffer.from(kernel) },
  ]);
  await page.getByRole('button', { name: /^Start/ }).click();
  await expect.poll(() => serialText(page)).toContain('a key?');
  await expect(domainRows(page)).toHaveCount(1);
  await page.getByTestId('serial').click();
  await page.keyboard.press('y');
  await expect(page.getByText('The guest powered off.').first()).toBeVisible();
});
