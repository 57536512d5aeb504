/** on_poweroff, on_reboot and on_crash with every action. */
import { MemoryDisk } from '../../formats/blocks/index.ts';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { print, pvhKernel, shutdown, waitForKey } from '../../hypervisor/interfaces/xen/pvh-kernel.test-support.ts';
import type { Host } from '../service/host.ts';
import { oneMore, restartsForEver } from './endings.ts';
import { inTurns } from './runners/in-turns.ts';
import { testFile, testFiles, testHost, timersOfTest, until } from '../service/host.test-support.ts';

const POWEROFF = 0,
  REBOOT = 1,
  CRASH = 3,
  WATCHDOG = 4;
const definition = (more: string) =>
  testFile('x.cfg', `name = "x"\ntype = "pvh"\nmemory = 8\nkernel = "k.elf"\n${more}`);
const create = (host: Host, reason: number, more: string) =>
  host.create([definition(more), testFile('k.elf', pvhKernel([...print('up'), ...waitForKey(), ...shutdown(reason)]))]);
/** The guest goes on to its end. */
const press = async (host: Host, id: number): Promise<void> => {
  const { console } = await host.consoles.view(id);
  console.postMessage(new TextEncoder().encode('x'));
  await until(() => !host.toolstack.members.get(id) || host.toolstack.members.get(id)!.ending);
  console.close();
};
const xlHost = (): Host => testHost({ buriesStopped: true, epochMs: () => Date.UTC(2026, 10, 21, 8, 43, 52) });

it('restarts for ever once it came to the same end nine times, each within a second of its start', () => {
  const after = (...ends: (readonly [why: string, lastedMs: number])[]) =>
    ends.reduce<ReturnType<typeof oneMore> | undefined>((before, end) => oneMore(before, ...end), undefined)!;
  const reset = ['The guest asked for a reset.', 200] as const;
  expect(restartsForEver(after(...Array<typeof reset>(8).fill(reset)))).toBe(false);
  expect(restartsForEver(after(...Array<typeof reset>(9).fill(reset)))).toBe(true);
  for (const other of [
    ['Triple fault.', 200],
    [reset[0], 1000],
  ] as const) {
    const restarts = after(...Array<typeof reset>(5).fill(reset), other, ...Array<typeof reset>(4).fill(reset));
    expect([restarts.count, restartsForEver(restarts)]).toEqual([10, false]);
  }
});

it('a plain PC that resets itself over and over, in the same memory, is ended as well', async () => {
  const floppy = new Uint8Array(1_474_560);
  // mov al, 0xfe; out 0x64, al: the keyboard controller's reset line (PC/AT Technical Reference)
  floppy.set([0xb0, 0xfe, 0xe6, 0x64, 0xf4]);
  floppy.set([0x55, 0xaa], 510);
  const bios = readFileSync(new URL('../../../guests/bios/bios.bin', import.meta.url));
  const host = testHost({
    memory: new SharedArrayBuffer(300 * 2 ** 20),
    epochMs: () => 0,
    fetchBytes: async () => bios,
    runners: inTurns({
      ...timersOfTest(),
      openMedium: () => new MemoryDisk(floppy, { readOnly: true }),
    }),
  });
  await host.files.offerFirmware({ own: { name: 'bios.bin', url: 'bios.bin' } });
  await host.create([testFile('reset.img', floppy)]);
  const ended = await until(() => host.domains.all()[0]?.ended);
  expect(ended).toMatch(/^The guest asked for a reset\. It came to this 9 times, each within a second of its start/);
});

