/** The wall of a class: where students are, what they predicted and what they measured, as dots without names, while they work. */

import { useSignal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import {
  ASK_MS,
  ClassWall,
  GONE_MS,
  type Lesson,
  REFUSALS,
  type Room,
  roundsOf,
  type Student,
  writeMessage,
} from '../../../lessons/index.ts';
import { copyToClipboard } from '../../clipboard.ts';
import { Problem, Tag } from '../../parts/marks.tsx';
import { address, addressWith, lessonHere, viewAddress } from '../addresses.ts';
import { LargeButton } from '../around.tsx';
import { freshSeed, LESSONS, OWN_LESSON } from '../list.ts';
import { HUB, isHub, openRoom, roomHere } from '../room.ts';
import { number, words } from '../words.ts';
import { placed, scaleOf } from './dots.ts';
import { Frame } from './frame.tsx';
import type { ReadText } from './read-text.ts';

/** This often the wall is drawn and tells new students their numbers, whatever comes in between. */
const DRAW_MS = 1000;
const MINUTE_MS = 60_000;

export const WallView = () => (
  <Frame>{read => (read.id === OWN_LESSON ? <p>{words.wall.own}</p> : <Wall read={read} />)}</Frame>
);

/** The room of the address; where it names none, one is drawn and is in it from now on. */
function room(): string {
  const here = roomHere();
  if (here !== undefined) return here;
  const drawn = freshSeed();
  history.replaceState(history.state, '', addressWith({ room: drawn }));
  return drawn;
}

/** A wall that is open in its room, at a time. */
function useClass(
  wall: ClassWall,
  word: string,
): { nowMs: number; isHeld: boolean; problem: string | undefined; hold(isHeld: boolean): void; clear(): void } {
  const nowMs = useSignal(performance.now()),
    isHeld = useSignal(false),
    problem = useSignal<string | undefined>(undefined),
    opened = useSignal<Room | undefined>(undefined);
  const say = (asks: boolean): void =>
    opened.peek()?.send(wall.says({ seed: address().get('seed') ?? '', isHeld: isHeld.peek(), asks }));
  useEffect(() => {
    let isNews = false,
      askedMs = performance.now();
    const here = openRoom(word, true, {
      hear: (text, from) => {
        isNews = wall.hear(text, performance.now(), from) || isNews;
      },
      left: from => wall.left(from),
      told: why => {
        problem.value = why;
      },
    });
    opened.value = here;
    say(true);
    const timer = setInterval(() => {
      const then = performance.now(),
        asks = then - askedMs >= ASK_MS;
      wall.forget(then);
      if (asks) askedMs = then;
      if (asks || isNews) say(asks);
      isNews = false;
      nowMs.value = then;
    }, DRAW_MS);
    const end = (): void => here.send(writeMessage({ kind: 'gone', id: '' })),
      askAgain = (): void => say(true);
    addEventListener('pagehide', end);
    addEventListener('pageshow', askAgain);
    return () => {
      clearInterval(timer);
      removeEventListener('pagehide', end);
      removeEventListener('pageshow', askAgain);
      end();
      here.close();
    };
  }, [wall, word]);
  return {
    nowMs: nowMs.value,
    isHeld: isHeld.value,
    problem: problem.value,
    hold: held => {
      isHeld.value = held;
      say(false);
    },
    clear: () => {
      wall.clear();
      say(true);
    },
  };
}

function Wall({ read: { id, lesson } }: { read: ReadText }) {
  const word = useMemo(room, []),
    wall = useMemo(() => new ClassWall(lesson, id), [lesson, id]);
  const { nowMs, isHeld, problem, hold, clear } = useClass(wall, word),
    students = wall.all(),
    stuck = students.filter(student => wall.isStuck(student, nowMs));
  return (
    <>
      <p class="row wrap noprint">
        <button class={`btn${isHeld ? ' primary' : ''}`} aria-pressed={isHeld} onClick={() => hold(!isHeld)}>
          {words.wall.hold}
        </button>
        <Send id={id} />
        <button class="btn" onClick={clear}>
          {words.wall.clear}
        </button>
        <LargeButton />
      </p>
      <p role="status">
        <b>{words.wall.count(students.length, stuck.length, students.filter(each => !wall.isHere(each)).length)}</b>{' '}
        {isHeld && words.wall.isHeld}
      </p>
      {problem && <Problem>{problem}</Problem>}
      {nowMs - wall.otherMs < GONE_MS && (
        <p role="alert">
          <Tag kind="failed">{words.wall.other}</Tag>
        </p>
      )}
      <Invitation id={id} word={word} isOpen={students.length === 0} />
      <div class="lwall">
        <Where lesson={lesson} wall={wall} nowMs={nowMs} />
        <div>
          {questionsOf(lesson).map(({ name, text }) => (
            <Numbers key={name} question={text} name={name} students={students.filter(each => wall.isHere(each))} />
          ))}
        </div>
      </div>
      {wall.refused.size > 0 && (
        <p class="sec">
          {words.wall.refused}{' '}
          {REFUSALS.flatMap(why => {
            const count = wall.refused.get(why);
            return count === undefined ? [] : [words.wall.refusals[why](count)];
          }).join('; ')}
        </p>
      )}
    </>
  );
}

const questionsOf = ({ steps }: Lesson): { name: string; text: string }[] =>
  steps.flatMap(({ parts }) => parts.flatMap(part => (part.kind === 'ask' ? [part] : [])));

/** Another lesson for the whole class: its students are offered it. */
function Send({ id }: { id: string }) {
  const chosen = useSignal(id);
  return (
    <>
      <label>
        <span class="hidden">{words.wall.sendWhat}</span>
        <select
          class="lselect"
          value={chosen.value}
          onChange={event => {
            chosen.value = event.currentTarget.value;
          }}
        >
          {!LESSONS.some(lesson => lesson.id === id) && <option value={id}>{id}</option>}
          {LESSONS.map(lesson => (
            <option key={lesson.id} value={lesson.id}>
              {lesson.title}
            </option>
          ))}
        </select>
      </label>
      <button
        class="btn"
        disabled={chosen.value === id}
        onClick={() => location.assign(viewAddress(chosen.value, 'wall', address().get('seed') ?? ''))}
      >
        {words.wall.send}
      </button>
    </>
  );
}

/** How students come in. */
function Invitation({ id, word, isOpen }: { id: string; word: string; isOpen: boolean }) {
  const link = new URL(`${lessonHere(id, address().get('seed') ?? '')}&name=`, document.baseURI).href,
    copyOutcome = useSignal('');
  return (
    <details class="noprint" open={isOpen}>
      <summary>{words.wall.invite}</summary>
      <div class="prose">
        <p>{words.wall.inviteHint}</p>
        <p>
          <code>{link}</code>
        </p>
        <p class="row wrap">
          <button
            class="btn"
            onClick={async () => {
              copyOutcome.value = (await copyToClipboard(link)) ? words.copied : words.wall.byHand;
            }}
          >
            {words.wall.copy}
          </button>
          <span class="sec" role="status">
            {copyOutcome.value}
          </span>
        </p>
        {isHub(word) ? <p class="sec">{words.wall.atHub}</p> : <OfHub word={word} />}
      </div>
    </details>
  );
}

/** How the class comes to have several machines. */
function OfHub({ word }: { word: string }) {
  const typed = useSignal('');
  return (
    <form
      class="lhub"
      onSubmit={event => {
        event.preventDefault();
        location.assign(addressWith({ room: typed.peek().trim() }));
      }}
    >
      <p class="sec">{words.wall.room(word)}</p>
      <p class="row wrap">
        <label>
          {words.wall.hub}
          <input
            class="in"
            value={typed.value}
            required
            spellcheck={false}
            autocomplete="off"
            pattern={HUB}
            title={words.wall.hubForm}
            onInput={event => {
              typed.value = event.currentTarget.value;
            }}
          />
        </label>
        <button class="btn">{words.wall.useHub}</button>
      </p>
      <p class="sec">
        {words.wall.hubHint} <code>npx ringside pool --listen 0.0.0.0</code>
      </p>
    </form>
  );
}

/** Each step with those who are at it. */
function Where({ lesson, wall, nowMs }: { lesson: Lesson; wall: ClassWall; nowMs: number }) {
  const rounds = roundsOf(lesson.steps);
  return (
    <section>
      <h2>{words.wall.where}</h2>
      <table class="lplan">
        <thead>
          <tr>
            <th>{words.step}</th>
            <th>{words.wall.students}</th>
            <th>{words.wall.stuck}</th>
          </tr>
        </thead>
        {rounds.map((round, r) => (
          <tbody key={round.from}>
            {round.steps[0]!.kind !== 'reality' && (
              <tr>
                <th colSpan={3} scope="rowgroup">
                  {words.round(r + 1, rounds.length - 1, round.steps[0]!.name)}
                </th>
              </tr>
            )}
            {round.steps.map(({ kind }, i) => (
              <StepRow key={kind} title={words.steps[kind]} wall={wall} step={round.from + i} nowMs={nowMs} />
            ))}
          </tbody>
        ))}
      </table>
      <p class="sec">{words.wall.stuckHint}</p>
    </section>
  );
}

function StepRow({ title, wall, step, nowMs }: { title: string; wall: ClassWall; step: number; nowMs: number }) {
  const students = wall.at(step),
    stuck = students.filter(student => wall.isStuck(student, nowMs));
  return (
    <tr>
      <td>{title}</td>
      <td>
        {students.length > 0 && <b class="m">{students.length}</b>}
        <span class="lpeople" aria-hidden="true">
          {students.map(student => (
            <i key={student.seat} class={stuck.includes(student) ? 'stuck' : ''} />
          ))}
        </span>
      </td>
      <td>
        {stuck
          .map(({ seat, sinceMs, isOff }) => words.wall.isStuck(seat, Math.floor((nowMs - sinceMs) / MINUTE_MS), isOff))
          .join(', ')}
      </td>
    </tr>
  );
}

/** Dots are of this radius, in pixels, and one above the other by this much; letters are below them. */
const RADIUS = 5,
  ROW_PIXELS = 12,
  LETTERS_PIXELS = 18,
  /** Of the width, in per cent: dots at the ends have room. */
  EDGE = 3;

/** What was predicted above, what was measured below; a line leads from one to the other of each student with both. */
function Numbers({ question, name, students }: { question: string; name: string; students: readonly Student[] }) {
  const pairs = students.flatMap(({ said, measured, seat }) =>
    said.has(name) || measured.has(name) ? [{ seat, said: said.get(name), measured: measured.get(name) }] : [],
  );
  return (
    <section class="lnumbers">
      <h2>{question}</h2>
      {pairs.length === 0 ? (
        <p class="sec">{words.wall.none}</p>
      ) : (
        <>
          <Strips pairs={pairs} />
          <details>
            <summary>{words.wall.table}</summary>
            <table class="lplan">
              <thead>
                <tr>
                  <th class="num">{words.wall.predicted}</th>
                  <th class="num">{words.measured}</th>
                </tr>
              </thead>
              <tbody>
                {[...pairs]
                  .sort((a, b) => (a.said ?? Infinity) - (b.said ?? Infinity))
                  .map(({ seat, said, measured }) => (
                    <tr key={seat}>
                      <td class="num m">{said === undefined ? '–' : number(said)}</td>
                      <td class="num m">{measured === undefined ? '–' : number(measured)}</td>
                    </tr>
                  ))}
              </tbody>
            </table>
          </details>
        </>
      )}
    </section>
  );
}

interface Pair {
  seat: number;
  said: number | undefined;
  measured: number | undefined;
}

function Strips({ pairs }: { pairs: readonly Pair[] }) {
  const said = pairs.filter(pair => pair.said !== undefined),
    measured = pairs.filter(pair => pair.measured !== undefined),
    scale = scaleOf([...said.map(pair => pair.said!), ...measured.map(pair => pair.measured!)]);
  const above = placed(
      said.map(pair => pair.said!),
      scale,
    ),
    below = placed(
      measured.map(pair => pair.measured!),
      scale,
    );
  const heightOf = (dots: readonly { row: number }[]): number =>
    LETTERS_PIXELS + ROW_PIXELS * (1 + Math.max(0, ...dots.map(({ row }) => row)));
  const middle = heightOf(above),
    high = middle + heightOf(below) + LETTERS_PIXELS;
  const x = (at: number): string => `${EDGE + (100 - 2 * EDGE) * at}%`,
    /** Predictions are on the line between both, measurements on the lowest one. */
    y = (base: number, row: number): number => base - RADIUS - 2 - ROW_PIXELS * row;
  return (
    <svg
      class="ldots"
      width="100%"
      height={high}
      role="img"
      aria-label={words.wall.drawn(said.length, measured.length, number(scale.low), number(scale.high))}
    >
      <text x="0" y={LETTERS_PIXELS - 6}>
        {words.wall.predicted}
      </text>
      <text x="0" y={middle + LETTERS_PIXELS - 6}>
        {words.measured}
      </text>
      <line class="base" x1="0" x2="100%" y1={middle} y2={middle} />
      <line class="base" x1="0" x2="100%" y1={high - LETTERS_PIXELS} y2={high - LETTERS_PIXELS} />
      {said.map((pair, i) => {
        const to = measured.indexOf(pair);
        return (
          to >= 0 && (
            <line
              key={pair.seat}
              class="pair"
              x1={x(above[i]!.x)}
              y1={y(middle, above[i]!.row)}
              x2={x(below[to]!.x)}
              y2={y(high - LETTERS_PIXELS, below[to]!.row)}
            />
          )
        );
      })}
      {above.map((dot, i) => (
        <circle key={said[i]!.seat} class="said" r={RADIUS} cx={x(dot.x)} cy={y(middle, dot.row)} />
      ))}
      {below.map((dot, i) => (
        <circle key={measured[i]!.seat} class="got" r={RADIUS} cx={x(dot.x)} cy={y(high - LETTERS_PIXELS, dot.row)} />
      ))}
      {scale.low < scale.high ? (
        <>
          <text x="0" y={high - 4}>
            {number(scale.low)}
          </text>
          <text x="100%" y={high - 4} text-anchor="end">
            {number(scale.high)}
          </text>
        </>
      ) : (
        <text x="50%" y={high - 4} text-anchor="middle">
          {number(scale.low)}
        </text>
      )}
    </svg>
  );
}
