/**
 * Stores into an L1 table that a guest maps read-only (vm_assist writable_pagetables): the store is done in the guest's stead, the new entry checked as
 * mmu_update checks it. The stores that kernels use on page tables, and no more: anything else is the guest's own page fault.
 */
import { type Processor, registers as R } from '../../../../cpu/architecture/index.ts';
import { fetchInstruction, MAX_INSTRUCTION, type PvMemory } from './memory.ts';
import type { PageTypes } from './page-types.ts';

/** Segments, whose bases the address has had, and LOCK. Not 67: addresses of 16 bits are read otherwise. */
const PREFIXES = new Set([0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0xf0]);
const ZF = 0x40,
  DF = 0x400;

/** `linear`: where the store went; `table`: the L1 table's frame. False: no such store, or a refused entry. */
export function emulateTableWrite(
  processor: Processor,
  memory: PvMemory,
  types: PageTypes,
  linear: number,
  table: number,
): boolean {
  const { regs } = processor;
  const { code, opcodeAt: i } = fetched(processor, memory);
  const offset = linear & 0xfff;
  const slot = offset >>> 3;
  const current = new Uint8Array(8);
  memory.read((linear & ~7) >>> 0, current);
  const view = new DataView(current.buffer);
  const oldLow = view.getInt32(0, true),
    oldHigh = view.getInt32(4, true);
  const high = (offset & 4) !== 0;
  /** Replaces the 32-bit half that was addressed. */
  const store32 = (value: number): boolean =>
    types.replaceEntry(table, slot, high ? oldLow : value, high ? value : oldHigh, false) === 0;
  const old32 = high ? oldHigh : oldLow;
  const done = (count: number): true => {
    processor.skipInstruction();
    regs[R.EIP] += count;
    return true;
  };
  if (offset & 3) return false;
  const opcode = code[i];
  const operands = i + (opcode === 0x0f ? 2 : 1);
  switch (opcode) {
    case 0x89: // MOV r/m32, r32
      return store32(regs[(code[operands] >>> 3) & 7]) && done(operands + addressBytes(code, operands));
    case 0xc7: {
      const end = operands + addressBytes(code, operands);
      return store32(new DataView(code.buffer).getInt32(Math.min(end, 11), true)) && done(end + 4);
    }
    case 0xa3: // MOV moffs32, EAX
      return store32(regs[R.EAX]) && done(operands + 4);
    case 0x87: {
      // XCHG r/m32, r32
      const register = (code[operands] >>> 3) & 7;
      if (!store32(regs[register])) return false;
      regs[register] = old32;
      return done(operands + addressBytes(code, operands));
    }
    case 0xab: // STOSD, one at a time
      if (!store32(regs[R.EAX])) return false;
      regs[R.EDI] += processor.eflags & DF ? -4 : 4;
      return done(operands);
    case 0x0f:
      break;
    default:
      return false;
  }
  const end = operands + addressBytes(code, operands);
  if (code[i + 1] === 0xb1) {
    // CMPXCHG r/m32, r32
    const equal = old32 === regs[R.EAX];
    if (equal && !store32(regs[(code[operands] >>> 3) & 7])) return false;
    if (!equal) regs[R.EAX] = old32;
    processor.eflags = (processor.eflags & ~ZF) | (equal ? ZF : 0);
    return done(end);
  }
  if (code[i + 1] === 0xc7 && ((code[operands] >>> 3) & 7) === 1 && (offset & 7) === 0) {
    // CMPXCHG8B
    const equal = oldLow === regs[R.EAX] && oldHigh === regs[R.EDX];
    if (equal && types.replaceEntry(table, slot, regs[R.EBX], regs[R.ECX], false) !== 0) return false;
    if (!equal) {
      regs[R.EAX] = oldLow;
      regs[R.EDX] = oldHigh;
    }
    processor.eflags = (processor.eflags & ~ZF) | (equal ? ZF : 0);
    return done(end);
  }
  return false;
}

/** The bytes of the instruction at hand, as far as they are there, and where its opcode is. */
function fetched({ regs }: Processor, memory: PvMemory): { code: Uint8Array; opcodeAt: number } {
  const code = new Uint8Array(MAX_INSTRUCTION),
    length = fetchInstruction(regs, memory, code);
  let opcodeAt = 0;
  while (opcodeAt < length && PREFIXES.has(code[opcodeAt])) opcodeAt++;
  return { code, opcodeAt };
}

/** Bytes of ModR/M, SIB and displacement with 32-bit addresses (SDM vol. 2, 2.1.5). */
function addressBytes(code: Uint8Array, at: number): number {
  const mod = code[at] >>> 6,
    rm = code[at] & 7;
  if (mod === 3) return 1;
  const sib = rm === 4 ? 1 : 0;
  const base = sib ? code[at + 1] & 7 : rm;
  return 1 + sib + (mod === 1 ? 1 : mod === 2 || base === 5 ? 4 : 0);
}
