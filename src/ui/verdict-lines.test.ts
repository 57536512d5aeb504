import { expect, it } from 'vitest';
import { judgeDefinition } from '../dom0/definitions/config/judge-definition.ts';
import { reasonOf, tallyLines } from './verdict-lines.ts';

it('counts a line once, by the worst that is said of it, and what is said of no line by itself', () => {
  const at = (line: number, verdict: 'used' | 'approximated' | 'error', file = 'a.cfg') => ({ file, line, verdict });
  expect([
    ...tallyLines([
      at(1, 'used'),
      at(2, 'used'),
      at(2, 'approximated'),
      at(2, 'used'),
      at(3, 'error'),
      at(0, 'error'),
      at(0, 'error'),
      at(1, 'used', 'b.cfg'),
    ]),
  ]).toEqual([
    ['used', 2],
    ['approximated', 1],
    ['error', 3],
  ]);
  expect(tallyLines([]).size).toBe(0);
});

it('says why what xl itself would start with is refused, and nothing where the finding says all', () => {
  const findings = judgeDefinition(
    'a.cfg',
    'name = "a"\ntype = "pvh"\nmemory = "64M"\ncpu_wieght = 512\nacpi = "yes"\n',
  ).findings;
  expect(findings.filter(finding => reasonOf(finding)).map(({ key }) => key)).toEqual(['memory']);
});
