import { describe, expect, it } from 'vitest';
import { VirtioBalloon } from './balloon.ts';
import type { ChannelTold } from './channel-words.ts';
import type { BalloonReport } from './balloon-words.ts';
import { VirtioConsole } from './console.ts';
import { COMMON, CONFIG, ISR, VirtioDriver } from './driver.test-support.ts';
import { VirtioRng } from './rng.ts';

// Promises are those of VIRTIO 1.2, 5.3 (console), 5.4 (entropy) and 5.5 (memory balloon).
const NEEDS_RESET = 0x40,
  MULTIPORT = 2;

const bytesAt = (d: VirtioDriver, at: number, length: number): number[] => [...d.memory.bytes.slice(at, at + length)];

describe('random numbers', () => {
  const driver = (seed: number) =>
    new VirtioDriver(parts => new VirtioRng({ ...parts, name: 'rng', seed, options: {}, host: { console: () => {} } }));
  const draw = (d: VirtioDriver, first: number, room: number): number[] => {
    const [at] = d.chain(0, first, [{ room }]);
    d.offer(0, first);
    return bytesAt(d, at!, room);
  };

  it('fill buffers, the same by the same seed, also across a saved state', () => {
    const [d, same, other] = [driver(7), driver(7), driver(8)];
    for (const one of [d, same, other]) one.begin(1);
    const first = draw(d, 0, 64);
    expect([draw(same, 0, 64), new Set(first).size > 16]).toEqual([first, true]);
    expect(draw(other, 0, 64)).not.toEqual(first);
    expect([d.used(0), d.line.level]).toEqual([[[0, 64]], true]);
    // A length that is no whole word, and what comes after a state was saved.
    const state = d.device.save();
    const next = draw(d, 1, 7);
    other.device.restore(state);
    other.memory.bytes.set(same.memory.bytes);
    expect(next).toHaveLength(7);
    expect(draw(other, 1, 7)).toEqual(next);
  });

  it('refuse a saved state that says nothing of them', () => {
    const d = driver(1);
    expect(() => d.device.restore({ ...d.device.save(), own: undefined })).toThrow('own is missing');
  });

  it('are as even as they should be', () => {
    const d = driver(1);
    d.begin(1);
    const ones = draw(d, 0, 4096).reduce((sum, byte) => sum + byte.toString(2).replaceAll('0', '').length, 0);
    // Half of 32768 bits, within five standard deviations.
    expect(Math.abs(ones - 16384)).toBeLessThan(453);
  });
});

/** Events of a console's control messages (virtio 1.2, 5.3.6.2). */
const READY = 0,
  ADD = 1,
  REMOVE = 2,
  PORT_READY = 3,
  CONSOLE_PORT = 4,
  OPEN = 6,
  NAME = 7;

