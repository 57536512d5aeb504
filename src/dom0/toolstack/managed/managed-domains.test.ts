/** Domains that are defined: listed, edited, deleted, and there again after the host's restart. */
import { describe, expect, it } from 'vitest';
import { testFiles } from '../../service/host.test-support.ts';
import { MemoryStore } from '../../host/storage/index.ts';
import { IDENTITIES_FILE } from './identities.ts';
import type { Definition } from '../../definitions/config/index.ts';
import { ManagedDomains } from './managed-domains.ts';

const UUID = '6b1e0f0a-44c1-4a4f-8c2d-1f0f5c9d7e11';
const open = async (store = new MemoryStore()) => {
  const files = await testFiles(store);
  return {
    files,
    store,
    managed: new ManagedDomains(files, { uuid: () => UUID, mac: () => '00:16:3e:00:00:01', say: () => {} }),
  };
};
/** Each that is drawn is another. */
const drawing = async (store: MemoryStore, first: number) => {
  const files = await testFiles(store);
  let next = first;
  const said: string[] = [];
  const managed = new ManagedDomains(files, {
    say: sentence => void said.push(sentence),
    uuid: () => `6b1e0f0a-44c1-4a4f-8c2d-1f0f5c9d7e${(next++).toString(16).padStart(2, '0')}`,
    mac: taken => {
      for (;;) {
        const mac = `00:16:3e:00:00:${(next++).toString(16).padStart(2, '0')}`;
        if (!taken.has(mac)) return mac;
      }
    },
  });
  return { files, managed, said };
};
const web = 'name = "web"\ntype = "pvh"\nkernel = "/boot/k"\nmemory = 8\n';

