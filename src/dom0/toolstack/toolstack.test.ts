import { expect, it } from 'vitest';
import { noMedia } from '../../hypervisor/index.ts';
import { newDefinition } from '../definitions/config/definition.ts';
import type { DomainRunner, Runners } from './runners/runner.ts';
import { Toolstack } from './toolstack.ts';

const nothing = (): void => {};
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/** A host whose domains start when the test says so. */
function make() {
  let started = nothing;
  const destroyed: string[] = [];
  const heard: string[] = [];
  const runners: Runners = {
    elsewhere: false,
    farthestNs: 0,
    forget: nothing,
    poke: nothing,
    hold: nothing,
    go: nothing,
    start: ({ name }) =>
      ({
        started: new Promise(resolve => {
          started = () => resolve('');
        }),
        nowNs: 0,
        ask: (verb: string, ...given: unknown[]) =>
          void heard.push([verb, ...given.map(each => (each instanceof Uint8Array ? text(each) : each))].join(' ')),
        destroy: async () => void destroyed.push(name),
      }) as unknown as DomainRunner,
  };
  const toolstack = new Toolstack(
    {
      version: 'test',
      memory: new SharedArrayBuffer(32 * 2 ** 20),
      runners: () => runners,
      epochMs: () => 0,
      soon: nothing,
      later: () => nothing,
      openMedium: noMedia,
    },
    {
      console: () => ({ print: nothing, close: nothing }),
      listed: nothing,
      ended: nothing,
      restarted: nothing,
      rebuildFailed: nothing,
      problem: nothing,
    },
  );
  const build = (name: string) =>
    toolstack.build({
      definition: { ...newDefinition(), name, kind: 'pc', memoryMiB: 4 },
      boot: { kind: 'kernel', kernel: new Uint8Array(512), name, cmdline: '' },
      text: '',
      startEpochMs: 0,
    });
  return { toolstack, build, destroyed, heard, start: () => started() };
}

it('starts nothing any more once it was closed, and leaves nothing of a domain that was on its way', async () => {
  const { toolstack, build, destroyed, start } = make();
  const free = toolstack.machine.freeFrames;
  const late = build('late');
  toolstack.close();
  start();
  await expect(late).rejects.toThrow('The host has ended');
  await expect(build('later')).rejects.toThrow('The host has ended');
  expect([destroyed, toolstack.members.size, toolstack.machine.freeFrames]).toEqual([['late'], 0, free]);
});

it('gives a guest what was typed and pressed while it was built, once its devices are there, and leaves it paused where that was asked', async () => {
  const { toolstack, build, heard, start } = make();
  const made = build('web');
  const [member] = toolstack.members.values();
  toolstack.inputs.type(member, new TextEncoder().encode('ls'));
  toolstack.inputs.key(member, 'Enter', true);
  toolstack.setPaused(member, true);
  expect(heard).toEqual(['pause']);
  start();
  await made;
  expect(heard).toEqual(['pause', 'serial ls', 'key Enter true']);
  expect(toolstack.state(member)).toBe('p');
});
