/**
 * One domain: a processor, a PC around it, the RAM they share, and what happens at each VM exit.
 * The same class runs in a worker of its own, beside other domains in one worker, and under the command line: it never waits and never looks at
 * a clock that was not passed in. Whoever runs it calls `runSlice()` and, when that says so, sleeps until the deadline or a call to one of the inputs.
 */
import {
  EPT_FETCH,
  EPT_WRITE,
  EVENT_ERROR_CODE,
  EVENT_EXCEPTION,
  EVENT_EXTERNAL,
  EVENT_VALID,
  ExitReason,
  IO_IN,
  IO_SIZE_MASK,
  type Processor,
  type ProcessorOptions,
} from '../cpu/edge.ts';
import * as R from '../cpu/registers.ts';
import type { State } from '../devices/bus.ts';
import { setBootOrder } from '../devices/firmware-config.ts';
import type { IdeAttachment } from '../devices/ide/piix-ide.ts';
import { TimerQueue } from '../devices/timers.ts';
import { type DomainClock, HostClock, VirtualClock } from './clock.ts';
import { FirmwareMap } from './firmware-map.ts';
import { GuestMemory } from './guest-memory.ts';
import { COUNTERS, LAST_EXITS, LAST_EXITS_COUNT, LAST_EXITS_RING, LAST_EXIT_WORDS, VCPU_BYTES } from './layout.ts';
import { type EntryState, loadKernel } from './loader/index.ts';
import { type DomainRecord, FRAME_SHIFT, type Machine } from './machine.ts';
import type { MouseMove } from './mailbox.ts';
import type { Platform, PlatformOptions } from './platform.ts';
import { crashReport, exitName } from './report.ts';
import { ScreenBlock } from './screen.ts';
import { VideoFrames } from './video-memory.ts';

/** What the machine starts: a kernel put into memory, or firmware at the reset vector. */
export type Boot =
  | { kind: 'kernel'; kernel: Uint8Array; name: string; ramdisk?: { name: string; data: Uint8Array }; cmdline: string }
  | { kind: 'firmware'; image: Uint8Array; name: string; vgaBios?: Uint8Array; /** SeaBIOS's device paths, first one first. */ bootOrder?: string[] };

/** How a domain stopped. */
export interface Ending {
  kind: 'poweroff' | 'reset' | 'crash' | 'debug-exit';
  /** Value written to isa-debug-exit. */
  value?: number;
  /** For people. */
  sentence: string;
  /** Of a crash: registers, last exits, code. */
  report?: string;
}

export interface DomainOptions {
  machine: Machine;
  record: DomainRecord;
  memoryMiB: number;
  boot: Boot;
  /** Monotonic host milliseconds; absent: virtual time. */
  hostMs?: () => number;
  /** What the clock of the PC shows at guest time 0. */
  startEpochMs: number;
  /** What a RESET does: start again, or end the domain. */
  onReset: 'restart' | 'end';
  onTripleFault: 'restart' | 'end';
  /** Local and I/O APIC (default: none). */
  apic?: boolean;
  /** Disks and CD-ROM drives. */
  ide?: IdeAttachment[];
  /** Bytes of COM1, and of the debug port 0xE9. */
  serial: (byte: number) => void;
  debug?: (byte: number) => void;
  /** It was started again; with a crash report where a triple fault was the reason. */
  onRestart?: (report?: string) => void;
  /** The two rooms below; tests pass others. */
  createProcessor: (options: ProcessorOptions) => Processor;
  createPlatform: (options: PlatformOptions) => Platform;
  disassemble?: (bytes: Uint8Array, address: number, bits: 16 | 32) => { text: string; length: number };
}

export type SliceResult =
  /** More to do: call again soon. */
  | { state: 'running' }
  /** The processor is halted until `untilNs` of the domain's clock (Infinity: until an input comes). */
  | { state: 'parked'; untilNs: number }
  | { state: 'paused' }
  | { state: 'ended'; ending: Ending };

