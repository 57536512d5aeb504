/**
 * What the hypervisor keeps of a paravirtual domain beyond its page types: a run of frames of the xenheap, so that a worker that ends an other's
 * domain, and the examiner of a dead one, finds it. One frame a vCPU, then the hypervisor's own tables for the guest's last GiB.
 */
import { DOMID_XEN } from '../../../layout/layout.ts';
import { type DomainRecord, FRAME_BYTES, FRAME_SHIFT, HostError, type Machine } from '../../../memory/machine.ts';
import { PV_VIRT_START } from '../abi.ts';
import { FIRST_XEN_L2_SLOT } from './pae.ts';
import { PTE_ACCESSED, PTE_PRESENT } from './pte.ts';
import { XEN } from '../layout.ts';

/** GDT frames that a guest may have; the two behind them are the hypervisor's. */
export const GUEST_GDT_FRAMES = 14;
/** Words of a vCPU's frame. */
export const PV = {
  /** Frame of its L3 table. */
  BASE: 0,
  GDT_ENTRIES: 1,
  /** GUEST_GDT_FRAMES words; 0: none. */
  GDT_FRAMES: 2,
  LDT_BASE: 16,
  LDT_ENTRIES: 17,
  /** Stack for entries from rings 2 and 3. */
  KERNEL_SS: 18,
  KERNEL_ESP: 19,
  /** Callbacks: selector, address; 0 address: none. */
  EVENT: 20,
  FAILSAFE: 22,
  SYSENTER: 26,
  SYSCALL32: 28,
  /** Bit n: callback of type n masks events. */
  CALLBACK_MASKS: 30,
  IOPL: 31,
  /** DR0-DR7 as the guest set them. */
  DEBUG: 32,
  /** Frames whose descriptors are mapped as its LDT: 16 words; 0: none yet. */
  LDT_FRAMES: 48,
  /** 256 x 2 words: selector in bits 0-15 and flags in 16-23, address. */
  TRAPS: 512,
} as const;
export const LDT_PAGES = 16;

/** Selectors of the hypervisor's flat segments (xen/include/public/arch-x86/xen-x86_32.h). */
export const FLAT_RING1_CS = 0xe019,
  FLAT_RING1_DS = 0xe021,
  FLAT_RING3_CS = 0xe02b,
  FLAT_RING3_DS = 0xe033;
/** Their descriptors, accessed already. */
const FLAT_DESCRIPTORS: readonly [selector: number, high: number][] = [
  [FLAT_RING1_CS, 0x00cfbb00],
  [FLAT_RING1_DS, 0x00cfb300],
  [FLAT_RING3_CS, 0x00cffb00],
  [FLAT_RING3_DS, 0x00cff300],
];

/** Where a vCPU's descriptor tables lie: 32 pages each from here, GDT first. */
const TABLES_START = 0xffe00000,
  TABLE_PAGES = 32;
/** The M2P table's place (xen/include/public/arch-x86/xen-x86_32.h, MACH2PHYS_VIRT_START). */
export const M2P_START = PV_VIRT_START,
  M2P_END = 0xf6800000;
const READ_ONLY = PTE_PRESENT | PTE_ACCESSED;

/** Order of the frames behind the vCPUs'. */
const TABLES_L1 = 0,
  M2P_L1 = 1,
  FLAT_GDT = 2,
  EMPTY = 3,
  EXTRA_FRAMES = 4;

export class PvBlock {
  private readonly machine: Machine;
  private readonly first: number;
  readonly vcpus: number;
  private readonly states: Int32Array[];

  /** Over the frames that `create` made. */
  constructor(machine: Machine, record: DomainRecord) {
    this.machine = machine;
    this.vcpus = record.vcpus;
    this.first = machine.words[(record.guestOffset >>> 2) + XEN.PV] >>> FRAME_SHIFT;
    this.states = Array.from(
      { length: this.vcpus },
      (_, id) => new Int32Array(machine.memory, (this.first + id) * FRAME_BYTES, FRAME_BYTES / 4),
    );
  }

  /** @throws HostError where the host has too little memory. */
  static create(machine: Machine, record: DomainRecord): PvBlock {
    const at = (record.guestOffset >>> 2) + XEN.PV;
    if (machine.words[at] === 0) {
      const first = machine.allocateRun(record.vcpus + EXTRA_FRAMES, DOMID_XEN);
      if (first < 0)
        throw new HostError(
          'The host has too little memory left for the tables of a paravirtual guest. Destroy another domain first.',
        );
      machine.words[at] = first * FRAME_BYTES;
    }
    const block = new PvBlock(machine, record);
    block.reset();
    return block;
  }

