/** Far transfers, gates, interrupts and what becomes of faults in them: SDM vol. 3, chapters 5 and 6; vol. 2 at CALL, JMP, RET, INT n, IRET. */
import { beforeEach, describe, expect, it } from 'vitest';
import { EVENT_ERROR_CODE, EVENT_EXCEPTION, EVENT_EXTERNAL, EVENT_VALID, ExitReason } from '../architecture/edge.ts';
import {
  CPL,
  CR0,
  CS,
  DS,
  EAX,
  EFLAGS,
  EIP,
  ES,
  ESP,
  GDTR_LIMIT,
  IDTR_LIMIT,
  SEG,
  SEG_RIGHTS,
  SEG_WORDS,
  SS,
  TR,
  UNDELIVERED,
  UNDELIVERED_EVENTS,
  UNDELIVERED_WORDS,
} from '../architecture/registers.ts';
import { asm } from '../test-support/asm.ts';
import {
  Bench,
  CODE,
  FREE,
  GDT,
  HANDLERS,
  KERNEL_CODE,
  KERNEL_DATA,
  KERNEL_STACK,
  TSS,
  USER_CODE,
  USER_DATA,
  USER_STACK,
} from '../test-support/bench.ts';

const bench = new Bench();
const { R } = bench;
const GP = 13,
  NP = 11,
  SSF = 12,
  TSF = 10;
const TARGET = CODE + 0x100;
const callFar = (selector: number, offset = TARGET) => [`call dword ${selector}:${offset}`];
const jumpFar = (selector: number, offset = TARGET) => [`jmp dword ${selector}:${offset}`];

