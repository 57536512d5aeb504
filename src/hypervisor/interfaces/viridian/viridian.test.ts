/** What Windows counts on of the Hyper-V interface, as Xen 4.17 has it: xen/arch/x86/hvm/viridian, and Microsoft's Hypervisor Top-Level Functional Specification (TLFS). */
import { describe, expect, it } from 'vitest';
import { asm } from '../../../cpu/test-support/asm.ts';
import { EFER_LMA } from '../../../cpu/architecture/index.ts';
import * as R from '../../../cpu/architecture/registers.ts';
import { assembleDomain } from '../assemble.ts';
import { XEN } from '../xen/layout.ts';
import { createDomain } from '../../memory/domain-table.ts';
import { Machine } from '../../memory/machine.ts';
import { readState, saveDomain } from '../xen/stream/state.ts';
import {
  DOMID_SELF,
  EEXIST,
  EINVAL,
  EPERM,
  HVM_PARAM,
  HVMOP,
  HYPERCALL,
  SHUTDOWN,
  XENMEM,
  XENVER,
} from '../xen/abi.ts';
import { Dom0 } from '../xen/dom0-access.ts';
import { ARGS, testGuest, type TestGuest } from '../xen/pvh-program.test-support.ts';
import {
  END,
  LOAD_TABLES,
  outcome,
  putTables,
  readMsr,
  result,
  run,
  writeMsr,
} from '../xen/ring0-program.test-support.ts';
import { VIRIDIAN, viridianFeatures } from './features.ts';
import { xenOf } from '../xen/of-domain.ts';
import { xenRecords } from '../xen/records.ts';

const DEFAULTS = viridianFeatures(['defaults']) as number;
const ALL = viridianFeatures(['all']) as number;
const PAGE = 0x50000,
  MESSAGES = 0x51000;
/** Windows 10 (os 1 is not Windows NT: 4 is), as its kernel says it. */
const WINDOWS = 0x0001_0400;
const BAD_PAGE = 0xfffff001;

function cpuid(guest: TestGuest, leaf: number): number[] {
  const { processor } = guest.domain,
    xen = xenOf(guest.domain);
  processor.regs[R.EAX] = leaf;
  processor.regs[R.ECX] = 0;
  xen!.identify();
  return [R.EAX, R.EBX, R.ECX, R.EDX].map(register => processor.regs[register] >>> 0);
}
const text = (...words: number[]): string => String.fromCharCode(...new Uint8Array(Uint32Array.from(words).buffer));
const write = (guest: TestGuest, index: number, low: number, high = 0): boolean =>
  xenOf(guest.domain)!.writeMsr(index, low >>> 0, high >>> 0);
const read = (guest: TestGuest, index: number): readonly [number, number] | undefined =>
  xenOf(guest.domain)!.readMsr(index);
const apicOf = (guest: TestGuest, vcpu = 0) => guest.domain.platform.localApic!(vcpu)!;
/** SVR: enabled. */
const enableApic = (guest: TestGuest, vcpu = 0): void => apicOf(guest, vcpu).write(0xf0, 0x1ff, 4);

describe('HVM_PARAM_VIRIDIAN', () => {
  it('is the toolstack’s: known bits with the base, once; a guest may neither set nor get it', () => {
    const guest = testGuest();
    const { id } = guest.domain.options.record;
    expect([0, 2, 0x2000, 2 ** 32 + 1].map(value => guest.dom0.setHvmParam(id, HVM_PARAM.VIRIDIAN, value))).toEqual([
      -EINVAL,
      -EINVAL,
      -EINVAL,
      -EINVAL,
    ]);
    expect([1, 1, 3].map(value => guest.dom0.setHvmParam(id, HVM_PARAM.VIRIDIAN, value))).toEqual([0, 0, -EEXIST]);
    guest.put(ARGS, DOMID_SELF, HVM_PARAM.VIRIDIAN, 1, 0);
    expect([HVMOP.SET_PARAM, HVMOP.GET_PARAM].map(op => guest.call(HYPERCALL.HVM_OP, op, ARGS))).toEqual([
      -EPERM,
      -EPERM,
    ]);
  });
});

