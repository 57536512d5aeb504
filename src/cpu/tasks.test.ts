/** Hardware task switches: SDM vol. 3, chapter 7. */
import { beforeEach, describe, expect, it } from 'vitest';
import {
  EVENT_ERROR_CODE,
  EVENT_EXCEPTION,
  EVENT_EXTERNAL,
  EVENT_SOFTWARE,
  EVENT_VALID,
  ExitReason,
} from './architecture/edge.ts';
import {
  CPL,
  CR0,
  CR3,
  CS,
  DR,
  DS,
  EAX,
  EBX,
  EFLAGS,
  EIP,
  ESI,
  ESP,
  LDTR,
  SEG,
  SEG_BASE,
  SEG_RIGHTS,
  SEG_WORDS,
  SS,
  TR,
} from './architecture/registers.ts';
import {
  Bench,
  CODE,
  DIRECTORY,
  FREE,
  GDT,
  HANDLERS,
  KERNEL_CODE,
  KERNEL_DATA,
  KERNEL_STACK,
  LDT_SELECTOR,
  TSS,
  TSS_SELECTOR,
  USER_CODE,
  USER_DATA,
} from './test-support/bench.ts';

const bench = new Bench();
const { R } = bench;
const NEW = 0x8000,
  NEW_STACK = 0xb000,
  TARGET = CODE + 0x100;
const callFar = (selector: number) => [`call dword ${selector}:0`];
const jumpFar = (selector: number) => [`jmp dword ${selector}:0`];
const access = (selector: number) => bench.bytes[GDT + selector + 5];

/** A 32-bit task at NEW with descriptor FREE, code at TARGET. */
function newTask(cpl: 0 | 3 = 0): void {
  bench.bytes.fill(0, NEW, NEW + 104);
  bench.descriptor(FREE, NEW, 103, 0x89);
  bench.setWord(NEW + 4, KERNEL_STACK);
  bench.setWord(NEW + 8, KERNEL_DATA);
  bench.setWord(NEW + 0x1c, DIRECTORY);
  bench.setWord(NEW + 0x20, TARGET);
  bench.setWord(NEW + 0x24, 2);
  for (let i = 0; i < 8; i++) bench.setWord(NEW + 0x28 + i * 4, 0x1110 + i);
  bench.setWord(NEW + 0x38, NEW_STACK);
  for (const i of [0, 2, 3, 4, 5]) bench.setWord(NEW + 0x48 + i * 4, cpl === 0 ? KERNEL_DATA : USER_DATA);
  bench.setWord(NEW + 0x4c, cpl === 0 ? KERNEL_CODE : USER_CODE);
  bench.setWord(NEW + 0x60, LDT_SELECTOR);
  bench.setWord(NEW + 0x64, 104 << 16);
}

beforeEach(() => {
  bench.protectedMode();
  newTask();
});

