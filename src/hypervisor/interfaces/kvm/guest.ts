/**
 * KVM as the interface of a domain's guest: a plain PC, and what the host tells of itself by CPUID leaves, MSRs and hypercalls. What an MSR names is in the
 * guest's memory and is looked for again at each use. Source: abi.ts.
 */
import { type CpuidAnswer, isLongCode, registers as R, TSC_HZ } from '../../../cpu/architecture/index.ts';
import {
  APIC_TIMER_HZ,
  assignState,
  type BalloonReport,
  copyState,
  type EoiAssist,
  PciHotplug,
  type State,
} from '../../../devices/index.ts';
import { withMsrs } from '../../domain/exit-controls.ts';
import type { GuestParts, InterfaceKind, MsrValue } from '../../domain/guest-interface.ts';
import { SavedStateError } from '../../domain/saved-state-error.ts';
import type { VcpuState } from '../../domain/vcpu.ts';
import { GuestAccess } from '../../memory/guest-access.ts';
import { FRAMES_AT_ONCE } from '../../layout/layout.ts';
import { FRAMES_A_MIB, isRamGfn } from '../../layout/ram-layout.ts';
import { FRAME_SHIFT } from '../../memory/machine.ts';
import { mfnOf, type SecondStage } from '../../memory/second-stage.ts';
import { answerCpuid, isHypervisorLeaf, leafOf } from '../cpuid.ts';
import { PLAIN_PC, PlainPc } from '../none/plain-pc.ts';
import { blockOf, KVM_BLOCK, NO_STATISTIC } from './layout.ts';
import { TIME_RECORD_BYTES, writeTimeRecord } from '../pvclock.ts';
import {
  CALL,
  CPUID_BASE,
  CPUID_FEATURES,
  CPUID_FREQUENCIES,
  EFAULT,
  EINVAL,
  ENABLED,
  ENOSYS,
  EOPNOTSUPP,
  EPERM,
  FEATURES,
  GUEST_STOPPED,
  ICR,
  MSR,
  SIGNATURE,
  TSC_STABLE,
} from './abi.ts';

const HIGH = 2 ** 32;
const VM86 = 0x20000;
const OLD_MSRS = [MSR.WALL_CLOCK_OLD, MSR.SYSTEM_TIME_OLD];
/**
 * A TSC that never stops is not shown, as QEMU has it where nobody asks for invtsc (target/i386/cpu.c, unmigratable_flags): the next host may count otherwise.
 * Linux then keeps its time by kvmclock (arch/x86/kernel/kvmclock.c).
 */
const POWER_LEAF = 0x80000007,
  INVARIANT_TSC = 1 << 8;
/** A record that is hardly older is good enough. */
const RECORD_NS = 1e9;
/** Of the steal time: stolen nanoseconds, a version, whether the vCPU has no processor now. */
const STEAL = { NS: 0, VERSION: 8, PREEMPTED: 16, BYTES: 64 } as const;
/** Bits that must be zero. */
const STEAL_RESERVED = 0x3e,
  EOI_RESERVED = 2;
const EOI_BYTES = 4,
  NO_EOI = 1;
const WALL_CLOCK_BYTES = 12,
  PAIRING_BYTES = 64;

/** What the MSRs of a vCPU hold, low and high word, and what follows from them. */
const freshVcpu = () => ({
  systemTime: new Uint32Array(2),
  steal: new Uint32Array(2),
  eoi: new Uint32Array(2),
  /** The guest was informed that it need not write to EOI. */
  mayOmitEoi: false,
  /** Another vCPU has ended its next HLT before it came to that. */
  isKicked: false,
  state: 'offline' as VcpuState,
  sinceNs: 0,
  recordNs: 0,
});
type KvmVcpu = ReturnType<typeof freshVcpu>;

/** The MSRs of a vCPU, by the fields that hold them; bits that a write may not set. */
const FIELDS: Readonly<Record<number, { field: 'systemTime' | 'steal' | 'eoi'; reserved: number }>> = {
  [MSR.SYSTEM_TIME_OLD]: { field: 'systemTime', reserved: 0 },
  [MSR.SYSTEM_TIME]: { field: 'systemTime', reserved: 0 },
  [MSR.STEAL_TIME]: { field: 'steal', reserved: STEAL_RESERVED },
  [MSR.PV_EOI]: { field: 'eoi', reserved: EOI_RESERVED },
};

