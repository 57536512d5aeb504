/**
 * Which form a decoded instruction gets. A row with a description (semantics.ts) has one *form* for each combination of operand
 * sizes and places, called `op.size.places`: r register, m memory, i immediate, c CL; a second operand of another size carries it (`movzx.32.rm8`).
 * Several rows share a form (81 /0, 83 /0 and 05 are all `add.32.ri`).
 */
import { operandBits } from '../table/operands.ts';
import type { Row } from '../table/row.ts';
import type { Form } from './emitter.ts';
import { usesOf } from './survey.ts';
import { semantics } from './semantics.ts';

/** Where an operand is: 'r', 'm', 'i', 'c', or '' for what descriptions do not handle. */
function place(code: string, memory: boolean): string {
  if (code === '1') return 'i';
  if (code === 'CL') return 'c';
  if (code === 'AL' || code === 'rAX') return 'r';
  switch (code[0]) {
    case 'G':
    case 'Z':
    case 'R':
      return 'r';
    case 'E':
      return memory ? 'm' : 'r';
    case 'M':
    case 'O':
      return 'm';
    case 'I':
      return 'i';
    default:
      return '';
  }
}

/** The form of a row's variant, null when a function runs it. */
export function formOf(row: Row, memory: boolean, operandSize: 16 | 32): Form | null {
  return row.long === 'only' ? null : formIn(row, memory, operandSize);
}

/** The same of 64-bit code. */
export function longFormOf(row: Row, memory: boolean, operandSize: 16 | 32 | 64): Form | null {
  if (row.long === 'invalid' || (row.long === 'f64' && operandSize !== 64)) return null;
  return row.long === 'd64' && operandSize === 32 ? null : formIn(row, memory, operandSize);
}

function formIn(row: Row, memory: boolean, operandSize: 16 | 32 | 64): Form | null {
  const description = semantics[row.op];
  if (description === undefined) return null;
  const sizes = row.operands.map(code => (row.signed && code === 'Ib' ? operandSize : operandBits(code, operandSize)));
  const uses = usesOf(description, sizes[0] ?? operandSize, sizes.length);
  if (uses.operands > sizes.length) return null;
  const places = row.operands.slice(0, uses.operands).map(code => place(code, memory));
  if (places.includes('')) return null;
  // A bit offset in a register reaches outside the memory operand (BT).
  if (uses.bitOffset && places[0] === 'm' && places[1] === 'r') return null;
  const bits = uses.operands === 0 && !uses.string ? operandSize : sizes[0]!,
    bits1 = sizes[1] ?? bits;
  const suffix = (places[1] === 'r' || places[1] === 'm') && bits1 !== bits ? String(bits1) : '';
  const cc = uses.cc ? row.cc! : 0;
  const name = [
    uses.cc ? `${row.op}${cc}` : row.op,
    bits,
    ...(uses.operands === 0 ? [] : [places.join('') + suffix]),
  ].join('.');
  return { name, op: row.op, bits, places: places.join(''), bits1: suffix === '' ? bits : bits1, cc, uses };
}

/** Every form of 64-bit code, sorted as the descriptions are, by name. */
export function allLongForms(rows: readonly Row[]): Map<string, Form> {
  const forms = new Map<string, Form>();
  for (const row of rows)
    for (const memory of [false, true])
      for (const size of [16, 32, 64] as const) {
        const form = longFormOf(row, memory, size);
        if (form !== null) forms.set(form.name, form);
      }
  const order = Object.keys(semantics);
  return new Map([...forms].sort(([, x], [, y]) => order.indexOf(x.op) - order.indexOf(y.op)));
}

/** Which switches have a case for a form, and whether there is one more for a memory operand without an index register, and for one in FS or GS. */
export interface FormCases {
  form: Form;
  wide: boolean;
  near: boolean;
  based: boolean;
  narrow: boolean;
}

/** Every form the table has, sorted as the descriptions are, and by name. */
export function allForms(rows: readonly Row[]): Map<string, FormCases> {
  const forms = new Map<string, FormCases>();
  for (const row of rows) {
    const wide = row.wide?.split(' ') ?? [],
      narrow = row.narrow?.split(' ') ?? [];
    for (const memory of [false, true]) {
      if ((memory && row.mod === 'r') || (!memory && row.mod === 'm')) continue;
      for (const size of [16, 32] as const) {
        const form = formOf(row, memory, size);
        if (form === null) continue;
        const variant = (memory ? 'm' : 'r') + form.bits;
        const known = forms.get(form.name);
        forms.set(form.name, {
          form,
          wide: wide.includes(variant) || known?.wide === true,
          near: (memory && wide.includes(`n${form.bits}`)) || known?.near === true,
          based: (memory && wide.includes(`s${form.bits}`)) || known?.based === true,
          narrow: narrow.includes(variant) || known?.narrow === true,
        });
      }
    }
  }
  const order = Object.keys(semantics),
    rank = ({ form: { op } }: FormCases) => order.indexOf(op);
  return new Map([...forms].sort(([a, x], [b, y]) => rank(x) - rank(y) || (a < b ? -1 : 1)));
}
