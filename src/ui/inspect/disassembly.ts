/** Instructions round an address of a vCPU, as its memory is now. Its tables are large: loaded when code is first shown. */
import { DECODED, decode, disassemble, newDecoded } from '../../cpu/table/index.ts';
import { registers as R } from '../../cpu/architecture/index.ts';
import type { VcpuState } from '../../hypervisor/view/index.ts';

export interface CodeLine {
  /** Offset in the code segment: EIP there. */
  eip: number;
  bytes: string;
  text: string;
  isHere: boolean;
}

const /** Of an instruction's bytes. */
  LONGEST = 15,
  /** So far back decoding begins. */
  BACK = 48,
  AHEAD = 120;

/** An instruction without the size of a memory operand and without the segment that it has anyhow: where there is little room. */
export const shortly = (text: string): string =>
  text.replace(/[A-Z]+ PTR /g, '').replace(/\b(?:es:(?=\[e?di\])|ds:(?=\[e?si\]))/g, '');

/** The one instruction at `eip`, and its bytes' number; undefined: none is mapped there. */
export function instructionAt(state: VcpuState, eip: number): { text: string; length: number } | undefined {
  const [line] = codeAround(state, eip, 0, 0);
  return line && { text: line.text, length: (line.bytes.length + 1) / 3 };
}

/** This many instructions before and after the one at `eip`. Those before are what decoding from further back meets: where data lies between, they may be none. */
export function codeAround(state: VcpuState, eip: number, before: number, after: number): CodeLine[] {
  const { bits } = state,
    mask = bits === 32 ? 0xffffffff : 0xffff;
  const back = before > 0 ? (state.isLong ? BACK : Math.min(BACK, eip)) : 0;
  const bytes = state.bytesAt(state.linear(R.CS, eip), after > 0 ? AHEAD : LONGEST),
    earlier = state.bytesAt(state.linear(R.CS, eip - back), back);
  const decoded = newDecoded();
  const one = (code: Uint8Array, at: number, address: number): CodeLine & { length: number; good: boolean } => {
    const good = decode(code, at, code.length - at, bits, decoded) === DECODED;
    const length = good ? decoded.length : 1,
      own = code.subarray(at, at + length);
    return {
      eip: state.isLong ? address : (address & mask) >>> 0,
      bytes: [...own].map(byte => byte.toString(16).padStart(2, '0')).join(' '),
      text: disassemble(decoded, address, 'intel', own),
      isHere: false,
      length,
      good,
    };
  };
  const run = (from: number): CodeLine[] | undefined => {
    const lines: CodeLine[] = [];
    let at = from;
    while (at < earlier.length) {
      const line = one(earlier, at, eip - back + at);
      if (!line.good) return undefined;
      lines.push(line);
      at += line.length;
    }
    return at === earlier.length ? lines : undefined;
  };
  let above: CodeLine[] = [];
  // From as far back as it works: x86 code falls into step with itself.
  for (let from = 0; from < earlier.length && above.length === 0; from++) above = run(from)?.slice(-before) ?? [];
  const below: CodeLine[] = [];
  for (let at = 0; at < bytes.length && below.length <= after; ) {
    const line = one(bytes, at, eip + at);
    below.push(at === 0 ? { ...line, isHere: true } : line);
    at += line.length;
  }
  return [...above, ...below];
}
