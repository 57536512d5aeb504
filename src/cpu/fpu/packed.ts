/**
 * Packed integers: MMX, SSE2, SSSE3, SSE4.1 and SSE4.2, on words of R. Most operations stay within 32 bits and are written as functions of two words;
 * the hottest of those are spelt out as kernels, since a kernel that calls a function it was given is a call V8 cannot see through.
 * Sources: SDM vol. 2, each instruction.
 */
import { DST, IMM, SRC } from '../record.ts';
import type { CoreOpFactory } from '../ops/core.ts';
import { FPR, XMM } from '../architecture/registers.ts';
import { readyMmx, readySse } from './stack.ts';
import { binary, binaryImmediate, enterMmx, type Kernel, memorySource, mmxTarget } from './vector.ts';

type Word = (a: number, b: number) => number;

// ---- by words ----

const words = (f: Word): CoreOpFactory =>
  binary((R, d, s, n) => {
    R[d] = f(R[d], R[s]);
    R[d + 1] = f(R[d + 1], R[s + 1]);
    if (n === 4) {
      R[d + 2] = f(R[d + 2], R[s + 2]);
      R[d + 3] = f(R[d + 3], R[s + 3]);
    }
  });

/** A word function from one of signed or unsigned bytes or 16-bit lanes. */
const signedBytes =
  (f: Word): Word =>
  (a, b) =>
    (f((a << 24) >> 24, (b << 24) >> 24) & 0xff) |
    ((f((a << 16) >> 24, (b << 16) >> 24) & 0xff) << 8) |
    ((f((a << 8) >> 24, (b << 8) >> 24) & 0xff) << 16) |
    (f(a >> 24, b >> 24) << 24);
const unsignedBytes =
  (f: Word): Word =>
  (a, b) =>
    (f(a & 0xff, b & 0xff) & 0xff) |
    ((f((a >> 8) & 0xff, (b >> 8) & 0xff) & 0xff) << 8) |
    ((f((a >> 16) & 0xff, (b >> 16) & 0xff) & 0xff) << 16) |
    (f(a >>> 24, b >>> 24) << 24);
const signed16 =
  (f: Word): Word =>
  (a, b) =>
    (f((a << 16) >> 16, (b << 16) >> 16) & 0xffff) | (f(a >> 16, b >> 16) << 16);
const unsigned16 =
  (f: Word): Word =>
  (a, b) =>
    (f(a & 0xffff, b & 0xffff) & 0xffff) | (f(a >>> 16, b >>> 16) << 16);

const clamp = (v: number, low: number, high: number): number => (v < low ? low : v > high ? high : v);
const toInt8 = (v: number): number => clamp(v, -128, 127);
const toUint8 = (v: number): number => clamp(v, 0, 255);
const toInt16 = (v: number): number => clamp(v, -32768, 32767);
const toUint16 = (v: number): number => clamp(v, 0, 65535);

const min: Word = (a, b) => (a < b ? a : b);
const max: Word = (a, b) => (a > b ? a : b);
const greater: Word = (a, b) => (a > b ? -1 : 0);

/** Carries between lanes are kept out by adding without the lanes' top bits. */
const addBytes: Word = (a, b) => ((a & 0x7f7f7f7f) + (b & 0x7f7f7f7f)) ^ ((a ^ b) & 0x80808080);
const add16: Word = (a, b) => ((a & 0x7fff7fff) + (b & 0x7fff7fff)) ^ ((a ^ b) & 0x80008000);
const subtractBytes: Word = (a, b) => ((a | 0x80808080) - (b & 0x7f7f7f7f)) ^ ((a ^ ~b) & 0x80808080);
const subtract16: Word = (a, b) => ((a | 0x80008000) - (b & 0x7fff7fff)) ^ ((a ^ ~b) & 0x80008000);

/** Bytes that are equal become FF: a byte of x is zero where neither it nor the sum of its low bits with 7F has the top bit. */
const equalBytes: Word = (a, b) => {
  const x = a ^ b;
  return Math.imul(~(((x & 0x7f7f7f7f) + 0x7f7f7f7f) | x | 0x7f7f7f7f) >>> 7, 0xff);
};
const equal16: Word = (a, b) => {
  const x = a ^ b;
  return Math.imul(~(((x & 0x7fff7fff) + 0x7fff7fff) | x | 0x7fff7fff) >>> 15, 0xffff);
};

