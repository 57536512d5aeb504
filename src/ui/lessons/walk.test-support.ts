/** A walk through a lesson, as the page goes where all is done for whoever takes it. */
import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import { rowsOfFact } from '../../dom0/service/index.ts';
import { timersOfTest } from '../../dom0/service/host.test-support.ts';
import {
  handInCode,
  headlessHost,
  type Lesson,
  type LessonHost,
  LessonRun,
  readLesson,
  type Result,
} from '../../lessons/index.ts';

const guests = new URL('../../../guests/', import.meta.url);
/** Facts that it tells are in the table of facts. */
export async function lessonHost(): Promise<LessonHost> {
  const host = await headlessHost({
    read: async path => new Uint8Array(readFileSync(new URL(path, guests))),
    ...timersOfTest(),
  });
  return {
    ...host,
    facts: async id => {
      const facts = await host.facts(id);
      for (const name of Object.keys({ ...facts.counts, ...facts.values }))
        if (rowsOfFact(name).length !== 1) throw new Error(`lesson-facts/table.ts has no row for ${name}`);
      return facts;
    },
  };
}

/** The file of a lesson of the page. */
export const text = (id: string): string => readFileSync(new URL(`./texts/${id}.md`, import.meta.url), 'utf8');

export function read(id: string, seed: string): Lesson {
  const { lesson, problems } = readLesson(text(id), seed);
  expect(problems).toEqual([]);
  return lesson;
}

/** An answer to each question, by its name and by all that has been measured so far. Undefined where nothing is said to it yet. */
export type Answers = (name: string, measured: Readonly<Record<string, number>>) => number | undefined;

/** A step that was done is begun again and done again: the host goes back, and all that the machine tells of the guests is the same. */
async function doTwice(run: LessonRun, host: LessonHost, index: number): Promise<void> {
  const { guests, steps } = run.lesson,
    facts = (): Promise<unknown[]> => Promise.all(guests.map(({ name }) => host.facts(run.idOf(name)!))),
    { goBack } = host,
    once = await facts();
  let wentBack = false;
  host.goBack = async (...given) => (wentBack = await goBack(...given));
  await run.reset(index);
  host.goBack = goBack;
  expect(wentBack).toBe(true);
  await run.act(steps[index]!);
  expect(await facts()).toEqual(once);
}

/** `without`: steps that are left out. `readMs`: for this long each Do step stands open, and time goes on. `others`: what else somebody might have said, for what is told them then. `twice`: each step is begun again. */
export async function walk(
  lesson: Lesson,
  {
    without,
    readMs = 0,
    answers = () => 1,
    others = [],
    twice = false,
  }: {
    without?: (step: number) => boolean;
    readMs?: number;
    answers?: Answers;
    others?: readonly Answers[];
    twice?: boolean;
  } = {},
) {
  const host = await lessonHost(),
    run = new LessonRun(lesson, host);
  await run.start();
  const values: Record<string, number> = {};
  let failed: string | undefined;
  const asked = lesson.steps.flatMap(({ parts }) => parts.flatMap(part => (part.kind === 'ask' ? [part.name] : [])));
  const saidBy = (by: Answers): Map<string, number> =>
    new Map(
      asked.flatMap(name => {
        const answer = by(name, values);
        return answer === undefined ? [] : [[name, answer]];
      }),
    );
  const hints: string[] = [],
    otherHints: string[][] = others.map(() => []),
    toldOf = ({ hints: told }: Result): string[] => told.map(({ answer }) => answer);
  for (const [i, step] of lesson.steps.entries()) {
    if (step.kind === 'do') {
      await run.begin(i);
      if (readMs) await host.runFor(readMs);
      if (!without?.(i)) await run.act(step);
      if (twice) await doTwice(run, host, i);
    }
    if (step.kind !== 'measure') continue;
    // What is right is known once it has been measured, and the machine stands meanwhile.
    for (const { row, value } of (
      await run.measure(
        i,
        saidBy(() => 1),
      )
    ).measured)
      values[row.name] = value;
    for (const [other, by] of others.entries()) otherHints[other]!.push(...toldOf(await run.measure(i, saidBy(by))));
    const result = await run.measure(i, saidBy(answers));
    hints.push(...toldOf(result));
    failed ??= result.judged.find(({ holds }) => !holds)?.check.fails;
  }
  return {
    run,
    values,
    failed,
    code: handInCode(lesson, run.exact),
    /** Answers about which something was told. */
    hints,
    otherHints,
  };
}
