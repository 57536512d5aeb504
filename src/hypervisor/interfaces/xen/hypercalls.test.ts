import { beforeEach, describe, expect, it } from 'vitest';
import { asm } from '../../../cpu/test-support/asm.ts';
import * as R from '../../../cpu/architecture/registers.ts';
import { XEN } from './layout.ts';
import {
  DOMID_SELF,
  EACCES,
  EFAULT,
  EINVAL,
  ENOENT,
  ENOSYS,
  ENXIO,
  EOPNOTSUPP,
  EPERM,
  ESRCH,
  HVM_PARAM,
  HVMOP,
  HYPERCALL,
  SHUTDOWN,
  VCPUOP,
  VMASST,
  VMASST_CMD_ENABLE,
  XENFEAT,
  XENMAPSPACE,
  XENMEM,
  XENVER,
} from './abi.ts';
import { hypercallPage } from './hypercalls.ts';
import { ARGS, testGuest, type TestGuest } from './pvh-program.test-support.ts';
import { xenOf } from './of-domain.ts';

const NOWHERE = 0x80000000;
let guest: TestGuest;
beforeEach(() => {
  guest = testGuest();
});

const xenWord = (field: number): number => xenOf(guest.domain)!.words[xenOf(guest.domain)!.xenBlock + field];

describe('hypercalls', () => {
  it('that nobody knows answer -ENOSYS and are counted', () => {
    expect(guest.call(39)).toBe(-ENOSYS);
    expect(guest.call(12345)).toBe(-ENOSYS);
    expect(xenWord(XEN.UNKNOWN_HYPERCALLS)).toBe(2);
    // PV's are none of an HVM guest's.
    for (const number of [HYPERCALL.MMU_UPDATE, HYPERCALL.SET_TRAP_TABLE, HYPERCALL.IRET])
      expect(guest.call(number)).toBe(-ENOSYS);
  });

  it('of the toolstack are refused: for another interface version, where that cannot be read, and for who asks', () => {
    for (const [number, version] of [
      [HYPERCALL.DOMCTL, 0x15],
      [HYPERCALL.SYSCTL, 0x15],
      [HYPERCALL.PLATFORM_OP, 0x03000001],
    ]) {
      guest.put(ARGS, 1, version - 1);
      expect(guest.call(number, ARGS)).toBe(-EACCES);
      guest.put(ARGS, 1, version);
      expect(guest.call(number, ARGS)).toBe(-EPERM);
      expect(guest.call(number, NOWHERE)).toBe(-EFAULT);
    }
  });

  it('take arguments in EBX, ECX, EDX, ESI, EDI and answer in EAX, by VMCALL and VMMCALL wherever they stand', () => {
    // xen_version(0) twice, its answers to memory, then the domain powers off.
    const code = asm(
      `
        mov eax, ${HYPERCALL.XEN_VERSION}; xor ebx, ebx; vmcall; mov [${ARGS}], eax
        mov eax, ${HYPERCALL.XEN_VERSION}; xor ebx, ebx; vmmcall; mov [${ARGS + 4}], eax
        mov eax, ${HYPERCALL.SCHED_OP}; mov ebx, 2; mov ecx, ${ARGS + 8}; vmcall; hlt
      `,
    );
    const program = testGuest({ code });
    program.put(ARGS + 8, SHUTDOWN.POWEROFF);
    let result = program.domain.runSlice();
    for (let i = 0; i < 50 && result.state !== 'ended'; i++) result = program.domain.runSlice();
    expect(result).toMatchObject({ state: 'ended', ending: { kind: 'poweroff' } });
    expect(program.get(ARGS)).toBe(0x40011);
    expect(program.get(ARGS + 4)).toBe(0x40011);
    expect(program.dom0.shutdownCode(1)).toBe(SHUTDOWN.POWEROFF);
  });

  it('come from CPL 0 alone: others get -EPERM', () => {
    const { processor } = guest.domain,
      xen = xenOf(guest.domain);
    processor.regs[R.CPL] = 3;
    processor.regs[R.EAX] = HYPERCALL.XEN_VERSION;
    xen!.hypercall();
    expect(processor.regs[R.EAX]).toBe(-EPERM);
  });

  it('have a page whose slots load the number, call and return; slot 23 is ud2', () => {
    const page = hypercallPage();
    expect([...page.subarray(17 * 32, 17 * 32 + 9)]).toEqual([0xb8, 17, 0, 0, 0, 0x0f, 0x01, 0xc1, 0xc3]);
    expect([...page.subarray(23 * 32, 23 * 32 + 2)]).toEqual([0x0f, 0x0b]);
    const xen = xenOf(guest.domain);
    expect(xen!.writeMsr(0x40000000, 0x30000, 0)).toBe(true);
    expect(guest.get(0x30000)).toBe(0x000000b8);
    // Bits below the page, and a page that is not there: #GP.
    expect(xen!.writeMsr(0x40000000, 0x30001, 0)).toBe(false);
    expect(xen!.writeMsr(0x40000000, 0xf0000000, 0)).toBe(false);
    expect(xen!.writeMsr(0x40000001, 0x30000, 0)).toBe(false);
    // The write latches the guest's width.
    expect(xenWord(XEN.WIDTH)).toBe(32);
  });

  it('run in a list, each with its result; a list in a list is refused', () => {
    guest.put(ARGS, HYPERCALL.XEN_VERSION, -1, XENVER.VERSION, 0, 0, 0, 0, 0);
    guest.put(ARGS + 32, 99, -1, 0, 0, 0, 0, 0, 0);
    guest.put(ARGS + 64, HYPERCALL.MULTICALL, -1, ARGS, 1, 0, 0, 0, 0);
    expect(guest.call(HYPERCALL.MULTICALL, ARGS, 3)).toBe(0);
    expect([guest.get(ARGS + 4), guest.get(ARGS + 36), guest.get(ARGS + 68)]).toEqual([0x40011, -ENOSYS, -EINVAL]);
    expect(guest.call(HYPERCALL.MULTICALL, NOWHERE, 1)).toBe(-EFAULT);
  });
});

