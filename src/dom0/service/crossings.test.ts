/** One guest reads one page of its disk by each of its ways, in virtual time: what crossed is in the trace, and nothing else is told. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { inTurns } from '../toolstack/runners/in-turns.ts';
import type { Inspected } from './inspection.ts';
import { testFile, testHost, timersOfTest } from './host.test-support.ts';
import { VIRTUAL_EPOCH_MS } from './virtual-epoch.ts';
import { VirtualTime } from './virtual-time.ts';

const kernel = testFile('minipv.elf', readFileSync(new URL('../../../guests/minipv/minipv.elf', import.meta.url)));
const HVM = 'type = "hvm"\nserial = "pty"\ndisk = [ "d.img,raw,hda,w" ]\n',
  PV = 'type = "pv"\ndisk = [ "d.img,raw,xvda,w" ]\n';

/** Sectors 1024 to 1031, once they were read before. Without settings: of a plain PC, as `ringside boot` starts one. */
async function crossings(settings: string, driver: string): Promise<Inspected['crossings']> {
  const timers = timersOfTest();
  const virtual = new VirtualTime({ wallMs: () => performance.now(), soon: timers.soon, speed: Infinity });
  const host = testHost({
    // A plain PC has 256 MiB.
    memory: new ArrayBuffer(320 * 2 ** 20),
    virtual,
    runners: inTurns({ ...timers, pace: virtual }),
    epochMs: () => VIRTUAL_EPOCH_MS,
    readsWhole: true,
  });
  const { id } = await host.create([
    ...(settings ? [testFile('g.cfg', `name = "g"\nmemory = 4\nkernel = "minipv.elf"\n${settings}`)] : []),
    kernel,
    testFile('d.img', new Uint8Array(2 ** 20)),
  ]);
  const type = async (text: string): Promise<void> => {
    virtual.type(id, new TextEncoder().encode(text));
    await virtual.runFor(30);
  };
  const line = `sum ${driver} 1024 8`;
  await virtual.runFor(60);
  await type(`${line}\r`);
  // What looks is loaded once somebody has looked: virtual time waits for nobody.
  await Promise.all([host.inspect('guest', id), import('../toolstack/tracing/index.ts')]);
  // The trace is to hold all that comes before the next look: not the line as well.
  await type(line);
  const watched = host.inspect('crossings', id);
  await type('\r');
  return watched;
}

const PAGE_BYTES = 4096;

describe('a read of 4 KiB', () => {
  it('of a plain PC’s drive by DMA writes its registers, each an exit, and the drive’s buffer is on the way of the data', async () => {
    const { order, exits, ...sums } = await crossings('', 'dma');
    expect(sums).toEqual({
      bytes: PAGE_BYTES,
      way: 'drive',
      hypercalls: 0,
      modelRequests: 15,
      events: 0,
      answers: 0,
      switches: 0,
      calls: 0,
      copies: [
        { from: 'image', to: 'drive', bytes: PAGE_BYTES },
        { from: 'drive', to: 'guest', bytes: PAGE_BYTES },
      ],
      status: 0,
    });
    // SFF-8038i 3.1: command, table, status; ATA/ATAPI-6 6: device, count, LBA, command; start; look, stop, look.
    const ports = order.map(each =>
      each.kind === 'exit' ? `${each.reads ? 'in' : 'out'} ${each.port?.toString(16)}` : each.kind,
    );
    expect(ports.map(port => port.replace(/ c00/, ' bm'))).toEqual([
      ...['in 1f7', 'out bm0', 'out bm4', 'out bm2'],
      ...['out 1f6', 'out 1f2', 'out 1f3', 'out 1f4', 'out 1f5', 'out 1f7'],
      ...['out bm0', 'in bm2', 'out bm0', 'in bm2', 'in 1f7'],
    ]);
    expect(exits.reduce((sum, { count }) => sum + count, 0)).toBe(15);
  });

  it('by PIO comes through the data port', async () => {
    const { exits, switches } = await crossings(HVM, 'pio');
    // A look at the status register and a REP INSW for each sector.
    expect(exits.find(({ port }) => port === 0x1f0)).toMatchObject({ count: 8, bytes: PAGE_BYTES });
    expect(exits.find(({ port }) => port === 0x1f7)?.count).toBe(11);
    expect(switches).toBe(0);
  });

  it('with the device model in Domain 0 gives the processor away at each access', async () => {
    const { modelRequests, switches, events } = await crossings(`${HVM}device_model_stubdomain_override = 0\n`, 'dma');
    expect([modelRequests, switches, events]).toEqual([15, 30, 0]);
  });

  it('through a ring is two hypercalls, an event there and one back, and one change of processors each way', async () => {
    const { order, exits: _, ...sums } = await crossings(PV, 'xvda');
    expect(sums).toEqual({
      bytes: PAGE_BYTES,
      way: 'ring',
      hypercalls: 2,
      modelRequests: 0,
      events: 1,
      answers: 1,
      switches: 2,
      calls: 0,
      copies: [{ from: 'image', to: 'guest', bytes: PAGE_BYTES }],
      status: 0,
    });
    expect(order.map(({ kind }) => kind)).toEqual(['exit', 'event', 'exit', 'away', 'back']);
  });
});
