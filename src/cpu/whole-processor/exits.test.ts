/** The VM-exit edge: SDM vol. 3, chapters 25 to 28 (26 to 29 in newer editions). */
import { beforeEach, describe, expect, it } from 'vitest';
import {
  EVENT_ERROR_CODE,
  EVENT_EXCEPTION,
  EVENT_EXTERNAL,
  EVENT_NMI,
  EVENT_OTHER,
  EVENT_PRIVILEGED_SOFTWARE,
  EVENT_SOFTWARE,
  EVENT_SOFTWARE_EXCEPTION,
  EVENT_VALID,
  ExitReason,
} from '../architecture/edge.ts';
import { IF } from '../architecture/flags.ts';
import {
  CR0,
  CR2,
  CR4,
  EAX,
  EBX,
  ECX,
  EDI,
  EDX,
  EFLAGS,
  EIP,
  ESI,
  ESP,
  IDTR_BASE,
  IDTR_LIMIT,
  INTERRUPTIBILITY,
} from '../architecture/registers.ts';
import {
  Bench,
  CODE,
  DATA,
  FRAMES,
  HANDLERS,
  IDT,
  KERNEL_CODE,
  KERNEL_DATA,
  KERNEL_STACK,
} from '../test-support/bench.ts';

const bench = new Bench();
const { R, cpu } = bench;
const { exit } = cpu;
const DEVICE = FRAMES << 12;
beforeEach(() => {
  bench.protectedMode();
});

