/**
 * What happens at each VM exit of a domain: one function a reason. `Domain` runs the processor and calls `handle()` with what came out of it;
 * whatever wants the slice to end, or the domain, says so to the domain.
 */
import { EPT_FETCH, EPT_WRITE, IO_IN, IO_REP, IO_SIZE_MASK } from '../../cpu/architecture/index.ts';
import { EVENT_ERROR_CODE, EVENT_EXCEPTION, EVENT_VALID, NOT_LOADED } from '../../cpu/architecture/index.ts';
import { type ExitInfo, ExitReason, type Processor } from '../../cpu/architecture/index.ts';
import { ipOf, isLongCode, registers as R, wideOf } from '../../cpu/architecture/index.ts';
import type { ExitedDomain } from './built-domain.ts';
import { ChosenExits } from './exit-controls.ts';
import type { GuestInterface } from './guest-interface.ts';
import { exitCounter, exitName } from '../view/exit-reasons.ts';
import { TRIPLE_FAULT } from './report.ts';
import { COUNTERS, EXIT_SAMPLE, EXITS_IN_PARTS, FRAME_BYTES, FRAME_SHIFT, IOREQ_SAMPLE } from '../layout/layout.ts';
import type { DeviceBus, Platform } from './platform.ts';
import { add64 } from '../memory/words.ts';
import { NO_TIME, TRACE_KIND } from '../tracing/trace.ts';

/** From here on lie the I/O and local APICs. */
const APIC_ADDRESSES = 0xfec00000;
const GENERAL_PROTECTION = 13,
  INVALID_OPCODE = 6,
  PAGE_FAULT = 14,
  EXCEPTIONS = 32;
/** EFLAGS: an instruction breakpoint does not hit again. */
const RF = 1 << 16;

export class Exits {
  total = 0;
  /** Requests to the device model, wherever that runs. */
  ioreqs = 0;
  /** Bytes that accesses to ports carried, wherever they were answered. */
  portBytes = 0;
  /** Reads of local APICs that were no exits. */
  apicReads = 0;
  private readonly domain: ExitedDomain;
  private readonly guest: GuestInterface;
  private readonly processor: Processor;
  private readonly platform: Platform;
  private readonly own: DeviceBus;
  private readonly model: DeviceBus | undefined;
  private readonly exit: ExitInfo;
  private readonly regs: Int32Array;
  private readonly counters: Int32Array;
  /** What exits because somebody chose so. */
  readonly choice: ChosenExits;
  /** Of the exit that is handled: its time goes into the means. */
  private isSample = false;
  /** When it began, when who answers it was asked and had answered, on the host's clock; -1: not taken. */
  private beganMs = -1;
  private askedMs = -1;
  private answeredMs = -1;

  constructor(domain: ExitedDomain, counters: Int32Array) {
    this.domain = domain;
    this.guest = domain.guest;
    this.processor = domain.processor;
    this.platform = domain.platform;
    this.own = domain.platform.ownBus;
    this.model = domain.platform.modelBus;
    this.exit = domain.processor.exit;
    this.regs = domain.processor.regs;
    this.counters = counters;
    this.choice = new ChosenExits(domain.processor, counters);
  }

  handle(reason: number): void {
    // Without HLT exiting the processor waits by itself (SDM vol. 3C, 25.4.2, activity state 1).
    if (reason === ExitReason.HLT && !this.choice.chosen.hlt) return this.halt();
    // The code that runs the domain loads what is missing (part-loader.ts).
    if (reason === NOT_LOADED) return this.domain.state.stop();
    this.begin();
    this.dispatch(reason);
    this.end(reason);
  }

  /**
   * Of every 64th exit the time is taken, in parts, and of each while somebody watches; where there is a clock to take it from. A look at it costs as much
   * as a small exit.
   */
  private begin(): void {
    const {
      options: { hostMs },
      trace,
    } = this.domain;
    this.isSample = hostMs !== undefined && (this.total & (EXIT_SAMPLE - 1)) === 0;
    this.beganMs = hostMs && (this.isSample || trace.on) ? hostMs() : -1;
    this.askedMs = this.answeredMs = -1;
  }

