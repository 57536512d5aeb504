/** How the map is laid out: rows and sizes of its cells, runs of one owner, and whose name is in one. */

import type { Cell } from './facts.ts';

/** More MiB than these are drawn in longer rows of smaller cells. */
const FEW = 1024,
  /** More rows than these are lower ones. */
  FEW_ROWS = 16,
  /** No letter is read in a cell that is narrower. */
  LETTER = 16,
  /** Between two names next to or above the map. */
  HIGH = 14,
  WIDE = 50;
/** Between cells: there the lines run, so that they cross none. */
export const GAP = 2;

/** Cells in a row that one owner has most of. */
export interface Run {
  from: number;
  to: number;
  owner: number;
}
export interface MapLayout {
  /** Cells in a row, and how many rows. */
  across: number;
  rows: number;
  /** Of a cell with what is between it and the next. */
  side: number;
  high: number;
  /** Of the whole map, without the names around it. */
  wide: number;
  tall: number;
  /** Of a cell's hatching. */
  tiles: number;
  /** Letters fit in it. */
  isLettered: boolean;
  x(cell: number): number;
  y(cell: number): number;
}

export function layoutOf(cells: number, isPhone: boolean): MapLayout {
  const across = cells > FEW && !isPhone ? 64 : 32,
    side = across === 64 || isPhone ? 10 : 20,
    rows = Math.ceil(cells / across),
    isLettered = side >= LETTER,
    high = !isLettered ? side : rows > FEW_ROWS ? 12 : 16;
  return {
    across,
    rows,
    side,
    high,
    wide: across * side - GAP,
    tall: rows * high,
    tiles: isLettered ? 3 : 2,
    isLettered,
    x: cell => (cell % across) * side,
    y: cell => Math.floor(cell / across) * high + GAP / 2,
  };
}

/** Names of columns, in MiB of a row, as far as the chosen cell's own name leaves room. */
export const columnsNamed = ({ across, side }: MapLayout, cell: number): number[] =>
  [0, 8, 16, 24].map(of => (of * across) / 32).filter(column => Math.abs(column - (cell % across)) * side > WIDE);

/** Names of rows, likewise. */
export function rowsNamed({ across, high, rows }: MapLayout, cell: number): number[] {
  const each = Math.max(1, Math.ceil(16 / high)),
    own = Math.floor(cell / across);
  return Array.from({ length: rows }, (_, row) => row).filter(
    row => row % each === 0 && Math.abs(row - own) * high > HIGH,
  );
}

export function runsOf(cells: readonly Cell[], { across }: MapLayout): Run[] {
  const runs: Run[] = [];
  cells.forEach(({ owner }, i) => {
    const last = runs.at(-1);
    if (last && last.owner === owner && i % across !== 0) last.to = i;
    else runs.push({ from: i, to: i, owner });
  });
  return runs;
}

/** A short run between others has its colour alone, unless its owner has no longer one. `letters`: of the owner's plate. */
export function lettered(
  runs: readonly Run[],
  { side, isLettered }: MapLayout,
  letters: (owner: number) => number,
): Run[] {
  const named = new Set(runs.filter(({ from, to }) => to - from > 1).map(({ owner }) => owner));
  return runs.filter(
    ({ from, to, owner }) =>
      owner >= 0 &&
      isLettered &&
      (to - from > 1 || !named.has(owner)) &&
      (to - from + 1) * side > letters(owner) * 7 + 8,
  );
}

/** Who owns most of no cell would not be seen at all: what they have of each cell, as parts of its width. */
export function stripesOf(
  cells: readonly Cell[],
  frames: number,
): { cell: number; owner: number; from: number; part: number }[] {
  const large = new Set(cells.map(({ owner }) => owner));
  return cells.flatMap(({ parts = [] }, cell) => {
    let before = 0;
    return parts.flatMap(([owner, count]) => {
      const from = before / frames;
      before += count;
      return owner < 0 || large.has(owner) ? [] : [{ cell, owner, from, part: count / frames }];
    });
  });
}