describe('xen_version', () => {
  it('says 4.17, in a number and in strings that end in zeros', () => {
    expect(guest.call(HYPERCALL.XEN_VERSION, XENVER.VERSION, 0)).toBe((4 << 16) | 17);
    guest.domain.memory.fill(ARGS, 2048, 0xaa);
    expect(guest.call(HYPERCALL.XEN_VERSION, XENVER.CAPABILITIES, ARGS)).toBe(0);
    const bytes = new Uint8Array(1025);
    guest.domain.memory.read(ARGS, bytes);
    const end = bytes.indexOf(0);
    expect(String.fromCharCode(...bytes.subarray(0, end))).toMatch(/hvm-3\.0-x86_32p hvm-3\.0-x86_64 /);
    expect(bytes.subarray(end, 1024).every(byte => byte === 0)).toBe(true);
    expect(bytes[1024]).toBe(0xaa);
  });

  it('offers a translated guest the callback vector and the safe clock', () => {
    guest.put(ARGS, 0, 0);
    expect(guest.call(HYPERCALL.XEN_VERSION, XENVER.GET_FEATURES, ARGS)).toBe(0);
    const features = guest.get(ARGS + 4);
    for (const bit of [
      XENFEAT.WRITABLE_PAGE_TABLES,
      XENFEAT.AUTO_TRANSLATED_PHYSMAP,
      XENFEAT.HVM_CALLBACK_VECTOR,
      XENFEAT.HVM_SAFE_PVCLOCK,
    ])
      expect(features & (1 << bit)).not.toBe(0);
    guest.put(ARGS, 1, 0);
    expect(guest.call(HYPERCALL.XEN_VERSION, XENVER.GET_FEATURES, ARGS)).toBe(-EINVAL);
    expect(guest.call(HYPERCALL.XEN_VERSION, XENVER.GET_FEATURES, NOWHERE)).toBe(-EFAULT);
    expect(guest.call(HYPERCALL.XEN_VERSION, XENVER.PAGESIZE, 0)).toBe(4096);
    expect(guest.call(HYPERCALL.XEN_VERSION, 99, 0)).toBe(-ENOSYS);
  });

  it('keeps its command line and its build from guests: the one reads "<denied>", the other is -EPERM', () => {
    guest.domain.memory.fill(ARGS, 16, 0xaa);
    expect(guest.call(HYPERCALL.XEN_VERSION, XENVER.COMMANDLINE, ARGS)).toBe(0);
    const bytes = new Uint8Array(10);
    guest.domain.memory.read(ARGS, bytes);
    expect(String.fromCharCode(...bytes)).toBe('<denied>\0\xaa');
    expect(guest.call(HYPERCALL.XEN_VERSION, XENVER.COMMANDLINE, NOWHERE)).toBe(-EFAULT);
    expect(guest.call(HYPERCALL.XEN_VERSION, XENVER.BUILD_ID, 0)).toBe(-EPERM);
  });
});

