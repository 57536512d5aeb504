/** Guests on disks that another machine serves: what they write is there, also when the connection or the server was lost meanwhile. */
import { describe, expect, it } from 'vitest';
import { MemoryDisk } from '../../formats/blocks/index.ts';
import { channels } from '../host/nbd/channels.test-support.ts';
import { type ByteChannel, type NbdExports, serveNbd, type Sockets } from '../host/nbd/index.ts';
import { MemoryStore, Storage, writerKernel, writerProblem } from '../host/storage/index.ts';
import { doneBy } from '../host/nbd/network-disk.ts';
import { NetworkDisks } from '../host/nbd/network-disks.ts';
import { dotsOf, later, testFile, testFiles, testHost, until } from './host.test-support.ts';

const BYTES = 2 ** 20,
  SECTOR_BYTES = 512;
const kernel = testFile('writer.elf', writerKernel);
const definition = (name: string, target = 'nbd://store/web') =>
  testFile(
    `${name}.cfg`,
    `name = "${name}"\ntype = "hvm"\nmemory = 4\nkernel = "writer.elf"\ndisk = ["${target},raw,xvda,w"]\n`,
  );

/** A machine whose server may end, with all that was not flushed. */
class Machine implements Sockets {
  durable = new Uint8Array(BYTES);
  cached = new MemoryDisk(new Uint8Array(BYTES));
  isThere = true;
  private readonly channels = new Set<ByteChannel>();
  /** What hosts send is on its way, as in the buffer of a socket whose cable was pulled. */
  held: (() => void)[] | undefined;

  async connect({ host }: { host: string }): Promise<ByteChannel> {
    if (!this.isThere || host !== 'store') throw new Error(`${host} does not answer: connect ECONNREFUSED`);
    const [ours, there] = channels();
    this.channels.add(there);
    let isReset = false;
    const send = (bytes: Uint8Array): void => {
      const go = (): void => {
        if (!isReset) ours.send(bytes);
      };
      if (this.held) this.held.push(go);
      else go();
    };
    const reset = (): void => {
      isReset = true;
      ours.close();
    };
    const here = { ...ours, send, reset, close: () => (this.held ? this.held.push(() => ours.close()) : ours.close()) };
    const { cached } = this;
    const device = cached.behind((request, done) => {
      // What comes after its end changes nothing.
      if (cached !== this.cached) return;
      if (request.op === 'flush') this.durable = cached.data.slice();
      cached.request(request, done);
    });
    const entry = { device, readOnly: false, close: () => this.channels.delete(there) };
    const find: NbdExports['open'] = name => (name === 'web' ? entry : `export '${name}' not present`);
    serveNbd(there, { names: () => ['web'], open: find, look: find });
    return here;
  }

  listen(): Promise<never> {
    throw new Error('Nobody listens here.');
  }

  cut(): void {
    for (const channel of this.channels) channel.close();
  }

  /** The cable is plugged in again: what was on its way comes. */
  arrive(): void {
    const { held = [] } = this;
    this.held = undefined;
    for (const go of held) go();
  }

  /** Its power fails, and comes back. */
  crash(): void {
    this.cached = new MemoryDisk(this.durable.slice());
    this.cut();
  }
}

describe('a disk of another machine', () => {
  it('is left alone while the guest may be another host’s by now: nothing is written, nor written again', async () => {
    const machine = new Machine();
    const disks = new NetworkDisks(machine, (ms, callback) => later(ms / 50, callback));
    await disks.look('nbd://store/web', SECTOR_BYTES);
    let isOurs = true;
    const { medium } = disks.open('nbd://store/web', 'web', true, () => isOurs);
    const write = (sector: number, value: number): Promise<void> =>
      doneBy(medium, { op: 'write', at: sector * SECTOR_BYTES, pieces: [new Uint8Array(SECTOR_BYTES).fill(value)] });
    const there = (): number[] => [0, SECTOR_BYTES].map(at => machine.cached.data[at]!);
    await write(0, 1);
    // This host sleeps, and another one writes.
    isOurs = false;
    machine.cached.data.fill(2);
    machine.cut();
    const written = write(1, 3);
    await new Promise<void>(resolve => void later(100, resolve));
    expect(there()).toEqual([2, 2]);
    // It was not so: the guest is this host's.
    isOurs = true;
    await written;
    expect(there()).toEqual([1, 3]);
  });
});

