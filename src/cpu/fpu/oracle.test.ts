import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { FakeCore, type Fixture, fixtures, replay } from './fake-core.ts';

const folder = fileURLToPath(new URL('../../../../shared/oracle/dev/', import.meta.url));
const present = existsSync(folder);

/** Cases that fail, first of each form. */
function failures(list: Fixture[]): string[] {
  const core = new FakeCore(), seen = new Map<string, { count: number; total: number; first: string }>();
  for (const t of list) {
    const entry = seen.get(t.n) ?? { count: 0, total: 0, first: '' };
    seen.set(t.n, entry);
    entry.total++;
    let bad: string[];
    try { bad = replay(core, t); } catch (e) { bad = [String(e)]; }
    if (bad.length > 0 && entry.count++ === 0) entry.first = `w${t.w} ${t.c} cw=${t.x?.cw.toString(16)} sw=${t.x?.sw.toString(16)} st0=${t.x?.st?.[0]}: ${bad.slice(0, 4).join('; ')}`;
  }
  return [...seen].filter(([, e]) => e.count > 0).map(([name, e]) => `${name} ${e.count}/${e.total} ${e.first}`);
}

/** These groups hold integer instructions too; here run the forms that are floating point alone. (Fences and cache hints belong to the engine.) */
const FORMS: Record<string, RegExp> = { block: /arithmetic/, fault: /^(SSE|x87)/ };

describe('real processor\'s fixtures [needs ../shared]', () => {
  it.skipIf(!present).each(['x87', 'x87undoc', 'x87trans', 'mmx', 'sse', 'sse2', 'block', 'fault'])('%s', group => {
    const list = fixtures(`${folder}${group}.jsonl.gz`).filter(t => FORMS[group]?.test(t.n) ?? !/fence|prefetch|clflush/.test(t.n));
    const bad = failures(list);
    expect(bad, bad.join('\n')).toEqual([]);
  });
});
