import { DeviceFull } from '../../../formats/blocks/index.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HostBus } from '../hardware/host-bus.ts';
import { DOMAIN_0, FRAME_BYTES, Machine } from '../../../hypervisor/memory/index.ts';
import { IO_HOP, IoTrace, Trace } from '../../../hypervisor/tracing/index.ts';
import { Dom0 } from '../../../hypervisor/interfaces/xen/index.ts';
import { MachineView } from '../../../hypervisor/view/index.ts';
import { Follower } from '../../toolstack/tracing/index.ts';
import { DiskController } from './disk-controller.ts';
import { ExtentDisk } from './extent-disk.ts';
import { HostDisk } from './host-disk.ts';
import { LoggingStore } from './logging-store.test-support.ts';

const DISK_BYTES = 2 ** 22,
  EXTENT = 65536;

async function make() {
  const memory = new SharedArrayBuffer(16 * 2 ** 20);
  const machine = Machine.create(memory);
  let wakes = 0;
  const bus = new HostBus(machine, 0, () => void wakes++);
  const controller = new DiskController(bus, memory);
  const store = new LoggingStore();
  const open = async (): Promise<HostDisk> =>
    new HostDisk(await ExtentDisk.open(store, 'disk', { bytes: DISK_BYTES, extentBytes: EXTENT }));
  const disk = await open();
  await controller.connect(disk);
  const first = machine.allocateRun(64, DOMAIN_0);
  /** Machine memory, as a guest's granted pages are. */
  const frames = (page: number, bytes: number): Uint8Array =>
    new Uint8Array(memory, (first + page) * FRAME_BYTES, bytes);
  const turn = (): void => {
    while (bus.pending) bus.poll();
  };
  const dma = (bus as unknown as { slots: Map<number, { mapped: Map<number, number> }> }).slots.get(2)!;
  return {
    machine,
    memory,
    bus,
    controller,
    store,
    disk,
    open,
    frames,
    turn,
    wakes: () => wakes,
    mapped: () => dma.mapped.size,
  };
}

const fill = (bytes: Uint8Array, seed: number): Uint8Array => {
  for (let i = 0; i < bytes.length; i++) bytes[i] = (i * 7 + seed) ^ (i >> 8);
  return bytes;
};

