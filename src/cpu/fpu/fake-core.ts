/**
 * For this folder's tests: the smallest Core that runs floating-point code, with the memory and segments of the oracle's machine
 * (shared/oracle/README.md), and the reader and comparer of its fixtures. Faults are thrown as `Fault`.
 */
import { gunzipSync } from 'node:zlib';
import { readFileSync } from 'node:fs';
import type { Core, CoreOp } from '../ops/core.ts';
import { DST, IMM, META, META_REGISTER, META_SEGMENT, RECORD_WORDS, SRC } from '../record.ts';
import {
  CR0,
  CR4,
  CS,
  DS,
  EDI,
  ES,
  FCW,
  FPR,
  FSW,
  FTW,
  MXCSR,
  SEG,
  SEG_BASE,
  SEG_WORDS,
  SS,
  STATE_WORDS,
  XMM,
} from '../architecture/registers.ts';
import { decode, DECODED, newDecoded, type Row } from '../table/index.ts';
import { fpuOps } from './ops.ts';

export class Fault {
  readonly vector: number;
  readonly error: number;
  constructor(vector: number, error: number) {
    this.vector = vector;
    this.error = error;
  }
}

const BASE = 0x20000,
  END = 0x35000;
const ARITHMETIC = 0x8d5;
const CR0_PE = 1,
  CR0_NE = 32,
  CR4_OSFXSR = 512,
  CR4_OSXMMEXCPT = 1024;

export class FakeCore implements Core {
  readonly R = new Int32Array(STATE_WORDS);
  readonly R8 = new Uint8Array(this.R.buffer);
  readonly A = new Int32Array(META + RECORD_WORDS);
  readonly memory = this;
  readonly addressing = this;
  readonly bytes = new Uint8Array(END - BASE);
  private readonly view = new DataView(this.bytes.buffer);
  readonly decoded = newDecoded();
  private readonly ops = new Map<string, CoreOp>();
  flags = 0;
  ferr?: () => void;

  constructor() {
    this.R[CR0] = CR0_PE | CR0_NE;
    this.R[CR4] = CR4_OSFXSR | CR4_OSXMMEXCPT;
  }

  fault(vector: number, error = 0): never {
    throw new Fault(vector, error);
  }
  setFlags(bits: number): void {
    this.flags = (this.flags & ~ARITHMETIC) | bits;
  }
  getFlags(): number {
    return this.flags & ARITHMETIC;
  }

  private at(linear: number, size: number): number {
    const offset = (linear >>> 0) - BASE;
    const mapped = (a: number) => a < 0x1000 || (a >= 0x10000 && a < 0x12000) || (a >= 0x14000 && a < 0x15000);
    if (!mapped(offset) || !mapped(offset + size - 1)) this.fault(14, 0);
    return offset;
  }
  read8(linear: number): number {
    return this.bytes[this.at(linear, 1)];
  }
  read16(linear: number): number {
    return this.view.getUint16(this.at(linear, 2), true);
  }
  read32(linear: number): number {
    return this.view.getInt32(this.at(linear, 4), true);
  }
  read128(linear: number, to: number): void {
    for (const [i, word] of [0, 4, 8, 12].map(offset => this.read32(linear + offset)).entries()) this.R[to + i] = word;
  }
  write8(linear: number, value: number): void {
    this.bytes[this.at(linear, 1)] = value;
  }
  write16(linear: number, value: number): void {
    this.view.setUint16(this.at(linear, 2), value & 0xffff, true);
  }
  write32(linear: number, value: number): void {
    this.view.setInt32(this.at(linear, 4), value, true);
  }
  probeWrite(linear: number, size: number): void {
    this.at(linear, size);
  }

  asWhole(access: () => void): void {
    access();
  }
  aligned16(): number {
    const linear = this.address();
    if ((linear & 15) !== 0) this.fault(13, 0);
    return linear;
  }

