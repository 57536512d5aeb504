import { existsSync } from 'node:fs';
import { expect, it } from 'vitest';
import type { TestSpecification } from 'vitest/node';
import { HeaviestFirst, weights } from './support/heaviest-first.ts';
import { file } from './support/needs.ts';

it('has the weights of files that there are', () => {
  expect(Object.keys(weights).filter(path => !existsSync(file(path)))).toEqual([]);
  expect(Object.keys(weights).length).toBeGreaterThan(40);
});

it('begins with the heaviest, and keeps projects one after another', async () => {
  const [heavy, light] = Object.entries(weights).sort(([, one], [, other]) => other - one);
  const spec = (project: string, path: string) =>
    ({ project: { name: project }, moduleId: file(path) }) as unknown as TestSpecification;
  const none = 'test/heaviest-first.test.ts',
    larger = 'test/rooms.test.ts';
  const given = [
    spec('shared', none),
    spec('shared', larger),
    spec('shared', light![0]),
    spec('shared', heavy![0]),
    spec('alone', none),
  ];
  const sorted = await new HeaviestFirst().sort(given);
  expect(sorted).toEqual([4, 3, 2, 1, 0].map(i => given[i]));
});