describe('instructions that exit (25.1)', () => {
  const cases: [string, string, number, number, () => void][] = [
    ['HLT', 'hlt', ExitReason.HLT, 1, () => {}],
    [
      'CPUID',
      'cpuid',
      ExitReason.CPUID,
      2,
      () => {
        cpu.controls.cpuid = true;
      },
    ],
    [
      'INVLPG',
      'invlpg [eax]',
      ExitReason.INVLPG,
      3,
      () => {
        cpu.controls.invlpg = true;
      },
    ],
    [
      'RDTSC',
      'rdtsc',
      ExitReason.RDTSC,
      2,
      () => {
        cpu.controls.rdtsc = true;
      },
    ],
    [
      'RDTSCP',
      'rdtscp',
      ExitReason.RDTSCP,
      3,
      () => {
        cpu.controls.rdtsc = true;
      },
    ],
    [
      'MONITOR',
      'monitor',
      ExitReason.MONITOR,
      3,
      () => {
        cpu.controls.monitor = true;
      },
    ],
    [
      'MWAIT',
      'mwait',
      ExitReason.MWAIT,
      3,
      () => {
        cpu.controls.mwait = true;
      },
    ],
    ['VMMCALL', 'vmmcall', ExitReason.VMMCALL, 3, () => {}],
    [
      'LMSW',
      'lmsw ax',
      ExitReason.CR_ACCESS,
      3,
      () => {
        Object.assign(cpu.controls, { cr0Mask: 2, cr0Shadow: 2 });
      },
    ],
    [
      'CLTS',
      'clts',
      ExitReason.CR_ACCESS,
      2,
      () => {
        Object.assign(cpu.controls, { cr0Mask: 8, cr0Shadow: 8 });
      },
    ],
    [
      'MOV CR4',
      'mov cr4, eax',
      ExitReason.CR_ACCESS,
      3,
      () => {
        Object.assign(cpu.controls, { cr4Mask: 0x20, cr4Shadow: 0x20 });
      },
    ],
    [
      'PAUSE',
      'pause',
      ExitReason.PAUSE,
      2,
      () => {
        cpu.controls.pause = true;
      },
    ],
    ['VMCALL', 'vmcall', ExitReason.VMCALL, 3, () => {}],
    [
      'MOV CR3 load',
      'mov cr3, eax',
      ExitReason.CR_ACCESS,
      3,
      () => {
        cpu.controls.cr3Load = true;
      },
    ],
    [
      'MOV CR3 store',
      'mov eax, cr3',
      ExitReason.CR_ACCESS,
      3,
      () => {
        cpu.controls.cr3Store = true;
      },
    ],
    [
      'MOV DR',
      'mov dr7, eax',
      ExitReason.DR_ACCESS,
      3,
      () => {
        cpu.controls.movDr = true;
      },
    ],
    [
      'RDMSR',
      'rdmsr',
      ExitReason.RDMSR,
      2,
      () => {
        cpu.controls.msrBitmap = new Uint8Array(4096).fill(255);
      },
    ],
    [
      'WRMSR',
      'wrmsr',
      ExitReason.WRMSR,
      2,
      () => {
        cpu.controls.msrBitmap = new Uint8Array(4096).fill(255);
      },
    ],
  ];
  for (const [name, code, reason, length, control] of cases) {
    it(name, () => {
      control();
      bench.code(code);
      expect([cpu.run(10), exit.instructionLength, R[EIP], cpu.retired]).toEqual([reason, length, CODE, cpu.retired]);
      cpu.skipInstruction();
      expect(R[EIP]).toBe(CODE + length);
    });
  }

  it('CR0 and CR4 masks: a change of an owned bit exits, reads see the shadow, LMSW and CLTS likewise', () => {
    Object.assign(cpu.controls, { cr0Mask: 8, cr0Shadow: 8, cr4Mask: 0x20, cr4Shadow: 0 });
    bench.code('mov eax, cr0; mov cr0, eax; xor al, 8; mov cr0, eax');
    expect(bench.run()).toBe(ExitReason.CR_ACCESS);
    expect([R[EAX]! & 8, R[CR0]! & 8, R[EIP]! - CODE, exit.qualification & 0xf3f]).toEqual([0, 0, 8, 0]);
    bench.code('clts');
    R[EIP] = CODE;
    expect([bench.run(), exit.qualification & 0x30]).toEqual([ExitReason.CR_ACCESS, 0x20]);
    Object.assign(cpu.controls, { cr0Shadow: 0 });
    R[CR0]! |= 8;
    // CLTS changes nothing that the guest does not own.
    expect([bench.run(), R[CR0]! & 8, R[EIP]]).toEqual([ExitReason.HLT, 8, CODE + 2]);
    // LMSW that agrees with the shadow leaves the owned bit of CR0 alone.
    bench.code('mov eax, 1; lmsw ax');
    R[EIP] = CODE;
    expect([bench.run(), R[CR0]! & 8]).toEqual([ExitReason.HLT, 8]);
    expect(R[CR4]! & 0x20).toBe(0);
  });

  it('LMSW from memory: qualification bit 6, source data and guest-linear address', () => {
    Object.assign(cpu.controls, { cr0Mask: 2, cr0Shadow: 0 });
    bench.setWord(DATA, 0x3);
    bench.code(`lmsw [${DATA}]`);
    expect([bench.run(), exit.qualification, exit.guestLinear, exit.instructionLength]).toEqual([
      ExitReason.CR_ACCESS,
      0x30070,
      DATA,
      7,
    ]);
  });

  it.each([
    ['STI', 'sti', 1],
    ['MOV SS', 'mov ss, ax', 2],
  ])(
    'the shadow of %s lasts through the exit of the instruction behind it, and ends with that (28.3.2)',
    (_, shadow, kind) => {
      // STI has none where interrupts are on already.
      if (kind === 2) R[EFLAGS]! |= IF;
      R[EAX] = KERNEL_DATA;
      bench.code('nop', shadow, `mov eax, [${DEVICE}]; nop; nop`);
      expect([bench.run(), R[INTERRUPTIBILITY]! & 3, cpu.interruptible]).toEqual([
        ExitReason.EPT_VIOLATION,
        kind,
        false,
      ]);
      cpu.completeMemoryAccess(0x1234);
      cpu.run(1);
      expect([R[EAX], R[INTERRUPTIBILITY]! & 3, cpu.interruptible]).toEqual([0x1234, 0, true]);
    },
  );

  it('a fault of privilege comes before the exit (25.1.1)', () => {
    bench.protectedMode(3);
    cpu.controls.cr3Load = true;
    bench.code('mov cr3, eax');
    expect(bench.fault()).toEqual([13, 0, 0]);
  });

  it('MSR bitmap: reads and writes, low and high half, others always exit', () => {
    const bitmap = new Uint8Array(4096);
    bitmap[0x174 >> 3] = 1 << (0x174 & 7);
    cpu.controls.msrBitmap = bitmap;
    for (const [msr, code, exits] of [
      [0x174, 'rdmsr', true],
      [0x174, 'wrmsr', false],
      [0xc0000080, 'rdmsr', false],
      [0x40000000, 'rdmsr', true],
    ] as const) {
      R[EIP] = CODE;
      R[ECX] = msr | 0;
      R[EAX] = R[EDX] = 0;
      bench.code(code);
      expect(bench.run() === ExitReason.HLT).toBe(!exits);
    }
  });
});

