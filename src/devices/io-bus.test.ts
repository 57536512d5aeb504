import { describe, expect, it } from 'vitest';
import { IoBus, OverlapError, RangeLimitError } from './io-bus.ts';

function latch(base: number, count: number, width: 1 | 2 | 4 = 1) {
  const bytes = new Uint8Array(count);
  const log: string[] = [];
  return {
    base,
    count,
    width,
    bytes,
    log,
    read(offset: number, size: number) {
      log.push(`r${size}@${offset}`);
      let value = 0;
      for (let i = 0; i < size; i++) value |= bytes[offset + i] << (8 * i);
      return value;
    },
    write(offset: number, value: number, size: number) {
      log.push(`w${size}@${offset}`);
      for (let i = 0; i < size; i++) bytes[offset + i] = value >>> (8 * i);
    },
  };
}

describe('I/O bus', () => {
  it('splits what is wider than the device, little end first', () => {
    const bus = new IoBus();
    const device = latch(0x100, 4);
    bus.plugPorts(device);
    bus.writePort(0x100, 0x89abcdef, 4);
    expect([...device.bytes]).toEqual([0xef, 0xcd, 0xab, 0x89]);
    expect(device.log).toEqual(['w1@0', 'w1@1', 'w1@2', 'w1@3']);
    expect(bus.readPort(0x100, 4)).toBe(0x89abcdef);
  });

  it('passes a whole access to a device of its width, and halves to one of half the width', () => {
    const bus = new IoBus();
    const wide = latch(0x200, 8, 4);
    const half = latch(0x300, 8, 2);
    bus.plugPorts(wide);
    bus.plugPorts(half);
    bus.readPort(0x204, 4);
    bus.readPort(0x304, 4);
    expect(wide.log).toEqual(['r4@4']);
    expect(half.log).toEqual(['r2@4', 'r2@6']);
  });

  it('splits an access that leaves a device between its neighbours', () => {
    const bus = new IoBus();
    const a = latch(0x10, 2, 4);
    bus.plugPorts(a);
    expect(bus.readPort(0x10, 4)).toBe(0xffff0000);
    expect(bus.readPort(0xffff, 2)).toBe(0xffff);
  });

  it('refuses overlaps by type and stays as it was', () => {
    const bus = new IoBus();
    bus.plugPorts(latch(0x60, 1));
    bus.plugMemory({ ...latch(0xa0000, 0), length: 0x1000 });
    expect(() => bus.plugPorts(latch(0x5f, 4))).toThrow(OverlapError);
    expect(() => bus.plugPorts(latch(0xfffe, 4))).toThrow(RangeLimitError);
    expect(() => bus.plugMemory({ ...latch(0xa0fff, 0), length: 1 })).toThrow(
      'memory 0xa0fff-0xa0fff overlap a range that starts at 0xa0000',
    );
    expect(bus.readPort(0x5f, 1)).toBe(0xff);
    bus.plugPorts(latch(0x5e, 2));
  });

  it('gives ports up and lets them be claimed again', () => {
    const bus = new IoBus();
    const a = latch(0x400, 16);
    bus.plugPorts(a);
    bus.unplugPorts(a);
    expect(bus.readPort(0x400, 1)).toBe(0xff);
    const b = latch(0x408, 16);
    bus.plugPorts(b);
    bus.writePort(0x408, 7, 1);
    expect(b.bytes[0]).toBe(7);
  });

  it('reads memory ranges unsigned and splits at their end', () => {
    const bus = new IoBus();
    const device = latch(0x1000, 4);
    device.bytes.set([1, 2, 3, 0xff]);
    bus.plugMemory({ ...device, base: 0x1000, length: 4 });
    expect(bus.readMemory(0x1000, 4)).toBe(0xff030201);
    expect(bus.readMemory(0x1002, 4)).toBe(0xffffff03);
    expect(bus.isMemoryMapped(0x1003)).toBe(true);
    expect(bus.isMemoryMapped(0x1004)).toBe(false);
  });
});
