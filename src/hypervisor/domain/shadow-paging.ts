/**
 * *Idea.* Without a second stage in hardware (hap = 0) the processor must never walk the guest's page tables, since they hold guest frames. It walks
 * shadow tables instead, which hold machine frames and are filled on demand, like a TLB. A translation that is missing is an exit for #PF. If the
 * guest's own tables explain the fault, the guest gets it, with their error code. If not, the guest's accessed and dirty bits are set, the second
 * stage is looked up, and the two translations combined become a shadow entry. Whatever would empty a TLB exits too and drops entries: loads of CR3,
 * INVLPG, and changes to the rules of paging (CR0, CR4, EFER). This is the virtual TLB scheme of SDM vol. 3C, 33.3.
 *
 * As in Xen and KVM, a page that the guest has not written yet is read-only in the shadow, so that the first write is seen, and the processor runs
 * with CR0.WP set: while the guest has it clear, a page that its kernel writes against the entry's right becomes the kernel's alone (KVM's mmu.rst,
 * "write protection"). Leaves of devices and of read-only memory exit, so that the hypervisor can emulate the access, which our processor does in its
 * place.
 */
import {
  ALLOWED,
  ERROR_FETCH,
  ERROR_P,
  ERROR_U,
  ERROR_W,
  CR0_PG,
  CR0_WP,
  CR4_PAE,
  CR4_PGE,
  CR4_PSE,
  CR4_SMAP,
  CR4_SMEP,
  EFER_LMA,
  EFER_NXE,
  type ExitInfo,
  ExitReason,
  P2M_EXECUTE,
  P2M_WRITE,
  PageWalk,
  PTE_A,
  PTE_D,
  PTE_G,
  PTE_P,
  PTE_U,
  PTE_W,
  registers as R,
  SHADOW_DEVICE_HIGH,
  SHADOW_HUGE_HIGH,
  SHADOW_LARGE,
  SHADOW_NO_FETCH,
  SHADOW_NX_HIGH,
  SHADOW_WRITE_IS_OURS,
  ShadowWalk,
  shownBy,
  STATE_WORDS,
  EVENT_EXCEPTION,
  EVENT_EXTERNAL,
  EVENT_NMI,
  EVENT_TYPE_MASK,
  type Processor,
} from '../../cpu/architecture/index.ts';
import { FRAME_BYTES, FRAME_SHIFT } from '../layout/layout.ts';
import type { DomainRecord, Machine } from '../memory/machine.ts';
import type { SecondStage } from '../memory/second-stage.ts';
import { ShadowTables } from '../memory/shadow-tables.ts';
import { withMsrs } from './exit-controls.ts';

/** The rules of paging: a change of one makes another address space. */
const CR0_RULES = CR0_PG | CR0_WP,
  CR4_RULES = CR4_PAE | CR4_PGE | CR4_PSE | CR4_SMAP | CR4_SMEP,
  EFER_RULES = EFER_LMA | EFER_NXE;
const PAGE_FAULT = 14;
const IA32_EFER = 0xc0000080;

/** What the tables of a vCPU were filled under. */
interface Rules {
  cr0: number;
  cr3: number;
  cr3High: number;
  cr4: number;
  efer: number;
}

/** What it needs of the domain. */
interface Shadowed {
  processor: Processor;
  /** A guest frame that is populated on demand is used. */
  readonly map: { demand(gfn: number): boolean };
  /** The processor has switched tasks in the hypervisor's place: an exit. */
  readonly exits: { switchedTask(): void };
}

export class ShadowPaging {
  /** For the processor's options. */
  readonly walk: ShadowWalk;
  readonly tables: ShadowTables;
  private readonly machine: Machine;
  private readonly regs: Int32Array;
  private readonly stage: SecondStage;
  private readonly guest: PageWalk;
  private readonly rules: readonly Rules[];
  private domain!: Shadowed;

