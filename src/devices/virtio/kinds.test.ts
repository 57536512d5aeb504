import { describe, expect, it } from 'vitest';
import { VirtioConsole } from './console.ts';
import { COMMON, CONFIG, VirtioDriver } from './driver.test-support.ts';
import { VirtioRng } from './rng.ts';

// Promises are those of VIRTIO 1.2, 5.3 (console) and 5.4 (entropy).
const NEEDS_RESET = 0x40,
  MULTIPORT = 2;

const bytesAt = (d: VirtioDriver, at: number, length: number): number[] => [...d.memory.bytes.slice(at, at + length)];

describe('random numbers', () => {
  const driver = (seed: number) =>
    new VirtioDriver(parts => new VirtioRng({ ...parts, name: 'rng', seed, console: () => {} }));
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
          console: byte => (printed += String.fromCharCode(byte)),
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
