import { beforeEach, describe, expect, it } from 'vitest';
import type { Ethernet } from '../net/ethernet.ts';
import { COMMON, CONFIG, ISR, VirtioDriver } from './driver.test-support.ts';
import { VirtioNet } from './net.ts';

// Promises are those of VIRTIO 1.2, 5.1.
const MAC = Uint8Array.of(0x00, 0x16, 0x3e, 0x12, 0x34, 0x56),
  OTHER = Uint8Array.of(0x00, 0x16, 0x3e, 0, 0, 1),
  GROUP = Uint8Array.of(0x01, 0, 0x5e, 0, 0, 1);
const RX = 0,
  TX = 1,
  CONTROL = 2;
const MRG_RXBUF = 1 << 15,
  CONTROLS = (1 << 17) | (1 << 18) | (1 << 23);
const NEEDS_RESET = 0x40;

const frameTo = (to: Uint8Array, length = 80): Uint8Array => {
  const frame = Uint8Array.from({ length }, (_, i) => i);
  frame.set(to);
  frame.set(OTHER, 6);
  return frame;
};

let wire: Uint8Array[];
let ethernet: Ethernet & { busy: boolean; isDown?: boolean };
let d: VirtioDriver;
beforeEach(() => {
  wire = [];
  ethernet = { busy: false, send: frame => void wire.push(frame) };
  d = new VirtioDriver(parts => new VirtioNet({ ...parts, mac: MAC, ethernet }));
});

const at = (place: number, length: number): Uint8Array => d.memory.bytes.slice(place, place + length);
/** A command; returns its answer. */
function command(...bytes: number[]): number {
  const [, answer] = d.chain(CONTROL, 0, [{ bytes: Uint8Array.from(bytes) }, { room: 1 }]);
  d.memory.bytes[answer!] = 0x55;
  d.offer(CONTROL, 0);
  return d.memory.bytes[answer!]!;
}

