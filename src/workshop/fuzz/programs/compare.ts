/** Runs a drawn program on four processors in the same portions and looks for a difference at the end of each. */
import { generator } from '../machine.ts';
import { CODE } from './map.ts';
import { type Moment, ProgramMachine } from './machine.ts';
import { drawProgram } from './program.ts';
import { drawSegmented } from './segmented.ts';

/** Portions of a program at most, and instructions in one. */
const PORTIONS = 40,
  LONGEST = 1500;

export interface Totals {
  /** Instructions of the interpreter alone; what regions ran on the other processors, and how many there were. */
  instructions: number;
  inRegions: number;
  regions: number;
  saved: number;
}

const differ = (a: Moment | null, b: Moment | null): string | null => {
  if (a === null || b === null) return a === b ? null : 'one program is done';
  for (const name of ['reason', 'qualification', 'eflags'] as const)
    if (a[name] !== b[name]) return `${name}: ${a[name]} and ${b[name]}`;
  return null;
};

export class Comparison {
  /** The interpreter; regions at once; regions at a random threshold; one that goes on where the third was saved, and the other way round. */
  private readonly interpreter = new ProgramMachine();
  private readonly eager = new ProgramMachine();
  private moving = new ProgramMachine();
  private waiting = new ProgramMachine();
  private readonly counts = { instructions: 0, saved: 0 };

  get totals(): Totals {
    const all = [this.eager, this.moving, this.waiting].map(({ statistics }) => statistics);
    return {
      ...this.counts,
      inRegions: all.reduce((sum, { retired }) => sum + retired, 0),
      regions: all.reduce((sum, { compiled }) => sum + compiled, 0),
    };
  }

  /** Runs the program that belongs to a seed; says what was not the same, or null. */
  run(seed: number): string | null {
    const random = generator(seed),
      isSegmented = random() % 3 === 0,
      user = isSegmented || (random() & 1) !== 0,
      program = isSegmented ? drawSegmented(random) : drawProgram(random, user),
      data = random();
    const threshold = () => 1 + (random() % 6);
    this.interpreter.load(program, generator(data), user, 0);
    this.eager.load(program, generator(data), user, 1);
    this.moving.load(program, generator(data), user, threshold());
    const short = (random() & 3) === 0;
    for (let portion = 0; portion < PORTIONS; portion++) {
      const instructions = 1 + (random() % (short ? 40 : LONGEST)),
        answer = random();
      const expected = this.interpreter.run(instructions, answer);
      for (const [name, machine] of [
        ['at once', this.eager],
        ['saved and restored', this.moving],
      ] as const) {
        const difference =
          differ(expected, machine.run(instructions, answer)) ?? this.interpreter.differenceTo(machine);
        if (difference !== null) return `portion ${portion}, regions ${name}: ${difference}`;
      }
      if (expected === null) break;
      this.counts.instructions += instructions;
      this.disturb(random, program.patches);
    }
    return null;
  }

  /** Between two portions: an interrupt, a write by someone else, accessed bits that are cleared, a move to another processor. */
  private disturb(random: () => number, patches: readonly number[]): void {
    const what = random(),
      value = random(),
      all = [this.interpreter, this.eager, this.moving];
    if ((what & 7) === 0) for (const machine of all) machine.interrupt(32 + (value % 16));
    if ((what & 0x38) === 0 && patches.length > 0) {
      const address = patches[value % patches.length]!;
      if (address >= CODE) for (const machine of all) machine.foreignWrite(address, value >>> 24);
    }
    if ((what & 0x7000) === 0) for (const machine of all) machine.clearAccessed((value & 0x100) !== 0);
    if ((what & 0xe00) === 0) {
      this.waiting.restore(this.moving.save(), random() & 3);
      [this.moving, this.waiting] = [this.waiting, this.moving];
      // A restored processor knows no translation: a program that wrote over its page tables goes by the old ones where another is not flushed.
      for (const machine of [this.interpreter, this.eager]) machine.flushTlb();
      this.counts.saved++;
    }
  }
}
