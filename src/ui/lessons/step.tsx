/** A step of a lesson: shut, at hand or behind somebody, with its parts and what goes on from it. */

import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { DomainInfo } from '../../dom0/service/index.ts';
import { command, domains } from '../host.ts';
import { Icon, Tag } from '../parts/marks.tsx';
import { Actions, Instead, Typed } from './actions.tsx';
import { hasMore, linesOf, type Now, typedBefore, waitsFor } from './facts.ts';
import {
  type Course,
  handInCode,
  type Lesson,
  nextInCourse,
  type Part,
  readCourse,
  type Step,
} from '../../lessons/index.ts';
import { Line, Markdown } from './markdown.tsx';
import { nextLesson } from './list.ts';
import { courseText, mayBeThere } from './texts.ts';
import { address, courseAddress, lessonHere } from './addresses.ts';
import { act, answer, fold, measure, next, reset, unfolded } from './taking.ts';
import { number, words } from './words.ts';

/** What is behind somebody is one line, so that the step at hand begins on the screen. Measurements stay: later steps speak of them. */
const FOLDED: ReadonlySet<Step['kind']> = new Set(['predict', 'do', 'explain']);

interface StepProps {
  step: Step;
  index: number;
  state: Now;
}

/** `number`: in its round. */
export function StepBox({ step, index, number: no, state }: StepProps & { number: number }) {
  const { at, busy, lesson } = state;
  const title = step.kind === 'reality' ? words.steps.reality : `${no}. ${words.steps[step.kind]}`;
  const isHere = index === at,
    isFolded = !isHere && FOLDED.has(step.kind) && !unfolded.value.has(index);
  const box = useRef<HTMLElement>(null);
  // Under the head, which keeps its place.
  useEffect(() => {
    if (isHere && index > 0) box.current?.scrollIntoView({ block: 'nearest' });
  }, [isHere, state.results.get(index)]);
  if (index > at)
    return (
      <section class="lstep shut">
        <h2>{title}</h2>
        <p class="sec">{waitsFor(step, state)}</p>
      </section>
    );
  // First it must run: nothing that the step offers gets on before.
  const isStopped = isHere && step.kind === 'do' && !busy && pausedOf(lesson).length > 0;
  return (
    <section
      ref={box}
      class={`lstep${isHere ? ' here' : ''}${isFolded ? ' folded' : ''}${step.kind === 'reality' ? ' reality' : ''}`}
      data-step={index}
    >
      <StepHead step={step} index={index} state={state} title={title} isFolded={isFolded} />
      {isFolded && <Gist step={step} state={state} />}
      {!isFolded && step.parts.map((part, i) => <PartView key={i} part={part} index={index} state={state} />)}
      {isStopped && <Paused lesson={lesson} />}
      {isHere && !isStopped && <Onward step={step} index={index} state={state} />}
      {isHere && step.kind === 'reality' && (
        <p class="code" data-testid="code">
          <b>{words.code}</b> <code>{handInCode(lesson, state.run.exact)}</code> <span class="sec">{words.hand}</span>
        </p>
      )}
      {isHere && step.kind === 'reality' && <NextLesson />}
    </section>
  );
}

/** The one behind this in the course that it was opened from, or in the list; a lesson of somebody's own has none. */
function NextLesson() {
  const course = useSignal<Course | undefined>(undefined),
    id = address().get('lesson') ?? '',
    name = address().get('name') ?? '',
    courseId = address().get('course');
  useEffect(() => {
    if (courseId)
      courseText(courseId).then(
        text => {
          course.value = readCourse(text).course;
        },
        () => {},
      );
  }, []);
  const entry = courseId ? course.value && nextInCourse(course.value, id, mayBeThere) : nextLesson(id);
  return (
    <p>
      {entry && (
        <>
          {words.next}{' '}
          <a href={lessonHere(entry.id, courseId || name ? (address().get('seed') ?? undefined) : undefined, name)}>
            {entry.title}
          </a>{' '}
        </>
      )}
      {courseId && <a href={courseAddress(courseId, address().get('seed') ?? '')}>{words.course}</a>}
    </p>
  );
}