describe('a write from before a cut', () => {
  /** A guest's disk on which 1 was written, and 3 has been on its way since the network was cut; another host then wrote 2. */
  async function cutOff() {
    const machine = new Machine();
    const disks = new NetworkDisks(machine, (ms, callback) => later(ms / 50, callback));
    await disks.look('nbd://store/web', SECTOR_BYTES);
    const sure = { isOurs: true };
    const disk = disks.open('nbd://store/web', 'web', true, () => sure.isOurs);
    const write = (value: number): Promise<void> =>
      doneBy(disk.medium, { op: 'write', at: 0, pieces: [new Uint8Array(SECTOR_BYTES).fill(value)] });
    await write(1);
    machine.held = [];
    const late = write(3);
    late.catch(() => {});
    const come = async (): Promise<number> => {
      machine.cached.data.fill(2);
      machine.arrive();
      await new Promise<void>(resolve => void later(50, resolve));
      return machine.cached.data[0]!;
    };
    return { machine, disks, disk, sure, late, come };
  }

  it('does not arrive after it once the guest may be another host’s, though nobody asks the disk for anything', async () => {
    const { disks, sure, late, come } = await cutOff();
    sure.isOurs = false;
    disks.fence();
    expect(await come()).toBe(2);
    // The guest is this host's after all: what it wrote is written.
    sure.isOurs = true;
    await late;
  });

  it('is sent again by no connection that was just being made when the guest was fenced', async () => {
    const { machine, disks, sure, come } = await cutOff();
    // The server has lost its connections, and what was not flushed is to be written again.
    machine.arrive();
    await new Promise<void>(resolve => void later(20, resolve));
    machine.cut();
    await new Promise<void>(resolve => void later(0, resolve));
    machine.held = [];
    await new Promise<void>(resolve => void later(30, resolve));
    sure.isOurs = false;
    disks.fence();
    expect(await come()).toBe(2);
  });

  it('does not arrive after it where its guest has ended meanwhile', async () => {
    const { disk, come } = await cutOff();
    disk.close();
    expect(await come()).toBe(2);
  });
});

describe('a guest on a disk of another machine', () => {
  it('goes on when the connection and the server were lost, and nothing that it was told to be durable is', async () => {
    const machine = new Machine();
    const host = testHost({ sockets: machine });
    const { id } = await host.create([definition('web'), kernel]);
    const dots = await dotsOf(host, id);
    for (const hurt of [() => machine.cut(), () => machine.crash(), () => machine.crash()]) {
      const before = dots();
      await until(() => dots() > before + 20);
      hurt();
      expect(writerProblem(machine.durable.subarray(0, 256 * 512), dots())).toBeUndefined();
    }
    await until(() => dots() > 100);
    expect(writerProblem(machine.durable.subarray(0, 256 * 512), dots())).toBeUndefined();
    await host.destroy(id);
  });

  it('has it alone, and is not made where nobody serves it', async () => {
    const machine = new Machine();
    const host = testHost({ sockets: machine });
    const { id } = await host.create([definition('web'), kernel]);
    await expect(host.create([definition('other'), kernel])).rejects.toThrow(
      'Device nbd://store/web is mounted read-write in web, and so cannot be mounted now.',
    );
    await host.destroy(id);
    await host.destroy((await host.create([definition('other'), kernel])).id);
    await expect(host.create([definition('mail', 'nbd://store/mail'), kernel])).rejects.toThrow(
      "export 'mail' not present",
    );
    await expect(host.create([definition('far', 'nbd://far/web'), kernel])).rejects.toThrow('far does not answer');
    await expect(testHost().create([definition('page'), kernel])).rejects.toThrow('a page has no TCP');
    expect((await host.list()).length).toBe(0);
  });

  it('is in no snapshot, and is found again when the guest is restored', async () => {
    const machine = new Machine();
    const storage = await Storage.open({ store: new MemoryStore(), epochMs: () => 0, random: () => 0 });
    const files = await testFiles();
    const host = testHost({ sockets: machine, files, storage: async () => storage });
    const { id } = await host.create([definition('web'), kernel]);
    await expect(host.snapshot('web', 'now')).rejects.toThrow(
      'nbd://store/web is a disk of another machine, and cannot be copied here. Take the snapshot there.',
    );
    const dots = await dotsOf(host, id);
    await until(() => dots() > 5);
    const state = { name: 'web.save', data: await host.save(id) };
    await host.destroy(id);
    const again = testHost({ sockets: machine, files, storage: async () => storage });
    const restored = await again.restore(state);
    const more = await dotsOf(again, restored.id);
    await until(() => more() > 5);
    await again.destroy(restored.id);
  });
});
