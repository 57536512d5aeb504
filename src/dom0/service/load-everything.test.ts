/** What is loaded ahead where time is virtual. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const here = import.meta.dirname;
const loadedBy = (path: string): string[] =>
  [...readFileSync(path, 'utf8').matchAll(/\bimport\('([^']+)'\)/g)].map(([, module]) => join(path, '..', module!));

it('what moves a domain loads nothing more while the domain stands still', () => {
  const ahead = loadedBy(join(here, 'load-everything.ts'));
  expect(ahead).not.toEqual([]);
  const files = ahead.flatMap(path =>
    path.endsWith('index.ts') ? readdirSync(join(path, '..')).map(name => join(path, '..', name)) : [path],
  );
  const later = files.filter(path => !path.includes('.test')).flatMap(loadedBy);
  expect(later.filter(path => !ahead.includes(path))).toEqual([]);
});
