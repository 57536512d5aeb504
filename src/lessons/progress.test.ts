import { expect, it } from 'vitest';
import type { LoggedInput } from '../dom0/service/index.ts';
import type { Action } from './form.ts';
import { progressOf } from './progress.ts';

const ACTIONS: Action[] = [
  { kind: 'type', guest: 'lab', text: 'time xvda write 392 4 8' },
  { kind: 'run', ms: 400 },
];
const typed = (text: string, atMs: number, domain = 3): LoggedInput[] =>
  [...text].map(character => ({
    round: 1,
    atNs: 1e6 * atMs,
    what: { kind: 'console', domain, input: { serial: new TextEncoder().encode(character) } },
  }));
const look = (inputs: LoggedInput[], nowMs: number, actions = ACTIONS, isIdle = false) =>
  progressOf(actions, {
    ids: new Map([['lab', 3]]),
    inputs,
    beganNs: 1e6,
    nowNs: 1e6 * nowMs,
    isIdle,
    facts: new Map([['lab', { counts: {}, values: { weight: 512, cap: 0 } }]]),
  });

it('a command is done when its line was ended at its guest, as the guest’s line editor has it', () => {
  expect(look(typed('time xvda', 50), 60)).toEqual([{ isDone: false }, { isDone: false }]);
  expect(look(typed('time xvda write 392 4 9\x7f8', 50), 60)[0]).toEqual({ isDone: false });
  expect(look(typed('time xvda write 392 4 9\x7f8\r', 50), 60)).toEqual([
    { isDone: true },
    { isDone: false, ranMs: 10 },
  ]);
  expect(look(typed('time xvda write 392 4 8\r', 50, 4), 60)[0]).toEqual({ isDone: false });
});

it('tells what was typed in place of a line, and no line that another action asks for', () => {
  expect(look(typed('time xvda write 392 4 9\r', 50), 60)[0]).toEqual({
    isDone: false,
    typed: 'time xvda write 392 4 9',
  });
  const two: Action[] = [ACTIONS[0]!, { kind: 'type', guest: 'lab', text: 'help' }];
  expect(look([...typed('strom\r', 40), ...typed('help\r', 50), ...typed('\r', 55)], 60, two)).toEqual([
    { isDone: false, typed: 'strom' },
    { isDone: true },
  ]);
  expect(look([...typed('strom\r', 40), ...typed('time xvda write 392 4 8\r', 50)], 60)[0]).toEqual({ isDone: true });
});

it('time goes on from the command, not from the step', () => {
  expect(look([], 900)[1]).toEqual({ isDone: false });
  expect(look(typed('time xvda write 392 4 8\r', 500), 899)[1]).toEqual({ isDone: false, ranMs: 399 });
  expect(look(typed('time xvda write 392 4 8\r', 500), 901)[1]).toEqual({ isDone: true, ranMs: 400 });
  // Where nothing happens any more it has no reason to.
  expect(look(typed('time xvda write 392 4 8\r', 500), 512, ACTIONS, true)[1]).toEqual({ isDone: true, ranMs: 12 });
  expect(look([], 512, ACTIONS, true)[1]).toEqual({ isDone: false });
});

it('the same line twice needs two lines, and a weight is done where the scheduler has it', () => {
  const twice: Action[] = [ACTIONS[0]!, ACTIONS[0]!];
  expect(look(typed('time xvda write 392 4 8\r', 50), 60, twice)).toEqual([{ isDone: true }, { isDone: false }]);
  expect(
    look([], 60, [
      { kind: 'shares', guest: 'lab', weight: 512 },
      { kind: 'shares', guest: 'lab', cap: 40 },
    ]),
  ).toEqual([{ isDone: true }, { isDone: false }]);
});