  address(): number {
    const d = this.decoded,
      R = this.R;
    let offset = d.displacement;
    if (d.base >= 0) offset += R[d.base];
    if (d.index >= 0) offset += R[d.index] << d.scale;
    if (d.addressSize === 16) offset &= 0xffff;
    return (offset + R[SEG + d.segment * SEG_WORDS + SEG_BASE]) | 0;
  }

  /** Flat 32-bit segments, or the oracle's 16-bit ones; FS is the same for both. */
  segments(width: 16 | 32): void {
    const base = (segment: number, value: number) => {
      this.R[SEG + segment * SEG_WORDS + SEG_BASE] = value;
    };
    const small = width === 16;
    base(CS, small ? 0x20000 : 0);
    base(DS, small ? 0x30000 : 0);
    base(ES, small ? 0x31000 : 0);
    base(SS, small ? 0x34000 : 0);
    base(4, 0x30800);
  }

  op(row: Row, memory: boolean, operandSize: number): CoreOp {
    const key = `${row.id} ${memory} ${operandSize}`;
    let op = this.ops.get(key);
    if (op === undefined) {
      const factory = fpuOps[row.op];
      if (factory === undefined) throw new Error(`no semantics for ${row.op}`);
      op = factory(row, memory, operandSize as 16 | 32);
      this.ops.set(key, op);
    }
    return op;
  }

  /** Decodes and runs one instruction at a linear address; returns its length. */
  step(linear: number, width: 16 | 32): number {
    const d = this.decoded,
      A = this.A;
    if (this.bytes[linear - BASE] === 0xcc) throw new Fault(3, 0);
    if (decode(this.bytes, linear - BASE, 16, width, d) !== DECODED) throw new Fault(6, 0);
    A[DST] = d.reg;
    A[SRC] = d.rm;
    A[IMM] = d.immediate;
    A[META] = (d.segment << META_SEGMENT) | (d.memory ? 0 : META_REGISTER);
    // The engine's records name the segment of maskmov's [DI] as for any string destination.
    if (d.row!.op === 'maskmovq' || d.row!.op === 'maskmovdqu') {
      d.base = EDI;
      d.index = -1;
      d.displacement = 0;
    }
    this.op(d.row!, d.memory, d.operandSize)(this, 0);
    return d.length;
  }
}

// ---- fixtures ----

interface FpuState {
  cw: number;
  sw: number;
  tw: number;
  mx: number;
  st?: string[];
  xm?: string[];
}
export interface Fixture {
  n: string;
  w: 16 | 32;
  c: string;
  r: number[];
  f: number;
  m?: [number, string][];
  x?: FpuState;
  u?: number;
  xu?: number;
  mu?: [number, number][];
  ru?: [number, number][];
  tol?: string;
  sp?: number;
  sf?: number;
  o: {
    v: number;
    e?: number;
    ip: number;
    f: number;
    r: [number, number][];
    m?: [number, string][];
    x?: Partial<Omit<FpuState, 'st' | 'xm'>> & { st?: [number, string][]; xm?: [number, string][] };
  };
}

export function fixtures(path: string): Fixture[] {
  return gunzipSync(readFileSync(path))
    .toString()
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line) as Fixture);
}

const fill = (a: number) => Math.imul(a, 0x9e3779b1) >>> 24;

