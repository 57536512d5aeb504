/** `npm run -s lessons`: every lesson of the page, walked twice: equal numbers, the right code, and a hint for each wrong answer; one that begins each step again has the numbers of one that does not. From another seed: test/guests/lessons.guest.ts. */
import { describe, expect, it } from 'vitest';
import type { Lesson, Row } from '../../lessons/index.ts';
import { LESSONS } from './list.ts';
import { read, walk } from './walk.test-support.ts';

/** All lessons have their steps begun again by `npm run -s lessons`; npm test has those of each kind of host. */
const IS_WHOLE = import.meta.env.MODE === 'whole',
  BEGUN_AGAIN = ['ring-request', 'exits', 'shadow-or-nested', 'cluster'];

/** What each question is measured by. */
const rowsOf = ({ steps }: Lesson): Map<string, Row> =>
  new Map(
    steps.flatMap(({ parts }) =>
      parts.flatMap(part =>
        part.kind === 'rows'
          ? part.rows.flatMap(row => (row.guess === undefined ? [] : [[row.guess, row] as const]))
          : [],
      ),
    ),
  );

/** Wrong by much: what is not exact is right within some per cent. */
const WRONG: readonly ((right: number) => number)[] = [
  right => right + 1 + Math.ceil(right * 0.6),
  right => (right === 0 ? 2 : Math.floor(right * 0.4)),
  right => right * 9 + 60,
];

describe.each(LESSONS.map(({ id }) => id))('the lesson %s', id => {
  it('holds, and repeats itself to the number, also from the middle, with a hint for each wrong answer', async () => {
    const lesson = read(id, 'a'),
      rows = rowsOf(lesson),
      first = await walk(lesson, { twice: IS_WHOLE || BEGUN_AGAIN.includes(id) });
    expect(first.failed).toBeUndefined();
    // The same numbers, whatever is answered.
    const right = (name: string): number => first.values[rows.get(name)!.name]!;
    const again = await walk(lesson, {
      answers: right,
      others: WRONG.map(wrong => (name: string) => wrong(right(name))),
    });
    expect([again.values, again.code]).toEqual([first.values, first.code]);
    expect(again.hints).toEqual([]);
    for (const told of again.otherHints) expect(new Set(told)).toEqual(new Set(rows.keys()));
  });

  it('asks something in two to four rounds, and each answer is measured', () => {
    const lesson = read(id, 'a'),
      asked = lesson.steps.flatMap(({ parts }) => parts.flatMap(part => (part.kind === 'ask' ? [part.name] : [])));
    expect(asked.length).toBeGreaterThan(1);
    expect(asked.length).toBeLessThan(5);
    expect(new Set(rowsOf(lesson).keys())).toEqual(new Set(asked));
  });
});
