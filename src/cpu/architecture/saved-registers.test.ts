/** Registers by name: every register has one, and what was saved comes back. */
import { expect, it } from 'vitest';
import { SUB } from './flags.ts';
import * as R from './registers.ts';
import { areRegisters, registersOfOldWords, restoreRegisters, saveRegisters } from './saved-registers.ts';
import { Bench, CODE } from '../test-support/bench.ts';

/** Words with a number of their own in each; flags that were computed last: 3 - 5, whose sign and carry are set. */
function numbered(): Int32Array {
  const words = Int32Array.from({ length: R.STATE_WORDS }, (_, i) => 0x10000 + i);
  [words[R.FK], words[R.FA], words[R.FB], words[R.FR], words[R.EFLAGS]] = [SUB, 3, 5, -2, 0x200];
  return words;
}

it('gives back every register that the layout names', () => {
  const words = numbered(),
    again = new Int32Array(R.STATE_WORDS).fill(-1);
  restoreRegisters(again, saveRegisters(words));
  const parts = new Set([
    'STATE_WORDS',
    'HIGH',
    'ZERO',
    'FK',
    'FA',
    'FB',
    'FR',
    'SEG_WORDS',
    'SEG_SELECTOR',
    'SEG_BASE',
    'SEG_LIMIT',
    'SEG_RIGHTS',
    'RIGHTS_UNUSABLE',
    'RIGHTS_DB',
    'RIGHTS_S',
    'ES',
    'CS',
    'SS',
    'DS',
    'FS',
    'GS',
    'LDTR',
    'TR',
    'PORT_NONE',
    'PORT_WAITS',
    'PORT_ANSWERED',
    // Of a processor that has shut down: there is nothing to go on with.
    'LEFT',
    // Of the code that runs: found again wherever it goes on.
    'PAGE_RIP',
    'UNDELIVERED',
    'UNDELIVERED_EVENTS',
    'UNDELIVERED_WORDS',
    'UNDELIVERED_MOST',
  ]);
  const named = Object.entries(R).filter(([name, word]) => typeof word === 'number' && !parts.has(name)) as [
    string,
    number,
  ][];
  expect(named.length).toBeGreaterThan(60);
  for (const [name, word] of named) expect([name, again[word]]).toEqual([name, words[word]]);
  for (const [from, to] of [
    [R.EAX, R.EDI],
    [R.R8, R.R15],
    [R.SEG, R.SEG + 31],
    [R.DR, R.DR + 7],
    [R.MSR_MTRR, R.MSR_MTRR + 55],
    [R.FPR, R.FPR + 31],
    [R.XMM, R.XMM + 63],
    [R.PDPTE, R.PDPTE + 7],
    [R.MONITOR_LINE, R.MONITOR_LINE + 15],
  ]) {
    expect([...again.slice(from, to! + 1)]).toEqual([...words.slice(from, to! + 1)]);
  }
  for (const low of [
    R.EAX,
    R.R15,
    R.EIP,
    R.CR0,
    R.CR3,
    R.CR8,
    R.EFER,
    R.GDTR_BASE,
    R.SEG + R.FS * R.SEG_WORDS + R.SEG_BASE,
    R.MSR_LSTAR,
    R.MSR_SYSENTER_EIP,
  ]) {
    expect(again[low + R.HIGH]).toBe(words[low + R.HIGH]);
  }
  // Lazy flags come back computed: CF, AF, SF; PF clear.
  expect(saveRegisters(again)).toEqual(saveRegisters(words));
  expect((saveRegisters(words).rflags as Int32Array)[0]).toBe(0x293);
  expect(again[R.ZERO]).toBe(0);
});

it('knows what are no registers', () => {
  const saved = saveRegisters(numbered());
  expect(areRegisters(saved)).toBe(true);
  const { rax: _, ...without } = saved;
  for (const wrong of [
    null,
    7,
    {},
    without,
    { ...saved, cpl: 'x' },
    { ...saved, rip: 5 },
    { ...saved, rip: new Int32Array(3) },
    { ...saved, cpl: 0.5 },
    { ...saved, rflags: new Int32Array(1) },
  ]) {
    expect(areRegisters(wrong)).toBe(false);
  }
});

it('takes the words of the layout before, registers of then where they are now', () => {
  const old = Int32Array.from({ length: R.STATE_WORDS }, (_, i) => 0x10000 + i);
  [old[10], old[11], old[12], old[13], old[14]] = [SUB, 3, 5, -2, 0x200];
  const words = new Int32Array(R.STATE_WORDS);
  const saved = registersOfOldWords(old);
  expect(areRegisters(saved)).toBe(true);
  restoreRegisters(words, saved);
  expect([
    words[R.EDI],
    words[R.R8],
    words[R.EIP],
    words[R.CPL],
    words[R.CR0],
    words[R.CR4],
    words[R.EFER],
    words[R.APIC_ID],
    words[R.DR + 7],
  ]).toEqual([7, undefined, 9, 15, 16, 19, 21, 22, 31].map(word => (word === undefined ? 0 : 0x10000 + word)));
  expect([
    words[R.GDTR_BASE],
    words[R.XMM + 31],
    words[R.FPR + 5],
    words[R.PDPTE + 7],
    words[R.MONITOR_LINE + 15],
  ]).toEqual([64, 287, 213, 327, 355].map(word => 0x10000 + word));
  expect((saved.rflags as Int32Array)[0]).toBe(0x293);
});

it('lets a program go on in another processor, in the middle of its flags, with x87 and SSE registers', () => {
  const code = (bench: Bench): void => {
    bench.put(
      CODE,
      `
        fninit; fldpi; mov eax, 3; movd xmm3, eax; cmp eax, 5; setb cl; movd ebx, xmm3
        fistp dword [${CODE + 0x800}]; hlt
      `,
    );
  };
  const one = new Bench().protectedMode(),
    other = new Bench().protectedMode();
  code(one);
  code(other);
  one.R[R.CR4]! |= 0x200;
  one.cpu.run(5);
  restoreRegisters(other.R, saveRegisters(one.R));
  other.cpu.reload();
  other.run();
  expect([other.R[R.EAX], other.R[R.EBX], other.R[R.ECX]! & 255, other.word(CODE + 0x800)]).toEqual([3, 3, 1, 3]);
  expect(other.cpu.retired).toBe(8);
});
