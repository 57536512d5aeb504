/** Where a domain stops before a slice's end: at an instruction, behind a step, at points of a person (breaks.ts). And who looks on until then. */
import type { Probe } from '../../cpu/architecture/index.ts';
import { type BreakHit, Breaks, type BreakWish } from './breaks.ts';
import { probeOf } from './probes.ts';
import { Step } from './step.ts';

/** What is needed of the domain. */
type Stopped = ConstructorParameters<typeof Breaks>[0] & {
  readonly processor: { probe: Probe | null };
  readonly exits: { readonly total: number };
  readonly remote: { readonly waiting: boolean } | undefined;
};

export class Stops {
  /** Stop exactly here (instructions since the start); Infinity: never. */
  atInstruction = Infinity;
  readonly steps = new Step();
  private readonly domain: Stopped;
  private breaks: Breaks | undefined;
  /** Where it is to stop, before it runs again. */
  private wanted: readonly BreakWish[] | undefined;
  private onlooker: Probe | null = null;
  /** It looks on while a vCPU may be spinning. */
  private spinWatch: Probe | undefined;
  /** Its vCPUs' last instructions are kept. */
  private lastCode: Probe | undefined;

  constructor(domain: Stopped) {
    this.domain = domain;
  }

  /** This many instructions from here on, below 0 this many exits: then `stepped` is true. 0: there is no step any more. */
  step(count: number): void {
    this.steps.begin(count, this.domain.instructions, this.domain.exits.total);
  }

  /** It has come to the end of its step, or to where it is to stop: its caller pauses it now. */
  get stepped(): boolean {
    return this.breaks?.isHit === true || this.steps.isOver(this.domain.instructions, this.domain.exits.total);
  }

  /** It stops there from now on; an empty list: nowhere. */
  setBreaks(points: readonly BreakWish[]): void {
    this.wanted = points;
  }

  /** A slice begins. Not while an instruction waits for the device model: what it has seen so far would be forgotten. */
  changeBreaks(): void {
    const { wanted, domain } = this;
    if (!wanted || domain.remote?.waiting) return;
    this.wanted = undefined;
    this.breaks = new Breaks(domain, wanted);
    this.lookOn();
  }

  /** Why it has stopped, once. */
  takeHit(): BreakHit | undefined {
    return this.breaks?.take();
  }

  /** `onlooker`: what goes through its past (null: nobody); absent: as before. */
  lookOn(onlooker = this.onlooker): void {
    this.onlooker = onlooker;
    this.domain.processor.probe = probeOf(this.lastCode, this.breaks?.probe, this.spinWatch, onlooker);
  }

  watchSpin(watch: Probe | undefined): void {
    this.spinWatch = watch;
    this.lookOn();
  }

  keepCode(lastCode: Probe): void {
    this.lastCode = lastCode;
    this.lookOn();
  }
}
