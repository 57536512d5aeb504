import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { plans } from 'virtual:plans';
import { REGISTER_0 } from '../plans.ts';
import { rows } from '../table/index.ts';
import { usesOf } from './emitter.ts';
import { allForms } from './forms.ts';
import { semantics } from './semantics.ts';

const src = fileURLToPath(new URL('../../', import.meta.url));

describe('the generator', () => {
  it('is in no bundle: nothing but its own files and tests imports from its folder', () => {
    const importers = (readdirSync(src, { recursive: true }) as string[]).filter(name => /\.tsx?$/.test(name) && !name.startsWith(join('cpu', 'gen')) && !name.startsWith(join('cpu', 'region')) && !name.includes('.test.'))
      .filter(name => /from '[^']*\/gen\/[^']*'/.test(readFileSync(join(src, name), 'utf8')));
    expect(importers.map(name => relative(src, join(src, name)))).toEqual([]);
  });

  it('gives every form numbers of its own, and every case of a row a form', () => {
    const numbers = plans.forms.flatMap(({ general, wide, near, narrow }) => [general, wide, near === wide ? 0 : near, narrow]).filter(op => op !== 0);
    expect(new Set(numbers).size).toBe(numbers.length);
    const forms = allForms(rows);
    expect(plans.forms).toHaveLength(forms.size);
    for (const { op, mnemonic, wide = '', narrow = '' } of rows) {
      // 128 bits: a move that fpu/moves.ts does where it is not ordinary.
      for (const variant of `${wide} ${narrow}`.split(' ').filter(word => word !== '' && word !== 'm128')) {
        expect(semantics[op], `${mnemonic}: ${variant}`).toBeDefined();
        expect([...forms.values()].some(({ form }) => form.op === op && form.bits === Number(variant.slice(1))), `${mnemonic}: ${variant}`).toBe(true);
      }
    }
  });

  it('learns from a description what it asks for', () => {
    const { reads, writes, stack, pushes, drops } = usesOf(semantics.push!, 32, 1);
    expect([[...reads], [...writes], stack, pushes, drops]).toEqual([[0], [], true, true, false]);
    expect([...usesOf(semantics.cmp!, 8, 2).writes]).toEqual([]);
    expect(usesOf(semantics.callind!, 32, 1)).toMatchObject({ indirect: true, direct: false, returns: true, pushes: true });
    expect(usesOf(semantics.jcc!, 32, 1)).toMatchObject({ direct: true, cc: true, flags: true, operands: 0 });
    const pop = plans.forms[[...allForms(rows).keys()].indexOf('pop.32.r')]!;
    expect(pop.facts & REGISTER_0).toBe(REGISTER_0);
  });
});
