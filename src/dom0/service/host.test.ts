import { deviceOf } from '../../formats/blocks/index.ts';
import { readFileSync } from 'node:fs';
import { describe, expect, it, vi } from 'vitest';
import type { ConsoleOutput, DomainInfo, Task } from '../toolstack/wire.ts';
import type { NamedFile } from '../definitions/verdicts.ts';
import { registers as R } from '../../cpu/architecture/index.ts';
import { DOMID_XEN } from '../../hypervisor/layout/layout.ts';
import { noMedia, type OpenMedium, readState, type SavedState } from '../../hypervisor/index.ts';
import type { Host } from './host.ts';
import { later, testFile, testHost, until } from './host.test-support.ts';
import {
  print,
  pvhKernel,
  shutdown,
  suspend,
  waitForKey,
  writeStore,
} from '../../hypervisor/interfaces/xen/pvh-kernel.test-support.ts';

const MIB = 2 ** 20;
const makeHost = (mib = 64, hurry = 1, openMedium: OpenMedium = noMedia): Host =>
  testHost({
    memory: new SharedArrayBuffer(mib * MIB),
    later: (ms, callback) => later(ms / hurry, callback),
    openMedium,
  });
const demo = readFileSync(new URL('../../../guests/demo/demo.elf', import.meta.url));
const config = (name: string, memory = 16): NamedFile =>
  testFile(`${name}.cfg`, `name = "${name}"\ntype = "hvm"\nmemory = ${memory}\nkernel = "/boot/demo.elf"\n`);

/** A console that collects what comes. */
async function watch(
  host: Host,
  id: number,
): Promise<{ text: () => string; type: (text: string) => void; snapshots: () => number }> {
  const view = await host.consoles.view(id);
  let text = '',
    snapshots = 0;
  view.console.onmessage = event => {
    const message = event.data as ConsoleOutput;
    if ('serial' in message) text += new TextDecoder().decode(message.serial);
    else snapshots++;
  };
  return {
    text: () => text,
    type: line => view.console.postMessage(new TextEncoder().encode(line)),
    snapshots: () => snapshots,
  };
}