  constructor(machine: Machine, record: DomainRecord) {
    this.machine = machine;
    this.regs = new Int32Array(machine.memory, record.liveOffset, STATE_WORDS);
    this.stage = machine.secondStage(record);
    this.guest = new PageWalk(this.regs, machine.words, this.stage.words);
    this.walk = new ShadowWalk(this.regs, machine.words);
    this.tables = new ShadowTables(machine, record, this.walk);
    this.rules = Array.from({ length: record.vcpus }, () => ({ cr0: 0, cr3: 0, cr3High: 0, cr4: 0, efer: 0 }));
    this.walk.onFlush = () => this.tables.dropAll();
    this.walk.onTaskSwitch = () => this.taskSwitched();
  }

  /** The domain is built, its guest's interface has set what it needs to exit. */
  begin(domain: Shadowed): void {
    this.domain = domain;
    const { controls } = domain.processor;
    controls.exceptionBitmap |= 1 << PAGE_FAULT;
    controls.cr3Load = controls.invlpg = true;
    controls.cr0Mask |= CR0_RULES;
    controls.cr4Mask |= CR4_RULES;
    controls.msrBitmap = withMsrs(controls.msrBitmap, [], [IA32_EFER]);
  }

  /** Before the current vCPU runs: what it changed, or somebody changed of it, is in force. */
  enter(vcpu: number, { controls }: Processor): void {
    const { regs, rules, tables } = this,
      known = rules[vcpu],
      cr0 = regs[R.CR0],
      cr4 = regs[R.CR4];
    tables.choose(vcpu);
    // What the guest reads of the bits that are the hypervisor's is what it wrote.
    controls.cr0Shadow = cr0;
    controls.cr4Shadow = cr4;
    const efer = regs[R.EFER] & EFER_RULES;
    if (((known.cr0 ^ cr0) & CR0_RULES) !== 0 || ((known.cr4 ^ cr4) & CR4_RULES) !== 0 || known.efer !== efer) {
      tables.drop(vcpu);
      this.guest.pse36 = shownBy(regs).has('pse36');
      known.cr0 = cr0;
      known.cr4 = cr4;
      known.efer = efer;
    } else if (known.cr3 === regs[R.CR3] && known.cr3High === regs[R.CR3 + R.HIGH]) return;
    else tables.dropNonGlobal();
    known.cr3 = regs[R.CR3];
    known.cr3High = regs[R.CR3 + R.HIGH];
  }

  /** An instruction that exited was emulated: what it makes a TLB drop goes. */
  emulated({ reason, qualification }: ExitInfo): void {
    if (reason === ExitReason.INVLPG) this.dropPage(qualification);
    else if (reason === ExitReason.CR_ACCESS && (qualification & 0x3f) === 3) this.tables.dropNonGlobal();
  }

  /** The processor's own: the new task may have another CR3. */
  private taskSwitched(): void {
    this.domain.exits.switchedTask();
    this.tables.dropNonGlobal();
  }

  /** A translation of the current vCPU is looked up again. */
  dropPage(linear: number): void {
    this.tables.dropPage(linear | 0, this.highOf(linear));
  }

  /** Whether a write of an MSR exits on our account. */
  ownsWrite(index: number): boolean {
    return index >>> 0 === IA32_EFER;
  }

  private highOf(linear: number): number {
    return (this.regs[R.EFER] & EFER_LMA) !== 0 ? Math.floor(linear / 2 ** 32) : 0;
  }

  /**
   * An exit for #PF. True: the shadow had no such translation, and has it now, so that the instruction, or the delivery that was cut short, begins again.
   * False: the fault is the guest's, and `exit` has its error code.
   */
  fault(exit: ExitInfo): boolean {
    const { qualification: linear, errorCode } = exit,
      low = linear | 0,
      high = this.highOf(linear),
      write = (errorCode & ERROR_W) !== 0,
      user = (errorCode & ERROR_U) !== 0;
    const error = this.guest.access(low, write, (errorCode & ERROR_FETCH) !== 0, user, false, high);
    if (error !== ALLOWED) {
      exit.errorCode = error;
      return false;
    }
    this.mark(write);
    // A fault that nothing here explains is one by SMAP of an access that the error code does not tell (SDM vol. 3, 4.6.1, implicit supervisor-mode accesses).
    if (!this.fill(low, high, write, user)) {
      exit.errorCode = (errorCode & ~ERROR_FETCH) | ERROR_P;
      return false;
    }
    this.deliverAgain(exit);
    return true;
  }

