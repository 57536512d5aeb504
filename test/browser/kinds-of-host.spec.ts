/** What the first view offers on each kind of host starts there with one click, and what is typed then is the guest's. */
import { expect, serialText, test } from './page.ts';
import { patient } from '../support/patience.ts';

/** How a host's page names its number of guests: what it cannot start is named, and not offered. */
const needs = (what: string): RegExp => new RegExp(`^\\d+ more guests need ${what}`);

test('a host without Xen starts what it offers, as guests of KVM', async ({ page }) => {
  await page.goto('./?boot=kvm');
  await expect(page.getByText('Begin here')).toBeVisible({ timeout: patient(60_000) });
  await expect(page.getByText(needs('Xen'))).toBeVisible();
  await expect(page.getByRole('link', { name: 'Start the host with Xen' })).toHaveAttribute('href', '?boot=xen');
  // Those in the list that is closed, too.
  for (const name of ['demo', 'minipv-hvm']) {
    await page.getByText(/^All \d+ guests$/).click();
    await page.getByRole('button', { name: `Boot ${name}`, exact: true }).click();
    await expect(page.getByTestId('serial-text')).toContainText(name === 'demo' ? 'demo>' : 'minipv>', {
      timeout: patient(30_000),
    });
    await page
      .getByRole('treeitem', { name: /^ringside-/ })
      .first()
      .click();
    await page.getByRole('button', { name: 'New guest' }).click();
  }
  await page.getByRole('button', { name: 'Boot pcos', exact: true }).click();
  await expect(page.getByTestId('screen-text').filter({ hasText: 'pcos>' })).toBeAttached({ timeout: patient(30_000) });
  // Its words are those of such a host from the first view on, and what its inspectors start does start.
  await expect(page.getByRole('button', { name: /^Kernel’s log/ })).toBeVisible();
  await page.getByRole('link', { name: 'Ringside' }).click();
  await page.getByRole('tab', { name: 'Inspect', exact: true }).click();
  await expect(page.getByRole('tab', { name: 'Three ways' })).toBeVisible();
  await page.getByRole('tab', { name: 'Side by side' }).click();
  await page.getByRole('button', { name: 'Start minipv in two modes' }).click();
  for (const name of ['minipv-kvm', 'minipv-pc'])
    await expect(page.getByRole('region', { name: `The last lines of ${name}` })).toContainText('minipv>', {
      timeout: patient(30_000),
    });
});

test('a computer without VT offers what starts there, and its keyboard goes to it', async ({ page }) => {
  await page.goto('./?boot=xen-no-vt');
  await expect(page.getByText('Begin here')).toBeVisible({ timeout: patient(60_000) });
  await expect(page.getByText(needs('VT'))).toBeVisible();
  await expect(page.getByRole('button', { name: /^Boot / })).toHaveCount(1);
  await expect(page.getByRole('button', { name: 'Start three side by side' })).toHaveCount(0);
  await page.getByRole('tab', { name: 'Inspect', exact: true }).click();
  await page.getByRole('tab', { name: 'Side by side' }).click();
  await expect(page.getByRole('button', { name: /^Start (minipv|one Linux)/ })).toHaveText([
    'Start minipv in its one mode',
  ]);
  for (const name of ['Five ways', 'Types']) await expect(page.getByRole('tab', { name })).toHaveCount(0);
  await page.getByRole('tab', { name: 'Desktop' }).click();
  await page.getByRole('button', { name: 'Boot minipv-pv' }).click();
  // No click, and no key but those that are for the guest.
  await expect(page.getByText('Keyboard goes to minipv-pv.')).toBeVisible({ timeout: patient(30_000) });
  await expect.poll(() => serialText(page), { timeout: patient(30_000) }).toMatch(/minipv>\s*$/);
  await page.keyboard.type('help\n');
  await expect.poll(() => serialText(page)).toMatch(/minipv> help\n[\s\S]+minipv>\s*$/);
  await page.keyboard.press('Shift+Tab');
  await expect(page.getByRole('button', { name: 'Use this terminal' })).toBeVisible();
});
