/**
 * A guest that is saved without its knowledge finds, in its new domain, what it had of Xen: ports, masks and pending bits of either ABI, where it put its
 * vcpu_info and shared_info, its timers, its grant table of either version. What another domain had the other end of is gone.
 */
import { asm } from '../../../cpu/test-support/asm.ts';
import { describe, expect, it } from 'vitest';
import { assembleDomain } from '../assemble.ts';
import { PORT, XEN, XEN_VCPU } from './layout.ts';
import { createDomain, destroyDomain } from '../../memory/domain-table.ts';
import { audit } from '../../memory/index.ts';
import { FRAME_BYTES, Machine } from '../../memory/machine.ts';
import { readState, saveDomain } from './stream/state.ts';
import { DOMID_SELF, EINVAL, EVTCHNOP, EVTCHNSTAT, HYPERCALL, VIRQ, XENMAPSPACE } from './abi.ts';
import { Dom0 } from './dom0-access.ts';
import { GrantTable } from './grants/grants.ts';
import { hypercall } from './hypercalls.ts';
import { ARGS, memoryOf, testGuest, type TestGuest } from './pvh-program.test-support.ts';
import { xenOf } from './of-domain.ts';
import { XEN_PVH, xenRecords } from './records.ts';

const ADD_TO_PHYSMAP = 7,
  SET_VERSION = 8,
  REGISTER_VCPU_INFO = 10,
  SET_SINGLESHOT = 8;
const SHARED_GFN = 0x200,
  GRANT_GFN = 0x210;

const event = (guest: TestGuest, op: number, ...words: number[]): number =>
  guest.call(HYPERCALL.EVENT_CHANNEL_OP, op, guest.put(ARGS, ...words));
const placed = (guest: TestGuest, space: number, index: number, gfn: number): number =>
  guest.call(HYPERCALL.MEMORY_OP, ADD_TO_PHYSMAP, guest.put(ARGS, DOMID_SELF, space, index, gfn));
const read = (guest: TestGuest, address: number): number => guest.get(address);

/** The same guest in another machine, where it has another id. */
function again(guest: TestGuest): TestGuest {
  const file = Buffer.concat(saveDomain(guest.domain, { name: 'x', program: 'test', definition: '' }));
  const saved = readState(file, 'x');
  const machine = Machine.create(new SharedArrayBuffer(64 * 2 ** 20));
  const dom0 = new Dom0(machine);
  createDomain(machine, 1, 256, { guest: XEN_PVH });
  const { options } = guest.domain;
  const record = createDomain(machine, 4, 0x100000, {
    guest: xenRecords(xenOf(guest.domain)!.type),
    vcpus: options.record.vcpus,
  });
  const domain = assembleDomain({ ...options, machine, record, boot: saved.boot }, saved);
  const moved = { machine, dom0, said: '' } as const;
  return {
    ...moved,
    call: (number, ...args) => hypercall(xenOf(domain)!, number, [...args, 0, 0, 0, 0, 0].slice(0, 5)),
    ...memoryOf(domain),
  };
}

