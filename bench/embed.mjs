/**
 * npm run -s bench:embed [-- --runs N --check]
 *
 * How soon the demo guest is at its prompt as a part of another page (docs/package.md), beside the page's own way there: seconds from the navigation, with an
 * empty cache, in headless Chromium, in turn. --check: status 1 where the whole interval of the ratio lies above 1.2.
 */
import { chromium } from '@playwright/test';
import { readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join } from 'node:path';
import { buildEmbed, buildPage } from '../scripts/build.mjs';
import { isolation, serve } from '../scripts/serve.mjs';
import { ensureChromium } from '../scripts/setup.mjs';
import { median, need, options, ratio, short } from './lib.mjs';

const GOAL = 1.2;
const PROMPT_MS = 120_000;
const COURSE = `<!doctype html><html lang="en"><title>Course</title>
<script type="module" src="ringside/ringside.js"></script><ringside-guest definition="demo"></ringside-guest></html>`;
const TYPES = { '.html': 'text/html', '.js': 'text/javascript' };

const { runs, check } = options({ runs: 9, check: false });

await buildPage();
const scripts = await buildEmbed();
const { path: executablePath, why } = await ensureChromium();
need(executablePath, `Chromium is not here: ${why}`);

/** A course page with the scripts beside it. */
async function serveCourse() {
  const server = createServer(({ url }, answer) => {
    const file = join(scripts, url.replace(/^\/ringside\//, '').split('?')[0]);
    const isScript = url.startsWith('/ringside/') && statSync(file, { throwIfNoEntry: false })?.isFile();
    answer
      .writeHead(isScript || url === '/' ? 200 : 404, {
        'content-type': isScript ? (TYPES[extname(file)] ?? '') : 'text/html',
        ...isolation,
      })
      .end(isScript ? readFileSync(file) : url === '/' ? COURSE : '');
  });
  await new Promise(done => server.listen(0, '127.0.0.1', done));
  return { server, url: `http://127.0.0.1:${server.address().port}/` };
}

/** Seconds until `isThere` is true of the page at this address. */
async function secondsTo(url, press, isThere) {
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
  try {
    const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
    const start = performance.now();
    await page.goto(url);
    await press(page);
    await page.waitForFunction(isThere, undefined, { polling: 'raf', timeout: PROMPT_MS });
    return (performance.now() - start) / 1000;
  } finally {
    await browser.close();
  }
}

const page = await serve({ port: 0 });
const course = await serveCourse();
const ways = {
  page: () =>
    secondsTo(
      page.url,
      async shown => {
        const all = shown.getByText(/^All \d+ guests$/),
          button = shown.getByRole('button', { name: 'Boot demo', exact: true, includeHidden: true });
        await all.waitFor();
        if (!(await button.isVisible())) await all.click();
        await button.click();
      },
      () =>
        [...document.querySelectorAll('[data-testid=serial], [data-testid=screen-text]')].some(({ textContent }) =>
          textContent.includes('demo>'),
        ),
    ),
  element: () =>
    secondsTo(
      course.url,
      async () => {},
      () => document.querySelector('ringside-guest')?.shadowRoot?.textContent.includes('demo>'),
    ),
};
const pairs = [];
try {
  for (let run = 0; run < runs; run++) {
    const pair = {};
    for (const way of run % 2 === 0 ? ['page', 'element'] : ['element', 'page']) pair[way] = await ways[way]();
    pairs.push(pair);
    console.log(`run ${run + 1}: page ${short(pair.page)} s, element ${short(pair.element)} s`);
  }
} finally {
  page.server.close();
  course.server.close();
}
const { mean, low, high } = ratio(pairs.map(pair => pair.element / pair.page));
console.log(
  `prompt of the demo guest: page ${short(median(pairs.map(pair => pair.page)))} s, element ${short(median(pairs.map(pair => pair.element)))} s; ratio ${short(mean)} (${short(low)} to ${short(high)}), goal at most ${GOAL}`,
);
if (check && low > GOAL) process.exitCode = 1;
