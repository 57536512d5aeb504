/** What vcpu_op and sched_op promise of states, times and errors (xen/include/public/vcpu.h, sched.h; xen/common/domain.c, sched/core.c). */
import { beforeEach, describe, expect, it } from 'vitest';
import {
  EEXIST,
  EFAULT,
  EINVAL,
  ENOENT,
  ENOSYS,
  EPERM,
  ESRCH,
  HYPERCALL,
  RUNSTATE,
  SCHEDOP,
  SHUTDOWN,
  VCPUOP,
  VMASST,
  VMASST_CMD_ENABLE,
} from './abi.ts';
import * as R from '../../../cpu/architecture/registers.ts';
import { ARGS, testGuest, type TestGuest } from './pvh-program.test-support.ts';
import { xenOf } from './of-domain.ts';

const NOWHERE = 0x80000000,
  AREA = 0x30000;
let guest: TestGuest;
const vcpuOp = (command: number, id = 0, arg = 0): number => guest.call(HYPERCALL.VCPU_OP, command, id, arg);
const schedOp = (command: number, arg = 0): number => guest.call(HYPERCALL.SCHED_OP, command, arg);

/** vcpu_runstate_info: state, entry time, the four times. */
function runstate(id: number): { state: number; entryNs: number; times: number[]; sum: number } {
  expect(vcpuOp(VCPUOP.GET_RUNSTATE_INFO, id, AREA)).toBe(0);
  const read64 = (at: number): number => (guest.get(at + 4) >>> 0) * 2 ** 32 + (guest.get(at) >>> 0);
  const times = [0, 1, 2, 3].map(i => read64(AREA + 12 + 8 * i));
  return { state: guest.get(AREA), entryNs: read64(AREA + 4), times, sum: times.reduce((a, b) => a + b, 0) };
}

const passes = (ns: number): void => guest.domain.clock.idleTo(guest.domain.clock.nowNs() + ns);

beforeEach(() => {
  guest = testGuest({ vcpus: 2 });
});

describe('runstates', () => {
  it('say what each vCPU did with its time, and their sum is the time since the start', () => {
    const { vcpus, clock } = guest.domain;
    passes(1000);
    expect([runstate(0).state, runstate(1).state]).toEqual([RUNSTATE.RUNNING, RUNSTATE.OFFLINE]);
    vcpus.bringUp(1);
    passes(2000);
    expect(runstate(1)).toMatchObject({ state: RUNSTATE.RUNNABLE, times: [0, 2000, 0, 1000] });
    vcpus.block();
    expect(vcpus.turns.schedule()).toBe(true);
    passes(4000);
    expect(runstate(0)).toMatchObject({ state: RUNSTATE.BLOCKED, times: [3000, 0, 4000, 0], entryNs: 3000 });
    expect(runstate(1)).toMatchObject({ state: RUNSTATE.RUNNING, times: [4000, 2000, 0, 1000], entryNs: 3000 });
    for (const id of [0, 1]) expect(runstate(id).sum).toBe(clock.nowNs());
  });

  it('are runnable from the moment something wakes a vCPU until it has its turn', () => {
    const { vcpus } = guest.domain;
    vcpus.bringUp(1);
    vcpus.block();
    vcpus.turns.schedule();
    expect(vcpus.current.id).toBe(1);
    xenOf(guest.domain)!.wake(0);
    passes(500);
    expect(runstate(0)).toMatchObject({ state: RUNSTATE.RUNNABLE, times: [0, 500, 0, 0] });
  });

  it('are runnable, which is stolen time, while another domain has the slot', () => {
    guest.domain.slices.setSlot(false);
    passes(7000);
    guest.domain.slices.setSlot(true);
    passes(1000);
    expect(runstate(0)).toMatchObject({ state: RUNSTATE.RUNNING, times: [1000, 7000, 0, 0] });
  });

  it('are offline while the toolstack has paused the domain, but for those that are blocked', () => {
    guest.domain.vcpus.setPaused(true);
    expect(runstate(0).state).toBe(RUNSTATE.OFFLINE);
    guest.domain.vcpus.setPaused(false);
    guest.domain.vcpus.block();
    guest.domain.vcpus.setPaused(true);
    expect(runstate(0).state).toBe(RUNSTATE.BLOCKED);
  });

  it('reach the registered area at every change; the assist leaves no mark of an update that is done', () => {
    guest.call(HYPERCALL.VM_ASSIST, VMASST_CMD_ENABLE, VMASST.RUNSTATE_UPDATE_FLAG);
    expect(vcpuOp(VCPUOP.REGISTER_RUNSTATE_MEMORY_AREA, 0, guest.put(ARGS, AREA + 0x100))).toBe(0);
    passes(3000);
    guest.domain.vcpus.block();
    expect([guest.get(AREA + 0x100), guest.get(AREA + 0x104), guest.get(AREA + 0x108)]).toEqual([
      RUNSTATE.BLOCKED,
      3000,
      0,
    ]);
    expect(vcpuOp(VCPUOP.REGISTER_RUNSTATE_MEMORY_AREA, 0, guest.put(ARGS, 0))).toBe(0);
    xenOf(guest.domain)!.wake(0);
    expect(guest.get(AREA + 0x100)).toBe(RUNSTATE.BLOCKED);
  });
});

