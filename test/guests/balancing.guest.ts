/** Two hosts of a pool with real guests, one of them too busy: the balancer tells what should move, and moves it once both want that. */
import { readFileSync } from 'node:fs';
import { expect, it, onTestFinished } from 'vitest';
import { Arena, pause } from '../../src/workshop/fuzz/pool/arena.ts';
import { later } from '../../src/cli/node-clock.ts';
import { membershipOf } from '../../src/dom0/pool/index.ts';
import { file } from '../support/needs.ts';

const kernel = new Blob([readFileSync(file('guests/minipv/minipv.elf'))]);

/** Computes for so much of each 10 ms. */
const busy = (name: string, percent: number) => [
  {
    name: 'busy.cfg',
    data: new Blob([
      `name = "${name}"\ntype = "pvh"\nmemory = 8\nkernel = "minipv.elf"\nextra = "hog 100000000 ${percent}"\n`,
    ]),
  },
  { name: 'minipv.elf', data: kernel },
];

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await pause(200 / FAST);
}

/** So much faster hosts' time goes by: guests compute for as much of it. */
const FAST = 4;
/** By processor time of this process: how busy hosts are does not follow from what else the machine does. */
const hostMs = (): number => {
  const { user, system } = process.cpuUsage();
  return (FAST * (user + system)) / 1000;
};
const hurried: typeof later = (ms, callback) => later(ms / FAST, callback);
/** Two rounds of decisions. */
const SOME_MS = 22_000;

it('advises, and then moves one guest of a host that is too busy', async () => {
  const arena = await Arena.open({ hostMs, epochMs: hostMs, later: hurried });
  onTestFinished(() => arena.close());
  const { alfa, bravo } = arena;
  const [a, b] = [membershipOf(alfa).here, membershipOf(bravo).here];
  for (const name of ['web', 'db']) await alfa.create(busy(name, 70));
  const names = async (host: typeof alfa): Promise<string[]> => (await host.list()).map(({ name }) => name).sort();
  // Nobody has said that guests may move.
  await until(() => a.balancing.decisions.some(({ kind }) => kind === 'move'));
  const [advice] = a.balancing.decisions;
  expect(advice).toMatchObject({
    kind: 'move',
    isAutomatic: false,
    because: { what: 'busy' },
    from: { host: 'alfa' },
    to: { host: 'bravo' },
  });
  const advisedMs = hostMs();
  await until(() => hostMs() - advisedMs > SOME_MS);
  expect([await names(alfa), await names(bravo)]).toEqual([['db', 'web'], []]);
  for (const { state } of [a, b]) state.setWish({ mode: 'performance', automatic: true });
  await until(async () => (await names(bravo)).join() === 'db' || (await names(bravo)).join() === 'web');
  await until(() => a.state.moves.size === 0);
  expect((await names(alfa)).length).toBe(1);
  expect(alfa.tasks.list().map(({ message }) => message)).toContainEqual(
    expect.stringMatching(/^(web|db) moves from alfa to bravo: alfa is \d+ % busy/),
  );
  // Each has one now, which rests.
  const movedMs = hostMs();
  await until(() => hostMs() - movedMs > SOME_MS);
  expect([(await names(alfa)).length, (await names(bravo)).length]).toEqual([1, 1]);
});
