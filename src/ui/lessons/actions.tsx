/** What is to be done in a step, with a tick where it was and what the machine counted by it. */

import { type CommandValue, commandOf } from '../../dom0/toolstack/hypervisors/command/index.ts';
import { Fragment } from 'preact';
import { vectorsIn } from '../../hypervisor/view/index.ts';
import { domains } from '../host.ts';
import { useAsked } from '../parts/asked.ts';
import { Icon } from '../parts/marks.tsx';
import { spelled } from '../hypervisors/spelled.ts';
import { actionRows, type ActionRow, type Far, linesOf, type Now, typedBefore } from './facts.ts';
import {
  type Action,
  actionsOf,
  countedOf,
  type Instead as AsInstead,
  roundsOf,
  editsOf,
} from '../../lessons/index.ts';
import { Editor } from './editor.tsx';
import { Line } from './markdown.tsx';
import { number, words } from './words.ts';

/** This often it is looked at how far a step is. */
const LOOK_MS = 500;

/** How far the step at hand is. */
function useProgress(index: number, { run, lesson, at, busy }: Now): Far | undefined {
  const isHere = index === at;
  const ask = (): Promise<Far | undefined> =>
    run.progress(
      index,
      domains.peek().some(({ name, state }) => state === 'p' && lesson.guests.some(guest => guest.name === name)),
    );
  const far = useAsked(LOOK_MS, [run, index, isHere, busy], isHere && !busy ? ask : undefined);
  return isHere ? far.value : undefined;
}

/** What is to be done, with a tick where it was and what the machine counted by it; above it what the round before typed, to compare. */
export function Actions({ actions, index, state }: { actions: readonly Action[]; index: number; state: Now }) {
  const far = useProgress(index, state),
    before = typedBefore(index, state),
    types = actionsOf(state.lesson.steps[index]).some(({ kind }) => kind === 'type');
  return (
    <>
      <ol class="acts">
        {types && <Before index={index} state={state} />}
        {actionRows(actions, index, state, far).map((row, i) => (
          <ActionLine key={i} row={row} before={before[row.line]} />
        ))}
      </ol>
      {index === state.at &&
        [...editsOf(actions)].map(([guest, [first]]) => (
          <Editor key={guest} guest={guest} line={first!.line} state={state} />
        ))}
    </>
  );
}

/** `before`: what the round before had typed there. */
function ActionLine({
  row: { action, run, isDone, isNext, passed, counted, takes, typed },
  before,
}: {
  row: ActionRow;
  before: string | undefined;
}) {
  return (
    <li class={isDone ? 'did' : isNext ? 'now' : ''}>
      {isDone && (
        <>
          <Icon name="check" />
          <span class="hidden">{words.isDone} </span>
        </>
      )}
      <span class="what">
        <WhatToDo action={action} before={before} />
      </span>
      {counted !== undefined && <span class="res">{counted}</span>}
      {(action.says || takes) && (
        <small>
          {action.says && <Line text={action.says} />}
          {action.says && takes && '; '}
          {takes}
        </small>
      )}
      {typed !== undefined && action.kind === 'type' && (
        <small class="other" role="status">
          <Instead instead={{ guest: action.guest, typed, asked: action.text }} />
        </small>
      )}
      {passed && <span class={run === action ? 'res' : 'ran'}>{passed}</span>}
    </li>
  );
}

/** Lines typed at a guest in other words than the lesson's; the words that differ are marked. */
export const Instead = ({ instead: { guest, typed, asked } }: { instead: AsInstead }) => (
  <>
    {words.typedInstead(guest)} <Typed text={typed} before={asked} />, {words.askedFor}{' '}
    <Typed text={asked} before={typed} />.
  </>
);

/** `before`: what the round before had typed there. */
export function WhatToDo({ action, before }: { action: Action; before?: string | undefined }) {
  if (action.kind === 'type')
    return (
      <>
        {words.type(action.guest)} <Typed text={action.text} before={before} />
      </>
    );
  if (action.kind === 'edit')
    return (
      <>
        {words.edit(action.line, action.guest)} <code>{action.text}</code>
      </>
    );
  return action.kind === 'run' ? words.time(action.ms) : <code>{spelled(valueOf(action))}</code>;
}

/** What is done to the guest, as a command. */
function valueOf(action: Exclude<Action, { kind: 'type' | 'run' | 'edit' }>): CommandValue {
  if (action.kind === 'controls')
    return commandOf('exit-controls', action.guest, {
      controls: Object.entries(action.controls).map(
        ([name, value]) => `${name}=${name === 'exceptions' ? vectorsIn(Number(value)).join(',') : Number(value)}`,
      ),
    });
  if (action.kind === 'migrate') return commandOf('migrate', action.guest, { to: 'localhost' });
  if (action.kind === 'slice') return commandOf('sched-credit', undefined, { tsliceMs: action.ms });
  if (action.kind !== 'xl') return commandOf('sched-credit', action.guest, { weight: action.weight, cap: action.cap });
  return action.verb === 'mem-set' || action.verb === 'mem-max'
    ? commandOf(action.verb, action.guest, { memoryMiB: action.value ?? 0 })
    : commandOf(action.verb, action.guest);
}

/** What was typed in the round before, with what was counted then. */
function Before({ index, state: { lesson, results } }: { index: number; state: Now }) {
  const step = lesson.steps.slice(0, index).findLastIndex(({ kind }) => kind === 'do'),
    lines = step < 0 ? [] : linesOf(lesson.steps[step]!),
    row = step < 0 ? undefined : countedOf(lesson, step);
  const value = results.get(step + 1)?.measured.find(each => each.row === row)?.value;
  if (lines.length === 0 || !row || value === undefined) return null;
  const round = roundsOf(lesson.steps).findLastIndex(({ from }) => from <= step);
  return (
    <li class="did">
      <Icon name="check" />
      <span class="hidden">{words.isDone} </span>
      <span class="what">
        {words.before(round + 1)}{' '}
        {lines.map(line => (
          <code key={line}>{line}</code>
        ))}
      </span>
      <span class="res">{words.counted(number(value), row.unit!, true)}</span>
    </li>
  );
}

/** A line; where it is an earlier line with other words, those are marked. */
export function Typed({ text, before }: { text: string; before: string | undefined }) {
  const now = text.split(' '),
    then = before?.split(' ') ?? [],
    changes = now.length === then.length ? now.flatMap((word, i) => (word === then[i] ? [] : [i])) : [];
  if (changes.length === 0 || changes.length === now.length) return <code>{text}</code>;
  return (
    <code>
      {now.map((word, i) => (
        <Fragment key={i}>
          {i > 0 && ' '}
          {changes.includes(i) ? <mark title={words.was(then[i]!)}>{word}</mark> : word}
        </Fragment>
      ))}
    </code>
  );
}
