import { expect, it } from 'vitest';
import { joined, type KeptLesson, readKept, writeKept } from './progress.ts';

const lesson = (step: number, more: Partial<KeptLesson> = {}): KeptLesson => ({
  id: 'exits',
  title: 'VM exits',
  seed: 'a',
  name: 'Ada',
  round: 1,
  step,
  steps: 9,
  ...more,
});

it('is what is farther, of each lesson, seed and name', () => {
  const done = lesson(8, { code: 'X' });
  expect(joined([lesson(3)], [lesson(2), lesson(5)])).toEqual([lesson(5)]);
  expect(joined([done], [lesson(5)])).toEqual([done]);
  expect(joined([lesson(3)], [lesson(1, { name: 'Ben' })])).toHaveLength(2);
});

it('goes through a file, and another file is refused', () => {
  expect(readKept(writeKept([lesson(3)]))).toEqual([lesson(3)]);
  for (const text of ['', '{}', 'null', '[]', '{"format":"Ringside progress 1","lessons":[{"id":1}]}'])
    expect(() => readKept(text)).toThrow('holds no progress');
});

it('is read as the first version that kept it wrote it (1f9b1263)', () => {
  const text =
    '{\n "format": "Ringside progress 1",\n "lessons": [\n  {\n   "id": "exits",\n   "title": "VM exits",\n   "seed": "a",\n   "name": "Ada",\n   "round": 1,\n   "step": 8,\n   "steps": 9,\n   "code": "X"\n  }\n ]\n}\n';
  expect(readKept(text)).toEqual([lesson(8, { code: 'X' })]);
});
