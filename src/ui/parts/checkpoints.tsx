/** Guests that are saved at intervals: how often, when last, and those that can go on from there. */
import { useEffect } from 'preact/hooks';
import type { Checkpoint } from '../../dom0/service/index.ts';
import { forget, goOn, nextMs, problems, running, saveAll, savedMs, saving, waiting } from '../checkpoints.ts';
import { openState } from '../inventory.ts';
import { SAVE_EVERY, saveEvery } from '../settings.ts';
import { state } from '../shell-session.ts';
import { bytes } from '../terminal.ts';
import { named } from './home.tsx';
import { ChooseFiles, Icon, Tag } from './marks.tsx';

const words = {
  title: 'Running guests',
  waits: 'Saved while they ran',
  every: 'Save them',
  choices: { 0: 'when asked', 5: 'every 5 minutes', 15: 'every 15 minutes', 60: 'every hour' },
  about:
    'They are saved with their disks, on the host’s own disk. A guest is paused while it is saved. Closing the page saves nothing: what changed since the last save is lost.',
  now: 'Save all now',
  guest: 'Guest',
  last: 'Saved last',
  never: 'not yet',
  none: 'No guest runs.',
  saving: 'It is saved …',
  next: (time: string) => `next at ${time}`,
  of: (time: string, size: string) => `as of ${time}, ${size}`,
  go: 'Go on',
  goNamed: (name: string, time: string) => `Have ${name} go on from ${time}`,
  forget: (name: string) => `Delete what was saved of ${name}`,
  choose: 'Choose its files',
};

const sameDay = (a: Date, b: Date): boolean => a.toDateString() === b.toDateString();
/** As clocks of people show it; with the day where that was another one. */
function clock(ms: number): string {
  const then = new Date(ms);
  const time = then.toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' });
  return sameDay(then, new Date())
    ? time
    : `${then.toLocaleDateString('en-GB', { day: 'numeric', month: 'long' })}, ${time}`;
}

/** Guests of an earlier visit, or that have stopped, as they were saved last. */
export function SavedGuests() {
  const list = waiting();
  if (list.length === 0) return null;
  return (
    <section class="again" aria-label={words.waits}>
      <h3>{words.waits}</h3>
      <ul>
        {list.map(each => (
          <SavedGuest key={each.domain} saved={each} />
        ))}
      </ul>
    </section>
  );
}

function SavedGuest({ saved }: { saved: Checkpoint }) {
  const { domain, savedMs: ms, bytes: size } = saved,
    problem = problems.value.get(domain),
    time = clock(ms);
  return (
    <li>
      <div class="row">
        <span class="cut">
          <b>{domain} </b>
          <span class="sec">{words.of(time, bytes(size))}</span>
        </span>
        <span class="grow" />
        <button class="btn sm" aria-label={words.goNamed(domain, time)} onClick={() => void goOn(saved)}>
          <Icon name="run" />
          {words.go}
        </button>
        <button
          class="btn quiet icon sm"
          aria-label={words.forget(domain)}
          title={words.forget(domain)}
          onClick={() => void forget(saved)}
        >
          <Icon name="close" size={10} />
        </button>
      </div>
      {problem && (
        <div role="alert">
          <p>
            <Tag kind="failed">
              <span>{problem}</span>
            </Tag>
          </p>
          <p>
            <ChooseFiles small onFiles={files => void goOn(saved, named(files))}>
              {words.choose}
            </ChooseFiles>
          </p>
        </div>
      )}
    </li>
  );
}

/** On the page of the host's disk. */
export function Checkpoints() {
  useEffect(openState, []);
  const names = running();
  // Where nothing outlives the page that is said once, above.
  if (state.value?.kept === false) return null;
  return (
    <section class="checkpoints">
      <div class="ph">
        <h3>{words.title}</h3>
      </div>
      <p class="sec">{words.about}</p>
      <p class="row wrap">
        <label class="row">
          {words.every}{' '}
          <select
            class="in"
            value={saveEvery.value}
            onChange={event => {
              const chosen = Number(event.currentTarget.value);
              saveEvery.value = SAVE_EVERY.find(each => each === chosen) ?? 0;
            }}
          >
            {SAVE_EVERY.map(minutes => (
              <option key={minutes} value={minutes}>
                {words.choices[minutes]}
              </option>
            ))}
          </select>
        </label>
        {nextMs.value !== undefined && <span class="cap-t">{words.next(clock(nextMs.value))}</span>}
        <button class="btn" disabled={names.length === 0 || saving.value !== undefined} onClick={() => void saveAll()}>
          {words.now}
        </button>
      </p>
      {names.length === 0 ? (
        <p class="cap-t">{words.none}</p>
      ) : (
        <div class="wide">
          <table class="pad">
            <thead>
              <tr>
                <th>{words.guest}</th>
                <th>{words.last}</th>
              </tr>
            </thead>
            <tbody>
              {names.map(name => {
                const ms = savedMs(name),
                  problem = problems.value.get(name);
                return (
                  <tr key={name}>
                    <td class="b">{name}</td>
                    <td>
                      <span role="status">
                        {saving.value === name ? words.saving : ms === undefined ? words.never : clock(ms)}
                        {problem && (
                          <>
                            {' '}
                            <Tag kind="failed">
                              <span>{problem}</span>
                            </Tag>
                          </>
                        )}
                      </span>
                    </td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        </div>
      )}
      <SavedGuests />
    </section>
  );
}
