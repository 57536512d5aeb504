/** A guest's page: what can be changed while it runs, and its inspectors, whose facts are what xl and xenstore say. */
import { readFileSync } from 'node:fs';
import type { Page } from '@playwright/test';
import { bootDemo, expect, open, register, test, wholeIn } from './page.ts';
import { patient } from '../support/patience.ts';

const shellText = async (page: Page): Promise<string> =>
  (await page.getByTestId('shell').locator('.xterm-rows > div').allInnerTexts())
    .map(line => line.replace(/\u00a0/g, ' ').trimEnd())
    .join('\n');
const tab = (page: Page, name: string) => page.getByRole('tab', { name, exact: true }).click();
const retired = async (page: Page): Promise<number> => wholeIn(await page.locator('.idet .sec.m').innerText());

test('what the inspectors and the controls of a guest say is what xl and xenstore say', async ({ page }) => {
  await open(page);
  await page.getByRole('button', { name: 'Boot minipv-pvh' }).click();
  await expect(page.getByTestId('serial-text')).toContainText('minipv>', { timeout: patient(30_000) });
  await tab(page, 'Overview');
  const weight = page.getByRole('spinbutton', { name: 'weight' });
  // What it cannot have is refused next to the field and in the task log.
  await weight.fill('70000');
  await weight.press('Enter');
  await expect(page.locator('#bench').getByRole('alert')).toHaveText(
    /70000 is no weight .* stays 256\. Write a whole number from 1 to 65535\./,
  );
  await expect(page.locator('#strip')).toContainText('xl sched-credit -d minipv-pvh -w 70000');
  await weight.fill('512');
  // Longer than from one look at the guest to the next: none puts the old number back.
  await page.waitForTimeout(1500);
  await weight.press('Enter');
  await expect(weight).toHaveValue('512');
  await page.getByRole('button', { name: 'Attach a network card' }).click();
  await expect(page.getByRole('row', { name: /vif1\.1 / })).toBeVisible();
  await tab(page, 'Inspect');
  await page.getByRole('button', { name: 'Hypercall', exact: true }).click();
  await expect(page.getByRole('row', { name: /32 event_channel_op \d+/ })).toBeVisible();
  await page.getByRole('button', { name: 'Exit reason', exact: true }).click();
  await page.getByRole('textbox', { name: 'Filter by domain and reason' }).fill('vmcall');
  // The hypercall and the exit by which it came are one row; what the exit was about and the function are there, and what it took where the clock showed it: the
  // kernel's file names the page, and stub n of it lies at 32 n.
  const hypercalls = page
    .locator('.elog')
    .getByRole('row', { name: /v\d VMCALL [\da-f]{8} hypercall_page\+0x[\da-f]+ \w+(?: → -?\d+)?( \d+ µs)?$/ });
  await expect(hypercalls.first()).toBeVisible();
  await page.getByRole('button', { name: 'Hold view' }).click();
  await hypercalls.first().getByRole('button').click();
  await expect(page.locator('.idet')).toContainText(/looks up hypercall \d+, \w+/);
  await expect(page.getByRole('button', { name: 'Later ›' })).toBeDisabled();
  await page.getByRole('textbox', { name: 'Filter by domain and reason' }).fill('no such thing');
  await expect(page.getByText('Nothing has all of these words.').first()).toBeVisible();
  await page.getByRole('textbox', { name: 'Filter by domain and reason' }).fill('');
  await tab(page, 'Rings');
  // A line leads from the chosen slot to the text about it, next to it.
  const [ring, heading] = [page.locator('.ringsvg'), page.locator('.rslot h3')];
  await expect(heading).toBeVisible();
  const words = (await heading.boundingBox())!;
  const end = await ring.evaluate(svg => {
    const line = svg.querySelector<SVGPathElement>('.lead')!,
      { x, y } = line.getPointAtLength(line.getTotalLength()).matrixTransform(line.getScreenCTM()!);
    return { x, y };
  });
  expect(words.x - end.x).toBeGreaterThan(0);
  expect(words.x - end.x).toBeLessThan(20);
  expect(end.y).toBeGreaterThan(words.y);
  expect(end.y).toBeLessThan(words.y + words.height);
  await page.getByRole('button', { name: 'vif1.0 rx' }).click();
  // The front end has room for packets in it from the beginning, and sends none.
  await expect(page.getByRole('row', { name: /^req_prod [1-9]\d* / })).toBeVisible();
  // What it keeps to itself is found in its memory: all that it has drafted is pushed.
  for (const name of ['req_prod_pvt', 'rsp_cons'])
    await expect(
      page.getByRole('row', { name: new RegExp(`^${name} \\d+ \\d+ .*frontend in its own memory, 0x[\\da-f]+$`) }),
    ).toBeVisible();
  await expect(page.locator('.ringw')).toHaveAttribute('aria-label', / 0 drafted, not pushed, /);
  const gref = /gref (\d+)/.exec(await page.locator('.idet .cap-t').first().innerText())![1];
  await tab(page, 'Event channels');
  // Its console, its store, its two cards.
  await expect(page.locator('.evr').nth(2)).toBeVisible();
  await tab(page, 'Grants');
  // Its front end has granted the page of that ring, and Domain-0 uses it.
  await expect(page.getByRole('row', { name: new RegExp(`^${gref} Domain-0 .* 1 mapping$`) })).toBeVisible();
  await tab(page, 'XenStore');
  await page.getByRole('textbox', { name: 'Filter by path or value' }).fill('rx-ring-ref');
  await page.getByRole('button', { name: '/local/domain/1/device/vif/0/rx-ring-ref' }).click();
  await expect(page.locator('.idet dd').first()).toHaveText(gref!);
  // A value is written as Domain-0 would, and the task log has the command.
  await page.getByRole('textbox', { name: 'Filter by path or value' }).fill('domain/1/name');
  await page.getByRole('button', { name: '/local/domain/1/name' }).click();
  for (const value of ['other', 'minipv-pvh']) {
    await page.getByRole('textbox', { name: 'New value' }).fill(value);
    await page.getByRole('button', { name: 'Write', exact: true }).click();
    await expect(page.locator('.idet dd').first()).toHaveText(value);
    await expect(page.locator('#strip')).toContainText(`xenstore-write /local/domain/1/name ${value}`);
  }
  // What is refused says so there, and stays for another try.
  await page.getByRole('textbox', { name: 'New value' }).fill('x'.repeat(5000));
  await page.getByRole('button', { name: 'Write', exact: true }).click();
  await expect(page.locator('.idet').getByRole('alert')).toContainText('E2BIG');
  await expect(page.getByRole('textbox', { name: 'New value' })).toHaveValue(/^x+$/);
  const saved = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Export' }).click();
  await page.getByRole('menuitem', { name: /^JSON/ }).click();
  const nodes: { Path: string; Value: string; Permissions: string }[] = JSON.parse(
    readFileSync(await (await saved).path(), 'utf8'),
  ).XenStore;
  await tab(page, 'Memory');
  await expect(page.locator('.walk li').first()).toContainText('CR3');
  const mineMiB = Number((await page.locator('.idet tr.b td').nth(1).innerText()).trim());
  await page.getByRole('button', { name: /^Shell:/ }).click();
  await expect.poll(() => shellText(page), { timeout: patient(30_000) }).toMatch(/ringside:~ # *\n*$/);
  await page.locator('#strip').getByRole('button', { name: 'Use this terminal' }).click();
  await page.keyboard.type(
    'clear; xl sched-credit -d minipv-pvh | tail -1; xenstore-ls -fp /local/domain/1 | wc -l; xenstore-read /local/domain/1/device/vif/0/rx-ring-ref; xl debug-keys q; xl dmesg | grep nr_pages | tail -1\n',
  );
  await expect.poll(() => shellText(page), { timeout: patient(15_000) }).toMatch(/nr_pages=\d+/);
  const said = await shellText(page);
  expect(said).toMatch(/^minipv-pvh +1 +512 +0$/m);
  expect(said).toMatch(
    new RegExp(`^${nodes.filter(({ Path }) => Path.startsWith('/local/domain/1/')).length}\\n${gref}$`, 'm'),
  );
  // Its special pages are its own, too.  The page rounds to a tenth of a MiB, 26 frames.
  expect(Math.abs(256 * mineMiB - Number(/nr_pages=(\d+)/.exec(said)![1]))).toBeLessThan(33);
});

test('a paused guest is stepped by an instruction and by an exit, and its registers are those of that moment', async ({
  page,
}) => {
  await open(page);
  await bootDemo(page);
  await expect(page.getByTestId('serial-text')).toContainText('demo>', { timeout: patient(30_000) });
  await tab(page, 'Inspect');
  await tab(page, 'Processor');
  await page.getByRole('button', { name: 'Pause domain' }).click();
  await expect(page.getByText(/The domain is paused: these/)).toBeVisible();
  const before = await retired(page),
    eip = await register(page, 'EIP');
  await page.getByRole('button', { name: 'Step instruction' }).click();
  await expect.poll(() => retired(page)).toBe(before + 1);
  await expect.poll(() => register(page, 'EIP')).not.toBe(eip);
  await expect(page.locator('.prc .dis .now').first()).toContainText(await register(page, 'EIP'));
  await page.getByRole('button', { name: 'Step exit', exact: true }).click();
  await expect.poll(() => retired(page)).toBeGreaterThan(before + 1);
  const after = await retired(page);
  await page.getByRole('button', { name: 'CS', exact: true }).click();
  await expect(page.locator('.idet')).toContainText('32-bit code');
  expect(await retired(page)).toBe(after);
  await page.getByRole('button', { name: 'Run domain' }).click();
  await expect.poll(() => retired(page)).toBeGreaterThan(after);

  // What exits is chosen there, and xl says so.
  await tab(page, 'Exits');
  const rdtsc = page.getByRole('group', { name: 'VM-execution controls' }).getByLabel('RDTSC exiting');
  await rdtsc.check();
  await expect(page.getByRole('status').filter({ hasText: 'xl exit-controls demo rdtsc=1' })).toBeVisible();
  await expect(rdtsc).toBeChecked();
  await page.screenshot({ path: '.cache/browser-tests/exit-controls.png' });
});
