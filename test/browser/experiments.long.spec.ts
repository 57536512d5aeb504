/**
 * An experiment in the page has the table of the command line, to the last digit. Here the three that are quickest, one of them with several hosts; `npm run -s experiments:browser`
 * names others by RINGSIDE_EXPERIMENTS.
 */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Page } from '@playwright/test';
import { expect, open, test } from './page.ts';
import { patient } from '../support/patience.ts';

const root = join(import.meta.dirname, '../..');
const asked = process.env.RINGSIDE_EXPERIMENTS,
  names = asked?.split(' ') ?? ['layers', 'ballooning', 'recovery'];
/** The longest, on a machine with other work. */
const PATIENCE_MS = 40 * 60_000;
const MOST_BYTES = 2 ** 24;

async function byCommandLine(name: string): Promise<string> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [join(root, 'bin/ringside.mjs'), 'experiment', name, '--csv'],
    { maxBuffer: MOST_BYTES },
  );
  return stdout;
}

async function inPage(page: Page, name: string): Promise<string> {
  await open(page, `./?boot=0#/experiment/${name}`);
  await page.getByRole('button', { name: 'Run it', exact: true }).click();
  await expect(page.locator('.xverdict')).toBeVisible({ timeout: patient(PATIENCE_MS) });
  const file = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Raw numbers as CSV' }).click();
  return readFileSync(await (await file).path(), 'utf8');
}

const rowsOf = (csv: string): string[] => csv.trimEnd().split('\r\n');

for (const name of names)
  test(`the experiment ${name} has the same table in the page as on the command line`, async ({ page }) => {
    test.setTimeout(patient(PATIENCE_MS));
    const [here, there] = await Promise.all([inPage(page, name), byCommandLine(name)]);
    expect(rowsOf(here).length).toBeGreaterThan(1);
    expect(rowsOf(here)).toEqual(rowsOf(there));
    expect(here).not.toMatch(/NaN|Infinity|undefined/);
    console.log(`${name}: ${rowsOf(there).length - 1} rows, every cell equal`);
  });