describe('switches (SDM vol. 3, 7.3)', () => {
  it('JMP: the old task is saved with the EIP behind the JMP and is no longer busy; the new one is busy; TS is set', () => {
    R[EBX] = 0xabcd;
    bench.code(...jumpFar(FREE));
    bench.put(TARGET, 'hlt');
    expect(bench.run()).toBe(ExitReason.HLT);
    expect([R[EIP], R[ESP], R[EAX], R[ESI], bench.selector(TR), bench.selector(LDTR)]).toEqual([
      TARGET,
      NEW_STACK,
      0x1110,
      0x1116,
      FREE,
      LDT_SELECTOR,
    ]);
    expect([bench.word(TSS + 0x20), bench.word(TSS + 0x34), bench.word(TSS + 0x38), bench.half(TSS + 0x4c)]).toEqual([
      CODE + 7,
      0xabcd,
      KERNEL_STACK,
      KERNEL_CODE,
    ]);
    expect([access(TSS_SELECTOR), access(FREE), R[CR0]! & 8, R[EFLAGS]! & 0x4000]).toEqual([0x89, 0x8b, 8, 0]);
  });

  it('CALL: both stay busy, the link is written, NT is set; IRET goes back and clears them', () => {
    bench.code(...callFar(FREE));
    bench.put(TARGET, 'pushf; pop eax; iret');
    bench.run();
    expect([R[EIP], R[ESP], bench.selector(TR), bench.half(NEW)]).toEqual([
      CODE + 7,
      KERNEL_STACK,
      TSS_SELECTOR,
      TSS_SELECTOR,
    ]);
    expect(bench.word(NEW + 0x28) & 0x4000).toBe(0x4000);
    expect([access(TSS_SELECTOR), access(FREE), bench.word(NEW + 0x24) & 0x4000, bench.word(NEW + 0x20)]).toEqual([
      0x8b,
      0x89,
      0,
      TARGET + 3,
    ]);
  });

  it('an interrupt through a task gate: the interrupted EIP is saved, an error code is on the new stack', () => {
    bench.idtGate(13, FREE, 0, 0x85);
    bench.code('mov ds, ax');
    R[EAX] = 0x1f8;
    bench.put(TARGET, 'hlt');
    bench.run();
    expect([
      R[EIP],
      R[ESP],
      bench.word(NEW_STACK - 4),
      bench.word(TSS + 0x20),
      bench.word(TSS + 0x24) & 0x10000,
    ]).toEqual([TARGET, NEW_STACK - 4, 0x1f8, CODE, 0x10000]);
  });

  it('INT n through a task gate saves the EIP behind it', () => {
    bench.idtGate(0x80, FREE, 0, 0x85);
    bench.code('int 0x80');
    bench.put(TARGET, 'iret');
    bench.run();
    expect([R[EIP], bench.selector(TR)]).toEqual([CODE + 2, TSS_SELECTOR]);
  });

  it('through a task gate in the GDT', () => {
    bench.callGate(FREE + 8, FREE, 0, 0x85);
    bench.code(...callFar(FREE + 8));
    bench.put(TARGET, 'iret');
    bench.run();
    expect(R[EIP]).toBe(CODE + 7);
  });

  it('to a 16-bit task: high halves of registers are ones, FS and GS null, CR3 stays', () => {
    bench.bytes.fill(0, NEW, NEW + 44);
    bench.descriptor(FREE, NEW, 43, 0x81);
    bench.view.setUint16(NEW + 0x0e, 0x4100, true);
    bench.view.setUint16(NEW + 0x10, 0x0202, true);
    bench.view.setUint16(NEW + 0x12, 0x1234, true);
    bench.view.setUint16(NEW + 0x1a, 0x6000, true);
    for (const [i, s] of [KERNEL_DATA, KERNEL_CODE, KERNEL_DATA, KERNEL_DATA].entries())
      bench.view.setUint16(NEW + 0x22 + i * 2, s, true);
    bench.put(0x4100, 'hlt');
    bench.code(...jumpFar(FREE));
    bench.run();
    expect([R[EIP], R[EAX], bench.selector(4), R[SEG + 5 * SEG_WORDS + SEG_RIGHTS]! >>> 16]).toEqual([
      0x4100,
      0xffff1234 | 0,
      0,
      1,
    ]);
  });

  it('from a 16-bit task: its state is saved in 16 bits', () => {
    bench.descriptor(TSS_SELECTOR, TSS, 43, 0x83);
    bench.segment(TR, TSS_SELECTOR, TSS, 43, 0x83);
    R[EAX] = 0x12345678;
    bench.code(...jumpFar(FREE));
    bench.put(TARGET, 'hlt');
    bench.run();
    expect([bench.half(TSS + 0x12), bench.half(TSS + 0x0e), access(TSS_SELECTOR)]).toEqual([
      0x5678,
      (CODE + 7) & 0xffff,
      0x81,
    ]);
  });

  it('loads CR3 with paging on; a task at CPL 3 and one in virtual-8086 mode', () => {
    bench.paging32();
    bench.bytes.copyWithin(0x1f000, DIRECTORY, DIRECTORY + 4096);
    bench.setWord(NEW + 0x1c, 0x1f000);
    newTaskAt(3, 0x1f000);
    bench.code(...jumpFar(FREE));
    bench.put(TARGET, 'hlt');
    expect(bench.fault()).toEqual([13, 0, TARGET - CODE]);
    expect(R[CR3]).toBe(0x1f000);
    bench.protectedMode();
    newTask();
    bench.setWord(NEW + 0x24, 0x20002);
    bench.setWord(NEW + 0x20, 0x10);
    bench.setWord(NEW + 0x4c, CODE >> 4);
    bench.setWord(NEW + 0x50, 0x900);
    bench.code(...jumpFar(FREE));
    bench.put(CODE + 0x10, 'hlt');
    expect(bench.event()).toMatchObject({ vector: 13, eip: 0x10, cs: CODE >> 4 });
  });

  it('the T bit raises #DB with BT before the first instruction; DR7 loses its local bits', () => {
    bench.setWord(NEW + 0x64, (104 << 16) | 1);
    R[DR + 7] = 0x4ff;
    bench.code(...jumpFar(FREE));
    bench.put(TARGET, 'hlt');
    expect(bench.fault()).toEqual([1, undefined, TARGET - CODE]);
    expect([R[DR + 6]! & 0xf00f, R[DR + 7]! & 0xff]).toEqual([0x8000, 0xaa]);
  });
});