describe('ports (table 28-5)', () => {
  it('size, direction, immediate and DX forms', () => {
    R[EDX] = 0x3f8;
    R[EAX] = 0x12345678;
    for (const [code, qualification, value] of [
      ['in al, 0x60', 0x600048, 0],
      ['out 0x61, eax', 0x610043, 0x12345678],
      ['in ax, dx', 0x3f80009, 0],
      ['out dx, al', 0x3f80000, 0x78],
    ] as const) {
      bench.code(code);
      R[EIP] = CODE;
      expect([cpu.run(5), exit.qualification, (qualification & 8) !== 0 ? 0 : exit.value]).toEqual([
        ExitReason.IO,
        qualification,
        value,
      ]);
    }
  });
  it('guest-linear address of INS and OUTS: segment base and wrap included (28.2.1)', () => {
    bench.segment(4, 0x10, 0x10000, -1, 0xc093);
    bench.segment(0, 0x10, 0x4000, -1, 0xc093);
    cpu.reload();
    Object.assign(R, { [EDX]: 0x60, [ESI]: 0x2000, [EDI]: 0x123 });
    for (const [code, linear] of [
      ['fs outsb', 0x12000],
      ['insb', 0x4123],
      ['a16 insd', 0x4123],
    ] as const) {
      R[EIP] = CODE;
      bench.code(code);
      expect([bench.run(), exit.guestLinear]).toEqual([ExitReason.IO, linear]);
    }
  });
  it('IN completes into AL, AX or EAX', () => {
    R[EAX] = -1;
    bench.code('in al, 0x60; in ax, 0x60');
    bench.run();
    cpu.completePortAccess(0x11);
    expect(R[EAX]).toBe(0xffffff11 | 0);
    bench.run();
    cpu.completePortAccess(0x2222);
    expect([R[EAX], R[EIP]]).toEqual([0xffff2222 | 0, CODE + 5]);
  });
  it('I/O bitmaps (25.6.4): a clear bit passes an access through, any set one of a wide access exits, and so does one that wraps', () => {
    const bitmaps = new Uint8Array(8192);
    cpu.controls.ioBitmaps = bitmaps;
    bitmaps[0x61 >> 3]! |= 1 << (0x61 & 7);
    bitmaps[4096 + ((0x8010 & 0x7fff) >> 3)]! |= 1;
    const exits = (port: number, code: string) => {
      R[EIP] = CODE;
      R[EDX] = port;
      R[EAX] = 0;
      bench.code(code);
      return bench.run() === ExitReason.IO;
    };
    expect([
      exits(0x60, 'in al, dx'),
      exits(0x61, 'in al, dx'),
      exits(0x60, 'in ax, dx'),
      exits(0x8010, 'out dx, al'),
      exits(0x8011, 'out dx, al'),
      exits(0xffff, 'out dx, ax'),
    ]).toEqual([false, true, true, true, false, true]);
    exits(0x60, 'in al, dx');
    expect(R[EAX]).toBe(0xff);
  });
  it('REP INS and OUTS exit for each element', () => {
    R[ECX] = 3;
    R[EDI] = DATA;
    R[EDX] = 0x1f0;
    bench.code('rep insw');
    for (let i = 0; i < 3; i++) {
      expect([bench.run(), exit.qualification]).toEqual([ExitReason.IO, 0x1f00039]);
      cpu.completePortAccess(0x100 + i);
    }
    expect([bench.run(), R[ECX], R[EDI], bench.half(DATA + 4)]).toEqual([ExitReason.HLT, 0, DATA + 6, 0x102]);
  });
  it('INS to an unaligned address with alignment checks is #AC before the port is read', () => {
    bench.v86(3, 0x40000);
    R[CR0]! |= 1 << 18;
    bench.bytes[0x3000 + 104 + 0x1f0 / 8] = 0;
    R[EDX] = 0x1f0;
    R[EDI] = 1;
    bench.put(CODE, 'insw');
    expect(bench.event()).toMatchObject({ vector: 17, error: 0, eip: 0 });
  });
  it('INS into a device: the port is read once, then the store exits', () => {
    R[ECX] = 2;
    R[EDI] = DEVICE;
    bench.code('rep insb');
    for (let i = 0; i < 2; i++) {
      expect(bench.run()).toBe(ExitReason.IO);
      cpu.completePortAccess(0x40 + i);
      expect([bench.run(), exit.guestPhysical, exit.value & 255]).toEqual([
        ExitReason.EPT_VIOLATION,
        DEVICE + i,
        0x40 + i,
      ]);
      cpu.completeMemoryAccess(0);
    }
    expect([bench.run(), R[EDI], R[ECX], R[EIP]]).toEqual([ExitReason.HLT, DEVICE + 2, 0, CODE + 2]);
  });
});

