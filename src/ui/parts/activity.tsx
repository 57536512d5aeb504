/** What a domain does to the hypervisor: rates and counts, read from the block its worker writes. */

import { lastExit } from '../parts.ts';
import { asRun } from '../kinds/index.ts';
import { exitTitle, type TierCounters, vectorOf } from '../../hypervisor/view/index.ts';
import { useSignal } from '@preact/signals';
import { hypercallName } from '../../hypervisor/interfaces/xen/index.ts';
import type { Count } from '../counters.ts';
import { info } from '../host.ts';
import { ofHost, type OfEach } from '../hypervisors/of-host.ts';
import { kvmCallName } from '../inspect/explained/kvm-calls.ts';
import type { DomainSession } from '../sessions.ts';
import { strings } from '../strings.ts';
import { whole } from '../units.ts';
import { later } from './load-when-shown.tsx';
import { Spark } from './marks.tsx';

/** With the names of all instructions: loaded when a row is chosen. */
const LastExit = later(lastExit, part => part.LastExit);

const words = {
  rate: 'Instructions per second',
  running: 'running',
  runnable: 'runnable',
  stolen: 'stolen',
  ofTime: 'of the time',
  /** How the three come about. */
  timeText: (slots: number) =>
    `Runnable: it waited for ${slots === 1 ? 'the one slot' : `one of ${slots} slots`}. Stolen: the host took its thread’s processor away, seen from gaps between looks at the clock. The rest it was blocked.`,
  restarts: 'restarts',
  retired: 'retired so far',
  compiled: 'by compiled code',
  ofInstructions: 'of the instructions',
  refused: 'not allowed here: 0 %',
  regions: 'compiled regions',
  regionsOf: (made: number, bytes: number) => `of ${made} made, ${(bytes / 2 ** 20).toFixed(1)} MiB`,
  exits: 'Exits per second',
  exitsTotal: 'VM exits',
  reason: 'Reason',
  perSecond: '/ s',
  total: 'Total',
  choose: 'Choose a row: it opens the last exit of its kind, and says why it came.',
  vector: (vector: number) => `v${vector}`,
  hypercalls: 'Hypercalls per second',
  hypercallsTotal: 'Hypercalls',
  hypercall: 'Hypercall',
  none: 'No exit has been counted yet.',
};
interface HostWords {
  /** Requests to what emulates the devices of a guest. */
  model(name: string, isInDomain0: boolean): string;
  callName(number: number): string;
  /** Where the names and numbers of hypercalls are from. */
  calls: string;
}
const OF_EACH: OfEach<HostWords> = {
  xen: {
    model: (name, isInDomain0) => `requests to ${isInDomain0 ? 'Domain-0' : `${name}-dm`}`,
    callName: hypercallName,
    calls: 'Names and numbers: xen/include/public/xen.h',
  },
  kvm: {
    model: () => 'exits to QEMU',
    callName: kvmCallName,
    calls: 'Names and numbers: include/uapi/linux/kvm_para.h',
  },
};
const hostWords = (): HostWords => ofHost(OF_EACH);

/** 1234567 → "1.23 M", 16000 → "16.0 k": three figures; small counts as they are. */
function figures(n: number): string {
  if (n >= 1e9) return `${(n / 1e9).toPrecision(3)} G`;
  if (n >= 999_500) return `${(n / 1e6).toPrecision(3)} M`;
  if (n >= 9_999.5) return `${(n / 1e3).toPrecision(3)} k`;
  return n >= 10 || n === 0 ? String(Math.round(n)) : n.toFixed(1);
}