describe('far CALL, JMP and RET to code segments (SDM vol. 3, 5.8.1)', () => {
  beforeEach(() => {
    bench.protectedMode();
  });

  it('JMP loads CS and EIP; the selector gets the CPL as RPL and the descriptor its accessed bit', () => {
    bench.descriptor(FREE, 0, 0xfffff, 0x9a, 12);
    bench.code(...jumpFar(FREE));
    bench.put(TARGET, 'hlt');
    expect(bench.run()).toBe(ExitReason.HLT);
    expect([R[EIP], bench.selector(CS), bench.bytes[GDT + FREE + 5]]).toEqual([TARGET, FREE, 0x9b]);
  });

  it('CALL pushes CS and the next EIP, RETF n releases parameters', () => {
    bench.code('push 0x55', ...callFar(KERNEL_CODE));
    bench.put(TARGET, 'retf 4');
    bench.run();
    expect([R[EIP]! - CODE, R[ESP]]).toEqual([9, KERNEL_STACK]);
    expect([bench.word(KERNEL_STACK - 8), bench.word(KERNEL_STACK - 12)]).toEqual([KERNEL_CODE, CODE + 9]);
  });

  const bad: [string, number, number, () => void, number, number][] = [
    ['null selector', 0, TARGET, () => {}, GP, 0],
    ['RPL makes no null selector differ', 3, TARGET, () => {}, GP, 0],
    ['selector beyond the GDT', 0x103, TARGET, () => {}, GP, 0x100],
    ['selector beyond the LDT: TI is in the error code', 0x10c, TARGET, () => {}, GP, 0x10c],
    ['data segment', KERNEL_DATA, TARGET, () => {}, GP, KERNEL_DATA],
    ['code of an outer level', USER_CODE, TARGET, () => {}, GP, USER_CODE & ~3],
    ['conforming code of an outer level', FREE, TARGET, () => bench.descriptor(FREE, 0, 0xfffff, 0xfe, 12), GP, FREE],
    ['not present', FREE, TARGET, () => bench.descriptor(FREE, 0, 0xfffff, 0x1a, 12), NP, FREE],
    ['beyond the limit', FREE, TARGET, () => bench.descriptor(FREE, 0, 0xfff, 0x9a, 4), GP, 0],
    ['LDT descriptor', 0x30, TARGET, () => {}, GP, 0x30],
  ];
  for (const [name, selector, offset, prepare, vector, error] of bad) {
    it(`faults: ${name}`, () => {
      for (const far of [jumpFar, callFar]) {
        bench.protectedMode();
        prepare();
        bench.code(...far(selector, offset));
        expect(bench.fault()).toEqual([vector, error, 0]);
        expect(R[ESP]).toBe(KERNEL_STACK - 16);
      }
    });
  }

  it('conforming code of an inner level runs at the CPL of the caller', () => {
    bench.protectedMode(3);
    bench.descriptor(FREE, 0, 0xfffff, 0x9e, 12);
    bench.code(...jumpFar(FREE));
    bench.put(TARGET, 'hlt');
    expect(bench.fault()).toEqual([GP, 0, TARGET - CODE]);
    expect(bench.half(KERNEL_STACK - 16) & 3).toBe(3);
  });

  it('non-conforming code with RPL above CPL faults', () => {
    bench.code(...jumpFar(KERNEL_CODE | 1));
    expect(bench.fault()).toEqual([GP, KERNEL_CODE, 0]);
  });

  it('RETF to an outer level pops SS:ESP, skips parameters on both stacks and empties inner data segments', () => {
    bench.code(`push ${USER_DATA}; push ${USER_STACK}; push 0x77; push ${USER_CODE}; push ${TARGET}; retf 4`);
    bench.put(TARGET, 'hlt');
    bench.descriptor(FREE, 0, 0xfffff, 0xf2, 12);
    bench.segment(ES, FREE | 3, 0, -1, 0xc0f3);
    expect(bench.fault()).toEqual([GP, 0, TARGET - CODE]);
    const frame = KERNEL_STACK - 20;
    expect([bench.word(frame + 4), bench.word(frame + 12), bench.word(frame + 16)]).toEqual([
      USER_CODE,
      USER_STACK + 4,
      USER_DATA,
    ]);
    expect([bench.selector(DS), bench.selector(ES), R[SEG + DS * SEG_WORDS + SEG_RIGHTS]! >>> 16]).toEqual([
      0,
      FREE | 3,
      1,
    ]);
  });

  const badReturns: [string, number, number, () => void, number, number][] = [
    ['CS of an inner level', KERNEL_CODE, USER_DATA, () => bench.level(3), GP, KERNEL_CODE],
    ['null CS', 0, USER_DATA, () => {}, GP, 0],
    ['null SS', USER_CODE, 0, () => {}, GP, 0],
    ['SS of another level', USER_CODE, KERNEL_DATA, () => {}, GP, KERNEL_DATA],
    ['SS not present', USER_CODE, FREE | 3, () => bench.descriptor(FREE, 0, 0xfffff, 0x72, 12), SSF, FREE],
    ['CS not present', FREE | 3, USER_DATA, () => bench.descriptor(FREE, 0, 0xfffff, 0x7a, 12), NP, FREE],
    ['CS of DPL other than RPL', KERNEL_CODE | 3, USER_DATA, () => {}, GP, KERNEL_CODE],
  ];
  for (const [name, cs, ss, prepare, vector, error] of badReturns) {
    it(`RETF faults: ${name}`, () => {
      prepare();
      const frame = [`push ${ss}; push ${USER_STACK}; push ${cs}; push ${TARGET}`];
      bench.code(...frame, 'retf');
      expect(bench.fault()).toEqual([vector, error, asm(...frame).length]);
    });
  }
});

