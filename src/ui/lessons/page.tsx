/** A lesson beside the machine that it is about: its steps at the left, the guests' consoles at the right. Loaded when a lesson is opened. */

import { signal, useSignal } from '@preact/signals';
import { type ComponentChildren, Fragment } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { DomainInfo } from '../../dom0/service/index.ts';
import { command, domains, host, info, makingAnew, reportProblem, sentence } from '../host.ts';
import { mediaSignal } from '../media.ts';
import { frontGuest, sessions } from '../sessions.ts';
import { Activity } from '../parts/activity.tsx';
import { strings } from '../strings.ts';
import { SerialWindow } from '../parts/serial.tsx';
import { Icon, Tag } from '../parts/marks.tsx';
import {
  type Action,
  handInCode,
  type Lesson,
  type Part,
  type Problem,
  readLesson,
  type Round,
  roundsOf,
  type Step,
} from './lesson.ts';
import { lessonAddress, LESSONS, lessonText } from './list.ts';
import './lessons.css';
import { Line, Markdown } from './markdown.tsx';
import { pageHost } from './page-host.ts';
import { RingStrip } from './ring-strip.tsx';
import { actionsOf, countedOf, type Judged, LessonRun, type Measured } from './run.ts';

const words = {
  lesson: 'lesson',
  counts: (guest: string) => `What ${guest} does to the hypervisor`,
  starts: 'The guests of the lesson start.',
  which: (n: number, of: number) => `Lesson ${n} of ${of}`,
  own: 'A lesson of yours',
  seed: (seed: string) => `seed\u00a0${seed}`,
  another: 'Other numbers',
  steps: { predict: 'Predict', do: 'Do', measure: 'Measure', explain: 'Explain', reality: 'In reality' },
  round: (n: number, of: number, name: string | undefined) =>
    `Round ${n}${of > 1 ? ` of ${of}` : ''}${name ? `: ${name}` : ''}`,
  later: 'Opens when this round is done.',
  was: (before: string) => `was ${before}`,
  youSaid: (n: number) => `You said ${number(n)}.`,
  gap: (said: number, got: number) => `you said ${number(said)}, measured ${number(got)}`,
  answered: 'answered',
  kept: 'Your answer is kept until it is measured.',
  answer: 'Keep the answer',
  stands: (guest: string) => `${guest} is paused: nothing goes on until it runs.`,
  runs: (guest: string) => `Let ${guest} go on`,
  doIt: 'Run it for me',
  done: 'I have done it',
  doing: 'It runs …',
  reset: 'Reset step',
  waits: {
    predict: 'Opens after the step before.',
    do: 'Opens when you have predicted.',
    measure: 'Opens when that is done: the machine’s own counters.',
    explain: 'Opens when the numbers hold: why it is so.',
    reality: 'What a real host does otherwise. Opens at the end.',
  },
  measureSaid: (said: string) => `Opens when that is done: your ${said} stands beside the counter.`,
  counted: (n: string, unit: string, isOver: boolean) => `${n} ${unit}${isOver ? '' : ' so far'}`,
  idle: (ms: number) => `idle after ${ms.toFixed(ms < 10 ? 2 : 0)} ms`,
  ran: (ms: number, of: number) => `${ms.toFixed(ms < 10 ? 2 : 0)} of ${of} ms`,
  isDone: 'done',
  before: (round: number) => `Round ${round}:`,
  measure: 'Measure',
  measureAgain: 'Measure again',
  goOn: 'Go on',
  what: 'What',
  measured: 'Measured',
  said: 'You said',
  right: 'as you said',
  off: (by: number) => `${number(Math.abs(by))} too ${by < 0 ? 'many' : 'few'}`,
  code: 'Your code',
  hand: 'It follows from the seed and from the exact numbers that you measured: whoever has the same seed gets the same.',
  wrong: 'This file is no lesson yet.',
  line: (line: number) => `line ${line}`,
  correct: 'Correct the file and drop it again.',
  needs: 'A lesson needs a host in virtual time.',
  open: 'Open it there',
  type: (guest: string) => `Type at ${guest}:`,
  time: (ms: number) => `Let time go on for ${ms} ms.`,
  takes: (ms: number) => `then ${ms} ms go by`,
};

const address = (): URLSearchParams => new URLSearchParams(location.search);
const number = (value: number): string => (Number.isInteger(value) ? String(value) : value.toFixed(1));

/** The consoles stand below the step that is open, where there is no room beside it. */
const narrow = mediaSignal('(max-width: 1023px)');

