/** For tests: instructions in nasm's words, from the disassembler's. */
import {
  type CodeSize,
  DECODED,
  type Decoded,
  decode,
  disassemble,
  newDecoded,
  RIP,
  type Row,
} from '../table/index.ts';

const SIZES: Record<string, string> = {
  BYTE: 'byte',
  WORD: 'word',
  DWORD: 'dword',
  QWORD: 'qword',
  TBYTE: 'tword',
  XMMWORD: '',
  OWORD: '',
  FWORD: '',
};
const SIZE_WORDS: Record<number, string> = { 16: 'word', 32: 'dword', 64: 'qword' };
const SEGMENTS = ['es', 'cs', 'ss', 'ds', 'fs', 'gs'];
const STRING = /^(movs|cmps|stos|lods|scas|ins|outs)$/;

/** The instruction at the beginning of `bytes` as a line for nasm; undefined where nasm has no words for just this encoding. */
export function nasmText(bytes: Uint8Array, bits: CodeSize, decoded: Decoded = newDecoded()): string | undefined {
  if (decode(bytes, 0, bytes.length, bits, decoded) !== DECODED) return undefined;
  const row = decoded.row!;
  decoded.idleSegment = -1;
  const text = disassemble(decoded, 0, 'intel');
  if (/data(16|32)|addr(16|32)/.test(text)) return undefined;
  const long = bits === 64;
  const words = text.split(' ');
  const prefixes: string[] = [];
  while (/^(lock|rep|repn?z|[c-gs]s)$/.test(words[0]!)) prefixes.push(words.shift()!);
  let name = words.shift()!;
  if (name === 'fnsetpm') name = 'fsetpm';
  let operands = words.join(' ');
  // NASM's names, and sizes as prefixes where it has none.
  if (name === 'movabs') name = 'mov';
  const ofQuads = /^(sysret|sysexit)([dq])$|^(pcmpestr[im])q$/.exec(name);
  if (ofQuads) {
    if (name.endsWith('q')) prefixes.push('o64');
    name = ofQuads[1] ?? ofQuads[3]!;
  }
  const usual = long ? (row.long === undefined ? 32 : 64) : bits;
  const other = decoded.operandSize === usual ? '' : `o${decoded.operandSize} `;
  if (STRING.test(row.op) || row.op === 'xlat') {
    const segment = SEGMENTS[decoded.segmentPrefix];
    if (segment !== undefined && !prefixes.includes(segment)) prefixes.push(segment);
    if (decoded.addressSize !== bits) prefixes.push(`a${decoded.addressSize}`);
    const byte = row.operands.some(code => /^[XY]b$/.test(code));
    return [
      ...prefixes,
      row.op === 'xlat' ? 'xlatb' : row.mnemonic + (byte ? 'b' : { 16: 'w', 32: 'd', 64: 'q' }[decoded.operandSize]),
    ].join(' ');
  }
  const branch =
    row.operands[0] === 'Jb'
      ? 'short '
      : row.operands[0] === 'Jz'
        ? `near ${long || decoded.operandSize === bits ? '' : decoded.operandSize === 16 ? 'word ' : 'dword '}`
        : '';
  if (branch !== '') {
    if (row.op.startsWith('loop'))
      return decoded.segmentPrefix < 0
        ? `${name} $+${decoded.length + decoded.immediate}, ${{ 16: 'cx', 32: 'ecx', 64: 'rcx' }[decoded.addressSize]}`
        : undefined;
    return `${[...prefixes, row.mnemonic === 'jcxz' ? name : row.mnemonic, row.op === 'jcxz' ? '' : branch].join(' ')}$+(${decoded.length + decoded.immediate})`;
  }
  // A suffix that only says the operand size.
  if (/^(push|call|jmp|retf?|iret|enter|leave|pop|fldenv|fnstenv|frstor|fnsave|[ls][gi]dt)[wdq]$/.test(name)) {
    name = name.slice(0, -1);
    if (name === 'push' && /^0x/.test(operands)) operands = `${SIZE_WORDS[decoded.operandSize]} ${operands}`;
    else if (!/dt$/.test(name)) prefixes.push(other.trim());
  }
  if (row.operands[0] === 'Ap')
    return [...prefixes, name, SIZE_WORDS[decoded.operandSize], operands].filter(Boolean).join(' ');
  const bare = decoded.memory && decoded.index < 0 && (decoded.base < 0 || decoded.base === RIP);
  if (long && bare && decoded.addressSize === 32) prefixes.push('a32');
  const parts =
    operands === ''
      ? []
      : operands.split(',').map((operand, i) => operandText(operand, row.operands[i]!, decoded, row, bits));
  return [...prefixes, name, parts.join(', ')].filter(Boolean).join(' ');
}

function operandText(operand: string, code: string, decoded: Decoded, row: Row, bits: CodeSize): string {
  const st = /^st(?:\((\d)\))?$/.exec(operand);
  if (st) return `st${st[1] ?? 0}`;
  const memory = /^(?:([A-Z]+) PTR )?(?:([c-gs]s):)?(?:\[(.*)\]|(0x[0-9a-f]+))$/.exec(operand);
  if (!memory || /^0x/.test(operand)) return operand;
  const [, size = '', , inside, bare] = memory;
  const segment = decoded.segmentPrefix < 0 ? '' : `${SEGMENTS[decoded.segmentPrefix]}:`;
  if (decoded.base === RIP) {
    // Counted from the instruction's end, which lies at an even place of 16 bytes.
    const distance = decoded.length + decoded.displacement;
    return `${wordFor(code, size, decoded, row)} [${segment}rel $+(${distance})]`.trim();
  }
  const long = bits === 64;
  const width =
    bare === undefined
      ? ''
      : long
        ? code[0] === 'O' && decoded.addressSize === 64
          ? 'qword '
          : ''
        : decoded.addressSize === bits
          ? ''
          : `${SIZE_WORDS[decoded.addressSize]} `;
  return `${wordFor(code, size, decoded, row)} [${width}${segment}${inside ?? bare}]`.trim();
}

/** The size word that is written before the bracket. */
function wordFor(code: string, size: string, decoded: Decoded, row: Row): string {
  if (code === 'Mp' && /^(call|jmp)f/.test(row.op)) return `far ${SIZE_WORDS[decoded.operandSize]}`;
  if (/^(E|Mf|Mi)/.test(code)) return SIZES[size]!;
  if (code === 'Ob') return 'byte';
  return code === 'Ov' ? SIZE_WORDS[decoded.operandSize]! : '';
}