describe('call gates (SDM vol. 3, 5.8.3 to 5.8.6)', () => {
  beforeEach(() => {
    bench.protectedMode(3);
  });

  it('a 32-bit gate to an inner level switches stacks by the TSS and copies parameters', () => {
    bench.callGate(FREE, KERNEL_CODE, TARGET, 0xec, 2);
    bench.code('push 0x11; push 0x22', ...callFar(FREE | 3, 0x12345678));
    bench.put(TARGET, 'hlt');
    bench.run();
    expect([R[CPL], R[EIP], bench.selector(CS), bench.selector(SS), R[ESP]]).toEqual([
      0,
      TARGET,
      KERNEL_CODE,
      KERNEL_DATA,
      KERNEL_STACK - 24,
    ]);
    expect([0, 1, 2, 3, 4, 5].map(i => bench.word(KERNEL_STACK - 24 + i * 4))).toEqual([
      CODE + 11,
      USER_CODE,
      0x22,
      0x11,
      USER_STACK - 8,
      USER_DATA,
    ]);
  });

  it('a 16-bit gate pushes 16-bit slots and enters at a 16-bit offset', () => {
    bench.callGate(FREE, KERNEL_CODE, TARGET | 0x50000, 0xe4, 1);
    bench.put(TARGET & 0xffff, 'hlt');
    bench.code('push word 0x11', ...callFar(FREE | 3));
    bench.run();
    expect([R[EIP], R[ESP]]).toEqual([TARGET & 0xffff, KERNEL_STACK - 10]);
    expect([0, 1, 2, 3, 4].map(i => bench.half(KERNEL_STACK - 10 + i * 2))).toEqual([
      (CODE + 10) & 0xffff,
      USER_CODE,
      0x11,
      USER_STACK - 2,
      USER_DATA,
    ]);
  });

  it('through a gate to conforming code nothing changes level, and JMP can only do that', () => {
    bench.descriptor(FREE + 8, 0, 0xfffff, 0x9e, 12);
    bench.callGate(FREE, FREE + 8, TARGET, 0xec);
    bench.code(...callFar(FREE | 3));
    bench.put(TARGET, 'retf');
    expect(bench.fault()).toEqual([GP, 0, 7]);
    bench.protectedMode(3);
    bench.callGate(FREE, KERNEL_CODE, TARGET, 0xec);
    bench.code(...jumpFar(FREE | 3));
    expect(bench.fault()).toEqual([GP, KERNEL_CODE, 0]);
  });

  const bad: [string, () => void, number, number][] = [
    ['gate DPL below CPL', () => bench.callGate(FREE, KERNEL_CODE, TARGET, 0x8c), GP, FREE],
    ['gate not present', () => bench.callGate(FREE, KERNEL_CODE, TARGET, 0x6c), NP, FREE],
    ['null selector in the gate', () => bench.callGate(FREE, 0, TARGET, 0xec), GP, 0],
    ['selector in the gate beyond the GDT', () => bench.callGate(FREE, 0x200, TARGET, 0xec), GP, 0x200],
    ['data segment in the gate', () => bench.callGate(FREE, KERNEL_DATA, TARGET, 0xec), GP, KERNEL_DATA],
    [
      'code not present',
      () => {
        bench.callGate(FREE, FREE + 8, TARGET, 0xec);
        bench.descriptor(FREE + 8, 0, 0xfffff, 0x1a, 12);
      },
      NP,
      FREE + 8,
    ],
    [
      'entry beyond the limit',
      () => {
        bench.callGate(FREE, FREE + 8, TARGET, 0xec);
        bench.descriptor(FREE + 8, 0, 0xfff, 0x9a, 4);
      },
      GP,
      0,
    ],
  ];
  for (const [name, prepare, vector, error] of bad) {
    it(`faults: ${name}`, () => {
      prepare();
      bench.code(...callFar(FREE | 3));
      expect(bench.fault()).toEqual([vector, error, 0]);
    });
  }

  // The fault itself must find a good stack: it goes through a gate to conforming code, which stays on the user's.
  const badStack: [string, () => void, number, number][] = [
    ['null SS', () => bench.setWord(TSS + 8, 0), TSF, 0],
    ['SS of wrong RPL', () => bench.setWord(TSS + 8, KERNEL_DATA | 1), TSF, KERNEL_DATA],
    ['SS is code', () => bench.setWord(TSS + 8, KERNEL_CODE), TSF, KERNEL_CODE],
    [
      'SS not present',
      () => {
        bench.descriptor(FREE + 16, 0, 0xfffff, 0x12, 12);
        bench.setWord(TSS + 8, FREE + 16);
      },
      SSF,
      FREE + 16,
    ],
    [
      'no room',
      () => {
        bench.descriptor(FREE + 16, 0, 7, 0x92, 4);
        bench.setWord(TSS + 8, FREE + 16);
        bench.setWord(TSS + 4, 4);
      },
      SSF,
      FREE + 16,
    ],
    [
      'TSS too short',
      () => {
        R[SEG + TR * SEG_WORDS + 2] = 8;
      },
      TSF,
      0x28,
    ],
  ];
  for (const [name, prepare, vector, error] of badStack) {
    it(`the inner stack: ${name}`, () => {
      bench.descriptor(FREE + 8, 0, 0xfffff, 0x9e, 12);
      bench.idtGate(vector, FREE + 8, HANDLERS + vector * 8, 0x8e);
      bench.put(HANDLERS + vector * 8, 'jmp $');
      prepare();
      bench.callGate(FREE, KERNEL_CODE, TARGET, 0xec);
      bench.code(...callFar(FREE | 3));
      bench.run(50);
      expect([R[EIP]! - HANDLERS, R[CPL], bench.word(R[ESP]!), bench.word(R[ESP]! + 4)]).toEqual([
        vector * 8,
        3,
        error,
        CODE,
      ]);
    });
  }
});

