/**
 * A store in another worker, through a window of shared memory: the one side asks and waits, the other carries out. What is done when a call returns is done
 * there, a flush too. One thing is asked at a time.
 *
 *   words    STATE, SERVER, OPERATION, FILE, LENGTH, STATUS, then AT (a 64-bit float) and RESULT (another), NUMBER of the request that is followed, HOPS
 *   hops     from HOPS_START on: places that the request has passed there, three words each
 *   commands of the disk's adapter lie behind the data (window-drive.ts)
 *   data     from DATA_START on: what is written or was read, a call of the disk and its answer as JSON, or the sentence of an error
 *
 * The server sleeps in its event loop, so that it can open files and hear of other tabs, and is rung awake by a message, or by the doorbell in machine memory,
 * where drives of domains' workers ask, too. After each answer it lingers for some milliseconds: what is asked one after the other needs no message.
 */
import { XENHEAP } from '../../hypervisor/layout/index.ts';
import { carriedRequest, KeptHops, passes, within } from '../../hypervisor/tracing/index.ts';
import { DOMAIN_0, Machine } from '../../hypervisor/memory/index.ts';
import { ringDoorbell, ringStorage } from '../../hypervisor/worker/index.ts';
import type { Later } from '../runner.ts';
import { ExtentDisk, type StoredDisk } from './extent-disk.ts';
import { type DriveNews, DriveServers } from './storage-drives.ts';
import { type Store, type StoreFile, StoreDamaged, StoreFull } from './store.ts';
import { type CommandWindow, COMMANDS_BYTES, CommandServer } from './window-drive.ts';
import { answerCall, type DiskCall, WindowDisk } from './window-disk.ts';

const STATE = 0,
  SERVER = 1,
  OPERATION = 2,
  FILE = 3,
  LENGTH = 4,
  STATUS = 5;
/** 64-bit floats: bytes of a file do not fit 32 bits. */
const AT = 3,
  RESULT = 4;
const NUMBER = 10,
  HOPS = 11;
const HOPS_START = 64,
  MOST_HOPS = 80,
  DATA_START = 1024,
  DATA_BYTES = 2 ** 20;
/** What a window needs. */
export const WINDOW_BYTES = DATA_START + DATA_BYTES + COMMANDS_BYTES;

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
  CLOSE = 6,
  CALL = 7;

const LINGER_MS = 4;
/** So many answers later the server has a look at its messages. */
const MOST_ANSWERS = 1000;
/** A flush of a slow disk takes seconds; a server that takes longer is gone. */
const ANSWER_MS = 60_000;

class Window {
  readonly words: Int32Array;
  readonly numbers: Float64Array;
  readonly data: Uint8Array;
  readonly commands: Int32Array;

  constructor(memory: SharedArrayBuffer) {
    this.words = new Int32Array(memory, 0, DATA_START / 4);
    this.numbers = new Float64Array(memory, 0, HOPS_START / 8);
    this.data = new Uint8Array(memory, DATA_START, DATA_BYTES);
    this.commands = new Int32Array(memory, DATA_START + DATA_BYTES, COMMANDS_BYTES / 4);
  }
}

/** Where there is no Atomics.waitAsync, the doorbell in machine memory is looked at so often. */
const LOOK_MS = 4;

/** The side that has the store: carries out what is asked. */
export class WindowServer {
  private readonly window: Window;
  private readonly store: Store;
  private readonly later: Later;
  private readonly tell: (news: DriveNews) => void;
  private readonly files: (StoreFile | ExtentDisk | undefined)[] = [];
  private disk: ExtentDisk | undefined;
  /** Once it was told of a machine: its doorbell, and drives of its domains. */
  private machine: { words: Int32Array; drives: DriveServers; commands: CommandServer } | undefined;

  /** `tell`: what drives have to say, for Domain 0. */
  constructor(memory: SharedArrayBuffer, store: Store, later: Later = () => () => {}, tell: (news: DriveNews) => void = () => {}) {
    this.window = new Window(memory);
    this.store = store;
    this.later = later;
    this.tell = tell;
  }

