import { SlowDisk } from '../../formats/blocks/slow-disk.test-support.ts';
import { MemoryDisk, type BlockDevice, type BlockRequest } from '../../formats/blocks/index.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DRIVE_QUEUE_SLOT_BYTES, DRIVE_QUEUE_SLOTS, MAILBOX, XENHEAP } from '../layout/layout.ts';
import { createDomain, destroyDomain } from '../memory/domain-table.ts';
import { Machine } from '../memory/machine.ts';
import { carriedRequest, IO_HOP, IoTrace, passes, within } from '../tracing/io-trace.ts';
import { Trace } from '../tracing/trace.ts';
import { Mailbox } from '../worker/mailbox.ts';
import { QUEUE, SLOT } from './block-queue.ts';
import { DriveQueue, DriveServer } from './drive-queue.ts';
import { XEN_HVM } from '../interfaces/xen/records.ts';

const SECTORS = 1024;
const read = (at: number, bytes: number): BlockRequest => ({ op: 'read', at, pieces: [new Uint8Array(bytes)] });

function make(disk: BlockDevice = new MemoryDisk(new Uint8Array(SECTORS * 512))) {
  const machine = Machine.create(new SharedArrayBuffer(16 * 2 ** 20));
  const record = createDomain(machine, 1, 256, { guest: XEN_HVM, drives: true });
  const io = new IoTrace(machine, new Trace(machine, record, () => 0));
  const server = new DriveServer(machine, record, io);
  const queue = new DriveQueue(machine, record);
  server.attach(0, disk, 77);
  const { sectorBytes, bytes, readOnly } = disk;
  return {
    machine,
    record,
    server,
    queue,
    mailbox: new Mailbox(machine, record),
    drive: queue.disk(0, { sectorBytes, bytes, readOnly, label: 'disk' }),
  };
}

