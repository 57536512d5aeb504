/** A lesson next to the machine that it is about: its steps at the left, the guests' consoles at the right. Loaded when a lesson is opened. */

import { classBar, lessonViews } from './parts.ts';
import { type ComponentChildren, Fragment } from 'preact';
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { info } from '../host.ts';
import { mediaSignal } from '../media.ts';
import { type DomainSession, sessions } from '../sessions.ts';
import { Activity } from '../parts/activity.tsx';
import { strings } from '../strings.ts';
import { SerialWindow } from '../parts/serial.tsx';
import { later } from '../parts/load-when-shown.tsx';
import { Tag } from '../parts/marks.tsx';
import { doorbellsSaid, gapsOf, isMeasured, type Now } from './facts.ts';
import { type Round, roundsOf, versionOf } from '../../lessons/index.ts';
import { lessonAddress, LESSONS } from './list.ts';
import { Around, Keeps, panelsHere, useSurroundings } from './around.tsx';
import { hostOf, isAddress } from './fetched.ts';
import { language } from './language.ts';
import './lessons.css';
import { Line } from './markdown.tsx';
import { Pictures } from './lesson-pictures.tsx';
import { Problems } from './problems.tsx';
import { RingStrip } from './ring-strip.tsx';
import { StepBox, Toggle } from './step.tsx';
import { languagesOf } from './texts.ts';
import { address, asksName, roundAddress, startAddress, takeAs, viewHere } from './addresses.ts';
import { goesOn, isHeld, isNearest, now, open, problem, problems, unfolded } from './taking.ts';
import { words } from './words.ts';

/** The consoles are below the step that is open, where there is no room next to it. */
const narrow = mediaSignal('(max-width: 1023px)');

/** Loaded when somebody asks for them: a student who takes a lesson needs none. */
const Views = later(lessonViews, part => part.ShownView);

/** Loaded where the lesson is taken in a class. */
const ClassBar = later(classBar, part => part.ClassBar);

export function LessonPage() {
  const view = viewHere();
  useSurroundings();
  if (view) return <Views view={view} />;
  return (
    <>
      {address().has('room') && !asksName() && <ClassBar />}
      <TakenLesson />
    </>
  );
}

function TakenLesson() {
  const there = info.value?.time === 'virtual',
    asks = asksName();
  useEffect(() => {
    if (there && !asks) void open();
  }, [there]);
  const state = now.value;
  if (info.value && !there)
    return (
      <div class="body lsn" lang={language()}>
        <p>
          {words.needs} <a href={lessonAddress(address().get('lesson') ?? '')}>{words.open}</a>
        </p>
      </div>
    );
  if (asks)
    return (
      <div class="body lsn" lang={language()}>
        <h1>{words.whoAreYou}</h1>
        <NameForm />
      </div>
    );
  if (problems.value.length > 0)
    return (
      <div class="body lsn" lang={language()}>
        <Problems problems={problems.value} />
      </div>
    );
  return state ? <Taken state={state} /> : <Starting />;
}

/** Whose numbers they shall be. The lesson begins again with them. */
const NameForm = () => {
  const name = useSignal(address().get('name') ?? '');
  return (
    <form
      class="lname"
      onSubmit={event => {
        event.preventDefault();
        takeAs(name.value);
      }}
    >
      <label>
        {words.name}{' '}
        <input
          value={name.value}
          maxLength={80}
          autocomplete="name"
          onInput={event => {
            name.value = event.currentTarget.value;
          }}
        />
      </label>
      <button class="btn primary">{words.begin}</button>
      <button type="button" class="btn" onClick={() => takeAs('')}>
        {words.withoutName}
      </button>
      <p class="sec">{words.nameHint}</p>
    </form>
  );
};

