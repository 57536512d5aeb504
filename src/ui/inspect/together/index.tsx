/** Several guests on one screen: a line that is typed goes to all of them, and what each of them takes to carry it out counts up next to its console. */
import './together.css';
import { signal, useSignal } from '@preact/signals';
import { ExitReason } from '../../../cpu/architecture/index.ts';
import { exitTitle, reasonOf } from '../../../hypervisor/view/index.ts';
import { ModeBadge, ownerClass, Problem, StateMark } from '../../parts/marks.tsx';
import { go } from '../../navigation.ts';
import { type DomainSession, sessions } from '../../sessions.ts';
import type { Sample } from '../../counters.ts';
import { whole } from '../../units.ts';
import { inspector } from '../frame.tsx';
import type { Table } from '../inspector.ts';
import { guestsOf, type System } from './modes.ts';
import { end, hostKind, isOneOf, linux, problem, start, starting } from './start.ts';
import { ofHost, type OfEach } from '../../hypervisors/of-host.ts';

const words = {
  title: 'Side by side',
  lede: 'One system in several modes, or any guests that run: a line goes to all consoles at once, and each counts what it took.',
  starts: {
    minipv: (modes: string) => `Start minipv in ${modes}`,
    linux: (modes: string) => `Start one Linux in ${modes}`,
  },
  modes: ['', 'its one mode', 'two modes', 'three modes', 'four modes'],
  starting: (name: string) => `${name} is being made`,
  end: 'Destroy these',
  line: 'A line for all consoles',
  send: 'Type it into all',
  none: 'No guest runs. Start some in several modes, or any others: all of them are shown here.',
  exits: 'exits since the line',
  all: (n: string) => `${n} since it was made`,
  rows: { hypercalls: 'Hypercalls', retired: 'Instructions' },
  console: (name: string) => `The last lines of ${name}`,
  open: (name: string) => `Go to ${name}`,
  table: 'Since the line',
  columns: (ioreqs: string) => ['Guest', 'Mode', 'Exits', 'Hypercalls', ioreqs, 'Instructions'],
};
const OF_EACH: OfEach<{ ioreqs: string; real: string }> = {
  xen: {
    ioreqs: 'For the device model',
    real: 'Exits of a waiting guest count, too: one that polls its serial port makes some without being asked. A paravirtual guest has no VM exits; what is counted of it are its traps into Xen, hypercalls among them.',
  },
  kvm: {
    ioreqs: 'For QEMU',
    real: 'Exits of a waiting guest count, too: one that polls its serial port makes some without being asked.',
  },
};
const LINES = 11,
  MOST_REASONS = 3;

interface Guest {
  session: DomainSession;
  name: string;
  type: string;
  state: string;
  now: Sample | undefined;
  since: Sample | undefined;
}
interface Data {
  guests: Guest[];
}

/** What each had counted when a line was typed last. */
const typedAt = signal<ReadonlyMap<number, Sample>>(new Map());

function look(): Data {
  const living = [...sessions.value.values()].filter(({ gone, id }) => id > 0 && !gone.value);
  return {
    guests: living.map(session => ({
      session,
      name: session.info.value.name,
      type: session.info.value.type,
      state: session.info.value.state,
      now: session.sample.value,
      since: typedAt.value.get(session.id),
    })),
  };
}

/** How much a count has grown. */
const grown = ({ now, since }: Guest, of: (sample: Sample) => number): number =>
  now ? of(now) - (since ? of(since) : 0) : 0;
const exitsOf = (guest: Guest): number => grown(guest, ({ exits }) => exits);
const hypercallsOf = (guest: Guest): number => grown(guest, ofHost(HYPERCALLS));
const sum = (counts: Iterable<number>): number => [...counts].reduce((all, each) => all + each, 0);
/** Xen counts hypercalls by number; with KVM each is an exit by VMCALL or VMMCALL. */
const HYPERCALLS: OfEach<(sample: Sample) => number> = {
  xen: ({ hypercalls }) => sum(hypercalls),
  kvm: ({ byReason }) =>
    sum([...byReason].filter((_, i) => reasonOf(i) === ExitReason.VMCALL || reasonOf(i) === ExitReason.VMMCALL)),
};

/** The reasons of most exits since the line. */
function reasons({ now, since }: Guest): { title: string; count: number }[] {
  if (!now) return [];
  return Array.from(now.byReason, (count, i) => ({
    title: exitTitle(reasonOf(i)),
    count: count - (since?.byReason[i] ?? 0),
  }))
    .filter(({ count }) => count > 0)
    .sort((a, b) => b.count - a.count)
    .slice(0, MOST_REASONS);
}

