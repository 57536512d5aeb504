/** Functions that exits are in, of a Linux that nobody adapted, against what its kernel says of itself. */
import { existsSync, readFileSync } from 'node:fs';
import { debian } from '../support/guests.ts';
import { drop, expect, open, serialText, test } from './page.ts';
import { patient } from '../support/patience.ts';

test('the exits of an unmodified Debian name the functions that its /proc/kallsyms has at those addresses', async ({
  page,
}) => {
  const { name, definition, kernel, initrd } = debian('686');
  test.skip(!existsSync(kernel), 'npm run guests has not fetched Debian');
  test.setTimeout(patient(240_000));
  await open(page, './?boot=0');
  await drop(
    page,
    [
      [`${name}.cfg`, definition],
      ['vmlinuz', kernel],
      ['initrd', initrd],
    ].map(([as, path]) => ({ name: as!, buffer: readFileSync(path!) })),
  );
  await page.getByRole('button', { name: `Start ${name}`, exact: true }).click();
  await expect(page.getByTestId('serial-text')).toContainText('/ # ', { timeout: patient(150_000) });
  await page.getByRole('tab', { name: 'Inspect', exact: true }).click();
  const rows = page.locator('.elog tbody tr').filter({ hasText: 'HLT' });
  await expect(rows.first()).toContainText(/HLT\s*[\da-f]{8}\s*\w+\+0x[\da-f]+/, { timeout: patient(60_000) });
  const [, eip, symbol, offset] = /HLT\s*([\da-f]{8})\s*(\w+)\+0x([\da-f]+)/.exec(await rows.first().innerText())!;
  await page.getByRole('tab', { name: 'Console', exact: true }).click();
  await page.getByTestId('serial').click();
  await page.keyboard.type(`mount -t proc proc /proc 2>/dev/null; grep " ${symbol}$" /proc/kallsyms\n`);
  const address = (parseInt(eip!, 16) - parseInt(offset!, 16)).toString(16).padStart(8, '0');
  await expect
    .poll(() => serialText(page), { timeout: patient(30_000) })
    .toMatch(new RegExp(`^${address} [tT] ${symbol}$`, 'm'));
});
