import { MemoryDisk } from '../../../formats/blocks/index.ts';
import { describe, expect, it } from 'vitest';
import { ExitReason, IO_REP, IO_STRING } from '../../../cpu/architecture/index.ts';
import { IO_HOP, IO_OP, IoTrace, partOfRequest, Trace, TRACE_KIND } from '../../../hypervisor/tracing/index.ts';
import { tracedDrives } from '../../../hypervisor/disks/index.ts';
import { DOMAIN_TRACE } from '../../../hypervisor/layout/layout.ts';
import { createDomain, DOMAIN_0, Machine } from '../../../hypervisor/memory/index.ts';
import { Dom0 } from '../../../hypervisor/interfaces/xen/index.ts';
import { MachineView } from '../../../hypervisor/view/index.ts';
import { MediumDisk, MemoryStore, Storage } from '../../host/storage/index.ts';
import { Follower, formatFollowed, type Names } from './follow.ts';

const NAMES: Names = {
  domain: domid => `d${domid}`,
  disk: () => 'xvda',
  volume: index => `vg0/v${index}`,
  bridgePort: number => `p${number}`,
};

async function make() {
  const memory = new SharedArrayBuffer(32 * 2 ** 20);
  const machine = Machine.create(memory);
  new Dom0(machine);
  const record = createDomain(machine, 2, 512);
  // Clocks of their own: the guest's has gone for an hour and more.
  const clocks = { host: 1000, guest: 4e12 };
  const host = new Trace(machine, machine.domain(DOMAIN_0), () => (clocks.host += 3000)),
    guest = new Trace(machine, record, () => (clocks.guest += 7000));
  const storage = await Storage.open({
    store: new MemoryStore(),
    epochMs: () => 0,
    random: () => 3,
    diskBytes: 2 ** 30,
  });
  storage.createVolume('a', 2 ** 24);
  storage.createVolume('b', 2 ** 24);
  const written = (which: typeof record): number => machine.words[(which.traceOffset >>> 2) + DOMAIN_TRACE.WRITTEN];
  return {
    machine,
    record,
    host,
    guest,
    storage,
    io: new IoTrace(machine, host),
    view: new MachineView(memory),
    written,
  };
}