// ---- hot kernels ----

const and: Kernel = (R, d, s, n) => {
  R[d] &= R[s];
  R[d + 1] &= R[s + 1];
  if (n === 4) {
    R[d + 2] &= R[s + 2];
    R[d + 3] &= R[s + 3];
  }
};
const andNot: Kernel = (R, d, s, n) => {
  R[d] = ~R[d] & R[s];
  R[d + 1] = ~R[d + 1] & R[s + 1];
  if (n === 4) {
    R[d + 2] = ~R[d + 2] & R[s + 2];
    R[d + 3] = ~R[d + 3] & R[s + 3];
  }
};
const or: Kernel = (R, d, s, n) => {
  R[d] |= R[s];
  R[d + 1] |= R[s + 1];
  if (n === 4) {
    R[d + 2] |= R[s + 2];
    R[d + 3] |= R[s + 3];
  }
};
const xor: Kernel = (R, d, s, n) => {
  R[d] ^= R[s];
  R[d + 1] ^= R[s + 1];
  if (n === 4) {
    R[d + 2] ^= R[s + 2];
    R[d + 3] ^= R[s + 3];
  }
};
const add32: Kernel = (R, d, s, n) => {
  R[d] += R[s];
  R[d + 1] += R[s + 1];
  if (n === 4) {
    R[d + 2] += R[s + 2];
    R[d + 3] += R[s + 3];
  }
};
const subtract32: Kernel = (R, d, s, n) => {
  R[d] -= R[s];
  R[d + 1] -= R[s + 1];
  if (n === 4) {
    R[d + 2] -= R[s + 2];
    R[d + 3] -= R[s + 3];
  }
};
const compareBytes: Kernel = (R, d, s, n) => {
  for (let i = 0; i < n; i++) R[d + i] = equalBytes(R[d + i], R[s + i]);
};
const addPackedBytes: Kernel = (R, d, s, n) => {
  for (let i = 0; i < n; i++) R[d + i] = addBytes(R[d + i], R[s + i]);
};
const addPacked16: Kernel = (R, d, s, n) => {
  for (let i = 0; i < n; i++) R[d + i] = add16(R[d + i], R[s + i]);
};

// ---- by 64 bits ----

const add64: Kernel = (R, d, s, n) => {
  for (let i = 0; i < n; i += 2) {
    const a = R[d + i],
      low = (a + R[s + i]) | 0;
    R[d + i + 1] += R[s + i + 1] + (low >>> 0 < a >>> 0 ? 1 : 0);
    R[d + i] = low;
  }
};
const subtract64: Kernel = (R, d, s, n) => {
  for (let i = 0; i < n; i += 2) {
    const a = R[d + i],
      b = R[s + i];
    R[d + i + 1] -= R[s + i + 1] + (a >>> 0 < b >>> 0 ? 1 : 0);
    R[d + i] = a - b;
  }
};

/** High word of the unsigned product: the low one is exact in int32, the double tells the rest to within less than half a unit. */
function productHigh(a: number, b: number): number {
  return Math.round(((a >>> 0) * (b >>> 0) - (Math.imul(a, b) >>> 0)) * 2 ** -32) | 0;
}

const multiplyUnsigned32: Kernel = (R, d, s, n) => {
  for (let i = 0; i < n; i += 2) {
    const a = R[d + i],
      b = R[s + i];
    R[d + i] = Math.imul(a, b);
    R[d + i + 1] = productHigh(a, b);
  }
};
const multiplySigned32: Kernel = (R, d, s, n) => {
  for (let i = 0; i < n; i += 2) {
    const a = R[d + i],
      b = R[s + i];
    R[d + i] = Math.imul(a, b);
    R[d + i + 1] = productHigh(a, b) - (a < 0 ? b : 0) - (b < 0 ? a : 0);
  }
};
const equal64: Kernel = (R, d, s, n) => {
  for (let i = 0; i < n; i += 2)
    R[d + i] = R[d + i + 1] = R[d + i] === R[s + i] && R[d + i + 1] === R[s + i + 1] ? -1 : 0;
};
const greater64: Kernel = (R, d, s, n) => {
  for (let i = 0; i < n; i += 2) {
    const high = R[d + i + 1],
      other = R[s + i + 1];
    R[d + i] = R[d + i + 1] = high > other || (high === other && R[d + i] >>> 0 > R[s + i] >>> 0) ? -1 : 0;
  }
};