describe('accesses to what is no memory', () => {
  /** Runs, answering reads by `answer`; what was asked. */
  const trace = (answer = 0x11223344) => {
    const seen: string[] = [];
    for (let i = 0; i < 30; i++) {
      const reason = bench.run();
      if (reason !== ExitReason.EPT_VIOLATION) return [...seen, String(reason)];
      const write = (exit.qualification & 2) !== 0;
      seen.push(
        `${write ? 'w' : 'r'}${exit.size}@${(exit.guestPhysical - DEVICE).toString(16)}${write ? `=${(exit.value >>> 0).toString(16)}` : ''}`,
      );
      cpu.completeMemoryAccess(write ? 0 : answer);
    }
    return seen;
  };
  it('reads, writes and read-modify-writes ask once for each access', () => {
    R[EBX] = DEVICE;
    R[EAX] = 0x55;
    bench.code('mov ecx, [ebx]; mov [ebx], al; add dword [ebx], 1; lock inc dword [ebx]; xchg [ebx], eax');
    expect(trace()).toEqual([
      'r4@0',
      'w1@0=55',
      'r4@0',
      'w4@0=11223345',
      'r4@0',
      'w4@0=11223345',
      'r4@0',
      'w4@0=55',
      '12',
    ]);
    expect([R[ECX], R[EAX], cpu.interruptible]).toEqual([0x11223344, 0x11223344, false]);
  });
  it('a read-modify-write across the end of memory changes memory once', () => {
    bench.setWord(DEVICE - 4, 0xffff0000);
    R[EBX] = DEVICE - 2;
    bench.code('add dword [ebx], 1');
    expect(trace(0)).toEqual(['r1@0', 'r1@1', 'w1@0=1', 'w1@1=0', '12']);
    expect(bench.half(DEVICE - 2)).toBe(0);
  });
  it('PUSH, POP and string instructions', () => {
    R[ESP] = DEVICE + 8;
    R[ESI] = DATA;
    R[EDI] = DEVICE;
    R[ECX] = 2;
    bench.setWord(DATA, 0xa);
    bench.setWord(DATA + 4, 0xb);
    bench.code('push 7; rep movsd; pop eax');
    expect(trace()).toEqual(['w4@4=7', 'w4@0=a', 'w4@4=b', 'r4@4', '12']);
    expect([R[ESP], R[EAX], R[EDI]]).toEqual([DEVICE + 8, 0x11223344, DEVICE + 8]);
  });
  it('no interrupt comes between an answer and its instruction', () => {
    cpu.eflags = 0x202;
    R[EBX] = DEVICE;
    bench.code('mov ecx, [ebx]');
    bench.run();
    expect(cpu.interruptible).toBe(true);
    cpu.completeMemoryAccess(5);
    expect(cpu.interruptible).toBe(false);
    cpu.controls.interruptWindow = true;
    expect([bench.run(), R[EIP], R[ECX]]).toEqual([ExitReason.INTERRUPT_WINDOW, CODE + 2, 5]);
  });
  it('rights of the second stage: what is missing faults there, with the rights that are there; write without read is a misconfiguration (28.3.3.1)', () => {
    const frame = DATA >> 12;
    const whole = bench.p2m[frame]!;
    const LOAD = `mov eax, [${DATA}]`,
      STORE = `mov [${DATA}], eax`;
    const access = (rights: number, code: string) => {
      bench.p2m[frame] = (whole & ~7) | rights;
      cpu.flushTlb();
      R[EIP] = CODE;
      bench.code(code);
      return [bench.run(), exit.qualification & 0x3f, exit.guestPhysical, exit.guestLinear];
    };
    expect([access(1, STORE), access(4, LOAD), access(5, STORE)]).toEqual([
      [ExitReason.EPT_VIOLATION, 0x0a, DATA, DATA],
      [ExitReason.EPT_VIOLATION, 0x21, DATA, DATA],
      [ExitReason.EPT_VIOLATION, 0x2a, DATA, DATA],
    ]);
    expect([access(2, STORE)[0], access(2, LOAD)[0], access(6, LOAD)[0]]).toEqual(
      Array(3).fill(ExitReason.EPT_MISCONFIGURATION),
    );
    expect([access(1, LOAD)[0], access(3, STORE)[0]]).toEqual([ExitReason.HLT, ExitReason.HLT]);
    bench.p2m[frame] = whole;
    cpu.flushTlb();
  });
  it('a fetch: EPT violation with bit 2', () => {
    bench.code(`jmp ${DEVICE}`);
    expect([bench.run(), exit.qualification & 7, R[EIP]]).toEqual([ExitReason.EPT_VIOLATION, 4, DEVICE]);
  });
});