describe('a console', () => {
  let printed = '';
  const driver = () =>
    new VirtioDriver(
      parts =>
        new VirtioConsole({
          ...parts,
          name: 'console',
          seed: 0,
          options: {},
          host: { console: byte => (printed += String.fromCharCode(byte)) },
        }),
    );
  const message = (event: number, value: number): Uint8Array => Uint8Array.of(0, 0, 0, 0, event, 0, value, 0);
  let next = 0;
  const say = (d: VirtioDriver, event: number, value: number): void => {
    d.chain(3, next % 16, [{ bytes: message(event, value) }]);
    d.offer(3, next++ % 16);
  };

  it('prints what is sent, and gives what is typed', () => {
    printed = '';
    const d = driver(),
      device = d.device as VirtioConsole;
    d.begin(2);
    d.chain(1, 0, [{ bytes: new TextEncoder().encode('login: ') }]);
    d.offer(1, 0);
    expect([printed, d.used(1)]).toEqual(['login: ', [[0, 0]]]);
    // A driver that knows of one port alone has it open; without a buffer it does not listen.
    expect([device.listening, device.input(Uint8Array.of(1))]).toEqual([false, 0]);
    const [a] = d.chain(0, 0, [{ room: 4 }]);
    d.offer(0, 0);
    expect([device.listening, device.input(Uint8Array.of(1, 2, 3, 4, 5, 6))]).toEqual([true, 4]);
    expect([bytesAt(d, a!, 4), d.used(0)]).toEqual([[1, 2, 3, 4], [[0, 4]]]);
  });

  it('takes no more at once than any driver sends', () => {
    const d = driver();
    d.begin(2);
    d.descriptor(1, 0, 0x10000, 65537, 0);
    d.offer(1, 0);
    expect(d.status & NEEDS_RESET).toBe(NEEDS_RESET);
  });

  it('tells of its port, and listens once the guest has opened that', () => {
    next = 0;
    const d = driver(),
      device = d.device as VirtioConsole;
    // Ports that QEMU's has: others may come.
    expect(d.read(CONFIG + 4)).toBe(31);
    d.begin(4, MULTIPORT);
    d.chain(0, 0, [{ room: 4 }]);
    d.offer(0, 0);
    const places = [0, 1, 2].map(i => d.chain(2, i, [{ room: 8 }])[0]!);
    say(d, READY, 1);
    expect(d.used(2)).toEqual([]);
    d.offer(2, 0);
    expect([bytesAt(d, places[0]!, 8), device.listening]).toEqual([[...message(ADD, 1)], false]);
    for (const i of [1, 2]) d.offer(2, i);
    say(d, PORT_READY, 1);
    expect(places.slice(1).map(at => bytesAt(d, at, 8))).toEqual([
      [...message(CONSOLE_PORT, 1)],
      [...message(OPEN, 1)],
    ]);
    say(d, OPEN, 1);
    expect(device.listening).toBe(true);
    const state = d.device.save();
    say(d, OPEN, 0);
    expect(device.listening).toBe(false);
    d.device.restore(state);
    expect([device.listening, d.read(COMMON + 0x14, 1) & NEEDS_RESET]).toEqual([true, 0]);
  });
});

