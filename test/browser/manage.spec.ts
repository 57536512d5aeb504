/** What an administrator does with guests: snapshots, clones, names and notes; lists sorted, filtered and acted on together; links to a guest and its tab. */
import type { Page } from '@playwright/test';
import { expect, open, test } from './page.ts';
import { openShell, run } from './shell.ts';

const row = (page: Page, name: string) => page.getByRole('tree').locator(`[role=treeitem][data-key="${name}"]`);
const tab = (page: Page, name: string) => page.getByRole('tab', { name, exact: true });

/** A guest with a disk of the host's, defined and started. */
async function startWeb(page: Page): Promise<void> {
  await open(page, './?boot=0');
  await openShell(page);
  await run(page, 'lvcreate -L 16M -n web vg0');
  await run(
    page,
    `printf 'name="web"\\ntype="pvh"\\nmemory=16\\nkernel="/boot/minipv"\\nvif=[""]\\ndisk=["phy:/dev/vg0/web,xvda,w"]\\n' > web.cfg; xm new web.cfg; xm start web`,
  );
}

test('snapshots are a tree that one goes back in; a clone, a name and a note are kept with the definition', async ({
  page,
}) => {
  await startWeb(page);
  await row(page, 'web').click();
  await tab(page, 'Snapshots').click();
  const rows = page.locator('.snaps tbody tr'),
    taken = async (name: string, about: string) => {
      await page.getByLabel('Name of the snapshot').fill(name);
      await page.getByLabel('What it is for').fill(about);
      await page.getByRole('button', { name: 'Take snapshot' }).click();
      await expect(rows.filter({ hasText: about })).toBeVisible();
    };
  await taken('clean', 'as installed');
  await taken('updated', 'before the new kernel');
  await expect(rows).toContainText(['clean', 'updated', 'You are here']);
  await page.getByRole('button', { name: 'Go back to clean' }).click();
  await page.locator('.ask').getByRole('button', { name: 'Go back', exact: true }).click();
  // It is another domain by now, on the same tab.
  await expect(row(page, 'web')).toHaveAttribute('data-domain', '2');
  await expect(rows).toContainText(['clean', 'You are here', 'updated']);
  await page.getByRole('button', { name: 'Delete updated' }).click();
  await page.getByRole('button', { name: 'Delete now' }).click();
  await expect(rows).toHaveCount(2);
  // What is written about it, and what the network knows of it.
  await tab(page, 'Overview').click();
  await page.getByLabel('Notes').fill('The shop.\nAsk Ada.');
  await page.getByLabel('Notes').blur();
  await expect(page.getByText('It is in /etc/xen/vm/web.')).toBeAttached();
  await expect(page.locator('.about')).toContainText(/Up\d+ s/);
  // A name that is taken is refused where it was asked for.
  const clone = page.getByRole('dialog', { name: 'Clone web' });
  await page.getByRole('button', { name: 'More actions for web' }).click();
  await page.getByRole('menuitem', { name: /^Clone web/ }).click();
  await expect(clone).toBeVisible();
  // It is not left over another page.
  await page.goBack();
  await expect(clone).toHaveCount(0);
  await page.goForward();
  await page.getByRole('button', { name: 'More actions for web' }).click();
  await page.getByRole('menuitem', { name: /^Clone web/ }).click();
  await clone.getByLabel('New name').fill('web');
  await page.keyboard.press('Enter');
  await expect(clone.getByRole('alert')).toContainText('already exists');
  await clone.getByLabel('New name').fill('twin');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { name: 'twin' })).toBeVisible();
  await expect(page.getByLabel('Notes')).toHaveValue('The shop.\nAsk Ada.');
  await page.getByRole('button', { name: 'More actions for twin' }).click();
  await page.getByRole('menuitem', { name: /^Rename twin/ }).click();
  await page.getByRole('dialog').getByLabel('New name').fill('shop');
  await page.getByRole('dialog').getByRole('button', { name: 'Rename' }).click();
  await expect(page).toHaveURL(/#\/defined\/shop$/);
  await expect(row(page, 'shop')).toBeVisible();
  await expect(row(page, 'twin')).toHaveCount(0);
  // What is deleted goes with its snapshots, and that is said before.
  await tab(page, 'Snapshots').click();
  await page.getByRole('button', { name: 'Take snapshot' }).click();
  const copies = page.getByRole('tree').getByRole('treeitem', { name: /snap\.shop/ });
  await expect(copies).toHaveCount(1);
  await page.getByRole('toolbar').getByRole('button', { name: 'Delete', exact: true }).click();
  await expect(page.getByRole('alert')).toHaveText(
    'The definition of shop is deleted within 8 s, and 1 snapshot of it. Its disks stay.',
  );
  await page.getByRole('button', { name: 'Delete now' }).click();
  await expect(page.getByText('shop is no longer defined.')).toBeVisible();
  await expect(copies).toHaveCount(0);
});