function distance(a: number, b: number): number {
  let sum = 0;
  for (let i = 0; i < 32; i += 8) sum += Math.abs(((a >>> i) & 0xff) - ((b >>> i) & 0xff));
  return sum;
}
const sumOfDistances: Kernel = (R, d, s, n) => {
  for (let i = 0; i < n; i += 2) {
    R[d + i] = distance(R[d + i], R[s + i]) + distance(R[d + i + 1], R[s + i + 1]);
    R[d + i + 1] = 0;
  }
};

// ---- across lanes ----

/** Copies of the operands, for kernels that must read all before they write. */
const a = new Int32Array(4),
  b = new Int32Array(4);
const aBytes = new Uint8Array(a.buffer),
  bBytes = new Uint8Array(b.buffer),
  a16 = new Int16Array(a.buffer),
  b16 = new Int16Array(b.buffer);

function take(R: Int32Array, d: number, s: number, n: number): void {
  for (let i = 0; i < n; i++) {
    a[i] = R[d + i];
    b[i] = R[s + i];
  }
}

/** Two words of 16-bit lanes to one of bytes. */
const pack16 =
  (f: (v: number) => number): Kernel =>
  (R, d, s, n) => {
    take(R, d, s, n);
    const half = n >> 1;
    for (let i = 0; i < n; i++) {
      const from = i < half ? a : b,
        k = 2 * (i < half ? i : i - half),
        x = from[k],
        y = from[k + 1];
      R[d + i] =
        (f((x << 16) >> 16) & 0xff) |
        ((f(x >> 16) & 0xff) << 8) |
        ((f((y << 16) >> 16) & 0xff) << 16) |
        (f(y >> 16) << 24);
    }
  };
const pack32 =
  (f: (v: number) => number): Kernel =>
  (R, d, s, n) => {
    take(R, d, s, n);
    const half = n >> 1;
    for (let i = 0; i < n; i++) {
      const from = i < half ? a : b,
        k = 2 * (i < half ? i : i - half);
      R[d + i] = (f(from[k]) & 0xffff) | (f(from[k + 1]) << 16);
    }
  };

const interleaveBytesLow = (x: number, y: number): number =>
  (x & 0xff) | ((y & 0xff) << 8) | ((x & 0xff00) << 8) | ((y & 0xff00) << 16);
const interleave16Low = (x: number, y: number): number => (x & 0xffff) | (y << 16);

/** PUNPCKL (`high` false) and PUNPCKH of bytes or 16-bit lanes. */
const unpack =
  (f: Word, lane: 8 | 16, high: boolean): Kernel =>
  (R, d, s, n) => {
    take(R, d, s, n);
    const first = high ? n >> 1 : 0;
    for (let i = 0; i < n; i += 2) {
      const x = a[first + (i >> 1)],
        y = b[first + (i >> 1)];
      R[d + i] = f(x, y);
      R[d + i + 1] = lane === 8 ? f(x >>> 16, y >>> 16) : (x >>> 16) | (y & 0xffff0000);
    }
  };
const unpack32 =
  (high: boolean): Kernel =>
  (R, d, s, n) => {
    take(R, d, s, n);
    const first = high ? n >> 1 : 0;
    for (let i = 0; i < n; i += 2) {
      R[d + i] = a[first + (i >> 1)];
      R[d + i + 1] = b[first + (i >> 1)];
    }
  };
const unpack64 =
  (first: number): Kernel =>
  (R, d, s) => {
    take(R, d, s, 4);
    R[d] = a[first];
    R[d + 1] = a[first + 1];
    R[d + 2] = b[first];
    R[d + 3] = b[first + 1];
  };

// ---- shifts ----

/** Shifts n words at d by a count that is below the lane's width (larger ones have been dealt with). */
type Shift = (R: Int32Array, d: number, count: number, n: number) => void;

