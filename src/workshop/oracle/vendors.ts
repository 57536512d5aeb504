/**
 * Where vendors' processors differ in 64-bit code without either being wrong, each with its source. Ours is Intel's there. What an AMD processor does otherwise
 * is compared neither in fixtures, which name their vendor (`by`), nor where the host is asked at once (fuzz:native). "Seen" means: on an EPYC, family 25 model
 * 17, 27 and 28 November 2026.
 */
import { decode, type Decoded, newDecoded } from '../../cpu/table/index.ts';
import type { Case } from './fixture.ts';
import type { Setting } from './machine.ts';

/** A case, what its first instruction is, and how it ended on the processor that was asked. */
interface Asked {
  setting: Setting;
  decoded: Decoded;
  vector: number;
}

interface VendorDifference {
  why: string;
  /**
   * What is left out: all; high halves of RCX, RSI and RDI (`counters`); bytes below RSP (`pushed`); exactness of XMM registers, which NaN one has among it
   * (`close`); arithmetic flags (`flags`); a page fault's address (`address`).
   */
  what: 'all' | 'counters' | 'pushed' | 'close' | 'flags' | 'address';
  /** Of `flags`. */
  mask?: number;
  applies(asked: Asked): boolean;
}

const GENERAL_PROTECTION = 13;
const RCX = 1,
  RIP_BASE = 16;
const FS = 4,
  GS = 5;
const PUSH_ES = 0x06;
/** Of MXCSR: what Intel's processors have, and AMD's misaligned exception mask. */
const MXCSR_BITS = 0xffff,
  MXCSR_MM = 0x20000;
const REX_W = 8,
  REX_B = 1;

const is = (names: string) => {
  const set = new Set(names.split(' '));
  return ({ decoded: { row } }: Asked): boolean => row !== null && set.has(row.op);
};
const isNear = is('jcc jmp call ret jmpind callind loop loope loopne jcxz');
const isFar = is('jmpfind callfind lseg');
const isString = is('movs cmps stos lods scas');
const isPause = is('pause');
const isCall = is('call callind');
const isLdmxcsr = is('ldmxcsr');
const isDpps = is('dpps'),
  isDppd = is('dppd');
const isMovsxd = is('movsxd');
const isComparedString = is('cmps scas');
const isFxsave = is('fxsave');
const FAULTS = [12, 13, 14, 17];
const PAGE_FAULT = 14;
const ARITHMETIC = 0x8d5;

const isCanonical = (address: bigint): boolean => BigInt.asIntN(48, address) === BigInt.asIntN(64, address);

export const AMD_DIFFERENCES: readonly VendorDifference[] = [
  {
    why: '66h before a near branch of 64-bit code: nothing (Intel: SDM vol. 2, JMP), or operands of 16 bits (AMD: APM vol. 3, JMP; seen)',
    what: 'all',
    applies: asked => isNear(asked) && asked.decoded.prefix66 && (asked.decoded.rex & REX_W) === 0,
  },
  {
    why: 'a far pointer with REX.W: an offset of 64 bits (Intel: SDM vol. 2, JMP, LFS), or of 32 as without (AMD: APM vol. 3, JMP Far, LFS)',
    what: 'all',
    applies: asked => isFar(asked) && (asked.decoded.rex & REX_W) !== 0,
  },
  {
    why: 'F3 90 with REX.B: PAUSE (Intel, seen before), or XCHG of RAX with R8 (AMD, seen)',
    what: 'all',
    applies: asked => isPause(asked) && (asked.decoded.rex & REX_B) !== 0,
  },
  {
    why: 'REP with 67h where ECX is 0: high halves of RCX, RSI and RDI are cleared (Intel, seen before), or left (AMD, seen)',
    what: 'counters',
    applies: asked =>
      isString(asked) &&
      asked.decoded.repeat !== 0 &&
      asked.decoded.addressSize === 32 &&
      (asked.setting.registers[RCX]! & 0xffff_ffffn) === 0n,
  },
  {
    why: 'a near CALL to an address that is not canonical: faults behind its push (Intel, seen before), or before it (AMD, seen)',
    what: 'pushed',
    applies: asked => isCall(asked) && asked.vector === GENERAL_PROTECTION,
  },
  {
    why: 'PUSH of a segment register as 32 bits, in compatibility code: its 16 are written (Intel), or zeroes above them, too (AMD, seen); both are allowed (SDM vol. 2, PUSH)',
    what: 'pushed',
    applies: asked => isFar(asked) && asked.setting.code.includes(PUSH_ES, asked.decoded.length),
  },
  {
    why: 'an offset that is not canonical, and is with the base of FS or GS: the sum counts (Intel: SDM vol. 1, 3.3.7.1), or #GP (AMD, seen)',
    what: 'all',
    applies: ({ setting, decoded, vector }) =>
      vector === GENERAL_PROTECTION &&
      decoded.memory &&
      (decoded.segment === FS || decoded.segment === GS) &&
      !isCanonical(offsetOf(setting, decoded)),
  },
  {
    why: 'LDMXCSR with bit 17: reserved, #GP (Intel: SDM vol. 1, 10.2.3), or the misaligned exception mask MM (AMD with MISALIGNSSE: APM vol. 1, MXCSR Register; seen)',
    what: 'all',
    applies: asked =>
      isLdmxcsr(asked) &&
      asked.vector !== GENERAL_PROTECTION &&
      (new Uint32Array(operandOf(asked, 4))[0]! & ~MXCSR_BITS) === MXCSR_MM,
  },
  {
    why: 'which of several NaNs among its products DPPS delivers, and in which of its lanes: depends on the implementation (SDM vol. 2, DPPS; ours is Intel’s, seen before; AMD, seen)',
    what: 'close',
    applies: asked => isDpps(asked) && nanProductsOf(asked, Float32Array) > 1,
  },
  {
    why: 'the same of DPPD (SDM vol. 2, DPPD)',
    what: 'close',
    applies: asked => isDppd(asked) && nanProductsOf(asked, Float64Array) > 1,
  },
  {
    why: 'MOVSXD to a register of 16 bits: reads 16 (Intel: SDM vol. 2, MOVSX/MOVSXD), or 32 (AMD, seen: its page fault)',
    what: 'all',
    applies: asked => isMovsxd(asked) && asked.decoded.memory && asked.decoded.operandSize === 16,
  },
  {
    why: "flags of a REP CMPS or SCAS that faults at an element: those from before it (Intel), or the last element's (AMD, seen)",
    what: 'flags',
    mask: ARITHMETIC,
    applies: asked => isComparedString(asked) && asked.decoded.repeat !== 0 && FAULTS.includes(asked.vector),
  },
  {
    why: 'the address of a page fault of FXSAVE over the end of a page: of the first byte that is missing (Intel), or of a later one (AMD, seen)',
    what: 'address',
    applies: asked => isFxsave(asked) && asked.vector === PAGE_FAULT,
  },
];

