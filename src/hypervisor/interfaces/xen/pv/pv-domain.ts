/**
 * A 32-bit paravirtual domain: ties page types, page-table calls, descriptor tables, traps and emulation to the processor that runs it.
 * The guest's kernel is in ring 1 and walks real page tables with machine frame numbers; the processor leaves for everything that would go through
 * an IDT (`controls.hypervisorIdt`), so no VT is needed.
 */
import {
  type CpuidAnswer,
  CR0_ET,
  CR0_MP,
  CR0_NE,
  CR0_PE,
  CR0_PG,
  CR0_TS,
  CR0_WP,
  CR4_OSFXSR,
  CR4_OSXMMEXCPT,
  CR4_PAE,
  EFER_NXE,
  EVENT_PRIVILEGED_SOFTWARE,
  EVENT_SOFTWARE,
  EVENT_SOFTWARE_EXCEPTION,
  ExitReason,
  P2M_READ,
  type Processor,
  registers as R,
} from '../../../../cpu/architecture/index.ts';
import { FRAME_TYPE } from '../../../layout/layout.ts';
import { XEN, XEN_VCPU, XEN_VCPU_WORDS } from '../layout.ts';
import { type DomainRecord, FRAME_SHIFT, HostError, type Machine } from '../../../memory/machine.ts';
import type { SecondStage } from '../../../memory/second-stage.ts';
import type { Ports } from '../events/ports.ts';
import type { GuestMsrs } from '../msrs.ts';
import { EEXIST, EFAULT, EINVAL, VMASST } from '../abi.ts';
import { FLAT_RING1_CS, FLAT_RING1_DS, PV, PvBlock } from './block.ts';
import { buildPv, type PvBuild, planPv, pvHypercallPage } from './builder.ts';
import { Descriptors } from './descriptors.ts';
import { Emulator } from './emulate.ts';
import { GuestContext } from './context.ts';
import { GrantMap } from './grant-map.ts';
import { PvMemory } from './memory.ts';
import { Mmu } from './mmu.ts';
import { type PageTypeHooks, PageTypes } from './page-types.ts';
import { PTE_PRESENT, PTE_WRITE } from './pte.ts';
import type { ComingPages } from './coming-pages.ts';
import { type PvImage, type PvSaveParts, restorePv, type SavedPvImage, savePv } from './saved.ts';
import { Traps } from './traps.ts';
import { emulateTableWrite } from './table-writes.ts';
import { VCPU_INFO } from '../shared.ts';
import { PAE } from './pae.ts';

const HYPERCALL_VECTOR = 0x82;
const DEBUG = 1,
  INVALID_OPCODE = 6,
  NO_COPROCESSOR = 7,
  GENERAL_PROTECTION = 13,
  PAGE_FAULT = 14;
const INFORMATION_TYPE = 7 << 8;
const PF_PRESENT = 1,
  PF_WRITE = 2;
/** The guest owns TS alone. */
const CR0 = CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_PG;
const CR4 = CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT;
export interface PvParts {
  machine: Machine;
  record: DomainRecord;
  processor: Processor;
  currentVcpu(): number;
  /** State words of a vCPU that is not running, for VCPUOP_initialise. */
  stateWords(vcpu: number): Int32Array;
  cpuid(leaf: number, subleaf: number): CpuidAnswer;
  msrs: GuestMsrs;
  tsc(): readonly [low: number, high: number];
  /** Ends the hypercall under way for now: it is made again with this argument. */
  continueWith(argument: number, value: number): number;
  crash(sentence: string): void;
}

export class PvDomain {
  readonly memory: PvMemory;
  readonly types: PageTypes;
  readonly mmu: Mmu;
  readonly traps: Traps;
  readonly grants: GrantMap;
  private readonly parts: PvParts;
  private readonly block: PvBlock;
  readonly descriptors: Descriptors;
  private readonly emulator: Emulator;
  private readonly stage: SecondStage;
  private readonly context: GuestContext;

