/**
 * A domain's half of Xen, in the domain's own worker: what its hypercalls work on. One object a domain; everything that others look at lies in the
 * XEN block and the port table of machine memory.
 */
import { type Processor, registers as R } from '../../../cpu/architecture/index.ts';
import type { ModelSignals, State } from '../../../devices/index.ts';
import { COUNTED_HYPERCALLS } from '../../layout/layout.ts';
import { KICK, MODEL, XEN, XEN_MODEL, XEN_TYPE, XEN_VCPU } from './layout.ts';
import { type DomainRecord, FRAME_BYTES, type Machine } from '../../memory/machine.ts';
import { lowFirmware } from '../../domain/firmware-image.ts';
import type { Boot } from '../../domain/booted.ts';
import { ramOf } from '../../layout/ram-layout.ts';
import type { GuestInterface, GuestParts, MsrValue } from '../../domain/guest-interface.ts';
import type { ModelElsewhere, ModelledDomain } from '../../domain/model-elsewhere.ts';
import { TRIPLE_FAULT } from '../../domain/report.ts';
import { SavedStateError } from '../../domain/saved-state-error.ts';
import { TRACE_KIND } from '../../tracing/trace.ts';
import {
  EPERM,
  HVM_PARAM,
  MSR_FIRST_OF_XEN,
  MSR_HYPERCALL_PAGE,
  MSR_HYPERCALL_PAGE_MOVED,
  MSR_LAST_OF_XEN,
  RUNSTATE,
  SHUTDOWN,
  VIRQ,
} from './abi.ts';
import { callArguments, callerWidth, callNumber, setArgument, setResult } from './call-registers.ts';
import { Identity } from './identity.ts';
import { GuestAccess } from '../../memory/guest-access.ts';
import { endingOf } from './endings.ts';
import { stepOverPrefix } from './forced-prefix.ts';
import { type Hypercall, type HypercallContext, hypercall, hypercallPage } from './hypercalls.ts';
import { GuestMsrs } from './msrs.ts';
import { getParam, setParam, setShutdownCode, shutdownCode } from './hvm/params.ts';
import { GuestFrames } from './memory/guest-frames.ts';
import { Ports } from './events/ports.ts';
import { firmwareMemoryMap, firmwareTables, writeFirmwareInfo } from './hvm/hvmloader-info.ts';
import { prepareHvm } from './hvm/special-pages.ts';
import type { PvBuild } from './pv/builder.ts';
import type { PvDomain, PvParts } from './pv/pv-domain.ts';
import type { ComingPages } from './pv/coming-pages.ts';
import type { PvImage, SavedPvImage } from './pv/saved.ts';
import { hypercallsOf } from './table.ts';
import { codeDropped, takeWritten } from './memory/stale.ts';
import { tableFrames } from './grants/frames.ts';
import type { Width } from './struct.ts';
import { UpcallLine } from './upcall-line.ts';
import { RUNSTATE_OF, XenTime } from './time.ts';
import type { Layer } from '../layer.ts';
import type { RemoteModelParts } from './ioreq/remote-model.ts';

const VM86 = 0x20000,
  INTERRUPT_FLAG = 0x200;
const INVALID_OPCODE = 6,
  GENERAL_PROTECTION = 13;
/** Real mode's code segment for the last 64 KiB below 1 MiB. */
const BIOS_BASE = 0xf0000,
  MIB = 0x100000;
/** Where a 32-bit paravirtual guest's kernel runs. */
const PV_KERNEL_RING = 1;
/** INT imm8. */
const INT_BYTES = 2;

/** What some domains have beyond others, which do without. */
export interface LaterXenParts {
  /** Of a paravirtual one. */
  createPv?: ((parts: PvParts) => PvDomain) | undefined;
  /** Of one that may see another interface next to Xen's. */
  layerOf?: ((xen: XenGuest) => Layer | undefined) | undefined;
  /** Of one whose device model is in Domain 0. */
  createRemote?: ((parts: RemoteModelParts) => ModelElsewhere) | undefined;
}