interface Now {
  lesson: Lesson;
  run: LessonRun;
  /** The step that is open. */
  at: number;
  answers: ReadonlyMap<string, number>;
  results: ReadonlyMap<number, { measured: Measured[]; judged: Judged[] }>;
  busy: boolean;
}

const now = signal<Now | undefined>(undefined);
const problems = signal<readonly Problem[]>([]);
const problem = signal<string | undefined>(undefined);
let opened = false;

async function open(): Promise<void> {
  if (opened) return;
  opened = true;
  problem.value = undefined;
  let run: LessonRun | undefined;
  try {
    const { lesson, problems: found } = readLesson(
      await lessonText(address().get('lesson') ?? ''),
      address().get('seed') ?? '',
    );
    if (found.length > 0) {
      problems.value = found;
      return;
    }
    const mine = new LessonRun(lesson, pageHost);
    run = mine;
    await drives(mine, async () => {
      await mine.start();
      await mine.begin();
    });
    frontGuest.value = run.idOf(lesson.guests[0]!.name);
    now.value = { lesson, run, at: 0, answers: new Map(), results: new Map(), busy: false };
  } catch (error) {
    problem.value = sentence(error);
    await run?.end();
    reportProblem(words.lesson, problem.value);
    opened = false;
  }
}

/** Pressing Pause stops no guest in the middle of what the lesson has it do: it counts when that is done. */
const drives = <T,>(run: LessonRun, work: () => Promise<T>): Promise<T> =>
  makingAnew(
    run.lesson.guests.map(({ name }) => name),
    work,
    name => run.idOf(name),
  );

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
    problem.value = sentence(error);
  }
  now.value = { ...before, ...done, busy: false };
}

/** Somebody types now: time goes on, as fast as is chosen in the header. */
const letGo = (): Promise<void> => host.time('goOn');

/** The next step is open; where something is to be done, it is measured from here on, and time goes on. */
const next = (): Promise<void> =>
  work(async ({ run, lesson, at }) => {
    if (lesson.steps[at + 1]?.kind === 'do') {
      await run.begin();
      await letGo();
    }
    return { at: at + 1 };
  });

const reset = (step: number): Promise<void> =>
  work(async ({ run, results }) => {
    await run.reset(step);
    await letGo();
    return { at: step, results: new Map([...results].filter(([measured]) => measured < step)) };
  });

export function LessonPage() {
  const there = info.value?.time === 'virtual';
  useEffect(() => {
    if (there) void open();
  }, [there]);
  const state = now.value;
  if (info.value && !there)
    return (
      <div class="body lsn">
        <p>
          {words.needs} <a href={lessonAddress(address().get('lesson') ?? '')}>{words.open}</a>
        </p>
      </div>
    );
  if (problems.value.length > 0) return <Wrong />;
  if (!state)
    return (
      <div class="body lsn">
        {!problem.value && (
          <p class="sec" role="status">
            {words.starts}
          </p>
        )}
        {problem.value && (
          <p role="alert">
            <Tag kind="failed">{problem.value}</Tag>{' '}
            <button class="btn sm" onClick={() => void open()}>
              {strings.errors.tryAgain}
            </button>
          </p>
        )}
      </div>
    );
  const { lesson, run } = state,
    rounds = roundsOf(lesson.steps),
    current = rounds.findLastIndex(({ from }) => from <= state.at),
    counted = rounds.length - 1,
    no = LESSONS.findIndex(({ id }) => id === address().get('lesson'));
  const shown = lesson.guests
    .map(({ name }) => sessions.value.get(run.idOf(name) ?? -1))
    .filter(session => session !== undefined);
  const consoles = (
    <div class="desk serials">
      {shown.map((session, i) => (
        <SerialWindow key={session.id} session={session} first={i === 0} />
      ))}
      {!narrow.value && shown.length === 1 && (
        <RingStrip
          key={shown[0]!.id}
          session={shown[0]!}
          name={lesson.guests[0]!.name}
          round={current + 1}
          said={doorbellsSaid(rounds[current]!, state)}
          isOpen={!isMeasured(rounds[current]!, state)}
          busy={state.busy}
        >
          <section class="panel lact" aria-label={words.counts(lesson.guests[0]!.name)} tabIndex={0}>
            <Activity session={shown[0]!} totals />
          </section>
        </RingStrip>
      )}
    </div>
  );
  return (
    <div class="lesson">
      <article class="body lsn">
        <p class="row sec">
          <span class="lwhere">
            <b>{no < 0 ? words.own : words.which(no + 1, LESSONS.length)}</b>
            {counted > 1 &&
              current < counted &&
              ` · ${words.round(current + 1, counted, rounds[current]!.steps[0]!.name)}`}{' '}
            · {words.seed(lesson.seed || '–')}
          </span>
          <span class="grow" />
          <a class="nw" href={lessonAddress(address().get('lesson') ?? '')}>
            {words.another}
          </a>
        </p>
        <div class="lhead">
          <h1>{lesson.title}</h1>
          <Progress round={rounds[Math.min(current, counted - 1)]!} at={state.at} />
        </div>
        {lesson.about && (
          <p class="about">
            <Line text={lesson.about} />
          </p>
        )}
        {problem.value && (
          <p role="alert">
            <Tag kind="failed">{problem.value}</Tag>
          </p>
        )}
        {rounds.map((round, r) => {
          const title =
            round.steps[0]!.kind === 'reality'
              ? words.steps.reality
              : words.round(r + 1, counted, round.steps[0]!.name);
          if (r > current)
            return (
              <section key={round.from} class={round.steps[0]!.kind === 'reality' ? 'lpast' : 'lstep shut'}>
                <h2>{title}</h2>
                <p class="sec">{round.steps[0]!.kind === 'reality' ? words.waits.reality : words.later}</p>
              </section>
            );
          const isFolded = r < current && !unfolded.value.has(-round.from - 1);
          return (
            <Fragment key={round.from}>
              {r < current && (
                <section class="lpast">
                  <div class="row toggled">
                    <h2>
                      <Toggle at={-round.from - 1} isFolded={isFolded}>
                        {title}
                      </Toggle>
                    </h2>
                    <span class="sec">{gapsOf(round, state).join('; ')}</span>
                  </div>
                </section>
              )}
              {!isFolded &&
                round.steps.map((step, i) => (
                  <Fragment key={i}>
                    <StepBox step={step} index={round.from + i} number={i + 1} state={state} />
                    {narrow.value && round.from + i === state.at && consoles}
                  </Fragment>
                ))}
            </Fragment>
          );
        })}
      </article>
      {!narrow.value && consoles}
    </div>
  );
}