const SHIFTS: Record<string, [lane: number, arithmetic: boolean, shift: Shift]> = {
  psrlw: [
    16,
    false,
    (R, d, c, n) => {
      const m = 0xffff >>> c;
      for (let i = 0; i < n; i++) R[d + i] = (R[d + i] >>> c) & ((m << 16) | m);
    },
  ],
  psllw: [
    16,
    false,
    (R, d, c, n) => {
      const m = (0xffff << c) & 0xffff;
      for (let i = 0; i < n; i++) R[d + i] = (R[d + i] << c) & ((m << 16) | m);
    },
  ],
  psraw: [
    16,
    true,
    (R, d, c, n) => {
      for (let i = 0; i < n; i++) R[d + i] = (((R[d + i] << 16) >> (16 + c)) & 0xffff) | ((R[d + i] >> c) & 0xffff0000);
    },
  ],
  psrld: [
    32,
    false,
    (R, d, c, n) => {
      for (let i = 0; i < n; i++) R[d + i] >>>= c;
    },
  ],
  pslld: [
    32,
    false,
    (R, d, c, n) => {
      for (let i = 0; i < n; i++) R[d + i] <<= c;
    },
  ],
  psrad: [
    32,
    true,
    (R, d, c, n) => {
      for (let i = 0; i < n; i++) R[d + i] >>= c;
    },
  ],
  psrlq: [
    64,
    false,
    (R, d, c, n) => {
      for (let i = d; i < d + n; i += 2) {
        const h = R[i + 1];
        if (c >= 32) {
          R[i] = h >>> (c - 32);
          R[i + 1] = 0;
        } else if (c > 0) {
          R[i] = (R[i] >>> c) | (h << (32 - c));
          R[i + 1] = h >>> c;
        }
      }
    },
  ],
  psllq: [
    64,
    false,
    (R, d, c, n) => {
      for (let i = d; i < d + n; i += 2) {
        const l = R[i];
        if (c >= 32) {
          R[i + 1] = l << (c - 32);
          R[i] = 0;
        } else if (c > 0) {
          R[i + 1] = (R[i + 1] << c) | (l >>> (32 - c));
          R[i] = l << c;
        }
      }
    },
  ],
};

/** Shift by a register or memory (its low 64 bits are the count) or, in the forms `N,Ib` and `U,Ib`, by an immediate of the register in ModRM.rm. */
const shift = (name: string): CoreOpFactory => {
  const [lane, arithmetic, f] = SHIFTS[name];
  const apply = (R: Int32Array, d: number, low: number, high: number, n: number): void => {
    if (high === 0 && low >>> 0 < lane) f(R, d, low, n);
    else if (arithmetic) f(R, d, lane - 1, n);
    else for (let i = 0; i < n; i++) R[d + i] = 0;
  };
  const byOperand = binary((R, d, s, n) => apply(R, d, R[s], R[s + 1], n));
  return (row, memory, operandSize) => {
    if (row.operands[1] !== 'Ib') return byOperand(row, memory, operandSize);
    return row.operands[0] === 'Nq'
      ? (core, p) => {
          readyMmx(core);
          enterMmx(core.R);
          apply(core.R, mmxTarget(core.R, core.A[p + SRC]), core.A[p + IMM] & 0xff, 0, 2);
        }
      : (core, p) => {
          readySse(core);
          apply(core.R, XMM + 4 * core.A[p + SRC], core.A[p + IMM] & 0xff, 0, 4);
        };
  };
};

/** PSLLDQ, PSRLDQ: the whole register by bytes. */
const shiftBytes =
  (left: boolean): CoreOpFactory =>
  () =>
  (core, p) => {
    readySse(core);
    const R = core.R,
      d = XMM + 4 * core.A[p + SRC],
      count = core.A[p + IMM] & 0xff;
    take(R, d, d, 4);
    bBytes.fill(0);
    for (let i = 0; i < 16; i++) {
      const from = left ? i - count : i + count;
      if (from >= 0 && from < 16) bBytes[i] = aBytes[from];
    }
    for (let i = 0; i < 4; i++) R[d + i] = b[i];
  };

// ---- SSSE3 and later ----