export class XenGuest implements GuestInterface, HypercallContext {
  readonly name = 'xen';
  readonly parts: GuestParts;
  readonly machine: Machine;
  readonly record: DomainRecord;
  readonly words: Int32Array;
  readonly ports: Ports;
  readonly access: GuestAccess;
  readonly time: XenTime;
  readonly frames: GuestFrames;
  readonly line: UpcallLine;
  readonly type: number;
  readonly hypercalls: readonly (Hypercall | undefined)[];
  readonly hypercallCounts: Int32Array;
  readonly msrs: GuestMsrs;
  /** What the guest sees next to Xen, Hyper-V's interface; undefined: the toolstack wants none. Xen's own leaves and MSRs make room for it. */
  layer: Layer | undefined;
  /** Page tables, traps and descriptors of a paravirtual domain. */
  readonly pv: PvDomain | undefined;
  /** Index in `words` of the XEN block. */
  readonly xenBlock: number;
  /** A multicall is under way: none of its calls is one. */
  inMulticall = false;
  /** The hypercall under way is to be made again, with this argument changed. */
  private continuation: Map<number, number> | undefined;
  private readonly later: LaterXenParts;
  private readonly identity: Identity;
  private readonly processor: Processor;
  private readonly watchdogs = [0, 0];
  private readonly watchdogTimers;
  private readonly pollTimers;

  constructor(parts: GuestParts, later: LaterXenParts = {}) {
    this.parts = parts;
    this.later = later;
    const { machine, record, processor, timers } = parts;
    this.machine = machine;
    this.record = record;
    this.words = machine.words;
    this.processor = processor;
    this.identity = new Identity(this, processor.regs);
    this.ports = new Ports(machine, record);
    this.xenBlock = this.ports.xenBlock;
    this.type = this.words[this.xenBlock + XEN.TYPE];
    this.line = new UpcallLine(this.ports, this.type, parts.platform);
    this.msrs = new GuestMsrs({
      vcpus: parts.vcpus.all.length,
      isHvm: this.isHvm,
      regs: processor.regs,
      currentVcpu: () => this.current,
      tscChanged: () => this.tscChanged(),
    });
    const pv = this.isHvm ? undefined : later.createPv?.(this.pvParts());
    this.pv = pv;
    this.hypercalls = hypercallsOf(this.type);
    this.hypercallCounts = this.words.subarray(
      this.xenBlock + XEN.CALLS,
      this.xenBlock + XEN.CALLS + COUNTED_HYPERCALLS,
    );
    this.access = new GuestAccess({
      bytes: machine.bytes,
      stage: machine.secondStage(record),
      translate: pv
        ? (linear, write) => pv.memory.offset(linear >>> 0, write)
        : linear => processor.translate(this.width === 64 ? linear : linear >>> 0),
      written: parts.written,
      demand: parts.demand,
    });
    this.time = new XenTime(this.ports, this.access, timers, vcpu => parts.vcpus.registersOf(parts.vcpus.all[vcpu]));
    this.frames = new GuestFrames(this);
    this.watchdogTimers = this.watchdogs.map((_, i) =>
      timers.create(`xen-watchdog${i}`, () => this.shutdown(SHUTDOWN.WATCHDOG)),
    );
    this.pollTimers = parts.vcpus.all.map(({ id }) => timers.create(`xen-poll${id}`, () => this.wake(id)));
    this.enlighten();
    this.ports.onKick = vcpu => {
      this.serveKick(vcpu);
      parts.vcpus.turns.call(vcpu);
    };
    parts.vcpus.onState = (vcpu, state) => this.stateChanged(vcpu, RUNSTATE_OF[state]);
    if (this.isHvm) parts.vcpus.directVector = vcpu => this.line.directVector(vcpu);
    // Also of paravirtual guests, as Xen does where the processor can make CPUID fault.
    processor.controls.cpuid = true;
    processor.controls.msrBitmap = this.msrs.bitmap;
    if (this.isHvm && machine.hvmFep) processor.controls.exceptionBitmap |= 1 << INVALID_OPCODE;
    if (pv) {
      parts.vcpus.deliverUpcall = () => pv.deliverEvents();
      parts.vcpus.deliverNmi = () => pv.deliverNmi();
    }
  }

  /** HVM_PARAM_VIRIDIAN has its value. Once it is set it does not change. */
  enlighten(): void {
    if (this.isHvm) this.layer ??= this.later.layerOf?.(this);
  }

  private pvParts(): PvParts {
    const { machine, record, processor, vcpus, tsc } = this.parts;
    return {
      machine,
      record,
      processor,
      tsc,
      currentVcpu: () => vcpus.current.id,
      stateWords: id => vcpus.freshRegisters(id),
      cpuid: (leaf, subleaf) => this.identity.answer(leaf, subleaf),
      msrs: this.msrs,
      continueWith: (argument, value) => this.continueWith(argument, value),
      crash: sentence => this.crash(sentence),
    };
  }

