/** What the oracle's runner.c reads and writes for each case: struct start with code and spans, struct end with the memory that changed. */
import { CODE64_SELECTOR, type FloatState, START } from '../../oracle/fixture.ts';
import type { Setting } from '../../oracle/machine.ts';
import { SELECTOR } from './machine.ts';

/** Offsets in struct start. */
const START_REGISTERS = 24,
  START_FLAGS = 152,
  START_SELECTORS = 176,
  START_SPANS = 200,
  START_FX = 208,
  START_BYTES = START_FX + 512;
/** And in struct end. */
const END_REGISTERS = 40,
  END_SELECTORS = 168,
  END_BASES = 192,
  END_FX = 208,
  END_BYTES = END_FX + 512;
const SPAN_BYTES = 16;
/** In an image of FXSAVE (SDM vol. 1, table 10-2). */
const FX_FIP = 8,
  FX_MXCSR = 24,
  FX_ST = 32,
  FX_XMM = 160;
/** Vector of a case that did not end. */
const ENDLESS = 255;

export interface NativeEnd {
  signal: number;
  vector: number;
  errorCode: number;
  cr2: bigint;
  ip: bigint;
  flags: number;
  /** Unsigned; as many as the case has. */
  registers: bigint[];
  /** CS SS DS ES FS GS. */
  selectors: number[];
  /** Of 64-bit code. */
  bases: { fs: bigint; gs: bigint };
  /** Bytes that changed: address and new value. */
  changed: Map<number, number>;
  float: FloatState;
  /** The x87's instruction pointer, of 64-bit code. */
  fip: bigint;
}

function putBig(view: DataView, at: number, value: bigint, bytes: number): void {
  for (let i = 0; i < bytes; i += 2) view.setUint16(at + i, Number((value >> BigInt(8 * i)) & 0xffffn), true);
}

function getBig(view: DataView, at: number, bytes: number): bigint {
  let value = 0n;
  for (let i = bytes - 2; i >= 0; i -= 2) value = (value << 16n) | BigInt(view.getUint16(at + i, true));
  return value;
}

/** CS SS DS ES FS GS of a case. */
const selectorsOf = (bits: Setting['bits']): readonly number[] => {
  if (bits === 64) return [CODE64_SELECTOR, SELECTOR.DATA, 0, 0, 0, 0];
  if (bits === 32) return [SELECTOR.CODE, SELECTOR.DATA, SELECTOR.DATA, SELECTOR.DATA, SELECTOR.FS, 0];
  return [SELECTOR.CODE16, SELECTOR.STACK16, SELECTOR.DATA16, SELECTOR.EXTRA16, SELECTOR.FS, 0];
};

/** The case as the runner gets it. */
export function encode({ bits, code, at, registers, bases, flags, memory, float }: Setting): Uint8Array {
  const spans = memory.reduce((sum, [, { length }]) => sum + SPAN_BYTES + length, 0);
  const bytes = new Uint8Array(START_BYTES + code.length + spans);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bits, true);
  view.setUint32(4, code.length, true);
  putBig(view, 8, BigInt(at), 8);
  putBig(view, 16, BigInt(bits === 16 ? START : at), 8);
  for (const [i, value] of registers.entries()) putBig(view, START_REGISTERS + 8 * i, value, 8);
  putBig(view, START_FLAGS, BigInt(flags), 8);
  putBig(view, START_FLAGS + 8, bases.fs, 8);
  putBig(view, START_FLAGS + 16, bases.gs, 8);
  for (const [i, selector] of selectorsOf(bits).entries()) view.setUint32(START_SELECTORS + 4 * i, selector, true);
  view.setUint32(START_SPANS, memory.length, true);
  const { cw, sw, tw, mx, st, xm } = float!;
  view.setUint16(START_FX, cw, true);
  view.setUint16(START_FX + 2, sw, true);
  view.setUint8(START_FX + 4, tw);
  view.setUint32(START_FX + FX_MXCSR, mx, true);
  for (const [i, value] of st.entries()) putBig(view, START_FX + FX_ST + 16 * i, value, 10);
  for (const [i, value] of xm.entries()) putBig(view, START_FX + FX_XMM + 16 * i, value, 16);
  bytes.set(code, START_BYTES);
  let next = START_BYTES + code.length;
  for (const [address, data] of memory) {
    putBig(view, next, BigInt(address), 8);
    view.setUint32(next + 8, data.length, true);
    bytes.set(data, next + SPAN_BYTES);
    next += SPAN_BYTES + data.length;
  }
  return bytes;
}

/** How each case ended, from the runner's output; undefined: it did not end. */
export function decodeEnds(output: Uint8Array, cases: readonly Setting[]): (NativeEnd | undefined)[] {
  const view = new DataView(output.buffer, output.byteOffset, output.length);
  let at = 0;
  return cases.map(setting => {
    const end = decodeEnd(new DataView(output.buffer, output.byteOffset + at, END_BYTES), setting);
    at += END_BYTES;
    for (;;) {
      const [address, size] = [Number(getBig(view, at, 8)), view.getUint32(at + 8, true)];
      at += SPAN_BYTES;
      if (size === 0) return end.vector === ENDLESS ? undefined : end;
      for (let i = 0; i < size; i++) end.changed.set(address + i, output[at + i]!);
      at += size;
    }
  });
}

function decodeEnd(view: DataView, { registers, float }: Setting): NativeEnd {
  const word = (at: number) => view.getUint32(at, true);
  const wide = (at: number) => getBig(view, at, 8);
  return {
    signal: word(0),
    vector: word(4),
    errorCode: word(8),
    cr2: wide(16),
    ip: wide(24),
    flags: word(32),
    registers: registers.map((_, i) => wide(END_REGISTERS + 8 * i)),
    selectors: [0, 1, 2, 3, 4, 5].map(i => word(END_SELECTORS + 4 * i)),
    bases: { fs: wide(END_BASES), gs: wide(END_BASES + 8) },
    changed: new Map(),
    fip: wide(END_FX + FX_FIP),
    float: {
      cw: view.getUint16(END_FX, true),
      sw: view.getUint16(END_FX + 2, true),
      tw: view.getUint8(END_FX + 4),
      mx: word(END_FX + FX_MXCSR),
      st: float!.st.map((_, i) => getBig(view, END_FX + FX_ST + 16 * i, 10)),
      xm: float!.xm.map((_, i) => getBig(view, END_FX + FX_XMM + 16 * i, 16)),
    },
  };
}
