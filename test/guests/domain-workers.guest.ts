/** Domains in worker threads, as the page has them in web workers: one machine memory, one run queue, doorbells between them. */
import { MemoryDisk } from '../../src/formats/blocks/index.ts';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  countSectors,
  eventAnswerer,
  eventSender,
  hog,
  sleeper,
  xenLoop,
} from '../../src/workshop/bench-hypervisor/guests.ts';
import { countOf, sleep, WorkerHost } from '../../src/workshop/bench-hypervisor/host.ts';
import { SECTORS } from '../../src/workshop/bench-hypervisor/ioreq.ts';
import { later, sharedMs } from '../../src/cli/node-clock.ts';
import { asm } from '../../src/cpu/test-support/asm.ts';
import { spawnDomainWorker, spawnStorageWorker } from '../../src/cli/node-worker.ts';
import type { NamedFile } from '../../src/dom0/definitions/verdicts.ts';
import { Cable, GUESTS, watch, xl } from '../../src/dom0/pool/migration/pair.test-support.ts';
import type { Task } from '../../src/dom0/toolstack/wire.ts';
import { createHost } from '../../src/dom0/service/create-host.ts';
import type { Host, HostParts } from '../../src/dom0/service/host.ts';
import { MemoryStore, openRemoteStore, Storage, type StorageWorker } from '../../src/dom0/host/storage/index.ts';
import { COMMANDS } from '../../src/dom0/toolstack/commands/index.ts';
import { inWorkers } from '../../src/dom0/toolstack/runners/in-workers.ts';
import type { WorkerLike } from '../../src/dom0/toolstack/runners/worker-watch.ts';
import { DRIVE_QUEUE } from '../../src/hypervisor/layout/layout.ts';
import { audit } from '../../src/hypervisor/memory/audit.ts';
import { DOMAIN_0 } from '../../src/hypervisor/memory/machine.ts';
import { Pod } from '../../src/hypervisor/interfaces/xen/memory/pod.ts';
import { program } from '../../src/hypervisor/domain/program.test-support.ts';
import { Ringside } from '../support/command-line.ts';
import { file } from '../support/needs.ts';
import { modelAccount } from '../../src/hypervisor/interfaces/xen/view/index.ts';

let folder: string;
beforeAll(async () => {
  const { buildProgram } = (await import(file('scripts/build.mjs'))) as { buildProgram(name: string): Promise<string> };
  folder = dirname(await buildProgram('bench-hypervisor'));
}, 300_000);

const hosts: WorkerHost[] = [];
afterAll(async () => {
  for (const host of hosts) await host.end();
});

function make(pcpus: number): WorkerHost {
  const host = new WorkerHost(pcpus, folder);
  hosts.push(host);
  return host;
}

/** Until something holds; these tests promise no times. */
async function until(what: () => boolean): Promise<void> {
  for (let i = 0; i < 1800 && !what(); i++) await sleep(100);
  expect(what()).toBe(true);
}

