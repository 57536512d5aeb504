/** Channels come to a guest of KVM that runs, and go again; what virsh says of them, and what is told of them. */
import { expect, it } from 'vitest';
import type { ChannelTold } from '../../devices/index.ts';
import { type DomainEvent, listenToLives } from '../toolstack/libvirt/index.ts';
import { guestXml, kvmHost } from './pci-hotplug.test-support.ts';

const AGENT = 'org.qemu.guest_agent.0';
const CONTROLLER = "<controller type='virtio-serial' index='0'/>";
const channel = (name: string, more = ''): string =>
  `<channel type='unix'>${more}<target type='virtio' name='${name}'/></channel>`;

async function guest(devices: string) {
  const all = await kvmHost();
  const { files, virsh, member } = all;
  await files.writeFile('/root/k.xml', guestXml(devices));
  expect(await virsh('define /root/k.xml')).toContain('defined');
  const change = async (how: string, xml: string, options = '--live'): Promise<string> => {
    await files.writeFile('/root/device.xml', xml);
    return virsh(`${how}-device k /root/device.xml ${options}`);
  };
  /** The guest's part. */
  const turn = (name: string, isOpen: boolean): void => {
    const told: ChannelTold = { isOpen, isConnected: true };
    if (member().channels!.get(name)!.hear(told)) all.host.toolstack.listener.listed();
  };
  const channels = async (): Promise<string[]> =>
    [...(await virsh('dumpxml k')).matchAll(/<target type='virtio' name='([^']*)'/g)].map(([, name]) => name!);
  return { ...all, change, turn, channels };
}

it('come, are kept in a saved state and over a restart of the guest, and go', async () => {
  const { virsh, change, channels } = await guest(`${CONTROLLER}${channel('one')}`);
  expect(await virsh('start k')).toContain('started');
  expect(await change('attach', channel(AGENT))).toContain('Device attached successfully');
  expect(await channels()).toEqual(['one', AGENT]);
  expect(await virsh('dumpxml k')).toContain("<address type='virtio-serial' controller='0' bus='0' port='2'/>");
  expect(await virsh('dumpxml k --inactive')).not.toContain(AGENT);
  for (const [again, why] of [
    [channel(AGENT), 'Requested operation is not valid: chardev already exists'],
    [
      channel(AGENT, "<source mode='bind' path='/run/other'/>"),
      `internal error: unable to execute QEMU command 'device_add': virtio-serial-bus: A port already exists by name ${AGENT}`,
    ],
  ] as const)
    expect(await change('attach', again)).toContain(`error: ${why}`);
  expect(await change('detach', channel('one'))).toContain('Device detached successfully');
  for (const other of [channel('one'), channel(AGENT, "<source mode='bind' path='/run/other'/>")])
    expect(await change('detach', other)).toContain(
      "error: device not found: chr type 'channel' device not present in domain configuration",
    );
  expect(await virsh('save k /root/k.state')).toContain('saved');
  expect(await virsh('restore /root/k.state')).toContain('restored');
  expect(await channels()).toEqual([AGENT]);
  expect(await virsh('snapshot-create-as k with')).toContain('created');
  expect(await change('detach', channel(AGENT))).toContain('Device detached successfully');
  expect(await channels()).toEqual([]);
  expect(await virsh('save k /root/k.state')).toContain('saved');
  expect(await virsh('restore /root/k.state')).toContain('restored');
  expect(await channels()).toEqual([]);
  expect(await virsh('snapshot-revert k with')).not.toContain('error');
  expect(await channels()).toEqual([AGENT]);
  // From its next start on it is as defined.
  await virsh('destroy k');
  await virsh('start k');
  expect(await channels()).toEqual(['one']);
});

it('come to a controller without any, and to no guest that has none', async () => {
  const { virsh, change, channels } = await guest(CONTROLLER);
  expect(await virsh('start k')).toContain('started');
  expect(await change('attach', channel(AGENT), '--live --config')).toContain('attached');
  expect([await channels(), await virsh('dumpxml k --inactive')]).toEqual([[AGENT], expect.stringContaining(AGENT)]);
  const other = await guest('');
  expect(await other.virsh('start k')).toContain('started');
  expect(await other.change('attach', channel(AGENT))).toContain(
    'error: internal error: no virtio-serial controllers are available',
  );
  expect(await other.change('attach', channel('a').replace('unix', 'spicevmc'))).toContain(
    'error: unsupported configuration: only disks, network cards and channels come to a domain that runs, and go',
  );
});

it('are told of, and so is the agent', async () => {
  const { host, virsh, change, turn } = await guest(`${CONTROLLER}${channel(AGENT)}`);
  const told: string[] = [];
  const say = (event: DomainEvent): void => {
    if ('device' in event) told.push(`${event.device} ${event.isThere ? 'added' : 'removed'}`);
    else if ('state' in event) told.push(`agent ${event.state} ${event.reason}`);
  };
  const stop = listenToLives(host, say);
  expect(await virsh('start k')).toContain('started');
  await expect.poll(() => told).toEqual(['agent 2 1']);
  const waiting = virsh('event k --event agent-lifecycle --timeout 60');
  // It listens once it has looked.
  for (let turns = 0; turns < 50; turns++) await new Promise(resolve => setImmediate(resolve));
  turn(AGENT, true);
  expect(await waiting).toContain(
    "event 'agent-lifecycle' for domain 'k': state: 'connected' reason: 'channel event'\nevents received: 1\n",
  );
  turn(AGENT, false);
  await expect.poll(() => told.slice(1)).toEqual(['agent 1 2', 'agent 2 2']);
  await change('attach', channel('two'));
  await expect.poll(() => told.at(-1)).toBe('channel1 added');
  await change('detach', channel('two'));
  await expect.poll(() => told.at(-1)).toBe('channel1 removed');
  stop();
});