  /** @throws HostError */
  constructor(parts: PvParts) {
    this.parts = parts;
    const { machine, record, processor, currentVcpu } = parts,
      tables = PAE;
    const written = (mfn: number): void => this.written(mfn);
    const flushTlb = (): void => processor.flushTlb();
    const architecturalIopl = (): boolean => this.assists(VMASST.ARCHITECTURAL_IOPL);
    this.stage = machine.secondStage(record);
    this.block = PvBlock.create(machine, record);
    this.memory = new PvMemory(
      machine.words,
      machine.bytes,
      tables,
      () => this.block.vcpu(currentVcpu())[PV.BASE],
      written,
    );
    this.types = new PageTypes(machine, record.id, this.typeHooks(), tables);
    this.descriptors = new Descriptors(machine, this.types, this.block);
    const common = {
      machine,
      processor,
      block: this.block,
      memory: this.memory,
      types: this.types,
      tables,
      descriptors: this.descriptors,
      currentVcpu,
    };
    this.mmu = new Mmu({
      ...common,
      domid: record.id,
      regs: processor.regs,
      flushTlb,
      flushPage: linear => processor.flushPage(linear),
      continueWith: parts.continueWith,
    });
    this.traps = new Traps({
      ...common,
      bytes: machine.bytes,
      vcpuInfo: vcpu => this.vcpuInfo(vcpu),
      architecturalIopl,
      continueWith: parts.continueWith,
      crash: parts.crash,
    });
    this.emulator = new Emulator({
      ...common,
      architecturalIopl,
      pageFault: (linear, error) => this.traps.deliver(PAGE_FAULT, error, linear),
      generalProtection: () => this.generalProtection(),
      takesProtectionFaults: () => this.traps.hasHandler(GENERAL_PROTECTION),
      cpuid: parts.cpuid,
      msrs: parts.msrs,
      tsc: parts.tsc,
      newBase: mfn => this.mmu.newBase(mfn) === 0,
      writeHypercallMsr: (low, high) => this.writeHypercallPage(low, high),
    });
    this.grants = new GrantMap({
      words: machine.words,
      stage: this.stage,
      memory: this.memory,
      types: this.types,
      ownerOf: mfn => machine.ownerOf(mfn),
      domid: record.id,
    });
    this.context = new GuestContext({ ...common, mmu: this.mmu, traps: this.traps, emulator: this.emulator });
    // What the processor walks through: the guest's own frames are there already.
    for (const mfn of this.block.ownFrames()) this.stage.map(mfn, mfn, P2M_READ);
  }

  /** The hypervisor stored into a frame of the domain. */
  private written(mfn: number): void {
    const { machine, processor } = this.parts;
    machine.writeLog.note(mfn);
    processor.invalidate(mfn);
  }

  private typeHooks(): PageTypeHooks {
    const { machine, processor, crash } = this.parts;
    return {
      flushTlb: () => processor.flushTlb(),
      written: mfn => this.written(mfn),
      mapped: mfn => this.admit(mfn),
      isShared: mfn => mfn === machine.words[this.xen + XEN.SHARED_INFO],
      left: mfn => {
        this.expel(mfn);
        Atomics.sub(machine.words, this.xen + XEN.CURRENT_FRAMES, 1);
      },
      grantLost: () =>
        crash('The guest overwrote a page table entry that maps a granted frame, without unmapping the grant.'),
      xenEntries: () => this.block.xenEntries(),
    };
  }

  private get xen(): number {
    return this.parts.record.guestOffset >>> 2;
  }

  private vcpuInfo(vcpu: number): number {
    return this.parts.machine.words[this.xen + XEN.VCPU + vcpu * XEN_VCPU_WORDS + XEN_VCPU.INFO] >>> 0;
  }

  private assists(type: number): boolean {
    return (this.parts.machine.words[this.xen + XEN.ASSISTS] & (1 << type)) !== 0;
  }

  /** The processor may reach a frame. */
  private admit(mfn: number): void {
    this.stage.map(mfn, mfn);
  }

  /** No longer: its translations go, too. */
  expel(mfn: number): void {
    this.stage.unmap(mfn);
    this.types.flushed();
    this.parts.processor.flushTlb();
  }

  /** Puts a kernel into the domain's frames and vCPU 0 at its entry. @throws LoadError */
  start(
    build: PvBuild,
    memoryMiB: number,
    rings: { sharedInfoMfn: number; storePort: number; consolePort: number },
  ): { about: string; storeMfn: number; consoleMfn: number } {
    const { machine, record, processor } = this.parts;
    const layout = planPv(build, memoryMiB);
    const started = buildPv(machine, this.frames(memoryMiB * 256), build, layout, rings);
    if (this.types.pin(started.base, PAE.top) !== 0)
      throw new HostError('The first page tables of a paravirtual guest were refused: a defect of Ringside.');
    if (started.extendedCr3) machine.words[this.xen + XEN.ASSISTS] |= 1 << VMASST.PAE_EXTENDED_CR3;
    for (let vcpu = 0; vcpu < record.vcpus; vcpu++) {
      const info = this.vcpuInfo(vcpu);
      if (info !== 0) machine.bytes[info + VCPU_INFO[32].evtchn_upcall_mask] = 1;
    }
    const { regs } = processor;
    regs.fill(0, R.EAX, R.EDI + 1);
    regs[R.ESI] = started.startInfo;
    regs[R.ESP] = started.stack;
    regs[R.EIP] = started.entry;
    this.setControlRegisters(regs);
    this.descriptors.loadTables(0, regs);
    this.mmu.newBase(started.base);
    this.descriptors.load(0, R.CS, FLAT_RING1_CS, 1, regs, this.memory);
    this.descriptors.load(0, R.SS, FLAT_RING1_DS, 1, regs, this.memory);
    for (const register of [R.DS, R.ES, R.FS, R.GS])
      this.descriptors.load(0, register, FLAT_RING1_DS, 1, regs, this.memory);
    regs[R.CPL] = 1;
    const state = this.block.vcpu(0);
    state[PV.KERNEL_SS] = FLAT_RING1_DS;
    state[PV.KERNEL_ESP] = started.stack;
    for (const index of [6, 7]) this.emulator.setDebug(index, 0);
    processor.eflags = 0x202;
    processor.controls.hypervisorIdt = true;
    processor.reload();

    return started;
  }