describe('domain workers', () => {
  it('share one slot: never two at once, and each gets on', async () => {
    const host = make(1);
    const records = [await host.start('one', hog()), await host.start('two', hog())];
    const before = records.map(record => countOf(host.machine, record));
    await until(() => records.every((record, i) => countOf(host.machine, record) - before[i] > 100_000));
    for (let i = 0; i < 20; i++) {
      expect(records.filter(({ index }) => host.toolstack.queue.runs(index)).length).toBeLessThanOrEqual(1);
      await sleep(5);
    }
    await until(() => host.toolstack.view.scheduler.decisions().filter(({ why }) => why === 'TURN').length > 1);
    await host.end();
  });

  it.each([1, 2])('reach devices in Domain 0, which works in a slot of its own: %i of them', async pcpus => {
    const host = make(pcpus);
    const { services } = host.toolstack;
    const record = await host.start('guest', countSectors(), { xen: 'hvm', modelInDomain0: true, disk: SECTORS });
    await until(() => countOf(host.machine, record) > 200);
    // The sector has come through Domain 0 into the guest's memory, to be seen by all.
    const mfn = host.machine.secondStage(record).mfn(0x200);
    expect([...host.machine.bytes.subarray(mfn * 4096, mfn * 4096 + 512)].every(byte => byte === 0x5a)).toBe(true);
    expect(host.toolstack.view.scheduler.runstates(DOMAIN_0).running).toBeGreaterThan(0);
    const { where, requests, ns } = modelAccount(host.toolstack.view.domain(record.id)!);
    expect([where, requests > 200, ns > 0]).toEqual(['Domain-0', true, true]);
    await host.end();
    expect(audit(host.machine, services.dom0.held)).toEqual([]);
    expect(host.toolstack.dying.size).toBe(0);
  });

  it('reach media in Domain 0 from devices of their own; one that is ended in the middle leaves nothing behind', async () => {
    const host = make(2);
    const { machine, toolstack } = host;
    const free = machine.freeFrames;
    const record = await host.start('guest', countSectors(), { xen: 'hvm', disk: SECTORS });
    await until(() => countOf(machine, record) > 200);
    const mfn = machine.secondStage(record).mfn(0x200);
    expect([...machine.bytes.subarray(mfn * 4096, mfn * 4096 + 512)].every(byte => byte === 0x5a)).toBe(true);
    expect(modelAccount(toolstack.view.domain(record.id)!).where).not.toBe('Domain-0');
    await host.kill(record);
    await host.end();
    await until(() => toolstack.dying.size === 0);
    expect([machine.freeFrames, audit(machine, toolstack.services.dom0.held)]).toEqual([free, []]);
  });

  it('sleep without a slot, and wake for their timers', async () => {
    const host = make(1);
    const record = await host.start('sleeper', sleeper());
    const other = await host.start('hog', hog());
    await until(() => countOf(host.machine, record) > 20 && countOf(host.machine, other) > 100_000);
    expect(host.toolstack.view.scheduler.runstates(record.index).blocked).toBeGreaterThan(0);
    await host.end();
  });

  it('send each other events over a port, thousands of times without losing one', async () => {
    const host = make(2);
    await host.start('answerer', eventAnswerer(2, true), { xen: 'pvh' });
    const sender = await host.start('sender', eventSender(1), { xen: 'pvh' });
    await until(() => countOf(host.machine, sender) > 5000);
    await host.end();
  });

  it('leave nothing behind when they are destroyed', async () => {
    const host = make(1);
    const free = host.machine.freeFrames;
    const record = await host.start('one', hog());
    await until(() => countOf(host.machine, record) > 1000);
    await host.end();
    expect(host.toolstack.dying.size).toBe(0);
    expect(host.machine.freeFrames).toBe(free);
    expect(host.toolstack.queue.runs(record.index)).toBe(false);
  });
});

const FOR_EVER = 0xffffffff;

describe('memory that is taken from a domain while it runs', () => {
  /**
   * Over 64 pages from 0x180000: writes a number, looks at it, writes 0, looks at it; then counts. What is not as it was written stops the guest:
   * mov esi, 0x180000; inc eax; mov [esi], eax; cmp [esi], eax; jne out; mov [esi], 0; cmp [esi], 0; jne out; add esi, 0x1000; cmp esi, 0x1c0000;
   * jne back; inc [0x9000]; jmp over; out: cli; hlt
   */
  const CHECKER =
    'be 00 00 18 00 40 89 06 39 06 75 21 c7 06 00 00 00 00 83 3e 00 75 16 81 c6 00 10 00 00 81 fe 00 00 1c 00 75 e0 ff 05 00 90 00 00 eb 02 fa f4';

  it('by the sweep for zeroes that another one needs: nobody sees the other through a stale translation', async () => {
    const host = make(1);
    const { machine } = host;
    const { dom0 } = host.toolstack.services;
    const free = machine.freeFrames;
    const record = await host.start('checker', xenLoop(CHECKER, FOR_EVER), { xen: 'pvh', populateMiB: 3 });
    const pod = new Pod(machine, record);
    await until(() => countOf(machine, record) > 100);
    let random = 1;
    for (let round = 0; round < 200; round++) {
      for (let i = 0; i < 30; i++) {
        random = (Math.imul(random, 1664525) + 1013904223) >>> 0;
        const page = dom0.mapForeign(record.id, 0x200 + (random >>> 23));
        expect(page.words.every(word => word === 0)).toBe(true);
        // A guest that still reached the frame would find this, and stop.
        for (let again = 0; again < 2000; again++) Atomics.store(page.words, 0, again);
        Atomics.store(page.words, 0, 0);
        page.unmap();
      }
      if (round % 20 === 0) await sleep(1);
    }
    expect(pod.sweeps).toBeGreaterThan(0);
    const before = countOf(machine, record);
    await until(() => countOf(machine, record) > before + 1000);
    await host.end();
    expect(host.toolstack.dying.size).toBe(0);
    expect(machine.freeFrames).toBe(free);
  });

  it('does not stay as it was in the code that it runs', async () => {
    const host = make(1);
    const { machine } = host;
    const { dom0 } = host.toolstack.services;
    const PAGE = 0x30;
    // mov edi, 0x30000; call edi; mov [0x9000], eax
    const record = await host.start('runner', xenLoop('bf 00 00 03 00 ff d7 a3 00 90 00 00', FOR_EVER), {
      xen: 'pvh',
      attach: ({ id }) => {
        const page = dom0.mapForeign(id, PAGE);
        page.bytes.set(asm('mov eax, 1; ret'));
        page.unmap();
      },
    });
    await until(() => countOf(machine, record) === 1);
    for (let value = 2; value < 20; value++) {
      const page = dom0.mapForeign(record.id, PAGE);
      page.bytes[1] = value;
      await until(() => countOf(machine, record) === value);
      page.bytes[2] = 1;
      await until(() => countOf(machine, record) === 256 + value);
      page.bytes[2] = 0;
      page.unmap();
    }
    await host.end();
    expect(host.toolstack.dying.size).toBe(0);
  });
});

