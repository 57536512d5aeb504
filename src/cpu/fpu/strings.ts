/**
 * SSE4.2 string comparison (PCMPESTRI, PCMPESTRM, PCMPISTRI, PCMPISTRM), CRC32 and POPCNT. Sources: SDM vol. 1, 12.8-12.10; vol. 2, 4.1 (imm8 control)
 * and each instruction.
 */
import type { Core, CoreOpFactory } from '../ops/core.ts';
import { DST, IMM, SRC } from '../record.ts';
import { EAX, ECX, EDX, XMM } from '../architecture/registers.ts';
import { readySse } from './stack.ts';
import { readScratch } from './vector.ts';

const EQUAL_ANY = 0,
  RANGES = 1,
  EQUAL_EACH = 2;
const CF = 1,
  ZF = 0x40,
  SF = 0x80,
  OF = 0x800;

/** The two strings, widened. */
const first = new Int32Array(16),
  second = new Int32Array(16);

function lanes(R: Int32Array, s: number, format: number, to: Int32Array): void {
  // Shifts left and right extend a lane with its sign, or with zeros.
  const shift = (format & 1) === 0 ? 24 : 16,
    signed = (format & 2) !== 0;
  let lane = 0;
  for (let i = s; i < s + 4; i++) {
    for (let at = shift; at >= 0; at -= 32 - shift) {
      const top = R[i] << at;
      to[lane++] = signed ? top >> shift : top >>> shift;
    }
  }
}

/** Length by the first zero lane. */
function implicitLength(text: Int32Array, count: number): number {
  let n = 0;
  while (n < count && text[n] !== 0) n++;
  return n;
}

/** Length in a register: its magnitude, at most all lanes. */
const explicitLength = (value: number, count: number): number =>
  value === -0x80000000 ? count : Math.min(Math.abs(value), count);

/** Length by the first byte that is zero. */
function byteLength(R: Int32Array, s: number): number {
  for (let i = 0; i < 4; i++) {
    const word = R[s + i],
      zeros = (word - 0x01010101) & ~word & 0x80808080;
    if (zeros !== 0) return 4 * i + ((31 - Math.clz32(zeros & -zeros)) >> 3);
  }
  return 16;
}

/**
 * Sets of bytes that were asked for lately, by a hash of their first word: four words and the length of the string, then a bit for each byte value. A shell asks for a
 * handful alternately.
 */
const SETS = 16,
  SET_WORDS = 13,
  LENGTH = 4,
  MEMBERS = 5;
const sets = new Int32Array(SETS * SET_WORDS).fill(-1);

/** Where the members of the first string begin in `sets`. */
function setOf(R: Int32Array, d: number, length: number): number {
  const at = (Math.imul(R[d] ^ length, 0x9e3779b1) >>> 28) * SET_WORDS,
    members = at + MEMBERS;
  if (
    sets[at + LENGTH] === length &&
    sets[at] === R[d] &&
    sets[at + 1] === R[d + 1] &&
    sets[at + 2] === R[d + 2] &&
    sets[at + 3] === R[d + 3]
  )
    return members;
  for (let i = 0; i < 4; i++) sets[at + i] = R[d + i];
  sets[at + LENGTH] = length;
  for (let i = 0; i < 8; i++) sets[members + i] = 0;
  for (let j = 0; j < length; j++) {
    const byte = R[d + (j >> 2)] >>> (8 * (j & 3));
    sets[members + ((byte >>> 5) & 7)] |= 1 << (byte & 31);
  }
  return members;
}

/** What strcspn() and strpbrk() of C libraries ask: which bytes of the second string are in the first. */
function equalAnyByte(R: Int32Array, d: number, s: number, length1: number, length2: number): number {
  const members = setOf(R, d, length1);
  let bits = 0;
  for (let i = 0; i < length2; i++) {
    const byte = R[s + (i >> 2)] >>> (8 * (i & 3));
    bits |= ((sets[members + ((byte >>> 5) & 7)] >>> (byte & 31)) & 1) << i;
  }
  return bits;
}

