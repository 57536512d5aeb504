/** Snapshots of a domain: taken with a word about them, gone back to, deleted; the tree says which came from which, and where the domain is. */

import { commandOf } from '../../dom0/toolstack/hypervisors/command/index.ts';
import './snapshots.css';
import { type Signal, useSignal } from '@preact/signals';
import { CHECKPOINTS, type SnapshotRecord } from '../../dom0/toolstack/snapshots/index.ts';
import { host, living } from '../host.ts';
import { sentence } from '../sentence.ts';
import { freeNumber, type SnapshotRow, treeOf } from './snapshot-tree.ts';
import { forget, goBack, isLeaving, keepSnapshot, take, takes } from '../snapshots.ts';
import { KEEP_SECONDS } from '../leaving.ts';
import { bytes } from '../terminal.ts';
import { SNAPSHOT_CHANGES, useAskedAsTasksEnd } from './asked.ts';
import { Icon, Problem } from './marks.tsx';
import { Both, inBoth } from './both-words.tsx';

const words = {
  title: 'Snapshots',
  take: 'Take snapshot',
  taking: 'It is being taken …',
  name: 'Name of the snapshot',
  about: 'What it is for',
  aboutHint: 'a word about it, if you like',
  columns: { name: 'Snapshot', taken: 'Taken', holds: 'Memory', disks: 'Disks', about: 'What it is for' },
  what: 'Memory, processors, devices and disks as of one moment. The guest goes on.',
  whatOff: 'It does not run: its disks on the host’s disk are kept.',
  none: 'There is none yet. Take one before you try something: the domain can be taken back to it, memory and disks together.',
  here: 'You are here',
  hereIs: (name: string, runs: boolean) => `${name} as it ${runs ? 'runs' : 'is'} now`,
  disksAlone: 'disks alone',
  noDisks: 'none of the host’s',
  after: (parent: string) => `after ${parent}`,
  byItself: 'saved by the page at intervals',
  back: 'Go back',
  backTo: (name: string) => `Go back to ${name}`,
  remove: 'Delete',
  removeOf: (name: string) => `Delete ${name}`,
  question: (domain: string, name: string, runs: boolean, stays: boolean) =>
    `${domain} becomes what it was at ${name}. ${runs ? 'What is in its memory now goes, and what it wrote since.' : 'What was written to its disks since goes.'}${stays ? '' : ' It does not run then.'}`,
  first: 'Keep what is now, then go back',
  now: 'Go back',
  stay: 'Stay',
  going: 'It goes back …',
  leaving: (name: string, seconds: number) => `${name} is deleted within ${seconds} s.`,
  keep: 'Keep',
  removeNow: 'Delete now',
};
const taken = (ms: number): string => {
  const date = new Date(ms);
  return `${date.toLocaleDateString(undefined, { year: 'numeric', month: 'short', day: 'numeric' })}, ${date.toTimeString().slice(0, 8)}`;
};

/** `name`: of a domain that runs, or is only defined. */
export function SnapshotsPage({ name }: { name: string }) {
  const records = useSignal<readonly SnapshotRecord[] | undefined>(undefined),
    problem = useSignal('');
  const typed = useSignal<string | undefined>(undefined),
    about = useSignal(''),
    busy = useSignal(''),
    asked = useSignal<string | undefined>(undefined);
  const runs = living.value.some(each => each.name === name);
  useAskedAsTasksEnd(
    [name],
    () => host['snapshot-list'](name),
    list => {
      records.value = list;
    },
    problem,
    SNAPSHOT_CHANGES,
  );
  const all = records.value;
  const asWritten = typed.value ?? freeNumber(new Set(all?.map(each => each.name)));
  const act = async (says: string, work: () => Promise<void>): Promise<void> => {
    problem.value = '';
    busy.value = says;
    try {
      await work();
    } catch (error) {
      problem.value = sentence(error);
    } finally {
      busy.value = '';
    }
  };
  const takeOne = (): Promise<void> =>
    act(words.taking, async () => {
      await take(name, asWritten, about.value);
      typed.value = undefined;
      about.value = '';
    });
  const back = (to: string, keepsFirst: boolean): Promise<void> =>
    act(words.going, async () => {
      if (keepsFirst) await take(name);
      await goBack(name, to);
      asked.value = undefined;
    });
  return (
    <div class="body snaps">
      <section>
        <TakeForm
          typed={typed}
          about={about}
          written={asWritten}
          busy={busy.value !== ''}
          take={() => void takeOne()}
        />
        <p class="cap-t">
          <Both command={takes(name, asWritten, about.value)} />. {runs ? words.what : words.whatOff}
        </p>
        <p class="cap-t" role="status">
          {busy.value}
        </p>
        {problem.value && <Problem>{problem.value}</Problem>}
      </section>
      {all &&
        (all.length === 0 ? (
          <p class="hint">{words.none}</p>
        ) : (
          <SnapshotTree records={all} domain={name} runs={runs} busy={busy.value !== ''} asked={asked} back={back} />
        ))}
    </div>
  );
}

