/** One virtual processor: its parts, put together; flags, whole state, and the edge to the hypervisor. */
import { MemoryAccess } from './access.ts';
import { Addressing } from './addressing.ts';
import { CodeCache } from './code-cache.ts';
import { CR0_ET } from './architecture/control-bits.ts';
import {
  builtBeside,
  type CpuModel,
  cr4BitsOf,
  type Features,
  featuresOf,
  putModel,
  shownBy,
} from './architecture/cpuid.ts';
import { Debug } from './debug.ts';
import {
  type Controls,
  type Emulated,
  type ExitInfo,
  ExitReason,
  NOT_LOADED,
  type Probe,
  type Processor,
  type ProcessorExtra,
  type ProcessorOptions,
  type TimeSource,
} from './architecture/edge.ts';
import { emulateExit } from './emulate-exit.ts';
import { Faults, LEAVE } from './faults.ts';
import { createFlatTransfers, type FlatTransfers } from './flat-transfers.ts';
import { AC, ALL, ARITHMETIC, arithmetic, IF, RF, TF, ZF } from './architecture/flags.ts';
import { arithmeticOf, SUB64 } from './architecture/long-flags.ts';
import { resetFpu } from './fpu/index.ts';
import { Loop } from './loop.ts';
import { Mmio } from './mmio.ts';
import { Mode } from './mode.ts';
import { MISC_MONITOR } from './monitor.ts';
import type { LongMode } from './long-mode.ts';
import type { Core } from './ops/core.ts';
import { hasAllOperations, operationOf } from './ops/index.ts';
import { completePort, completePortBlock, portMemory } from './ops/ports.ts';
import { PauseLoop } from './pause-loop.ts';
import { OP_STALE, RecordWriter } from './record-writer.ts';
import {
  CR0,
  CR4,
  CS,
  DR,
  EDX,
  EFLAGS,
  EIP,
  ES,
  FA,
  FB,
  FERR,
  FK,
  FR,
  GDTR_LIMIT,
  IDTR_LIMIT,
  LDTR,
  MSR_APIC_BASE,
  MSR_MISC_ENABLE,
  MSR_PAT,
  SEG,
  SEG_BASE,
  SEG_LIMIT,
  SEG_RIGHTS,
  SEG_SELECTOR,
  SEG_WORDS,
  TR,
  ZERO,
} from './architecture/registers.ts';
import type { RegionTier } from './region/tier.ts';
import type { RegionOptions } from './architecture/regions.ts';
import { Stack } from './stack.ts';
import { Tlb } from './tlb.ts';
import { WriteLog } from './architecture/write-log.ts';
import { Translator } from './translator.ts';
import { Views } from './views.ts';
import { warmUp } from './warm.ts';
import { createInterpreter } from 'virtual:interpreter';
import { plans } from 'virtual:plans';

/** In IA32_MISC_ENABLE (SDM vol. 4). */
const MISC_FAST_STRINGS = 1;
const FERR_ASSERTED = 1,
  IGNNE = 2;

export class Cpu implements Core, Processor {
  readonly exit: ExitInfo = {
    reason: 0,
    qualification: 0,
    instructionLength: 0,
    guestLinear: 0,
    guestPhysical: 0,
    interruption: 0,
    errorCode: 0,
    idtVectoring: 0,
    idtVectoringErrorCode: 0,
    size: 0,
    value: 0,
  };
  readonly controls: Controls = {
    exceptionBitmap: 0,
    cpuid: false,
    invlpg: false,
    rdtsc: false,
    monitor: false,
    mwait: false,
    pause: false,
    pauseLoop: null,
    taskSwitch: false,
    interruptWindow: false,
    nmiWindow: false,
    monitorTrap: false,
    ioBitmaps: null,
    msrBitmap: null,
    cr0Mask: 0,
    cr0Shadow: 0,
    cr4Mask: 0,
    cr4Shadow: 0,
    cr3Load: false,
    cr3Store: false,
    movDr: false,
    hypervisorIdt: false,
  };
  readonly faults = new Faults();
  readonly log: WriteLog;
  readonly tlb: Tlb;
  readonly code: CodeCache;
  readonly debug: Debug;
  readonly pauses = new PauseLoop();
  readonly mmio: Mmio;
  readonly memory: MemoryAccess;
  readonly mode: Mode;
  readonly addressing: Addressing;
  readonly stack: Stack;
  readonly writer: RecordWriter;
  readonly translator: Translator;
  readonly loop: Loop;
  readonly flat: FlatTransfers;
  /** What 64-bit code needs; null: the processor has none. */
  readonly longMode: LongMode | null;
  /** Is called where each batch of instructions begins; says how many the next one has at most. */
  regions: RegionTier | null = null;

