import { expect, it } from 'vitest';
import { asVirsh } from './as-virsh/index.ts';
import { Tasks } from './tasks.ts';

it('are named as the host has commands, also where it is found out later what was asked', async () => {
  const tasks = new Tasks({ epochMs: () => 0, hostMs: () => 0, hypervisor: { spelled: asVirsh } }, () => {});
  await tasks.run('xl pause web', async () => {});
  await tasks.run('xl create', async task => {
    task.command = 'xl create web.cfg';
  });
  expect(tasks.list().map(({ command }) => command)).toEqual(['virsh suspend web', 'virsh create web.cfg']);
});