describe('interrupt and trap gates (SDM vol. 3, 6.12; vol. 2, INT n)', () => {
  beforeEach(() => {
    bench.protectedMode(3);
  });

  it('an interrupt gate clears IF, a trap gate does not; both clear TF, NT, RF', () => {
    for (const [access, flag] of [
      [0xee, 0],
      [0xef, 0x200],
    ] as const) {
      bench.protectedMode(3);
      bench.cpu.eflags = 0x4202;
      bench.idtGate(0x80, KERNEL_CODE, HANDLERS + 0x400, access);
      bench.code('int 0x80');
      expect(bench.event()).toEqual({ vector: 0x80, error: undefined, eip: CODE + 2, cs: USER_CODE, flags: 0x4202 });
      expect(R[EFLAGS]! & 0x4300).toBe(flag);
    }
  });

  it('a 16-bit gate pushes 16-bit slots', () => {
    bench.idtGate(0x80, KERNEL_CODE, HANDLERS + 0x400, 0xe6);
    bench.code('int 0x80');
    bench.run();
    expect([R[ESP], bench.half(KERNEL_STACK - 10), bench.half(KERNEL_STACK - 8)]).toEqual([
      KERNEL_STACK - 10,
      (CODE + 2) & 0xffff,
      USER_CODE,
    ]);
  });

  const bad: [string, string, () => void, number, number][] = [
    ['INT n with gate DPL below CPL', 'int 0x80', () => {}, GP, 0x402],
    ['INT3 with gate DPL below CPL', 'int3', () => {}, GP, 0x1a],
    ['gate not present', 'int 0x80', () => bench.idtGate(0x80, KERNEL_CODE, HANDLERS, 0x6e), NP, 0x402],
    ['gate of no kind', 'int 0x80', () => bench.idtGate(0x80, KERNEL_CODE, HANDLERS, 0xec), GP, 0x402],
    [
      'beyond the IDT',
      'int 0x80',
      () => {
        R[IDTR_LIMIT] = 0x3ff;
      },
      GP,
      0x402,
    ],
    ['null code selector', 'int 0x80', () => bench.idtGate(0x80, 0, HANDLERS, 0xee), GP, 0],
    [
      'code of an outer level',
      'int 0x80',
      () => {
        bench.level(0);
        bench.idtGate(0x80, USER_CODE, HANDLERS, 0xee);
      },
      GP,
      USER_CODE & ~3,
    ],
    [
      'code not present',
      'int 0x80',
      () => {
        bench.descriptor(FREE, 0, 0xfffff, 0x1a, 12);
        bench.idtGate(0x80, FREE, HANDLERS, 0xee);
      },
      NP,
      FREE,
    ],
    // An exception, not an instruction, found the bad gate: EXT is set.
    ['an exception through a bad gate', 'ud2', () => bench.idtGate(6, KERNEL_CODE, HANDLERS, 0xec), GP, 6 * 8 + 3],
    [
      'an exception to a missing segment',
      'ud2',
      () => {
        bench.descriptor(FREE, 0, 0xfffff, 0x1a, 12);
        bench.idtGate(6, FREE, HANDLERS, 0x8e);
      },
      NP,
      FREE | 1,
    ],
  ];
  for (const [name, code, prepare, vector, error] of bad) {
    it(`faults: ${name}`, () => {
      prepare();
      bench.code(code);
      expect(bench.fault()).toEqual([vector, error, 0]);
    });
  }

  it('INT1 (F1) looks at no DPL', () => {
    bench.code('int1');
    expect(bench.fault()).toEqual([1, undefined, 1]);
  });

  it('pushes the error code last, and RF set for faults', () => {
    bench.code('hlt');
    expect(bench.event()).toEqual({ vector: GP, error: 0, eip: CODE, cs: USER_CODE, flags: 0x10002 });
  });

  it('IRET takes IOPL at CPL 0 alone, IF with CPL not above IOPL', () => {
    bench.code(`push 0x3202; push ${USER_CODE}; push ${TARGET}; iret`);
    bench.put(TARGET, 'hlt');
    expect(bench.event().flags & 0x3200).toBe(0);
    bench.protectedMode();
    bench.code(`push ${USER_DATA}; push ${USER_STACK}; push 0x3202; push ${USER_CODE}; push ${TARGET}; iret`);
    expect(bench.event().flags & 0x3200).toBe(0x3200);
  });

  it('#SS in delivery on the same stack has EXT set for an exception, clear for INT n', () => {
    for (const [code, error] of [
      ['ud2', 1],
      ['int 0x80', 0],
    ] as const) {
      bench.protectedMode(0);
      bench.segment(SS, KERNEL_DATA, 0, KERNEL_STACK - 1, 0xc093);
      R[ESP] = 4;
      // #SS goes to a task of its own, since this stack has no room.
      bench.descriptor(FREE, 0x8000, 103, 0x89);
      bench.setWord(0x8000 + 0x20, HANDLERS + SSF * 8);
      bench.setWord(0x8000 + 0x24, 2);
      bench.setWord(0x8000 + 0x38, 0x8f00);
      bench.setWord(0x8000 + 0x4c, KERNEL_CODE);
      bench.setWord(0x8000 + 0x50, KERNEL_DATA);
      bench.setWord(0x8000 + 0x1c, 0);
      bench.idtGate(SSF, FREE, 0, 0x85);
      bench.code(code);
      bench.run();
      expect([R[EIP], R[ESP], bench.word(0x8efc)]).toEqual([HANDLERS + SSF * 8, 0x8efc, error]);
    }
  });
});