/** A slice should last about this long, so that inputs and other domains in the same worker wait no longer. */
const SLICE_NS = 2e6;
const FIRST_SLICE_INSTRUCTIONS = 50_000,
  MIN_SLICE_INSTRUCTIONS = 5_000,
  MAX_SLICE_INSTRUCTIONS = 5_000_000;
/** In virtual time a slice is cut by count, which changes nothing the guest can see. */
const VIRTUAL_SLICE_INSTRUCTIONS = 250_000;
/** Deadlines that an idle processor lets pass in one slice. */
const SLICE_JUMPS = 256;

const GENERAL_PROTECTION = 13,
  INVALID_OPCODE = 6;
const ACTIVE = 0,
  HALTED = 1;
const INTERRUPT_FLAG = 0x200;

export class Domain {
  readonly options: DomainOptions;
  readonly memory: GuestMemory;
  readonly processor: Processor;
  readonly platform: Platform;
  readonly clock: DomainClock;
  readonly timers: TimerQueue;
  readonly screen: ScreenBlock;
  private readonly firmware: FirmwareMap | undefined;
  private readonly video: VideoFrames | undefined;
  ending: Ending | null = null;
  /** What was loaded, for logs. */
  about = '';
  /** Leaves the slice at the end of the exit under way. */
  private leaveSlice = false;
  private resetAsked = false;
  /** A triple fault that resets the PC left this behind. */
  private restartReport: string | undefined;
  private endingAsked: Ending | null = null;
  private halted = false;
  private pausedByUser = false;
  private readonly regs: Int32Array;
  private readonly counters: Int32Array;
  private readonly vcpu: Int32Array;
  private readonly p2m: Int32Array;
  private sliceInstructions = FIRST_SLICE_INSTRUCTIONS;
  private runNs = 0;
  private idleNs = 0;
  private exitsTotal = 0;
  /** Serial bytes that the UART has not got yet. */
  private serialBacklog: Uint8Array[] = [];
  /** Stop exactly here (instructions since the start); Infinity: never. */
  stopAtInstruction = Infinity;

  /** Builds the domain and loads what it boots. @throws LoadError, HostError: then the domain must not be used. */
  constructor(options: DomainOptions, restore?: (domain: Domain) => void) {
    this.options = options;
    const { machine, record } = options;
    this.counters = new Int32Array(machine.memory, record.countersOffset, 1024);
    this.vcpu = new Int32Array(machine.memory, record.vcpuOffset, VCPU_BYTES / 4);
    this.p2m = machine.p2m(record);
    this.memory = new GuestMemory(machine.bytes, this.p2m);
    const retired = (): number => this.processor?.retired ?? 0;
    this.clock = options.hostMs ? new HostClock(retired, options.hostMs) : new VirtualClock(retired);
    this.timers = new TimerQueue(this.clock);
    this.processor = options.createProcessor({
      memory: machine.memory,
      stateOffset: record.vcpuOffset,
      p2m: this.p2m,
      time: this.clock,
      doorbell: record.mailboxOffset >>> 2,
      ...(options.apic ? { apic: true } : {}),
    });
    this.regs = this.processor.regs;
    const { boot } = options;
    if (boot.kind === 'firmware') {
      const flush = (): void => this.processor.flushTlb();
      this.firmware = new FirmwareMap(machine, record, flush);
      this.video = new VideoFrames(machine, record, flush);
    }
    this.memory.onWrite = mfn => {
      this.processor.invalidate(mfn);
      this.video?.frameWritten(mfn);
    };
    this.screen = new ScreenBlock(machine, record);
    this.platform = options.createPlatform({
      timers: this.timers,
      dma: this.memory,
      memoryMiB: options.memoryMiB,
      startEpochMs: options.startEpochMs,
      serial: [options.serial, () => {}],
      debug: options.debug ?? (() => {}),
      screen: this.screen,
      ...(this.video ? { videoMemory: this.video } : {}),
      ...(this.firmware ? { onShadow: this.firmware.shadow } : {}),
      ...(boot.kind === 'firmware' && boot.vgaBios ? { vgaBios: boot.vgaBios } : {}),
      ...(options.ide ? { ide: options.ide } : {}),
      ...(options.apic ? { apic: true } : {}),
      onIgnoreNumericError: () => this.processor.ignoreNumericError(),
      onPowerOff: () => this.ask({ kind: 'poweroff', sentence: 'The guest powered off.' }),
      onReset: () => {
        this.resetAsked = true;
        this.leaveSlice = true;
      },
      onDebugExit: value => this.ask({ kind: 'debug-exit', value, sentence: `The guest wrote ${value} to isa-debug-exit.` }),
    });
    if (boot.kind === 'firmware' && boot.bootOrder) setBootOrder(this.platform.fwCfg, boot.bootOrder);
    if (restore) {
      if (boot.kind === 'firmware') this.firmware?.load(boot.image);
      restore(this);
    } else this.start();
    this.setState('r');
  }

