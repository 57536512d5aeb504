import { InMemoryFs } from 'just-bash/browser';
import { describe, expect, it } from 'vitest';
import { MemoryStore } from '../storage/index.ts';
import { install, type ShippedGuest } from './installation.ts';
import { KeptFiles } from './kept-files.ts';

const bytes = (text: string) => async () => new TextEncoder().encode(text);
const own: ShippedGuest = {
  id: 'own',
  files: [
    { name: 'own-pv.cfg', read: bytes('kernel = "own.elf"\n') },
    { name: 'own.elf', read: bytes('ELF') },
  ],
};

describe('what an installation leaves', () => {
  it('is a definition that names its kernel where it is, once: what was deleted or changed stays so', async () => {
    const store = new MemoryStore();
    const files = await KeptFiles.open(store, new InMemoryFs());
    await install(files, [own]);
    expect(await files.readFile('/etc/xen/vm/own-pv')).toBe('kernel = "/boot/own"\n');
    await files.rm('/etc/xen/vm/own-pv');
    await files.writeFile('/boot/own', 'mine');
    files.close();
    const next = await KeptFiles.open(store, new InMemoryFs());
    await install(next, [own]);
    expect(await next.exists('/etc/xen/vm/own-pv')).toBe(false);
    expect(await next.readFile('/boot/own')).toBe('mine');
  });

  it('of a fetched guest is its definition alone; its kernel is read when somebody needs it', async () => {
    const store = new MemoryStore();
    let reads = 0;
    const fetched: ShippedGuest = {
      id: 'big',
      fetched: true,
      files: [
        { name: 'big.cfg', read: bytes('kernel = "vmlinuz"') },
        { name: 'vmlinuz', read: async () => (reads++, new Uint8Array(3)) },
      ],
    };
    const files = await KeptFiles.open(store, new InMemoryFs());
    await install(files, [fetched]);
    expect(await files.readFile('/etc/xen/vm/big')).toBe('kernel = "/srv/guests/big/vmlinuz"');
    await files.chmod('/srv', 0o700);
    expect(reads).toBe(0);
    expect((await files.readFileBuffer('/srv/guests/big/vmlinuz')).length).toBe(3);
    expect(reads).toBe(1);
    files.close();
    const next = await KeptFiles.open(store, new InMemoryFs());
    expect(await next.exists('/etc/xen/vm/big')).toBe(true);
    expect(await next.exists('/srv/guests/big/vmlinuz')).toBe(false);
  });

  it('leaves out what cannot be read, until it can', async () => {
    const files = await KeptFiles.open(new MemoryStore(), new InMemoryFs());
    const broken = {
      ...own,
      files: [own.files[0]!, { name: 'own.elf', read: () => Promise.reject(new Error('the server answered 503')) }],
    };
    await install(files, [broken]);
    expect([await files.exists('/etc/xen/vm/own-pv'), await files.exists('/boot/own')]).toEqual([true, false]);
    await install(files, [own]);
    expect(await files.readFile('/boot/own')).toBe('ELF');
  });
});