/** PHADD, PHSUB: neighbours within an operand. */
const horizontal16 =
  (f: Word): Kernel =>
  (R, d, s, n) => {
    take(R, d, s, n);
    const half = n >> 1;
    for (let i = 0; i < n; i++) {
      const from = i < half ? a16 : b16,
        k = 4 * (i < half ? i : i - half);
      R[d + i] = (f(from[k], from[k + 1]) & 0xffff) | (f(from[k + 2], from[k + 3]) << 16);
    }
  };
const horizontal32 =
  (f: Word): Kernel =>
  (R, d, s, n) => {
    take(R, d, s, n);
    const half = n >> 1;
    for (let i = 0; i < n; i++) {
      const from = i < half ? a : b,
        k = 2 * (i < half ? i : i - half);
      R[d + i] = f(from[k], from[k + 1]);
    }
  };
const shuffleBytes: Kernel = (R, d, s, n) => {
  const mask = n - 1;
  for (let i = 0; i < n; i++) a[i] = R[d + i];
  for (let i = 0; i < n; i++) {
    const select = R[s + i];
    const byte0 = (select & 0x80) !== 0 ? 0 : (a[(select >> 2) & mask] >>> (8 * (select & 3))) & 0xff;
    const byte1 = (select & 0x8000) !== 0 ? 0 : (a[(select >> 10) & mask] >>> (8 * ((select >> 8) & 3))) & 0xff;
    const byte2 = (select & 0x800000) !== 0 ? 0 : (a[(select >> 18) & mask] >>> (8 * ((select >> 16) & 3))) & 0xff;
    const byte3 = select < 0 ? 0 : (a[(select >> 26) & mask] >>> (8 * ((select >> 24) & 3))) & 0xff;
    R[d + i] = byte0 | (byte1 << 8) | (byte2 << 16) | (byte3 << 24);
  }
};
const sign: Word = (x, y) => (y < 0 ? -x : y === 0 ? 0 : x);
const multiplyAddBytes: Word = (x, y) => {
  const low = (x & 0xff) * ((y << 24) >> 24) + ((x >> 8) & 0xff) * ((y << 16) >> 24),
    high = ((x >> 16) & 0xff) * ((y << 8) >> 24) + (x >>> 24) * (y >> 24);
  return (toInt16(low) & 0xffff) | (toInt16(high) << 16);
};

const alignBytes = binaryImmediate((R, d, s, n, count) => {
  take(R, d, s, n);
  const bytes = 4 * n;
  for (let i = 0; i < n; i++) {
    let word = 0;
    for (let k = 0; k < 4; k++) {
      const from = 4 * i + k + count;
      word |= (from < bytes ? bBytes[from] : from < 2 * bytes ? aBytes[from - bytes] : 0) << (8 * k);
    }
    R[d + i] = word;
  }
});

/** PMOVSX, PMOVZX: lanes of `from` bits widened to `to` bits. */
const extend = (from: number, to: number, signed: boolean): CoreOpFactory =>
  binary((R, d, s) => {
    take(R, s, s, 4);
    for (let i = 0; i < 4; i++) {
      let low = 0,
        high = 0;
      if (to === 16) {
        low = (lane(2 * i, from, signed) & 0xffff) | (lane(2 * i + 1, from, signed) << 16);
      } else if (to === 32) low = lane(i, from, signed);
      else {
        if ((i & 1) !== 0) continue;
        low = lane(i >> 1, from, signed);
        high = signed ? low >> 31 : 0;
        R[d + i + 1] = high;
      }
      R[d + i] = low;
    }
  });
function lane(i: number, bits: number, signed: boolean): number {
  const value = bits === 8 ? aBytes[i] : bits === 16 ? a16[i] & 0xffff : a[i];
  return !signed ? value : bits === 8 ? (value << 24) >> 24 : bits === 16 ? (value << 16) >> 16 : value;
}
const extensions: Record<string, CoreOpFactory> = {};
for (const [name, from, to] of [
  ['bw', 8, 16],
  ['bd', 8, 32],
  ['bq', 8, 64],
  ['wd', 16, 32],
  ['wq', 16, 64],
  ['dq', 32, 64],
] as const) {
  extensions[`pmovsx${name}`] = extend(from, to, true);
  extensions[`pmovzx${name}`] = extend(from, to, false);
}

