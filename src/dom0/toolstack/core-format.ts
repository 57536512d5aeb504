/**
 * The core file of a domain, as `xl dump-core` writes it: ELF with sections for notes, processors, frame numbers and pages; crash and gdbsx read it.
 * Source: xen/docs/misc/dump-core-format.txt; xen/include/public/elfnote.h, arch-x86/xen.h (struct vcpu_guest_context), xen/arch/x86/domctl.c
 * (arch_get_info_guest); SDM vol. 1, table 10-2 (FXSAVE).
 */
import { registers as R } from '../../cpu/architecture/index.ts';
import { joined } from '../../formats/bytes/index.ts';
import type { SavedState } from '../../hypervisor/index.ts';
import { CHANGESET, guestKinds, PV_VIRT_START, XEN_MAJOR, XEN_MINOR } from '../../hypervisor/interfaces/xen/index.ts';

const PAGE_BYTES = 4096;
const ELF = {
  HEADER_BYTES: 64,
  SECTION_BYTES: 64,
  CORE: 4,
  MACHINE_386: 3,
  MACHINE_X86_64: 62,
  PROGBITS: 1,
  STRTAB: 3,
  NOTE: 7,
} as const;
const NOTE = { NONE: 0x2000000, HEADER: 0x2000001, XEN_VERSION: 0x2000002, FORMAT_VERSION: 0x2000003 } as const;
/** XC_CORE_MAGIC, and that of guests whose frame numbers are translated. */
const MAGIC_PV = 0xf00febed,
  MAGIC_HVM = 0xf00febee;
/** Major and minor number of the format: 0.1. */
const FORMAT_VERSION = 1;
/** vcpu_guest_context of 64 bits, in which HVM guests' processors are written whatever their mode, and where its parts are. */
const CONTEXT_BYTES = 5168,
  AT = {
    FLAGS: 512,
    USER_REGS: 520,
    RIP: 648,
    CS: 656,
    RFLAGS: 664,
    RSP: 672,
    SEGMENTS: 680,
    CONTROL: 4984,
    DEBUG: 5048,
    FS_BASE: 5144,
    GS_BASE_KERNEL: 5152,
    GS_BASE_USER: 5160,
  } as const;
const GENERAL = ['r15', 'r14', 'r13', 'r12', 'rbp', 'rbx', 'r11', 'r10', 'r9', 'r8', 'rax', 'rcx', 'rdx', 'rsi', 'rdi'];
/** VGCF_i387_valid and VGCF_online; VGCF_in_kernel is said of PV guests alone. */
const FPU_VALID = 1,
  ONLINE = 32;
/** Of an activity: nobody has started it. */
const WAIT_FOR_SIPI = 3;
/** Where FXSAVE's image of 64 bits has what saved processors name. */
const FPU_WORDS: readonly (readonly [at: number, name: string, bytes: 2 | 4])[] = [
  [0, 'fcw', 2],
  [2, 'fsw', 2],
  [4, 'ftw', 2],
  [6, 'fop', 2],
  [8, 'fip', 4],
  [12, 'fcs', 4],
  [16, 'fdp', 4],
  [20, 'fds', 4],
  [24, 'mxcsr', 4],
];
const FPU_REGISTERS = 32,
  FPU_REGISTER_BYTES = 10,
  XMM_REGISTERS = 160,
  MXCSR_MASK_AT = 28;
/** HVM_SAVE_CODE(CPU). */
const CPU_RECORD = 2;
/** Page types up to it bring bytes; those from 13 on are of no page, and this one is a page that was never written. */
const LAST_WITH_BYTES = 12,
  ALLOCATE_ONLY = 14;

/** `reg` of a saved processor: a number, or the two halves of one. */
type Registers = Record<string, number | Int32Array>;

/** Its x87 and SSE state as FXSAVE stores it: registers from the stack's top on. */
function fpuOf(registers: Registers): Uint8Array {
  const bytes = new Uint8Array(AT.FLAGS),
    view = new DataView(bytes.buffer),
    number = (name: string): number => (typeof registers[name] === 'number' ? registers[name] : 0),
    put = (at: number, name: string, most: number): void => {
      const words = registers[name];
      if (words instanceof Int32Array) bytes.set(new Uint8Array(words.slice().buffer).subarray(0, most), at);
    };
  for (const [at, name, size] of FPU_WORDS)
    if (size === 2) view.setUint16(at, number(name), true);
    else view.setInt32(at, number(name), true);
  view.setUint32(MXCSR_MASK_AT, R.MXCSR_MASK, true);
  const top = (number('fsw') >> 11) & 7;
  for (let i = 0; i < 8; i++) put(FPU_REGISTERS + 16 * i, `fpr${(top + i) & 7}`, FPU_REGISTER_BYTES);
  for (let i = 0; i < 16; i++) put(XMM_REGISTERS + 16 * i, `xmm${i}`, 16);
  return bytes;
}

