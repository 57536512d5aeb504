/**
 * npm run -s bench:lists [-- --definitions N --runs N --url ADDRESS]
 *
 * How quickly the built page lists and filters many definitions, in headless Chromium: from the change of the filter to the next frame that is painted with
 * its rows, from a press on the tab of the host to its table, from a press on a column to its rows in the new order; and what of a processor the page's main
 * thread uses while nobody does anything. `--url`: of a page that is served already, with the same guests' names.
 */
import { chromium } from '@playwright/test';
import { buildPage } from '../scripts/build.mjs';
import { serve } from '../scripts/serve.mjs';
import { ensureChromium } from '../scripts/setup.mjs';
import { median, need, options, short } from './lib.mjs';

const IDLE_MS = 6000,
  WAIT_MS = 120_000,
  /** Rows of the table of which at least this many are drawn at once. */
  SCREENFUL = 20;
const { definitions, runs, url } = options({ definitions: 200, runs: 7, url: '' });

const { path: executablePath, why } = await ensureChromium();
need(executablePath, `Chromium is not here: ${why}`);
if (!url) await buildPage();
const own = url ? undefined : await serve({ port: 0 });
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
const page = await browser.newPage({ viewport: { width: 1440, height: 900 }, serviceWorkers: 'block' });

/** How many are listed: a list of which the rows in view are drawn says how many there are. */
const rows =
  "(row => Number(row?.ariaSetSize ?? 0) || document.querySelectorAll('.tree [role=treeitem][data-name^=vm]').length)(document.querySelector('.tree [role=treeitem][data-name^=vm]'))";

/** Definitions as somebody at Domain 0's shell makes them. */
async function define() {
  await page.goto(`${url || own.url}?boot=0`);
  await page.getByText(/MiB free/).waitFor({ timeout: WAIT_MS });
  await page.getByRole('treeitem', { name: 'Domain-0' }).click();
  await page.getByRole('button', { name: 'Use this terminal' }).click();
  await page.keyboard.type(
    `for i in $(seq ${definitions}); do printf 'name="vm%d"\\ntype="pvh"\\nmemory=16\\nkernel="/boot/minipv"\\n' $i > /etc/xen/vm/vm$i; done\n`,
  );
  await page.keyboard.press('Shift+Tab');
  await page.waitForFunction(`${rows} >= ${definitions}`, undefined, { timeout: WAIT_MS });
}

/** Milliseconds from `act`, in the page, until a frame was painted in which `isThere` holds. */
const timed = (act, isThere) =>
  page.evaluate(
    ([doing, asking]) =>
      new Promise((resolve, reject) => {
        const begin = performance.now(),
          there = new Function(`return ${asking}`);
        new Function(doing)();
        const look = () => {
          if (performance.now() - begin > 30_000) return reject(new Error(`never: ${asking}`));
          // What a message channel brings after a frame's callbacks comes when it is painted.
          requestAnimationFrame(() => {
            if (!there()) return look();
            const { port1, port2 } = new MessageChannel();
            port1.onmessage = () => resolve(performance.now() - begin);
            port2.postMessage(0);
          });
        };
        look();
      }),
    [act, isThere],
  );
const filter = text =>
  `const field = document.querySelector('.tree .filter'); field.value = ${JSON.stringify(text)}; field.dispatchEvent(new InputEvent('input', { bubbles: true }));`;
const tab = name =>
  `[...document.querySelectorAll('[role=tab]')].find(each => each.textContent === '${name}').click();`;
const column = "document.querySelector('.hdom th button')";
const lines = "document.querySelectorAll('.hdom tbody tr.out').length";

await define();
const names = Array.from({ length: definitions }, (_, i) => `vm${i + 1}`),
  some = names.filter(name => name.includes('vm12')).length;
const found = { narrowed: [], widened: [], opened: [], sorted: [] };
await page.getByRole('treeitem', { name: /^ringside-1/ }).click();
for (let run = 0; run < runs; run++) {
  found.narrowed.push(await timed(filter('vm12'), `${rows} === ${some}`));
  found.widened.push(await timed(filter(''), `${rows} >= ${definitions}`));
  found.opened.push(await timed(tab('Host'), `${lines} >= ${SCREENFUL}`));
  if (await page.evaluate(`!!${column}`)) {
    const order = `${column}.closest('th').getAttribute('aria-sort')`;
    found.sorted.push(await timed(`window.before = ${order}; ${column}.click();`, `${order} !== window.before`));
  }
  await page.evaluate(tab('Desktop'));
  await page.waitForTimeout(300);
}
await page.evaluate(tab('Host'));
await page.waitForTimeout(1000);
const client = await page.context().newCDPSession(page);
await client.send('Performance.enable', { timeDomain: 'threadTicks' });
const busy = async () =>
  (await client.send('Performance.getMetrics')).metrics.find(({ name }) => name === 'TaskDuration').value;
const before = await busy();
await page.waitForTimeout(IDLE_MS);
const idle = (100 * (await busy()) - 100 * before) / (IDLE_MS / 1000);
const line = (name, all) =>
  console.log(
    `${name.padEnd(44)} ${all.length === 0 ? '–' : `${short(median(all))} ms (${short(Math.min(...all))} to ${short(Math.max(...all))})`}`,
  );
console.log(`${definitions} definitions, ${runs} runs: median (least to most)`);
line(`filter, to ${some} rows`, found.narrowed);
line('filter taken away', found.widened);
line('table of the host opened', found.opened);
line('sorted by a column', found.sorted);
console.log(`${'main thread, the table shown, nobody acts'.padEnd(44)} ${short(idle)} % of a processor`);
await browser.close();
own?.server.close();
