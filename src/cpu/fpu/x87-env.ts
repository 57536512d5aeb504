/**
 * Control and state: FLDCW to FRSTOR, FXSAVE, FXRSTOR, LDMXCSR, STMXCSR, EMMS.
 * Sources: SDM vol. 1, 8.1.8-8.1.10 (images, figures 8-9 to 8-12), 10.5 and table 10-2 (FXSAVE); vol. 2, each instruction.
 */
import type { Core, CoreOpFactory } from '../ops/core.ts';
import {
  CR0,
  CR4,
  EAX,
  EFLAGS,
  FCS,
  FCW,
  FDP,
  FDS,
  FIP,
  FOP,
  FPR,
  FSW,
  FTW,
  MXCSR,
  XMM,
  MXCSR_MASK,
} from '../architecture/registers.ts';
import { NORMAL, unpack80, W, X, ZERO } from './softfloat.ts';
import {
  available,
  BUSY,
  ES,
  GP,
  NM,
  noError,
  readyControl,
  readyMmx,
  readySse,
  resetX87,
  summarize,
  wait,
  clearUpperPointers,
} from './stack.ts';

const CR0_PE = 1,
  CR0_EM = 4,
  CR0_TS = 8,
  EFLAGS_VM = 1 << 17,
  CR4_OSFXSR = 512;
/** Bits of FCW that exist; bit 6 reads as 1. Bit 12 (infinity control of the 287) is kept and means nothing. */
const FCW_MASK = 0x1f3f,
  FCW_ONE = 0x40;

/** FTW as FNSTENV stores it: two bits for each physical register: valid, zero, special, empty. */
function fullTags(R: Int32Array): number {
  let tags = 0;
  for (let i = 0; i < 8; i++) {
    let bits = 3;
    if (((R[FTW] >> i) & 1) !== 0) {
      const a = FPR + 4 * i;
      unpack80(R[a], R[a + 1], R[a + 2], X);
      bits = W[X] === NORMAL ? 0 : W[X] === ZERO ? 1 : 2;
    }
    tags |= bits << (2 * i);
  }
  return tags;
}

function loadTags(R: Int32Array, tags: number): void {
  let used = 0;
  for (let i = 0; i < 8; i++) if (((tags >> (2 * i)) & 3) !== 3) used |= 1 << i;
  R[FTW] = used;
}

function loadControl(R: Int32Array, value: number): void {
  R[FCW] = (value & FCW_MASK) | FCW_ONE;
}

/** Protected mode has selectors in the image, real and virtual-8086 mode linear addresses. */
function selectors(R: Int32Array): boolean {
  return (R[CR0] & CR0_PE) !== 0 && (R[EFLAGS] & EFLAGS_VM) === 0;
}

/** Writes the environment: 14 or 28 bytes. */
function writeEnvironment(core: Core, linear: number, operandSize: 16 | 32): void {
  const R = core.R,
    sel = selectors(R);
  // In real mode the pointers are 20 (32) bits of linear address, FOP in the same word as the pointer's top.
  const ip = sel ? R[FIP] : (R[FIP] + (R[FCS] << 4)) | 0,
    dp = sel ? R[FDP] : (R[FDP] + (R[FDS] << 4)) | 0;
  const op = R[FOP] & 0x7ff;
  if (operandSize === 16) {
    core.memory.write16(linear, R[FCW]);
    core.memory.write16((linear + 2) | 0, R[FSW]);
    core.memory.write16((linear + 4) | 0, fullTags(R));
    core.memory.write16((linear + 6) | 0, ip & 0xffff);
    core.memory.write16((linear + 8) | 0, sel ? R[FCS] : ((ip >>> 4) & 0xf000) | op);
    core.memory.write16((linear + 10) | 0, dp & 0xffff);
    core.memory.write16((linear + 12) | 0, sel ? R[FDS] : (dp >>> 4) & 0xf000);
    return;
  }
  const reserved = 0xffff0000;
  core.memory.write32(linear, R[FCW] | reserved);
  core.memory.write32((linear + 4) | 0, R[FSW] | reserved);
  core.memory.write32((linear + 8) | 0, fullTags(R) | reserved);
  core.memory.write32((linear + 12) | 0, sel ? ip : (ip & 0xffff) | reserved);
  core.memory.write32((linear + 16) | 0, sel ? R[FCS] | (op << 16) : ((ip >>> 4) & 0xffff000) | op);
  core.memory.write32((linear + 20) | 0, sel ? dp : (dp & 0xffff) | reserved);
  core.memory.write32((linear + 24) | 0, sel ? R[FDS] | reserved : (dp >>> 4) & 0xffff000);
}

