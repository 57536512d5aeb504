/** Text that somebody marks on a text screen: from one cell to another, line by line, as terminals have it. */

export interface Cell {
  column: number;
  row: number;
}

/** A text screen, as far as it is marked. */
export interface TextScreen {
  readonly columns: number;
  readonly rows: number;
  /** Of one row; spaces at its end may be missing. */
  text(row: number): string;
}

/** What is marked of a row: columns `from` to `to`, the latter not included. */
export interface MarkedRow {
  row: number;
  from: number;
  to: number;
}

/** The cell at a point of the glass, of which `x` and `y` are parts from 0 to 1; points outside are those at its edge. */
export function cellAt({ columns, rows }: TextScreen, x: number, y: number): Cell {
  const inside = (part: number, count: number): number => Math.max(0, Math.min(count - 1, Math.floor(part * count)));
  return { column: inside(x, columns), row: inside(y, rows) };
}

/** Both cells belong to it, in whichever order they were touched. */
export function markedRows({ columns, rows }: TextScreen, one: Cell, other: Cell): MarkedRow[] {
  const isBefore = one.row < other.row || (one.row === other.row && one.column <= other.column);
  const [first, last] = isBefore ? [one, other] : [other, one];
  const found: MarkedRow[] = [];
  for (let row = first.row; row <= Math.min(last.row, rows - 1); row++)
    found.push({
      row,
      from: row === first.row ? Math.min(first.column, columns - 1) : 0,
      to: row === last.row ? Math.min(last.column + 1, columns) : columns,
    });
  return found;
}

/** Without the spaces at the ends of lines, which were not typed. */
export const markedText = (screen: TextScreen, marked: readonly MarkedRow[]): string =>
  marked.map(({ row, from, to }) => screen.text(row).slice(from, to).trimEnd()).join('\n');