/** What strcmp() asks: where the strings are the same, byte by byte. */
function equalEachByte(R: Int32Array, d: number, s: number, length1: number, length2: number): number {
  let bits = 0;
  for (let i = 0; i < 4; i++) {
    const differs = R[d + i] ^ R[s + i],
      equal = ~(((differs & 0x7f7f7f7f) + 0x7f7f7f7f) | differs | 0x7f7f7f7f);
    // Bits 7, 15, 23 and 31 come together as bits 28 to 31.
    bits |= (Math.imul(equal >>> 7, 0x10204080) >>> 28) << (4 * i);
  }
  return (bits & ((1 << Math.min(length1, length2)) - 1)) | ((1 << 16) - (1 << Math.max(length1, length2)));
}

function equalEach(count: number, length1: number, length2: number): number {
  const both = Math.min(length1, length2);
  let bits = (1 << count) - (1 << Math.max(length1, length2));
  for (let i = 0; i < both; i++) if (first[i] === second[i]) bits |= 1 << i;
  return bits;
}

/** IntRes1 of the SDM: a bit for each lane of the second string. */
function aggregate(count: number, length1: number, length2: number, mode: number): number {
  if (mode === EQUAL_EACH) return equalEach(count, length1, length2);
  let bits = 0;
  for (let i = 0; i < count; i++) {
    let hit = false;
    if (mode === EQUAL_ANY) {
      for (let j = 0; j < length1 && i < length2; j++) if (first[j] === second[i]) hit = true;
    } else if (mode === RANGES) {
      for (let j = 0; j + 1 < length1 && i < length2; j += 2)
        if (first[j] <= second[i] && second[i] <= first[j + 1]) hit = true;
    } else {
      // Equal ordered: the first string begins at lane i of the second; what lies past the register's end is not asked.
      hit = true;
      for (let j = 0; j < length1 && i + j < count; j++)
        if (i + j >= length2 || first[j] !== second[i + j]) hit = false;
    }
    if (hit) bits |= 1 << i;
  }
  return bits;
}

/** What EAX or EDX says of a string's length; as large as does not fit into a word is as good as the largest one. */
export type LengthOf = (R: Int32Array, register: number) => number;
export const wordLength: LengthOf = (R, register) => R[register];

const FLAGS_SHIFT = 16;
/** Bits of the comparison's result, IntRes2; EFLAGS at their places in that register, FLAGS_SHIFT higher. `lengthOf`: null where strings end with a zero. */
function compare(R: Int32Array, d: number, s: number, immediate: number, lengthOf: LengthOf | null): number {
  const count = (immediate & 1) !== 0 ? 8 : 16,
    all = (1 << count) - 1;
  let length1 = count,
    length2 = count,
    bits: number;
  if (lengthOf !== null) {
    length1 = explicitLength(lengthOf(R, EAX), count);
    length2 = explicitLength(lengthOf(R, EDX), count);
  }
  const mode = (immediate >> 2) & 3;
  if (count === 16 && (mode === EQUAL_ANY || mode === EQUAL_EACH)) {
    if (lengthOf === null) {
      length1 = byteLength(R, d);
      length2 = byteLength(R, s);
    }
    bits = mode === EQUAL_ANY ? equalAnyByte(R, d, s, length1, length2) : equalEachByte(R, d, s, length1, length2);
  } else {
    lanes(R, d, immediate & 3, first);
    lanes(R, s, immediate & 3, second);
    if (lengthOf === null) {
      length1 = implicitLength(first, count);
      length2 = implicitLength(second, count);
    }
    bits = aggregate(count, length1, length2, mode);
  }
  if ((immediate & 0x10) !== 0) bits ^= (immediate & 0x20) !== 0 ? (1 << length2) - 1 : all;
  return (
    bits |
    (((bits !== 0 ? CF : 0) | (length2 < count ? ZF : 0) | (length1 < count ? SF : 0) | ((bits & 1) !== 0 ? OF : 0)) <<
      FLAGS_SHIFT)
  );
}

/** The index that PCMPxSTRI puts into ECX. */
const indexOf = (bits: number, immediate: number): number =>
  bits === 0
    ? (immediate & 1) !== 0
      ? 8
      : 16
    : (immediate & 0x40) !== 0
      ? 31 - Math.clz32(bits)
      : 31 - Math.clz32(bits & -bits);