  private crash(sentence: string): void {
    if (shutdownCode(this.ports) >= 0) return;
    setShutdownCode(this.ports, SHUTDOWN.CRASH);
    this.parts.crash(sentence);
  }

  load(boot: Boot): string | undefined {
    return boot.kind === 'pv' ? this.startPv(boot) : undefined;
  }

  /** Puts a paravirtual kernel into the domain and vCPU 0 at its entry; returns what was loaded, for logs. @throws LoadError */
  private startPv(build: PvBuild): string {
    const { words, ports, record, parts } = this;
    if (!this.pv) throw new Error('not a paravirtual domain');
    const rings = {
      sharedInfoMfn: words[this.xenBlock + XEN.SHARED_INFO],
      storePort: getParam(ports, HVM_PARAM.STORE_EVTCHN)[0],
      consolePort: getParam(ports, HVM_PARAM.CONSOLE_EVTCHN)[0],
    };
    const { about, storeMfn, consoleMfn } = this.pv.start(build, parts.memoryMiB, rings);
    words[this.xenBlock + XEN.MAX_FRAMES] = words[this.xenBlock + XEN.CURRENT_FRAMES] = record.ramFrames;
    setParam(ports, HVM_PARAM.STORE_PFN, storeMfn);
    setParam(ports, HVM_PARAM.CONSOLE_PFN, consoleMfn);
    return about;
  }

  /** The guest starts: its special pages and parameters are there, and its time runs. */
  start(): void {
    if (this.isHvm) prepareHvm(this);
    this.msrs.reset();
    this.layer?.reset();
    this.time.start(this.parts.startEpochMs);
  }

  /**
   * Firmware counts on what hvmloader does before it: it lies in RAM below 1 MiB, where it can write its variables (SeaBIOS forgets in a ROM that it has found
   * Xen), and is jumped to there.
   */
  placeFirmware(image: Uint8Array): void {
    const { memory, platform, processor } = this.parts,
      ram = ramOf(this.record);
    const low = lowFirmware(image);
    memory.write(MIB - low.length, low);
    processor.regs[R.SEG + R.CS * R.SEG_WORDS + R.SEG_BASE] = BIOS_BASE;
    const tables = firmwareTables(ram);
    platform.prepareForFirmware?.(tables);
    writeFirmwareInfo(memory, [tables.rsdp, tables.smbios, tables.mp], firmwareMemoryMap(ram));
  }

  modelElsewhere(signals: ModelSignals, domain: ModelledDomain): ModelElsewhere {
    const { createRemote } = this.later,
      { ports } = this,
      { processor, vcpus, crash } = this.parts,
      { video } = domain.map;
    if (!createRemote) throw new Error('What speaks to a device model in Domain 0 is not loaded.');
    if (video) this.words[this.xenBlock + XEN_MODEL + MODEL.VIDEO] = video.first + 1;
    return createRemote({ ports, processor, vcpus, fail: crash, signals, domain });
  }

  get isPvh(): boolean {
    return this.type === XEN_TYPE.PVH;
  }

  get isHvm(): boolean {
    return this.type !== XEN_TYPE.PV;
  }

  /** Number of the vCPU that runs. */
  get current(): number {
    return this.parts.vcpus.current.id;
  }

  // ---- exits

  hypercall(): true {
    const { regs } = this.processor;
    if (regs[R.CPL] !== 0 || this.processor.eflags & VM86) setResult(regs, -EPERM);
    // One that is to go on runs its instruction again.
    else if (!this.layer?.hypercall(regs[R.EAX]) && !this.makeCall()) return true;
    this.processor.skipInstruction();
    return true;
  }

  /** The hypercall that the registers ask for. False: it is to be made again, with arguments that say what is left, once the waiter had a turn. */
  private makeCall(): boolean {
    const { regs } = this.processor;
    const result = hypercall(this, callNumber(regs), callArguments(regs));
    const again = this.takeContinuation();
    if (!again) {
      setResult(regs, result);
      return true;
    }
    for (const [argument, value] of again) setArgument(regs, argument, value);
    this.parts.yield();
    return false;
  }

  /** An exit of a processor that has no IDT for its guest (reasons from IDT_FIRST). */
  guestEvent(reason: number): void {
    // EIP is behind the INT already, and goes back to it.
    if (this.pv?.exit(reason) && !this.makeCall()) this.processor.regs[R.EIP] -= INT_BYTES;
  }