  /** A device or a hypercall is asked now. */
  private ask(): void {
    if (this.beganMs >= 0 && this.askedMs < 0) this.askedMs = this.domain.options.hostMs!();
  }

  /** It has answered. */
  private answered(): void {
    if (this.beganMs >= 0) this.answeredMs = this.domain.options.hostMs!();
  }

  private end(reason: number): void {
    const { beganMs, askedMs, answeredMs, counters, domain } = this;
    if (beganMs < 0) return;
    const ns = (fromMs: number, toMs: number): number => Math.round((toMs - fromMs) * 1e6),
      whole = ns(beganMs, domain.options.hostMs!());
    const isParted = answeredMs >= 0,
      beforeNs = isParted ? ns(beganMs, askedMs) : NO_TIME,
      answerNs = isParted ? ns(askedMs, answeredMs) : NO_TIME;
    domain.trace.endExit(whole, beforeNs, answerNs);
    if (!this.isSample) return;
    const i = exitCounter(this.shownReason(reason));
    counters[COUNTERS.EXIT_SAMPLES + i]++;
    add64(counters, COUNTERS.EXIT_SAMPLE_NS + 2 * i, whole);
    if (i >= EXITS_IN_PARTS || !isParted) return;
    add64(counters, COUNTERS.EXIT_BEFORE_NS + 2 * i, beforeNs);
    add64(counters, COUNTERS.EXIT_ANSWER_NS + 2 * i, answerNs);
  }

  /** Counted, and traced where somebody watches. */
  private count(reason: number): void {
    const { domain, exit } = this;
    const { current } = domain.vcpus;
    const shown = this.shownReason(reason),
      i = exitCounter(shown);
    domain.slices.afterCount(++this.total);
    this.counters[COUNTERS.EXITS + i]++;
    current.countExit(i);
    if (domain.trace.on)
      domain.trace.beginExit(current.id, shown, ipOf(this.regs), exit.qualification, wideOf(this.regs, R.CR3));
  }

  /** With shadow page tables there is no second stage to violate: what reaches a device's page is a page fault. */
  private shownReason(reason: number): number {
    return reason === ExitReason.EPT_VIOLATION && this.domain.shadow ? ExitReason.EXCEPTION_OR_NMI : reason;
  }

  private traceFault(vector: number, what: number): void {
    const { domain } = this;
    if (domain.trace.on) domain.trace.add(TRACE_KIND.FAULT, domain.vcpus.current.id, vector, ipOf(this.regs), what);
  }

