/** What a kernel is loaded with, and the processor's state at its entry. */
import type { E820Entry, LoadedFile } from './plan.ts';

export interface LoadOptions {
  kernel: Uint8Array;
  /** The kernel's file name, for messages. */
  name: string;
  /** Linux: the initrd. Multiboot and PVH: the first module. */
  initrd?: LoadedFile;
  /** Further modules (multiboot, PVH), each with its command line; multiboot puts the module's name before it. */
  modules?: (LoadedFile & { cmdline?: string })[];
  cmdline: string;
  /** What the guest was promised, for messages; what is there is said by `e820`. */
  memoryMiB: number;
  e820: E820Entry[];
  /** What the processor shows, by the names of src/cpu/architecture/cpuid.ts; absent: no 64-bit code. */
  features?: ReadonlySet<string>;
  /** Guest-physical address of ACPI's root pointer. */
  acpiRsdp?: number;
  /** Sets a graphics mode with a linear frame buffer, or one like it; undefined: there is none. Absent: none. */
  setVideo?: (width: number, height: number, depth: number) => FrameBuffer | undefined;
  /**
   * Which way to enter a kernel that offers several; default multiboot, as on a PC. `pvh`: no other way. `note`: as Xen starts what takes the place of an
   * HVM guest's firmware (its hvmloader has neither): by an ELF file's PVH note, and without one or a multiboot header at the file's entry.
   */
  prefer?: 'multiboot' | 'pvh' | 'note';
}

/** A linear picture at a guest-physical address: pixels, bytes a row, bits a pixel. */
export interface FrameBuffer {
  address: number;
  pitch: number;
  width: number;
  height: number;
  depth: number;
}

/**
 * Processor state at a kernel's entry: 32-bit protected mode, paging off, interrupts off, A20 open, all segments flat with 4-GiB limits.
 * `cs` selects an execute/read, `ds` (for DS, ES, FS, GS, SS) a read/write descriptor of the GDT that lies at `gdt`.
 */
export interface EntryState {
  kind: 'linux' | 'multiboot' | 'pvh';
  /** For logs: what was loaded, and where. */
  about: string;
  eip: number;
  registers: { eax: number; ebx: number; ecx: number; edx: number; esi: number; edi: number; ebp: number; esp: number };
  gdt: { base: number; limit: number };
  cs: number;
  ds: number;
}
