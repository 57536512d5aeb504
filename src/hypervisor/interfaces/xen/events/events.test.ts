import { beforeEach, describe, expect, it } from 'vitest';
import { destroyDomain } from '../../../memory/domain-table.ts';
import { XEN_TYPE } from '../layout.ts';
import {
  CALLBACK_VIA,
  DOMID_SELF,
  EEXIST,
  EFAULT,
  EINVAL,
  ENOSPC,
  ENOENT,
  ENOSYS,
  EPERM,
  ESRCH,
  EVTCHNOP,
  EVTCHNSTAT,
  HVM_PARAM,
  HVMOP,
  HYPERCALL,
  SCHEDOP,
  VCPUOP,
  VIRQ,
  XENMEM,
} from '../abi.ts';
import { ARGS, testGuest, type TestGuest } from '../pvh-program.test-support.ts';
import { xenOf } from '../of-domain.ts';

let guest: TestGuest;
const op = (who: TestGuest, command: number, ...words: number[]): number =>
  who.call(HYPERCALL.EVENT_CHANNEL_OP, command, who.put(ARGS, ...words));
/** Makes shared_info visible at a page, in the 32-bit layout. */
const SHARED = 0x50000;
function share(who: TestGuest): void {
  who.put(ARGS, DOMID_SELF, 0, 0, SHARED >>> 12);
  who.call(HYPERCALL.MEMORY_OP, XENMEM.ADD_TO_PHYSMAP, ARGS);
  xenOf(who.domain)!.latchWidth();
}
const ports = (who: TestGuest) => xenOf(who.domain)!.ports;

beforeEach(() => {
  guest = testGuest({ vcpus: 2 });
  share(guest);
});

