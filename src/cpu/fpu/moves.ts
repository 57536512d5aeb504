/**
 * Moves and shuffles of MMX and SSE registers: no arithmetic, no exceptions but for addresses. Sources: SDM vol. 2, each instruction.
 */
import { BASE, DST, IMM, INDEX, SRC } from '../record.ts';
import type { Core, CoreOpFactory } from '../ops/core.ts';
import { EDI, FPR, XMM, ZERO } from '../architecture/registers.ts';
import { readyControl, readyMmx, readySse } from './stack.ts';
import { binaryImmediate, enterMmx, memorySource, mmxTarget, readScratch, writeWords } from './vector.ts';

// ---- 128 bits ----

/** MOVAPS and its relatives, loads and stores; `aligned`: memory must lie on 16 bytes. */
const move128 =
  (aligned: boolean): CoreOpFactory =>
  (row, memory) => {
    const store = row.operands[0][0] === 'W' || row.operands[0][0] === 'M';
    if (memory && store) {
      return aligned
        ? (core, p) => {
            readySse(core);
            writeWords(core, core.addressing.aligned16(p, 16, true), XMM + 4 * core.A[p + DST], 16);
          }
        : (core, p) => {
            readySse(core);
            writeWords(core, core.addressing.address(p, 16, true), XMM + 4 * core.A[p + DST], 16);
          };
    }
    if (memory) {
      return (core, p) => {
        readySse(core);
        core.memory.read128(
          aligned ? core.addressing.aligned16(p, 16, false) : core.addressing.address(p, 16, false),
          XMM + 4 * core.A[p + DST],
        );
      };
    }
    return (core, p) => {
      readySse(core);
      const d = XMM + 4 * core.A[p + (store ? SRC : DST)],
        s = XMM + 4 * core.A[p + (store ? DST : SRC)],
        R = core.R;
      R[d] = R[s];
      R[d + 1] = R[s + 1];
      R[d + 2] = R[s + 2];
      R[d + 3] = R[s + 3];
    };
  };

// ---- parts of XMM ----

/** MOVSS, MOVSD: from memory the rest of the register is cleared, from a register it stays. */
const moveScalar =
  (words: 1 | 2): CoreOpFactory =>
  (row, memory) => {
    const store = row.operands[0][0] === 'W';
    if (memory && store) {
      return (core, p) => {
        readySse(core);
        writeWords(core, core.addressing.address(p, 4 * words, true), XMM + 4 * core.A[p + DST], 4 * words);
      };
    }
    if (memory) {
      return (core, p) => {
        readySse(core);
        const linear = core.addressing.address(p, 4 * words, false),
          low = core.memory.read32(linear),
          high = words === 2 ? core.memory.read32((linear + 4) | 0) : 0;
        const d = XMM + 4 * core.A[p + DST],
          R = core.R;
        R[d] = low;
        R[d + 1] = high;
        R[d + 2] = 0;
        R[d + 3] = 0;
      };
    }
    return (core, p) => {
      readySse(core);
      const d = XMM + 4 * core.A[p + (store ? SRC : DST)],
        s = XMM + 4 * core.A[p + (store ? DST : SRC)],
        R = core.R;
      R[d] = R[s];
      if (words === 2) R[d + 1] = R[s + 1];
    };
  };

/** MOVLPS, MOVHPS, MOVLHPS, MOVHLPS: one half of `target`, from or to memory or from half `source` of a register. */
const moveHalf =
  (target: 0 | 2, source: 0 | 2): CoreOpFactory =>
  (row, memory) => {
    if (memory && row.operands[0][0] === 'M') {
      return (core, p) => {
        readySse(core);
        writeWords(core, core.addressing.address(p, 8, true), XMM + 4 * core.A[p + DST] + target, 8);
      };
    }
    if (memory) {
      return (core, p) => {
        readySse(core);
        const linear = core.addressing.address(p, 8, false),
          low = core.memory.read32(linear),
          high = core.memory.read32((linear + 4) | 0),
          d = XMM + 4 * core.A[p + DST] + target;
        core.R[d] = low;
        core.R[d + 1] = high;
      };
    }
    return (core, p) => {
      readySse(core);
      const d = XMM + 4 * core.A[p + DST] + target,
        s = XMM + 4 * core.A[p + SRC] + source,
        R = core.R;
      R[d] = R[s];
      R[d + 1] = R[s + 1];
    };
  };

