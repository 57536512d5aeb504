/**
 * Text of a decoded instruction, in Intel's and in AT&T's syntax as GNU binutils prints them (single spaces).
 * Everything comes from the row's mnemonic and operand codes; names that depend on a size are in names.ts, and only AT&T's and binutils' own are listed here.
 */
import { RIP } from './decode.ts';
import { BY_ADDRESS_SIZE, BY_OPERAND_SIZE, COMPARISONS, WITH_REX_W } from './names.ts';
import type { Decoded, Row } from './row.ts';

export type Syntax = 'intel' | 'att';

const SEGMENTS = ['es', 'cs', 'ss', 'ds', 'fs', 'gs'],
  CS = 1,
  DS = 3;
const REGISTERS_16 = ['ax', 'cx', 'dx', 'bx', 'sp', 'bp', 'si', 'di'];
const REGISTERS_8 = ['al', 'cl', 'dl', 'bl', 'ah', 'ch', 'dh', 'bh'];
const REGISTERS_8_REX = ['al', 'cl', 'dl', 'bl', 'spl', 'bpl', 'sil', 'dil'];
const FIXED_REGISTERS = /^(AL|CL|AX|DX|ES|CS|SS|DS|FS|GS|XMM0)$/;
const POINTER: Record<number, string> = {
  1: 'BYTE',
  2: 'WORD',
  4: 'DWORD',
  6: 'FWORD',
  8: 'QWORD',
  10: 'TBYTE',
  16: 'XMMWORD',
};
const SUFFIX: Record<number, string> = { 1: 'b', 2: 'w', 4: 'l', 8: 'q' };

const ATT_BY_OPERAND_SIZE: typeof BY_OPERAND_SIZE = { cbw: ['cbtw', 'cwtl', 'cltq'], cwd: ['cwtd', 'cltd', 'cqto'] };
/** Names of forms with REX.W; binutils has some of its own. */
const WIDE: typeof WITH_REX_W = { ...WITH_REX_W, pcmpestri: 'pcmpestriq', pcmpestrm: 'pcmpestrmq' };
/** Far transfers have mnemonics of their own in the table. */
const FAR: Record<Syntax, Record<string, string>> = {
  intel: { callf: 'call', jmpf: 'jmp' },
  att: { callf: 'lcall', jmpf: 'ljmp', retf: 'lret' },
};
/** What only a suffix tells the operand size of, printed where it is not the mode's own. */
const IMPLICIT_SIZE = new Set([
  'push',
  'pop',
  'call',
  'jmp',
  'ret',
  'callf',
  'jmpf',
  'retf',
  'pusha',
  'popa',
  'pushf',
  'popf',
  'enter',
  'leave',
  'iret',
]);
/** AT&T has these exchanged where ST(i) is the destination: a bug of the first UNIX assemblers that became the syntax. */
const EXCHANGED: Record<string, string> = {
  fsub: 'fsubr',
  fsubr: 'fsub',
  fdiv: 'fdivr',
  fdivr: 'fdiv',
  fsubp: 'fsubrp',
  fsubrp: 'fsubp',
  fdivp: 'fdivrp',
  fdivrp: 'fdivp',
};
/** x87 state in memory: its layout follows the operand size (SDM vol. 1, 8.1.10). */
const X87_STATE = new Set(['fldenv', 'fnstenv', 'frstor', 'fnsave']);
/** What counts in CX, ECX or RCX: AT&T has the address size behind the name. */
const LOOPS = new Set(['loop', 'loope', 'loopne']);
const COMPARING = new Set(['cmps', 'scas']);
const STRING = new Set(['movs', 'cmps', 'stos', 'lods', 'scas', 'ins', 'outs']);
const X87_SUFFIX: Record<string, string> = { Mf32: 's', Mf64: 'l', Mf80: 't', Mi16: 's', Mi32: 'l', Mi64: 'll' };

/**
 * One line of text. `eip` is the instruction's own address, for the targets of branches.
 * `bytes`: the instruction's bytes, printed as data where they are no instruction (`decoded.row` null).
 */
