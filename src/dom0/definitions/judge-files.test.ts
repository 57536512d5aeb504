import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { type HostFacts, judgeFiles, readFiles } from './judge-files.ts';

const facts = (freeMiB: number): HostFacts => ({
  isTaken: () => false,
  ownerOf: () => undefined,
  stationProblem: () => undefined,
  pcpus: 1,
  freeMiB,
  hasVt: true,
  hasXen: true,
});
const text = new Blob(['name = "web"\ntype = "pvh"\nmemory = 16\nkernel = "minipv"\n']);
const kernel = new Blob([readFileSync(new URL('../../../guests/minipv/minipv.elf', import.meta.url))]);
const told = async (freeMiB: number): Promise<string[]> => {
  const given = await readFiles(
    [
      { name: 'web.cfg', data: text },
      { name: 'minipv', data: kernel },
    ],
    () => true,
  );
  return judgeFiles({ given, firmware: undefined }, facts(freeMiB))
    .plan.errors.filter(({ key }) => key === 'memory')
    .map(error => error.text);
};

it('offers as much memory as is free, and none where there is none', async () => {
  expect(await told(16)).toEqual([]);
  expect(await told(5)).toEqual([
    'The guest wants 16 MiB and the host can give it 5. Destroy another domain or write memory = 5.',
  ]);
  expect(await told(0)).toEqual(['The guest wants 16 MiB and the host can give it 0. Destroy another domain.']);
});
