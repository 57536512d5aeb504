/** Machine code in tests, written in nasm's language (src/cpu/assembler) where it is used. */
import { assemble } from '../assembler/index.ts';

/**
 * A source in pieces, each on lines of its own: text, and bytes that stand as they are. New lines and semicolons part instructions (comments are the
 * test's own); labels count in all pieces.
 */
export type Code = (string | number | readonly number[])[];

/** Bytes of a 16- or 32-bit number. */
export const w = (value: number): number[] => [value & 0xff, (value >>> 8) & 0xff];
export const d = (value: number): number[] => [...w(value), ...w(value >>> 16)];
/** Bytes by their digits, with spaces between bytes or without, for what the assembler does not write: an encoding of its own, an opcode that is none. */
export const hex = (digits: string): number[] => (digits.match(/[0-9a-f]{2}/g) ?? []).map(byte => parseInt(byte, 16));

/** Code for a 32-bit segment, to stand at any address. */
export const asm = (...code: Code): number[] => machineCode(code, 32);
/** Code for a 16-bit segment. */
export const asm16 = (...code: Code): number[] => machineCode(code, 16);

/** Code for a 64-bit segment, to stand at any address. */
export const asm64 = (...code: Code): number[] => machineCode(code, 64);

const known = new Map<string, number[]>();

/** Code for a segment of `bits` that stands at offset `origin` in it. */
export function machineCode(code: Code, bits: 16 | 32 | 64, origin = 0): number[] {
  if (code.every(piece => typeof piece !== 'string')) return code.flat();
  const lines = code.flatMap(piece => (typeof piece === 'string' ? piece.split(/[;\n]/) : data([piece].flat())));
  const source = [`bits ${bits}`, `org ${origin}`, ...lines].join('\n');
  let bytes = known.get(source);
  if (!bytes) {
    const assembled = assemble(source);
    const [problem] = assembled.problems;
    if (problem) throw new Error(`“${source.split('\n')[problem.line - 1]!.trim()}”: ${problem.message}`);
    known.set(source, (bytes = [...assembled.bytes]));
  }
  return [...bytes];
}

const data = (bytes: readonly number[]): string => (bytes.length === 0 ? '' : `db ${bytes.join(',')}`);
