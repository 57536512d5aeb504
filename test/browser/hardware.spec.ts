/** A guest's hardware: a page a device, what a change is in xl, virsh and XML, now and from the next start; its document with verdicts. */
import { expect, open, test } from './page.ts';
import { openShell, run } from './shell.ts';

test('a network is made; a card is added now and for later, processors for later, and the document is judged line by line', async ({
  page,
}) => {
  await open(page, './?boot=0');
  await openShell(page);
  await run(
    page,
    `printf '# Ours.\\nname="web"\\ntype="pvh"\\nmemory=16\\nmaxvcpus=2\\nkernel="/boot/minipv"\\n' > web.cfg; xm new web.cfg; xm start web; qemu-img create /var/lib/xen/images/data.img 1M`,
  );
  // A network is made where networks are.
  await page.goto('./?boot=0#/host/network');
  await page.getByRole('button', { name: 'New network' }).click();
  await page.getByLabel('DHCP from').fill('10.0.0.1');
  await expect(page.getByRole('alert')).toContainText('is not entirely within network 192.168.100.0/24');
  await page.getByLabel('DHCP from').fill('192.168.100.100');
  await expect(page.locator('.netw pre')).toContainText("<range start='192.168.100.100' end='192.168.100.200'/>");
  await page.getByRole('button', { name: 'Apply' }).click();
  await expect(page.getByRole('button', { name: 'Stop inner' })).toBeVisible();
  await page.goto('./?boot=0#/guest/web/details');
  const list = page.getByRole('tablist', { name: 'Hardware of web' }),
    device = (name: string | RegExp) =>
      list.getByRole('tab', typeof name === 'string' ? { name, exact: true } : { name }),
    change = page.getByRole('region', { name: 'What it is' });
  await expect(device('Overview')).toHaveAttribute('aria-selected', 'true');
  // By keys alone to the last one.
  await device('Overview').focus();
  await page.keyboard.press('End');
  await expect(device('Add hardware')).toBeFocused();
  await page.getByLabel('What is added').selectOption('Network card');
  await page.getByLabel('MAC address').fill('00:16:3e:12:34:56');
  await page.getByLabel('Network', { exact: true }).selectOption('inner: NAT, virbr1');
  await expect(change).toContainText('network=inner');
  await page.getByLabel('Network', { exact: true }).selectOption('xenbr0: bridge of the host');
  await expect(change).toContainText('xl network-attach web mac=00:16:3e:12:34:56');
  await expect(change).toContainText('virsh attach-device web device.xml --live --config');
  await expect(change).toContainText("<mac address='00:16:3e:12:34:56'/>");
  await change.getByRole('button', { name: 'Add hardware' }).click();
  await expect(device('Network card 12:34:56')).toBeVisible();
  // Twice is refused where it was asked for.
  await page.getByLabel('What is added').selectOption('Disk');
  await expect(page.getByLabel('Source', { exact: true })).toHaveValue('/var/lib/xen/images/data.img');
  await page.getByLabel('Device', { exact: true }).fill('xvd!');
  await expect(change.getByRole('alert')).toContainText('xvd!');
  await expect(change.getByRole('button', { name: 'Add hardware' })).toBeDisabled();
  // From the next start alone.
  await device('Memory').click();
  await page.getByLabel('at most, MiB').fill('24');
  await change.getByRole('button', { name: 'From the next start', exact: true }).click();
  await expect(change).toContainText('virsh setmaxmem web 24M --config');
  await change.getByRole('button', { name: 'Apply' }).click();
  await expect(page.locator('.hw-p .kv')).toContainText('24');
  await device(/^Network card/).click();
  await page.getByRole('button', { name: 'Remove Network card 12:34:56' }).click();
  await change.getByRole('button', { name: 'From the next start', exact: true }).click();
  await change.getByRole('button', { name: 'Remove' }).click();
  await expect(device(/^Network card/)).toContainText('until it stops');
  // The document, key by key.
  await device('Overview').click();
  await page.getByRole('group', { name: 'View' }).getByRole('button', { name: 'XML' }).click();
  const text = page.getByLabel('Text of the definition');
  await expect(page.locator('.edt-v')).toContainText('used');
  await text.fill((await text.inputValue()).replace(/<vcpu [^>]*>2</, "<vcpu placement='static'>two<"));
  await expect(page.locator('.edt-v .wrong')).not.toHaveCount(0);
  await expect(change.getByRole('alert')).toContainText('XML error');
  await change.getByRole('button', { name: 'Cancel' }).click();
  await text.fill((await text.inputValue()).replace('</name>', '</name>\n  <title>The shop</title>'));
  await expect(change).toContainText('<title>The shop</title>');
  await change.getByRole('button', { name: 'Apply' }).click();
  await expect(page.getByText('web is kept as /etc/xen/vm/web.').first()).toBeAttached();
});
