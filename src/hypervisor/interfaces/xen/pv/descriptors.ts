/**
 * Segment descriptors of a paravirtual domain: its GDT and LDT frames, checked before the processor sees them, and loads of segment registers that
 * the hypervisor does in the guest's stead. Source: xen/include/public/arch-x86/xen-x86_32.h; SDM vol. 3, 3.4.5.
 */
import { registers as R } from '../../../../cpu/architecture/index.ts';
import { FRAME_TYPE } from '../../../layout/layout.ts';
import type { Machine } from '../../../memory/machine.ts';
import { EINVAL } from '../abi.ts';
import { GUEST_GDT_FRAMES, LDT_PAGES, PV, type PvBlock } from './block.ts';
import type { PvMemory } from './memory.ts';
import { checkDescriptor, type PageTypes } from './page-types.ts';
import { PTE_PRESENT } from './pte.ts';

const MAX_GDT_ENTRIES = GUEST_GDT_FRAMES * 512,
  MAX_LDT_ENTRIES = 8192;
const TABLE_INDICATOR = 4;
const LDT_RIGHTS = 0x82,
  UNUSABLE = 0x10000;

export class Descriptors {
  private readonly machine: Machine;
  private readonly types: PageTypes;
  private readonly block: PvBlock;

  constructor(machine: Machine, types: PageTypes, block: PvBlock) {
    this.machine = machine;
    this.types = types;
    this.block = block;
  }

  /** HYPERVISOR_set_gdt: frames as machine frame numbers. 0 or -EINVAL, and then the old table stays. */
  setGdt(vcpu: number, frames: readonly number[], entries: number): number {
    if (entries > MAX_GDT_ENTRIES || frames.length !== Math.ceil(entries / 512)) return -EINVAL;
    for (let i = 0; i < frames.length; i++) {
      if (this.types.get(frames[i], FRAME_TYPE.DESCRIPTORS) === 0) continue;
      for (let taken = 0; taken < i; taken++) this.types.put(frames[taken]);
      return -EINVAL;
    }
    this.dropGdt(vcpu);
    const state = this.block.vcpu(vcpu);
    state[PV.GDT_ENTRIES] = entries;
    frames.forEach((mfn, page) => {
      state[PV.GDT_FRAMES + page] = mfn;
      this.block.mapGdt(vcpu, page, mfn);
    });
    this.types.noteStale();
    this.types.flushIfStale();
    return 0;
  }

  dropGdt(vcpu: number): void {
    const state = this.block.vcpu(vcpu);
    for (let page = 0; page < GUEST_GDT_FRAMES; page++) {
      const mfn = state[PV.GDT_FRAMES + page];
      this.block.mapGdt(vcpu, page, 0);
      state[PV.GDT_FRAMES + page] = 0;
      if (mfn !== 0) this.types.put(mfn);
    }
    state[PV.GDT_ENTRIES] = 0;
  }

  /** MMUEXT_SET_LDT. Its pages are looked at when a selector first needs them. */
  setLdt(vcpu: number, linear: number, entries: number): number {
    if (entries > MAX_LDT_ENTRIES || (entries > 0 && (linear & 0xfff) !== 0)) return -EINVAL;
    this.dropLdt(vcpu);
    const state = this.block.vcpu(vcpu);
    state[PV.LDT_BASE] = entries === 0 ? 0 : linear;
    state[PV.LDT_ENTRIES] = entries;
    return 0;
  }

  dropLdt(vcpu: number): void {
    this.forgetLdtPages(vcpu);
    this.block.vcpu(vcpu)[PV.LDT_ENTRIES] = 0;
  }

  /** Other page tables: its pages are looked for again, at the same addresses. */
  forgetLdtPages(vcpu: number): void {
    const state = this.block.vcpu(vcpu);
    for (let page = 0; page < LDT_PAGES; page++) {
      const mfn = state[PV.LDT_FRAMES + page];
      if (mfn === 0) continue;
      this.block.mapLdt(vcpu, page, 0);
      state[PV.LDT_FRAMES + page] = 0;
      this.types.noteStale();
      this.types.flushIfStale();
      this.types.put(mfn);
    }
  }

  /** The processor missed a page of the LDT: takes the guest's. False: the guest has none that may be one. */
  mapLdtPage(vcpu: number, page: number, memory: PvMemory): boolean {
    const state = this.block.vcpu(vcpu);
    if (page * 512 >= state[PV.LDT_ENTRIES] || state[PV.LDT_FRAMES + page] !== 0) return false;
    const { low } = memory.walk((state[PV.LDT_BASE] + page * 0x1000) >>> 0);
    const mfn = low >>> 12;
    if (!(low & PTE_PRESENT) || this.types.get(mfn, FRAME_TYPE.DESCRIPTORS) !== 0) return false;
    state[PV.LDT_FRAMES + page] = mfn;
    this.block.mapLdt(vcpu, page, mfn);
    return true;
  }

