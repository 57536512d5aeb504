/**
 * Long mode around a fixture of 64 bits (make/gen.py describes it): paging of four levels, Linux's selectors, gates and a task state of 64 bits, and the state
 * words that a case starts from.
 */
import { registers as regs } from '../../cpu/architecture/index.ts';
import { type Case, CODE64_SELECTOR, LONG_AREAS } from './fixture.ts';

/** Guest-physical. Tables of pages follow what lies above 4 GiB; the rest lies at its linear address. */
const PHYSICAL = 0x50000,
  PAGE_TABLES = 0x60000;
const GDT = 0xb000,
  IDT = 0xc000,
  TSS = 0xd000;
const PAGE = 0x1000,
  PRESENT = 1,
  WRITE = 2,
  USER = 4,
  ACCESSED = 0x20,
  DIRTY = 0x40;

/** OSFXSR, OSXMMEXCPT, PAE, FSGSBASE. */
const CR4 = 0x10620;
/** NXE LMA LME SCE. */
const EFER = 0xd01;

const KERNEL_CODE = 0x10,
  TASK = 0x40,
  CODE32_SELECTOR = 0x23,
  DATA_SELECTOR = 0x2b;
/** Descriptors' high words (SDM vol. 3, 3.4.5 and 3.5.2): access byte from bit 8, L 21, D/B 22, G 23; limits of 4 GiB. */
const CODE64 = 0x00affb00,
  CODE32 = 0x00cffb00,
  DATA = 0x00cff300,
  KERNEL_CODE64 = 0x00af9b00,
  KERNEL_DATA = 0x00cf9300,
  TASK64 = 0x00008b00;
const GDT_BYTES = 0x50,
  TASK_BYTES = 104;
/** In state words: access byte, from bit 12 the flags. */
const rights = (descriptor: number): number => ((descriptor >> 8) & 0xff) | ((descriptor >> 8) & 0xf000);

export interface LongMemory {
  base: number;
  bytes: Uint8Array;
  initial: Uint8Array;
  holds: 'code' | 'data';
}

/** (low half of the address * 0x9E3779B1 mod 2^32) >> 24 */
export const fill = (base: number, size: number): Uint8Array =>
  Uint8Array.from({ length: size }, (_, i) => Math.imul((base + i) | 0, 0x9e3779b1) >>> 24);

/** Tables and memory of long mode, built once in the guest memory of a machine. */
export class LongSurroundings {
  readonly areas: readonly LongMemory[];
  /** Guest-physical address of the table of level 4, which ends the list of tables for now. */
  private nextTable = PAGE_TABLES + PAGE;
  private readonly words: Int32Array;

  /** `handlers`: linear and physical address of 16 bytes for each vector; `stack`: the byte behind a stack of ring 0. */
  constructor(words: Int32Array, handlers: number, stack: number) {
    this.words = words;
    const bytes = new Uint8Array(words.buffer);
    let next = PHYSICAL;
    this.areas = LONG_AREAS.map(({ base, size, holds }) => {
      const physical = base < PHYSICAL ? base : next;
      if (physical === next) next += size;
      for (let offset = 0; offset < size; offset += PAGE) this.map(base + offset, physical + offset, WRITE | USER);
      const initial = holds === 'code' ? new Uint8Array(size).fill(0xcc) : fill(base, size);
      return { base, bytes: bytes.subarray(physical, physical + size), initial, holds };
    });
    for (const page of [GDT, IDT, TSS, stack - PAGE, handlers]) this.map(page, page, WRITE);
    this.describe(handlers);
    words[(TSS + 4) >> 2] = stack;
    words[(TSS + 100) >> 2] = TASK_BYTES << 16;
  }

