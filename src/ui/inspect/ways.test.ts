/** The same guest, five ways, on a host on this thread in virtual time: what is told is what the hypervisor counted, and nothing stays behind. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { inTurns, VIRTUAL_EPOCH_MS, VirtualTime } from '../../dom0/service/index.ts';
import { testHost, timersOfTest } from '../../dom0/service/host.test-support.ts';
import { DEPTH, type Measured, ofTimes, REQUEST_KIB, runWays, WAYS, type WaysHost } from './ways.ts';

const MIB = 0.25;
const ROUNDS = { warm: 0, timed: 3 };
/** What was sent through a port has come: ports are read before the second immediate's turn. */
async function arrived(): Promise<void> {
  for (let turn = 0; turn < 2; turn++) await new Promise(resolve => setImmediate(resolve));
}
const kernel = new Blob([readFileSync(new URL('../../../guests/minipv/minipv.elf', import.meta.url))]);

/**
 * Time goes on only while a run sleeps: how many answers a guest finds whenever it is woken, and so how often it halts and asks its device, does not depend on
 * what else this machine does.
 */
function waysHost(): WaysHost & { host: ReturnType<typeof testHost> } {
  const timers = timersOfTest(),
    virtual = new VirtualTime({ wallMs: () => 0, soon: timers.soon, speed: Infinity });
  const host = testHost({
    virtual,
    runners: inTurns({ ...timers, pace: virtual }),
    hostMs: () => 0,
    epochMs: () => VIRTUAL_EPOCH_MS,
    seed: 7,
    readsWhole: true,
  });
  virtual.stand();
  return {
    host,
    create: files => host.create(files, true),
    destroy: id => host.destroy(id),
    open: async id => (await host.consoles.view(id)).console,
    facts: id => host.inspect('facts', id),
    kernel: async () => kernel,
    ended: id => (host.toolstack.members.has(id) ? undefined : 'it is gone'),
    sleep: async ms => {
      await arrived();
      await virtual.runFor(ms);
      await arrived();
    },
  };
}