function load(core: FakeCore, t: Fixture): void {
  core.bytes.fill(0xcc, 0, 0x1000);
  for (let a = 0x30000; a < 0x35000; a++) core.bytes[a - BASE] = fill(a);
  core.bytes.set(Buffer.from(t.c, 'hex'), 0x400);
  for (const [a, h] of t.m ?? []) core.bytes.set(Buffer.from(h, 'hex'), a - BASE);
  const R = core.R;
  for (let i = 0; i < 8; i++) R[i] = t.r[i];
  core.flags = t.f;
  core.segments(t.w);
  const x = t.x ?? { cw: 0x37f, sw: 0, tw: 0, mx: 0x1f80 };
  // FXRSTOR, which loads the state, keeps these bits only.
  R[FCW] = (x.cw & 0x1f3f) | 0x40;
  R[FSW] = x.sw;
  R[FTW] = x.tw;
  R[MXCSR] = x.mx;
  if ((x.sw & ~x.cw & 0x3f) !== 0) R[FSW] |= 0x8080;
  else R[FSW] &= ~0x8080;
  const top = (x.sw >> 11) & 7;
  for (let i = 0; i < 8; i++) {
    const v = BigInt(`0x${x.st?.[i] ?? '0'}`),
      a = FPR + ((top + i) & 7) * 4;
    R[a] = Number(v & 0xffffffffn);
    R[a + 1] = Number((v >> 32n) & 0xffffffffn);
    R[a + 2] = Number(v >> 64n);
    const y = BigInt(`0x${x.xm?.[i] ?? '0'}`);
    for (let k = 0; k < 4; k++) R[XMM + 4 * i + k] = Number((y >> BigInt(32 * k)) & 0xffffffffn);
  }
}

function register(core: FakeCore, i: number): bigint {
  const a = FPR + (((core.R[FSW] >> 11) + i) & 7) * 4;
  return (BigInt(core.R[a + 2] & 0xffff) << 64n) | (BigInt(core.R[a + 1] >>> 0) << 32n) | BigInt(core.R[a] >>> 0);
}

/** Significand of a finite value in units of 2^-16445, signed. */
function exact(v: bigint): bigint | null {
  const e = Number((v >> 64n) & 0x7fffn),
    m = v & 0xffffffffffffffffn;
  if (e === 0x7fff) return null;
  const magnitude = m << BigInt(Math.max(e, 1) - 1);
  return v >> 79n !== 0n ? -magnitude : magnitude;
}

const abs = (v: bigint) => (v < 0n ? -v : v);

/** Relative error 2^-bits. */
export function close(want: bigint, got: bigint, bits: number): boolean {
  const x = exact(want),
    y = exact(got);
  if (x === null || y === null) return want === got;
  return abs(x - y) << BigInt(bits) <= abs(x);
}

const f32 = new Float32Array(1),
  i32 = new Int32Array(f32.buffer);
function closeSingle(want: number, got: number): boolean {
  i32[0] = want;
  const x = f32[0];
  i32[0] = got;
  const y = f32[0];
  if (Number.isNaN(x)) return Number.isNaN(y);
  return x === y || (Number.isFinite(x) && Number.isFinite(y) && Math.abs(x - y) <= Math.abs(x) * 1e-3);
}

const hex = (v: number | bigint): string => v.toString(16);

