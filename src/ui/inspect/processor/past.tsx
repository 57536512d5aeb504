/**
 * The past of a guest in virtual time: back by an exit, an instruction, a second, to a mark, to a place of its timeline, to the last write of an address; and on
 * from there. Loaded where the host is in virtual time.
 */

import { commandOf } from '../../../dom0/toolstack/hypervisors/command/index.ts';
import { type Signal, signal, useSignal } from '@preact/signals';
import { useRef } from 'preact/hooks';
import type { AddressPoint, PastNow, PastWish } from '../../../dom0/service/index.ts';
import { backCommand } from '../../../dom0/toolstack/breaks/index.ts';
import { addressText, readAddress } from '../../../hypervisor/view/index.ts';
import { asTask, command, host } from '../../host.ts';
import { sentence } from '../../sentence.ts';
import { whole } from '../../units.ts';
import { useAsked } from '../../parts/asked.ts';
import { Problem } from '../../parts/marks.tsx';
import type { DomainSession } from '../../sessions.ts';
import { BytesChoice, NumberText, words as fieldWords } from './fields.tsx';
import { spelled } from '../../hypervisors/spelled.ts';

const words = {
  title: 'Back in its run',
  keep: 'Keep its past from now on',
  keepHint:
    'From then on this guest can go back to any exit, instruction or second of its run: what changes is kept now and then, and what comes to it from outside is noted.',
  exit: 'One exit back',
  instruction: 'One instruction back',
  second: 'One second back',
  present: 'To the present',
  goOn: 'Go on from here',
  goOnHint: 'What came after is forgotten.',
  mark: 'Mark this place',
  marks: 'Marks',
  markOf: (number: number, ns: number) => `Mark ${number}: ${seconds(ns)}`,
  gone: 'Its past is not kept as far back as this any more.',
  line: 'Place in its run',
  at: ({ at, newest, isInPast }: PastNow) =>
    `At ${seconds(at.ns)}, instruction ${whole(at.instructions)}, exit ${whole(at.exits)}: ${
      isInPast ? `${seconds(newest.ns - at.ns)} before the present` : 'the present'
    }.`,
  room: ({ oldest, bytes }: PastNow) =>
    `Its past is kept from ${seconds(oldest.ns)} on and takes ${Math.ceil(bytes / 2 ** 20)} MiB.`,
  stands: 'While it is in its past the whole host is paused. Run takes it to the present first.',
  address: 'Address that was written',
  lastWrite: 'To its last write',
  wrote: (linear: number, value: number | undefined) =>
    `The next instruction is the one that wrote ${addressText(linear)} last${value === undefined ? '' : `: ${value.toString(16)}`}.`,
  none: (linear: number) => `Nobody has written ${addressText(linear)} since its past is kept.`,
};
const seconds = (ns: number): string => `${(ns / 1e9).toFixed(3)} s`;
const SIZES = [1, 2, 4, 8];
const LOOK_MS = 500;
const NS_A_MS = 1e6;

type Moment = PastNow['at'];
/** Marked places, by the domain. */
const marks = signal<ReadonlyMap<number, readonly Moment[]>>(new Map());
const marksOf = (id: number): readonly Moment[] => marks.value.get(id) ?? [];
function setMarks(id: number, all: readonly Moment[]): void {
  marks.value = new Map(marks.peek()).set(id, all);
}

/** Its requests, and what is shown of them. */
function usePast({ id, info }: DomainSession) {
  const now = useAsked(LOOK_MS, [id], () => host.inspect('past', id)),
    problem = useSignal(''),
    said = useSignal(''),
    isBusy = useSignal(false);
  // One after the other: each goes on from where the previous one stopped.
  const last = useRef(Promise.resolve());
  const go = (wish: PastWish): Promise<void> => {
    last.current = last.current.then(() => one(wish));
    return last.current;
  };
  const one = async (wish: PastWish): Promise<void> => {
    isBusy.value = true;
    problem.value = said.value = '';
    await asTask(backCommand(info.peek().name, wish), async () => {
      try {
        const { hit, at } = (now.value = await host.back(id, wish));
        if (wish === 'goOn') {
          // What came after this place is none of its past any more.
          setMarks(
            id,
            marksOf(id).filter(mark => mark.ns <= at.ns),
          );
          await command('unpause', info.peek());
        }
        if (typeof wish === 'object' && 'backTo' in wish) {
          const { linear } = wish.backTo[0]!;
          said.value = hit ? words.wrote(linear, hit.value) : words.none(linear);
        }
      } catch (error) {
        problem.value = sentence(error);
        throw error;
      }
    });
    isBusy.value = false;
  };
  return { now, problem, said, isBusy, go };
}

