/** The page's views, walked one after the other in each size and theme: for what looks at all of them. */
import { readFileSync } from 'node:fs';
import { buildPage } from './build.mjs';
import { at } from './lib.mjs';
import { serve } from './serve.mjs';
import { ensureDependencies } from './setup.mjs';

const SIZES = { desktop: { width: 1440, height: 900 }, phone: { width: 390, height: 844 } };
const THEMES = { light: { colorScheme: 'light' }, dark: { colorScheme: 'dark' }, contrast: { colorScheme: 'dark', contrast: 'more' } };
const PROMPT_MS = 60_000;
/** What comes with a picture's last numbers. */
const SETTLE_MS = 1500;

const prompt = page => page.getByTestId('serial-text').first().filter({ hasText: 'minipv>' }).waitFor({ timeout: PROMPT_MS });
const tab = (page, name) => page.getByRole('tab', { name, exact: true }).click();
const type = async (page, line) => {
  await page.getByRole('button', { name: 'Use this terminal' }).first().click();
  await page.keyboard.type(`${line}\n`);
  await page.keyboard.press('Shift+Tab');
  // Those who leave by a key see where the focus went; a picture is of somebody who reads.
  await page.evaluate(() => document.activeElement?.blur());
};

/** In their order: each goes on from where the one before it ended. */
const VIEWS = [
  [
    'boot-menu',
    async page => {
      await page.goto('./?boot=menu', { waitUntil: 'commit' });
      await page.getByTestId('bootmenu').waitFor();
      // Any key ends the countdown, which is of one second: less than a picture's last numbers take.
      await page.keyboard.press('ArrowUp');
      await page.getByText('executed automatically').waitFor({ state: 'detached' });
    },
  ],
  ['first', page => page.goto('./?boot=0')],
  [
    'figure',
    async page => {
      await page.getByRole('button', { name: 'Start three side by side' }).click();
      await prompt(page);
      // The third one's screen comes last; a phone shows one window at a time.
      await page.getByRole('treeitem', { name: /demo HVM/, includeHidden: true }).waitFor({ state: 'attached', timeout: PROMPT_MS });
      await page.waitForTimeout(SETTLE_MS);
    },
  ],
  ['host', page => tab(page, 'Host')],
  ['storage', page => tab(page, 'Storage')],
  [
    'saved',
    async page => {
      await page.getByRole('button', { name: 'Save all now' }).click();
      // The last of three; the paravirtual one cannot be saved, and says why.
      await page.locator('.checkpoints tr', { hasText: /demo.*\d\d:\d\d/ }).waitFor({ timeout: PROMPT_MS });
      await page.locator('.checkpoints').evaluate(part => part.scrollIntoView({ block: 'center' }));
    },
  ],
  ['reset', page => page.getByRole('button', { name: 'Reset the host' }).click()],
  ['network', page => tab(page, 'Network')],
  [
    'define',
    async page => {
      await page.goto('./?boot=0&new');
      // A page that is loaded again begins where it was.
      await tab(page, 'Desktop');
      await page.getByRole('button', { name: 'Write one' }).click();
      await page
        .getByLabel('Text of the definition')
        .fill(
          '# a web server\nname    = "web"\ntype    = "hvm"\nmemory  = "64M"\nvcpus   = 2\nkernel  = "/boot/minipv"\nvif     = [ "model=e1000" ]\nacpi    = 0\n',
        );
      await page.locator('.edt-m li').first().waitFor();
      // A phone shows the page from its top.
      await page.evaluate(() => scrollTo(0, 0));
    },
  ],
  [
    'several',
    async page => {
      await page.getByRole('button', { name: 'Discard' }).click();
      await tab(page, 'Desktop');
      const definition = (name, more) => ({
        name: `${name}.cfg`,
        mimeType: 'text/plain',
        buffer: Buffer.from(`name = "${name}"\ntype = "pvh"\nmemory = 16\nkernel = "minipv"\n${more}`),
      });
      const kernel = { name: 'minipv', mimeType: '', buffer: readFileSync(at('guests', 'minipv', 'minipv.elf')) };
      const files = [definition('web', 'acpi = 0\n'), definition('db', ''), definition('mail', 'memroy = 8\n'), kernel];
      await page.locator('input[type=file]').first().setInputFiles(files);
      await page.locator('.several .stop').waitFor();
    },
  ],
  [
    'console',
    async page => {
      await page.getByRole('button', { name: 'Discard' }).click();
      await page.getByRole('button', { name: 'Boot minipv-pvh' }).click();
      await prompt(page);
      await type(page, 'dhcp');
    },
  ],
  ['overview', page => tab(page, 'Overview')],
  ['history', page => tab(page, 'History')],
  ['exits', page => tab(page, 'Inspect')],
  ...['Processor', 'Rings', 'Event channels', 'Grants', 'I/O path', 'XenStore', 'Memory', 'Engine'].map(name => [
    name.toLowerCase().replace(/\W/g, '-'),
    page => tab(page, name),
  ]),
  [
    'four-ways',
    async page => {
      await page.goto('./?boot=0');
      await tab(page, 'Desktop');
      await page.getByRole('button', { name: 'Same guest, four ways' }).click();
      await page.getByRole('button', { name: 'Run again' }).waitFor({ timeout: PROMPT_MS });
    },
  ],
  [
    'lesson',
    async page => {
      await page.goto('./?time=virtual&lesson=ring-request&seed=ringside');
      await prompt(page);
    },
  ],
  [
    'boot-sector',
    async page => {
      await page.goto('./?boot=0');
      await page.getByText('A dozen boot sectors').click();
      await page.getByRole('button', { name: 'Boot Plasma' }).click();
      await page.getByText('VGA, 320 × 200').waitFor({ state: 'attached', timeout: PROMPT_MS });
      await page.getByLabel('Source of').fill('bits 16\norg 7c00h\nmov ax, [bx+ax]\n');
      await page.getByText('1 mistake').waitFor({ timeout: PROMPT_MS });
    },
  ],
  [
    'pcos',
    async page => {
      await page.goto('./?boot=0&pcos');
      await page.getByRole('button', { name: 'Boot pcos', exact: true }).click();
      await page.getByTestId('screen-text').filter({ hasText: 'pcos>' }).waitFor({ state: 'attached', timeout: PROMPT_MS });
    },
  ],
  [
    'components',
    async page => {
      await page.goto('./components.html');
      await page.getByRole('heading', { name: 'Several at once' }).waitFor();
    },
  ],
];

/** Calls `look` with each view as it stands there: (page, its name, size, theme). */
export async function walkViews(look) {
  await ensureDependencies({ quiet: true });
  await buildPage();
  const { chromium } = await import('@playwright/test');
  const { server, url } = await serve({ port: 0 });
  const browser = await chromium.launch({
    executablePath: process.env.RINGSIDE_CHROMIUM || '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu'],
  });
  try {
    for (const [size, viewport] of Object.entries(SIZES))
      for (const [theme, media] of Object.entries(THEMES)) {
        const page = await browser.newPage({ viewport, ...media, baseURL: url, serviceWorkers: 'block' });
        page.on('dialog', dialog => void dialog.accept());
        for (const [name, show] of VIEWS) {
          await show(page);
          await page.waitForTimeout(SETTLE_MS);
          await look(page, name, size, theme);
        }
        await page.close();
      }
  } finally {
    await browser.close();
    server.close();
    server.closeAllConnections();
  }
}