/** The steps of the round at hand. */
function Progress({ round: { from, steps }, at }: { round: Round; at: number }) {
  return (
    <ol class="prog">
      {steps.map(({ kind }, i) => (
        <li
          key={kind}
          class={from + i < at ? 'past' : from + i === at ? 'here' : ''}
          aria-current={from + i === at ? 'step' : undefined}
        >
          <span class="no">{i + 1}</span> <span class="nm">{words.steps[kind]}</span>
        </li>
      ))}
    </ol>
  );
}

/** What was said against what was measured, of a round that is done. */
const gapsOf = ({ from, steps }: Round, { results, answers }: Now): string[] =>
  steps.flatMap((_, i) =>
    (results.get(from + i)?.measured ?? []).flatMap(({ row, value }) => {
      const said = answers.get(row.guess ?? '');
      return said === undefined ? [] : [words.gap(said, value)];
    }),
  );

const isMeasured = ({ from, steps }: Round, { results }: Now): boolean => steps.some((_, i) => results.has(from + i));

/** The answer that is about a ring's doorbells. */
const doorbellsSaid = ({ steps }: Round, { answers }: Now): number | undefined => {
  const row = steps
    .flatMap(({ parts }) => parts.flatMap(part => (part.kind === 'rows' ? part.rows : [])))
    .find(({ guess, expression: { names } }) => guess !== undefined && names.some(name => name.endsWith('.events_in')));
  return row?.guess === undefined ? undefined : answers.get(row.guess);
};

function StepBox({ step, index, number: no, state }: { step: Step; index: number; number: number; state: Now }) {
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
  const result = state.results.get(index);
  const holds = result?.judged.every(each => each.holds) ?? false;
  const isLast = index === lesson.steps.length - 1,
    hasActions = step.parts.some(({ kind }) => kind === 'actions'),
    toggles = !isHere && FOLDED.has(step.kind) && hasMore(step);
  // First it must run: nothing that the step offers gets on before.
  const isStopped = isHere && step.kind === 'do' && !busy && pausedOf(lesson).length > 0;
  return (
    <section
      ref={box}
      class={`lstep${isHere ? ' here' : ''}${isFolded ? ' folded' : ''}${step.kind === 'reality' ? ' reality' : ''}`}
      data-step={index}
    >
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
          <button class="btn quiet sm" disabled={busy} onClick={() => void reset(index)}>
            {words.reset}
          </button>
        )}
        {!isHere && step.kind === 'predict' && <Tag kind="done">{words.answered}</Tag>}
      </div>
      {isFolded && <Gist step={step} state={state} />}
      {!isFolded && step.parts.map((part, i) => <PartView key={i} part={part} index={index} state={state} />)}
      {isStopped && <Paused lesson={lesson} />}
      {isHere && !isStopped && (step.kind === 'do' || hasActions) && (
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
      {isHere && step.kind === 'measure' && (
        <p class="row">
          <button class={`btn${holds ? '' : ' primary'}`} disabled={busy} onClick={() => void measure(index)}>
            {result ? words.measureAgain : words.measure}
          </button>
          {holds && (
            <button class="btn primary" disabled={busy} onClick={() => void next()}>
              {words.goOn}
            </button>
          )}
        </p>
      )}
      {isHere && step.kind === 'explain' && !isLast && (
        <p>
          <button class="btn primary" disabled={busy} onClick={() => void next()}>
            {words.goOn}
          </button>
        </p>
      )}
      {isHere && step.kind === 'reality' && (
        <p class="code" data-testid="code">
          <b>{words.code}</b> <code>{handInCode(lesson, state.run.exact)}</code> <span class="sec">{words.hand}</span>
        </p>
      )}
    </section>
  );
}