export function disassemble(decoded: Decoded, eip: number, syntax: Syntax, bytes?: Uint8Array): string {
  const row = decoded.row;
  if (row === null) {
    if (bytes === undefined) return '(bad)';
    const values = Array.from(bytes.subarray(0, Math.max(decoded.length, 1)), byte => `0x${byte.toString(16)}`);
    return `${syntax === 'intel' ? 'db' : '.byte'} ${values.join(',')}`;
  }
  const named = comparison(row, decoded);
  const codes = row.op === 'xlat' ? ['XLAT'] : named ? row.operands.slice(0, -1) : row.operands;
  const operands = codes
    .filter(code => syntax === 'intel' || code !== '1')
    .map(code => operandText(code, decoded, row, eip, syntax));
  // BOUND and ENTER keep Intel's order in AT&T syntax.
  if (syntax === 'att' && row.op !== 'bound' && row.op !== 'enter') operands.reverse();
  const name =
    prefixText(row, decoded, syntax) + (named ?? mnemonicText(row, decoded, syntax)) + hint(row, decoded, syntax);
  return operands.length === 0 ? name : `${name} ${operands.join(',')}`;
}

/** CMPPS and its like by the name of what they ask (SDM vol. 2, table 3-7), where the number asks one of the first eight. */
function comparison({ mnemonic }: Row, { immediate }: Decoded): string | undefined {
  const kind = /^cmp([ps][sd])$/.exec(mnemonic)?.[1];
  const asked = COMPARISONS[immediate & 0xff];
  return kind !== undefined && asked !== undefined ? `cmp${asked}${kind}` : undefined;
}

/** Prefixes that the operands do not show: overrides, LOCK, REP, and those that change nothing here. */
function prefixText(row: Row, decoded: Decoded, syntax: Syntax): string {
  const source = row.op === 'xlat' || row.operands.some(code => /^X[a-z]/.test(code)),
    memory = decoded.memory || source || row.operands.some(code => /^Y[a-z]/.test(code));
  let text = hint(row, decoded, syntax) === '' ? overrideText(row, decoded, source) : '';
  if (decoded.lock) text += 'lock ';
  if (decoded.repeat === 0xf2) text += 'repnz ';
  else if (decoded.repeat === 0xf3) text += STRING.has(row.op) && !COMPARING.has(row.op) ? 'rep ' : 'repz ';
  if (decoded.prefix66 && row.prefix !== 0x66 && !sizeShows(row, decoded))
    text += decoded.codeSize === 16 ? 'data32 ' : 'data16 ';
  if (decoded.prefix67 && !memory && row.op !== 'jcxz' && !(syntax === 'att' && LOOPS.has(row.op)))
    text += decoded.codeSize === 32 ? 'addr16 ' : 'addr32 ';
  return text;
}

/** The override that no operand shows; binutils counts any as used by a string's source (`source`). */
function overrideText(row: Row, { memory, segmentPrefix, idleSegment }: Decoded, source: boolean): string {
  if (source) return '';
  const word = !memory && segmentPrefix >= 0 ? `${SEGMENTS[segmentPrefix]} ` : '';
  if (idleSegment < 0) return word;
  // In 64-bit code DS before an indirect near branch is CET's NOTRACK (SDM vol. 1, 17.3.2).
  return word + (idleSegment === DS && /^(?:jmp|call)ind$/.test(row.op) ? 'notrack ' : `${SEGMENTS[idleSegment]} `);
}

/** What CS and DS before a conditional branch once foretold (SDM vol. 2, 2.1.1, group 2), as AT&T's words say it. */
function hint(row: Row, decoded: Decoded, syntax: Syntax): string {
  if (syntax === 'intel' || row.operands[0]?.[0] !== 'J' || row.op === 'jmp' || row.op === 'call') return '';
  const segment = decoded.idleSegment >= 0 ? decoded.idleSegment : decoded.segmentPrefix;
  return segment === CS ? ',pn' : segment === DS ? ',pt' : '';
}

/** True if the operand size shows in a register, pointer width, immediate or suffix. */
function sizeShows(row: Row, decoded: Decoded): boolean {
  return (
    IMPLICIT_SIZE.has(row.mnemonic) ||
    row.mnemonic in BY_OPERAND_SIZE ||
    X87_STATE.has(row.mnemonic) ||
    /^[ls][gi]dt$/.test(row.op) ||
    row.operands.some(code => /^[a-zG-Z]?(?:[EGMOXYZR]?v|Iz|Jz|Ap|Mp|Ma|rAX|eAX)$/.test(code)) ||
    (row.mnemonic === 'mov' && !decoded.memory && row.op === 'movtosreg')
  );
}