  private ask(ending: Ending): void {
    this.endingAsked ??= ending;
    this.leaveSlice = true;
  }

  /** Loads what the domain boots into fresh memory and puts the processor at its entry. */
  private start(): void {
    const { boot, memoryMiB } = this.options;
    this.platform.reset();
    this.clock.retiredBefore += this.processor.retired;
    this.processor.reset();
    this.clock.retiredBefore -= this.processor.retired;
    if (boot.kind === 'firmware') {
      this.firmware?.load(boot.image);
      this.about = `${boot.name}, firmware`;
    } else {
      const acpiRsdp = this.platform.installTables();
      const entry = loadKernel(this.memory, {
        kernel: boot.kernel,
        name: boot.name,
        cmdline: boot.cmdline,
        memoryMiB,
        e820: this.platform.e820(),
        acpiRsdp,
        ...(boot.ramdisk ? { initrd: boot.ramdisk } : {}),
      });
      this.enter(entry);
      this.about = entry.about;
    }
    this.processor.reload();
    this.processor.flushTlb();
    this.halted = false;
  }

  private enter(entry: EntryState): void {
    const { regs } = this;
    const { registers } = entry;
    const order = [registers.eax, registers.ecx, registers.edx, registers.ebx, registers.esp, registers.ebp, registers.esi, registers.edi];
    for (let i = 0; i < 8; i++) regs[i] = order[i];
    regs[R.EIP] = entry.eip;
    regs[R.CR0] = (regs[R.CR0] & ~0x80000001) | 1;
    for (const [index, selector, rights] of [
      [R.CS, entry.cs, 0xc09b],
      [R.DS, entry.ds, 0xc093],
      [R.ES, entry.ds, 0xc093],
      [R.SS, entry.ds, 0xc093],
      [R.FS, entry.ds, 0xc093],
      [R.GS, entry.ds, 0xc093],
    ] as const) {
      const at = R.SEG + index * R.SEG_WORDS;
      regs[at + R.SEG_SELECTOR] = selector;
      regs[at + R.SEG_BASE] = 0;
      regs[at + R.SEG_LIMIT] = -1;
      regs[at + R.SEG_RIGHTS] = rights;
    }
    regs[R.GDTR_BASE] = entry.gdt.base;
    regs[R.GDTR_LIMIT] = entry.gdt.limit;
    regs[R.CPL] = 0;
    this.processor.eflags = 2;
  }

  /** p2m entry of the RAM at a guest frame, also where firmware's ROM hides it. */
  ramEntry(gfn: number): number {
    return this.firmware ? this.firmware.ramEntry(gfn) : this.p2m[gfn];
  }

  /** Instructions retired since the domain was started, resets included. */
  get instructions(): number {
    return this.clock.retiredBefore + this.processor.retired;
  }

  /** Ends the slice soon: after the exit under way, or now where there is none. */
  stopSlice(): void {
    this.leaveSlice = true;
  }

  // Inputs. Call between slices.

  pause(): void {
    if (this.pausedByUser || this.ending) return;
    this.pausedByUser = true;
    this.clock.stop();
    this.setState('p');
  }