/** MOVQ in its four encodings (MMX and XMM, load and store) and MOVNTQ. */
const movq: CoreOpFactory = (row, memory) => {
  const store = row.operands[0][0] === 'Q' || row.operands[0][0] === 'W' || row.operands[0][0] === 'M';
  if (row.operands.includes('Pq')) {
    if (memory && store) {
      return (core, p) => {
        readyMmx(core);
        writeWords(core, core.addressing.address(p, 8, true), FPR + 4 * core.A[p + DST], 8);
        enterMmx(core.R);
      };
    }
    return (core, p) => {
      readyMmx(core);
      const R = core.R,
        A = core.A;
      const s = memory ? memorySource(core, p, 8) : FPR + 4 * A[p + (store ? DST : SRC)];
      enterMmx(R);
      const d = mmxTarget(R, A[p + (store ? SRC : DST)]);
      R[d] = R[s];
      R[d + 1] = R[s + 1];
    };
  }
  if (memory && store) {
    return (core, p) => {
      readySse(core);
      writeWords(core, core.addressing.address(p, 8, true), XMM + 4 * core.A[p + DST], 8);
    };
  }
  return (core, p) => {
    readySse(core);
    const R = core.R,
      A = core.A;
    const s = memory ? memorySource(core, p, 8) : XMM + 4 * A[p + (store ? DST : SRC)],
      d = XMM + 4 * A[p + (store ? SRC : DST)];
    R[d] = R[s];
    R[d + 1] = R[s + 1];
    R[d + 2] = 0;
    R[d + 3] = 0;
  };
};

/** MOVD between a general register or 32 bits of memory and MMX or XMM. */
const movd: CoreOpFactory = (row, memory) => {
  const mmx = row.operands.includes('Pd'),
    store = row.operands[0][0] === 'E',
    file = mmx ? FPR : XMM;
  return (core, p) => {
    if (mmx) readyMmx(core);
    else readySse(core);
    const R = core.R,
      A = core.A;
    if (store) {
      const s = file + 4 * A[p + DST];
      if (memory) core.memory.write32(core.addressing.address(p, 4, true), R[s]);
      else R[A[p + SRC]] = R[s];
      if (mmx) enterMmx(R);
      return;
    }
    const value = memory ? core.memory.read32(core.addressing.address(p, 4, false)) : R[A[p + SRC]];
    if (mmx) {
      enterMmx(R);
      const d = mmxTarget(R, A[p + DST]);
      R[d] = value;
      R[d + 1] = 0;
    } else {
      const d = XMM + 4 * A[p + DST];
      R[d] = value;
      R[d + 1] = 0;
      R[d + 2] = 0;
      R[d + 3] = 0;
    }
  };
};

const movq2dq: CoreOpFactory = () => (core, p) => {
  readySse(core);
  readyControl(core);
  const R = core.R,
    d = XMM + 4 * core.A[p + DST],
    s = FPR + 4 * core.A[p + SRC];
  enterMmx(R);
  R[d] = R[s];
  R[d + 1] = R[s + 1];
  R[d + 2] = 0;
  R[d + 3] = 0;
};

const movdq2q: CoreOpFactory = () => (core, p) => {
  readySse(core);
  readyControl(core);
  const R = core.R,
    s = XMM + 4 * core.A[p + SRC];
  enterMmx(R);
  const d = mmxTarget(R, core.A[p + DST]);
  R[d] = R[s];
  R[d + 1] = R[s + 1];
};