/** A case's first instruction; behind it lie INT3. */
export function firstOf({ code, bits }: Pick<Setting, 'code' | 'bits'>): Decoded {
  const decoded = newDecoded();
  decode(Uint8Array.from([...code, ...Array<number>(16).fill(0xcc)]), 0, 31, bits, decoded);
  return decoded;
}

/** What a fixture's processor may have done otherwise than ours. */
export function vendorDifferences(test: Case): readonly VendorDifference[] {
  if (test.bits !== 64 || test.vendor !== 'AuthenticAMD') return [];
  const asked = { setting: test, decoded: firstOf(test), vector: test.outcome.vector };
  return AMD_DIFFERENCES.filter(difference => difference.applies(asked));
}

/** Of an operand in memory, in its segment. */
function offsetOf({ at, registers }: Setting, decoded: Decoded): bigint {
  const { base, index, scale, displacement, addressSize, length } = decoded;
  const of = (register: number): bigint =>
    register < 0 ? 0n : register === RIP_BASE ? BigInt(at + length) : registers[register]!;
  const sum = of(base) + (of(index) << BigInt(scale)) + BigInt(displacement);
  return BigInt.asUintN(addressSize, sum);
}

/** Bytes of an operand in memory, as far as the case says what is there; 0 elsewhere. */
function operandOf({ setting, decoded }: Asked, count: number): ArrayBuffer {
  const { fs, gs } = setting.bases;
  const base = decoded.segment === FS ? fs : decoded.segment === GS ? gs : 0n;
  const linear = Number(BigInt.asUintN(64, base + offsetOf(setting, decoded)));
  const bytes = new Uint8Array(count);
  // What lies next to the operand is no element, and not written.
  for (const [address, data] of setting.memory) data.forEach((byte, i) => (bytes[address + i - linear] = byte));
  return bytes.buffer;
}

/** How many of the products that a DPPS or DPPD sums are NaNs. */
function nanProductsOf(asked: Asked, Elements: typeof Float32Array | typeof Float64Array): number {
  const { setting, decoded } = asked;
  if (!setting.float) return 0;
  const { xm } = setting.float;
  const register = (index: number): ArrayBuffer => BigUint64Array.of(xm[index]!, xm[index]! >> 64n).buffer;
  const left = new Elements(register(decoded.reg)),
    right = new Elements(decoded.memory ? operandOf(asked, 16) : register(decoded.rm));
  return left.filter((value, i) => ((decoded.immediate >> (4 + i)) & 1) !== 0 && Number.isNaN(value * right[i]!))
    .length;
}
