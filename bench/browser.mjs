/**
 * npm run -s bench:browser [-- --runs N --ms N --only alu,fib,boot,boot-notests --json FILE]
 *
 * The small programs and Debian's Linux in headless Chromium, on the built page (bench.html) and on v86 with its compiler, alternately, each in a browser
 * of its own. A ratio is v86's time divided by ours. Rows are printed steady and fresh as by bench/cpu.mjs, boots by seconds from the page's start.
 */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { chromium } from '@playwright/test';
import { buildPage } from '../scripts/build.mjs';
import { serve } from '../scripts/serve.mjs';
import { ensureChromium } from '../scripts/setup.mjs';
import { needDebian } from './guests.mjs';
import { firmware, geometricMean, MEANS, median, need, options, ratio, short } from './lib.mjs';

const LIMIT_MS = 600_000;
/** Boots by what their command line has more. */
const BOOTS = { boot: '', 'boot-notests': ' cryptomgr.notests' };

const { runs, ms, only, json } = options({ runs: 3, ms: 250, only: '', json: '' });
const images = firmware();
need(images, 'v86 needs the images of the seabios package: run `npm run guests` first.');
const { path: executablePath, why } = await ensureChromium();
need(executablePath, `Chromium is not here: ${why}`);
await buildPage();
const { url, server } = await serve({ port: 0 });
const v86 = dirname(createRequire(import.meta.url).resolve('v86/build/libv86.js'));
const peerFiles = {
  'libv86.mjs': join(v86, 'libv86.mjs'),
  'v86.wasm': join(v86, 'v86.wasm'),
  'bios.bin': images.bios,
  'vgabios.bin': images.vgaBios,
};
const peers = { ringside: {}, v86: { peer: './v86/libv86.mjs' } };

/** The figures of one visit of bench.html. */
async function visit(peer, query) {
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
  try {
    const page = await browser.newPage();
    for (const [name, path] of Object.entries(peerFiles))
      await page.route(`**/v86/${name}`, route =>
        route.fulfill({
          path,
          headers: { 'Cross-Origin-Resource-Policy': 'same-origin' },
          contentType: name.endsWith('.mjs')
            ? 'text/javascript'
            : name.endsWith('.wasm')
              ? 'application/wasm'
              : 'application/octet-stream',
        }),
      );
    await page.goto(`${url}bench.html?${new URLSearchParams({ ...peers[peer], ...query })}`);
    await page.waitForFunction(
      () => /^(Done|It ended)/.test(document.querySelector('[role=status]')?.textContent ?? ''),
      undefined,
      {
        timeout: LIMIT_MS,
      },
    );
    const state = await page.getByRole('status').textContent();
    need(state === 'Done.', `${peer}: ${state}`);
    return JSON.parse(await page.locator('pre').textContent());
  } finally {
    await browser.close();
  }
}

const rows = only.split(',').filter(row => row && !(row in BOOTS));
const boots = Object.keys(BOOTS).filter(boot => only === '' || only.split(',').includes(boot));
const debian = boots.length ? needDebian('686') : undefined;

/** Of each peer, by row: figures of each run. */
const steady = { ringside: {}, v86: {} },
  fresh = { ringside: {}, v86: {} };
const note = (into, peer, row, value) => (into[peer][row] ??= []).push(value);
for (let run = 1; run <= runs; run++) {
  for (const peer of Object.keys(peers)) {
    if (rows.length > 0 || only === '') {
      const figures = await visit(peer, { ms, ...(rows.length > 0 ? { only: rows.join(',') } : {}) });
      for (const { row, steadyUs, freshUs } of figures.rows) {
        note(steady, peer, row, steadyUs);
        note(fresh, peer, row, freshUs);
      }
    }
    for (const boot of boots) {
      const { seconds } = await visit(peer, {
        linux: './guests/debian-686/',
        until: debian.until,
        cmdline: debian.cmdline + BOOTS[boot],
      });
      note(steady, peer, boot, seconds);
      console.log(`run ${run}, ${peer}, ${boot}: ${short(seconds)} s`);
    }
  }
}
server.close();

const names = Object.keys(steady.ringside);
/** v86's time / ours in each pair of runs. */
const pairs = (figures, row) => figures.ringside[row].map((ours, i) => figures.v86[row][i] / ours);
const interval = values => {
  const { mean, low, high } = ratio(values);
  return values.length > 1 ? `${short(mean)} (${short(low)} to ${short(high)})` : short(mean);
};
console.log(`
microseconds a round (boots: seconds), median of ${runs} runs in turn (headless Chromium, ${cpus().length} processors); ratio: v86's time / ours, geometric mean of pairs, 95 % interval
| row | ringside | v86 | v86 / ringside | fresh |
| --- | ---: | ---: | ---: | ---: |
${names.map(row => `| ${row} | ${short(median(steady.ringside[row]))} | ${short(median(steady.v86[row]))} | ${interval(pairs(steady, row))} | ${fresh.ringside[row] ? interval(pairs(fresh, row)) : ''} |`).join('\n')}`);
for (const [name, those] of Object.entries(MEANS)) {
  const here = those.filter(row => names.includes(row));
  if (here.length > 1)
    console.log(`geometric mean, ${name}: ${short(geometricMean(here.map(row => ratio(pairs(steady, row)).mean)))}`);
}
const first = names.filter(row => fresh.ringside[row]);
if (first.length > 1)
  console.log(`geometric mean, first chunk: ${short(geometricMean(first.map(row => ratio(pairs(fresh, row)).mean)))}`);
if (json) writeFileSync(json, JSON.stringify({ ms, runs, steady, fresh }, null, 1));
