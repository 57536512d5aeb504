/** Hypercalls of 64-bit code: registers, linear addresses, structures and lists of its width, and the layout of shared pages that it latches. */
import { beforeEach, describe, expect, it } from 'vitest';
import { CR0_PE, CR0_PG, CR4_PAE, EFER_LMA, EFER_LME, registers as R } from '../../../cpu/architecture/index.ts';
import {
  DOMID_SELF,
  EFAULT,
  EINVAL,
  ENOSYS,
  EPERM,
  HVM_PARAM,
  HVMOP,
  HYPERCALL,
  VCPUOP,
  XENMAPSPACE,
  XENMEM,
  XENVER,
} from './abi.ts';
import { GNTTABOP } from './grants/grant-op.ts';
import { xenOf } from './of-domain.ts';
import { Ports } from './events/ports.ts';
import { ARGS, type TestGuest, testGuest } from './pvh-program.test-support.ts';
import { SHARED_INFO } from './shared.ts';

/** Page tables: linear addresses from the beginning, and those from Linux's map of all memory on, lead to the first 2 MiB. */
const TABLES = 0x30000,
  DIRECT_MAP = -0x7780_0000_0000,
  PRESENT = 3,
  LARGE = 0x83;
const PML4_SLOT = 273;
/** ARGS, as a kernel sees it. */
const AT = DIRECT_MAP + ARGS,
  NOT_CANONICAL = 2 ** 47,
  UNMAPPED = DIRECT_MAP + 2 ** 30;
const LOW_32 = 2 ** 32;

let guest: TestGuest;
let regs: Int32Array;

/** Words of a number of 64 bits. */
const wide = (value: number): [low: number, high: number] => [value, Math.floor(value / LOW_32)];
const got = (address: number): number => guest.get(address + 4) * LOW_32 + (guest.get(address) >>> 0);

/** The vCPU runs 64-bit code from now on, or what ran before. */
function setWidth(width: 32 | 64): void {
  const cs = R.SEG + R.CS * R.SEG_WORDS + R.SEG_RIGHTS;
  regs[R.CR0] = CR0_PE | CR0_PG;
  regs[R.CR3] = TABLES;
  regs[R.CR4] = CR4_PAE;
  regs[R.EFER] = EFER_LME | EFER_LMA;
  regs[cs] = width === 64 ? (regs[cs] & ~R.RIGHTS_DB) | R.RIGHTS_L : (regs[cs] & ~R.RIGHTS_L) | R.RIGHTS_DB;
}

beforeEach(() => {
  guest = testGuest();
  ({ regs } = guest.domain.processor);
  guest.put(TABLES, TABLES + 0x1000 + PRESENT, 0);
  guest.put(TABLES + PML4_SLOT * 8, TABLES + 0x1000 + PRESENT, 0);
  guest.put(TABLES + 0x1000, TABLES + 0x2000 + PRESENT, 0);
  guest.put(TABLES + 0x2000, LARGE, 0);
  setWidth(64);
});

/** Puts a number of 64 bits into a register. */
function set(register: number, value: number): void {
  [regs[register], regs[register + R.HIGH]] = wide(value);
}

describe('hypercalls of 64-bit code', () => {
  it('take RDI, RSI, RDX, R10 and R8, and answer in all of RAX', () => {
    const xen = xenOf(guest.domain)!;
    guest.domain.memory.fill(ARGS, 16, 0xaa);
    set(R.EAX, HYPERCALL.XEN_VERSION);
    set(R.EDI, XENVER.EXTRAVERSION);
    set(R.ESI, AT);
    set(R.EBX, -1);
    xen.hypercall();
    expect([regs[R.EAX], regs[R.EAX + R.HIGH]]).toEqual([0, 0]);
    expect(guest.get(ARGS)).toBe(0x722d302e); // ".0-r"
    set(R.EAX, HYPERCALL.XEN_VERSION);
    set(R.EDI, XENVER.PAGESIZE);
    set(R.ESI, 1);
    xen.hypercall();
    expect([regs[R.EAX], regs[R.EAX + R.HIGH]]).toEqual([-EINVAL, -1]);
    // The number is a register of 64 bits, too.
    set(R.EAX, LOW_32 + HYPERCALL.XEN_VERSION);
    xen.hypercall();
    expect([regs[R.EAX], regs[R.EAX + R.HIGH]]).toEqual([-ENOSYS, -1]);
    regs[R.CPL] = 3;
    set(R.EAX, HYPERCALL.XEN_VERSION);
    xen.hypercall();
    expect([regs[R.EAX], regs[R.EAX + R.HIGH]]).toEqual([-EPERM, -1]);
  });

  it('of compatibility code are those of 32 bits: its addresses wrap around, and the high half of RAX stays', () => {
    setWidth(32);
    const xen = xenOf(guest.domain)!;
    set(R.EAX, LOW_32 + HYPERCALL.XEN_VERSION);
    set(R.EBX, XENVER.VERSION);
    set(R.ECX, 0);
    xen.hypercall();
    expect([regs[R.EAX], regs[R.EAX + R.HIGH]]).toEqual([0x40011, 1]);
    expect(guest.call(HYPERCALL.XEN_VERSION, XENVER.PLATFORM_PARAMETERS, AT)).toBe(0);
    guest.put(ARGS, -1, -1);
    expect(guest.call(HYPERCALL.XEN_VERSION, XENVER.PLATFORM_PARAMETERS, ARGS)).toBe(0);
    expect([guest.get(ARGS), guest.get(ARGS + 4)]).toEqual([0, -1]);
  });

  it('find memory by all of an address; one that is not mapped, or not canonical, is -EFAULT', () => {
    guest.put(ARGS, -1, -1);
    expect(guest.call(HYPERCALL.XEN_VERSION, XENVER.PLATFORM_PARAMETERS, AT)).toBe(0);
    expect(got(ARGS)).toBe(0);
    for (const address of [UNMAPPED, NOT_CANONICAL, -NOT_CANONICAL - 4096, ARGS + 2 ** 40])
      expect(guest.call(HYPERCALL.XEN_VERSION, XENVER.PLATFORM_PARAMETERS, address), String(address)).toBe(-EFAULT);
  });

  it('run in a list of entries of 64-bit words', () => {
    guest.put(ARGS, ...wide(HYPERCALL.XEN_VERSION), -1, -1, ...wide(XENVER.VERSION), ...wide(0));
    guest.put(
      ARGS + 64,
      ...wide(HYPERCALL.XEN_VERSION),
      -1,
      -1,
      ...wide(XENVER.PLATFORM_PARAMETERS),
      ...wide(UNMAPPED),
    );
    expect(guest.call(HYPERCALL.MULTICALL, AT, 2)).toBe(0);
    expect([got(ARGS + 8), got(ARGS + 72)]).toEqual([0x40011, -EFAULT]);
  });
});