/** MOVSLDUP, MOVSHDUP, MOVDDUP. */
const duplicate =
  (w0: number, w1: number, w2: number, w3: number, bytes: number): CoreOpFactory =>
  (_row, memory) =>
  (core, p) => {
    readySse(core);
    const s = memory ? memorySource(core, p, bytes) : XMM + 4 * core.A[p + SRC],
      d = XMM + 4 * core.A[p + DST],
      R = core.R;
    const a = R[s + w0],
      b = R[s + w1],
      c = R[s + w2],
      e = R[s + w3];
    R[d] = a;
    R[d + 1] = b;
    R[d + 2] = c;
    R[d + 3] = e;
  };

// ---- shuffles ----

const from = new Int32Array(4),
  other = new Int32Array(4);

function copy(R: Int32Array, s: number, to: Int32Array, n: number): void {
  for (let i = 0; i < n; i++) to[i] = R[s + i];
}

const pshufd = binaryImmediate((R, d, s, _n, immediate) => {
  const a = R[s + (immediate & 3)],
    b = R[s + ((immediate >> 2) & 3)],
    c = R[s + ((immediate >> 4) & 3)],
    e = R[s + (immediate >> 6)];
  R[d] = a;
  R[d + 1] = b;
  R[d + 2] = c;
  R[d + 3] = e;
});

/** 16-bit lane i of the two words from `low`. */
const pick = (low: number, high: number, i: number): number => ((i < 2 ? low : high) >>> ((i & 1) << 4)) & 0xffff;

/** PSHUFW, PSHUFLW, PSHUFHW: four 16-bit lanes at word `first`; the other half is copied. */
const shuffle16 = (first: 0 | 2) =>
  binaryImmediate((R, d, s, n, immediate) => {
    copy(R, s, from, n);
    for (let i = 0; i < n; i++) R[d + i] = from[i];
    const low = from[first],
      high = from[first + 1];
    R[d + first] = pick(low, high, immediate & 3) | (pick(low, high, (immediate >> 2) & 3) << 16);
    R[d + first + 1] = pick(low, high, (immediate >> 4) & 3) | (pick(low, high, immediate >> 6) << 16);
  });

const shufps = binaryImmediate((R, d, s, _n, immediate) => {
  copy(R, d, from, 4);
  copy(R, s, other, 4);
  R[d] = from[immediate & 3];
  R[d + 1] = from[(immediate >> 2) & 3];
  R[d + 2] = other[(immediate >> 4) & 3];
  R[d + 3] = other[immediate >> 6];
});

const shufpd = binaryImmediate((R, d, s, _n, immediate) => {
  copy(R, d, from, 4);
  copy(R, s, other, 4);
  const a = (immediate & 1) << 1,
    b = immediate & 2;
  R[d] = from[a];
  R[d + 1] = from[a + 1];
  R[d + 2] = other[b];
  R[d + 3] = other[b + 1];
});

// ---- to and from general registers ----

/** PINSRW, PINSRB, PINSRD: `bits` of a register or memory into a lane. */
const insert =
  (bits: 8 | 16 | 32): CoreOpFactory =>
  (row, memory) => {
    const mmx = row.operands[0] === 'Pq',
      lanes = (mmx ? 64 : 128) / bits,
      perWord = 32 / bits,
      mask = bits === 32 ? -1 : (1 << bits) - 1;
    return (core, p) => {
      if (mmx) readyMmx(core);
      else readySse(core);
      const R = core.R,
        A = core.A;
      let value: number;
      if (memory) {
        const linear = core.addressing.address(p, bits >> 3, false);
        value =
          bits === 8
            ? core.memory.read8(linear)
            : bits === 16
              ? core.memory.read16(linear)
              : core.memory.read32(linear);
      } else value = R[A[p + SRC]];
      if (mmx) enterMmx(R);
      const lane = A[p + IMM] & (lanes - 1),
        shift = (lane & (perWord - 1)) * bits;
      const d = ((mmx ? mmxTarget(R, A[p + DST]) : XMM + 4 * A[p + DST]) + lane / perWord) | 0;
      R[d] = (R[d] & ~(mask << shift)) | ((value & mask) << shift);
    };
  };

