/** What of a case's outcome is compared, and how exactly. Source of the rules: test/oracle/README.md. */
import type { Case, FloatState, Span } from './fixture.ts';
import type { Ending, OracleMachine } from './machine.ts';
import { vendorDifferences } from './vendors.ts';

/** CF PF AF ZF SF DF OF. */
const FLAGS = 0xcd5;

const RSP = 4,
  HIGH_HALF = 0xffff_ffff_0000_0000n;
/** RCX, RSI and RDI. */
const COUNTERS = [1, 6, 7];
/** By an instruction that a vendor's processors do otherwise. */
const MOST_PUSHED = 8;

const NAMES32 = ['eax', 'ecx', 'edx', 'ebx', 'esp', 'ebp', 'esi', 'edi'];
/** Of general registers. */
export const NAMES: Readonly<Record<16 | 32 | 64, readonly string[]>> = {
  16: NAMES32,
  32: NAMES32,
  64: [...NAMES32.map(name => name.replace('e', 'r')), ...[8, 9, 10, 11, 12, 13, 14, 15].map(number => `r${number}`)],
};

const hex = (value: number | bigint, digits: number): string => value.toString(16).padStart(digits, '0');

/** Significand and exponent of a finite 80-bit number, sign applied: value = significand * 2^exponent; undefined for infinities and NaNs. */
function number80(value: bigint): { significand: bigint; exponent: number } | undefined {
  const biased = Number((value >> 64n) & 0x7fffn);
  if (biased === 0x7fff) return undefined;
  const significand = value & 0xffff_ffff_ffff_ffffn;
  return { significand: value >> 79n ? -significand : significand, exponent: Math.max(biased, 1) - 16383 - 63 };
}

/** Within 2^-45 of the wanted number, relative; or a difference below 2^-1070. */
export function close80(want: bigint, got: bigint): boolean {
  const a = number80(want);
  const b = number80(got);
  if (!a || !b) return want === got;
  const exponent = Math.min(a.exponent, b.exponent);
  const x = a.significand << BigInt(a.exponent - exponent);
  const y = b.significand << BigInt(b.exponent - exponent);
  const magnitude = (value: bigint): bigint => (value < 0n ? -value : value);
  const difference = magnitude(x - y);
  if (difference << 45n <= magnitude(x)) return true;
  const shift = -1070 - exponent;
  return shift > 0 && difference < 1n << BigInt(shift);
}

const float32 = new Float32Array(1);
const float32Bits = new Uint32Array(float32.buffer);
function number32(bits: number): number {
  float32Bits[0] = bits;
  return float32[0]!;
}

/** Within 1e-3 of the wanted float, relative; a NaN for a NaN. */
function close32(wantBits: number, gotBits: number): boolean {
  const want = number32(wantBits);
  const got = number32(gotBits);
  if (Number.isNaN(want)) return Number.isNaN(got);
  return (
    wantBits === gotBits ||
    (Number.isFinite(want) && Number.isFinite(got) && Math.abs(want - got) <= Math.abs(want) * 1e-3)
  );
}

/** Four floats within 1e-3. */
export const closeFloats = (want: bigint, got: bigint): boolean =>
  [0n, 32n, 64n, 96n].every(shift =>
    close32(Number((want >> shift) & 0xffffffffn), Number((got >> shift) & 0xffffffffn)),
  );

/** `isClose`: XMM registers may differ as those of approximations do. */
function compareFloat(test: Case, want: FloatState, got: FloatState, isClose: boolean): string[] {
  const bad: string[] = [];
  const word = (name: string, wanted: number, found: number, mask: number, digits = 4): void => {
    if ((wanted ^ found) & mask) bad.push(`${name} ${hex(found, digits)} want ${hex(wanted, digits)}`);
  };
  // DE, UE and PE of the transcendentals are not compared.
  word('fsw', want.sw, got.sw, 0xffff & ~test.undefinedStatus & (test.tolerance === 'x87' ? ~0x32 : -1));
  word('fcw', want.cw, got.cw, 0xf3f);
  word('ftw', want.tw, got.tw, 0xff, 2);
  word('mxcsr', want.mx, got.mx, test.tolerance === 'rcp' ? 0xffc0 : 0xffff);
  const top = (want.sw >> 11) & 7;
  for (let i = 0; i < 8; i++) {
    const inUse = (want.tw >> ((top + i) & 7)) & 1;
    if (inUse && want.st[i] !== got.st[i] && !(test.tolerance === 'x87' && close80(want.st[i]!, got.st[i]!)))
      bad.push(`st${i} ${hex(got.st[i]!, 20)} want ${hex(want.st[i]!, 20)}`);
  }
  for (let i = 0; i < want.xm.length; i++) {
    if (want.xm[i] !== got.xm[i] && !(isClose && closeFloats(want.xm[i]!, got.xm[i]!)))
      bad.push(`xmm${i} ${hex(got.xm[i]!, 32)} want ${hex(want.xm[i]!, 32)}`);
  }
  return bad;
}