describe('a request that is followed', () => {
  it('has one number at every place from its exit to the file, as disk-path says it, and costs no record where nobody watches', async () => {
    const { record, host, guest, storage, io, view, written, machine } = await make();
    const disk = new MediumDisk({ medium: storage.medium('vg0/b'), label: 'b', later: () => () => {}, say: () => {} });
    const [drive] = tracedDrives([{ place: 0, kind: 'disk', disk }], io, record);
    const sector = 8192 + 5;
    drive.disk?.write(sector * 512, new Uint8Array(1024).fill(7));
    expect([written(record), written(machine.domain(DOMAIN_0))]).toEqual([0, 0]);

    const follower = new Follower(view);
    guest.add(TRACE_KIND.IOREQ, 0, 0xc000, 1, 1);
    drive.disk?.read(sector * 512, new Uint8Array(1024));
    // What came later did not tell of it.
    guest.add(TRACE_KIND.IOREQ, 0, 0x1f7, 1, 0);
    follower.read();
    const [request] = follower.list(record.id);
    expect(request.hops.map(({ hop }) => hop)).toEqual([
      IO_HOP.EXIT,
      IO_HOP.DRIVE,
      IO_HOP.SECTORS,
      IO_HOP.DATA,
      IO_HOP.VOLUME,
      IO_HOP.PARTITION,
      IO_HOP.DISK,
      IO_HOP.STORED,
      IO_HOP.DONE,
    ]);
    const way = storage.diskPath('vg0/b', sector);
    const at = (layer: string): number => (way.find(place => place.layer === layer)?.at ?? NaN) / 512;
    const details = (hop: number): number[] | undefined => request.hops.find(each => each.hop === hop)?.details;
    expect(details(IO_HOP.DRIVE)).toEqual([0, IO_OP.READ]);
    expect(storage.volumeName(details(IO_HOP.VOLUME)?.[0] ?? -1)).toBe('b');
    expect(details(IO_HOP.VOLUME)?.[1]).toBe(8192 / 8192);
    expect(details(IO_HOP.DATA)).toEqual([1024, 0]);
    expect(details(IO_HOP.DISK)).toEqual([at('disk sda'), 2]);
    const [slot, within] = details(IO_HOP.STORED) ?? [];
    expect(slot * 2048 + within).toBe(at('file disk.data'));
    expect(formatFollowed(request, NAMES)).toContain('exit          vCPU 0: I/O instruction, writes port 0xc000');
    follower.close();
    expect([host.on, guest.on]).toEqual([false, false]);
  });

  it('is told in the time of who wrote each record: clocks are not mixed', async () => {
    const { machine, record, guest, io, view } = await make();
    const follower = new Follower(view);
    const card = new IoTrace(machine, guest);
    const number = card.begin();
    card.told(number, record, -1);
    card.hop(number, IO_HOP.CARD, record.id, 60, 1);
    io.hop(number, IO_HOP.PORT_IN, 0, 1, 60);
    io.hop(number, IO_HOP.PORT_OUT, 0, 2, 60);
    follower.read();
    const [request] = follower.list(record.id);
    expect(request.hops.map(({ hop, writer }) => [hop, writer])).toEqual([
      [IO_HOP.EXIT, record.id],
      [IO_HOP.CARD, record.id],
      [IO_HOP.PORT_IN, DOMAIN_0],
      [IO_HOP.PORT_OUT, DOMAIN_0],
    ]);
    const times = [...formatFollowed(request, NAMES).matchAll(/(\S+) us$/gm)].map(([, us]) => us);
    expect(times).toEqual(['+0', '+7', '+0', '+3']);
    follower.close();
  });

  it('took the exits since what told of the one before it, by reason and port with what they carried, and says nothing where it did not see them all', async () => {
    const { record, guest, io, view } = await make();
    const follower = new Follower(view);
    const exit = (reason: number, qualification = 0, detail = 0) => {
      guest.beginExit(0, reason, 0xc000, qualification, 0);
      guest.detail(detail);
    };
    const command = () => {
      exit(ExitReason.IO, 0x1f7 << 16);
      guest.add(TRACE_KIND.IOREQ, 0, 0x1f7, 1, 1);
      const number = io.begin();
      io.told(number, record, -1);
      return number;
    };
    const numbers = [command()];
    // Two words alone and a REP INSW of a sector.
    for (let i = 0; i < 2; i++) exit(ExitReason.IO, (0x1f0 << 16) | 9, 0xffff);
    exit(ExitReason.IO, (0x1f0 << 16) | IO_REP | IO_STRING | 9, 512);
    exit(ExitReason.HLT);
    numbers.push(command());
    exit(ExitReason.IO, 0x1f0 << 16);
    follower.read();
    for (let i = 0; i < 600; i++) exit(ExitReason.HLT);
    numbers.push(command());
    follower.read();
    const exits = new Map(follower.list(record.id).map(each => [each.number, each.exits]));
    expect(numbers.map(number => exits.get(number))).toEqual([
      // Of the first one those since it is watched: one request alone is counted, too.
      [{ reason: ExitReason.IO, port: 0x1f7, count: 1, bytes: 1 }],
      [
        { reason: ExitReason.IO, port: 0x1f0, count: 3, bytes: 516 },
        { reason: ExitReason.HLT, count: 1 },
        { reason: ExitReason.IO, port: 0x1f7, count: 1, bytes: 1 },
      ],
      undefined,
    ]);
    expect(follower.missed).toBeGreaterThan(0);
    follower.close();
  });

  it('is among the first of its domain, of which no more are listed than are asked for', async () => {
    const { record, io, view } = await make();
    const follower = new Follower(view);
    const numbers = Array.from({ length: 6 }, (_, i) => {
      const number = io.begin();
      io.hop(number, IO_HOP.FRONT_END, i % 2 === 0 ? record.id : 99, 0, 0);
      return number;
    });
    io.hop(numbers[0], IO_HOP.DONE, 0, 0, 0);
    io.hop(numbers[4], IO_HOP.DONE, 0, 0, 0);
    follower.read();
    expect(follower.list(record.id, 2).map(({ number }) => number)).toEqual([numbers[0], numbers[2]]);
    expect(follower.progress(2, record.id)).toEqual({ begun: 2, done: 1, places: 3 });
    expect(follower.progress(9, record.id)).toEqual({ begun: 3, done: 2, places: 5 });
    follower.close();
  });

  it('is found beside a busy neighbour, whose own are not followed', async () => {
    const { machine, record, io, view } = await make();
    const neighbour = createDomain(machine, 2, 512);
    const drives = [record, neighbour].map(
      of => tracedDrives([{ place: 0, kind: 'disk', disk: new MemoryDisk(new Uint8Array(4096)) }], io, of)[0].disk!,
    );
    const follower = new Follower(view, record.id);
    drives[0].read(512, new Uint8Array(512));
    // Many times what Domain 0's trace holds.
    for (let i = 0; i < 2000; i++) drives[1].read(0, new Uint8Array(512));
    follower.read();
    expect([follower.missed, follower.progress(9, record.id), follower.list().length]).toEqual([
      0,
      { begun: 1, done: 1, places: 5 },
      1,
    ]);
    expect(formatFollowed(follower.list(record.id)[0], NAMES)).toMatch(
      /\n {2}exits {9}0 since the request before it, or the first look\n$/,
    );
    follower.close();
  });

  it('keeps its number when a part of it is put off, and another one has another', async () => {
    const { io, record, view } = await make();
    const follower = new Follower(view);
    const late: (() => void)[] = [];
    const [drive] = tracedDrives([{ place: 1, kind: 'disk', disk: new MemoryDisk(new Uint8Array(4096)) }], io, record);
    const first = io.begin();
    io.within(first, () => late.push(partOfRequest(() => io.hop(first, IO_HOP.CONTROLLER, 0, 0x25, 1))));
    drive.disk?.flush();
    for (const work of late) work();
    follower.read();
    const all = follower.list();
    expect(all.map(({ number, isDone }) => [number - first, isDone])).toEqual([
      [0, false],
      [1, true],
    ]);
    follower.close();
  });
});