describe('a network card of virtio', () => {
  it('tells its address and that its link is up', () => {
    const config = Array.from({ length: 8 }, (_, i) => d.read(CONFIG + i, 1));
    expect(config).toEqual([...MAC, 1, 0]);
    expect(() => new VirtioDriver(parts => new VirtioNet({ ...parts, mac: GROUP, ethernet }))).toThrow(RangeError);
  });

  it('says that its link is gone, and comes again', () => {
    d.begin(2);
    const status = (): number => d.read(CONFIG + 6, 1);
    for (const isDown of [true, false]) {
      ethernet.isDown = isDown;
      ethernet.linkChanged!();
      expect([status(), d.line.level, d.read(ISR, 1) & 2]).toEqual([isDown ? 0 : 1, true, 2]);
    }
  });

  it('sends what lies behind the header, and no shorter frame than the wire has', () => {
    d.begin(2);
    const frame = frameTo(OTHER, 42);
    d.chain(TX, 0, [{ bytes: new Uint8Array(12) }, { bytes: frame }]);
    d.offer(TX, 0);
    expect(wire).toEqual([Uint8Array.from([...frame, ...new Uint8Array(18)])]);
    expect([d.used(TX), d.line.level]).toEqual([[[0, 0]], false]);
    // Its driver hears of it later, also in another machine, or sooner where it is a quarter of the ring.
    const [bus, state] = [d.pci.save(), d.device.save()];
    d.timers.advanceMs(1);
    const other = new VirtioDriver(parts => new VirtioNet({ ...parts, mac: MAC, ethernet }));
    other.memory.bytes.set(d.memory.bytes);
    other.pci.restore(bus);
    other.device.restore(state);
    other.timers.advanceMs(1);
    expect([d.line.level, other.line.level, d.read(ISR, 1)]).toEqual([true, true, 1]);
    for (let i = 0; i < 64; i++) {
      expect(d.line.level).toBe(false);
      d.offer(TX, 0);
    }
    expect([d.line.level, d.device.counts.interrupts]).toEqual([true, 2]);
  });

  it('waits while the wire is busy, also across a saved state', () => {
    d.begin(2);
    ethernet.busy = true;
    d.chain(TX, 0, [{ bytes: new Uint8Array(12) }, { bytes: frameTo(OTHER) }]);
    d.offer(TX, 0);
    const [bus, state] = [d.pci.save(), d.device.save()];
    expect([wire.length, d.used(TX)]).toEqual([0, []]);
    const other = new VirtioDriver(parts => new VirtioNet({ ...parts, mac: MAC, ethernet }));
    other.memory.bytes.set(d.memory.bytes);
    other.pci.restore(bus);
    other.device.restore(state);
    ethernet.busy = false;
    other.timers.advanceMs(1);
    expect([wire, other.used(TX)]).toEqual([[frameTo(OTHER)], [[0, 0]]]);
  });

  it('receives what is for it, with a header that counts one buffer', () => {
    d.begin(2);
    expect(ethernet.canReceive!()).toBe(false);
    const [buffer] = d.chain(RX, 3, [{ room: 1526 }]);
    d.offer(RX, 3);
    expect(ethernet.canReceive!()).toBe(true);
    ethernet.receive!(frameTo(OTHER));
    expect(d.used(RX)).toEqual([]);
    ethernet.receive!(frameTo(MAC));
    expect(d.used(RX)).toEqual([[3, 92]]);
    expect(at(buffer!, 12)).toEqual(Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0));
    expect(at(buffer! + 12, 80)).toEqual(frameTo(MAC));
    // Nowhere to put it: it is lost.
    ethernet.receive!(frameTo(MAC));
    expect([d.used(RX).length, d.status & NEEDS_RESET]).toEqual([1, 0]);
  });

  it('spreads a frame over buffers where the driver merges them, and else not', () => {
    for (const merges of [true, false]) {
      d.memory.bytes.fill(0);
      d.begin(2, merges ? MRG_RXBUF : 0);
      const buffers = [0, 1, 2].map(i => {
        const [buffer] = d.chain(RX, i, [{ room: 40 }]);
        d.offer(RX, i);
        return buffer!;
      });
      ethernet.receive!(frameTo(MAC));
      expect(d.used(RX)).toEqual(
        merges
          ? [
              [0, 40],
              [1, 40],
              [2, 12],
            ]
          : [],
      );
      if (merges) expect([d.memory.bytes[buffers[0]! + 10], at(buffers[2]!, 12)]).toEqual([3, frameTo(MAC).slice(68)]);
    }
  });

  it('obeys commands: what passes, and its address', () => {
    d.begin(3, CONTROLS);
    expect([command(0, 0, 1), command(0, 0, 0), command(0, 1, 1), command(0, 9, 1), command(4, 0, 1)]).toEqual([
      0, 0, 0, 1, 1,
    ]);
    d.chain(RX, 0, [{ room: 200 }]);
    d.offer(RX, 0);
    ethernet.receive!(frameTo(OTHER));
    expect(d.used(RX)).toEqual([]);
    expect(command(1, 1, ...OTHER)).toBe(0);
    expect(command(1, 1, ...GROUP)).toBe(1);
    ethernet.receive!(frameTo(OTHER));
    expect([d.used(RX).length, d.read(CONFIG + 5, 1)]).toEqual([1, 1]);
    // A reset brings the address back that it was made with.
    d.status = 0;
    expect(d.read(CONFIG + 5, 1)).toBe(0x56);
  });

  it.each([
    ['a frame without a header', () => d.chain(TX, 0, [{ bytes: new Uint8Array(11) }]), TX],
    ['a command without a place for the answer', () => d.chain(CONTROL, 0, [{ bytes: new Uint8Array(3) }]), CONTROL],
  ])('needs a reset behind %s', (_, make, queue) => {
    d.begin(3, CONTROLS);
    make();
    d.offer(queue, 0);
    expect([d.read(COMMON + 0x14, 1) & NEEDS_RESET, d.read(ISR, 1), wire]).toEqual([NEEDS_RESET, 2, []]);
    ethernet.receive!(frameTo(MAC));
    expect(d.used(RX)).toEqual([]);
  });
});

