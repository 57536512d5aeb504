import { spawn, spawnSync } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transformWithOxc } from 'vite';
import { afterAll, describe, expect, it } from 'vitest';
import { strict } from '../../../test/support/needs.ts';
import { openForOwner } from '../owner-only.ts';
import { holdDirectory, mayRun } from './directory-lock.ts';
import { DirectoryStore, whyNot } from './directory-store.ts';

const root = mkdtempSync(join(tmpdir(), 'ringside-lock-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let made = 0;
function folder(name = `d${made++}`): string {
  const path = join(root, name);
  mkdirSync(path, { recursive: true });
  return path;
}
const held = (directory: string): string[] => readdirSync(directory).filter(name => name.startsWith('held.'));

/** What a process that was killed leaves: a record, and a socket that refuses. */
async function leaveStale(directory: string, id: string, first = 'has \n'): Promise<void> {
  const server = createServer();
  await new Promise<void>(resolve => server.listen(join(directory, 'x'), resolve));
  renameSync(join(directory, 'x'), join(directory, `held.${id}.sock`));
  server.close();
  const record = {
    pid: 1,
    command: 'ringside sh',
    since: '',
    hostname: '',
    bootId: '',
    pidNamespace: '',
    startTime: '',
  };
  writeFileSync(join(directory, `held.${id}`), first + JSON.stringify({ ...record, listens: true }));
}

describe('a directory that one process holds', () => {
  it('is refused to others with the holder’s number, by whatever path they name it, until it is let go', async () => {
    const directory = folder();
    symlinkSync(directory, `${directory}-link`);
    const first = await DirectoryStore.open(directory);
    expect(held(directory).length).toBe(2);
    for (const path of [directory, `${directory}-link`])
      await expect(DirectoryStore.open(path)).rejects.toThrow(
        `${directory} is held by process ${process.pid} (ringside`,
      );
    first.close();
    expect(held(directory)).toEqual([]);
    (await DirectoryStore.open(directory)).close();
  });

  it('is held in a folder whose path is longer than a socket’s name may be', async () => {
    const directory = folder(join('long'.repeat(50), 'é'.repeat(60)));
    const release = await holdDirectory(directory);
    await expect(holdDirectory(directory)).rejects.toThrow(`is held by process ${process.pid}`);
    release();
    expect(held(directory)).toEqual([]);
  });

  it('is taken over from one that was killed, whether it had it or asked for it', async () => {
    const directory = folder();
    await leaveStale(directory, '0000000000000001');
    await leaveStale(directory, '0000000000000002', 'asks\n');
    const release = await holdDirectory(directory);
    expect(held(directory).length).toBe(2);
    release();
  });

  it('is one’s of many that begin together', async () => {
    const directory = folder();
    const all = await Promise.allSettled(Array.from({ length: 8 }, () => holdDirectory(directory)));
    const won = all.filter(({ status }) => status === 'fulfilled') as PromiseFulfilledResult<() => void>[];
    expect(won.length).toBe(1);
    won[0].value();
    expect(held(directory)).toEqual([]);
  });

  it('is held without a socket by a process that runs: the same machine start, number and start time', async () => {
    const directory = folder();
    const release = await holdDirectory(directory);
    const [, json] = readFileSync(join(directory, held(directory)[0]), 'utf8').split('\n');
    release();
    const own = JSON.parse(json);
    expect(mayRun(own)).toBe(true);
    // Of another namespace nobody can tell.
    expect(mayRun({ ...own, pidNamespace: 'pid:[1]' })).toBe(true);
    expect(mayRun({ ...own, bootId: 'another' })).toBe(false);
    if (own.startTime) expect(mayRun({ ...own, startTime: '1' })).toBe(false);
    writeFileSync(join(directory, 'held.0000000000000001'), `has \n${JSON.stringify({ ...own, listens: false })}`);
    await expect(holdDirectory(directory)).rejects.toThrow('If that process has ended, remove');
    writeFileSync(
      join(directory, 'held.0000000000000001'),
      `has \n${JSON.stringify({ ...own, listens: false, bootId: 'x' })}`,
    );
    (await holdDirectory(directory))();
    expect(held(directory)).toEqual([]);
  });

  it('is refused in words where it cannot be written', async () => {
    const error = Object.assign(new Error('EROFS: read-only file system, open'), { code: 'EROFS' });
    expect(whyNot('/state', error)).toMatch(
      /^\/state is on a file system that is mounted read-only, .* leave --state out/,
    );
    const file = join(folder(), 'file');
    writeFileSync(file, '');
    await expect(DirectoryStore.open(file)).rejects.toThrow(`${file} is no directory.`);
  });

  it('is its owner’s alone, with what is in it, also where an earlier version let all read that', async () => {
    const directory = join(folder(), 'new');
    const store = await DirectoryStore.open(directory);
    writeFileSync(join(directory, 'disk.0'), '', { mode: 0o644 });
    await store.open('disk.0');
    await store.open('disk.1');
    const modes = ['', 'disk.0', 'disk.1', held(directory)[0]].map(
      name => statSync(join(directory, name)).mode & 0o777,
    );
    expect(modes).toEqual([0o700, 0o600, 0o600, 0o600]);
    store.close();
    const saved = join(directory, 'web.save');
    writeFileSync(saved, 'an older one', { mode: 0o644 });
    closeSync(openForOwner(saved));
    closeSync(openForOwner(`${saved}.new`));
    expect([saved, `${saved}.new`].map(path => [statSync(path).mode & 0o777, statSync(path).size])).toEqual([
      [0o600, 0],
      [0o600, 0],
    ]);
  });

  const unshare = ['unshare', '--map-root-user', '--net', '--pid', '--fork'];
  const canUnshare = spawnSync(unshare[0], [...unshare.slice(1), 'true']).status === 0;
  if (!canUnshare && !strict)
    console.warn(
      'unshare --net is not allowed here: whether a directory is held across network namespaces is not tried.',
    );
  it.runIf(canUnshare || strict)('is one’s across network and pid namespaces', async () => {
    const directory = folder();
    const source = fileURLToPath(new URL('./directory-lock.ts', import.meta.url));
    const { code } = await transformWithOxc(readFileSync(source, 'utf8'), source);
    const program = join(folder(), 'hold.mjs');
    const work = "holdDirectory(process.argv[2]).then(() => { console.log('held'); setInterval(() => {}, 1e6); });";
    writeFileSync(program, `${code}\n${work}`);
    const child = spawn(unshare[0], [...unshare.slice(1), '--kill-child', process.execPath, program, directory]);
    await new Promise(resolve => child.stdout.once('data', resolve));
    await expect(holdDirectory(directory)).rejects.toThrow(`${directory} is held by process`);
    const ended = new Promise(resolve => child.once('close', resolve));
    child.kill('SIGKILL');
    await ended;
    (await holdDirectory(directory))();
  });
});