/** Of a measurement, what it will be compared with. */
function waitsFor({ kind, parts }: Step, { answers }: Now): string {
  const said =
    kind === 'measure'
      ? parts
          .flatMap(part => (part.kind === 'rows' ? part.rows : []))
          .map(({ guess }) => answers.get(guess ?? ''))
          .find(each => each !== undefined)
      : undefined;
  return said === undefined ? words.waits[kind] : words.measureSaid(number(said));
}

/** A guest that somebody has paused, in the middle of what it was told perhaps. */
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

/** What a step has typed. */
const linesOf = ({ parts }: Step): string[] =>
  parts.flatMap(part =>
    part.kind === 'actions' ? part.actions.flatMap(action => (action.kind === 'type' ? [action.text] : [])) : [],
  );
/** What the step of the kind before it had typed: what is other now stands out. */
const typedBefore = (index: number, { lesson }: Now): string[] => {
  const before = lesson.steps.slice(0, index).findLast(({ kind }) => kind === 'do');
  return before ? linesOf(before) : [];
};

/** Its line leaves something out. */
const hasMore = ({ kind, parts }: Step): boolean => kind !== 'predict' || parts.some(part => part.kind !== 'ask');

/** What is behind somebody is one line, so that the step at hand begins on the screen. Measurements stay: later steps speak of them. */
const FOLDED: ReadonlySet<Step['kind']> = new Set(['predict', 'do', 'explain']);
const unfolded = signal<ReadonlySet<number>>(new Set());
function fold(index: number, isShut: boolean): void {
  const next = new Set(unfolded.peek());
  if (isShut) next.delete(index);
  else next.add(index);
  unfolded.value = next;
}

/** Of what is behind somebody, its head: all of the line opens and folds it. */
const Toggle = ({ at, isFolded, children }: { at: number; isFolded: boolean; children: ComponentChildren }) => (
  <button class="ltog" aria-expanded={!isFolded} onClick={() => fold(at, !isFolded)}>
    {children}
    <Icon name={isFolded ? 'right' : 'down'} />
  </button>
);

const act = (step: Step): Promise<void> =>
  work(async ({ run, at }) => {
    await run.act(step);
    return { at: at + 1 };
  });