export class KvmGuest extends PlainPc {
  override readonly name = 'kvm';
  private readonly access: GuestAccess;
  private readonly view: DataView;
  private readonly wallClock = new Uint32Array(2);
  private vcpus: KvmVcpu[];
  private readonly stage: SecondStage;
  /** Index of its block (layout.ts). */
  private readonly block: number;

  constructor(parts: GuestParts) {
    super(parts);
    const { machine, record, processor, vcpus } = parts;
    this.view = new DataView(machine.memory);
    this.stage = machine.secondStage(record);
    this.block = blockOf(record);
    this.access = new GuestAccess({
      bytes: machine.bytes,
      stage: this.stage,
      translate: linear => processor.translate(linear),
      written: parts.written,
      demand: parts.demand,
    });
    this.vcpus = vcpus.all.map(freshVcpu);
    vcpus.onState = (id, state) => this.stateChanged(id, state);
    for (const { id } of vcpus.all) {
      const local = parts.localApic(id);
      if (local) local.assist = this.assistOf(id);
    }
    processor.controls.cpuid = true;
    processor.controls.msrBitmap = withMsrs(null, OLD_MSRS, OLD_MSRS);
  }

  private get now(): number {
    return this.parts.timers.clock.nowNs();
  }

  private get current(): number {
    return this.parts.vcpus.current.id;
  }

  /** Byte of machine memory that a register names; -1: it is off, or there is no memory that may be written in one piece. */
  private placeOf(register: Uint32Array, bytes: number, flags: number): number {
    return register[0] & ENABLED ? this.memoryAt((register[0] & ~flags) >>> 0, register[1], bytes) : -1;
  }

  private memoryAt(low: number, high: number, bytes: number): number {
    const address = high * HIGH + low,
      offset = this.access.physicalOffset(address, true);
    const end = this.access.physicalOffset(address + bytes - 1, true);
    return offset >= 0 && end === offset + bytes - 1 ? offset : -1;
  }

  private written(offset: number): void {
    this.parts.written(offset >>> FRAME_SHIFT);
  }

  // ---- CPUID

  override identify(): void {
    const { regs } = this.parts.processor;
    answerCpuid(regs, this.answer(regs[R.EAX], regs[R.ECX]));
  }

  private answer(leaf: number, subleaf: number): CpuidAnswer {
    const { regs } = this.parts.processor;
    if (isHypervisorLeaf(leaf)) return kvmLeaf(leaf >>> 0);
    const answer = leafOf(regs, leaf, subleaf);
    return leaf >>> 0 === POWER_LEAF ? { ...answer, edx: answer.edx & ~INVARIANT_TSC } : answer;
  }

  // ---- MSRs

  override ownsMsr(index: number): boolean {
    return OLD_MSRS.some(old => old === index) || (index >= MSR.WALL_CLOCK && index <= MSR.LAST);
  }

  override readMsr(index: number): MsrValue | undefined {
    if (index === MSR.WALL_CLOCK || index === MSR.WALL_CLOCK_OLD) return [this.wallClock[0], this.wallClock[1]];
    const row = FIELDS[index];
    if (!row) return undefined;
    const [low, high] = this.vcpus[this.current][row.field];
    return [low, high];
  }

  override writeMsr(index: number, low: number, high: number): boolean {
    if (index === MSR.WALL_CLOCK || index === MSR.WALL_CLOCK_OLD) {
      this.wallClock.set([low, high]);
      this.writeWallClock();
      return true;
    }
    const row = FIELDS[index];
    if (!row || low & row.reserved) return false;
    const { current } = this,
      v = this.vcpus[current];
    // Linux takes the place away before it starts again, having left out the end of the interrupt before (kvm_guest_cpu_offline()).
    if (row.field === 'eoi') {
      this.parts.localApic(current)?.settleOffer();
      v.mayOmitEoi = false;
    }
    v[row.field].set([low, high]);
    if (row.field === 'systemTime') this.writeRecord(current, 0);
    else if (row.field === 'steal') this.writeSteal(current, 0);
    return true;
  }

