import { InMemoryFs } from 'just-bash/browser';
import { beforeEach, describe, expect, it } from 'vitest';
import { ERRNO, type FolderAnswer, type FolderRequest } from '../../../devices/index.ts';
import { MemoryStore } from '../storage/index.ts';
import { KeptFiles } from './kept-files.ts';
import { askFolder } from './shared-folder.ts';

const NOW_MS = 7_000;
let store: MemoryStore;
let files: KeptFiles;
let ask: (request: FolderRequest, readOnly?: boolean) => Promise<FolderAnswer>;
const text = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes);
const bytes = (of: string): Uint8Array => new TextEncoder().encode(of);
const dir = (path: string[]): FolderRequest => ({ op: 'list', path });

beforeEach(async () => {
  store = new MemoryStore();
  files = await KeptFiles.open(store, new InMemoryFs());
  await files.mkdir('/srv/share/d', { recursive: true });
  await files.writeFile('/srv/share/a', 'hello');
  await files.writeFile('/srv/secret', 'secret');
  await files.symlink('/srv', '/srv/share/up');
  await files.symlink('/srv/secret', '/srv/share/out');
  ask = (request, readOnly = false) =>
    askFolder(files, { path: '/srv/share', readOnly, epochMs: () => NOW_MS }, request);
});

