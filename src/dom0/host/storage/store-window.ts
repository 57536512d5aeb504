/**
 * A store in another worker, through a window of shared memory: the one side asks and waits, the other carries out. What is done when a call returns is done
 * there, a flush too. One thing is asked at a time.
 *
 *   words    STATE, SERVER, OPERATION, FILE, LENGTH, STATUS, then AT (a 64-bit float) and RESULT (another), NUMBER of the request that is followed, HOPS
 *   hops     from HOPS_START on: places that the request has passed there, three words each
 *   commands of the disk's adapter lie behind the data (window-drive.ts), and behind them what the disk has not flushed of its map (extent-disk.ts)
 *   data     from DATA_START on: what is written or was read, a call of the disk and its answer as JSON, or the sentence of an error
 *
 * The server sleeps in its event loop, so that it can open files and hear of other tabs, and is rung awake by a message, or by the doorbell in machine memory,
 * where drives of domains' workers ask, too. After each answer it lingers for some milliseconds: what is asked one after the other needs no message.
 *
 * A server that ends is followed by another one with the same window, which is told what was open there (`Windowed`). What was asked stands in the window until
 * it is answered, and is asked of the disk once more: all of it can be done twice.
 */
import { DeviceFull } from '../../../formats/blocks/index.ts';
import { XENHEAP } from '../../../hypervisor/layout/index.ts';
import { carriedRequest, KeptHops, passes, within } from '../../../hypervisor/tracing/index.ts';
import { DOMAIN_0, Machine } from '../../../hypervisor/memory/index.ts';
import { ringDoorbell, ringStorage } from '../../../hypervisor/worker/index.ts';
import type { Later } from '../timers.ts';
import { ExtentDisk, UNFLUSHED_BYTES } from './extent-disk.ts';
import type { DriveMedium, DriveNews, StoredDisk } from './stored-disk.ts';
import { DriveServers } from './storage-drives.ts';
import { type Store, type StoreFile, StoreDamaged } from './store.ts';
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
export const WINDOW_BYTES = DATA_START + DATA_BYTES + COMMANDS_BYTES + UNFLUSHED_BYTES;

/** STATE. */
const IDLE = 0,
  ASKED = 1,
  ANSWERED = 2;
/** SERVER. */
const ASLEEP = 0,
  AWAKE = 1,
  /** It has ended, and nobody takes its place. */
  GONE = 2;
/** STATUS. */
const GOOD = 0,
  FULL = 1,
  DAMAGED = 2,
  BAD = 3,
  /** The answer is being written where the question stood. */
  UNSURE = 4;
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
/** A flush of a slow disk takes seconds, and so does a server that takes the place of another; one that takes longer is gone. */
const ANSWER_MS = 30_000;
/** So often it is asked whether a server lives that does not answer (`isAlive`). */
const LIVES_MS = 1000;

/** What is open in a window: what its next server is told. A disk has `bytes`. */
export interface Windowed {
  files: { file: number; name: string; bytes?: number }[];
  machine?: SharedArrayBuffer;
  drives: { domain: number; place: number; medium: DriveMedium }[];
}

/** Nobody takes the place of the server that ended: whoever waits for it hears that. */
export function abandon(memory: SharedArrayBuffer): void {
  const { words, commands } = new Window(memory);
  Atomics.store(words, SERVER, GONE);
  Atomics.notify(words, STATE);
  Atomics.notify(commands, 0);
}

class Window {
  readonly words: Int32Array;
  readonly numbers: Float64Array;
  readonly data: Uint8Array;
  readonly commands: Int32Array;
  readonly unflushed: Int32Array;

