import { describe, expect, it } from 'vitest';
import { readLesson } from './lesson.ts';
import {
  ClassPlace,
  ClassWall,
  GONE_MS,
  MOST_STUDENTS,
  MOST_TEXT,
  readMessage,
  type StudentSays,
  writeMessage,
} from './wall.ts';

const LESSON = readLesson(
  `---
title: Two steps
---

\`\`\`guest
name = "lab"
type = "pv"
memory = 4
kernel = "minipv.elf"
\`\`\`

## Predict

\`\`\`predict
guess: How many?
\`\`\`

## Do

\`\`\`do
run 1 ms
\`\`\`

## Measure

\`\`\`measure
exits = lab.exits | exits | guess
\`\`\`

## Explain

So.

## In reality

So, too.
`,
  'a',
).lesson;
const MINUTE = 60_000;

const idOf = (n: number): string => `student${String(n).padStart(4, '0')}`;
const student = (n: number, more: Partial<StudentSays> = {}): string =>
  writeMessage({
    kind: 'student',
    id: idOf(n),
    lesson: 'two',
    step: 0,
    isOff: false,
    said: new Map(),
    measured: new Map(),
    ...more,
  });
const SAYS = { seed: 'a', isHeld: false, asks: true };

describe('a wall', () => {
  it('has each student once, at the step and with the numbers that were told last', () => {
    const wall = new ClassWall(LESSON, 'two');
    expect(wall.hear(student(1), 0)).toBe(true);
    expect(wall.hear(student(2), 0)).toBe(true);
    expect(wall.hear(student(1, { step: 1, said: new Map([['guess', 50]]) }), 10)).toBe(false);
    expect(wall.at(1).map(({ seat, said }) => [seat, said.get('guess')])).toEqual([[1, 50]]);
    expect(wall.at(0).map(({ seat }) => seat)).toEqual([2]);
    // Whoever goes leaves the number to the next.
    wall.hear(writeMessage({ kind: 'gone', id: idOf(1) }), 20);
    wall.hear(student(3), 30);
    expect(wall.all().map(({ id, seat }) => [id, seat])).toEqual([
      [idOf(3), 1],
      [idOf(2), 2],
    ]);
  });

  it('tells who is stuck: by the plan’s minutes, and sooner where a measurement does not hold', () => {
    const wall = new ClassWall(LESSON, 'two');
    wall.hear(student(1, { step: 1 }), 0);
    wall.hear(student(2, { step: 2, isOff: true }), 0);
    wall.hear(student(3, { step: 4 }), 0);
    wall.hear(student(4, { lesson: 'other' }), 0);
    const stuck = (nowMs: number) =>
      wall
        .all()
        .filter(each => wall.isStuck(each, nowMs))
        .map(({ seat }) => seat);
    expect(stuck(MINUTE)).toEqual([]);
    expect(stuck(1.5 * MINUTE)).toEqual([2]);
    // The same again is no progress; another number is.
    wall.hear(student(1, { step: 1 }), 2 * MINUTE);
    expect(stuck(3 * MINUTE)).toEqual([1, 2]);
    wall.hear(student(1, { step: 1, said: new Map([['guess', 1]]) }), 3 * MINUTE);
    expect(stuck(3 * MINUTE + 1)).toEqual([2]);
  });

  it('forgets who was not heard for long, and nobody else', () => {
    const wall = new ClassWall(LESSON, 'two');
    wall.hear(student(1), 0);
    wall.hear(student(2), GONE_MS);
    wall.forget(GONE_MS + 1);
    expect(wall.all().map(({ seat }) => seat)).toEqual([2]);
  });

  it('refuses what is too long, of no form, of another version, or too much, and says how much of it', () => {
    const wall = new ClassWall(LESSON, 'two');
    for (const text of [
      undefined,
      7,
      {},
      '',
      'x',
      '[]',
      'null',
      '{}',
      '{"version":"1"}',
      '{"version":1,"kind":"exec"}',
    ])
      wall.hear(text, 0);
    wall.hear('x'.repeat(MOST_TEXT + 1), 0);
    wall.hear(student(1).replace('"version":1', '"version":2'), 0);
    expect(Object.fromEntries(wall.refused)).toEqual({ form: 10, long: 1, version: 1 });
    expect(wall.all()).toEqual([]);
    for (let n = 0; n < 2 * MOST_STUDENTS; n++) wall.hear(student(n), 1000);
    expect([wall.all().length, wall.refused.get('full')]).toEqual([MOST_STUDENTS, MOST_STUDENTS]);
    for (let n = 0; n < 100_000; n++) wall.hear(student, 1000);
    expect(wall.refused.get('many')).toBeGreaterThan(99_000);
    // A second later it hears again.
    wall.hear(student(3, { step: 1 }), 2000);
    expect(wall.at(1).length).toBe(1);
    expect(wall.says(SAYS).length).toBeLessThan(MOST_TEXT);
    wall.clear();
    expect([wall.all().length, wall.refused.size]).toEqual([0, 0]);
  });

  it('has one student of each member of a hub’s room, whose number nobody else speaks for or floods', () => {
    const wall = new ClassWall(LESSON, 'two');
    wall.hear(student(1), 0, 11);
    wall.hear(student(1, { step: 3 }), 0, 12);
    wall.hear(writeMessage({ kind: 'gone', id: idOf(1) }), 0, 12);
    wall.hear(student(2), 0, 11);
    expect(wall.all().map(({ id, step }) => [id, step])).toEqual([[idOf(1), 0]]);
    expect(wall.refused.get('other')).toBe(3);
    for (let n = 0; n < 1000; n++) wall.hear('x', 0, 12);
    expect(wall.hear(student(3), 0, 13)).toBe(true);
    wall.left(11);
    expect(wall.all().map(({ id }) => id)).toEqual([idOf(3)]);
  });

  it.each([
    ['id', '"x"'],
    ['id', '"UPPERCASE1"'],
    ['lesson', `"${'x'.repeat(501)}"`],
    ['step', '-1'],
    ['step', '1000'],
    ['step', '0.5'],
    ['isOff', '1'],
    ['said', '{"guess":1}'],
    ['said', '[["guess","1"]]'],
    ['said', '[["a b",1]]'],
    ['said', '[["guess",1e999]]'],
    ['said', `[${Array.from({ length: 33 }, (_, i) => `["a${i}",1]`)}]`],
    ['measured', '[["guess"]]'],
    ['measured', '[null]'],
  ])('refuses a student whose %s is %s', (field, value) => {
    const fields = JSON.parse(student(1)) as Record<string, unknown>;
    delete fields[field];
    expect(readMessage(JSON.stringify(fields))).toBe('form');
    expect(readMessage(JSON.stringify(fields).replace('{', `{"${field}":${value},`))).toBe('form');
  });
});

