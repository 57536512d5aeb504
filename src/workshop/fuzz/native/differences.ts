/**
 * Where a host's processor may differ from ours without either being wrong, each with its source, and where this comparison is blind. Everything else that
 * differs is a fault of ours. "Seen" means: on an Intel Xeon, family 6 model 207 (Sapphire Rapids), 20 November 2026; of AMD: on an EPYC, 22 November 2026.
 */
import { featuresOf } from '../../../cpu/architecture/index.ts';
import type { Decoded } from '../../../cpu/table/index.ts';
import type { Ending, Setting } from '../../oracle/machine.ts';
import { AMD_DIFFERENCES } from '../../oracle/vendors.ts';
import type { Host } from './host.ts';
import type { NativeEnd } from './wire.ts';

export interface Compared {
  host: Host;
  setting: Setting;
  decoded: Decoded;
  native: NativeEnd | undefined;
  ours: Ending;
}

/** What is left out: all; bits (`mask`) of EFLAGS or of FSW; the error code; a page fault's address; the x87's state; exactness (`close`); memory; bytes below ESP; high halves of RCX, RSI and RDI (`counters`); FIP. */
export interface Known {
  why: string;
  what: 'all' | 'flags' | 'status' | 'error' | 'address' | 'x87' | 'close' | 'memory' | 'pushed' | 'counters' | 'fip';
  mask?: number;
}

interface Difference extends Known {
  applies(compared: Compared): boolean;
}

const UNDEFINED = 6,
  STACK = 12,
  GENERAL = 13,
  PAGE = 14,
  ALIGNMENT = 17,
  NUMERIC = 19;
const CONDITION = 0x4700;
const RUNNER_PAGE = 0x3fn;
const TASK_SIZE_MAX = 0x7fff_ffff_f000n;
const SHOWN = featuresOf('x86-64-v2');
/** Names of /proc/cpuinfo that are not the table's. */
const LINUX_NAMES: Readonly<Record<string, string>> = {
  sse3: 'pni',
  sse41: 'sse4_1',
  sse42: 'sse4_2',
  clfsh: 'clflush',
};

const ops = (names: string) => {
  const set = new Set(names.split(' '));
  return ({ decoded }: Compared) => decoded.row !== null && set.has(decoded.row.op);
};
const all =
  (...conditions: ((compared: Compared) => boolean)[]) =>
  (compared: Compared) =>
    conditions.every(condition => condition(compared));
/** How the host's ended. */
const ends =
  (...vectors: number[]) =>
  ({ native }: Compared) =>
    native !== undefined && vectors.includes(native.vector);
/** A denormal operand that is not masked. */
const denormal = ({ native }: Compared) => native !== undefined && (native.float.sw & ~native.float.cw & 2) !== 0;
/** A prefix of this case; in 64-bit code REX is one. */
const isPrefix = ({ bits }: Setting, byte: number) => PREFIXES.has(byte) || (bits === 64 && (byte & 0xf0) === 0x40);
const prefixes = ({ setting, decoded }: Compared) => [...setting.code.subarray(0, decoded.length)];
const repeated = (compared: Compared) => prefixes(compared).some(byte => byte === 0xf2 || byte === 0xf3);
const PREFIXES = new Set([0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3]);
const extended = ({ setting, decoded }: Compared) =>
  decoded.row === null && [0x62, 0xc4, 0xc5, 0x8f].includes(setting.code.find(byte => !isPrefix(setting, byte)) ?? 0);
/** The maps and groups that new instructions have been put in since SSE4.2 (SDM vol. 2, tables ). */
const newer = ({ setting, decoded }: Compared) => {
  const { code } = setting;
  const at = code.findIndex(byte => !isPrefix(setting, byte));
  return decoded.row === null && code[at] === 0x0f && [0x01, 0x38, 0x3a, 0xae, 0xc7].includes(code[at + 1]!);
};
const onAmd = ({ host }: Compared) => host.vendor === 'AuthenticAMD';
/** As hexadecimal bytes. */
const starts =
  (pattern: RegExp) =>
  ({ setting: { code } }: Compared) =>
    pattern.test([...code].map(byte => byte.toString(16).padStart(2, '0')).join(' '));
