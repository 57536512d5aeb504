/** The lesson that somebody takes: begun, and on from step to step, by what is pressed; meanwhile the machine runs. */

import { effect, signal } from '@preact/signals';
import { host, living, makingAnew, reportProblem } from '../host.ts';
import { sentence } from '../sentence.ts';
import { frontGuest } from '../sessions.ts';
import { address, courseAddress } from './addresses.ts';
import type { Now } from './facts.ts';
import {
  anyAnswers,
  handInCode,
  isCourse,
  type Lesson,
  LessonRun,
  type Problem,
  type Result,
  roundsOf,
  type Step,
  versionOf,
} from '../../lessons/index.ts';
import { forgetStep, isBack, keepStep, type KeptStep, keptStep } from './kept-step.ts';
import { keep } from './progress.ts';
import { lessonText, readHere } from './texts.ts';
import { pageHost } from './page-host.ts';
import { said, words } from './words.ts';

export const now = signal<Now | undefined>(undefined);
export const problems = signal<readonly Problem[]>([]);
export const problem = signal<string | undefined>(undefined);
/** The class is held: no step goes on. */
export const isHeld = signal(false);
let opened = false;

/** How often something to be done was begun: pictures count from there. */
export const begun = signal(0);

/** Somebody types now: time goes on, as fast as is chosen in the header. */
const letGo = (): Promise<void> => host.time('goOn');

export async function open(): Promise<void> {
  if (opened) return;
  opened = true;
  problem.value = undefined;
  let run: LessonRun | undefined;
  try {
    const id = address().get('lesson') ?? '',
      text = await lessonText(id);
    if (isCourse(text)) return location.replace(courseAddress(id, address().get('seed') ?? ''));
    const { lesson, problems: found } = readHere(id, text);
    if (found.length > 0) {
      problems.value = found;
      return;
    }
    const mine = new LessonRun(lesson, pageHost, said);
    run = mine;
    const { at, answers } = beginning(lesson);
    const results = await drives(mine, async () => {
      await mine.start();
      const earlier = await mine.goTo(at, new Map([...anyAnswers(lesson), ...answers]));
      begun.value++;
      if (lesson.steps[at]?.kind === 'do') await letGo();
      return earlier;
    });
    frontGuest.value = run.idOf(lesson.guests[0]!.name);
    now.value = { lesson, run, at, answers, results: withHintsOf(answers, results), busy: false };
  } catch (error) {
    problem.value = sentence(error);
    // It may be what was done before that does not go.
    forgetStep();
    goesOn.value = false;
    await run?.end();
    reportProblem(words.lesson, problem.value);
    opened = false;
  }
}

/** The link was made for another version of the lesson: the nearest step is open. */
export const isNearest = signal(false);

/** This tab was at a later step than the lesson's first, and is there again. */
export const goesOn = signal(false);

/** Where it is opened: a round that a link names counts once. */
function beginning(lesson: Lesson): KeptStep {
  const kept = isBack() || !address().has('round') ? keptStep(lesson) : undefined;
  goesOn.value = kept !== undefined && kept.at > 0;
  return kept ?? { at: stepAsked(lesson), answers: new Map() };
}

/** Hints are about what somebody has said, not about what the page took in its place. */
const withHintsOf = (answers: KeptStep['answers'], results: ReadonlyMap<number, Result>): Map<number, Result> =>
  new Map(
    [...results].map(([step, result]) => [
      step,
      { ...result, hints: result.hints.filter(({ answer: said }) => answers.has(said)) },
    ]),
  );

/** The first step of the round that the address names, or of the last one that there is. */
function stepAsked(lesson: Lesson): number {
  const asked = Number(address().get('round') ?? 1),
    rounds = roundsOf(lesson.steps),
    version = address().get('v');
  isNearest.value = version !== null && version !== versionOf(lesson);
  return Number.isInteger(asked) && asked > 0 ? rounds[Math.min(asked, rounds.length) - 1]!.from : 0;
}

/** How far somebody is, for a later visit. */
effect(() => {
  const state = now.value;
  if (!state || state.busy) return;
  const { lesson, run, at } = state,
    isDone = at === lesson.steps.length - 1;
  keepStep(lesson, state);
  keep([
    {
      id: address().get('lesson') ?? '',
      title: lesson.title,
      seed: address().get('seed') ?? '',
      name: address().get('name') ?? '',
      round: roundsOf(lesson.steps).findLastIndex(({ from }) => from <= at) + 1,
      step: at,
      steps: lesson.steps.length,
      ...(isDone ? { code: handInCode(lesson, run.exact) } : {}),
    },
  ]);
});

/** Pressing Pause stops no guest in the middle of what the lesson has it do: it counts when that is done. */
const drives = <T>(run: LessonRun, work: () => Promise<T>): Promise<T> =>
  makingAnew(
    run.lesson.guests.map(({ name }) => name),
    work,
    name => run.idOf(name),
  );

/** Its guests run, or could. */
const areThere = ({ guests }: Lesson): boolean =>
  guests.every(({ name }) => living.peek().some(domain => domain.name === name));

/** Does something to the machine; meanwhile no other step can be taken. */
async function work(doing: (now: Now) => Promise<Partial<Now>>): Promise<void> {
  const before = now.peek();
  if (!before || before.busy) return;
  now.value = { ...before, busy: true };
  problem.value = undefined;
  let done: Partial<Now> = {};
  try {
    done = await drives(before.run, () => doing(before));
  } catch (error) {
    problem.value = areThere(before.lesson) ? sentence(error) : `${sentence(error)} ${words.beginAgain}`;
  }
  now.value = { ...before, ...done, busy: false };
}

/** The next step is open; where something is to be done, it is measured from here on, and time goes on. */
export const next = (): Promise<void> =>
  work(async ({ run, lesson, at }) => {
    if (lesson.steps[at + 1]?.kind === 'do') {
      await run.begin(at + 1);
      begun.value++;
      await letGo();
    }
    return { at: at + 1 };
  });

export const reset = (step: number): Promise<void> =>
  work(async ({ run, results }) => {
    await run.reset(step);
    begun.value++;
    await letGo();
    return { at: step, results: new Map([...results].filter(([measured]) => measured < step)) };
  });

export const act = (step: Step): Promise<void> =>
  work(async ({ run, at }) => {
    await run.act(step);
    return { at: at + 1 };
  });

export const measure = (index: number): Promise<void> =>
  work(async ({ run, answers, results }) => ({
    results: new Map([...results, [index, await run.measure(index, answers)]]),
  }));

/** Another source for a guest. Where it cannot be assembled, the guest runs on. */
export const rebuild = (guest: string, source: string): Promise<void> =>
  work(async ({ run }) => {
    await run.rebuild(guest, source);
    await letGo();
    return {};
  });

/** Keeps a prediction until it is measured. */
export function answer(name: string, said: number): void {
  now.value = { ...now.value!, answers: new Map([...now.value!.answers, [name, said]]) };
  void next();
}

/** What of that is behind somebody is opened again: a step by its number, a round by that of its first one. */
export const unfolded = signal<ReadonlySet<number>>(new Set());
export function fold(index: number, isShut: boolean): void {
  const next = new Set(unfolded.peek());
  if (isShut) next.delete(index);
  else next.add(index);
  unfolded.value = next;
}