/** PEXTRW, PEXTRB, PEXTRD, EXTRACTPS: a lane to a register (zero-extended) or memory. */
const extract =
  (bits: 8 | 16 | 32): CoreOpFactory =>
  (row, memory) => {
    // 0F C5 has the general register in ModRM.reg, the SSE4.1 forms in ModRM.rm.
    const toReg = row.operands[0] === 'Gd',
      mmx = row.operands[1] === 'Nq';
    const lanes = (mmx ? 64 : 128) / bits,
      perWord = 32 / bits,
      mask = bits === 32 ? -1 : (1 << bits) - 1;
    return (core, p) => {
      if (mmx) readyMmx(core);
      else readySse(core);
      const R = core.R,
        A = core.A;
      const lane = A[p + IMM] & (lanes - 1),
        s = ((mmx ? FPR : XMM) + 4 * A[p + (toReg ? SRC : DST)] + lane / perWord) | 0;
      const value = (R[s] >>> ((lane & (perWord - 1)) * bits)) & mask;
      if (mmx) enterMmx(R);
      if (!memory) {
        R[A[p + (toReg ? DST : SRC)]] = value;
        return;
      }
      const linear = core.addressing.address(p, bits >> 3, true);
      if (bits === 8) core.memory.write8(linear, value);
      else if (bits === 16) core.memory.write16(linear, value);
      else core.memory.write32(linear, value);
    };
  };

/** MOVMSKPS, MOVMSKPD. */
const signs =
  (step: 1 | 2): CoreOpFactory =>
  () =>
  (core, p) => {
    readySse(core);
    const R = core.R,
      s = XMM + 4 * core.A[p + SRC];
    R[core.A[p + DST]] =
      step === 1
        ? (R[s] >>> 31) | ((R[s + 1] >>> 31) << 1) | ((R[s + 2] >>> 31) << 2) | ((R[s + 3] >>> 31) << 3)
        : (R[s + 1] >>> 31) | ((R[s + 3] >>> 31) << 1);
  };

// ---- stores past the caches ----

const movnti: CoreOpFactory = () => (core, p) => {
  core.memory.write32(core.addressing.address(p, 4, true), core.R[core.A[p + DST]]);
};

/** Stores the bytes at word index `s` whose mask byte (at `m`) has its top bit, at DS:[EDI]. */
function storeMasked(core: Core, p: number, s: number, m: number, bytes: number): void {
  const R = core.R;
  // The record has no memory operand; its address is EDI, 16 bits of it with 67.
  core.A[p + BASE] = EDI;
  core.A[p + INDEX] = ZERO;
  // #AC looks at the eight bytes.
  core.addressing.address(p, 8, true);
  const linear = core.addressing.address(p, bytes, true);
  let any = 0;
  for (let i = 0; i < bytes; i += 4) any |= R[m + (i >> 2)] & 0x80808080;
  if (any === 0) return;
  core.memory.probeWrite(linear, bytes);
  for (let i = 0; i < bytes; i++) {
    if (((R[m + (i >> 2)] >>> (8 * (i & 3))) & 0x80) !== 0)
      core.memory.write8((linear + i) | 0, (R[s + (i >> 2)] >>> (8 * (i & 3))) & 0xff);
  }
}

const maskmovq: CoreOpFactory = () => (core, p) => {
  readyMmx(core);
  storeMasked(core, p, FPR + 4 * core.A[p + DST], FPR + 4 * core.A[p + SRC], 8);
  enterMmx(core.R);
};

const maskmovdqu: CoreOpFactory = () => (core, p) => {
  readySse(core);
  storeMasked(core, p, XMM + 4 * core.A[p + DST], XMM + 4 * core.A[p + SRC], 16);
};

// ---- SSE4.1 blends ----

