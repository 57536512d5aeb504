/**
 * A store in another worker, through a window of shared memory: the one side asks and waits, the other carries out. What is done when a call returns is done
 * there, a flush too. One thing is asked at a time.
 *
 *   words    STATE, SERVER, OPERATION, FILE, LENGTH, STATUS, then AT (a 64-bit float) and RESULT (another)
 *   data     from DATA_START on: what is written or was read, or the sentence of an error
 *
 * The server sleeps in its event loop, so that it can open files and hear of other tabs, and is rung awake by a message. After each answer it lingers for
 * some milliseconds: what is asked one after the other needs no message.
 */
import { type Store, type StoreFile, StoreDamaged, StoreFull } from './store.ts';

const STATE = 0,
  SERVER = 1,
  OPERATION = 2,
  FILE = 3,
  LENGTH = 4,
  STATUS = 5;
/** 64-bit floats: bytes of a file do not fit 32 bits. */
const AT = 3,
  RESULT = 4;
const DATA_START = 64,
  DATA_BYTES = 2 ** 20;
/** What a window needs. */
export const WINDOW_BYTES = DATA_START + DATA_BYTES;

/** STATE. */
const IDLE = 0,
  ASKED = 1,
  ANSWERED = 2;
/** SERVER. */
const ASLEEP = 0,
  AWAKE = 1;
/** STATUS. */
const GOOD = 0,
  FULL = 1,
  DAMAGED = 2,
  BAD = 3;
/** OPERATION. */
const SIZE = 1,
  READ = 2,
  WRITE = 3,
  TRUNCATE = 4,
  FLUSH = 5,
  CLOSE = 6;

const LINGER_MS = 4;
/** So many answers later the server has a look at its messages. */
const MOST_ANSWERS = 1000;
/** A flush of a slow disk takes seconds; a server that takes longer is gone. */
const ANSWER_MS = 60_000;

class Window {
  readonly words: Int32Array;
  readonly numbers: Float64Array;
  readonly data: Uint8Array;

  constructor(memory: SharedArrayBuffer) {
    this.words = new Int32Array(memory, 0, DATA_START / 4);
    this.numbers = new Float64Array(memory, 0, DATA_START / 8);
    this.data = new Uint8Array(memory, DATA_START, DATA_BYTES);
  }
}

/** The side that has the store: carries out what is asked. */
export class WindowServer {
  private readonly window: Window;
  private readonly store: Store;
  private readonly files: (StoreFile | undefined)[] = [];

  constructor(memory: SharedArrayBuffer, store: Store) {
    this.window = new Window(memory);
    this.store = store;
  }

  /** @returns the file's number in the window. @throws what the store does */
  async open(name: string): Promise<number> {
    return this.files.push(await this.store.open(name)) - 1;
  }

  /** Called when it is rung: answers until nothing more comes. */
  serve(): void {
    const { words } = this.window;
    Atomics.store(words, SERVER, AWAKE);
    for (let answers = 0; answers < MOST_ANSWERS; ) {
      const state = Atomics.load(words, STATE);
      if (state === ASKED) {
        this.answer();
        answers++;
      } else if (Atomics.wait(words, STATE, state, LINGER_MS) === 'timed-out') break;
    }
    Atomics.store(words, SERVER, ASLEEP);
    // Who asked just before that saw no sleeper, and has not rung.
    if (Atomics.load(words, STATE) === ASKED) this.answer();
  }

  private answer(): void {
    const { words, data } = this.window;
    try {
      this.carryOut();
      words[STATUS] = GOOD;
    } catch (error) {
      words[STATUS] = error instanceof StoreFull ? FULL : error instanceof StoreDamaged ? DAMAGED : BAD;
      const sentence = new TextEncoder().encode((error as Error).message).subarray(0, DATA_BYTES);
      data.set(sentence);
      words[LENGTH] = sentence.length;
    }
    Atomics.store(words, STATE, ANSWERED);
    Atomics.notify(words, STATE);
  }

  private carryOut(): void {
    const { words, numbers, data } = this.window;
    const number = words[FILE],
      at = numbers[AT],
      length = words[LENGTH];
    const file = this.files[number];
    if (!file) throw new Error('The file is closed.');
    switch (words[OPERATION]) {
      case SIZE:
        numbers[RESULT] = file.size();
        break;
      case READ: {
        // Handles of the file system refuse views of shared memory.
        const bytes = new Uint8Array(length);
        file.read(at, bytes);
        data.set(bytes);
        break;
      }
      case WRITE:
        file.write(at, data.slice(0, length));
        break;
      case TRUNCATE:
        file.truncate(at);
        break;
      case FLUSH:
        file.flush();
        break;
      case CLOSE:
        this.files[number] = undefined;
        file.close();
        break;
      default:
        throw new Error(`${words[OPERATION]} is nothing that a store can do.`);
    }
  }
}

export interface WindowParts {
  memory: SharedArrayBuffer;
  where: string;
  outlivesHost: boolean;
  /** Wakes the server: has its `serve` called. */
  ring(): void;
  /** Has the server's `open` called. */
  open(name: string): Promise<number>;
}

/** The side that asks. Its calls wait: for a worker. */
export class WindowStore implements Store {
  readonly where: string;
  readonly outlivesHost: boolean;
  private readonly parts: WindowParts;
  private readonly window: Window;

  constructor(parts: WindowParts) {
    this.where = parts.where;
    this.outlivesHost = parts.outlivesHost;
    this.parts = parts;
    this.window = new Window(parts.memory);
  }

  async open(name: string): Promise<StoreFile> {
    const file = await this.parts.open(name);
    const { data } = this.window;
    return {
      size: () => this.ask(file, SIZE),
      read: (at, into) => {
        for (let from = 0; from < into.length; from += DATA_BYTES) {
          const part = into.subarray(from, from + DATA_BYTES);
          this.ask(file, READ, at + from, part.length);
          part.set(data.subarray(0, part.length));
        }
      },
      write: (at, bytes) => {
        for (let from = 0; from < bytes.length; from += DATA_BYTES) {
          const part = bytes.subarray(from, from + DATA_BYTES);
          data.set(part);
          this.ask(file, WRITE, at + from, part.length);
        }
      },
      truncate: bytes => void this.ask(file, TRUNCATE, bytes),
      flush: () => void this.ask(file, FLUSH),
      close: () => void this.ask(file, CLOSE),
    };
  }

  private ask(file: number, operation: number, at = 0, length = 0): number {
    const { words, numbers, data } = this.window;
    words[OPERATION] = operation;
    words[FILE] = file;
    words[LENGTH] = length;
    numbers[AT] = at;
    Atomics.store(words, STATE, ASKED);
    Atomics.notify(words, STATE);
    if (Atomics.load(words, SERVER) === ASLEEP) this.parts.ring();
    while (Atomics.load(words, STATE) === ASKED)
      if (Atomics.wait(words, STATE, ASKED, ANSWER_MS) === 'timed-out')
        throw new Error(`The worker that has ${this.where} does not answer any more. Load the page again: what was flushed is kept.`);
    Atomics.store(words, STATE, IDLE);
    if (words[STATUS] === GOOD) return numbers[RESULT];
    const sentence = new TextDecoder().decode(data.slice(0, words[LENGTH]));
    throw new { [FULL]: StoreFull, [DAMAGED]: StoreDamaged, [BAD]: Error }[words[STATUS]]!(sentence);
  }
}