  /** Ends the hypercall under way for now: it is made again with this argument. Its result is not looked at. */
  continueWith(argument: number, value: number): number {
    this.continuation = (this.continuation ?? new Map<number, number>()).set(argument, value);
    return 0;
  }

  /** Arguments that change, where the hypercall that has just been made is to be made again. */
  takeContinuation(): ReadonlyMap<number, number> | undefined {
    const { continuation } = this;
    this.continuation = undefined;
    return continuation;
  }

  /** CPUID is to raise #GP(0) now: the guest wants it to fault outside of its kernel (SDM vol. 2, CPUID; MISC_FEATURES_ENABLES). */
  get cpuidFaults(): boolean {
    return this.msrs.cpuidFaults && this.processor.regs[R.CPL] > (this.isHvm ? 0 : PV_KERNEL_RING);
  }

  refuseCpuid(): void {
    if (this.pv) this.pv.generalProtection();
    else this.parts.raise(GENERAL_PROTECTION, 0);
  }

  identify(): void {
    this.identity.tell();
  }

  /** #UD of an HVM guest: true where it is the forced emulation prefix, and then the instruction behind it comes next. */
  invalidOpcode(): boolean {
    return stepOverPrefix(this.processor, this.access);
  }

  /** Whether an MSR is Xen's to answer; else it is the processor's or a device's. */
  ownsMsr(index: number): boolean {
    return (index >= MSR_FIRST_OF_XEN && index <= MSR_LAST_OF_XEN) || this.msrs.has(index);
  }

  /** One of Xen's MSRs. Undefined: #GP. */
  readMsr(index: number): MsrValue | undefined {
    if (index === this.hypercallMsr) return [0, 0];
    return this.layer?.ownsMsr(index) ? this.layer.readMsr(index) : this.msrs.read(index);
  }

  /** It makes room for the layer's. */
  private get hypercallMsr(): number {
    return this.layer ? MSR_HYPERCALL_PAGE_MOVED : MSR_HYPERCALL_PAGE;
  }

  /** A write to one of Xen's MSRs. False: #GP. */
  writeMsr(index: number, low: number, high: number): boolean {
    if (index === this.hypercallMsr) return this.writeHypercallPage(low, high);
    return this.layer?.ownsMsr(index) ? this.layer.writeMsr(index, low, high) : this.msrs.write(index, low, high);
  }

  /** Its time record follows, so that Xen's time does not jump (hvm_set_guest_tsc_msr, xen/arch/x86/hvm/hvm.c). */
  tscChanged(): void {
    this.time.updateRecord(this.current);
  }

  private writeHypercallPage(low: number, high: number): boolean {
    if (low & (FRAME_BYTES - 1)) return false;
    const offset = this.access.physicalOffset(high * 2 ** 32 + low, true);
    if (offset < 0) return false;
    this.machine.bytes.set(hypercallPage(), offset);
    this.parts.written(offset / FRAME_BYTES);
    this.latchWidth();
    return true;
  }

  /** Of the code that the vCPU runs: 64-bit code, or any other. */
  get width(): Width {
    return callerWidth(this.processor.regs);
  }

  /** From now on shared_info has the layout for the code that runs now (hvm_latch_shinfo_size in xen/arch/x86/hvm/hvm.c). */
  latchWidth(): void {
    const { width } = this;
    if (this.words[this.xenBlock + XEN.WIDTH] === width) return;
    this.words[this.xenBlock + XEN.WIDTH] = width;
    this.time.updateWallclock();
  }

  // ---- memory that others take or give

  /** The guest is about to run: nobody takes a frame from it without asking. */
  enter(): void {
    this.frames.pod.beforeGuest();
  }

  /** Drops what the processor keeps of frames that others wrote, or are about to write. */
  forget(): void {
    const { machine, parts } = this;
    const written = (mfn: number): void => {
      codeDropped(machine, mfn);
      parts.written(mfn);
    };
    if (!takeWritten(this.ports, written))
      for (const [, mfn] of machine.secondStage(this.record).memory()) written(mfn);
  }

  /** A guest frame that is populated on demand is used. False: there is no memory left, and the domain has crashed. */
  demand(gfn: number): boolean {
    const { pod } = this.frames;
    if (pod.demand(gfn)) return true;
    if (shutdownCode(this.ports) >= 0) return false;
    const sentence = pod.outOfMemory(this.record.id);
    this.parts.log(sentence);
    this.crash(
      `${sentence}. The guest used more than its memory before its balloon driver gave the rest back: give it more memory, or less maxmem.`,
    );
    return false;
  }

