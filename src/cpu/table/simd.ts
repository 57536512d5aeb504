/**
 * MMX, SSE to SSE4.2 and the state instructions of group 15. Source: SDM vol. 2, tables and the instruction pages.
 * Operand codes: Pq Qq Nq MMX (Q register or memory, N register only); V W U XMM likewise; the letters after say how much of it is used
 * and how much memory: x 128 bits, ps pd packed, ss 32 bits, sd 64 bits, q 64, d 32, w 16.
 */
import { hex, row, type RowOptions } from './define.ts';
import type { Row } from './row.ts';

const MMX: RowOptions = { feature: 'mmx' };
const SSE: RowOptions = { feature: 'sse' };
const SSE2: RowOptions = { feature: 'sse2' };
const SSE3: RowOptions = { feature: 'sse3' };
const SSSE3: RowOptions = { feature: 'ssse3' };
const SSE41: RowOptions = { feature: 'sse41' };
const SSE42: RowOptions = { feature: 'sse42' };
const COMPARE = { writes: 'OSZAPC' } as const;

/** Opcode and mnemonic of each in runs of names from a first opcode. */
function* runs(
  table: readonly (readonly [first: number, mnemonics: string])[],
): Generator<[opcode: string, mnemonic: string]> {
  for (const [first, mnemonics] of table) {
    for (const [i, mnemonic] of mnemonics.split(' ').entries()) yield [hex(first + i), mnemonic];
  }
}

/** Integer operations that exist on MMX and, with 66, on XMM registers; the second field is the feature of the MMX form. */
const INTEGER: readonly [opcode: number, feature: 'mmx' | 'sse' | 'sse2', mnemonics: string][] = [
  [0x63, 'mmx', 'packsswb pcmpgtb pcmpgtw pcmpgtd packuswb punpckhbw punpckhwd punpckhdq packssdw'],
  [0x74, 'mmx', 'pcmpeqb pcmpeqw pcmpeqd'],
  [0xd1, 'mmx', 'psrlw psrld psrlq'],
  [0xd4, 'sse2', 'paddq'],
  [0xd5, 'mmx', 'pmullw'],
  [0xd8, 'mmx', 'psubusb psubusw'],
  [0xda, 'sse', 'pminub'],
  [0xdb, 'mmx', 'pand paddusb paddusw'],
  [0xde, 'sse', 'pmaxub'],
  [0xdf, 'mmx', 'pandn'],
  [0xe0, 'sse', 'pavgb'],
  [0xe1, 'mmx', 'psraw psrad'],
  [0xe3, 'sse', 'pavgw pmulhuw'],
  [0xe5, 'mmx', 'pmulhw'],
  [0xe8, 'mmx', 'psubsb psubsw'],
  [0xea, 'sse', 'pminsw'],
  [0xeb, 'mmx', 'por paddsb paddsw'],
  [0xee, 'sse', 'pmaxsw'],
  [0xef, 'mmx', 'pxor'],
  [0xf1, 'mmx', 'psllw pslld psllq'],
  [0xf4, 'sse2', 'pmuludq'],
  [0xf5, 'mmx', 'pmaddwd'],
  [0xf6, 'sse', 'psadbw'],
  [0xf8, 'mmx', 'psubb psubw psubd'],
  [0xfb, 'sse2', 'psubq'],
  [0xfc, 'mmx', 'paddb paddw paddd'],
];
const integer = INTEGER.flatMap(([opcode, feature, mnemonics]) =>
  mnemonics
    .split(' ')
    .flatMap((name, i) => [
      row(`NP 0F ${hex(opcode + i)}`, name, 'Pq,Qq', { feature }),
      row(`66 0F ${hex(opcode + i)}`, name, 'Vx,Wx', SSE2),
    ]),
);
/** The low halves are unpacked: the MMX form reads 32 bits of memory. */
const unpackLow = ['punpcklbw', 'punpcklwd', 'punpckldq'].flatMap((name, i) => [
  row(`NP 0F ${hex(0x60 + i)}`, name, 'Pq,Qd', MMX),
  row(`66 0F ${hex(0x60 + i)}`, name, 'Vx,Wx', SSE2),
]);

/** Groups 12-14: shifts by an immediate. */
const shifts = (
  [
    ['71', 2, 'psrlw'],
    ['71', 4, 'psraw'],
    ['71', 6, 'psllw'],
    ['72', 2, 'psrld'],
    ['72', 4, 'psrad'],
    ['72', 6, 'pslld'],
    ['73', 2, 'psrlq'],
    ['73', 6, 'psllq'],
  ] as const
).flatMap(([opcode, reg, name]) => [
  row(`NP 0F ${opcode} /${reg}r`, name, 'Nq,Ib', MMX),
  row(`66 0F ${opcode} /${reg}r`, name, 'Ux,Ib', SSE2),
]);

