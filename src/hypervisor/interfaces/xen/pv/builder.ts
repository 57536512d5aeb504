/**
 * The domain builder of 32-bit paravirtual guests: puts kernel, ramdisk, p2m list, start information, ring pages and the first page tables into the
 * domain's frames, in the order that guests count on. Source: xen/include/public/xen.h ("start-of-day memory layout"), elfnote.h.
 */
import { isLinux, kernelInside, unzipped } from '../../../../formats/bzimage/index.ts';
import { readElf } from '../../../../formats/elf/index.ts';
import { LoadError, type LoadedFile } from '../../../loader/plan.ts';
import { FRAME_BYTES, FRAME_SHIFT, type Machine } from '../../../memory/machine.ts';
import { PV_VIRT_START } from '../abi.ts';
import { StartInfo } from '../shared.ts';
import { type PvKernel, pvKernel } from './notes.ts';
import { PTE_ACCESSED, PTE_DIRTY, PTE_PRESENT, PTE_USER, PTE_WRITE } from './pte.ts';
import { symbolImage } from './symbols.ts';

const MAGIC = 'xen-3.0-x86_32p';
const CMDLINE_BYTES = 1024;
const SIF_MOD_START_PFN = 8;
const START_INFO = StartInfo.offsets;
/** The first mapping ends at a multiple of 4 MiB, with so much spare behind the boot stack. */
const MAPPED_ALIGN = 4 << 20,
  SPARE = 512 << 10;
const L1_SPAN = 2 << 20,
  L2_SPAN = 1 << 30,
  L3_SLOTS = 4;
const HYPERCALLS = 128,
  HYPERCALL_SLOT = 32,
  IRET = 23,
  INT3 = 0xcc;

export interface PvBuild {
  kernel: Uint8Array;
  name: string;
  cmdline: string;
  ramdisk?: LoadedFile;
}

/** Where everything lies; frame numbers are the guest's (PFN). */
export interface PvLayout {
  notes: PvKernel;
  segments: { pfn: number; offset: number; bytes: Uint8Array }[];
  ramdisk: Uint8Array | undefined;
  ramdiskPfn: number;
  p2mPfn: number;
  startInfoPfn: number;
  storePfn: number;
  consolePfn: number;
  tablesPfn: number;
  tables: number;
  stackPfn: number;
  /** Frames that the first tables map. */
  mapped: number;
}

const up = (value: number, align: number): number => Math.ceil(value / align) * align;

/** Offsets from VIRT_BASE: `start` and `end` of the kernel's segments. @throws LoadError: what a note names lies elsewhere */
function checkNotes(
  notes: PvKernel,
  name: string,
  { start, end, memoryBytes }: { start: number; end: number; memoryBytes: number },
): void {
  if (notes.virtBase % FRAME_BYTES !== 0)
    throw new LoadError(
      `${name} is mapped at 0x${notes.virtBase.toString(16)} (note VIRT_BASE), which is no multiple of 4096. Link it again.`,
    );
  const hypercalls = (notes.hypercallPage ?? notes.virtBase) - notes.virtBase;
  if (hypercalls < 0 || hypercalls >= Math.max(end, memoryBytes))
    throw new LoadError(
      `${name} wants hypercalls at 0x${(hypercalls + notes.virtBase).toString(16)} (note HYPERCALL_PAGE), outside its memory. Build or fetch it again.`,
    );
  const entry = notes.entry - notes.virtBase;
  if (entry < start || entry > end)
    throw new LoadError(
      `${name} starts at 0x${notes.entry.toString(16)} (note ENTRY), outside its own image. Build or fetch it again.`,
    );
}

/** How many frames the first page tables take from `tablesPfn` on, and how many bytes they map: themselves, what lies before them, a stack and room. */
function firstTables(virtBase: number, tablesPfn: number): { tables: number; mapped: number } {
  let tables = 0,
    mapped = 0;
  for (;;) {
    const needed = (tablesPfn + tables + 1) * FRAME_BYTES + SPARE;
    if (tables > 0 && needed <= mapped) return { tables, mapped };
    // The next multiple, also of one.
    mapped = (Math.floor((virtBase + needed) / MAPPED_ALIGN) + 1) * MAPPED_ALIGN - virtBase;
    tables = 1 + l2Slots(virtBase).length + spans(virtBase, mapped, L1_SPAN);
  }
}

