/** The host in one file: written, taken in from a dropped file, begun again; each with what it takes with it. */

import { useEffect, useRef } from 'preact/hooks';
import { living } from '../host.ts';
import { inventory } from '../inventory.ts';
import { bytes } from '../terminal.ts';
import { size } from '../units.ts';
import { exportAll, exporting, incoming, outcome, resetAll, resetting, takeIn, takeOverAll } from '../whole-state.ts';
import { named } from './home.tsx';
import { ChooseFiles, Icon, Tag } from './marks.tsx';

const list = (names: readonly string[], none: string): string =>
  names.length === 0
    ? none
    : names.length > 8
      ? `${names.slice(0, 8).join(', ')} and ${names.length - 8} more`
      : names.join(', ');
const words = {
  title: 'The whole host in one file',
  about:
    'Definitions, disks, layout and the task log. Zeros take no room. Memory of guests that run is not in it: save their state separately. Guests that write the host’s disk are paused while it is copied.',
  export: 'Export everything',
  choose: 'Open an exported file',
  reset: 'Reset the host',
  going: (done: string) => `${done} so far`,
  cancel: 'Cancel',
  inFile: (name: string) => `${name} holds another host`,
  checking: (name: string) => `Every byte of ${name} is checked …`,
  refused: (name: string) => `${name} was not taken in`,
  unchanged: 'Nothing was changed.',
  holds: 'It holds',
  from: 'Written',
  definitions: 'Definitions',
  volumes: 'Volumes',
  none: 'none',
  lost: 'What is deleted',
  kept: 'The task log and the host’s own files are deleted with them.',
  ends: 'Guests that end',
  replace: 'Put it in the place of this host',
  leave: 'Leave it',
  replacing: 'It takes the place of this host …',
  resetTitle: 'Reset the host?',
  resetText:
    'This cannot be undone. Export everything first, and you can open it again later. Damaged files that were set aside are deleted, too.',
  resetNow: 'Reset now',
  keep: 'Keep it',
  resets: 'The host is reset …',
  layout: 'Theme, window layout and sizes return to their defaults.',
};

/** What a state that takes the place of this one takes with it. */
function Lost() {
  const seen = inventory.value?.stored;
  const volumes = seen?.disk?.volumes ?? [];
  const ends = living.value
    .filter(({ name }) => [...volumes, ...(seen?.disk?.partitions ?? [])].some(({ users }) => users.includes(name)))
    .map(({ name }) => name);
  return (
    <section>
      <h4>{words.lost}</h4>
      <dl class="kv">
        <dt>{words.definitions}</dt>
        <dd>{list(seen?.defined.map(({ name }) => name) ?? [], words.none)}</dd>
        <dt>{words.volumes}</dt>
        <dd>
          {list(
            volumes.map(({ name, bytes: all }) => `${name} (${size(all)})`),
            words.none,
          )}
        </dd>
        {ends.length > 0 && (
          <>
            <dt>{words.ends}</dt>
            <dd>{ends.join(', ')}</dd>
          </>
        )}
      </dl>
      <p class="cap-t">{words.kept}</p>
    </section>
  );
}

export function WholeState() {
  const going = exporting.value,
    asked = resetting.value,
    said = outcome.value;
  return (
    <section class="whole">
      <div class="ph">
        <h3>{words.title}</h3>
      </div>
      <p class="sec">{words.about}</p>
      <Incoming />
      {asked !== undefined ? (
        <Reset />
      ) : (
        !incoming.value && (
          <div class="row wrap">
            {going ? (
              <button class="btn" onClick={() => going.cancel()}>
                {words.cancel}
              </button>
            ) : (
              <button class="btn" onClick={() => void exportAll()}>
                <Icon name="drop" />
                {words.export}
              </button>
            )}
            <ChooseFiles
              onFiles={files => {
                const [first] = named(files);
                if (first) void takeIn(first);
              }}
            >
              {words.choose}
            </ChooseFiles>
            <button
              class="btn"
              onClick={() => {
                outcome.value = undefined;
                resetting.value = 'asked';
              }}
            >
              <Icon name="reset" />
              {words.reset}
            </button>
          </div>
        )
      )}
      <p role="status">
        {going ? (
          <span class="sec">{words.going(bytes(going.bytes))}</span>
        ) : (
          said && (
            <Tag kind={said.good ? 'done' : 'failed'}>
              <span>{said.text}</span>
            </Tag>
          )
        )}
      </p>
    </section>
  );
}

