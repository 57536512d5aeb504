/**
 * A processor's registers as gdb has them, by a target description of their order and widths. Source: Debugging with GDB, appendix G (i386 Features); system
 * registers by the names that QEMU gives them (gdb-xml/i386-64bit.xml); SDM vol. 3, 2.5 and 2.2.1 for their bits; vol. 1, 8.1.7 for the x87 tag word.
 */
import { type SavedRegisters, saveRegisters } from '../../../cpu/architecture/index.ts';

export type GdbArchitecture = 'i386' | 'i386:x86-64';

interface Register {
  /** gdb's name of it. */
  name: string;
  bits: number;
  type: string;
  /** Its register of the processor (saved-registers.ts), where a debugger's value goes, too. */
  from?: string;
  read(registers: SavedRegisters): bigint;
}

const MASK = (bits: number): bigint => (1n << BigInt(bits)) - 1n;

/** Its words, low first. */
function whole(registers: SavedRegisters, name: string): bigint {
  const value = registers[name] ?? 0;
  if (typeof value === 'number') return BigInt(value >>> 0);
  return value.reduceRight((sum, word) => (sum << 32n) | BigInt(word >>> 0), 0n);
}

const register = (name: string, bits: number, type: string, from: string): Register => ({
  name,
  bits,
  type,
  from,
  read: registers => whole(registers, from) & MASK(bits),
});

const GENERAL_32 = ['ax', 'cx', 'dx', 'bx', 'sp', 'bp', 'si', 'di'],
  /** In gdb's order. */
  GENERAL_64 = ['rax', 'rbx', 'rcx', 'rdx', 'rsi', 'rdi', 'rbp', 'rsp'],
  SELECTORS = ['cs', 'ss', 'ds', 'es', 'fs', 'gs'];
const EXPONENT = 0x7fff,
  INTEGER_BIT = 1n << 63n;

/** Of x87's physical registers, two bits each: 0 valid, 1 zero, 2 special, 3 empty. */
function tagWord(registers: SavedRegisters): bigint {
  const used = Number(whole(registers, 'ftw'));
  let tags = 0n;
  for (let i = 7; i >= 0; i--) {
    const value = whole(registers, `fpr${i}`),
      exponent = Number((value >> 64n) & 0x7fffn),
      mantissa = value & MASK(64);
    const isSpecial = exponent === EXPONENT || exponent === 0 || (mantissa & INTEGER_BIT) === 0n;
    const tag = !(used & (1 << i)) ? 3n : exponent === 0 && mantissa === 0n ? 1n : isSpecial ? 2n : 0n;
    tags = (tags << 2n) | tag;
  }
  return tags;
}

const stack = (i: number): Register => ({
  name: `st${i}`,
  bits: 80,
  type: 'i387_ext',
  read: registers => whole(registers, `fpr${(Number(whole(registers, 'fsw') >> 11n) + i) & 7}`) & MASK(80),
});

const X87: readonly Register[] = [
  ...Array.from({ length: 8 }, (_, i) => stack(i)),
  register('fctrl', 32, 'int', 'fcw'),
  register('fstat', 32, 'int', 'fsw'),
  { name: 'ftag', bits: 32, type: 'int', read: tagWord },
  register('fiseg', 32, 'int', 'fcs'),
  register('fioff', 32, 'int', 'fip'),
  register('foseg', 32, 'int', 'fds'),
  register('fooff', 32, 'int', 'fdp'),
  register('fop', 32, 'int', 'fop'),
];

const vectors = (count: number): Register[] => [
  ...Array.from({ length: count }, (_, i) => register(`xmm${i}`, 128, 'vec128', `xmm${i}`)),
  register('mxcsr', 32, 'i386_mxcsr', 'mxcsr'),
];

