/** Exits as they happened, newest first, each with its code, what it was about and what it took. */

import { useLayoutEffect, useRef } from 'preact/hooks';
import { addressText, exitTitle } from '../../../hypervisor/view/index.ts';
import { nameOf } from '../../host.ts';
import { Chip } from '../../parts/marks.tsx';
import type { Shown } from '../inspector.ts';
import { tookOf } from './cost.ts';
import { choiceOf, type Data, stampOf } from './facts.ts';
import { fold } from './fold.ts';
import type { SeenExit } from './log.ts';
import { filter, instructionOf } from './source.ts';
import { aboutInCell, aboutOf, codeInCell, isShort, words } from './words.ts';

const SHOWN = 60;

/** Scrolls a table so far that the chosen row is below its head; the page stays where it is. */
function keepInSight(box: HTMLElement): void {
  const row = box.querySelector('tr.sel')?.getBoundingClientRect(),
    head = box.querySelector('thead')?.getBoundingClientRect().height ?? 0,
    { top, bottom } = box.getBoundingClientRect();
  if (row) box.scrollTop += Math.min(0, row.top - top - head) + Math.max(0, row.bottom - bottom);
}

/** `isWide`: an address among them has 16 digits. */
const columnsOf = (isWide: boolean): string[] => [
  'w-at',
  'w-who',
  'w-what',
  isWide ? 'w-rip' : 'w-eip',
  'w-code',
  '',
  'w-cost timed',
];

/** What happened, newest first. The one that is explained is marked. */
export function Log({ shown, log }: { shown: Shown<Data>; log: readonly SeenExit[] }) {
  const { data } = shown,
    { exit: picked } = choiceOf(shown, filter.value),
    at = Math.max(
      0,
      log.findIndex(({ key }) => key === picked?.key),
    );
  // The one that is explained stays in sight.
  const first = at < SHOWN / 2 ? 0 : at - SHOWN / 4,
    rows = fold(log.slice(first, first + 4 * SHOWN), isShort, picked?.key).slice(0, SHOWN);
  const table = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    if (table.current) keepInSight(table.current);
  }, [picked?.key, at]);
  return (
    <section class="logged rest">
      <div class="ph">
        <h3>{words.log}</h3>
        <span class="sec cut" title={words.clock}>
          {words.newest}
        </span>
        <span class="sec num grow">{words.since(data.seen, data.isOfStep)}</span>
      </div>
      {log.length === 0 ? (
        <p class="hint">{filter.value ? words.noMatch : words.quiet(data.isOfStep)}</p>
      ) : (
        <div class="rest">
          <div class="rows" ref={table}>
            <table class={`pad picks elog${data.isHost ? '' : ' one'}`}>
              <colgroup>
                {columnsOf(rows.some(({ exit }) => addressText(exit.ip).length > 8)).map((name, i) => (
                  <col key={i} class={name} />
                ))}
              </colgroup>
              <thead>
                <tr>
                  <th>{words.at}</th>
                  <th>{words.vcpu}</th>
                  <th>{words.reason}</th>
                  <th>{words.rip}</th>
                  <th title={words.codeHint}>{words.code}</th>
                  <th>{words.about}</th>
                  <th class="num timed" title={words.costHint}>
                    {words.cost}
                  </th>
                </tr>
              </thead>
              <tbody>
                {rows.map(({ exit, times }) => (
                  <LogRow key={exit.key} shown={shown} exit={exit} times={times} isOn={exit.key === picked?.key} />
                ))}
              </tbody>
            </table>
          </div>
        </div>
      )}
    </section>
  );
}

/** `times`: this many exits this row represents. */
function LogRow({
  shown: { data, choose, target },
  exit,
  times,
  isOn,
}: {
  shown: Shown<Data>;
  exit: SeenExit;
  times: number;
  isOn: boolean;
}) {
  const { text } = instructionOf(target, exit),
    symbol = data.symbolOf(exit),
    about = `${aboutOf(exit)}${words.times(times)}`;
  return (
    <tr class={isOn ? 'sel' : ''} onClick={() => choose(exit.key)}>
      <td class="m dim nw">{stampOf(exit, data) ?? words.before}</td>
      <td class="nw cut">
        <Chip id={exit.domain} /> {data.isHost ? `${nameOf(exit.domain)} ` : ''}v{exit.vcpu}
      </td>
      <td class="nw cut">
        <button class="pickrow" aria-pressed={isOn} onClick={() => choose(exit.key)}>
          {exitTitle(exit.reason)}
        </button>
      </td>
      <td class="m">{addressText(exit.ip)}</td>
      <td class={`m cut${symbol ? '' : ' sec'}`} title={[symbol, text].filter(Boolean).join(': ')}>
        {symbol || codeInCell(text)}
      </td>
      <td class="cut sec" title={about}>
        {aboutInCell(about)}
      </td>
      <td class="m num nw timed">
        <Took {...tookOf(data, exit)} />
      </td>
    </tr>
  );
}

const Took = ({ text, exactly }: { text: string; exactly?: string }) =>
  exactly === undefined ? (
    text
  ) : (
    <span class="dim" title={words.thisOne(exactly)}>
      {text}
    </span>
  );
