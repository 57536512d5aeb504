/** `qemu-img check`: what Debian 12's qemu-img (7.2.22) printed for the same bytes. */
import { expect, it } from 'vitest';
import { MemoryDisk } from '../../formats/blocks/index.ts';
import { check } from './qemu-img-check.ts';

const CLUSTER = 512;
/** Clusters of the file: header, table of reference counts, their block, L1, L2, three of data. */
const [REFCOUNT_TABLE, REFCOUNTS, L1, L2, DATA] = [1, 2, 3, 4, 5].map(cluster => cluster * CLUSTER);
const COPIED = 1n << 63n;

/** A qcow2 of version 2 with a disk of 64 clusters, of which it has the first three. */
function image(change: (view: DataView) => void): Uint8Array {
  const bytes = new Uint8Array(9 * CLUSTER);
  const view = new DataView(bytes.buffer);
  [0x514649fb, 2].forEach((word, i) => view.setUint32(i * 4, word));
  view.setUint32(20, 9);
  view.setBigUint64(24, BigInt(64 * CLUSTER));
  view.setUint32(36, 1);
  view.setBigUint64(40, BigInt(L1));
  view.setBigUint64(48, BigInt(REFCOUNT_TABLE));
  view.setUint32(56, 1);
  view.setBigUint64(REFCOUNT_TABLE, BigInt(REFCOUNTS));
  for (let cluster = 0; cluster < 8; cluster++) view.setUint16(REFCOUNTS + 2 * cluster, 1);
  view.setBigUint64(L1, COPIED | BigInt(L2));
  for (let i = 0; i < 3; i++) view.setBigUint64(L2 + 8 * i, COPIED | BigInt(DATA + i * CLUSTER));
  change(view);
  return bytes;
}

const errors = (count: number): string =>
  `\n${count} errors were found on the image.\nData may be corrupted, or further writes to the image may corrupt it.\n`;
const leaked = (count: number): string =>
  `\n${count} leaked clusters were found on the image.\nThis means waste of disk space, but no harm to data.\n`;
const SHARES = '3/64 = 4.69% allocated, 0.00% fragmented, 0.00% compressed clusters\n';
const end = (bytes: number): string => `Image end offset: ${bytes}\n`;

it.each<[what: string, change: (view: DataView) => void, status: number, stdout: string, stderr: string]>([
  ['nothing', () => {}, 0, `No errors were found on the image.\n${SHARES}${end(4096)}`, ''],
  [
    'a cluster that nobody uses',
    view => view.setUint16(REFCOUNTS + 16, 1),
    3,
    `${leaked(1)}${SHARES}${end(4608)}`,
    'Leaked cluster 8 refcount=1 reference=0\n',
  ],
  [
    'a cluster that is used and not counted',
    view => view.setUint16(REFCOUNTS + 12, 0),
    2,
    `${errors(2)}${SHARES}${end(4096)}`,
    'ERROR cluster 6 refcount=0 reference=1\nERROR OFLAG_COPIED data cluster: l2_entry=8000000000000c00 refcount=0\n',
  ],
  [
    'one cluster used twice, and the other leaked',
    view => view.setBigUint64(L2, COPIED | BigInt(DATA + CLUSTER)),
    2,
    `${errors(1)}${leaked(1)}3/64 = 4.69% allocated, 33.33% fragmented, 0.00% compressed clusters\n${end(4096)}`,
    'Leaked cluster 5 refcount=1 reference=0\nERROR cluster 6 refcount=1 reference=2\n',
  ],
  [
    'an entry behind the end',
    view => view.setBigUint64(L2 + 16, COPIED | (1n << 40n)),
    2,
    `${errors(2)}${leaked(1)}3/64 = 4.69% allocated, 33.33% fragmented, 0.00% compressed clusters\n${end(4096)}`,
    'ERROR: counting reference for region exceeding the end of the file by one cluster or more: offset 0x10000000000 size 0x200\nLeaked cluster 7 refcount=1 reference=0\nERROR OFLAG_COPIED data cluster: l2_entry=8000010000000000 refcount=0\n',
  ],
  [
    'a table that is no table of reference counts',
    view => view.setBigUint64(REFCOUNT_TABLE + 8, 3n),
    2,
    `${errors(1)}${SHARES}${end(4096)}`,
    'ERROR refcount table entry 1 has reserved bits set\n',
  ],
])('tells of %s', async (_what, change, status, stdout, stderr) => {
  const ran = await check(['a.qcow2'], async () => new MemoryDisk(image(change)));
  expect(ran).toEqual({ status, stdout, stderr });
});

it('refuses what it cannot check, with the statuses of qemu-img(1)', async () => {
  const raw = async () => new MemoryDisk(new Uint8Array(512));
  const said = async (...words: string[]) => {
    const { status, stderr } = await check(words, raw);
    return `${status}: ${stderr}`;
  };
  expect(await said('raw.img')).toBe('63: qemu-img: This image format does not support checks\n');
  expect(await said()).toMatch(/^1: qemu-img: Expecting one image file name\n/);
  expect(await said('-x', 'a')).toMatch(/^1: qemu-img: unrecognized option '-x'\n/);
  expect(await said('-f', 'foo', 'a')).toBe("1: qemu-img: Could not open 'a': Unknown driver 'foo'\n");
  expect(await said('-r', 'foo', 'a')).toMatch(/expecting 'leaks' or 'all'\): foo\n/);
  const bytes = image(view => view.setUint16(REFCOUNTS + 16, 1));
  const { stdout, status } = await check(['--output=json', 'a'], async () => new MemoryDisk(bytes));
  expect([status, JSON.parse(stdout)]).toEqual([
    3,
    {
      'image-end-offset': 4608,
      'total-clusters': 64,
      'check-errors': 0,
      leaks: 1,
      'allocated-clusters': 3,
      filename: 'a',
      format: 'qcow2',
    },
  ]);
});