/** Of both widths; gdb knows them by no feature of its own. */
const system = (bits: 32 | 64): Register[] => [
  register('k_gs_base', bits, bits === 64 ? 'int' : 'int32', 'kernelGsBase'),
  register('cr0', bits, 'i386_cr0', 'cr0'),
  register('cr2', bits, bits === 64 ? 'int' : 'int32', 'cr2'),
  register('cr3', bits, bits === 64 ? 'int' : 'int32', 'cr3'),
  register('cr4', bits, 'i386_cr4', 'cr4'),
  register('cr8', bits, bits === 64 ? 'int' : 'int32', 'cr8'),
  register('efer', bits, 'i386_efer', 'efer'),
];

interface Feature {
  name: string;
  /** Of types that its registers have: text of the description. */
  types: string;
  registers: readonly Register[];
}

/** Bits of a register, by name and number. */
const flags = (id: string, bytes: number, bits: Readonly<Record<string, number>>): string =>
  `<flags id="${id}" size="${bytes}">${Object.entries(bits)
    .map(([name, bit]) => `<field name="${name}" start="${bit}" end="${bit}"/>`)
    .join('')}</flags>`;
const EFLAGS = { CF: 0, PF: 2, AF: 4, ZF: 6, SF: 7, TF: 8, IF: 9, DF: 10, OF: 11, NT: 14, RF: 16, VM: 17, AC: 18 };
const MXCSR = { IE: 0, DE: 1, ZE: 2, OE: 3, UE: 4, PE: 5, DAZ: 6, IM: 7, DM: 8, ZM: 9, OM: 10, UM: 11, PM: 12, FZ: 15 };
const CR0 = { PG: 31, CD: 30, NW: 29, AM: 18, WP: 16, NE: 5, ET: 4, TS: 3, EM: 2, MP: 1, PE: 0 };
const CR4 = {
  ...{ SMAP: 21, SMEP: 20, OSXSAVE: 18, PCIDE: 17, FSGSBASE: 16, UMIP: 11, OSXMMEXCPT: 10, OSFXSR: 9, PCE: 8 },
  ...{ PGE: 7, MCE: 6, PAE: 5, PSE: 4, DE: 3, TSD: 2, PVI: 1, VME: 0 },
};
const EFER = { NXE: 11, LMA: 10, LME: 8, SCE: 0 };
const VECTOR =
  '<vector id="v4f" type="ieee_single" count="4"/><vector id="v2d" type="ieee_double" count="2"/><vector id="v16i8" type="int8" count="16"/><vector id="v8i16" type="int16" count="8"/><vector id="v4i32" type="int32" count="4"/><vector id="v2i64" type="int64" count="2"/><union id="vec128"><field name="v4_float" type="v4f"/><field name="v2_double" type="v2d"/><field name="v16_int8" type="v16i8"/><field name="v8_int16" type="v8i16"/><field name="v4_int32" type="v4i32"/><field name="v2_int64" type="v2i64"/><field name="uint128" type="uint128"/></union>';

function featuresOf(architecture: GdbArchitecture): Feature[] {
  const isLong = architecture === 'i386:x86-64',
    bits = isLong ? 64 : 32;
  const pointer = (name: string): string => (name.endsWith('sp') || name.endsWith('bp') ? 'data_ptr' : `int${bits}`);
  const general = isLong
    ? [...GENERAL_64, ...Array.from({ length: 8 }, (_, i) => `r${8 + i}`)].map(name => [name, name] as const)
    : GENERAL_32.map(name => [`e${name}`, `r${name}`] as const);
  return [
    {
      name: 'org.gnu.gdb.i386.core',
      types: flags('i386_eflags', 4, EFLAGS),
      registers: [
        ...general.map(([name, from]) => register(name, bits, pointer(name), from)),
        register(isLong ? 'rip' : 'eip', bits, 'code_ptr', 'rip'),
        register('eflags', 32, 'i386_eflags', 'rflags'),
        ...SELECTORS.map(name => register(name, 32, 'int32', `${name}.selector`)),
        ...X87,
      ],
    },
    {
      name: 'org.gnu.gdb.i386.sse',
      types: VECTOR + flags('i386_mxcsr', 4, MXCSR),
      registers: vectors(isLong ? 16 : 8),
    },
    {
      // gdb 13 wants these two in a feature of their own, and of 64 bits, where it knows them.
      name: isLong ? 'org.gnu.gdb.i386.segments' : 'org.qemu.gdb.i386.segments',
      types: '',
      registers: ['fs', 'gs'].map(name => register(`${name}_base`, bits, isLong ? 'int' : 'int32', `${name}.base`)),
    },
    {
      name: 'org.qemu.gdb.i386.system',
      types: flags('i386_cr0', bits / 8, CR0) + flags('i386_cr4', bits / 8, CR4) + flags('i386_efer', bits / 8, EFER),
      registers: system(bits),
    },
  ];
}

