/**
 * For tests: what stands between our decoder and disassembler and objdump's (binutils 2.40), each difference with its reason.
 * Spellings are rewritten before texts are compared; encodings that only one of the two knows are listed.
 */
import { DECODED, type Decoded, decode, newDecoded, type Row } from '../index.ts';
import type { CodeSize } from '../row.ts';

type Rule = readonly [why: string, pattern: RegExp, replacement: string];

const THEIRS: readonly Rule[] = [
  ['columns', /\s+/g, ' '],
  ['a RIP-relative operand is followed by a comment with its address', / ?#.*$/, ''],
  ['x87 control of old coprocessors carries a remark', /\((8087|287) only\)/, ''],
  ['a REX prefix of which some bits have no use is printed as a word of its own', /rex(\.[WRXB]+)? /g, ''],
  ['an address-size prefix is printed too where the operand is a plain address', /addr(16|32) (?=.*(?:0x|movabs))/, ''],
  ['an SIB byte without index is printed with the imaginary registers EIZ and RIZ', /(\+|,%)[er]iz([*,])1/, ''],
  ['the same by 67h in 64-bit code, without base', /\[eiz\*1\+(0x\w+)\]/, 'ds:$1'],
  ['the same in AT&T', /(0x\w+)\(\)/, '$1'],
  ['90h with 66h', /^xchg (%?)ax,\1ax$/, 'nop'],
  ['AT&T: MONITOR and MWAIT name the registers that they imply', /(monitor|mwait) .*/, '$1'],
];
const OURS: readonly Rule[] = [
  [
    'LDDQU and INVPCID are printed without the width of their memory',
    /^(lddqu|invpcid) (\w+),(XMMWORD|OWORD) PTR /,
    '$1 $2,',
  ],
  ['m16:64 is printed as m16:32', /^(call|jmp|l[sfg]s)(.*)TBYTE/, '$1$2FWORD'],
];
const GENERAL_REGISTER = /\b(?:r(\d+)[dw]?|[er]?([abcd]x|[sd]i|[sb]p))\b/;
/** The source of MOV to a segment register, LAR and LSL is 16 bits wide; objdump prints the register of the operand size. */
const NARROW_SOURCES: readonly Rule[] = [
  ['Intel', /^(mov [c-gs]s,|l(?:ar|sl) \w+,)(?=\w+$)(.*)/, '$1@$2'],
  ['AT&T', /^((?:mov|lar|lsl) )(%\w+)(?=,)/, '$1@$2'],
];

/** Both texts in a form in which they must be equal. */
export function normalised(text: string, whose: 'ours' | 'theirs', row: Row): string {
  let result = text;
  for (const [, pattern, replacement] of whose === 'ours' ? OURS : THEIRS)
    result = result.replace(pattern, replacement);
  if (row.op === 'movtosreg' || row.op === 'lar' || row.op === 'lsl') {
    for (const [, pattern, replacement] of NARROW_SOURCES) {
      result = result.replace(pattern, replacement).replace(new RegExp(`@%?${GENERAL_REGISTER.source}`), '@$1$2');
    }
  }
  return result.trim();
}

/** Encodings of rows that processors execute and objdump calls bad: 'SALC …' says which processors or which manual. */
const UNKNOWN_TO_OBJDUMP: readonly [why: string, (row: Row, decoded: Decoded) => boolean][] = [
  ['SALC: undocumented, in every processor since the 8086', row => row.op === 'salc'],
  [
    'x87 aliases: undocumented, recorded from a real processor by the oracle (group x87undoc)',
    (row, decoded) =>
      row.operands[0] === 'STi' && [0xd9, 0xdc, 0xdd, 0xde, 0xdf].includes(row.opcode) && !decoded.memory,
  ],
  ['fences: ModRM.rm is ignored (SDM vol. 2, "SFENCE": the opcode is 0F AE /7)', row => /^[lms]fence$/.test(row.op)],
  [
    '0F 0D with a register, and 0F 1A and 1B without MPX, do nothing (SDM vol. 2, "NOP", table A-3 note on reserved hints)',
    row => row.op === 'nop' && [0x0d, 0x1a, 0x1b].includes(row.opcode),
  ],
  ['0F 18 /4 to /7: objdump knows code prefetches among them', row => row.op === 'nop' && row.opcode === 0x18],
  [
    '0F 1C /0 is CLDEMOTE where there is one, else it does nothing',
    (row, decoded) => row.op === 'nop' && row.opcode === 0x1c && (decoded.reg & 7) === 0,
  ],
  [
    'F2 or F3 (WBINVD: 66 too) where they have no meaning are ignored (SDM vol. 2, 2.1.1: reserved)',
    (row, decoded) =>
      (decoded.repeat !== 0 || decoded.prefix66) &&
      ['wbinvd', 'bsf', 'bsr', 'rdrand', 'rdseed', 'movbe'].includes(row.op),
  ],
  [
    'FWAIT is an instruction of its own (SDM vol. 2); objdump joins it to the x87 instruction after it',
    row => row.op === 'fwait',
  ],
];

/** Mnemonics of extensions that this processor does not have: objdump knows every extension of every maker. */
const EXTENSIONS: readonly [extension: string, RegExp][] = [
  ['3DNow!', /^(femms|pf\w+|pi2f[wd]|pavgusb|pmulhrw|pswapd)$/],
  [
    'AVX and later, XOP, FMA4 (VEX, EVEX and XOP prefixes with mod 3)',
    /^(v[\w{}]+|k(add|and|andn|mov|not|or|ortest|shift|test|unpck|xnor|xor)\w+|ldtilecfg|sttilecfg|t(dp|ile)\w+)$/,
  ],
  [
    'BMI, TBM, LWP (VEX and XOP prefixes)',
    /^(andn|bextr|blc\w+|bls\w+|bzhi|mulx|pdep|pext|rorx|sarx|shlx|shrx|t1mskc|tzmsk|llwpcb|slwpcb|lwp\w+|cmp\w+xadd)$/,
  ],
  ['AES, PCLMULQDQ, GFNI, Key Locker', /^(aes\w+|pclmul\w+|gf2p8\w+|encodekey\d+|loadiwkey)$/],
  ['SHA', /^sha(1|256)\w+$/],
  ['ADX', /^ad[co]x$/],
  ['CET', /^(wru?ss[dq]|incssp[dq]|rstorssp|saveprevssp|clrssbsy|setssbsy)$/],
  ['XSAVEC, XSAVES', /^(xsavec|xsaves|xrstors)(64)?$/],
  ['SGX, TDX, PCONFIG', /^(encl[suv]|pconfig|seam\w+|tdcall)$/],
  ['SSE4a', /^(extrq|insertq|movntss|movntsd)$/],
  ['AMD system', /^(monitorx|mwaitx|clzero|rdpru|invlpgb|tlbsync|pvalidate|psmash|rmp\w+|mcommit)$/],
  ['RTM', /^(xabort|xbegin[wdl]?)$/],
  ['PKU', /^(rd|wr)pkru$/],
  ['VIA PadLock', /^(xstore-rng|xcrypt-\w+|montmul|xsha\w+)$/],
  ['direct stores', /^(movdiri|movdir64b|enqcmds?)$/],
  ['WAITPKG', /^(umonitor|umwait|tpause)$/],
  ['RAO-INT', /^a(add|and|or|xor)$/],
  [
    'other',
    /^(ptwrite|serialize|wrmsrns|rdmsrlist|wrmsrlist|clwb|cldemote|uiret|senduipi|stui|clui|testui|hreset|xsusldtrk|xresldtrk|prefetchit\d)$/,
  ],
  ['FRSTPM of the 287: unknown since the 387', /^frstpm/],
  ['SWAPGS, RDFSBASE …: in 64-bit mode only', /^(swapgs|(rd|wr)[fg]sbase)$/],
];

const PREFIX_WORDS =
  /^((rex(\.\w+)?|lock|repn?z|rep|data16|data32|addr16|addr32|[c-gs]s|bnd|xacquire|xrelease|notrack) +)*/;
const PREFIX_BYTES = new Set([0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3]);

/** The bytes from `at` with the prefixes in `drop` taken out, and how many those were. */
function without(
  code: Uint8Array,
  at: number,
  bits: CodeSize,
  drop: readonly number[],
): { bytes: Uint8Array; dropped: number } {
  const kept: number[] = [];
  let i = at;
  let dropped = 0;
  for (; i < code.length && (PREFIX_BYTES.has(code[i]!) || (bits === 64 && (code[i]! & 0xf0) === 0x40)); i++) {
    if (drop.includes(code[i]!)) dropped++;
    else kept.push(code[i]!);
  }
  return { bytes: Uint8Array.from([...kept, ...code.subarray(i, i + 15)]), dropped };
}

/**
 * Compares validity and length of what stands at `at`: '' where both agree or the difference has a reason above, else what differs.
 * `length` and `text` are objdump's.
 */
export function difference(code: Uint8Array, at: number, bits: CodeSize, length: number, text: string): string {
  const words = text.replace(/\s+/g, ' ').replace(PREFIX_WORDS, '');
  // A REX prefix that another prefix follows has no effect; objdump makes it an instruction of its own.
  if (bits === 64 && /^(?:\w+ )*rex(\.\w+)?\s*$/.test(text.trim())) return '';
  const d = newDecoded();
  let valid = decode(code, at, code.length - at, bits, d) === DECODED;
  let ours = d.length;
  if (d.lock && !valid) {
    // objdump prints LOCK without asking whether the instruction can be locked: compare the instruction without it.
    const { bytes, dropped } = without(code, at, bits, [0xf0]);
    valid = decode(bytes, 0, bytes.length, bits, d) === DECODED;
    ours = d.length + dropped;
  }
  const theirs = !text.includes('(bad)');
  if (valid && theirs && ours === length) return '';
  if (!valid && !theirs) return '';
  if (valid && UNKNOWN_TO_OBJDUMP.some(([, known]) => known(d.row!, d))) return '';
  const mnemonic = words.split(' ')[0]!;
  if (!valid) {
    if (EXTENSIONS.some(([, pattern]) => pattern.test(mnemonic))) return '';
    // Reserved segment registers, CS as a destination, CR1, CR5-CR7, the test registers of the 386 and 486: #UD (SDM vol. 2, "MOV").
    if (/^mov\b.*(\?|\bcs,|\bcr[15-7]\b|\bcr9\b|\bcr1[0-5]\b|\btr\d)/.test(words)) return '';
    // "NP" in the SDM: 66, F2 and F3 must not stand; objdump does not mind with some.
    const { bytes, dropped } = without(code, at, bits, [0x66, 0xf0, 0xf2, 0xf3]);
    if (
      dropped > 0 &&
      decode(bytes, 0, bytes.length, bits, d) === DECODED &&
      d.row!.prefix === 0 &&
      d.length + dropped === length
    )
      return '';
  }
  return `${text.replace(/\s+/g, ' ')} (${length} bytes); ours: ${valid ? d.row!.mnemonic : 'undefined'} (${ours} bytes)`;
}

/** True where objdump is known not to know this encoding. */
export function unknownToObjdump(decoded: Decoded): boolean {
  return UNKNOWN_TO_OBJDUMP.some(([, known]) => known(decoded.row!, decoded));
}