/** PBLENDW, BLENDPS, BLENDPD: lanes of `bits` bits by bits of the immediate. */
const blend = (bits: 16 | 32 | 64) =>
  binaryImmediate((R, d, s, _n, immediate) => {
    for (let i = 0; i < 4; i++) {
      const mask =
        bits === 16
          ? ((immediate >> (2 * i)) & 1 ? 0xffff : 0) | ((immediate >> (2 * i)) & 2 ? 0xffff0000 : 0)
          : -((immediate >> (bits === 32 ? i : i >> 1)) & 1);
      R[d + i] = (R[d + i] & ~mask) | (R[s + i] & mask);
    }
  });

/** PBLENDVB, BLENDVPS, BLENDVPD: by the sign bits of lanes of XMM0. */
const blendVariable =
  (bits: 8 | 32 | 64): CoreOpFactory =>
  (_row, memory) =>
  (core, p) => {
    readySse(core);
    const s = memory ? memorySource(core, p, 16) : XMM + 4 * core.A[p + SRC],
      d = XMM + 4 * core.A[p + DST],
      R = core.R;
    copy(R, XMM, other, 4);
    for (let i = 0; i < 4; i++) {
      const m =
        bits === 64
          ? other[i | 1] >> 31
          : bits === 32
            ? other[i] >> 31
            : Math.imul((other[i] >>> 7) & 0x01010101, 0xff);
      R[d + i] = (R[d + i] & ~m) | (R[s + i] & m);
    }
  };

const insertps: CoreOpFactory = (_row, memory) => (core, p) => {
  readySse(core);
  const immediate = core.A[p + IMM] & 0xff,
    R = core.R,
    d = XMM + 4 * core.A[p + DST];
  const value = memory ? R[memorySource(core, p, 4)] : R[XMM + 4 * core.A[p + SRC] + (immediate >> 6)];
  R[d + ((immediate >> 4) & 3)] = value;
  for (let i = 0; i < 4; i++) if (((immediate >> i) & 1) !== 0) R[d + i] = 0;
};

const lddqu: CoreOpFactory = () => (core, p) => {
  readySse(core);
  const linear = core.addressing.address(p, 16, false),
    s = readScratch(core, linear, 16),
    d = XMM + 4 * core.A[p + DST],
    R = core.R;
  for (let i = 0; i < 4; i++) R[d + i] = R[s + i];
};

export const moveOps: Record<string, CoreOpFactory> = {
  movaps: move128(true),
  movapd: move128(true),
  movdqa: move128(true),
  movntps: move128(true),
  movntpd: move128(true),
  movntdq: move128(true),
  movntdqa: move128(true),
  movups: move128(false),
  movupd: move128(false),
  movdqu: move128(false),
  lddqu,
  movss: moveScalar(1),
  movsd_xmm: moveScalar(2),
  movlps: moveHalf(0, 0),
  movlpd: moveHalf(0, 0),
  movhps: moveHalf(2, 0),
  movhpd: moveHalf(2, 0),
  movhlps: moveHalf(0, 2),
  movlhps: moveHalf(2, 0),
  movq,
  movntq: movq,
  movd,
  movq2dq,
  movdq2q,
  movnti,
  maskmovq,
  maskmovdqu,
  movsldup: duplicate(0, 0, 2, 2, 16),
  movshdup: duplicate(1, 1, 3, 3, 16),
  movddup: duplicate(0, 1, 0, 1, 8),
  pshufd,
  pshufw: shuffle16(0),
  pshuflw: shuffle16(0),
  pshufhw: shuffle16(2),
  shufps,
  shufpd,
  pinsrb: insert(8),
  pinsrw: insert(16),
  pinsrd: insert(32),
  pextrb: extract(8),
  pextrw: extract(16),
  pextrd: extract(32),
  extractps: extract(32),
  insertps,
  movmskps: signs(1),
  movmskpd: signs(2),
  pblendw: blend(16),
  blendps: blend(32),
  blendpd: blend(64),
  pblendvb: blendVariable(8),
  blendvps: blendVariable(32),
  blendvpd: blendVariable(64),
};