  // ---- events

  /** What came from other workers. Call before the guest runs again after the doorbell moved. */
  service(): void {
    for (let id = 0; id < this.ports.vcpus; id++) this.serveKick(id);
    this.forget();
    this.time.calibrate();
  }

  private serveKick(id: number): void {
    const kick = Atomics.exchange(this.words, this.ports.vcpu(id) + XEN_VCPU.KICK, 0);
    if (kick & KICK.WAKE) this.wake(id);
    if (kick & KICK.UPCALL) this.assertUpcall(id);
  }

  private stateChanged(id: number, state: number): void {
    const before = this.words[this.ports.vcpu(id) + XEN_VCPU.STATE];
    this.time.runstate(id, state);
    if (before !== state && this.parts.trace.on) this.parts.trace.add(TRACE_KIND.RUNSTATE, id, state);
    // INIT has emptied its local APIC, where the upcall may have waited.
    if (before === RUNSTATE.OFFLINE && state !== RUNSTATE.OFFLINE && this.ports.upcallPending(id))
      this.assertUpcall(id);
  }

  /** evtchn_upcall_pending of a vCPU has become 1. */
  assertUpcall(id: number): void {
    if (this.parts.trace.on) this.parts.trace.add(TRACE_KIND.UPCALL, id, 0);
    const vector = this.words[this.ports.vcpu(id) + XEN_VCPU.VECTOR];
    if (!this.isHvm) this.wake(id);
    else if (vector !== 0) this.parts.interrupt(id, vector);
    else this.line.update();
    this.wake(id);
  }

  get tellsStolenTime(): boolean {
    return this.time.tellsRunstate;
  }

  /** A blocked or polling vCPU goes on. */
  wake(id: number): void {
    Atomics.store(this.words, this.ports.vcpu(id) + XEN_VCPU.POLL, 0);
    this.pollTimers[id].cancel();
    this.parts.vcpus.unblock(id);
  }

  /** The current vCPU waits for an event, with `ports` for one of these (-1: several), at the longest until `untilNs`. */
  block(poll = 0, untilNs = Infinity): void {
    const { vcpus } = this.parts;
    Atomics.store(this.words, this.ports.vcpu(this.current) + XEN_VCPU.POLL, poll);
    this.pollTimers[this.current].set(untilNs);
    vcpus.block();
  }

  /** An event that the current vCPU would take now. */
  deliverable(): boolean {
    const { vcpus } = this.parts;
    return this.isHvm
      ? vcpus.interruptWaits(vcpus.current)
      : this.ports.upcallPending(this.current) && !this.ports.upcallMasked(this.current);
  }

  /** After each exit: the line follows the guest's acknowledgement. */
  afterExit(): void {
    this.line.follow();
  }

  // ---- the end

  /** HLT with interrupts off and no NMI on its way takes the vCPU down; the last one powers the domain off. */
  haltsForGood(): boolean {
    const { vcpus } = this.parts;
    if (!this.isHvm || this.processor.eflags & INTERRUPT_FLAG || vcpus.current.nmiPending) return false;
    vcpus.takeDown(this.current);
    if (!vcpus.anyUp) this.shutdown(SHUTDOWN.POWEROFF);
    return true;
  }

  /** The last vCPU of an HVM guest that halts with interrupts off takes the domain down (hvm_vcpu_down in xen/arch/x86/hvm/hvm.c). */
  stuck(): void {
    if (this.isHvm) this.shutdown(SHUTDOWN.POWEROFF);
  }

  /**
   * A triple fault ends the domain for the reason that its parameter gives, a reboot unless the toolstack set another; false: nothing is set, and it is a
   * crash. The words are those of hvm_triple_fault() in xen/arch/x86/hvm/hvm.c.
   */
  tripleFault(): boolean {
    const [reason] = getParam(this.ports, HVM_PARAM.TRIPLE_FAULT_REASON);
    if (reason === 0) return false;
    this.parts.log(`d${this.record.id}v${this.current} Triple fault - invoking HVM shutdown action ${reason}`);
    this.shutdown(reason, TRIPLE_FAULT);
    return true;
  }