describe('what a driver leaves to its card', () => {
  const IP = 14,
    TCP = 34,
    DATA = 54;
  const NEEDS_CSUM = 1,
    TCPV4 = 1,
    ECN = 0x80;
  const bigEndian = (bytes: Uint8Array, at: number): number => (bytes[at]! << 8) | bytes[at + 1]!;
  /** As RFC 1071 sums, here by its own words. */
  const sum = (...parts: Uint8Array[]): number => {
    let total = 0;
    for (const part of parts) for (let i = 0; i < part.length; i++) total += part[i]! << (i & 1 ? 0 : 8);
    while (total > 0xffff) total = (total & 0xffff) + (total >>> 16);
    return total;
  };
  const pseudo = (frame: Uint8Array): Uint8Array =>
    Uint8Array.of(...frame.slice(IP + 12, IP + 20), 0, 6, (frame.length - TCP) >> 8, frame.length - TCP);
  /** An IPv4 packet of TCP with this many bytes of data, and the pseudo header's sum in its checksum's place. */
  const packet = (bytes: number): Uint8Array => {
    const frame = new Uint8Array(DATA + bytes).map((_, i) => i * 7);
    frame.set([...OTHER, ...MAC, 8, 0]);
    frame.set([0x45, 0, (frame.length - IP) >> 8, frame.length - IP, 0x12, 0x34, 0x40, 0, 64, 6, 0, 0], IP);
    frame.set([10, 0, 2, 15, 10, 0, 2, 2], IP + 12);
    frame.set([0, 80, 0x30, 0x39, 0, 0, 0xff, 0xf0, 0, 0, 0, 1, 0x50, 0x99, 1, 0, 0, 0, 0, 0], TCP);
    const partial = sum(pseudo(frame));
    frame.set([partial >> 8, partial], TCP + 16);
    return frame;
  };
  const header = (kind: number, size: number): Uint8Array =>
    Uint8Array.of(NEEDS_CSUM, kind, DATA, 0, size, size >> 8, TCP, 0, 16, 0, 0, 0);
  const isWhole = (frame: Uint8Array): boolean =>
    sum(pseudo(frame), frame.slice(TCP)) === 0xffff && sum(frame.slice(IP, TCP)) === 0xffff;
  const offer = (frame: Uint8Array, kind = 0, size = 0): void => {
    d.chain(TX, 0, [{ bytes: header(kind, size) }, { bytes: frame }]);
    d.offer(TX, 0);
  };

  it('makes the checksum of a frame', () => {
    d.begin(2, 1);
    const frame = packet(101);
    offer(frame);
    const [sent] = wire;
    expect([sum(pseudo(sent!), sent!.slice(TCP)), sent!.slice(DATA)]).toEqual([0xffff, frame.slice(DATA)]);
  });

  it('cuts TCP into segments, each whole, the last one with what ends the stream', () => {
    d.begin(2, 1 | (1 << 11) | (1 << 13));
    const whole = packet(2500);
    offer(whole, TCPV4 | ECN, 1000);
    expect(wire.map(frame => [frame.length - DATA, isWhole(frame)])).toEqual([
      [1000, true],
      [1000, true],
      [500, true],
    ]);
    expect(wire.map(frame => [bigEndian(frame, IP + 4), bigEndian(frame, TCP + 4), bigEndian(frame, TCP + 6)])).toEqual(
      [
        [0x1234, 0, 0xfff0],
        [0x1235, 1, 0x03d8],
        [0x1236, 1, 0x07c0],
      ],
    );
    // CWR in the first, FIN and PSH in the last.
    expect(wire.map(frame => frame[TCP + 13])).toEqual([0x90, 0x10, 0x19]);
    expect(Buffer.concat(wire.map(frame => frame.slice(DATA)))).toEqual(Buffer.from(whole.slice(DATA)));
    expect(d.used(TX)).toEqual([[0, 0]]);
  });

  it('goes on where the wire has room again, also across a saved state', () => {
    d.begin(2, 1 | (1 << 11));
    ethernet.send = frame => void (ethernet.busy = wire.push(frame) === 2);
    offer(packet(2500), TCPV4, 1000);
    expect([wire.length, d.used(TX)]).toEqual([2, []]);
    const [bus, state, memory] = [d.pci.save(), d.device.save(), d.memory.bytes.slice()];
    const other = new VirtioDriver(parts => new VirtioNet({ ...parts, mac: MAC, ethernet }));
    other.memory.bytes.set(memory);
    other.pci.restore(bus);
    other.device.restore(state);
    ethernet.busy = false;
    other.timers.advanceMs(1);
    expect([wire.map(frame => frame.length - DATA), other.used(TX)]).toEqual([[1000, 1000, 500], [[0, 0]]]);
  });

  it.each([-1, 0.5, NaN])('refuses a saved state in which %d frames of a packet have gone', gone => {
    const state = d.device.save();
    const { own } = state as { own: object };
    expect(() => d.device.restore({ ...state, own: { ...own, gone } })).toThrow('gone');
  });

  it.each([
    ['segments of nothing', TCPV4, 0],
    ['segments that are no frames', TCPV4, 1461],
    ['another way to cut', 3, 1000],
    ['a long frame that is not to be cut', 0, 0],
  ])('drops %s', (_, kind, size) => {
    d.begin(2, 1 | (1 << 11));
    offer(packet(2500), kind, size);
    expect([wire, d.used(TX), d.status & NEEDS_RESET]).toEqual([[], [[0, 0]], 0]);
  });

  it('tells of sums that it found right, and of no others', () => {
    d.begin(2, 2);
    const frame = packet(100);
    frame.set(MAC);
    const total = ~sum(frame.slice(IP, TCP)) & 0xffff;
    frame.set([total >> 8, total], IP + 10);
    frame.set([0, 0], TCP + 16);
    const right = ~sum(pseudo(frame), frame.slice(TCP)) & 0xffff;
    frame.set([right >> 8, right], TCP + 16);
    const flags = [frame, frame.with(DATA, frame[DATA]! ^ 1), frameTo(MAC)].map((received, i) => {
      const [buffer] = d.chain(RX, i, [{ room: 1526 }]);
      d.offer(RX, i);
      ethernet.receive!(received);
      return d.memory.bytes[buffer!];
    });
    expect(flags).toEqual([2, 0, 0]);
  });
});