function contextOf(registers: Registers): Uint8Array {
  const bytes = new Uint8Array(CONTEXT_BYTES);
  const view = new DataView(bytes.buffer);
  const put = (at: number, name: string): void => {
    const value = registers[name] ?? 0;
    view.setInt32(at, typeof value === 'number' ? value : (value[0] ?? 0), true);
    if (typeof value !== 'number') view.setInt32(at + 4, value[1] ?? 0, true);
  };
  bytes.set(fpuOf(registers));
  view.setUint32(AT.FLAGS, FPU_VALID | (registers.activity === WAIT_FOR_SIPI ? 0 : ONLINE), true);
  GENERAL.forEach((name, i) => put(AT.USER_REGS + 8 * i, name));
  put(AT.RIP, 'rip');
  put(AT.CS, 'cs.selector');
  put(AT.RFLAGS, 'rflags');
  put(AT.RSP, 'rsp');
  ['ss', 'es', 'ds', 'fs', 'gs'].forEach((name, i) => put(AT.SEGMENTS + 8 * i, `${name}.selector`));
  for (const n of [0, 2, 3, 4]) put(AT.CONTROL + 8 * n, `cr${n}`);
  for (let n = 0; n < 8; n++) put(AT.DEBUG + 8 * n, `dr${n}`);
  put(AT.FS_BASE, 'fs.base');
  // In ring 0 it has swapped them.
  const [own, other] =
    registers.cpl === 0 ? [AT.GS_BASE_KERNEL, AT.GS_BASE_USER] : [AT.GS_BASE_USER, AT.GS_BASE_KERNEL];
  put(own, 'gs.base');
  put(other, 'kernelGsBase');
  return bytes;
}

/** Processors as vcpu_guest_context, of a PV guest in the layout that it has them in. */
function contextsOf({ pv, hvm }: SavedState): Uint8Array[] {
  if (pv) return [...pv.contexts].sort(([a], [b]) => a - b).map(([, context]) => context);
  const cpus = hvm.filter(({ type }) => type === CPU_RECORD).sort((a, b) => a.instance - b.instance);
  return cpus.map(({ state }) => contextOf((state.registers ?? {}) as Registers));
}

function words64(...values: (number | bigint)[]): Uint8Array {
  const bytes = new Uint8Array(8 * values.length);
  values.forEach((value, i) => new DataView(bytes.buffer).setBigUint64(8 * i, BigInt(value), true));
  return bytes;
}

function text(value: string, bytes: number): Uint8Array {
  const field = new Uint8Array(bytes);
  field.set(new TextEncoder().encode(value).subarray(0, bytes - 1));
  return field;
}

function note(type: number, description: Uint8Array): Uint8Array {
  const head = new Uint8Array(16);
  const view = new DataView(head.buffer);
  view.setUint32(0, 4, true);
  view.setUint32(4, description.length, true);
  view.setUint32(8, type, true);
  head.set(new TextEncoder().encode('Xen\0'), 12);
  return joined([head, description]);
}

/** XEN_ELFNOTE_DUMPCORE_XEN_VERSION: what `xl info` tells of the hypervisor. */
const xenVersion = ({ virtStart }: Layout, hasVt: boolean): Uint8Array =>
  joined([
    words64(XEN_MAJOR, XEN_MINOR),
    text('', 16),
    text('', 64),
    text('', 16),
    text('', 32),
    text('', 32),
    text(guestKinds(hasVt), 1024),
    text(CHANGESET, 64),
    words64(virtStart, PAGE_BYTES),
  ]);

/** How a file of one type of guest differs. */
interface Layout {
  magic: number;
  machine: number;
  /** Where the hypervisor begins in its linear addresses. */
  virtStart: number;
  /** The section of its frames' numbers, and what that has of each. */
  frames: '.xen_p2m' | '.xen_pfn';
  entryBytes: number;
  entry(pfn: number): number[];
}

const TRANSLATED: Layout = {
  magic: MAGIC_HVM,
  machine: ELF.MACHINE_X86_64,
  virtStart: 0,
  frames: '.xen_pfn',
  entryBytes: 8,
  entry: pfn => [pfn],
};