function typeIntoAll(line: string, guests: readonly Guest[]): void {
  typedAt.value = new Map(guests.flatMap(({ session, now }) => (now ? [[session.id, now] as const] : [])));
  for (const { session } of guests) session.terminal.type(`${line}\r`);
}

/** Makes one system's guests; nothing where the host starts none of them. */
function Start({ system }: { system: System }) {
  const modes = guestsOf(system, hostKind()).length;
  return modes === 0 ? null : (
    <button class="btn" disabled={starting.value !== undefined} onClick={() => void start(system)}>
      {words.starts[system](words.modes[modes]!)}
    </button>
  );
}

function Figure({ data: { guests } }: { data: Data }) {
  const line = useSignal(''),
    most = Math.max(1, ...guests.map(exitsOf));
  return (
    <div class="col tog">
      <div class="wyh">
        <div>
          <h2>{words.title}</h2>
          <p class="sec">{words.lede}</p>
        </div>
        <div class="row wrap">
          <Start system="minipv" />
          {linux() && <Start system="linux" />}
          {guests.some(({ name }) => isOneOf(name)) && (
            <button class="btn" onClick={() => void end()}>
              {words.end}
            </button>
          )}
        </div>
      </div>
      <div role="status">{starting.value && <span class="sec">{words.starting(starting.value.name)}</span>}</div>
      {problem.value && <Problem>{problem.value}</Problem>}
      {guests.length === 0 ? (
        <p class="hint">{words.none}</p>
      ) : (
        <>
          <form
            class="row wrap"
            onSubmit={event => {
              event.preventDefault();
              typeIntoAll(line.value, guests);
            }}
          >
            <input
              class="in m"
              aria-label={words.line}
              placeholder="help"
              value={line.value}
              spellcheck={false}
              autocomplete="off"
              onInput={event => {
                line.value = event.currentTarget.value;
              }}
            />
            <button class="btn primary" type="submit">
              {words.send}
            </button>
          </form>
          <ul class="togg">
            {guests.map(guest => (
              <Column key={guest.session.id} guest={guest} most={most} />
            ))}
          </ul>
        </>
      )}
      <p class="cap-t">{ofHost(OF_EACH).real}</p>
    </div>
  );
}

/** A guest's counts above the last lines of its console. */
function Column({ guest, most }: { guest: Guest; most: number }) {
  const { session, name, type, state, now } = guest,
    exits = exitsOf(guest);
  return (
    <li class={ownerClass(session.id)}>
      <h3>
        <StateMark state={state} />{' '}
        <button class="link" title={words.open(name)} onClick={() => go({ kind: 'domain', id: session.id })}>
          {name}
        </button>{' '}
        <ModeBadge type={type} />
      </h3>
      <p>
        <b class="m big">{whole(exits)}</b> <span class="sec">{words.exits}</span>
      </p>
      <div class="bar">{exits > 0 && <i style={`width:${(100 * exits) / most}%`} />}</div>
      <dl>
        <Row name={words.rows.hypercalls} count={hypercallsOf(guest)} />
        <Row name={ofHost(OF_EACH).ioreqs} count={grown(guest, ({ ioreqs }) => ioreqs)} />
        <Row name={words.rows.retired} count={grown(guest, ({ retired }) => retired)} />
        {reasons(guest).map(({ title, count }) => (
          <Row key={title} name={title} count={count} isPart />
        ))}
      </dl>
      <p class="sec">{words.all(whole(now?.exits ?? 0))}</p>
      <pre class="code" role="region" aria-label={words.console(name)} tabIndex={0}>
        {lastLines(session.terminal.lines())}
      </pre>
    </li>
  );
}

/** A terminal has empty lines below its cursor. */
const lastLines = (lines: readonly string[]): string => lines.join('\n').trimEnd().split('\n').slice(-LINES).join('\n');

const Row = ({ name, count, isPart }: { name: string; count: number; isPart?: true }) => (
  <div class={isPart ? 'part' : ''}>
    <dt>{name}</dt>
    <dd class="m">{whole(count)}</dd>
  </div>
);

const tables = ({ guests }: Data): Table[] => [
  {
    name: words.table,
    columns: words.columns(ofHost(OF_EACH).ioreqs),
    rows: guests.map(guest => [
      guest.name,
      guest.type,
      exitsOf(guest),
      hypercallsOf(guest),
      grown(guest, ({ ioreqs }) => ioreqs),
      grown(guest, ({ retired }) => retired),
    ]),
  },
];

export const Together = inspector<Data>({
  everyMs: 250,
  nothing: '',
  open: () => ({ look }),
  Figure,
  why: () => undefined,
  tables,
});
