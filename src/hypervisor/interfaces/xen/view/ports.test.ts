/** Ports as readers have them, against what the guest is told of them and what its hypervisor does. */
import { describe, expect, it } from 'vitest';
import { DOMID_SELF, EVTCHNOP, HYPERCALL, VIRQ, XENMEM } from '../abi.ts';
import { ARGS, testGuest, type TestGuest } from '../pvh-program.test-support.ts';
import { MachineView } from '../../../view/machine-view.ts';
import type { PortView } from './ports.ts';
import { xenOf } from '../of-domain.ts';
import { portsOf } from './ports.ts';

const op = (who: TestGuest, command: number, ...words: number[]): number =>
  who.call(HYPERCALL.EVENT_CHANNEL_OP, command, who.put(ARGS, ...words));
const seenOf = ({ machine, domain }: TestGuest): PortView[] =>
  portsOf(new MachineView(machine.memory).domain(domain.options.record.id));
const CLOSED = {
  remoteDomain: -1,
  remotePort: 0,
  irq: -1,
  vcpu: 0,
  priority: 7,
  ofXen: false,
  pending: false,
  masked: false,
  torn: false,
};

describe('the ports of a domain', () => {
  it('are those that are open, with their other ends and their vCPUs', () => {
    const guest = testGuest({ vcpus: 2 }),
      other = testGuest({ machine: guest.machine });
    const domid = guest.domain.options.record.id,
      remote = other.domain.options.record.id;
    expect(seenOf(guest)).toEqual([]);
    op(guest, EVTCHNOP.ALLOC_UNBOUND, DOMID_SELF | (remote << 16));
    op(guest, EVTCHNOP.BIND_VIRQ, VIRQ.DEBUG, 1, 0);
    op(guest, EVTCHNOP.BIND_IPI, 1, 0);
    op(guest, EVTCHNOP.ALLOC_UNBOUND, DOMID_SELF | (remote << 16));
    expect(op(other, EVTCHNOP.BIND_INTERDOMAIN, domid, 4, 0)).toBe(0);
    expect(xenOf(guest.domain)!.ports.allocateForXen(0, 1)).toBe(5);
    expect(seenOf(guest)).toEqual([
      { ...CLOSED, port: 1, state: 'UNBOUND', remoteDomain: remote },
      { ...CLOSED, port: 2, state: 'VIRQ', irq: VIRQ.DEBUG, vcpu: 1 },
      { ...CLOSED, port: 3, state: 'IPI', vcpu: 1 },
      { ...CLOSED, port: 4, state: 'INTERDOMAIN', remoteDomain: remote, remotePort: 1 },
      { ...CLOSED, port: 5, state: 'UNBOUND', remoteDomain: 0, vcpu: 1, ofXen: true },
    ]);
    // A port that is bound counts as rung.
    expect(seenOf(other)).toEqual([
      { ...CLOSED, port: 1, state: 'INTERDOMAIN', remoteDomain: domid, remotePort: 4, pending: true },
    ]);
    op(guest, EVTCHNOP.CLOSE, 4);
    expect(seenOf(other)[0]).toMatchObject({ state: 'UNBOUND', remoteDomain: domid, remotePort: 0 });
  });

  it.each([32, 64])('are pending and masked as the bitmaps of shared_info say, %i-bit layout', width => {
    const guest = testGuest();
    const { ports } = xenOf(guest.domain)!;
    if (width === 32) {
      guest.put(ARGS, DOMID_SELF, 0, 0, 0x50);
      guest.call(HYPERCALL.MEMORY_OP, XENMEM.ADD_TO_PHYSMAP, ARGS);
      xenOf(guest.domain)!.latchWidth();
    }
    expect(ports.width).toBe(width);
    for (let i = 0; i < 40; i++) op(guest, EVTCHNOP.BIND_IPI, 0, 0);
    op(guest, EVTCHNOP.SEND, 3);
    op(guest, EVTCHNOP.SEND, 37);
    const mask = ports.sharedInfo + (width === 32 ? 0x880 : 0xa00);
    guest.machine.bytes[mask] = 1 << 5;
    const seen = seenOf(guest);
    expect(seen.filter(({ pending }) => pending).map(({ port }) => port)).toEqual([3, 37]);
    expect(seen.every(({ port, pending }) => pending === ports.isPending(port))).toBe(true);
    expect(seen.filter(({ masked }) => masked).map(({ port }) => port)).toEqual([5]);
  });

  it('are pending and masked as their event words say, where the guest uses FIFO events', () => {
    const guest = testGuest();
    const CONTROL = 0x60000,
      EVENTS = 0x61000;
    for (let i = 0; i < 4; i++) op(guest, EVTCHNOP.BIND_IPI, 0, 0);
    expect(op(guest, EVTCHNOP.INIT_CONTROL, CONTROL >>> 12, 0, 0, 0, 0, 0)).toBe(0);
    op(guest, EVTCHNOP.SEND, 2);
    // Its page has not come yet.
    expect(
      seenOf(guest)
        .filter(({ pending }) => pending)
        .map(({ port }) => port),
    ).toEqual([2]);
    guest.put(EVENTS + 4 * 3, 1 << 30);
    expect(op(guest, EVTCHNOP.EXPAND_ARRAY, EVENTS >>> 12, 0)).toBe(0);
    op(guest, EVTCHNOP.SEND, 3);
    op(guest, EVTCHNOP.SET_PRIORITY, 4, 2);
    expect(seenOf(guest)).toMatchObject([
      { pending: false },
      { pending: true, masked: false },
      { pending: true, masked: true },
      { pending: false, priority: 2 },
    ]);
    expect(seenOf(guest).every(({ port, pending }) => pending === xenOf(guest.domain)!.ports.isPending(port))).toBe(
      true,
    );
  });
});
