/**
 * node bench/migration-tabs.mjs MOVES FILE…
 *
 * Two tabs of headless Chromium are a pool, and the guest w, whose definition and files these are, goes there and back between them by xl migrate: a line of JSON a
 * move, with what the task log says of it. npm run -s bench:migration starts this for its row of tabs.
 */
import { chromium } from '@playwright/test';
import { buildPage } from '../scripts/build.mjs';
import { serve } from '../scripts/serve.mjs';
import { ensureChromium } from '../scripts/setup.mjs';
import { need } from './lib.mjs';

/** A move, and whatever comes before it, takes no longer. */
const LIMIT_MS = 120_000;
const LOOK_MS = 100,
  RUNS_MS = 1000;

const [moves, ...files] = process.argv.slice(2);

/** What Domain 0's terminal shows. */
const shown = async page => {
  const rows = await page.getByTestId('shell').locator('.xterm-rows > div').allInnerTexts();
  return rows.map(row => row.replace(/\u00a0/g, ' ').trimEnd()).join('\n');
};

const pause = ms => new Promise(resolve => setTimeout(resolve, ms));

/** The first that `look` finds. */
async function until(look, what) {
  for (let ms = 0; ms < LIMIT_MS; ms += LOOK_MS) {
    const found = await look();
    if (found) return found;
    await pause(LOOK_MS);
  }
  throw new Error(`${what} does not come within ${LIMIT_MS / 1000} s.`);
}

let lines = 0;

/** Types a line; what it printed. */
async function run(page, line) {
  const end = `end of line ${++lines}`;
  await page.keyboard.type(`clear; ${line}; echo end "of" line ${lines}\n`);
  const all = await until(async () => {
    const text = await shown(page);
    return new RegExp(`^${end}$`, 'm').test(text) && text;
  }, line);
  return all.slice(0, all.lastIndexOf(end));
}

/** A host in a tab of its own, in the pool of this browser; `files`: of the guest that it starts. */
async function host(context, url, name, files = []) {
  const page = await context.newPage();
  await page.goto(url);
  await page.getByText(/MiB free/).waitFor();
  if (files.length > 0) {
    await page.locator('input[type=file]').first().setInputFiles(files);
    await page.getByRole('button', { name: 'Start w' }).click();
    // Its page opens once it has started, over what is shown then.
    await page.waitForURL(/#\/guest\/w/);
    // A kernel of its own writes at once.
    if (files.length > 2) await page.getByText(/Run \/init as init process/).waitFor({ timeout: LIMIT_MS });
  }
  await page.getByRole('treeitem', { name: 'Domain-0' }).click();
  await until(async () => /# *\n*$/.test(await shown(page)), 'the shell');
  await page.getByRole('button', { name: 'Use this terminal' }).click();
  const joined = await run(page, `pool join tabs ${name}`);
  if (!joined.includes('This host is ')) throw new Error(`${name} is in no pool: ${joined}`);
  return page;
}

/** What the task log has of the move of this number, once it is there (summaryOf() in src/dom0/toolstack/commands/migrate.ts). */
async function moved(page, number) {
  const log = 'pool tasks | grep "went in"';
  const told = await until(async () => {
    const [count, ...rest] = (await run(page, `${log} | wc -l; ${log} | tail -n 1`)).split('\n');
    return Number(count) === number && rest.join('');
  }, `move ${number} in the task log`);
  const [, sentMib, seconds, rounds, downtimeMs] =
    /([\d.]+) MiB went in ([\d.]+) s, (\d+) rounds? while it ran; it was paused for (\d+) ms/.exec(told) ?? [];
  if (sentMib === undefined) throw new Error(`The task log does not say how it went: ${told}`);
  return {
    rounds: Number(rounds),
    bytes: Number(sentMib) * 2 ** 20,
    totalMs: Number(seconds) * 1000,
    downtimeMs: Number(downtimeMs),
  };
}

await buildPage();
const { path: executablePath, why } = await ensureChromium();
need(executablePath, `Chromium is not here: ${why}`);
const { url, server } = await serve({ port: 0 });
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
try {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  const tabs = { one: await host(context, url, 'one', files), two: await host(context, url, 'two') };
  let at = 'one';
  for (let i = 0; i < Number(moves); i++) {
    const to = at === 'one' ? 'two' : 'one';
    await pause(RUNS_MS);
    await run(tabs[at], `xl migrate w ${to} > move.log 2>&1`);
    console.log(JSON.stringify(await moved(tabs[at], i + 1)));
    // Its time there grows: it runs.
    await until(
      async () => Number(/^w +\d.* ([\d.]+)$/m.exec(await run(tabs[to], 'xl list w'))?.[1]) > 0.2,
      `w on ${to}`,
    );
    at = to;
  }
} finally {
  await browser.close();
  server.close();
}