  tscChanged(): void {
    this.writeRecord(this.current, 0);
  }

  // ---- time

  /** The wall clock when the guest's time was 0; written once. */
  private writeWallClock(): void {
    const [low, high] = this.wallClock,
      at = this.memoryAt(low, high, WALL_CLOCK_BYTES);
    if (at < 0) return;
    const { view } = this,
      { startEpochMs } = this.parts;
    const version = view.getUint32(at, true) | 1;
    view.setUint32(at, version, true);
    view.setUint32(at + 4, Math.floor(startEpochMs / 1000), true);
    view.setUint32(at + 8, Math.round((startEpochMs % 1000) * 1e6), true);
    view.setUint32(at, (version + 1) >>> 0, true);
    this.written(at);
  }

  /** `flags`: what there is to be said next to that the TSCs of all vCPUs agree. */
  private writeRecord(id: number, flags: number): void {
    const v = this.vcpus[id],
      { vcpus } = this.parts;
    const at = this.placeOf(v.systemTime, TIME_RECORD_BYTES, ENABLED);
    if (at < 0) return;
    v.recordNs = this.now;
    writeTimeRecord(this.view, at, v.recordNs, vcpus.registersOf(vcpus.all[id]), TSC_STABLE | flags);
    this.written(at);
  }

  override get tellsStolenTime(): boolean {
    return this.vcpus.some(({ steal }) => (steal[0] & ENABLED) !== 0);
  }

  private stateChanged(id: number, state: VcpuState): void {
    const v = this.vcpus[id];
    if (v.state === state) return;
    const now = Math.floor(this.now),
      stolenNs = v.state === 'runnable' ? Math.max(0, now - v.sinceNs) : 0;
    v.state = state;
    v.sinceNs = now;
    this.writeSteal(id, stolenNs);
    if (state === 'running' && now - v.recordNs >= RECORD_NS) this.writeRecord(id, 0);
  }

  /** Adds nanoseconds for which the vCPU had something to do and no processor, and says whether it has one. */
  private writeSteal(id: number, stolenNs: number): void {
    const { steal, state } = this.vcpus[id],
      at = this.placeOf(steal, STEAL.BYTES, ENABLED);
    if (at < 0) return;
    const { view } = this,
      version = view.getUint32(at + STEAL.VERSION, true) | 1;
    view.setUint32(at + STEAL.VERSION, version, true);
    view.setBigUint64(at + STEAL.NS, view.getBigUint64(at + STEAL.NS, true) + BigInt(stolenNs), true);
    view.setUint8(at + STEAL.PREEMPTED, state === 'running' ? 0 : 1);
    view.setUint32(at + STEAL.VERSION, (version + 1) >>> 0, true);
    this.written(at);
  }

  // ---- ends of interrupts that are left out

  private assistOf(id: number): EoiAssist {
    const place = (): number => this.placeOf(this.vcpus[id].eoi, EOI_BYTES, ENABLED);
    const put = (at: number, bit: number): void => {
      this.view.setUint8(at, (this.view.getUint8(at) & ~NO_EOI) | bit);
      this.written(at);
    };
    return {
      offer: () => {
        const at = place();
        if (at < 0) return;
        this.vcpus[id].mayOmitEoi = true;
        put(at, NO_EOI);
      },
      // The guest has cleared the bit in place of a write to EOI.
      omitted: () => {
        const at = place();
        if (at < 0 || !this.vcpus[id].mayOmitEoi || this.view.getUint8(at) & NO_EOI) return false;
        this.vcpus[id].mayOmitEoi = false;
        return true;
      },
      withdraw: () => {
        const at = place();
        if (at < 0 || !this.vcpus[id].mayOmitEoi) return;
        this.vcpus[id].mayOmitEoi = false;
        put(at, 0);
      },
      isAutomatic: () => false,
      ended: () => {},
    };
  }

  // ---- hypercalls: number in RAX, arguments in RBX, RCX, RDX, RSI; RAX gets the result and nothing else changes