describe('guests of Xen in one worker', () => {
  const kernel = (text: string, reason: number): Uint8Array => pvhKernel([...print(text), ...shutdown(reason)]);
  const definition = (more = ''): NamedFile =>
    testFile('x.cfg', `name = "x"\ntype = "pvh"\nmemory = 8\nkernel = "k.elf"\n${more}`);

  it('run, are heard on their PV console to the last word, and leave nothing behind', async () => {
    const host = makeHost();
    const free = host.machine.freeFrames;
    const { id, type } = await host.create([definition(), testFile('k.elf', kernel('hey there...\n\n\n\n', 0))]);
    expect(type).toBe('pvh');
    const console = await watch(host, id);
    await until(() => console.text().includes('hey there'));
    await until(async () => (await host.list())[0].state === 's');
    expect((await host.list())[0]).toMatchObject({ type: 'pvh', ended: 'The guest powered off.' });
    await host.destroy(id);
    expect(host.machine.freeFrames).toBe(free);
  });

  it('come back as a new domain when they ask for a reboot', async () => {
    const host = makeHost();
    const { id } = await host.create([definition(), testFile('k.elf', kernel('reboot..', 1))]);
    await until(async () => ((await host.list())[0]?.id ?? 0) > id + 2);
    await host.destroy((await host.list())[0].id);
    expect(await host.list()).toEqual([]);
  });

  it('suspend themselves to be saved, go on where they are, and in another host', async () => {
    const host = makeHost();
    const code = [
      ...writeStore('control/feature-suspend', '1'),
      ...print('key?'),
      ...waitForKey(),
      ...suspend(),
      ...shutdown(0),
    ];
    const { id } = await host.create([definition(), testFile('k.elf', pvhKernel(code))]);
    const console = await watch(host, id);
    await until(() => console.text().includes('key?'));
    const saving = host.save(id);
    // It does so as it is asked to.
    const store = host.toolstack.services.xenstored.client();
    await until(() => store.read(`/local/domain/${id}/control/shutdown`) === 'suspend');
    console.type('y');
    const blob = await saving;
    await until(async () => (await host.list())[0].state === 's');
    expect((await host.list())[0].ended).toBe('The guest powered off.');
    const other = makeHost();
    const restored = await other.restore({ name: 'x.state', data: blob });
    expect(other.domains.member(restored.id).blueprint.saved).toBeUndefined();
    expect(restored.type).toBe('pvh');
    await until(async () => (await other.list())[0].state === 's');
    expect((await other.list())[0].ended).toBe('The guest powered off.');
  });

  it('are not saved when they have ended before there is a first word of their state', async () => {
    const host = makeHost();
    const code = [...print('key?'), ...waitForKey(), ...shutdown(0)];
    const { id } = await host.create([definition(), testFile('k.elf', pvhKernel(code))]);
    const console = await watch(host, id);
    await until(() => console.text().includes('key?'));
    const { toolstack } = host;
    // Whatever is loaded for it comes later than the end.
    const load = vi.spyOn(toolstack as unknown as { saving(): Promise<unknown> }, 'saving');
    load.mockImplementation(async () => {
      load.mockRestore();
      console.type('y');
      await until(async () => (await host.list())[0].state === 's');
      return (toolstack as unknown as { saving(): Promise<unknown> }).saving();
    });
    await expect(host.save(id)).rejects.toThrow('x has stopped');
  });

  it('suspend themselves as PV too: minipv, saved and cancelled, then in another host, with its page tables and its disk', async () => {
    const host = makeHost();
    const kernel = readFileSync(new URL('../../../guests/minipv/minipv.elf', import.meta.url));
    const { id } = await host.create([definition('type = "pv"\nmemory = 8\n'), testFile('k.elf', kernel)]);
    const console = await watch(host, id);
    await until(() => console.text().includes('minipv> '));
    await host.save(id);
    await until(() => console.text().endsWith('suspend cancelled\r\n'));
    console.type('balloon 16\r');
    await until(() => console.text().includes('16'));
    const other = makeHost();
    const moved = await watch(other, (await other.restore({ name: 'x.save', data: await host.save(id) })).id);
    await until(() => moved.text().includes('resumed\r\n'));
    // Its P2M is that of the new host's frames: a table and a page that it had given back.
    moved.type('tables 1\rballoon -16\rread domid\r');
    await until(() => /read domid\r\n\d+\r\n/.test(moved.text()));
    expect(moved.text()).not.toMatch(/fail|wrong/);
  });

  it.each(['pvh', 'hvm'])(
    'are saved where they are when they do not listen, and hear what is typed at the PV console there and in another host: %s',
    async type => {
      const host = makeHost();
      const code = [...print('key?'), ...waitForKey(), ...shutdown(0)];
      const { id } = await host.create([
        definition(`type = "${type}"\nuuid = "00112233-4455-6677-8899-aabbccddeeff"\n`),
        testFile('k.elf', pvhKernel(code)),
      ]);
      const console = await watch(host, id);
      await until(() => console.text().includes('key?'));
      const blob = await host.save(id);
      const other = makeHost();
      const { id: there } = await other.restore({ name: 'x.save', data: blob });
      const moved = await watch(other, there);
      // Neither is stopped by that, and each hears what is typed at it.
      for (const [at, typed] of [
        [host, console],
        [other, moved],
      ] as const) {
        expect((await at.list())[0].ended).toBeUndefined();
        typed.type('y');
        await until(async () => (await at.list())[0].state === 's');
        expect((await at.list())[0].ended).toBe('The guest powered off.');
      }
      // What it had said before belongs to the saved domain.
      expect(moved.text()).toBe('key?');
    },
  );

  it.each(['pvh', 'hvm', 'pv'])(
    'are to come to the memory that they were to come to, whatever they have: %s',
    async type => {
      const host = makeHost();
      const kernel =
        type === 'pv'
          ? readFileSync(new URL('../../../guests/minipv/minipv.elf', import.meta.url))
          : pvhKernel([...print('minipv> '), ...waitForKey(), ...shutdown(0)]);
      const { id } = await host.create([
        testFile('x.cfg', `name = "x"\ntype = "${type}"\nmemory = 8\nmaxmem = 12\nkernel = "k.elf"\n`),
        testFile('k.elf', kernel),
      ]);
      const console = await watch(host, id);
      await until(() => console.text().includes('minipv> '));
      const targetOf = async (at: typeof host, domid: number) => {
        const { nodes } = await at.inspect('store');
        return ['target', 'static-max'].map(
          what => nodes.find(({ path }) => path === `/local/domain/${domid}/memory/${what}`)!.value,
        );
      };
      await host['mem-set'](id, 6);
      const before = await targetOf(host, id);
      // Nothing in it drives a balloon, so it has all that it had.
      const blob = await host.save(id);
      const other = makeHost();
      const { id: there } = await other.restore({ name: 'x.save', data: blob });
      expect([before[0], await targetOf(other, there)]).toEqual(['6144', before]);
      expect(await other.inspect('guest', there)).toMatchObject({ memoryMiB: 6, mostMiB: 12 });
    },
  );

  it('have virtual disks, which a saved state knows: with the file they come back, without it there is a sentence', async () => {
    const media =
      (fill: number): OpenMedium =>
      () =>
        deviceOf(8192, (_at, into) => into.fill(fill));
    const host = makeHost(64, 1, media(7));
    const code = [...print('key?'), ...waitForKey(), ...shutdown(0)];
    const disk = testFile('d.img', new Uint8Array(8192));
    const { id } = await host.create([
      definition("disk = [ 'd.img,raw,xvdb,ro' ]\n"),
      testFile('k.elf', pvhKernel(code)),
      disk,
    ]);
    const console = await watch(host, id);
    await until(() => console.text().includes('key?'));
    const blob = await host.save(id);
    const { toolstack } = readState(new Uint8Array(await blob.arrayBuffer()), 'x.save');
    expect(toolstack?.disks).toMatchObject({
      disks: [{ vdev: 'xvdb', readOnly: true, place: -1, drive: { bytes: 8192, label: 'd.img' } }],
    });
    const other = makeHost(64, 1, media(7));
    const restored = await other.restore({ name: 'x.save', data: blob }, [disk]);
    expect((await other.list()).map(({ id: there }) => there)).toEqual([restored.id]);
    const third = makeHost(64, 1, media(8));
    const free = third.machine.freeFrames;
    await expect(third.restore({ name: 'x.save', data: blob })).rejects.toThrow(
      'the guest had the disk d.img as virtual disk 51728. Give it again',
    );
    await expect(third.restore({ name: 'x.save', data: blob }, [disk])).rejects.toThrow('the contents of the guest');
    expect([await third.list(), third.machine.freeFrames]).toEqual([[], free]);
  });

  it('are there as a whole or not at all, whatever frame the host has too little', async () => {
    const files = [definition(), testFile('k.elf', pvhKernel([...print('key?'), ...waitForKey()]))];
    const rich = makeHost();
    const before = rich.machine.freeFrames;
    await rich.create(files);
    const need = before - rich.machine.freeFrames;
    const outcomes: boolean[] = [];
    for (let left = need - 20; left <= need; left += 4) {
      const host = makeHost(24);
      host.machine.allocate(host.machine.freeFrames - left, DOMID_XEN);
      const created = await host.create(files).then(
        ({ id }) => host.destroy(id).then(() => true),
        (error: Error) => {
          expect(error.message).toMatch(/^(The host|The guest wants 8 MiB and the host) has /);
          return false;
        },
      );
      outcomes.push(created);
      expect(await host.list()).toEqual([]);
      expect(host.machine.freeFrames).toBe(left);
    }
    expect([outcomes[0], outcomes[outcomes.length - 1]]).toEqual([false, true]);
  });

  it('leave nothing behind where a saved state cannot be restored: cut short, or too large for the host', async () => {
    const host = makeHost();
    const { id } = await host.create([definition(), testFile('k.elf', pvhKernel([...print('key?'), ...waitForKey()]))]);
    const console = await watch(host, id);
    await until(() => console.text().includes('key?'));
    const bytes = new Uint8Array(await (await host.save(id)).arrayBuffer());
    const other = makeHost();
    const free = other.machine.freeFrames;
    await expect(other.restore(testFile('cut.save', bytes.subarray(0, bytes.length - 40)))).rejects.toThrow(
      /cut\.save is cut short: .* at byte \d+/,
    );
    await expect(makeHost(12).restore(testFile('large.save', bytes))).rejects.toThrow(
      /The host has \d+ MiB free and the guest wants 8/,
    );
    // Of a level that this host does not have.
    const level = new Int32Array(host.machine.memory, host.machine.find(id)!.liveOffset).subarray(
      R.CPU_LEVEL,
      R.CPU_LEVEL + 1,
    );
    const was = level[0];
    level[0] = 77;
    const odd = new Uint8Array(await (await host.save(id)).arrayBuffer());
    level[0] = was;
    const refused = /its processor is of a level that this version does not have/;
    await expect(other.restore(testFile('odd.save', odd))).rejects.toThrow(refused);
    expect(other.machine.freeFrames).toBe(free);
    expect(await other.list()).toEqual([]);
    await other.restore(testFile('good.save', bytes));
    await other.destroy((await other.list())[0].id);
    expect(other.machine.freeFrames).toBe(free);
  });

  it('are listed as dying while somebody has their frames mapped', async () => {
    const host = makeHost();
    const { id } = await host.create([definition(), testFile('k.elf', pvhKernel([...print('key?'), ...waitForKey()]))]);
    const mfn = host.machine.secondStage(host.machine.find(id)!).mfn(5);
    host.machine.takeReference(mfn, id);
    await host.destroy(id);
    expect((await host.list()).map(domain => [domain.id, domain.state])).toEqual([[id, 'd']]);
    host.machine.dropReference(mfn);
    await until(async () => (await host.list()).length === 0);
  });

  it('show a crash, and can be destroyed after it', async () => {
    const host = makeHost();
    const { id } = await host.create([definition(), testFile('k.elf', kernel('bad!', 3))]);
    await until(async () => (await host.list())[0].state === 'c');
    await host.destroy(id);
  });
});

