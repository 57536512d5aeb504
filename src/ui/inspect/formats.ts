/** Tables as files: text to read or to send, CSV for a spreadsheet, JSON for a program. */

import { csvField } from '../../formats/csv/index.ts';
import type { Table } from './inspector.ts';

const asCsv = ({ name, columns, rows }: Table): string =>
  [[name], columns, ...rows].map(row => `${row.map(csvField).join(',')}\r\n`).join('');

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
export const FORMATS = {
  txt: { type: 'text/plain', write: (tables: readonly Table[]) => tables.map(asText).join('\n') },
  csv: { type: 'text/csv', write: (tables: readonly Table[]) => tables.map(asCsv).join('\r\n') },
  json: { type: 'application/json', write: asJson },
};