describe('a domain worker that is ended by force', () => {
  it('leaves tables that hold together, a report, and neighbours that go on; all its frames come back', async () => {
    const host = make(3);
    const { machine } = host;
    const other = await host.start('hog', hog());
    const answerer = await host.start('answerer', eventAnswerer(3, false), { xen: 'pvh' });
    // What was free when the first was gone: the answerer gives a page back when it maps its shared_info.
    let free = -1;
    // Each sender is another domain: the answerer's port is for domain 3 alone, so that the later ones are hogs that are ended, too.
    for (let life = 0; life < 2; life++) {
      const sender =
        life === 0
          ? await host.start('sender', eventSender(answerer.id), { xen: 'pvh' })
          : await host.start('late', hog());
      await until(() => countOf(machine, sender) > 100);
      const { kind, sentence, report, workerDied } = await host.kill(sender);
      expect({ kind, workerDied }).toEqual({ kind: 'crash', workerDied: true });
      expect(sentence).toContain('internal error');
      expect(report).toContain('last exits (of ');
      await host.remove(sender);
      expect(host.toolstack.dying.size).toBe(0);
      if (life > 0) expect(machine.freeFrames).toBe(free);
      free = machine.freeFrames;
      const before = countOf(machine, other);
      await until(() => countOf(machine, other) > before + 10_000);
    }
    await host.end();
    expect(audit(machine, host.toolstack.services.dom0.held)).toEqual([]);
  });
});

describe('ringside boot with several guests and slots', () => {
  it('runs each in a worker, shows whole lines with names, and ends with the highest status', async () => {
    const place = mkdtempSync(join(tmpdir(), 'ringside-workers-'));
    const guest = (name: string, status: number): string => {
      const say = [...`I am ${name}\n`].map(letter => `mov al, ${letter.charCodeAt(0)}; out dx, al`);
      writeFileSync(join(place, name), program(['mov edx, 0x3f8', ...say, `mov al, ${status}; out 0xf4, al; hlt`]));
      return join(place, name);
    };
    const vm = new Ringside('boot', guest('one', 1), guest('two', 2), '--pcpus', '2');
    expect(await vm.end(100)).toBe(5);
    expect(vm.output.split('\n').sort()).toEqual(['', 'one: I am one', 'two: I am two']);
    rmSync(place, { recursive: true });
  });
});

const DEMO = new Uint8Array(readFileSync(file('guests/demo/demo.elf')));
/** In node's threads, as the page has them in web workers. */
function makeHost(parts: Partial<HostParts> = {}): { host: Host; workers: WorkerLike[] } {
  const workers: WorkerLike[] = [];
  const spawn = (): WorkerLike => {
    const worker = spawnDomainWorker(folder);
    workers.push(worker);
    return worker;
  };
  const host = createHost({
    version: 'test',
    memory: new SharedArrayBuffer(128 * 2 ** 20),
    runners: inWorkers({ spawn, later, hostMs: sharedMs, endsSilently: true }),
    soon: callback => setImmediate(callback),
    later,
    hostMs: sharedMs,
    epochMs: () => Date.now(),
    ...parts,
  });
  return { host, workers };
}

