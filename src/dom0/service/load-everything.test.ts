/** What is loaded ahead where time is virtual. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const here = import.meta.dirname;
const read = (path: string): string => readFileSync(join(here, path), 'utf8');
/** Parts whose `load` a text calls, by their names there. */
const loadedBy = (text: string): string[] => [...text.matchAll(/\b(\w+)\.load\(\)/g)].map(([, name]) => name!);
/** Files that the index of a folder offers. */
const offeredBy = (folder: string): string[] =>
  [...read(`${folder}/index.ts`).matchAll(/from '([^']+)'/g)].map(([, file]) => join(folder, file!));

it('what moves a domain loads nothing more while the domain stands still', () => {
  const ahead = loadedBy(read('load-everything.ts').split('loadMoves')[1]!);
  expect(ahead).toEqual(['migration', 'arrivals', 'states']);
  const migration = '../pool/migration';
  const files = [
    ...readdirSync(join(here, migration)).map(name => `${migration}/${name}`),
    ...offeredBy('../toolstack/arrivals'),
    ...offeredBy('../toolstack/states'),
  ].filter(path => !path.includes('.test'));
  const texts = files.map(read);
  expect(texts.flatMap(loadedBy).filter(name => !ahead.includes(name))).toEqual([]);
  expect(texts.filter(text => /\bimport\(/.test(text))).toEqual([]);
});