  override hypercall(): boolean {
    const { processor } = this.parts,
      { regs } = processor;
    const result = regs[R.CPL] !== 0 || processor.eflags & VM86 ? -EPERM : this.call();
    regs[R.EAX] = result;
    if (isLongCode(regs)) regs[R.EAX + R.HIGH] = result < 0 ? -1 : 0;
    processor.skipInstruction();
    return true;
  }

  /** The vCPU with the local APIC of this identifier; -1: there is none. */
  private byApicId(apicId: number): number {
    return apicId >= 0 && apicId < this.vcpus.length ? apicId : -1;
  }

  private call(): number {
    const { vcpus, processor } = this.parts,
      { regs } = processor;
    switch (regs[R.EAX]) {
      case CALL.VAPIC_POLL_IRQ:
        return 0;
      case CALL.KICK_CPU:
        return this.kick(this.byApicId(regs[R.ECX]));
      case CALL.CLOCK_PAIRING:
        return this.pairClocks();
      case CALL.SEND_IPI:
        return this.sendIpis();
      case CALL.SCHED_YIELD:
        vcpus.turns.yieldTurn();
        this.parts.yield();
        return 0;
      default:
        return -ENOSYS;
    }
  }

  /** Ends another's HLT, or its next one: it waits for a lock that is free now. */
  private kick(id: number): number {
    const { vcpus } = this.parts;
    if (id < 0) return 0;
    if (vcpus.endHalt(id)) vcpus.turns.call(id);
    else this.vcpus[id].isKicked = true;
    return 0;
  }

  haltEndsAtOnce(): boolean {
    const v = this.vcpus[this.current];
    const { isKicked } = v;
    v.isKicked = false;
    return isKicked;
  }

  /** One interprocessor interrupt to many: a bitmap in RBX and RCX of APIC identifiers from RDX on. Returns how many got it. */
  private sendIpis(): number {
    const { processor, vcpus } = this.parts,
      { regs } = processor;
    const isLong = isLongCode(regs);
    const words = [R.EBX, R.ECX].flatMap(at => (isLong ? [regs[at], regs[at + R.HIGH]] : [regs[at]]));
    const command = regs[R.ESI],
      mode = command & ICR.MODE;
    if (mode !== ICR.FIXED && mode !== ICR.NMI) return -EINVAL;
    let sent = 0;
    for (const [number, word] of words.entries()) {
      for (let bit = 0; bit < 32; bit++) {
        if (!((word >>> bit) & 1)) continue;
        const id = this.byApicId((regs[R.EDX] >>> 0) + 32 * number + bit);
        if (id < 0) continue;
        if (mode === ICR.NMI) vcpus.nmi(id);
        else this.parts.interrupt(id, command & ICR.VECTOR);
        vcpus.turns.call(id);
        sent++;
      }
    }
    return sent;
  }

  /** The wall clock and the TSC of one moment, for the guest's PTP clock. */
  private pairClocks(): number {
    const { regs } = this.parts.processor,
      isLong = isLongCode(regs);
    if (regs[R.ECX] !== 0) return -EOPNOTSUPP;
    const at = this.memoryAt(regs[R.EBX] >>> 0, isLong ? regs[R.EBX + R.HIGH] >>> 0 : 0, PAIRING_BYTES);
    if (at < 0) return -EFAULT;
    const { view } = this;
    const wallNs = BigInt(this.parts.startEpochMs) * 1_000_000n + BigInt(Math.floor(this.now));
    const [low, high] = this.parts.tsc();
    view.setBigInt64(at, wallNs / 1_000_000_000n, true);
    view.setBigInt64(at + 8, wallNs % 1_000_000_000n, true);
    view.setInt32(at + 16, low, true);
    view.setInt32(at + 20, high, true);
    for (let i = 24; i < PAIRING_BYTES; i += 4) view.setUint32(at + i, 0, true);
    this.written(at);
    return 0;
  }

  // ---- memory that the guest does without

