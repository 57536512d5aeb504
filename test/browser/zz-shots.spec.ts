import { mkdirSync, writeFileSync } from 'node:fs';
import { file } from '../support/needs.ts';
import { expect, drop, open, test } from './page.ts';
import type { Page } from '@playwright/test';

const OUT = process.env.SHOTS!;
mkdirSync(OUT, { recursive: true });
const VIEWS = [
  ['desk', { width: 1440, height: 900 }, 'light'],
  ['phone', { width: 390, height: 844 }, 'dark'],
] as const;
/** Tags, classes, aria-labels and words without numbers: what a refactoring must leave. */
const shape = (page: Page): Promise<string> =>
  page.evaluate(() => {
    const seen = new Set<string>();
    const clean = (s: string) => s.replace(/0x[\da-f]+/gi, '#').replace(/\b[\da-f]{4,}\b/gi, '#').replace(/\d+(\.\d+)?/g, '#').replace(/\s+/g, ' ').trim();
    const walk = (e: Element, path: string) => {
      const here = `${path}>${e.tagName.toLowerCase()}.${clean(e.getAttribute('class') ?? '')}`;
      const attrs = e.getAttributeNames().filter(n => !['class', 'd', 'x', 'y', 'cx', 'cy', 'style', 'viewBox', 'id', 'points', 'x1', 'x2', 'y1', 'y2', 'width', 'height', 'href'].includes(n)).map(n => `${n}=${clean(e.getAttribute(n)!)}`).sort().join(' ');
      const text = [...e.childNodes].filter(n => n.nodeType === 3).map(n => clean(n.textContent!)).filter(Boolean).join('|');
      seen.add(`${here.split('>').slice(-4).join('>')} ${attrs} :: ${text}`);
      for (const c of e.children) walk(c, here);
    };
    for (const e of document.querySelectorAll('main, #bench, .inspect')) walk(e, '');
    return [...seen].sort().join('\n');
  });
async function shoot(page: Page, name: string) {
  for (const [at, size, scheme] of VIEWS) {
    await page.setViewportSize(size);
    await page.emulateMedia({ colorScheme: scheme });
    await page.waitForTimeout(700);
    await page.screenshot({ path: `${OUT}/${name}-${at}.png` });
    writeFileSync(`${OUT}/${name}-${at}.txt`, await shape(page));
  }
  await page.setViewportSize(VIEWS[0][1]);
}
const tab = (page: Page, name: string) => page.getByRole('tab', { name, exact: true }).click();

test('guest', async ({ page }) => {
  await open(page);
  await page.getByRole('button', { name: 'Boot minipv-pvh' }).click();
  await expect(page.getByTestId('serial-text')).toContainText('minipv>', { timeout: 60_000 });
  await page.waitForTimeout(1500);
  await tab(page, 'Overview'); await shoot(page, 'guest-overview');
  await tab(page, 'Inspect');
  for (const name of ['Exits', 'Processor', 'Rings', 'Event channels', 'Grants', 'I/O path', 'XenStore', 'Memory', 'Engine']) {
    await tab(page, name);
    await page.waitForTimeout(600);
    const id = name.replace(/\W/g, '');
    await shoot(page, `guest-${id}`);
    if (name === 'Exits') { await page.getByRole('button', { name: 'Hypercall', exact: true }).click(); await shoot(page, `guest-${id}-calls`); }
    if (name === 'Processor') { for (const r of ['CR0', 'EFLAGS', 'CS']) { await page.getByRole('button', { name: r, exact: true }).first().click(); await shoot(page, `guest-${id}-${r}`); } }
    if (name === 'I/O path') { await page.getByRole('button', { name: 'Send' }).first().click(); await page.waitForTimeout(1500); await shoot(page, `guest-${id}-sent`); }
    if (name === 'XenStore') { await page.getByRole('button', { name: 'Tree', exact: true }).click(); await shoot(page, `guest-${id}-tree`); await page.getByRole('button', { name: 'Only watched' }).click(); await shoot(page, `guest-${id}-watched`); }
    if (name === 'Memory') { for (const r of ['Tables', 'Shared']) { await page.getByRole('button', { name: r, exact: true }).click(); await shoot(page, `guest-${id}-${r}`); } await page.locator('.frames button').nth(40).click({ force: true }); await shoot(page, `guest-${id}-frame`); await page.locator('.walk button').nth(1).click(); await shoot(page, `guest-${id}-step`); }
    if (await page.getByRole('button', { name: 'As table' }).isVisible()) { await page.getByRole('button', { name: 'As table' }).click(); await shoot(page, `guest-${id}-table`); }
  }
  await page.getByRole('treeitem', { name: /ringside-1/ }).click();
  for (const name of ['Host', 'Storage', 'Network']) if (await page.getByRole('tab', { name, exact: true }).count()) { await tab(page, name); await shoot(page, `host-${name}`); }
  await tab(page, 'Inspect');
  for (const name of ['Exits', 'XenStore', 'Memory', 'Scheduler', 'Four ways']) {
    await tab(page, name);
    await page.waitForTimeout(600);
    await shoot(page, `host-${name.replace(/\W/g, '')}`);
    if (name === 'Scheduler') { await page.getByRole('button', { name: 'As table' }).click(); await shoot(page, `host-Scheduler-table`); }
  }
});

test('post-mortem', async ({ page }) => {
  const { faultyFloppy } = (await import(file('scripts/faulty-floppy.mjs'))) as { faultyFloppy(): Buffer };
  await open(page);
  for (const more of ['', 'vmtrace_buf_kb = 4\n']) {
    const name = more ? 'kept' : 'fault';
    await drop(page, [
      { name: `${name}.cfg`, buffer: Buffer.from(`name = "${name}"\ntype = "hvm"\nmemory = 16\nfda = "fault.img"\nboot = "a"\non_reboot = "preserve"\n${more}`) },
      { name: 'fault.img', buffer: faultyFloppy() },
    ]);
    await page.getByRole('button', { name: /^Start/ }).click();
    await page.getByRole('tab', { name: 'Post-mortem' }).click();
    await page.waitForTimeout(1500);
    await shoot(page, `pm-${name}`);
  }
});

test('lesson', async ({ page }) => {
  await open(page);
  await page.goto('./?time=virtual&lesson=trap-and-emulate&seed=a');
  await expect(page.getByRole('heading', { name: 'Trap and emulate' })).toBeVisible();
  await page.getByLabel(/How many I\/O exits will Xen count/).waitFor();
  await shoot(page, 'lesson-start');
  await page.getByLabel(/How many I\/O exits will Xen count/).fill('100');
  await page.getByRole('button', { name: 'Keep the answer' }).click();
  await page.getByRole('button', { name: 'Run it for me' }).click();
  await page.getByRole('button', { name: 'Measure' }).click();
  await expect(page.getByText('Each IN and OUT trapped')).toBeVisible();
  await shoot(page, 'lesson-measured');
});
