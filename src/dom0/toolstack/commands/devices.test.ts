/** Disks and cards that come to a running guest and go: what its front end finds, what the lists say, and refusals in xl's words. */
import { describe, expect, it } from 'vitest';
import { print, pvhKernel, shutdown, waitForKey } from '../../../hypervisor/interfaces/xen/pvh-kernel.test-support.ts';
import { later, testFiles, testHost, until } from '../../service/host.test-support.ts';
import { COMMANDS, runXl } from './index.ts';

async function make(more = '') {
  const files = await testFiles();
  await files.writeFile('/boot/k', pvhKernel([...print('up..'), ...waitForKey(), ...shutdown(1)]));
  await files.writeFile('/root/x.cfg', `name = "x"\ntype = "pvh"\nmemory = 8\nkernel = "/boot/k"\n${more}`);
  await files.writeFile('/root/d.img', new Uint8Array(64 * 512).fill(7));
  // What waits for a front end does not wait long.
  const host = testHost({
    files,
    readsWhole: true,
    later: (ms, callback) => later(ms / 20, callback),
  });
  const xl = (line: string): Promise<string> =>
    runXl(COMMANDS, {
      host,
      words: line.split(' ').filter(Boolean),
      read: async path => new Blob([(await files.readFileBuffer(path)) as BlobPart]),
      write: async () => {},
    }).catch((error: Error & { status?: number }) => `${error.status ?? 1}: ${error.message}`);
  expect(await xl('create /root/x.cfg')).toBe('Parsing config from /root/x.cfg\n');
  const { client } = host.toolstack.services;
  return { host, files, xl, client, store: (path: string) => client.read(path) };
}
const VBD = '/local/domain/0/backend/vbd/1/51728',
  DISK = '/local/domain/1/device/vbd/51728';

describe('disks', () => {
  it('come, are listed, and go once the front end has let go', async () => {
    const { host, xl, client, store } = await make();
    expect(await xl('block-list x')).toBe('Vdev  BE  handle state evt-ch ring-ref BE-path                       \n');
    expect(await xl('block-attach x /root/d.img,raw,xvdb,w')).toBe('');
    expect([store(`${DISK}/backend`), store(`${VBD}/mode`), store(`${VBD}/params`)]).toEqual([VBD, 'w', 'aio:d.img']);
    expect((await xl('block-list x')).split('\n')[1]).toBe(`51728 0   1      2     -1     -1       ${VBD}`);
    expect(await xl('block-attach x /root/d.img raw xvdb w')).toBe(
      '1: The guest has a disk xvdb already.\nlibxl_device_disk_add failed.',
    );
    // It is there after a restart, and part of what is listed.
    expect(JSON.parse(await xl('list -l x'))[0].config.disks).toMatchObject([
      { vdev: 'xvdb', pdev_path: '/root/d.img', readwrite: 1 },
    ]);
    const gone = xl('block-detach x xvdb');
    await until(() => store(`${VBD}/state`) === '5' && store(`${VBD}/online`) === '0');
    client.write(`${DISK}/state`, '6');
    expect(await gone).toBe('');
    expect([store(DISK), store(VBD), (await xl('block-list x')).split('\n')[1]]).toEqual([undefined, undefined, '']);
    expect(host.domains.living(1).blueprint.drives).toEqual([]);
  });

  it('stay where the guest holds on to them, unless they are taken by force', async () => {
    const { xl, store } = await make();
    await xl('block-attach x /root/d.img,raw,xvdb,r');
    expect(await xl('block-detach x 51728')).toBe(
      '1: The guest has not let go of its disk xvdb within 10 s: unmount it there, or take it away by force (-f).\nlibxl_device_disk_remove failed.',
    );
    expect([await xl('block-detach --force x xvdb'), store(VBD)]).toEqual(['', undefined]);
  });

  it('are there again when the guest has restarted', async () => {
    const { host, xl, store } = await make();
    await xl('block-attach x /root/d.img,raw,xvdb,w');
    await host.trigger(1, 'reset');
    expect([store('/local/domain/2/device/vbd/51728/backend'), host.domains.all().map(({ id }) => id)]).toEqual([
      '/local/domain/0/backend/vbd/2/51728',
      [2],
    ]);
  });

  it('are refused with what is wrong', async () => {
    const { xl, files } = await make();
    await files.writeFile('/root/empty.img', new Uint8Array(0));
    expect(await xl('block-attach x /root/none.img,raw,xvdb,w')).toBe(
      '1: /root/none.img: No such file or directory\nlibxl_device_disk_add failed.',
    );
    expect(await xl('block-attach x /root/empty.img,raw,xvdb,w')).toMatch(
      /^1: empty\.img .*\nlibxl_device_disk_add failed\.$/,
    );
    expect(await xl('block-attach x /root/d.img,raw,xvdb,q')).toMatch(/^1: Unable to parse disk: /);
    expect(await xl('block-attach x')).toBe("2: 'xl block-attach' requires at least 2 arguments.");
    expect([await xl('block-detach x xvdz'), await xl('block-list y')]).toEqual([
      '1: Error: Device xvdz not connected.',
      '1: y is an invalid domain identifier (rc=-6)',
    ]);
  });
});