describe('the same guest, five ways', () => {
  it('counts exits, bytes and events of each, and leaves the host as it was', async () => {
    const ways = waysHost(),
      told: Measured[] = [],
      parts: number[] = [],
      order: string[] = [];
    await runWays(ways, { direction: 'read', mib: MIB }, ROUNDS, new AbortController().signal, {
      progress: ({ part, way, doing, round }) => {
        parts.push(part);
        if (doing === 'measures') order.push(`${round} ${way}`);
      },
      measured: way => told.push(way),
    });
    // In turns, and each begins a round: none is always the first.
    expect(order).toEqual([
      '1 pio',
      '1 dma',
      '1 pvhvm',
      '1 pvh',
      '1 virtio',
      '2 dma',
      '2 pvhvm',
      '2 pvh',
      '2 virtio',
      '2 pio',
      '3 pvhvm',
      '3 pvh',
      '3 virtio',
      '3 pio',
      '3 dma',
    ]);
    const seen = WAYS.map(({ id }) => told.findLast(({ way }) => way === id)!);
    expect(seen.every(({ runs, us, leastUs, mostUs }) => runs === 3 && leastUs <= us && us <= mostUs)).toBe(true);
    // The same work: as many exits to its device in each round, and as many bytes.
    const work = ({ exitsByName, portBytes, requests, events }: Measured) => [
      exitsByName.IO,
      portBytes,
      requests,
      events,
    ];
    for (const each of told) expect(work(each)).toEqual(work(seen.find(({ way }) => way === each.way)!));
    const [pio, dma, pvhvm, pvh, virtio] = seen as [Measured, Measured, Measured, Measured, Measured];
    // A sector goes through the data port whole, after a look at the status register.
    const bytes = MIB * 2 ** 20;
    expect(pio.exits).toBeGreaterThanOrEqual((2 * bytes) / 512);
    expect(pio.portBytes).toBeGreaterThan(bytes);
    for (const way of [dma, pvhvm, pvh, virtio]) expect(way.portBytes).toBeLessThan(bytes / 100);
    for (const way of [pvhvm, pvh]) {
      // A ring of eight requests takes one event there and one back.
      expect(way.events).toBeGreaterThanOrEqual((2 * MIB * 1024) / (REQUEST_KIB * DEPTH));
      // It halts for each event that it waits for.
      expect(way.exits).toBeLessThan(dma.exits / 3);
    }
    // One write to its port tells of eight requests; what it prints goes through a port, too.
    expect(virtio.exits).toBeGreaterThanOrEqual((MIB * 1024) / (REQUEST_KIB * DEPTH));
    expect(virtio.exits).toBeLessThan(dma.exits / 2);
    expect(virtio.requests).toBeLessThan(dma.requests / 2);
    // The device model is in Domain 0, on one thread KVM's, too: each request goes there and comes back.
    for (const way of [pio, dma, virtio]) expect(way.events).toBe(2 * way.requests);
    expect(dma.exits).toBeLessThan(pio.exits / 4);
    expect(seen.every(({ us }) => us > 0)).toBe(true);
    expect(parts).toEqual(parts.map((_, i) => i / 25));
    expect(parts).toHaveLength(25);
    expect([await ways.host.list(), ways.host.machine.freeFrames]).toEqual([[], waysHost().host.machine.freeFrames]);
  });

  it('leaves nothing where it is cancelled, where a guest is destroyed meanwhile, and where one cannot be made', async () => {
    const ways = waysHost(),
      free = ways.host.machine.freeFrames,
      abort = new AbortController();
    const cancelled = runWays(ways, { direction: 'write', mib: MIB }, ROUNDS, abort.signal, {
      progress: ({ way }) => {
        if (way === 'dma') abort.abort();
      },
      measured: () => {},
    });
    await expect(cancelled).rejects.toThrow(/abort/);
    const destroyed = runWays(ways, { direction: 'write', mib: MIB }, ROUNDS, new AbortController().signal, {
      progress: ({ doing, way }) => {
        if (doing === 'boots' && way === 'pio')
          void ways.host.destroy(ways.host.toolstack.members.keys().next().value!);
      },
      measured: () => {},
    });
    await expect(destroyed).rejects.toThrow(/ways-pio ended before it was done/);
    const files = ways.host.create;
    ways.create = async given =>
      given[0]!.name.includes('dma') ? Promise.reject(new Error('there is no memory')) : files(given, true);
    await expect(
      runWays(ways, { direction: 'read', mib: MIB }, ROUNDS, new AbortController().signal, {
        progress: () => {},
        measured: () => {},
      }),
    ).rejects.toThrow('there is no memory');
    expect(ways.host.machine.freeFrames).toBe(free);
    expect(await ways.host.list()).toEqual([]);
  });

  it('says of times what their spread lets it say', () => {
    const way = (id: Measured['way'], leastUs: number, us: number, mostUs: number) =>
      ({ way: id, us, runs: 5, leastUs, mostUs }) as Measured;
    const pio = way('pio', 3800, 4000, 4500);
    // One ring came out slower by chance: the slower one is quoted, and nothing is said of the two.
    expect(ofTimes(pio, way('pvhvm', 180, 200, 900), way('pvh', 190, 800, 820))).toBe(
      'PIO took 5.00 times as long as the slower of the two rings. The times of the two rings differ by less than those of their runs do.',
    );
    expect(ofTimes(pio, way('pvhvm', 180, 200, 220), way('pvh', 390, 400, 420))).toBe(
      'PIO took 10.0 times as long as the slower of the two rings. Of the two rings the one of PVH took 2.00 times as long.',
    );
    expect(ofTimes(pio, way('pvhvm', 180, 200, 220), way('pvh', 390, 4100, 4200))).toContain(
      'PIO and the slower ring differ by less than their runs do',
    );
    expect(ofTimes(pio, way('pvhvm', 8000, 8000, 8000), way('pvh', 390, 400, 420))).toContain(
      'The ring of PVHVM took 2.00 times as long as PIO here',
    );
  });
});
