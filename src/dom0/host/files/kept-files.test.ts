import { InMemoryFs } from 'just-bash/browser';
import { describe, expect, it } from 'vitest';
import { Bash } from '../../shell/bash.ts';
import { LoggingStore, PowerCut, seeded } from '../storage/logging-store.test-support.ts';
import { MemoryStore, type Store } from '../storage/index.ts';
import { KeptFiles } from './kept-files.ts';

const open = (store: Store): Promise<KeptFiles> => KeptFiles.open(store, new InMemoryFs());

describe("Domain 0's file tree", () => {
  it('is there again after the host: files, modes, times, folders, links', async () => {
    const store = new MemoryStore();
    const files = await open(store);
    await files.writeFile('/etc/xen/vm/web1', 'name = "web1"\n');
    await files.writeFile('/boot/kernel', Uint8Array.of(0, 255, 128, 13));
    await files.chmod('/boot/kernel', 0o600);
    await files.utimes('/boot/kernel', new Date(5000), new Date(7000));
    await files.symlink('../vm/web1', '/etc/xen/auto/10-web1');
    await files.mkdir('/var/log/xen/xenstored');
    await files.appendFile('/etc/xen/vm/web1', 'memory = 64\n');
    const next = await open(store);
    expect(await next.readFile('/etc/xen/auto/10-web1')).toBe('name = "web1"\nmemory = 64\n');
    expect([...(await next.readFileBuffer('/boot/kernel'))]).toEqual([0, 255, 128, 13]);
    expect(await next.stat('/boot/kernel')).toMatchObject({ mode: 0o600, mtime: new Date(7000) });
    expect((await next.lstat('/etc/xen/auto/10-web1')).isSymbolicLink).toBe(true);
    expect(await next.readdir('/var/log/xen')).toEqual(['console', 'xenstored']);
  });

  it('keeps what is moved, copied and removed, with what is below it', async () => {
    const store = new MemoryStore();
    const files = await open(store);
    for (const name of ['a', 'b', 'sub/c']) await files.writeFile(`/etc/xen/vm/${name}`, name);
    await files.cp('/etc/xen/vm', '/root/copy', { recursive: true });
    await files.mv('/etc/xen/vm/a', '/etc/xen/vm/moved');
    await files.rm('/etc/xen/vm/sub', { recursive: true });
    await files.writeFile('/tmp/scratch', 'gone with the host');
    const next = await open(store);
    expect(await next.readdir('/etc/xen/vm')).toEqual(['b', 'moved']);
    expect(await next.readFile('/root/copy/sub/c')).toBe('sub/c');
    expect(await next.readdir('/tmp')).toEqual([]);
  });

  it('writes through a link to what it names, and changes a folder of that name into a file', async () => {
    const store = new MemoryStore();
    const files = await open(store);
    await files.writeFile('/etc/xen/vm/real', 'old');
    await files.symlink('/etc/xen/vm/real', '/root/link');
    await files.writeFile('/root/link', 'new');
    await files.writeFile('/root/thing/inside', 'x');
    await files.rm('/root/thing', { recursive: true });
    await files.writeFile('/root/thing', 'a file now');
    const next = await open(store);
    expect(await next.readFile('/etc/xen/vm/real')).toBe('new');
    expect(await next.readlink('/root/link')).toBe('/etc/xen/vm/real');
    expect(await next.readFile('/root/thing')).toBe('a file now');
  });

  it('keeps a list that was written anew many times', async () => {
    const store = new MemoryStore();
    const files = await open(store);
    await files.writeFile('/root/stays', 'here');
    const big = new Uint8Array(2 ** 20);
    for (let i = 0; i < 12; i++) await files.writeFile('/boot/kernel', big.fill(i));
    const sizes = await Promise.all(['files.0', 'files.1'].map(async name => (await store.open(name)).bytes));
    expect(Math.max(...sizes)).toBeLessThan(7 * 2 ** 20);
    const next = await open(store);
    expect((await next.readFileBuffer('/boot/kernel'))[1000]).toBe(11);
    expect(await next.readFile('/root/stays')).toBe('here');
  });

  it('has a definition as before an edit or as after it, wherever the power is cut', async () => {
    const versions = ['name = "a"\n', `name = "a"\n${'# a longer one\n'.repeat(50)}`, 'memory = 8\n'];
    for (let seed = 1; seed <= 60; seed++) {
      const random = seeded(seed);
      const store = new LoggingStore();
      let files = await open(store);
      await files.writeFile('/etc/xen/vm/a', versions[0]);
      store.stepsLeft = random(8);
      let acknowledged = 0;
      try {
        for (let at = 1; at < versions.length; at++) {
          await files.writeFile('/etc/xen/vm/a', versions[at]);
          acknowledged = at;
        }
      } catch (error) {
        expect(error).toBeInstanceOf(PowerCut);
      }
      files = await open(store.afterCut(random));
      const found = versions.indexOf(await files.readFile('/etc/xen/vm/a'));
      expect([acknowledged, acknowledged + 1]).toContain(found);
    }
  });

  it('has a file as before a redirection or as after it: a shell empties it first', async () => {
    for (let seed = 1; seed <= 60; seed++) {
      const random = seeded(seed);
      const store = new LoggingStore();
      const files = await open(store);
      await files.writeFile('/root/n', '1\n');
      const bash = new Bash({
        fs: files,
        programs: [],
        sleep: async () => {},
        environment: {},
        directory: '/root',
        random: () => 0,
      });
      await bash.run(': > /root/empty');
      store.stepsLeft = 1 + random(8);
      let acknowledged = 1;
      for (const n of [2, 3]) {
        const ran = await bash.run(`echo ${n} > /root/n; echo ${n} > /root/new${n}`).catch(() => undefined);
        if (ran?.stderr !== '') break;
        acknowledged = n;
      }
      const after = await open(store.afterCut(random));
      expect([acknowledged, acknowledged + 1].map(n => `${n}\n`)).toContain(await after.readFile('/root/n'));
      for (const n of [2, 3])
        if (await after.exists(`/root/new${n}`)) expect(await after.readFile(`/root/new${n}`)).toBe(`${n}\n`);
      expect(await after.readFile('/root/empty')).toBe('');
    }
  });

  it('tells when there is no room, and keeps the change once there is', async () => {
    const store = new LoggingStore();
    const files = await open(store);
    await files.writeFile('/root/a', 'first');
    store.roomLeft = 0;
    await expect(files.writeFile('/root/a', 'x'.repeat(10_000))).rejects.toThrow('ENOSPC: no space left on device');
    store.roomLeft = Infinity;
    await files.writeFile('/root/b', 'second');
    const next = await open(store);
    expect((await next.readFile('/root/a')).length).toBe(10_000);
    expect(await next.readFile('/root/b')).toBe('second');
  });

  it('refuses what is no path of the tree: NUL bytes, links in a ring, files that are too large; .. ends at the root', async () => {
    const files = await open(new MemoryStore());
    await expect(files.writeFile('/etc/xen/vm/a\0b', 'x')).rejects.toThrow(/null byte/i);
    await files.symlink('/root/two', '/root/one');
    await files.symlink('/root/one', '/root/two');
    await expect(files.writeFile('/root/one', 'x')).rejects.toThrow(/^ELOOP/);
    await expect(files.writeFile('/boot/huge', new Uint8Array(61 * 2 ** 20))).rejects.toThrow('EFBIG');
    await files.writeFile('/../../../root/../boot/x', 'inside');
    expect(await files.readFile('/boot/x')).toBe('inside');
  });

  it('writes no file in the place of a folder, and nothing below a file', async () => {
    const files = await open(new MemoryStore());
    await files.writeFile('/root/folder/inside', 'x');
    for (const write of [() => files.writeFile('/root/folder', 'y'), () => files.appendFile('/root/folder', 'y')])
      await expect(write()).rejects.toThrow(/^EISDIR/);
    for (const path of ['/root/folder/inside/y', '/root/folder/inside/y/z'])
      await expect(files.writeFile(path, 'y')).rejects.toThrow(/^ENOTDIR/);
    await files.symlink('/root/folder', '/root/link');
    await expect(files.writeFile('/root/link', 'y')).rejects.toThrow(/^EISDIR/);
    expect(await files.readFile('/root/folder/inside')).toBe('x');
  });

  it('says so where what was kept is damaged', async () => {
    const store = new MemoryStore();
    for (const name of ['files.0', 'files.1']) (await store.open(name)).write(0, new Uint8Array(100).fill(7));
    await expect(open(store)).rejects.toThrow('The header of files.0 in memory, at byte 0, cannot be read');
  });
});