describe('a drive whose medium another worker has open', () => {
  it('that is gone asks nothing of the medium of the one that comes to its place', () => {
    const medium = new MemoryDisk(new Uint8Array(SECTORS * 512)),
      next = new MemoryDisk(new Uint8Array(SECTORS * 512));
    const { server, queue, drive } = make(medium);
    const answers: boolean[] = [];
    for (let i = 0; i < DRIVE_QUEUE_SLOTS + 3; i++)
      drive.request({ op: 'write', at: 512 * i, pieces: [new Uint8Array(512).fill(7)] }, error => answers.push(!error));
    drive.abandon();
    expect(answers).toEqual([false, false, false]);
    // As Domain 0 does (Services.emptyDrive).
    server.attach(0, undefined);
    server.poll();
    server.attach(0, next);
    queue.poll();
    server.poll();
    queue.poll();
    expect(answers).toHaveLength(DRIVE_QUEUE_SLOTS + 3);
    expect([answers.includes(true), medium.data.includes(7), next.data.includes(7)]).toEqual([false, false, false]);
    const { sectorBytes, bytes, readOnly } = next;
    let isGood: boolean | undefined;
    queue.disk(0, { sectorBytes, bytes, readOnly, label: 'next' }).request(read(0, 512), error => (isGood = !error));
    server.poll();
    queue.poll();
    expect(isGood).toBe(true);
  });

  it('reads and writes what a drive on the medium itself would', () => {
    const request = fc.record({
      writes: fc.boolean(),
      sector: fc.nat(SECTORS - 1),
      sectors: fc.integer({ min: 1, max: 256 }),
      fill: fc.nat(255),
      pieces: fc.integer({ min: 1, max: 3 }),
    });
    const medium = new MemoryDisk(new Uint8Array(SECTORS * 512));
    const made = { ...make(medium), medium };
    fc.assert(
      fc.property(fc.array(request, { maxLength: 20 }), requests => {
        const { server, queue, drive } = made;
        made.medium.data.fill(0);
        const same = new MemoryDisk(new Uint8Array(SECTORS * 512));
        for (const { writes, sector, sectors, fill, pieces } of requests) {
          const count = Math.min(sectors, SECTORS - sector);
          const cut = (bytes: Uint8Array): Uint8Array[] =>
            Array.from({ length: pieces }, (_, i) =>
              bytes.subarray(Math.floor((bytes.length * i) / pieces), Math.floor((bytes.length * (i + 1)) / pieces)),
            );
          const [one, other] = [new Uint8Array(count * 512).fill(fill), new Uint8Array(count * 512).fill(fill)];
          let good: boolean | undefined;
          for (const [disk, bytes] of [
            [drive, one],
            [same, other],
          ] as const) {
            const op = writes ? 'write' : 'read';
            disk.request({ op, at: sector * 512, pieces: cut(bytes) }, error => (good = !error));
            if (disk !== drive) continue;
            expect(good).toBeUndefined();
            server.poll();
            queue.poll();
            expect(good).toBe(true);
          }
          expect(Buffer.compare(one, other)).toBe(0);
        }
      }),
      { numRuns: 30 },
    );
  });

  it('rings Domain 0 for each request and the domain once for all that is answered in one turn', () => {
    const { machine, server, queue, drive, mailbox } = make();
    const domain0 = createDomain(machine, 0, 0, {});
    expect(domain0.index).toBeGreaterThan(0);
    const before = mailbox.doorbellValue;
    let answers = 0;
    for (let i = 0; i < 3; i++)
      drive.request({ op: 'read', at: i * 512, pieces: [new Uint8Array(512)] }, () => answers++);
    expect(server.pending).toBe(true);
    server.poll();
    expect([server.pending, mailbox.doorbellValue - before, answers, queue.isBusy]).toEqual([false, 1, 0, true]);
    queue.poll();
    expect([answers, queue.isBusy]).toEqual([3, false]);
  });

  it('keeps the order of what waits for a slot, and answers in whatever order the medium does', () => {
    const disk = new SlowDisk(new Uint8Array(SECTORS * 512));
    const { server, queue, drive } = make(disk);
    const told: number[] = [];
    for (let i = 0; i < DRIVE_QUEUE_SLOTS + 2; i++)
      drive.request({ op: 'write', at: i * 512, pieces: [new Uint8Array(512).fill(i + 1)] }, () => told.push(i));
    server.poll();
    expect(disk.waiting.length).toBe(DRIVE_QUEUE_SLOTS);
    disk.waiting.splice(2, 1)[0]();
    queue.poll();
    server.poll();
    expect([told, disk.waiting.length]).toEqual([[2], DRIVE_QUEUE_SLOTS]);
    while (disk.waiting.length > 0) {
      disk.waiting.shift()!();
      queue.poll();
      server.poll();
    }
    expect([...told].sort()).toEqual([0, 1, 2, 3, 4, 5]);
    expect(Array.from({ length: 6 }, (_, i) => disk.data[i * 512])).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it('is told of a medium that fails, of one that is gone, and of what does not lie on it', () => {
    const { machine, record, server, queue, drive } = make();
    const asked = (request: BlockRequest, of = drive): boolean | undefined => {
      let good: boolean | undefined;
      of.request(request, error => (good = !error));
      server.poll();
      queue.poll();
      return good;
    };
    expect(asked(read((SECTORS - 1) * 512, 1024))).toBe(false);
    expect(asked(read(0, 100))).toBe(false);
    expect(asked(read(2 ** 49, 512))).toBe(false);
    expect(asked({ op: 'discard', at: 0, bytes: 4096 })).toBe(false);
    const nowhere = queue.disk(5, { sectorBytes: 512, bytes: 4096, readOnly: false, label: '' });
    expect(asked({ op: 'flush' }, nowhere)).toBe(false);
    expect(() => asked(read(0, DRIVE_QUEUE_SLOT_BYTES + 512))).toThrow(RangeError);
    expect(asked({ op: 'flush' })).toBe(true);
    server.attach(0, undefined);
    expect(asked({ op: 'flush' })).toBe(false);
    // Whatever stands in its words, Domain 0 goes on.
    const words = machine.words.subarray(record.drivesOffset >>> 2);
    fc.assert(
      fc.property(fc.array(fc.integer(), { minLength: 8, maxLength: 8 }), values => {
        server.attach(0, new MemoryDisk(new Uint8Array(4096)));
        words.set(values, QUEUE.SLOTS);
        words[QUEUE.SLOTS + SLOT.STATE] = 1;
        words[QUEUE.ASKED]++;
        server.poll();
        expect([words[QUEUE.SLOTS + SLOT.STATE], server.isBusy]).toEqual([2, false]);
      }),
      { numRuns: 200 },
    );
  });

  it('answers the guest that looks at it as soon as the other end has, and keeps it no longer than a moment', () => {
    const { server, drive } = make();
    let answers = 0;
    drive.settle();
    drive.request(read(0, 512), () => answers++);
    drive.settle();
    expect(answers).toBe(0);
    server.poll();
    for (let looks = 0; looks < 4 && answers === 0; looks++) drive.settle();
    expect(answers).toBe(1);
  });

  it("on the host's disk is served by the storage worker, by nobody else, and hears what a request has passed there", () => {
    const { machine, record, server, drive } = make();
    const storage = new DriveServer(machine, record, 'storage');
    class Passed extends MemoryDisk {
      override read(at: number, into: Uint8Array): void {
        passes(IO_HOP.PARTITION, 3, at / 512);
        super.read(at, into);
      }
    }
    const medium = new Passed(new Uint8Array(SECTORS * 512).fill(9));
    storage.serve(0, medium);
    server.attach(0, 'storage', 78);
    const queue = new DriveQueue(machine, record);
    const own = queue.disk(0, { sectorBytes: 512, bytes: SECTORS * 512, readOnly: false, label: '' });
    const hops: number[][] = [];
    const into = new Uint8Array(512);
    const rings = [XENHEAP.STORAGE_DOORBELL, (machine.domain(0).mailboxOffset >>> 2) + MAILBOX.DOORBELL].map(
      word => () => Atomics.load(machine.words, word),
    );
    const before = rings.map(count => count());
    within({ hop: (...hop) => void hops.push(hop) }, 12, () =>
      own.request({ op: 'read', at: 5 * 512, pieces: [into] }, () => {}),
    );
    expect(rings.map((count, i) => count() - before[i])).toEqual([1, 0]);
    server.poll();
    queue.poll();
    expect([into[0], storage.pending]).toEqual([0, true]);
    storage.poll();
    queue.poll();
    expect([into[0], hops]).toEqual([9, [[12, IO_HOP.PARTITION, 0, 3, 5]]]);
    // Once PV drivers have used the medium, the drive writes no more.
    const write = (): boolean | undefined => {
      let good: boolean | undefined;
      own.request({ op: 'write', at: 0, pieces: [new Uint8Array(512)] }, error => (good = !error));
      storage.poll();
      queue.poll();
      return good;
    };
    expect(write()).toBe(true);
    server.setClaimed(0, true);
    expect(write()).toBe(false);
    server.setClaimed(0, false);
    expect(write()).toBe(true);
    expect((drive as unknown as { fingerprint(): number }).fingerprint()).toBe(78);
  });

  it('that asks again and again without an answer is refused at last', () => {
    const { drive } = make(new SlowDisk(new Uint8Array(SECTORS * 512)));
    let refused = 0;
    for (let i = 0; i < 100; i++) drive.request({ op: 'flush' }, error => (refused += error ? 1 : 0));
    expect(refused).toBe(100 - DRIVE_QUEUE_SLOTS - 32);
  });

  it('whose domain goes is answered no more, and its records stay as long as data may be moved', () => {
    const disk = new SlowDisk(new Uint8Array(SECTORS * 512));
    const { machine, record, server, queue, drive } = make(disk);
    let told = false;
    drive.request(read(0, 512), () => (told = true));
    server.poll();
    server.close();
    drive.request(read(512, 512), () => {});
    expect([server.pending, server.isBusy]).toEqual([false, true]);
    disk.waiting[0]();
    queue.poll();
    expect([told, server.isBusy]).toEqual([false, false]);
    expect(destroyDomain(machine, record)).toBe(true);
  });

  it('has one number for a request at both ends', () => {
    const carried: number[] = [];
    class Seen extends MemoryDisk {
      override read(at: number, into: Uint8Array): void {
        carried.push(carriedRequest());
        super.read(at, into);
      }
    }
    const { machine, record, server, drive } = make(new Seen(new Uint8Array(SECTORS * 512)));
    const io = new IoTrace(machine, new Trace(machine, record, () => 0));
    const request = io.begin();
    io.within(request, () => drive.request(read(3 * 512, 512), () => {}));
    drive.request(read(4 * 512, 512), () => {});
    server.poll();
    expect(carried).toEqual([request, 0]);
  });

  it('knows its medium by what the other end says of it', () => {
    const { drive } = make();
    expect((drive as unknown as { fingerprint(): number }).fingerprint()).toBe(77);
  });
});