function mnemonicText(row: Row, decoded: Decoded, syntax: Syntax): string {
  const { mnemonic } = row;
  const size = decoded.operandSize;
  const bySize = (syntax === 'intel' ? BY_OPERAND_SIZE : ATT_BY_OPERAND_SIZE)[mnemonic];
  if (bySize) return bySize[size >> 5]!;
  const byAddress = BY_ADDRESS_SIZE[mnemonic];
  if (byAddress) return byAddress[decoded.addressSize >> 5]!;
  if ((decoded.rex & 8) !== 0 && decoded.codeSize === 64) {
    if (mnemonic in WIDE) return WIDE[mnemonic]!;
  }
  if (decoded.codeSize === 64) {
    const wide = size === 64;
    if (row.operands[1] === 'Iv' ? wide : decoded.addressSize === 64 && row.operands.some(code => code[0] === 'O'))
      return 'movabs';
    if (mnemonic === 'sysret' || mnemonic === 'sysexit')
      return mnemonic + (wide ? 'q' : syntax === 'intel' ? 'd' : 'l');
  }
  const name = FAR[syntax][mnemonic] ?? mnemonic;
  if (LOOPS.has(row.op) && syntax === 'att' && decoded.prefix67) return name + SUFFIX[decoded.addressSize >> 3]!;
  if (IMPLICIT_SIZE.has(mnemonic)) return name + implicitSuffix(row, decoded, syntax);
  if (X87_STATE.has(mnemonic) && size !== (decoded.codeSize === 16 ? 16 : 32) && size !== 64) {
    return name + (size === 16 ? (syntax === 'intel' ? 'w' : 's') : syntax === 'intel' ? 'd' : 'l');
  }
  if (row.operands[0] === 'Ms' && decoded.codeSize !== 64)
    return name + (size === 16 ? 'w' : syntax === 'intel' ? 'd' : 'l');
  return syntax === 'intel' ? name : attMnemonic(name, row, decoded);
}

/** Suffix of PUSH, CALL, RET …: the operand size where it is not the usual one and no register or pointer width shows it. */
function implicitSuffix(row: Row, decoded: Decoded, syntax: Syntax): string {
  const usual = decoded.codeSize === 64 && row.long !== undefined ? 64 : decoded.codeSize === 16 ? 16 : 32;
  if (decoded.operandSize === usual) return '';
  const register = row.operands.some(code => code === 'Zv' || (code === 'Ev' && !decoded.memory));
  if (register || (syntax === 'intel' && (decoded.memory || row.operands[0] === 'Ap'))) return '';
  return syntax === 'intel' && decoded.operandSize === 32 ? 'd' : SUFFIX[decoded.operandSize >> 3]!;
}

function attMnemonic(name: string, row: Row, decoded: Decoded): string {
  const [first = '', second = ''] = row.operands;
  if (row.feature === 'fpu' || row.feature === 'cmov' || row.feature === 'sse3') {
    if (first in X87_SUFFIX) return name + X87_SUFFIX[first]!;
    if (first === 'STi' && second === 'ST0') return EXCHANGED[name] ?? name;
  }
  const size = operandBytes(first, decoded);
  if (row.op === 'movzx' || row.op === 'movsx')
    return name.slice(0, 4) + SUFFIX[operandBytes(second, decoded)] + SUFFIX[size];
  if (row.op === 'movsxd') return size === 8 ? 'movslq' : name;
  if (row.op === 'movs' || row.op === 'cmps') return name + SUFFIX[size]!;
  if (row.op === 'ins') return name + SUFFIX[size]!;
  if (row.op === 'outs') return name + SUFFIX[operandBytes(second, decoded)]!;
  if (!decoded.memory) return name;
  if (row.op === 'crc32' || (name.startsWith('cvt') && second === 'Ey' && decoded.codeSize === 64))
    return name + SUFFIX[operandBytes(second, decoded)]!;
  const wide = /^E[bv]$/.test(first) && row.op !== 'setcc' && !/^prefetch/.test(name);
  const register = second !== '' && second !== '1' && !second.startsWith('I') && second !== 'CL';
  return wide && !register ? name + SUFFIX[size]! : name;
}