  unpause(): void {
    if (!this.pausedByUser) return;
    this.pausedByUser = false;
    this.clock.start();
    if (!this.ending) this.setState('r');
  }

  get paused(): boolean {
    return this.pausedByUser;
  }

  /** RESET pin: the PC starts again, whatever `onReset` says. Also brings a domain back that has stopped. */
  reset(): void {
    const { machine, record } = this.options;
    for (let gfn = 0; gfn < record.ramFrames; gfn++) {
      const entry = this.ramEntry(gfn);
      if (entry === 0) continue;
      machine.scrub(entry >>> FRAME_SHIFT);
      this.processor.invalidate(entry >>> FRAME_SHIFT);
    }
    this.ending = this.endingAsked = null;
    this.resetAsked = false;
    this.serialBacklog = [];
    this.start();
    if (!this.pausedByUser) this.setState('r');
  }

  pressPowerButton(): void {
    this.platform.pressPowerButton();
  }

  /** Bytes for COM1; kept until the guest waits for some, since what comes earlier is lost when it opens the port. */
  serialInput(bytes: Uint8Array): void {
    this.serialBacklog.push(bytes);
    this.feedSerial();
  }

  /** Serial bytes that wait for the guest to read. */
  get serialWaiting(): number {
    return this.serialBacklog.reduce((sum, bytes) => sum + bytes.length, 0);
  }

  /** True if the UART took something. */
  private feedSerial(): boolean {
    let fed = false;
    while (this.serialBacklog.length > 0 && this.platform.serialListening(0)) {
      const bytes = this.serialBacklog[0];
      const taken = this.platform.serialInput(0, bytes);
      fed ||= taken > 0;
      if (taken < bytes.length) {
        this.serialBacklog[0] = bytes.subarray(taken);
        break;
      }
      this.serialBacklog.shift();
    }
    return fed;
  }

  /** A key by its KeyboardEvent.code. */
  key(code: string, down: boolean): void {
    this.platform.keyboard.key(code, down);
  }

  /** The mouse moved, or its buttons changed. */
  mouse({ dx, dy, dz, buttons }: MouseMove): void {
    this.platform.mouse.move(dx, dy, dz, buttons);
  }

  // Running.

  /** Runs guest code for about a slice, or until there is none to run. */
  runSlice(): SliceResult {
    if (this.ending) return { state: 'ended', ending: this.ending };
    if (this.pausedByUser) return { state: 'paused' };
    this.feedSerial();
    const { clock, processor } = this;
    const startNs = clock.nowNs(),
      startRetired = processor.retired,
      startIdleNs = this.idleNs;
    this.leaveSlice = false;
    let parked = this.loop(startRetired + (clock.virtual ? VIRTUAL_SLICE_INSTRUCTIONS : this.sliceInstructions));
    if (this.resetAsked || this.endingAsked || this.restartReport !== undefined) this.finish();
    // The guest may have opened its port just before it went idle.
    else if (parked && this.feedSerial()) parked = false;
    const endNs = clock.nowNs();
    this.account(endNs - startNs - (this.idleNs - startIdleNs), processor.retired - startRetired);
    this.publish(endNs, parked ? 'b' : 'r');
    if (this.ending) return { state: 'ended', ending: this.ending };
    if (!parked) return { state: 'running' };
    return { state: 'parked', untilNs: this.stuck ? Infinity : this.timers.nextDeadlineNs };
  }

  /** Halted with interrupts off: nothing but a reset wakes it. */
  get stuck(): boolean {
    return this.halted && !(this.processor.eflags & INTERRUPT_FLAG);
  }

  /** Adapts the slice to the speed that was seen. */
  private account(ns: number, retired: number): void {
    this.runNs += ns;
    if (this.clock.virtual || retired < MIN_SLICE_INSTRUCTIONS || ns <= 0) return;
    const fitting = (retired * SLICE_NS) / ns;
    this.sliceInstructions = Math.min(
      MAX_SLICE_INSTRUCTIONS,
      Math.max(MIN_SLICE_INSTRUCTIONS, Math.round((this.sliceInstructions * 3 + fitting) / 4)),
    );
  }

