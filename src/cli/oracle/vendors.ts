/**
 * Where vendors' processors differ in 64-bit code without either being wrong, each with its source. Ours is Intel's there. What an AMD processor does otherwise
 * is compared neither in fixtures, which name their vendor (`by`), nor where the host is asked at once (fuzz:native). "Seen" means: on an EPYC, family 25 model
 * 17, 27 November 2026.
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
  /** What is left out: all; high halves of RCX, RSI and RDI (`counters`); bytes below RSP (`pushed`). */
  what: 'all' | 'counters' | 'pushed';
  applies(asked: Asked): boolean;
}

const GENERAL_PROTECTION = 13;
const RCX = 1,
  RIP_BASE = 16;
const FS = 4,
  GS = 5;
const PUSH_ES = 0x06;
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
function offsetOf({ registers }: Setting, { base, index, scale, displacement, addressSize }: Decoded): bigint {
  const of = (register: number): bigint => (register < 0 || register === RIP_BASE ? 0n : registers[register]!);
  const sum = of(base) + (of(index) << BigInt(scale)) + BigInt(displacement);
  return BigInt.asUintN(addressSize, sum);
}
