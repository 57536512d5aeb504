/** Types of hypervisors next to each other: one guest and one read of its disk, drawn from the trace of that read. */
import './types.css';
import { info } from '../../host.ts';
import { ModeBadge, ownerClass } from '../../parts/marks.tsx';
import { ofHost } from '../../hypervisors/of-host.ts';
import { hypercallName } from '../../../hypervisor/interfaces/xen/index.ts';
import { exitTitle } from '../../../hypervisor/view/index.ts';
import { inspector } from '../frame.tsx';
import type { Shown, Table, Why } from '../inspector.ts';
import { MeasuredRun } from '../measured-run.tsx';
import { RunProgress } from '../run-progress.tsx';
import { cancel, run, start, type TypesRun } from './page-run.ts';
import { Picture } from './picture.tsx';
import { type Read, TYPES, type TypeId } from './run.ts';
import { RUN_WORDS, TYPE_WORDS, words } from './words.ts';

const MODES: Readonly<Record<TypeId, string>> = { hosted: 'hvm', xen: 'pv', esx: 'hvm', kvm: 'hvm' };
const left = ({ crossings: { exits } }: Read): number => exits.reduce((sum, { count }) => sum + count, 0);

function Figure() {
  const { progress, reads, problem, cancelled } = run.value;
  const ran = ofHost(RUN_WORDS);
  return (
    <div class="col typ">
      <MeasuredRun
        words={{ ...words, run: ran.run }}
        lede={words.lede}
        progress={
          progress && (
            <RunProgress label={words.progress} part={progress.part}>
              {words.doing[progress.doing](`types-${progress.type}`)}
            </RunProgress>
          )
        }
        isAgain={reads.length > 0}
        problem={problem}
        isCancelled={cancelled}
        start={() => void start()}
        cancel={cancel}
      >
        <ul class="tyg">
          {TYPES.map(type => (
            <Type key={type} type={type} read={reads.find(each => each.type === type)} />
          ))}
        </ul>
        <p class="cap-t">
          {ran.same} {ran.commands} {info.value?.time === 'virtual' && words.virtual}
        </p>
      </MeasuredRun>
    </div>
  );
}

/** A type: what it is, what happened, and what of that is otherwise elsewhere. */
function Type({ type, read }: { type: TypeId; read: Read | undefined }) {
  const { title, known, is, here } = TYPE_WORDS[type];
  return (
    <li class={read ? ownerClass(read.domain.id) : 'c-free'}>
      <div>
        <h3>
          {title} <ModeBadge type={MODES[type]} />
        </h3>
        <p class="sec">{known}</p>
      </div>
      <p>{is}</p>
      <Picture type={type} title={title} read={read} />
      {read ? <Counts read={read} /> : <p class="hint">{ofHost(RUN_WORDS).notYet[type]}</p>}
      <p class="tyr">
        <b>{words.here}</b> {ofHost(here)}
      </p>
    </li>
  );
}

function Counts({ read }: { read: Read }) {
  const { type, crossings } = read,
    { modelRequests, events, answers, switches, copies, calls } = crossings,
    rows: [name: string, count: number, more?: string][] = [
      [words.rows.crossings, left(read)],
      [words.rows.model, modelRequests],
      [words.rows.events, events + answers],
      [words.rows.switches, switches],
      [
        words.rows.copies,
        copies.length,
        copies.map(({ from, to }) => words.copied(words.copy[from], words.copy[to])).join(', '),
      ],
      [words.rows.calls[type], calls],
    ];
  return (
    <dl class="tyc">
      {rows.map(([name, count, more]) => (
        <div key={name}>
          <dt>
            {name}
            {more && <small>{more}</small>}
          </dt>
          <dd class="m">{count}</dd>
        </div>
      ))}
    </dl>
  );
}

/** What the counts of this run say. */
function why({ data: { reads } }: Shown<TypesRun>): Why | undefined {
  const of = (type: TypeId): Read | undefined => reads.find(each => each.type === type),
    full = of('hosted'),
    ring = of('xen');
  if (!full || !ring) return undefined;
  const { question, answer, source } = words.why;
  return { question: question(left(full), left(ring)), answer: answer(left(full), left(ring)), source };
}

const tables = ({ reads }: TypesRun): Table[] => [
  {
    name: words.table,
    columns: words.columns,
    rows: reads.map(read => {
      const { type, domain, crossings } = read;
      const { hypercalls, modelRequests, events, answers, switches, copies, calls, bytes } = crossings;
      return [
        TYPE_WORDS[type].title,
        domain.name,
        left(read),
        hypercalls,
        modelRequests,
        events,
        answers,
        switches,
        copies.length,
        calls,
        bytes,
      ];
    }),
  },
  {
    name: words.orderTable,
    columns: words.orderColumns,
    rows: reads.flatMap(({ type, crossings }) =>
      crossings.order.map((step, i) => [
        TYPE_WORDS[type].title,
        i + 1,
        words.steps[step.kind],
        step.kind === 'event'
          ? `port ${step.port}`
          : step.kind === 'exit'
            ? [
                exitTitle(step.reason),
                step.port !== undefined && `${step.reads ? 'reads' : 'writes'} 0x${step.port.toString(16)}`,
                step.hypercall !== undefined && hypercallName(step.hypercall),
              ]
                .filter(Boolean)
                .join(', ')
            : '',
      ]),
    ),
  },
];

export const Types = inspector<TypesRun>({
  everyMs: 250,
  nothing: '',
  open: () => ({ look: () => run.value }),
  Figure,
  why,
  tables,
});