describe('channels', () => {
  const AGENT = 'org.qemu.guest_agent.0';
  const message = (port: number, event: number, value: number): number[] => {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setUint32(0, port, true);
    new DataView(bytes.buffer).setUint16(4, event, true);
    new DataView(bytes.buffer).setUint16(6, value, true);
    return [...bytes];
  };
  const drive = (hasConsole = false) => {
    const told: [string, ChannelTold][] = [];
    let next = 0;
    const d = new VirtioDriver(
      parts =>
        new VirtioConsole({
          ...parts,
          name: 'virtio-console',
          seed: 0,
          options: {},
          ports: [...(hasConsole ? ['console'] : []), `channel,name=${AGENT}`, 'channel,name=two'],
          host: { console: () => {}, channel: (name, what) => told.push([name, what]) },
        }),
    );
    const device = d.device as VirtioConsole;
    const say = (bytes: number[]): void => {
      d.chain(3, next % 16, [{ bytes: Uint8Array.from(bytes) }]);
      d.offer(3, next++ % 16);
    };
    return { d, device, told, say };
  };
  /** A guest with the first channel open, and somebody at the other end. */
  const open = () => {
    const all = drive();
    const { d, device, say, told } = all;
    d.begin(6, MULTIPORT);
    const places = Array.from({ length: 8 }, (_, i) => d.chain(2, i, [{ room: 40 }])[0]!);
    for (let i = 0; i < 8; i++) d.offer(2, i);
    say(message(0xffffffff, READY, 1));
    for (const port of [1, 2]) say(message(port, PORT_READY, 1));
    device.channel(AGENT, { isConnected: true });
    say(message(1, OPEN, 1));
    return { ...all, places, told, messages: () => d.used(2).map(([id, length]) => bytesAt(d, places[id!]!, length!)) };
  };

  it('are told of with their names, and that somebody is there', () => {
    const { messages, told } = open();
    const named = (port: number, name: string): number[] => [
      ...message(port, NAME, 1),
      ...new TextEncoder().encode(name),
    ];
    expect(messages()).toEqual([
      message(1, ADD, 1),
      message(2, ADD, 1),
      named(1, AGENT),
      named(2, 'two'),
      message(1, OPEN, 1),
    ]);
    expect(told.at(-1)).toEqual([AGENT, { isOpen: true, isConnected: true }]);
  });

  it('take bytes both ways, no more than is read', () => {
    const { d, device, told } = open();
    d.chain(5, 0, [{ bytes: new TextEncoder().encode('{"return": {}}') }]);
    d.offer(5, 0);
    expect(told.at(-1)).toEqual([
      AGENT,
      { isOpen: true, isConnected: true, bytes: new TextEncoder().encode('{"return": {}}') },
    ]);
    // Bytes wait for a buffer of the guest's, and are told when it has them.
    device.channel(AGENT, { bytes: Uint8Array.of(1, 2, 3) });
    expect(told).toHaveLength(3);
    const [at] = d.chain(4, 0, [{ room: 2 }]);
    d.offer(4, 0);
    expect([bytesAt(d, at!, 2), told.at(-1)]).toEqual([
      [1, 2],
      [AGENT, { isOpen: true, isConnected: true, taken: 2 }],
    ]);
    // Who reads nothing is sent no more than so much.
    for (let i = 1; i < 4; i++) {
      d.chain(5, i, [{ bytes: new Uint8Array(60000) }]);
      d.offer(5, i);
    }
    const given = (): number => d.used(5).length;
    expect(given()).toBe(3);
    device.channel(AGENT, { read: 120014 });
    expect(given()).toBe(4);
  });

  it('lose what nobody is there for, and forget what he sent who has gone', () => {
    const { d, device, told, messages } = open();
    device.channel(AGENT, { bytes: Uint8Array.of(1) });
    device.channel(AGENT, { isConnected: false });
    expect(messages().at(-1)).toEqual(message(1, OPEN, 0));
    const before = told.length;
    d.chain(5, 0, [{ bytes: Uint8Array.of(7) }]);
    d.offer(5, 0);
    d.chain(4, 0, [{ room: 2 }]);
    d.offer(4, 0);
    expect([told.length, d.used(5).length, d.used(4)]).toEqual([before, 1, []]);
  });

  it('go on from a saved state, with what waits', () => {
    const { d, device, told } = open();
    device.channel(AGENT, { bytes: Uint8Array.of(9, 8) });
    const state = device.save();
    device.channel(AGENT, { isConnected: false });
    device.restore(state);
    expect(told.at(-2)).toEqual([AGENT, { isOpen: true, isConnected: true }]);
    const [at] = d.chain(4, 0, [{ room: 2 }]);
    d.offer(4, 0);
    expect(bytesAt(d, at!, 2)).toEqual([9, 8]);
    expect(() => device.restore({ ...state, own: { ...(state.own as object), waiting: [] } })).toThrow('waiting');
  });

  it('come to a guest that runs and go again, each as a port that it is told of', () => {
    const { d, device, say, told, messages } = open();
    device.channel('three', { port: 3 });
    expect(messages().at(-1)).toEqual(message(3, ADD, 1));
    say(message(3, PORT_READY, 1));
    expect(messages().at(-1)!.slice(0, 8)).toEqual(message(3, NAME, 1));
    // The queues of port 3 lie behind those of port 2, and are none before the driver sets them up.
    expect(device.looks().map(({ name }) => name)).toEqual(['ctrl rx', 'ctrl tx', 'rx 1', 'tx 1']);
    device.channel(AGENT, { bytes: Uint8Array.of(1) });
    device.channel(AGENT, { isGone: true });
    expect(messages()).toHaveLength(8);
    expect(messages().at(-1)).toEqual(message(1, REMOVE, 1));
    const before = told.length;
    say(message(1, OPEN, 1));
    device.channel(AGENT, { isConnected: true });
    d.chain(5, 9, [{ bytes: Uint8Array.of(7) }]);
    d.offer(5, 9);
    // What it sends there is taken, and is nobody's.
    expect([told.length, d.used(5).at(-1)]).toEqual([before, [9, 0]]);
    expect((device.save().own as { names: string[] }).names.slice(0, 5)).toEqual(['', '', 'two', 'three', '']);
  });

  it('are told of as gone before another comes as the same port, where nothing could be told before', () => {
    const { d, device, messages } = open();
    for (const name of ['a', 'b', 'c']) device.channel(name, { port: { a: 3, b: 4, c: 5 }[name]! });
    device.channel('two', { isGone: true });
    device.channel('again', { port: 2 });
    expect(messages()).toHaveLength(8);
    const places = [8, 9].map(i => d.chain(2, i, [{ room: 40 }])[0]!);
    for (const i of [8, 9]) d.offer(2, i);
    expect(places.map(at => bytesAt(d, at, 8))).toEqual([message(2, REMOVE, 1), message(2, ADD, 1)]);
  });

  it('do not come where they are, or where the driver knows of no port', () => {
    const { device, messages } = open();
    const sent = messages().length;
    for (const port of [-1, 0, 1, 2, 31, 1000]) device.channel('three', { port });
    device.channel(AGENT, { port: 7 });
    expect([messages().length, (device.save().own as { names: string[] }).names[7]]).toEqual([sent, '']);
  });

  it('go on from a state of fewer ports, whose driver is told of no others', () => {
    const { d, device } = open();
    const state = device.save() as {
      queues: unknown[];
      own: Record<string, { slice(from: number, to: number): unknown }>;
    };
    const { isReady: _ready, names: _names, ...own } = state.own;
    const old = {
      ...state,
      queues: state.queues.slice(0, 8),
      own: Object.fromEntries(Object.entries(own).map(([key, value]) => [key, value.slice(0, 3)])),
    };
    device.restore(old as never);
    expect([d.read(CONFIG + 4), (device.save().own as { names: string[] }).names]).toEqual([3, ['', AGENT, 'two']]);
    device.channel('three', { port: 3 });
    expect((device.save().own as { names: string[] }).names).toHaveLength(3);
    expect(() => device.restore({ ...old, queues: old.queues.slice(0, 7) } as never)).toThrow('queues');
    expect(() => device.restore({ ...state, own: { ...state.own, names: Array(31).fill('a b') } } as never)).toThrow(
      'names',
    );
  });

  it('do nothing for messages of ports that are none, or of nothing', () => {
    const { d, device, say, told, messages } = open();
    const [before, sent] = [told.length, messages().length];
    for (const port of [0, 3, 31, 0x7fffffff, 0xffffffff])
      for (const event of [1, 2, PORT_READY, 4, 5, OPEN, NAME, 0xffff]) say(message(port, event, 1));
    say([1, 0, 0]);
    say([...message(1, 99, 1), ...new Uint8Array(60000)]);
    expect([told.length, messages().length, d.status & NEEDS_RESET]).toEqual([before, sent, 0]);
    // Of a port of which it asks a thousand times, each message is owed once.
    for (let i = 0; i < 1000; i++) say(message(2, PORT_READY, 1));
    expect([(device.save().own as { due: Uint8Array }).due.length, d.status & NEEDS_RESET]).toEqual([31, 0]);
    device.channel('none', { bytes: Uint8Array.of(1) });
    device.channel('', { isConnected: false });
  });
});