/** `totals`: without rates, where time is paused most of the time. */
export function Activity({ session, totals = false }: { session: DomainSession; totals?: boolean }) {
  const domain = session.info.value;
  // What has stopped has counts and no rates.
  const last = session.rates.value,
    rates = session.over ? undefined : last,
    sample = session.sample.value;
  const history = session.history.value;
  const peak = Math.max(1, ...history.map(point => point.instructionsPerSecond));
  const reasons = last?.reasons ?? [],
    hypercalls = last?.hypercalls ?? [];
  const chosen = useSignal<{ reason?: number; hypercall?: number } | undefined>(undefined);
  return (
    <>
      {!totals && (
        <section class="rate">
          <h3>{words.rate}</h3>
          <div class="row">
            <span class="big m">{rates ? figures(rates.instructionsPerSecond) : strings.tree.noData}</span>
            <span class="grow" />
            <Spark
              values={history.map(point => point.instructionsPerSecond / peak)}
              label={words.rate}
              width={132}
              height={34}
            />
          </div>
          <dl class="kv">
            <dt>{words.retired}</dt>
            <dd>{sample ? whole(sample.retired) : strings.tree.noData}</dd>
            {sample && <Tiers tier={sample.tier} share={rates?.compiled} />}
            {asRun(domain.type).deviceModel && (
              <>
                <dt>{hostWords().model(domain.name, domain.modelInDomain0 === true)}</dt>
                <dd>
                  {rates ? figures(rates.ioreqsPerSecond) : strings.tree.noData}{' '}
                  <span class="plain dim">{words.perSecond}</span>
                </dd>
              </>
            )}
            {domain.restarts && (
              <>
                <dt>{words.restarts}</dt>
                <dd>{domain.restarts.count}</dd>
              </>
            )}
            <Share name={words.running} part={rates?.running} />
            <Share name={words.runnable} part={rates?.runnable} />
            <Share name={words.stolen} part={rates?.stolen} />
          </dl>
          <p class="cap-t">{words.timeText(info.value?.pcpus ?? 1)}</p>
        </section>
      )}
      <section class="exits">
        <div class="row">
          <h3>{totals ? words.exitsTotal : words.exits}</h3>
          <span class="grow" />
          <span class="m">{totals ? '' : rates ? figures(rates.exitsPerSecond) : strings.tree.noData}</span>
        </div>
        {reasons.length === 0 ? (
          <p class="hint">{words.none}</p>
        ) : (
          <Counts
            head={words.reason}
            totals={totals}
            still={!rates}
            rows={reasons.map(({ reason, ...count }) => ({
              key: vectorOf(reason) >= 0 ? words.vector(vectorOf(reason)) : String(reason),
              name: exitTitle(reason),
              isChosen: chosen.value?.reason === reason,
              choose: () => {
                chosen.value = { reason };
              },
              ...count,
            }))}
          />
        )}
      </section>
      {chosen.value ? (
        <LastExit session={session} {...chosen.value} />
      ) : (
        reasons.length > 0 && <p class="cap-t">{words.choose}</p>
      )}
      {hypercalls.length > 0 && (
        <section class="exits">
          <div class="row">
            <h3>{totals ? words.hypercallsTotal : words.hypercalls}</h3>
            <span class="grow" />
            <span class="m">
              {totals
                ? ''
                : rates
                  ? figures(hypercalls.reduce((sum, { perSecond }) => sum + perSecond, 0))
                  : strings.tree.noData}
            </span>
          </div>
          <Counts
            head={words.hypercall}
            totals={totals}
            still={!rates}
            rows={hypercalls.map(({ number, ...count }) => ({
              key: String(number),
              name: hostWords().callName(number),
              isChosen: chosen.value?.hypercall === number,
              choose: () => {
                chosen.value = { hypercall: number };
              },
              ...count,
            }))}
          />
          <p class="cap-t">{hostWords().calls}</p>
        </section>
      )}
    </>
  );
}

const Share = ({ name, part }: { name: string; part: number | undefined }) => (
  <>
    <dt>{name}</dt>
    <dd>
      {part === undefined ? strings.tree.noData : `${Math.round(100 * part)} %`}{' '}
      <span class="plain dim">{words.ofTime}</span>
    </dd>
  </>
);

/** How much of it compiled code ran, and what there is of that; nothing where the compiler is off. */
function Tiers({ tier, share }: { tier: TierCounters; share: number | undefined }) {
  if (tier.state === 'none') return null;
  return (
    <>
      <dt>{words.compiled}</dt>
      <dd>
        {tier.state === 'refused'
          ? words.refused
          : share === undefined
            ? strings.tree.noData
            : `${Math.round(100 * share)} %`}{' '}
        <span class="plain dim">{words.ofInstructions}</span>
      </dd>
      <dt>{words.regions}</dt>
      <dd>
        {tier.regions}{' '}
        <span class="plain dim">{words.regionsOf(tier.compiled, tier.textBytes + tier.recordBytes)}</span>
      </dd>
    </>
  );
}

/** Counters with their rates: a bar a row, against the most frequent of them; `still`: they count no more. */
function Counts({
  head,
  still,
  totals,
  rows,
}: {
  head: string;
  still: boolean;
  totals: boolean;
  rows: (Count & { key: string; name: string; isChosen: boolean; choose(): void })[];
}) {
  const sizeOf = (row: Count): number => (totals ? row.total : still ? 0 : row.perSecond),
    top = Math.max(1, ...rows.map(sizeOf));
  return (
    <table>
      <thead>
        <tr>
          <th>{head}</th>
          {!totals && <th class="num">{words.perSecond}</th>}
          <th class="num">{words.total}</th>
        </tr>
      </thead>
      <tbody>
        {rows.map(({ key, name, isChosen, choose, ...count }) => (
          <tr key={key} class={isChosen ? 'sel' : ''} onClick={choose}>
            <td>
              <span class="m dim no">{key}</span>{' '}
              <button class="pickrow" aria-pressed={isChosen} onClick={choose}>
                {name}
              </button>
              <div class={`bar c-hv${sizeOf(count) === 0 ? ' idle' : ''}`}>
                <i style={`width:${((100 * sizeOf(count)) / top).toFixed(1)}%`} />
              </div>
            </td>
            {!totals && <td class="num m">{still ? strings.tree.noData : figures(count.perSecond)}</td>}
            <td class="num m dim">{count.total < 10_000 ? count.total : figures(count.total)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
