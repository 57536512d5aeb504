/** Snapshots of a domain as the page shows them: a tree, oldest first, with the place where the domain is. */

import { currentOf, type SnapshotRecord } from '../../dom0/toolstack/snapshots/index.ts';

export interface SnapshotRow {
  record: SnapshotRecord;
  /** Generations above it. */
  depth: number;
  /** The domain is here: what it is now came from this one. */
  isHere: boolean;
}

/** Each below the one that it came from. One whose parent is gone, or that is its own ancestor by what the files say, is at the root. */
export function treeOf(records: readonly SnapshotRecord[]): SnapshotRow[] {
  const here = currentOf(records),
    shown = new Set<SnapshotRecord>(),
    rows: SnapshotRow[] = [];
  const put = (record: SnapshotRecord, depth: number): void => {
    if (shown.has(record)) return;
    shown.add(record);
    rows.push({ record, depth, isHere: record === here });
    for (const child of records) if (child.parent === record.name) put(child, depth + 1);
  };
  for (const record of records) if (!records.some(({ name }) => name === record.parent)) put(record, 0);
  for (const record of records) put(record, 0);
  return rows;
}

/** What a snapshot is called that nobody names: the first free number (xl snapshot). */
export function freeNumber(taken: ReadonlySet<string>): string {
  let n = 1;
  while (taken.has(String(n))) n++;
  return String(n);
}

/** Of a name that is not taken: `NAME-clone`, `NAME-clone2` … */
export function freeName(base: string, taken: ReadonlySet<string>): string {
  for (let n = 1; ; n++) {
    const name = n === 1 ? base : `${base}${n}`;
    if (!taken.has(name)) return name;
  }
}