describe("Hyper-V's CPUID leaves", () => {
  it('come first, and Xen’s lie from 0x40000100 with their MSR moved', () => {
    const guest = testGuest({ viridian: DEFAULTS });
    const [highest, ...name] = cpuid(guest, 0x40000000);
    expect([highest, text(...name)]).toEqual([0x40000006, 'Microsoft Hv']);
    expect(text(cpuid(guest, 0x40000001)[0])).toBe('Hv#1');
    const [xenHighest, ...xenName] = cpuid(guest, 0x40000100);
    expect([xenHighest, text(...xenName)]).toEqual([0x40000105, 'XenVMMXenVMM']);
    expect(cpuid(guest, 0x40000102).slice(0, 2)).toEqual([1, 0x40000200]);
    expect(write(guest, 0x40000200, 0x30000)).toBe(true);
    expect(guest.get(0x30000)).toBe(0xb8);
  });

  it('are not there without the parameter', () => {
    const guest = testGuest();
    expect(text(...cpuid(guest, 0x40000000).slice(1))).toBe('XenVMMXenVMM');
    expect(cpuid(guest, 0x40000100)).toEqual([0, 0, 0, 0]);
    expect([0x40000002, 0x40000070, 0x40000200].map(index => read(guest, index))).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('tell version and advice to a guest that has said who it is (TLFS 2.4)', () => {
    const guest = testGuest({ viridian: ALL });
    expect([cpuid(guest, 0x40000002), cpuid(guest, 0x40000004)]).toEqual([
      [0, 0, 0, 0],
      [0, 0, 0, 0],
    ]);
    expect(write(guest, 0x40000000, 0x1db10000, WINDOWS)).toBe(true);
    expect(read(guest, 0x40000000)).toEqual([0x1db10000, WINDOWS]);
    expect(cpuid(guest, 0x40000002)).toEqual([0x1772, 6 << 16, 0, 0]);
    expect(cpuid(guest, 0x40000004)).toEqual([(1 << 2) | (1 << 3) | (1 << 5) | (1 << 10) | (1 << 11), 2047, 0, 0]);
    // A system that knows too little is advised nothing.
    write(guest, 0x40000000, 0, 0x300);
    expect(cpuid(guest, 0x40000004)[0]).toBe(0);
  });

  it.each<[string, string[], number, number]>([
    ['base', ['base'], 0x70, 0],
    ['freq', ['base', 'freq'], 0x870, 0],
    ['time_ref_count', ['base', 'time_ref_count'], 0x72, 0],
    ['reference_tsc', ['base', 'reference_tsc'], 0x270, 0],
    ['crash_ctl', ['base', 'crash_ctl'], 0x70, 1 << 10],
    ['cpu_hotplug', ['base', 'cpu_hotplug'], 0x70, 1 << 3],
    ['synic', ['base', 'synic'], 0x74, 1 << 17],
    ['stimer, with what it needs', ['base', 'stimer'], 0x7e, 1 << 17],
    ['all but freq', ['all', '!freq'], 0x27e, (1 << 3) | (1 << 10) | (1 << 17)],
  ])('show each group as it is switched: %s', (_name, groups, eax, edx) => {
    const leaf = cpuid(testGuest({ viridian: viridianFeatures(groups) as number }), 0x40000003);
    expect([leaf[0], leaf[3]]).toEqual([eax, edx]);
  });

  it('say that there is no limit of processors where that group is on', () => {
    expect([DEFAULTS, VIRIDIAN.BASE_FREQ].map(viridian => cpuid(testGuest({ viridian }), 0x40000005)[0])).toEqual([
      0xffffffff, 0,
    ]);
  });
});

describe("Hyper-V's MSRs", () => {
  it('have the index of the virtual processor, which a write leaves', () => {
    const code = [
      ...LOAD_TABLES,
      ...writeMsr(0x40000002, 7, 0, 0),
      ...readMsr(0x40000002, 1),
      ...readMsr(0x40000003, 2),
      ...END,
    ];
    const guest = testGuest({ viridian: DEFAULTS, code, vcpus: 2 });
    putTables(guest);
    run(guest);
    expect([0, 1, 2].map(i => outcome(guest, i))).toMatchObject([
      { vector: 0 },
      { low: 0, high: 0, vector: 0 },
      { vector: 13 },
    ]);
  });

  it('have frequencies unless they are switched off', () => {
    const guest = testGuest({ viridian: DEFAULTS });
    expect([read(guest, 0x40000022), read(guest, 0x40000023)]).toEqual([
      [1e9, 0],
      [1e8, 0],
    ]);
    const none = testGuest({ viridian: VIRIDIAN.BASE_FREQ | VIRIDIAN.NO_FREQ });
    expect([read(none, 0x40000022), read(none, 0x40000023), read(none, 0x40000020), read(none, 0x40000021)]).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('count 100-ns units, and a page says how to make them of the TSC (TLFS 12.7)', () => {
    const guest = testGuest({ viridian: ALL });
    guest.domain.clock.set(123_456_789_000);
    expect(write(guest, 0x40000021, PAGE | 1)).toBe(true);
    const [low, high] = read(guest, 0x40000020)!;
    const count = (BigInt(high) << 32n) | BigInt(low);
    // Xen's scale has 32 bits.
    expect(Number(count)).toBeGreaterThan(1_234_567_800);
    expect(Number(count)).toBeLessThanOrEqual(1_234_567_890);
    const bytes = new Uint8Array(24);
    guest.domain.memory.read(PAGE, bytes);
    const page = new DataView(bytes.buffer);
    expect(page.getUint32(0, true)).not.toBe(0);
    expect(((123_456_789_000n * page.getBigUint64(8, true)) >> 64n) + page.getBigInt64(16, true)).toBe(count);
    expect(write(guest, 0x40000020, 0)).toBe(false);
  });

  it('reach the local APIC: task priority, interrupts to others, end of interrupt', () => {
    const guest = testGuest({ viridian: DEFAULTS, vcpus: 2 });
    enableApic(guest);
    enableApic(guest, 1);
    expect([write(guest, 0x40000072, 0x20), read(guest, 0x40000072)]).toEqual([true, [0x20, 0]]);
    expect(apicOf(guest).read(0x80, 4)).toBe(0x20);
    // To APIC id 2, vector 0x61.
    expect(write(guest, 0x40000071, 0x61, 2 << 24)).toBe(true);
    expect(read(guest, 0x40000071)).toEqual([0x61, 2 << 24]);
    expect(apicOf(guest, 1).acknowledge()).toBe(0x61);
    apicOf(guest).post(0x51);
    expect(apicOf(guest).acknowledge()).toBe(0x51);
    expect([write(guest, 0x40000070, 0), apicOf(guest).read(0x120, 4), read(guest, 0x40000070)]).toEqual([
      true,
      0,
      undefined,
    ]);
  });

  it('keep parameters of a crash, which the domain is then said to have had', () => {
    const guest = testGuest({ viridian: DEFAULTS });
    [0x7e, 1, 2, 3, 4].forEach((value, i) => expect(write(guest, 0x40000100 + i, value, i)).toBe(true));
    expect([read(guest, 0x40000104), read(guest, 0x40000105)]).toEqual([
      [4, 4],
      [0, 0x80000000],
    ]);
    expect(write(guest, 0x40000105, 0, 0x80000000)).toBe(true);
    expect(guest.said).toBe('(XEN) d1v0 VIRIDIAN GUEST_CRASH: 0x7e 0x100000001 0x200000002 0x300000003 0x400000004\n');
    xenOf(guest.domain)!.shutdown(SHUTDOWN.POWEROFF);
    expect(guest.dom0.shutdownCode(1)).toBe(SHUTDOWN.CRASH);
  });
});

describe('the assist page of the APIC (TLFS 10.3.5)', () => {
  const assisted = (viridian = DEFAULTS): TestGuest => {
    const guest = testGuest({ viridian });
    enableApic(guest);
    guest.put(PAGE, 0x55);
    expect(write(guest, 0x40000073, PAGE | 1)).toBe(true);
    expect(guest.get(PAGE)).toBe(0);
    return guest;
  };

  it('says that a lone edge-triggered interrupt needs no EOI; once the guest has cleared the bit, the next one is taken', () => {
    const guest = assisted(),
      apic = apicOf(guest);
    apic.post(0x51);
    expect([apic.acknowledge(), guest.get(PAGE)]).toEqual([0x51, 1]);
    guest.put(PAGE, 0);
    apic.post(0x41);
    expect([apic.intr, apic.acknowledge(), guest.get(PAGE)]).toEqual([true, 0x41, 1]);
  });

  it('takes the offer back where a lower interrupt waits for the EOI, and where the guest writes it anyway', () => {
    const guest = assisted(),
      apic = apicOf(guest);
    apic.post(0x51);
    apic.acknowledge();
    apic.post(0x41);
    expect([guest.get(PAGE), apic.intr]).toEqual([0, false]);
    write(guest, 0x40000070, 0);
    expect([apic.intr, apic.acknowledge(), guest.get(PAGE)]).toEqual([true, 0x41, 1]);
    write(guest, 0x40000070, 0);
    expect([guest.get(PAGE), apic.read(0x120, 4)]).toEqual([0, 0]);
  });

  it('is forgotten by INIT, and with the page that it stood on', () => {
    const guest = assisted(),
      apic = apicOf(guest);
    apic.post(0x51);
    apic.acknowledge();
    apic.accept(5, 0, false); // INIT
    expect(guest.get(PAGE)).toBe(0);
    enableApic(guest);
    apic.post(0x51);
    expect([apic.acknowledge(), guest.get(PAGE)]).toEqual([0x51, 1]);
    write(guest, 0x40000073, 0x52001);
    expect([guest.get(PAGE), guest.get(0x52000)]).toEqual([0, 0]);
    // Its end is still to come, by EOI.
    apic.post(0x51);
    expect(apic.intr).toBe(false);
    write(guest, 0x40000070, 0);
    expect([apic.acknowledge(), guest.get(0x52000)]).toEqual([0x51, 1]);
  });

  it('counts an EOI for the interrupt below, where the one above went without', () => {
    const guest = assisted(),
      apic = apicOf(guest);
    apic.post(0x41);
    apic.acknowledge();
    apic.post(0x61);
    apic.acknowledge();
    // Both are in service, and only the first was offered; it ends unsaid, then the other by EOI.
    guest.put(PAGE, 0);
    write(guest, 0x40000070, 0);
    expect([apic.read(0x120, 4), apic.read(0x130, 4)]).toEqual([0, 0]);
  });

  it('stays empty without its group, and with a page that is no memory nothing is offered', () => {
    const plain = assisted(VIRIDIAN.BASE_FREQ);
    apicOf(plain).post(0x51);
    expect([apicOf(plain).acknowledge(), plain.get(PAGE)]).toEqual([0x51, 0]);
    const guest = assisted();
    expect(write(guest, 0x40000073, BAD_PAGE)).toBe(true);
    expect(read(guest, 0x40000073)).toEqual([BAD_PAGE, 0]);
    apicOf(guest).post(0x51);
    expect(apicOf(guest).acknowledge()).toBe(0x51);
  });
});

describe("Hyper-V's hypercalls", () => {
  /** Calls through the page at PAGE: EAX, EDX, EBX, ECX, EDI, ESI; result i. */
  const call = (i: number, eax: number, edx = 0, ebx = 0, ecx = 0, edi = 0, esi = 0): number[] =>
    asm(
      `
        mov eax, ${eax}; mov edx, ${edx}; mov ebx, ${ebx}; mov ecx, ${ecx}; mov edi, ${edi}
        mov esi, ${esi}; call over
        over: add dword [esp], 0xa; push ${PAGE}; ret
      `,
      result(i),
    );

  function ran(code: number[], vcpus = 1): TestGuest {
    const guest = testGuest({
      viridian: ALL,
      vcpus,
      code: [...LOAD_TABLES, ...writeMsr(0x40000001, PAGE | 1, 0, 0), ...code, ...END],
    });
    putTables(guest);
    run(guest);
    return guest;
  }

  it('go through a page that the guest names: EAX with bit 31, VMCALL, return', () => {
    const guest = ran([...call(1, 0x0008, 0, 0, 2000), ...call(2, 0x8001), ...call(3, 0x00aa)]);
    expect(guest.get(PAGE)).toBe(0x0000000d);
    expect([1, 2, 3].map(i => outcome(guest, i))).toMatchObject([{ low: 0, high: 0 }, { low: 2 }, { low: 2 }]);
    // Xen's own go on next to them.
    expect(guest.call(HYPERCALL.XEN_VERSION, XENVER.VERSION, 0)).toBe((4 << 16) | 17);
  });

  it('flush: a list counts as done; without memory for parameters, and as a fast call, it is invalid', () => {
    const guest = ran([
      ...call(1, 2, 0, 0, ARGS),
      ...call(2, 3, 5, 0, ARGS),
      ...call(3, 2, 0, 0, 0xf0000000),
      ...call(4, 0x10002, 0, 0, ARGS),
      ...call(5, 0x13, 0, 0, ARGS),
      ...call(6, 0x14, 3, 0, ARGS),
    ]);
    expect(
      [1, 2, 3, 4, 5, 6].map(i => {
        const { low, high } = outcome(guest, i);
        return [low, high];
      }),
    ).toEqual([
      [0, 0],
      [0, 5],
      [5, 0],
      [5, 0],
      [0, 0],
      [0, 3],
    ]);
  });

  it('send an interrupt to the processors of a mask, whose APICs are enabled', () => {
    const enable = asm('mov dword [0xfee000f0], 0x1ff');
    const guest = ran(
      [
        ...enable,
        ...call(1, 0x1000b, 0, 0, 0x55, 0, 3),
        ...call(2, 0x1000b, 0, 0, 5, 0, 1),
        ...call(3, 0x1000b, 0, 1, 0x55, 0, 1),
        ...call(4, 0xb, 0, 0, ARGS),
      ],
      2,
    );
    expect([1, 2, 3, 4].map(i => outcome(guest, i).low)).toEqual([0, 5, 5, 5]);
    expect([apicOf(guest).isWaiting(0x55), apicOf(guest, 1).isWaiting(0x55)]).toEqual([true, false]);
  });

  it('take processors in banks of 64: HvCallSendSyntheticClusterIpiEx', () => {
    const guest = testGuest({ viridian: ALL });
    enableApic(guest);
    const { regs } = guest.domain.processor;
    const ask = (...words: number[]): number => {
      guest.put(ARGS, ...words);
      regs.set([0x80000015 | 0, ARGS, 0, 0]);
      xenOf(guest.domain)!.layer!.hypercall(0x80000000);
      return regs[R.EAX];
    };
    // Vector, level and zeroes, format 0, banks 0 and 1, their masks.
    expect(ask(0x56, 0, 0, 0, 3, 0, 1, 0, 0, 0)).toBe(0);
    expect(apicOf(guest).isWaiting(0x56)).toBe(true);
    expect([ask(0x57, 1, 0, 0, 0, 0), ask(0x57, 0, 2, 0, 0, 0), ask(0x57, 0, 1, 0, 0, 0)]).toEqual([5, 5, 0]);
    expect(apicOf(guest).isWaiting(0x57)).toBe(true);
  });

  it('of 64-bit code have their parts in RCX, RDX and R8, and their result in RAX', () => {
    const guest = testGuest({ viridian: ALL });
    enableApic(guest);
    const { regs } = guest.domain.processor;
    regs[R.EFER] = EFER_LMA;
    regs[R.SEG + R.CS * R.SEG_WORDS + R.SEG_RIGHTS] |= R.RIGHTS_L;
    const ask = (call: number, list: number, first: number, second: number): number[] => {
      [regs[R.ECX], regs[R.ECX + R.HIGH], regs[R.EDX], regs[R.R8]] = [call, list, first, second];
      regs[R.EBX] = regs[R.EAX] = regs[R.EAX + R.HIGH] = -1;
      xenOf(guest.domain)!.layer!.hypercall(0x80000000);
      return [regs[R.EAX], regs[R.EAX + R.HIGH]];
    };
    expect(ask(0x1000b, 0, 0x58, 1)).toEqual([0, 0]);
    expect(apicOf(guest).isWaiting(0x58)).toBe(true);
    // A flush of three addresses for all processors.
    guest.put(ARGS, 0, 0, 1, 0, 0, 0);
    expect(ask(3, 3, ARGS, 0)).toEqual([0, 3]);
  });
});

describe('synthetic interrupts and timers (TLFS 11 and 12)', () => {
  const SINT = 2,
    VECTOR = 0x50;
  function withTimer(): TestGuest {
    const guest = testGuest({ viridian: ALL });
    enableApic(guest);
    expect(write(guest, 0x40000083, MESSAGES | 1)).toBe(true);
    expect(write(guest, 0x40000090 + SINT, VECTOR)).toBe(true);
    return guest;
  }
  const message = (guest: TestGuest, word: number): number => guest.get(MESSAGES + SINT * 256 + word * 4) >>> 0;
  const passMs = (guest: TestGuest, ms: number): void => {
    const { clock, timers } = guest.domain;
    clock.set(clock.nowNs() + ms * 1e6);
    timers.run();
  };

  it('has a version, sources that begin masked, and no vector below 16', () => {
    const guest = testGuest({ viridian: ALL });
    expect([read(guest, 0x40000081), read(guest, 0x4000009f), read(guest, 0x40000084)]).toEqual([
      [1, 0],
      [0x10000, 0],
      [0, 0],
    ]);
    expect([
      write(guest, 0x40000090, 15),
      write(guest, 0x40000081, 1),
      write(guest, 0x40000080, 1),
      write(guest, 0x40000082, PAGE | 1),
    ]).toEqual([false, false, true, true]);
    const without = testGuest({ viridian: DEFAULTS });
    expect([read(without, 0x40000081), write(without, 0x40000083, PAGE | 1), read(without, 0x400000b0)]).toEqual([
      undefined,
      false,
      undefined,
    ]);
  });

  it('delivers the message of a timer that goes off once, and switches the timer off', () => {
    const guest = withTimer();
    // Reference time 50,000 is 5 ms; config: source 2, enabled.
    expect(write(guest, 0x400000b1, 50_000)).toBe(true);
    expect(write(guest, 0x400000b0, (SINT << 16) | 1)).toBe(true);
    passMs(guest, 4);
    expect(message(guest, 0)).toBe(0);
    passMs(guest, 2);
    expect([message(guest, 0), message(guest, 1), message(guest, 4), message(guest, 6)]).toEqual([
      0x80000010, 24, 0, 50_000,
    ]);
    expect([apicOf(guest).acknowledge(), read(guest, 0x400000b0)]).toEqual([VECTOR, [SINT << 16, 0]]);
  });

  it('keeps a periodic timer’s second message until the guest says that the slot is free', () => {
    const guest = withTimer();
    write(guest, 0x400000b1, 10_000);
    write(guest, 0x400000b0, (SINT << 16) | 3);
    passMs(guest, 1.1);
    apicOf(guest).acknowledge();
    passMs(guest, 1);
    // The slot was full: flag 0 asks for a word when it is free.
    expect(message(guest, 1)).toBe(24 | (1 << 8));
    expect(apicOf(guest).isWaiting(VECTOR)).toBe(false);
    guest.put(MESSAGES + SINT * 256, 0);
    write(guest, 0x40000084, 0);
    expect([message(guest, 0), message(guest, 1), apicOf(guest).isWaiting(VECTOR)]).toEqual([0x80000010, 24, true]);
  });

  it('needs no EOI of a source that ends its interrupts itself', () => {
    const guest = withTimer();
    write(guest, 0x40000090 + SINT, VECTOR | 0x20000);
    apicOf(guest).post(VECTOR);
    expect([apicOf(guest).acknowledge(), apicOf(guest).read(0x120, 4)]).toEqual([VECTOR, 0]);
  });
});

describe('what XSA-472 was about', () => {
  it('a reference TSC page that is no memory is kept as a number and used for nothing', () => {
    const guest = testGuest({ viridian: viridianFeatures(['base', 'reference_tsc']) as number });
    expect(write(guest, 0x40000021, 0xffffffff)).toBe(true);
    expect(read(guest, 0x40000021)).toEqual([0xffffffff, 0]);
  });

  it('a timer without a page of messages waits for one', () => {
    const guest = testGuest({ viridian: viridianFeatures(['base', 'stimer']) as number });
    expect([write(guest, 0x400000b1, 1), write(guest, 0x400000b0, (1 << 16) | 1)]).toEqual([true, true]);
    // Time 1 is past: its message comes as soon as there is a page.
    guest.domain.clock.set(1e6);
    guest.domain.timers.run();
    expect(write(guest, 0x40000083, MESSAGES | 1)).toBe(true);
    expect(guest.get(MESSAGES + 256) >>> 0).toBe(0x80000010);
  });

  it('a reference TSC page can be given back while it is one, and come again', () => {
    const guest = testGuest({ viridian: viridianFeatures(['base', 'reference_tsc']) as number });
    guest.put(ARGS + 0x100, PAGE >>> 12);
    for (let i = 0; i < 3; i++) {
      expect(write(guest, 0x40000021, PAGE | 1)).toBe(true);
      guest.put(ARGS, ARGS + 0x100, 1, 0, 0, DOMID_SELF);
      expect(guest.call(HYPERCALL.MEMORY_OP, XENMEM.DECREASE_RESERVATION, ARGS)).toBe(1);
      expect(guest.call(HYPERCALL.MEMORY_OP, XENMEM.POPULATE_PHYSMAP, ARGS)).toBe(1);
      expect(write(guest, 0x40000021, 0)).toBe(true);
    }
  });
});

describe('a guest with the Hyper-V interface that is saved', () => {
  it('finds in its new domain what it had: its identity, pages, timers and reference time', () => {
    const guest = testGuest({ viridian: ALL, vcpus: 2 });
    guest.domain.clock.set(7e9);
    for (const [index, low, high] of [
      [0x40000000, 5, WINDOWS],
      [0x40000001, PAGE | 1, 0],
      [0x40000073, 0x60001, 0],
      [0x40000092, 0x50, 0],
      [0x40000083, MESSAGES | 1, 0],
      [0x40000101, 9, 1],
    ])
      expect(write(guest, index, low, high)).toBe(true);
    write(guest, 0x400000b1, 1000_0000 * 8);
    write(guest, 0x400000b0, (2 << 16) | 1);
    const before = read(guest, 0x40000020)!;
    const saved = readState(
      Buffer.concat(saveDomain(guest.domain, { name: 'x', program: 'test', definition: '' })),
      'x',
    );
    expect(
      saved.hvm.filter(({ type }) => type === 15 || type === 17).map(({ type, instance }) => [type, instance]),
    ).toEqual([
      [15, 0],
      [17, 0],
      [17, 1],
    ]);
    const machine = Machine.create(new SharedArrayBuffer(64 * 2 ** 20));
    const dom0 = new Dom0(machine);
    const { options } = guest.domain;
    const record = createDomain(machine, 4, 0x100000, { guest: xenRecords(xenOf(guest.domain)!.type), vcpus: 2 });
    const domain = assembleDomain({ ...options, machine, record, boot: saved.boot }, saved);
    const moved = { ...guest, domain, dom0, machine } as TestGuest;
    for (const index of [0x40000000, 0x40000001, 0x40000073, 0x40000092, 0x40000083, 0x40000101, 0x400000b0])
      expect(read(moved, index)).toEqual(read(guest, index));
    expect(read(moved, 0x40000020)).toEqual(before);
    domain.clock.set(8.01e9);
    domain.timers.run();
    const word = new Uint8Array(4);
    domain.memory.read(MESSAGES + 2 * 256, word);
    expect(new DataView(word.buffer).getUint32(0, true)).toBe(0x80000010);
    expect(xenOf(domain)!.words[xenOf(domain)!.xenBlock + XEN.PARAMS + 2 * HVM_PARAM.VIRIDIAN]).toBe(ALL);
  });
});
