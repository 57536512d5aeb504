/**
 * What the instruction table offers under each name of nasm's language. Everything comes from the rows; only suffixes that say a size, other
 * spellings of a name and operands that may be left out are listed here. Source: the NASM manual, appendix F; SDM vol. 2.
 */
import { CONDITIONS } from '../table/define.ts';
import { type Row, rows } from '../table/index.ts';
import { BY_ADDRESS_SIZE, BY_OPERAND_SIZE, COMPARISONS, WITH_REX_W } from '../table/names.ts';

export interface Form {
  row: Row;
  /** Codes of the operands that are written. */
  codes: readonly string[];
  /** The name says the operand size or the address size. */
  operandSize?: 16 | 32 | 64;
  addressSize?: 16 | 32 | 64;
  /** FWAIT precedes it (FINIT is FWAIT and FNINIT). */
  waits?: true;
  /** An immediate that the name says (CMPEQPS). */
  immediate?: number;
  /** ModRM.rm where no operand says it. */
  rm?: number;
  /** It has an operand size that 66 changes. */
  sized: boolean;
}

/** Rows without a sized operand that have an operand size. */
const IMPLICIT = new Set([
  'push',
  'pop',
  'ret',
  'retf',
  'iret',
  'pusha',
  'popa',
  'pushf',
  'popf',
  'enter',
  'leave',
  'cbw',
  'cwd',
  'callf',
  'jmpf',
]);
const SIZED = /^([EGMRXYZ]?[vz]|Iz|Iv|Jz|Ap|Mp|Ma|rAX|eAX|Ov)$/;
/** Those with a name for each size besides their own: PUSHAW, PUSHAD. */
const WITH_SUFFIX = new Set(['pusha', 'popa', 'pushf', 'popf', 'iret', 'ret', 'retf']);
const SUFFIXES = [
  ['w', 16],
  ['d', 32],
  ['q', 64],
] as const;
const OTHER_NAMES: Record<string, readonly string[]> = {
  callf: ['call'],
  jmpf: ['jmp'],
  ret: ['ret', 'retn'],
  xlat: ['xlat', 'xlatb'],
  int1: ['int1', 'icebp'],
  fwait: ['fwait', 'wait'],
  shl: ['shl', 'sal'],
  loope: ['loope', 'loopz'],
  loopne: ['loopne', 'loopnz'],
  fnsetpm: ['fsetpm'],
};
const OTHER_CONDITIONS: Record<string, readonly string[]> = {
  b: ['c', 'nae'],
  ae: ['nc', 'nb'],
  e: ['z'],
  ne: ['nz'],
  be: ['na'],
  a: ['nbe'],
  p: ['pe'],
  np: ['po'],
  l: ['nge'],
  ge: ['nl'],
  le: ['ng'],
  g: ['nle'],
};
/** x87 control instructions that have a name with FWAIT before them: it lacks the N. */
const WAITING = new Set(['fnstenv', 'fnstcw', 'fnclex', 'fninit', 'fnsave', 'fnstsw', 'fneni', 'fndisi']);
/** ST(1) is meant where no register is named. */
const ST1_IMPLIED = /^(fxch|f(u?com)p?i?p?|fcmov\w+|f(add|mul|subr?|divr?)p)$/;

const forms = new Map<string, Form[]>();

function add(name: string, form: Form): void {
  const list = forms.get(name);
  if (list) list.push(form);
  else forms.set(name, [form]);
}