describe('structures and lists of 64-bit code', () => {
  it('memory_op: frames are words of 64 bits, and a frame that no guest has is none', () => {
    const list = ARGS + 0x100,
      reservation = (frames: number[]): void => {
        guest.put(list, ...frames.flatMap(wide));
        guest.put(ARGS, ...wide(DIRECT_MAP + list), ...wide(frames.length), 0, 0, DOMID_SELF);
      };
    reservation([0x180, 0x181, LOW_32 + 0x182]);
    expect(guest.call(HYPERCALL.MEMORY_OP, XENMEM.DECREASE_RESERVATION, AT)).toBe(2);
    expect(guest.call(HYPERCALL.MEMORY_OP, XENMEM.POPULATE_PHYSMAP, AT)).toBe(2);
    // Where it goes on is in the bits above the command's.
    expect(guest.call(HYPERCALL.MEMORY_OP, XENMEM.DECREASE_RESERVATION + 64, AT)).toBe(2);
  });

  it('memory_op: indices and frames of a batch are words of 64 bits, its errors of 32', () => {
    const [indices, frames, errors] = [ARGS + 0x100, ARGS + 0x200, ARGS + 0x300];
    guest.put(indices, ...wide(0), ...wide(LOW_32));
    guest.put(frames, ...wide(0x190), ...wide(0x191));
    guest.put(errors, -1, -1, -1);
    const lists = [indices, frames, errors].flatMap(list => wide(DIRECT_MAP + list));
    guest.put(ARGS, DOMID_SELF | (XENMAPSPACE.GRANT_TABLE << 16), 2, ...lists);
    expect(guest.call(HYPERCALL.MEMORY_OP, XENMEM.ADD_TO_PHYSMAP_BATCH, AT)).toBe(0);
    expect([0, 4, 8].map(at => guest.get(errors + at))).toEqual([0, -EINVAL, -1]);
  });

  it('grant_table_op: the frames of the table are words of 64 bits', () => {
    const list = ARGS + 0x100;
    guest.put(list, -1, -1, -1, -1);
    guest.put(ARGS, DOMID_SELF, 2, 0x7777, 0, ...wide(DIRECT_MAP + list));
    expect(guest.call(HYPERCALL.GRANT_TABLE_OP, GNTTABOP.SETUP_TABLE, AT, 1)).toBe(0);
    expect(guest.get(ARGS + 8) & 0xffff).toBe(0);
    // Guest frames that nothing was placed at yet.
    expect([got(list), got(list + 8)]).toEqual([-1, -1]);
  });

  it('vcpu_op: a runstate area has the layout of the width that was latched, and is written whole over a page’s end', () => {
    const xen = xenOf(guest.domain)!;
    xen.latchWidth();
    const area = ARGS + 0xff0;
    guest.put(ARGS, ...wide(DIRECT_MAP + area));
    guest.put(area, ...Array.from({ length: 14 }, () => -1));
    expect(guest.call(HYPERCALL.VCPU_OP, VCPUOP.REGISTER_RUNSTATE_MEMORY_AREA, 0, AT)).toBe(0);
    expect(guest.get(area)).toBe(0);
    expect(guest.get(area + 4)).toBe(0);
    expect([16, 24, 32, 40].map(at => got(area + at))).toEqual([0, 0, 0, 0]);
    expect(guest.get(area + 48)).toBe(-1);
  });
});

describe('the layout of shared_info', () => {
  it('is that of the code which sets the callback or the hypercall page', () => {
    const xen = xenOf(guest.domain)!,
      ports = new Ports(guest.machine, guest.domain.options.record);
    const setCallback = (): number => {
      guest.put(ARGS, DOMID_SELF, HVM_PARAM.CALLBACK_IRQ, 0xf3, 2 << 24);
      return guest.call(HYPERCALL.HVM_OP, HVMOP.SET_PARAM, AT);
    };
    expect(setCallback()).toBe(0);
    expect(ports.width).toBe(64);
    const seconds = (width: 32 | 64): number =>
      guest.machine.words[(ports.sharedInfo + SHARED_INFO[width].wc_sec) >>> 2];
    expect(seconds(64)).toBe(1_000_000_000);
    setWidth(32);
    expect(xen.writeMsr(0x40000000, 0x38000, 0)).toBe(true);
    expect(ports.width).toBe(32);
    expect(seconds(32)).toBe(1_000_000_000);
    setWidth(64);
    expect(setCallback()).toBe(0);
    expect(ports.width).toBe(64);
  });
});
