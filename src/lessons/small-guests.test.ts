/** What a student may type and no lesson does. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { timersOfTest } from '../dom0/service/host.test-support.ts';
import { headlessHost } from './headless.ts';

const guests = new URL('../../guests/', import.meta.url);
const read = async (path: string) => new Uint8Array(readFileSync(new URL(path, guests)));

const DEFINITIONS = {
  clocks: 'name = "a"\ntype = "hvm"\nmemory = 4\nvcpus = 2\nkernel = "clocks.asm"',
  service: 'name = "a"\ntype = "pv"\nmemory = 4\nkernel = "service.asm"',
};

it.each([
  ['clocks', 'off 0 5'],
  ['clocks', 'compute 0 1'],
  ['service', 'serve 0 100'],
  ['service', 'serve 3 0'],
] as const)('%s has soon done a command that asks for nothing: %s', async (guest, line) => {
  const host = await headlessHost({ read, ...timersOfTest() });
  await host.stand();
  const id = await host.create(DEFINITIONS[guest]);
  await host.runFor(50);
  await host.type(id, new TextEncoder().encode(`${line}\r`));
  await host.runFor(50);
  const before = (await host.facts(id)).counts.run_us!;
  await host.runFor(100);
  // Ticks go on.
  expect((await host.facts(id)).counts.run_us! - before).toBeLessThan(10_000);
});
