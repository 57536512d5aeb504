import { beforeEach, describe, expect, it } from 'vitest';
import { Bridge, type BridgePort, formatStations, type PortEnd } from './bridge.ts';
import type { Frame } from './frame.ts';
import { capture } from './pcap.ts';

const mac = (n: number): number[] => [0, 0x16, 0x3e, 0, n >> 8, n & 0xff];
const EVERYBODY = new Array<number>(6).fill(0xff),
  GROUP = [1, 0, 0x5e, 0, 0, 0xfb];
const frame = (to: number[], from: number[], length = 60): Frame => ({
  bytes: Uint8Array.from([...to, ...from, 0x88, 0xb5, ...new Array<number>(length - 14).fill(7)]),
});

let ns: number;
let bridge: Bridge;
let got: Frame[][];
let ports: BridgePort[];

function plug(more: Partial<PortEnd> = {}): BridgePort {
  const frames: Frame[] = [];
  got.push(frames);
  const port = bridge.addPort(`p${got.length - 1}`, { deliver: each => void frames.push(each), ...more });
  ports.push(port);
  return port;
}

const counts = (): number[] => got.map(frames => frames.splice(0).length);

beforeEach(() => {
  ns = 0;
  bridge = new Bridge('xenbr0', () => ns);
  got = [];
  ports = [];
  for (let i = 0; i < 3; i++) plug();
});

describe('the bridge', () => {
  it('brings nothing from an isolated port to another, known or not, as Linux (br_forward.c, br_skip_isolated)', () => {
    const [, , , one, two] = [...ports, plug({ isolated: true }), plug({ isolated: true })];
    one.input(frame(EVERYBODY, mac(8)));
    expect(counts()).toEqual([1, 1, 1, 0, 0]);
    two.input(frame(mac(8), mac(9)));
    expect(counts()).toEqual([0, 0, 0, 0, 0]);
    ports[0].input(frame(EVERYBODY, mac(1)));
    expect(counts()).toEqual([0, 1, 1, 1, 1]);
    ports[0].input(frame(mac(9), mac(1)));
    expect(counts()).toEqual([0, 0, 0, 0, 1]);
  });

  it('holds what comes in by some ports, in order, until it is admitted', () => {
    const held: Frame[] = [];
    const unplug = bridge.plug((each, port) => port === ports[0] && held.push(each) > 0);
    ports[0].input(frame(EVERYBODY, mac(1), 60));
    ports[0].input(frame(EVERYBODY, mac(1), 61));
    ports[1].input(frame(EVERYBODY, mac(2)));
    expect([counts(), bridge.stations().map(({ port }) => port)]).toEqual([[1, 0, 1], [2]]);
    for (const each of held) ports[0].admit(each);
    expect(got.map(frames => frames.splice(0).map(({ bytes }) => bytes.length))).toEqual([[], [60, 61], [60, 61]]);
    unplug();
    ports[0].input(frame(EVERYBODY, mac(1)));
    expect([counts(), held.length]).toEqual([[0, 1, 1], 2]);
  });

  it('floods what is for nobody known, and then knows who answered', () => {
    ports[0].input(frame(mac(2), mac(1)));
    expect(counts()).toEqual([0, 1, 1]);
    ports[1].input(frame(mac(1), mac(2)));
    expect(counts()).toEqual([1, 0, 0]);
    ports[0].input(frame(mac(2), mac(1)));
    expect(counts()).toEqual([0, 1, 0]);
    // Behind the same port: nobody else need see it.
    ports[1].input(frame(mac(3), mac(2)));
    counts();
    ports[1].input(frame(mac(2), mac(3)));
    expect(counts()).toEqual([0, 0, 0]);
  });

  it('floods broadcasts and groups, those only to whom wants them', () => {
    plug({ wants: group => group[0] === 0xff });
    ports[0].input(frame(EVERYBODY, mac(1)));
    expect(counts()).toEqual([0, 1, 1, 1]);
    ports[0].input(frame(GROUP, mac(1)));
    expect(counts()).toEqual([0, 1, 1, 0]);
  });

  it('knows which address a station says that it has, and believes nobody about another', () => {
    const arp = (sender: number[], from: number[], address: number[], operation = 1): Frame => ({
      bytes: Uint8Array.from([
        ...EVERYBODY,
        ...from,
        8,
        6,
        0,
        1,
        8,
        0,
        6,
        4,
        0,
        operation,
        ...sender,
        ...address,
        ...new Array<number>(6).fill(0),
        10,
        0,
        2,
        2,
        ...new Array<number>(18).fill(0),
      ]),
    });
    const one = '00:16:3e:00:00:01';
    ports[0].input(frame(EVERYBODY, mac(1)));
    expect(bridge.addressOf(one)).toBeUndefined();
    // RFC 5227: a probe asks for an address that nobody has yet.
    ports[0].input(arp(mac(1), mac(1), [0, 0, 0, 0]));
    expect(bridge.addressOf(one)).toBeUndefined();
    ports[0].input(arp(mac(1), mac(1), [10, 0, 2, 15]));
    ports[1].input(arp(mac(1), mac(2), [10, 0, 2, 99]));
    expect(bridge.addressOf(one)).toBe(0x0a00020f);
    // It is its own however long it is silent, and another's once its port is gone.
    ns = 400e9;
    expect(bridge.addressOf(one)).toBe(0x0a00020f);
    ports[0].remove();
    expect(bridge.addressOf(one)).toBeUndefined();
  });

  it('follows a station that moves, and forgets it when it is old or its port goes', () => {
    ports[0].input(frame(EVERYBODY, mac(1)));
    ports[1].input(frame(EVERYBODY, mac(1)));
    counts();
    ports[2].input(frame(mac(1), mac(9)));
    expect(counts()).toEqual([0, 1, 0]);
    ns = 300e9 + 1;
    ports[2].input(frame(mac(1), mac(9)));
    expect(counts()).toEqual([1, 1, 0]);
    expect(bridge.stations().map(({ mac: station }) => station)).toEqual(['00:16:3e:00:00:09']);
    ports[2].remove();
    ports[0].input(frame(mac(9), mac(1)));
    expect(counts()).toEqual([0, 1, 0]);
    expect(bridge.list()).toHaveLength(2);
  });

  it('drops runts, giants, groups and nobody as senders, and what is for bridges alone', () => {
    ports[0].input({ bytes: new Uint8Array(13) });
    ports[0].input(frame(EVERYBODY, mac(1), 1515));
    ports[0].input(frame(EVERYBODY, GROUP));
    ports[0].input(frame(EVERYBODY, [0, 0, 0, 0, 0, 0]));
    expect([counts(), ports[0].counts.rxDropped]).toEqual([[0, 0, 0], 4]);
    ports[0].input(frame([1, 0x80, 0xc2, 0, 0, 0], mac(1)));
    expect(counts()).toEqual([0, 0, 0]);
    ports[0].input(frame(EVERYBODY, mac(1), 1514));
    expect(counts()).toEqual([0, 1, 1]);
  });

  it('lets a port that makes stations up push out its own alone', () => {
    ports[1].input(frame(EVERYBODY, mac(0xfff)));
    for (let i = 0; i < 2000; i++) ports[0].input(frame(EVERYBODY, mac(i)));
    expect(bridge.stations().filter(({ port }) => port === 1)).toHaveLength(256);
    counts();
    ports[2].input(frame(mac(0xfff), mac(5)));
    expect(counts()).toEqual([0, 1, 0]);
  });

  it('delivers what is sent from inside a delivery after it, in order', () => {
    const order: string[] = [];
    const answer = bridge.addPort('answers', {
      deliver: () => {
        order.push('in');
        answer.input(frame(mac(1), mac(7)));
        order.push('out');
      },
    });
    const asks = bridge.addPort('asks', { deliver: () => order.push('answer') });
    asks.input(frame(mac(7), mac(1)));
    expect(order).toEqual(['in', 'out', 'answer']);
  });

  it('counts packets and bytes of each port both ways', () => {
    ports[0].input(frame(EVERYBODY, mac(1), 100));
    ports[1].input(frame(mac(1), mac(2), 60));
    ports[0].lost();
    expect(ports[0].counts).toEqual({
      rxPackets: 1,
      rxBytes: 100,
      rxDropped: 0,
      txPackets: 1,
      txBytes: 60,
      txDropped: 1,
    });
    expect(ports[2].counts).toMatchObject({ txPackets: 1, txBytes: 100 });
  });

  it('shows its table as brctl does', () => {
    ports[1].input(frame(EVERYBODY, mac(0x1a)));
    ns = 12.345e9;
    expect(formatStations(bridge.stations())).toBe(
      'port no\tmac addr\t\tis local?\tageing timer\n  2\t00:16:3e:00:00:1a\tno\t\t  12.35\n',
    );
  });
});