describe('a host that buries what has stopped, as xl does', () => {
  it.each([
    ['on_poweroff', POWEROFF],
    ['on_crash', CRASH],
  ])('lists nothing any more of a guest with %s = "destroy"', async (key, reason) => {
    const host = xlHost();
    const free = host.machine.freeFrames;
    const { id } = await create(host, reason, `${key} = "destroy"\n`);
    await press(host, id);
    await until(() => host.domains.all().length === 0);
    expect(host.machine.freeFrames).toBe(free);
  });

  it.each([
    [
      'on_poweroff',
      POWEROFF,
      'destroy',
      /x stopped/,
      /^Domain 1 has shut down: The guest powered off\. Its definition says on_poweroff = "destroy"\.$/,
    ],
    ['on_poweroff', POWEROFF, 'preserve', /x stopped/, /on_poweroff = "preserve"/],
    [
      'on_poweroff',
      POWEROFF,
      'restart',
      /x restarted/,
      /^The guest powered off\. Domain 1 starts again as domain 2\.$/,
    ],
    [
      'on_reboot',
      REBOOT,
      'destroy',
      /x stopped/,
      /^Domain 1 has shut down: The guest asked for a reboot\. Its definition says on_reboot = "destroy"\.$/,
    ],
    ['on_reboot', REBOOT, 'rename-restart', /x-\w+ restarted/, /^The guest asked for a reboot\./],
    ['on_crash', CRASH, 'destroy', /x crashed/, /^The guest called SCHEDOP_shutdown with SHUTDOWN_crash\./],
    // Its report begins with its own sentence.
    ['on_watchdog', WATCHDOG, 'destroy', /x crashed/, /^The guest's watchdog ran out\./],
    ['on_crash', 9, 'destroy', /x crashed/, /^The guest called SCHEDOP_shutdown with 9, which is no reason\./],
  ])('says in its log how a guest ended: %s, reason %i, %s', async (key, reason, action, command, message) => {
    const host = xlHost();
    const { id } = await create(host, reason, `${key} = "${action}"\n`);
    await press(host, id);
    const told = await until(() => host.tasks.list().find(task => command.test(task.command)));
    expect(told.message).toMatch(message);
    for (const { id: left } of host.domains.all()) await host.destroy(left);
  });

  it('keeps one with "preserve" until it is destroyed', async () => {
    const host = xlHost();
    const { id } = await create(host, POWEROFF, 'on_poweroff = "preserve"\n');
    await press(host, id);
    expect(host.domains.all()).toMatchObject([{ id, name: 'x', state: 's' }]);
    await host.destroy(id);
    expect(host.domains.all()).toEqual([]);
  });

  it('keeps one with "rename-restart" under another name, beside the one that is started', async () => {
    const host = xlHost();
    const { id } = await create(host, REBOOT, 'on_reboot = "rename-restart"\n');
    await press(host, id);
    await until(() => host.domains.all().length === 2);
    expect(host.domains.all()).toMatchObject([
      { id, name: 'x-20261121T0843Z', state: 's' },
      { id: id + 1, name: 'x' },
    ]);
    expect(host.domains.all()[1]!.ended).toBeUndefined();
    await host.destroy(id);
    await host.destroy(id + 1);
  });

  it.each([
    ['coredump-destroy', 0],
    ['coredump-restart', 1],
  ])('keeps the state of one with %s before it goes', async (action, left) => {
    const files = await testFiles();
    const host = testHost({ buriesStopped: true, files });
    const { id } = await create(host, CRASH, `on_crash = "${action}"\n`);
    await press(host, id);
    await until(() => !host.toolstack.members.has(id));
    await until(() => host.domains.all().length === left);
    expect((await files.readFile('/var/lib/xen/dump/x', 'binary')).slice(0, 4)).toBe('\x7fELF');
    for (const { id: last } of host.domains.all()) await host.destroy(last);
  });
});

it('a host with people who look keeps what has stopped until they destroy it', async () => {
  const host = testHost();
  const { id } = await create(host, POWEROFF, '');
  await press(host, id);
  expect(host.domains.all()).toMatchObject([{ id, state: 's', ended: 'The guest powered off.' }]);
});

it('a host that buries all but crashed ones keeps what crashed for a look at it, and the name of what ended is free', async () => {
  const host = testHost({ buriesStopped: 'unless-crashed' });
  const { id } = await create(host, POWEROFF, '');
  await press(host, id);
  await until(() => host.domains.all().length === 0);
  const crashed = await create(host, CRASH, 'on_crash = "destroy"\n');
  await press(host, crashed.id);
  await until(() => host.domains.all()[0]?.ended !== undefined);
  await new Promise(resolve => setTimeout(resolve, 20));
  expect(host.domains.all()).toMatchObject([{ id: crashed.id, state: 'c' }]);
  await host.destroy(crashed.id);
});
