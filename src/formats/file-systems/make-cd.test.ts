import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type CdEntry, CdError, makeCd } from './make-cd.ts';

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
/** Debian's genisoimage package, where it is. */
const tool = (name: string): string | undefined =>
  ['/usr/bin', ...(process.env.PATH ?? '').split(':')].map(folder => `${folder}/${name}`).find(existsSync);
const isoinfo = tool('isoinfo'),
  isovfy = tool('isovfy');

async function image(entries: readonly CdEntry[], label?: string): Promise<Uint8Array> {
  const { parts, bytes } = makeCd(entries, label);
  const whole = new Uint8Array(await new Blob(parts as BlobPart[]).arrayBuffer());
  expect(whole.length).toBe(bytes);
  return whole;
}

function withImage<T>(bytes: Uint8Array, work: (path: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'ringside-cd-'));
  try {
    const path = join(folder, 'x.iso');
    writeFileSync(path, bytes);
    return work(path);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const deep = Array.from({ length: 20 }, (_, i) => `folder-${i}`);
const long = `${'a name that goes on '.repeat(8)}and on.text`;
const ENTRIES: CdEntry[] = [
  { path: ['README.txt'], data: text('hello\n'), modifiedMs: Date.UTC(2024, 1, 3, 4, 5, 6) },
  { path: ['readme.TXT'], data: text('other\n') },
  { path: ['Grüße – 日本語 😀.txt'], data: text('names\n') },
  { path: ['empty'], data: new Uint8Array() },
  { path: ['empty folder'] },
  { path: [long], data: text('long\n') },
  { path: [`${long.slice(0, -5)}2.text`], data: text('long two\n') },
  { path: [...deep, 'bottom'], data: text('deep\n') },
  ...Array.from(
    { length: 300 },
    (_, i): CdEntry => ({ path: ['many', `number ${i} of a lot of files`], data: text(`${i}`) }),
  ),
];

describe('a CD from files', () => {
  it('is the same each time', async () => {
    const bytes = await image(ENTRIES, 'my files');
    expect(Buffer.compare(await image(ENTRIES, 'my files'), bytes)).toBe(0);
  });

  it('has the files as parts of it, and no copies', () => {
    const data = new Blob(['x'.repeat(5000)]);
    const { parts, bytes } = makeCd([{ path: ['a'], data }]);
    expect(parts[1]).toBe(data);
    expect(bytes - (parts[0] as Uint8Array).length).toBe(3 * 2048);
  });

  it.skipIf(!isoinfo || !isovfy)('is right by the tools that others read CDs with [needs genisoimage]', async () => {
    withImage(await image(ENTRIES, 'my files'), path => {
      const run = (...words: string[]): string =>
        execFileSync(isoinfo!, ['-i', path, ...words], {
          encoding: 'utf8',
          env: { ...process.env, LC_ALL: 'C.UTF-8' },
        });
      expect(execFileSync(isovfy!, [path], { encoding: 'utf8' })).toContain('No errors found');
      expect(run('-d')).toMatch(/Volume id: MY_FILES\n.*Joliet with UCS level 3 found/s);
      const names = run('-J', '-f').split('\n');
      expect(names).toContain(`/${deep.join('/')}/bottom;1`);
      expect(names.filter(name => name.startsWith('/many/'))).toHaveLength(300);
      expect(names).toEqual(expect.arrayContaining(['/README.txt;1', '/readme~1.TXT;1', '/empty;1', '/empty folder']));
      expect(names.filter(name => name.startsWith('/a name')).map(name => name.length)).toEqual([106, 106]);
      expect(run('-f').split('\n')).toEqual(
        expect.arrayContaining(['/README.TXT;1', '/README_1.TXT;1', '/EMPTY_FO', '/EMPTY.;1']),
      );
      expect(run('-x', '/README_1.TXT;1')).toBe('other\n');
      expect(run('-J', '-x', `/${deep.join('/')}/bottom;1`)).toBe('deep\n');
      expect(run('-J', '-x', '/many/number 299 of a lot of files;1')).toBe('299');
      expect(run('-J', '-l')).toMatch(/ 6 Feb +3 2024 .*README\.txt/);
    });
  });

  it('numbers names that come out the same in the order of the files, without a search for each', () => {
    // Each would look at all that were before it: two hundred million names.
    const entries = Array.from(
      { length: 20_000 },
      (_, i): CdEntry => ({ path: [`a long name with number ${i}`], data: new Uint8Array() }),
    );
    const { parts } = makeCd([{ path: ['A_LONG_2'], data: new Uint8Array() }, ...entries]);
    const names = new Set(new TextDecoder('latin1').decode(parts[0] as Uint8Array).match(/A_[A-Z0-9_]+\.;1/g));
    expect([
      names.size,
      ...['A_LONG_N.;1', 'A_LONG_1.;1', 'A_LONG_2.;1', 'A_LONG_3.;1', 'A__20000.;1'].map(name => names.has(name)),
    ]).toEqual([20_001, true, true, true, true, true]);
  });

  it.each<[string, CdEntry[], RegExp]>([
    ['a way out', [{ path: ['..', 'x'], data: text('') }], /‘..\/x’ is no path/],
    ['a NUL byte', [{ path: ['a\0b'], data: text('') }], /‘a\\0b’ is no path/],
    [
      'two of a name',
      [
        { path: ['a', 'b'], data: text('') },
        { path: ['a', 'b'], data: text('') },
      ],
      /Two of the files would both be a\/b/,
    ],
    [
      'a file that is a folder, too',
      [
        { path: ['a'], data: text('') },
        { path: ['a', 'b'], data: text('') },
      ],
      /both be a on the CD/,
    ],
    [
      '2 GiB in one',
      [{ path: ['a'], data: { size: 2 ** 31 } as Blob }],
      /a has 2147483648 bytes, and a file on a CD has less than 2 GiB/,
    ],
    ['too many', Array.from({ length: 100_001 }, (_, i) => ({ path: [String(i)] })), /100001 files and folders/],
    ['no end of folders', [{ path: Array.from({ length: 1000 }, () => 'a') }], /1000 folders deep/],
  ])('with %s is refused in a sentence', (_what, entries, sentence) => {
    expect(() => makeCd(entries)).toThrow(CdError);
    expect(() => makeCd(entries)).toThrow(sentence);
  });
});