/** `eip`: linear, suggested as an address. */
export function Past({ session, eip }: { session: DomainSession; eip: number }) {
  const past = usePast(session),
    { value: now } = past.now;
  return (
    <section class="stops past" aria-busy={past.isBusy.value}>
      <h3>{words.title}</h3>
      {now ? (
        <>
          <p role="status" class="m sec">
            {words.at(now)} {past.said.value}
          </p>
          <Ways now={now} session={session} go={past.go} />
          <Line id={session.id} now={now} go={past.go} />
          <LastWrite eip={eip} problem={past.problem} go={past.go} />
          <p class="cap-t">
            {words.room(now)} {now.isInPast && words.stands}
          </p>
        </>
      ) : (
        <div class="row wrap">
          <button
            class="btn sm"
            title={spelled(commandOf('back', session.info.value.name))}
            onClick={() => void past.go('keep')}
          >
            {words.keep}
          </button>
          <span class="cap-t">{words.keepHint}</span>
        </div>
      )}
      {past.problem.value && <Problem>{past.problem.value}</Problem>}
    </section>
  );
}

interface Going {
  now: PastNow;
  go(wish: PastWish): Promise<void>;
}

const STEPS: readonly (readonly [text: string, wish: PastWish])[] = [
  [words.exit, { back: { exits: 1 } }],
  [words.instruction, { back: { instructions: 1 } }],
  [words.second, { back: { ns: 1e9 } }],
];

function Ways({ now: { isInPast }, session, go }: Going & { session: DomainSession }) {
  const { name } = session.info.value;
  return (
    <div class="row wrap">
      {STEPS.map(([text, wish]) => (
        <button key={text} class="btn sm" title={spelled(backCommand(name, wish))} onClick={() => void go(wish)}>
          {text}
        </button>
      ))}
      <button
        class="btn sm"
        disabled={!isInPast}
        title={spelled(backCommand(name, 'present'))}
        onClick={() => void go('present')}
      >
        {words.present}
      </button>
      <button
        class="btn sm"
        disabled={!isInPast}
        title={`${spelled(backCommand(name, 'goOn'))}. ${words.goOnHint}`}
        onClick={() => void go('goOn')}
      >
        {words.goOn}
      </button>
    </div>
  );
}

/** From the oldest place to the present, in milliseconds, with marks. */
function Line({ id, now: { at, oldest, newest }, go }: Going & { id: number }) {
  const ms = (ns: number): number => Math.floor(ns / NS_A_MS);
  return (
    <>
      <input
        type="range"
        class="pastline"
        aria-label={words.line}
        aria-valuetext={seconds(at.ns)}
        min={Math.ceil(oldest.ns / NS_A_MS)}
        max={ms(newest.ns)}
        value={ms(at.ns)}
        style={`--part:${(100 * (at.ns - oldest.ns)) / Math.max(1, newest.ns - oldest.ns)}%`}
        onChange={event => void go({ goTo: { ns: Number(event.currentTarget.value) * NS_A_MS } })}
      />
      <div class="row wrap" role="group" aria-label={words.marks}>
        <button class="btn sm" onClick={() => setMarks(id, [...marksOf(id), at])}>
          {words.mark}
        </button>
        {marksOf(id).map((mark, i) => (
          <button
            key={i}
            class="btn sm"
            disabled={mark.ns < oldest.ns}
            title={mark.ns < oldest.ns ? words.gone : ''}
            onClick={() => void go({ goTo: mark })}
          >
            {words.markOf(i + 1, mark.ns)}
          </button>
        ))}
      </div>
    </>
  );
}

function LastWrite({ eip, problem, go }: { eip: number; problem: Signal<string>; go: Going['go'] }) {
  const text = useSignal(''),
    bytes = useSignal(4);
  const submit = (): void => {
    const linear = readAddress(text.value.trim());
    if (linear === undefined) {
      problem.value = fieldWords.notAddress;
      return;
    }
    const point: AddressPoint = { kind: 'write', linear, bytes: bytes.value };
    void go({ backTo: [point] });
  };
  return (
    <form
      class="row wrap"
      onSubmit={event => {
        event.preventDefault();
        submit();
      }}
    >
      <BytesChoice
        sizes={SIZES}
        bytes={bytes.value}
        choose={value => {
          bytes.value = value;
        }}
      />
      <NumberText
        label={words.address}
        example={addressText(eip)}
        text={text.value}
        onType={value => {
          text.value = value;
        }}
      />
      <button class="btn sm" type="submit">
        {words.lastWrite}
      </button>
    </form>
  );
}