describe('event channel ports', () => {
  it('are allocated lowest first; port 0 is none', () => {
    expect(op(guest, EVTCHNOP.ALLOC_UNBOUND, DOMID_SELF, 0)).toBe(0);
    expect(guest.get(ARGS + 4)).toBe(1);
    expect(op(guest, EVTCHNOP.BIND_IPI, 0, 0)).toBe(0);
    expect(guest.get(ARGS + 4)).toBe(2);
    expect(op(guest, EVTCHNOP.CLOSE, 1)).toBe(0);
    expect(op(guest, EVTCHNOP.BIND_IPI, 1, 0)).toBe(0);
    expect(guest.get(ARGS + 4)).toBe(1);
    for (const port of [0, 3, 1024, -1]) {
      expect(op(guest, EVTCHNOP.CLOSE, port)).toBe(-EINVAL);
      expect(op(guest, EVTCHNOP.SEND, port)).toBe(-EINVAL);
    }
  });

  it('tell their state', () => {
    op(guest, EVTCHNOP.ALLOC_UNBOUND, DOMID_SELF | (7 << 16));
    op(guest, EVTCHNOP.BIND_VIRQ, VIRQ.DEBUG, 1, 0);
    const status = (port: number): number[] => {
      expect(op(guest, EVTCHNOP.STATUS, DOMID_SELF, port, -1, -1, 0, 0)).toBe(0);
      return [guest.get(ARGS + 8), guest.get(ARGS + 12), guest.get(ARGS + 16)];
    };
    expect(status(1)).toEqual([EVTCHNSTAT.UNBOUND, 0, 7]);
    expect(status(2)).toEqual([EVTCHNSTAT.VIRQ, 1, VIRQ.DEBUG]);
    expect(status(3)[0]).toBe(EVTCHNSTAT.CLOSED);
    expect(op(guest, EVTCHNOP.STATUS, 99, 1, 0, 0, 0, 0)).toBe(-ESRCH);
  });

  it('give a VIRQ of the whole domain back, whichever vCPU it was delivered to', () => {
    expect(op(guest, EVTCHNOP.BIND_VIRQ, VIRQ.ARGO, 0, 0)).toBe(0);
    const port = guest.get(ARGS + 8);
    expect(op(guest, EVTCHNOP.BIND_VCPU, port, 1)).toBe(0);
    expect(op(guest, EVTCHNOP.CLOSE, port)).toBe(0);
    expect(op(guest, EVTCHNOP.BIND_VIRQ, VIRQ.ARGO, 0, 0)).toBe(0);
  });

  it('refuse by the book', () => {
    expect(op(guest, EVTCHNOP.BIND_VIRQ, 24, 0, 0)).toBe(-EINVAL);
    expect(op(guest, EVTCHNOP.BIND_VIRQ, VIRQ.TIMER, 2, 0)).toBe(-ENOENT);
    expect(op(guest, EVTCHNOP.BIND_VIRQ, VIRQ.TIMER, 0, 0)).toBe(0);
    expect(op(guest, EVTCHNOP.BIND_VIRQ, VIRQ.TIMER, 0, 0)).toBe(-EEXIST);
    expect(op(guest, EVTCHNOP.BIND_IPI, 2, 0)).toBe(-ENOENT);
    expect(op(guest, EVTCHNOP.BIND_INTERDOMAIN, 99, 1, 0)).toBe(-ESRCH);
    expect(op(guest, EVTCHNOP.BIND_INTERDOMAIN, 0, 1, 0)).toBe(-EINVAL);
    expect(op(guest, EVTCHNOP.ALLOC_UNBOUND, 0)).toBe(-EPERM);
    // A VIRQ of one vCPU and an IPI stay where they are.
    expect(op(guest, EVTCHNOP.BIND_VCPU, 1, 1)).toBe(-EINVAL);
    expect(op(guest, EVTCHNOP.BIND_VCPU, 1, 2)).toBe(-ENOENT);
    expect(op(guest, EVTCHNOP.SEND, 1)).toBe(-EINVAL);
    expect(guest.call(HYPERCALL.EVENT_CHANNEL_OP, EVTCHNOP.SEND, 0x80000000)).toBe(-EFAULT);
    expect(guest.call(HYPERCALL.EVENT_CHANNEL_OP, 99, ARGS)).toBe(-ENOSYS);
  });

  it('join two domains: the binder finds its end pending, close leaves the other end waiting for it again', () => {
    const other = testGuest({ machine: guest.machine });
    share(other);
    op(guest, EVTCHNOP.ALLOC_UNBOUND, DOMID_SELF | (other.domain.options.record.id << 16));
    const port = guest.get(ARGS + 4);
    expect(op(other, EVTCHNOP.BIND_INTERDOMAIN, 1, port, 0)).toBe(0);
    const theirs = other.get(ARGS + 8);
    expect(ports(other).isPending(theirs)).toBe(true);
    // Nobody else may bind it now.
    expect(op(other, EVTCHNOP.BIND_INTERDOMAIN, 1, port, 0)).toBe(-EINVAL);
    expect(op(other, EVTCHNOP.SEND, theirs)).toBe(0);
    expect(guest.get(SHARED + 0x800)).toBe(1 << port);
    expect(op(other, EVTCHNOP.CLOSE, theirs)).toBe(0);
    expect(ports(other).isPending(theirs)).toBe(false);
    expect(ports(guest).state(port)).toBe(EVTCHNSTAT.UNBOUND);
    expect(op(guest, EVTCHNOP.SEND, port)).toBe(0);
    // Death closes, too.
    expect(op(other, EVTCHNOP.BIND_INTERDOMAIN, 1, port, 0)).toBe(0);
    destroyDomain(guest.machine, other.domain.options.record);
    expect(ports(guest).state(port)).toBe(EVTCHNSTAT.UNBOUND);
  });
});