describe('a student’s place', () => {
  it('knows its number, where the class is and whether it is held, until the wall goes or is silent for long', () => {
    const wall = new ClassWall(LESSON, 'two'),
      place = new ClassPlace(idOf(1));
    wall.hear(student(1), 0);
    expect(place.hear(wall.says({ ...SAYS, isHeld: true }), 0)).toBe(true);
    expect(place.wall(0)).toMatchObject({ lesson: 'two', seed: 'a', isHeld: true });
    expect(place.wall(0)?.seats.get(place.id)).toBe(1);
    expect(place.wall(GONE_MS + 1)).toBeUndefined();
    expect(place.hear(wall.says({ ...SAYS, asks: false }), 10)).toBe(false);
    // Another student cannot end it.
    place.hear(writeMessage({ kind: 'gone', id: idOf(2) }), 20);
    expect(place.wall(20)).toBeDefined();
    place.hear(writeMessage({ kind: 'gone', id: '' }), 30);
    expect(place.wall(30)).toBeUndefined();
  });

  it('follows the wall that came first to a hub’s room, until that is gone', () => {
    const place = new ClassPlace(idOf(1)),
      wall = new ClassWall(LESSON, 'two');
    place.hear(wall.says({ ...SAYS, isHeld: false }), 0, 11);
    for (let i = 0; i < 1000; i++) place.hear(wall.says({ ...SAYS, isHeld: true }), 0, 12);
    place.hear(writeMessage({ kind: 'gone', id: '' }), 0, 12);
    expect(place.wall(0)?.isHeld).toBe(false);
    place.hear(wall.says({ ...SAYS, seed: 'b' }), 0, 11);
    expect(place.wall(0)?.seed).toBe('b');
    place.left(11);
    expect(place.wall(0)).toBeUndefined();
    place.hear(wall.says({ ...SAYS, isHeld: true }), 10_000, 12);
    expect(place.wall(10_000)?.isHeld).toBe(true);
  });

  it('passes over what is no word of a wall, and answers a flood of questions a few times', () => {
    const place = new ClassPlace(idOf(1)),
      asked = new ClassWall(LESSON, 'two').says(SAYS);
    for (const text of [undefined, '', '{', student(2), asked.replace('"version":1', '"version":9')])
      expect(place.hear(text, 0)).toBe(false);
    expect(place.wall(0)).toBeUndefined();
    let answers = 0;
    for (let i = 0; i < 100_000; i++) if (place.hear(asked, i / 100)) answers++;
    expect(answers).toBeLessThan(20);
  });
});
