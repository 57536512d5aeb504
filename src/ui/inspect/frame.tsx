/** What all inspectors have: looks while they are open and not held, the table form, export, and the sentence of why. */

import { type Signal, useSignal } from '@preact/signals';
import { type ComponentChildren, type ComponentType, render } from 'preact';
import { useEffect, useLayoutEffect } from 'preact/hooks';
import { sentence } from '../sentence.ts';
import { mediaSignal, PHONE } from '../media.ts';
import { openMenu } from '../parts/menu.tsx';
import { download } from '../navigation.ts';
import { FORMATS } from './formats.ts';
import type { Part, Shown, Table, Target, Why } from './inspector.ts';

const words = {
  hold: 'Hold',
  view: ' view',
  holdHint: 'The machine goes on; what is shown here stays',
  table: 'As table',
  picture: 'As picture',
  tools: 'Table and export',
  export: 'Export',
  text: 'Text, to read or to send',
  csv: 'CSV, for a spreadsheet',
  json: 'JSON, for a program',
  noMemory:
    'This browser does not share the machine’s memory with the page, so there is nothing to look into. Open the page over https or from localhost, from a server that isolates it.',
  looking: 'Looking …',
  empty: 'No rows.',
  rows: (n: number, all: number) => `The first ${n} of ${all} rows; the export has all.`,
};
/** There the tools are behind one button. */
const phone = mediaSignal(PHONE);
/** More rows than this are exported and not shown. */
const MOST_ROWS = 400;

export interface InspectorProps {
  target: Target;
  /** Of exported files. */
  name: string;
  /** The row of inspectors, before the tools; absent: the tools are in the element of this id. */
  tabs?: ComponentChildren;
  toolsIn?: string;
}

/** Looks at `target` from when it is opened until it is closed, unless `held`; `looked`: once at least. */
function useSource<Data>(part: Part<Data>, target: Target, lacksMemory: boolean) {
  const data = useSignal<Data | undefined>(undefined),
    looked = useSignal(false),
    held = useSignal(false),
    problem = useSignal('');
  useEffect(() => {
    if (lacksMemory) return;
    const source = part.open(target);
    let closed = false,
      busy = false;
    const look = async (): Promise<void> => {
      if (busy || document.hidden || (looked.peek() && held.peek())) return;
      busy = true;
      try {
        const seen = await source.look();
        if (closed) return;
        data.value = seen;
        problem.value = '';
      } catch (error) {
        if (!closed) problem.value = sentence(error);
      } finally {
        busy = false;
        looked.value = true;
      }
    };
    void look();
    const timer = setInterval(() => void look(), part.everyMs);
    return () => {
      closed = true;
      clearInterval(timer);
      source.close?.();
    };
  }, [target.session, target.machine]);
  return { data, looked, held, problem };
}

/** The component of an inspector. */
export function inspector<Data>(part: Part<Data>): ComponentType<InspectorProps> {
  const { Tools } = part;
  return function Inspector({ target, name, tabs, toolsIn }: InspectorProps) {
    const asTable = useSignal(false),
      chosen = useSignal(''),
      lacksMemory = part.needsMemory === true && !target.machine,
      { data, looked, held, problem } = useSource(part, target, lacksMemory);
    const seen = data.value;
    const shown = seen !== undefined && {
      data: seen,
      chosen: chosen.value,
      choose: (key: string) => {
        chosen.value = key;
      },
      target,
    };
    const tools = (
      <ToolButtons
        held={held}
        asTable={asTable}
        report={part.report}
        save={
          seen === undefined
            ? undefined
            : kind =>
                download(
                  new Blob([FORMATS[kind].write(part.tables(seen))], { type: FORMATS[kind].type }),
                  `${name}.${kind}`,
                )
        }
      />
    );
    return (
      <>
        {toolsIn ? (
          <Elsewhere id={toolsIn}>{tools}</Elsewhere>
        ) : (
          <div class="sub">
            {tabs}
            <span class="grow" />
            {Tools && !phone.value && <Tools />}
            {tools}
          </div>
        )}
        <div class={`body ins${held.value ? ' still' : ''}`} role="region" aria-label={name} tabIndex={-1}>
          {problem.value && (
            <p class="stop" role="alert">
              {problem.value}
            </p>
          )}
          {lacksMemory ? (
            <p class="hint">{words.noMemory}</p>
          ) : !shown ? (
            <p class="hint">{looked.value ? part.nothing : words.looking}</p>
          ) : asTable.value ? (
            <Tables tables={part.tables(shown.data)} />
          ) : (
            <Picture part={part} shown={shown} />
          )}
        </div>
      </>
    );
  };
}

