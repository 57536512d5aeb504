/** An agent that answers, lies, or says nothing; what is made of its answers. Words are those of qemu_agent.c and qemu_driver.c, answers of Debian's qemu-ga 7.2. */
import { describe, expect, it, vi } from 'vitest';
import { eventually } from '../../../../test/support/eventually.ts';
import type { ChannelWish } from '../../../devices/index.ts';
import { AGENT_CHANNEL, Channel } from '../../toolstack/channels.ts';
import type { CommandHost } from '../../toolstack/command-host.ts';
import type { Domain } from '../../toolstack/domains/index.ts';
import { readFileSystems, targetAt } from './filesystems.ts';
import { readInterfaces } from './interfaces.ts';
import { changesTo, formatIds, parseIds } from './processors.ts';
import { agentCommand, guestInfo, guestTime, setAgentTimeout, setGuestVcpus, setUserPassword } from './index.ts';

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = (wish: ChannelWish): string => ('bytes' in wish ? new TextDecoder().decode(wish.bytes) : '');
const later = (ms: number, callback: () => void) => {
  const timer = setTimeout(callback, ms);
  return () => clearTimeout(timer);
};

interface Said {
  execute: string;
  arguments?: Record<string, unknown>;
}

/** A guest whose agent answers a line so, and a domain that has it; number 2 has no channel. */
function guest(answer: (said: Said) => string, isThere = true) {
  const asked: Said[] = [];
  const channel: Channel = new Channel(AGENT_CHANNEL, wish => {
    for (const line of textOf(wish).split('\n').filter(Boolean))
      queueMicrotask(() => {
        const said = JSON.parse(line) as Said;
        if (said.execute !== 'guest-sync') asked.push(said);
        channel.hear({ isOpen: true, isConnected: true, bytes: bytesOf(answer(said)), taken: line.length + 1 });
      });
  });
  channel.isOpen = isThere;
  const members = new Map([
    [1, { ending: null, channels: new Map([[AGENT_CHANNEL, channel]]) }],
    [2, { ending: null }],
  ]);
  const host = { toolstack: { hypervisor: { kind: 'kvm' }, members, parts: { later } } } as unknown as CommandHost;
  const domain = (id = 1, state = 'running'): Domain =>
    ({ id, name: 'guest', status: { state }, definition: { vcpus: 2, disks: [] } }) as unknown as Domain;
  return { host, domain, channel, asked };
}
const synced = (rest: (said: Said) => string) =>
  guest(said => (said.execute === 'guest-sync' ? `{"return": 77}\n{"return": ${said.arguments!.id}}\n` : rest(said)));
const knows = (answers: Record<string, unknown>) =>
  synced(({ execute }) =>
    execute in answers
      ? `${JSON.stringify({ return: answers[execute] })}\n`
      : `{"error": {"class": "CommandNotFound", "desc": "The command ${execute} has not been found"}}\n`,
  );

/** What is thrown, in a line. */
const failed = (work: Promise<unknown>): Promise<unknown> =>
  work.catch((error: Error & { code: number }) => `${error.code}: ${error.message}`);
const PING = '{"execute":"guest-ping"}';
const ping = ({ host, domain }: ReturnType<typeof guest>, timeout?: number, id = 1) =>
  failed(agentCommand(host, domain(id), PING, timeout));

