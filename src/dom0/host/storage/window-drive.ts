/**
 * Commands of the disk's adapter on their way to the storage worker: a queue in the window's memory, as deep as the adapter's. The storage worker moves data
 * straight between files and the frames of machine memory that a command names, and rings Domain 0's doorbell; the adapter interrupts then. Commands begin in
 * the order in which they were asked, and before whatever is asked through the window later.
 */
import { type BlockRequest, DeviceFull, type Done, lengthOf } from '../../../formats/blocks/index.ts';
import { carriedRequest, KeptHops, partOfRequest, passes, within } from '../../../hypervisor/tracing/index.ts';
import type { StoredDisk } from './stored-disk.ts';
import { StoredDrive } from './stored-drive.ts';

/** Words of the block: commands that were answered, and asked, free-running; then the commands. */
const ANSWERED = 0,
  ASKED = 1,
  FIRST = 16;
const COMMANDS = 32;
/** Words of a command. PIECES of them follow: address and bytes of each; then HOPS places, three words each; then a sentence. */
const STATE = 0,
  OPERATION = 1,
  BYTE = 2,
  BYTES = 4,
  NUMBER = 6,
  OUTCOME = 7,
  PIECES = 8,
  HOPS = 9,
  SENTENCE = 10,
  PIECE = 16;
const MOST_PIECES = 176,
  MOST_HOPS = 64,
  SENTENCE_BYTES = 512;
const HOP = PIECE + 2 * MOST_PIECES,
  TEXT = HOP + 3 * MOST_HOPS;
const COMMAND_WORDS = TEXT + SENTENCE_BYTES / 4;
export const COMMANDS_BYTES = 4 * (FIRST + COMMANDS * COMMAND_WORDS);

/** STATE. */
const FREE = 0,
  TO_DO = 1,
  DONE = 2;
const OPERATIONS = ['read', 'write', 'flush', 'discard'] as const;
/** OUTCOME. */
const GOOD = 0,
  BAD = 1,
  FULL = 2;

const at = (command: number): number => FIRST + command * COMMAND_WORDS;

/** The storage worker's side. `rung`: some have ended. */
export class CommandServer {
  private readonly words: Int32Array;
  private readonly disk: StoredDisk;
  private readonly machine: ArrayBufferLike;
  private readonly rung: () => void;
  private taken = 0;

  constructor(words: Int32Array, disk: StoredDisk, machine: ArrayBufferLike, rung: () => void) {
    this.words = words;
    this.disk = disk;
    this.machine = machine;
    this.rung = rung;
    this.taken = Atomics.load(words, ANSWERED);
  }

  /** True: there was something to do. */
  poll(): boolean {
    const { words } = this;
    if (Atomics.load(words, ASKED) === this.taken) return false;
    for (; Atomics.load(words, ASKED) !== this.taken; this.taken = (this.taken + 1) | 0) {
      const command = this.next();
      if (command !== undefined) this.carryOut(command);
      // As many are answered as were taken: one that takes this one's place begins there.
      else Atomics.add(words, ANSWERED, 1);
    }
    this.rung();
    return true;
  }

  /** The client says in which order: the number that ASKED had is in the state's upper bits. Undefined: it has taken the command back, or the server before had done it. */
  private next(): number | undefined {
    const wanted = TO_DO | (this.taken << 2) | 0;
    for (let command = 0; command < COMMANDS; command++)
      if (Atomics.load(this.words, at(command) + STATE) === wanted) return command;
    return undefined;
  }

  private carryOut(command: number): void {
    const { words, disk, machine } = this;
    const base = at(command);
    const double = (word: number): number => (words[base + word] >>> 0) + (words[base + word + 1] >>> 0) * 2 ** 32;
    const pieces = Array.from(
      { length: words[base + PIECES] },
      (_, i) => new Uint8Array(machine, words[base + PIECE + 2 * i] >>> 0, words[base + PIECE + 2 * i + 1] >>> 0),
    );
    const passed = new KeptHops();
    const done: Done = error => {
      const hops = passed.words.slice(0, 3 * MOST_HOPS);
      words.set(hops, base + HOP);
      words[base + HOPS] = hops.length / 3;
      const sentence = new TextEncoder().encode(error?.message ?? '').subarray(0, SENTENCE_BYTES);
      new Uint8Array(words.buffer, words.byteOffset + 4 * (base + TEXT)).set(sentence);
      words[base + SENTENCE] = sentence.length;
      words[base + OUTCOME] = error instanceof DeviceFull ? FULL : error ? BAD : GOOD;
      Atomics.store(words, base + STATE, DONE);
      Atomics.add(words, ANSWERED, 1);
      Atomics.notify(words, ANSWERED);
    };
    const op = OPERATIONS[words[base + OPERATION]];
    const asked = { at: double(BYTE), bytes: double(BYTES), pieces };
    // A stored disk answers at once.
    within(passed, words[base + NUMBER], () => disk.request({ op, ...asked }, done));
  }
}

