/** A guest in virtual time moves within its host: the same numbers in each run, and nothing of the other copy is left. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { inTurns } from '../toolstack/runners/in-turns.ts';
import type { Host } from './host.ts';
import { testFile, testHost, timersOfTest } from './host.test-support.ts';
import { loadEverything, loadMoves } from './load-everything.ts';
import { VIRTUAL_EPOCH_MS } from './virtual-epoch.ts';
import { VirtualTime } from './virtual-time.ts';

const minipv = readFileSync(new URL('../../../guests/minipv/minipv.elf', import.meta.url));

async function moved(type: string): Promise<{ host: Host; facts: unknown; ms: number }> {
  await Promise.all([loadEverything(), loadMoves()]);
  const timers = timersOfTest();
  const virtual = new VirtualTime({ wallMs: () => 0, soon: timers.soon, speed: Infinity });
  const host = testHost({
    memory: new ArrayBuffer(32 * 2 ** 20),
    virtual,
    hostMs: () => 0,
    runners: inTurns({ ...timers, pace: virtual }),
    epochMs: () => VIRTUAL_EPOCH_MS,
    seed: 7,
  });
  const { id } = await host.create([
    testFile('web.cfg', `name = "web"\ntype = "${type}"\nmemory = 4\nkernel = "minipv.elf"\n`),
    testFile('minipv.elf', minipv),
  ]);
  await virtual.runFor(50);
  virtual.type(id, new TextEncoder().encode('dirty 100 100000 1000\r'));
  await virtual.runFor(20);
  virtual.goOn();
  await host.migrate(id, 'localhost');
  virtual.stand();
  const [web] = await host.list();
  return { host, facts: (await host.inspect('facts', web!.id)).values, ms: virtual.linkMs };
}

it.each(['hvm', 'pvh', 'pv'])('a guest of type %s moves by rounds that take time of its own', async type => {
  const first = await moved(type);
  const { host, facts } = first;
  expect((await host.list()).map(({ id, name, state }) => [id, name, state])).toEqual([
    [2, 'web', expect.stringMatching(/[rb]/)],
  ]);
  // At 16 MiB/s, and what is no page next to them.
  const { 'move.rest_kib': kib, 'move.down_us': us } = facts as Record<string, number>;
  expect(us! / 1000).toBeGreaterThanOrEqual(kib! / 16.384 - 1);
  expect(us! / 1000).toBeLessThan(kib! / 16.384 + 10);
  const second = await moved(type);
  expect([second.facts, second.ms]).toEqual([first.facts, first.ms]);
});

it('refuses any other host', async () => {
  const { host } = await moved('pvh');
  const [web] = await host.list();
  await expect(host.migrate(web!.id, 'bravo')).rejects.toThrow('There is no host bravo');
});