describe('a guest that does not know that it was saved', () => {
  it('has its MSRs: CPUID goes on to fault, and MCG_STATUS, DEBUGCTL and TSC_ADJUST are what they were', () => {
    const guest = testGuest();
    const values = [
      [0x140, 1, 0],
      [0x17a, 5, 0x80000001],
      [0x1d9, 2, 0],
      [0x281, 0x40000000, 1],
      [0x3b, 0x1000, 0],
    ] as const;
    for (const [index, low, high] of values) expect(xenOf(guest.domain)!.writeMsr(index, low, high)).toBe(true);
    const xen = xenOf(again(guest).domain);
    for (const [index, low, high] of values) expect(xen!.readMsr(index)).toEqual([low, high]);
    expect(xen!.msrs.cpuidFaults).toBe(true);
  });

  it('has its ports: what was pending stays so, timers fire on the port they had, and no other domain is at the end of one', () => {
    const guest = testGuest({ vcpus: 2 });
    const { ports } = xenOf(guest.domain)!;
    placed(guest, XENMAPSPACE.SHARED_INFO, 0, SHARED_GFN);
    expect(event(guest, EVTCHNOP.BIND_VIRQ, VIRQ.TIMER, 0, 0)).toBe(0);
    const timer = read(guest, ARGS + 8);
    event(guest, EVTCHNOP.BIND_IPI, 1, 0);
    const ipi = read(guest, ARGS + 4);
    event(guest, EVTCHNOP.SEND, ipi);
    // One for Domain 0, which binds to it, and one for a neighbour.
    event(guest, EVTCHNOP.ALLOC_UNBOUND, DOMID_SELF | (0 << 16), 0);
    const forDom0 = read(guest, ARGS + 4);
    guest.dom0.bindInterdomain(guest.domain.options.record.id, forDom0, () => {});
    const neighbour = testGuest({ machine: guest.machine });
    event(guest, EVTCHNOP.ALLOC_UNBOUND, DOMID_SELF | (neighbour.domain.options.record.id << 16), 0);
    const forNeighbour = read(guest, ARGS + 4);
    guest.call(HYPERCALL.VCPU_OP, SET_SINGLESHOT, 0, guest.put(ARGS, 5_000_000, 0, 0, 0));

    const moved = again(guest);
    const there = xenOf(moved.domain)!.ports;
    expect(moved.domain.options.record.id).not.toBe(guest.domain.options.record.id);
    expect([there.state(timer), there.state(ipi), there.target(ipi), there.isPending(ipi)]).toEqual([
      EVTCHNSTAT.VIRQ,
      EVTCHNSTAT.IPI,
      1,
      true,
    ]);
    // shared_info lies where it lay: the pending bit is in the guest's own memory.
    expect(read(moved, SHARED_GFN * FRAME_BYTES + 0x800 + ((ipi >>> 5) << 2)) & (1 << (ipi & 31))).not.toBe(0);
    expect([there.state(forDom0), there.state(forNeighbour)]).toEqual([EVTCHNSTAT.UNBOUND, EVTCHNSTAT.UNBOUND]);
    expect(moved.dom0.bindInterdomain(moved.domain.options.record.id, forDom0, () => {})).toBeGreaterThan(0);
    expect(there.words[there.entry(forNeighbour) + PORT.REMOTE]).toBe(0x7ff4);
    moved.domain.timers.run();
    expect(there.isPending(timer)).toBe(false);
    moved.domain.clock.idleTo(6_000_000);
    moved.domain.timers.run();
    expect(there.isPending(timer)).toBe(true);
    expect(ports.isPending(timer)).toBe(false);
  });

  it('has its vcpu_info where it registered it, and FIFO events with their links', () => {
    const guest = testGuest();
    guest.call(HYPERCALL.VCPU_OP, REGISTER_VCPU_INFO, 0, guest.put(ARGS, 0x300, 0, 0x40, 0));
    expect(event(guest, EVTCHNOP.INIT_CONTROL, 0x301, 0, 0x80, 0, 0, 0)).toBe(0);
    expect(event(guest, EVTCHNOP.EXPAND_ARRAY, 0x302, 0)).toBe(0);
    event(guest, EVTCHNOP.BIND_IPI, 0, 0);
    const [first] = [read(guest, ARGS + 4)];
    event(guest, EVTCHNOP.BIND_IPI, 0, 0);
    const second = read(guest, ARGS + 4);
    event(guest, EVTCHNOP.SEND, first);

    const moved = again(guest);
    // The guest takes nothing from the queue meanwhile, so the second event is linked behind the first.
    event(moved, EVTCHNOP.SEND, second);
    const word = (port: number): number => read(moved, 0x302 * FRAME_BYTES + port * 4) >>> 0;
    expect([word(first) >>> 29, word(first) & 0x1ffff, word(second) >>> 29]).toEqual([0b101, second, 0b101]);
    expect(read(moved, 0x301 * FRAME_BYTES + 0x80 + 8 + 7 * 4)).toBe(first);
    expect(read(moved, 0x300 * FRAME_BYTES + 0x40) & 0xff).toBe(1);
    // The frames are held: the guest cannot give them away, and the host gets them back in the end.
    const { machine } = moved;
    const xen = xenOf(moved.domain);
    expect(machine.references(xen!.frames.machineFrame(0x302))).toBe(2);
    destroyDomain(machine, moved.domain.options.record);
    expect(machine.find(moved.domain.options.record.id, true)).toBeUndefined();
  });

  it('has a vcpu_info that it registered where shared_info has it, as Nanos does', () => {
    const guest = testGuest();
    expect(placed(guest, XENMAPSPACE.SHARED_INFO, 0, SHARED_GFN)).toBe(0);
    const place = guest.put(ARGS, SHARED_GFN, 0, 0, 0);
    expect(guest.call(HYPERCALL.VCPU_OP, REGISTER_VCPU_INFO, 0, place)).toBe(0);
    const moved = again(guest);
    expect(read(moved, SHARED_GFN * FRAME_BYTES) & 0xff).toBe(1);
    expect(moved.call(HYPERCALL.VCPU_OP, REGISTER_VCPU_INFO, 0, moved.put(ARGS, 0x300, 0, 0, 0))).toBe(-EINVAL);
    const { machine } = moved,
      { record } = moved.domain.options;
    expect(audit(machine)).toEqual([]);
    destroyDomain(machine, record);
    expect(machine.find(record.id, true)).toBeUndefined();
  });

  it.each([1, 2])(
    'has its grant table of version %i: entries for Domain 0 hold, those for others are void',
    version => {
      const guest = testGuest();
      const neighbour = testGuest({ machine: guest.machine });
      expect(guest.call(HYPERCALL.GRANT_TABLE_OP, SET_VERSION, guest.put(ARGS, version), 1)).toBe(0);
      placed(guest, XENMAPSPACE.GRANT_TABLE, 0, GRANT_GFN);
      const bytes = version === 2 ? 16 : 8;
      const entry = (ref: number): number => GRANT_GFN * FRAME_BYTES + ref * bytes;
      const fill = (ref: number, domid: number): void => {
        guest.put(entry(ref), 1 | (domid << 16), ...(version === 2 ? [0, 0x123, 0] : [0x123]));
      };
      fill(8, 0);
      fill(9, neighbour.domain.options.record.id);
      // In use: who used it is not there any more.
      const held = guest.dom0.mapGrant(guest.domain.options.record.id, 8, false);

      const moved = again(guest);
      const table = new GrantTable(xenOf(moved.domain)!.ports);
      expect([table.version, table.frames]).toEqual([version, new GrantTable(xenOf(guest.domain)!.ports).frames]);
      expect(read(moved, entry(8))).toBe(1);
      expect(read(moved, entry(9)) & 3).toBe(0);
      const mapped = moved.dom0.mapGrant(moved.domain.options.record.id, 8, false);
      expect(mapped.mfn).toBe(xenOf(moved.domain)!.frames.machineFrame(0x123));
      held.unmap();
      mapped.unmap();
    },
  );

  it('keeps how long its processors ran and waited', () => {
    const guest = testGuest({ code: asm('jmp $'), vcpus: 2 });
    guest.domain.runSlice();
    const { words } = guest.machine;
    const { ports } = xenOf(guest.domain)!;
    words[ports.vcpu(1) + XEN_VCPU.TIMES + 6] = 12345;
    const moved = again(guest);
    const there = xenOf(moved.domain)!.ports;
    expect(there.words[there.vcpu(1) + XEN_VCPU.TIMES + 6]).toBe(12345);
    expect(there.words[there.xenBlock + XEN.CURRENT_FRAMES]).toBe(words[ports.xenBlock + XEN.CURRENT_FRAMES]);
    expect(moved.domain.clock.nowNs()).toBe(guest.domain.clock.nowNs());
  });
});

