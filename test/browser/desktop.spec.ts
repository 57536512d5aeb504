/** Domain 0's desktop: the tree with its menus, windows of all guests, the host's page, what is defined. */
import type { Page } from '@playwright/test';
import { bootDemo, domainRows, expect, open, settled, test, useConsole } from './page.ts';
import { patient } from '../support/patience.ts';

const row = (page: Page, name: string | RegExp) => page.getByRole('tree').getByRole('treeitem', { name });
const shellText = async (page: Page): Promise<string> =>
  (await page.getByTestId('shell').locator('.xterm-rows > div').allInnerTexts())
    .map(line => line.replace(/\u00a0/g, ' ').trimEnd())
    .join('\n');

async function bootDemos(page: Page): Promise<void> {
  await open(page);
  await bootDemo(page);
  await expect(page.getByRole('heading', { name: 'demo' })).toBeVisible();
  await row(page, 'ringside-1').click();
  await page.getByRole('button', { name: 'New guest' }).click();
  await bootDemo(page);
  await expect(page.getByRole('heading', { name: 'demo-2' })).toBeVisible();
}

test('the tree is walked by keys, and a row’s menu does what its command says', async ({ page }) => {
  await bootDemos(page);
  await row(page, 'ringside-1').focus();
  await page.keyboard.press('ArrowDown');
  await expect(row(page, 'Domain-0')).toBeFocused();
  // The same letter goes on to the next row of it, and a word to the one that it names.
  await page.keyboard.press('d');
  await expect(row(page, /demo HVM/)).toBeFocused();
  await page.keyboard.type('demo-2');
  await expect(row(page, /demo-2/)).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { name: 'demo-2' })).toBeVisible();
  await row(page, /demo-2/).click({ button: 'right' });
  const pause = page.getByRole('menuitem', { name: /Pause demo-2/ });
  await expect(pause).toContainText('xl pause demo-2');
  await expect(page.getByRole('menuitem').first()).toBeFocused();
  await page.keyboard.press('ArrowDown');
  await expect(pause).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(row(page, /demo-2/).locator('.st')).toContainText('paused');
  await page.getByRole('button', { name: 'Tasks: show task log' }).click();
  await expect(page.getByRole('row', { name: /xl pause demo-2 done/ })).toBeVisible();
  await row(page, /demo-2/).click({ button: 'right' });
  await page.keyboard.press('Escape');
  await expect(page.getByRole('menu')).toHaveCount(0);
  await expect(row(page, /demo-2/)).toBeFocused();
});

test('the desktop has the windows of all guests; they are tiled, stacked, moved, enlarged and closed, and stay where they were', async ({
  page,
}) => {
  await bootDemos(page);
  await row(page, 'ringside-1').click();
  const windows = page.locator('.slot');
  // The guest uses both: screen and serial line.
  await expect(windows).toHaveCount(4);
  await expect(page.getByTestId('screen-text').first()).toContainText('demo>');
  await page.getByRole('button', { name: 'Stack' }).click();
  const second = page.locator('[data-window="demo-2/serial"]');
  const from = (await second.boundingBox())!;
  await second.getByRole('button', { name: /^Move demo-2/ }).focus();
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('ArrowUp');
  await page.keyboard.press('Shift+ArrowLeft');
  const to = (await second.boundingBox())!;
  expect([to.x - from.x, to.y - from.y, to.width - from.width]).toEqual([16, -16, -16]);
  // By its title, too.
  await page.mouse.move(to.x + 300, to.y + 15);
  await page.mouse.down();
  await page.mouse.move(to.x + 330, to.y + 25, { steps: 3 });
  await page.mouse.up();
  const dragged = (await second.boundingBox())!;
  expect([dragged.x - to.x, dragged.y - to.y]).toEqual([30, 10]);
  // The narrowest tile has its buttons in reach, whatever its guest is called.
  const isInReach = (button: Element): boolean => {
    const { x, y, width: wide, height } = button.getBoundingClientRect();
    return button.contains(document.elementFromPoint(x + wide / 2, y + height / 2));
  };
  await second.evaluate(slot => {
    slot.style.width = '262px';
    slot.querySelector('.t')!.textContent = 'a-guest-with-a-name-that-is-long';
  });
  for (const button of await second.locator('.wt .btn:not(.on-focus)').all())
    expect(await button.evaluate(isInReach)).toBe(true);
  await second.evaluate((slot, wide) => {
    slot.style.width = `${wide}px`;
  }, dragged.width);
  await second.getByRole('button', { name: /^Enlarge demo-2/ }).click();
  await expect(windows).toHaveCount(1);
  await second.getByRole('button', { name: /^Put demo-2.* back/ }).click();
  await expect(windows).toHaveCount(4);
  expect((await second.boundingBox())!.x).toBe(dragged.x);
  await page
    .locator('[data-window="demo/serial"]')
    .getByRole('button', { name: /^Close the window/ })
    .dispatchEvent('click');
  await expect(windows).toHaveCount(3);
  await page.getByRole('button', { name: 'Open windows' }).click();
  await page.getByRole('menuitem', { name: /Show demo, Serial/ }).click();
  await expect(windows).toHaveCount(4);
  // A paused guest's windows say so; one that is gone has none.
  await row(page, /demo HVM/).click({ button: 'right' });
  await page.getByRole('menuitem', { name: /Pause demo/ }).click();
  await expect(page.locator('[data-window^="demo/"] .win.paused')).toHaveCount(2);
  await page.keyboard.press('Tab');
  // The next visit finds a guest's windows by its name.
  await bootDemos(page);
  await row(page, 'ringside-1').click();
  await expect(page.getByRole('button', { name: 'Stack' })).toHaveAttribute('aria-pressed', 'true');
  await expect(windows).toHaveCount(4);
  expect(await second.boundingBox()).toEqual(dragged);
});