describe('vcpu_op', () => {
  it.each([
    ['a vCPU that is not there', VCPUOP.IS_UP, 2, 0, -ENOENT],
    ['a number far out', VCPUOP.IS_UP, 0xffffffff, 0, -ENOENT],
    ['an operation that is not there', 99, 0, 0, -ENOSYS],
    ['initialise with no context', VCPUOP.INITIALISE, 1, NOWHERE, -EFAULT],
    ['initialise of one that runs', VCPUOP.INITIALISE, 0, AREA, -EEXIST],
    ['up before initialise', VCPUOP.UP, 1, 0, -EINVAL],
    ['runstate to nowhere', VCPUOP.GET_RUNSTATE_INFO, 0, NOWHERE, -EFAULT],
    ['a periodic timer from nowhere', VCPUOP.SET_PERIODIC_TIMER, 0, NOWHERE, -EFAULT],
    ['a one-shot timer from nowhere', VCPUOP.SET_SINGLESHOT_TIMER, 0, NOWHERE, -EFAULT],
    ["another's one-shot timer, whatever the argument", VCPUOP.SET_SINGLESHOT_TIMER, 1, NOWHERE, -EINVAL],
    ["another's one-shot timer stopped", VCPUOP.STOP_SINGLESHOT_TIMER, 1, 0, -EINVAL],
    ['an NMI with an argument', VCPUOP.SEND_NMI, 0, AREA, -EINVAL],
    ['the physical id', VCPUOP.GET_PHYSID, 0, AREA, -EINVAL],
    ['a time area from nowhere', VCPUOP.REGISTER_VCPU_TIME_MEMORY_AREA, 0, NOWHERE, -EFAULT],
  ] as const)('%s', (_name, command, id, arg, result) => {
    expect(vcpuOp(command, id, arg)).toBe(result);
  });

  it('refuses periods that are 0, below a millisecond or past 2^62 ns', () => {
    for (const [low, high, result] of [
      [0, 0, -EINVAL],
      [999_999, 0, -EINVAL],
      [1_000_000, 0, 0],
      [0, 0x40000001, -EINVAL],
    ])
      expect(vcpuOp(VCPUOP.SET_PERIODIC_TIMER, 0, guest.put(ARGS, low, high))).toBe(result);
  });

  it('lets the last vCPU that goes down power the domain off', () => {
    expect(vcpuOp(VCPUOP.IS_UP, 1)).toBe(0);
    expect(vcpuOp(VCPUOP.DOWN, 0)).toBe(0);
    expect(guest.dom0.shutdownCode(1)).toBe(SHUTDOWN.POWEROFF);
  });

  it('starts a vCPU with PAE paging from the four directories at its CR3, as a VM entry does, and with NXE if it asks for that', () => {
    const context = (efer: number): number[] => {
      const words: number[] = Array.from({ length: 32 }, () => 0);
      [words[12], words[13], words[14], words[16]] = [0x80000011 | 0, 0x40020, 0x20, efer];
      // CS and DS, SS and ES, TR with the access words of vcpu_hvm_context.
      [words[28], words[29], words[30]] = [0xc9b | (0xc93 << 16), 0xc93 | (0xc93 << 16), 0x8b];
      return words;
    };
    guest.put(0x40020, 0x41001, 0, 0x42019, 0, 0, 0, 0x43001, 0);
    expect(vcpuOp(VCPUOP.INITIALISE, 1, guest.put(ARGS, ...context(0x100)))).toBe(-EINVAL);
    expect(vcpuOp(VCPUOP.INITIALISE, 1, guest.put(ARGS, ...context(0x800)))).toBe(0);
    const { saved } = guest.domain.vcpus.all[1];
    expect([...saved.subarray(R.PDPTE, R.PDPTE + 8)]).toEqual([0x41001, 0, 0x42019, 0, 0, 0, 0x43001, 0]);
    expect([saved[R.CR3], saved[R.EFER]]).toEqual([0x40020, 0x800]);
  });

  it('sends NMIs to others', () => {
    guest.domain.vcpus.bringUp(1);
    expect(vcpuOp(VCPUOP.SEND_NMI, 1)).toBe(0);
    expect(guest.domain.vcpus.all[1].nmiPending).toBe(true);
  });
});