  constructor(memory: SharedArrayBuffer) {
    this.words = new Int32Array(memory, 0, DATA_START / 4);
    this.numbers = new Float64Array(memory, 0, HOPS_START / 8);
    this.data = new Uint8Array(memory, DATA_START, DATA_BYTES);
    this.commands = new Int32Array(memory, DATA_START + DATA_BYTES, COMMANDS_BYTES / 4);
    this.unflushed = new Int32Array(memory, DATA_START + DATA_BYTES + COMMANDS_BYTES, UNFLUSHED_BYTES / 4);
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
  /** By the numbers that the other side gives them. */
  private readonly files = new Map<number, StoreFile | ExtentDisk>();
  private disk: ExtentDisk | undefined;
  /** Once it was told of a machine: its doorbell, and drives of its domains. */
  private machine: { words: Int32Array; drives: DriveServers; commands: CommandServer } | undefined;

  /** `tell`: what drives have to say, for Domain 0. */
  constructor(
    memory: SharedArrayBuffer,
    store: Store,
    later: Later = () => () => {},
    tell: (news: DriveNews) => void = () => {},
  ) {
    this.window = new Window(memory);
    this.store = store;
    this.later = later;
    this.tell = tell;
  }

  /** Opens what was open at the server before, and answers what that left unanswered. @throws what the store does */
  async takeOver({ files, machine, drives }: Windowed): Promise<void> {
    for (const { file, name, bytes } of files)
      await (bytes === undefined ? this.open(name, file) : this.openDisk(name, bytes, file));
    if (machine) {
      this.prepare(machine);
      for (const { domain, place, medium } of drives) this.machine?.drives.attach(domain, place, medium);
      this.listen();
    } else this.serve();
  }

  /** `file`: its number in the window from now on; one that is open already stays so. @throws what the store does */
  async open(name: string, file: number): Promise<void> {
    if (!this.files.has(file)) this.files.set(file, await this.store.open(name));
  }

  /** The same for a disk: `bytes` of one that is not there yet. @returns bytes of the disk */
  async openDisk(name: string, bytes: number, file: number): Promise<number> {
    if (!this.disk || !this.files.has(file))
      this.files.set(
        file,
        (this.disk = await ExtentDisk.open(this.store, name, { bytes, unflushed: this.window.unflushed })),
      );
    return this.disk.bytes;
  }

  /** From here on drives of this machine's domains may ask for the disk. */
  begin(memory: SharedArrayBuffer): void {
    const listens = this.machine !== undefined;
    this.prepare(memory);
    if (!listens) this.listen();
  }

  private prepare(memory: SharedArrayBuffer): void {
    if (!this.disk) throw new Error('No disk is open.');
    const machine = new Machine(memory);
    const { words } = machine;
    const ringDomain0 = (): void => ringDoorbell(machine, machine.domain(DOMAIN_0));
    this.machine = {
      words,
      drives: new DriveServers(memory, this.disk, this.later, this.tell),
      commands: new CommandServer(this.window.commands, this.disk, memory, ringDomain0),
    };
  }

  /** Waits for rings of the doorbell, with its event loop going on. */
  private listen(): void {
    if (!this.machine) return;
    const { words } = this.machine;
    const seen = Atomics.load(words, XENHEAP.STORAGE_DOORBELL);
    this.serve();
    const ring =
      typeof Atomics.waitAsync === 'function' ? Atomics.waitAsync(words, XENHEAP.STORAGE_DOORBELL, seen) : undefined;
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
      else if (
        (machine
          ? Atomics.wait(machine.words, XENHEAP.STORAGE_DOORBELL, seen, LINGER_MS)
          : Atomics.wait(words, STATE, state, LINGER_MS)) === 'timed-out'
      )
        break;
    }
    Atomics.store(words, SERVER, ASLEEP);
    // Who asked just before that saw no sleeper, and has not rung.
    this.machine?.commands.poll();
    if (Atomics.load(words, STATE) === ASKED) this.answer();
  }

  private answer(): void {
    const { words, data } = this.window;
    const passed = new KeptHops();
    let status = GOOD;
    try {
      if (words[STATUS] === UNSURE)
        throw new Error('The worker that has the files ended while it answered. Try it again.');
      within(passed, words[NUMBER], () => this.carryOut());
    } catch (error) {
      status = error instanceof DeviceFull ? FULL : error instanceof StoreDamaged ? DAMAGED : BAD;
      words[STATUS] = UNSURE;
      const sentence = new TextEncoder().encode((error as Error).message).subarray(0, DATA_BYTES);
      data.set(sentence);
      words[LENGTH] = sentence.length;
    }
    words[STATUS] = status;
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
    const file = this.files.get(number);
    if (!file) {
      // The server before has closed it, and could not say so.
      if (words[OPERATION] === CLOSE) return;
      throw new Error('The file is closed.');
    }
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
        const answer = answerCall(
          file,
          this.machine?.drives,
          JSON.parse(new TextDecoder().decode(data.slice(0, length))) as DiskCall,
        );
        const json = new TextEncoder().encode(JSON.stringify(answer ?? null));
        words[STATUS] = UNSURE;
        data.set(json);
        numbers[RESULT] = json.length;
        break;
      }
      case FLUSH:
        file.flush();
        break;
      case CLOSE:
        this.files.delete(number);
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
  open(name: string, file: number): Promise<void>;
  /** Has its `openDisk` called. */
  openDisk(name: string, bytes: number, file: number): Promise<number>;
  /** Has its `begin` called. */
  begin(memory: SharedArrayBuffer): Promise<void>;
  /** Whom the server's news of drives are for. */
  heard(listener: (news: DriveNews) => void): void;
  /** Ends a server that does not answer. */
  end?(): void;
  /** Told what is open in the window whenever that changes: before it is asked for, and after it was closed. */
  keep?(windowed: Windowed): void;
  /** Whether a server that does not answer still lives; absent: nobody knows, or another one takes its place. */
  isAlive?(): boolean;
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
  private readonly windowed: Windowed = { files: [], drives: [] };
  private files = 0;

