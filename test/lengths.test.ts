import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { LONG } from './support/long.ts';
import { FILE_LINES, FUNCTION_LINES, tooLong } from './support/rules.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const sources = (readdirSync(join(root, 'src'), { recursive: true }) as string[])
  .map(path => `src/${path.replaceAll('\\', '/')}`)
  .filter(path => /\.tsx?$/.test(path) && !/\.test\.|test-support/.test(path));
const found = new Map(sources.flatMap(path => [...tooLong(path, readFileSync(join(root, path), 'utf8'))]));

describe('lengths', () => {
  it(`are at most ${FILE_LINES} lines a file and ${FUNCTION_LINES} a function, but for those listed in test/support/long.ts`, () => {
    expect(
      [...found].filter(([what, lines]) => lines > (LONG[what] ?? 0)).map(([what, lines]) => `${what}: ${lines}`),
    ).toEqual([]);
  });

  it('are listed as they are: the list may only shrink', () => {
    expect(Object.entries(LONG).filter(([what, lines]) => found.get(what) !== lines)).toEqual([]);
  });

  it('would not pass a long function, whatever it is called by', () => {
    const body = 'step();\n'.repeat(FUNCTION_LINES);
    expect([...tooLong('a.ts', `function act() {\n${body}}\n`).keys()]).toEqual(['a.ts act']);
    expect([...tooLong('a.ts', `class A {\n  act() {\n${body}  }\n}\n`).keys()]).toEqual(['a.ts act']);
    expect([...tooLong('a.ts', `const act = () => {\n${body}};\n`).keys()]).toEqual(['a.ts act']);
    expect([...tooLong('a.ts', body.repeat(FILE_LINES / FUNCTION_LINES + 1)).keys()]).toEqual(['a.ts']);
    expect(tooLong('a.ts', `const act = () => {\n${body.slice(8 * 3)}};\n`).size).toBe(0);
  });
});