export interface CommandWindow {
  /** The block of commands. */
  words: Int32Array;
  /** Machine memory, once the storage worker knows it. */
  readonly machine: ArrayBufferLike | undefined;
  ring(): void;
  /** The storage worker does not answer. */
  lose(): Error;
  /** It has ended, and no other takes its place. */
  hasEnded(): boolean;
}

/** See store-window.ts. */
const ANSWER_MS = 30_000,
  LIVES_MS = 1000;

/** The drive behind Domain 0's adapter, where the disk is in the storage worker. */
export class WindowDrive extends StoredDrive {
  private readonly window: CommandWindow;
  private readonly inFlight: (Done | undefined)[] = new Array(COMMANDS).fill(undefined);
  private answers: number;

  constructor(disk: StoredDisk, window: CommandWindow) {
    super(disk);
    this.window = window;
    this.answers = Atomics.load(window.words, ANSWERED);
  }

  /** What cannot be asked here is asked through the window: its data lie in no frame, or nobody serves commands. */
  protected override ask(request: BlockRequest, done: Done): void {
    const pieces = 'pieces' in request ? request.pieces : [];
    const { words, machine } = this.window;
    const command = this.inFlight.indexOf(undefined);
    if (!machine || command < 0 || pieces.length > MOST_PIECES || pieces.some(({ buffer }) => buffer !== machine))
      return super.ask(request, done);
    const base = at(command);
    let answer: Error | undefined;
    const ended = partOfRequest(() => {
      for (let i = 0; i < words[base + HOPS]; i++)
        passes(words[base + HOP + 3 * i], words[base + HOP + 3 * i + 1], words[base + HOP + 3 * i + 2]);
      done(answer);
    });
    this.inFlight[command] = error => {
      answer = error;
      ended();
    };
    const put = (word: number, value: number): void => words.set([value | 0, Math.floor(value / 2 ** 32)], base + word);
    words[base + OPERATION] = OPERATIONS.indexOf(request.op);
    put(BYTE, 'at' in request ? request.at : 0);
    put(BYTES, lengthOf(request));
    words[base + NUMBER] = carriedRequest();
    words[base + PIECES] = pieces.length;
    words[base + HOPS] = 0;
    pieces.forEach(({ byteOffset, length }, i) => {
      words[base + PIECE + 2 * i] = byteOffset | 0;
      words[base + PIECE + 2 * i + 1] = length;
    });
    Atomics.store(words, base + STATE, TO_DO | (Atomics.load(words, ASKED) << 2) | 0);
    Atomics.add(words, ASKED, 1);
    this.window.ring();
  }

  private get isBusy(): boolean {
    return this.inFlight.some(ended => ended !== undefined);
  }

  /** Commands have ended that `poll` has not seen. */
  override get pending(): boolean {
    return Atomics.load(this.window.words, ANSWERED) !== this.answers;
  }

  /** Tells of commands that have ended. */
  override poll(): void {
    const { words } = this.window;
    this.answers = Atomics.load(words, ANSWERED);
    for (let command = 0; command < COMMANDS; command++) {
      const base = at(command);
      const ended = this.inFlight[command];
      if (!ended || Atomics.load(words, base + STATE) !== DONE) continue;
      const length = words[base + SENTENCE];
      const sentence = new TextDecoder().decode(
        new Uint8Array(words.buffer, words.byteOffset + 4 * (base + TEXT), length).slice(),
      );
      const outcome = words[base + OUTCOME];
      Atomics.store(words, base + STATE, FREE);
      this.inFlight[command] = undefined;
      ended(outcome === GOOD ? undefined : outcome === FULL ? new DeviceFull(sentence) : new Error(sentence));
    }
  }

  /** Waits until a command ends, as far as one is under way, and tells of it. */
  override settle(): void {
    const { words } = this.window;
    if (!this.isBusy) return;
    for (let waited = 0; !this.pending; ) {
      if (Atomics.wait(words, ANSWERED, this.answers, LIVES_MS) === 'timed-out') waited += LIVES_MS;
      if (!this.pending && (waited >= ANSWER_MS || this.window.hasEnded())) return void this.window.lose();
    }
    this.poll();
  }

  /** Waits until no frame is reached any more. */
  override rest(): void {
    while (this.isBusy && this.window.machine) this.settle();
  }

  /** The storage worker has ended: nothing comes from there any more. */
  lost(): void {
    for (const [command, ended] of this.inFlight.entries()) {
      Atomics.store(this.window.words, at(command) + STATE, FREE);
      this.window.words[at(command) + HOPS] = 0;
      this.inFlight[command] = undefined;
      ended?.(new Error('The worker that has the disk has ended.'));
    }
  }
}
