/** A step of a domain: some instructions or some exits further, now, or as it goes through its past, where a stop adds no exit to those that were. */

export class Step {
  /** Where it ends: instructions since the start. */
  instruction = Infinity;
  private exit = Infinity;
  private isAgain = false;
  /** In the past: it has come to its exit. */
  isDone = false;
  /** For that the processor has stopped within `run()`, which ends with an exit that was none then. */
  hasStopped = false;

  /** This many instructions from here on, below 0 this many exits; 0: there is none any more. */
  begin(count: number, instructions: number, exits: number): void {
    this.instruction = count > 0 ? instructions + count : Infinity;
    this.exit = count < 0 ? exits - count : Infinity;
  }

  isOver(instructions: number, exits: number): boolean {
    return instructions >= this.instruction || exits >= this.exit;
  }

  /** A slice begins; `isAgain`: one of the past. */
  enter(isAgain: boolean): void {
    this.isAgain = isAgain;
    this.isDone = this.hasStopped = false;
  }

  /** An exit was counted. True: the slice ends now. */
  endsSlice(exits: number): boolean {
    if (exits < this.exit) return false;
    this.isDone = this.isAgain;
    return !this.isAgain;
  }
}
