/** A processor for tests of what surrounds it: it "executes" a list of steps instead of instructions. */
import {
  type Controls,
  EVENT_VALID,
  type ExitInfo,
  ExitReason,
  type Processor,
  type ProcessorExtra,
  type ProcessorOptions,
} from '../../cpu/architecture/edge.ts';
import { registers as R } from '../../cpu/architecture/index.ts';

export type Step = { run: number } | { exit: number; info?: Partial<ExitInfo> } | { flags: number };

const INTERRUPT_FLAG = 0x200;

export class FakeProcessor implements Processor {
  onWork: (() => void) | null = null;
  readonly regs: Int32Array;
  readonly exit: ExitInfo = {
    reason: 0,
    qualification: 0,
    instructionLength: 1,
    guestLinear: 0,
    guestPhysical: 0,
    interruption: 0,
    errorCode: 0,
    idtVectoring: 0,
    idtVectoringErrorCode: 0,
    size: 1,
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
  eflags = 2;
  readonly probe = null;
  evenly = false;
  readonly regions = null;
  readonly lacksRegions = false;
  readonly lacksOperations = false;
  withoutRegions(): void {}
  release(): void {}
  retired = 0;
  /** What is left to do; RESET does not bring steps back. */
  steps: Step[];
  /** Vectors delivered, with the instruction count at which. */
  readonly delivered: [vector: number, retired: number][] = [];
  readonly answers: number[] = [];
  readonly skipped: number[] = [];
  private pending = 0;
  private readonly doorbell: () => number;
  private doorbellSeen: number;

  constructor(options: ProcessorOptions, steps: Step[]) {
    this.regs = new Int32Array(options.memory, options.stateOffset, R.STATE_WORDS);
    this.steps = steps;
    const words = new Int32Array(options.memory);
    this.doorbell = () => words[options.doorbell];
    this.doorbellSeen = this.doorbell();
  }

  get interruptible(): boolean {
    return (this.eflags & INTERRUPT_FLAG) !== 0 && this.pending === 0;
  }

  run(limit: number): number {
    if (this.pending) {
      this.delivered.push([this.pending & 0xff, this.retired]);
      this.pending = 0;
    }
    for (;;) {
      if (this.doorbell() !== this.doorbellSeen) {
        this.doorbellSeen = this.doorbell();
        return (this.exit.reason = ExitReason.EXTERNAL_INTERRUPT);
      }
      if (this.controls.interruptWindow && this.eflags & INTERRUPT_FLAG)
        return (this.exit.reason = ExitReason.INTERRUPT_WINDOW);
      if (limit <= 0) return (this.exit.reason = ExitReason.PREEMPTION_TIMER);
      const step = this.steps[0] ?? { exit: ExitReason.HLT };
      if ('run' in step) {
        const count = Math.min(limit, step.run);
        this.retired += count;
        limit -= count;
        step.run -= count;
        if (step.run === 0) this.steps.shift();
      } else if ('flags' in step) {
        this.eflags = step.flags;
        this.steps.shift();
      } else {
        this.steps.shift();
        Object.assign(
          this.exit,
          { qualification: 0, instructionLength: 1, guestPhysical: 0, size: 1, value: 0 },
          step.info,
        );
        return (this.exit.reason = step.exit);
      }
    }
  }

  inject(information: number): void {
    if (!(information & EVENT_VALID)) throw new Error('injected an event that is not valid');
    if (this.pending) throw new Error('injected a second event before the first was delivered');
    this.pending = information;
  }

  skipInstruction(): void {
    this.retired++;
    this.skipped.push(this.exit.reason);
  }
  emulateExit(): 'unknown' {
    return 'unknown';
  }

  completeMemoryAccess(value: number): void {
    this.retired++;
    this.answers.push(value);
  }

  portMemory(): null {
    return null;
  }

  completePortBlock(): void {}

  completePortAccess(value: number): void {
    this.retired++;
    this.answers.push(value);
  }

  ignoreNumericError(): void {}
  stop(): void {}
  invalidate(): void {}
  flushTlb(): void {}
  flushPage(): void {}
  reset(): void {
    this.retired = 0;
    this.pending = 0;
    this.eflags = 2;
  }

  translate(linear: number): number {
    return linear;
  }

  reload(): void {}
  save(): ProcessorExtra {
    return { version: 1, injection: [this.pending, 0], accesses: [this.retired, this.eflags] };
  }

  restore(extra: ProcessorExtra): void {
    this.pending = extra.injection[0];
    [this.retired, this.eflags] = extra.accesses;
  }
}
