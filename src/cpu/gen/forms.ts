/**
 * Which op number a decoded instruction gets. A row whose semantics are text (semantics.ts) has one *form* for each combination of operand
 * sizes and places, written `op.size.places`: r register, m memory, i immediate, c CL; a second operand of another size carries it (`movzx.32.rm8`).
 * Several rows share a form (81 /0, 83 /0 and 05 are all `add.32.ri`).
 */
import type { Decoded, Row } from '../table/row.ts';
import { semantics } from './semantics.ts';

/** Operand size in bits of an operand code, given the instruction's. */
export function operandBits(code: string, operandSize: number): number {
  if (code === 'AL' || code === 'CL' || code === '1') return 8;
  if (code === 'rAX' || code === 'eAX') return operandSize;
  const size = code.slice(1);
  if (size[0] === 'b') return 8;
  if (size[0] === 'w') return 16;
  if (size[0] === 'd') return 32;
  return operandSize;
}

/** Where an operand is: 'r', 'm', 'i', 'c', or '' for what text semantics do not handle. */
function place(code: string, memory: boolean): string {
  if (code === '1') return 'i';
  if (code === 'CL') return 'c';
  if (code === 'AL' || code === 'rAX') return 'r';
  switch (code[0]) {
    case 'G':
    case 'Z':
    case 'R': return 'r';
    case 'E': return memory ? 'm' : 'r';
    case 'M':
    case 'O': return 'm';
    case 'I': return 'i';
    default: return '';
  }
}

/** Name of the form, or '' when the row is run by a function. */
export function formName(row: Row, memory: boolean, operandSize: 16 | 32): string {
  const known = semantics[row.op];
  if (known === undefined || row.operands.length === 0 || row.long === 'only') return '';
  const wanted = known.reads.includes('b') || known.second !== undefined ? 2 : 1;
  if (row.operands.length < wanted) return '';
  const places = row.operands.map(code => place(code, memory));
  if (places.includes('')) return '';
  // A bit offset in a register reaches outside the memory operand (SDM vol. 2, BT).
  if (row.op.startsWith('bt') && places[0] === 'm' && places[1] === 'r') return '';
  if (row.op === 'bswap' && operandSize === 16) return '';
  const bits = row.operands.map(code => operandBits(code, operandSize));
  const suffix = places.length > 1 && (places[1] === 'r' || places[1] === 'm') && bits[1] !== bits[0] ? String(bits[1]) : '';
  return `${row.op}.${bits[0]}.${places.join('')}${suffix}`;
}

/** Encoding number of the register that operand `code` names. */
export function operandRegister(code: string, d: Decoded): number {
  if (code === 'AL' || code === 'rAX') return 0;
  if (code[0] === 'G') return d.reg;
  if (code[0] === 'Z') return d.opcodeReg;
  return d.rm;
}

/** Which switches have a case for a form, and whether there is one more for a memory operand without an index register. */
export interface FormCases {
  wide: boolean;
  near: boolean;
  narrow: boolean;
}

/** Every form the table has, sorted by name. */
export function allForms(rows: readonly Row[]): Map<string, FormCases> {
  const forms = new Map<string, FormCases>();
  for (const row of rows) {
    const wide = row.wide?.split(' ') ?? [], narrow = row.narrow?.split(' ') ?? [];
    for (const memory of [false, true]) {
      if ((memory && row.mod === 'r') || (!memory && row.mod === 'm')) continue;
      for (const size of [16, 32] as const) {
        const name = formName(row, memory, size);
        if (name === '') continue;
        const bits = name.split('.')[1]!, variant = (memory ? 'm' : 'r') + bits;
        const known = forms.get(name);
        forms.set(name, {
          wide: wide.includes(variant) || known?.wide === true,
          near: (memory && wide.includes(`n${bits}`)) || known?.near === true,
          narrow: narrow.includes(variant) || known?.narrow === true,
        });
      }
    }
  }
  return new Map([...forms].sort(([a], [b]) => (a < b ? -1 : 1)));
}