  // The arrays of Views, and the records: what instructions work on.
  readonly R: Int32Array;
  readonly R8: Uint8Array;
  readonly R16: Uint16Array;
  readonly M1: Uint8Array;
  readonly M2: Uint16Array;
  readonly M4: Int32Array;
  readonly M8: BigInt64Array;
  readonly shared: DataView | null;
  readonly p2m: Int32Array;
  readonly S: Int32Array;
  readonly A: Int32Array;

  readonly time: TimeSource;
  /** What CPUID shows. */
  features: Features = featuresOf();
  cr4Bits = cr4BitsOf(this.features);
  readonly apicBaseChanged: ProcessorOptions['apicBaseChanged'];
  readonly tscChanged: ProcessorOptions['tscChanged'];
  readonly taskPriority: ProcessorOptions['taskPriority'];
  readonly answerPort: ProcessorOptions['answerPort'];
  readonly answerCpuid: ProcessorOptions['answerCpuid'];
  private readonly masksCpuid: boolean;
  private readonly apic: boolean;
  private readonly cpuModel: CpuModel;
  private awaitsOperations = false;
  private regionOptions: RegionOptions | null;

  constructor(options: ProcessorOptions) {
    const views = new Views(options);
    ({
      R: this.R,
      R8: this.R8,
      R16: this.R16,
      M1: this.M1,
      M2: this.M2,
      M4: this.M4,
      M8: this.M8,
      shared: this.shared,
      p2m: this.p2m,
      S: this.S,
    } = views);
    this.log = new WriteLog(this.M4, options.writeLog);
    this.tlb = new Tlb(this.log);
    const { tlb, faults, log } = this;
    this.code = new CodeCache(views, tlb, OP_STALE);
    this.A = this.code.A;
    this.debug = new Debug(views, tlb, faults);
    this.mmio = new Mmio(this.R, this.exit, () => this.loop.retired, options);
    this.memory = new MemoryAccess(views, tlb, this.code, this.debug, this.mmio, faults, log, options.shadow);
    this.memory.paging.bring = options.bring;
    this.mode = new Mode(views, tlb, this.memory);
    this.addressing = new Addressing(views, this.A, tlb, this.memory, faults);
    this.stack = new Stack(views, this.mode, this.addressing, this.memory);
    this.writer = new RecordWriter(this.code, this.mode, this.features, row => operationOf(row.op));
    this.translator = new Translator(
      views,
      tlb,
      this.code,
      this.writer,
      this.mode,
      this.memory,
      faults,
      options.isCodeShared,
    );
    this.time = options.time;
    this.apic = options.apic ?? false;
    this.masksCpuid = options.masksCpuid ?? false;
    this.cpuModel = options.cpuLevel ?? 'max';
    this.apicBaseChanged = options.apicBaseChanged;
    this.tscChanged = options.tscChanged;
    this.taskPriority = options.taskPriority;
    this.answerPort = options.answerPort;
    this.answerCpuid = options.answerCpuid;
    this.flat = createFlatTransfers(this);
    const interpreter = createInterpreter(this);
    this.writer.general = interpreter.general;
    this.longMode = (options.longMode as ((cpu: Cpu) => LongMode) | undefined)?.(this) ?? null;
    this.writer.long = this.longMode?.records ?? null;
    this.loop = new Loop(this, interpreter, options.doorbell);
    warmUp(this, interpreter.run, plans.wide);
    this.reset();
    this.regionOptions = options.regions ?? null;
  }