describe('network cards', () => {
  it('wait for what is under way, and neither come nor go where that took the guest away', async () => {
    const { host, xl } = await make("vif = ['mac=00:16:3e:00:00:01']\n");
    let taken = (): void => {};
    const job = host.toolstack.jobs.run('x', 'Save', () => new Promise<void>(resolve => (taken = resolve)));
    const { blueprint } = host.domains.living(1);
    const asked = [xl('network-attach x mac=00:16:3e:00:00:09'), xl('network-detach x 0')];
    let settled = 0;
    for (const each of asked) void each.then(() => settled++);
    for (let turns = 0; turns < 100; turns++) await new Promise(resolve => setImmediate(resolve));
    expect([settled, host.domains.living(1).blueprint === blueprint]).toEqual([0, true]);
    await xl('destroy x');
    taken();
    await job;
    for (const each of asked) expect(await each).toMatch(/^1: .*domain is not running/s);
  });

  it('may be several from the start, each with a port and an address of its own', async () => {
    const { host, xl, store } = await make("vif = ['mac=00:16:3e:00:00:01', 'rate=10Mb/s', 'mac=00:16:3e:00:00:03']\n");
    const cards = await host['network-list'](1);
    expect(cards.map(({ devid }) => devid)).toEqual([0, 1, 2]);
    expect([cards[0]!.mac, cards[2]!.mac]).toEqual(['00:16:3e:00:00:01', '00:16:3e:00:00:03']);
    expect(cards[1]!.mac).toMatch(/^00:16:3e:[0-7]/);
    expect(store('/local/domain/1/device/vif/1/mac')).toBe(cards[1]!.mac);
    expect(host.toolstack.services.network.bridge.list().map(({ name }) => name)).toEqual([
      'eth0',
      'vif1.0',
      'vif1.1',
      'vif1.2',
    ]);
    expect((await xl('network-list x')).split('\n')).toHaveLength(5);
    // A restart keeps the address that was drawn.
    await host.trigger(1, 'reset');
    expect((await host['network-list'](2)).map(({ mac }) => mac)).toEqual(cards.map(({ mac }) => mac));
    expect(JSON.parse(await xl('list -l x'))[0].config.nics.map(({ mac }: { mac: string }) => mac)).toEqual(
      cards.map(({ mac }) => mac),
    );
  });

  it('come and go while the guest runs', async () => {
    const { host, xl, client, store } = await make();
    expect([await xl('network-attach x mac=00:16:3e:00:00:09 rate=1MB/s'), await xl('network-attach x')]).toEqual([
      '',
      '',
    ]);
    expect((await host['network-list'](1)).map(({ devid }) => devid)).toEqual([0, 1]);
    expect(store('/local/domain/1/device/vif/0/mac')).toBe('00:16:3e:00:00:09');
    expect(await xl('network-attach x mac=00:16:3e:00:00:09')).toBe(
      '1: x has the station address 00:16:3e:00:00:09 already.\nlibxl_device_nic_add failed.',
    );
    expect(await xl('network-attach x brigde=xenbr0')).toBe(
      '1: brigde is no option of a network card. Did you mean bridge?\nlibxl_device_nic_add failed.',
    );
    const gone = xl('network-detach x 00:16:3e:00:00:09');
    await until(() => store('/local/domain/0/backend/vif/1/0/state') === '5');
    client.write('/local/domain/1/device/vif/0/state', '6');
    expect(await gone).toBe('');
    expect([
      host.toolstack.services.network.bridge.list().map(({ name }) => name),
      await xl('network-detach x 0'),
    ]).toEqual([['eth0', 'vif1.1'], '1: Unknown device 0.']);
    await host.trigger(1, 'reset');
    expect((await host['network-list'](2)).map(({ devid }) => devid)).toEqual([0]);
  });
});