  get exists(): boolean {
    return this.first !== 0;
  }

  /** How many frames it has. */
  get frames(): number {
    return this.vcpus + EXTRA_FRAMES;
  }

  /** Gives the frames back. */
  release(record: DomainRecord): void {
    if (this.first === 0) return;
    for (let i = 0; i < this.frames; i++) this.machine.release(this.first + i);
    this.machine.words[(record.guestOffset >>> 2) + XEN.PV] = 0;
  }

  private extra(which: number): number {
    return this.first + this.vcpus + which;
  }

  private reset(): void {
    const { machine } = this;
    const { words } = machine;
    for (let i = 0; i < this.vcpus + EXTRA_FRAMES; i++) machine.scrub(this.first + i);
    for (const [selector, high] of FLAT_DESCRIPTORS) {
      const at = (this.extra(FLAT_GDT) << 10) + ((selector & 0xff8) >>> 2);
      words[at] = 0xffff;
      words[at + 1] = high;
    }
    for (let vcpu = 0; vcpu < this.vcpus; vcpu++) {
      for (let page = 0; page < GUEST_GDT_FRAMES; page++) this.mapGdt(vcpu, page, 0);
      this.put(this.tableEntry(vcpu, GUEST_GDT_FRAMES), this.extra(FLAT_GDT));
      this.put(this.tableEntry(vcpu, GUEST_GDT_FRAMES + 1), this.extra(EMPTY));
    }
    const m2pFrame = machine.m2p >>> 10;
    for (let page = 0; page < Math.ceil(machine.frames / 1024); page++)
      this.put((this.extra(M2P_L1) << 10) + 2 * page, m2pFrame + page);
  }

  private put(entry: number, mfn: number): void {
    this.machine.words[entry] = mfn === 0 ? 0 : (mfn << FRAME_SHIFT) | READ_ONLY;
  }

  private tableEntry(vcpu: number, page: number): number {
    return (this.extra(TABLES_L1) << 10) + 2 * (vcpu * TABLE_PAGES + page);
  }

  /** A vCPU's frame as words. */
  vcpu(id: number): Int32Array {
    return this.states[id];
  }

  /** Low words of L2 slots FIRST_XEN_L2_SLOT to 511. */
  xenEntries(): Int32Array {
    const entries = new Int32Array(512 - FIRST_XEN_L2_SLOT);
    const table = (which: number): number => (this.extra(which) << FRAME_SHIFT) | PTE_PRESENT | PTE_ACCESSED | 2;
    entries[0] = table(M2P_L1);
    entries[entries.length - 1] = table(TABLES_L1);
    return entries;
  }

  /** Frames that the processor must reach when it walks these tables; the guest cannot write any of them. */
  *ownFrames(): Generator<number> {
    for (let which = 0; which < EXTRA_FRAMES; which++) yield this.extra(which);
    const m2pFrame = this.machine.m2p >>> 10;
    for (let page = 0; page < Math.ceil(this.machine.frames / 1024); page++) yield m2pFrame + page;
  }

  /** One of the hypervisor's flat segments; undefined: no such selector. */
  flatDescriptor(selector: number): [low: number, high: number] | undefined {
    const found = FLAT_DESCRIPTORS.find(([flat]) => flat >>> 3 === (selector & 0xffff) >>> 3);
    return found && [0xffff, found[1]];
  }

  gdtBase(vcpu: number): number {
    return (TABLES_START + vcpu * TABLE_PAGES * FRAME_BYTES) | 0;
  }

  ldtBase(vcpu: number): number {
    return (this.gdtBase(vcpu) + LDT_PAGES * FRAME_BYTES) | 0;
  }

  /** Bytes of the GDT: the guest's frames and the hypervisor's. */
  readonly gdtLimit = (GUEST_GDT_FRAMES + 2) * FRAME_BYTES - 1;

  /** `mfn` 0: an empty page. */
  mapGdt(vcpu: number, page: number, mfn: number): void {
    this.put(this.tableEntry(vcpu, page), mfn === 0 ? this.extra(EMPTY) : mfn);
  }

  /** `mfn` 0: nothing; the next use of a selector there faults. */
  mapLdt(vcpu: number, page: number, mfn: number): void {
    this.put(this.tableEntry(vcpu, LDT_PAGES + page), mfn);
  }

  /** Page of the vCPU's LDT at a linear address; -1: it lies elsewhere. */
  ldtPage(vcpu: number, linear: number): number {
    const page = ((linear - this.ldtBase(vcpu)) >>> 0) >>> FRAME_SHIFT;
    return page < LDT_PAGES ? page : -1;
  }
}