function enter(row: Row): void {
  const { mnemonic, operands: codes } = row;
  const sized =
    !row.fixedSize && row.prefix !== 0x66 && (IMPLICIT.has(mnemonic) || codes.some(code => SIZED.test(code)));
  const form: Form = { row, codes, sized };
  const string = codes.find(code => /^[XY][bv]$/.test(code));
  if (string !== undefined) {
    if (string.endsWith('b')) add(`${mnemonic}b`, { ...form, codes: [] });
    else
      for (const [suffix, operandSize] of SUFFIXES)
        if (operandSize !== 64 || !codes.includes('DX')) add(mnemonic + suffix, { ...form, codes: [], operandSize });
    return;
  }
  for (const [i, name] of BY_OPERAND_SIZE[mnemonic]?.entries() ?? [])
    add(name, { ...form, operandSize: SUFFIXES[i]![1] });
  for (const [i, name] of BY_ADDRESS_SIZE[row.op]?.entries() ?? [])
    add(name, { ...form, addressSize: SUFFIXES[i]![1] });
  if (mnemonic in BY_OPERAND_SIZE || row.op in BY_ADDRESS_SIZE) return;
  const wideName = WITH_REX_W[mnemonic];
  if (wideName !== undefined) add(wideName, { ...form, operandSize: 64 });
  let names = OTHER_NAMES[mnemonic] ?? [mnemonic];
  if (row.cc !== undefined && ['jcc', 'setcc', 'cmovcc'].includes(row.op)) {
    const condition = CONDITIONS[row.cc]!;
    const stem = mnemonic.slice(0, -condition.length);
    names = [mnemonic, ...(OTHER_CONDITIONS[condition] ?? []).map(other => stem + other)];
  }
  for (const name of names) {
    add(name, form);
    if (WITH_SUFFIX.has(mnemonic))
      for (const [suffix, operandSize] of SUFFIXES)
        if (operandSize !== 64 || row.long !== 'invalid') add(name + suffix, { ...form, operandSize });
  }
  if (WAITING.has(mnemonic)) add(`f${mnemonic.slice(2)}`, { ...form, waits: true });
  const compare = /^cmp([ps][sd])$/.exec(mnemonic);
  if (compare && codes.length === 3) {
    for (const [immediate, predicate] of COMPARISONS.entries())
      add(`cmp${predicate}${compare[1]}`, { ...form, codes: codes.slice(0, 2), immediate });
  }
  // Of the two registers of x87 arithmetic ST(0) may be left out, and of some both.
  if (codes.includes('STi') && codes.length === 2) add(mnemonic, { ...form, codes: ['STi'] });
  if (codes.includes('STi') && ST1_IMPLIED.test(mnemonic)) add(mnemonic, { ...form, codes: [], rm: 1 });
  if (codes.includes('STi') && codes.length === 1 && mnemonic !== 'ffree')
    add(mnemonic, { ...form, codes: ['ST0', 'STi'] });
  if (/^f(add|mul|subr?|divr?)p$/.test(mnemonic)) add(mnemonic.slice(0, -1), { ...form, codes: [], rm: 1 });
  // AAM and AAD without a number mean ten; IMUL may name the register once.
  if (mnemonic === 'aam' || mnemonic === 'aad') add(mnemonic, { ...form, codes: [], immediate: 10 });
  if (codes[0] === 'Gv' && codes.length === 3 && mnemonic === 'imul')
    add(mnemonic, { ...form, codes: ['Gv', codes[2]!] });
  // What is exchanged or tested together may be named in either order; nasm takes the first of two registers exchanged as ModRM.reg.
  if ((mnemonic === 'xchg' || mnemonic === 'test') && codes[1] !== 'Iz' && !codes.includes('Ib'))
    add(mnemonic, { ...form, codes: [codes[1]!, codes[0]!] });
  // ECX or CX behind the target says which of the two counts.
  if (/^loop/.test(mnemonic)) for (const name of names) add(name, { ...form, codes: [...codes, 'counter'] });
}

for (const row of rows) {
  // The hints of 0F 18-1E do what 0F 1F does; that one has the name.
  const hint = row.op === 'nop' && row.map === 1 && row.mnemonic === 'nop' && row.opcode !== 0x1f;
  if (!hint) enter(row);
}

export const formsOf = (name: string): readonly Form[] | undefined => forms.get(name);
