import { expect, it } from 'vitest';
import { commandOf } from './hypervisors/command/command-value.ts';
import { kvm } from './hypervisors/kvm.ts';
import { Tasks } from './tasks.ts';

const clocks = { epochMs: () => 0, hostMs: () => 0 };

it('are spelled as the host has commands, also where it is found out later what was asked', async () => {
  const tasks = new Tasks({ ...clocks, hypervisor: { spellings: kvm } }, () => {});
  await tasks.run(commandOf('pause', 'web'), async () => {});
  await tasks.run(commandOf('create'), async task => {
    task.asked = commandOf('create', undefined, { file: 'web.cfg' });
  });
  expect(tasks.list().map(({ command }) => command)).toEqual(['virsh suspend web', 'virsh create web.cfg']);
});

it('keep the value, and say plainly what no tool of the host has a command for', async () => {
  const tasks = new Tasks({ ...clocks, hypervisor: { spellings: kvm } }, () => {});
  await tasks.run(commandOf('save', 'web', { file: 'web.save', leaves: 'running' }), async () => {});
  expect(tasks.list()).toMatchObject([
    {
      command: 'save web web.save running',
      asked: { verb: 'save', domain: 'web', options: { file: 'web.save', leaves: 'running' } },
    },
  ]);
});

it('pass as plain data, and what is text alone stays as it is', async () => {
  const tasks = new Tasks(clocks, () => {});
  tasks.note('Domain-0', 'failed', 'why');
  await tasks.run(commandOf('pause', 'web'), async () => {});
  expect(structuredClone(tasks.list()).map(({ command, asked }) => [command, asked?.verb])).toEqual([
    ['Domain-0', undefined],
    ['xl pause web', 'pause'],
  ]);
});
