/** What inspectors tell of a vCPU: its system registers by name, kinds of segments, the words of its stack. */
import { registers as R, wideOf } from '../../cpu/architecture/index.ts';
import type { VcpuState } from '../../hypervisor/view/index.ts';
import { hex8 } from '../units.ts';
import { instructionAt } from './disassembly.ts';

export const CONTROL = [
  ['CR0', R.CR0],
  ['CR2', R.CR2],
  ['CR3', R.CR3],
  ['CR4', R.CR4],
  ['EFER', R.EFER],
  ['DR6', R.DR + 6],
  ['DR7', R.DR + 7],
] as const;
export const SEGMENTS = [
  ['CS', R.CS],
  ['SS', R.SS],
  ['DS', R.DS],
  ['ES', R.ES],
  ['FS', R.FS],
  ['GS', R.GS],
  ['LDTR', R.LDTR],
  ['TR', R.TR],
] as const;
export const FLAGS: readonly (readonly [bit: number, name: string, says: string])[] = [
  [0, 'CF', 'carry'],
  [2, 'PF', 'parity'],
  [4, 'AF', 'auxiliary carry'],
  [6, 'ZF', 'zero'],
  [7, 'SF', 'sign'],
  [8, 'TF', 'trap: a debug exception after each instruction'],
  [9, 'IF', 'interrupts are on'],
  [10, 'DF', 'string instructions go down'],
  [11, 'OF', 'overflow'],
  [14, 'NT', 'nested task'],
  [16, 'RF', 'resume: no breakpoint on the next instruction'],
  [17, 'VM', 'virtual-8086 mode'],
  [18, 'AC', 'alignment check'],
  [21, 'ID', 'CPUID is there'],
];

export const segmentAt = (segment: number): number => R.SEG + segment * R.SEG_WORDS;

/** In the words of the SDM, from the rights in VMX format; a TSS in IA-32e mode is one of 64 bits (vol. 3, table 3-2). */
export function kindOf(rights: number, isLongMode: boolean): string {
  if (rights & R.RIGHTS_UNUSABLE) return 'unusable';
  const type = rights & 15;
  if (!(rights & 16))
    return type === 2
      ? 'LDT'
      : (type & ~2) === 9 || (type & ~2) === 1
        ? `${type & 8 ? (isLongMode ? '64' : '32') : '16'}-bit TSS`
        : `system, type ${type}`;
  const wide = type & 8 && rights & R.RIGHTS_L ? '64' : rights & R.RIGHTS_DB ? '32' : '16';
  return type & 8
    ? `${wide}-bit code, ${type & 2 ? 'readable' : 'execute only'}${type & 4 ? ', conforming' : ''}`
    : `${wide}-bit data, ${type & 2 ? 'writable' : 'read-only'}${type & 4 ? ', expands down' : ''}`;
}

/** Bytes of a near CALL: with 16 and 32 bits to go, by a register, by memory with a displacement of 8 and of 32 bits (SDM vol. 2A, CALL). */
const CALL_BYTES = [5, 3, 2, 6];

/** What words of the stack are, where memory tells: an address with a CALL before it, and what is below that where EBP points. */
export function frameNotes(
  state: VcpuState,
  words: readonly { at: number; word: number }[],
): Map<number, 'return' | 'frame'> {
  const isReturn = (word: number): boolean =>
    (word > 0 || state.isLong) &&
    CALL_BYTES.some(bytes => {
      const before = word >= bytes || state.isLong ? instructionAt(state, word - bytes) : undefined;
      return before?.length === bytes && before.text.startsWith('call');
    });
  const notes = new Map<number, 'return' | 'frame'>();
  for (const [i, { at, word }] of words.entries()) {
    if (!isReturn(word)) continue;
    notes.set(at, 'return');
    const below = words[i - 1];
    if (below && below.at === (state.isLong ? wideOf(state.regs, R.EBP) : state.regs[R.EBP]! >>> 0))
      notes.set(below.at, 'frame');
  }
  return notes;
}

/** A word of a stack: where, as a number (of 64 bits exact where it is an address), and in hexadecimal. */
interface StackWord {
  at: number;
  word: number;
  text: string;
}

/** Words of the stack, from its top. */
export function stackOf(state: VcpuState, words: number): StackWord[] {
  const { regs, isLong } = state,
    wordBytes = isLong ? 8 : 4,
    esp = regs[segmentAt(R.SS) + R.SEG_RIGHTS]! & R.RIGHTS_DB ? regs[R.ESP]! : regs[R.ESP]! & 0xffff,
    top = isLong ? wideOf(regs, R.ESP) : esp;
  const bytes = state.bytesAt(state.linear(R.SS, top), words * wordBytes),
    view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Array.from({ length: Math.floor(bytes.length / wordBytes) }, (_, i) => {
    const offset = wordBytes * i,
      low = view.getUint32(offset, true);
    return isLong
      ? {
          at: top + offset,
          word: Number(view.getBigInt64(offset, true)),
          text: hex8(view.getUint32(offset + 4, true)) + hex8(low),
        }
      : { at: (top + offset) >>> 0, word: low, text: hex8(low) };
  });
}
