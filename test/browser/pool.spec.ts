/** Hosts of several pages, and one without a page, in one pool: from Domain 0's shell, with guests that ping each other. */
import type { Page } from '@playwright/test';
import { Ringside } from '../support/command-line.ts';
import { expect, open, test } from './page.ts';
import { openShell, run } from './shell.ts';
import { patient } from '../support/patience.ts';

/** A small guest that asks for its address at its start. */
const GUEST = `printf "name='mini'\\ntype='pvh'\\nmemory=8\\nkernel='/boot/minipv'\\nextra='dhcp'\\nvif=['']\\n" > mini.cfg`;

async function host(page: Page, join: string): Promise<void> {
  await open(page);
  await openShell(page);
  expect(await run(page, `pool join ${join}`)).toContain('This host is ');
}

test('two tabs are a pool without a hub, and one network', async ({ page, context }) => {
  await host(page, 'tabs one');
  const other = await context.newPage();
  await host(other, 'tabs two');
  await expect
    .poll(() => run(other, 'hostname; pool list'), { timeout: patient(30_000) })
    .toMatch(/^two\n(?:.*\n)+one +\d/m);
  for (const tab of [page, other]) await run(tab, `${GUEST}; xl create -q mini.cfg`);
  await expect.poll(() => run(page, 'pool guests'), { timeout: patient(30_000) }).toMatch(/^mini .* two +[rb] /m);
  await expect.poll(() => run(other, 'ping -c 1 10.0.2.15'), { timeout: patient(30_000) }).toContain('1 received');
  await expect.poll(() => run(other, 'ping -c 1 10.0.2.16'), { timeout: patient(30_000) }).toContain('1 received');
  expect(await run(other, 'brctl showmacs xenbr0')).toContain('00:16:3e');
  // The tree has the other host as a connection, which folds, and goes on to list it when it is gone.
  const tree = other.getByRole('tree', { name: 'Host and guests' });
  await expect(tree.getByRole('treeitem', { name: /^two Xen, xen:\/\/\/system/ })).toBeVisible();
  const connection = tree.getByRole('treeitem', { name: /^one/ }),
    guests = tree.locator('[data-name=mini]');
  await expect(connection).toHaveAttribute('aria-expanded', 'true');
  await expect(guests).toHaveCount(2);
  await connection.focus();
  await other.keyboard.press('ArrowLeft');
  await expect(guests).toHaveCount(1);
  await other.keyboard.press('ArrowRight');
  // What the other host's guests are tagged with sorts them here, too.
  await run(page, "virsh metadata mini urn:ringside:tags --key ringside --set '<tags><tag>shop</tag></tags>'");
  await other.getByLabel('Filter by name, state, mode, tag').fill('#shop');
  await expect(guests).toHaveCount(1, { timeout: patient(30_000) });
  await guests.click();
  await expect(other.locator('[data-host=one]').getByRole('treeitem', { name: /mini/ })).toContainText('#shop');
  await other.getByLabel('Filter by name, state, mode, tag').fill('');
  await expect(guests).toHaveCount(2);
  await guests.last().click();
  await expect(other.locator('[data-host=one]').getByRole('treeitem', { name: /mini/ })).toHaveAttribute(
    'aria-current',
    'true',
  );
  await openShell(other);
  await page.close();
  await expect(connection).toContainText('disconnected', { timeout: patient(30_000) });
  await expect.poll(() => run(other, 'brctl show'), { timeout: patient(30_000) }).toContain('eth0');
});

test('a page and a host without one meet at a hub', async ({ page }) => {
  const hub = new Ringside('pool', '--listen', '127.0.0.1:0', '--no-page');
  try {
    await hub.expect('(Ctrl-C ends it.)', 60);
    const address = /sh --join (\S+)/.exec(hub.output)![1]!;
    const node = new Ringside('sh', '--join', address, '--name', 'node');
    try {
      await node.expect('# ', 60);
      await host(page, `${address} page`);
      await expect.poll(() => run(page, 'pool list'), { timeout: patient(30_000) }).toMatch(/^node +\d/m);
      node.send('pool list\r');
      await node.expect('page', 20);
      node.send('ping -c 1 10.0.2.2\r');
      await node.expect('1 received', 20);
      // The page's own gateway is off its bridge: node's answers.
      expect(await run(page, 'brctl show')).not.toContain('eth0');
      expect(await run(page, 'ping -c 2 10.0.2.2')).toContain('2 received');
      const wrong = address.replace(/.$/, last => (last === '0' ? '1' : '0'));
      await run(page, 'pool leave');
      expect(await run(page, `pool join ${wrong} 2>&1`)).toContain('the code is not the one of this pool');
    } finally {
      await node.kill();
    }
  } finally {
    await hub.kill();
  }
});