  /** HYPERVISOR_update_descriptor: a machine address, the descriptor's two words. */
  update(address: number, low: number, high: number): number {
    const mfn = address >>> 12;
    const checked = checkDescriptor(low, high);
    if (address & 7 || checked === undefined || mfn >= this.machine.frames) return -EINVAL;
    // Plain memory may hold a descriptor, too; a page table may not.
    const type = this.types.typeOf(mfn) === FRAME_TYPE.DESCRIPTORS ? FRAME_TYPE.DESCRIPTORS : FRAME_TYPE.WRITABLE;
    if (this.types.get(mfn, type) !== 0) return -EINVAL;
    const at = address >>> 2;
    [this.machine.words[at], this.machine.words[at + 1]] = checked;
    this.types.written(mfn);
    this.types.put(mfn);
    return 0;
  }

  /** GDTR, and LDTR of the state words: a vCPU's tables. */
  loadTables(vcpu: number, regs: Int32Array): void {
    const { block } = this;
    regs[R.GDTR_BASE] = block.gdtBase(vcpu);
    regs[R.GDTR_LIMIT] = block.gdtLimit;
    const entries = block.vcpu(vcpu)[PV.LDT_ENTRIES];
    const at = R.SEG + R.LDTR * R.SEG_WORDS;
    // The selector is not seen: SLDT from ring 1 gives what the guest cannot use anyway.
    regs[at + R.SEG_SELECTOR] = entries === 0 ? 0 : 0xe040;
    regs[at + R.SEG_BASE] = block.ldtBase(vcpu);
    regs[at + R.SEG_LIMIT] = entries === 0 ? 0 : entries * 8 - 1;
    regs[at + R.SEG_RIGHTS] = entries === 0 ? UNUSABLE : LDT_RIGHTS;
  }

  /** A descriptor as low and high word; undefined where the tables have none. */
  private read(vcpu: number, selector: number, memory: PvMemory): [low: number, high: number] | undefined {
    const { words } = this.machine;
    const state = this.block.vcpu(vcpu);
    const index = (selector & 0xffff) >>> 3;
    if (selector & TABLE_INDICATOR) {
      if (index >= state[PV.LDT_ENTRIES]) return undefined;
      const page = index >>> 9;
      if (state[PV.LDT_FRAMES + page] === 0 && !this.mapLdtPage(vcpu, page, memory)) return undefined;
      const at = (state[PV.LDT_FRAMES + page] << 10) + 2 * (index & 511);
      return [words[at], words[at + 1]];
    }
    if (index >>> 9 === GUEST_GDT_FRAMES) return this.block.flatDescriptor(selector);
    // As the processor sees it: whole frames, however many entries the guest spoke of.
    if (index >>> 9 >= GUEST_GDT_FRAMES || state[PV.GDT_FRAMES + (index >>> 9)] === 0) return undefined;
    const at = (state[PV.GDT_FRAMES + (index >>> 9)] << 10) + 2 * (index & 511);
    return [words[at], words[at + 1]];
  }

  /**
   * Loads a segment register (its number in registers.ts) as the processor at privilege level `cpl` would; false where that would fault, and then
   * nothing changed. A null selector goes into a data segment register.
   */
  load(vcpu: number, register: number, selector: number, cpl: number, regs: Int32Array, memory: PvMemory): boolean {
    const at = R.SEG + register * R.SEG_WORDS;
    const code = register === R.CS,
      stack = register === R.SS;
    if ((selector & 0xfffc) === 0) {
      if (code || stack) return false;
      regs[at + R.SEG_SELECTOR] = selector & 0xffff;
      regs[at + R.SEG_BASE] = regs[at + R.SEG_LIMIT] = 0;
      regs[at + R.SEG_RIGHTS] = UNUSABLE;
      return true;
    }
    const descriptor = this.read(vcpu, selector, memory);
    if (!descriptor) return false;
    const [low, high] = descriptor;
    const rpl = selector & 3,
      dpl = (high >>> 13) & 3;
    const isCode = (high & 0x800) !== 0,
      readWrite = (high & 0x200) !== 0,
      conforming = isCode && (high & 0x400) !== 0;
    if (!(high & 0x8000) || !(high & 0x1000)) return false;
    if (code ? !isCode || rpl !== cpl || (conforming ? dpl > cpl : dpl !== cpl) : false) return false;
    if (stack && (isCode || !readWrite || rpl !== cpl || dpl !== cpl)) return false;
    if (!code && !stack && ((isCode && !readWrite) || (!conforming && (dpl < cpl || dpl < rpl)))) return false;
    const limit = (low & 0xffff) | (high & 0xf0000);
    regs[at + R.SEG_SELECTOR] = selector & 0xffff;
    regs[at + R.SEG_BASE] = (low >>> 16) | ((high & 0xff) << 16) | (high & 0xff000000);
    regs[at + R.SEG_LIMIT] = high & 0x800000 ? (limit << 12) | 0xfff : limit;
    regs[at + R.SEG_RIGHTS] = ((high >>> 8) & 0xf0ff) | 1;
    return true;
  }
}