  get lacksRegions(): boolean {
    return this.regions === null && this.regionOptions !== null;
  }
  /** Gives it its second tier, where it is to have one and has none yet. Between two calls of `run()`. */
  takeRegions(Tier: typeof RegionTier): void {
    if (this.regionOptions) this.regions ??= new Tier(this, this.regionOptions);
  }
  withoutRegions(): void {
    this.regionOptions = null;
  }

  get regs(): Int32Array {
    return this.R;
  }

  fault(vector: number, error = 0): never {
    return this.faults.raise(vector, error);
  }

  // ---- flags ----

  getFlags(): number {
    const { R } = this;
    return (R[FK]! & 15) < SUB64 ? arithmetic(R[FK]!, R[FA]!, R[FB]!, R[FR]!) : arithmeticOf(R);
  }

  setFlags(bits: number): void {
    const { R } = this;
    R[FK] = ALL;
    R[FB] = bits & ARITHMETIC;
    R[FR] = (bits & ZF) !== 0 ? 0 : 1;
  }

  get eflags(): number {
    return this.getFlags() | this.R[EFLAGS]! | 2;
  }

  set eflags(value: number) {
    this.setFlags(value);
    this.R[EFLAGS] = value & ~ARITHMETIC & 0x3f7fd7;
  }

  /** Replaces the bits of `mask`; whatever may now be taken (an interrupt, a single step) is taken after this instruction. */
  changeFlags(value: number, mask: number): void {
    const before = this.eflags;
    let after = (before & ~mask) | (value & mask);
    // RF lasts for an instruction, a batch longer: without breakpoints nothing asks for it, and it goes at once.
    if ((mask & after & RF) !== 0 && !this.debug.active) after &= ~RF;
    this.eflags = after;
    if (((before ^ after) & AC) !== 0) {
      this.mode.changed();
      this.loop.codeGoesOn();
    }
    if (((before | after) & TF) !== 0 || ((after & ~before & IF) !== 0 && this.controls.interruptWindow))
      this.loop.endBatch();
  }

  // ---- running, events ----

  get retired(): number {
    return this.loop.retired;
  }
  get interruptible(): boolean {
    return this.loop.interruptible;
  }
  run(limit: number): number {
    const reason = this.loop.run(limit);
    this.mode.settle();
    return reason;
  }
  stop(): void {
    this.loop.stop();
  }
  release(): void {
    this.tlb.release();
    this.run = () => {
      throw new Error('This processor was given up.');
    };
  }
  onWork: (() => void) | null = null;
  inject(information: number, errorCode = 0, instructionLength = this.exit.instructionLength): void {
    this.loop.inject(information, errorCode, instructionLength);
  }
  skipInstruction(): void {
    this.loop.skipInstruction();
  }
  emulateExit(): Emulated {
    return emulateExit(this);
  }

  get probe(): Probe | null {
    return this.debug.probe;
  }
  set probe(probe: Probe | null) {
    this.debug.probe = probe;
    this.debug.seen.drop();
    this.tlb.flushAll();
    this.loop.endBatch();
  }

  get evenly(): boolean {
    return this.debug.evenly;
  }
  set evenly(evenly: boolean) {
    this.debug.evenly = evenly;
  }

  /** After DR7 or an address changed. */
  breakpointsChanged(): void {
    this.debug.changed();
    this.tlb.flushAll();
    this.loop.endBatch();
  }

  // ---- answers of the machine ----

  completeMemoryAccess(value: number): void {
    this.mmio.complete(value);
  }
  completePortAccess(value: number): void {
    completePort(this, value);
  }
  portMemory(): Uint8Array | null {
    return portMemory(this);
  }
  completePortBlock(bytes: number): void {
    completePortBlock(this, bytes);
  }