describe('event channels, two-level ABI', () => {
  it('set pending, selector and upcall; a masked port stops after pending; unmask goes on where it stopped', () => {
    op(guest, EVTCHNOP.BIND_IPI, 0, 0);
    guest.put(SHARED + 0x880, 1 << 1);
    op(guest, EVTCHNOP.SEND, 1);
    expect([guest.get(SHARED + 0x800), guest.get(SHARED + 4), guest.get(SHARED) & 0xff]).toEqual([2, 0, 0]);
    expect(op(guest, EVTCHNOP.UNMASK, 1)).toBe(0);
    expect([
      guest.get(SHARED + 0x800),
      guest.get(SHARED + 0x880),
      guest.get(SHARED + 4),
      guest.get(SHARED) & 0xff,
    ]).toEqual([2, 0, 1, 1]);
  });

  it('deliver to the vCPU that the port is bound to', () => {
    op(guest, EVTCHNOP.BIND_IPI, 1, 0);
    op(guest, EVTCHNOP.SEND, 1);
    expect([guest.get(SHARED) & 0xff, guest.get(SHARED + 64) & 0xff]).toEqual([0, 1]);
  });

  it('go through the local APIC by an upcall vector, once while the upcall is pending', () => {
    guest.call(HYPERCALL.HVM_OP, HVMOP.SET_EVTCHN_UPCALL_VECTOR, guest.put(ARGS, 0, 0xf3));
    const irr = (): number => ((guest.domain.platform.save().lapic0 as { irr: Uint32Array }).irr[7] >>> 19) & 1;
    op(guest, EVTCHNOP.BIND_IPI, 0, 0);
    expect(irr()).toBe(0);
    op(guest, EVTCHNOP.SEND, 1);
    expect(irr()).toBe(1);
  });

  it('come past the local APIC by a callback vector, as long as the upcall is pending', () => {
    const { vcpus } = guest.domain,
      xen = xenOf(guest.domain);
    guest.put(ARGS, DOMID_SELF, HVM_PARAM.CALLBACK_IRQ, 0xf3, CALLBACK_VIA.VECTOR << 24);
    expect(guest.call(HYPERCALL.HVM_OP, HVMOP.SET_PARAM, ARGS)).toBe(0);
    expect(vcpus.directVector(0)).toBe(-1);
    op(guest, EVTCHNOP.BIND_IPI, 0, 0);
    op(guest, EVTCHNOP.SEND, 1);
    expect(vcpus.directVector(0)).toBe(0xf3);
    expect(vcpus.directVector(1)).toBe(-1);
    guest.put(SHARED, 0);
    expect(xen!.line.directVector(0)).toBe(-1);
  });
});

describe('SCHEDOP_poll and block', () => {
  const poll = (port: number, low = 0, high = 0): number => {
    guest.put(ARGS + 0x40, port);
    return guest.call(HYPERCALL.SCHED_OP, SCHEDOP.POLL, guest.put(ARGS, ARGS + 0x40, 1, low, high));
  };
  const blocked = (): boolean => guest.domain.vcpus.current.activity === 4;

  it('goes on at once where a port is pending, masked or not', () => {
    op(guest, EVTCHNOP.BIND_IPI, 0, 0);
    guest.put(SHARED + 0x880, -1);
    op(guest, EVTCHNOP.SEND, 1);
    expect(poll(1)).toBe(0);
    expect(blocked()).toBe(false);
  });

  it('waits for a send, also to a masked port', () => {
    op(guest, EVTCHNOP.BIND_IPI, 0, 0);
    guest.put(SHARED + 0x880, -1);
    expect(poll(1)).toBe(0);
    expect(blocked()).toBe(true);
    op(guest, EVTCHNOP.SEND, 1);
    expect(blocked()).toBe(false);
  });

  it('waits until its time has come; a time that is past does not wait', () => {
    op(guest, EVTCHNOP.BIND_IPI, 0, 0);
    guest.put(SHARED + 0x880, -1);
    expect(poll(1, 50_000_000)).toBe(0);
    expect(blocked()).toBe(true);
    guest.domain.clock.idleTo(60_000_000);
    guest.domain.timers.run();
    expect(blocked()).toBe(false);
    expect(poll(1, 40_000_000)).toBe(0);
    expect(blocked()).toBe(false);
  });

  it('refuses ports that cannot be, and more than 128', () => {
    expect(poll(5000)).toBe(-EINVAL);
    expect(guest.call(HYPERCALL.SCHED_OP, SCHEDOP.POLL, guest.put(ARGS, ARGS, 129, 0, 0))).toBe(-EINVAL);
    expect(guest.call(HYPERCALL.SCHED_OP, 99, ARGS)).toBe(-ENOSYS);
  });

  it('blocks until an event comes, and not at all when one is there', () => {
    op(guest, EVTCHNOP.BIND_IPI, 0, 0);
    expect(guest.call(HYPERCALL.SCHED_OP, SCHEDOP.BLOCK)).toBe(0);
    expect(blocked()).toBe(true);
    op(guest, EVTCHNOP.SEND, 1);
    expect(blocked()).toBe(false);
    expect(guest.call(HYPERCALL.SCHED_OP, SCHEDOP.BLOCK)).toBe(0);
    expect(blocked()).toBe(false);
  });

  it('has two watchdogs: 0 takes one, its number sets it anew', () => {
    const watchdog = (id: number, seconds: number): number =>
      guest.call(HYPERCALL.SCHED_OP, SCHEDOP.WATCHDOG, guest.put(ARGS, id, seconds));
    expect([watchdog(0, 5), watchdog(0, 5), watchdog(0, 5)]).toEqual([1, 2, -ENOSPC]);
    expect(watchdog(1, 0)).toBe(0);
    // It is free now.
    expect(watchdog(1, 5)).toBe(-EINVAL);
    expect(watchdog(3, 5)).toBe(-EINVAL);
    guest.domain.clock.idleTo(6e9);
    guest.domain.timers.run();
    expect(guest.dom0.shutdownCode(1)).toBe(4);
  });
});