function Incoming() {
  const given = incoming.value;
  if (!given) return null;
  const {
    file: { name },
    head,
    problem,
    taking,
  } = given;
  const leave = () => {
    incoming.value = undefined;
  };
  if (problem) return <Refused name={name} problem={problem} leave={leave} />;
  if (!head)
    return (
      <div class="ask" role="status">
        <p>{words.checking(name)}</p>
      </div>
    );
  return (
    <div class="ask">
      <h4>{words.inFile(name)}</h4>
      <div class="two-c">
        <section>
          <h4>{words.holds}</h4>
          <dl class="kv">
            <dt>{words.from}</dt>
            <dd>
              {new Date(head.savedMs).toISOString().slice(0, 16).replace('T', ' ')} UTC, Ringside {head.version}
            </dd>
            <dt>{words.definitions}</dt>
            <dd>{list(head.guests, words.none)}</dd>
            <dt>{words.volumes}</dt>
            <dd>
              {list(
                head.volumes.map(({ name: volume, bytes: all }) => `${volume} (${size(all)})`),
                words.none,
              )}
            </dd>
          </dl>
        </section>
        <Lost />
      </div>
      {taking ? (
        <p role="status">{words.replacing}</p>
      ) : (
        <div class="row wrap">
          <button class="btn primary" onClick={() => void takeOverAll()}>
            {words.replace}
          </button>
          <button class="btn" onClick={leave}>
            {words.leave}
          </button>
        </div>
      )}
    </div>
  );
}

function Refused({ name, problem, leave }: { name: string; problem: string; leave(): void }) {
  return (
    <div class="ask" role="alert">
      <h4>{words.refused(name)}</h4>
      <p>
        <Tag kind="failed">
          <span>
            {problem} {words.unchanged}
          </span>
        </Tag>
      </p>
      <div class="row wrap">
        <ChooseFiles
          onFiles={files => {
            const [first] = named(files);
            if (first) void takeIn(first);
          }}
        >
          {words.choose}
        </ChooseFiles>
        <button class="btn" onClick={leave}>
          {words.leave}
        </button>
      </div>
    </div>
  );
}

function Reset() {
  const asked = resetting.value,
    box = useRef<HTMLDivElement>(null);
  // It opens at the foot of a long page.
  useEffect(() => box.current?.scrollIntoView({ block: 'nearest' }), []);
  return (
    <div class="ask" role="group" aria-label={words.resetTitle} ref={box}>
      <h4>{words.resetTitle}</h4>
      <Lost />
      <p class="cap-t">{words.layout}</p>
      <p>{words.resetText}</p>
      {typeof asked === 'object' && (
        <p role="alert">
          <Tag kind="failed">
            <span>
              {asked.problem} {words.unchanged}
            </span>
          </Tag>
        </p>
      )}
      {asked === 'going' ? (
        <p role="status">{words.resets}</p>
      ) : (
        <div class="row wrap">
          <button
            class="btn"
            autoFocus
            onClick={() => {
              resetting.value = undefined;
            }}
          >
            {words.keep}
          </button>
          {asked === 'asked' && (
            <button class="btn primary" onClick={() => void resetAll()}>
              {words.resetNow}
            </button>
          )}
          <button class="btn" disabled={exporting.value !== undefined} onClick={() => void exportAll()}>
            {words.export}
          </button>
        </div>
      )}
    </div>
  );
}