function compareMemory(test: Case, machine: OracleMachine, unasked: readonly (readonly [number, number])[]): string[] {
  const bad: string[] = [];
  for (const { base, bytes, initial } of machine.areas(test.bits)) {
    const wanted = Buffer.from(initial);
    const put = ([address, data]: Span): void => {
      if (address >= base && address < base + bytes.length) wanted.set(data, address - base);
    };
    test.memory.forEach(put);
    test.outcome.memory.forEach(put);
    if (wanted.equals(bytes)) continue;
    for (let i = 0; i < bytes.length; i++)
      if (
        bytes[i] !== wanted[i] &&
        ![...test.undefinedMemory, ...unasked].some(
          ([address, length]) => base + i >= address && base + i < address + length,
        )
      )
        bad.push(`mem[${hex(base + i, 5)}] ${hex(bytes[i]!, 2)} want ${hex(wanted[i]!, 2)}`);
  }
  return bad;
}

/** Differences between how a case should have ended and how it did; empty: it passed. */
export function compare(test: Case, ending: Ending, machine: OracleMachine): string[] {
  const { outcome } = test;
  const bad: string[] = [];
  const vendors = vendorDifferences(test),
    leftOut = vendors.map(({ what }) => what);
  if (leftOut.includes('all')) return bad;
  if (ending.problem) bad.push(ending.problem);
  else if (ending.vector !== outcome.vector) bad.push(`vector ${ending.vector} want ${outcome.vector}`);
  if (outcome.errorCode !== undefined && ending.errorCode !== outcome.errorCode)
    bad.push(`error code ${hex(ending.errorCode, 1)} want ${hex(outcome.errorCode, 1)}`);
  if (outcome.cr2 !== undefined && ending.cr2 !== outcome.cr2 && !leftOut.includes('address'))
    bad.push(`cr2 ${hex(ending.cr2, 8)} want ${hex(outcome.cr2, 8)}`);
  if (outcome.cs !== undefined && !ending.throughGate && ending.cs !== outcome.cs)
    bad.push(`cs ${hex(ending.cs, 2)} want ${hex(outcome.cs, 2)}`);
  if (ending.ip !== outcome.ip)
    bad.push(`${test.bits === 64 ? 'rip' : 'eip'} ${hex(ending.ip, 1)} want ${hex(outcome.ip, 1)}`);
  for (const [i, name] of NAMES[test.bits].entries()) {
    const ignored = test.undefinedRegisters.reduce(
      (mask, [index, bits]) => (index === i ? mask | bits : mask),
      leftOut.includes('counters') && COUNTERS.includes(i) ? HIGH_HALF : 0n,
    );
    if ((ending.registers[i]! ^ outcome.registers[i]!) & ~ignored) {
      const digits = test.bits === 64 ? 16 : 8;
      bad.push(`${name} ${hex(ending.registers[i]!, digits)} want ${hex(outcome.registers[i]!, digits)}`);
    }
  }
  const flags =
    (ending.flags ^ outcome.flags) & FLAGS & ~vendors.reduce((bits, { mask = 0 }) => bits | mask, test.undefinedFlags);
  if (flags) bad.push(`flags ${hex(ending.flags & FLAGS, 3)} want ${hex(outcome.flags, 3)} (differ ${hex(flags, 3)})`);
  const rsp = Number(test.registers[RSP]);
  bad.push(...compareMemory(test, machine, leftOut.includes('pushed') ? [[rsp - MOST_PUSHED, MOST_PUSHED]] : []));
  const isClose = test.tolerance === 'rcp' || leftOut.includes('close');
  if (outcome.float) bad.push(...compareFloat(test, outcome.float, machine.float(), isClose));
  return bad;
}
