/**
 * npm run -s soak:storage -- [--page N] [--node N] [--seed S]
 *
 * Kills hosts that write: a page closed, or its whole browser killed each fifth time, at a random moment, and in node SIGKILL. A guest writes and flushes to
 * a volume all the time, and a shell edits a definition and makes and removes volumes. After each kill what was acknowledged must be there, and the
 * definition, the volumes and the map must agree. 100 kills of each kind unless told. Chromium is what RINGSIDE_CHROMIUM names, or the system's.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { buildPage, programModule } from './build.mjs';
import { drawFrom, sleep, start, until } from './killable.mjs';
import { serve } from './serve.mjs';

const { values } = parseArgs({ options: { page: { type: 'string' }, node: { type: 'string' }, seed: { type: 'string' } } });
const kills = { page: Number(values.page ?? 100), node: Number(values.node ?? 100) };
/** After its first acknowledgements a host lives so long at most. */
const MOST_LIFE_MS = 3000;
const STEPS = 200;
/** Each so many kills of pages the browser goes with them. */
const BROWSER_KILLS = 5;

const soak = await import(pathToFileURL(await programModule('soak-storage')));
await programModule('ringside');
const folder = mkdtempSync(join(tmpdir(), 'ringside-soak-'));
const guest = soak.writeGuest(join(folder, 'guest'));
const seed = Number(values.seed ?? Date.now() % 1e6);
process.stdout.write(`seed ${seed}\n`);
const random = drawFrom(seed);
const totals = { dots: 0, steps: 0 };

/** @throws Error where something that was acknowledged is missing */
async function check(kind, number, directory, seen) {
  const problem = await soak.problemOf(directory, seen);
  totals.dots += seen.dots;
  totals.steps += seen.done ?? 0;
  if (problem !== undefined) throw new Error(`${kind} kill ${number}: ${problem}. Its files are in ${directory}.`);
  process.stdout.write(`${kind} kill ${number}: ${seen.dots} writes and ${seen.done ?? 0} steps were acknowledged, all there\n`);
}

const stepOf = (text, from = 0) => Math.max(from, ...[...text.matchAll(/done-(\d+)/g)].map(match => Number(match[1])));

// In node: a guest, or a shell.

async function killNode() {
  const state = join(folder, 'node');
  for (let number = 1, step = 0; number <= kills.node; number++) {
    const begin = start('sh', '--state', state, '-c', soak.BEGIN);
    await begin.ended;
    step = Number(/begin-(\d+)/.exec(begin.seen.out)?.[1]);
    const isGuest = number % 2 === 1;
    const { child, seen, kill } = isGuest ? start('boot', '--state', state, guest.definition) : start('sh', '--state', state);
    if (!isGuest) child.stdin.write(`N=${step}\n${soak.STEP.repeat(STEPS)}`);
    const dots = () => (isGuest ? seen.out.split('.').length - 1 : 0);
    await until(
      () => (isGuest ? dots() > 0 : stepOf(seen.out) > 0),
      () => `nothing was acknowledged: ${seen.out}${seen.err}`,
    );
    await sleep(random(MOST_LIFE_MS));
    const known = { dots: dots(), step: stepOf(seen.out, step) };
    await kill();
    await check('node', number, state, { ...known, done: known.step - step });
  }
}

// In a page: both at once.

/** Counts what the page is told, before it is shown. */
function countMessages() {
  const seen = { dots: 0, text: '' };
  globalThis.seen = seen;
  const own = Object.getOwnPropertyDescriptor(MessagePort.prototype, 'onmessage');
  Object.defineProperty(MessagePort.prototype, 'onmessage', {
    ...own,
    set(listener) {
      own.set.call(this, event => {
        for (const byte of event.data?.serial ?? []) if (byte === 0x2e) seen.dots++;
        if (typeof event.data?.text === 'string') seen.text += event.data.text;
        listener?.(event);
      });
    },
  });
}

/** In the page: what the browser has of the host's files, as base64. */
async function filesOfPage() {
  const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle('ringside', { create: true });
  const files = {};
  for await (const [name, handle] of folder.entries()) {
    const file = await handle.getFile();
    const url = await new Promise(resolve => {
      const reader = new FileReader();
      reader.onload = () => resolve(reader.result);
      reader.readAsDataURL(file);
    });
    files[name] = url.slice(url.indexOf(',') + 1);
  }
  return files;
}

