/** What is known of a lesson that somebody takes: what was said and measured, what a step has typed, and how far its actions are. */

import {
  type Action,
  actionsOf,
  countedOf,
  type Lesson,
  type LessonRun,
  type Result,
  type Round,
  type Step,
} from '../../lessons/index.ts';
import { number, words } from './words.ts';

export interface Now {
  lesson: Lesson;
  run: LessonRun;
  /** The step that is open. */
  at: number;
  answers: ReadonlyMap<string, number>;
  results: ReadonlyMap<number, Result>;
  busy: boolean;
}

/** What was said against what was measured, of a round that is done. */
export const gapsOf = ({ from, steps }: Round, { results, answers }: Now): string[] =>
  steps.flatMap((_, i) =>
    (results.get(from + i)?.measured ?? []).flatMap(({ row, value }) => {
      const said = answers.get(row.guess ?? '');
      return said === undefined ? [] : [words.gap(said, value)];
    }),
  );

export const isMeasured = ({ from, steps }: Round, { results }: Now): boolean =>
  steps.some((_, i) => results.has(from + i));

/** The answer that is about a ring's doorbells. */
export const doorbellsSaid = ({ steps }: Round, { answers }: Now): number | undefined => {
  const row = steps
    .flatMap(({ parts }) => parts.flatMap(part => (part.kind === 'rows' ? part.rows : [])))
    .find(({ guess, expression: { names } }) => guess !== undefined && names.some(name => name.endsWith('.events_in')));
  return row?.guess === undefined ? undefined : answers.get(row.guess);
};

/** Of a measurement, what it will be compared with. */
export function waitsFor({ kind, parts }: Step, { answers }: Now): string {
  const said =
    kind === 'measure'
      ? parts
          .flatMap(part => (part.kind === 'rows' ? part.rows : []))
          .map(({ guess }) => answers.get(guess ?? ''))
          .find(each => each !== undefined)
      : undefined;
  return said === undefined ? words.waits[kind] : words.measureSaid(number(said));
}

/** What a step has typed. */
export const linesOf = ({ parts }: Step): string[] =>
  parts.flatMap(part =>
    part.kind === 'actions' ? part.actions.flatMap(action => (action.kind === 'type' ? [action.text] : [])) : [],
  );
/** What the step of the kind before it had typed: what differs now is highlighted. */
export const typedBefore = (index: number, { lesson }: Now): string[] => {
  const before = lesson.steps.slice(0, index).findLast(({ kind }) => kind === 'do');
  return before ? linesOf(before) : [];
};

/** Its line leaves something out. */
export const hasMore = ({ kind, parts }: Step): boolean =>
  kind !== 'predict' || parts.some(part => part.kind !== 'ask');

export type Far = Awaited<ReturnType<LessonRun['progress']>>;

/** Of time that is to go on, how much has; undefined: none yet, or all. */
export const passedOf = (ms: number, done: Far['done'][number] | undefined): string | undefined =>
  done?.ranMs === undefined || done.ranMs >= ms
    ? undefined
    : done.isDone
      ? words.idle(done.ranMs)
      : words.ran(done.ranMs, ms);

/** A line of what is to be done. */
export interface ActionRow {
  /** Its action, and the one that lets time go on after it: the time that one line takes is shown with the line. */
  action: Action;
  run: Action;
  /** Its place among the lines that are typed. */
  line: number;
  isDone: boolean;
  /** It is the next. */
  isNext: boolean;
  /** Of the time that goes on, how much has. */
  passed: string | undefined;
  /** What the machine counted by it: it belongs to the guest's last line. */
  counted: string | undefined;
  /** What time it takes, shown behind it. */
  takes: string;
  /** What was typed in its place. */
  typed: string | undefined;
}

/** The lines of a step for `actions`, which are some of its own. `far`: how far the step at hand is. */
export function actionRows(actions: readonly Action[], index: number, state: Now, far: Far | undefined): ActionRow[] {
  const { lesson, results, at } = state,
    all = actionsOf(lesson.steps[index]),
    isDone = (i: number): boolean => index < at || far?.done[i]?.isDone === true,
    isOver = all.every((_, i) => isDone(i));
  const typed = all.filter(({ kind }) => kind === 'type'),
    row = countedOf(lesson, index),
    value = results.get(index + 1)?.measured.find(each => each.row === row)?.value ?? far?.counted?.value;
  const teller = all.findLastIndex(({ kind }) => kind !== 'run'),
    last = teller < 0 ? all.length - 1 : teller;
  const runOf = (i: number): number =>
    typed.length === 1 && all[i]?.kind === 'type' && all[i + 1]?.kind === 'run' ? i + 1 : i;
  const shown = actions.map(action => all.indexOf(action)).filter(i => runOf(i - 1) !== i),
    next = shown.find(i => !isDone(i) || !isDone(runOf(i)));
  return shown.map(i => {
    const action = all[i]!,
      run = all[runOf(i)]!,
      passed = run.kind === 'run' ? passedOf(run.ms, far?.done[runOf(i)]) : undefined;
    return {
      action,
      run,
      line: typed.indexOf(action),
      isDone: isDone(i) && isDone(runOf(i)),
      isNext: i === next,
      passed,
      counted:
        i === last && isDone(i) && row && value !== undefined
          ? words.counted(number(value), row.unit!, isOver)
          : undefined,
      takes: run !== action && run.kind === 'run' && !passed ? words.takes(run.ms) : '',
      typed: far?.done[i]?.typed,
    };
  });
}
