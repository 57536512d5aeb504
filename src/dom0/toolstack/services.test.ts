import { describe, expect, it, vi } from 'vitest';
import { createDomain, destroyDomain } from '../../hypervisor/memory/domain-table.ts';
import { FRAME_BYTES, Machine } from '../../hypervisor/memory/machine.ts';
import { HVM_PARAM } from '../../hypervisor/interfaces/xen/abi.ts';
import { GrantTable, GTF } from '../../hypervisor/interfaces/xen/grants/grants.ts';
import { Ports } from '../../hypervisor/interfaces/xen/events/ports.ts';
import { encode, encodeMessage, XS } from '../backends/xenstore/protocol.ts';
import { type Described, Services } from './services.ts';
import { XEN_HVM, XEN_PVH } from '../../hypervisor/interfaces/xen/records.ts';

const UUID = '00112233-4455-6677-8899-aabbccddeeff';

function make(type: 'pvh' | 'hvm' = 'pvh', devices: Described['devices'] = {}) {
  const machine = Machine.create(new SharedArrayBuffer(16 * 2 ** 20));
  const services = new Services(machine);
  const free = machine.freeFrames;
  const record = createDomain(machine, 1, 256, { guest: type === 'hvm' ? XEN_HVM : XEN_PVH });
  services.prepare(record, UUID);
  services.dom0.setHvmParam(record.id, HVM_PARAM.STORE_PFN, 5);
  services.dom0.setHvmParam(record.id, HVM_PARAM.CONSOLE_PFN, 6);
  let out = '';
  const described = {
    uuid: UUID,
    name: 'web1',
    type,
    memoryMiB: 1,
    maxMemoryMiB: 2,
    vcpus: 1,
    maxVcpus: 2,
    startEpochMs: 0,
    devices,
  } as const;
  const guest = services.attach(record, described, bytes => (out += String.fromCharCode(...bytes)));
  const ports = new Ports(machine, record);
  const page = (gfn: number): number => machine.secondStage(record).mfn(gfn) * FRAME_BYTES;
  return { machine, services, record, guest, ports, page, free, out: () => out };
}

