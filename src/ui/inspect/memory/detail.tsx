/** Who owns how much of the machine, and below it what was chosen. */

import { signal } from '@preact/signals';
import type { FrameState } from '../../../hypervisor/view/index.ts';
import { BitTable, zerosOut } from '../bit-table.tsx';
import type { Shown } from '../inspector.ts';
import { type Data, frameOf, FRAMES, shownStep, type View } from './facts.ts';
import { classOf, ownerName, plateOf } from './owners.ts';
import type { Step } from './walk.ts';
import { hypervisorWords, words } from './words.ts';

/** What the map shows; it stays from one view to the next. */
export const view = signal<View>('owner');

export function Detail(shown: Shown<Data>) {
  const step = shownStep(shown),
    frame = frameOf(shown);
  return (
    <>
      <ViewChoice />
      <Owners data={shown.data} />
      {frame ? (
        <Frame frame={frame} />
      ) : step ? (
        <StepBits step={step} end={shown.data.walk?.steps.at(-1)?.key} choose={shown.choose} />
      ) : (
        <p class="cap-t">{hypervisorWords().caption}</p>
      )}
    </>
  );
}

type Grants = Pick<ReturnType<typeof hypervisorWords>, 'hasGrants'>;
const viewsOf = ({ hasGrants }: Grants): View[] =>
  (Object.keys(words.views) as View[]).filter(each => hasGrants || each !== 'granted');
export const columnsOf = ({ hasGrants }: Grants): readonly string[] => [
  ...words.columns,
  ...(hasGrants ? words.grantColumns : []),
];

const ViewChoice = () => (
  <div class="seg views" role="group" aria-label={words.show}>
    {viewsOf(hypervisorWords()).map(each => (
      <button
        key={each}
        aria-pressed={view.value === each}
        onClick={() => {
          view.value = each;
        }}
      >
        {words.views[each]}
      </button>
    ))}
  </div>
);

const Owners = ({ data }: { data: Data }) => (
  <section>
    <h3>{words.who}</h3>
    <table class="owns">
      <thead>
        <tr>
          {columnsOf(hypervisorWords()).map((name, i) => (
            <th key={name} class={i > 0 ? 'num' : ''}>
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {data.counts.map(([owner, count]) => (
          <tr key={owner} class={owner === data.guest ? 'b sel' : ''}>
            <td class={classOf(owner)}>
              <i class={`m own-id${owner < 0 ? ' chip' : ''}`}>{plateOf(owner)}</i>
              {ownerName(owner)}
              {owner === 0 && (
                <span class="sec" title={hypervisorWords().sharedHint}>
                  {' '}
                  {words.shared}
                </span>
              )}
            </td>
            <td class="m num">{(count / FRAMES).toFixed(1)}</td>
            {hypervisorWords().hasGrants && (
              <>
                <td class="m num">{data.grants.get(owner)?.granted}</td>
                <td class="m num">{data.grants.get(owner)?.used}</td>
              </>
            )}
          </tr>
        ))}
      </tbody>
    </table>
  </section>
);

function Frame({ frame }: { frame: FrameState }) {
  const flags = [
    frame.device && words.device,
    frame.code && words.code,
    frame.xen && hypervisorWords().hypervisor,
    frame.pinned && 'pinned',
    frame.validated && 'validated',
  ]
    .filter(Boolean)
    .join(', ');
  return (
    <section>
      <h3>{words.frame(frame.mfn)}</h3>
      <dl class="kv">
        <dt>{words.owner}</dt>
        <dd class="plain">
          <i class={`chip ${classOf(frame.owner)}`} /> {ownerName(frame.owner)}
        </dd>
        <dt>{words.references}</dt>
        <dd>{frame.references}</dd>
        <dt>{words.type}</dt>
        <dd>{frame.type}</dd>
        <dt>{words.uses}</dt>
        <dd>{frame.uses}</dd>
        {hypervisorWords().hasGrants && (
          <>
            <dt>{words.granted}</dt>
            <dd>{frame.writers}</dd>
          </>
        )}
        {frame.m2p >= 0 && (
          <>
            <dt>{words.m2p}</dt>
            <dd>0x{frame.m2p.toString(16)}</dd>
          </>
        )}
        {flags && (
          <>
            <dt>{words.flags}</dt>
            <dd class="plain">{flags}</dd>
          </>
        )}
      </dl>
    </section>
  );
}

/** A step of the walk; its entry bit by bit. `end`: where the walk ends. */
const StepBits = ({ step, end, choose }: { step: Step; end: string | undefined; choose: (key: string) => void }) => (
  <section>
    <h3>{step.title}</h3>
    <p>
      <span class="m">{step.value}</span> <span class="sec">{step.says}</span>
    </p>
    {step.bits.length > 0 && <BitTable rows={step.bits} look={zerosOut} />}
    {step.key === 'stage' && end?.startsWith('f') && (
      <button class="btn sm" onClick={() => choose(end)}>
        {words.steps.machine}
      </button>
    )}
  </section>
);