describe('a guest whose worker was ended by force, to whom a host is shown', () => {
  const files = (name: string, more = ''): NamedFile[] => [
    {
      name: `${name}.cfg`,
      data: new Blob([`name = "${name.split(' ')[0]}"\ntype = "hvm"\nmemory = 16\nkernel = "demo.elf"\n${more}`]),
    },
    { name: 'demo.elf', data: new Blob([DEMO]) },
  ];
  const stateOf = async (host: Host, id: number): Promise<string | undefined> =>
    (await host.list()).find(info => info.id === id)?.state;
  async function untilState(host: Host, id: number, state: string | undefined): Promise<void> {
    for (let i = 0; i < 600 && (await stateOf(host, id)) !== state; i++) await sleep(50);
    expect(await stateOf(host, id)).toBe(state);
  }

  it('it is crashed, refuses what it cannot do with a sentence, is reset as a new domain, and gives all back', async () => {
    const { host, workers } = makeHost();
    const { machine } = host;
    const free = machine.freeFrames;
    const tasks: Task[] = [];
    await host.domains.subscribe((_domains, log) => void tasks.splice(0, Infinity, ...log));
    const other = await host.create(files('other'));
    const { id } = await host.create(files('victim'));
    const saved = host.save(id).then(
      () => 'saved',
      (error: Error) => error.message,
    );
    workers[1].terminate();
    await untilState(host, id, 'c');
    expect(await saved).toMatch(/^saved$|stopped with an internal error/);
    for (const refused of [host.pause(id), host.unpause(id), host.save(id), host.shutdown(id)])
      await expect(refused).rejects.toThrow(/^victim has stopped: .* Create it again\.$/s);
    const report = tasks.find(({ command }) => command === 'victim crashed')?.message;
    expect(report).toContain('it was ended (status 1)');
    expect(report).toContain('last exits (of ');
    // What is typed at it goes nowhere, and disturbs nobody.
    (await host.consoles.view(id)).console.postMessage(new TextEncoder().encode('help\n'));
    await host.trigger(id, 'reset');
    const again = (await host.list()).find(({ name }) => name === 'victim')!;
    expect([again.id > id, again.ended]).toEqual([true, undefined]);
    workers[2].terminate();
    await untilState(host, again.id, 'c');
    await host.destroy(again.id);
    const { id: next } = await host.create(files('next'));
    await untilState(host, next, 'b');
    expect(host.toolstack.queue.runs(again.id)).toBe(false);
    for (const each of [next, other.id]) await host.destroy(each);
    expect([machine.freeFrames, audit(machine), await host.list()]).toEqual([free, [], []]);
  });

  it('it comes back by itself where its definition says on_crash = "restart"', async () => {
    const { host, workers } = makeHost();
    const free = host.machine.freeFrames;
    const { id } = await host.create(files('victim', 'on_crash = "restart"\n'));
    workers[0].terminate();
    await untilState(host, id, undefined);
    await untilState(host, id + 1, 'b');
    await host.destroy(id + 1);
    expect(host.machine.freeFrames).toBe(free);
  });
});

describe('a guest that comes to a worker from another host', () => {
  it('does what is asked of its drive meanwhile once all of it has come, and goes on', async () => {
    const cable = new Cable();
    const [a, b] = ['a', 'b'].map(name => makeHost({ neighbours: cable.of(name) }).host);
    const { id } = await a.create(GUESTS.demo('web', 'disk = [",,hdc,cdrom"]\n'));
    const shown = await watch(a, id);
    await until(() => shown.text().includes('demo> '));
    const there = () => [...b.toolstack.members.values()][0];
    let ejected: Promise<void> | undefined;
    cable.passes = () => {
      if (there()) ejected ??= COMMANDS['cd-eject'].run(b, there().record.id, 'hdc');
      return true;
    };
    expect((await xl(a, 'migrate', 'web', 'b')).err).toBe('');
    expect(ejected).toBeDefined();
    await ejected;
    expect(there().name).toBe('web');
    const moved = await watch(b, there().record.id);
    moved.type('help\r');
    await until(() => moved.text().includes('help\r\n'));
    await b.destroy(there().record.id);
  });
});