describe('an agent', () => {
  it('is asked once it has answered guest-sync, past what it still had to say', async () => {
    expect(await ping(synced(() => '{"return": {}}\n'))).toBe('{"return":{}}');
    expect(await ping(knows({}))).toBe(
      "1: internal error: unable to execute QEMU agent command 'guest-ping': The command guest-ping has not been found",
    );
    expect(await ping(synced(() => '{"error": {}}\n'))).toContain("'guest-ping': unknown QEMU command error");
    expect(
      await ping(
        synced(() => ''),
        0,
      ),
    ).toBeUndefined();
    expect(await ping(synced(() => 'no JSON\n[1]\nnull\n{"return": "late"}\n'))).toBe('{"return":"late"}');
  });

  it('is none where nobody answers, none was defined, or its guest stands still', async () => {
    const connected = guest(() => '', false);
    expect(await ping(connected)).toBe('86: Guest agent is not responding: QEMU guest agent is not connected');
    expect(await ping(connected, -1, 2)).toBe('74: argument unsupported: QEMU guest agent is not configured');
    const { host, domain } = synced(() => '');
    expect(await failed(agentCommand(host, domain(1, 'paused'), PING))).toBe(
      '55: Requested operation is not valid: domain is not running',
    );
    expect(await failed(agentCommand(host, domain(), '{'))).toMatch(/^1: internal error: cannot parse json {/);
    expect(await failed(agentCommand(host, domain(), PING, -3))).toBe(
      "8: invalid argument: guest agent timeout '-3' is less than the minimum '-2'",
    );
    const xen = { toolstack: { hypervisor: { kind: 'xen' } } } as unknown as CommandHost;
    expect(await failed(guestTime(xen, domain()))).toBe(
      '3: this function is not supported by the connection driver: virDomainGetTime',
    );
  });

  it('is waited for five seconds, or less where somebody said so', async () => {
    vi.useFakeTimers();
    try {
      const all = guest(() => '');
      const silent = ping(all);
      await vi.advanceTimersByTimeAsync(5000);
      expect(await silent).toBe('86: Guest agent is not responding: Guest agent not available for now');
      setAgentTimeout(all.host, all.domain(), 2);
      const sooner = ping(all);
      await vi.advanceTimersByTimeAsync(2000);
      expect(await sooner).toContain('not available for now');
    } finally {
      vi.useRealTimers();
    }
  });

  it('may go while it is asked', async () => {
    const all = synced(() => '');
    const asking = ping(all, -2);
    await eventually(() => expect(all.asked).toHaveLength(1));
    all.channel.hear({ isOpen: false, isConnected: true });
    expect(await asking).toBe('86: Guest agent is not responding: Guest agent disappeared while executing command');
  });

  it('is asked by one after the other, who wait half a minute', async () => {
    const all = synced(() => '');
    const answer = (line: string) => all.channel.hear({ isOpen: true, isConnected: true, bytes: bytesOf(line) });
    const [first, second] = [ping(all, -2), ping(all, -2)];
    await eventually(() => expect(all.asked).toHaveLength(1));
    answer('{"return": 1}\n');
    expect(await first).toBe('{"return":1}');
    await eventually(() => expect(all.asked).toHaveLength(2));
    vi.useFakeTimers();
    try {
      const third = ping(all);
      await vi.advanceTimersByTimeAsync(30_000);
      expect(await third).toBe('68: Timed out during operation: cannot acquire state change lock');
    } finally {
      vi.useRealTimers();
    }
    answer('{"return": 2}\n');
    expect(await second).toBe('{"return":2}');
  });
});

describe('what an agent says', () => {
  it('of its interfaces counts aliases as the interface', () => {
    const address = (text: string, type = 'ipv4') => ({ 'ip-address': text, 'ip-address-type': type, prefix: 24 });
    const eth0 = { name: 'eth0', 'hardware-address': '52:54:00:aa:bb:cc' };
    expect(
      readInterfaces([
        { ...eth0, 'ip-addresses': [address('10.0.2.15')] },
        { ...eth0, name: 'eth0:1', 'ip-addresses': [address('fe80::1', 'ipv6')] },
        { name: 'sit0' },
      ]),
    ).toEqual([
      {
        name: 'eth0',
        mac: '52:54:00:aa:bb:cc',
        addresses: [
          { type: 0, address: '10.0.2.15', prefix: 24 },
          { type: 1, address: 'fe80::1', prefix: 24 },
        ],
      },
      { name: 'sit0', mac: undefined, addresses: [] },
    ]);
    const wrong = (each: unknown) => () => readInterfaces([each]);
    expect(wrong({})).toThrow("qemu agent didn't provide 'name' field");
    expect(wrong({ ...eth0, 'ip-addresses': {} })).toThrow('Malformed ip-addresses array');
    expect(wrong({ ...eth0, 'ip-addresses': [address('x', 'ipx')] })).toThrow("unknown ip address type 'ipx'");
    expect(() => readInterfaces('eth0')).toThrow("qemu agent didn't return an array of interfaces");
  });

  it('of file systems is told by the disks of the definition', () => {
    const disk = (slot: number, place = {}) => ({
      ...{ bus: 0, target: 0, unit: 0, 'bus-type': 'virtio', dev: '/dev/x' },
      ...place,
      'pci-controller': { domain: 0, bus: 0, slot, function: slot === 1 ? 1 : 0 },
    });
    const said = (mountpoint: string, ...disks: unknown[]) => ({ mountpoint, name: 'x', type: 'ext4', disk: disks });
    const all = readFileSystems([said('/b', disk(6)), said('/a', disk(1, { bus: 1, unit: 1 })), said('/', disk(-1))]);
    const disks = ['hdd', 'vda', 'vdb'].map(vdev => ({ vdev, kind: 'disk' })) as Domain['definition']['disks'];
    expect(all.map(({ mountpoint, disks: [at] }) => [mountpoint, targetAt({ disks }, at!)])).toEqual([
      ['/', undefined],
      ['/a', 'hdd'],
      ['/b', 'vdb'],
    ]);
    expect(() => readFileSystems([{ mountpoint: '/' }])).toThrow("'name' missing in reply of guest-get-fsinfo");
    expect(() => readFileSystems([said('/', { bus: 0, target: 0, unit: 0 })])).toThrow("'pci-controller' missing");
    expect(() => readFileSystems({})).toThrow('Malformed guest-get-fsinfo data array');
  });

  it('of its system are fields, of those that it knows or of those that are asked for', async () => {
    const { host, domain } = knows({
      'guest-get-osinfo': { id: 'debian', machine: 'i686' },
      'guest-get-timezone': { zone: 'UTC', offset: 0 },
      'guest-get-users': [{ user: 'root', 'login-time': 1.5 }],
    });
    expect(await guestInfo(host, domain(), 0)).toEqual([
      ['user.count', 'unsigned', 1],
      ['user.0.name', 'text', 'root'],
      ['user.0.login-time', 'unsignedHyper', 1500],
      ['os.id', 'text', 'debian'],
      ['os.machine', 'text', 'i686'],
      ['timezone.name', 'text', 'UTC'],
      ['timezone.offset', 'int', 0],
    ]);
    expect(await guestInfo(host, domain(), 2)).toHaveLength(2);
    expect(await failed(guestInfo(host, domain(), 8))).toContain("'guest-get-host-name'");
    expect(await failed(guestInfo(host, domain(), 0x181))).toBe(
      "8: invalid argument: unsupported guest information types '0x180'",
    );
  });

  it('of its time has nanoseconds', async () => {
    const { host, domain } = knows({ 'guest-get-time': 1_900_000_000_500_000_000 });
    expect(await guestTime(host, domain())).toEqual({ seconds: 1_900_000_000, nanoseconds: 500_000_000 });
  });
});

describe('processors of a guest', () => {
  const vcpu = (id: number, isOnline = true, canGoOffline = true) => ({ id, isOnline, canGoOffline });

  it('are named by lists', () => {
    expect([...parseIds('0-3,^1,7')!]).toEqual([0, 2, 3, 7]);
    for (const text of ['', 'x', '3-1', '4096', '^0-1', '1,,2']) expect(parseIds(text)).toBeUndefined();
    expect(formatIds([7, 0, 3, 2])).toBe('0,2-3,7');
  });

  it('come and go so that there are as many as wanted, and never the first', () => {
    expect(changesTo(1, [vcpu(0), vcpu(1), vcpu(2)])).toEqual([
      { id: 1, isOnline: false },
      { id: 2, isOnline: false },
    ]);
    expect(changesTo(2, [vcpu(0), vcpu(1, false), vcpu(2, false)])).toEqual([{ id: 1, isOnline: true }]);
    expect(() => changesTo(1, [vcpu(0, true, false), vcpu(1, true, false)])).toThrow('Cannot offline enough CPUs');
    expect(() => changesTo(3, [vcpu(0)])).toThrow('guest agent reports less cpu than requested');
    expect(() => changesTo(1, [vcpu(0, false, false)])).toThrow('Invalid data provided by guest agent');
  });

  it('are set until the agent has set all of them', async () => {
    const said = [0, 1, 2].map(id => ({ 'logical-id': id, online: true, 'can-offline': id > 0 }));
    const { host, domain, asked } = knows({ 'guest-get-vcpus': said, 'guest-set-vcpus': 1 });
    await setGuestVcpus(host, domain(), '1-2', false);
    expect(asked.slice(1).map(({ arguments: given }) => given)).toEqual([
      { vcpus: [1, 2].map(id => ({ 'logical-id': id, online: false })) },
      { vcpus: [{ 'logical-id': 2, online: false }] },
    ]);
    expect(await failed(setGuestVcpus(host, domain(), '0', false))).toBe(
      "84: Operation not supported: vCPU '0' is not offlinable",
    );
    expect(await failed(setGuestVcpus(host, domain(), '5', true))).toBe(
      "8: invalid argument: guest is missing vCPUs '5'",
    );
  });
});

it('is given a password in base64', async () => {
  const { host, domain, asked } = knows({ 'guest-set-user-password': {} });
  await setUserPassword(host, domain(), { user: 'root', password: 'ü' });
  expect(asked[0]!.arguments).toEqual({ crypted: false, username: 'root', password: 'w7w=' });
});