  private dispatch(reason: number): void {
    const { processor, domain, guest, exit } = this;
    this.count(reason);
    guest.afterExit();
    if (reason >= ExitReason.IDT_FIRST) {
      const linear = isLongCode(this.regs) ? exit.guestLinear : exit.guestLinear >>> 0;
      this.recordAt(reason, linear);
      if (reason < ExitReason.IDT_FIRST + EXCEPTIONS) this.traceFault(reason - ExitReason.IDT_FIRST, linear);
      return guest.guestEvent(reason);
    }
    switch (reason) {
      case ExitReason.EXCEPTION_OR_NMI:
        return this.exception();
      case ExitReason.RDTSC:
      case ExitReason.RDTSCP:
      case ExitReason.INVLPG:
      case ExitReason.CR_ACCESS:
        this.record(reason, exit.qualification);
        return this.emulate(reason);
      case ExitReason.PREEMPTION_TIMER:
      case ExitReason.INTERRUPT_WINDOW:
      case ExitReason.NMI_WINDOW:
        return;
      case ExitReason.EXTERNAL_INTERRUPT:
        // The doorbell: the thread that rang it is served between slices.
        return domain.state.stop();
      case ExitReason.IO:
        this.record(reason, exit.value);
        return this.portAccess();
      case ExitReason.EPT_VIOLATION:
        this.recordAt(reason, exit.guestPhysical);
        return this.memoryAccess();
      case ExitReason.HLT:
        this.record(reason, 0);
        return this.halt();
      case ExitReason.CPUID:
        this.record(reason, this.regs[R.EAX]);
        return this.identify();
      case ExitReason.MWAIT:
        // For a store to the line that it watches, or an interrupt.
        this.record(reason, this.regs[R.MONITOR_ADDRESS]);
        processor.skipInstruction();
        return domain.vcpus.halt();
      case ExitReason.FERR:
        // The processor waits before its instruction for the interrupt that this asks for.
        this.record(reason, this.regs[R.FSW]);
        this.platform.coprocessor.assert();
        return domain.vcpus.halt();
      case ExitReason.RDMSR:
      case ExitReason.WRMSR:
        this.record(reason, this.regs[R.ECX]);
        return this.leftMsr(reason) ? undefined : this.accessMsr(reason === ExitReason.WRMSR);
      case ExitReason.TRIPLE_FAULT:
        this.record(reason, 0);
        return this.tripleFault();
      case ExitReason.VMCALL:
      case ExitReason.VMMCALL:
        this.record(reason, this.regs[R.EAX]);
        this.ask();
        return guest.hypercall() ? this.answered() : this.injectException(INVALID_OPCODE);
      case ExitReason.XSETBV:
        // A plain PC: no hypervisor that could be called, and none of these in CPUID.
        this.record(reason, this.regs[R.EAX]);
        return this.injectException(INVALID_OPCODE);
      case ExitReason.PAUSE:
        // It waits for another vCPU.
        processor.skipInstruction();
        return domain.vcpus.turns.yieldTurn();
      case ExitReason.WBINVD:
        return processor.skipInstruction();
      default:
        this.recordAt(reason, exit.guestPhysical);
        domain.power.crash(
          `The hypervisor does not handle the exit ${exitName(reason)} (qualification 0x${(exit.qualification >>> 0).toString(16)}).`,
        );
    }
  }

  /**
   * The processor's `answerAccess`: an EPT violation that a device answers without the way out of `run()` and back. It is counted as the exit that
   * it is. Of the APICs only what `readApicQuietly` reads: what is written to them decides which event comes before the next instruction.
   */
  answerInPlace(): boolean {
    const { exit, model } = this;
    const address = exit.guestPhysical;
    if (address >= APIC_ADDRESSES) return this.readApicInPlace(address);
    if (!model) return this.writeWithoutWaiting();
    if (!model.isMemoryMapped(address)) return false;
    this.begin();
    this.count(ExitReason.EPT_VIOLATION);
    this.recordAt(ExitReason.EPT_VIOLATION, exit.guestPhysical);
    const started = this.beginRequest(address, 0);
    this.ask();
    if (exit.qualification & EPT_WRITE) model.writeMemory(address, exit.value, exit.size);
    else exit.value = model.readMemory(address, exit.size);
    return this.answeredInPlace(ExitReason.EPT_VIOLATION, started);
  }

  /**
   * The processor's `readQuietly`: a read of the vCPU's own local APIC that VT-x serves from the virtual-APIC page (SDM vol. 3, 30.4.2): no exit, so that it is
   * counted by itself. Systems read their identifier there to learn where they run, at each lock that they take.
   */
  readApicQuietly(address: number, size: number): number {
    const value = address >= APIC_ADDRESSES ? this.own.readMemoryQuietly(address, size) : -1;
    if (value >= 0) this.apicReads++;
    return value;
  }

  private readApicInPlace(address: number): boolean {
    const { exit } = this,
      value = (exit.qualification & EPT_WRITE) !== 0 ? -1 : this.readApicQuietly(address, exit.size);
    if (value < 0) return false;
    exit.value = value;
    return true;
  }

  /**
   * The processor's `answerPort`: likewise for ports of the device model next to us, and for what is read of our own timers. Other ports of ours may
   * change which event comes before the next instruction.
   */
  answerPortInPlace(): boolean {
    const { exit, model, own } = this;
    const { qualification } = exit,
      port = qualification >>> 16,
      size = (qualification & IO_SIZE_MASK) + 1;
    const isOwn = own.hasPort(port);
    if (isOwn ? (qualification & IO_IN) === 0 || !own.readsQuietly(port) : !model) return false;
    this.begin();
    this.count(ExitReason.IO);
    this.guest.afterExit();
    this.record(ExitReason.IO, exit.value);
    const started = isOwn ? -1 : this.beginRequest(port, 1),
      bus = isOwn ? own : model!;
    this.portBytes += size;
    this.ask();
    if (qualification & IO_IN) exit.value = bus.readPort(port, size);
    else bus.writePort(port, exit.value, size);
    return this.answeredInPlace(ExitReason.IO, started);
  }

