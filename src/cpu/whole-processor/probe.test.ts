/** A probe hears of everything that retires; without one the processor runs as before. */
import { beforeEach, describe, expect, it } from 'vitest';
import {
  EVENT_ERROR_CODE,
  EVENT_EXCEPTION,
  EVENT_EXTERNAL,
  EVENT_SOFTWARE,
  EVENT_VALID,
  ExitReason,
  type Probe,
} from '../architecture/edge.ts';
import { CR4, EAX, EBX, ECX, EDI, EDX, EFLAGS, EIP, ESI, ESP, XMM } from '../architecture/registers.ts';
import { Bench, CODE, DATA, FRAMES, IDT, KERNEL_CODE, KERNEL_STACK, TSS } from '../test-support/bench.ts';

const bench = new Bench();
const { R, cpu } = bench;
const DEVICE = FRAMES << 12;
let seen: string[] = [];
const hex = (value: number) => value.toString(16);
const probe: Probe = {
  retired: linear => seen.push(`+${hex(linear - CODE)}`),
  memory: (linear, size, write, value) => seen.push(`${write ? 'w' : 'r'}${size} ${hex(linear)}=${hex(value)}`),
  port: (port, size, write, value) => seen.push(`${write ? 'out' : 'in'}${size} ${hex(port)}=${hex(value)}`),
  event: (information, errorCode) => seen.push(`!${hex(information >>> 0)} ${hex(errorCode)}`),
};
beforeEach(() => {
  bench.protectedMode();
  cpu.probe = probe;
  seen = [];
  R[EBX] = DATA;
  bench.bytes.fill(0, DATA, DATA + 0x1000);
});

