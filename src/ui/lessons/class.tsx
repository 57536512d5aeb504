/** A student's place in a class: what its page tells the wall, and what the wall tells it. Loaded where the address names a room. */

import { effect, signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { ClassPlace, type Room, type StudentSays, type WallSays, writeMessage } from '../../lessons/index.ts';
import { address, lessonHere } from './addresses.ts';
import type { Now } from './facts.ts';
import { isAddress } from './fetched.ts';
import { LESSONS } from './list.ts';
import { openRoom, roomHere } from './room.ts';
import { isHeld, now } from './taking.ts';
import { words } from './words.ts';

/** A wall that is silent is noticed so late at most. */
const LOOK_MS = 5000;

const wall = signal<WallSays | undefined>(undefined);
const hasLeft = signal(false);
/** Why the room cannot be reached. */
const problem = signal<string | undefined>(undefined);
/** Drawn again with each page: what was sent before belongs to no one. */
const id = Array.from(crypto.getRandomValues(new Uint8Array(6)), byte => byte.toString(16).padStart(2, '0')).join('');

/** All that is sent of a student. */
function sentOf({ lesson: { steps }, at, answers, results }: Now): string {
  const measured = [...results.values()].flatMap(result =>
    result.measured.flatMap(({ row: { guess }, value }): [string, number][] =>
      guess === undefined || !Number.isFinite(value) ? [] : [[guess, value]],
    ),
  );
  const says: StudentSays = {
    kind: 'student',
    id,
    lesson: address().get('lesson') ?? '',
    step: Math.min(at, steps.length - 1),
    isOff: results.get(at)?.judged.some(({ holds }) => !holds) ?? false,
    said: answers,
    measured: new Map(measured),
  };
  return writeMessage(says);
}

/** Tells where somebody is, each time that it is another place, or that the wall asks. Ends with the function that is answered. */
function join(word: string): () => void {
  const place = new ClassPlace(id);
  let last: string | undefined;
  const tell = (): void => {
    if (last !== undefined) room.send(last);
  };
  const look = (): void => {
    wall.value = place.wall(performance.now());
    isHeld.value = wall.value?.isHeld ?? false;
  };
  const room: Room = openRoom(word, false, {
    hear: (text, from) => {
      const isAsked = place.hear(text, performance.now(), from);
      look();
      if (isAsked) tell();
    },
    left: from => {
      place.left(from);
      look();
    },
    told: why => {
      problem.value = why;
    },
  });
  const stop = effect(() => {
    const says = now.value && sentOf(now.value);
    if (says === undefined || says === last) return;
    last = says;
    tell();
  });
  const leave = (): void => room.send(writeMessage({ kind: 'gone', id }));
  addEventListener('pagehide', leave);
  addEventListener('pageshow', tell);
  const timer = setInterval(look, LOOK_MS);
  return () => {
    clearInterval(timer);
    removeEventListener('pagehide', leave);
    removeEventListener('pageshow', tell);
    stop();
    leave();
    room.close();
    wall.value = undefined;
    problem.value = undefined;
    isHeld.value = false;
  };
}

export function ClassBar() {
  const word = roomHere();
  useEffect(() => (word === undefined || hasLeft.value ? undefined : join(word)), [word, hasLeft.value]);
  if (word === undefined) return <p class="lclass sec">{words.class.noRoom}</p>;
  const seat = wall.value?.seats.get(id);
  return (
    <div class={`lclass${isHeld.value ? ' held' : ''}`}>
      <p role="status">
        {hasLeft.value
          ? words.class.left
          : isHeld.value
            ? words.class.held
            : seat === undefined
              ? words.class.joins
              : words.class.seat(seat)}
      </p>
      {problem.value && <p role="alert">{words.class.away(problem.value)}</p>}
      {wall.value && <Sent {...wall.value} />}
      <button
        class="btn sm"
        onClick={() => {
          hasLeft.value = !hasLeft.value;
        }}
      >
        {hasLeft.value ? words.class.join : words.class.leave}
      </button>
    </div>
  );
}

/** The lesson that the class is at, where it is another one: nobody is taken away from what they do. */
function Sent({ lesson, seed }: WallSays) {
  const title = LESSONS.find(each => each.id === lesson)?.title ?? (isAddress(lesson) ? lesson : undefined);
  if (title === undefined || lesson === address().get('lesson')) return null;
  return (
    <p>
      {words.class.sent} <a href={lessonHere(lesson, seed, address().get('name') ?? '')}>{title}</a>
    </p>
  );
}