/** Checks everything without a domain. @throws LoadError */
export function planPv(build: PvBuild, memoryMiB: number): PvLayout {
  const { name } = build;
  const plain = unzipped(build.kernel, name);
  const kernel = isLinux(plain) ? kernelInside(plain, name) : plain;
  const elf = readElf(kernel, name);
  const notes = pvKernel(elf, kernel, name);
  const pages = memoryMiB * 256;
  const virtOffset = notes.virtBase - notes.paddrOffset;
  if (elf.segments.length === 0)
    throw new LoadError(`${name} has nothing to load: no loadable segment. Use a linked kernel image.`);
  const tooSmall = (need: number): LoadError =>
    new LoadError(
      `${name} and what is loaded with it need ${Math.ceil(need / 256)} MiB, and the guest has ${memoryMiB}. Write memory = ${Math.ceil(need / 256)} or more.`,
    );
  let start = Infinity,
    end = 0;
  const segments = elf.segments.map(({ physical, bytes, memoryBytes }) => {
    const address = physical + virtOffset - notes.virtBase;
    if (address < 0 || address + memoryBytes > PV_VIRT_START - notes.virtBase)
      throw new LoadError(
        `${name} is linked for 0x${(physical + virtOffset).toString(16)}, which notes VIRT_BASE and PADDR_OFFSET leave outside the guest's space.`,
      );
    start = Math.min(start, address);
    end = Math.max(end, address + memoryBytes);
    return { pfn: Math.floor(address / FRAME_BYTES), offset: address % FRAME_BYTES, bytes };
  });
  checkNotes(notes, name, { start, end, memoryBytes: pages * FRAME_BYTES });
  const symbols = notes.symbols ? symbolImage(kernel) : undefined;
  if (symbols) {
    const address = up(end, 4);
    segments.push({ pfn: Math.floor(address / FRAME_BYTES), offset: address % FRAME_BYTES, bytes: symbols });
    end = address + symbols.length;
  }
  let next = Math.ceil(end / FRAME_BYTES);
  const take = (bytes: number): number => {
    const pfn = next;
    next += Math.ceil(bytes / FRAME_BYTES);
    return pfn;
  };
  const ramdisk = build.ramdisk && unzippedRamdisk(build.ramdisk);
  let ramdiskPfn = ramdisk && !notes.ramdiskUnmapped ? take(ramdisk.length) : 0;
  const p2mPfn = take(pages * 4);
  const startInfoPfn = take(FRAME_BYTES),
    storePfn = take(FRAME_BYTES),
    consolePfn = take(FRAME_BYTES);
  const tablesPfn = next;
  const { tables, mapped } = firstTables(notes.virtBase, tablesPfn);
  const stackPfn = tablesPfn + tables;
  const mappedPages = mapped / FRAME_BYTES;
  let need = mappedPages;
  if (ramdisk && notes.ramdiskUnmapped) {
    ramdiskPfn = mappedPages;
    need += Math.ceil(ramdisk.length / FRAME_BYTES);
  }
  if (need > pages) throw tooSmall(need);
  if (build.cmdline.length >= CMDLINE_BYTES)
    throw new LoadError(`The command line for ${name} is longer than ${CMDLINE_BYTES - 1} bytes. Shorten it.`);
  return {
    notes,
    segments,
    ramdisk,
    ramdiskPfn,
    p2mPfn,
    startInfoPfn,
    storePfn,
    consolePfn,
    tablesPfn,
    tables,
    stackPfn,
    mapped: mappedPages,
  };
}

const spans = (start: number, bytes: number, span: number): number =>
  Math.floor((start + bytes - 1) / span) - Math.floor(start / span) + 1;

/** L3 slots that have an L2 table: from that of the mapping's start to the last, where the hypervisor's entries go. */
function l2Slots(start: number): number[] {
  const first = Math.floor(start / L2_SPAN);
  return Array.from({ length: L3_SLOTS - first }, (_, i) => first + i);
}

/** As Xen's builder hands it over: a gzip file's content; what cannot be unpacked goes as it is. */
function unzippedRamdisk({ data, name }: LoadedFile): Uint8Array {
  try {
    return unzipped(data, name);
  } catch (error) {
    if (error instanceof LoadError) return data;
    throw error;
  }
}

export interface PvStart {
  /** Machine frame of the top table. */
  base: number;
  entry: number;
  stack: number;
  startInfo: number;
  storeMfn: number;
  consoleMfn: number;
  extendedCr3: boolean;
  about: string;
}

/** The frame of shared_info, and the guest's ports of store and console. */
interface PvRings {
  sharedInfoMfn: number;
  storePort: number;
  consolePort: number;
}

/**
 * Fills the domain's frames; `mfns` by guest frame number. Page tables are plain memory still: pinning them has them checked.
 */