  ferr(): void {
    const { R, exit } = this;
    if ((R[FERR]! & IGNNE) !== 0) return;
    R[FERR] = FERR_ASSERTED;
    exit.reason = ExitReason.FERR;
    exit.qualification = 0;
    throw LEAVE;
  }

  get lacksOperations(): boolean {
    return this.awaitsOperations && !hasAllOperations();
  }
  /** Leaves the instruction undone where its function is not loaded yet. */
  awaitOperations(): void {
    if (hasAllOperations()) return;
    this.awaitsOperations = true;
    this.exit.reason = NOT_LOADED;
    this.exit.qualification = 0;
    throw LEAVE;
  }

  ignoreNumericError(): void {
    if ((this.R[FERR]! & FERR_ASSERTED) !== 0) this.R[FERR]! |= IGNNE;
  }

  // ---- memory that others change ----

  invalidate(mfn: number): void {
    this.code.invalidate(mfn);
  }
  flushTlb(): void {
    this.tlb.flushAll();
    this.memory.shadow?.onFlush();
  }
  flushPage(linear: number): void {
    this.tlb.flushPage(linear);
  }
  translate(linear: number): number {
    return this.memory.translate(linear);
  }

  // ---- whole state ----

  reset(): void {
    const { R } = this;
    R.fill(0);
    R[EFLAGS] = 0;
    R[FK] = ALL;
    R[FR] = 1;
    for (let s = ES; s <= TR; s++) {
      const at = SEG + s * SEG_WORDS;
      R[at + SEG_LIMIT] = 0xffff;
      R[at + SEG_RIGHTS] = s === LDTR ? 0x82 : s === TR ? 0x8b : 0x93;
    }
    // SDM vol. 3, table 9-1.
    R[SEG + CS * SEG_WORDS + SEG_SELECTOR] = 0xf000;
    R[SEG + CS * SEG_WORDS + SEG_BASE] = 0xffff0000 | 0;
    R[EIP] = 0xfff0;
    R[EDX] = 0x000106ca;
    R[CR0] = 0x60000000 | CR0_ET;
    R[CR4] = 0;
    R[DR + 6] = 0xffff0ff0 | 0;
    R[DR + 7] = 0x400;
    R[GDTR_LIMIT] = R[IDTR_LIMIT] = 0xffff;
    R[MSR_PAT] = 0x00070406;
    R[MSR_PAT + 1] = 0x00070406;
    R[MSR_APIC_BASE] = this.apic ? 0xfee00900 | 0 : 0;
    putModel(R, this.cpuModel);
    R[MSR_MISC_ENABLE] = MISC_FAST_STRINGS | (shownBy(R).has('monitor') ? MISC_MONITOR : 0);
    R[ZERO] = 0;
    resetFpu(R);
    this.loop.injection = 0;
    this.mmio.forget();
    this.reload();
  }

  reload(): void {
    const features = shownBy(this.R);
    if (features.has('lm') && this.longMode === null) throw new Error('64-bit code was not loaded: loadLevel');
    if (features !== this.features) {
      this.features = features;
      this.writer.instructions = this.masksCpuid ? builtBeside(features) : features;
      this.cr4Bits = cr4BitsOf(features);
      this.memory.paging.pse36 = features.has('pse36');
      this.code.dropAll();
    }
    this.breakpointsChanged();
    this.mode.key = -1;
    this.mode.changed();
  }

  save(): ProcessorExtra {
    const { injection, injectionError, injectionLength } = this.loop;
    return { version: 1, injection: [injection, injectionError, injectionLength], accesses: [...this.mmio.answers] };
  }

  restore(extra: ProcessorExtra): void {
    [this.loop.injection, this.loop.injectionError] = extra.injection;
    this.loop.injectionLength = extra.injection[2] ?? 0;
    this.mmio.answers = [...extra.accesses];
    this.pauses.entered();
    this.reload();
  }
}
