/** A host without Xen: what its first view offers, a guest without disks, and hardware that comes to it while it runs. */
import { expect, test, useConsole } from './page.ts';
import { prompt, run, shellText } from './shell.ts';
import { patient } from '../support/patience.ts';

const WEB = `<domain type='kvm'><name>web</name><memory unit='MiB'>16</memory><vcpu>1</vcpu><os><type>hvm</type><kernel>/boot/minipv</kernel></os><devices><serial type='pty'/></devices></domain>`;

test('offers no kernels of Xen; a guest that had no disk gets one, and a card, while it runs', async ({ page }) => {
  await page.goto('./?boot=kvm');
  await expect(page.getByRole('button', { name: 'Boot pcos', exact: true })).toBeVisible({ timeout: patient(60_000) });
  await expect(page.getByRole('treeitem', { name: /host system/ })).toBeVisible();
  await expect(page.getByRole('button', { name: /^Boot minipv-pv/, includeHidden: true })).toHaveCount(0);
  await expect(page.getByRole('button', { name: 'Start three side by side' })).toHaveCount(0);
  await page.getByRole('treeitem', { name: /host system/ }).click();
  await expect.poll(() => shellText(page), { timeout: patient(30_000) }).toMatch(prompt);
  await useConsole(page);
  // The first guest of this host has nothing that a program for drives would have been loaded for.
  expect(await run(page, `printf "${WEB}" > web.xml; virsh define web.xml; virsh start web`)).toContain(
    "Domain 'web' started",
  );
  await run(page, 'qemu-img create /var/lib/xen/images/data.img 1M');
  await page.goto('./?boot=kvm#/guest/web/details');
  const list = page.getByRole('tablist', { name: 'Hardware of web' }),
    change = page.getByRole('region', { name: 'What it is' });
  await list.getByRole('tab', { name: 'Add hardware' }).click();
  await expect(page.getByLabel('Source', { exact: true })).toHaveValue('/var/lib/xen/images/data.img');
  await expect(change).toContainText('virsh attach-device web device.xml --live --config');
  await change.getByRole('button', { name: 'Add hardware' }).click();
  await expect(list.getByRole('tab', { name: 'Disk vda', exact: true })).toBeVisible();
  // The next one is another.
  await expect(page.getByLabel('Device', { exact: true })).toHaveValue('vdb');
  await expect(page.getByLabel('Source', { exact: true })).toHaveValue('');
  await page.getByLabel('What is added').selectOption('Network card');
  await change.getByRole('button', { name: 'Add hardware' }).click();
  await expect(list.getByRole('tab', { name: /^Network card/ })).toHaveCount(1);
  await page.getByRole('tab', { name: 'Overview', exact: true }).first().click();
  await expect(page.getByText('Its board has a card, virtio.')).toBeVisible();
  await page.getByRole('button', { name: 'More actions for web' }).click();
  await expect(page.getByRole('menuitem', { name: /^Shut web down/ })).toContainText('virsh shutdown web');
});