/** In the page: files dropped on it. */
function dropOnPage(list) {
  const data = new DataTransfer();
  for (const { name, base64 } of list) data.items.add(new File([Uint8Array.from(atob(base64), character => character.charCodeAt(0))], name));
  for (const type of ['dragenter', 'dragover', 'drop']) document.body.dispatchEvent(new DragEvent(type, { dataTransfer: data, bubbles: true }));
}

async function killPages(url) {
  const { launch } = await import('puppeteer-core');
  const profile = join(folder, 'profile'),
    state = join(folder, 'page');
  const begin = () =>
    launch({
      executablePath: process.env.RINGSIDE_CHROMIUM ?? '/usr/bin/chromium',
      userDataDir: profile,
      args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
    });
  let browser = await begin();
  try {
    for (let number = 1; number <= kills.page; number++) {
      const page = await browser.newPage();
      await page.evaluateOnNewDocument(countMessages);
      await page.goto(url);
      const type = text => page.keyboard.sendCharacter(text);
      const text = () => page.evaluate(() => globalThis.seen.text);
      await page.waitForSelector('[data-name="Domain-0"]');
      await page.evaluate(() => document.querySelector('[data-name="Domain-0"]').click());
      await page.waitForSelector('[data-testid=shell] textarea');
      await until(
        async () => /ringside:.* # /.test(await text()),
        () => 'no prompt came',
      );
      await page.focus('[data-testid=shell] textarea');
      for (const line of soak.BEGIN.trim().split('\n')) {
        await type(line);
        await page.keyboard.press('Enter');
      }
      await until(
        async () => /begin-\d+\r/.test(await text()),
        () => 'the shell did not begin',
      );
      const step = Number(/begin-(\d+)\r/.exec(await text())[1]);
      await page.evaluate(
        dropOnPage,
        [guest.definition, guest.kernel].map(path => ({
          name: path.slice(path.lastIndexOf('/') + 1),
          base64: readFileSync(path).toString('base64'),
        })),
      );
      await page.waitForFunction(() =>
        [...document.querySelectorAll('button')].some(button => button.textContent === 'Start writer' && !button.disabled),
      );
      await page.evaluate(() => [...document.querySelectorAll('button')].find(button => button.textContent === 'Start writer').click());
      await until(
        () => page.evaluate(() => globalThis.seen.dots > 0),
        () => 'the guest wrote nothing',
      );
      await page.evaluate(() => document.querySelector('[data-name="Domain-0"]').click());
      await page.waitForSelector('[data-testid=shell] textarea');
      await page.focus('[data-testid=shell] textarea');
      const typing = (async () => {
        for (let n = 0; n < STEPS; n++) {
          await type(soak.STEP.trim());
          await page.keyboard.press('Enter');
        }
      })().catch(() => {});
      await sleep(random(MOST_LIFE_MS));
      const seen = await page.evaluate(() => globalThis.seen);
      if (number % BROWSER_KILLS === 0) {
        const gone = new Promise(resolve => browser.process().once('close', resolve));
        browser.process().kill('SIGKILL');
        await gone;
        await typing;
        rmSync(join(profile, 'SingletonLock'), { force: true });
        browser = await begin();
      } else {
        await page.close({ runBeforeUnload: false });
        await typing;
      }
      const next = await browser.newPage();
      await next.goto(url);
      // Without the worker's lock nobody writes any more.
      await next.evaluate(() => navigator.locks.request('ringside-state', () => {}));
      const files = await next.evaluate(filesOfPage);
      await next.close();
      rmSync(state, { recursive: true, force: true });
      mkdirSync(state);
      for (const [name, base64] of Object.entries(files)) writeFileSync(join(state, name), Buffer.from(base64, 'base64'));
      const done = stepOf(seen.text, step);
      await check('page', number, state, { dots: seen.dots, step: done, done: done - step });
    }
  } finally {
    await browser.close().catch(() => {});
  }
}

try {
  await killNode();
  if (kills.page > 0) {
    await buildPage();
    const { server, url } = await serve({ port: 0 });
    await killPages(url).finally(() => server.close());
  }
  process.stdout.write(
    `${kills.node} kills in node, ${kills.page} of pages: ${totals.dots} writes and ${totals.steps} steps had been acknowledged, none is missing\n`,
  );
  rmSync(folder, { recursive: true, force: true });
  process.exit(0);
} catch (error) {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}