/** Words of an environment that is being loaded: read whole before anything changes. */
const image = new Int32Array(28);

/** Reads an environment, 14 or 28 bytes. */
function readEnvironment(core: Core, linear: number, operandSize: 16 | 32): void {
  if (operandSize === 16) for (let i = 0; i < 7; i++) image[i] = core.memory.read16((linear + 2 * i) | 0);
  else for (let i = 0; i < 7; i++) image[i] = core.memory.read32((linear + 4 * i) | 0);
}

function loadEnvironment(R: Int32Array, operandSize: 16 | 32): void {
  clearUpperPointers(R);
  loadControl(R, image[0]);
  R[FSW] = image[1] & 0xffff;
  loadTags(R, image[2]);
  if (selectors(R)) {
    R[FIP] = image[3];
    R[FDP] = image[5];
    R[FCS] = image[4] & 0xffff;
    R[FDS] = image[6] & 0xffff;
    R[FOP] = operandSize === 16 ? 0 : (image[4] >>> 16) & 0x7ff;
  } else {
    R[FCS] = R[FDS] = 0;
    R[FOP] = image[4] & 0x7ff;
    R[FIP] = (image[3] & 0xffff) | ((image[4] & (operandSize === 16 ? 0xf000 : 0xffff000)) << 4);
    R[FDP] = (image[5] & 0xffff) | ((image[6] & (operandSize === 16 ? 0xf000 : 0xffff000)) << 4);
  }
  summarize(R);
}

const fnstenv: CoreOpFactory = (_row, _memory, operandSize) => (core, p) => {
  available(core);
  const size = operandSize === 16 ? 14 : 28,
    linear = core.addressing.address(p, size, true),
    R = core.R;
  core.memory.probeWrite(linear, size);
  writeEnvironment(core, linear, operandSize);
  R[FCW] |= 0x3f;
  noError(R, R[FSW] & ~(ES | BUSY));
};

const fldenv: CoreOpFactory = (_row, _memory, operandSize) => (core, p) => {
  readyControl(core);
  const linear = core.addressing.address(p, operandSize === 16 ? 14 : 28, false);
  readEnvironment(core, linear, operandSize);
  loadEnvironment(core.R, operandSize);
};

/** FNSAVE: the environment, then ST(0) to ST(7), ten bytes each; then FNINIT. */
const fnsave: CoreOpFactory = (_row, _memory, operandSize) => (core, p) => {
  available(core);
  const head = operandSize === 16 ? 14 : 28,
    size = head + 80,
    linear = core.addressing.address(p, size, true),
    R = core.R;
  core.memory.probeWrite(linear, size);
  writeEnvironment(core, linear, operandSize);
  core.memory.asWhole(() => {
    for (let i = 0; i < 8; i++) {
      const a = FPR + (((R[FSW] >> 11) + i) & 7) * 4,
        at = (linear + head + 10 * i) | 0;
      core.memory.write32(at, R[a]);
      core.memory.write32((at + 4) | 0, R[a + 1]);
      core.memory.write16((at + 8) | 0, R[a + 2]);
    }
  });
  resetX87(R);
};

const frstor: CoreOpFactory = (_row, _memory, operandSize) => (core, p) => {
  readyControl(core);
  const head = operandSize === 16 ? 14 : 28,
    linear = core.addressing.address(p, head + 80, false),
    R = core.R;
  readEnvironment(core, linear, operandSize);
  // The last byte first: a page that is not there shows before anything has changed.
  core.memory.read8((linear + head + 79) | 0);
  loadEnvironment(R, operandSize);
  core.memory.asWhole(() => {
    for (let i = 0; i < 8; i++) {
      const a = FPR + (((R[FSW] >> 11) + i) & 7) * 4,
        at = (linear + head + 10 * i) | 0;
      R[a] = core.memory.read32(at);
      R[a + 1] = core.memory.read32((at + 4) | 0);
      R[a + 2] = core.memory.read16((at + 8) | 0);
    }
  });
};

const fldcw: CoreOpFactory = () => (core, p) => {
  readyControl(core);
  const value = core.memory.read16(core.addressing.address(p, 2, false));
  loadControl(core.R, value);
  summarize(core.R);
};

const fnstcw: CoreOpFactory = () => (core, p) => {
  available(core);
  core.memory.write16(core.addressing.address(p, 2, true), core.R[FCW]);
};