test('many are sorted, filtered, chosen and started together; a link leads to a guest and its tab', async ({
  page,
}) => {
  await open(page, './?boot=0');
  await openShell(page);
  await run(
    page,
    `for i in $(seq 80); do printf 'name="vm%d"\\ntype="pvh"\\nmemory=16\\nkernel="/boot/minipv"\\n' $i > /etc/xen/vm/vm$i; done`,
  );
  await page.goto('./?boot=0#/host/host');
  const table = page.locator('.hdom'),
    names = table.locator('tbody tr.out .n');
  const filter = page.getByLabel('Filter of the table');
  await filter.fill('vm1 pvh');
  await expect(names).toHaveText(
    ['vm1', 'vm10', 'vm11', 'vm12', 'vm13', 'vm14', 'vm15', 'vm16', 'vm17', 'vm18', 'vm19'].map(name => ` ${name}`),
  );
  const byName = table.getByRole('button', { name: 'Name', exact: true });
  await byName.click();
  await byName.click();
  await expect(table.locator('th[aria-sort]')).toHaveAttribute('aria-sort', 'descending');
  await expect(names.first()).toHaveText(' vm19');
  // A span, without one of it.
  await page.getByLabel('Choose vm12', { exact: true }).click();
  await page.getByLabel('Choose vm10', { exact: true }).click({ modifiers: ['Shift'] });
  await page.getByLabel('Choose vm11', { exact: true }).click();
  await page
    .locator('.hdoms')
    .getByRole('toolbar', { name: '2 guests chosen' })
    .getByRole('button', { name: 'Start 2' })
    .click();
  for (const name of ['vm10', 'vm12']) await expect(row(page, name)).toHaveAttribute('data-domain', /\d/);
  // They are chosen still, as the domains that they are now: by keys in the tree another one, too.
  await filter.fill('');
  await expect(page.locator('.tree [role=treeitem][data-key]')).not.toHaveCount(80);
  await row(page, 'vm10').focus();
  await page.keyboard.press('ArrowDown');
  await expect(row(page, 'vm12')).toBeFocused();
  await page.keyboard.press(' ');
  await expect(row(page, 'vm12')).toHaveAttribute('aria-selected', 'false');
  await row(page, 'vm10').click({ button: 'right' });
  await page.keyboard.press('Escape');
  await page.locator('.tree').getByRole('button', { name: 'Pause 1' }).click();
  await expect(row(page, 'vm10').locator('.st')).toContainText('paused');
  // What a row far below is called finds it.
  await row(page, 'vm12').focus();
  await page.keyboard.type('vm77');
  await expect(row(page, 'vm77')).toBeFocused();
  await row(page, 'vm12').click();
  await tab(page, 'History').click();
  await expect(page).toHaveURL(/#\/guest\/vm12\/history$/);
  await page.getByRole('button', { name: '1 h', exact: true }).click();
  await page.goBack();
  await expect(tab(page, 'Console')).toHaveAttribute('aria-selected', 'true');
  await page.goForward();
  await expect(tab(page, 'History')).toHaveAttribute('aria-selected', 'true');
  // Next to its console, as wide as somebody made it, at the next visit, too.
  await tab(page, 'Inspect').click();
  await page.getByRole('button', { name: 'Console alongside' }).click();
  const splitter = page.getByRole('separator', { name: 'Width of the console' });
  await splitter.focus();
  await page.keyboard.press('ArrowRight');
  const wide = await splitter.getAttribute('aria-valuenow');
  await expect(page.getByRole('region', { name: 'Console', exact: true }).getByTestId('serial')).toBeVisible();
  await page.reload();
  // It went with the page; a press has it back where one was.
  await page.getByRole('button', { name: 'Start vm12' }).click();
  await expect(tab(page, 'Inspect')).toHaveAttribute('aria-selected', 'true');
  await expect(splitter).toHaveAttribute('aria-valuenow', wide!);
  await page.goto('./?boot=0#/guest/nobody');
  await expect(page.getByRole('heading', { name: 'No guest called nobody runs here.' })).toBeVisible();
});