describe('sched_op', () => {
  it('knows no other domain for a guest', () => {
    expect(schedOp(SCHEDOP.REMOTE_SHUTDOWN, guest.put(ARGS, 77, SHUTDOWN.CRASH))).toBe(-ESRCH);
    expect(schedOp(SCHEDOP.REMOTE_SHUTDOWN, guest.put(ARGS, 1, SHUTDOWN.CRASH))).toBe(-EPERM);
    expect(schedOp(SCHEDOP.REMOTE_SHUTDOWN, NOWHERE)).toBe(-EFAULT);
    expect(schedOp(SCHEDOP.PIN_OVERRIDE, guest.put(ARGS, 0))).toBe(-EPERM);
    expect(schedOp(42)).toBe(-ENOSYS);
  });

  it('reports the first code that was latched, whatever the domain says at the end', () => {
    expect(schedOp(SCHEDOP.SHUTDOWN_CODE, guest.put(ARGS, SHUTDOWN.REBOOT))).toBe(0);
    expect(schedOp(SCHEDOP.SHUTDOWN_CODE, guest.put(ARGS, SHUTDOWN.POWEROFF))).toBe(0);
    expect(guest.dom0.shutdownCode(1)).toBe(-1);
    expect(schedOp(SCHEDOP.SHUTDOWN, guest.put(ARGS, SHUTDOWN.CRASH))).toBe(0);
    expect(guest.dom0.shutdownCode(1)).toBe(SHUTDOWN.REBOOT);
  });

  it('takes any code of eight bits', () => {
    expect(schedOp(SCHEDOP.SHUTDOWN, guest.put(ARGS, 0x123))).toBe(0);
    expect(guest.dom0.shutdownCode(1)).toBe(0x23);
  });

  it('polls until its time, and not at all for a time that is past or a port that is none', () => {
    const poll = (count: number, low: number): number =>
      schedOp(SCHEDOP.POLL, guest.put(ARGS, ARGS + 0x40, count, low, 0));
    guest.put(ARGS + 0x40, 5000);
    expect(poll(1, 0)).toBe(-EINVAL);
    expect(poll(129, 0)).toBe(-EINVAL);
    passes(5000);
    expect(poll(0, 4000)).toBe(0);
    expect(runstate(0).state).toBe(RUNSTATE.RUNNING);
    expect(poll(0, 9000)).toBe(0);
    expect(runstate(0).state).toBe(RUNSTATE.BLOCKED);
    passes(4000);
    guest.domain.timers.run();
    expect(runstate(0)).toMatchObject({ state: RUNSTATE.RUNNING, times: [5000, 0, 4000, 0] });
  });
});
