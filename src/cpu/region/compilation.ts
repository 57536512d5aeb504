/**
 * A region on its way: found and written a step at a time, with the guest going on in between, since what holds a processor for milliseconds delays its interrupts.
 * What the guest changes meanwhile is noticed in the end.
 */
import type { Features } from '../architecture/cpuid.ts';
import { codeOf, type RegionText, type Seen, type Steps } from '../architecture/regions.ts';
import type { Cpu } from '../cpu.ts';
import { S_USER } from '../scratch.ts';

export class Compilation {
  /** Where it begins, and the linear address of that. */
  readonly record: number;
  readonly linear: number;
  readonly seen: Seen;
  /** Its text, once that is written. */
  made: RegionText | null = null;
  /** The text was asked for and is no function yet. */
  late = false;
  /** The epoch that it began in is over. */
  old = false;
  private readonly cpu: Cpu;
  private readonly steps: Steps<RegionText | null>;
  /** S_USER, the mode's key and the instructions that there were when it began. */
  private readonly user: number;
  private readonly key: number;
  private readonly features: Features;

  constructor(cpu: Cpu, record: number, linear: number, seen: Seen, steps: Steps<RegionText | null>) {
    this.cpu = cpu;
    this.record = record;
    this.linear = linear;
    this.seen = seen;
    this.steps = steps;
    this.user = cpu.S[S_USER]!;
    this.key = cpu.mode.key;
    this.features = cpu.writer.instructions;
  }

  /** One step. True: that was the last one; without a text, if there is nothing to compile. */
  write(): boolean {
    const { done, value } = this.steps.next();
    if (done === true) this.made = value;
    return done === true;
  }

  /** Privilege and mode are those that it is made for. */
  get isFor(): boolean {
    return this.cpu.S[S_USER] === this.user && this.cpu.mode.key === this.key;
  }

  /** The instructions are what they were when they were found, and the tables that the text names are still those of their frames. */
  isUnchanged({ pages, code }: RegionText): boolean {
    const { cpu } = this,
      now = codeOf(cpu.M1, pages);
    return (
      cpu.writer.instructions === this.features &&
      pages.every(({ table, frame }) => cpu.code.isTable(table, frame / 4096, this.key)) &&
      code.every((piece, i) => piece.every((byte, at) => byte === now[i]![at]))
    );
  }
}