/** PCMPISTRI, for compiled regions: ECX, and above its eight bits EFLAGS. */
export function implicitIndex(R: Int32Array, d: number, s: number, immediate: number): number {
  const result = compare(R, d, s, immediate, null);
  return indexOf(result & 0xffff, immediate) | ((result >>> FLAGS_SHIFT) << 8);
}

export const stringCompare =
  (lengthOf: LengthOf | null, mask: boolean): CoreOpFactory =>
  (_row, memory) =>
  (core, p) => {
    readySse(core);
    const R = core.R,
      immediate = core.A[p + IMM];
    // Any alignment will do here.
    const s = memory ? readScratch(core, core.addressing.address(p, 16, false), 16) : XMM + 4 * core.A[p + SRC];
    const result = compare(R, XMM + 4 * core.A[p + DST], s, immediate, lengthOf),
      bits = result & 0xffff;
    if (mask) {
      const perWord = (immediate & 1) !== 0 ? 2 : 4,
        width = 32 / perWord;
      for (let i = 0; i < 4; i++) {
        let word = (immediate & 0x40) !== 0 ? 0 : i === 0 ? bits : 0;
        if ((immediate & 0x40) !== 0)
          for (let k = 0; k < perWord; k++)
            if (((bits >> (i * perWord + k)) & 1) !== 0) word |= ((1 << width) - 1) << (k * width);
        R[XMM + i] = word;
      }
    } else R[ECX] = indexOf(bits, immediate);
    core.setFlags(result >>> FLAGS_SHIFT);
  };

/** CRC-32C (polynomial 1EDC6F41h, bits reversed) by bytes. */
const crcTable = new Int32Array(256);
for (let i = 0; i < 256; i++) {
  let crc = i;
  for (let k = 0; k < 8; k++) crc = (crc >>> 1) ^ ((crc & 1) !== 0 ? 0x82f63b78 : 0);
  crcTable[i] = crc;
}

export function crcBytes(crc: number, value: number, bytes: number): number {
  for (let i = 0; i < bytes; i++) crc = crcTable[(crc ^ (value >>> (8 * i))) & 0xff] ^ (crc >>> 8);
  return crc;
}

function readSized(core: Core, p: number, bytes: number): number {
  const linear = core.addressing.address(p, bytes, false);
  return bytes === 1
    ? core.memory.read8(linear)
    : bytes === 2
      ? core.memory.read16(linear)
      : core.memory.read32(linear);
}

const crc32: CoreOpFactory = (row, memory, operandSize) => {
  const bytes = row.operands[1] === 'Eb' ? 1 : operandSize >> 3;
  return (core, p) => {
    const R = core.R,
      A = core.A,
      rm = A[p + SRC];
    // The byte registers are AL CL DL BL AH CH DH BH.
    const value = memory ? readSized(core, p, bytes) : bytes === 1 ? R[rm & 3] >>> ((rm & 4) * 2) : R[rm];
    R[A[p + DST]] = crcBytes(R[A[p + DST]], value, bytes);
  };
};

const popcnt: CoreOpFactory = (_row, memory, operandSize) => (core, p) => {
  const R = core.R,
    A = core.A,
    d = A[p + DST];
  let v = memory ? readSized(core, p, operandSize >> 3) : R[A[p + SRC]];
  if (operandSize === 16) v &= 0xffff;
  core.setFlags(v === 0 ? ZF : 0);
  v -= (v >>> 1) & 0x55555555;
  v = (v & 0x33333333) + ((v >>> 2) & 0x33333333);
  v = Math.imul((v + (v >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
  R[d] = operandSize === 16 ? (R[d] & 0xffff0000) | v : v;
};

export const stringOps: Record<string, CoreOpFactory> = {
  pcmpestri: stringCompare(wordLength, false),
  pcmpestrm: stringCompare(wordLength, true),
  pcmpistri: stringCompare(null, false),
  pcmpistrm: stringCompare(null, true),
  crc32,
  popcnt,
};