  /** The domain shuts down, as SCHEDOP_shutdown says it, or for a `fault`. */
  shutdown(code: number, fault?: string): void {
    if (shutdownCode(this.ports) >= 0) return;
    const latched = this.words[this.xenBlock + XEN.LATCHED_SHUTDOWN];
    setShutdownCode(this.ports, latched !== 0 ? latched - 1 : code);
    this.ports.of(0)?.raiseVirq(0, VIRQ.DOM_EXC);
    const { end, report, whereItWas } = this.parts,
      reason = shutdownCode(this.ports);
    if (fault === undefined) end(endingOf(reason, report));
    else end({ kind: endingOf(reason, () => '').kind, ...whereItWas(fault) });
  }

  /** It has suspended itself: nothing but its memory and registers need to be kept for it to go on, in this domain or another. */
  get suspended(): boolean {
    return shutdownCode(this.ports) === SHUTDOWN.SUSPEND;
  }

  /** Nobody has made a hypercall yet: firmware, or a kernel at its start. */
  get untouched(): boolean {
    return this.words[this.xenBlock + XEN.HYPERCALLS] === 0;
  }

  /** SCHEDOP_shutdown(suspend) returns 1: the guest is where it was. */
  cancelSuspend(): void {
    Atomics.store(this.words, this.xenBlock + XEN.SHUTDOWN, 0);
    setResult(this.processor.regs, 1);
  }

  restoring(): void {
    this.start();
    // Its ACPI tables lie outside RAM.
    if (this.isPvh) this.parts.platform.installTables();
  }

  /** In a new domain the same call returns 0, as EAX says already; the guest makes its ports, callbacks and grants again. */
  restored(): void {
    this.time.restored();
  }

  // ---- saved states: what lies in no block (saved.ts)

  /** Page tables and processors of a paravirtual domain that has suspended itself; undefined: it is none. @throws SavedStateError */
  savePv(): PvImage | undefined {
    const { all } = this.parts.vcpus;
    if (this.pv && all.some(({ id }) => id > 0 && this.parts.vcpus.isUp(id)))
      throw new SavedStateError('The guest cannot be saved: it has suspended itself while its other processors run.');
    return this.pv?.save(this.ports, tableFrames(this));
  }

  /** @throws SavedStateError */
  restorePv(saved: SavedPvImage, pages: ComingPages): void {
    this.words[this.xenBlock + XEN.MAX_FRAMES] = this.words[this.xenBlock + XEN.CURRENT_FRAMES] = this.record.ramFrames;
    this.pv?.restore(this.ports, tableFrames(this), saved, pages);
  }

  saveRest(): never {
    throw new SavedStateError(
      'The past is kept of plain PCs: Domain 0 shares memory with this guest, and does not go back with it. Start the kernel or the disk without a definition, or keep a snapshot (virsh snapshot-create-as) and revert to it.',
    );
  }

  restoreRest(): void {}

  saveTimers(): State {
    const { watchdogTimers, pollTimers } = this;
    return {
      watchdogs: [...this.watchdogs],
      watchdogNs: watchdogTimers.map(timer => timer.deadlineNs),
      pollNs: pollTimers.map(timer => timer.deadlineNs),
    };
  }

  restoreTimers(state: State): void {
    const { watchdogs, watchdogNs, pollNs } = state as { watchdogs: number[]; watchdogNs: number[]; pollNs: number[] };
    this.watchdogTimers.forEach((timer, i) => {
      this.watchdogs[i] = watchdogs[i];
      timer.set(watchdogNs[i]);
    });
    this.pollTimers.forEach((timer, i) => timer.set(pollNs[i]));
  }

  /** SCHEDOP_watchdog: timer 1 or 2 ends the domain in this many seconds; 0 stops it. */
  setWatchdog(index: number, seconds: number): void {
    this.watchdogs[index] = seconds;
    this.watchdogTimers[index].set(seconds === 0 ? Infinity : this.time.now() + seconds * 1e9);
  }

  watchdogInUse(index: number): boolean {
    return this.watchdogs[index] !== 0;
  }

  get freeWatchdog(): number {
    return this.watchdogs.indexOf(0);
  }

  /** EVTCHNOP_reset, and the start of the next life: no ports, no callbacks. */
  resetVcpuState(): void {
    for (let id = 0; id < this.ports.vcpus; id++) {
      this.words[this.ports.vcpu(id) + XEN_VCPU.POLL] = 0;
      this.time.runstate(id, id === 0 ? RUNSTATE.RUNNING : RUNSTATE.OFFLINE);
    }
  }
}
