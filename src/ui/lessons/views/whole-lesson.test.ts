import { isValidElement } from 'preact';
import { expect, it } from 'vitest';
import { LESSONS } from '../list.ts';
import { read } from '../walk.test-support.ts';
import { WholeLesson } from './whole-lesson.tsx';

/** Objects that elements below this one are given. */
function givenIn(node: unknown, found = new Set<unknown>()): Set<unknown> {
  if (Array.isArray(node)) for (const each of node) givenIn(each, found);
  else if (isValidElement(node))
    for (const value of Object.values(node.props)) {
      found.add(value);
      givenIn(value, found);
    }
  return found;
}

it.each(LESSONS.map(({ id }) => id))(
  '%s is handed out without what explains its numbers, and printed whole with it',
  id => {
    const lesson = read(id, 'a');
    const partsOf = (isExplained: boolean) =>
      lesson.steps.filter(({ kind }) => (kind === 'explain') === isExplained).flatMap(({ parts }) => parts);
    const [explained, others] = [partsOf(true), partsOf(false)];
    const whole = givenIn(WholeLesson({ lesson })),
      asked = givenIn(WholeLesson({ lesson, asked: true }));
    expect(explained.filter(part => asked.has(part))).toEqual([]);
    expect([...explained, ...others].filter(part => !whole.has(part))).toEqual([]);
    expect(others.some(part => asked.has(part))).toBe(true);
  },
);
