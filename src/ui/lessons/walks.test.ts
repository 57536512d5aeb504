/** `npm run -s lessons`: every lesson of the page, walked twice: equal numbers, the right code, and a hint for each wrong answer; one that begins each step again has the numbers of one that does not. `npm test` walks each once, and twice one of each kind of host. From another seed: test/guests/lessons.guest.ts. */
import { describe, expect, it } from 'vitest';
import type { Lesson, Row } from '../../lessons/index.ts';
import { LESSONS } from './list.ts';
import { type Answers, read, walk } from './walk.test-support.ts';

/** All lessons are walked twice by `npm run -s lessons`; npm test has those of each kind of host. */
const IS_WHOLE = import.meta.env.MODE === 'whole',
  TWICE = ['ring-request', 'exits', 'shadow-or-nested', 'cluster'];

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
      right: Answers = (name, measured) => measured[rows.get(name)!.name],
      isTwice = IS_WHOLE || TWICE.includes(id);
    const first = await walk(lesson, {
      answers: right,
      others: WRONG.map(
        (wrong): Answers =>
          (name, measured) => {
            const known = right(name, measured);
            return known === undefined ? undefined : wrong(known);
          },
      ),
      twice: isTwice,
    });
    expect(first.failed).toBeUndefined();
    expect(first.hints).toEqual([]);
    for (const told of first.otherHints) expect(new Set(told)).toEqual(new Set(rows.keys()));
    if (!isTwice) return;
    // The same numbers, whatever is answered.
    const again = await walk(lesson);
    expect([again.values, again.code]).toEqual([first.values, first.code]);
  });

  it('asks something in two to four rounds, and each answer is measured', () => {
    const lesson = read(id, 'a'),
      asked = lesson.steps.flatMap(({ parts }) => parts.flatMap(part => (part.kind === 'ask' ? [part.name] : [])));
    expect(asked.length).toBeGreaterThan(1);
    expect(asked.length).toBeLessThan(5);
    expect(new Set(rowsOf(lesson).keys())).toEqual(new Set(asked));
  });
});