describe('memory_op', () => {
  const shape = (...words: number[]): number => guest.put(ARGS, ...words);

  it('shows shared_info where the guest wants it, and no longer where it was', () => {
    const add = (gfn: number): number =>
      guest.call(HYPERCALL.MEMORY_OP, XENMEM.ADD_TO_PHYSMAP, shape(DOMID_SELF, 0, 0, gfn));
    expect(add(0x50)).toBe(0);
    const stage = guest.machine.secondStage(guest.domain.options.record);
    expect(stage.mfn(0x50)).toBe(xenWord(XEN.SHARED_INFO));
    expect(add(0x60)).toBe(0);
    expect(stage.entry(0x50)).toBe(0);
    expect(stage.mfn(0x60)).toBe(xenWord(XEN.SHARED_INFO));
    expect(guest.call(HYPERCALL.MEMORY_OP, XENMEM.ADD_TO_PHYSMAP, shape(DOMID_SELF, 0, 1, 0x50))).toBe(-EINVAL);
    expect(guest.call(HYPERCALL.MEMORY_OP, XENMEM.ADD_TO_PHYSMAP, shape(7, 0, 0, 0x50))).toBe(-ESRCH);
    expect(guest.call(HYPERCALL.MEMORY_OP, XENMEM.ADD_TO_PHYSMAP, shape(0, 0, 0, 0x50))).toBe(-EPERM);
    expect(guest.call(HYPERCALL.MEMORY_OP, XENMEM.ADD_TO_PHYSMAP, NOWHERE)).toBe(-EFAULT);
  });

  it('takes frames back from the balloon and gives as many again, never more', () => {
    const free = guest.machine.freeFrames;
    guest.put(ARGS + 0x100, 0x80, 0x81, 0x82);
    shape(ARGS + 0x100, 3, 0, 0, DOMID_SELF);
    expect(guest.call(HYPERCALL.MEMORY_OP, XENMEM.DECREASE_RESERVATION, ARGS)).toBe(3);
    expect(guest.machine.freeFrames).toBe(free + 3);
    // Given twice: nothing there any more.
    expect(guest.call(HYPERCALL.MEMORY_OP, XENMEM.DECREASE_RESERVATION, ARGS)).toBe(0);
    expect(guest.call(HYPERCALL.MEMORY_OP, XENMEM.POPULATE_PHYSMAP, ARGS)).toBe(3);
    expect(guest.machine.freeFrames).toBe(free);
    guest.put(ARGS + 0x100, 0x2000);
    shape(ARGS + 0x100, 1, 0, 0, DOMID_SELF);
    expect(guest.call(HYPERCALL.MEMORY_OP, XENMEM.POPULATE_PHYSMAP, ARGS)).toBe(0);
    guest.put(ARGS + 0x200, DOMID_SELF);
    expect(guest.call(HYPERCALL.MEMORY_OP, XENMEM.CURRENT_RESERVATION, ARGS + 0x200)).toBe(
      guest.call(HYPERCALL.MEMORY_OP, XENMEM.MAXIMUM_RESERVATION, ARGS + 0x200),
    );
  });

  it('keeps a frame that Domain 0 has mapped from the allocator when the guest gives it back', () => {
    const mapping = guest.dom0.mapForeign(1, 0x80);
    const free = guest.machine.freeFrames;
    guest.put(ARGS + 0x100, 0x80);
    shape(ARGS + 0x100, 1, 0, 0, DOMID_SELF);
    expect(guest.call(HYPERCALL.MEMORY_OP, XENMEM.DECREASE_RESERVATION, ARGS)).toBe(1);
    expect(guest.machine.freeFrames).toBe(free);
    mapping.unmap();
    expect(guest.machine.freeFrames).toBe(free + 1);
  });

  it('gives the memory map as 20-byte entries: RAM from 0, and the special pages reserved', () => {
    shape(16, ARGS + 0x100);
    expect(guest.call(HYPERCALL.MEMORY_OP, XENMEM.MEMORY_MAP, ARGS)).toBe(0);
    expect([guest.get(ARGS + 0x100), guest.get(ARGS + 0x108), guest.get(ARGS + 0x110)]).toEqual([0, 4 << 20, 1]);
    expect([guest.get(ARGS + 0x114) >>> 0, guest.get(ARGS + 0x11c), guest.get(ARGS + 0x124)]).toEqual([
      0xfeff8000, 0x8000, 2,
    ]);
    expect(guest.get(ARGS)).toBe(5);
  });

  it('moves ranges of frames, and batches of them with an errno each', () => {
    const stage = guest.machine.secondStage(guest.domain.options.record);
    const [first, second] = [stage.entry(0x80), stage.entry(0x81)];
    const space = (which: number, size: number, index: number, gfn: number): number =>
      shape(DOMID_SELF | (size << 16), which, index, gfn);
    expect(guest.call(HYPERCALL.MEMORY_OP, XENMEM.ADD_TO_PHYSMAP, space(XENMAPSPACE.GMFN_RANGE, 2, 0x80, 0x2000))).toBe(
      0,
    );
    expect([stage.entry(0x80), stage.entry(0x81), stage.entry(0x2000), stage.entry(0x2001)]).toEqual([
      0,
      0,
      first,
      second,
    ]);
    expect(guest.call(HYPERCALL.MEMORY_OP, XENMEM.ADD_TO_PHYSMAP, space(XENMAPSPACE.GMFN_RANGE, 2, 0x2001, 0x80))).toBe(
      -EINVAL,
    );
    expect([stage.entry(0x80), stage.entry(0x2001)]).toEqual([second, 0]);
    expect(guest.call(HYPERCALL.MEMORY_OP, XENMEM.ADD_TO_PHYSMAP, space(XENMAPSPACE.GMFN_FOREIGN, 0, 1, 0x80))).toBe(
      -ENOSYS,
    );
    expect(guest.call(HYPERCALL.MEMORY_OP, XENMEM.ADD_TO_PHYSMAP, space(XENMAPSPACE.DEV_MMIO, 0, 1, 0x80))).toBe(
      -EACCES,
    );
    expect(guest.call(HYPERCALL.MEMORY_OP, XENMEM.ADD_TO_PHYSMAP, space(77, 0, 1, 0x80))).toBe(-EINVAL);
    // Batch: domid and space, size and foreign domain, then three lists.
    guest.put(ARGS + 0x100, 0x2000, 0x3333);
    guest.put(ARGS + 0x200, 0x81, 0x82);
    const batch = (which: number, more = 0): number =>
      shape(DOMID_SELF | (which << 16), 2 | (more << 16), ARGS + 0x100, ARGS + 0x200, ARGS + 0x300);
    expect(guest.call(HYPERCALL.MEMORY_OP, XENMEM.ADD_TO_PHYSMAP_BATCH, batch(XENMAPSPACE.GMFN))).toBe(0);
    expect([guest.get(ARGS + 0x300), guest.get(ARGS + 0x304), stage.entry(0x81), stage.entry(0x2000)]).toEqual([
      0,
      -EINVAL,
      first,
      0,
    ]);
    expect(guest.call(HYPERCALL.MEMORY_OP, XENMEM.ADD_TO_PHYSMAP_BATCH, batch(XENMAPSPACE.GMFN_RANGE))).toBe(
      -EOPNOTSUPP,
    );
    // Others' frames are theirs: each element says so.
    for (const [domid, errno] of [
      [0, EPERM],
      [9, ESRCH],
      [DOMID_SELF, EINVAL],
    ]) {
      expect(guest.call(HYPERCALL.MEMORY_OP, XENMEM.ADD_TO_PHYSMAP_BATCH, batch(XENMAPSPACE.GMFN_FOREIGN, domid))).toBe(
        0,
      );
      expect(guest.get(ARGS + 0x304)).toBe(-errno);
    }
  });

  it('hides a page from the physmap, and leaves it to the domain', () => {
    const free = guest.machine.freeFrames;
    const remove = (gfn: number): number =>
      guest.call(HYPERCALL.MEMORY_OP, XENMEM.REMOVE_FROM_PHYSMAP, shape(DOMID_SELF, gfn));
    expect([remove(0x80), remove(0x80), remove(0x5000), guest.machine.freeFrames]).toEqual([0, -ENOENT, -ENOENT, free]);
  });

  it("refuses what only translators of machine frames need, and what is the toolstack's", () => {
    expect(guest.call(HYPERCALL.MEMORY_OP, XENMEM.MACHPHYS_MAPPING, ARGS)).toBe(-ENOSYS);
    shape(0, 1, 0, 0, DOMID_SELF);
    expect(guest.call(HYPERCALL.MEMORY_OP, XENMEM.INCREASE_RESERVATION, ARGS)).toBe(0);
    for (const op of [XENMEM.SET_MEMORY_MAP, XENMEM.SET_POD_TARGET, XENMEM.GET_POD_TARGET])
      expect(guest.call(HYPERCALL.MEMORY_OP, op, ARGS)).toBe(-EPERM);
    shape(0, 1, 0, 0, 1);
    expect(guest.call(HYPERCALL.MEMORY_OP, XENMEM.CLAIM_PAGES, ARGS)).toBe(-EPERM);
    shape(ARGS, 1, 0, 0, 1);
    expect(guest.call(HYPERCALL.MEMORY_OP, XENMEM.CLAIM_PAGES, ARGS)).toBe(-EINVAL);
    // A command that says where to go on, of an operation that is made in one go.
    for (const op of [XENMEM.MAXIMUM_RAM_PAGE, XENMEM.EXCHANGE, XENMEM.CLAIM_PAGES])
      expect(guest.call(HYPERCALL.MEMORY_OP, op | (1 << 6), ARGS)).toBe(-EINVAL);
  });
});

