/** Stores that a kernel makes into its page tables, done in its stead: registers, flags and memory as the processor would leave them (SDM vol. 2). */
import { beforeEach, describe, expect, it } from 'vitest';
import { type Processor, registers as R } from '../../../../cpu/architecture/index.ts';
import { asm } from '../../../../cpu/test-support/asm.ts';
import { EINVAL } from '../abi.ts';
import type { PvMemory } from './memory.ts';
import type { PageTypes } from './page-types.ts';
import { emulateTableWrite } from './table-writes.ts';

const CODE = 0x1000,
  TABLE = 0xc0201000,
  MFN = 77;
const ZF = 0x40,
  DF = 0x400;
const regs = new Int32Array(R.STATE_WORDS);
const processor = { regs, eflags: 2, skipInstruction: () => {} };
/** The entry at hand: low and high half. */
const entry = new Uint32Array(2);
/** What Xen says of a new entry. */
let answer = 0;
let replaced: number[] = [];
let code: number[] = [];

const memory = {
  read: (linear: number, into: Uint8Array) => {
    const from =
      linear >= TABLE ? new Uint8Array(entry.buffer) : Uint8Array.from({ length: 15 }, (_, i) => code[i] ?? 0x90);
    into.set(from.subarray(0, into.length));
    return true;
  },
};
const types = {
  replaceEntry: (table: number, slot: number, low: number, high: number) => {
    replaced = [table, slot];
    if (answer === 0) entry.set([low, high]);
    return answer;
  },
};

/** Does an instruction, whose store went to `linear`; how many bytes it was, or undefined where the fault is the guest's own. */
function store(linear: number, text: string): number | undefined {
  code = asm(text);
  regs[R.EIP] = CODE;
  const done = emulateTableWrite(
    processor as unknown as Processor,
    memory as unknown as PvMemory,
    types as unknown as PageTypes,
    linear,
    MFN,
  );
  return done ? regs[R.EIP]! - CODE : undefined;
}

beforeEach(() => {
  regs.fill(0);
  processor.eflags = 2;
  entry.set([0x1111_1067, 0x8000_0000]);
  answer = 0;
  replaced = [];
});

const LOW = TABLE + 8 * 5,
  HIGH = LOW + 4;

describe('a store into a page table', () => {
  it.each([
    'mov [esi], ecx',
    'mov [edi + 8], ecx',
    'mov [ebp + 12345678h], ecx',
    'mov [esp], ecx',
    'mov [esi + 4 * eax + 8], ecx',
    'mov [4 * eax + 12345678h], ecx',
    'mov [0C0201028h], ecx',
    'mov [fs:esi], ecx',
  ])('of a register, whatever its address looks like: %s', text => {
    regs[R.ECX] = 0x2222_2063;
    expect(store(LOW, text)).toBe(code.length);
    expect([...entry, replaced]).toEqual([0x2222_2063, 0x8000_0000, [MFN, 5]]);
    regs[R.ECX] = 7;
    expect(store(HIGH, text)).toBe(code.length);
    expect([...entry]).toEqual([0x2222_2063, 7]);
  });

  it.each([
    ['mov dword [esi], 12345063h', 0],
    ['mov dword [esi + 4 * eax + 12345678h], 12345063h', 0],
    ['mov [0C0201028h], eax', 0x1234_5063],
    ['stosd', 0x1234_5063],
  ])('of a number and of EAX: %s', (text, eax) => {
    regs[R.EAX] = eax;
    expect(store(LOW, text)).toBe(code.length);
    expect([...entry]).toEqual([0x1234_5063, 0x8000_0000]);
  });

  it('by STOSD moves EDI as the direction flag says', () => {
    regs[R.EDI] = LOW;
    store(LOW, 'stosd');
    expect(regs[R.EDI]! >>> 0).toBe(LOW + 4);
    processor.eflags |= DF;
    store(HIGH, 'stosd');
    expect(regs[R.EDI]! >>> 0).toBe(LOW);
  });

  it('by XCHG gives back what was there', () => {
    regs[R.EBX] = 0x3333_3063;
    expect(store(LOW, 'xchg [esi], ebx')).toBe(2);
    expect([...entry, regs[R.EBX]]).toEqual([0x3333_3063, 0x8000_0000, 0x1111_1067]);
  });

  it.each([
    [0x1111_1067, 0x4444_4063, ZF],
    [0x1111_1047, 0x1111_1067, 0],
  ])('by CMPXCHG is made where EAX has the old half: %i', (eax, low, zf) => {
    regs[R.EAX] = eax;
    regs[R.EDX] = 0x4444_4063;
    processor.eflags = 2 | (ZF ^ zf);
    expect(store(LOW, 'lock cmpxchg [esi], edx')).toBe(4);
    expect([...entry, processor.eflags]).toEqual([low, 0x8000_0000, 2 | zf]);
    expect(regs[R.EAX]).toBe(0x1111_1067);
  });

  it.each([
    [0x8000_0000, [0x5555_5063, 1], ZF],
    [0, [0x1111_1067, 0x8000_0000], 0],
  ])('by CMPXCHG8B is made of both halves at once, where EDX is %i', (edx, both, zf) => {
    regs[R.EAX] = 0x1111_1067;
    regs[R.EDX] = edx;
    regs[R.EBX] = 0x5555_5063;
    regs[R.ECX] = 1;
    processor.eflags = 2 | (ZF ^ zf);
    expect(store(LOW, 'lock cmpxchg8b [esi]')).toBe(4);
    expect([[...entry], processor.eflags]).toEqual([both, 2 | zf]);
    expect([regs[R.EAX], regs[R.EDX]! >>> 0]).toEqual([0x1111_1067, 0x8000_0000]);
  });

  it.each(['mov [esi], ecx', 'mov dword [esi], 63h', 'stosd', 'xchg [esi], ebx', 'lock cmpxchg8b [esi]'])(
    'is the guest’s own fault, and changes nothing, where Xen refuses the entry: %s',
    text => {
      answer = -EINVAL;
      regs.set([0x1111_1067], R.EAX);
      regs.set([0x8000_0000 | 0], R.EDX);
      const before = [...regs];
      before[R.EIP] = CODE;
      expect(store(LOW, text)).toBeUndefined();
      expect([[...regs], [...entry]]).toEqual([before, [0x1111_1067, 0x8000_0000]]);
    },
  );

  it.each([
    [LOW, 'mov [esi], cl'],
    [LOW, 'mov [esi], cx'],
    [LOW, 'mov word [esi], 5'],
    [LOW, 'or [esi], ecx'],
    [LOW, 'rep stosd'],
    [LOW, 'inc dword [esi]'],
    [LOW + 1, 'mov [esi], ecx'],
    [HIGH, 'cmpxchg8b [esi]'],
    // Addresses of 16 bits, which no kernel has for a table.
    [LOW, 'mov [di], ecx'],
    [LOW, 'a16 mov [1028h], eax'],
  ])('is the guest’s own fault where kernels do not make it so: at %i, %s', (linear, text) => {
    expect(store(linear, text)).toBeUndefined();
    expect(replaced).toEqual([]);
  });
});