/** The figure, what is said next to it, and why. */
function Picture<Data>({ part, shown }: { part: Part<Data>; shown: Shown<Data> }) {
  const { Figure, Detail } = part,
    why = part.why(shown);
  return (
    <div class={Detail ? 'icols' : 'ione'}>
      <div class="ifig">
        <Figure {...shown} />
        {!Detail && why && <WhyBox why={why} />}
      </div>
      {Detail && (
        <div class="idet">
          <Detail {...shown} />
          {why && <WhyBox why={why} />}
        </div>
      )}
    </div>
  );
}

/** Hold, table and export; on a phone the last two are behind one button. `save`: undefined: there is nothing yet. */
function ToolButtons({
  held,
  asTable,
  report,
  save,
}: {
  held: Signal<boolean>;
  asTable: Signal<boolean>;
  report: string | undefined;
  save: ((kind: keyof typeof FORMATS) => void) | undefined;
}) {
  const turn = (): void => {
    asTable.value = !asTable.value;
  };
  const size = report ? '' : ' sm';
  return (
    <span class="itools">
      {!report && (
        <button
          class="btn quiet sm"
          aria-pressed={held.value}
          title={words.holdHint}
          onClick={() => {
            held.value = !held.value;
          }}
        >
          {words.hold}
          <span class="hide-s">{words.view}</span>
        </button>
      )}
      {!phone.value && (
        <button class={`btn quiet${size}`} aria-pressed={asTable.value} onClick={turn}>
          {words.table}
        </button>
      )}
      <button
        class={`btn${report ? '' : ' quiet'}${size}`}
        aria-haspopup="menu"
        disabled={!save}
        aria-label={phone.value ? words.tools : undefined}
        onClick={event =>
          openMenu(event, report ?? words.export, [
            ...(phone.value ? [{ name: asTable.value ? words.picture : words.table, run: turn }] : []),
            { name: words.text, run: () => save?.('txt') },
            { name: words.csv, run: () => save?.('csv') },
            { name: words.json, run: () => save?.('json') },
          ])
        }
      >
        {phone.value ? '⋯' : (report ?? words.export)}
      </button>
    </span>
  );
}

/** Is rendered in an element of another part of the page, as long as both are there. */
function Elsewhere({ id, children }: { id: string; children: ComponentChildren }) {
  useLayoutEffect(() => {
    const place = document.getElementById(id);
    if (place) render(children, place);
  });
  useLayoutEffect(
    () => () => {
      const place = document.getElementById(id);
      if (place) render(null, place);
    },
    [id],
  );
  return null;
}

export const WhyBox = ({ why: { question, answer, source } }: { why: Why }) => (
  <p class="why">
    <b>{question}</b> {answer}
    {source && <span class="src">{source}</span>}
  </p>
);

/** Tables represent pictures, for readers who do not see those. */
const Tables = ({ tables }: { tables: readonly Table[] }) => (
  <div class="col itabs">
    {tables.map(({ name, columns, rows }) => (
      <section key={name}>
        <div class="ph">
          <h3>{name}</h3>
        </div>
        {rows.length === 0 ? (
          <p class="hint">{words.empty}</p>
        ) : (
          <div class="wide">
            <table class="pad">
              <thead>
                <tr>
                  {columns.map(column => (
                    <th key={column} class={isNumber(rows, columns.indexOf(column)) ? 'num' : ''}>
                      {column}
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {rows.slice(0, MOST_ROWS).map((row, i) => (
                  <tr key={i}>
                    {row.map((cell, at) => (
                      <td key={at} class={isNumber(rows, at) ? 'm num' : 'm'}>
                        {cell}
                      </td>
                    ))}
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
        {rows.length > MOST_ROWS && <p class="cap-t">{words.rows(MOST_ROWS, rows.length)}</p>}
      </section>
    ))}
  </div>
);

const isNumber = (rows: Table['rows'], at: number): boolean => typeof rows[0]?.[at] === 'number';