  private map(linear: number, physical: number, use: number): void {
    let table = PAGE_TABLES;
    for (let shift = 39; shift > 12; shift -= 9) {
      const entry = (table + (Math.floor(linear / 2 ** shift) % 512) * 8) >> 2;
      if (this.words[entry] === 0) {
        this.words[entry] = this.nextTable | PRESENT | WRITE | USER | ACCESSED;
        this.nextTable += PAGE;
      }
      table = this.words[entry]! & -PAGE;
    }
    this.words[(table + (Math.floor(linear / PAGE) % 512) * 8) >> 2] = physical | use | PRESENT | ACCESSED | DIRTY;
  }

  private describe(handlers: number): void {
    const { words } = this;
    const segment = (selector: number, high: number) => {
      words[(GDT + (selector & ~7)) >> 2] = 0xffff;
      words[(GDT + (selector & ~7) + 4) >> 2] = high;
    };
    segment(KERNEL_CODE, KERNEL_CODE64);
    segment(KERNEL_CODE + 8, KERNEL_DATA);
    segment(CODE32_SELECTOR, CODE32);
    segment(DATA_SELECTOR, DATA);
    segment(CODE64_SELECTOR, CODE64);
    words[(GDT + TASK) >> 2] = (TSS << 16) | (TASK_BYTES - 1);
    words[(GDT + TASK + 4) >> 2] = TASK64;
    // Interrupt gates; INT3 and INTO may be used from CPL 3.
    for (let vector = 0; vector < 256; vector++) {
      const handler = handlers + vector * 16;
      words[(IDT + vector * 16) >> 2] = (KERNEL_CODE << 16) | (handler & 0xffff);
      words[(IDT + vector * 16 + 4) >> 2] = (handler & 0xffff0000) | (vector === 3 || vector === 4 ? 0xee00 : 0x8e00);
    }
  }

  /** One more page of the kernel's, at its linear address. */
  addKernelPage(address: number): void {
    this.map(address, address, WRITE);
  }

  /** Lets programs use INT with this vector. */
  openGate(vector: number): void {
    this.words[(IDT + vector * 16 + 4) >> 2]! |= 0x6000;
  }

  /** State words of a case, all but x87, SSE and flags. */
  enter(R: Int32Array, { at, registers, bases }: Pick<Case, 'at' | 'registers' | 'bases'>): void {
    const wide = (word: number, value: bigint) => {
      R[word] = Number(BigInt.asIntN(32, value));
      R[word + regs.HIGH] = Number(BigInt.asIntN(32, value >> 32n));
    };
    for (const [i, value] of registers.entries()) wide(regs.generalWord(i), value);
    wide(regs.EIP, BigInt(at));
    wide(regs.CR3, BigInt(PAGE_TABLES));
    R[regs.CR4] = CR4;
    R[regs.EFER] = EFER;
    wide(regs.GDTR_BASE, BigInt(GDT));
    R[regs.GDTR_LIMIT] = GDT_BYTES - 1;
    wide(regs.IDTR_BASE, BigInt(IDT));
    R[regs.IDTR_LIMIT] = 256 * 16 - 1;
    const load = (index: number, selector: number, descriptor: number, base: bigint, limit = -1) => {
      const word = regs.SEG + index * regs.SEG_WORDS;
      R[word + regs.SEG_SELECTOR] = selector;
      wide(word + regs.SEG_BASE, base);
      R[word + regs.SEG_LIMIT] = limit;
      R[word + regs.SEG_RIGHTS] = selector === 0 ? regs.RIGHTS_UNUSABLE : rights(descriptor);
    };
    load(regs.CS, CODE64_SELECTOR, CODE64, 0n);
    load(regs.SS, DATA_SELECTOR, DATA, 0n);
    load(regs.DS, 0, 0, 0n, 0);
    load(regs.ES, 0, 0, 0n, 0);
    load(regs.FS, 0, 0, bases.fs, 0);
    load(regs.GS, 0, 0, bases.gs, 0);
    load(regs.LDTR, 0, 0, 0n, 0);
    load(regs.TR, TASK, TASK64, BigInt(TSS), TASK_BYTES - 1);
  }
}
