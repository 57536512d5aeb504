import { expect, it } from 'vitest';
import { actionRows, type Far, gapsOf, hasMore, type Now, typedBefore, waitsFor } from './facts.ts';
import type { Action, Step } from '../../lessons/index.ts';

const type = (text: string): Action => ({ kind: 'type', guest: 'web', text }) as Action,
  run = (ms: number): Action => ({ kind: 'run', ms }) as Action;
const step = (kind: Step['kind'], ...parts: object[]): Step => ({ kind, parts }) as Step;
const row = { name: 'exits', text: 'Exits', guess: 'many', unit: 'exits', expression: { names: [] } };
/** A round: a guess, what is done, what is measured; then what is done in the next. */
const first = [type('read xvda'), run(100)],
  second = [type('read hda'), run(100), run(50)];
const steps = [
  step('predict', { kind: 'ask', name: 'many', text: 'How many?' }),
  step('do', { kind: 'actions', actions: first }),
  step('measure', { kind: 'rows', rows: [row] }),
  step('do', { kind: 'actions', actions: second }),
];
const now = (at: number, more: Partial<Now> = {}): Now =>
  ({ lesson: { steps, guests: [{ name: 'web' }] }, at, answers: new Map(), results: new Map(), ...more }) as Now;
const far = (...done: [isDone: boolean, ranMs?: number][]): Far =>
  ({ done: done.map(([isDone, ranMs]) => ({ isDone, ...(ranMs === undefined ? {} : { ranMs }) })) }) as Far;

it('tells the time that one line takes with the line, and how much of it has gone', () => {
  const rows = (seen?: Far) =>
    actionRows(first, 1, now(1), seen).map(({ takes, passed, isDone, isNext }) => [takes, passed, isDone, isNext]);
  expect(rows()).toEqual([['then 100 ms go by', undefined, false, true]]);
  expect(rows(far([true], [false, 40]))).toEqual([['', '40 of 100 ms', false, true]]);
  expect(rows(far([true], [true, 40]))).toEqual([['', 'idle after 40 ms', true, false]]);
  expect(actionRows(second, 3, now(3), undefined)).toHaveLength(2);
});

it('has a tick at all of a step that is behind somebody', () => {
  expect(actionRows(first, 1, now(2), undefined).every(({ isDone, isNext }) => isDone && !isNext)).toBe(true);
});

it('compares what was said with what was measured, when both are there', () => {
  const answers = new Map([['many', 12]]);
  expect(waitsFor(steps[2]!, now(0))).toMatch(/^Opens when that is done: the machine/);
  expect(waitsFor(steps[2]!, now(0, { answers }))).toBe(
    'Opens when that is done: your 12 is shown next to the counter.',
  );
  const results = new Map([[2, { measured: [{ row, value: 14 }], judged: [] }]]) as unknown as Now['results'];
  expect(gapsOf({ from: 0, steps: steps.slice(0, 3) }, now(3, { answers, results }))).toEqual([
    'you said 12, measured 14',
  ]);
});

it('shows beside a line what the round before typed there, and folds a prediction that is a question alone', () => {
  expect([typedBefore(1, now(1)), typedBefore(3, now(3))]).toEqual([[], ['read xvda']]);
  expect([hasMore(steps[0]!), hasMore(step('predict', { kind: 'text', tokens: [] })), hasMore(steps[1]!)]).toEqual([
    false,
    true,
    true,
  ]);
});