describe('hvm_op', () => {
  const param = (op: number, index: number, value = 0, domid = DOMID_SELF): number => {
    guest.put(ARGS, domid, index, value, 0);
    return guest.call(HYPERCALL.HVM_OP, op, ARGS);
  };

  it('tells where the rings are', () => {
    expect(param(HVMOP.GET_PARAM, HVM_PARAM.STORE_PFN)).toBe(0);
    expect(guest.get(ARGS + 8)).toBe(0xfeffc);
    expect(param(HVMOP.GET_PARAM, HVM_PARAM.CONSOLE_PFN)).toBe(0);
    expect(guest.get(ARGS + 8)).toBe(0xfeffff >>> 4);
  });

  it('refuses by the book', () => {
    expect(param(HVMOP.GET_PARAM, 39)).toBe(-EINVAL);
    expect(param(HVMOP.GET_PARAM, 4)).toBe(-EINVAL);
    expect(param(HVMOP.GET_PARAM, HVM_PARAM.IOREQ_PFN)).toBe(-EPERM);
    expect(param(HVMOP.SET_PARAM, HVM_PARAM.STORE_PFN, 1)).toBe(-EPERM);
    expect(param(HVMOP.GET_PARAM, HVM_PARAM.STORE_PFN, 0, 77)).toBe(-ESRCH);
    expect(guest.call(HYPERCALL.HVM_OP, HVMOP.GET_PARAM, NOWHERE)).toBe(-EFAULT);
    expect(guest.call(HYPERCALL.HVM_OP, 77, ARGS)).toBe(-ENOSYS);
  });

  it('latches a 32-bit guest when it sets its callback', () => {
    expect(xenWord(XEN.WIDTH)).toBe(64);
    expect(param(HVMOP.SET_PARAM, HVM_PARAM.CALLBACK_IRQ, 1)).toBe(0);
    expect(xenWord(XEN.WIDTH)).toBe(32);
  });

  it('takes upcall vectors from 16 on, of vCPUs that exist', () => {
    const vector = (vcpu: number, number: number): number =>
      guest.call(HYPERCALL.HVM_OP, HVMOP.SET_EVTCHN_UPCALL_VECTOR, guest.put(ARGS, vcpu, number));
    expect(vector(0, 15)).toBe(-EINVAL);
    expect(vector(1, 0xf3)).toBe(-ENOENT);
    expect(vector(0, 0xf3)).toBe(0);
  });
});