  /** @returns the file's number in the window. @throws what the store does */
  async open(name: string): Promise<number> {
    return this.files.push(await this.store.open(name)) - 1;
  }

  /** The same for a disk: `bytes` of one that is not there yet. */
  async openDisk(name: string, bytes: number): Promise<{ file: number; bytes: number }> {
    this.disk = await ExtentDisk.open(this.store, name, { bytes });
    return { file: this.files.push(this.disk) - 1, bytes: this.disk.bytes };
  }

  /** From here on drives of this machine's domains may ask for the disk. */
  begin(memory: SharedArrayBuffer): void {
    if (!this.disk) throw new Error('No disk is open.');
    const listens = this.machine !== undefined;
    const machine = new Machine(memory);
    const { words } = machine;
    const ringDomain0 = (): void => ringDoorbell(machine, machine.domain(DOMAIN_0));
    this.machine = { words, drives: new DriveServers(memory, this.disk, this.later, this.tell), commands: new CommandServer(this.window.commands, this.disk, memory, ringDomain0) };
    if (!listens) this.listen();
  }

  /** Waits for rings of the doorbell, with its event loop going on. */
  private listen(): void {
    if (!this.machine) return;
    const { words } = this.machine;
    const seen = Atomics.load(words, XENHEAP.STORAGE_DOORBELL);
    this.serve();
    const ring = typeof Atomics.waitAsync === 'function' ? Atomics.waitAsync(words, XENHEAP.STORAGE_DOORBELL, seen) : undefined;
    if (ring?.async) void ring.value.then(() => this.listen());
    else this.later(ring ? 0 : LOOK_MS, () => this.listen());
  }

  /** Its disk goes, and with it all that listens. */
  close(): void {
    const { machine } = this;
    this.machine = undefined;
    if (machine) ringStorage(machine);
  }

  /** Called when it is rung: answers until nothing more comes. */
  serve(): void {
    const { words } = this.window;
    Atomics.store(words, SERVER, AWAKE);
    for (let answers = 0; answers < MOST_ANSWERS; ) {
      const { machine } = this;
      const seen = machine ? Atomics.load(machine.words, XENHEAP.STORAGE_DOORBELL) : 0;
      const state = Atomics.load(words, STATE);
      // What the adapter was given before is done before.
      if (machine?.commands.poll()) answers++;
      else if (state === ASKED) {
        this.answer();
        answers++;
      } else if (machine?.drives.poll()) answers++;
      else if ((machine ? Atomics.wait(machine.words, XENHEAP.STORAGE_DOORBELL, seen, LINGER_MS) : Atomics.wait(words, STATE, state, LINGER_MS)) === 'timed-out') break;
    }
    Atomics.store(words, SERVER, ASLEEP);
    // Who asked just before that saw no sleeper, and has not rung.
    this.machine?.commands.poll();
    if (Atomics.load(words, STATE) === ASKED) this.answer();
  }

  private answer(): void {
    const { words, data } = this.window;
    const passed = new KeptHops();
    try {
      within(passed, words[NUMBER], () => this.carryOut());
      words[STATUS] = GOOD;
    } catch (error) {
      words[STATUS] = error instanceof StoreFull ? FULL : error instanceof StoreDamaged ? DAMAGED : BAD;
      const sentence = new TextEncoder().encode((error as Error).message).subarray(0, DATA_BYTES);
      data.set(sentence);
      words[LENGTH] = sentence.length;
    }
    const hops = passed.words.slice(0, 3 * MOST_HOPS);
    words.set(hops, HOPS_START / 4);
    words[HOPS] = hops.length / 3;
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
        numbers[RESULT] = 'size' in file ? file.size() : file.bytes;
        break;
      case READ:
        file.read(at, data.subarray(0, length));
        break;
      case WRITE:
        file.write(at, data.subarray(0, length));
        break;
      case TRUNCATE:
        if ('truncate' in file) file.truncate(at);
        break;
      case CALL: {
        if (!(file instanceof ExtentDisk)) throw new Error('That is no disk.');
        const answer = answerCall(file, this.machine?.drives, JSON.parse(new TextDecoder().decode(data.slice(0, length))) as DiskCall);
        const json = new TextEncoder().encode(JSON.stringify(answer ?? null));
        data.set(json);
        numbers[RESULT] = json.length;
        break;
      }
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
  /** Has its `openDisk` called. */
  openDisk(name: string, bytes: number): Promise<{ file: number; bytes: number }>;
  /** Has its `begin` called. */
  begin(memory: SharedArrayBuffer): Promise<void>;
  /** Whom the server's news of drives are for. */
  heard(listener: (news: DriveNews) => void): void;
  /** Ends a server that does not answer. */
  end?(): void;
}

/** The side that asks. Its calls wait: for a worker. */
export class WindowStore implements Store {
  readonly where: string;
  readonly outlivesHost: boolean;
  private readonly parts: WindowParts;
  private readonly window: Window;
  /** Once the server listens to its doorbell. */
  private machine: { words: Int32Array } | undefined;
  /** The server has ended: nothing is asked of it any more. */
  private gone: Error | undefined;
  private readonly whenLost: ((sentence: string) => void)[] = [];