describe('events (26.6, 27.2)', () => {
  it('exceptions of the bitmap exit with information and error code; CR2 is untouched', () => {
    bench.paging32();
    cpu.controls.exceptionBitmap = 1 << 14;
    bench.code('mov eax, [0x700000]');
    expect([bench.run(), exit.interruption, exit.errorCode, exit.qualification, R[CR2]]).toEqual([
      0,
      EVENT_VALID | EVENT_EXCEPTION | EVENT_ERROR_CODE | 14 | 0,
      0,
      0x700000,
      0,
    ]);
  });
  it('INT3 is a software exception, INT n never exits by the bitmap', () => {
    cpu.controls.exceptionBitmap = -1;
    bench.code('int3');
    expect([bench.run(), exit.interruption, exit.instructionLength]).toEqual([
      0,
      EVENT_VALID | EVENT_SOFTWARE_EXCEPTION | 3 | 0,
      1,
    ]);
    bench.code('int 3');
    expect(bench.event()).toMatchObject({ vector: 3, eip: CODE + 2 });
  });
  it('injection: external, NMI with blocking until IRET, software with its length, exception with error code', () => {
    bench.code('nop');
    cpu.inject(EVENT_VALID | EVENT_EXTERNAL | 0x30);
    expect(bench.event()).toMatchObject({ vector: 0x30, eip: CODE, flags: 2 });
    bench.protectedMode();
    bench.put(HANDLERS + 16, 'iret');
    cpu.inject(EVENT_VALID | EVENT_NMI | 2);
    cpu.controls.nmiWindow = true;
    cpu.run(0);
    expect(R[INTERRUPTIBILITY]! & 8).toBe(8);
    expect([bench.run(), R[EIP], R[INTERRUPTIBILITY]]).toEqual([ExitReason.NMI_WINDOW, CODE, 0]);
    bench.protectedMode();
    bench.idtGate(0x40, KERNEL_CODE, HANDLERS + 0x200, 0xee);
    for (const type of [EVENT_SOFTWARE, EVENT_SOFTWARE_EXCEPTION, EVENT_PRIVILEGED_SOFTWARE]) {
      bench.protectedMode();
      cpu.inject(EVENT_VALID | type | 0x40, 0, 2);
      expect(bench.event()).toMatchObject({ vector: 0x40, eip: CODE + 2 });
    }
    bench.protectedMode();
    cpu.inject(EVENT_VALID | EVENT_EXCEPTION | EVENT_ERROR_CODE | 13, 0x123);
    expect(bench.fault()).toEqual([13, 0x123, 0]);
  });
  it('delivery cut short: the event is in the IDT-vectoring field and goes on when the access is answered', () => {
    bench.code('ud2');
    R[ESP] = DEVICE + 12;
    const values: number[] = [];
    for (let i = 0; i < 3; i++) {
      expect([bench.run(), exit.idtVectoring]).toEqual([
        ExitReason.EPT_VIOLATION,
        EVENT_VALID | EVENT_EXCEPTION | 6 | 0,
      ]);
      values.push(exit.value);
      cpu.completeMemoryAccess(0);
    }
    expect(values).toEqual([0x10002, KERNEL_CODE, CODE]);
    expect([bench.run(), R[EIP], R[ESP]]).toEqual([ExitReason.HLT, HANDLERS + 48, DEVICE]);
  });
  it('a software interrupt cut short, by itself or injected, keeps its length (27.2.4)', () => {
    for (const injected of [false, true]) {
      bench.protectedMode();
      bench.code('int 0x40; nop');
      R[ESP] = DEVICE + 12;
      if (injected) cpu.inject(EVENT_VALID | EVENT_SOFTWARE | 0x40, 0, 2);
      const values: number[] = [];
      for (let i = 0; i < 3; i++) {
        expect([bench.run(), exit.idtVectoring, exit.instructionLength]).toEqual([
          ExitReason.EPT_VIOLATION,
          EVENT_VALID | EVENT_SOFTWARE | 0x40 | 0,
          2,
        ]);
        values.push(exit.value);
        cpu.completeMemoryAccess(0);
      }
      expect(values).toEqual([2, KERNEL_CODE, CODE + 2]);
      expect([bench.run(), R[EIP], R[ESP]]).toEqual([ExitReason.HLT, HANDLERS + 0x200, DEVICE]);
    }
  });
  it('an exception while a software interrupt is delivered has that in the IDT-vectoring field (27.2.4)', () => {
    cpu.controls.exceptionBitmap = 1 << 13;
    R[IDTR_LIMIT] = 0x1ff;
    bench.code('int 0x40');
    expect([bench.run(), exit.interruption, exit.errorCode, exit.idtVectoring]).toEqual([
      0,
      EVENT_VALID | EVENT_EXCEPTION | EVENT_ERROR_CODE | 13 | 0,
      0x202,
      EVENT_VALID | EVENT_SOFTWARE | 0x40 | 0,
    ]);
  });
  it('an exception of the bitmap exits before it makes a double fault; given back, it makes one (26.2, 27.2.4)', () => {
    const information = EVENT_VALID | EVENT_EXCEPTION | EVENT_ERROR_CODE | 13 | 0;
    cpu.controls.exceptionBitmap = 1 << 13;
    // The gates of #UD and #GP are past the end; #DF's is not there, either.
    R[IDTR_LIMIT] = 0x2f;
    bench.code('ud2');
    expect([bench.run(), exit.interruption, exit.errorCode, exit.idtVectoring]).toEqual([
      0,
      information,
      0x33,
      EVENT_VALID | EVENT_EXCEPTION | 6 | 0,
    ]);
    expect(cpu.emulateExit()).toBe('done');
    expect([bench.run(), exit.interruption, exit.errorCode, exit.idtVectoring]).toEqual([
      0,
      information,
      0x6b,
      information,
    ]);
    // A second contributory one is a double fault, whose delivery fails with a third: that shuts the processor down.
    expect(cpu.emulateExit()).toBe('done');
    expect([bench.run(), exit.interruption, exit.errorCode]).toEqual([0, information, 0x43]);
    expect([exit.idtVectoring, cpu.emulateExit()]).toEqual([
      EVENT_VALID | EVENT_EXCEPTION | EVENT_ERROR_CODE | 8 | 0,
      'shutdown',
    ]);
  });
  it('the same for an IDT that is no memory', () => {
    R[IDTR_BASE] = DEVICE;
    bench.code('nop');
    cpu.inject(EVENT_VALID | EVENT_EXTERNAL | 0x30);
    const at = HANDLERS + 0x180;
    for (const value of [(KERNEL_CODE << 16) | (at & 0xffff), 0x8e00]) {
      expect([bench.run(), exit.idtVectoring]).toEqual([
        ExitReason.EPT_VIOLATION,
        EVENT_VALID | EVENT_EXTERNAL | 0x30 | 0,
      ]);
      cpu.completeMemoryAccess(value);
    }
    expect([bench.run(), R[EIP], R[ESP]]).toEqual([ExitReason.HLT, at, KERNEL_STACK - 12]);
    R[IDTR_BASE] = IDT;
  });
  it('interrupt window, monitor trap and preemption', () => {
    cpu.controls.interruptWindow = true;
    bench.code('nop; sti; nop; nop');
    expect([bench.run(), R[EIP]]).toEqual([ExitReason.INTERRUPT_WINDOW, CODE + 3]);
    cpu.controls.interruptWindow = false;
    cpu.controls.monitorTrap = true;
    expect([bench.run(), R[EIP]]).toEqual([ExitReason.MONITOR_TRAP_FLAG, CODE + 4]);
    cpu.controls.monitorTrap = false;
    bench.code('jmp $');
    R[EIP] = CODE;
    const before = cpu.retired;
    expect([cpu.run(100), cpu.retired - before]).toEqual([ExitReason.PREEMPTION_TIMER, 100]);
  });
  it('a monitor trap after an injection comes before the first instruction (26.5.2)', () => {
    cpu.controls.monitorTrap = true;
    cpu.inject(EVENT_VALID | EVENT_EXTERNAL | 0x30);
    expect([bench.run(), R[EIP]]).toEqual([ExitReason.MONITOR_TRAP_FLAG, HANDLERS + 0x180]);
  });
  it('injection of type 7: a pending monitor trap exits before the first instruction (26.6.2)', () => {
    cpu.inject(EVENT_VALID | EVENT_OTHER);
    bench.code('nop');
    expect([bench.run(), R[EIP], bench.run()]).toEqual([ExitReason.MONITOR_TRAP_FLAG, CODE, ExitReason.HLT]);
  });
  it('through the hypervisor IDT: exceptions, INT n and faults of IRET leave with reasons from 0x100', () => {
    cpu.controls.hypervisorIdt = true;
    for (const [code, vector] of [
      ['ud2', 6],
      ['int 0x80', 0x80],
      ['int3', 3],
      ['iret', 13],
    ] as const) {
      R[EIP] = CODE;
      bench.setWord(KERNEL_STACK - 12, CODE);
      bench.setWord(KERNEL_STACK - 8, 0xff0);
      R[ESP] = KERNEL_STACK - 12;
      bench.code(code);
      expect([bench.run(), R[EIP], R[EFLAGS]! & 0x10000]).toEqual([ExitReason.IDT_FIRST + vector, CODE, 0]);
    }
  });
  it('a handler that faults at once does not keep run() for ever', () => {
    bench.idtGate(6, KERNEL_CODE, CODE, 0x8e);
    bench.code('ud2');
    expect(cpu.run(50)).toBe(ExitReason.PREEMPTION_TIMER);
  });
});