export function buildPv(machine: Machine, mfns: Int32Array, build: PvBuild, layout: PvLayout, rings: PvRings): PvStart {
  const { notes } = layout;
  const { words } = machine;
  const put = (pfn: number, offset: number, bytes: Uint8Array): void => {
    for (let at = 0; at < bytes.length; ) {
      const address = pfn * FRAME_BYTES + offset + at;
      const count = Math.min(bytes.length - at, FRAME_BYTES - (address % FRAME_BYTES));
      machine.bytes.set(
        bytes.subarray(at, at + count),
        mfns[Math.floor(address / FRAME_BYTES)] * FRAME_BYTES + (address % FRAME_BYTES),
      );
      at += count;
    }
  };
  const virtual = (pfn: number): number => (notes.virtBase + pfn * FRAME_BYTES) >>> 0;
  for (const { pfn, offset, bytes } of layout.segments) put(pfn, offset, bytes);
  if (layout.ramdisk) put(layout.ramdiskPfn, 0, layout.ramdisk);
  put(layout.p2mPfn, 0, new Uint8Array(mfns.buffer, mfns.byteOffset, mfns.byteLength));
  if (notes.hypercallPage !== undefined)
    put(Math.floor((notes.hypercallPage - notes.virtBase) / FRAME_BYTES), 0, pvHypercallPage());

  // Tables in the order L3, L2s, L1s.
  const slots = l2Slots(notes.virtBase);
  const table = (index: number): number => mfns[layout.tablesPfn + index];
  const set = (mfn: number, slot: number, to: number, flags: number): void => {
    words[(mfn << 10) + 2 * slot] = (to << FRAME_SHIFT) | flags;
    words[(mfn << 10) + 2 * slot + 1] = 0;
  };
  const inner = PTE_PRESENT | PTE_WRITE | PTE_USER | PTE_ACCESSED | PTE_DIRTY;
  slots.forEach((slot, i) => set(table(0), slot, table(1 + i), inner));
  const firstL1 = Math.floor(notes.virtBase / L1_SPAN);
  for (let i = 0; i < layout.tables - 1 - slots.length; i++) {
    const l1 = firstL1 + i;
    set(table(1 + slots.indexOf(l1 >>> 9)), l1 & 511, table(1 + slots.length + i), inner);
  }
  for (let pfn = 0; pfn < layout.mapped; pfn++) {
    const linear = virtual(pfn);
    const l1 = table(1 + slots.length + Math.floor(linear / L1_SPAN) - firstL1);
    const isTable = pfn >= layout.tablesPfn && pfn < layout.tablesPfn + layout.tables;
    set(l1, (linear >>> 12) & 511, mfns[pfn], PTE_PRESENT | PTE_ACCESSED | (isTable ? 0 : PTE_WRITE));
  }

  put(layout.startInfoPfn, 0, startInfo(mfns, build.cmdline, layout, rings));

  return {
    base: table(0),
    entry: notes.entry,
    stack: virtual(layout.stackPfn + 1),
    startInfo: virtual(layout.startInfoPfn),
    storeMfn: mfns[layout.storePfn],
    consoleMfn: mfns[layout.consolePfn],
    extendedCr3: notes.extendedCr3,
    about: `paravirtual kernel (${notes.guestOs}) entered at 0x${notes.entry.toString(16)}`,
  };
}

/** The page that the kernel finds by ESI. */
function startInfo(mfns: Int32Array, cmdline: string, layout: PvLayout, rings: PvRings): Uint8Array {
  const { notes } = layout;
  const virtual = (pfn: number): number => (notes.virtBase + pfn * FRAME_BYTES) >>> 0;
  const info = new Uint8Array(FRAME_BYTES);
  const view = new DataView(info.buffer);
  info.set(new TextEncoder().encode(MAGIC));
  const field = (offset: number, value: number): void => view.setUint32(offset, value, true);
  field(START_INFO.nr_pages, mfns.length);
  field(START_INFO.shared_info, rings.sharedInfoMfn * FRAME_BYTES);
  field(START_INFO.store_mfn, mfns[layout.storePfn]);
  field(START_INFO.store_evtchn, rings.storePort);
  field(START_INFO.console_mfn, mfns[layout.consolePfn]);
  field(START_INFO.console_evtchn, rings.consolePort);
  field(START_INFO.pt_base, virtual(layout.tablesPfn));
  field(START_INFO.nr_pt_frames, layout.tables);
  field(START_INFO.mfn_list, virtual(layout.p2mPfn));
  if (layout.ramdisk) {
    field(START_INFO.flags, notes.ramdiskUnmapped ? SIF_MOD_START_PFN : 0);
    field(START_INFO.mod_start, notes.ramdiskUnmapped ? layout.ramdiskPfn : virtual(layout.ramdiskPfn));
    // Whole pages where it has no address of its own, as Xen's builder counts.
    field(START_INFO.mod_len, notes.ramdiskUnmapped ? up(layout.ramdisk.length, FRAME_BYTES) : layout.ramdisk.length);
  }
  info.set(new TextEncoder().encode(cmdline).subarray(0, CMDLINE_BYTES - 1), START_INFO.cmd_line);
  return info;
}

/** Stubs of 32 bytes: MOV EAX,number; INT 0x82; RET. The one for iret is jumped to. */
export function pvHypercallPage(): Uint8Array {
  const page = new Uint8Array(FRAME_BYTES).fill(INT3);
  for (let number = 0; number < HYPERCALLS; number++) {
    const stub = [0xb8, number, 0, 0, 0, 0xcd, 0x82];
    page.set(number === IRET ? [0x50, ...stub] : [...stub, 0xc3], number * HYPERCALL_SLOT);
  }
  return page;
}
