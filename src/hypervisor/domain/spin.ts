/**
 * Sees a vCPU that uses the processor for nothing while another could have it. Only another vCPU, or an interrupt, can end what it does. Two kinds:
 *
 * - It *spins* without PAUSE: a short loop whose turn leaves registers and memory as they were, as `while (xchg(&locked, 1) != 0);` does. VT-x has PAUSE-loop
 *   exiting for those that say PAUSE (SDM vol. 3, 26.1.3); these do not. A loop of n instructions has the same registers after any multiple of n. So a look costs no
 *   more than an end of `run()`: registers are compared with those of the look before, a multiple of many small numbers earlier.
 * - It *goes round* without HLT: a longer loop looks for something to do, finds nothing, and begins again (xv6's `scheduler()`). Then its turn ends again and again
 *   with the same registers, since turns end where interrupts are on, which such loops are at few places.
 *
 * Where registers are equal, two turns of the loop are watched one instruction at a time, for what they write. All of it counts instructions and no time, so that
 * virtual time repeats itself.
 */
import type { Probe, Processor } from '../../cpu/architecture/index.ts';
import { registers as R } from '../../cpu/architecture/index.ts';
import type { State } from '../../devices/index.ts';

/** Instructions that pass before the first look, then from look to look: 5040 is a multiple of each number up to 10, and of 12, 14, 15 and 16. */
const FIRST = 16,
  STEP = 5_040;
/** The same where the last look found the vCPU about where the one before did: a divisor of STEP, and a multiple of each number up to 8. */
const SHORT_STEP = 840;
/** This many bytes from there. */
const NEAR = 64;
/** Most instructions of a loop that spins, and of one that goes round: xv6's looks at 64 processes in some 700. */
export const LONGEST_LOOP = 16,
  LONGEST_ROUND = 2_000;

/** Words of registers that programs compute with: general, x87 with its status, XMM. */
const COMPUTED: readonly (readonly [first: number, count: number])[] = [
  [R.EAX, 8],
  [R.FCW, 3],
  [R.FPR, 32],
  [R.XMM, 32],
];
/** EIP, EFLAGS and these. */
const STATE_WORDS = 2 + COMPUTED.reduce((sum, [, count]) => sum + count, 0);
export type LoopState = Int32Array;

/** A loop that was watched, as the vCPU left it. */
export interface Spin {
  state: LoopState;
  /** Its instructions. */
  length: number;
}

/** Of a saved state, in which earlier versions had plain arrays. */
export const restoredSpin = (saved: Spin | undefined): Spin | undefined =>
  saved && { state: Int32Array.from(saved.state), length: saved.length };

/** Nobody is watched; two turns of a loop that may be one are. */
const LOOKING = 0,
  FIRST_TURN = 1,
  SECOND_TURN = 2;

export class SpinWatch implements Probe {
  private readonly processor: Processor;
  /** Accesses of the instructions from here on are to be reported, or no longer. */
  private readonly listen: (on: boolean) => void;
  /** When is looked next, or this many STEPs later; -1: there is nothing more to look for. */
  private next = -1;
  /** The loop in which the vCPU gave way last, if that has not been looked at since. */
  private known: Spin | undefined;
  /** What was found at the last look, and when; -1: there was none. */
  private state: LoopState = new Int32Array(STATE_WORDS);
  private lookedAt = -1;
  private phase: typeof LOOKING | typeof FIRST_TURN | typeof SECOND_TURN = LOOKING;
  /** When the turn under watch began, and how many instructions it may have. */
  private turnStart = 0;
  private longest = LONGEST_LOOP;
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
    const { known, lookedAt, state } = this;
    this.lookedAt = retired;
    if (known) {
      this.known = undefined;
      this.next = retired + FIRST;
      const isThere = this.isAt(known.state);
      this.keep(state);
      return isThere ? known : undefined;
    }
    if (lookedAt >= 0 && this.isAt(state)) {
      this.watchFromHere(LONGEST_LOOP);
      return undefined;
    }
    const isNear =
      lookedAt >= 0 && retired - lookedAt >= STEP && Math.abs(this.processor.regs[R.EIP] - state[0]) < NEAR;
    this.next = retired + (lookedAt < 0 || isNear ? SHORT_STEP : STEP);
    this.keep(state);
    return undefined;
  }

  /** Whether the next two turns of a loop of at most this many instructions write the same. */
  watchFromHere(longest: number): void {
    this.keep(this.state);
    this.lookedAt = this.turnStart = this.processor.retired;
    this.longest = longest;
    this.phase = FIRST_TURN;
    this.writes.clear();
    this.listen(true);
  }

  get isWatching(): boolean {
    return this.phase !== LOOKING;
  }

  /** See Probe. */
  memory(linear: number, size: number, isWrite: boolean, value: number): void {
    if (isWrite) this.writes.set(`${linear}:${size}`, value);
  }

  private watch(retired: number): Spin | undefined {
    const length = retired - this.turnStart;
    if (length === 0) return undefined;
    if (!this.isAt(this.state)) {
      if (length >= this.longest) this.drop();
      return undefined;
    }
    if (this.phase === FIRST_TURN) {
      this.phase = SECOND_TURN;
      this.turnStart = retired;
      this.writesBefore = this.writes;
      this.writes = new Map();
      return undefined;
    }
    const { writesBefore, writes } = this,
      state = this.state.slice();
    this.drop();
    // What the second turn wrote had been there since the first one.
    return writesBefore.size === writes.size && [...writes].every(([at, value]) => writesBefore.get(at) === value)
      ? { state, length }
      : undefined;
  }

  /** The vCPU's registers. */
  now(): LoopState {
    const state = new Int32Array(STATE_WORDS);
    this.keep(state);
    return state;
  }

  private keep(state: LoopState): void {
    const { regs, eflags } = this.processor;
    state[0] = regs[R.EIP];
    state[1] = eflags;
    let at = 2;
    for (const [first, count] of COMPUTED) for (let i = 0; i < count; i++) state[at++] = regs[first + i];
  }

  /** They are these. */
  isAt(state: LoopState): boolean {
    const { processor } = this,
      { regs } = processor;
    if (regs[R.EIP] !== state[0]) return false;
    let at = 2;
    for (const [first, count] of COMPUTED)
      for (let i = 0; i < count; i++) if (regs[first + i] !== state[at++]) return false;
    return processor.eflags === state[1];
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
      longest,
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
      longest,
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
    this.known = restoredSpin(saved.known as Spin | undefined);
    this.state.set(saved.state as ArrayLike<number>);
    this.phase = saved.phase as SpinWatch['phase'];
    this.turnStart = retired - (saved.turn as number);
    this.longest = (saved.longest as number | undefined) ?? LONGEST_LOOP;
    this.writes = new Map(saved.writes as [string, number][]);
    this.writesBefore = new Map(saved.writesBefore as [string, number][]);
    if (this.phase !== LOOKING) this.listen(true);
  }
}
