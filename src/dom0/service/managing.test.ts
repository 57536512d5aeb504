/** What the page asks and changes of networks. */
import { describe, expect, it } from 'vitest';
import { stillHost, testFiles } from './host.test-support.ts';

const CARD = 'name = "a"\ntype = "hvm"\nmemory = 8\nkernel = "/k"\nvif = [ "mac=00:16:3e:00:00:01" ]\n';
const INNER = { name: 'inner', mode: 'nat' as const, address: '192.168.100.1/24' };
const RANGE = { start: '192.168.100.100', end: '192.168.100.120' };

async function make() {
  const host = stillHost({ files: await testFiles() });
  await host.new('a.cfg', CARD);
  return host;
}

describe('networks of the page', () => {
  it('are made, started, changed from the next start on, stopped and forgotten', async () => {
    const host = await make();
    const inner = async () => (await host.consult('networks')).find(({ name }) => name === 'inner');
    await host.manage('defineNetwork', { ...INNER, range: RANGE });
    await host.manage('startNetwork', 'inner');
    await host.manage('autostartNetwork', 'inner', true);
    expect(await inner()).toEqual({
      ...INNER,
      bridge: 'virbr1',
      range: RANGE,
      isActive: true,
      isPersistent: true,
      isAutomatic: true,
      isOwn: false,
      users: [],
      leases: [],
    });
    const before = await host.consult('networkXml', INNER);
    await host.manage('defineNetwork', { ...INNER, mode: 'isolated', address: '192.168.101.1/24' });
    expect(await inner()).toMatchObject({ mode: 'nat', address: INNER.address, range: RANGE });
    await host.manage('stopNetwork', 'inner');
    expect(await inner()).toMatchObject({ mode: 'isolated', address: '192.168.101.1/24', isActive: false });
    // What the form does not speak of has stayed.
    const [uuid, mac] = [/<uuid>.*<\/uuid>/, /<mac .*>/].map(part => part.exec(before)![0]);
    const after = await host.consult('networkXml', INNER);
    expect([after.includes(uuid!), after.includes(mac!)]).toEqual([true, true]);
    await host.manage('undefineNetwork', 'inner');
    expect(await inner()).toBeUndefined();
  });

  it('are refused in libvirt’s words before anything is made', async () => {
    const host = await make();
    for (const [wish, why] of [
      [{ ...INNER, address: '' }, 'nat forwarding requested, but no IP address provided'],
      [{ ...INNER, address: '192.168.100/24' }, "Invalid address '192.168.100/24'"],
      [{ ...INNER, range: { start: '192.168.9.1', end: '192.168.9.9' } }, 'is not entirely within network'],
      [{ ...INNER, name: 'a/b' }, "cannot contain '/'"],
    ] as const) {
      await expect(host.consult('networkXml', wish)).rejects.toThrow(why);
      await expect(host.manage('defineNetwork', wish)).rejects.toThrow(why);
    }
    expect((await host.consult('networks')).map(({ name }) => name)).toEqual(['xenbr0', 'default']);
  });

  it('have the cards that a definition puts there', async () => {
    const host = await make();
    const users = async () =>
      Object.fromEntries(
        (await host.consult('networks')).map(({ name, users }) => [name, users.map(user => user.name)]),
      );
    await host.manage('defineNetwork', INNER);
    expect(await users()).toEqual({ default: [], xenbr0: ['a'], inner: [] });
    const card = (network: { network?: string; bridge?: string }) =>
      ({
        of: 'card',
        how: 'update',
        place: 0,
        card: { model: 'netfront', mac: '00:16:3e:00:00:01', ...network },
      }) as const;
    await host.manage('hardware', 'a', card({ network: 'inner' }), 'next');
    expect(await users()).toEqual({ default: [], xenbr0: [], inner: ['a'] });
    await host.manage('hardware', 'a', card({ bridge: 'virbr1' }), 'next');
    expect(await users()).toEqual({ default: [], xenbr0: [], inner: ['a'] });
    await host.manage('hardware', 'a', card({ bridge: 'xenbr0' }), 'next');
    expect(await users()).toEqual({ default: [], xenbr0: ['a'], inner: [] });
    expect((await host.managed!.find('a'))!.text).not.toContain('bridge');
  });

  it('that start with the host are there for the first card on one', async () => {
    const files = await testFiles();
    const host = stillHost({ files });
    await host.manage('defineNetwork', { ...INNER, range: RANGE });
    await host.manage('autostartNetwork', 'inner', true);
    const text = CARD.replace('mac=00:16:3e:00:00:01', 'network=inner');
    const placesIn = async (its: typeof host) =>
      (await its.files.plan([{ name: 'a.cfg', data: new Blob([text]) }])).errors.filter(({ place }) => place);
    expect(await placesIn(host)).toHaveLength(1);
    expect(await placesIn(stillHost({ files }))).toEqual([]);
  });
});