/** PHMINPOSUW: the least of eight unsigned 16-bit lanes and its index. */
const leastAndPosition: Kernel = (R, d, s) => {
  take(R, s, s, 4);
  let least = 0x10000,
    at = 0;
  for (let i = 0; i < 8; i++)
    if ((a16[i] & 0xffff) < least) {
      least = a16[i] & 0xffff;
      at = i;
    }
  R[d] = least | (at << 16);
  R[d + 1] = R[d + 2] = R[d + 3] = 0;
};

/** MPSADBW: eight sums of distances of four bytes, sliding over the first operand. */
const slidingDistances = binaryImmediate((R, d, s, _n, immediate) => {
  take(R, d, s, 4);
  const first = (immediate & 4) !== 0 ? 4 : 0,
    block = 4 * (immediate & 3);
  for (let i = 0; i < 4; i++) {
    let word = 0;
    for (let k = 0; k < 2; k++) {
      let sum = 0;
      for (let j = 0; j < 4; j++) sum += Math.abs(aBytes[first + 2 * i + k + j] - bBytes[block + j]);
      word |= sum << (16 * k);
    }
    R[d + i] = word;
  }
});

/** The sign bits of the bytes of `n` words: bits 7, 15, 23, 31 of a word are gathered by one multiplication. */
function byteSigns(R: Int32Array, s: number, n: number): number {
  let mask = 0;
  for (let i = 0; i < n; i++) mask |= (Math.imul((R[s + i] >>> 7) & 0x01010101, 0x10204080) >>> 28) << (4 * i);
  return mask;
}

/** PMOVMSKB. */
const moveMask: CoreOpFactory = row => {
  const mmx = row.operands[1] === 'Nq';
  return (core, p) => {
    const R = core.R;
    if (mmx) {
      readyMmx(core);
      enterMmx(R);
    } else readySse(core);
    R[core.A[p + DST]] = byteSigns(R, (mmx ? FPR : XMM) + 4 * core.A[p + SRC], mmx ? 2 : 4);
  };
};

/** PTEST: ZF if no bit is common, CF if the destination has all bits of the source. */
const test: CoreOpFactory = (_row, memory) => (core, p) => {
  readySse(core);
  const s = memory ? memorySource(core, p, 16) : XMM + 4 * core.A[p + SRC],
    d = XMM + 4 * core.A[p + DST],
    R = core.R;
  let common = 0,
    missing = 0;
  for (let i = 0; i < 4; i++) {
    common |= R[s + i] & R[d + i];
    missing |= R[s + i] & ~R[d + i];
  }
  core.setFlags((common === 0 ? 0x40 : 0) | (missing === 0 ? 1 : 0));
};

/** What compiled regions call of the above. */
export const packedFunctions = {
  addBytes,
  add16,
  subtractBytes,
  subtract16,
  equalBytes,
  equal16,
  shuffleBytes,
  byteSigns,
};

const shifts = Object.fromEntries(Object.keys(SHIFTS).map(name => [name, shift(name)]));

