/** The page's experiments: a list, and one with its chart, its table and how it was measured. Loaded when one is opened. */
import { type Signal, useSignal } from '@preact/signals';
import {
  cellsOf,
  COSTS,
  type CostId,
  type CostTable,
  csvOf,
  type Experiment,
  EXPERIMENTS,
  PUBLISHED,
  TIMED,
  WARM,
} from '../../lessons/experiments/index.ts';
import { sentence } from '../sentence.ts';
import { download, go } from '../navigation.ts';
import { Problem, Tag } from '../parts/marks.tsx';
import './experiments.css';
import { Figures } from './figures.tsx';
import { cancel, type Run, runs, start } from './running.ts';
import { words } from './words.ts';

const SEEDS = 1e6,
  MOST_NS = 1e9;

export function ExperimentsPage({ name }: { name?: string | undefined }) {
  const experiment = EXPERIMENTS.find(({ id }) => id === name);
  return (
    <div class="body xpage" role="region" aria-label={words.all} tabIndex={-1}>
      {experiment ? <OfExperiment key={experiment.id} experiment={experiment} /> : <All name={name} />}
    </div>
  );
}

const All = ({ name }: { name: string | undefined }) => (
  <>
    <h1>{words.all}</h1>
    <p class="about">{name ? words.noSuch(name) : words.lede}</p>
    <ol class="xall">
      {EXPERIMENTS.map(({ id, title, claim }) => (
        <li key={id}>
          <button class="link" onClick={() => go({ kind: 'experiment', name: id })}>
            {title}
          </button>
          <span class="sec">{claim}</span>
        </li>
      ))}
    </ol>
  </>
);

function OfExperiment({ experiment }: { experiment: Experiment }) {
  const { id, title, claim } = experiment,
    run = runs.value.get(id),
    seed = useSignal(run?.asked.seed ?? 1),
    costs = useSignal<CostTable>(PUBLISHED);
  return (
    <>
      <p class="noprint">
        <button class="link" onClick={() => go({ kind: 'experiment' })}>
          {words.all}
        </button>
      </p>
      <h1>{title}</h1>
      <blockquote class="xclaim">
        <b>{words.claim}</b> {claim}
      </blockquote>
      <Buttons experiment={experiment} run={run} seed={seed} />
      <div role="status" class="xgoing">
        {run?.progress && <Going {...run.progress} />}
        {run?.isCancelled && <Tag kind="ignored">{words.cancelled}</Tag>}
      </div>
      {run?.problem && (
        <Problem>
          {sentence(new Error(run.problem))} {words.next}
        </Problem>
      )}
      {run && run.rows.length > 0 && <Measured experiment={experiment} run={run} costs={costs} />}
      <section class="prose">
        <h2>{words.how}</h2>
        {experiment.how.map(part => (
          <p key={part}>{part}</p>
        ))}
        {experiment.untimed && (
          <p>
            {words.untimed} {experiment.untimed}
          </p>
        )}
        {run && <p>{run.asked.isTimed ? words.timed(WARM, TIMED) : words.virtual(run.asked.seed)}</p>}
      </section>
      {experiment.columns.some(({ cost }) => cost) && <Costs costs={costs} />}
    </>
  );
}

function Buttons({
  experiment: { id, mayBeTimed, isDrawn },
  run,
  seed,
}: {
  experiment: Experiment;
  run: Run | undefined;
  seed: Signal<number>;
}) {
  if (run?.progress)
    return (
      <p class="row">
        <button class="btn" onClick={cancel}>
          {words.cancel}
        </button>
      </p>
    );
  return (
    <p class="row wrap">
      <button class="btn primary" onClick={() => start({ id, seed: seed.value, isTimed: false })}>
        {run ? words.again : words.run}
      </button>
      {isDrawn && (
        <button
          class="btn"
          onClick={() => {
            seed.value = Math.floor(Math.random() * SEEDS);
            start({ id, seed: seed.value, isTimed: false });
          }}
        >
          {words.another}
        </button>
      )}
      {mayBeTimed && (
        <>
          <button class="btn" onClick={() => start({ id, seed: seed.value, isTimed: true })}>
            {words.real}
          </button>
          <span class="sec">{words.realHint}</span>
        </>
      )}
    </p>
  );
}

const Going = ({ name, part }: { name: string; part: number }) => (
  <>
    <div
      class="bar"
      role="progressbar"
      aria-label={words.progress}
      aria-valuenow={Math.round(100 * part)}
      aria-valuemin={0}
      aria-valuemax={100}
    >
      <i class="c-hv" style={`width:${100 * part}%`} />
    </div>
    <span class="sec">{words.under(name)}</span>
  </>
);

/** What is there so far; the sentence, when all of it is. */
function Measured({ experiment, run, costs }: { experiment: Experiment; run: Run; costs: Signal<CostTable> }) {
  const cells = cellsOf(experiment, run.rows, costs.value),
    isWhole = !run.progress && !run.isCancelled && !run.problem,
    verdict = isWhole ? experiment.verdict(run.rows) : undefined;
  return (
    <>
      <Figures drawing={experiment.drawing} cells={cells}>
        {verdict && (
          <p class="xverdict">
            <Tag kind={TONE[verdict.held]}>{words.held[verdict.held]}</Tag> {verdict.text}
          </p>
        )}
      </Figures>
      <p class="noprint">
        <button
          class="btn"
          onClick={() => download(new Blob([csvOf(cells)], { type: 'text/csv' }), `${experiment.id}.csv`)}
        >
          {words.csv}
        </button>
      </p>
    </>
  );
}
const TONE = { yes: 'done', partly: 'approximated', no: 'ignored' };

/** A teacher may put other numbers in. */
function Costs({ costs }: { costs: Signal<CostTable> }) {
  const [what, ns, from] = words.costColumns;
  return (
    <details class="xcosts">
      <summary>{words.costs}</summary>
      <p class="sec">{words.costsHint}</p>
      <table>
        <thead>
          <tr>
            <th>{what}</th>
            <th class="num">{ns}</th>
            <th>{from}</th>
          </tr>
        </thead>
        <tbody>
          {(Object.keys(COSTS) as CostId[]).map(id => (
            <tr key={id}>
              <td>{COSTS[id].says}</td>
              <td class="num">
                <input
                  class="in m"
                  type="number"
                  min={0}
                  max={MOST_NS}
                  step="any"
                  required
                  title={words.mostNs}
                  aria-label={COSTS[id].says}
                  value={Number(costs.value[id].toPrecision(4))}
                  onChange={({ currentTarget }) => {
                    if (currentTarget.reportValidity())
                      costs.value = { ...costs.value, [id]: currentTarget.valueAsNumber };
                  }}
                />
              </td>
              <td class="sec">{COSTS[id].source}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p>
        <button
          class="btn sm"
          onClick={() => {
            // Another object: what is no number goes from its field, too.
            costs.value = { ...PUBLISHED };
          }}
        >
          {words.published}
        </button>
      </p>
    </details>
  );
}
