/**
 * The file of `xl save`: xl's header with the domain's configuration, libxl's stream, and in it libxc's image of memory and state.
 * Source: xen/docs/specs/libxl-migration-stream.pandoc, libxc-migration-stream.pandoc; tools/xl/xl.h (struct save_file_header).
 *
 *   xl header     "Xen saved domain, xl format\n \0 \r", byte order, flags, length of the configuration; the configuration (JSON, NUL)
 *   libxl header  "LibxlFmt", version 2, options (big-endian); records of LIBXL follow
 *     LIBXC_CONTEXT    libxc's image lies behind it: image header (big-endian), domain header, records of LIBXC, the last of them END
 *     EMULATOR_*       the device model's state
 *     RINGSIDE_*       records of ours, which other readers pass over
 *     END
 *
 * A record is type, length of the body, body, zeroes to a multiple of 8 bytes. Everything but the two big-endian headers is little-endian.
 */
import { HVM_PARAM } from '../abi.ts';

/** Of xl's header, which xl-header.ts begins. */
export const XL_BYTE_ORDER = 0x01020304;
/** Mandatory flags: the configuration is JSON; a libxl stream of version 2 follows. */
export const XL_JSON = 1,
  XL_STREAM_V2 = 2;

/** "LibxlFmt", big-endian. */
export const LIBXL_IDENT = [0x4c696278, 0x6c466d74] as const;
export const LIBXL_VERSION = 2,
  LIBXL_HEADER_BYTES = 16;
/** Options of libxl's header: big-endian records; converted from the format before this one. */
export const LIBXL_BIG_ENDIAN = 1,
  LIBXL_LEGACY = 2;

/** Readers pass over records that they do not know where this bit is set. */
export const OPTIONAL = 0x80000000;

export const LIBXL = {
  END: 0,
  LIBXC_CONTEXT: 1,
  EMULATOR_XENSTORE_DATA: 2,
  EMULATOR_CONTEXT: 3,
  CHECKPOINT_END: 4,
  CHECKPOINT_STATE: 5,
  /** Kernel, RAM disk, firmware: what a reset starts (plain data). */
  RINGSIDE_BOOT: 0x80000001,
  /** What the guest changed of a disk (saved-disks.ts). */
  RINGSIDE_DISK: 0x80000002,
  /** A count, 0, and CRC-32 of everything before, piece by piece: headers, then records. */
  RINGSIDE_CHECKSUMS: 0x80000003,
  /** CRC-32 of the rest, 0, and what the toolstack wants to find again (plain data). */
  RINGSIDE_TOOLSTACK: 0x80000004,
} as const;

/** "XENF", behind 64 bits of ones. */
export const LIBXC_ID = 0x58454e46;
/** Versions of the image: what is written, and what is read. */
export const LIBXC_VERSION = 3,
  LIBXC_VERSIONS: readonly number[] = [2, 3];
export const LIBXC_IMAGE_HEADER_BYTES = 24,
  LIBXC_DOMAIN_HEADER_BYTES = 16;
/** Option of the image header: its body is big-endian. */
export const LIBXC_BIG_ENDIAN = 1;
export const DOMAIN_KIND = { PV: 1, HVM: 2 } as const;

export const LIBXC = {
  END: 0,
  PAGE_DATA: 1,
  X86_PV_INFO: 2,
  X86_PV_P2M_FRAMES: 3,
  X86_PV_VCPU_BASIC: 4,
  X86_PV_VCPU_EXTENDED: 5,
  X86_PV_VCPU_XSAVE: 6,
  SHARED_INFO: 7,
  X86_TSC_INFO: 8,
  HVM_CONTEXT: 9,
  HVM_PARAMS: 10,
  TOOLSTACK: 11,
  X86_PV_VCPU_MSRS: 12,
  VERIFY: 13,
  CHECKPOINT: 14,
  CHECKPOINT_DIRTY_PFN_LIST: 15,
  STATIC_DATA_END: 16,
  X86_CPUID_POLICY: 17,
  X86_MSR_POLICY: 18,
  /** The domain's clock, accounts and, of a guest that did not suspend itself, its half of Xen (plain data). */
  RINGSIDE_DOMAIN: 0x80000001,
  /** Of a guest that moves: a count, 0; guest frame and bytes of each delta (page-delta.ts); the deltas. The pages have come before. */
  RINGSIDE_PAGE_DELTAS: 0x80000002,
  /** Of a guest that goes on before its memory is there: a count, 0; the guest frames that are fetched from here later. */
  RINGSIDE_PAGES_AWAY: 0x80000003,
  /** Of a guest that moves, in place of RINGSIDE_DOMAIN and EMULATOR_CONTEXT: what of both is not as the last rehearsal had it (plain data of changes.ts). */
  RINGSIDE_CHANGES: 0x80000004,
} as const;

