/**
 * How rows are written. The first argument is the encoding as the SDM prints it:
 *
 *     row('0F A4', 'shld', 'Ev,Gv,Ib', { … })      two-byte opcode with ModRM (the operands say so)
 *     row('F7 /2', 'not', 'Ev')                    ModRM.reg selects; '/2m' memory form only, '/2r' register form only
 *     row('0F 01 C1', 'vmcall')                    the whole ModRM byte selects
 *     row('B8+r', 'mov', 'Zv,Iv')                  register in the low three bits of the opcode
 *     row('F3 0F B8', 'popcnt', 'Gv,Ev')           mandatory prefix; 'NP': none of 66, F2, F3 may precede
 *     row('REX.W 0F C7 /1m', …)                    REX.W makes it of the row without
 *     row('8D m', 'lea', 'Gv,M')                   any reg, memory form only
 *
 * 'Ibs' in the operands is an Ib that is sign-extended to the operand size; the row then has `signed`.
 */
import type { OpcodeMap, Row } from './row.ts';

export type RowOptions = Partial<
  Pick<
    Row,
    | 'op'
    | 'cc'
    | 'reads'
    | 'writes'
    | 'undefined'
    | 'lock'
    | 'privilege'
    | 'long'
    | 'feature'
    | 'fixedSize'
    | 'ownCheck'
    | 'ends'
    | 'branch'
    | 'wide'
    | 'narrow'
  >
>;

const PREFIX: Record<string, Row['prefix']> = { NP: 0, '66': 0x66, F2: 0xf2, F3: 0xf3 };
/** Operand codes that are encoded in ModRM (SDM vol. 2, A.2.1). */
const IN_MODRM = /^[CDEGMNPQRSUVW]([a-z]|$)/;

export function row(encoding: string, mnemonic: string, operands = '', options: RowOptions = {}): Row {
  const tokens = encoding.split(' ');
  const made: Row = { id: -1, map: 0, opcode: 0, modrm: false, mnemonic, operands: [], op: mnemonic };
  if (tokens[0] === 'REX.W') {
    made.rexW = true;
    tokens.shift();
  }
  if (tokens[0] in PREFIX) made.prefix = PREFIX[tokens.shift()!];
  let map: OpcodeMap = 0;
  if (tokens[0] === '0F') {
    const second = tokens[1];
    map = second === '38' ? 2 : second === '3A' ? 3 : 1;
    tokens.splice(0, map === 1 ? 1 : 2);
  }
  made.map = map;
  made.opcode = Number.parseInt(tokens.shift()!, 16);
  const selector = tokens.shift();
  if (selector !== undefined) {
    made.modrm = true;
    const last = selector.at(-1);
    if (last === 'm' || last === 'r') made.mod = last;
    if (selector[0] === '/') {
      made.reg = Number(selector[1]);
    } else if (selector.length === 2) {
      const byte = Number.parseInt(selector, 16);
      made.mod = 'r';
      made.reg = (byte >> 3) & 7;
      made.rm = byte & 7;
    }
  }
  const codes = operands === '' ? [] : operands.split(',');
  made.operands = codes.map(code => (code === 'Ibs' ? 'Ib' : code));
  if (codes.includes('Ibs')) made.signed = true;
  if (codes.some(code => IN_MODRM.test(code))) made.modrm = true;
  return Object.assign(made, options);
}

/** The sixteen conditions in encoding order (SDM vol. 1, appendix B): the name the SDM lists first where it has several. */
export const CONDITIONS = [
  'o',
  'no',
  'b',
  'ae',
  'e',
  'ne',
  'be',
  'a',
  's',
  'ns',
  'p',
  'np',
  'l',
  'ge',
  'le',
  'g',
] as const;
/** Flags that each pair of conditions reads. */
export const CONDITION_READS = ['O', 'C', 'Z', 'ZC', 'S', 'P', 'SO', 'ZSO'] as const;

/** Sixteen rows, one for each condition: `first` is the opcode of condition O in the map that `prefix` names. */
export function conditional(
  prefix: '' | '0F ',
  first: number,
  name: string,
  op: string,
  operands: string,
  options: RowOptions | ((cc: number) => RowOptions) = {},
): Row[] {
  return CONDITIONS.map((condition, cc) =>
    row(prefix + hex(first + cc), name + condition, operands, {
      op,
      cc,
      reads: CONDITION_READS[cc >> 1],
      ...(typeof options === 'function' ? options(cc) : options),
    }),
  );
}

/** Two upper-case hexadecimal digits, as in the encodings. */
export function hex(byte: number): string {
  return byte.toString(16).toUpperCase().padStart(2, '0');
}
