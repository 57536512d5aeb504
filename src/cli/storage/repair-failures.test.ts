/** A repair that does not end as it should: no room, a device that fails, a kill. */
import { spawn } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  watch,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

/** How many writes go to files before one fails, and how that fails. */
const failing = { left: Infinity, code: '' };
vi.mock('node:fs', async original => {
  const real = await original<typeof import('node:fs')>();
  const writeSync = (...given: Parameters<typeof real.writeSync>): number => {
    if (failing.left-- === 0)
      throw Object.assign(new Error(`${failing.code}: it is the test's`), { code: failing.code });
    return real.writeSync(...given);
  };
  return { ...real, default: { ...real, writeSync }, writeSync };
});
const { check, repair } = await import('./repair.ts');
const { openState } = await import('./state.ts');

const root = mkdtempSync(join(tmpdir(), 'ringside-repair-fails-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const damaged = join(root, 'damaged');
const command = fileURLToPath(new URL('../../../bin/ringside.mjs', import.meta.url));

beforeAll(async () => {
  const state = await openState(damaged, { diskBytes: 96 * 2 ** 20 });
  state.storage.createVolume('d1', 8 * 2 ** 20);
  await (await state.files()).writeFile('/root/note', 'kept');
  state.close();
  // The first record of its map.
  for (const name of ['disk.0', 'disk.1']) {
    const bytes = readFileSync(join(damaged, name));
    if (bytes.toString('latin1', 0, 4) !== 'RSJ2') continue;
    bytes[74] ^= 1;
    writeFileSync(join(damaged, name), bytes);
  }
});

let copies = 0;
function copy(): string {
  const directory = join(root, String(++copies));
  cpSync(damaged, directory, { recursive: true });
  return directory;
}
const FILES = ['files.0', 'files.1', 'disk.0', 'disk.1', 'disk.data'];
const sameAs = (directory: string): boolean =>
  FILES.every(name => readFileSync(join(directory, name)).equals(readFileSync(join(damaged, name))));

async function expectRepaired(directory: string): Promise<void> {
  await repair(directory);
  const copied = readdirSync(directory).filter(name => /^damaged-\d+$/.test(name));
  expect(copied.length).toBe(1);
  expect(sameAs(join(directory, copied[0]))).toBe(true);
  await expectWhole(directory);
}

async function expectWhole(directory: string): Promise<void> {
  expect(await check(directory)).toMatchObject({ isDamaged: false });
  const state = await openState(directory);
  expect(state.storage.volumes.map(({ name }) => name)).toEqual(['d1']);
  expect(new TextDecoder().decode(await (await state.files()).readFileBuffer('/root/note'))).toBe('kept');
  state.close();
}

/** Of the lock's record, which comes before all others: one write. */
const LOCK_WRITES = 1;

describe('a repair', () => {
  it('that fails at any write changed nothing, or is done again from its copy', async () => {
    let began = 0,
      unchanged = 0;
    for (let writes = LOCK_WRITES; ; writes++) {
      const directory = copy();
      const code = ['ENOSPC', 'EIO'][writes & 1];
      Object.assign(failing, { left: writes, code });
      const error = await repair(directory).then(
        () => undefined,
        (thrown: Error) => thrown,
      );
      const isOver = failing.left >= 0;
      failing.left = Infinity;
      if (isOver) break;
      expect(error?.message, `after ${writes} writes`).toContain(code);
      if (existsSync(join(directory, 'repairing'))) {
        began++;
        await expect(openState(directory)).rejects.toThrow(/repair again/);
      } else {
        unchanged++;
        expect(error?.message).toMatch(/could not be written to .* Nothing was changed. Make room/);
        expect(sameAs(directory)).toBe(true);
        expect(readdirSync(directory).filter(name => name.startsWith('damaged'))).toEqual([]);
      }
      // Each place of the two once: the others are like it.
      if (began === 1 || began === 4 || unchanged === 1) await expectRepaired(directory);
      rmSync(directory, { recursive: true });
    }
    expect([began > 2, unchanged > 2]).toEqual([true, true]);
  });

  it.each(['damaged-1.part', 'repairing'])('that is killed when %s is there is done again', async name => {
    const directory = copy();
    // What lies behind the last slot is nobody's: it makes the copy take longer.
    truncateSync(join(directory, 'disk.data'), 2 ** 28);
    const child = spawn(process.execPath, [command, 'storage', '--state', directory, 'repair'], { stdio: 'ignore' });
    const ended = new Promise(resolve => child.once('close', resolve));
    const watcher = watch(directory, () => {
      if (existsSync(join(directory, name))) child.kill('SIGKILL');
    });
    await ended;
    watcher.close();
    // A kill that came late found it repaired.
    if ((await check(directory)).isDamaged) await repair(directory);
    await expectWhole(directory);
  });
});