  constructor(parts: WindowParts) {
    this.where = parts.where;
    this.outlivesHost = parts.outlivesHost;
    this.parts = parts;
    this.window = new Window(parts.memory);
  }

  async open(name: string): Promise<StoreFile> {
    return this.fileOf(await this.parts.open(name));
  }

  async openDisk(name: string, size: number): Promise<StoredDisk> {
    const { file, bytes } = await this.parts.openDisk(name, size);
    return new WindowDisk({
      ...this.fileOf(file),
      bytes,
      call: call => this.call(file, call),
      begin: async memory => {
        await this.parts.begin(memory);
        this.machine = { words: new Int32Array(memory) };
      },
      heard: this.parts.heard,
      commands: this.commands(),
      whenLost: listener => void this.whenLost.push(listener),
    });
  }

  /** The server has ended, or does not answer. */
  lose(): Error {
    if (this.gone) return this.gone;
    const sentence = `The worker that has ${this.where} does not answer any more. Load the page again: what was flushed is kept.`;
    this.gone = new Error(sentence);
    this.machine = undefined;
    this.parts.end?.();
    for (const tell of this.whenLost) tell(sentence);
    return this.gone;
  }

  private commands(): CommandWindow {
    const lose = (): Error => this.lose();
    const machine = (): { words: Int32Array } | undefined => this.machine;
    return {
      words: this.window.commands,
      get machine() {
        return machine()?.words.buffer;
      },
      ring: () => {
        const known = machine();
        if (known) ringStorage(known);
      },
      lose,
    };
  }

  private call(file: number, call: DiskCall): unknown {
    const { data } = this.window;
    const json = new TextEncoder().encode(JSON.stringify(call));
    if (json.length > DATA_BYTES) throw new RangeError('Too much is asked of the disk at once.');
    data.set(json);
    return JSON.parse(new TextDecoder().decode(data.slice(0, this.ask(file, CALL, 0, json.length))));
  }

  private fileOf(file: number): StoreFile {
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
    if (this.gone) throw this.gone;
    words[OPERATION] = operation;
    words[FILE] = file;
    words[LENGTH] = length;
    numbers[AT] = at;
    words[NUMBER] = carriedRequest();
    Atomics.store(words, STATE, ASKED);
    Atomics.notify(words, STATE);
    if (this.machine) ringStorage(this.machine);
    if (Atomics.load(words, SERVER) === ASLEEP) this.parts.ring();
    while (Atomics.load(words, STATE) === ASKED)
      if (Atomics.wait(words, STATE, ASKED, ANSWER_MS) === 'timed-out')
        throw this.lose();
    for (let i = 0, at = HOPS_START / 4; i < words[HOPS]; i++, at += 3) passes(words[at], words[at + 1], words[at + 2]);
    Atomics.store(words, STATE, IDLE);
    if (words[STATUS] === GOOD) return numbers[RESULT];
    const sentence = new TextDecoder().decode(data.slice(0, words[LENGTH]));
    throw new { [FULL]: StoreFull, [DAMAGED]: StoreDamaged, [BAD]: Error }[words[STATUS]]!(sentence);
  }
}