describe('the host, all domains in one worker', () => {
  it('creates a domain from a definition and the file it names, and talks to it', async () => {
    const host = makeHost();
    const states: string[] = [];
    let tasks: Task[] = [];
    await host.domains.subscribe((domains: DomainInfo[], now) => {
      states.push(domains.map(domain => `${domain.name}:${domain.state}`).join(' '));
      tasks = now;
    });
    const info = await host.create([config('web1'), testFile('demo.elf', demo)]);
    expect(info).toMatchObject({ name: 'web1', memoryMiB: 16, vcpus: 1, type: 'hvm' });
    const console = await watch(host, info.id);
    await until(() => console.text().includes('demo> '));
    console.type('poweroff\r');
    const ended = await until(() => states.some(text => text === 'web1:s'));
    expect(ended).toBe(true);
    expect((await host.list())[0]).toMatchObject({ state: 's', ended: 'The guest powered off.' });
    expect(console.snapshots()).toBeGreaterThan(0);
    expect(tasks.slice(-2)).toMatchObject([
      { command: 'xl create web1.cfg', state: 'done' },
      {
        command: 'web1 stopped',
        state: 'done',
        message: expect.stringMatching(/^Domain 1 has shut down: The guest powered off\./),
      },
    ]);
    expect((await host.info()).freeMiB).toBeGreaterThan(50);
    await expect(host.pause(info.id)).rejects.toThrow('web1 has stopped: The guest powered off. Create it again.');
    await host.destroy(info.id);
    expect(await host.list()).toEqual([]);
    await expect(host.consoles.view(info.id)).rejects.toThrow(`There is no domain ${info.id}`);
  });

  it('runs two domains in turns, pauses, resets and destroys them', async () => {
    const host = makeHost();
    const a = await host.create([config('a'), testFile('demo.elf', demo)]),
      b = await host.create([config('b'), testFile('demo.elf', demo)]);
    const [consoleA, consoleB] = [await watch(host, a.id), await watch(host, b.id)];
    await until(() => consoleA.text().includes('demo> ') && consoleB.text().includes('demo> '));
    await host.pause(a.id);
    expect((await host.list()).map(domain => domain.state)).toEqual(['p', expect.stringMatching(/[rb]/)]);
    consoleA.type('date\r');
    consoleB.type('date\r');
    await until(() => consoleB.text().includes('real-time clock says'));
    expect(consoleA.text()).not.toContain('real-time clock says');
    await host.unpause(a.id);
    await until(() => consoleA.text().includes('real-time clock says'));
    // As with xl: a guest of Xen that is reset is a new domain of the same name.
    await host.trigger(a.id, 'reset');
    const [next] = (await host.list()).filter(domain => domain.name === 'a');
    expect(next.id).toBe(b.id + 1);
    const consoleNext = await watch(host, next.id);
    // Its console goes on, with a line between the two.
    await until(() =>
      /Reset by the toolstack\. Domain 1 starts again as domain 3\.[\s\S]*demo> /.test(consoleNext.text()),
    );
    expect(consoleNext.text()).toContain('real-time clock says');
    await host.destroy(next.id);
    await host.destroy(b.id);
    expect((await host.info()).freeMiB).toBe((await makeHost().info()).freeMiB);
  });

  it('keeps what is pressed while a domain is built or started again, at each moment of it', async () => {
    const host = makeHost();
    const turn = () => new Promise(resolve => setImmediate(resolve));
    const made = host.create([config('web1'), testFile('demo.elf', demo)], false, true);
    await until(async () => (await host.list()).length > 0);
    await host.pause(1);
    await made;
    expect((await host.list())[0].state).toBe('p');
    await host.unpause(1);
    for (let turns = 0; turns < 6; turns++) {
      const [{ id }] = await host.list();
      const reset = host.trigger(id, 'reset');
      for (let i = 0; i < turns; i++) await turn();
      await host.pause(id);
      await reset;
      const [next] = await host.list();
      expect([turns, next.state]).toEqual([turns, 'p']);
      expect(next.id).toBeGreaterThan(id);
      // Whoever has not heard of the new one yet lets that go on.
      await host.unpause(id);
      expect((await host.list())[0].state).not.toBe('p');
    }
    const [{ id }] = await host.list();
    await host.destroy(id);
    await expect(host.pause(1)).rejects.toThrow(`There is no domain ${id}: it may have been destroyed meanwhile.`);
  });

  it('does not call a domain paused that is saved, and leaves one paused that is paused meanwhile', async () => {
    const host = makeHost();
    const { id } = await host.create([config('web1'), testFile('demo.elf', demo)]);
    const { text } = await watch(host, id);
    await until(() => text().includes('demo> '));
    const letter = async () => (await host.list()).find(domain => domain.id === id)?.state;
    const first = host.save(id);
    expect(await letter()).not.toBe('p');
    await first;
    const second = host.save(id);
    await host.pause(id);
    await second;
    expect(await letter()).toBe('p');
    await host.destroy(id);
  });

  it('saves a domain and restores it into another host', async () => {
    const host = makeHost();
    const { id } = await host.create([config('web1'), testFile('demo.elf', demo)]);
    const first = await watch(host, id);
    await until(() => first.text().includes('demo> '));
    await host.pause(id);
    // Who wanted no more of it than its head leaves nothing to the next one.
    const full = (): never => {
      throw new Error('No space left on device.');
    };
    await expect(host.toolstack.save(host.domains.member(id), new AbortController().signal, full)).rejects.toThrow(
      'No space',
    );
    const blob = await host.save(id);
    const other = makeHost();
    const restored = await other.restore({ name: 'web1.state', data: blob });
    expect(restored).toMatchObject({ name: 'web1', memoryMiB: 16 });
    const second = await watch(other, restored.id);
    // The console's history belongs to the saved domain.
    await until(() => second.text() === first.text());
    second.type('date\r');
    await until(() => second.text().includes('real-time clock says'));
    await expect(other.restore({ name: 'web1.state', data: blob })).rejects.toThrow(
      'There is a domain called web1 already',
    );
    await expect(other.restore({ name: 'cut.state', data: blob.slice(0, 5000) })).rejects.toThrow(
      /cut\.state is cut short/,
    );
    await host.destroy(id);
    await other.destroy(restored.id);
  });

  it('tells a triple fault in the task log and in the console, with exit 2 and the last exits, and goes on as a new domain', async () => {
    const host = makeHost();
    let log: Task[] = [];
    await host.domains.subscribe((_, tasks) => (log = tasks));
    const { id } = await host.create([config('web1'), testFile('demo.elf', demo)]);
    const before = await watch(host, id);
    await until(() => before.text().includes('demo> '));
    before.type('fault triple\r');
    const next = await until(async () => (await host.list()).find(domain => domain.id > id));
    expect(next.restarts).toEqual({ count: 1, why: expect.stringMatching(/^Triple fault \(exit 2\).*EIP was 0x/) });
    const after = await watch(host, next.id);
    await until(() =>
      /fault triple[\s\S]*\[ringside\] Triple fault \(exit 2\)[\s\S]*Domain 1 starts again as domain 2\.[\s\S]*last exits[\s\S]*TRIPLE_FAULT[\s\S]*demo> /.test(
        after.text(),
      ),
    );
    const task = await until(() => log.find(({ command }) => command === 'web1 restarted'));
    expect(task).toMatchObject({
      state: 'failed',
      message: expect.stringMatching(/^Triple fault \(exit 2\).*domain 2\.\n[\s\S]*eip[\s\S]*last exits/),
    });
    await host.destroy(next.id);
  });

  it('says in the task log what xl would be told, and what came of it', async () => {
    const host = makeHost(400, 1000);
    let log: Task[] = [];
    await host.domains.subscribe((_, tasks) => (log = tasks));
    const first = await host.create([config('web1'), testFile('demo.elf', demo)]);
    const second = await host.create([config('web1'), testFile('demo.elf', demo)], true);
    const third = await host.create([testFile('demo.elf', demo)]);
    expect([first, second, third].map(({ name }) => name)).toEqual(['web1', 'web1-2', 'demo']);
    expect(log.map(({ command }) => command)).toEqual([
      'xl create web1.cfg',
      `xl create web1.cfg 'name = "web1-2"'`,
      `xl create /dev/null 'name = "demo"' 'type = "hvm"' 'memory = 256' 'kernel = "demo.elf"'`,
    ]);
    expect(log[0].message).toMatch(/^Domain 1 got 16 MiB and 1 vCPU; it starts with .*entered/);
    // The demo guest has no ACPI: its power button changes nothing.
    await host.shutdown(first.id);
    expect(log.at(-1)).toMatchObject({ command: 'xl trigger web1 power', state: 'running' });
    await until(() => log.at(-1)?.state === 'failed');
    expect(log.at(-1)?.message).toContain('web1 has not shut down for 30 s. It may not listen to ACPI');
    // Nobody chose the name of a kernel that came alone.
    expect((await host.files.plan([testFile('demo.elf', demo)])).name).toBe('demo-2');
    for (const { id } of [first, second, third]) await host.destroy(id);
    expect(log.at(-1)?.message).toBe('Domain 3 is gone, its 256 MiB are free.');
  });

  it('is found for each of several that are made at once', async () => {
    const host = makeHost(128);
    const made = await Promise.all(
      Array.from({ length: 4 }, () => host.create([config('web'), testFile('demo.elf', demo)], true)),
    );
    expect(made.map(({ name }) => name).sort()).toEqual(['web', 'web-2', 'web-3', 'web-4']);
    const twins = await Promise.allSettled([0, 1].map(() => host.create([config('twin'), testFile('demo.elf', demo)])));
    expect(twins.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  });

  it('reads no file whole that is too large for any guest', async () => {
    const slice = (from: number, to: number): Blob => new Blob([new Uint8Array(to - from).fill(0x47)]);
    const film = { name: 'film.mkv', data: { size: 5e9, slice } as unknown as Blob };
    await expect(makeHost().files.plan([film])).rejects.toThrow(
      /^film\.mkv has 4769 MiB and is no disk or CD image; .* Take another file\.$/,
    );
  });

  it('refuses what cannot be created, says why, and creates nothing', async () => {
    const host = makeHost();
    const free = (await host.info()).freeMiB;
    await expect(host.create([config('web1')])).rejects.toThrow(
      "web1.cfg:4:10: kernel = '/boot/demo.elf': demo.elf is not among the dropped files. Drop it together with web1.cfg.",
    );
    await expect(host.create([config('web1', 500), testFile('demo.elf', demo)])).rejects.toThrow(
      /The guest wants 500 MiB and the host can give it \d+/,
    );
    await expect(
      host.create([testFile('x.cfg', 'name = x\nmemory = "2G"\n'), testFile('demo.elf', demo)]),
    ).rejects.toThrow(/x\.cfg:1:8: .*\n(.*\n)*.*Write 2048/);
    await expect(host.create([testFile('demo.elf', demo.subarray(0, 5000))])).rejects.toThrow(/demo\.elf/);
    await expect(host.create([])).rejects.toThrow('There is no file.');
    expect(await host.list()).toEqual([]);
    expect((await host.info()).freeMiB).toBe(free);
    const { id } = await host.create([config('web1'), testFile('demo.elf', demo)]);
    const plan = await host.files.plan([config('web1'), testFile('demo.elf', demo)]);
    expect(plan.errors.map(error => [error.key, error.short, error.line])).toEqual([['name', 'is taken', 1]]);
    await host.destroy(id);
  });

  it('takes a kernel alone as a guest of its own', async () => {
    const plan = await makeHost(400).files.plan([testFile('demo.elf', demo)]);
    expect(plan).toMatchObject({
      name: 'demo',
      errors: [],
      summary: { memoryMiB: 256, type: 'hvm', kernel: 'demo.elf' },
    });
    expect(plan.definition).toContain('kernel = "demo.elf"');
  });
});

describe('a triple fault', () => {
  // LIDT of an empty table, then INT 3.
  const guest = (action: string): NamedFile[] => [
    testFile('x.cfg', `name = "x"\ntype = "pvh"\nmemory = 8\nkernel = "k.elf"\non_reboot = "${action}"\n`),
    testFile('k.elf', pvhKernel([...print('key?'), ...waitForKey(), 0x0f, 0x01, 0x1d, 0, 0x90, 0, 0, 0xcc])),
  ];

  it.each([
    ['restart', 'x restarted'],
    ['destroy', 'x stopped'],
  ])('is a task with its report (on_reboot = %s)', async (action, command) => {
    const host = makeHost();
    let tasks: Task[] = [];
    await host.domains.subscribe((_domains, all) => {
      tasks = all;
    });
    const { id } = await host.create(guest(action));
    const console = await watch(host, id);
    await until(() => console.text().includes('key?'));
    console.type('y');
    const task = await until(() => tasks.find(each => each.command === command));
    expect([task.state, task.message]).toEqual([
      'failed',
      expect.stringMatching(/^Triple fault \(exit 2\): .*\n(.*\n)* {2}eip 0010/),
    ]);
    if (action === 'restart')
      expect(await until(async () => (await host.list()).find(domain => domain.id !== id))).toMatchObject({
        name: 'x',
      });
    else expect((await host.list())[0]).toMatchObject({ state: 's', ended: expect.stringContaining('Triple fault') });
  });
});

describe('station addresses', () => {
  const web = (name: string, vif: string): NamedFile[] => [
    testFile(`${name}.cfg`, `name = "${name}"\ntype = "hvm"\nmemory = 16\nkernel = "demo.elf"\nvif = [ '${vif}' ]\n`),
    testFile('demo.elf', demo),
  ];
  /** The address in the card's PROM, as the guest's driver reads it, and the one that the state's record names. */
  const addressOf = async (host: Host, id: number): Promise<[prom: string, record: string | undefined]> => {
    const saved = readState(new Uint8Array(await (await host.save(id)).arrayBuffer()), 'state');
    return [
      Array.from(find(saved, 'aprom').slice(0, 6), byte => byte.toString(16).padStart(2, '0')).join(':'),
      saved.about.cards?.[0]?.mac,
    ];
  };
  const find = (state: SavedState, key: string): Uint8Array => {
    const all: unknown[] = [state];
    for (const each of all) {
      if (!each || typeof each !== 'object' || ArrayBuffer.isView(each)) continue;
      if (key in each) return (each as Record<string, Uint8Array>)[key];
      all.push(...Object.values(each));
    }
    throw new Error(`${key} is not in the state`);
  };

  it("are the definition's, or drawn in 00:16:3e, and no two domains that run have the same", async () => {
    const host = makeHost(128);
    const a = await host.create(web('a', 'mac=00:16:3E:12:34:56'));
    expect(await addressOf(host, a.id)).toEqual(['00:16:3e:12:34:56', '00:16:3e:12:34:56']);
    const { errors } = await host.files.plan(web('b', 'mac=00:16:3e:12:34:56'));
    expect(errors).toMatchObject([
      {
        key: 'vif.mac',
        line: 5,
        column: 10,
        text: 'a has the station address 00:16:3e:12:34:56 already. Write another one, or leave mac out: then one is drawn.',
      },
    ]);
    await expect(host.create(web('b', 'mac=00:16:3e:12:34:56'))).rejects.toThrow('a has the station address');
    const drawn = await host.create(web('b', '')),
      other = await host.create(web('c', ''));
    const [mac] = await addressOf(host, drawn.id);
    expect(mac).toMatch(/^00:16:3e:[0-7]/);
    expect((await addressOf(host, other.id))[0]).not.toBe(mac);
    // The same seed draws the same.
    const again = makeHost(64);
    expect((await addressOf(again, (await again.create(web('b', ''))).id))[0]).toBe(mac);
  });

  it('stay over a restart, and over saving and restoring', async () => {
    const host = makeHost(128);
    const { id } = await host.create(web('a', ''));
    const before = await addressOf(host, id);
    const blob = await host.save(id);
    await host.trigger(id, 'reset');
    const [restarted] = await host.list();
    expect(restarted.id).not.toBe(id);
    expect(await addressOf(host, restarted.id)).toEqual(before);
    const other = makeHost(128);
    // It draws what the saved domain has, and gives way.
    const taken = await other.create(web('b', ''));
    await expect(other.restore({ name: 'a.save', data: blob })).rejects.toThrow(
      /^b has the station address .* already\. Destroy it first\.$/,
    );
    await other.destroy(taken.id);
    const restored = await other.restore({ name: 'a.save', data: blob });
    expect(await addressOf(other, restored.id)).toEqual(before);
  });
});

describe('judgements', () => {
  it('end where other files come or nobody waits any more', async () => {
    const host = makeHost();
    const files = [config('web1'), testFile('demo.elf', demo)];
    const old = host.files.plan(files),
      newer = host.files.plan(files);
    await expect(old).rejects.toThrow(/^These files were not judged/);
    expect((await newer).errors).toEqual([]);
    const left = host.files.plan(files);
    await host.files.cancelPlan();
    await expect(left).rejects.toThrow(/^These files were not judged/);
  });

  it('look at no more files than a guest has, and at no more of a definition than one may have', async () => {
    const host = makeHost();
    await expect(
      host.files.plan(Array.from({ length: 1000 }, (_, i) => testFile(`${i}.cfg`, 'name = "x"\n'))),
    ).rejects.toThrow(/^These are 1000 files, and at most 100 are looked at\./);
    for (const name of ['long.cfg', 'long.txt']) {
      let read = 0;
      const slice = (from: number, to: number): Blob => {
        read += to - from;
        return new Blob(['a = 1\n'.repeat((to - from) / 6 + 1).slice(0, to - from)]);
      };
      const { errors } = await host.files.plan([{ name, data: { size: 5e9, slice } as unknown as Blob }]);
      expect(errors.map(error => error.text)).toEqual([expect.stringMatching(/^A definition has at most 256 KiB/)]);
      expect(read).toBeLessThan(500_000);
    }
    // Two bytes a letter: the file's bytes count.
    expect(
      (await host.files.plan([testFile('umlauts.cfg', `name = "x"\n#${'ä'.repeat(140_000)}`)])).errors,
    ).toHaveLength(1);
  });
});
