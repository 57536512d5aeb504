/** For tests: instructions in nasm's words, from the disassembler's. */
import { type CodeSize, DECODED, type Decoded, decode, disassemble, newDecoded, type Row } from '../table/index.ts';

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
const STRING = /^(movs|cmps|stos|lods|scas|ins|outs)$/;

/** The instruction at the beginning of `bytes` as a line for nasm; undefined where nasm has no words for just this encoding. */
export function nasmText(bytes: Uint8Array, bits: CodeSize, decoded: Decoded = newDecoded()): string | undefined {
  if (decode(bytes, 0, bytes.length, bits, decoded) !== DECODED) return undefined;
  const row = decoded.row!;
  const text = disassemble(decoded, 0, 'intel');
  if (/data(16|32)|addr(16|32)/.test(text)) return undefined;
  const words = text.split(' ');
  const prefixes: string[] = [];
  while (/^(lock|rep|repn?z|[c-gs]s)$/.test(words[0]!)) prefixes.push(words.shift()!);
  let name = words.shift()!;
  if (name === 'fnsetpm') name = 'fsetpm';
  let operands = words.join(' ');
  const other = decoded.operandSize === bits ? '' : `o${decoded.operandSize} `;
  if (STRING.test(row.op) || row.op === 'xlat') {
    if (decoded.segmentPrefix >= 0) prefixes.push(['es', 'cs', 'ss', 'ds', 'fs', 'gs'][decoded.segmentPrefix]!);
    if (decoded.addressSize !== bits) prefixes.push(`a${decoded.addressSize}`);
    const byte = row.operands.some(code => /^[XY]b$/.test(code));
    return [
      ...prefixes,
      row.op === 'xlat' ? 'xlatb' : row.mnemonic + (byte ? 'b' : decoded.operandSize === 16 ? 'w' : 'd'),
    ].join(' ');
  }
  const branch =
    row.operands[0] === 'Jb'
      ? 'short '
      : row.operands[0] === 'Jz'
        ? `near ${decoded.operandSize === bits ? '' : decoded.operandSize === 16 ? 'word ' : 'dword '}`
        : '';
  if (branch !== '') {
    if (row.op === 'jcxz') name = decoded.addressSize === 16 ? 'jcxz' : 'jecxz';
    if (row.op.startsWith('loop'))
      return decoded.segmentPrefix < 0
        ? `${name} $+${decoded.length + decoded.immediate}, ${decoded.addressSize === 16 ? 'cx' : 'ecx'}`
        : undefined;
    return `${[...prefixes, row.mnemonic === 'jcxz' ? name : row.mnemonic, row.op === 'jcxz' ? '' : branch].join(' ')}$+(${decoded.length + decoded.immediate})`;
  }
  // A suffix that only says the operand size.
  if (/^(push|call|jmp|retf?|enter|leave|pop|fldenv|fnstenv|frstor|fnsave|[ls][gi]dt)[wd]$/.test(name)) {
    name = name.slice(0, -1);
    if (name === 'push' && /^0x/.test(operands))
      operands = `${decoded.operandSize === 16 ? 'word' : 'dword'} ${operands}`;
    else if (!/dt$/.test(name)) prefixes.push(other.trim());
  }
  if (row.operands[0] === 'Ap')
    return [...prefixes, name, decoded.operandSize === 16 ? 'word' : 'dword', operands].filter(Boolean).join(' ');
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
  const segment = decoded.segmentPrefix < 0 ? '' : `${['es', 'cs', 'ss', 'ds', 'fs', 'gs'][decoded.segmentPrefix]}:`;
  const width =
    decoded.addressSize === bits || bare === undefined ? '' : decoded.addressSize === 16 ? 'word ' : 'dword ';
  const word =
    code === 'Mp' && /^(call|jmp)f/.test(row.op)
      ? `far ${decoded.operandSize === 16 ? 'word' : 'dword'}`
      : /^(E|Mf|Mi)/.test(code)
        ? SIZES[size]!
        : code === 'Ob'
          ? 'byte'
          : code === 'Ov'
            ? decoded.operandSize === 16
              ? 'word'
              : 'dword'
            : '';
  return `${word} [${width}${segment}${inside ?? bare}]`.trim();
}