/** Runs a fixture; returns what differs from what the processor did. `bits`: precision that transcendentals must reach. */
export function replay(core: FakeCore, t: Fixture, bits = 45): string[] {
  load(core, t);
  const bad: string[] = [];
  const csBase = t.w === 16 ? 0x20000 : 0;
  let ip = csBase + (t.w === 16 ? 0x400 : 0x20400),
    vector = -1,
    error = 0;
  try {
    for (let i = 0; i < 100_000; i++) ip += core.step(ip, t.w);
  } catch (e) {
    if (!(e instanceof Fault)) throw e;
    vector = e.vector;
    error = e.error;
  }
  const { R } = core,
    o = t.o;
  if (vector !== o.v) bad.push(`vector ${vector} want ${o.v}`);
  if (o.e !== undefined && error !== o.e) bad.push(`error code ${hex(error)} want ${hex(o.e)}`);
  if (ip - csBase !== o.ip) bad.push(`eip ${hex(ip - csBase)} want ${hex(o.ip)}`);
  const want = [...t.r];
  for (const [i, v] of o.r) want[i] = v;
  for (let i = 0; i < 8; i++) {
    let mask = -1;
    for (const [k, m] of t.ru ?? []) if (k === i) mask &= ~m;
    if (((R[i] ^ want[i]) & mask) !== 0) bad.push(`r${i} ${hex(R[i] >>> 0)} want ${hex(want[i])}`);
  }
  const flags = (core.flags ^ o.f) & (ARITHMETIC | 0x400) & ~(t.u ?? 0);
  if (flags !== 0) bad.push(`flags ${hex(core.flags & 0xcd5)} want ${hex(o.f)}`);
  const expected = new Map<number, number>();
  for (const list of [t.m ?? [], o.m ?? []])
    for (const [a, h] of list) Buffer.from(h, 'hex').forEach((b, i) => expected.set(a + i, b));
  for (const [from, to] of [
    [0x30000, 0x32000],
    [0x34000, 0x35000],
  ]) {
    for (let a = from; a < to; a++) {
      const got = core.bytes[a - BASE],
        wanted = expected.get(a) ?? fill(a);
      if (got !== wanted && !(t.mu ?? []).some(([at, n]) => a >= at && a < at + n))
        bad.push(`mem[${hex(a)}] ${hex(got)} want ${hex(wanted)}`);
    }
  }
  if (t.x !== undefined) bad.push(...fpuDifferences(core, t, t.x, bits));
  return bad;
}

/** What differs in the x87 and in SSE's registers. */
function fpuDifferences(core: FakeCore, t: Fixture, x: NonNullable<Fixture['x']>, bits: number): string[] {
  const bad: string[] = [],
    { R } = core;
  const ox = t.o.x ?? {};
  const cw = ox.cw ?? x.cw,
    sw = ox.sw ?? x.sw,
    tw = ox.tw ?? x.tw,
    mx = ox.mx ?? x.mx;
  let mask = 0xffff & ~(t.xu ?? 0);
  if (t.tol === 'x87') mask &= ~0x32;
  if (((R[FSW] ^ sw) & mask) !== 0) bad.push(`fsw ${hex(R[FSW])} want ${hex(sw)} (mask ${hex(mask)})`);
  if (((R[FCW] ^ cw) & 0xf3f) !== 0) bad.push(`fcw ${hex(R[FCW])} want ${hex(cw)}`);
  if (R[FTW] !== tw) bad.push(`ftw ${hex(R[FTW])} want ${hex(tw)}`);
  if (((R[MXCSR] ^ mx) & (t.tol === 'rcp' ? 0xffc0 : 0xffff)) !== 0) bad.push(`mxcsr ${hex(R[MXCSR])} want ${hex(mx)}`);
  const st = [...(x.st ?? new Array<string>(8).fill('0'))];
  for (const [i, v] of ox.st ?? []) st[i] = v;
  const top = (sw >> 11) & 7;
  for (let i = 0; i < 8; i++) {
    if (((tw >> ((top + i) & 7)) & 1) === 0) continue;
    const got = register(core, i),
      wanted = BigInt(`0x${st[i]}`);
    if (got !== wanted && !(t.tol === 'x87' && close(wanted, got, bits)))
      bad.push(`st${i} ${hex(got)} want ${hex(wanted)}`);
  }
  const xm = [...(x.xm ?? new Array<string>(8).fill('0'))];
  for (const [i, v] of ox.xm ?? []) xm[i] = v;
  for (let i = 0; i < 8; i++) {
    const words = [0, 1, 2, 3].map(k => Number((BigInt(`0x${xm[i]}`) >> BigInt(32 * k)) & 0xffffffffn) | 0);
    const same = words.every(
      (word, k) => R[XMM + 4 * i + k] === word || (t.tol === 'rcp' && closeSingle(word, R[XMM + 4 * i + k])),
    );
    if (!same)
      bad.push(
        `xmm${i} ${[3, 2, 1, 0].map(k => hex(R[XMM + 4 * i + k] >>> 0).padStart(8, '0')).join('')} want ${xm[i]}`,
      );
  }
  return bad;
}
