/**
 * npm run -s soak:storage -- [--page N] [--node N] [--seed S]
 *
 * Kills hosts that write: a page closed, or its whole browser killed each fifth time, at a random moment, and in node SIGKILL. A guest writes and flushes to
 * a volume all the time, and a shell edits a definition and makes and removes volumes. After each kill what was acknowledged must be there, and the
 * definition, the volumes and the map must agree. 100 kills of each kind unless set. Chromium is what RINGSIDE_CHROMIUM names, or the system's.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { programModule } from './build.mjs';
import { drawFrom, sleep, start, until } from './killable.mjs';
import { explain } from './usage.mjs';

explain(import.meta.url);

const { values } = parseArgs({
  options: { page: { type: 'string' }, node: { type: 'string' }, seed: { type: 'string' } },
});
const kills = { page: Number(values.page ?? 100), node: Number(values.node ?? 100) };
/** After its first acknowledgements a host lives at most this long. */
const MOST_LIFE_MS = 2000;
const STEPS = 200;

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
  process.stdout.write(
    `${kind} kill ${number}: ${seen.dots} writes and ${seen.done ?? 0} steps were acknowledged, all there\n`,
  );
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
    const { child, seen, kill } = isGuest
      ? start('boot', '--state', state, guest.definition)
      : start('sh', '--state', state);
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

/** In the page: files dropped on it. */
function dropOnPage(list) {
  const data = new DataTransfer();
  for (const { name, base64 } of list)
    data.items.add(new File([Uint8Array.from(atob(base64), character => character.charCodeAt(0))], name));
  for (const type of ['dragenter', 'dragover', 'drop'])
    document.body.dispatchEvent(new DragEvent(type, { dataTransfer: data, bubbles: true }));
}

/** Has the page's host run the guest. */
async function startWriter({ page }) {
  const files = [guest.definition, guest.kernel].map(path => ({
    name: path.slice(path.lastIndexOf('/') + 1),
    base64: readFileSync(path).toString('base64'),
  }));
  await page.evaluate(dropOnPage, files);
  await page.waitForFunction(() =>
    [...document.querySelectorAll('button')].some(button => button.textContent === 'Start writer' && !button.disabled),
  );
  await page.evaluate(() =>
    [...document.querySelectorAll('button')].find(button => button.textContent === 'Start writer').click(),
  );
}

async function killPages() {
  const { KillablePages } = await import('./killable-page.mjs');
  const pages = await KillablePages.begin(folder);
  const state = join(folder, 'page');
  try {
    for (let number = 1; number <= kills.page; number++) {
      const host = await pages.open();
      const text = async () => (await host.seen()).text;
      for (const line of soak.BEGIN.trim().split('\n')) await host.type(line);
      await until(
        async () => /begin-\d+\r/.test(await text()),
        () => 'the shell did not begin',
      );
      const step = Number(/begin-(\d+)\r/.exec(await text())[1]);
      await startWriter(host);
      await until(
        async () => (await host.seen()).dots > 0,
        () => 'the guest wrote nothing',
      );
      await host.shell();
      const typing = (async () => {
        for (let n = 0; n < STEPS; n++) await host.type(soak.STEP.trim());
      })().catch(() => {});
      await sleep(random(MOST_LIFE_MS));
      const seen = await host.seen();
      await pages.kill(host);
      await typing;
      await pages.copyOut(state);
      const done = stepOf(seen.text, step);
      await check('page', number, state, { dots: seen.dots, step: done, done: done - step });
    }
  } finally {
    await pages.close();
  }
}

try {
  await killNode();
  if (kills.page > 0) await killPages();
  process.stdout.write(
    `${kills.node} kills in node, ${kills.page} of pages: ${totals.dots} writes and ${totals.steps} steps had been acknowledged, none is missing\n`,
  );
  rmSync(folder, { recursive: true, force: true });
  process.exit(0);
} catch (error) {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}
