import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { LARGE } from './support/large.ts';
import { CLASS_FIELDS, CLASS_METHODS, FUNCTION_LINES, tooLarge } from './support/rules.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const sources = (readdirSync(join(root, 'src'), { recursive: true }) as string[])
  .map(path => `src/${path.replaceAll('\\', '/')}`)
  .filter(path => /\.tsx?$/.test(path) && !/\.test\.|test-support/.test(path));
const found = new Map(sources.flatMap(path => [...tooLarge(path, readFileSync(join(root, path), 'utf8'))]));

describe('functions and classes', () => {
  it(`have at most ${FUNCTION_LINES} lines, ${CLASS_FIELDS} fields and ${CLASS_METHODS} methods, but for those listed in test/support/large.ts`, () => {
    expect(
      [...found].filter(([what, count]) => count > (LARGE[what] ?? 0)).map(([what, count]) => `${what}: ${count}`),
    ).toEqual([]);
  });

  it('are listed as they are: the list may only shrink', () => {
    expect(Object.entries(LARGE).filter(([what, count]) => found.get(what) !== count)).toEqual([]);
  });

  it('would not pass a long function, whatever it is called by', () => {
    const body = 'step();\n'.repeat(FUNCTION_LINES);
    expect([...tooLarge('a.ts', `function act() {\n${body}}\n`).keys()]).toEqual(['a.ts act']);
    expect([...tooLarge('a.ts', `class A {\n  act() {\n${body}  }\n}\n`).keys()]).toEqual(['a.ts act']);
    expect([...tooLarge('a.ts', `const act = () => {\n${body}};\n`).keys()]).toEqual(['a.ts act']);
    expect(tooLarge('a.ts', `const act = () => {\n${body.slice(8 * 3)}};\n`).size).toBe(0);
  });

  it('would not pass a class with one field or method more, also of its constructor and of an expression', () => {
    const fields = Array.from({ length: CLASS_FIELDS }, (_, i) => `a${i} = 0;`).join(' ');
    const methods = Array.from({ length: CLASS_METHODS }, (_, i) => `m${i}() {}`).join(' ');
    const of = (more: string) => [
      ...tooLarge('a.ts', `const A = class { static s = 1; ${fields} ${methods} ${more} };`),
    ];
    expect(of('constructor() {}')).toEqual([]);
    expect(of('constructor(private readonly b: number) {}')).toEqual([['a.ts A fields', CLASS_FIELDS + 1]]);
    expect(of('get b() { return 1; }')).toEqual([['a.ts A methods', CLASS_METHODS + 1]]);
  });
});
