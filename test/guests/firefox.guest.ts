/** What Playwright walks in Chromium and cannot in Debian's Firefox: the figure, windows of their own, several definitions, files that are asked for again. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { installed, openTab, servePage, type Tab } from '../support/browsers.ts';
import { file } from '../support/needs.ts';
import { dropFiles, expectShown, press } from '../support/page-script.ts';

const BROWSER = 'firefox';
const SECONDS = 60;
/** Larger than what the page keeps itself. */
const minipv = Buffer.concat([readFileSync(file('guests/minipv/minipv.elf')), Buffer.alloc(300_000)]);
const definition = (name: string) => ({
  name: `${name}.cfg`,
  data: Buffer.from(`name = "${name}"\ntype = "pvh"\nmemory = 16\nkernel = "minipv"\n`),
});

describe.skipIf(!installed[BROWSER])('the page in Firefox (install firefox-esr)', () => {
  let page: { url: string; stop: () => void };
  beforeAll(async () => {
    page = await servePage();
  });
  afterAll(() => page?.stop());

  async function open(): Promise<Tab> {
    const tab = await openTab(BROWSER, page.url);
    onTestFinished(() => tab.close());
    await expectShown(tab, 'body', /, up \d+/, SECONDS);
    return tab;
  }

  it('shows the textbook’s figure, and a terminal in a window of its own that comes back', async () => {
    const tab = await open();
    await press(tab, /^Start three side by side$/);
    await expectShown(tab, '[data-window="minipv-pv/serial"] [data-testid=serial-text]', /minipv>/, SECONDS);
    await expectShown(tab, '[data-window="minipv-pvh/serial"] [data-testid=serial-text]', /minipv as PVH/, SECONDS);
    await expectShown(tab, '[data-window="demo/screen"] [data-testid=screen-text]', /demo>/, SECONDS);
    await press(tab, /^Serial terminal of minipv-pv in a window of its own$/);
    await expectShown(tab, '[data-window="minipv-pv/serial"]', /Bring it back/, SECONDS);
    await press(tab, /^Bring it back$/);
    await expectShown(tab, '[data-window="minipv-pv/serial"] [data-testid=serial-text]', /minipv>/, SECONDS);
  });

  it('has its files answered once the service worker answers for it while guests run, whose workers hear of nothing', async () => {
    const tab = await open();
    await press(tab, /^Start three side by side$/);
    await expectShown(tab, '[data-window="minipv-pv/serial"] [data-testid=serial-text]', /minipv>/, SECONDS);
    const status = await tab.run(`
      const { serviceWorker } = navigator;
      if (!serviceWorker.controller) await new Promise(resolve => serviceWorker.addEventListener('controllerchange', resolve, { once: true }));
      return (await fetch('./icon.svg?again', { signal: AbortSignal.timeout(${SECONDS * 500}) })).status;
    `);
    expect(status).toBe(200);
  });

  it('judges several definitions together and starts them, and asks again after a reload for a file that it cannot open', async () => {
    const tab = await open();
    await dropFiles(tab, [definition('web'), definition('db'), { name: 'minipv', data: minipv }]);
    await expectShown(tab, 'h2', /^2 guests$/, SECONDS);
    await press(tab, /^Start 2$/);
    for (const name of ['web', 'db'])
      await expectShown(tab, `[data-window="${name}/serial"] [data-testid=serial-text]`, /minipv>/, SECONDS);
    await tab.go(`${page.url}?boot=0`);
    await expectShown(tab, 'body', /, up \d+/, SECONDS);
    await dropFiles(tab, [definition('web'), { name: 'minipv', data: minipv }]);
    await press(tab, /^Start web$/);
    await expectShown(tab, '[data-testid=serial-text]', /minipv>/, SECONDS);
    await tab.go(`${page.url}?boot=0&again`);
    await press(tab, /^Open again: web$/);
    await expectShown(tab, 'body', /does not open minipv \(\d+ KiB\) by itself/, SECONDS);
    const other = Buffer.from(minipv);
    other[100] ^= 1;
    await dropFiles(tab, [{ name: 'minipv', data: other }]);
    await expectShown(tab, 'body', /This minipv is another file: its content differs/, SECONDS);
    await dropFiles(tab, [{ name: 'minipv', data: minipv }]);
    await press(tab, /^Start web$/);
    await expectShown(tab, '[data-testid=serial-text]', /minipv>/, SECONDS);
  });
});
