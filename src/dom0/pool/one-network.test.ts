import { describe, expect, it } from 'vitest';
import type { ByteChannel } from '../host/nbd/index.ts';
import type { Network } from '../host/network/index.ts';
import { stillHost, until } from '../service/host.test-support.ts';
import { joinNetworks } from './one-network.ts';
import type { Pool } from './pool.ts';
import { poolLater as later, poolMs as hostMs } from './pool-clock.test-support.ts';
import { enter, TestRoom } from './rooms.test-support.ts';

const EVERYBODY = new Array<number>(6).fill(0xff);
const frame = (to: readonly number[], from: readonly number[], length = 60): Uint8Array =>
  Uint8Array.from([...to, ...from, 0x88, 0xb5, ...new Array<number>(length - 14).fill(7)]);
const mac = (host: number, n: number): number[] => [0, 0x16, 0x3e, 0, host, n];

interface TestHost {
  pool: Pool;
  network: Network;
  said: string[];
  /** Frames that came to a station here. */
  got: Uint8Array[];
  send(bytes: Uint8Array): void;
  /** Its guest is paused. */
  isStill: boolean;
}

async function host(room: TestRoom, name: string): Promise<TestHost> {
  const { network } = stillHost({ memory: new SharedArrayBuffer(32 * 2 ** 20) }).toolstack.services;
  const pool = await enter(room.enter(), name, { later, hostMs });
  const guest = { isStill: false };
  joinNetworks({
    pool,
    network,
    later,
    say: sentence => pool.said.push(sentence),
    isStill: () => guest.isStill,
  });
  const got: Uint8Array[] = [];
  const port = network.bridge.addPort('vif1.0', { deliver: ({ bytes }) => void got.push(bytes) });
  return Object.assign(guest, {
    pool,
    network,
    said: pool.said,
    got,
    send: (bytes: Uint8Array) => port.input({ bytes }),
  });
}

const ports = ({ network }: TestHost): string[] => network.bridge.list().map(({ name }) => name);

async function three(): Promise<[TestHost, TestHost, TestHost]> {
  const room = new TestRoom();
  const hosts: [TestHost, TestHost, TestHost] = [
    await host(room, 'charlie'),
    await host(room, 'alfa'),
    await host(room, 'bravo'),
  ];
  await until(() => hosts.every(each => ports(each).filter(name => name.startsWith('vx-')).length === 2));
  return hosts;
}

describe('the network of a pool', () => {
  it('brings each frame to each other host once, and then to where its station is', async () => {
    const [one, two, three3] = await three();
    one.send(frame(EVERYBODY, mac(1, 1)));
    await until(() => two.got.length === 1 && three3.got.length === 1);
    two.send(frame(mac(1, 1), mac(2, 1)));
    await until(() => one.got.length === 1);
    one.send(frame(mac(2, 1), mac(1, 1), 1514));
    await until(() => two.got.length === 2);
    expect(two.got[1]).toEqual(frame(mac(2, 1), mac(1, 1), 1514));
    // Nothing came back, and nothing to who had no part in it.
    await new Promise(resolve => setTimeout(resolve, 20));
    expect([one, two, three3].map(({ got }) => got.length)).toEqual([1, 2, 1]);
    const stations = one.network.bridge.stations();
    const at = one.network.bridge.list().find(({ number }) => number === stations.at(-1)!.port)!;
    expect([stations.at(-1)!.mac, at.name]).toEqual(['00:16:3e:00:02:01', 'vx-alfa']);
    for (const { pool } of [one, two, three3]) pool.leave();
  });

  it('has one gateway, which is that of the host that is there longest', async () => {
    const [one, two, three3] = await three();
    expect([one, two, three3].map(each => ports(each).includes('eth0'))).toEqual([true, false, false]);
    one.pool.leave();
    await until(() => ports(two).includes('eth0'));
    expect([one, two, three3].map(each => ports(each).includes('eth0'))).toEqual([true, true, false]);
    expect(ports(two)).not.toContain('vx-charlie');
    two.pool.leave();
    three3.pool.leave();
    await until(() => ports(three3).join() === 'vif1.0,eth0');
  });

  it('follows a station that a RARP announces elsewhere', async () => {
    const [one, two, three3] = await three();
    two.send(frame(EVERYBODY, mac(9, 9)));
    // The host that will announce it must have heard it elsewhere first: a frame that comes after counts as newer.
    await until(() => one.got.length === 1 && three3.got.length === 1);
    // QEMU announces a guest so where it goes on (RFC 903).
    const rarp = frame(EVERYBODY, mac(9, 9));
    rarp.set([0x80, 0x35], 12);
    three3.send(rarp);
    await until(() => one.got.length === 2);
    two.got.length = 0;
    one.send(frame(mac(9, 9), mac(1, 1)));
    await until(() => three3.got.length === 2);
    expect(two.got).toEqual([]);
    for (const { pool } of [one, two, three3]) pool.leave();
  });

  it('tells a host that comes where stations are, which it may have heard elsewhere', async () => {
    const room = new TestRoom();
    const [one, two] = [await host(room, 'charlie'), await host(room, 'alfa')];
    two.send(frame(EVERYBODY, mac(9, 9)));
    await until(() => two.network.ownStations.length === 1);
    const late = await host(room, 'bravo');
    const heardBehind = (): string | undefined => {
      const { port } = late.network.bridge.stations().find(station => station.mac === '00:16:3e:00:09:09') ?? {};
      return late.network.bridge.list().find(({ number }) => number === port)?.name;
    };
    await until(() => heardBehind() === 'vx-alfa');
    expect(late.network.ownStations).toEqual([]);
    // A guest that is paused may be elsewhere once that is heard.
    two.isStill = true;
    const later = await host(room, 'delta');
    await until(() => ports(later).includes('vx-alfa'));
    await new Promise(resolve => setTimeout(resolve, 50));
    expect(later.network.bridge.stations()).toEqual([]);
    for (const { pool } of [one, two, late, later]) pool.leave();
  });

  it('ends the wire of a host that sends what is no frame, in words, and makes another', async () => {
    const room = new TestRoom();
    const one = await host(room, 'alfa');
    const hostile = await enter(room.enter(), 'zulu', { later, hostMs });
    const channels: ByteChannel[] = [];
    hostile.serve('frames', channel => void channels.push(channel));
    const frames = [
      [13, 0, ...new Array<number>(13).fill(0)],
      [0xeb, 5],
      [0, 0],
    ];
    for (const [i, wrong] of frames.entries()) {
      await until(() => channels.length > i);
      channels[i]!.listen(
        () => {},
        () => {},
      );
      const count = one.said.length;
      channels[i]!.send(Uint8Array.from(wrong));
      await until(() => one.said.length > count);
      expect(one.said.at(-1)).toMatch(/^xenbr0 does not reach zulu any more: it sent a frame of (13|1515|0) bytes\.$/);
    }
    expect(one.got).toEqual([]);
    one.pool.leave();
    hostile.leave();
  });
});
