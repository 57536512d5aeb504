import { readFileSync } from 'node:fs';
import { print, pvhKernel, shutdown, waitForKey } from '../../src/hypervisor/interfaces/xen/pvh-kernel.test-support.ts';
import { domainRows, drop, expect, open, serialText, test, useConsole } from './page.ts';
import { patient } from '../support/patience.ts';

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

test('a paravirtual guest’s exits and hypercalls have their names, and their own sources', async ({ page }) => {
  await open(page);
  await drop(page, [
    {
      name: 'pv1.cfg',
      buffer: Buffer.from(
        'name = "pv1"\ntype = "pv"\nmemory = 32\nkernel = "pvtest.elf"\non_poweroff = "preserve"\non_crash = "preserve"\n',
      ),
    },
    { name: 'pvtest.elf', buffer: readFileSync(new URL('../../guests/pvtest/pvtest.elf', import.meta.url)) },
  ]);
  await page.getByRole('button', { name: /^Start/ }).click();
  const activity = page.getByRole('complementary', { name: 'Activity' });
  await expect(activity.getByRole('row', { name: /v130 Hypercall, INT 0x82/ })).toBeVisible();
  await expect(activity.getByRole('row', { name: /29 sched_op/ })).toBeVisible();
  // A row opens the last exit of its kind.
  await activity.getByRole('button', { name: 'Hypercall, INT 0x82' }).click();
  await expect(activity.locator('.dis .now')).toContainText('exits');
  await expect(activity.getByText(/xen\/include\/public\/arch-x86\/xen-x86_32\.h/)).toBeVisible();
  await expect(activity.getByText(/Reason \d/)).toHaveCount(0);
});

test('a guest has in its worker what its definition asks for, also when it was saved: an uncommon card, and Hyper-V’s leaves', async ({
  page,
}) => {
  await open(page);
  await drop(page, [
    {
      name: 'hv1.cfg',
      buffer: Buffer.from(
        'name = "hv1"\ntype = "hvm"\nmemory = 16\nkernel = "demo.elf"\nviridian = 1\nvif = [ "model=ne2k_pci" ]\nserial = "pty"\n',
      ),
    },
    { name: 'demo.elf', buffer: readFileSync(new URL('../../guests/demo/demo.elf', import.meta.url)) },
  ]);
  await page.getByRole('button', { name: /^Start/ }).click();
  const says = async () => {
    await expect(page.getByTestId('serial-text')).toContainText('demo>', { timeout: patient(30_000) });
    await page.getByRole('group', { name: 'Windows' }).getByRole('button', { name: 'Serial' }).click();
    await useConsole(page);
    await page.keyboard.type('clear\ncpuid\npci\n');
    await expect.poll(() => serialText(page)).toMatch(/hypervisor says "Microsoft Hv"[\s\S]*10ec:?.?8029/i);
  };
  await says();
  const saved = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Save state' }).click();
  const buffer = readFileSync(await (await saved).path());
  await page.getByRole('button', { name: 'Destroy' }).click();
  await page.getByRole('button', { name: 'Destroy now' }).click();
  await page.getByRole('button', { name: 'Close' }).click();
  await drop(page, [{ name: 'hv1.save', buffer }]);
  await expect(page.getByRole('heading', { name: 'hv1' })).toBeVisible();
  await says();
});