describe('a guest with memory on demand', () => {
  it('has what it used, zeroes for the rest, and no more of the host than before', () => {
    const machine = Machine.create(new SharedArrayBuffer(64 * 2 ** 20));
    const record = createDomain(machine, 8, 0x100000, { guest: XEN_PVH, populateMiB: 4 });
    const first = testGuest();
    const { options } = first.domain;
    const domain = assembleDomain({ ...options, machine, record, memoryMiB: 8 });
    domain.memory.write(0x500000, Uint8Array.of(7));
    const saved = readState(Buffer.concat(saveDomain(domain, { name: 'x', program: 'test', definition: '' })), 'x');
    expect([saved.about.memoryMiB, saved.about.populatedMiB]).toEqual([8, 4]);
    const other = Machine.create(new SharedArrayBuffer(64 * 2 ** 20));
    const there = createDomain(other, 8, 0x100000, { guest: XEN_PVH, populateMiB: 4 });
    const moved = assembleDomain({ ...options, machine: other, record: there, memoryMiB: 8, boot: saved.boot }, saved);
    const bytes = new Uint8Array(1);
    moved.memory.read(0x500000, bytes);
    expect(bytes[0]).toBe(7);
    const podOf = (d: typeof domain): number[] => [
      xenOf(d)!.frames.current,
      xenOf(d)!.frames.pod.entries,
      xenOf(d)!.frames.pod.count,
    ];
    expect(podOf(moved)[0]).toBe(podOf(domain)[0]);
    expect(podOf(moved)[1]).toBeGreaterThanOrEqual(podOf(domain)[1]);
    expect(podOf(moved)[2]).toBeGreaterThanOrEqual(podOf(domain)[2]);
  });
});