function newTaskAt(cpl: 0 | 3, cr3: number): void {
  newTask(cpl);
  bench.setWord(NEW + 0x1c, cr3);
}

describe('faults (SDM vol. 3, table 7-1)', () => {
  const before: [string, () => void, number, number][] = [
    ['busy task', () => bench.descriptor(FREE, NEW, 103, 0x8b), 13, FREE],
    ['not present', () => bench.descriptor(FREE, NEW, 103, 0x09), 11, FREE],
    ['TSS too short', () => bench.descriptor(FREE, NEW, 102, 0x89), 10, FREE],
  ];
  for (const [name, prepare, vector, error] of before) {
    it(`in the old task: ${name}`, () => {
      prepare();
      for (const far of [callFar, jumpFar]) {
        bench.code(...far(FREE));
        R[EIP] = CODE;
        R[ESP] = KERNEL_STACK;
        expect(bench.fault()).toEqual([vector, error, 0]);
        expect(bench.selector(TR)).toBe(TSS_SELECTOR);
      }
    });
  }

  it('a TSS descriptor in the LDT, by CALL and JMP: #GP with its selector (7.2.2)', () => {
    for (const code of [callFar(0x14), jumpFar(0x14)]) {
      bench.protectedMode();
      newTask();
      bench.descriptor(0x14, NEW, 103, 0x89);
      bench.code(...code);
      expect(bench.fault()).toEqual([13, 0x14, 0]);
    }
  });

  it('DPL of the TSS descriptor below CPL', () => {
    bench.protectedMode(3);
    newTask();
    bench.code(...callFar(FREE | 3));
    expect(bench.fault()).toEqual([13, FREE, 0]);
  });

  it('an exception through a task gate to a short TSS has EXT set', () => {
    bench.descriptor(FREE, NEW, 50, 0x89);
    bench.idtGate(6, FREE, 0, 0x85);
    bench.code('ud2');
    expect(bench.fault()).toEqual([10, FREE | 1, 0]);
  });

  const after: [string, number, number, number, number][] = [
    ['LDT selector of no LDT', 0x60, KERNEL_DATA, 10, KERNEL_DATA],
    ['null CS', 0x4c, 0, 10, 0],
    ['CS is data', 0x4c, KERNEL_DATA, 10, KERNEL_DATA],
    ['SS of another level', 0x50, USER_DATA, 10, USER_DATA & ~3],
    ['DS is a system segment', 0x54, LDT_SELECTOR, 10, LDT_SELECTOR],
    ['DS beyond the GDT', 0x54, 0x300, 10, 0x300],
  ];
  for (const [name, offset, value, vector, error] of after) {
    it(`in the new task: ${name}`, () => {
      // The handler is a task too: the new task's segments are not all there.
      bench.bytes.copyWithin(0xe000, NEW, NEW + 104);
      bench.setWord(0xe020, HANDLERS + vector * 8);
      bench.setWord(0xe038, 0xd000);
      bench.descriptor(FREE + 8, 0xe000, 103, 0x89);
      bench.idtGate(vector, FREE + 8, 0, 0x85);
      bench.setWord(NEW + offset, value);
      bench.code(...callFar(FREE));
      bench.run();
      expect([R[EIP]! - HANDLERS, bench.word(0xcffc), bench.word(NEW + 0x20), bench.half(0xe000)]).toEqual([
        vector * 8,
        error,
        TARGET,
        FREE,
      ]);
    });
  }

  it('a fault of a task at CPL 3 is delivered from CPL 3: on the stack that the new TSS names', () => {
    newTask(3);
    bench.setWord(NEW + 0x54, 0x300);
    bench.code(...callFar(FREE));
    expect(bench.fault()).toEqual([10, 0x300, TARGET - CODE]);
    expect([R[CPL], R[ESP], bench.selector(SS), bench.selector(CS)]).toEqual([
      0,
      KERNEL_STACK - 24,
      KERNEL_DATA,
      KERNEL_CODE,
    ]);
  });

  it('IRET with NT and a link to no busy TSS: #TS', () => {
    bench.setWord(TSS, FREE);
    bench.cpu.eflags = 0x4002;
    bench.code('iret');
    expect(bench.fault()).toEqual([10, FREE, 0]);
  });

  it('data segments of the new task get their accessed bit', () => {
    bench.descriptor(FREE + 8, 0, 0xfffff, 0x92, 12);
    bench.setWord(NEW + 0x54, FREE + 8);
    bench.code(...jumpFar(FREE));
    bench.put(TARGET, 'hlt');
    bench.run();
    expect([access(FREE + 8), R[SEG + DS * SEG_WORDS + SEG_BASE]]).toEqual([0x93, 0]);
  });
});