/** Floating-point operations with all four forms: packed single, packed double (66), scalar single (F3), scalar double (F2). */
const FOUR_FORMS = [
  [0x51, 'sqrt'],
  [0x58, 'add mul'],
  [0x5c, 'sub min div max'],
] as const;
const float = [...runs(FOUR_FORMS)].flatMap(([opcode, name]) => [
  row(`NP 0F ${opcode}`, `${name}ps`, 'Vps,Wps', SSE),
  row(`66 0F ${opcode}`, `${name}pd`, 'Vpd,Wpd', SSE2),
  row(`F3 0F ${opcode}`, `${name}ss`, 'Vss,Wss', SSE),
  row(`F2 0F ${opcode}`, `${name}sd`, 'Vsd,Wsd', SSE2),
]);
/** Those with packed forms only. */
const PACKED = [
  [0x14, 'unpckl unpckh'],
  [0x54, 'and andn or xor'],
] as const;
const packed = [...runs(PACKED)].flatMap(([opcode, name]) => [
  row(`NP 0F ${opcode}`, `${name}ps`, 'Vps,Wps', SSE),
  row(`66 0F ${opcode}`, `${name}pd`, 'Vpd,Wpd', SSE2),
]);

const sse: Row[] = [
  row('NP 0F 10', 'movups', 'Vps,Wps', { ...SSE, wide: 'm128' }),
  row('66 0F 10', 'movupd', 'Vpd,Wpd', { ...SSE2, wide: 'm128' }),
  row('F3 0F 10', 'movss', 'Vss,Wss', SSE),
  row('F2 0F 10', 'movsd', 'Vsd,Wsd', { ...SSE2, op: 'movsd_xmm' }),
  row('NP 0F 11', 'movups', 'Wps,Vps', { ...SSE, wide: 'm128' }),
  row('66 0F 11', 'movupd', 'Wpd,Vpd', { ...SSE2, wide: 'm128' }),
  row('F3 0F 11', 'movss', 'Wss,Vss', SSE),
  row('F2 0F 11', 'movsd', 'Wsd,Vsd', { ...SSE2, op: 'movsd_xmm' }),
  row('NP 0F 12 m', 'movlps', 'Vq,Mq', SSE),
  row('NP 0F 12 r', 'movhlps', 'Vq,Uq', SSE),
  row('66 0F 12 m', 'movlpd', 'Vq,Mq', SSE2),
  row('F3 0F 12', 'movsldup', 'Vx,Wx', SSE3),
  row('F2 0F 12', 'movddup', 'Vx,Wq', SSE3),
  row('NP 0F 13 m', 'movlps', 'Mq,Vq', SSE),
  row('66 0F 13 m', 'movlpd', 'Mq,Vq', SSE2),
  row('NP 0F 16 m', 'movhps', 'Vq,Mq', SSE),
  row('NP 0F 16 r', 'movlhps', 'Vq,Uq', SSE),
  row('66 0F 16 m', 'movhpd', 'Vq,Mq', SSE2),
  row('F3 0F 16', 'movshdup', 'Vx,Wx', SSE3),
  row('NP 0F 17 m', 'movhps', 'Mq,Vq', SSE),
  row('66 0F 17 m', 'movhpd', 'Mq,Vq', SSE2),
  row('NP 0F 28', 'movaps', 'Vps,Wps', { ...SSE, wide: 'm128' }),
  row('66 0F 28', 'movapd', 'Vpd,Wpd', { ...SSE2, wide: 'm128' }),
  row('NP 0F 29', 'movaps', 'Wps,Vps', { ...SSE, wide: 'm128' }),
  row('66 0F 29', 'movapd', 'Wpd,Vpd', { ...SSE2, wide: 'm128' }),
  row('NP 0F 2A', 'cvtpi2ps', 'Vps,Qq', SSE),
  row('66 0F 2A', 'cvtpi2pd', 'Vpd,Qq', SSE2),
  row('F3 0F 2A', 'cvtsi2ss', 'Vss,Ey', SSE),
  row('F2 0F 2A', 'cvtsi2sd', 'Vsd,Ey', SSE2),
  row('NP 0F 2B m', 'movntps', 'Mx,Vps', SSE),
  row('66 0F 2B m', 'movntpd', 'Mx,Vpd', SSE2),
  row('NP 0F 2C', 'cvttps2pi', 'Pq,Wq', SSE),
  row('66 0F 2C', 'cvttpd2pi', 'Pq,Wpd', SSE2),
  row('F3 0F 2C', 'cvttss2si', 'Gy,Wss', SSE),
  row('F2 0F 2C', 'cvttsd2si', 'Gy,Wsd', SSE2),
  row('NP 0F 2D', 'cvtps2pi', 'Pq,Wq', SSE),
  row('66 0F 2D', 'cvtpd2pi', 'Pq,Wpd', SSE2),
  row('F3 0F 2D', 'cvtss2si', 'Gy,Wss', SSE),
  row('F2 0F 2D', 'cvtsd2si', 'Gy,Wsd', SSE2),
  row('NP 0F 2E', 'ucomiss', 'Vss,Wss', { ...SSE, ...COMPARE }),
  row('66 0F 2E', 'ucomisd', 'Vsd,Wsd', { ...SSE2, ...COMPARE }),
  row('NP 0F 2F', 'comiss', 'Vss,Wss', { ...SSE, ...COMPARE }),
  row('66 0F 2F', 'comisd', 'Vsd,Wsd', { ...SSE2, ...COMPARE }),
  row('NP 0F 50 r', 'movmskps', 'Gd,Ups', SSE),
  row('66 0F 50 r', 'movmskpd', 'Gd,Upd', SSE2),
  row('NP 0F 52', 'rsqrtps', 'Vps,Wps', SSE),
  row('F3 0F 52', 'rsqrtss', 'Vss,Wss', SSE),
  row('NP 0F 53', 'rcpps', 'Vps,Wps', SSE),
  row('F3 0F 53', 'rcpss', 'Vss,Wss', SSE),
  row('NP 0F 5A', 'cvtps2pd', 'Vpd,Wq', SSE2),
  row('66 0F 5A', 'cvtpd2ps', 'Vps,Wpd', SSE2),
  row('F3 0F 5A', 'cvtss2sd', 'Vsd,Wss', SSE2),
  row('F2 0F 5A', 'cvtsd2ss', 'Vss,Wsd', SSE2),
  row('NP 0F 5B', 'cvtdq2ps', 'Vps,Wx', SSE2),
  row('66 0F 5B', 'cvtps2dq', 'Vx,Wps', SSE2),
  row('F3 0F 5B', 'cvttps2dq', 'Vx,Wps', SSE2),
  row('66 0F 6C', 'punpcklqdq', 'Vx,Wx', SSE2),
  row('66 0F 6D', 'punpckhqdq', 'Vx,Wx', SSE2),
  // With REX.W these move 64 bits and are called MOVQ.
  row('NP 0F 6E', 'movd', 'Pd,Ey', MMX),
  row('66 0F 6E', 'movd', 'Vd,Ey', SSE2),
  row('NP 0F 7E', 'movd', 'Ey,Pd', MMX),
  row('66 0F 7E', 'movd', 'Ey,Vd', SSE2),
  row('NP 0F 6F', 'movq', 'Pq,Qq', MMX),
  row('66 0F 6F', 'movdqa', 'Vx,Wx', { ...SSE2, wide: 'm128' }),
  row('F3 0F 6F', 'movdqu', 'Vx,Wx', { ...SSE2, wide: 'm128' }),
  row('NP 0F 70', 'pshufw', 'Pq,Qq,Ib', SSE),
  row('66 0F 70', 'pshufd', 'Vx,Wx,Ib', SSE2),
  row('F3 0F 70', 'pshufhw', 'Vx,Wx,Ib', SSE2),
  row('F2 0F 70', 'pshuflw', 'Vx,Wx,Ib', SSE2),
  row('66 0F 73 /3r', 'psrldq', 'Ux,Ib', SSE2),
  row('66 0F 73 /7r', 'pslldq', 'Ux,Ib', SSE2),
  row('NP 0F 77', 'emms', '', MMX),
  row('66 0F 7C', 'haddpd', 'Vpd,Wpd', SSE3),
  row('F2 0F 7C', 'haddps', 'Vps,Wps', SSE3),
  row('66 0F 7D', 'hsubpd', 'Vpd,Wpd', SSE3),
  row('F2 0F 7D', 'hsubps', 'Vps,Wps', SSE3),
  row('F3 0F 7E', 'movq', 'Vq,Wq', SSE2),
  row('NP 0F 7F', 'movq', 'Qq,Pq', MMX),
  row('66 0F 7F', 'movdqa', 'Wx,Vx', { ...SSE2, wide: 'm128' }),
  row('F3 0F 7F', 'movdqu', 'Wx,Vx', { ...SSE2, wide: 'm128' }),
  row('NP 0F AE /0m', 'fxsave', 'M', { feature: 'fxsr' }),
  row('NP 0F AE /1m', 'fxrstor', 'M', { feature: 'fxsr' }),
  row('NP 0F AE /2m', 'ldmxcsr', 'Md', SSE),
  row('NP 0F AE /3m', 'stmxcsr', 'Md', SSE),
  row('NP 0F AE /5r', 'lfence', '', SSE2),
  row('NP 0F AE /6r', 'mfence', '', SSE2),
  row('NP 0F AE /7r', 'sfence', '', SSE),
  row('NP 0F C2', 'cmpps', 'Vps,Wps,Ib', SSE),
  row('66 0F C2', 'cmppd', 'Vpd,Wpd,Ib', SSE2),
  row('F3 0F C2', 'cmpss', 'Vss,Wss,Ib', SSE),
  row('F2 0F C2', 'cmpsd', 'Vsd,Wsd,Ib', { ...SSE2, op: 'cmpsd_xmm' }),
  row('NP 0F C3 m', 'movnti', 'My,Gy', SSE2),
  row('NP 0F C4 m', 'pinsrw', 'Pq,Mw,Ib', SSE),
  row('NP 0F C4 r', 'pinsrw', 'Pq,Rd,Ib', SSE),
  row('66 0F C4 m', 'pinsrw', 'Vx,Mw,Ib', SSE2),
  row('66 0F C4 r', 'pinsrw', 'Vx,Rd,Ib', SSE2),
  row('NP 0F C5 r', 'pextrw', 'Gd,Nq,Ib', SSE),
  row('66 0F C5 r', 'pextrw', 'Gd,Ux,Ib', SSE2),
  row('NP 0F C6', 'shufps', 'Vps,Wps,Ib', SSE),
  row('66 0F C6', 'shufpd', 'Vpd,Wpd,Ib', SSE2),
  row('66 0F D0', 'addsubpd', 'Vpd,Wpd', SSE3),
  row('F2 0F D0', 'addsubps', 'Vps,Wps', SSE3),
  row('66 0F D6', 'movq', 'Wq,Vq', SSE2),
  row('F3 0F D6 r', 'movq2dq', 'Vx,Nq', SSE2),
  row('F2 0F D6 r', 'movdq2q', 'Pq,Uq', SSE2),
  row('NP 0F D7 r', 'pmovmskb', 'Gd,Nq', SSE),
  row('66 0F D7 r', 'pmovmskb', 'Gd,Ux', SSE2),
  row('66 0F E6', 'cvttpd2dq', 'Vx,Wpd', SSE2),
  row('F3 0F E6', 'cvtdq2pd', 'Vpd,Wq', SSE2),
  row('F2 0F E6', 'cvtpd2dq', 'Vx,Wpd', SSE2),
  row('NP 0F E7 m', 'movntq', 'Mq,Pq', SSE),
  row('66 0F E7 m', 'movntdq', 'Mx,Vx', SSE2),
  row('F2 0F F0 m', 'lddqu', 'Vx,Mx', SSE3),
  row('NP 0F F7 r', 'maskmovq', 'Pq,Nq', SSE),
  row('66 0F F7 r', 'maskmovdqu', 'Vx,Ux', SSE2),
];

