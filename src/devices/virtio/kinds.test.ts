import { describe, expect, it } from 'vitest';
import { VirtioBalloon } from './balloon.ts';
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

describe('a console', () => {
  const READY = 0,
    ADD = 1,
    PORT_READY = 3,
    CONSOLE_PORT = 4,
    OPEN = 6;
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
    expect(d.read(CONFIG + 4)).toBe(1);
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