describe('exits of task switches (25.4.2, table 28-2): nothing has changed yet', () => {
  const { exit, controls } = bench.cpu;
  const CALL = 0,
    IRET = 1 << 30,
    JMP = 2 << 30,
    IDT_GATE = 3 << 30;
  const leaves = () => {
    controls.taskSwitch = true;
    const esp = R[ESP];
    expect([bench.run(), R[EIP], R[ESP], bench.selector(TR), access(TSS_SELECTOR)]).toEqual([
      ExitReason.TASK_SWITCH,
      CODE,
      esp,
      TSS_SELECTOR,
      0x8b,
    ]);
    return [exit.qualification, exit.instructionLength, exit.idtVectoring];
  };
  it('CALL, JMP and IRET, with their length; task gates name the TSS', () => {
    bench.code(...callFar(FREE));
    expect(leaves()).toEqual([FREE | CALL, 7, 0]);
    bench.code(...jumpFar(FREE));
    expect(leaves()).toEqual([FREE | JMP, 7, 0]);
    bench.callGate(FREE + 8, FREE, 0, 0x85);
    bench.code(...jumpFar(FREE + 8));
    expect(leaves()).toEqual([FREE | JMP, 7, 0]);
    bench.descriptor(FREE, NEW, 103, 0x8b);
    bench.setWord(TSS, FREE);
    bench.cpu.eflags = 0x4002;
    bench.code('iret');
    expect(leaves()).toEqual([FREE | IRET, 1, 0]);
  });
  it('through the IDT, with the event in the IDT-vectoring field, which is not delivered again', () => {
    bench.idtGate(6, FREE, 0, 0x85);
    bench.idtGate(0x80, FREE, 0, 0x85);
    bench.idtGate(13, FREE, 0, 0x85);
    bench.code('ud2');
    expect(leaves()).toEqual([FREE | IDT_GATE, 0, EVENT_VALID | EVENT_EXCEPTION | 6 | 0]);
    bench.code('int 0x80');
    expect(leaves()).toEqual([FREE | IDT_GATE, 2, EVENT_VALID | EVENT_SOFTWARE | 0x80 | 0]);
    R[EAX] = 0x1f8;
    bench.code('mov ds, ax');
    expect(leaves()).toEqual([FREE | IDT_GATE, 0, EVENT_VALID | EVENT_EXCEPTION | EVENT_ERROR_CODE | 13 | 0]);
    expect(exit.interruption).toBe(0);
    bench.cpu.inject(EVENT_VALID | EVENT_EXTERNAL | 0x80);
    expect(leaves()).toEqual([FREE | IDT_GATE, 0, EVENT_VALID | EVENT_EXTERNAL | 0x80 | 0]);
    bench.code('hlt');
    expect([bench.run(), R[EIP]]).toEqual([ExitReason.HLT, CODE]);
  });
  it('faults of descriptor and gate come before the exit', () => {
    controls.taskSwitch = true;
    bench.descriptor(FREE, NEW, 103, 0x09);
    bench.code(...callFar(FREE));
    expect(bench.fault()).toEqual([11, FREE, 0]);
  });
});
