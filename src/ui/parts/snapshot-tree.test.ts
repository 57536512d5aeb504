import { expect, it } from 'vitest';
import type { SnapshotRecord } from '../../dom0/toolstack/snapshots/index.ts';
import { freeName, treeOf } from './snapshot-tree.ts';

const record = (name: string, parent?: string, currentMs?: number): SnapshotRecord => ({
  domain: 'web',
  name,
  createdMs: 0,
  definition: '',
  disks: [],
  ...(parent === undefined ? {} : { parent }),
  ...(currentMs === undefined ? {} : { currentMs }),
});
const drawn = (records: readonly SnapshotRecord[]): string =>
  treeOf(records)
    .map(({ record: { name }, depth, isHere }) => `${'-'.repeat(depth)}${name}${isHere ? '*' : ''}`)
    .join(' ');

it('stands below the one that it came from, in the order in which they were taken', () => {
  expect(drawn([record('a', undefined, 1), record('b', 'a', 5), record('c', 'b', 3), record('d', 'a', 4)])).toBe(
    'a -b* --c -d',
  );
});

it('shows each once, whatever the files say of its parents', () => {
  expect(drawn([record('a', 'gone'), record('b', 'c'), record('c', 'b'), record('d', 'd')])).toBe('a b -c d');
});

it('suggests a name that nobody has', () => {
  expect([
    freeName('web-clone', new Set(['web'])),
    freeName('web-clone', new Set(['web-clone', 'web-clone2'])),
  ]).toEqual(['web-clone', 'web-clone3']);
});
