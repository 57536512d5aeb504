import { describe, expect, it } from 'vitest';
import { TestTimers } from '../../../devices/testing.ts';
import { E1000 } from '../../../devices/net/e1000/e1000.ts';
import type { Ethernet } from '../../../devices/net/ethernet.ts';
import { FRAME_BYTES, Machine } from '../../../hypervisor/memory/machine.ts';
import { E1000_ID, E1000Driver } from '../network/e1000-driver.ts';
import { HostBus } from './host-bus.ts';

const MAC = Uint8Array.of(0, 0x1b, 0x21, 0, 0, 1);

function make() {
  const machine = Machine.create(new SharedArrayBuffer(16 * 2 ** 20));
  const bus = new HostBus(machine);
  const timers = new TestTimers();
  const wire: Uint8Array[] = [];
  const ethernet: Ethernet & { busy: boolean } = { busy: false, send: frame => void wire.push(frame) };
  const { dma } = bus.plug(3, irq => new E1000({ timers, irq, mac: MAC, ethernet })).fn;
  const found = bus.find(E1000_ID.vendor, E1000_ID.device)!;
  const got: Uint8Array[] = [];
  const driver = new E1000Driver(found, frame => got.push(frame));
  return { machine, bus, wire, ethernet, timers, driver, got, found, dma };
}

const frame = (length: number, n = 0): Uint8Array => {
  const bytes = new Uint8Array(length).fill(n);
  bytes.set([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 8, 0]);
  return bytes;
};

describe("the host's PCI bus", () => {
  it('shows what is on it, and finds nothing that is not', () => {
    const { bus } = make();
    expect(bus.list()).toEqual(['00:00.0 0600: 8086:1237 (rev 02)', '00:03.0 0200: 8086:100e (rev 02)']);
    expect(bus.find(0x1234, 0x5678)).toBeUndefined();
  });

  it('lets a device reach what its driver shares, and nothing else', () => {
    const { machine, found, dma } = make();
    const { bytes, address } = found.share(100);
    expect([bytes.length, address % FRAME_BYTES]).toEqual([FRAME_BYTES, 0]);
    dma.write(address + 5, Uint8Array.of(1, 2));
    expect([...bytes.subarray(4, 8)]).toEqual([0, 1, 2, 0]);
    const before = machine.bytes.slice(0, 4096);
    dma.write(0, Uint8Array.of(9));
    dma.write(address + FRAME_BYTES - 1, Uint8Array.of(9, 9));
    const read = new Uint8Array(2);
    dma.read(16, read);
    expect([machine.bytes.slice(0, 4096), bytes.at(-1), [...read]]).toEqual([before, 0, [0xff, 0xff]]);
  });
});

describe("Domain 0's driver of the e1000", () => {
  it('finds the address, sends, and gets what comes when its turn is there', () => {
    const { bus, wire, ethernet, driver, got } = make();
    expect(driver.mac).toEqual(MAC);
    const frames = Array.from({ length: 100 }, (_, n) => frame(60 + 14 * n, n));
    for (const each of frames) expect(driver.send(each)).toBe(true);
    expect(wire).toEqual(frames);
    for (const each of frames) {
      expect(ethernet.canReceive?.()).toBe(true);
      ethernet.receive?.(each);
      if (bus.pending) bus.poll();
    }
    expect(got).toEqual(frames);
    expect(bus.pending).toBe(false);
  });

  it('loses what finds no descriptor, and goes on when the card has some again', () => {
    const { wire, ethernet, timers, driver } = make();
    ethernet.busy = true;
    let sent = 0;
    while (driver.send(frame(60))) sent++;
    expect([sent, driver.dropped, wire.length]).toEqual([31, 1, 0]);
    ethernet.busy = false;
    timers.advanceMs(1);
    expect([wire.length, driver.send(frame(60)), driver.send(frame(3000))]).toEqual([31, true, false]);
  });

  it('lets what comes wait where it has no turn', () => {
    const { bus, ethernet, got } = make();
    let given = 0;
    while (ethernet.canReceive?.()) {
      ethernet.receive?.(frame(60));
      given++;
    }
    bus.poll();
    expect([given, got.length, ethernet.canReceive?.()]).toEqual([31, 31, true]);
  });
});