/** The snapshots below each other, with the place where the domain is; `asked`: the one to which it may go back. */
function SnapshotTree({
  records,
  domain,
  runs,
  busy,
  asked,
  back,
}: {
  records: readonly SnapshotRecord[];
  domain: string;
  runs: boolean;
  busy: boolean;
  asked: Signal<string | undefined>;
  back(to: string, keepsFirst: boolean): Promise<void>;
}) {
  const rows = treeOf(records),
    here = rows.findIndex(({ isHere }) => isHere);
  return (
    <div class="wide">
      <table class="pad">
        <thead>
          <tr>
            <th>{words.columns.name}</th>
            <th>{words.columns.taken}</th>
            <th class="num">{words.columns.holds}</th>
            <th>{words.columns.disks}</th>
            <th>{words.columns.about}</th>
            <th />
          </tr>
        </thead>
        <tbody>
          {rows.flatMap((row, i) => [
            <Row
              key={row.record.name}
              row={row}
              domain={domain}
              asked={asked.value === row.record.name}
              busy={busy}
              ask={() => {
                asked.value = asked.value === row.record.name ? undefined : row.record.name;
              }}
            />,
            ...(asked.value === row.record.name
              ? [
                  <AskBack
                    key={`ask ${row.record.name}`}
                    domain={domain}
                    row={row}
                    runs={runs}
                    busy={busy}
                    back={keepsFirst => void back(row.record.name, keepsFirst)}
                    stay={() => {
                      asked.value = undefined;
                    }}
                  />,
                ]
              : []),
            ...(i === here ? [<Here key="here" name={domain} depth={row.depth + 1} runs={runs} />] : []),
          ])}
          {here < 0 && <Here name={domain} depth={0} runs={runs} />}
        </tbody>
      </table>
    </div>
  );
}

/** Its name as it is `written`, and what it is for. */
function TakeForm({
  typed,
  about,
  written,
  busy,
  take,
}: {
  typed: Signal<string | undefined>;
  about: Signal<string>;
  written: string;
  busy: boolean;
  take(): void;
}) {
  return (
    <form
      class="row wrap"
      onSubmit={event => {
        event.preventDefault();
        take();
      }}
    >
      <input
        class="in nm"
        aria-label={words.name}
        value={written}
        spellcheck={false}
        autocomplete="off"
        onInput={event => {
          typed.value = event.currentTarget.value;
        }}
      />
      <input
        class="in grow"
        aria-label={words.about}
        placeholder={words.aboutHint}
        value={about.value}
        maxLength={1000}
        onInput={event => {
          about.value = event.currentTarget.value;
        }}
      />
      <button class="btn primary" disabled={busy || written === ''}>
        <Icon name="plus" />
        {words.take}
      </button>
    </form>
  );
}

/** Whether a domain is to go back to a snapshot, and be kept as it is before. */
function AskBack({
  domain,
  row,
  runs,
  busy,
  back,
  stay,
}: {
  domain: string;
  row: SnapshotRow;
  runs: boolean;
  busy: boolean;
  back(keepsFirst: boolean): void;
  stay(): void;
}) {
  return (
    <tr>
      <td colSpan={6}>
        <div class="ask" role="alert">
          <p>
            {words.question(domain, row.record.name, runs, row.record.state !== undefined)}{' '}
            <Both command={commandOf('revert', domain, { snapshot: row.record.name })} />
          </p>
          <div class="row wrap">
            <button class="btn" disabled={busy} onClick={() => back(true)}>
              {words.first}
            </button>
            <button class="btn primary" disabled={busy} onClick={() => back(false)}>
              {words.now}
            </button>
            <button class="btn quiet" onClick={stay}>
              {words.stay}
            </button>
          </div>
        </div>
      </td>
    </tr>
  );
}

interface RowProps {
  row: SnapshotRow;
  domain: string;
  asked: boolean;
  busy: boolean;
  ask(): void;
}

function Row({ row: { record, depth }, domain, asked, busy, ask }: RowProps) {
  const { name, createdMs, state, disks, description, parent } = record,
    leaves = isLeaving(domain, name);
  const isCheckpoint = (CHECKPOINTS as readonly string[]).includes(name);
  return (
    <tr class={asked ? 'sel' : ''}>
      <td class="b nw">
        <Generations depth={depth} />
        <span class="nm">{name}</span>
        {parent !== undefined && depth > 0 && <span class="hidden">, {words.after(parent)}</span>}
      </td>
      <td class="nw sec">{taken(createdMs)}</td>
      <td class="num nw">
        {state ? <span class="m">{bytes(state.bytes)}</span> : <span class="sec">{words.disksAlone}</span>}
      </td>
      <td class="m brk">
        {disks.map(({ device }) => device).join(', ') || <span class="sec plain">{words.noDisks}</span>}
      </td>
      <td class="brk">{description ?? (isCheckpoint ? <span class="sec">{words.byItself}</span> : '')}</td>
      <td class="num nw">
        {leaves ? (
          <>
            <span class="say" role="alert">
              {words.leaving(name, KEEP_SECONDS)}
            </span>{' '}
            <button class="btn sm primary" onClick={() => keepSnapshot(domain, name)}>
              {words.keep}
            </button>{' '}
            <button class="btn sm" onClick={() => forget(domain, name)}>
              {words.removeNow}
            </button>
          </>
        ) : (
          <>
            <button
              class="btn sm"
              aria-label={words.backTo(name)}
              aria-expanded={asked}
              title={inBoth(commandOf('revert', domain, { snapshot: name }))}
              disabled={busy}
              onClick={ask}
            >
              {words.back}
            </button>{' '}
            <button
              class="btn quiet sm"
              aria-label={words.removeOf(name)}
              title={inBoth(commandOf('snapshot-delete', domain, { snapshot: name }))}
              disabled={busy}
              onClick={() => forget(domain, name)}
            >
              {words.remove}
            </button>
          </>
        )}
      </td>
    </tr>
  );
}

const Here = ({ name, depth, runs }: { name: string; depth: number; runs: boolean }) => (
  <tr class="here">
    <td class="nw" colSpan={6}>
      <Generations depth={depth} />
      <b>{words.here}</b> <span class="sec">{words.hereIs(name, runs)}</span>
    </td>
  </tr>
);

/** How far below the oldest it is. */
const Generations = ({ depth }: { depth: number }) =>
  depth > 0 ? <span class="gen" style={`--gen:${depth}`} /> : null;