describe('a capture', () => {
  it('is a pcap file with nanoseconds of what passes a port, or the whole bridge once', () => {
    const files = [0, 1].map(() => [] as number[]);
    const whole = capture(
      bridge,
      undefined,
      () => 1_767_225_600e9 + 42,
      bytes => files[0].push(...bytes),
    );
    const one = capture(
      bridge,
      ports[1],
      () => 5e9,
      bytes => files[1].push(...bytes),
    );
    ports[0].input(frame(EVERYBODY, mac(1), 61));
    ports[1].input(frame(mac(1), mac(2), 60));
    expect([whole.writer.packets, one.writer.packets]).toEqual([2, 2]);
    const view = new DataView(Uint8Array.from(files[0]).buffer);
    expect([
      view.getUint32(0, true),
      view.getUint16(4, true),
      view.getUint16(6, true),
      view.getUint32(20, true),
    ]).toEqual([0xa1b23c4d, 2, 4, 1]);
    expect([24, 28, 32, 36].map(at => view.getUint32(at, true))).toEqual([1_767_225_600, expect.any(Number), 61, 61]);
    expect(files[0].slice(40, 46)).toEqual(EVERYBODY);
    expect(files[0]).toHaveLength(24 + 16 + 61 + 16 + 60);
    whole.stop();
    ports[0].input(frame(EVERYBODY, mac(1)));
    expect([whole.writer.packets, one.writer.packets]).toEqual([2, 3]);
  });
});