export const packedOps: Record<string, CoreOpFactory> = {
  pand: binary(and),
  pandn: binary(andNot),
  por: binary(or),
  pxor: binary(xor),
  // The floating-point names of the same.
  andps: binary(and),
  andpd: binary(and),
  andnps: binary(andNot),
  andnpd: binary(andNot),
  orps: binary(or),
  orpd: binary(or),
  xorps: binary(xor),
  xorpd: binary(xor),

  paddb: binary(addPackedBytes),
  paddw: binary(addPacked16),
  paddd: binary(add32),
  paddq: binary(add64),
  psubb: words(subtractBytes),
  psubw: words(subtract16),
  psubd: binary(subtract32),
  psubq: binary(subtract64),
  paddsb: words(signedBytes((x, y) => toInt8(x + y))),
  paddsw: words(signed16((x, y) => toInt16(x + y))),
  paddusb: words(unsignedBytes((x, y) => toUint8(x + y))),
  paddusw: words(unsigned16((x, y) => toUint16(x + y))),
  psubsb: words(signedBytes((x, y) => toInt8(x - y))),
  psubsw: words(signed16((x, y) => toInt16(x - y))),
  psubusb: words(unsignedBytes((x, y) => toUint8(x - y))),
  psubusw: words(unsigned16((x, y) => toUint16(x - y))),

  pcmpeqb: binary(compareBytes),
  pcmpeqw: words(equal16),
  pcmpeqd: words((x, y) => (x === y ? -1 : 0)),
  pcmpeqq: binary(equal64),
  pcmpgtb: words(signedBytes(greater)),
  pcmpgtw: words(signed16(greater)),
  pcmpgtd: words(greater),
  pcmpgtq: binary(greater64),

  pminub: words(unsignedBytes(min)),
  pmaxub: words(unsignedBytes(max)),
  pminsw: words(signed16(min)),
  pmaxsw: words(signed16(max)),
  pminsb: words(signedBytes(min)),
  pmaxsb: words(signedBytes(max)),
  pminuw: words(unsigned16(min)),
  pmaxuw: words(unsigned16(max)),
  pminsd: words(min),
  pmaxsd: words(max),
  pminud: words((x, y) => (x >>> 0 < y >>> 0 ? x : y)),
  pmaxud: words((x, y) => (x >>> 0 > y >>> 0 ? x : y)),
  pavgb: words((x, y) => (x | y) - (((x ^ y) >>> 1) & 0x7f7f7f7f)),
  pavgw: words((x, y) => (x | y) - (((x ^ y) >>> 1) & 0x7fff7fff)),

  pmullw: words((x, y) => (Math.imul(x, y) & 0xffff) | (Math.imul(x >> 16, y >> 16) << 16)),
  pmulld: words(Math.imul),
  pmulhw: words(signed16((x, y) => (x * y) >> 16)),
  pmulhuw: words(unsigned16((x, y) => (x * y) / 65536)),
  pmulhrsw: words(signed16((x, y) => (((x * y) >> 14) + 1) >> 1)),
  pmaddwd: words((x, y) => Math.imul((x << 16) >> 16, (y << 16) >> 16) + Math.imul(x >> 16, y >> 16)),
  pmaddubsw: words(multiplyAddBytes),
  pmuludq: binary(multiplyUnsigned32),
  pmuldq: binary(multiplySigned32),
  psadbw: binary(sumOfDistances),
  mpsadbw: slidingDistances,

  packsswb: binary(pack16(toInt8)),
  packuswb: binary(pack16(toUint8)),
  packssdw: binary(pack32(toInt16)),
  packusdw: binary(pack32(toUint16)),
  punpcklbw: binary(unpack(interleaveBytesLow, 8, false)),
  punpckhbw: binary(unpack(interleaveBytesLow, 8, true)),
  punpcklwd: binary(unpack(interleave16Low, 16, false)),
  punpckhwd: binary(unpack(interleave16Low, 16, true)),
  punpckldq: binary(unpack32(false)),
  punpckhdq: binary(unpack32(true)),
  punpcklqdq: binary(unpack64(0)),
  punpckhqdq: binary(unpack64(2)),
  unpcklps: binary(unpack32(false)),
  unpckhps: binary(unpack32(true)),
  unpcklpd: binary(unpack64(0)),
  unpckhpd: binary(unpack64(2)),

  ...shifts,
  pslldq: shiftBytes(true),
  psrldq: shiftBytes(false),
  pmovmskb: moveMask,

  psignb: words(signedBytes(sign)),
  psignw: words(signed16(sign)),
  psignd: words(sign),
  pabsb: words(signedBytes((_x, y) => Math.abs(y))),
  pabsw: words(signed16((_x, y) => Math.abs(y))),
  pabsd: words((_x, y) => Math.abs(y)),
  phaddw: binary(horizontal16((x, y) => x + y)),
  phaddsw: binary(horizontal16((x, y) => toInt16(x + y))),
  phaddd: binary(horizontal32((x, y) => x + y)),
  phsubw: binary(horizontal16((x, y) => x - y)),
  phsubsw: binary(horizontal16((x, y) => toInt16(x - y))),
  phsubd: binary(horizontal32((x, y) => x - y)),
  pshufb: binary(shuffleBytes),
  palignr: alignBytes,
  ...extensions,
  phminposuw: binary(leastAndPosition),
  ptest: test,
};
