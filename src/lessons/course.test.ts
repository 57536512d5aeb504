import { expect, it } from 'vitest';
import { isCourse, nextInCourse, readCourse } from './course.ts';

const COURSE =
  '---\ncourse: One term\nabout: For beginners.\n---\n\n## Processors\n\nTwo weeks.\n\n1. [Trap and emulate](trap-and-emulate): first\n2. [Mine](https://a.example/mine.md)\n\n## Memory\n\n1. [Ballooning](ballooning)\n';

it('is an ordered list of lessons, in parts', () => {
  const { course, problems } = readCourse(COURSE);
  expect(problems).toEqual([]);
  expect(course.parts).toEqual([
    {
      title: 'Processors',
      says: 'Two weeks.',
      entries: [
        { id: 'trap-and-emulate', title: 'Trap and emulate', says: 'first' },
        { id: 'https://a.example/mine.md', title: 'Mine', says: '' },
      ],
    },
    { title: 'Memory', says: '', entries: [{ id: 'ballooning', title: 'Ballooning', says: '' }] },
  ]);
  expect(nextInCourse(course, 'https://a.example/mine.md')?.id).toBe('ballooning');
  expect(nextInCourse(course, 'ballooning')).toBeUndefined();
  expect(nextInCourse(course, 'trap-and-emulate', id => !id.startsWith('https'))?.id).toBe('ballooning');
  expect([isCourse(COURSE), isCourse('---\ntitle: x\n---\n## Predict\ncourse: no\n')]).toEqual([true, false]);
});

it('is told all that is wrong with it, with the lines', () => {
  expect(
    readCourse(
      '---\ncourse: x\ntitle: y\n---\n<b>z</b>\n\n1. [a](a)\n2. no link\n3. [b](javascript:alert)\n',
    ).problems.map(({ line, text }) => `${line}: ${text.slice(0, 20)}`),
  ).toEqual([
    '3: “title: y” means not',
    '5: "<b>" is HTML, which',
    '5: "</b>" is HTML, whic',
    '8: “no link” is no less',
    '9: “[b](javascript:aler',
  ]);
  expect(readCourse('nothing').problems.map(({ line }) => line)).toEqual([1, 1]);
});
