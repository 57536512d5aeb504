import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { plans } from 'virtual:plans';
import { REGISTER_0 } from '../plans.ts';
import { ADD, SUBTRACT } from '../fpu/extended.ts';
import { rows } from '../table/index.ts';
import { usesOf } from './survey.ts';
import { allForms } from './forms.ts';
import { unitCase } from './fpu.ts';
import { generateInterpreter } from './generate.ts';
import { semantics } from './semantics.ts';
import { unitSemantics } from './unit-semantics.ts';

const src = fileURLToPath(new URL('../../', import.meta.url));

describe('the generator', () => {
  it('is in no bundle: nothing but its own files and tests imports from its folder', () => {
    const importers = (readdirSync(src, { recursive: true }) as string[])
      .filter(
        name =>
          /\.tsx?$/.test(name) &&
          !name.startsWith(join('cpu', 'gen')) &&
          !name.startsWith(join('cpu', 'region')) &&
          !name.includes('.test.'),
      )
      .filter(name => /from '[^']*\/gen\/[^']*'/.test(readFileSync(join(src, name), 'utf8')));
    expect(importers.map(name => relative(src, join(src, name)))).toEqual([]);
  });

  it('gives every form numbers of its own, and every case of a row a form', () => {
    const numbers = plans.forms
      .flatMap(({ general, wide, near, narrow }) => [general, wide, near === wide ? 0 : near, narrow])
      .filter(op => op !== 0);
    expect(new Set(numbers).size).toBe(numbers.length);
    const forms = allForms(rows);
    expect(plans.forms).toHaveLength(forms.size);
    for (const row of rows) {
      const { op, mnemonic, wide = '', narrow = '' } = row;
      for (const variant of `${wide} ${narrow}`.split(' ').filter(word => word !== '')) {
        // x87 and SSE: a function of fpu/ does what is not ordinary.
        if (unitSemantics[op] !== undefined) {
          expect(unitCase(row, variant[0] === 'm'), `${mnemonic}: ${variant}`).not.toBeNull();
          expect(unitCase(row, variant[0] !== 'm'), `${mnemonic}: not ${variant}`).toBeNull();
          continue;
        }
        expect(semantics[op], `${mnemonic}: ${variant}`).toBeDefined();
        expect(
          [...forms.values()].some(({ form }) => form.op === op && form.bits === Number(variant.slice(1))),
          `${mnemonic}: ${variant}`,
        ).toBe(true);
      }
    }
  });

  it('gives cases to the rows of x87 and SSE that say so, and the records of a shared case a number each', () => {
    const found = rows.flatMap(row =>
      [false, true].flatMap(memory => {
        const one = unitCase(row, memory);
        return one === null ? [] : [{ name: `${row.mnemonic} ${row.operands}`, ...one }];
      }),
    );
    const numberOf = (name: string) => found.find(one => one.name === name)?.number;
    expect(plans.unitCases).toHaveLength(3 * found.length);
    // ADD, SUBTRACT 0 and 1 with reversed 4, to ST(i) 8, pop 16; a single 8.
    expect(
      ['fadd ST0,STi', 'fadd Mf32', 'fsubrp STi,ST0', 'fld Mf64', 'fstp Mf64', 'fucomip ST0,STi'].map(numberOf),
    ).toEqual([ADD, ADD | 8, SUBTRACT | 28, 16, 3, 3]);
    const names = new Map<string, string>();
    for (const { name, text, number } of found.filter(({ x87 }) => x87)) {
      const known = names.get(`${number} ${text}`) ?? name;
      expect(name, `the record of ${known} is that of another`).toBe(known);
      names.set(`${number} ${text}`, name);
    }
    expect(found.filter(({ x87 }) => !x87).every(({ text }) => text.includes('M4[h + 3]'))).toBe(true);
  });

  it('writes the two switches of 16- and 32-bit code as they are measured: whoever changes one measures anew', () => {
    const texts = [...generateInterpreter(rows).matchAll(/^ {2}function (run|runNarrow)\(first\) \{\n[^]*?^ {2}\}$/gm)];
    expect(texts.map(([text, name]) => [name, createHash('sha256').update(text).digest('hex').slice(0, 16)])).toEqual([
      ['run', '3e87e6120dd24e5f'],
      ['runNarrow', '0b4acf55dd4f8f17'],
    ]);
  });

  it('learns from a description what it asks for', () => {
    const { reads, writes, stack, pushes, drops } = usesOf(semantics.push!, 32, 1);
    expect([[...reads], [...writes], stack, pushes, drops]).toEqual([[0], [], true, true, false]);
    expect([...usesOf(semantics.cmp!, 8, 2).writes]).toEqual([]);
    expect(usesOf(semantics.callind!, 32, 1)).toMatchObject({
      indirect: true,
      direct: false,
      returns: true,
      pushes: true,
    });
    expect(usesOf(semantics.jcc!, 32, 1)).toMatchObject({ direct: true, cc: true, flags: true, operands: 0 });
    const pop = plans.forms[[...allForms(rows).keys()].indexOf('pop.32.r')]!;
    expect(pop.facts & REGISTER_0).toBe(REGISTER_0);
  });
});