  /** Runs until `retired` reaches `stopAt`, someone wants the slice to end, or (then true) the processor waits for an interrupt that is not there. */
  private loop(stopAt: number): boolean {
    const { clock, processor, platform, timers, regs } = this;
    const exactStop = this.stopAtInstruction - clock.retiredBefore;
    if (exactStop < stopAt) stopAt = exactStop;
    let jumps = 0;
    while (!this.leaveSlice) {
      const retired = processor.retired;
      if (this.halted && !platform.intr && !this.stuck) this.idle();
      if (timers.nextDeadlineNs <= clock.estimateNs(retired)) timers.run();
      if (platform.intr) {
        if (processor.interruptible) {
          regs[R.ACTIVITY] = ACTIVE;
          this.halted = false;
          processor.inject(EVENT_VALID | EVENT_EXTERNAL | platform.acknowledge());
        }
        processor.controls.interruptWindow = platform.intr;
      } else processor.controls.interruptWindow = false;
      if (this.leaveSlice) break;
      if (this.halted) {
        if (this.stuck || timers.nextDeadlineNs > clock.estimateNs(retired)) return true;
        // Deadlines whose interrupts the guest does not take would keep us here; whoever runs us gets its turn to look for inputs.
        if (++jumps === SLICE_JUMPS) return false;
        continue;
      }
      const left = stopAt - retired;
      if (left <= 0) return false;
      let limit = left;
      if (timers.nextDeadlineNs !== Infinity) limit = Math.min(left, clock.instructionsUntil(timers.nextDeadlineNs, retired));
      this.handleExit(processor.run(limit));
    }
    return false;
  }

  private idle(): void {
    const { clock, processor, timers } = this;
    const before = clock.estimateNs(processor.retired);
    clock.idleTo(timers.nextDeadlineNs);
    this.idleNs += clock.estimateNs(processor.retired) - before;
  }

  private handleExit(reason: number): void {
    const { processor, platform } = this;
    const { exit } = processor;
    this.exitsTotal++;
    this.counters[COUNTERS.EXITS + (reason < 64 ? reason : 64 + Math.min(63, (reason - 0x80) & 0xff))]++;
    switch (reason) {
      case ExitReason.PREEMPTION_TIMER:
      case ExitReason.INTERRUPT_WINDOW:
        return;
      case ExitReason.EXTERNAL_INTERRUPT:
        // The doorbell: whoever rang is served between slices.
        this.leaveSlice = true;
        return;
      case ExitReason.IO: {
        const { qualification } = exit;
        const port = qualification >>> 16,
          size = (qualification & IO_SIZE_MASK) + 1;
        this.record(reason, exit.value);
        if (qualification & IO_IN) processor.completePortAccess(platform.bus.readPort(port, size));
        else {
          platform.bus.writePort(port, exit.value, size);
          processor.completePortAccess(0);
        }
        return;
      }
      case ExitReason.EPT_VIOLATION:
        this.record(reason, exit.guestPhysical);
        this.memoryAccess();
        return;
      case ExitReason.HLT:
        this.record(reason, 0);
        processor.skipInstruction();
        this.regs[R.ACTIVITY] = HALTED;
        this.halted = true;
        return;
      case ExitReason.FERR:
        // The processor waits before its instruction for the interrupt that this asks for.
        this.record(reason, this.regs[R.FSW]);
        platform.coprocessor.assert();
        this.regs[R.ACTIVITY] = HALTED;
        this.halted = true;
        return;
      case ExitReason.RDMSR:
      case ExitReason.WRMSR:
        this.record(reason, this.regs[R.ECX]);
        this.accessMsr(reason === ExitReason.WRMSR);
        return;
      case ExitReason.TRIPLE_FAULT:
        this.record(reason, 0);
        this.crash('Triple fault: an exception could not be delivered, nor the double fault that followed.', this.options.onTripleFault);
        return;
      case ExitReason.VMCALL:
      case ExitReason.VMMCALL:
      case ExitReason.XSETBV:
      case ExitReason.MONITOR:
      case ExitReason.MWAIT:
        // A plain PC: no hypervisor that could be called, and none of these in CPUID.
        this.record(reason, this.regs[R.EAX]);
        this.injectException(INVALID_OPCODE);
        return;
      case ExitReason.PAUSE:
      case ExitReason.WBINVD:
        processor.skipInstruction();
        return;
      default:
        this.record(reason, exit.guestPhysical);
        this.crash(`The hypervisor does not handle the exit ${exitName(reason)} (qualification 0x${(exit.qualification >>> 0).toString(16)}).`);
    }
  }