test('a page over plain http from another address looks, and is told why it does no more', async ({ page }) => {
  const hub = new Ringside('pool', '--listen', '0.0.0.0:0');
  try {
    await hub.expect('(Ctrl-C ends it.)', 120);
    const [, outside] = /^The page is at .*?(http:\/\/(?!127\.|localhost)[\d.]+:\d+\/)/m.exec(hub.output) ?? [];
    test.skip(outside === undefined, 'this machine has no address beside its own');
    const [, address, code] = /sh --join (ws:\S+#(\S+))/.exec(hub.output)!;
    const node = new Ringside('sh', '--join', address!, '--name', 'node');
    try {
      await node.expect('# ', 60);
      await open(page, `${outside}?pool=${code}`);
      expect(await page.evaluate(() => [isSecureContext, crypto.subtle === undefined])).toEqual([false, true]);
      await page.getByLabel('Name of this host').fill('page');
      await page.getByRole('button', { name: 'Join', exact: true }).click();
      await expect(page.getByText(/This host is a viewer\. .* browsers deny it WebCrypto/)).toBeVisible({
        timeout: patient(30_000),
      });
      await expect(page.getByRole('row', { name: /^node / })).toBeVisible();
      node.send('pool list\r');
      await node.expect('viewer', 20);
    } finally {
      await node.kill();
    }
  } finally {
    await hub.kill();
  }
});

test('the panel joins, shows whose each guest is, and sends one to another host by its menu or by dragging', async ({
  page,
  context,
}) => {
  await open(page, './?pool=0123-4567-89ab-cdef');
  await expect(page.getByLabel('Code, or address of a hub')).toHaveValue('0123-4567-89ab-cdef');
  await page.getByLabel('Name of this host').fill('one');
  await page.getByRole('button', { name: 'With the tabs of this browser' }).click();
  await expect(page.getByText('This host is one. It gives leases.')).toBeVisible({ timeout: patient(30_000) });
  const other = await context.newPage();
  await host(other, 'tabs two');
  await run(other, `${GUEST}; xl create -q mini.cfg`);
  const hostOf = (tab: Page, name: string) => tab.locator(`[data-host=${name}]`);
  const guest = hostOf(page, 'two').getByRole('treeitem', { name: /mini/ });
  await expect(guest).toContainText('lease 1', { timeout: patient(30_000) });
  // Another host's guest is not for this one to send.
  await expect(guest.getByRole('button')).toHaveCount(0);
  await expect(page.getByRole('row', { name: /^two \d/ })).toBeVisible();
  await other.getByRole('treeitem', { name: /^two/ }).click();
  await other.getByRole('tab', { name: 'Pool' }).click();
  await hostOf(other, 'two').getByRole('treeitem', { name: /mini/ }).dragTo(hostOf(other, 'one'));
  await expect(hostOf(page, 'one').getByRole('treeitem', { name: /mini/ })).toContainText('lease 2', {
    timeout: patient(30_000),
  });
  await page.getByRole('button', { name: 'Migrate mini to…' }).press('Enter');
  await page.getByRole('menuitem', { name: 'Migrate to two xl migrate' }).press('Enter');
  await expect(hostOf(other, 'two').getByRole('treeitem', { name: /mini/ })).toContainText('lease 3', {
    timeout: patient(30_000),
  });
  await expect(page.getByRole('row', { name: /xl migrate mini two done/ }).first()).toBeVisible();
  // In a guest's own menu, too, and there it asks how.
  await other.getByRole('tree', { name: 'Host and guests' }).locator('[data-key=mini]').click({ button: 'right' });
  await expect(other.getByRole('menuitem', { name: 'Migrate mini to one …' })).toContainText('xl migrate mini one');
  await other.getByRole('menuitem', { name: 'Migrate mini to one …' }).click();
  await expect(other.getByRole('dialog', { name: 'Migrate mini to one' })).toContainText(
    'virsh migrate --live mini xen+pool://one/system',
  );
  await other.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Leave' }).click();
  await expect(page.getByText('This host is in no pool.')).toBeVisible();
});

test('a guest with a volume of its host goes with it, after a word on what is sent', async ({ page, context }) => {
  await host(page, 'tabs one');
  const other = await context.newPage();
  await host(other, 'tabs two');
  await run(
    other,
    `lvcreate -L 8M -n web vg0 > /dev/null; printf "name='web'\\ntype='pvh'\\nmemory=8\\nkernel='/boot/minipv'\\nextra='fill xvda 0 2048 7'\\ndisk=['phy:/dev/vg0/web,xvda,w']\\n" > web.cfg; xl create -q web.cfg`,
  );
  await other.getByRole('treeitem', { name: /^two/ }).click();
  await other.getByRole('tab', { name: 'Pool' }).click();
  const guest = other.locator('[data-host=two]').getByRole('treeitem', { name: /web/ });
  await expect(guest).toContainText('lease 1', { timeout: patient(30_000) });
  await guest.dragTo(other.locator('[data-host=one]'));
  const dialog = other.getByRole('dialog', { name: 'Migrate web to one' });
  await expect(dialog).toContainText('/dev/vg0/web');
  await expect(dialog.getByRole('checkbox', { name: /^Send its disks \(1(\.0)? MiB\)/ })).toBeChecked();
  await dialog.getByRole('checkbox', { name: /post-copy/ }).check();
  await expect(dialog).toContainText('xl migrate --copy-storage-all --postcopy web one');
  await dialog.getByRole('button', { name: 'Migrate' }).click();
  await expect(other.locator('[data-host=one]').getByRole('treeitem', { name: /web/ })).toContainText('lease 2', {
    timeout: patient(30_000),
  });
  expect(await run(page, 'lvs | grep -c web; virsh domstate web')).toMatch(/^1\nrunning\n/);
});
