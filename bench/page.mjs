/**
 * npm run -s bench:page [-- --runs N --seconds N --pairs N --inspector NAME --only ROW --check]
 *
 * How quick the built page is in headless Chromium. From its trace: how long the tasks of the page's main thread take while a guest or three run flat out, while
 * Debian boots and while it prints without end. What an open inspector costs the guest. What a lesson's reset costs, and how soon a saved guest is there. And what comes before the first prompt, on the
 * guest's screen or its line: seconds from the navigation, with an empty cache, and script, that of the workers with it.
 * --check: status 1 where in every run some task took more than 50 ms of CPU time, or every hundredth more than 50 ms on the clock, or where more than 445 KB came
 * before the first prompt.
 */
import { chromium } from '@playwright/test';
import { existsSync, readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { buildPage } from '../scripts/build.mjs';
import { at, guestsFolder, run as runProgram } from '../scripts/lib.mjs';
import { serve } from '../scripts/serve.mjs';
import { ensureChromium } from '../scripts/setup.mjs';
import { demoIsThere, pressDemo } from './demo.mjs';
import { debianGuest, needDebian } from './guests.mjs';
import { busiest, median, need, options, short, threadTimes } from './lib.mjs';

const GOAL_MS = 50,
  GOAL_KB = 445;
const MIB = 2 ** 20;
const PROMPT_MS = 300_000;

const { runs, seconds, pairs, inspector, only, check } = options({
  runs: 3,
  seconds: 6,
  pairs: 8,
  inspector: '',
  only: '',
  check: false,
});

/** A guest's serial terminal as a person finds it. */
const serialText = async page =>
  (await page.getByTestId('serial').locator('.xterm-rows > div').allInnerTexts()).join('\n').replaceAll('\u00a0', ' ');

async function until(page, pattern) {
  const end = performance.now() + PROMPT_MS;
  while (!pattern.test(await serialText(page))) {
    need(performance.now() < end, `The guest did not print ${pattern} within ${PROMPT_MS / 1000} s.`);
    await page.waitForTimeout(50);
  }
}

/** Gives a console the keyboard, where it has not got it by itself after Boot. */
async function useConsole(within, which = 'terminal') {
  const button = within.getByRole('button', { name: `Use this ${which}` }).first();
  await button.or(within.locator(`.${which === 'terminal' ? 'serial' : 'screen'} .ws.on`).first()).waitFor();
  if (await button.isVisible()) await button.click();
}

async function type(page, text) {
  await useConsole(page);
  await page.keyboard.type(text);
}

async function bootDemo(page) {
  await pressDemo(page);
  await page.getByRole('group', { name: 'Windows' }).getByRole('button', { name: 'Both' }).click();
  await until(page, /demo> *$/m);
}

async function startDebian(page) {
  const files = ['debian-686.cfg', 'vmlinuz', 'initrd'].map(name => join(guestsFolder, 'debian-686', name));
  await page.locator('input[type=file]').first().setInputFiles(files);
  await page.getByRole('button', { name: 'Start debian-686' }).click();
}

/** What the page has to do, brought to where it is watched. */
const rows = {
  spin: async page => {
    await bootDemo(page);
    await type(page, 'spin 7200\n');
    await until(page, /instructions a second/);
  },
  three: async page => {
    await page.getByRole('button', { name: 'Start three side by side' }).click();
    for (const [name, prompt, work] of [
      ['minipv-pv', 'minipv>', 'hog 600000'],
      ['minipv-pvh', 'minipv>', 'hog 600000'],
      ['demo', 'demo>', 'spin 600'],
    ]) {
      const terminal = page.getByRole('region', { name: `Serial terminal of ${name}`, exact: true });
      await terminal.getByTestId('serial-text').filter({ hasText: prompt }).waitFor({ timeout: PROMPT_MS });
      await useConsole(terminal);
      await page.keyboard.type(`${work}\n`);
    }
    await page.waitForTimeout(2000);
  },
  boot: startDebian,
  words: async page => {
    await startDebian(page);
    await until(page, /built-in shell[\s\S]*# *$/m);
    await type(page, 'while :; do echo $((n++)) words to draw; done\n');
    await until(page, /\d{3} words to draw/);
  },
};

need(
  ['', 'load', 'inspectors', 'lessons', 'saved'].includes(only) || only in rows,
  `--only ${only}: the rows are load, inspectors, lessons, saved, ${Object.keys(rows).join(', ')}.`,
);
const wanted = Object.keys(rows).filter(row => only === '' || row === only);
if (!['spin', 'three', 'load', 'inspectors', 'lessons'].includes(only)) needDebian('686');
const { path: executablePath, why } = await ensureChromium();
need(executablePath, `Chromium is not here: ${why}`);
await buildPage();
const { url, server } = await serve({ port: 0 });

/**
 * What left for the page and its workers, counted here, since the browser does not tell of workers that a worker starts: bytes with their headers as they
 * were sent, and what a host that knows gzip alone would send.
 */
const script = { bytes: 0, gzipBytes: 0 };
server.prependListener('request', ({ url: path, socket }, response) => {
  const before = socket.bytesWritten;
  if (!/\.js($|\?)/.test(path)) return;
  response.on('finish', () => {
    script.bytes += socket.bytesWritten - before;
    script.gzipBytes += gzipSync(readFileSync(at('dist', path.split('?')[0]))).length;
  });
});

/** Milliseconds on the clock and of CPU time of each task of the page's main thread while it is watched. */
async function watch(browser, page) {
  await browser.startTracing(page, { categories: ['toplevel', 'devtools.timeline', '__metadata'] });
  await page.waitForTimeout(seconds * 1000);
  const { traceEvents } = JSON.parse((await browser.stopTracing()).toString());
  const mains = traceEvents.filter(({ name, args }) => name === 'thread_name' && args?.name === 'CrRendererMain');
  const tasks = traceEvents.filter(
    ({ name, ph, pid, tid }) =>
      ph === 'X' && /RunTask$/.test(name) && mains.some(main => main.pid === pid && main.tid === tid),
  );
  // Durations are in microseconds; without `tdur` a trace says nothing of CPU time.
  const timed = tasks.filter(({ tdur }) => tdur !== undefined);
  need(
    timed.length > 20 && timed.length > 0.9 * tasks.length,
    `The trace has ${tasks.length} tasks, ${timed.length} of them with CPU time: too few to judge.`,
  );
  return { clock: tasks.map(({ dur = 0 }) => dur / 1000), cpu: timed.map(({ tdur }) => tdur / 1000) };
}

const percentile = (values, share) => [...values].sort((a, b) => a - b)[Math.floor((values.length - 1) * share)];

async function tasksOf(browser, row) {
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  try {
    await page.goto(url);
    await page.getByText(/MiB free/).waitFor();
    await rows[row](page);
    const { clock, cpu } = await watch(browser, page);
    return {
      tasks: cpu.length,
      longest: Math.max(...cpu),
      p99: percentile(clock, 0.99),
      busy: cpu.reduce((sum, ms) => sum + ms, 0) / (seconds * 10),
    };
  } finally {
    await page.close();
  }
}

/** What is loaded behind the first prompt has come after that. */
const REST_MS = 4000;

/** From an empty cache to the demo guest's prompt, as the page shows it by itself: seconds, what came over the network until then, and with what came after it. */
async function load() {
  const browser = await launch();
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  const before = { ...script };
  try {
    const start = performance.now();
    await page.goto(url);
    await pressDemo(page);
    // Looked for in every frame: what the page loads behind the prompt comes soon.
    await page.waitForFunction(demoIsThere, undefined, { polling: 'raf', timeout: PROMPT_MS });
    const promptSeconds = (performance.now() - start) / 1000;
    const atPrompt = { ...script };
    await page.waitForTimeout(REST_MS);
    return {
      promptSeconds,
      scriptKb: (atPrompt.bytes - before.bytes) / 1000,
      gzipKb: (atPrompt.gzipBytes - before.gzipBytes) / 1000,
      wholeKb: (script.gzipBytes - before.gzipBytes) / 1000,
    };
  } finally {
    await browser.close();
  }
}

/** Seconds of the guest's work for each look at it. A look with an inspector follows one without (--pairs): the machine's own moods last longer. */
const LOOK_SECONDS = 4;

/**
 * Instructions for a second of CPU time that the demo guest's thread had while each inspector was open, by that while none was, in %: the thread's own
 * time, since the machine has other things to do. Linux only.
 */
async function inspectors() {
  const browser = await launch();
  try {
    const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
    await page.goto(url);
    await rows.spin(page);
    const session = await browser.newBrowserCDPSession();
    const { processInfo } = await session.send('SystemInfo.getProcessInfo');
    const pids = processInfo.filter(({ type }) => type === 'renderer').map(({ id }) => id);
    const tab = name => page.getByRole('tab', { name, exact: true }).click();
    const row = selector => page.locator(`[role=treeitem]${selector}`).first().click();
    const lines = async () =>
      new Map(
        [...(await serialText(page)).matchAll(/second (\d+): ([\d.]+) million/g)].map(([, n, mips]) => [
          Number(n),
          Number(mips),
        ]),
      );
    /** The last second that the guest printed, and the threads' times, just after that. */
    const mark = async () => {
      await row('[data-domain]:not([data-domain="0"])');
      await tab('Console');
      const last = Math.max(...(await lines()).keys());
      for (;;) {
        const now = await lines(),
          newest = Math.max(...now.keys());
        if (newest > last)
          return { second: newest, lines: now, times: new Map(pids.flatMap(pid => [...threadTimes(pid)])) };
        await page.waitForTimeout(10);
      }
    };
    const during = async open => {
      const from = await mark();
      await open();
      await page.waitForTimeout((LOOK_SECONDS - 1) * 1000);
      const to = await mark();
      const millions = [...to.lines]
        .filter(([second]) => second > from.second)
        .reduce((sum, [, mips]) => sum + mips, 0);
      return millions / busiest(from.times, to.times);
    };
    const found = {};
    for (const name of [...INSPECTORS, ...HOST_INSPECTORS].filter(each => inspector === '' || each === inspector)) {
      const ofHost = HOST_INSPECTORS.includes(name);
      const ratios = [];
      for (let pair = 0; pair < pairs; pair++) {
        const closed = await during(async () => {
          if (ofHost) await row('[aria-level="1"]');
          await tab(ofHost ? 'Network' : 'Definition');
        });
        const open = await during(async () => {
          if (ofHost) await row('[aria-level="1"]');
          await tab('Inspect');
          await tab(name);
        });
        ratios.push(open / closed);
      }
      found[name] = 100 * (1 - median(ratios));
    }
    return found;
  } finally {
    await browser.close();
  }
}

/** What a guest writes while its rings are looked at: 32 KiB and a flush, this number of times. */
const RING_WRITES = 8000;
/** A thread that uses less of this many milliseconds has done its work. */
const IDLE_MS = 1000,
  IDLE_SHARE = 0.03;

/** How much more processor time guest and Domain 0 take for the same writes of a paravirtual disk while its rings are looked at, in %. Linux only. */
async function busyRings() {
  const browser = await launch();
  try {
    const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
    await page.goto(url);
    await page.getByText(/MiB free/).waitFor();
    const text =
      'name = "writer"\ntype = "pv"\nmemory = 16\nkernel = "minipv.elf"\ndisk = [ "writer.img,raw,xvda,w" ]\n';
    const file = (name, buffer) => ({ name, mimeType: 'application/octet-stream', buffer });
    const files = [
      file('writer.cfg', Buffer.from(text)),
      file('minipv.elf', readFileSync(at('guests', 'minipv', 'minipv.elf'))),
      file('writer.img', Buffer.alloc(MIB)),
    ];
    await page.locator('input[type=file]').first().setInputFiles(files);
    await page.getByRole('button', { name: 'Start writer' }).click();
    await until(page, /minipv> *$/m);
    const tab = name => page.getByRole('tab', { name, exact: true }).click();
    const session = await browser.newBrowserCDPSession();
    const { processInfo } = await session.send('SystemInfo.getProcessInfo');
    const pids = processInfo.filter(({ type }) => type === 'renderer').map(({ id }) => id);
    const workers = () =>
      new Map(pids.flatMap(pid => [...threadTimes(pid)].filter(([thread]) => isWorker(pid, thread))));
    const total = times => [...times.values()].reduce((sum, ms) => sum + ms, 0);
    let works = 0;
    const during = async open => {
      await tab('Console');
      const before = total(workers());
      await type(page, `writer xvda 64 ${RING_WRITES + ++works}\n`);
      await open();
      for (let last = workers(), now = last; ; last = now) {
        await page.waitForTimeout(IDLE_MS);
        now = workers();
        if (busiest(last, now) < IDLE_SHARE * IDLE_MS) break;
      }
      const spent = total(workers()) - before;
      await tab('Console');
      await until(page, new RegExp(`64 sectors, ${RING_WRITES + works} times, 0 errors`));
      return spent;
    };
    const ratios = [];
    for (let pair = 0; pair < pairs; pair++) {
      const closed = await during(() => tab('Definition'));
      const open = await during(async () => {
        await tab('Inspect');
        await tab('Rings');
      });
      ratios.push(open / closed);
    }
    return 100 * (median(ratios) - 1);
  } finally {
    await browser.close();
  }
}

/** Seconds from the end of the download of Debian's saved state to the prompt at which it was saved. The state is made where there is none. */
async function savedPrompt() {
  const catalogue = at('dist', 'guests', 'catalogue.json');
  if (!existsSync(catalogue) || !JSON.parse(readFileSync(catalogue, 'utf8')).saved) {
    const status = await runProgram(process.execPath, [at('scripts', 'build.mjs'), '--guests'], { quiet: true });
    need(status === 0, `The saved guest could not be made (status ${status}).`);
  }
  const browser = await launch();
  let downloaded;
  const listen = ({ url: path }, response) =>
    /\.state$/.test(path) && response.on('finish', () => (downloaded = performance.now()));
  server.prependListener('request', listen);
  try {
    const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
    await page.goto(url);
    await page.getByRole('button', { name: /, at its shell$/ }).click();
    // In xterm's rows, or in the plain text that is there before.
    const shown = () =>
      [...document.querySelectorAll('[data-testid=serial] :is(pre, .xterm-rows > div)')].some(({ textContent }) =>
        /#\s*$/m.test(textContent),
      );
    await page.waitForFunction(shown, undefined, { polling: 'raf', timeout: PROMPT_MS });
    return (performance.now() - downloaded) / 1000;
  } finally {
    server.off('request', listen);
    await browser.close();
  }
}

/** How often a lesson's last step is begun again: what is compiled for the first is there for others, as with somebody who tries. */
const RESETS = 5;
const LESSONS = ['trap-and-emulate', 'ring-request', 'weight-and-cap'];

const isWorker = (pid, thread) =>
  readFileSync(`/proc/${pid}/task/${thread}/comm`, 'utf8').startsWith('DedicatedWorker');

/** Milliseconds of CPU time of the one worker in which host and guests run, for a reset of each lesson's last step. Linux only. */
async function lessons() {
  const browser = await launch();
  const found = {};
  try {
    for (const lesson of LESSONS) {
      const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
      await page.goto(`${url}?time=virtual&lesson=${lesson}&seed=a`);
      const button = name => page.getByRole('button', { name, exact: true });
      for (let step = 0; step < 2; step++) {
        await page.locator('input[type=number]:enabled').first().fill('10');
        await button('Keep the answer').first().click();
        await button('Run it for me').last().click();
        await button('Measure').last().click();
        for (
          ;
          step === 0 && (await page.locator('input[type=number]:enabled').count()) === 0;
          await page.waitForTimeout(200)
        )
          if (await button('Go on').count()) await button('Go on').last().click();
      }
      const session = await browser.newBrowserCDPSession();
      const { processInfo } = await session.send('SystemInfo.getProcessInfo');
      const pids = processInfo.filter(({ type }) => type === 'renderer').map(({ id }) => id);
      const cpuMs = () =>
        pids
          .flatMap(pid => [...threadTimes(pid)].filter(([thread]) => isWorker(pid, thread)))
          .reduce((sum, [, ms]) => sum + ms, 0);
      const times = [];
      for (let reset = 0; reset < RESETS; reset++) {
        // What the guests compute when the step is open again, at the wall's pace, is not the reset's: so its end is heard in the page and not looked for from time to time.
        await button('Measure again').last().waitFor();
        const before = cpuMs();
        await page.evaluate(
          () =>
            new Promise(resolve => {
              const named = name =>
                [...document.querySelectorAll('button:enabled')]
                  .filter(({ textContent }) => textContent === name)
                  .at(-1);
              const watch = new MutationObserver(() => {
                if (!named('Run it for me')) return;
                watch.disconnect();
                resolve();
              });
              watch.observe(document.body, { subtree: true, childList: true, attributes: true, characterData: true });
              named('Begin the step again').click();
            }),
        );
        times.push(cpuMs() - before);
        await button('Run it for me').last().click();
        await button('Measure').last().click();
        await page.waitForTimeout(300);
      }
      found[lesson] = median(times);
      await page.close();
    }
    return found;
  } finally {
    await browser.close();
  }
}
/** Those of a guest, and those of the host. */
const INSPECTORS = [
    'Exits',
    'Processor',
    'Memory',
    'Engine',
    'XenStore',
    'Rings',
    'Event channels',
    'Grants',
    'I/O path',
  ],
  HOST_INSPECTORS = ['Scheduler', 'Four ways'],
  BUSY_RINGS = 'Rings, busy';

const launch = () => chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
const browser = await launch();
const results = {};
const loads = [];
const costs = [];
const resets = [];
const prompts = [];
try {
  for (let run = 1; run <= runs; run++) {
    if (only === '' || only === 'load') {
      const result = await load();
      loads.push(result);
      console.log(
        `load, run ${run}: prompt after ${result.promptSeconds.toFixed(2)} s, ${result.scriptKb.toFixed(0)} KB of script, ${result.gzipKb.toFixed(0)} by gzip, ${result.wholeKb.toFixed(0)} with what came after it`,
      );
    }
    if (only === '' || only === 'inspectors') {
      const cost = inspector === BUSY_RINGS ? {} : await inspectors();
      if (inspector === '' || inspector === BUSY_RINGS) cost[BUSY_RINGS] = await busyRings();
      costs.push(cost);
      console.log(
        `inspectors, run ${run}: ${Object.entries(cost)
          .map(([name, percent]) => `${name} ${percent.toFixed(1)} %`)
          .join(', ')}`,
      );
    }
    if (only === 'saved' || (only === '' && debianGuest('686'))) {
      const seconds = await savedPrompt();
      prompts.push(seconds);
      console.log(`saved, run ${run}: prompt ${seconds.toFixed(2)} s after the download`);
    }
    if (only === '' || only === 'lessons') {
      const result = await lessons();
      resets.push(result);
      console.log(
        `lessons, run ${run}: ${Object.entries(result)
          .map(([lesson, ms]) => `${lesson} ${ms.toFixed(0)} ms`)
          .join(', ')}`,
      );
    }
    for (const row of wanted) {
      const result = await tasksOf(browser, row);
      (results[row] ??= []).push(result);
      console.log(
        `${row}, run ${run}: ${result.tasks} tasks, longest ${result.longest.toFixed(1)} ms of CPU time, 99 % within ${result.p99.toFixed(1)} ms on the clock`,
      );
    }
  }
} finally {
  await browser.close();
  server.close();
}

console.log(`\nThe page in headless Chromium, ${runs} runs (${cpus().length} processors)`);
if (loads.length)
  console.log(`| before the first prompt | median | best |
| --- | ---: | ---: |
| seconds | ${short(median(loads.map(({ promptSeconds }) => promptSeconds)))} | ${short(Math.min(...loads.map(({ promptSeconds }) => promptSeconds)))} |
| KB of script, as transferred | ${short(median(loads.map(({ scriptKb }) => scriptKb)))} | |
| KB of script, by gzip | ${short(median(loads.map(({ gzipKb }) => gzipKb)))} | |
| ${REST_MS / 1000} s later | ${short(median(loads.map(({ wholeKb }) => wholeKb)))} | |`);
if (costs.length)
  console.log(`| inspector open | % of the guest's speed that it costs, median |
| --- | ---: |
${Object.keys(costs[0])
  .map(name => `| ${name} | ${median(costs.map(cost => cost[name])).toFixed(1)} |`)
  .join('\n')}`);
if (prompts.length)
  console.log(
    `A saved Debian's prompt: ${short(median(prompts))} s after the download, at best ${short(Math.min(...prompts))} s (goal: 2 s)`,
  );
if (resets.length)
  console.log(`| reset of a lesson's last step | ms of CPU time of its worker, median | best |
| --- | ---: | ---: |
${LESSONS.map(lesson => `| ${lesson} | ${median(resets.map(reset => reset[lesson])).toFixed(0)} | ${Math.min(...resets.map(reset => reset[lesson])).toFixed(0)} |`).join('\n')}`);
const best = (row, key) => Math.min(...results[row].map(result => result[key]));
if (wanted.length)
  console.log(`| main thread over ${seconds} s | longest task, ms of CPU time, median | best | 99 % of tasks within, ms on the clock, best | busy, % |
| --- | ---: | ---: | ---: | ---: |
${wanted
  .map(
    row =>
      `| ${row} | ${short(median(results[row].map(({ longest }) => longest)))} | ${short(best(row, 'longest'))} | ${short(best(row, 'p99'))} | ${short(median(results[row].map(({ busy }) => busy)))} |`,
  )
  .join('\n')}
goal: at most ${GOAL_MS} ms`);
if (check && loads.length && median(loads.map(({ gzipKb }) => gzipKb)) > GOAL_KB) process.exitCode = 1;
if (check && wanted.some(row => best(row, 'longest') > GOAL_MS || best(row, 'p99') > GOAL_MS)) process.exitCode = 1;