  private record(reason: number, detail: number): void {
    const { vcpu } = this;
    const at = LAST_EXITS_RING + ((vcpu[LAST_EXITS] >>> 0) % LAST_EXITS_COUNT) * LAST_EXIT_WORDS;
    vcpu[at] = reason;
    vcpu[at + 1] = this.processor.exit.qualification;
    vcpu[at + 2] = this.regs[R.EIP];
    vcpu[at + 3] = detail;
    vcpu[LAST_EXITS]++;
  }

  /** An access where the second stage has no memory, or none that may be written: a device, a ROM, or nobody. */
  private memoryAccess(): void {
    const { processor } = this;
    const { bus } = this.platform;
    const { exit } = processor;
    const address = exit.guestPhysical >>> 0;
    if (exit.qualification & EPT_FETCH) {
      // Nobody answers a fetch: the bus floats high, and FF FF is no instruction.
      this.injectException(INVALID_OPCODE);
    } else if (exit.qualification & EPT_WRITE) {
      // A page of the frame buffer that is open now: the instruction runs again.
      if (this.video?.wrote(address)) return;
      if (bus.isMemoryMapped(address)) bus.writeMemory(address, exit.value, exit.size);
      else if (this.firmware) this.writeBehindRom(address);
      processor.completeMemoryAccess(0);
    } else processor.completeMemoryAccess(bus.readMemory(address, exit.size));
  }

  /** Firmware copies itself: the read side of the range is still ROM. */
  private writeBehindRom(address: number): void {
    const { exit } = this.processor;
    for (let i = 0; i < exit.size; i++) {
      const offset = this.firmware?.writeOffset(address + i) ?? -1;
      if (offset < 0) continue;
      this.options.machine.bytes[offset] = exit.value >>> (8 * i);
      this.processor.invalidate(offset >>> FRAME_SHIFT);
    }
  }

  private accessMsr(write: boolean): void {
    const { regs, processor } = this;
    const index = regs[R.ECX] >>> 0;
    if (write) {
      if (!this.platform.writeMsr?.(index, regs[R.EAX] >>> 0, regs[R.EDX] >>> 0)) return this.injectException(GENERAL_PROTECTION, 0);
    } else {
      const value = this.platform.readMsr?.(index);
      if (!value) return this.injectException(GENERAL_PROTECTION, 0);
      regs[R.EAX] = value[0];
      regs[R.EDX] = value[1];
    }
    processor.skipInstruction();
  }

  private injectException(vector: number, errorCode?: number): void {
    this.processor.inject(EVENT_VALID | EVENT_EXCEPTION | (errorCode === undefined ? 0 : EVENT_ERROR_CODE) | vector, errorCode ?? 0);
  }

  private crash(sentence: string, then: 'restart' | 'end' = 'end'): void {
    const report = this.report(sentence);
    if (then === 'end') return this.ask({ kind: 'crash', sentence: `${sentence} EIP was 0x${(this.regs[R.EIP] >>> 0).toString(16)}.`, report });
    this.restartReport = report;
    this.leaveSlice = true;
  }