describe('vcpu_op', () => {
  it('knows its vCPUs, and starts none that was not initialised', () => {
    const smp = testGuest({ vcpus: 2 });
    expect(smp.call(HYPERCALL.VCPU_OP, VCPUOP.IS_UP, 0)).toBe(1);
    expect(smp.call(HYPERCALL.VCPU_OP, VCPUOP.IS_UP, 1)).toBe(0);
    expect(smp.call(HYPERCALL.VCPU_OP, VCPUOP.IS_UP, 2)).toBe(-ENOENT);
    expect(smp.call(HYPERCALL.VCPU_OP, VCPUOP.UP, 1)).toBe(-EINVAL);
  });

  it('moves vcpu_info once, with everything signalled anew', () => {
    const place = (offset: number): number =>
      guest.call(HYPERCALL.VCPU_OP, VCPUOP.REGISTER_VCPU_INFO, 0, guest.put(ARGS, 0x40, 0, offset, 0));
    expect([place(4096 - 56), place(0x104)]).toEqual([-ENXIO, -ENXIO]);
    expect(guest.call(HYPERCALL.VCPU_OP, VCPUOP.REGISTER_VCPU_INFO, 0, guest.put(ARGS, 0x90000, 0, 0, 0))).toBe(
      -EINVAL,
    );
    expect(place(0x100)).toBe(0);
    expect(guest.get(0x40100) & 0xff).toBe(1);
    expect(guest.get(0x40108)).toBe(-1);
    expect(place(0x200)).toBe(-EINVAL);
  });

  it('moves the vcpu_info of another vCPU only while that is down', () => {
    const smp = testGuest({ vcpus: 2 });
    const place = (): number =>
      smp.call(HYPERCALL.VCPU_OP, VCPUOP.REGISTER_VCPU_INFO, 1, smp.put(ARGS, 0x40, 0, 0x100, 0));
    smp.domain.vcpus.bringUp(1);
    expect(place()).toBe(-EINVAL);
    smp.domain.vcpus.takeDown(1);
    expect(place()).toBe(0);
  });

  it('gives the time in a record that turns a TSC of 1 GHz into nanoseconds: shift 1, multiplier 2^31', () => {
    guest.put(ARGS, 0x40, 0, 0x100, 0);
    guest.call(HYPERCALL.VCPU_OP, VCPUOP.REGISTER_VCPU_INFO, 0, ARGS);
    const time = 0x40120;
    expect(guest.get(time) & 1).toBe(0);
    expect(guest.get(time + 0x18) >>> 0).toBe(0x80000000);
    expect(guest.get(time + 0x1c) & 0xff).toBe(1);
    // The domain's clock and its TSC started together.
    expect(guest.get(time + 8)).toBe(guest.get(time + 0x10));
  });

  it('has timers: a period below a millisecond is refused, and one vCPU sets no other its one-shot timer', () => {
    expect(guest.call(HYPERCALL.VCPU_OP, VCPUOP.SET_PERIODIC_TIMER, 0, guest.put(ARGS, 999_999, 0))).toBe(-EINVAL);
    expect(guest.call(HYPERCALL.VCPU_OP, VCPUOP.SET_PERIODIC_TIMER, 0, guest.put(ARGS, 1_000_000, 0))).toBe(0);
    expect(guest.call(HYPERCALL.VCPU_OP, VCPUOP.STOP_PERIODIC_TIMER, 0)).toBe(0);
    const smp = testGuest({ vcpus: 2 });
    smp.put(ARGS, 1, 0, 0);
    expect(smp.call(HYPERCALL.VCPU_OP, VCPUOP.SET_SINGLESHOT_TIMER, 1, ARGS)).toBe(-EINVAL);
  });

  it('publishes runstate at once and whenever it changes', () => {
    expect(guest.call(HYPERCALL.VCPU_OP, VCPUOP.REGISTER_RUNSTATE_MEMORY_AREA, 0, guest.put(ARGS, 0x30ff0))).toBe(0);
    expect(guest.get(0x30ff0)).toBe(0);
    // Across a page: all of it is there.
    xenOf(guest.domain)!.time.runstate(0, 2);
    expect(guest.get(0x30ff0)).toBe(2);
    expect(guest.call(HYPERCALL.VCPU_OP, VCPUOP.REGISTER_RUNSTATE_MEMORY_AREA, 0, guest.put(ARGS, NOWHERE))).toBe(
      -EFAULT,
    );
  });
});

