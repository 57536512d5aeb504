/** What histories share: the choice of their span and of a table, and the table. */

import type { Signal } from '@preact/signals';
import { strings } from '../strings.ts';
import { viewStrings } from '../view-strings.ts';

const words = viewStrings.hostPage;

export function HistoryBar({ spanMs, table }: { spanMs: Signal<number>; table: Signal<boolean> }) {
  return (
    <>
      <span class="grow" />
      <div class="seg sm" role="group" aria-label={words.span}>
        {words.spans.map(([name, ms]) => (
          <button
            key={ms}
            aria-pressed={spanMs.value === ms}
            onClick={() => {
              spanMs.value = ms;
            }}
          >
            {name}
          </button>
        ))}
      </div>
      <button
        class="btn sm"
        aria-pressed={table.value}
        onClick={() => {
          table.value = !table.value;
        }}
      >
        {words.asTable}
      </button>
    </>
  );
}

/** The source of charts that were read together: a row a reading, newest first. `agoMs`: how long ago each was, in milliseconds. */
export function HistoryTable({
  agoMs,
  columns,
}: {
  agoMs: readonly number[];
  columns: readonly { name: string; values: readonly (number | undefined)[]; digits?: number }[];
}) {
  return (
    <div class="scroll htab" tabIndex={0}>
      <table class="pad">
        <thead>
          <tr>
            <th class="num">{words.secondsAgo}</th>
            {columns.map(({ name }) => (
              <th key={name} class="num">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {agoMs
            .map((ms, i) => (
              <tr key={ms}>
                <td class="num m">{Math.round(ms / 1000)}</td>
                {columns.map(({ name, values, digits = 1 }) => (
                  <td key={name} class="num m">
                    {values[i]?.toFixed(digits) ?? strings.tree.noData}
                  </td>
                ))}
              </tr>
            ))
            .reverse()}
        </tbody>
      </table>
    </div>
  );
}