  /** What a person needs to find out why the guest is where it is: registers, code, last exits. */
  report(sentence: string): string {
    const { processor, vcpu, options, memory } = this;
    return crashReport({
      sentence,
      processor,
      vcpu,
      retired: this.instructions,
      byteAt: address => {
        const offset = memory.machineOffset(address);
        return offset < 0 ? -1 : options.machine.bytes[offset];
      },
      ...(options.disassemble ? { disassemble: options.disassemble } : {}),
    });
  }

  /** What a device or a fault asked for, once the instruction that caused it is complete. */
  private finish(): void {
    const asked = this.endingAsked,
      report = this.restartReport;
    this.restartReport = undefined;
    if (!asked && (report !== undefined || this.options.onReset === 'restart')) {
      this.reset();
      this.options.onRestart?.(report);
      return;
    }
    this.endingAsked = null;
    this.ending = asked ?? { kind: 'reset', sentence: 'The guest asked for a reset.' };
    this.setState(this.ending.kind === 'crash' ? 'c' : 's');
  }

  // What others see.

  private setState(letter: 'r' | 'b' | 'p' | 's' | 'c'): void {
    Atomics.store(this.counters, COUNTERS.STATE, letter.charCodeAt(0));
  }

  /** Brings the counters block up to date; exits by reason are there already. */
  private publish(nowNs: number, letter: 'r' | 'b'): void {
    const { counters } = this;
    const sequence = counters[COUNTERS.SEQUENCE];
    Atomics.store(counters, COUNTERS.SEQUENCE, sequence + 1);
    put64(counters, COUNTERS.RETIRED, this.instructions);
    put64(counters, COUNTERS.RUN_NS, this.runNs);
    put64(counters, COUNTERS.IDLE_NS, this.idleNs);
    put64(counters, COUNTERS.EXITS_TOTAL, this.exitsTotal);
    put64(counters, COUNTERS.NOW_NS, nowNs);
    if (!this.ending) this.setState(letter);
    Atomics.store(counters, COUNTERS.SEQUENCE, sequence + 2);
  }

  /** Numbers for a report: exits by Intel's names. */
  stats(): { instructions: number; nowNs: number; runNs: number; idleNs: number; exits: number; exitsByReason: Record<string, number> } {
    const exitsByReason: Record<string, number> = {};
    for (let i = 0; i < 128; i++) {
      const count = this.counters[COUNTERS.EXITS + i] >>> 0;
      if (count > 0) exitsByReason[exitName(i < 64 ? i : i - 64 + 0x80)] = count;
    }
    return {
      instructions: this.instructions,
      nowNs: this.clock.nowNs(),
      runNs: this.runNs,
      idleNs: this.idleNs,
      exits: this.exitsTotal,
      exitsByReason,
    };
  }

  // Saved states (state.ts).

  /** Plain data beyond RAM and the processor's words. Call between slices. */
  saveParts(): State {
    return {
      processor: this.processor.save(),
      platform: this.platform.save(),
      nowNs: this.clock.nowNs(),
      retiredBefore: this.clock.retiredBefore,
      halted: this.halted,
      runNs: this.runNs,
      idleNs: this.idleNs,
      exitsTotal: this.exitsTotal,
      exits: this.counters.slice(COUNTERS.EXITS, COUNTERS.EXITS + 128),
    };
  }

  /** RAM and the processor's words are in place. @throws what devices throw for states that do not fit them. */
  restoreParts(parts: State): void {
    this.processor.reload();
    this.processor.restore(parts.processor as ReturnType<Processor['save']>);
    this.processor.flushTlb();
    this.clock.retiredBefore = parts.retiredBefore as number;
    this.clock.set(parts.nowNs as number);
    this.platform.restore(parts.platform as State);
    this.halted = parts.halted as boolean;
    this.runNs = parts.runNs as number;
    this.idleNs = parts.idleNs as number;
    this.exitsTotal = parts.exitsTotal as number;
    this.counters.set(parts.exits as Int32Array, COUNTERS.EXITS);
  }
}

function put64(words: Int32Array, at: number, value: number): void {
  words[at] = value | 0;
  words[at + 1] = Math.floor(value / 2 ** 32);
}