  /** The processor's `answerCpuid`: likewise for CPUID, unless it is to fault. */
  answerCpuidInPlace(): boolean {
    const { guest } = this;
    if (guest.cpuidFaults) return false;
    this.begin();
    this.count(ExitReason.CPUID);
    guest.afterExit();
    this.record(ExitReason.CPUID, this.regs[R.EAX]);
    guest.identify();
    this.end(ExitReason.CPUID);
    this.domain.slices.answeredInPlace();
    return true;
  }

  /** The end of those: times that were taken, and whether something must be looked at before the next instruction. */
  private answeredInPlace(reason: number, requestMs: number): true {
    this.answered();
    if (requestMs >= 0) this.endRequest(requestMs);
    this.end(reason);
    this.domain.slices.answeredInPlace();
    return true;
  }

  /** A write that a device model in Domain 0 finds in its buffer. */
  private writeWithoutWaiting(): boolean {
    const { exit, domain } = this;
    this.begin();
    if (!domain.remote?.writeBuffered(exit)) return false;
    this.count(ExitReason.EPT_VIOLATION);
    this.countRequest(exit.guestPhysical, 0);
    this.recordAt(ExitReason.EPT_VIOLATION, exit.guestPhysical);
    this.end(ExitReason.EPT_VIOLATION);
    domain.slices.answeredInPlace();
    return true;
  }

  /** `value`: a word that it was about. */
  private record(reason: number, value: number): void {
    this.recordAt(reason, value >>> 0);
  }

  /** `detail`: an address that it was about, of 64-bit code with its sign. */
  private recordAt(reason: number, detail: number): void {
    const { vcpus, trace } = this.domain;
    if (this.shownReason(reason) === reason)
      vcpus.current.recordExit(reason, this.exit.qualification, ipOf(this.regs), detail);
    // As any page fault: where, and which exception.
    else vcpus.current.recordExit(this.shownReason(reason), this.exit.guestLinear | 0, ipOf(this.regs), PAGE_FAULT);
    if (trace.on) trace.detail(detail);
  }

  /** A request to the device model, wherever that is; `isPort`: 1 where the address is a port. */
  private countRequest(address: number, isPort: number): void {
    const { domain, exit } = this;
    this.ioreqs++;
    if (!domain.trace.on) return;
    const isWrite = isPort ? (exit.qualification & IO_IN) === 0 : (exit.qualification & EPT_WRITE) !== 0;
    domain.trace.add(TRACE_KIND.IOREQ, domain.vcpus.current.id, address, isPort, isWrite ? 1 : 0);
  }

  /** The same to the one next to us: when it began, in milliseconds, where it is one whose time is taken; else -1. */
  private beginRequest(address: number, isPort: number): number {
    this.countRequest(address, isPort);
    const { hostMs } = this.domain.options;
    return (this.ioreqs & (IOREQ_SAMPLE - 1)) === 0 && hostMs ? hostMs() : -1;
  }

  private endRequest(startMs: number): void {
    const { counters } = this;
    const { hostMs } = this.domain.options;
    if (!hostMs) return;
    counters[COUNTERS.IOREQ_SAMPLES]++;
    add64(counters, COUNTERS.IOREQ_SAMPLE_NS, Math.round((hostMs() - startMs) * 1e6));
  }

  private portAccess(): void {
    const port = this.exit.qualification >>> 16;
    const { own, model, domain } = this;
    if (own.hasPort(port)) return this.accessPort(own, port);
    if (!model) {
      if (!domain.remote) return this.accessPort(own, port);
      this.countRequest(port, 1);
      this.carried(domain.remote.port());
      return;
    }
    const started = this.beginRequest(port, 1);
    this.accessPort(model, port);
    if (started >= 0) this.endRequest(started);
  }

