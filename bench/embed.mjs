/**
 * npm run -s bench:embed [-- --runs N --check]
 *
 * How soon the demo guest is at its prompt as a part of another page (docs/package.md), compared with the page itself: seconds from the navigation, with an
 * empty cache, in headless Chromium, alternately. --check: status 1 where the whole interval of the ratio lies above 1.2.
 */
import { chromium } from '@playwright/test';
import { buildPage } from '../scripts/build.mjs';
import { courseAnswers } from '../scripts/course-page.mjs';
import { serve } from '../scripts/serve.mjs';
import { ensureChromium } from '../scripts/setup.mjs';
import { demoIsThere, pressDemo } from './demo.mjs';
import { median, need, options, ratio, short } from './lib.mjs';

const GOAL = 1.2;
const PROMPT_MS = 120_000;

const { runs, check } = options({ runs: 9, check: false });

await buildPage();
const answers = await courseAnswers();
const { path: executablePath, why } = await ensureChromium();
need(executablePath, `Chromium is not here: ${why}`);

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

const { url, server } = await serve({ port: 0, answers });
const ways = {
  page: () => secondsTo(url, pressDemo, demoIsThere),
  element: () =>
    secondsTo(
      `${url}course/`,
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
  server.close();
}
const { mean, low, high } = ratio(pairs.map(pair => pair.element / pair.page));
console.log(
  `prompt of the demo guest: page ${short(median(pairs.map(pair => pair.page)))} s, element ${short(median(pairs.map(pair => pair.element)))} s; ratio ${short(mean)} (${short(low)} to ${short(high)}), goal at most ${GOAL}`,
);
if (check && low > GOAL) process.exitCode = 1;