describe('a folder that a guest has', () => {
  it('lists, reads, writes, makes, renames and removes', async () => {
    expect((await ask(dir([]))).list?.map(({ name, facts }) => [name, facts.mode >> 12, facts.bytes])).toEqual([
      ['a', 8, 5],
      ['d', 4, 0],
      ['out', 10, expect.any(Number)],
      ['up', 10, expect.any(Number)],
    ]);
    await ask({ op: 'write', path: ['a'], at: 5, bytes: bytes(' you') });
    await ask({ op: 'write', path: ['a'], at: 0, bytes: bytes('J') });
    expect(text((await ask({ op: 'read', path: ['a'], at: 1, count: 6 })).bytes)).toBe('ello y');
    await ask({ op: 'create', path: ['d', 'f'], mode: 0o600, isNew: true });
    await ask({ op: 'write', path: ['d', 'f'], at: 3, bytes: bytes('x') });
    expect(await files.readFile('/srv/share/d/f', 'binary')).toBe('\0\0\0x');
    expect((await ask({ op: 'facts', path: ['d', 'f'] })).facts).toMatchObject({ mode: 0o100600, bytes: 4 });
    await ask({ op: 'change', path: ['d', 'f'], mode: 0o640, bytes: 1, mtimeMs: 5000 });
    expect((await ask({ op: 'facts', path: ['d', 'f'] })).facts).toMatchObject({
      mode: 0o100640,
      bytes: 1,
      mtimeMs: 5000,
    });
    // touch(1) of a file that is there.
    await ask({ op: 'change', path: ['d', 'f'], mtimeMs: 'now' });
    expect((await ask({ op: 'facts', path: ['d', 'f'] })).facts?.mtimeMs).toBe(NOW_MS);
    expect(await ask({ op: 'rename', path: ['d', 'f'], to: ['a'] })).toEqual({});
    expect([await files.exists('/srv/share/d/f'), (await files.stat('/srv/share/a')).size]).toEqual([false, 1]);
    expect(await ask({ op: 'rename', path: ['d'], to: ['e'] })).toEqual({});
    expect(await ask({ op: 'remove', path: ['e'], isFolder: true })).toEqual({});
    expect(await ask({ op: 'remove', path: ['out'], isFolder: false })).toEqual({});
    expect([await files.exists('/srv/share/e'), await files.readFile('/srv/secret')]).toEqual([false, 'secret']);
  });

  it('is left by no link, on the way or at its end, and by none that comes meanwhile', async () => {
    const { ELOOP, ENOTDIR } = ERRNO;
    for (const [request, errno] of [
      [{ op: 'read', path: ['out'], at: 0, count: 9 }, ELOOP],
      [{ op: 'write', path: ['out'], at: 0, bytes: bytes('x') }, ELOOP],
      [{ op: 'empty', path: ['out'] }, ELOOP],
      [{ op: 'create', path: ['out'], mode: 0, isNew: false }, ELOOP],
      [{ op: 'change', path: ['up', 'secret'], bytes: 0 }, ENOTDIR],
      [{ op: 'facts', path: ['up', 'secret'] }, ENOTDIR],
      [{ op: 'list', path: ['up'] }, ENOTDIR],
      [{ op: 'create', path: ['up', 'x'], mode: 0, isNew: true }, ENOTDIR],
      [{ op: 'rename', path: ['a'], to: ['up', 'a'] }, ENOTDIR],
      [{ op: 'remove', path: ['up', 'secret'] }, ENOTDIR],
    ] as [FolderRequest, number][])
      expect([request.op, await ask(request)]).toEqual([request.op, { errno }]);
    expect(await ask({ op: 'change', path: ['out'], bytes: 0 })).toEqual({});
    expect((await ask({ op: 'walk', path: [], names: ['up', 'secret'] })).all?.length).toBe(1);
    // Another guest of the folder changes it while this one's request is under way.
    const [read] = await Promise.all([
      ask({ op: 'list', path: ['d'] }),
      ask({ op: 'remove', path: ['d'] }),
      ask({ op: 'link', path: ['d'], target: '/srv' }),
    ]);
    expect([read!.list, await ask({ op: 'list', path: ['d'] })]).toEqual([[], { errno: ENOTDIR }]);
    expect([await files.readFile('/srv/secret'), await files.readdir('/srv')]).toEqual(['secret', ['secret', 'share']]);
  });

  it('is no other one for a link that a guest of the folder above puts in its place', async () => {
    const inner = (request: FolderRequest): Promise<FolderAnswer> =>
      askFolder(files, { path: '/srv/share/d/', readOnly: true, epochMs: () => NOW_MS }, request);
    expect((await inner(dir([]))).list).toEqual([]);
    await ask({ op: 'remove', path: ['d'] });
    await ask({ op: 'link', path: ['d'], target: '/srv' });
    expect(await inner(dir([]))).toEqual({ errno: ERRNO.ENOTDIR });
    expect(await inner({ op: 'read', path: ['secret'], at: 0, count: 9 })).toEqual({ errno: ERRNO.ENOTDIR });
  });

  it('answers with Linux’s errors, changes nothing where it is read-only, and holds no file of any size', async () => {
    const { EEXIST, EISDIR, ENOENT, ENOTDIR, ENOTEMPTY, EROFS, EFBIG } = ERRNO;
    await files.writeFile('/srv/share/d/f', 'x');
    for (const [request, errno] of [
      [{ op: 'facts', path: ['none'] }, ENOENT],
      [{ op: 'create', path: ['a'], mode: 0, isNew: true }, EEXIST],
      [{ op: 'folder', path: ['d'], mode: 0 }, EEXIST],
      [{ op: 'folder', path: ['none', 'x'], mode: 0 }, ENOENT],
      [{ op: 'read', path: ['d'], at: 0, count: 1 }, EISDIR],
      [{ op: 'list', path: ['a'] }, ENOTDIR],
      [{ op: 'remove', path: ['d'], isFolder: true }, ENOTEMPTY],
      [{ op: 'remove', path: ['a'], isFolder: true }, ENOTDIR],
      [{ op: 'remove', path: ['d'], isFolder: false }, EISDIR],
      [{ op: 'rename', path: ['a'], to: ['d'] }, EISDIR],
      [{ op: 'write', path: ['a'], at: 2 ** 50, bytes: bytes('x') }, EFBIG],
      [{ op: 'change', path: ['a'], bytes: 2 ** 40 }, EFBIG],
    ] as [FolderRequest, number][])
      expect([request, await ask(request)]).toEqual([request, { errno }]);
    expect(await ask({ op: 'write', path: ['a'], at: 0, bytes: bytes('x') }, true)).toEqual({ errno: EROFS });
    expect(await ask({ op: 'remove', path: ['a'] }, true)).toEqual({ errno: EROFS });
    expect(text((await ask({ op: 'read', path: ['a'], at: 0, count: 9 }, true)).bytes)).toBe('hello');
  });

  it('gets no time that is none: a tree that has one cannot be read back', async () => {
    expect(await ask({ op: 'change', path: ['a'], mtimeMs: 2 ** 64 })).toEqual({ errno: ERRNO.EINVAL });
    files.close();
    const again = await KeptFiles.open(store, new InMemoryFs());
    expect(await again.readFile('/srv/share/a')).toBe('hello');
  });

  it('takes what is asked again for done', async () => {
    for (const request of [
      { op: 'folder', path: ['n'], mode: 0o700 },
      { op: 'create', path: ['n', 'f'], mode: 0o600, isNew: true },
      { op: 'rename', path: ['n', 'f'], to: ['g'] },
      { op: 'remove', path: ['g'] },
    ] as FolderRequest[]) {
      expect((await ask(request)).errno).toBeUndefined();
      expect((await ask({ ...request, again: true })).errno).toBeUndefined();
      if (request.op !== 'rename' && request.op !== 'remove') expect((await ask(request)).errno).toBe(ERRNO.EEXIST);
    }
  });
});