/** Its name, which opens and folds what is behind somebody; folded, what it has typed. */
function StepHead({ step, index, state, title, isFolded }: StepProps & { title: string; isFolded: boolean }) {
  const isHere = index === state.at,
    toggles = !isHere && FOLDED.has(step.kind) && hasMore(step);
  return (
    <div class={`row${toggles ? ' toggled' : ''}`}>
      <h2>
        {toggles ? (
          <Toggle at={index} isFolded={isFolded}>
            {title}
          </Toggle>
        ) : (
          title
        )}
      </h2>
      {isFolded &&
        linesOf(step).map((text, i) => (
          <span key={i} class="typed">
            <Typed text={text} before={typedBefore(index, state)[i]} />
          </span>
        ))}
      <span class="grow" />
      {step.kind === 'do' && (
        <button class="btn quiet sm" disabled={state.busy} onClick={() => void reset(index)}>
          {words.reset}
        </button>
      )}
      {!isHere && step.kind === 'predict' && <Tag kind="done">{words.answered}</Tag>}
    </div>
  );
}

/** What goes on from the step at hand. */
function Onward({ step, index, state: { busy, lesson, results } }: StepProps) {
  const result = results.get(index),
    holds = result?.judged.every(each => each.holds) ?? false,
    hasActions = step.parts.some(({ kind }) => kind === 'actions'),
    isLast = index === lesson.steps.length - 1,
    done = lesson.steps.slice(0, index).findLastIndex(({ kind }) => kind === 'do');
  return (
    <>
      {(step.kind === 'do' || hasActions) && (
        <p class="row wrap lgo">
          {hasActions && (
            <button class="btn primary" disabled={busy} onClick={() => void act(step)}>
              {busy ? words.doing : words.doIt}
            </button>
          )}
          {step.kind === 'do' && (
            <button class="btn" disabled={busy} onClick={() => void next()}>
              {words.done}
            </button>
          )}
        </p>
      )}
      {step.kind === 'measure' &&
        result?.instead?.map((instead, i) => (
          <p key={i} role="status">
            <Instead instead={instead} />
          </p>
        ))}
      {step.kind === 'measure' && (
        <p class="row wrap">
          {/* To measure the same again helps nobody: what was done was something else. */}
          {result && !holds && done >= 0 && (
            <button class="btn primary" disabled={busy} onClick={() => void reset(done)}>
              {words.reset}
            </button>
          )}
          <button class={`btn${result ? '' : ' primary'}`} disabled={busy} onClick={() => void measure(index)}>
            {result ? words.measureAgain : words.measure}
          </button>
          {holds && (
            <button class="btn primary" disabled={busy} onClick={() => void next()}>
              {words.goOn}
            </button>
          )}
        </p>
      )}
      {step.kind === 'explain' && !isLast && (
        <p>
          <button class="btn primary" disabled={busy} onClick={() => void next()}>
            {words.goOn}
          </button>
        </p>
      )}
    </>
  );
}

/** A guest that somebody has paused, perhaps in the middle of a command. */
const pausedOf = ({ guests }: Lesson): DomainInfo[] =>
  domains.value.filter(({ name, state }) => state === 'p' && guests.some(guest => guest.name === name));
const Paused = ({ lesson }: { lesson: Lesson }) => (
  <>
    {pausedOf(lesson).map(domain => (
      <p key={domain.id} class="row wrap lgo" role="status">
        <button class="btn primary" onClick={() => void command('unpause', domain)}>
          {words.runs(domain.name)}
        </button>
        <span class="sec">{words.stands(domain.name)}</span>
      </p>
    ))}
  </>
);

/** Of a prediction that is folded: the question, and what was said. */
function Gist({ step, state }: { step: Step; state: Now }) {
  const asked = step.parts.find(part => part.kind === 'ask'),
    said = asked && state.answers.get(asked.name);
  if (asked && said !== undefined)
    return (
      <p>
        {asked.text} <b>{words.youSaid(said)}</b>
      </p>
    );
  return null;
}

