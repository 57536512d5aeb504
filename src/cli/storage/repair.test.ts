import { createHash } from 'node:crypto';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { check, repair } from './repair.ts';
import { lookAtState, openState } from './state.ts';

const folder = mkdtempSync(join(tmpdir(), 'ringside-repair-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const whole = join(folder, 'whole');

/** Of a small disk, so that copies take no time. */
const DISK_BYTES = 96 * 2 ** 20;

const other = join(folder, 'other');

beforeAll(async () => {
  await make(whole);
  await make(other);
});

async function make(directory: string): Promise<void> {
  const state = await openState(directory, { diskBytes: DISK_BYTES });
  for (const name of ['d1', 'd2']) state.storage.createVolume(name, 8 * 2 ** 20);
  state.storage.medium('vg0/d1').write(0, new Uint8Array(512).fill(7));
  const files = await state.files();
  for (let i = 0; i < 4; i++) await files.writeFile(`/root/f${i}.txt`, `number ${i}\n`.repeat(100));
  state.close();
}

/** Puts files of the other state there. */
const fromOther =
  (...names: string[]) =>
  (copy: string): void =>
    names.forEach(name => cpSync(join(other, name), join(copy, name)));

const namesIn = (directory: string): string[] => readdirSync(directory).filter(name => /^(?:disk|files)\./.test(name));
/** What a directory's files hold, in short. */
const bytesOf = (directory: string): Record<string, string> =>
  Object.fromEntries(
    namesIn(directory).map(name => [
      name,
      createHash('sha256')
        .update(readFileSync(join(directory, name)))
        .digest('hex'),
    ]),
  );

let copies = 0;
function copyOf(change: (directory: string) => void): string {
  const directory = join(folder, `copy-${++copies}`);
  cpSync(whole, directory, { recursive: true });
  change(directory);
  return directory;
}

/** The longer of a journal's two files has its list, unless it is shorter than what says how far that was flushed. */
const listOf = (directory: string, name: string): string => {
  const is = (at: number): boolean =>
    readFileSync(join(directory, `${name}.${at}`)).toString('latin1', 0, 4) === 'RSJ2';
  return join(directory, `${name}.${is(0) ? 0 : 1}`);
};
/** Where the partition table's signature is in a slot of the data. */
function signatureIn(directory: string): number {
  const data = readFileSync(join(directory, 'disk.data'));
  for (let at = 510; at < data.length; at += 2 ** 20) if (data.readUInt16LE(at) === 0xaa55) return at;
  throw new Error('there is no partition table');
}
function flip(path: string, at: number, bytes = 1): void {
  const content = readFileSync(path);
  for (let i = at; i < at + bytes; i++) content[i] ^= 4;
  writeFileSync(path, content);
}

async function read(directory: string): Promise<{ volumes: string[]; d1: number; files: (string | undefined)[] }> {
  const state = await openState(directory);
  try {
    const sector = new Uint8Array(512);
    const volumes = state.storage.volumes.map(({ name }) => name);
    if (volumes.includes('d1')) state.storage.medium('vg0/d1').read(0, sector);
    const files = await state.files();
    const kept = [0, 1, 2, 3].map(i =>
      files.readFile(`/root/f${i}.txt`).then(
        text => text.slice(0, 8),
        () => undefined,
      ),
    );
    return { volumes, d1: sector[511], files: await Promise.all(kept) };
  } finally {
    state.close();
  }
}
const ALL = { volumes: ['d1', 'd2'], d1: 7, files: ['number 0', 'number 1', 'number 2', 'number 3'] };

describe('a state directory', () => {
  it('is checked without a change', async () => {
    const before = bytesOf(whole);
    expect(await check(whole)).toMatchObject({ isDamaged: false });
    expect(await repair(whole)).toEqual(['Nothing is damaged, and nothing was changed.']);
    expect(bytesOf(whole)).toEqual(before);
  });

  it('is read by a command that changes nothing, without a write', async () => {
    const before = bytesOf(whole);
    const state = await lookAtState(whole);
    expect(state.storage.volumes.map(({ name }) => name)).toEqual(['d1', 'd2']);
    expect(() => state.storage.createVolume('d3', 4 * 2 ** 20)).toThrow(/only looked at/);
    state.close();
    expect(bytesOf(whole)).toEqual(before);
    expect(readdirSync(whole).filter(name => name.startsWith('held.'))).toEqual([]);
  });

  it('is not checked while a process has it, and says which one; what one left that was killed is not removed', async () => {
    const directory = copyOf(() => {});
    const state = await openState(directory);
    await expect(check(directory)).rejects.toThrow(
      new RegExp(`is held by process ${process.pid} .* It writes meanwhile, .* Stop it, and check again`),
    );
    state.close();
    const holder = {
      pid: 1,
      command: '',
      since: '',
      hostname: '',
      bootId: 'x',
      pidNamespace: '',
      startTime: '',
      listens: false,
    };
    const stale = join(directory, 'held.0000000000000001');
    writeFileSync(stale, `has \n${JSON.stringify(holder)}`);
    expect(await check(directory)).toMatchObject({ isDamaged: false });
    expect(readFileSync(stale, 'utf8')).toContain('"x"');
  });

  it.each([
    ['disk', 70],
    ['disk', 90],
  ])('with one wrong bit in %s is refused as it is, and repaired without a loss', async (name, at) => {
    const directory = copyOf(copy => flip(listOf(copy, name), at));
    const before = bytesOf(directory);
    await expect(openState(directory)).rejects.toThrow(/disk\.\d in .* is damaged at byte \d+: .* Nothing was changed/);
    expect(bytesOf(directory)).toEqual(before);
    const { lines, isDamaged } = await check(directory);
    expect(isDamaged).toBe(true);
    expect(lines.join('\n')).toMatch(new RegExp(`bit 2 of byte ${at} is wrong`));
    expect((await repair(directory)).join('\n')).toMatch(/is put right; nothing of that record is lost/);
    expect(bytesOf(join(directory, 'damaged-1'))).toEqual(before);
    expect(await read(directory)).toEqual(ALL);
    expect(await check(directory)).toMatchObject({ isDamaged: false });
  });

  it('loses one change of a file where a record of many wrong bytes was, and says so', async () => {
    const directory = copyOf(copy =>
      flip(listOf(copy, 'files'), readFileSync(listOf(copy, 'files')).indexOf('number 2'), 40),
    );
    const state = await openState(directory);
    await expect(state.files()).rejects.toThrow(/files\.\d in .* is damaged at byte/);
    state.close();
    expect((await repair(directory)).join('\n')).toMatch(/bytes \d+ to \d+ cannot be read .* is lost/);
    expect(await read(directory)).toEqual({ ...ALL, files: ['number 0', 'number 1', undefined, 'number 3'] });
  });

  it.each([
    ['without its map', (copy: string) => ['disk.0', 'disk.1'].forEach(name => rmSync(join(copy, name)))],
    ['with an empty map', (copy: string) => ['disk.0', 'disk.1'].forEach(name => truncateSync(join(copy, name)))],
    ['with a map of zeros', (copy: string) => writeFileSync(listOf(copy, 'disk'), Buffer.alloc(200))],
    ['with a map that is shorter', (copy: string) => truncateSync(listOf(copy, 'disk'), 130)],
    [
      'with shorter data',
      (copy: string) => truncateSync(join(copy, 'disk.data'), readFileSync(join(copy, 'disk.data')).length - 1),
    ],
    ['without data', (copy: string) => rmSync(join(copy, 'disk.data'))],
    ['without a partition table', (copy: string) => flip(join(copy, 'disk.data'), signatureIn(copy))],
  ])('%s is refused, not taken for a new one', async (_, change) => {
    const directory = copyOf(change);
    const before = bytesOf(directory);
    await expect(openState(directory)).rejects.toThrow(/Nothing was changed. ringside storage --state/);
    expect(await check(directory)).toMatchObject({ isDamaged: true });
    expect({ ...bytesOf(directory) }).toMatchObject(before);
  });

  it.each([
    [
      'with files of another state',
      fromOther('files.0', 'files.1'),
      /files\.0 and files\.1 in .* another state than disk\.0/,
      ALL,
    ],
    [
      'with a map of another state',
      fromOther('disk.0', 'disk.1'),
      /files\.0 and files\.1 in .* another state than disk\.0/,
      ALL,
    ],
    [
      'with one file of another state’s map',
      (copy: string) => fromOther(listOf(copy, 'disk').slice(copy.length + 1))(copy),
      /disk\.\d and disk\.\d in .* are of two states/,
      ALL,
    ],
    [
      'without the files that a host kept',
      (copy: string) => ['files.0', 'files.1'].forEach(name => rmSync(join(copy, name))),
      /files\.0 and files\.1 in .* are missing/,
      { ...ALL, files: Array(4).fill(undefined) },
    ],
    [
      'without the disk of a host',
      (copy: string) => ['disk.0', 'disk.1', 'disk.data'].forEach(name => rmSync(join(copy, name))),
      /disk\.0 and disk\.1 in .* are missing/,
      { ...ALL, volumes: [], d1: 0 },
    ],
  ])('%s is refused in words that name them, and repaired', async (_, change, words, then) => {
    const directory = copyOf(change);
    const before = bytesOf(directory);
    await expect(openState(directory)).rejects.toThrow(words);
    await expect(openState(directory)).rejects.toThrow(/Nothing was changed\. ringside storage --state/);
    expect((await check(directory)).lines.join('\n')).toMatch(words);
    expect(bytesOf(directory)).toEqual(before);
    await repair(directory);
    expect(await check(directory)).toMatchObject({ isDamaged: false });
    expect(await read(directory)).toEqual(then);
  });

  it('without files is one that no host has used yet, and has its identity with the first of them', async () => {
    const directory = join(folder, 'volumes');
    const { storage, close } = await openState(directory, { diskBytes: DISK_BYTES });
    storage.createVolume('d1', 8 * 2 ** 20);
    close();
    expect(namesIn(directory)).toEqual(['disk.0', 'disk.1', 'disk.data']);
    expect(await check(directory)).toMatchObject({ isDamaged: false });
    const state = await openState(directory);
    await (await state.files()).writeFile('/root/one', 'one');
    state.close();
    for (const name of ['files.0', 'files.1']) rmSync(join(directory, name));
    await expect(openState(directory)).rejects.toThrow(/files\.0 and files\.1 in .* are missing/);
  });

  it('is opened by no host while a repair is unfinished, and repaired from the copy then', async () => {
    const directory = copyOf(copy => flip(listOf(copy, 'disk'), 70));
    // As a kill leaves it that comes between the two journals.
    const made = join(folder, 'made');
    cpSync(directory, made, { recursive: true });
    mkdirSync(join(directory, 'damaged-1'));
    for (const name of namesIn(made)) cpSync(join(made, name), join(directory, 'damaged-1', name));
    writeFileSync(join(directory, 'repairing'), 'damaged-1');
    for (const name of ['disk.0', 'disk.1']) truncateSync(join(directory, name));
    await expect(openState(directory)).rejects.toThrow(
      /A repair of .* did not end. Run ringside storage --state .* repair again/,
    );
    expect(await check(directory)).toMatchObject({ isDamaged: true });
    expect((await repair(directory)).join('\n')).toMatch(/bit 2 of byte 70 was wrong and is put right[^]* d1, d2/);
    expect(await read(directory)).toEqual(ALL);
  });
});
