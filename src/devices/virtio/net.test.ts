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
let ethernet: Ethernet & { busy: boolean };
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

  it('sends what lies behind the header, and no shorter frame than the wire has', () => {
    d.begin(2);
    const frame = frameTo(OTHER, 42);
    d.chain(TX, 0, [{ bytes: new Uint8Array(12) }, { bytes: frame }]);
    d.offer(TX, 0);
    expect(wire).toEqual([Uint8Array.from([...frame, ...new Uint8Array(18)])]);
    expect([d.used(TX), d.line.level]).toEqual([[[0, 0]], true]);
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
