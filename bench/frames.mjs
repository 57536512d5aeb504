/**
 * npm run -s bench:frames [-- --runs N --seconds N --guest NAME --check]
 *
 * The guests of guests/frames draw a new picture for every vertical retrace, over the whole screen: in mode 13h, in four planes, and in 1024 x 768 x 32
 * through VBE. So do the boot sectors (guests/bootsectors) that move all the time. Each is dropped into the built page in headless Chromium; counted are
 * the pictures that reach its canvas and differ from the one before, and of a boot sector the time from the click to its first picture.
 * --check: status 1 if the best run of a guest has less than 58 a second, or none has begun within a second.
 */
import { chromium } from '@playwright/test';
import { cpus } from 'node:os';
import { buildPage } from '../scripts/build.mjs';
import { at } from '../scripts/lib.mjs';
import { serve } from '../scripts/serve.mjs';
import { ensureChromium } from '../scripts/setup.mjs';
import { need, options, short } from './lib.mjs';

const GOAL = 58;
const START_MS = 1000;
/** Boot sectors that move all the time, by their titles: snake moves when a person does, rain is text. */
const SECTORS = {
  chaos: 'Chaos',
  fire: 'Fire',
  julia: 'Julia',
  life: 'Life',
  moire: 'Moiré',
  plasma: 'Plasma',
  rotozoom: 'Rotozoom',
  scroller: 'Scroller',
  stars: 'Stars',
  tunnel: 'Tunnel',
};
const GUESTS = {
  mode13: '320 × 200',
  modex: '320 × 200',
  vbe: '1024 × 768',
  ...Object.fromEntries(Object.keys(SECTORS).map(name => [name, '320 × 200'])),
};
/** After the picture is there: the engine's code is still being compiled. */
const WARM_MS = 3000;

const { runs, seconds, guest, check } = options({ runs: 3, seconds: 10, guest: '', check: false });
need(guest === '' || guest in GUESTS, `--guest ${guest}: the guests are ${Object.keys(GUESTS).join(', ')}.`);
const { path: executablePath, why } = await ensureChromium();
need(executablePath, `Chromium is not here: ${why}`);
await buildPage();
const { url, server } = await serve({ port: 0 });

/** In the page: notes every picture that is put on a canvas, by a sum over its pixels. */
function countPictures() {
  const pictures = { put: 0, distinct: 0, frames: 0 };
  let last = 0;
  const put = CanvasRenderingContext2D.prototype.putImageData;
  CanvasRenderingContext2D.prototype.putImageData = function (image, ...where) {
    put.call(this, image, ...where);
    const words = new Uint32Array(image.data.buffer);
    let sum = words.length;
    // Of a small picture every dot: a few stars may be all that moves.
    const step = words.length > 64_000 ? 997 : 1;
    for (let i = 0; i < words.length; i += step) sum = (Math.imul(sum, 31) + words[i]) | 0;
    pictures.put++;
    if (sum !== last) pictures.distinct++;
    last = sum;
    // Two colours at least: something was drawn.
    if (image.width === 320 && words.some(word => word !== words[0])) pictures.firstMs ??= performance.now();
  };
  const frame = () => {
    pictures.frames++;
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
  globalThis.pictures = pictures;
}

async function drop(page, name) {
  await page
    .locator('input[type=file]')
    .first()
    .setInputFiles(at('guests', 'frames', `${name}.img`));
  await page.getByRole('button', { name: /^Start/ }).click();
  await page.getByRole('group', { name: 'Windows' }).getByRole('button', { name: 'Screen' }).click();
}

/** The time of the click, by the page's clock. */
async function bootSector(page, title) {
  await page.getByText('A dozen boot sectors').click();
  const button = page.getByRole('button', { name: `Boot ${title}`, exact: true });
  await button.waitFor();
  // The page keeps its scripts for later when it has nothing else to do.
  await page.waitForTimeout(WARM_MS);
  return button.evaluate(element => {
    const now = performance.now();
    element.click();
    return now;
  });
}

async function measure(browser, name) {
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  try {
    await page.addInitScript(countPictures);
    await page.goto(url);
    await page.getByText(/MiB free/).waitFor();
    const startedMs = name in SECTORS ? await bootSector(page, SECTORS[name]) : await drop(page, name);
    await page.getByText(`VGA, ${GUESTS[name]}`).waitFor({ timeout: 60_000 });
    await page.waitForTimeout(WARM_MS);
    const begin = await page.evaluate(() => ({ ...globalThis.pictures, ms: performance.now() }));
    await page.waitForTimeout(seconds * 1000);
    const end = await page.evaluate(() => ({ ...globalThis.pictures, ms: performance.now() }));
    const rate = key => ((end[key] - begin[key]) * 1000) / (end.ms - begin.ms);
    return {
      distinct: rate('distinct'),
      frames: rate('frames'),
      startMs: startedMs === undefined ? undefined : end.firstMs - startedMs,
    };
  } finally {
    await page.close();
  }
}

const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
const rows = [];
try {
  for (const name of guest ? [guest] : Object.keys(GUESTS)) {
    const results = [];
    for (let run = 1; run <= runs; run++) {
      const result = await measure(browser, name);
      results.push(result);
      const started =
        result.startMs === undefined ? '' : `, first picture ${Math.round(result.startMs)} ms after the click`;
      console.log(
        `${name}, run ${run}: ${result.distinct.toFixed(1)} distinct pictures a second, ${result.frames.toFixed(1)} frames of the page${started}`,
      );
    }
    rows.push({
      name,
      best: Math.max(...results.map(({ distinct }) => distinct)),
      frames: Math.max(...results.map(({ frames }) => frames)),
      startMs: results[0].startMs === undefined ? undefined : Math.min(...results.map(({ startMs }) => startMs)),
    });
  }
} finally {
  await browser.close();
  server.close();
}
console.log(`
Distinct pictures a second on the canvas over ${seconds} s, best of ${runs} (headless Chromium, ${cpus().length} processors)
| guest | screen | pictures | frames of the page | click to first picture, ms |
| --- | --- | ---: | ---: | ---: |
${rows
  .map(
    ({ name, best, frames, startMs }) =>
      `| ${name} | ${GUESTS[name]} | ${short(best)} | ${short(frames)} | ${startMs === undefined ? '' : Math.round(startMs)} |`,
  )
  .join('\n')}
goal: at least ${GOAL}, and ${START_MS} ms`);
if (check && rows.some(({ best, startMs = 0 }) => best < GOAL || startMs > START_MS)) process.exitCode = 1;