/** Width of an operand in bytes, 0 where the code names none. */
function operandBytes(code: string, decoded: Decoded): number {
  const size = decoded.operandSize >> 3;
  switch (code) {
    case 'Mp':
      return size + 2;
    case 'Ma':
      return size * 2;
    case 'Mf32':
    case 'Mi32':
      return 4;
    case 'Mf64':
    case 'Mi64':
      return 8;
    case 'Mf80':
    case 'Mbcd':
      return 10;
    case 'Mi16':
      return 2;
    case 'XLAT':
      return 1;
    case 'Mdq':
      return 16;
    default:
  }
  switch (code.slice(1)) {
    case 'b':
      return 1;
    case 'w':
      return 2;
    case 'd':
    case 'ss':
      return 4;
    case 'q':
    case 'sd':
      return 8;
    case 'x':
    case 'ps':
    case 'pd':
      return 16;
    case 'v':
      return size;
    case 'z':
      return size === 2 ? 2 : 4;
    case 'y':
      return size === 8 ? 8 : 4;
    default:
      return 0;
  }
}

function operandText(code: string, decoded: Decoded, row: Row, eip: number, syntax: Syntax): string {
  const register = (name: string): string => (syntax === 'intel' ? name : `%${name}`);
  const general = (number: number): string =>
    register(generalName(number, operandBytes(code, decoded), decoded.rex !== 0));
  const immediate = (text: string): string => (syntax === 'intel' ? text : `$${text}`);
  if (FIXED_REGISTERS.test(code)) {
    return code === 'DX' && syntax === 'att' ? '(%dx)' : register(code.toLowerCase());
  }
  switch (code[0]) {
    case 'E':
    case 'M':
    case 'R': {
      const indirect = syntax === 'att' && /ind$/.test(row.op) ? '*' : '';
      return indirect + (decoded.memory ? memoryText(code, decoded, syntax) : general(decoded.rm));
    }
    case 'W':
    case 'U':
      return decoded.memory ? memoryText(code, decoded, syntax) : register(`xmm${decoded.rm}`);
    case 'Q':
    case 'N':
      return decoded.memory ? memoryText(code, decoded, syntax) : register(`mm${decoded.rm & 7}`);
    case 'V':
      return register(`xmm${decoded.reg}`);
    case 'P':
      return register(`mm${decoded.reg & 7}`);
    case 'G':
      // A mask is zero-extended to whatever register; REX.W shows in its name alone.
      if (/^p?movmsk/.test(row.op) && decoded.operandSize === 64) return register(generalName(decoded.reg, 8, true));
      return general(decoded.reg);
    case 'Z':
      return general(decoded.opcodeReg);
    case 'C':
      return register(`cr${decoded.reg}`);
    case 'D':
      return register(`${syntax === 'intel' ? 'dr' : 'db'}${decoded.reg}`);
    case 'O':
      return memoryText(code, decoded, syntax);
    case 'X':
    case 'Y':
      return stringText(code, decoded, syntax);
    case 'S':
      if (code === 'ST0') return register('st');
      if (code === 'STi') return register(`st(${decoded.rm & 7})`);
      return register(SEGMENTS[decoded.reg & 7]!);
    case 'r':
    case 'e':
      return register(
        generalName(0, code[0] === 'e' && decoded.operandSize === 64 ? 4 : decoded.operandSize >> 3, false),
      );
    case 'A': {
      const parts = [
        immediate(hexadecimal(decoded.immediate2)),
        immediate(hexadecimal(masked(decoded.immediate, decoded.operandSize))),
      ];
      return parts.join(syntax === 'intel' ? ':' : ',');
    }
    case 'J':
      return target(decoded, eip);
    case 'I':
      return immediate(immediateText(code, decoded, row));
    default:
      return code;
  }
}

function generalName(number: number, bytes: number, rex: boolean): string {
  if (number >= 8) return `r${number}${bytes === 1 ? 'b' : bytes === 2 ? 'w' : bytes === 4 ? 'd' : ''}`;
  if (bytes === 1) return (rex ? REGISTERS_8_REX : REGISTERS_8)[number]!;
  const name = REGISTERS_16[number]!;
  return bytes === 2 ? name : bytes === 4 ? `e${name}` : `r${name}`;
}

function immediateText(code: string, decoded: Decoded, row: Row): string {
  const { immediate, operandSize } = decoded;
  if (code === 'Ib' && !row.signed) return hexadecimal(row.op === 'enter' ? decoded.immediate2 : immediate);
  if (code === 'Iw') return hexadecimal(immediate);
  if (operandSize === 64) return hexadecimal64(code === 'Iv' ? decoded.immediateHigh : immediate >> 31, immediate);
  return hexadecimal(masked(immediate, operandSize));
}