describe('a probe', () => {
  it('ends the run before an instruction, once or as often as it likes, and not between the elements of a REP or where RF is set', () => {
    const asked: number[] = [];
    let stops = true;
    cpu.probe = {
      before: linear => {
        asked.push(linear - CODE);
        return stops && linear === CODE + 1;
      },
    };
    bench.code('inc ebx; rep stosb; dec ebx; nop; hlt');
    Object.assign(R, { [EDI]: DATA, [ECX]: 3 });
    const begun = cpu.retired;
    expect([cpu.run(100), R[EIP]! - CODE, cpu.retired - begun]).toEqual([ExitReason.PREEMPTION_TIMER, 1, 1]);
    expect([cpu.run(100), R[EIP]! - CODE, R[ECX]]).toEqual([ExitReason.PREEMPTION_TIMER, 1, 3]);
    stops = false;
    asked.length = 0;
    expect(cpu.run(100)).toBe(ExitReason.HLT);
    expect([asked, R[ECX]]).toEqual([[1, 3, 4, 5], 0]);
    R[EIP] = CODE + 1;
    R[EFLAGS]! |= 0x10000;
    stops = true;
    asked.length = 0;
    cpu.run(1);
    expect([asked, R[EIP]! - CODE]).toEqual([[], 3]);
  });
  it('hears of each access and each instruction, in their order', () => {
    bench.setWord(DATA, 0x11223344);
    bench.code('mov eax, [ebx]; mov [ebx + 5], ax; mov [ebx + 7], al; push eax; inc dword [ebx]');
    bench.run();
    expect(seen).toEqual([
      `r4 ${hex(DATA)}=11223344`,
      '+0',
      `w2 ${hex(DATA + 5)}=3344`,
      '+2',
      `w1 ${hex(DATA + 7)}=44`,
      '+6',
      `w4 ${hex(KERNEL_STACK - 4)}=11223344`,
      '+9',
      `r4 ${hex(DATA)}=11223344`,
      `w4 ${hex(DATA)}=11223345`,
      '+a',
    ]);
  });
  it('counts what the processor counts, HLT too once it is left', () => {
    const before = cpu.retired;
    bench.code('again: inc ebx; jne again; nop');
    R[EBX] = -3;
    bench.run();
    cpu.skipInstruction();
    expect([seen, cpu.retired - before]).toEqual([['+0', '+1', '+0', '+1', '+0', '+1', '+3', '+4'], 8]);
  });
  it('LOCK, XCHG and CMPXCHG8B: what was found and what is there then', () => {
    bench.setWord(DATA, 5);
    R[EAX] = 9;
    bench.code('lock inc dword [ebx]; xchg [ebx], eax');
    bench.run();
    expect(seen).toEqual([
      `r4 ${hex(DATA)}=5`,
      `w4 ${hex(DATA)}=6`,
      '+0',
      `r4 ${hex(DATA)}=6`,
      `w4 ${hex(DATA)}=9`,
      '+3',
    ]);
    seen = [];
    Object.assign(R, { [EIP]: CODE, [EAX]: 9, [EDX]: 0, [ECX]: 7, [EBX]: 8 });
    bench.code(`lock cmpxchg8b [${DATA}]`);
    bench.run();
    expect(seen).toEqual([
      `r4 ${hex(DATA)}=9`,
      `w4 ${hex(DATA)}=8`,
      `r4 ${hex(DATA + 4)}=0`,
      `w4 ${hex(DATA + 4)}=7`,
      '+0',
    ]);
  });
  it('string instructions element by element, wide accesses and those across pages in parts', () => {
    Object.assign(R, { [ESI]: DATA, [EDI]: DATA + 0x100, [ECX]: 2 });
    bench.bytes.set([1, 2], DATA);
    bench.code('rep movsb');
    bench.run();
    expect(seen.filter(text => text[0] !== '+')).toEqual([
      `r1 ${hex(DATA)}=1`,
      `w1 ${hex(DATA + 0x100)}=1`,
      `r1 ${hex(DATA + 1)}=2`,
      `w1 ${hex(DATA + 0x101)}=2`,
    ]);
    seen = [];
    R[EIP] = CODE;
    R[CR4] = 0x600;
    R[XMM] = 1;
    bench.code(`movups [ebx], xmm0; mov ax, [${DATA + 0xfff}]`);
    bench.run();
    expect(seen).toEqual([
      ...[1, 0, 0, 0].map((_, i) => `w4 ${hex(DATA + 4 * i)}=${hex(R[XMM + i]!)}`),
      '+0',
      `r1 ${hex(DATA + 0xfff)}=0`,
      `r1 ${hex(DATA + 0x1000)}=${hex(bench.bytes[DATA + 0x1000]!)}`,
      '+3',
    ]);
  });
  it('ports, once they are answered; string forms with their memory', () => {
    Object.assign(R, { [EDX]: 0x3f8, [EAX]: 0x41, [EDI]: DATA, [ESI]: DATA });
    bench.code('out dx, al; in al, 0x60; insb; outsw');
    for (const value of [0, 0x5a, 0x77, 0]) {
      expect(bench.run()).toBe(ExitReason.IO);
      cpu.completePortAccess(value);
    }
    expect(seen).toEqual([
      'out1 3f8=41',
      '+0',
      'in1 60=5a',
      '+1',
      'in1 3f8=77',
      `w1 ${hex(DATA)}=77`,
      '+3',
      'out2 3f8=77',
      `r2 ${hex(DATA)}=77`,
      '+4',
    ]);
  });
  it('a device access that leaves run() is heard of once', () => {
    R[EBX] = DEVICE;
    bench.code('inc dword [ebx]');
    for (const value of [7, 0]) {
      expect(bench.run()).toBe(ExitReason.EPT_VIOLATION);
      cpu.completeMemoryAccess(value);
    }
    bench.run();
    expect(seen).toEqual([`r4 ${hex(DEVICE)}=7`, `w4 ${hex(DEVICE)}=8`, '+0']);
  });
  it('exceptions, software and external interrupts with their frames; what an instruction did that faulted is not there', () => {
    bench.idtGate(0x40, KERNEL_CODE, CODE + 0x80, 0xef);
    bench.put(CODE + 0x80, 'iret');
    bench.code(`int 0x40; push dword [${DATA}]; movsb`);
    cpu.inject(EVENT_VALID | EVENT_EXTERNAL | 0x40);
    bench.segment(0, 0, 0, 0, 0x10000);
    cpu.reload();
    bench.run();
    const events = seen.filter(text => text[0] === '!' || text[0] === '+');
    expect(events).toEqual([
      `!${hex((EVENT_VALID | EVENT_EXTERNAL | 0x40) >>> 0)} 0`,
      '+80',
      `!${hex((EVENT_VALID | EVENT_SOFTWARE | 0x40) >>> 0)} 0`,
      '+0',
      '+80',
      '+2',
      `!${hex((EVENT_VALID | EVENT_EXCEPTION | EVENT_ERROR_CODE | 13) >>> 0)} 0`,
    ]);
    expect(seen).toContain(`r4 ${hex(IDT + 0x200)}=${hex(bench.word(IDT + 0x200))}`);
    expect(seen).toContain(`w4 ${hex(KERNEL_STACK - 4)}=2`);
    expect(seen.filter(text => text === `r1 ${hex(R[ESI]!)}=0`)).toEqual([]);
  });
  it('is gone when it is null: the same run hears nothing and ends in the same state', () => {
    const end = (watch: boolean) => {
      bench.protectedMode();
      cpu.probe = watch ? probe : null;
      R[ECX] = 500;
      R[EBX] = DATA;
      bench.bytes.fill(0, DATA, DATA + 64);
      bench.code('again: add [ebx], ecx; push ecx; pop ecx; dec ecx; jne again');
      const before = cpu.retired;
      bench.run();
      return [
        R[ECX],
        R[ESP],
        R[EFLAGS],
        cpu.eflags,
        bench.word(DATA),
        cpu.retired - before,
        R[EIP],
        bench.word(TSS + 4),
      ];
    };
    expect(end(true)).toEqual(end(false));
    seen = [];
    end(false);
    expect(seen).toEqual([]);
  });
});