  /** A string instruction has no one value: its record says how many bytes it carried. */
  private carried(bytes: number): void {
    const {
      domain: { trace, vcpus },
      exit,
    } = this;
    this.portBytes += bytes;
    if ((exit.qualification & IO_REP) === 0) return;
    vcpus.current.detailExit(bytes);
    if (trace.on) trace.detail(bytes);
  }

  private accessPort(bus: DeviceBus, port: number): void {
    const { processor, exit } = this;
    const { qualification } = exit;
    const size = (qualification & IO_SIZE_MASK) + 1;
    if (qualification & IO_REP) {
      const memory = processor.portMemory();
      this.ask();
      const bytes = !memory
        ? 0
        : qualification & IO_IN
          ? bus.readPortBlock(port, size, memory)
          : bus.writePortBlock(port, size, memory);
      this.answered();
      this.carried(bytes);
      if (bytes > 0) return processor.completePortBlock(bytes);
    }
    this.carried(size);
    this.ask();
    let value = 0;
    if (qualification & IO_IN) value = bus.readPort(port, size);
    else bus.writePort(port, exit.value, size);
    this.answered();
    processor.completePortAccess(value);
  }

  /** An access where the second stage has no memory, or none that may be written: a device, a ROM, or nobody. */
  private memoryAccess(): void {
    const { exit, domain, own, model } = this;
    const address = exit.guestPhysical;
    // Memory that was not there yet: the instruction runs again.
    if (domain.map.demandByVcpu(Math.floor(address / FRAME_BYTES))) return;
    if (exit.qualification & EPT_FETCH) {
      // Nobody answers a fetch: the bus floats high, and FF FF is no instruction.
      this.injectException(INVALID_OPCODE);
      return;
    }
    // A page of the frame buffer that is open now: the instruction runs again.
    if (exit.qualification & EPT_WRITE && domain.map.video?.wrote(address))
      return domain.shadow?.dropPage(exit.guestLinear);
    if (own.isMemoryMapped(address)) return this.accessMemory(own, address);
    if (!model) {
      // Stores to a ROM are lost, or go to the RAM behind it.
      if (!domain.remote || domain.memory.machineOffset(address) >= 0) return this.accessMemory(own, address);
      this.countRequest(address, 0);
      return domain.remote.memory();
    }
    const started = this.beginRequest(address, 0);
    this.accessMemory(model, address);
    if (started >= 0) this.endRequest(started);
  }

  private accessMemory(bus: DeviceBus, address: number): void {
    const { processor, exit } = this;
    let value = 0;
    this.ask();
    if ((exit.qualification & EPT_WRITE) === 0) value = bus.readMemory(address, exit.size);
    else if (bus.isMemoryMapped(address)) bus.writeMemory(address, exit.value, exit.size);
    else this.writeBehindRom(address);
    this.answered();
    processor.completeMemoryAccess(value);
  }

  /** Firmware copies itself: the read side of the range is still ROM. */
  private writeBehindRom(address: number): void {
    const { exit, domain } = this,
      { firmware } = domain.map;
    if (!firmware) return;
    for (let i = 0; i < exit.size; i++) {
      const offset = firmware.writeOffset(address + i);
      if (offset < 0) continue;
      domain.options.machine.bytes[offset] = exit.value >>> (8 * i);
      this.processor.invalidate(offset >>> FRAME_SHIFT);
    }
  }

  /** HLT: the processor waits for an interrupt. */
  private halt(): void {
    const { processor, guest, domain } = this;
    processor.skipInstruction();
    // A single step traps behind it: there is nothing to wait for.
    if (this.regs[R.PENDING_DEBUG] !== 0) return;
    if (!guest.haltsForGood() && !guest.haltEndsAtOnce?.()) domain.vcpus.halt();
  }

  /** An exception of the bitmap: the guest's interface makes something of it, or the guest gets it. */
  private exception(): void {
    const { exit, guest, processor } = this,
      vector = exit.interruption & 255;
    this.record(ExitReason.EXCEPTION_OR_NMI, vector);
    if (vector === INVALID_OPCODE && guest.invalidOpcode()) return;
    if (vector === PAGE_FAULT && this.domain.shadow?.fault(exit)) return;
    this.traceFault(vector, vector === PAGE_FAULT ? exit.qualification : exit.errorCode);
    if (processor.emulateExit() === 'shutdown') this.tripleFault();
  }

