import { describe, expect, it } from 'vitest';
import { affinityProblem, formatCpus, parseCpus } from './cpus.ts';

describe('lists of processors (xl.cfg(5), cpus)', () => {
  it.each([
    ['all', -1],
    ['0', 1],
    ['0-3,5,^1', 0b101101],
    ['all,^7', ~(1 << 7)],
    ['2, 4 - 5'.replace(/ - /, '-'), 0b110100],
    // From left to right.
    ['^1,0-1', 0b11],
    ['nodes:0', -1],
    ['nodes:0,^0', ~1],
    ['31', 1 << 31],
  ] as const)('%s', (text, bits) => {
    expect(parseCpus(text)).toBe(bits);
  });

  it.each([
    ['', /‘’ is no processor/],
    ['0-', /‘0-’ is no processor/],
    ['0,,1', /is no processor/],
    ['3-1', /ends before it begins. Write 1-3/],
    ['^all', /does not take \^all/],
    ['^0', /no processor is left/],
    ['0,^0', /no processor is left/],
    ['32', /processors are 0 to 31/],
    ['node:1', /there is one: node 0/],
    ['-1', /is no processor/],
    ['0x1', /is no processor/],
  ])('refuses %j', (text, sentence) => {
    expect(parseCpus(text)).toEqual(expect.objectContaining({ text: expect.stringMatching(sentence) }));
  });

  it('are written as xl prints them', () => {
    expect([formatCpus(-1), formatCpus(0b101101), formatCpus(1 << 31)]).toEqual(['all', '0,2-3,5', '31']);
  });

  it('must name a processor that is there', () => {
    expect(affinityProblem(0b100, 2)).toMatch('this host has 2 processors, 0 to 1, and 2 names none of them.');
    expect(affinityProblem(0b110, 2)).toBeUndefined();
    expect(affinityProblem(undefined, 1)).toBeUndefined();
  });
});