  private saveParts(ports: Ports, notRam: ReadonlySet<number>): PvSaveParts {
    const { machine, record } = this.parts;
    return { machine, record, ports, block: this.block, types: this.types, context: this.context, notRam };
  }

  /** Of a domain that has suspended itself. `notRam`: frames of its own that are its grant table. @throws SavedStateError */
  save(ports: Ports, notRam: ReadonlySet<number>): PvImage {
    const { processor } = this.parts;
    return savePv(this.saveParts(ports, notRam), processor.regs, processor.eflags);
  }

  /** Into a domain that has just been made: `regs` and frames are vCPU 0's and the domain's. @throws SavedStateError */
  restore(ports: Ports, notRam: ReadonlySet<number>, saved: SavedPvImage, pages: ComingPages): void {
    const { processor } = this.parts;
    restorePv(
      this.saveParts(ports, notRam),
      saved,
      pages,
      processor.regs,
      regs => this.setControlRegisters(regs),
      mfn => this.expel(mfn),
    );
    processor.controls.hypervisorIdt = true;
    processor.reload();
    processor.flushTlb();
  }

  private setControlRegisters(regs: Int32Array): void {
    // No TSS that a port access could find a bitmap in: the guest's own memory lies where a reset leaves that.
    regs[R.SEG + R.TR * R.SEG_WORDS + R.SEG_LIMIT] = 0;
    regs[R.CR0] = CR0;
    regs[R.CR4] = CR4;
    regs[R.EFER] = EFER_NXE;
  }

  /** Machine frames by guest frame number. */
  frames(count = this.parts.record.ramFrames): Int32Array {
    const { machine, record } = this.parts;
    const mfns = new Int32Array(count);
    for (let mfn = 0; mfn < machine.frames; mfn++) {
      const pfn = machine.words[machine.m2p + mfn];
      if (pfn >= 0 && pfn < count && machine.ownerOf(mfn) === record.id) mfns[pfn] = mfn;
    }
    return mfns;
  }

  private writeHypercallPage(low: number, high: number): boolean {
    if (high !== 0 || (low & 0xfff) !== 0) return false;
    const mfn = low >>> FRAME_SHIFT;
    if (this.types.get(mfn, FRAME_TYPE.WRITABLE) !== 0) return false;
    this.parts.machine.bytes.set(pvHypercallPage(), (low & ~0xfff) >>> 0);
    this.types.written(mfn);
    this.types.put(mfn);
    return true;
  }

  // ---- exits

  /**
   * An exit with a reason from IDT_FIRST. Returns true when it is a hypercall, which the dispatcher of those runs; EIP is behind the instruction.
   */
  exit(reason: number): boolean {
    const { processor } = this.parts;
    const { exit, regs } = processor;
    const vector = reason - ExitReason.IDT_FIRST;
    const type = exit.interruption & INFORMATION_TYPE;
    if (type === EVENT_SOFTWARE || type === EVENT_SOFTWARE_EXCEPTION || type === EVENT_PRIVILEGED_SOFTWARE)
      return this.softwareInterrupt(vector, type);
    switch (vector) {
      case DEBUG: {
        // Conditions go into DR6; nothing but the guest takes them out (SDM vol. 3, 17.2.3).
        const state = this.block.vcpu(this.parts.currentVcpu());
        state[PV.DEBUG + 6] = regs[R.DR + 6] = state[PV.DEBUG + 6] | (exit.qualification & 0xe00f) | (0xffff0ff0 | 0);
        this.traps.deliver(DEBUG, 0);
        return false;
      }
      case INVALID_OPCODE:
        if (!this.emulator.invalidOpcode()) this.traps.deliver(INVALID_OPCODE, 0);
        return false;
      case NO_COPROCESSOR:
        // The hypervisor clears TS before it tells the guest.
        regs[R.CR0] &= ~CR0_TS;
        this.traps.deliver(NO_COPROCESSOR, 0);
        return false;
      case GENERAL_PROTECTION:
        if (
          exit.errorCode !== 0 ||
          !(this.emulator.generalProtection() || (this.emulator.isSysenter() && this.traps.sysenter()))
        )
          this.traps.deliver(GENERAL_PROTECTION, exit.errorCode);
        return false;
      case PAGE_FAULT:
        if (!this.fixPageFault(exit.guestLinear, exit.errorCode))
          this.traps.deliver(PAGE_FAULT, exit.errorCode, exit.guestLinear);
        return false;
      default:
        this.traps.deliver(vector, exit.errorCode);
        return false;
    }
  }