const fnstsw: CoreOpFactory = (_row, memory) =>
  memory
    ? (core, p) => {
        available(core);
        core.memory.write16(core.addressing.address(p, 2, true), core.R[FSW]);
      }
    : core => {
        available(core);
        core.R[EAX] = (core.R[EAX] & ~0xffff) | (core.R[FSW] & 0xffff);
      };

const fnclex: CoreOpFactory = () => core => {
  available(core);
  noError(core.R, core.R[FSW] & 0x7f00);
};

const fninit: CoreOpFactory = () => core => {
  available(core);
  resetX87(core.R);
};

const fwait: CoreOpFactory = () => core => wait(core);

// ---- FXSAVE ----

/** FXSAVE and FXRSTOR share their checks: #NM, then an address on 16 bytes. */
function fxAddress(core: Core, p: number, write: boolean): number {
  if ((core.R[CR0] & (CR0_EM | CR0_TS)) !== 0) core.fault(NM);
  return core.addressing.aligned16(p, 512, write);
}

/** The 288 bytes that mean something outside 64-bit mode; the rest of the 512 is left alone. XMM registers and MXCSR only with CR4.OSFXSR. */
const fxsave: CoreOpFactory = () => (core, p) => {
  const linear = fxAddress(core, p, true),
    R = core.R;
  core.memory.probeWrite(linear, 512);
  const put = (offset: number, value: number) => core.memory.write32((linear + offset) | 0, value);
  put(0, R[FCW] | (R[FSW] << 16));
  put(4, R[FTW] | (R[FOP] << 16));
  put(8, R[FIP]);
  put(12, R[FCS]);
  put(16, R[FDP]);
  put(20, R[FDS]);
  for (let i = 0; i < 8; i++) {
    const a = FPR + (((R[FSW] >> 11) + i) & 7) * 4,
      at = 32 + 16 * i;
    put(at, R[a]);
    put(at + 4, R[a + 1]);
    put(at + 8, R[a + 2] & 0xffff);
    put(at + 12, 0);
  }
  if ((R[CR4] & CR4_OSFXSR) === 0) return;
  put(24, R[MXCSR]);
  put(28, MXCSR_MASK);
  for (let i = 0; i < 32; i++) put(160 + 4 * i, R[XMM + i]);
};

const fxrstor: CoreOpFactory = () => (core, p) => {
  const linear = fxAddress(core, p, false),
    R = core.R,
    sse = (R[CR4] & CR4_OSFXSR) !== 0;
  const get = (offset: number) => core.memory.read32((linear + offset) | 0);
  const control = get(0),
    mxcsr = get(24);
  core.memory.read8((linear + 511) | 0);
  if (sse && (mxcsr & ~MXCSR_MASK) !== 0) core.fault(GP, 0);
  loadControl(R, control & 0xffff);
  R[FSW] = control >>> 16;
  const tags = get(4);
  R[FTW] = tags & 0xff;
  R[FOP] = (tags >>> 16) & 0x7ff;
  R[FIP] = get(8);
  R[FCS] = get(12) & 0xffff;
  R[FDP] = get(16);
  R[FDS] = get(20) & 0xffff;
  clearUpperPointers(R);
  for (let i = 0; i < 8; i++) {
    const a = FPR + (((R[FSW] >> 11) + i) & 7) * 4,
      at = 32 + 16 * i;
    R[a] = get(at);
    R[a + 1] = get(at + 4);
    R[a + 2] = get(at + 8) & 0xffff;
  }
  summarize(R);
  if (!sse) return;
  R[MXCSR] = mxcsr;
  for (let i = 0; i < 32; i++) R[XMM + i] = get(160 + 4 * i);
};

const ldmxcsr: CoreOpFactory = () => (core, p) => {
  readySse(core);
  const value = core.memory.read32(core.addressing.address(p, 4, false));
  if ((value & ~MXCSR_MASK) !== 0) core.fault(GP, 0);
  core.R[MXCSR] = value;
};

const stmxcsr: CoreOpFactory = () => (core, p) => {
  readySse(core);
  core.memory.write32(core.addressing.address(p, 4, true), core.R[MXCSR]);
};

const emms: CoreOpFactory = () => core => {
  readyMmx(core);
  core.R[FTW] = 0;
  core.R[FSW] &= ~0x3800;
};

export const environmentOps: Record<string, CoreOpFactory> = {
  fldcw,
  fnstcw,
  fnstsw,
  fnclex,
  fninit,
  fldenv,
  fnstenv,
  fnsave,
  frstor,
  fwait,
  fnop8087: () => core => available(core),
  fxsave,
  fxrstor,
  ldmxcsr,
  stmxcsr,
  emms,
};