/** Of what is behind somebody, its head: all of the line opens and folds it. */
export const Toggle = ({ at, isFolded, children }: { at: number; isFolded: boolean; children: ComponentChildren }) => (
  <button class="ltog" aria-expanded={!isFolded} onClick={() => fold(at, !isFolded)}>
    {children}
    <Icon name={isFolded ? 'right' : 'down'} />
  </button>
);

function PartView({ part, index, state }: { part: Part; index: number; state: Now }) {
  if (part.kind === 'text')
    return (
      <div class="prose">
        <Markdown tokens={part.tokens} />
      </div>
    );
  if (part.kind === 'ask')
    return (
      <Ask
        name={part.name}
        text={part.text}
        isHere={index === state.at}
        busy={state.busy}
        given={state.answers.get(part.name)}
      />
    );
  if (part.kind === 'actions') return <Actions actions={part.actions} index={index} state={state} />;
  const result = state.results.get(index);
  if (part.kind === 'rows') return <MeasuredRows rows={part.rows} result={result} answers={state.answers} />;
  if (part.kind === 'hints')
    return (
      <div class="prose" aria-live="polite">
        {result?.hints
          .filter(hint => part.hints.includes(hint))
          .map(({ answer, text }) => (
            <blockquote key={answer} class="lhint">
              <b>{words.hint(state.answers.get(answer)!)}</b> <Line text={text} />
            </blockquote>
          ))}
      </div>
    );
  return (
    <ul class="checks" aria-live="polite">
      {result?.judged
        .filter(({ check }) => part.checks.includes(check))
        .map(({ check, holds, problem }, i) => (
          <li key={i}>
            <Tag kind={holds ? 'done' : 'failed'}>
              {problem ? words.notJudged(check.holds, problem) : holds ? check.holds : check.fails}
            </Tag>
          </li>
        ))}
    </ul>
  );
}

/** What was said next to what was measured. */
const MeasuredRows = ({
  rows,
  result,
  answers,
}: {
  rows: Extract<Part, { kind: 'rows' }>['rows'];
  result: ReturnType<Now['results']['get']>;
  answers: Now['answers'];
}) => (
  <table class="meas">
    <thead>
      <tr>
        <th>{words.what}</th>
        <th class="num said">{words.said}</th>
        <th class="num got">{words.measured}</th>
      </tr>
    </thead>
    <tbody>
      {rows.map(row => {
        const value = result?.measured.find(each => each.row === row)?.value;
        const said = row.guess === undefined ? undefined : answers.get(row.guess);
        return (
          <tr key={row.name}>
            <td>{row.text}</td>
            <td class="num m">
              {said === undefined ? '' : number(said)}
              {said !== undefined && value !== undefined && (
                <small>{said === value ? words.right : words.off(value - said)}</small>
              )}
            </td>
            <td class="num m b">{value === undefined ? '–––' : number(value)}</td>
          </tr>
        );
      })}
    </tbody>
  </table>
);

function Ask({
  name,
  text,
  isHere,
  busy,
  given,
}: {
  name: string;
  text: string;
  isHere: boolean;
  busy: boolean;
  given: number | undefined;
}) {
  const keep = (event: SubmitEvent): void => {
    event.preventDefault();
    const value = new FormData(event.currentTarget as HTMLFormElement).get('answer');
    const said = Number(value);
    if (value === '' || !Number.isFinite(said)) return;
    answer(name, said);
  };
  return (
    <form class="ask" onSubmit={keep}>
      <label for={`ask-${name}`}>{text}</label>
      <p class="row wrap">
        <input
          id={`ask-${name}`}
          name="answer"
          type="number"
          step="any"
          required
          disabled={!isHere}
          defaultValue={given ?? ''}
        />
        {isHere ? (
          <button class="btn primary" disabled={busy}>
            {words.answer}
          </button>
        ) : (
          <span class="sec">{words.kept}</span>
        )}
      </p>
    </form>
  );
}