  /** The instruction under way is not the guest's to make. */
  generalProtection(): void {
    this.traps.deliver(GENERAL_PROTECTION, 0);
  }

  private softwareInterrupt(vector: number, type: number): boolean {
    const { processor } = this.parts;
    const { regs, exit } = processor;
    if (type === EVENT_SOFTWARE && vector === HYPERCALL_VECTOR && regs[R.CPL] === 1) {
      processor.skipInstruction();
      return true;
    }
    // INT3 and INTO are open to all rings (their gates have DPL 3), as is INT1.
    if (type === EVENT_SOFTWARE && !this.traps.mayInt(vector)) {
      this.traps.deliver(GENERAL_PROTECTION, vector * 8 + 2);
      return false;
    }
    regs[R.EIP] += exit.instructionLength;
    if (type === EVENT_SOFTWARE) this.traps.softwareInterrupt(vector);
    else this.traps.deliver(vector, 0);
    return false;
  }

  /** Faults that are the hypervisor's: its own lazily filled tables, and stores into page tables that it does for the guest. */
  private fixPageFault(linear: number, error: number): boolean {
    const { block, memory, types } = this;
    const vcpu = this.parts.currentVcpu();
    const page = block.ldtPage(vcpu, linear);
    if (page >= 0) {
      if (this.descriptors.mapLdtPage(vcpu, page, memory)) return true;
      // As if the selector had been refused.
      this.traps.deliver(GENERAL_PROTECTION, ((linear - block.ldtBase(vcpu)) & 0xfff8) | 4);
      return true;
    }
    if (!this.assists(VMASST.WRITABLE_PAGETABLES) || (error & (PF_PRESENT | PF_WRITE)) !== (PF_PRESENT | PF_WRITE))
      return false;
    if (this.parts.processor.regs[R.CPL] !== 1) return false;
    const { low } = memory.walk(linear);
    if (!(low & PTE_PRESENT) || low & PTE_WRITE || types.typeOf(low >>> FRAME_SHIFT) !== FRAME_TYPE.L1) return false;
    return emulateTableWrite(this.parts.processor, memory, types, linear, low >>> FRAME_SHIFT);
  }

  // ---- hypercalls

  /** HYPERVISOR_set_gdt: `list`: linear address of the frames' numbers. */
  setGdt(vcpu: number, list: number, entries: number): number {
    const count = Math.ceil(entries / 512);
    if (count > 14) return -EINVAL;
    const bytes = new Uint8Array(count * 4);
    if (!this.memory.read(list, bytes)) return -EFAULT;
    return this.descriptors.setGdt(vcpu, [...new Uint32Array(bytes.buffer)], entries);
  }

  /** HYPERVISOR_set_debugreg and get_debugreg (emulate.ts). */
  setDebug(register: number, value: number): number {
    return this.emulator.setDebug(register, value);
  }

  getDebug(register: number): number | undefined {
    return this.emulator.getDebug(register);
  }

  /** PHYSDEVOP_set_iopl. */
  setIopl(iopl: number): number {
    if (iopl >>> 0 > 3) return -EINVAL;
    this.block.vcpu(this.parts.currentVcpu())[PV.IOPL] = iopl;
    return 0;
  }

  /** VCPUOP_initialise with a vcpu_guest_context at a linear address. */
  initialise(vcpu: number, address: number, alreadyUp: boolean): number {
    if (alreadyUp) return -EEXIST;
    return this.context.set(vcpu, address, this.parts.stateWords(vcpu), regs => this.setControlRegisters(regs));
  }

  /** A non-maskable interrupt, which VCPUOP_send_nmi sends. */
  deliverNmi(): void {
    this.traps.deliverNmi();
  }

  /** Upcalls, before the guest goes on. True: the event callback is next. */
  deliverEvents(): boolean {
    const { machine, currentVcpu } = this.parts;
    const info = this.vcpuInfo(currentVcpu());
    // A debug trap of the instruction before comes first (SDM vol. 3, table 6-2).
    if (this.parts.processor.regs[R.PENDING_DEBUG] !== 0) return false;
    if (
      info === 0 ||
      machine.bytes[info + VCPU_INFO[32].evtchn_upcall_pending] === 0 ||
      machine.bytes[info + VCPU_INFO[32].evtchn_upcall_mask] !== 0
    )
      return false;
    return this.traps.deliverEvent();
  }
}