  /** Accessed and dirty bits of the entries that the last walk went through (SDM vol. 3, 4.8). */
  private mark(write: boolean): void {
    const { guest, regs } = this;
    if (regs[R.CR0] >= 0) return;
    for (let i = 0; i < guest.outerCount; i++) this.setBits(guest.outerAt[i], guest.outer[i], PTE_A);
    if (guest.upperAt >= 0) this.setBits(guest.upperAt, guest.upper, PTE_A);
    this.setBits(guest.leafAt, guest.leaf, write ? PTE_A | PTE_D : PTE_A);
  }

  private setBits(address: number, entry: number, bits: number): void {
    if ((entry & bits) === bits) return;
    const frame = this.stage.entry(Math.floor(address / FRAME_BYTES));
    if ((frame & P2M_WRITE) === 0) return;
    const { machine, domain } = this,
      mfn = frame >>> FRAME_SHIFT;
    machine.writeLog.note(mfn);
    Atomics.or(machine.words, ((mfn << FRAME_SHIFT) | (address & (FRAME_BYTES - 1))) >>> 2, bits);
    domain.processor.invalidate(mfn);
  }

  /** What the last walk found goes into the shadow. False: it is there. */
  private fill(low: number, high: number, write: boolean, user: boolean): boolean {
    const { guest, domain, stage } = this,
      { gfn } = guest;
    domain.map.demand(gfn);
    const page = stage.entry(gfn);
    let { leaf, leafHigh } = this.rightsOf(write, user);
    if (page === 0) {
      leaf |= (gfn % 0x100000) << FRAME_SHIFT;
      leafHigh |= SHADOW_DEVICE_HIGH | Math.floor(gfn / 0x100000);
    } else {
      leaf |= page & ~(FRAME_BYTES - 1);
      if ((leaf & PTE_W) !== 0 && (page & P2M_WRITE) === 0) leaf ^= PTE_W | SHADOW_WRITE_IS_OURS;
      if ((page & P2M_EXECUTE) === 0) leaf |= SHADOW_NO_FETCH;
    }
    return this.tables.fill(low, high, leaf, leafHigh, (leaf & PTE_G) !== 0);
  }

  /** The bits of a leaf, without its frame. */
  private rightsOf(write: boolean, user: boolean): { leaf: number; leafHigh: number } {
    const { guest, regs } = this,
      { rights } = guest;
    if (regs[R.CR0] >= 0) return { leaf: PTE_P | PTE_A | PTE_D | PTE_W | PTE_U, leafHigh: 0 };
    const kernelOnly = write && !user && (rights & PTE_W) === 0,
      isDirty = write || (guest.leaf & PTE_D) !== 0,
      isLarge = guest.upperAt < 0;
    let leaf = PTE_P | PTE_A | (kernelOnly ? 0 : rights & PTE_U) | (guest.global ? PTE_G : 0);
    if (kernelOnly || ((rights & PTE_W) !== 0 && isDirty)) leaf |= PTE_W | PTE_D;
    if (isLarge) leaf |= SHADOW_LARGE;
    const noExecute = guest.entryHigh < 0 || (kernelOnly && (rights & PTE_U) !== 0 && (regs[R.CR4] & CR4_SMEP) !== 0);
    return {
      leaf,
      leafHigh: (noExecute ? SHADOW_NX_HIGH : 0) | (isLarge && guest.outerCount === 1 ? SHADOW_HUGE_HIGH : 0),
    };
  }

  /** An event whose delivery missed a translation. One of an instruction comes again with that (SDM vol. 3C, 28.2.4). */
  private deliverAgain({ idtVectoring, idtVectoringErrorCode }: ExitInfo): void {
    const type = idtVectoring & EVENT_TYPE_MASK;
    if (idtVectoring !== 0 && [EVENT_EXTERNAL, EVENT_NMI, EVENT_EXCEPTION].includes(type))
      this.domain.processor.inject(idtVectoring, idtVectoringErrorCode);
  }
}