describe("Domain 0's driver of the disk", () => {
  it('finds what the adapter has, and says what the disk is', async () => {
    const { disk, bus } = await make();
    expect(disk.drivenBy).toMatchObject({
      slots: 32,
      version: '1.3.1',
      bus: '0000:00:02.0',
      disk: { model: 'RINGSIDE HARDDISK', serial: 'RS-SDA', sectors: DISK_BYTES / 512, depth: 32 },
    });
    expect(bus.list()).toEqual(['00:00.0 0600: 8086:1237 (rev 02)', '00:02.0 0106: 8086:2922 (rev 02)']);
  });

  it('reads and writes any bytes as a disk without a driver does, and nothing beside them', async () => {
    const { disk, frames } = await make();
    const model = new Uint8Array(DISK_BYTES);
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: DISK_BYTES - 1 }),
        fc.integer({ min: 1, max: 200_000 }),
        fc.integer({ min: 0, max: 255 }),
        fc.boolean(),
        (at, most, seed, inFrames) => {
          const length = Math.min(most, DISK_BYTES - at);
          const bytes = fill(inFrames ? frames(0, length) : new Uint8Array(length), seed);
          disk.write(at, bytes);
          model.set(bytes, at);
          const from = Math.max(0, at - 700);
          const into = new Uint8Array(Math.min(DISK_BYTES - from, length + 1400));
          disk.read(from, into);
          expect(Buffer.compare(into, model.subarray(from, from + into.length))).toBe(0);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('carries out many requests, told of in Domain 0’s turn, and lets the adapter reach their frames for as long as it has them', async () => {
    const { disk, frames, turn, mapped, wakes, memory } = await make();
    const told: number[] = [];
    const before = wakes();
    for (let i = 0; i < 40; i++) {
      // Half of them in parts of the same frames, half in no frame.
      const pieces =
        i % 2
          ? [fill(new Uint8Array(1024), i)]
          : [fill(frames(i, 512), i), fill(new Uint8Array(memory, frames(i, 0).byteOffset + 512, 512), i + 1)];
      disk.request({ op: 'write', at: i * 1024, pieces }, error => told.push(error ? -1 : i));
    }
    expect([told.length, wakes() > before]).toEqual([0, true]);
    turn();
    expect([told.length, new Set(told).size, told.includes(-1), mapped()]).toEqual([40, 40, false, 0]);
    const into = new Uint8Array(1024);
    disk.request({ op: 'read', at: 7 * 1024, pieces: [into] }, () => told.push(100));
    // One that is waited for passes those that nobody was told of, which are told then.
    const other = new Uint8Array(512);
    disk.read(8 * 1024, other);
    expect([told.at(-1) === 100, other]).toEqual([false, fill(new Uint8Array(512), 8)]);
    turn();
    expect([told.at(-1), into]).toEqual([100, fill(new Uint8Array(1024), 7)]);
  });

  it('ends a flush when all before it outlives a power cut', async () => {
    const { disk, turn, store } = await make();
    const bytes = fill(new Uint8Array(4096), 3);
    let flushed = false;
    disk.request({ op: 'write', at: 12_288, pieces: [bytes] }, () => {
      disk.request({ op: 'flush' }, error => {
        flushed = error === undefined;
      });
    });
    turn();
    expect(flushed).toBe(true);
    const after = await ExtentDisk.open(
      store.afterCut(() => 0),
      'disk',
      { bytes: 1 },
    );
    const into = new Uint8Array(4096);
    after.read(12_288, into);
    expect(into).toEqual(bytes);
  });

  it('tells a full device from a bad one, asks again for what stood beside what failed, and goes on', async () => {
    const { disk, turn, store } = await make();
    disk.write(0, fill(new Uint8Array(EXTENT), 1));
    disk.flush();
    store.roomLeft = 0;
    const told: string[] = [];
    const tell = (name: string) => (error?: Error) =>
      void told.push(`${name} ${error instanceof DeviceFull ? 'full' : (error?.message ?? 'done')}`);
    disk.request({ op: 'write', at: 10 * EXTENT, pieces: [new Uint8Array(512)] }, tell('b'));
    disk.request({ op: 'write', at: 512, pieces: [new Uint8Array(512)] }, tell('a'));
    disk.request({ op: 'read', at: 1024, pieces: [new Uint8Array(512)] }, tell('c'));
    turn();
    expect(told.sort()).toEqual(['a done', 'b full', 'c done']);
    store.roomLeft = 0;
    expect(() => disk.write(11 * EXTENT, new Uint8Array(512))).toThrow(DeviceFull);
    store.roomLeft = Infinity;
    disk.write(11 * EXTENT, new Uint8Array(512).fill(1));
    disk.discard(0, 4 * EXTENT);
    const into = new Uint8Array(512).fill(9);
    disk.read(512, into);
    expect(into).toEqual(new Uint8Array(512));
    // The store loses its files.
    const { data } = (disk as unknown as { extents: { data: { flush: () => void } } }).extents;
    data.flush = () => {
      throw new Error('the stick was pulled out');
    };
    expect(() => disk.flush()).toThrow('ata1: write error at sector 0: the stick was pulled out');
    disk.request({ op: 'write', at: 0, pieces: [new Uint8Array(512)] }, tell('d'));
    turn();
    expect(told.at(-1)).toBe('d ata1: write error at sector 0: the stick was pulled out');
  });

  it('hands the port to another disk, and tells who waited for the first', async () => {
    const { disk, controller, open, turn } = await make();
    const told: (string | undefined)[] = [];
    // Two have a buffer, and the third waits for one.
    for (let i = 0; i < 3; i++)
      disk.request({ op: 'write', at: i * 512, pieces: [new Uint8Array(512).fill(5)] }, error =>
        told.push(error?.message),
      );
    const other = await open();
    await controller.connect(other);
    turn();
    const into = new Uint8Array(512);
    other.read(0, into);
    expect([told, disk.drivenBy, other.drivenBy === undefined]).toEqual([
      ['The disk was taken away.', 'The disk was taken away.', 'The disk was taken away.'],
      undefined,
      false,
    ]);
  });

  it('shows the command in the trace of the request that asked for it, also where that waited for room', async () => {
    const { machine, memory, disk, turn } = await make();
    new Dom0(machine);
    const io = new IoTrace(machine, new Trace(machine, machine.domain(DOMAIN_0), () => 1));
    const follower = new Follower(new MachineView(memory));
    const numbers: number[] = [];
    for (let i = 0; i < 3; i++) {
      const number = io.begin();
      numbers.push(number);
      // Copies: there are two buffers.
      io.within(number, () =>
        disk.request({ op: 'read', at: i * 4096, pieces: [new Uint8Array(4096)] }, () =>
          io.hop(number, IO_HOP.DONE, 0, 0, 0),
        ),
      );
    }
    turn();
    follower.read();
    const hops = follower.list().map(({ number, hops: passed }) => [number, passed.map(({ hop }) => hop)]);
    expect(hops).toEqual(numbers.map(number => [number, [IO_HOP.CONTROLLER, IO_HOP.DISK, IO_HOP.STORED, IO_HOP.DONE]]));
    follower.close();
  });
});