describe('a guest with its devices in a worker of its own, and its disk in Domain 0', () => {
  const MINIPV = new Uint8Array(readFileSync(file('guests/minipv/minipv.elf')));
  const image = Uint8Array.from({ length: 512 * 1024 }, (_, i) => i >>> 9);
  const openMedium = () => new MemoryDisk(image, { readOnly: true });
  const DRIVES = {
    file: 'disk.img,raw,hda,w',
    volume: 'phy:/dev/vg0/mini,hda,w',
    'volume of the storage worker': 'phy:/dev/vg0/mini,hda,w',
  };
  const given = (name: keyof typeof DRIVES): NamedFile[] => [
    {
      name: `${name}.cfg`,
      data: new Blob([
        `name = "${name}"\ntype = "hvm"\nmemory = 16\nserial = "pty"\nkernel = "minipv.elf"\ndisk = [ "${DRIVES[name]}" ]\n`,
      ]),
    },
    { name: 'minipv.elf', data: new Blob([MINIPV]) },
    ...(name === 'file' ? [{ name: 'disk.img', data: new Blob([image]) }] : []),
  ];

  /** What it answers to a command, once it has shown `ready`. */
  async function ask(host: Host, id: number, command: string, answer: RegExp, ready = 'minipv> '): Promise<string> {
    const { console } = await host.consoles.view(id);
    let text = '';
    console.onmessage = ({ data }) => {
      if ('serial' in data) text += new TextDecoder().decode(data.serial);
    };
    await until(() => text.includes(ready));
    text = '';
    console.postMessage(new TextEncoder().encode(`${command}\r`));
    await until(() => answer.test(text));
    console.close();
    return answer.exec(text)![1];
  }

  it('whose storage worker is ended in the middle sees a bad disk, and goes when it is destroyed', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'ringside-storage-'));
    let worker: StorageWorker | undefined;
    const held = await openRemoteStore(() => (worker = spawnStorageWorker(directory, folder)))(() => {}, false);
    if ('why' in held) throw new Error(held.why);
    const storage = await Storage.open({ store: held.store, epochMs: () => 0, random: () => 0, diskBytes: 2 ** 30 });
    storage.createVolume('mini', 4 * 2 ** 20);
    const { host } = makeHost({ storage: async () => storage });
    const { id } = await host.create(given('volume'));
    expect(await ask(host, id, 'sum dma 0 8', /crc ([0-9a-f]+)/)).not.toBe('');
    worker!.terminate();
    await until(() => host.tasks.list().some(({ message }) => message?.includes('does not answer any more') === true));
    // Its drive answers, with an error.
    expect(await ask(host, id, 'sum dma 0 8', /dma: error (-\d+)/)).not.toBe('');
    expect(() => storage.medium('/dev/vg0/mini').read(0, new Uint8Array(512))).toThrow('does not answer any more');
    await host.destroy(id);
    await until(() => host.toolstack.dying.size === 0);
    expect(audit(host.machine)).toEqual([]);
    rmSync(directory, { recursive: true });
  });

  it.each(['file', 'volume', 'volume of the storage worker'] as const)(
    'on a %s: what it wrote by IDE is there after it was saved and restored, by IDE and by its PV drivers',
    async kind => {
      const directory = mkdtempSync(join(tmpdir(), 'ringside-storage-'));
      const held =
        kind === 'volume of the storage worker'
          ? await openRemoteStore(() => spawnStorageWorker(directory, folder))(() => {}, false)
          : { store: new MemoryStore(), release: () => {} };
      if ('why' in held) throw new Error(held.why);
      const { store } = held;
      const storage = await Storage.open({ store, epochMs: () => 0, random: () => 0, diskBytes: 2 ** 30 });
      storage.createVolume('mini', 4 * 2 ** 20);
      const { host } = makeHost({ openMedium, storage: async () => storage });
      const free = host.machine.freeFrames;
      const { id } = await host.create(given(kind));
      const crc = /crc ([0-9a-f]+)/;
      expect(modelAccount(host.toolstack.view.domain(id)!).where).not.toBe('Domain-0');
      const servesDrive = (domid: number): boolean =>
        host.machine.words[(host.machine.find(domid)!.drivesOffset >>> 2) + DRIVE_QUEUE.AT_STORAGE] === 1;
      expect(servesDrive(id)).toBe(kind === 'volume of the storage worker');
      const written = await ask(host, id, 'fill dma 3 700 9', crc);
      const blob = await host.save(id);
      await host.destroy(id);
      if (kind !== 'file') expect(storage.whoHas('/dev/vg0/mini')).toEqual([]);
      const restored = await host.restore({ name: 'x.save', data: blob }, given(kind).slice(2));
      expect(await ask(host, restored.id, 'sum pio 3 700', crc, 'resumed')).toBe(written);
      expect(servesDrive(restored.id)).toBe(kind === 'volume of the storage worker');
      expect(await ask(host, restored.id, 'unplug', /(hda: \d+ sectors)/)).toBe(
        `hda: ${kind === 'file' ? 1024 : 8192} sectors`,
      );
      expect(await ask(host, restored.id, 'sum hda 3 700', crc)).toBe(written);
      await host.destroy(restored.id);
      await until(() => host.toolstack.dying.size === 0);
      // Domain 0's driver keeps what it took when the disk was first used.
      expect(free - host.machine.freeFrames).toBeLessThan(400);
      expect(audit(host.machine)).toEqual([]);
      storage.close();
      held.release();
      rmSync(directory, { recursive: true });
    },
  );
});