describe('VIRQ_TIMER', () => {
  it('comes from the one-shot timer at its time, and at once where that is past', () => {
    op(guest, EVTCHNOP.BIND_VIRQ, VIRQ.TIMER, 0, 0);
    guest.call(HYPERCALL.VCPU_OP, VCPUOP.SET_SINGLESHOT_TIMER, 0, guest.put(ARGS, 5_000_000, 0, 0));
    expect(ports(guest).isPending(1)).toBe(false);
    guest.domain.clock.idleTo(5_000_000);
    guest.domain.timers.run();
    expect(ports(guest).isPending(1)).toBe(true);
    guest.put(SHARED + 0x800, 0);
    guest.call(HYPERCALL.SET_TIMER_OP, 1, 0);
    expect(ports(guest).isPending(1)).toBe(true);
  });
});

describe('event channels, FIFO ABI', () => {
  const CONTROL = 0x60000,
    ARRAY = 0x61000;
  const PENDING = 0x80000000 | 0,
    MASKED = 0x40000000,
    LINKED = 0x20000000;
  const word = (port: number): number => guest.get(ARRAY + port * 4);

  beforeEach(() => {
    expect(op(guest, EVTCHNOP.BIND_IPI, 0, 0)).toBe(0);
    expect(op(guest, EVTCHNOP.BIND_IPI, 0, 0)).toBe(0);
  });

  const begin = (): void => {
    expect(op(guest, EVTCHNOP.INIT_CONTROL, CONTROL >>> 12, 0, 0, 0, 0, 0)).toBe(0);
    expect(guest.get(ARGS + 16) & 0xff).toBe(17);
    expect(op(guest, EVTCHNOP.EXPAND_ARRAY, ARRAY >>> 12, 0)).toBe(0);
  };

  it('link events into the queue of their priority, and make its bit ready', () => {
    begin();
    op(guest, EVTCHNOP.SEND, 1);
    op(guest, EVTCHNOP.SEND, 2);
    expect(guest.get(CONTROL)).toBe(1 << 7);
    expect(guest.get(CONTROL + 8 + 7 * 4)).toBe(1);
    expect(word(1)).toBe(PENDING | LINKED | 2);
    expect(word(2)).toBe(PENDING | LINKED);
    expect(guest.get(SHARED) & 0xff).toBe(1);
  });

  it('leave a masked event out until it is unmasked', () => {
    begin();
    guest.put(ARRAY + 4, MASKED);
    op(guest, EVTCHNOP.SEND, 1);
    expect([word(1), guest.get(CONTROL)]).toEqual([PENDING | MASKED, 0]);
    op(guest, EVTCHNOP.UNMASK, 1);
    expect([word(1), guest.get(CONTROL)]).toEqual([PENDING | LINKED, 1 << 7]);
  });

  it('carry over what was pending before, when its page comes', () => {
    op(guest, EVTCHNOP.SEND, 1);
    begin();
    expect(word(1)).toBe(PENDING | LINKED);
  });

  it('start a new queue when the guest has taken the tail', () => {
    begin();
    op(guest, EVTCHNOP.SEND, 1);
    guest.put(ARRAY + 4, 0);
    guest.put(CONTROL, 0);
    op(guest, EVTCHNOP.SEND, 2);
    expect(guest.get(CONTROL + 8 + 7 * 4)).toBe(2);
    expect(word(1)).toBe(0);
    expect(guest.get(CONTROL)).toBe(1 << 7);
  });

  it('go by priority, and refuse what cannot be', () => {
    begin();
    expect(op(guest, EVTCHNOP.SET_PRIORITY, 1, 16)).toBe(-EINVAL);
    expect(op(guest, EVTCHNOP.SET_PRIORITY, 1, 0)).toBe(0);
    op(guest, EVTCHNOP.SEND, 1);
    expect(guest.get(CONTROL)).toBe(1);
    expect(op(guest, EVTCHNOP.INIT_CONTROL, CONTROL >>> 12, 0, 4, 1, 0, 0)).toBe(-EINVAL);
    expect(op(guest, EVTCHNOP.INIT_CONTROL, CONTROL >>> 12, 0, 4096 - 64, 1, 0, 0)).toBe(-EINVAL);
    expect(op(guest, EVTCHNOP.INIT_CONTROL, CONTROL >>> 12, 0, 128, 2, 0, 0)).toBe(-ENOENT);
    expect(op(guest, EVTCHNOP.INIT_CONTROL, 0xf0000, 0, 128, 1, 0, 0)).toBe(-EINVAL);
  });

  it('end with a reset: two levels again, and no reference left', () => {
    begin();
    const mfn = guest.machine.secondStage(guest.domain.options.record).mfn(ARRAY >>> 12);
    expect(guest.machine.references(mfn)).toBe(2);
    expect(op(guest, EVTCHNOP.RESET, DOMID_SELF)).toBe(0);
    expect(guest.machine.references(mfn)).toBe(1);
    expect(ports(guest).state(1)).toBe(EVTCHNSTAT.CLOSED);
  });
});