const sse4a = ({ setting, decoded }: Compared) => {
  const { code } = setting;
  const at = code.findIndex(byte => !isPrefix(setting, byte));
  return decoded.row === null && code[at] === 0x0f && [0x2b, 0x78, 0x79].includes(code[at + 1]!);
};

const COMPARES = 'fcom fcomp fcompp fucom fucomp fucompp ficom ficomp ftst fcomi fcomip fucomi fucomip';
const TRANSCENDENTALS = 'f2xm1 fyl2x fyl2xp1 fptan fpatan fsin fcos fsincos';

const DIFFERENCES: readonly Difference[] = [
  // ---- where the comparison is blind
  {
    why: "time, identity and features are the host's own",
    what: 'all',
    applies: ops('rdtsc rdtscp rdpid cpuid rdpmc'),
  },
  {
    why: "the kernel's tables, or under UMIP what it says instead of them",
    what: 'all',
    applies: ops('sgdt sidt sldt str smsw'),
  },
  {
    why: 'a system call ends the case on the host (SYSENTER; SYSCALL of 32-bit code on AMD: APM vol. 3)',
    what: 'all',
    applies: ops('sysenter syscall'),
  },
  {
    why: 'our descriptor tables lie below 64 KiB, where a program of the host has nothing: the error code says present',
    what: 'error',
    applies: compared => ends(PAGE)(compared) && compared.native!.cr2 < 0x10000n,
  },

  {
    why: 'of addresses in its half, or above all of a program, the kernel says that there is a page (Linux, arch/x86/mm/fault.c, sanitize_error_code)',
    what: 'error',
    applies: compared => ends(PAGE)(compared) && compared.native!.cr2 >= TASK_SIZE_MAX,
  },

  {
    why: 'the runner has a page of its own where a case has nothing (FRAME of runner.c)',
    what: 'all',
    applies: ({ setting, ours }) => setting.bits === 64 && ours.vector === PAGE && ours.cr2 >> 12n === RUNNER_PAGE,
  },

  // ---- features that our CPUID hides
  {
    why: 'CPUID does not show it',
    what: 'all',
    applies: ({ decoded: { row } }) => row?.feature !== undefined && !SHOWN.has(row.feature),
  },
  {
    why: 'the host does not have it',
    what: 'all',
    applies: ({ host, decoded: { row } }) =>
      row?.feature !== undefined &&
      SHOWN.has(row.feature) &&
      !host.features.has(LINUX_NAMES[row.feature] ?? row.feature),
  },
  {
    why: 'F3 makes BSF and BSR TZCNT and LZCNT (BMI1 and LZCNT, which CPUID does not show; SDM vol. 2)',
    what: 'all',
    applies: all(ops('bsf bsr'), repeated),
  },

  {
    why: 'VEX, EVEX and XOP prefixes (AVX, AVX-512; XOP on AMD): LES, LDS, BOUND and POP in forms that are undefined without',
    what: 'all',
    applies: extended,
  },
  {
    why: 'encodings of features that our CPUID hides and the table lacks: SHA, GFNI, AES, MOVDIRI, PKU, XSAVEC, WAITPKG and others',
    what: 'all',
    applies: newer,
  },

  // ---- what the SDM leaves to the processor
  {
    why: 'approximations of 12 bits (SDM vol. 2, RCPPS, RSQRTPS: relative error up to 1.5 * 2^-12)',
    what: 'close',
    applies: ops('rcpps rcpss rsqrtps rsqrtss'),
  },
  {
    why: 'transcendentals are exact to one unit in the last place or so (SDM vol. 1, 8.3.10)',
    what: 'close',
    applies: ops(TRANSCENDENTALS),
  },
  {
    why: 'their C1, DE, UE and PE follow from what they round',
    what: 'status',
    mask: 0x232,
    applies: ops(TRANSCENDENTALS),
  },
  {
    why: 'FYL2XP1 of an operand out of its range: undefined (SDM vol. 2)',
    what: 'x87',
    applies: all(ops('fyl2xp1'), ({ setting }) => outsideFyl2xp1(setting.float!.st[0]!)),
  },
  {
    why: 'C0 to C3 are undefined after FFREE (SDM vol. 2); FFREEP is not described',
    what: 'status',
    mask: CONDITION,
    applies: ops('ffree ffreep'),
  },
  {
    why: 'FXSAVE and FXRSTOR of an address not on 16 bytes with #AC enabled: #AC or #GP (SDM vol. 2)',
    what: 'all',
    applies: all(ops('fxsave fxrstor'), ends(ALIGNMENT)),
  },
  {
    why: 'FXSAVE and FXRSTOR off 16 bytes and past the end of the stack segment: #GP (ours), or #SS; Intel has had both (seen), and no order is given (SDM vol. 3, table 6-2)',
    what: 'all',
    applies: all(ops('fxsave fxrstor'), ends(STACK), ({ ours }) => ours.vector === GENERAL),
  },
  {
    why: 'areas of the x87 that begin below 4 GiB and end above by addresses of 32 bits (67h): their end lies above (ours), or at 0 (Intel, seen)',
    what: 'all',
    applies: all(
      ops('fxsave fxrstor fnsave frstor fnstenv fldenv'),
      ({ setting, decoded }) => setting.bits === 64 && decoded.addressSize === 32,
      ({ native, ours }) => native?.vector === PAGE && native.cr2 < 0x200n && ours.cr2 !== native.cr2,
    ),
  },
  {
    why: 'FXRSTOR of a FIP that is not canonical: kept (ours), or made canonical by the width that linear addresses have there (Intel, seen: 57 bits)',
    what: 'fip',
    applies: ops('fxrstor'),
  },
  {
    why: 'a mask of zeroes: whether MASKMOVQ and MASKMOVDQU look at the page (SDM vol. 2)',
    what: 'all',
    applies: all(ops('maskmovq maskmovdqu'), ends(PAGE), ({ ours }) => ours.vector !== PAGE),
  },
  {
    why: 'in which order the parts of an operand, or two operands, are touched: which address a page fault names',
    what: 'address',
    applies: ops(
      'maskmovq maskmovdqu cmps fxsave fxrstor fnsave frstor fnstenv fldenv retf iret enter popa pusha jmpfind callfind lseg movs call callind callf',
    ),
  },
  {
    why: 'which of the faults of two accesses, or of an access and a target, comes first: no order is given (SDM vol. 3, table 6-2, last class)',
    what: 'all',
    applies: all(
      ops('call callind callf callfind enter pusha popa iret retf lseg jmpfind cmps movs'),
      compared =>
        faults(compared.native?.vector) &&
        faults(compared.ours.vector) &&
        compared.native!.vector !== compared.ours.vector,
    ),
  },
  {
    why: 'bytes below ESP, written by a CALL, PUSHA or ENTER that faults after its first push (seen)',
    what: 'pushed',
    applies: all(ops('call callind callf callfind enter pusha'), ends(STACK, GENERAL, PAGE, ALIGNMENT)),
  },
  {
    why: 'a store of ten bytes that faults at its end may have written its beginning (SDM vol. 3, 9.1.1: several accesses; seen)',
    what: 'memory',
    applies: all(ops('fbstp fstp'), ends(STACK, GENERAL, PAGE)),
  },
  {
    why: 'which NaN comes out where several meet in the sums of DPPS and DPPD (SDM vol. 2 gives no order of operands; ours is that of Intel, seen)',
    what: 'close',
    applies: all(
      onAmd,
      ops('dpps dppd'),
      ({ decoded, native }) => native !== undefined && hasNan(native.float.xm[decoded.reg]!),
    ),
  },
  {
    why: 'an MMX instruction that faults at its operand, or whose SSE part raises #XM, may have set TOP and the tags (seen)',
    what: 'x87',
    applies: all(
      ops('movd movq movntq maskmovq cvtps2pi cvttps2pi cvtpd2pi cvttpd2pi cvtpi2ps cvtpi2pd'),
      ends(STACK, GENERAL, PAGE, ALIGNMENT, NUMERIC),
    ),
  },

  // ---- vendors
  ...AMD_DIFFERENCES.map(
    ({ why, what, mask, applies }): Difference => ({
      why,
      what,
      ...(mask === undefined ? {} : { mask }),
      applies: compared =>
        onAmd(compared) &&
        compared.setting.bits === 64 &&
        compared.native !== undefined &&
        applies({ ...compared, vector: compared.native.vector }),
    }),
  ),
  {
    why: 'high halves of RCX, RSI and RDI where a REP string instruction with 67h faults at an element: unchanged (ours), or cleared (Intel, seen)',
    what: 'counters',
    applies: all(
      ops('movs cmps stos lods scas'),
      repeated,
      ({ setting, decoded }) => setting.bits === 64 && decoded.addressSize === 32,
      ends(STACK, GENERAL, PAGE, ALIGNMENT),
    ),
  },
  {
    why: 'condition codes of a comparison that a denormal operand with #D unmasked stops: its order (AMD, seen; ours), or unordered, as of an invalid operand (Intel was asked of both together)',
    what: 'status',
    mask: CONDITION,
    applies: all(ops(COMPARES), denormal, compared => !onAmd(compared)),
  },
  {
    why: 'the same in EFLAGS',
    what: 'flags',
    mask: 0x8d5,
    applies: all(ops('fcomi fcomip fucomi fucomip'), denormal, compared => !onAmd(compared)),
  },
  {
    why: 'FLD of a denormal with #D unmasked: the value is not pushed (SDM vol. 1, 8.5.2: before the operation; AMD, ours), or it is (Intel, seen)',
    what: 'x87',
    applies: all(ops('fld'), denormal),
  },
  {
    why: "flags of a REP CMPS or SCAS that is not done: those from before it (Intel, ours), the last element's (AMD)",
    what: 'flags',
    mask: 0x8d5,
    applies: all(ops('cmps scas'), repeated, ({ host }) => host.vendor !== 'GenuineIntel'),
  },
  {
    why: 'PUSH of a segment register as 32 bits: its 16 are written (Intel, ours), or zeroes above them, too (AMD, seen); both are allowed (SDM vol. 2, PUSH)',
    what: 'memory',
    applies: all(onAmd, ops('pushsreg')),
  },
  {
    why: 'the same off four bytes with #AC enabled',
    what: 'all',
    applies: all(onAmd, ops('pushsreg'), ends(ALIGNMENT)),
  },
  {
    why: 'LOCK MOV CR0: undefined (Intel, ours), or CR8 (AMD: APM vol. 3, MOV CRn)',
    what: 'all',
    applies: all(onAmd, starts(/^(?:.. )*?f0 (?:.. )*?0f 2[02]/)),
  },
  {
    why: 'LOCK VERR and LOCK VERW: #UD (Intel, ours), or as without LOCK (AMD, seen)',
    what: 'all',
    applies: all(onAmd, starts(/^(?:.. )*?f0 (?:.. )*?0f 00 [26a]/), ({ ours }) => ours.vector === UNDEFINED),
  },
  {
    why: 'SYSRET of code that has not 64 bits: undefined (Intel, ours), or #GP beyond ring 0 (AMD: APM vol. 3, SYSRET)',
    what: 'all',
    applies: all(onAmd, ops('sysret'), ({ setting }) => setting.bits !== 64),
  },
  {
    why: 'ES and B follow from what transcendentals round, where it is not masked (seen)',
    what: 'status',
    mask: 0x8080,
    applies: ops(TRANSCENDENTALS),
  },
  {
    why: "the x87's instruction pointer is stored where an exception is pending (AMD alone: APM vol. 5, FXSAVE)",
    what: 'fip',
    applies: onAmd,
  },
  {
    why: 'FXSAVE: MXCSR_MASK has bit 17, misaligned SSE accesses (AMD alone: APM vol. 2, 11.5.10)',
    what: 'memory',
    applies: all(onAmd, ops('fxsave')),
  },
  {
    why: 'SHLD and SHRD of 16 bits by more than 16: undefined (SDM vol. 2; seen)',
    what: 'all',
    applies: all(onAmd, ops('shld shrd'), ({ decoded }) => decoded.operandSize === 16),
  },
  {
    why: '0F 0D of a register: nothing (Intel, ours), or undefined (AMD: APM vol. 3, PREFETCH)',
    what: 'all',
    applies: all(onAmd, ops('nop'), ({ decoded: { row, memory } }) => row!.opcode === 0x0d && !memory),
  },
  { why: 'SSE4A (AMD alone: APM vol. 4, MOVNTSS, MOVNTSD, EXTRQ, INSERTQ)', what: 'all', applies: all(onAmd, sse4a) },
  {
    why: 'INT1: the address behind it (Intel, ours), or its own (AMD under a hypervisor that takes it, seen)',
    what: 'all',
    applies: all(onAmd, ops('icebp')),
  },
  {
    why: 'a store of the x87 that raises an unmasked exception: its address is not looked at (Intel, ours), or is first (AMD, seen)',
    what: 'all',
    applies: all(
      onAmd,
      ops('fist fistp fisttp fst fstp fbstp'),
      ({ ours }) => !faults(ours.vector),
      ends(STACK, GENERAL, PAGE, ALIGNMENT),
    ),
  },
  {
    why: 'SSE4.2 strings, LDDQU and MOVUPS and its like off 16 bytes with #AC enabled: nothing (Intel, ours), or #AC (AMD, seen; SDM vol. 2, MOVUPS, leaves it open)',
    what: 'all',
    applies: all(onAmd, ops('pcmpestri pcmpestrm pcmpistri pcmpistrm lddqu movdqu movups movupd'), ends(ALIGNMENT)),
  },
  {
    why: 'REP before LOOPE and LOOPNE: nothing (Intel, ours), or it says which of the two it is (AMD, seen)',
    what: 'all',
    applies: all(onAmd, ops('loope loopne'), repeated),
  },
  {
    why: 'which of the faults of one access comes first: no order is given (SDM vol. 3, table 6-2, last class; AMD, seen)',
    what: 'all',
    applies: all(
      onAmd,
      ({ native, ours }) => faults(native?.vector) && faults(ours.vector) && native!.vector !== ours.vector,
    ),
  },
];

const faults = (vector: number | undefined) =>
  vector !== undefined && [STACK, GENERAL, PAGE, ALIGNMENT].includes(vector);

const hasNan = (value: bigint) =>
  [0n, 32n, 64n, 96n].some(
    shift => ((value >> shift) & 0x7f800000n) === 0x7f800000n && ((value >> shift) & 0x7fffffn) !== 0n,
  );

/** Outside of -(1 - sqrt(2)/2) to sqrt(2) - 1, by the exponent alone: from 2^-2 on, denormals and NaNs aside. */
function outsideFyl2xp1(value: bigint): boolean {
  const exponent = Number((value >> 64n) & 0x7fffn);
  return exponent >= 0x3ffd;
}

export function differencesOf(compared: Compared): readonly Known[] {
  return DIFFERENCES.filter(difference => difference.applies(compared));
}