describe('a memory balloon', () => {
  const STATS_VQ = 2,
    REPORTING = 32,
    CONFIG_INTERRUPT = 2;
  const INFLATE = 0,
    DEFLATE = 1,
    STATS = 2,
    REPORTED = 3;
  const drive = (options: Record<string, string> = {}) => {
    const released: number[] = [],
      reports: BalloonReport[] = [];
    const host = {
      console: () => {},
      release: (gfns: readonly number[]) => void released.push(...gfns),
      balloon: (report: BalloonReport) => void reports.push(report),
    };
    const d = new VirtioDriver(parts => new VirtioBalloon({ ...parts, name: 'balloon', seed: 0, options, host }));
    return { d, device: d.device as VirtioBalloon, released, reports };
  };
  const numbers = (...pages: number[]): Uint8Array => new Uint8Array(Uint32Array.from(pages).buffer);
  /** A statistic of 64 bits behind its tag. */
  const stat = (tag: number, value: bigint): number[] => {
    const view = new DataView(new ArrayBuffer(10));
    view.setUint16(0, tag, true);
    view.setBigUint64(2, value, true);
    return [...new Uint8Array(view.buffer)];
  };

  it('tells the driver how many pages are wanted, by an interrupt of its configuration and another generation', () => {
    const { d, device } = drive();
    device.balloon({ pages: 7 });
    expect([d.read(CONFIG), d.line.level]).toEqual([7, false]);
    d.begin(2);
    const before = d.read(COMMON + 0x15, 1);
    device.balloon({ pages: 300 });
    expect([d.read(CONFIG), d.read(ISR, 1), d.read(COMMON + 0x15, 1)]).toEqual([300, CONFIG_INTERRUPT, before + 1]);
    // What is wanted already is no news.
    device.balloon({ pages: 300 });
    expect(d.read(ISR, 1)).toBe(0);
  });

  it('gives the host what is put into it, and tells how much that is', () => {
    const { d, released, reports } = drive();
    d.begin(2);
    expect(reports.at(-1)).toEqual({ isDriven: true, pages: 0 });
    d.chain(INFLATE, 0, [{ bytes: numbers(0x300, 0x301, 0xfffffff) }]);
    d.offer(INFLATE, 0);
    expect([released, d.used(INFLATE)]).toEqual([[0x300, 0x301, 0xfffffff], [[0, 0]]]);
    d.write(CONFIG + 4, 3);
    expect([reports.at(-1), d.read(CONFIG + 4)]).toEqual([{ isDriven: true, pages: 3 }, 3]);
    d.chain(DEFLATE, 0, [{ bytes: numbers(0x300) }]);
    d.offer(DEFLATE, 0);
    expect([released.length, d.used(DEFLATE)]).toEqual([3, [[0, 0]]]);
    d.status = 0;
    expect(reports.at(-1)).toEqual({ isDriven: false, pages: 0 });
  });

  it('has the statistics of its driver, as often as somebody asks', () => {
    const { d, device, reports } = drive({ period: '2' });
    d.begin(3, STATS_VQ);
    d.chain(STATS, 0, [{ bytes: Uint8Array.from([...stat(4, 5n << 32n), ...stat(99, 1n), ...stat(1, 9n)]) }]);
    d.offer(STATS, 0);
    expect(d.used(STATS)).toEqual([]);
    const { values } = reports.at(-1)!.stats!;
    expect([values[4], values[1], values[0]]).toEqual([5n << 32n, 9n, undefined]);
    d.timers.advanceMs(2000);
    expect(d.used(STATS)).toEqual([[0, 0]]);
    // Across a saved state: the buffer that it has is the driver's again when others are wanted.
    d.offer(STATS, 0);
    const state = device.save();
    device.restore(state);
    device.balloon({ periodS: 1 });
    d.timers.advanceMs(1000);
    expect(d.used(STATS)).toEqual([
      [0, 0],
      [0, 0],
    ]);
    device.balloon({ periodS: 0 });
    d.offer(STATS, 0);
    d.timers.advanceMs(1e6);
    expect(d.used(STATS)).toHaveLength(2);
  });

  it('takes whole pages of free memory that the driver tells of', () => {
    const { d, released } = drive({ reporting: 'on' });
    d.begin(4, REPORTING);
    d.chain(REPORTED, 0, [
      { room: 0x2000, at: 0x40000 },
      { room: 0x1800, at: 0x60800 },
    ]);
    d.offer(REPORTED, 0);
    expect([released, d.used(REPORTED)]).toEqual([[0x40, 0x41, 0x61], [[0, 0]]]);
  });

  it('offers no reporting that nobody asked for, and breaks over too much at once', () => {
    const { d } = drive();
    expect([d.offers()[0] & REPORTING, d.read(COMMON + 0x12, 2)]).toEqual([0, 3]);
    d.begin(2);
    d.descriptor(INFLATE, 0, 0x10000, 0x10000, 0);
    d.offer(INFLATE, 0);
    expect(d.status & NEEDS_RESET).toBe(NEEDS_RESET);
  });
});