describe('wall clock and console', () => {
  it('puts the epoch of system time 0 into shared_info, in the layout of the guest', () => {
    guest.put(ARGS, DOMID_SELF, 0, 0, 0x50);
    guest.call(HYPERCALL.MEMORY_OP, XENMEM.ADD_TO_PHYSMAP, ARGS);
    expect([guest.get(0x50c04), guest.get(0x50c08)]).toEqual([1_000_000_000, 500_000_000]);
    xenOf(guest.domain)!.latchWidth();
    expect([guest.get(0x50904), guest.get(0x50908), guest.get(0x50924)]).toEqual([1_000_000_000, 500_000_000, 0]);
    expect(guest.get(0x50900) & 1).toBe(0);
  });

  it('prints, and reads for nobody but Domain 0', () => {
    guest.domain.memory.write(ARGS, new TextEncoder().encode('hello\n'));
    expect(guest.call(HYPERCALL.CONSOLE_IO, 0, 6, ARGS)).toBe(0);
    expect(guest.said).toBe('hello\n');
    expect(guest.call(HYPERCALL.CONSOLE_IO, 1, 6, ARGS)).toBe(-EPERM);
    expect(guest.call(HYPERCALL.CONSOLE_IO, 0, 6, NOWHERE)).toBe(-EFAULT);
    // What is longer goes on after others had their turn: made again for the rest.
    guest.call(HYPERCALL.CONSOLE_IO, 0, 65536 + 6, ARGS);
    expect(guest.said).toHaveLength(6 + 65536);
    expect([...xenOf(guest.domain)!.takeContinuation()!]).toEqual([
      [1, 6],
      [2, ARGS + 65536],
    ]);
  });

  it('takes the one assist that an HVM guest may have', () => {
    expect(guest.call(HYPERCALL.VM_ASSIST, VMASST_CMD_ENABLE, VMASST.RUNSTATE_UPDATE_FLAG)).toBe(0);
    expect(guest.call(HYPERCALL.VM_ASSIST, VMASST_CMD_ENABLE, VMASST.WRITABLE_PAGETABLES)).toBe(-EINVAL);
    expect(guest.call(HYPERCALL.VM_ASSIST, VMASST_CMD_ENABLE, 40)).toBe(-EINVAL);
  });
});
