/**
 * Locks of the xenheap: words that name who holds them, so that a lock whose holder has died can be taken from it, and journals, so that what it had
 * half done can be undone (DESIGN.md, section 2). A section is short, touches no guest memory but to give a bit back, and does not throw: an exception
 * in one is a defect, ends the worker, and is treated as its death.
 *
 * Order: in a section, references are taken and words set, all through the journal; what cannot be undone (references dropped, events raised) comes
 * after the commit, with the lock still held.
 */
import { FRAME, FRAME_COUNT_MASK, FRAME_OWNER_SHIFT } from '../layout/layout.ts';
import type { DomainEntries } from './domain-entries.ts';
import { beats, callDead, liveWorker } from '../worker/worker-life.ts';

/** Machine memory, as who takes a lock in it needs it. */
export interface LockedMemory extends DomainEntries {
  /** In whose name: the index of a domain whose worker this is, or Domain 0's. */
  readonly worker: number;
  /** Called while others have it. */
  relax: () => void;
  /** Called at each step of a section: tests throw there. */
  readonly step: (() => void) | undefined;
  isWorkerDead(index: number): boolean;
}

/** The same with frames, on which a section takes references. */
interface JournalledMemory extends LockedMemory {
  readonly frames: number;
  frameEntry(mfn: number): number;
  dropReference(mfn: number): void;
}

/** While the lock is taken, its holder works for some microseconds: less than a sleep costs, unless its thread does not run. */
const LOOKS = 500,
  WAIT_MS = 1;

/**
 * Sleeps after which a holder that neither let go nor began another round of its loop is called dead. Sleeps of the one that waits, not a time: a host that
 * was paused stops both. Where the browser tells of a worker's end (dom0/toolstack/runners/worker-watch.ts) it is called dead long before.
 */
const MOST_WAITS = 10_000;

/**
 * Takes the lock at a word. True: from a worker that died with it, so what it guards must be repaired. `me`: in whose name; `relax`: called while others
 * have it (the scheduler's sections may be entered where nothing can be answered).
 */
export function takeLock(
  machine: LockedMemory,
  at: number,
  me = machine.worker,
  relax: () => void = machine.relax,
): boolean {
  const { words } = machine;
  let last = 0,
    lastBeats = 0,
    waits = 0;
  for (let looks = 0; ; looks++) {
    const holder = Atomics.compareExchange(words, at, 0, me + 1);
    if (holder === 0) return false;
    if (holder === me + 1) throw new Error('a section of the hypervisor was entered again, or left by an exception');
    if (machine.isWorkerDead(holder - 1) && Atomics.compareExchange(words, at, holder, me + 1) === holder) return true;
    relax();
    if (looks < LOOKS) continue;
    const rounds = beats(machine, { index: holder - 1 });
    if (holder !== last || rounds !== lastBeats) waits = 0;
    last = holder;
    lastBeats = rounds;
    if (Atomics.wait(words, at, holder, WAIT_MS) !== 'timed-out' || ++waits < MOST_WAITS) continue;
    const live = liveWorker(machine, { index: holder - 1 });
    if (live) callDead(machine, live);
  }
}

/** @throws Error where it was taken from its holder, which was called dead: it must touch nothing any more. */
export function dropLock(machine: LockedMemory, at: number, me = machine.worker): void {
  if (Atomics.compareExchange(machine.words, at, me + 1, 0) !== me + 1)
    throw new Error('a lock was taken from this worker, which others had called dead');
  Atomics.notify(machine.words, at, 1);
}

/** Of a journal: words, and entries: what was changed, and what was there. */
export const JOURNAL_ENTRIES = 126,
  JOURNAL_WORDS = 2 + 2 * JOURNAL_ENTRIES;
/** In place of a word's index: a reference was taken on a frame; somebody writes it. */
const REFERENCE = -1,
  WRITER = -2;

/** What a section changed: undone, last first, when its worker died in it. */
export class Journal {
  private readonly machine: JournalledMemory;
  private readonly at: number;
  private readonly undoFrame: (mfn: number, writer: boolean) => void;

  /** `at`: index of JOURNAL_WORDS words. `undoFrame`: lets a frame go that was taken, as a writer's or its reference. */
  constructor(machine: JournalledMemory, at: number, undoFrame: (mfn: number, writer: boolean) => void) {
    this.machine = machine;
    this.at = at;
    this.undoFrame = undoFrame;
  }

  private add(what: number, was: number): void {
    const { words } = this.machine;
    const count = words[this.at];
    if (count === JOURNAL_ENTRIES) throw new Error('a section of the hypervisor changes more than its journal holds');
    const entry = this.at + 2 + 2 * count;
    words[entry] = what;
    words[entry + 1] = was;
    Atomics.store(words, this.at, count + 1);
  }

  /** Changes a word. */
  set(at: number, value: number): void {
    const { machine } = this;
    machine.step?.();
    this.add(at, machine.words[at]);
    machine.step?.();
    Atomics.store(machine.words, at, value);
    machine.step?.();
  }

  /**
   * Takes a reference on a frame of `owner`, as Machine.takeReference. Between the count and the entry is neither a call nor a loop's end, where engines
   * end workers; and if one did, the frame would stay the domain's too long and not go too early.
   */
  takeReference(mfn: number, owner: number): boolean {
    const { machine } = this;
    const { words } = machine;
    const count = words[this.at],
      entry = this.at + 2 + 2 * count;
    if (!(mfn >= 0 && mfn < machine.frames) || count === JOURNAL_ENTRIES) return false;
    machine.step?.();
    const at = machine.frameEntry(mfn) + FRAME.COUNT;
    for (let seen = Atomics.load(words, at); ; ) {
      const references = seen & FRAME_COUNT_MASK;
      if (seen >>> FRAME_OWNER_SHIFT !== owner + 1 || references === 0 || references === FRAME_COUNT_MASK) return false;
      const was = Atomics.compareExchange(words, at, seen, seen + 1);
      if (was === seen) {
        words[entry] = REFERENCE;
        words[entry + 1] = mfn;
        Atomics.store(words, this.at, count + 1);
        break;
      }
      seen = was;
    }
    machine.step?.();
    return true;
  }

  /** The reference taken last goes back in the same section. */
  giveBack(mfn: number): void {
    Atomics.store(this.machine.words, this.at, this.machine.words[this.at] - 1);
    this.machine.dropReference(mfn);
  }

  /** The frame, whose reference was taken last, is also one that is written. */
  tookWriter(mfn: number): void {
    this.add(WRITER, mfn);
    this.machine.step?.();
  }

  /** It is done: nothing of it is undone any more. */
  commit(): void {
    this.machine.step?.();
    Atomics.store(this.machine.words, this.at, 0);
    this.machine.step?.();
  }

  /** Something was changed and not committed. */
  get isOpen(): boolean {
    return this.machine.words[this.at] !== 0;
  }

  /** Takes back what was not committed. May be begun again by another worker, where the one that did it died, too. */
  undo(): void {
    const { words } = this.machine;
    for (let count = words[this.at]; count > 0; count--) {
      const entry = this.at + 2 * count;
      const what = words[entry],
        was = words[entry + 1];
      if (what >= 0) Atomics.store(words, what, was);
      Atomics.store(words, this.at, count - 1);
      if (what < 0) this.undoFrame(was, what === WRITER);
    }
  }
}