test('the host’s page lists what xl lists, with memory by owner and the last minute as charts and as a table', async ({
  page,
}) => {
  await bootDemos(page);
  await row(page, 'ringside-1').click();
  await page.getByRole('tab', { name: 'Host' }).click();
  const lines = page.locator('.hdom tbody tr:not(.out)');
  await expect(lines).toHaveCount(3);
  // What a new host has defined, and what does not run of it.
  await expect(page.locator('.hdom tbody tr.out').filter({ hasText: 'minipv-pvh' })).toContainText('defined');
  await expect(
    page.getByRole('img', { name: /^CPU, % of one pCPU: Domain-0 \d+, demo \d+, demo-2 \d+$/ }),
  ).toBeVisible();
  // The unit on each processor, with which priority and since when; the bar is named by those.
  await expect(page.locator('.pcu .row').first()).toHaveText(
    /^pCPU 0(idle| (Domain-0|demo|demo-2)(BOOST|UNDER|OVER))for (over )?\d+(\.\d)? m?s$/,
  );
  await expect(page.locator('.pcu .bar').first()).toHaveAttribute(
    'aria-label',
    /^(idle|((Domain-0|demo|demo-2) \d+ %(, )?)+)$/,
  );
  await expect(page.locator('.uplot')).toHaveCount(4);
  await page.getByRole('button', { name: 'As table' }).click();
  await expect(page.getByRole('columnheader', { name: 'CPU demo-2, %' })).toBeVisible();
  await page.getByRole('button', { name: /^Shell:/ }).click();
  await expect.poll(() => shellText(page), { timeout: patient(30_000) }).toMatch(/ringside:~ # *\n*$/);
  await page.locator('#strip').getByRole('button', { name: 'Use this terminal' }).click();
  await page.keyboard.type('clear; xl list\n');
  const listed = async () => [...(await shellText(page)).matchAll(/^(\S+) +(\d+) +(\d+) +(\d+) +([rbpscd-]{6})/gm)];
  await expect.poll(async () => (await listed()).map(([, name]) => name)).toEqual(['Domain-0', 'demo', 'demo-2']);
  for (const [, name, id, memory, vcpus, letters] of await listed()) {
    const cellsNow = () => lines.nth(Number(id)).locator('td').allInnerTexts();
    // The shell has opened the disk, whose driver takes memory: the page looks again in a moment.
    await expect
      .poll(async () => (await cellsNow()).slice(1, 5).map(cell => cell.trim()))
      .toEqual([name, id, memory, vcpus]);
    const cells = await cellsNow();
    // It may run at one look and be blocked at the next.
    expect(cells[5]).toMatch(/^[rb].* (r-----|-b----)$/s);
    expect(letters).toMatch(/^(r-----|-b----)$/);
  }
  await expect(page.locator('.mbar').getByTitle('demo-2: 16 MiB')).toHaveText(/2\s*demo-2\s*16/);
  await page.getByRole('button', { name: /^Hypervisor’s log:/ }).click();
  await expect(page.locator('.xenlog')).toContainText('(XEN)');
});

test('what is defined in /etc/xen/vm stands in the tree, is started from there, and is defined again when it has gone', async ({
  page,
}) => {
  await open(page);
  await row(page, 'Domain-0').click();
  await expect.poll(() => shellText(page), { timeout: patient(30_000) }).toMatch(/ringside:~ # *\n*$/);
  await useConsole(page);
  await page.keyboard.type(
    `echo 'name = "broken"' > /etc/xen/vm/broken; echo 'memory = "much"' >> /etc/xen/vm/broken\n`,
  );
  await page.keyboard.type(
    `printf 'name = "web"\\ntype = "hvm"\\nmemory = 8\\nkernel = "/boot/none"\\n' > /etc/xen/vm/web; lvcreate -L 8M -n web vg0\n`,
  );
  await expect(row(page, /web HVM/)).toContainText('defined', { timeout: patient(15_000) });
  await expect(row(page, /broken/)).toContainText('errors');
  await expect(row(page, /vg0\/web/)).toContainText('8.0 MiB');
  await row(page, /vg0\/web/).click();
  await expect(page.getByRole('row', { name: /\/dev\/vg0\/web 8\.0 MiB no one/ })).toBeVisible();
  await row(page, /xenbr0/).click();
  await expect(page.getByRole('row', { name: /eth0 Domain-0/ })).toBeVisible();
  await row(page, /broken/).click();
  await expect(page.locator('.edt-m li').filter({ hasText: '2:10' })).toContainText('memory');
  // What cannot be started says why where its start would be.
  await row(page, /web HVM/).click();
  await expect(page.locator('.edt-m li').filter({ hasText: '/boot/none' })).toBeVisible();
  await expect(page.getByRole('button', { name: 'Start web', exact: true })).toBeDisabled();
  // Deleting can be taken back, as destroying can.
  await page.getByRole('button', { name: 'Delete', exact: true }).click();
  await page.getByRole('button', { name: 'Keep web' }).click();
  await page.getByRole('button', { name: 'Delete', exact: true }).click();
  await expect(page.getByRole('alert')).toContainText('is deleted within 8 s');
  await page.getByRole('button', { name: 'Delete now' }).click();
  await expect(row(page, /web HVM/)).toHaveCount(0);
});

test('one click starts the textbook’s figure: Domain-0, two paravirtual guests and an unmodified one with its VGA, in their windows', async ({
  page,
}) => {
  await open(page);
  await page.getByRole('button', { name: 'Start three side by side' }).click();
  for (const key of ['minipv-pv/serial', 'minipv-pvh/serial', 'demo/screen', 'demo/serial'])
    await expect(page.locator(`[data-window="${key}"]`)).toBeVisible({ timeout: patient(40_000) });
  await expect(page.locator('.slot')).toHaveCount(4);
  await expect(page.locator('[data-window="minipv-pv/serial"]').getByTestId('serial-text')).toContainText('minipv>');
  await expect(page.locator('[data-window="minipv-pvh/serial"]').getByTestId('serial-text')).toContainText(
    'minipv as PVH',
  );
  // A domain's row says how it is virtualized; both paravirtual ones have a port on the bridge.
  await expect(row(page, /minipv-pv PV /)).toBeVisible();
  await expect(row(page, /xenbr0/)).toContainText('3 ports');
  // What shuts down goes back to what is defined, as with xl.
  await row(page, /minipv-pvh PVH/).click({ button: 'right' });
  await page.getByRole('menuitem', { name: /Shut minipv-pvh down/ }).click();
  await expect(page.locator('[data-window^="minipv-pvh/"]')).toHaveCount(0, { timeout: patient(30_000) });
  await expect(domainRows(page)).toHaveCount(2);
  await expect(row(page, /minipv-pvh PVH/)).toContainText('defined', { timeout: patient(15_000) });
});

test('the slider lets every guest on by so many exits a second, until the machine stands or runs again', async ({
  page,
}) => {
  await open(page);
  await page.getByRole('button', { name: 'Boot pcos', exact: true }).click();
  // Its own page has its source.
  await row(page, /pcos HVM/).click();
  await page.getByRole('tab', { name: 'Inspect' }).click();
  await page.getByRole('tab', { name: 'Exits' }).click();
  const exits = async (): Promise<number> =>
    Number((await page.getByText(/^[\d\s]+ exits since start$/).innerText()).replace(/\D/g, ''));
  await expect.poll(exits).toBeGreaterThan(50);
  const speed = page.getByRole('slider', { name: 'Speed' }),
    state = row(page, /pcos/).locator('.st'),
    [run, pause] = ['Run all guests', 'Pause all guests'].map(name => page.getByRole('button', { name }));
  await expect(speed).toHaveAttribute('aria-valuetext', 'full');
  await speed.fill('2');
  await expect(speed).toHaveAttribute('aria-valuetext', '20 exits/s');
  await expect(run!).toHaveAttribute('aria-pressed', 'true');
  await expect(state).toContainText('paused');
  const slowly = await exits();
  await expect.poll(async () => (await exits()) - slowly).toBeGreaterThan(20);
  // The host paces it, not how fast this computer is.
  await pause!.click();
  await expect(pause!).toHaveAttribute('aria-pressed', 'true');
  const still = await settled(page, exits);
  await run!.click();
  await expect.poll(exits).toBeGreaterThan(still + 10);
  await speed.fill('5');
  await expect(state).not.toContainText('paused');
  await pause!.click();
  // Chosen while it is paused, a pace waits for Run.
  await expect(state).toContainText('paused');
  await speed.fill('0');
  await expect(pause!).toHaveAttribute('aria-pressed', 'true');
  await run!.click();
  await expect(run!).toHaveAttribute('aria-pressed', 'true');
  // Who comes now is as slow.
  await row(page, 'ringside-1').click();
  await page.getByRole('button', { name: 'New guest' }).click();
  await page.getByRole('button', { name: 'Boot minipv-pvh', exact: true }).click();
  await expect(row(page, /minipv-pvh/).locator('.st')).toContainText('paused');
});