/** Types of a page, bits 60-63 of its number in PAGE_DATA. Types up to LAST_DATA bring the page's bytes. */
export const PAGE = {
  NORMAL: 0,
  L1: 1,
  L4: 4,
  PINNED: 8,
  LAST_DATA: 12,
  BROKEN: 13,
  ALLOCATE_ONLY: 14,
  INVALID: 15,
} as const;
/** Pages of one PAGE_DATA record at most. */
export const PAGES_PER_RECORD = 1024;
/** HVM parameters that a saved domain keeps (xg_sr_save_x86_hvm.c). */
export const SAVED_PARAMS: readonly number[] = [
  HVM_PARAM.STORE_PFN,
  HVM_PARAM.IOREQ_PFN,
  HVM_PARAM.BUFIOREQ_PFN,
  HVM_PARAM.PAGING_RING_PFN,
  HVM_PARAM.MONITOR_RING_PFN,
  HVM_PARAM.SHARING_RING_PFN,
  HVM_PARAM.VM86_TSS,
  HVM_PARAM.CONSOLE_PFN,
  HVM_PARAM.ACPI_IOPORTS_LOCATION,
  HVM_PARAM.VIRIDIAN,
  HVM_PARAM.IDENT_PT,
  HVM_PARAM.VM_GENERATION_ID_ADDR,
  HVM_PARAM.IOREQ_SERVER_PFN,
  HVM_PARAM.NR_IOREQ_SERVER_PAGES,
  HVM_PARAM.X87_FIP_WIDTH,
  HVM_PARAM.VM86_TSS_SIZED,
  HVM_PARAM.MCA_CAP,
];
export const CPUID_LEAF_BYTES = 24,
  MSR_ENTRY_BYTES = 16,
  HVM_PARAM_BYTES = 16;

/** Records of HVM_CONTEXT (xen/include/public/arch-x86/hvm/save.h). */
export const HVM = {
  END: 0,
  HEADER: 1,
  CPU: 2,
  PIC: 3,
  IOAPIC: 4,
  LAPIC: 5,
  LAPIC_REGS: 6,
  PCI_IRQ: 7,
  ISA_IRQ: 8,
  PCI_LINK: 9,
  PIT: 10,
  RTC: 11,
  HPET: 12,
  PMTIMER: 13,
  MTRR: 14,
  VIRIDIAN_DOMAIN: 15,
  VIRIDIAN_VCPU: 17,
  /** The line on which a coprocessor reports errors. */
  RINGSIDE_FERR: 0x8001,
} as const;
export const HVM_MAGIC = 0x54381286,
  HVM_VERSION = 1;
/**
 * Bodies of HVM_CONTEXT's records, RINGSIDE_DOMAIN and EMULATOR_CONTEXT are ours (plain data); this is their version, and the mark next to it. Version 1 held state
 * words of processors; it is still read (stream/processors.ts).
 */
export const BODIES_VERSION = 2,
  OLDEST_BODIES_VERSION = 1,
  BODIES_MARK = 0x474e4952;

const named = (numbers: Readonly<Record<string, number>>): ReadonlyMap<number, string> =>
  new Map(Object.entries(numbers).map(([name, number]) => [number, name]));
const LIBXL_NAMES = named(LIBXL),
  LIBXC_NAMES = named(LIBXC);

/** How a record is called in messages. */
export const libxlName = (type: number): string => LIBXL_NAMES.get(type) ?? `of libxl's type 0x${type.toString(16)}`;
export const libxcName = (type: number): string => LIBXC_NAMES.get(type) ?? `of libxc's type 0x${type.toString(16)}`;

export const RECORD_HEADER_BYTES = 8;
/** Bytes with the padding behind them. */
export const padded = (bytes: number): number => Math.ceil(bytes / 8) * 8;

/** A record whose body is still to be written: the whole, and a view of the body. */
export function openRecord(type: number, bodyBytes: number): { record: Uint8Array; body: Uint8Array; view: DataView } {
  const record = new Uint8Array(RECORD_HEADER_BYTES + padded(bodyBytes));
  const header = new DataView(record.buffer);
  header.setUint32(0, type, true);
  header.setUint32(4, bodyBytes, true);
  return {
    record,
    body: record.subarray(RECORD_HEADER_BYTES, RECORD_HEADER_BYTES + bodyBytes),
    view: new DataView(record.buffer, RECORD_HEADER_BYTES, bodyBytes),
  };
}

export function toRecord(type: number, body: Uint8Array = new Uint8Array(0)): Uint8Array {
  const { record, body: room } = openRecord(type, body.length);
  room.set(body);
  return record;
}

/** A body of whole 32-bit words. */
export function wordsRecord(type: number, words: readonly number[]): Uint8Array {
  const { record, view } = openRecord(type, words.length * 4);
  words.forEach((word, i) => view.setInt32(i * 4, word | 0, true));
  return record;
}