/** Its frames come with their machine frames, which are others in another domain: its own numbers represent both. */
const OF_PV: Layout = {
  magic: MAGIC_PV,
  machine: ELF.MACHINE_386,
  virtStart: PV_VIRT_START,
  frames: '.xen_p2m',
  entryBytes: 16,
  entry: pfn => [pfn, pfn],
};

interface Section {
  name: string;
  type: number;
  entryBytes: number;
  parts: readonly Uint8Array[];
}

/** The pieces of the file, one behind another. `hasVt`: the host has VT-x. */
export function coreFile(state: SavedState, hasVt: boolean): Uint8Array[] {
  const layout = state.pv ? OF_PV : TRANSLATED;
  const frames: number[] = [];
  const pages: Uint8Array[] = [];
  const empty = new Uint8Array(PAGE_BYTES);
  for (const { pfns, types, bytes } of state.pages) {
    let at = 0;
    pfns.forEach((pfn, i) => {
      const type = types[i]!;
      if (type > LAST_WITH_BYTES && type !== ALLOCATE_ONLY) return;
      frames.push(pfn);
      pages.push(type <= LAST_WITH_BYTES ? bytes.subarray(at, (at += PAGE_BYTES)) : empty);
    });
  }
  const contexts = contextsOf(state);
  const numbers = words64(...frames.flatMap(layout.entry));
  const notes = joined([
    note(NOTE.NONE, new Uint8Array(0)),
    note(NOTE.HEADER, words64(layout.magic, contexts.length, frames.length, PAGE_BYTES)),
    note(NOTE.XEN_VERSION, xenVersion(layout, hasVt)),
    note(NOTE.FORMAT_VERSION, words64(FORMAT_VERSION)),
  ]);
  return elf(layout.machine, [
    { name: '.note.Xen', type: ELF.NOTE, entryBytes: 0, parts: [notes] },
    { name: '.xen_prstatus', type: ELF.PROGBITS, entryBytes: contexts[0]?.length ?? 0, parts: contexts },
    ...(state.pv
      ? [{ name: '.xen_shared_info', type: ELF.PROGBITS, entryBytes: PAGE_BYTES, parts: [state.pv.sharedInfo] }]
      : []),
    { name: layout.frames, type: ELF.PROGBITS, entryBytes: layout.entryBytes, parts: [numbers] },
    { name: '.xen_pages', type: ELF.PROGBITS, entryBytes: PAGE_BYTES, parts: pages },
  ]);
}

/** Header, section headers, names, sections; pages begin at a page's boundary. */
function elf(machine: number, sections: readonly Section[]): Uint8Array[] {
  const names = new TextEncoder().encode(`\0.shstrtab\0${sections.map(({ name }) => `${name}\0`).join('')}`);
  const count = sections.length + 2;
  const head = new Uint8Array(ELF.HEADER_BYTES + count * ELF.SECTION_BYTES);
  const view = new DataView(head.buffer);
  // 64 bits, little endian, version 1, System V.
  head.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, ELF.CORE, true);
  view.setUint16(18, machine, true);
  view.setUint32(20, 1, true);
  view.setUint32(40, ELF.HEADER_BYTES, true);
  view.setUint16(52, ELF.HEADER_BYTES, true);
  view.setUint16(58, ELF.SECTION_BYTES, true);
  view.setUint16(60, count, true);
  view.setUint16(62, 1, true);
  let nameAt = 1,
    number = 1;
  const put = (name: string, type: number, at: number, bytes: number, entryBytes: number): void => {
    const header = ELF.HEADER_BYTES + number++ * ELF.SECTION_BYTES;
    view.setUint32(header, nameAt, true);
    view.setUint32(header + 4, type, true);
    view.setBigUint64(header + 24, BigInt(at), true);
    view.setBigUint64(header + 32, BigInt(bytes), true);
    view.setBigUint64(header + 48, 1n, true);
    view.setBigUint64(header + 56, BigInt(entryBytes), true);
    nameAt += name.length + 1;
  };
  const pieces: Uint8Array[] = [head, names];
  let at = head.length + names.length;
  put('.shstrtab', ELF.STRTAB, head.length, names.length, 0);
  for (const { name, type, entryBytes, parts } of sections) {
    const gap = -at & (entryBytes === PAGE_BYTES ? PAGE_BYTES - 1 : 7);
    if (gap > 0) pieces.push(new Uint8Array(gap));
    at += gap;
    const bytes = parts.reduce((sum, { length }) => sum + length, 0);
    put(name, type, at, bytes, entryBytes);
    pieces.push(...parts);
    at += bytes;
  }
  return pieces;
}