describe('double and triple faults (SDM vol. 3, 6.15, interrupt 8)', () => {
  /** Vector, error code and address of each event that could not be delivered. */
  const undelivered = () =>
    Array.from({ length: R[UNDELIVERED]! }, (_, i) => UNDELIVERED_EVENTS + i * UNDELIVERED_WORDS).map(at => [
      R[at]! & 255,
      R[at + 1],
      R[at + 2],
    ]);
  beforeEach(() => {
    bench.protectedMode();
  });

  it('a contributory exception while one is delivered: #DF with error code 0', () => {
    bench.idtGate(GP, 0x200, 0, 0x8e);
    bench.code('mov ds, ax');
    R[EAX] = 0x200;
    expect(bench.fault()).toEqual([8, 0, 0]);
  });

  it('a benign one first: the second is delivered alone', () => {
    bench.idtGate(6, 0x200, 0, 0x8e);
    bench.code('ud2');
    expect(bench.fault()).toEqual([GP, 0x201, 0]);
  });

  it('a fault while #DF is delivered shuts down', () => {
    bench.idtGate(GP, 0x200, 0, 0x8e);
    bench.idtGate(8, 0x200, 0, 0x8e);
    bench.code('mov ds, ax');
    R[EAX] = 0x200;
    expect(bench.run()).toBe(ExitReason.TRIPLE_FAULT);
    // #GP of the selector, #GP of the gate's selector (bit 0: while an event was delivered), #DF, and its gate's.
    expect(undelivered()).toEqual([
      [GP, 0x200, 0],
      [GP, 0x201, 0],
      [8, 0, 0],
      [GP, 0x201, 0],
    ]);
  });

  it('tells what led to a shutdown, an event before it and the address of a page fault among it', () => {
    bench.paging32();
    bench.code('nop');
    R[ESP] = 0x700000;
    bench.cpu.inject(EVENT_VALID | EVENT_EXTERNAL | 0x30);
    expect(bench.run()).toBe(ExitReason.TRIPLE_FAULT);
    expect(undelivered()).toEqual([
      [0x30, 0, 0],
      [14, 2, 0x6ffffc],
      [14, 2, 0x6ffffc],
      [8, 0, 0],
      [14, 2, 0x6ffffc],
    ]);
  });

  it('a page fault while a contributory one is delivered is delivered alone; the other way round it is #DF', () => {
    bench.paging32();
    // The descriptor of the handler's segment lies in a page that is not there.
    R[GDTR_LIMIT] = 0xffff;
    bench.setWord(0x21000 + ((GDT + 0xa000) >> 12) * 4, 0);
    bench.idtGate(GP, 0xa008, HANDLERS, 0x8e);
    bench.code('mov ds, ax');
    R[EAX] = 0xfff8;
    expect(bench.event().vector).toBe(14);
    bench.protectedMode().paging32();
    bench.idtGate(14, 0x3f0, HANDLERS, 0x8e);
    bench.code('mov eax, [0x700000]');
    expect(bench.fault()).toEqual([8, 0, 0]);
  });

  it('a page fault while a page fault is delivered: #DF', () => {
    bench.paging32();
    bench.code('mov eax, [0x700000]');
    R[ESP] = 0x700000;
    expect(bench.run()).toBe(ExitReason.TRIPLE_FAULT);
  });

  it('a fault while an external interrupt is delivered is delivered alone', () => {
    bench.idtGate(0x30, 0x200, HANDLERS, 0x8e);
    bench.code('nop');
    bench.cpu.eflags = 0x202;
    bench.cpu.inject(EVENT_VALID | EVENT_EXTERNAL | 0x30);
    expect(bench.fault()).toEqual([GP, 0x201, 0]);
  });

  it('the same in real mode: a vector beyond the IDT ends in shutdown when 8 and 13 lie beyond too', () => {
    bench.realMode();
    R[IDTR_LIMIT] = 0x1f;
    bench.put(CODE, 'int 0x40');
    expect(bench.run()).toBe(ExitReason.TRIPLE_FAULT);
  });

  it('an injected exception with an error code is an exception for the double-fault rules', () => {
    bench.idtGate(GP, 0x200, 0, 0x8e);
    bench.code('nop');
    bench.cpu.inject(EVENT_VALID | EVENT_EXCEPTION | EVENT_ERROR_CODE | GP, 0x55);
    expect(bench.fault()).toEqual([8, 0, 0]);
  });
});

it('nothing of a transfer is done when the accessed bit cannot be set (SDM vol. 3, table 6-2: faults restart the instruction)', () => {
  bench.protectedMode();
  bench.descriptor(FREE, 0, 0xfffff, 0x9a, 12);
  bench.paging32();
  bench.setWord(0x21000 + (GDT >> 12) * 4, GDT | 5);
  R[CR0]! |= 0x10000;
  bench.cpu.reload();
  bench.code(`call dword ${FREE}:${TARGET}`);
  expect(bench.fault()).toEqual([14, 3, 0]);
  expect(R[ESP]).toBe(KERNEL_STACK - 16);
});