/** SSSE3: MMX and XMM forms alike. */
const SSSE3_38 = [
  [0x00, 'pshufb phaddw phaddd phaddsw pmaddubsw phsubw phsubd phsubsw psignb psignw psignd pmulhrsw'],
  [0x1c, 'pabsb pabsw pabsd'],
] as const;
const ssse3 = [...runs(SSSE3_38)].flatMap(([opcode, name]) => [
  row(`NP 0F 38 ${opcode}`, name, 'Pq,Qq', SSSE3),
  row(`66 0F 38 ${opcode}`, name, 'Vx,Wx', SSSE3),
]);

/** SSE4.1 with two whole XMM operands, after 66 0F 38. */
const SSE41_38 = [
  [0x28, 'pmuldq pcmpeqq'],
  [0x2b, 'packusdw'],
  [0x38, 'pminsb pminsd pminuw pminud pmaxsb pmaxsd pmaxuw pmaxud pmulld phminposuw'],
] as const;
/** PMOVSX and PMOVZX: how much memory is read. */
const EXTENSIONS = [
  ['bw', 'Wq'],
  ['bd', 'Wd'],
  ['bq', 'Ww'],
  ['wd', 'Wq'],
  ['wq', 'Wd'],
  ['dq', 'Wq'],
] as const;
const sse4: Row[] = [
  row('66 0F 38 10', 'pblendvb', 'Vx,Wx,XMM0', SSE41),
  row('66 0F 38 14', 'blendvps', 'Vps,Wps,XMM0', SSE41),
  row('66 0F 38 15', 'blendvpd', 'Vpd,Wpd,XMM0', SSE41),
  row('66 0F 38 17', 'ptest', 'Vx,Wx', { ...SSE41, ...COMPARE }),
  ...EXTENSIONS.flatMap(([sizes, source], i) => [
    row(`66 0F 38 ${hex(0x20 + i)}`, `pmovsx${sizes}`, `Vx,${source}`, SSE41),
    row(`66 0F 38 ${hex(0x30 + i)}`, `pmovzx${sizes}`, `Vx,${source}`, SSE41),
  ]),
  ...[...runs(SSE41_38)].map(([opcode, name]) => row(`66 0F 38 ${opcode}`, name, 'Vx,Wx', SSE41)),
  row('66 0F 38 2A m', 'movntdqa', 'Vx,Mx', SSE41),
  row('66 0F 38 37', 'pcmpgtq', 'Vx,Wx', SSE42),
  row('F2 0F 38 F0', 'crc32', 'Gy,Eb', SSE42),
  row('F2 0F 38 F1', 'crc32', 'Gy,Ev', SSE42),
  row('66 0F 3A 08', 'roundps', 'Vps,Wps,Ib', SSE41),
  row('66 0F 3A 09', 'roundpd', 'Vpd,Wpd,Ib', SSE41),
  row('66 0F 3A 0A', 'roundss', 'Vss,Wss,Ib', SSE41),
  row('66 0F 3A 0B', 'roundsd', 'Vsd,Wsd,Ib', SSE41),
  row('66 0F 3A 0C', 'blendps', 'Vps,Wps,Ib', SSE41),
  row('66 0F 3A 0D', 'blendpd', 'Vpd,Wpd,Ib', SSE41),
  row('66 0F 3A 0E', 'pblendw', 'Vx,Wx,Ib', SSE41),
  row('NP 0F 3A 0F', 'palignr', 'Pq,Qq,Ib', SSSE3),
  row('66 0F 3A 0F', 'palignr', 'Vx,Wx,Ib', SSSE3),
  row('66 0F 3A 14 m', 'pextrb', 'Mb,Vx,Ib', SSE41),
  row('66 0F 3A 14 r', 'pextrb', 'Rd,Vx,Ib', SSE41),
  row('66 0F 3A 15 m', 'pextrw', 'Mw,Vx,Ib', SSE41),
  row('66 0F 3A 15 r', 'pextrw', 'Rd,Vx,Ib', SSE41),
  row('66 0F 3A 16', 'pextrd', 'Ey,Vx,Ib', SSE41),
  row('66 0F 3A 17', 'extractps', 'Ed,Vx,Ib', SSE41),
  row('66 0F 3A 20 m', 'pinsrb', 'Vx,Mb,Ib', SSE41),
  row('66 0F 3A 20 r', 'pinsrb', 'Vx,Rd,Ib', SSE41),
  row('66 0F 3A 21', 'insertps', 'Vx,Wss,Ib', SSE41),
  row('66 0F 3A 22', 'pinsrd', 'Vx,Ey,Ib', SSE41),
  row('66 0F 3A 40', 'dpps', 'Vps,Wps,Ib', SSE41),
  row('66 0F 3A 41', 'dppd', 'Vpd,Wpd,Ib', SSE41),
  row('66 0F 3A 42', 'mpsadbw', 'Vx,Wx,Ib', SSE41),
  row('66 0F 3A 60', 'pcmpestrm', 'Vx,Wx,Ib', { ...SSE42, ...COMPARE }),
  row('66 0F 3A 61', 'pcmpestri', 'Vx,Wx,Ib', { ...SSE42, ...COMPARE }),
  row('66 0F 3A 62', 'pcmpistrm', 'Vx,Wx,Ib', { ...SSE42, ...COMPARE }),
  row('66 0F 3A 63', 'pcmpistri', 'Vx,Wx,Ib', { ...SSE42, ...COMPARE }),
];

export const simd: Row[] = [...integer, ...unpackLow, ...shifts, ...float, ...packed, ...sse, ...ssse3, ...sse4];
