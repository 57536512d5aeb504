import { expect, it } from 'vitest';
import { fold } from './fold.ts';

const exits = [
  [1, 52],
  [1, 52],
  [2, 52],
  [1, 30],
  [1, 30],
  [1, 52],
  [1, 52],
  [1, 52],
].map(([domain, reason], i) => ({ key: `l${i}`, domain: domain!, vcpu: 0, reason: reason! }));
const told = (picked?: string): [key: string, times: number][] =>
  fold(exits, reason => reason === 52, picked).map(({ exit, times }) => [exit.key, times]);

it('makes one row of those that follow on one another on one vCPU and say the same', () => {
  expect(told()).toEqual([
    ['l0', 2],
    ['l2', 1],
    ['l3', 1],
    ['l4', 1],
    ['l5', 3],
  ]);
});

it('leaves alone what is picked', () => {
  expect(told('l6').slice(-3)).toEqual([
    ['l5', 1],
    ['l6', 1],
    ['l7', 1],
  ]);
  expect(told('l0').slice(0, 2)).toEqual([
    ['l0', 1],
    ['l1', 1],
  ]);
});
