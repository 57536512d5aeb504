/**
 * `npm run -s lessons:times [-- LESSON…]`: processor time, in milliseconds, that each lesson of the page takes to come back to the beginning of each of its
 * steps from where it was done. Of some times the median, once the engine has compiled what it needs.
 */
import { anyAnswers, type Lesson, LessonRun, readLesson } from '../lessons/index.ts';
import { median } from './harness/median.ts';
import { WrongUse } from './harness/options.ts';
import { program } from './harness/program.ts';
import { lessonHost, PAGE_LESSONS } from '../cli/page-lessons.ts';

const TIMES = 5,
  /** A step is to be there again before somebody wonders. */
  MOST_MS = 200;
const US = 1e3;

/** Milliseconds of this process's threads, its compilers among them. */
async function processorMs(work: () => Promise<void>): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / US;
}

/** Of each step in which something is done, as somebody comes to it who does all. @throws Error with a sentence */
async function resetsMs(lesson: Lesson): Promise<number[]> {
  const run = new LessonRun(lesson, await lessonHost()),
    answers = anyAnswers(lesson),
    medians: number[] = [];
  await run.start();
  for (const [index, step] of lesson.steps.entries()) {
    if (step.kind === 'measure') await run.measure(index, answers);
    if (step.kind !== 'do') continue;
    const times: number[] = [];
    for (let time = 0; time < TIMES; time++) {
      await run.act(step);
      times.push(await processorMs(() => run.reset(index)));
    }
    await run.act(step);
    medians.push(median(times));
  }
  await run.end();
  return medians;
}

export const main = program({
  name: 'lessons:times',
  operands: '[LESSON…]',
  options: {},
  run: async (_none, write, lessons) => {
    const unknown = lessons.find(id => !PAGE_LESSONS.has(id));
    if (unknown !== undefined)
      throw new WrongUse(`There is no lesson ${unknown}. There are ${[...PAGE_LESSONS.keys()].join(', ')}.`);
    for (const id of lessons.length > 0 ? lessons : PAGE_LESSONS.keys()) {
      const medians = await resetsMs(readLesson(PAGE_LESSONS.get(id)!, 'a', id).lesson),
        slow = medians.filter(ms => ms > MOST_MS).length;
      write(
        `${id.padEnd(20)}${medians.map(ms => ms.toFixed(0).padStart(6)).join('')} ms${slow > 0 ? `, ${slow} above ${MOST_MS}` : ''}\n`,
      );
    }
    return 0;
  },
});