  /** Firmware and the chipset change what is seen below 1 MiB, and a closed A20 gate shows a frame at two places: such frames stay. */
  release(gfns: readonly number[]): void {
    const { stage } = this,
      { machine, record, processor, written } = this.parts;
    const gone: number[] = [];
    for (const gfn of gfns) {
      const entry = stage.entry(gfn),
        mfn = mfnOf(entry);
      if (mfn < 0 || gfn < FRAMES_AT_ONCE || !isRamGfn(record, gfn) || entry === stage.entry(gfn ^ FRAMES_A_MIB))
        continue;
      if (machine.ownerOf(mfn) !== record.id || machine.isDeviceFrame(mfn)) continue;
      stage.defer(gfn);
      gone.push(mfn);
    }
    if (gone.length === 0) return;
    processor.flushTlb();
    for (const mfn of gone) {
      written(mfn);
      if (machine.release(mfn)) this.countFrames(-1);
    }
  }

  override demand(gfn: number): boolean {
    const { machine, record, crash } = this.parts;
    const mfn = machine.allocate(1, record.id)?.[0];
    if (mfn === undefined) {
      crash(
        `The guest uses memory that it had given back (guest frame 0x${gfn.toString(16)}), and the host has none left. End another guest, or give this one less.`,
      );
      return false;
    }
    this.stage.map(gfn, mfn);
    this.countFrames(1);
    return true;
  }

  private countFrames(change: number): void {
    Atomics.add(this.parts.machine.words, this.block + KVM_BLOCK.CURRENT_FRAMES, change);
  }

  balloon({ isDriven, pages, stats }: BalloonReport): void {
    const { block, view } = this,
      { words } = this.parts.machine;
    Atomics.store(words, block + KVM_BLOCK.BALLOON_DRIVEN, isDriven ? 1 : 0);
    Atomics.store(words, block + KVM_BLOCK.BALLOON_PAGES, pages);
    if (!stats) return;
    words[block + KVM_BLOCK.STATS_SECONDS] = Math.floor((this.parts.startEpochMs + stats.nowNs / 1e6) / 1000);
    stats.values.forEach((value, tag) =>
      view.setBigUint64((block + KVM_BLOCK.STATS + 2 * tag) * 4, value ?? NO_STATISTIC, true),
    );
  }

  // ---- from start to end

  override start(): void {
    this.wallClock.fill(0);
    this.vcpus = this.vcpus.map(({ state, sinceNs }) => ({ ...freshVcpu(), state, sinceNs }));
  }

  /** It was paused: what watches for that is to know. */
  override restored(): void {
    for (const { id } of this.parts.vcpus.all) this.writeRecord(id, GUEST_STOPPED);
  }

  override saveRest(): State {
    return { wallClock: this.wallClock.slice(), vcpus: this.vcpus.map(copyState) };
  }

  override restoreRest({ wallClock, vcpus }: State): void {
    if (!(wallClock instanceof Uint32Array) || !Array.isArray(vcpus) || vcpus.length !== this.vcpus.length)
      throw new SavedStateError('The state does not say what the guest had of KVM.');
    this.wallClock.set(wallClock.subarray(0, 2));
    // Older states have no kicks.
    this.vcpus.forEach((v, id) => assignState(`kvm vcpu ${id}`, v, { isKicked: false, ...(vcpus[id] as State) }));
  }
}

/** KVM's own leaves. */
function kvmLeaf(leaf: number): CpuidAnswer {
  const none = { eax: 0, ebx: 0, ecx: 0, edx: 0 };
  switch (leaf) {
    case CPUID_BASE:
      return { eax: CPUID_FREQUENCIES, ebx: SIGNATURE[0], ecx: SIGNATURE[1], edx: SIGNATURE[2] };
    case CPUID_FEATURES:
      return { ...none, eax: FEATURES };
    case CPUID_FREQUENCIES:
      return { ...none, eax: TSC_HZ / 1000, ebx: APIC_TIMER_HZ / 1000 };
    default:
      return none;
  }
}

export const KVM: InterfaceKind = {
  traits: (machine, record) => {
    const traits = PLAIN_PC.traits(machine, record);
    return { ...traits, board: { ...traits.board, hpet: false, hotplug: PciHotplug } };
  },
  create: parts => new KvmGuest(parts),
};
