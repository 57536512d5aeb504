/** hvm_op and its neighbours with wrong arguments: the errnos of xen/arch/x86/hvm/hvm.c, xen/common/event_channel.c, event_fifo.c and the public headers. */
import { beforeEach, describe, expect, it } from 'vitest';
import { P2M_WRITE } from '../../../../cpu/architecture/edge.ts';
import { XEN_TYPE } from '../layout.ts';
import {
  DOMID_SELF,
  EBUSY,
  EFAULT,
  EINVAL,
  ENODEV,
  ENOENT,
  ENOSYS,
  EOPNOTSUPP,
  EPERM,
  ESRCH,
  EVTCHNOP,
  HVM_PARAM,
  HVMOP,
  HYPERCALL,
  VIRQ,
  XENMEM,
} from '../abi.ts';
import { GNTTABOP } from '../grants/grant-op.ts';
import { ARGS, testGuest, type TestGuest } from '../pvh-program.test-support.ts';

/** Beyond the 4 MiB of the guest. */
const NOWHERE = 0x7000_0000;
let guest: TestGuest;
beforeEach(() => {
  guest = testGuest({ vcpus: 2 });
});
const hvmOp = (op: number, arg = ARGS): number => guest.call(HYPERCALL.HVM_OP, op, arg);

describe('HVMOP_get_mem_type', () => {
  const RAM_RW = 0,
    RAM_RO = 1,
    MMIO_DM = 2;
  const type = (pfn: number, high = 0): number => {
    guest.put(ARGS, DOMID_SELF | 0xaaaa0000, 0, pfn, high);
    expect(hvmOp(HVMOP.GET_MEM_TYPE)).toBe(0);
    return guest.get(ARGS) >>> 16;
  };

  it('tells memory from what is not there, and what may be written from what may not', () => {
    expect([type(0x100), type(0xfeffc), type(0xfee00), type(0x90000), type(0x100, 1)]).toEqual([
      RAM_RW,
      RAM_RW,
      MMIO_DM,
      MMIO_DM,
      MMIO_DM,
    ]);
    guest.machine.secondStage(guest.domain.options.record).deny(0x101, P2M_WRITE);
    expect(type(0x101)).toBe(RAM_RO);
  });

  it('tells nobody of others', () => {
    for (const [domid, errno] of [
      [0, EPERM],
      [99, ESRCH],
    ]) {
      guest.put(ARGS, domid, 0, 0x100, 0);
      expect(hvmOp(HVMOP.GET_MEM_TYPE)).toBe(-errno);
    }
    expect(hvmOp(HVMOP.GET_MEM_TYPE, NOWHERE)).toBe(-EFAULT);
  });
});

describe('hvm_op', () => {
  it('takes a record for the trace: an event of 12 bits, at most 28 bytes', () => {
    const trace = (event: number, bytes: number): number => {
      guest.put(ARGS, event | (bytes << 16));
      return hvmOp(HVMOP.XENTRACE);
    };
    expect([trace(0xfff, 28), trace(0x1000, 0), trace(1, 29), hvmOp(HVMOP.XENTRACE, NOWHERE)]).toEqual([
      0,
      -EINVAL,
      -EINVAL,
      -EFAULT,
    ]);
  });

  it('refuses what takes shadow page tables or alternative ones; a request to a monitor that is not there is heard by nobody', () => {
    guest.put(ARGS, DOMID_SELF, 0, 0, 0);
    expect(hvmOp(HVMOP.PAGETABLE_DYING)).toBe(-EINVAL);
    expect(hvmOp(HVMOP.PAGETABLE_DYING, NOWHERE)).toBe(-EFAULT);
    expect([hvmOp(HVMOP.GUEST_REQUEST_VM_EVENT, 0), hvmOp(HVMOP.GUEST_REQUEST_VM_EVENT)]).toEqual([0, -EINVAL]);
    expect(hvmOp(HVMOP.ALTP2M)).toBe(-EOPNOTSUPP);
    expect([hvmOp(HVMOP.FLUSH_TLBS, 0), hvmOp(HVMOP.FLUSH_TLBS)]).toEqual([0, -EINVAL]);
  });

  it('moves the power management timer where there is one', () => {
    guest.put(ARGS, DOMID_SELF, HVM_PARAM.ACPI_IOPORTS_LOCATION, 1, 0);
    expect(hvmOp(HVMOP.SET_PARAM)).toBe(-ENODEV);
    guest = testGuest({ type: XEN_TYPE.HVM });
    guest.put(ARGS, DOMID_SELF, HVM_PARAM.ACPI_IOPORTS_LOCATION, 1, 0);
    expect(hvmOp(HVMOP.SET_PARAM)).toBe(0);
    guest.put(ARGS, DOMID_SELF, HVM_PARAM.ACPI_IOPORTS_LOCATION, 2, 0);
    expect(hvmOp(HVMOP.SET_PARAM)).toBe(-EINVAL);
  });
});