describe('managed domains', () => {
  it('are what stands in /etc/xen/vm, with a UUID, and are there after a restart of the host', async () => {
    const { store, managed } = await open();
    expect(await managed.list()).toEqual([]);
    expect(await managed.define('/root/web.cfg', web)).toMatchObject({
      name: 'web',
      path: '/etc/xen/vm/web',
      errors: [],
      definition: { uuid: UUID, memoryMiB: 8 },
    });
    const { files, managed: again } = await open(store);
    expect((await again.list()).map(({ name }) => name)).toEqual(['web']);
    expect(await again.find(UUID)).toMatchObject({ name: 'web' });
    // Whoever edits the file edits the domain.
    await files.writeFile(
      '/etc/xen/vm/web',
      (await files.readFile('/etc/xen/vm/web')).replace('memory = 8', 'memory = 16'),
    );
    expect((await again.find('web'))?.definition.memoryMiB).toBe(16);
    await again.remove((await again.find('web'))!);
    expect(await (await open(store)).managed.list()).toEqual([]);
  });

  it('are judged again when their files change, and not at each look', async () => {
    const { files, managed } = await open();
    await managed.define('/root/web.cfg', web);
    const first = await managed.find('web');
    expect(await managed.find('web')).toBe(first);
    // As long, and within the same millisecond.
    await files.writeFile(
      '/etc/xen/vm/web',
      (await files.readFile('/etc/xen/vm/web')).replace('memory = 8', 'memory = 9'),
    );
    expect((await managed.find('web'))?.definition.memoryMiB).toBe(9);
  });

  it('in a language that xl does not read keep their text where it has a UUID, and become xl.cfg where it has none', async () => {
    const { files, managed } = await open();
    const sxp = '(domain (name a) (memory 8) (image (linux (kernel /boot/k))))';
    await managed.define('/root/a.sxp', sxp);
    expect(await files.readFile('/etc/xen/vm/a')).toBe(
      `name = "a"\ntype = "pv"\nuuid = "${UUID}"\nmemory = 8\nkernel = "/boot/k"\n`,
    );
    const xml =
      "<domain type='xen'><name>b</name><uuid>1f4d3b52-6a0c-4e0b-9e55-0c2c9d8f3a21</uuid><memory>8192</memory><os><type>linux</type><kernel>/boot/k</kernel></os></domain>";
    await managed.define('/root/b.xml', xml);
    expect(await files.readFile('/etc/xen/vm/b')).toBe(xml);
    expect((await managed.list()).map(({ name, definition }) => [name, definition.memoryMiB])).toEqual([
      ['a', 8],
      ['b', 8],
    ]);
  });

  it('whose files have no UUID or station address have them drawn once, and keep them when the file is edited and the host starts again', async () => {
    const store = new MemoryStore();
    const { files, managed } = await drawing(store, 1);
    const cards = `${web}vif = ["", "mac=00:16:3e:00:00:44", ""]\n`;
    await files.writeFile('/etc/xen/vm/web', cards);
    const identity = ({ definition: { uuid, cards } }: { definition: Definition }) => [
      uuid,
      ...cards.map(card => card.mac),
    ];
    const drawn = identity((await managed.find('web'))!);
    expect(drawn.every(each => each !== undefined)).toBe(true);
    expect(new Set(drawn).size).toBe(4);
    expect(drawn[2]).toBe('00:16:3e:00:00:44');
    await files.writeFile('/etc/xen/vm/web', cards.replace('memory = 8', 'memory = 9'));
    await managed.rename((await managed.find('web'))!, 'shop', target => target);
    const again = await drawing(store, 100);
    expect(identity((await again.managed.find('shop'))!)).toEqual(drawn);
    // Nothing of it is in the file.
    expect(await files.readFile('/etc/xen/vm/web')).not.toContain('uuid');
    // A definition that a client knows by its UUID comes in its place, and so does one without.
    const known = `${cards.replace('"web"', '"shop"')}uuid = "${drawn[0]}"\n`;
    expect((await again.managed.define('(text)', known)).path).toBe('/etc/xen/vm/web');
    expect(identity((await again.managed.find(drawn[0]!))!)).toEqual(drawn);
    // One that is gone leaves nothing to the next with its name.
    await again.managed.remove((await again.managed.find('shop'))!);
    await again.managed.list();
    expect(await again.files.readFile(IDENTITIES_FILE)).toBe('{}\n');
  });

  it('keep of damaged identities what can be read, and say where the rest is', async () => {
    const store = new MemoryStore();
    const { files, managed, said } = await drawing(store, 1);
    for (const name of ['web', 'db']) await files.writeFile(`/etc/xen/vm/${name}`, web.replace('"web"', `"${name}"`));
    const uuids = async (of: ManagedDomains) => (await of.list()).map(({ definition }) => definition.uuid);
    const [db, first] = await uuids(managed);
    expect(said).toEqual([]);
    const text = await files.readFile(IDENTITIES_FILE);
    const damaged = text.replace(first!, 'no uuid');
    expect(damaged).not.toBe(text);
    await files.writeFile(IDENTITIES_FILE, damaged);
    const again = await drawing(store, 100);
    const [sameDb, other] = await uuids(again.managed);
    expect([sameDb, other === first]).toEqual([db, false]);
    expect(again.said).toEqual([expect.stringMatching(/^\/var\/lib\/ringside\/identities\.json is damaged: /)]);
    expect(await again.files.readFile(`${IDENTITIES_FILE}.damaged`)).toBe(damaged);
    const third = await drawing(store, 200);
    expect([await uuids(third.managed), third.said]).toEqual([[db, other], []]);
    await third.files.writeFile(IDENTITIES_FILE, '{"/etc/xen/vm/web": {');
    const last = await drawing(store, 300);
    expect(await uuids(last.managed)).not.toContain(db);
    expect(last.said).toHaveLength(1);
  });

  it('are refused with all that is wrong, with a name or a UUID that another has, and change nothing then', async () => {
    const { files, managed } = await open();
    await expect(managed.define('/root/bad', 'name = "bad"\nmemory = "8x"\non_crash = "x"\n')).rejects.toThrow(
      /\/root\/bad:2:10: memory .*\n\/root\/bad:3:12: on_crash/,
    );
    await expect(managed.define('/root/dots', 'name = ".."\ntype = "pvh"\nkernel = "k"\n')).rejects.toThrow(
      'cannot be called ..',
    );
    await managed.define('/root/web.cfg', web);
    await expect(managed.define('/root/other.cfg', web)).rejects.toThrow("VM name 'web' already exists");
    await expect(managed.define('/root/twin.cfg', `${web}uuid = "${UUID}"\nname = "twin"\n`)).rejects.toThrow(
      `Domain 'web' has the UUID ${UUID} already`,
    );
    expect(await files.readdir('/etc/xen/vm')).toEqual(['web']);
    // The same UUID is the same domain, and so is the file itself.
    await managed.define('/root/web2.cfg', `${web}memory = 32\nuuid = "${UUID}"\n`);
    await managed.define('/etc/xen/vm/web', `${web}memory = 64\n`);
    expect((await managed.list()).map(({ name, definition }) => [name, definition.memoryMiB])).toEqual([['web', 64]]);
  });

  it('with errors in an edited file are listed with them; what is no definition is not listed', async () => {
    const { files, managed } = await open();
    await files.writeFile('/etc/xen/vm/b', 'name = "b"\nmemory = "much"\n');
    await files.writeFile('/etc/xen/vm/notes', 'remember the milk\n');
    await files.writeFile('/etc/xen/vm/long', 'x'.repeat(300_000));
    await files.mkdir('/etc/xen/vm/folder');
    expect((await managed.list()).map(({ name, errors }) => [name, errors.length > 0])).toEqual([['b', true]]);
  });

  it('start with the host where /etc/xen/auto says so, in the order of the names there', async () => {
    const { files, store, managed } = await open();
    for (const name of ['zeta', 'alpha'])
      await managed.define(
        `/root/${name}`,
        web
          .replace('web', name)
          .replace('memory', `uuid = "${UUID.replace(/^./, name === 'zeta' ? '1' : '2')}"\nmemory`),
      );
    await managed.setAutomatic((await managed.find('zeta'))!, true);
    await files.symlink('../vm/alpha', '/etc/xen/auto/90-alpha');
    const { managed: again } = await open(store);
    expect(await again.automaticPaths()).toEqual(['/etc/xen/auto/90-alpha', '/etc/xen/auto/zeta']);
    expect(await again.isAutomatic((await again.find('alpha'))!)).toBe(true);
    await again.remove((await again.find('alpha'))!);
    await again.setAutomatic((await again.find('zeta'))!, false);
    expect(await again.automaticPaths()).toEqual([]);
  });
});
