/**
 * Sees a vCPU that spins without PAUSE while another could use the processor: a short loop whose turn leaves registers and memory as they were, as
 * `while (xchg(&locked, 1) != 0);` does. Only another vCPU can end it. VT-x has PAUSE-loop exiting for those that say PAUSE (SDM vol. 3, 26.1.3); these do not.
 *
 * A loop of n instructions has the same registers after any multiple of n. So a look costs no more than an end of `run()`: registers are compared with those of
 * the look before, a multiple of many small numbers earlier. Where they are equal, two turns of the loop are watched one instruction at a time, for what they
 * write. All of it counts instructions and no time, so that virtual time repeats itself.
 */
import type { Probe, Processor } from '../../cpu/architecture/index.ts';
import { registers as R } from '../../cpu/architecture/index.ts';
import type { State } from '../../devices/index.ts';

/** Instructions that pass before the first look, then from look to look: 5040 is a multiple of each number up to 10, and of 12, 14, 15 and 16. */
const FIRST = 16,
  STEP = 5_040;
/** The same where the last look found the vCPU about where the one before did: a divisor of STEP, and a multiple of each number up to 8. */
const SHORT_STEP = 840;
/** So many bytes from there. */
const NEAR = 64;
/** Most instructions of a loop. */
const LONGEST_LOOP = 16;

/** Words of registers that programs compute with: general, x87 with its status, XMM. */
const COMPUTED: readonly [first: number, count: number][] = [
  [R.EAX, 8],
  [R.FCW, 3],
  [R.FPR, 32],
  [R.XMM, 32],
];

/** EIP, EFLAGS and these. */
export type LoopState = number[];

/** A loop that was watched, as the vCPU left it. */
export interface Spin {
  state: LoopState;
  /** Its instructions. */
  length: number;
}

const isEqual = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((value, i) => value === b[i]);

/** Nobody is watched; two turns of a loop that may be one are. */
const LOOKING = 0,
  FIRST_TURN = 1,
  SECOND_TURN = 2;

export class SpinWatch implements Probe {
  private readonly processor: Processor;
  /** Accesses of the instructions from here on are to be told, or no longer. */
  private readonly listen: (on: boolean) => void;
  /** When is looked next, or so many STEPs later; -1: there is nothing more to look for. */
  private next = -1;
  /** The loop in which the vCPU gave way last, if that has not been looked at since. */
  private known: Spin | undefined;
  /** What was found at the last look, and when; -1: there was none. */
  private state: LoopState = [];
  private lookedAt = -1;
  private phase: typeof LOOKING | typeof FIRST_TURN | typeof SECOND_TURN = LOOKING;
  /** When the turn under watch began. */
  private turnStart = 0;
  /** The values that it wrote last, by address and width, and those of the turn before. */
  private writes = new Map<string, number>();
  private writesBefore = new Map<string, number>();

  constructor(processor: Processor, listen: (on: boolean) => void) {
    this.processor = processor;
    this.listen = listen;
  }

  /** A vCPU goes on; `known`: where it gave way last it spun. */
  begin(known: Spin | undefined): void {
    this.drop();
    this.next = this.processor.retired + (known?.length ?? FIRST);
    this.known = known;
  }

  /** Nothing is looked for until a vCPU goes on. */
  drop(): void {
    this.interrupt();
    this.known = undefined;
    this.next = -1;
  }

  /** It does more than to compute and to access memory. */
  interrupt(): void {
    this.stopWatching();
    this.lookedAt = -1;
  }

  /** Nobody waits for it. */
  stopWatching(): void {
    if (this.phase === LOOKING) return;
    this.phase = LOOKING;
    this.lookedAt = -1;
    this.listen(false);
  }

  /** Instructions until the next look, from 1 on; Infinity: there will be none. */
  get left(): number {
    const { next } = this,
      { retired } = this.processor;
    if (this.phase !== LOOKING) return 1;
    if (next < 0) return Infinity;
    return next > retired ? next - retired : STEP - ((retired - next) % STEP);
  }

  /** `run()` may have ended for a look. */
  get isDue(): boolean {
    const since = this.processor.retired - this.next;
    return this.phase !== LOOKING || (this.next >= 0 && since >= 0 && since % STEP === 0);
  }

  /** The loop that the vCPU spins in, once that is certain. Between instructions, as often as one likes. */
  look(): Spin | undefined {
    const {
      processor: { retired },
    } = this;
    if (this.phase !== LOOKING) return this.watch(retired);
    if (!this.isDue || this.lookedAt === retired) return undefined;
    const { known, lookedAt, state: before } = this,
      state = this.now();
    this.lookedAt = retired;
    this.state = state;
    if (known) {
      this.known = undefined;
      this.next = retired + FIRST;
      return isEqual(state, known.state) ? known : undefined;
    }
    if (lookedAt >= 0 && isEqual(state, before)) {
      this.phase = FIRST_TURN;
      this.turnStart = retired;
      this.writes.clear();
      this.listen(true);
    } else {
      const isNear = lookedAt >= 0 && retired - lookedAt >= STEP && Math.abs(state[0] - before[0]) < NEAR;
      this.next = retired + (lookedAt < 0 || isNear ? SHORT_STEP : STEP);
    }
    return undefined;
  }

  /** See Probe. */
  memory(linear: number, size: number, isWrite: boolean, value: number): void {
    if (isWrite) this.writes.set(`${linear}:${size}`, value);
  }

  private watch(retired: number): Spin | undefined {
    const length = retired - this.turnStart;
    if (length === 0) return undefined;
    if (!isEqual(this.now(), this.state)) {
      if (length >= LONGEST_LOOP) this.drop();
      return undefined;
    }
    if (this.phase === FIRST_TURN) {
      this.phase = SECOND_TURN;
      this.turnStart = retired;
      this.writesBefore = this.writes;
      this.writes = new Map();
      return undefined;
    }
    const { writesBefore, writes, state } = this;
    this.drop();
    // What the second turn wrote had been there since the first one.
    return writesBefore.size === writes.size && [...writes].every(([at, value]) => writesBefore.get(at) === value)
      ? { state, length }
      : undefined;
  }

  private now(): LoopState {
    const { regs, eflags } = this.processor;
    return [regs[R.EIP], eflags, ...COMPUTED.flatMap(([first, count]) => [...regs.subarray(first, first + count)])];
  }

  save(): State {
    const {
      processor: { retired },
      next,
      lookedAt,
      known,
      state,
      phase,
      turnStart,
      writes,
      writesBefore,
    } = this;
    const since = (at: number): number | undefined => (at < 0 ? undefined : retired - at);
    return {
      next: since(next),
      lookedAt: since(lookedAt),
      known,
      state,
      phase,
      turn: retired - turnStart,
      writes: [...writes],
      writesBefore: [...writesBefore],
    };
  }

  /** States of earlier versions have none. */
  restore(saved: State | undefined): void {
    this.drop();
    if (!saved) return;
    const { retired } = this.processor;
    const at = (since: unknown): number => (since === undefined ? -1 : retired - (since as number));
    this.next = at(saved.next);
    this.lookedAt = at(saved.lookedAt);
    this.known = saved.known as Spin | undefined;
    this.state = saved.state as LoopState;
    this.phase = saved.phase as SpinWatch['phase'];
    this.turnStart = retired - (saved.turn as number);
    this.writes = new Map(saved.writes as [string, number][]);
    this.writesBefore = new Map(saved.writesBefore as [string, number][]);
    if (this.phase !== LOOKING) this.listen(true);
  }
}
