/** How many exits of each reason there were and what they cost, or how many hypercalls; below them the log. */

import { useSignal } from '@preact/signals';
import { exitTitle } from '../../../hypervisor/view/index.ts';
import { whole } from '../../units.ts';
import { exitWords } from '../explained/index.ts';
import type { Shown } from '../inspector.ts';
import { Controls } from './controls.tsx';
import { FEWEST } from './cost.ts';
import { type Calls, choiceOf, type Data, type Reason, viewOf } from './facts.ts';
import { filter } from './source.ts';
import { Log } from './log-table.tsx';
import { hypervisorWords, ms, numberOf, shareText, us, words } from './words.ts';

/** Kinds that are shown before the rare ones are asked for. */
const FEW = 8;

const Bar = ({ part, isOpen = false }: { part: number; isOpen?: boolean }) =>
  part === 0 ? null : <i class={`hb${isOpen ? ' open' : ''}`} style={`width:${100 * part}%`} />;
const Columns = () => (
  <colgroup>
    <col class="w-no" />
    <col />
    <col class="w-n" />
    <col class="w-bar" />
    <col class="w-pc" />
    <col class="w-time timed" />
    <col class="w-ms timed" />
    <col class="w-mean timed" />
  </colgroup>
);

export function Figure(shown: Shown<Data>) {
  const more = useSignal(false),
    calls = useSignal(false),
    view = viewOf(shown.data, filter.value);
  const kinds = calls.value ? view.calls : view.reasons,
    rare = Math.max(0, kinds.length - FEW),
    few = more.value ? undefined : FEW,
    all = kinds.reduce((sum, { count }) => sum + count, 0);
  return (
    <div class="col exi fit">
      <div class="row exh">
        <label class="in grow">
          <input
            aria-label={words.filter}
            placeholder={words.example}
            value={filter.value}
            spellcheck={false}
            autocomplete="off"
            onInput={event => {
              filter.value = event.currentTarget.value;
            }}
          />
          <span class="u">
            {words.count(all, (calls.value ? words.callsWord : words.exitsWord)(shown.data.isOfStep))}
          </span>
        </label>
        <div class="seg" role="group" aria-label={words.group}>
          <button
            aria-pressed={!calls.value}
            onClick={() => {
              calls.value = false;
            }}
          >
            {words.byReason}
          </button>
          <button
            aria-pressed={calls.value}
            onClick={() => {
              calls.value = true;
            }}
          >
            {words.call}
          </button>
        </div>
        {rare > 0 && (
          <button
            class="btn quiet sm"
            aria-pressed={more.value}
            onClick={() => {
              more.value = !more.value;
            }}
          >
            {words.rare(rare)}
          </button>
        )}
      </div>
      {kinds.length === 0 ? (
        <p class="hint">{filter.value ? words.noMatch : calls.value ? words.noCalls : words.none}</p>
      ) : calls.value ? (
        <Hypercalls shown={shown} calls={view.calls} few={few} />
      ) : (
        <Reasons shown={shown} reasons={view.reasons} few={few} />
      )}
      <Controls target={shown.target} />
      <Log shown={shown} log={view.log} />
    </div>
  );
}

function Reasons({ shown, reasons, few }: { shown: Shown<Data>; reasons: readonly Reason[]; few: number | undefined }) {
  const { choose } = shown,
    { reason: chosen } = choiceOf(shown, filter.value),
    all = reasons.reduce((sum, { count }) => sum + count, 0),
    spent = ({ count, ns, timed }: Reason): number => (timed >= FEWEST ? (count * ns) / timed : 0);
  const most = Math.max(1, ...reasons.map(({ count }) => count)),
    longest = Math.max(1, ...reasons.map(spent));
  return (
    <table class="pad picks counted">
      <Columns />
      <thead>
        <tr>
          <th class="num">{words.number}</th>
          <th>{words.reason}</th>
          <th class="num">{words.exits}</th>
          <th>{words.share}</th>
          <th />
          <th class="timed" title={words.timeHint}>
            {hypervisorWords().time}
          </th>
          <th class="timed" />
          <th class="num timed">{words.each}</th>
        </tr>
      </thead>
      <tbody>
        {reasons.slice(0, few).map(each => {
          const { key, reason, count } = each,
            isOn = reason === chosen;
          return (
            <tr key={key} class={isOn ? 'sel' : ''} onClick={() => choose(key)}>
              <td class="m num w36">{numberOf(reason) || '–'}</td>
              <td class="nw">
                <button class="pickrow" aria-pressed={isOn} onClick={() => choose(key)}>
                  {exitTitle(reason)}
                </button>
              </td>
              <td class="m num nw">{whole(count)}</td>
              <td class="wbar">
                <Bar part={count / most} />
              </td>
              <td class="m num nw">{shareText(count, all)}</td>
              <td class="wbar narrow timed">
                <Bar part={spent(each) / longest} isOpen />
              </td>
              <td class="m num nw timed">{each.timed >= FEWEST ? ms(spent(each)) : '–'}</td>
              <td class="m num nw sec timed">{each.timed >= FEWEST ? us(each.ns / each.timed) : ''}</td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

function Hypercalls({ shown, calls, few }: { shown: Shown<Data>; calls: readonly Calls[]; few: number | undefined }) {
  const { choose, chosen } = shown,
    most = Math.max(1, ...calls.map(({ count }) => count)),
    all = calls.reduce((sum, { count }) => sum + count, 0);
  return (
    <table class="pad picks counted">
      <Columns />
      <thead>
        <tr>
          <th class="num">{words.number}</th>
          <th>{words.call}</th>
          <th class="num">{words.calls}</th>
          <th>{words.shareOfCalls}</th>
          <th />
          <th />
          <th />
          <th />
        </tr>
      </thead>
      <tbody>
        {calls.slice(0, few).map(({ key, number, count }) => (
          <tr key={key} class={key === chosen ? 'sel' : ''} onClick={() => choose(key)}>
            <td class="m num w36">{number}</td>
            <td class="nw">
              <button class="pickrow" aria-pressed={key === chosen} onClick={() => choose(key)}>
                {exitWords().callName(number)}
              </button>
            </td>
            <td class="m num">{count}</td>
            <td class="wbar">
              <Bar part={count / most} />
            </td>
            <td class="m num nw">{shareText(count, all)}</td>
            <td />
            <td />
            <td />
          </tr>
        ))}
      </tbody>
    </table>
  );
}