  private tripleFault(): void {
    const { guest, domain } = this;
    if (!guest.tripleFault() && !domain.power.tripleFault())
      domain.power.crash(TRIPLE_FAULT, domain.options.onTripleFault);
  }

  /** The processor has switched tasks in our place, as VT-x would have had it: an exit. */
  switchedTask(): void {
    this.begin();
    this.count(ExitReason.TASK_SWITCH);
    this.record(ExitReason.TASK_SWITCH, this.regs[R.CR3]);
    this.end(ExitReason.TASK_SWITCH);
  }

  /** An instruction that exits because somebody chose so, or for the sake of shadow page tables. */
  private emulate(reason: number): void {
    switch (this.processor.emulateExit()) {
      case 'done':
        return this.domain.shadow?.emulated(this.exit);
      case 'fault':
        return this.injectException(GENERAL_PROTECTION, 0);
      default:
        this.domain.power.crash(`The hypervisor does not handle the exit ${exitName(reason)}.`);
    }
  }

  /** An MSR that the processor has, and that exits because somebody chose so. */
  private leftMsr(reason: number): boolean {
    const { regs, processor } = this,
      index = regs[R.ECX];
    if (!this.isLeft(index, reason === ExitReason.WRMSR) || this.guest.ownsMsr(index >>> 0)) return false;
    const outcome = processor.emulateExit();
    if (outcome === 'fault') this.injectException(GENERAL_PROTECTION, 0);
    return outcome !== 'unknown';
  }

  private isLeft(index: number, write: boolean): boolean {
    return this.choice.isMsrChosen(index, write) || (write && this.domain.shadow?.ownsWrite(index) === true);
  }

  /** The guest does not notice it: without somebody's choice it would be none. */
  isChosen(reason: number): boolean {
    switch (reason) {
      case ExitReason.RDTSC:
      case ExitReason.RDTSCP:
      case ExitReason.INVLPG:
      case ExitReason.CR_ACCESS:
        return true;
      case ExitReason.EXCEPTION_OR_NMI:
        return (this.exit.interruption & 255) !== INVALID_OPCODE;
      case ExitReason.RDMSR:
      case ExitReason.WRMSR:
        return this.isLeft(this.regs[R.ECX], reason === ExitReason.WRMSR);
      default:
        return false;
    }
  }

  private accessMsr(write: boolean): void {
    const { regs, processor, platform, guest } = this;
    const { id } = this.domain.vcpus.current;
    const index = regs[R.ECX] >>> 0;
    const isGuests = guest.ownsMsr(index);
    if (write) {
      const low = regs[R.EAX] >>> 0,
        high = regs[R.EDX] >>> 0;
      if (!(isGuests ? guest.writeMsr(index, low, high) : platform.writeMsr?.(index, low, high, id)))
        return this.injectException(GENERAL_PROTECTION, 0);
    } else {
      const value = isGuests ? guest.readMsr(index) : platform.readMsr?.(index, id);
      if (!value) return this.injectException(GENERAL_PROTECTION, 0);
      regs[R.EAX] = value[0];
      regs[R.EDX] = value[1];
      regs[R.EAX + R.HIGH] = regs[R.EDX + R.HIGH] = 0;
    }
    processor.skipInstruction();
  }

  private identify(): void {
    const { guest, processor } = this;
    if (guest.cpuidFaults) return guest.refuseCpuid();
    guest.identify();
    processor.skipInstruction();
  }

  /** The current vCPU takes a fault instead of its instruction. Its flags are pushed as they are, and a fault's have RF (SDM vol. 3, 17.3.1.1 and 26.6.1.1). */
  injectException(vector: number, errorCode?: number): void {
    this.traceFault(vector, errorCode ?? 0);
    this.regs[R.EFLAGS] |= RF;
    this.processor.inject(
      EVENT_VALID | EVENT_EXCEPTION | (errorCode === undefined ? 0 : EVENT_ERROR_CODE) | vector,
      errorCode ?? 0,
    );
  }
}