/** A register whose bytes are those of its value, low byte first. */
function bytesOf(value: bigint, bits: number): Uint8Array {
  const bytes = new Uint8Array(bits / 8);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number((value >> BigInt(8 * i)) & 0xffn);
  return bytes;
}

/** What gdb wants to have changed: a register of the processor and its new value in two halves, where that can be changed (hypervisor/verbs/set-register.ts). */
export interface RegisterChange {
  name: string;
  low: number;
  high: number;
}

export class GdbRegisters {
  readonly architecture: GdbArchitecture;
  private readonly registers: readonly Register[];
  /** Bytes of all of them. */
  readonly bytes: number;
  /** The target description, as XML. */
  readonly description: string;

  constructor(architecture: GdbArchitecture) {
    this.architecture = architecture;
    const features = featuresOf(architecture);
    this.registers = features.flatMap(({ registers }) => registers);
    this.bytes = this.registers.reduce((sum, { bits }) => sum + bits / 8, 0);
    const feature = ({ name, types, registers }: Feature): string =>
      `<feature name="${name}">${types}${registers
        .map(
          ({ name, bits, type }) =>
            `<reg name="${name}" bitsize="${bits}" type="${type === 'int' ? `int${bits}` : type}"${group(name)}/>`,
        )
        .join('')}</feature>`;
    this.description = `<?xml version="1.0"?><!DOCTYPE target SYSTEM "gdb-target.dtd"><target><architecture>${architecture}</architecture>${features.map(feature).join('')}</target>`;
  }

  get count(): number {
    return this.registers.length;
  }

  /** All of a processor's state words, in the description's order. */
  all(words: Int32Array): Uint8Array {
    const saved = saveRegisters(words),
      bytes = new Uint8Array(this.bytes);
    let at = 0;
    for (const { bits, read } of this.registers) {
      bytes.set(bytesOf(read(saved), bits), at);
      at += bits / 8;
    }
    return bytes;
  }

  /** The register of this number; undefined: there is none. */
  one(words: Int32Array, number: number): Uint8Array | undefined {
    const one = this.registers[number];
    return one && bytesOf(one.read(saveRegisters(words)), one.bits);
  }

  /** What a new value of a register changes; undefined: there is no such register, it has another width, or is none of the processor's own. */
  change(number: number, bytes: Uint8Array): RegisterChange | undefined {
    const one = this.registers[number];
    if (one?.from === undefined || bytes.length !== one.bits / 8 || one.bits > 64) return undefined;
    const word = (at: number): number =>
      (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24) | 0;
    return { name: one.from, low: word(0), high: word(4) };
  }

  /** Those whose bytes differ between two that `all` gives, with their new bytes. */
  *differing(before: Uint8Array, after: Uint8Array): Generator<[number: number, bytes: Uint8Array]> {
    let at = 0;
    for (const [number, { bits }] of this.registers.entries()) {
      const end = at + bits / 8,
        bytes = after.subarray(at, end);
      if (bytes.some((byte, i) => byte !== before[at + i])) yield [number, bytes];
      at = end;
    }
  }
}

/** Which `info registers` of gdb shows it. */
const group = (name: string): string =>
  /^(st\d|f[a-z]+)$/.test(name) && !/^fs/.test(name)
    ? ' group="float"'
    : /^(cr\d|efer|k_gs_base)$/.test(name)
      ? ' group="system"'
      : '';
