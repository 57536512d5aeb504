import { beforeEach, describe, expect, it } from 'vitest';
import { I8237 } from './i8237.ts';
import { TestMemory } from './testing.ts';

describe('8237A', () => {
  let memory: TestMemory;
  let dma: I8237;
  beforeEach(() => {
    memory = new TestMemory(1 << 20);
    dma = new I8237(memory);
    dma.setFirmwareDefaults();
  });
  const rangeOf = (port: number) => dma.portRanges.find(({ base, count }) => port >= base && port < base + count)!;
  const out = (port: number, value: number): void => rangeOf(port).write(port - rangeOf(port).base, value, 1);
  const read = (port: number): number => rangeOf(port).read(port - rangeOf(port).base, 1);
  const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);

  /** Channel 2 as a floppy driver sets it up: `mode` 46h to memory, 4Ah from it. */
  function setUp(address: number, count: number, mode: number): void {
    out(0x0a, 6);
    out(0x0c, 0);
    out(0x0b, mode);
    out(0x04, address & 0xff);
    out(0x04, (address >> 8) & 0xff);
    out(0x81, address >> 16);
    out(0x05, (count - 1) & 0xff);
    out(0x05, (count - 1) >> 8);
    out(0x0a, 2);
  }

  it('moves bytes to memory until its count ends, then masks the channel and says so once', () => {
    setUp(0x12340, 4, 0x46);
    expect(dma.channel(2).toMemory(bytes(1, 2, 3))).toEqual({ moved: 3, end: false });
    expect(dma.channel(2).toMemory(bytes(4, 5, 6))).toEqual({ moved: 1, end: true });
    expect([...memory.bytes.subarray(0x12340, 0x12346)]).toEqual([1, 2, 3, 4, 0, 0]);
    expect(dma.channel(2).toMemory(bytes(7)).moved).toBe(0);
    expect([read(0x08), read(0x08), read(0x0f)]).toEqual([0x04, 0, 0x0f]);
    // Current address and count, low byte first.
    out(0x0c, 0);
    expect([read(0x04), read(0x04), read(0x05), read(0x05)]).toEqual([0x44, 0x23, 0xff, 0xff]);
  });

  it('moves nothing the other way, while it is masked or disabled, or while the cascade is', () => {
    setUp(0, 4, 0x4a);
    expect(dma.channel(2).toMemory(bytes(1)).moved).toBe(0);
    memory.bytes.set([9, 8, 7, 6]);
    const into = new Uint8Array(4);
    out(0x0a, 6);
    expect(dma.channel(2).fromMemory(into).moved).toBe(0);
    out(0x0a, 2);
    out(0x08, 4);
    expect(dma.channel(2).fromMemory(into).moved).toBe(0);
    out(0x08, 0);
    out(0xd4, 4);
    expect(dma.channel(2).fromMemory(into).moved).toBe(0);
    out(0xd4, 0);
    expect([dma.channel(2).fromMemory(into), [...into]]).toEqual([{ moved: 4, end: true }, [9, 8, 7, 6]]);
  });

  it('verifies without moving, counts down where it is told to, and starts again by itself', () => {
    setUp(0x100, 2, 0x42);
    expect(dma.channel(2).toMemory(bytes(1, 2))).toEqual({ moved: 2, end: true });
    expect(memory.bytes[0x100]).toBe(0);
    setUp(0x100, 3, 0x66);
    dma.channel(2).toMemory(bytes(1, 2, 3));
    expect([...memory.bytes.subarray(0xfe, 0x101)]).toEqual([3, 2, 1]);
    setUp(0x200, 2, 0x56);
    expect(dma.channel(2).toMemory(bytes(1, 2)).end).toBe(true);
    expect(dma.channel(2).toMemory(bytes(3, 4))).toEqual({ moved: 2, end: true });
    expect([...memory.bytes.subarray(0x200, 0x203)]).toEqual([3, 4, 0]);
  });

  it('wraps within 64 KiB: the page does not count', () => {
    setUp(0x1fffe, 4, 0x46);
    dma.channel(2).toMemory(bytes(1, 2, 3, 4));
    expect([...memory.bytes.subarray(0x1fffe, 0x20000), ...memory.bytes.subarray(0x10000, 0x10002)]).toEqual([
      1, 2, 3, 4,
    ]);
    expect(memory.bytes[0x20000]).toBe(0);
  });

  it('moves words on channels 5 to 7, whose addresses are doubled', () => {
    out(0xd8, 0);
    out(0xd6, 0x45);
    out(0xc4, 0x00);
    out(0xc4, 0x80);
    out(0x8b, 0x03);
    out(0xc6, 1);
    out(0xc6, 0);
    out(0xd4, 1);
    expect(dma.channel(5).toMemory(bytes(1, 2, 3, 4, 5, 6))).toEqual({ moved: 4, end: true });
    expect([...memory.bytes.subarray(0x30000, 0x30005)]).toEqual([1, 2, 3, 4, 0]);
  });

  it('keeps a flip-flop, masks all after a master clear, and is saved in the middle of a word', () => {
    out(0x0c, 0);
    out(0x00, 0x34);
    const state = structuredClone(dma.save());
    const other = new I8237(memory);
    other.restore(state);
    other.portRanges[0].write(0, 0x12, 1);
    expect((other.peek().baseAddress as Uint16Array)[0]).toBe(0x1234);
    out(0x0e, 0);
    expect(read(0x0f)).toBe(0);
    out(0x0d, 0);
    expect(read(0x0f)).toBe(0x0f);
    out(0x09, 6);
    expect(read(0x08)).toBe(0x40);
  });
});