/**
 * Where a relative branch goes: wraps at 64 KiB with a 16-bit operand size (SDM vol. 2, "JMP"). In 16-bit code an `eip` above 64 KiB
 * is taken to count the segment's base in, and stays in its 64 KiB.
 */
function target(decoded: Decoded, eip: number): string {
  const to = eip + decoded.length + decoded.immediate;
  if (decoded.operandSize === 16)
    return hexadecimal(((decoded.codeSize === 16 ? eip & 0xffff0000 : 0) | (to & 0xffff)) >>> 0);
  return decoded.operandSize === 64 ? `0x${BigInt.asUintN(64, BigInt(to)).toString(16)}` : hexadecimal(to >>> 0);
}

function memoryText(code: string, decoded: Decoded, syntax: Syntax): string {
  const { base, index, displacement, addressSize } = decoded;
  const bare = base < 0 && index < 0;
  const where = bare ? absolute(decoded) : '';
  const name = (number: number): string =>
    number === RIP ? (addressSize === 32 ? 'eip' : 'rip') : generalName(number, addressSize >> 3, false);
  const segment = decoded.segmentPrefix >= 0 ? SEGMENTS[decoded.segmentPrefix]! : '';
  if (syntax === 'att') {
    const override = segment === '' ? '' : `%${segment}:`;
    if (bare) return override + where;
    const scaled = index < 0 ? '' : addressSize === 16 ? `,%${name(index)}` : `,%${name(index)},${1 << decoded.scale}`;
    return `${override}${decoded.mod === 0 && base >= 0 && base !== RIP ? '' : signed(displacement, '')}(${base < 0 ? '' : `%${name(base)}`}${scaled})`;
  }
  const pointer = code === 'Mdq' ? 'OWORD' : POINTER[operandBytes(code, decoded)];
  const width = pointer === undefined || code === 'Ob' || code === 'Ov' ? '' : `${pointer} PTR `;
  if (bare) return `${width}${segment === '' ? 'ds' : segment}:${where}`;
  let inside = base < 0 ? '' : name(base);
  if (index >= 0)
    inside += `${inside === '' ? '' : '+'}${name(index)}${addressSize === 16 ? '' : `*${1 << decoded.scale}`}`;
  // What is added to RIP is shown as it is added, with 64 bits.
  if (base === RIP) inside += `+${hexadecimal64(displacement >> 31, displacement)}`;
  else if (decoded.mod !== 0 || base < 0) inside += signed(displacement, '+');
  return `${width}${segment === '' ? '' : `${segment}:`}[${inside}]`;
}

/** An address without registers, of the address size's width. */
function absolute(decoded: Decoded): string {
  if (decoded.addressSize !== 64) return hexadecimal(masked(decoded.displacement, decoded.addressSize));
  const moffs = decoded.modrm < 0;
  return hexadecimal64(moffs ? decoded.immediateHigh : decoded.displacement >> 31, decoded.displacement);
}

/** The implied operand of a string instruction: source DS:[eSI] (may be overridden) or destination ES:[eDI]. */
function stringText(code: string, decoded: Decoded, syntax: Syntax): string {
  const source = code[0] === 'X';
  const register = generalName(code === 'XLAT' ? 3 : source ? 6 : 7, decoded.addressSize >> 3, false);
  const segment = SEGMENTS[source ? decoded.segment : 0]!;
  if (syntax === 'att') return `%${segment}:(%${register})`;
  return `${POINTER[operandBytes(code, decoded)]} PTR ${segment}:[${register}]`;
}

function masked(value: number, bits: number): number {
  return bits === 16 ? value & 0xffff : value >>> 0;
}

function hexadecimal(value: number): string {
  return `0x${value.toString(16)}`;
}

function hexadecimal64(high: number, low: number): string {
  return high === 0
    ? hexadecimal(low >>> 0)
    : `0x${(high >>> 0).toString(16)}${(low >>> 0).toString(16).padStart(8, '0')}`;
}

function signed(value: number, plus: string): string {
  return value < 0 ? `-${hexadecimal(-value)}` : `${plus}${hexadecimal(value)}`;
}
