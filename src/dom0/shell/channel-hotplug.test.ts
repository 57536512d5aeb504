/** Channels come to a guest of KVM that runs, and go again; what virsh says of them, and what is told of them. */
import { expect, it } from 'vitest';
import type { ChannelTold } from '../../devices/index.ts';
import { type DomainEvent, listenToLives } from '../libvirt/index.ts';
import { startKvm } from '../service/index.ts';
import { diskXml, guestXml, kvmHost } from './pci-hotplug.test-support.ts';

const AGENT = 'org.qemu.guest_agent.0';
const CONTROLLER = "<controller type='virtio-serial' index='0'/>";
const channel = (name: string, more = ''): string =>
  `<channel type='unix'>${more}<target type='virtio' name='${name}'/></channel>`;

async function guest(devices: string, parts: Parameters<typeof kvmHost>[0] = {}) {
  const all = await kvmHost(parts);
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
    "chardev 'spicevmc' not supported without spice graphics",
  );
  expect(
    await other.change('attach', "<rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>"),
  ).toContain(
    'error: unsupported configuration: only disks, network cards and channels come to a domain that runs, and go',
  );
});

it('go where their sockets are named as they are, as virDomainChrEquals() has it', async () => {
  const { virsh, change, channels, member } = await guest(`${CONTROLLER}${channel(AGENT)}`);
  await virsh('start k');
  // What whoever makes sockets for channels notes.
  member().channels!.get(AGENT)!.path = '/run/channel/agent';
  expect(await change('detach', channel(AGENT))).toContain(
    "error: device not found: chr type 'channel' device not present in domain configuration",
  );
  const [document] = /<channel[^]*<\/channel>/.exec(await virsh('dumpxml k'))!;
  expect(document).toContain("<source mode='bind' path='/run/channel/agent'/>");
  expect(await change('detach', document)).toContain('Device detached successfully');
  expect(await channels()).toEqual([]);
  // What is defined has no such path.
  expect(await change('detach', channel(AGENT), '--config')).toContain('Device detached successfully');
  expect(await virsh('dumpxml k --inactive')).not.toContain(AGENT);
});

it('are told of, and so is the agent', async () => {
  const { host, virsh, change, turn } = await guest(`${CONTROLLER}${channel(AGENT)}`);
  const told: string[] = [];
  const say = (event: DomainEvent): void => {
    if ('device' in event) told.push(`${event.device} ${event.kind.slice('device-'.length)}`);
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

it('freeze and thaw file systems around a snapshot of disks, which has no memory', async () => {
  const { virsh, member, host, storage } = await guest(`${channel(AGENT)}${diskXml('vda', '/dev/vg0/d')}`, {
    hypervisor: startKvm({ pcpus: 1, memoryMiB: 40, vt: true, diskBytes: 0 }, ''),
  });
  storage.createVolume('d', 4 * 2 ** 20);
  expect(await virsh('start k')).toContain('started');
  const quiet = 'snapshot-create-as k one --disk-only --quiesce';
  expect(await virsh(quiet)).toContain('Guest agent is not responding: QEMU guest agent is not connected');
  expect(await virsh('snapshot-create-as k one --quiesce')).toContain(
    "error: Flag 'VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY' is required by flag 'VIR_DOMAIN_SNAPSHOT_CREATE_QUIESCE'",
  );
  // An agent, in the guest's place.
  const asked: string[] = [];
  const its = member().channels!.get(AGENT)!;
  its.hear({ isOpen: true, isConnected: true });
  const { runner } = member();
  const ask = runner.ask.bind(runner);
  Object.assign(runner, {
    ask: (verb: string, name: string, wish: { bytes?: Uint8Array }) => {
      if (verb !== 'channel' || name !== AGENT) return (ask as (...given: unknown[]) => unknown)(verb, name, wish);
      if (!wish.bytes) return undefined;
      const { execute, arguments: given } = JSON.parse(new TextDecoder().decode(wish.bytes)) as {
        execute: string;
        arguments?: { id: number };
      };
      if (execute !== 'guest-sync')
        asked.push(`${execute} ${storage.volumes.filter(({ name: each }) => each.startsWith('snap')).length}`);
      const answer = `${JSON.stringify({ return: given?.id ?? 1 })}\n`;
      queueMicrotask(() =>
        its.hear({
          isOpen: true,
          isConnected: true,
          bytes: new TextEncoder().encode(answer),
          taken: wish.bytes!.length,
        }),
      );
      return undefined;
    },
  });
  expect(await virsh(quiet)).toContain('Domain snapshot one created');
  expect(asked).toEqual(['guest-fsfreeze-freeze 0', 'guest-fsfreeze-thaw 1']);
  expect(await virsh('snapshot-list k')).toMatch(/one .* disk-snapshot/);
  // One that fails leaves nothing frozen.
  expect(await virsh(quiet)).toContain('error: operation failed: domain moment one already exists');
  expect(asked).toHaveLength(2);
  expect(await virsh(quiet.replace('one', 'a~b'))).toContain('a~b is no name for a snapshot');
  expect(asked.at(-1)).toBe('guest-fsfreeze-thaw 1');
  expect(asked).toHaveLength(4);
  expect([...host.toolstack.members]).toHaveLength(1);
});
