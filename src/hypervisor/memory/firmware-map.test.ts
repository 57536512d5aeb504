import { describe, expect, it } from 'vitest';
import { FirmwareMap } from './firmware-map.ts';
import { GuestMemory } from './guest-memory.ts';
import { pictureMemory } from '../domain/screen.ts';
import { createDomain, destroyDomain, releaseRam } from './domain-table.ts';
import { Machine } from './machine.ts';
import { VideoFrames } from './video-memory.ts';

const make = () => {
  const machine = Machine.create(new SharedArrayBuffer(32 * 2 ** 20));
  const record = createDomain(machine, 2, 0x100000);
  let flushes = 0;
  const flush = (): void => {
    flushes++;
  };
  const memory = new GuestMemory(machine.bytes, machine.secondStage(record));
  const byte = (address: number): number => {
    const into = new Uint8Array(1);
    memory.read(address, into);
    return into[0];
  };
  return { machine, record, memory, byte, flush, flushes: () => flushes };
};

describe('PAM (82441FX, 3.2.18)', () => {
  it('shows 128 KiB of a larger image below 1 MiB, all of it below 4 GiB, and no RAM from 0xC0000', () => {
    const { machine, record, byte, flush } = make();
    new FirmwareMap(machine, record, flush).load(Uint8Array.from({ length: 0x40000 }, (_, i) => i >> 16));
    expect([0xc0000, 0xdffff, 0xe0000, 0xfffff, 0xfffc0000, 0xfffeffff, 0xffffffff].map(byte)).toEqual([
      0xff, 0xff, 2, 3, 0, 2, 3,
    ]);
  });

  it('has four states a range: ROM, RAM behind ROM, RAM read-only, RAM', () => {
    const { machine, record, memory, byte, flush, flushes } = make();
    const map = new FirmwareMap(machine, record, flush);
    map.load(new Uint8Array(0x20000).fill(0x5a));
    const before = flushes();
    expect(map.writeOffset(0xf0000)).toBe(-1);
    memory.write(0xf0000, Uint8Array.of(1));
    expect(byte(0xf0000)).toBe(0x5a);
    map.shadow(0xf0000, 0x10000, false, true);
    machine.bytes[map.writeOffset(0xf0123)] = 7;
    expect([byte(0xf0123), map.writeOffset(0xe0000)]).toEqual([0x5a, -1]);
    map.shadow(0xf0000, 0x10000, true, false);
    memory.write(0xf0123, Uint8Array.of(9));
    expect([byte(0xf0123), byte(0xf0000), byte(0xe0000)]).toEqual([7, 0, 0x5a]);
    map.shadow(0xf0000, 0x10000, true, true);
    memory.write(0xf0123, Uint8Array.of(9));
    expect(byte(0xf0123)).toBe(9);
    expect(machine.secondStage(record).rights(0xf0)).toBe(7);
    expect(flushes()).toBe(before + 3);
    expect(byte(0xfffffff0)).toBe(0x5a);
  });

  it('gives everything back with the domain', () => {
    const { machine, record, flush } = make();
    const free = machine.freeFrames;
    const map = new FirmwareMap(machine, record, flush);
    map.load(new Uint8Array(0x40000));
    new VideoFrames(machine, record, flush).moved(0xe0000000);
    expect(pictureMemory(machine, record, 640 * 480 * 4)).toBeGreaterThan(0);
    releaseRam(machine, record);
    destroyDomain(machine, record);
    expect(machine.freeFrames).toBeGreaterThan(free + 2 * 256 - 0x20);
    const all = machine.freeFrames;
    destroyDomain(machine, machine.domain(createDomain(machine, 2, 0x100000).index));
    expect(machine.freeFrames).toBe(all);
  });
});

describe('the linear frame buffer', () => {
  it('tells the pages that were written, once each', () => {
    const { machine, record, flush } = make();
    const video = new VideoFrames(machine, record, flush);
    const stage = machine.secondStage(record);
    video.moved(0xe0000000);
    expect(video.takeDirtyPages().every(page => page === 1)).toBe(true);
    expect(stage.rights(0xe0003)).toBe(5);
    expect([video.wrote(0xe0003004), video.wrote(0xdffff000), video.wrote(0xe1000000)]).toEqual([true, false, false]);
    expect(stage.rights(0xe0003)).toBe(7);
    const dirty = video.takeDirtyPages();
    expect([...dirty].flatMap((page, i) => (page ? [i] : []))).toEqual([3]);
    expect(stage.rights(0xe0003)).toBe(5);
    expect(video.takeDirtyPages().includes(1)).toBe(false);
  });

  it('is not put over RAM, and moves', () => {
    const { machine, record, flush } = make();
    const video = new VideoFrames(machine, record, flush);
    const stage = machine.secondStage(record);
    const ram = stage.words.slice(0, 512);
    video.moved(0x100000);
    expect(stage.words.slice(0, 512)).toEqual(ram);
    video.moved(0xd0000000);
    video.moved(0xe0000000);
    expect([stage.entry(0xd0000), stage.entry(0xe0000) & 5]).toEqual([0, 5]);
    video.moved(-1);
    expect(stage.entry(0xe0000)).toBe(0);
  });
});