describe('event_channel_op', () => {
  const op = (command: number, ...words: number[]): number =>
    guest.call(HYPERCALL.EVENT_CHANNEL_OP, command, guest.put(ARGS, ...words));

  it("has no global VIRQ for a guest: the handler is Domain 0, and they are vCPU 0's alone", () => {
    expect(op(EVTCHNOP.BIND_VIRQ, VIRQ.CONSOLE, 0, 0)).toBe(-EBUSY);
    expect(op(EVTCHNOP.BIND_VIRQ, VIRQ.CONSOLE, 1, 0)).toBe(-EINVAL);
    expect(op(EVTCHNOP.BIND_VIRQ, VIRQ.ARGO, 1, 0)).toBe(-EINVAL);
    expect(op(EVTCHNOP.BIND_VIRQ, VIRQ.ARGO, 0, 0)).toBe(0);
    expect(op(EVTCHNOP.BIND_VIRQ, VIRQ.TIMER, 2, 0)).toBe(-ENOENT);
  });

  it('has arrays and priorities with the FIFO ABI only', () => {
    expect(op(EVTCHNOP.EXPAND_ARRAY, 0x40, 0)).toBe(-EOPNOTSUPP);
    expect(op(EVTCHNOP.BIND_IPI, 0, 0)).toBe(0);
    const port = guest.get(ARGS + 4);
    expect([
      op(EVTCHNOP.SET_PRIORITY, port, 3),
      op(EVTCHNOP.SET_PRIORITY, port, 16),
      op(EVTCHNOP.SET_PRIORITY, 1000, 3),
    ]).toEqual([-ENOSYS, -ENOSYS, -EINVAL]);
    expect(op(EVTCHNOP.INIT_CONTROL, 0x40, 0, 0, 0, 0, 0)).toBe(0);
    expect([op(EVTCHNOP.SET_PRIORITY, port, 15), op(EVTCHNOP.SET_PRIORITY, port, 16)]).toEqual([0, -EINVAL]);
  });
});

describe('other calls with wrong arguments', () => {
  it('a count of grant operations is not negative', () => {
    for (const count of [-1, 0x80000000 | 0])
      expect(guest.call(HYPERCALL.GRANT_TABLE_OP, GNTTABOP.QUERY_SIZE, ARGS, count)).toBe(-EINVAL);
    expect(guest.call(HYPERCALL.GRANT_TABLE_OP, GNTTABOP.MAP_GRANT_REF, NOWHERE, -1)).toBe(-EINVAL);
    expect(guest.call(HYPERCALL.GRANT_TABLE_OP, GNTTABOP.TRANSFER, ARGS, -1)).toBe(-ENOSYS);
  });

  it("what is not a write to the console is Domain 0's", () => {
    expect([1, 2, 77].map(command => guest.call(HYPERCALL.CONSOLE_IO, command, 1, ARGS))).toEqual([
      -EPERM,
      -EPERM,
      -EPERM,
    ]);
  });

  it('a memory map comes as far as there is room for it', () => {
    const map = (room: number): number =>
      guest.call(HYPERCALL.MEMORY_OP, XENMEM.MEMORY_MAP, guest.put(ARGS, room, ARGS + 0x100));
    expect(map(64)).toBe(0);
    const entries = guest.get(ARGS);
    expect(entries).toBeGreaterThan(1);
    guest.domain.memory.fill(ARGS + 0x100, 0x100, 0xaa);
    expect(map(1)).toBe(0);
    expect([
      guest.get(ARGS),
      guest.get(ARGS + 0x100),
      guest.get(ARGS + 0x100 + 16),
      guest.get(ARGS + 0x100 + 20) >>> 0,
    ]).toEqual([1, 0, 1, 0xaaaaaaaa]);
    expect(guest.call(HYPERCALL.MEMORY_OP, XENMEM.MEMORY_MAP, guest.put(ARGS, 64, NOWHERE))).toBe(-EFAULT);
  });
});