describe('a domain that dies', () => {
  it('leaves no frame behind, whatever of its own it gave the hypervisor to write to', () => {
    const machine = guest.machine;
    const free = machine.freeFrames;
    const other = testGuest({ machine, vcpus: 2 });
    expect(op(other, EVTCHNOP.BIND_IPI, 0, 0)).toBe(0);
    expect(op(other, EVTCHNOP.INIT_CONTROL, 0x60, 0, 0, 0, 0, 0)).toBe(0);
    expect(op(other, EVTCHNOP.INIT_CONTROL, 0x62, 0, 0, 1, 0, 0)).toBe(0);
    expect(op(other, EVTCHNOP.EXPAND_ARRAY, 0x61, 0)).toBe(0);
    expect(other.call(HYPERCALL.VCPU_OP, VCPUOP.REGISTER_VCPU_INFO, 0, other.put(ARGS, 0x40, 0, 0x100, 0))).toBe(0);
    expect(destroyDomain(machine, other.domain.options.record)).toBe(true);
    expect(machine.freeFrames).toBe(free);
  });
});

describe('an upcall by an interrupt line', () => {
  it('holds a PC interrupt while the upcall of vCPU 0 is pending', () => {
    const pc = testGuest({ type: XEN_TYPE.HVM });
    share(pc);
    pc.put(ARGS, DOMID_SELF, HVM_PARAM.CALLBACK_IRQ, 5, 0);
    expect(pc.call(HYPERCALL.HVM_OP, HVMOP.SET_PARAM, ARGS)).toBe(0);
    const asserted = (): number => (pc.domain.platform.save()['irq-lines'] as { asserted: Uint32Array }).asserted[5];
    op(pc, EVTCHNOP.BIND_IPI, 0, 0);
    expect(asserted()).toBe(0);
    op(pc, EVTCHNOP.SEND, 1);
    expect(asserted()).not.toBe(0);
    pc.put(SHARED, 0);
    xenOf(pc.domain)!.afterExit();
    expect(asserted()).toBe(0);
  });
});