const measure = (index: number): Promise<void> =>
  work(async ({ run, answers, results }) => ({
    results: new Map([...results, [index, await run.measure(index, answers)]]),
  }));

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
  if (part.kind === 'rows')
    return (
      <table class="meas">
        <thead>
          <tr>
            <th>{words.what}</th>
            <th class="num said">{words.said}</th>
            <th class="num got">{words.measured}</th>
          </tr>
        </thead>
        <tbody>
          {part.rows.map(row => {
            const value = result?.measured.find(each => each.row === row)?.value;
            const said = row.guess === undefined ? undefined : state.answers.get(row.guess);
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
  return (
    <ul class="checks" aria-live="polite">
      {result?.judged
        .filter(({ check }) => part.checks.includes(check))
        .map(({ check, holds }, i) => (
          <li key={i}>
            <Tag kind={holds ? 'done' : 'failed'}>{holds ? check.holds : check.fails}</Tag>
          </li>
        ))}
    </ul>
  );
}

/** So often it is looked at how far a step is. */
const LOOK_MS = 500;

type Far = Awaited<ReturnType<LessonRun['progress']>>;

/** How far the step at hand is. */
function useProgress(index: number, { run, lesson, at, busy }: Now): Far | undefined {
  const far = useSignal<Far | undefined>(undefined),
    isHere = index === at;
  useEffect(() => {
    if (!isHere || busy) return;
    let closed = false;
    // A guest that is made anew is not there for a moment.
    const look = (): void =>
      void run
        .progress(
          index,
          domains.peek().some(({ name, state }) => state === 'p' && lesson.guests.some(guest => guest.name === name)),
        )
        .then(
          seen => {
            if (!closed) far.value = seen;
          },
          () => {},
        );
    look();
    const timer = setInterval(() => {
      if (!document.hidden) look();
    }, LOOK_MS);
    return () => {
      closed = true;
      clearInterval(timer);
    };
  }, [run, index, isHere, busy]);
  return isHere ? far.value : undefined;
}

/** Of time that is to go on, how much has; undefined: none yet, or all. */
const passedOf = (ms: number, done: Far['done'][number] | undefined): string | undefined =>
  done?.ranMs === undefined || done.ranMs >= ms
    ? undefined
    : done.isDone
      ? words.idle(done.ranMs)
      : words.ran(done.ranMs, ms);

/** What is to be done, with a tick where it was and what the machine counted by it; above it what the round before typed, to compare. */
function Actions({ actions, index, state }: { actions: readonly Action[]; index: number; state: Now }) {
  const { lesson, results, at } = state,
    far = useProgress(index, state),
    before = typedBefore(index, state);
  const isPast = index < at,
    all = actionsOf(lesson.steps[index]),
    isDone = (i: number): boolean => isPast || far?.done[i]?.isDone === true,
    isOver = all.every((_, i) => isDone(i));
  const typed = all.filter(({ kind }) => kind === 'type'),
    row = countedOf(lesson, index);
  const value = results.get(index + 1)?.measured.find(each => each.row === row)?.value ?? far?.counted?.value;
  // It belongs to what the guest was told last.
  const teller = all.findLastIndex(({ kind }) => kind !== 'run'),
    last = teller < 0 ? all.length - 1 : teller;
  /** The time that one line takes is told with the line. */
  const runOf = (i: number): number =>
    typed.length === 1 && all[i]?.kind === 'type' && all[i + 1]?.kind === 'run' ? i + 1 : i;
  const shown = actions.map(action => all.indexOf(action)).filter(i => runOf(i - 1) !== i),
    next = shown.find(i => !isDone(i) || !isDone(runOf(i)));
  return (
    <ol class="acts">
      {typed.length > 0 && <Before index={index} state={state} />}
      {shown.map(i => {
        const action = all[i]!,
          run = all[runOf(i)]!,
          did = isDone(i) && isDone(runOf(i)),
          passed = run.kind === 'run' ? passedOf(run.ms, far?.done[runOf(i)]) : undefined;
        const takes = run !== action && run.kind === 'run' && !passed ? words.takes(run.ms) : '';
        return (
          <li key={i} class={did ? 'did' : i === next ? 'now' : ''}>
            {did && (
              <>
                <Icon name="check" />
                <span class="hidden">{words.isDone} </span>
              </>
            )}
            <span class="what">
              {action.kind === 'type' ? (
                <>
                  {words.type(action.guest)} <Typed text={action.text} before={before[typed.indexOf(action)]} />
                </>
              ) : action.kind === 'run' ? (
                words.time(action.ms)
              ) : (
                <code>
                  {action.kind === 'slice'
                    ? `xl sched-credit -s -t ${action.ms}`
                    : `xl sched-credit -d ${action.guest}${action.weight === undefined ? '' : ` -w ${action.weight}`}${action.cap === undefined ? '' : ` -c ${action.cap}`}`}
                </code>
              )}
            </span>
            {i === last && isDone(i) && row && value !== undefined && (
              <span class="res">{words.counted(number(value), row.unit!, isOver)}</span>
            )}
            {(action.says || takes) && (
              <small>
                {action.says && <Line text={action.says} />}
                {action.says && takes && '; '}
                {takes}
              </small>
            )}
            {passed && <span class={run === action ? 'res' : 'ran'}>{passed}</span>}
          </li>
        );
      })}
    </ol>
  );
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

/** A line; where it is one of before with other words, those are marked. */
function Typed({ text, before }: { text: string; before: string | undefined }) {
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
    const answer = Number(value);
    if (value === '' || !Number.isFinite(answer)) return;
    now.value = { ...now.value!, answers: new Map([...now.value!.answers, [name, answer]]) };
    void next();
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

function Wrong() {
  return (
    <div class="body lsn">
      <h1>{words.wrong}</h1>
      <table class="wrong">
        <tbody>
          {problems.value.map(({ line, text }, i) => (
            <tr key={i}>
              <td class="m nw">{words.line(line)}</td>
              <td>{text}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p class="sec">{words.correct}</p>
    </div>
  );
}