describe('Domain 0 for one guest', () => {
  it('makes the store port 1 and the console port 2, as xl does', () => {
    const { services, record, ports } = make();
    expect(
      [HVM_PARAM.STORE_EVTCHN, HVM_PARAM.CONSOLE_EVTCHN].map(param => services.dom0.getHvmParam(record.id, param)),
    ).toEqual([1, 2]);
    // XTF and others take a port that is not bound between domains for "no store".
    expect([ports.state(1), ports.state(2)]).toEqual([2, 2]);
  });

  it('needs no connection to the store of its own for a guest: each stays, and is asked at every change', () => {
    const { services, record } = make();
    const more = vi.spyOn(services.xenstored, 'client');
    services.ask(record.id, 'poweroff');
    services.setMemory(record.id, 1);
    services.detach(record.id);
    expect(more).not.toHaveBeenCalled();
  });

  it('fills the first two entries of the grant table: console, store', () => {
    const { machine, record, ports } = make();
    const at = (new GrantTable(ports).sharedFrame(0) * FRAME_BYTES) / 4;
    expect([...machine.words.subarray(at, at + 4)]).toEqual([GTF.PERMIT_ACCESS, 6, GTF.PERMIT_ACCESS, 5]);
    expect(record.id).toBe(1);
  });

  it('answers in the store and prints what the guest prints', () => {
    const { machine, services, ports, page, guest, out } = make();
    const store = page(5);
    const request = encodeMessage({ type: XS.READ, requestId: 1, transaction: 0, payload: encode('memory/target\0') });
    machine.bytes.set(request, store);
    machine.words[(store + 2052) / 4] = request.length;
    ports.send(1);
    expect(services.poll()).toBe(true);
    expect(machine.words[(store + 2060) / 4]).toBe(16 + 4);
    expect(String.fromCharCode(...machine.bytes.subarray(store + 1024 + 16, store + 1024 + 20))).toBe('1024');
    expect(ports.isPending(1)).toBe(true);
    machine.bytes.set(encode('hi\n'), page(6) + 1024);
    machine.words[(page(6) + 3084) / 4] = 3;
    ports.send(2);
    services.poll();
    expect(out()).toBe('hi\n');
    guest.input(encode('x'));
    expect([machine.words[(page(6) + 3076) / 4], guest.typed.length, ports.isPending(2)]).toEqual([1, 0, true]);
  });

  it('has connected to a guest before that runs: what it prints before it rings waits, and no event comes that it cannot handle yet', () => {
    const { machine, services, ports, page, out } = make();
    machine.bytes.set(encode('early'), page(6) + 1024);
    machine.words[(page(6) + 3084) / 4] = 5;
    services.poll();
    expect([out(), ports.isPending(1), ports.isPending(2)]).toEqual(['', false, false]);
    ports.send(2);
    services.poll();
    expect([out(), ports.isPending(2)]).toEqual(['early', true]);
  });

  it('writes what guests look for, with permissions that let them', () => {
    const { services } = make();
    const tools = services.xenstored.client();
    const home = '/local/domain/1';
    const expected: Record<string, string> = {
      name: 'web1',
      domid: '1',
      vm: `/vm/${UUID}`,
      'memory/static-max': '2048',
      'memory/target': '1024',
      'cpu/0/availability': 'online',
      'cpu/1/availability': 'offline',
      'control/platform-feature-xs_reset_watches': '1',
      'store/port': '1',
      'console/port': '2',
      'console/type': 'xenconsoled',
    };
    for (const [path, value] of Object.entries(expected))
      expect([path, tools.read(`${home}/${path}`)]).toEqual([path, value]);
    const { store } = services.xenstored;
    const guest = store.connect(1, () => {});
    for (const path of ['name', 'device', 'control/shutdown', `/vm/${UUID}/uuid`, 'memory/target'])
      store.read(guest, path);
    for (const path of ['control/shutdown', 'control/feature-poweroff', 'data/x', 'device/suspend/event-channel'])
      store.write(guest, path, encode(''));
    for (const path of ['name', 'memory/target', 'console/port', '/libxl/1/type'])
      expect(() => store.write(guest, path, encode('')), path).toThrow('EACCES');
  });

  it('asks an HVM guest to power off where its driver says that it listens', () => {
    const { services, record } = make('hvm');
    const { store } = services.xenstored;
    expect(services.ask(record.id, 'poweroff')).toBe(false);
    store.write(
      store.connect(record.id, () => {}),
      'control/feature-poweroff',
      encode('1'),
    );
    expect(services.ask(record.id, 'poweroff')).toBe(true);
    expect(services.ask(record.id, 'reboot')).toBe(false);
  });

  it('asks others whatever they say, as they have no power button, but to suspend only who can', () => {
    const { services, record, machine, page } = make();
    const { store } = services.xenstored;
    const tools = services.xenstored.client();
    expect(services.ask(record.id, 'suspend')).toBe(false);
    store.write(
      store.connect(record.id, () => {}),
      'control/feature-suspend',
      encode('1'),
    );
    // The guest watches through its ring.
    const request = encodeMessage({
      type: XS.WATCH,
      requestId: 1,
      transaction: 0,
      payload: encode('control/shutdown\0t\0'),
    });
    machine.bytes.set(request, page(5));
    machine.words[(page(5) + 2052) / 4] = request.length;
    services.xenstored.poll(record.id);
    const before = machine.words[(page(5) + 2060) / 4];
    expect(services.ask(record.id, 'poweroff')).toBe(true);
    expect(tools.read('/local/domain/1/control/shutdown')).toBe('poweroff');
    expect(machine.words[(page(5) + 2060) / 4]).toBeGreaterThan(before);
    expect(services.ask(record.id, 'suspend')).toBe(true);
    expect(services.ask(99, 'poweroff')).toBe(false);
  });

  it('makes nothing of a guest whose console cannot be found', () => {
    const { machine, services, free, record: first } = make();
    const record = createDomain(machine, 1, 256, { guest: XEN_PVH });
    services.prepare(record, UUID.replace('0', '1'));
    services.dom0.setHvmParam(record.id, HVM_PARAM.STORE_PFN, 5);
    services.dom0.setHvmParam(record.id, HVM_PARAM.CONSOLE_PFN, 999);
    const described = {
      uuid: UUID.replace('0', '1'),
      name: 'web2',
      type: 'pvh',
      memoryMiB: 1,
      maxMemoryMiB: 1,
      vcpus: 1,
      maxVcpus: 1,
      startEpochMs: 0,
    } as const;
    expect(() => services.attach(record, described, () => {})).toThrow(/no memory at guest frame 0x3e7/);
    expect([
      services.xenstored.isIntroduced(record.id),
      services.xenstored.client().directory('/local/domain'),
    ]).toEqual([false, ['0', '1']]);
    expect(destroyDomain(machine, record)).toBe(true);
    services.detach(first.id);
    destroyDomain(machine, first);
    expect(machine.freeFrames).toBe(free);
  });

  it('leaves nothing of its devices in the store, sentences about them among that', () => {
    const { services, record } = make('pvh', { cards: [{ mac: '00:16:3e:00:00:01', emulated: false }], screen: true });
    const { client } = services;
    const all = (path: string): string[] => [
      path,
      ...client.directory(path).flatMap(name => all(`${path === '/' ? '' : path}/${name}`)),
    ];
    // What it says of its rings cannot be.
    client.write(`/local/domain/${record.id}/device/vif/0/state`, '3');
    expect(client.read(`/local/domain/0/error/backend/vif/${record.id}/0/error`)).toMatch(
      /^The vif 0 of domain 1 was closed/,
    );
    services.detach(record.id);
    expect(all('/').filter(path => /\/1(\/|$)/.test(path))).toEqual([]);
  });

  it('has the store of one that comes from elsewhere before it stands still, and nothing of it where it does not come', () => {
    const { services, machine } = make();
    const { client } = services;
    const record = createDomain(machine, 1, 256, { guest: XEN_PVH });
    const uuid = UUID.replace('00', 'ff');
    services.prepare(record, uuid);
    const described: Described = {
      ...{ uuid, name: 'web2', type: 'pvh', memoryMiB: 1, maxMemoryMiB: 2, targetKiB: 512 },
      ...{ vcpus: 1, maxVcpus: 1, startEpochMs: 0, devices: {} },
    };
    const at = (path: string): unknown => client.read(`/local/domain/${record.id}/${path}`);
    services.announce(record.id, described);
    expect([at('name'), client.read(`/vm/${uuid}/name`)]).toEqual(['web2', 'web2']);
    services.detach(record.id);
    expect([at('name'), client.read(`/vm/${uuid}/name`)]).toEqual([undefined, undefined]);
    services.announce(record.id, described);
    services.dom0.setHvmParam(record.id, HVM_PARAM.STORE_PFN, 5);
    services.dom0.setHvmParam(record.id, HVM_PARAM.CONSOLE_PFN, 6);
    services.attach(record, described, () => {});
    expect(['store/ring-ref', 'console/ring-ref', 'memory/target'].map(at)).toEqual(['5', '6', '512']);
    services.detach(record.id);
    expect(client.directory('/local/domain')).toEqual(['0', '1']);
  });

  it('leaves nothing behind', () => {
    const { machine, services, record, page, out, free } = make();
    machine.bytes.set(encode('bye'), page(6) + 1024);
    machine.words[(page(6) + 3084) / 4] = 3;
    services.detach(record.id);
    expect(out()).toBe('bye');
    expect(services.xenstored.client().directory('/local/domain')).toEqual(['0']);
    expect(destroyDomain(machine, record)).toBe(true);
    expect(machine.freeFrames).toBe(free);
  });
});
