import { beforeEach, describe, expect, it } from 'vitest';
import { IoBus } from '../io-bus.ts';
import { TestMemory, testPc, type TestPc } from '../testing.ts';
import { PciBus, PciFunction } from './pci.ts';

// Promises are those of the PCI Local Bus Specification 2.1.
describe('PCI configuration mechanism 1', () => {
  let t: TestPc;
  const read = (slot: number, fn: number, offset: number, size = 4) => {
    t.out(0xcf8, (0x80000000 | (slot << 11) | (fn << 8) | (offset & 0xfc)) >>> 0, 4);
    return t.in(0xcfc + (offset & 3), size);
  };
  const write = (slot: number, fn: number, offset: number, value: number, size = 4) => {
    t.out(0xcf8, (0x80000000 | (slot << 11) | (fn << 8) | (offset & 0xfc)) >>> 0, 4);
    t.out(0xcfc + (offset & 3), value, size);
  };
  beforeEach(() => {
    t = testPc();
  });

  it('is saved with the kind of reset that 0xCF9 was told', () => {
    t.out(0xcf9, 2);
    const other = testPc();
    other.pc.restore(t.pc.save());
    expect([t.in(0xcf9), other.in(0xcf9), other.events]).toEqual([2, 2, []]);
  });

  it('finds the board’s functions and all ones elsewhere', () => {
    expect(read(0, 0, 0)).toBe(0x12378086);
    expect(read(1, 0, 0)).toBe(0x70008086);
    expect(read(1, 3, 0)).toBe(0x71138086);
    expect(read(5, 0, 0)).toBe(0xffffffff);
    expect(read(1, 0, 0x0e, 1)).toBe(0x80);
    expect(read(0, 0, 0x0a, 2)).toBe(0x0600);
    expect(read(1, 0, 0x0a, 2)).toBe(0x0601);
  });

  it('reads back its address; byte accesses there are not configuration', () => {
    t.out(0xcf8, 0x80001234, 4);
    expect(t.in(0xcf8, 4)).toBe(0x80001234);
    t.out(0xcf8, 0, 1);
    expect(t.in(0xcf8, 4)).toBe(0x80001234);
    t.out(0xcf8, 0x00000000, 4);
    expect(t.in(0xcfc, 4)).toBe(0xffffffff);
  });

  it('keeps read-only registers', () => {
    write(0, 0, 0, 0);
    expect(read(0, 0, 0)).toBe(0x12378086);
  });

  it('moves the power-management block where its base register says', () => {
    write(1, 3, 0x40, 0x1000);
    write(1, 3, 0x80, 1, 1);
    const before = t.in(0x1008, 4);
    t.timers.advanceMs(1);
    expect(t.in(0x1008, 4) - before).toBe(3579);
    write(1, 3, 0x40, 0x3001);
    expect(t.in(0x1008, 4)).toBe(0xffffffff);
    expect(t.in(0x3008, 4)).toBeGreaterThanOrEqual(3579);
  });
});

describe('the way of a function to memory', () => {
  it('is that of its bus, or what was put there, and is open while it masters the bus', () => {
    const noReset = { base: 0, count: 1, read: () => 0, write: () => {} };
    const [board, host, other] = [new TestMemory(16), new TestMemory(16), new TestMemory(16)];
    const fn = new PciFunction('test', { vendor: 1, device: 2, class: 0 });
    const put = (value: number): number[] => {
      fn.dma.write(0, Uint8Array.of(value));
      const read = new Uint8Array(1);
      fn.dma.read(0, read);
      return [board.bytes[0]!, host.bytes[0]!, other.bytes[0]!, read[0]!];
    };
    new PciBus(new IoBus(), noReset, host).add(3, 0, fn);
    expect(put(1)).toEqual([0, 0, 0, 0xff]);
    fn.write(4, 4, 2);
    expect(put(2)).toEqual([0, 2, 0, 2]);
    // The same function on a guest's bus, and behind something that says no.
    new PciBus(new IoBus(), noReset, board).add(3, 0, fn);
    fn.write(4, 4, 2);
    expect(put(3)).toEqual([3, 2, 0, 3]);
    fn.dma.lead(other);
    expect(put(4)).toEqual([3, 2, 4, 4]);
    fn.dma.lead(undefined);
    expect([put(5), fn.dma.views(0, 1, false)]).toEqual([[3, 2, 4, 0xff], null]);
  });
});

describe('base address registers', () => {
  let bus: IoBus;
  let fn: PciFunction;
  let moves: number[];
  beforeEach(() => {
    bus = new IoBus();
    fn = new PciFunction('test', { vendor: 1, device: 2, class: 0 });
    moves = [];
    fn.addBar(0, { kind: 'io', size: 32, read: offset => offset, write: () => {} });
    fn.addBar(1, { kind: 'memory', size: 4096, read: () => 0x77, write: () => {}, moved: base => moves.push(base) });
    const pci = new PciBus(bus, { base: 0, count: 1, read: () => 0, write: () => {} });
    pci.add(3, 0, fn);
  });

  it('answer sizing with the mask and the kind', () => {
    fn.write(0x10, 0xffffffff, 4);
    fn.write(0x14, 0xffffffff, 4);
    expect(fn.get(0x10, 4)).toBe(0xffffffe1);
    expect(fn.get(0x14, 4)).toBe(0xfffff000);
  });

  it('decode only while the command register lets them, and follow', () => {
    fn.write(0x10, 0xc001, 4);
    expect(bus.readPort(0xc005, 1)).toBe(0xff);
    fn.write(4, 1, 2);
    expect(bus.readPort(0xc005, 1)).toBe(5);
    fn.write(0x10, 0xd001, 4);
    expect(bus.readPort(0xc005, 1)).toBe(0xff);
    expect(bus.readPort(0xd005, 1)).toBe(5);
    fn.write(0x14, 0xe0000000, 4);
    fn.write(4, 2, 2);
    expect(bus.readPort(0xd005, 1)).toBe(0xff);
    expect(bus.readMemory(0xe0000800, 1)).toBe(0x77);
    expect(moves.at(-1)).toBe(0xe0000000);
  });

  it('leave a device alone that was there first', () => {
    bus.plugPorts({ base: 0xc010, count: 4, read: () => 0x11, write: () => {} });
    fn.write(4, 1, 2);
    fn.write(0x10, 0xc001, 4);
    expect(bus.readPort(0xc010, 1)).toBe(0x11);
    expect(bus.readPort(0xc001, 1)).toBe(0xff);
    fn.write(0x10, 0xc101, 4);
    expect(bus.readPort(0xc101, 1)).toBe(1);
  });

  it('go away at reset', () => {
    fn.write(0x10, 0xc001, 4);
    fn.write(4, 1, 2);
    fn.reset();
    expect(bus.readPort(0xc001, 1)).toBe(0xff);
    expect(fn.get(0x10, 4)).toBe(1);
  });
});

describe('PIIX3 interrupt routing', () => {
  it('carries a slot’s pin to the ISA interrupt that PIRQRC names, shared, or nowhere', () => {
    const t = testPc();
    // The SCI is IRQ 9: make it one with PIRQ A's target and look at the slave's IRR.
    t.pc.installTables();
    const bridge = t.pc.pci.at(1, 0)!;
    expect(bridge.get(0x60, 4)).toBe(0x0b0b0a0a);
    bridge.write(0x60, 0x80, 1);
    expect(bridge.get(0x60, 1)).toBe(0x80);
  });
});
