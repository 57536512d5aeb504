/** What all inspectors have: looks while they are open and not held, the table form, export, and the sentence of why. */

import { useSignal } from '@preact/signals';
import { type ComponentChildren, type ComponentType, render } from 'preact';
import { useEffect, useLayoutEffect } from 'preact/hooks';
import { sentence } from '../host.ts';
import { mediaSignal, PHONE } from '../media.ts';
import { openMenu } from '../parts/menu.tsx';
import { download } from '../navigation.ts';
import type { Part, Table, Target, Why } from './inspector.ts';

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
  /** The row of inspectors, which stands before the tools; absent: the tools stand in the element of this id. */
  tabs?: ComponentChildren;
  toolsIn?: string;
}

/** The component of an inspector. */
export function inspector<Data>(part: Part<Data>): ComponentType<InspectorProps> {
  const { Figure, Detail, Tools } = part;
  return function Inspector({ target, name, tabs, toolsIn }: InspectorProps) {
    const data = useSignal<Data | undefined>(undefined);
    const looked = useSignal(false),
      held = useSignal(false),
      asTable = useSignal(false),
      chosen = useSignal(''),
      problem = useSignal('');
    const lacksMemory = part.needsMemory === true && !target.machine;
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

    const seen = data.value;
    const shown =
      seen === undefined
        ? undefined
        : {
            data: seen,
            chosen: chosen.value,
            choose: (key: string) => {
              chosen.value = key;
            },
            target,
          };
    const save = (kind: keyof typeof FORMATS) => {
      if (seen !== undefined)
        download(new Blob([FORMATS[kind].write(part.tables(seen))], { type: FORMATS[kind].type }), `${name}.${kind}`);
    };
    const turn = (): void => {
      asTable.value = !asTable.value;
    };
    const why = shown && part.why(shown);
    const size = part.report ? '' : ' sm';
    const tools = (
      <span class="itools">
        {!part.report && (
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
          class={`btn${part.report ? '' : ' quiet'}${size}`}
          aria-haspopup="menu"
          disabled={seen === undefined}
          aria-label={phone.value ? words.tools : undefined}
          onClick={event =>
            openMenu(event, part.report ?? words.export, [
              ...(phone.value ? [{ name: asTable.value ? words.picture : words.table, run: turn }] : []),
              { name: words.text, run: () => save('txt') },
              { name: words.csv, run: () => save('csv') },
              { name: words.json, run: () => save('json') },
            ])
          }
        >
          {phone.value ? '⋯' : (part.report ?? words.export)}
        </button>
      </span>
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
          )}
        </div>
      </>
    );
  };
}

/** Stands in an element of another part of the page, as long as both are there. */
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

/** Tables stand for pictures: whoever does not see those reads these. */
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

/** RFC 4180; a cell that a spreadsheet would take for a formula is kept from that by an apostrophe. */
function asCsv({ name, columns, rows }: Table): string {
  const cell = (value: string | number): string => {
    const text = typeof value === 'string' && /^[=+@\t\r]|^-(?!\d)/.test(value) ? `'${value}` : String(value);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return [[name], columns, ...rows].map(row => `${row.map(cell).join(',')}\r\n`).join('');
}

/** Columns below each other, as tools on a terminal write them; what would end a line, or worse, by its number. */
function asText({ name, columns, rows }: Table): string {
  const lines = [columns, ...rows].map(row =>
      row.map(cell =>
        String(cell).replace(/\p{Cc}/gu, character => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`),
      ),
    ),
    widths = columns.map((_, i) => Math.max(...lines.map(row => row[i]?.length ?? 0)));
  return [
    name,
    ...lines.map(row =>
      row
        .map((cell, i) => cell.padEnd(widths[i]!))
        .join('  ')
        .trimEnd(),
    ),
  ]
    .map(line => `${line}\n`)
    .join('');
}

const asJson = (tables: readonly Table[]): string =>
  JSON.stringify(
    Object.fromEntries(
      tables.map(({ name, columns, rows }) => [
        name,
        rows.map(row => Object.fromEntries(columns.map((column, i) => [column, row[i]]))),
      ]),
    ),
    null,
    1,
  );

/** By the ending of a file. */
const FORMATS = {
  txt: { type: 'text/plain', write: (tables: readonly Table[]) => tables.map(asText).join('\n') },
  csv: { type: 'text/csv', write: (tables: readonly Table[]) => tables.map(asCsv).join('\r\n') },
  json: { type: 'application/json', write: asJson },
};