/** Its guests are made, or could not be. */
const Starting = () => (
  <div class="body lsn" lang={language()}>
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

function Taken({ state }: { state: Now }) {
  const { lesson, run } = state,
    rounds = roundsOf(lesson.steps),
    current = rounds.findLastIndex(({ from }) => from <= state.at);
  const shown = lesson.guests
    .map(({ name }) => sessions.value.get(run.idOf(name) ?? -1))
    .filter(session => session !== undefined);
  const consoles = <Consoles state={state} round={rounds[current]!} no={current + 1} sessions={shown} />;
  const panels = panelsHere();
  if (!panels.has('steps'))
    return (
      <div class="lesson lonly" inert={isHeld.value}>
        {consoles}
      </div>
    );
  return (
    <div class={`lesson${panels.has('consoles') ? '' : ' lonly'}`} inert={isHeld.value}>
      <article class="body lsn" lang={language()}>
        <Head state={state} rounds={rounds} current={current} />
        {rounds.map((round, r) => (
          <RoundOfSteps
            key={round.from}
            round={round}
            no={r + 1}
            rounds={rounds}
            current={current}
            state={state}
            consoles={panels.has('consoles') && consoles}
          />
        ))}
      </article>
      {!narrow.value && panels.has('consoles') && consoles}
    </div>
  );
}

/** Guests' consoles; where there is one and room, its ring and what it does to the hypervisor. `no`: of the round. */
const Consoles = ({
  state,
  round,
  no,
  sessions: shown,
}: {
  state: Now;
  round: Round;
  no: number;
  sessions: readonly DomainSession[];
}) => (
  <div class="desk serials">
    {shown.map((session, i) => (
      <SerialWindow key={session.id} session={session} first={i === 0} />
    ))}
    <Pictures lesson={state.lesson} sessions={shown} />
    {shown.length === 1 && state.lesson.pictures.length === 0 && (
      <RingStrip
        key={shown[0]!.id}
        session={shown[0]!}
        name={state.lesson.guests[0]!.name}
        round={no}
        said={doorbellsSaid(round, state)}
        isOpen={!isMeasured(round, state)}
        busy={state.busy}
      >
        {!narrow.value && (
          <section class="panel lact" aria-label={words.counts(state.lesson.guests[0]!.name)} tabIndex={0}>
            <Activity session={shown[0]!} totals />
          </section>
        )}
      </RingStrip>
    )}
  </div>
);

function Head({ state: { lesson, at }, rounds, current }: { state: Now; rounds: readonly Round[]; current: number }) {
  const counted = rounds.length - 1,
    id = address().get('lesson') ?? '',
    no = LESSONS.findIndex(each => each.id === id),
    name = address().get('name');
  const asks = useSignal(false);
  return (
    <>
      <div class="row sec lheadrow">
        <span class="lwhere">
          <b>{no < 0 ? words.own : words.which(no + 1, LESSONS.length)}</b>
          {counted > 1 &&
            current < counted &&
            ` · ${words.round(current + 1, counted, rounds[current]!.steps[0]!.name)}`}{' '}
          · {words.seed(address().get('seed') || '–')}
          {name && ` · ${name}`}
        </span>
        <span class="grow" />
        <Around
          lesson={lesson}
          no={current + 1}
          onName={() => {
            asks.value = true;
          }}
        />
      </div>
      {isNearest.value && (
        <p class="sec" role="status">
          {words.nearest}
        </p>
      )}
      {goesOn.value && (
        <p class="sec" role="status">
          {words.goesOn} <a href={startAddress()}>{words.fromStart}</a>
        </p>
      )}
      {!languagesOf(id).includes(language()) && (
        <p class="sec" role="note">
          {words.onlyEnglish}
        </p>
      )}
      {isAddress(id) && <p class="sec">{words.from(hostOf(id))}</p>}
      <Keeps link={roundAddress(versionOf(lesson), current + 1)} />
      {asks.value && <NameForm />}
      <div class="lhead">
        <h1>{lesson.title}</h1>
        <Progress round={rounds[Math.min(current, counted - 1)]!} at={at} />
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
    </>
  );
}

/** A round's steps: to come, at hand, or behind somebody. The consoles are below the step at hand where there is no room next to it. */
function RoundOfSteps({
  round,
  no,
  rounds,
  current,
  state,
  consoles,
}: {
  round: Round;
  no: number;
  rounds: readonly Round[];
  current: number;
  state: Now;
  consoles: ComponentChildren;
}) {
  const isReality = round.steps[0]!.kind === 'reality',
    title = isReality ? words.steps.reality : words.round(no, rounds.length - 1, round.steps[0]!.name);
  if (no > current + 1)
    return (
      <section class={isReality ? 'lpast' : 'lstep shut'}>
        <h2>{title}</h2>
        <p class="sec">{isReality ? words.waits.reality : words.later}</p>
      </section>
    );
  const isPast = no <= current,
    isFolded = isPast && !unfolded.value.has(-round.from - 1);
  return (
    <>
      {isPast && (
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
    </>
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