  constructor(parts: WindowParts) {
    this.where = parts.where;
    this.outlivesHost = parts.outlivesHost;
    this.parts = parts;
    this.window = new Window(parts.memory);
  }

  async open(name: string): Promise<StoreFile> {
    const file = ++this.files;
    return this.opened({ file, name }, async () => {
      await this.parts.open(name, file);
      return this.fileOf(file);
    });
  }

  async openDisk(name: string, size: number): Promise<StoredDisk> {
    const file = ++this.files;
    return this.opened({ file, name, bytes: size }, async () =>
      this.diskOf(file, await this.parts.openDisk(name, size, file)),
    );
  }

  /** @throws what `open` throws: then it is not open for a next server either */
  private async opened<T>(entry: Windowed['files'][number], open: () => Promise<T>): Promise<T> {
    const { windowed } = this;
    windowed.files.push(entry);
    this.keep();
    try {
      return await open();
    } catch (error) {
      this.forgetFile(entry.file);
      throw error;
    }
  }

  private forgetFile(file: number): void {
    this.windowed.files = this.windowed.files.filter(each => each.file !== file);
    this.keep();
  }

  private keep(): void {
    this.parts.keep?.(this.windowed);
  }

  private diskOf(file: number, bytes: number): StoredDisk {
    const { windowed } = this;
    return new WindowDisk({
      ...this.fileOf(file),
      bytes,
      call: call => {
        if (call.call === 'attach') {
          const { domain, place, medium } = call;
          windowed.drives = [
            ...windowed.drives.filter(each => each.domain !== domain || each.place !== place),
            { domain, place, medium },
          ];
          this.keep();
        }
        const answer = this.call(file, call);
        if (call.call === 'detach') {
          windowed.drives = windowed.drives.filter(({ domain }) => domain !== call.domain);
          this.keep();
        }
        return answer;
      },
      begin: async memory => {
        windowed.machine = memory;
        this.keep();
        await this.parts.begin(memory);
        this.machine = { words: new Int32Array(memory) };
      },
      heard: this.parts.heard,
      commands: this.commands(),
      whenLost: listener => this.onLost(listener),
    });
  }

  /** Called when nothing can be asked any more. */
  onLost(listener: (sentence: string) => void): void {
    this.whenLost.push(listener);
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
      hasEnded: () => this.hasEnded,
    };
  }

  /** Nobody will answer any more. */
  private get hasEnded(): boolean {
    return Atomics.load(this.window.words, SERVER) === GONE || this.parts.isAlive?.() === false;
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
      close: () => {
        this.ask(file, CLOSE);
        this.forgetFile(file);
      },
    };
  }

  private ask(file: number, operation: number, at = 0, length = 0): number {
    const { words, numbers, data } = this.window;
    if (this.gone) throw this.gone;
    words[STATUS] = GOOD;
    words[OPERATION] = operation;
    words[FILE] = file;
    words[LENGTH] = length;
    numbers[AT] = at;
    words[NUMBER] = carriedRequest();
    Atomics.store(words, STATE, ASKED);
    Atomics.notify(words, STATE);
    if (this.machine) ringStorage(this.machine);
    if (Atomics.load(words, SERVER) === ASLEEP) this.parts.ring();
    for (let waited = 0; Atomics.load(words, STATE) === ASKED; ) {
      if (Atomics.wait(words, STATE, ASKED, LIVES_MS) === 'timed-out') waited += LIVES_MS;
      if (Atomics.load(words, STATE) === ASKED && (waited >= ANSWER_MS || this.hasEnded)) throw this.lose();
    }
    for (let i = 0, at = HOPS_START / 4; i < words[HOPS]; i++, at += 3) passes(words[at], words[at + 1], words[at + 2]);
    Atomics.store(words, STATE, IDLE);
    if (words[STATUS] === GOOD) return numbers[RESULT];
    const sentence = new TextDecoder().decode(data.slice(0, words[LENGTH]));
    throw new { [FULL]: DeviceFull, [DAMAGED]: StoreDamaged, [BAD]: Error }[words[STATUS]]!(sentence);
  }
}
