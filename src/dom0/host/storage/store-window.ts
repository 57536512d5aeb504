/**
 * A store in another worker, through a window of shared memory: the one side asks and waits, the other carries out. What is done when a call returns is done
 * there, a flush too. One thing is asked at a time.
 *
 *   SERVER   whether the server sleeps, works, or has ended
 *   queue    of one slot: what is asked (hypervisor/disks/block-queue.ts). The devices are files, by numbers; besides bytes their members are asked for
 *   data     what is written or was read; a call with its arguments as JSON, and in the second half its answer
 *   commands of the disk's adapter (window-drive.ts), and behind them what the disk has not flushed of its map (extent-disk.ts)
 *
 * The server sleeps in its event loop, so that it can open files and hear of other tabs, and is rung awake by a message, or by the doorbell in machine memory,
 * where drives of domains' workers ask, too. After each answer it lingers for some milliseconds: what is asked one after the other needs no message.
 *
 * A server that ends is followed by another one with the same window, which gets the list of what was open there (`Windowed`). Requests are in the window until
 * it is answered, and is asked of the disk again: all of it can be done twice.
 */
import type { BlockRequest, Done } from '../../../formats/blocks/index.ts';
import {
  askedNow,
  OWN_OPERATION,
  QueueClient,
  QueueServer,
  type QueueShape,
  queueBytes,
  type Taken,
  wakeClient,
} from '../../../hypervisor/disks/index.ts';
import { XENHEAP } from '../../../hypervisor/layout/index.ts';
import { DOMAIN_0, Machine } from '../../../hypervisor/memory/index.ts';
import { ringDoorbell, ringStorage } from '../../../hypervisor/worker/index.ts';
import type { Later } from '../timers.ts';
import { ExtentDisk, UNFLUSHED_BYTES } from './extent-disk.ts';
import type { DriveMedium, DriveNews, StoredDisk } from './stored-disk.ts';
import { DriveServers } from './storage-drives.ts';
import type { Store, StoreFile } from './store.ts';
import { ANSWER_MS, COMMANDS_BYTES, CommandServer, type CommandWindow } from './window-drive.ts';
import { answerCall, type FileWindow, type Member, WindowDisk, WindowFile } from './window-disk.ts';

const SERVER = 0;
const SHAPE: QueueShape = { slots: 1, pieces: 0, hops: 80, sentenceBytes: 512 };
const QUEUE_START = 64,
  DATA_START = QUEUE_START + queueBytes(SHAPE),
  DATA_BYTES = 2 ** 20,
  ANSWER_START = DATA_BYTES / 2;
/** What a window needs. */
export const WINDOW_BYTES = DATA_START + DATA_BYTES + COMMANDS_BYTES + UNFLUSHED_BYTES;

/** SERVER. */
const ASLEEP = 0,
  AWAKE = 1,
  /** It has ended, and nobody takes its place. */
  GONE = 2;

/** The call that closes a file. */
const CLOSE = JSON.stringify(['close']);

const LINGER_MS = 4;
/** This many answers later the server has a look at its messages. */
const MOST_ANSWERS = 1000;

/** What is open in a window: the message to its next server. A disk has `bytes`. */
export interface Windowed {
  files: { file: number; name: string; bytes?: number }[];
  machine?: SharedArrayBuffer;
  drives: { domain: number; place: number; medium: DriveMedium }[];
}

/** Nobody takes the place of the server that ended: callers that wait for it get an error. */
export function abandon(memory: SharedArrayBuffer): void {
  const { words, asked, commands } = new Window(memory);
  Atomics.store(words, SERVER, GONE);
  wakeClient(asked);
  wakeClient(commands);
}

class Window {
  readonly words: Int32Array;
  readonly asked: Int32Array;
  readonly data: Uint8Array;
  readonly commands: Int32Array;
  readonly unflushed: Int32Array;

  constructor(memory: SharedArrayBuffer) {
    this.words = new Int32Array(memory, 0, QUEUE_START / 4);
    this.asked = new Int32Array(memory, QUEUE_START, queueBytes(SHAPE) / 4);
    this.data = new Uint8Array(memory, DATA_START, DATA_BYTES);
    this.commands = new Int32Array(memory, DATA_START + DATA_BYTES, COMMANDS_BYTES / 4);
    this.unflushed = new Int32Array(memory, DATA_START + DATA_BYTES + COMMANDS_BYTES, UNFLUSHED_BYTES / 4);
  }
}

/** Where there is no Atomics.waitAsync, the doorbell in machine memory is looked at this often. */
const LOOK_MS = 4;

/** The side that has the store: carries out what is asked. */
export class WindowServer extends QueueServer {
  private readonly window: Window;
  private readonly store: Store;
  private readonly later: Later;
  private readonly tell: (news: DriveNews) => void;
  /** By the numbers that the other side gives them. */
  private readonly files = new Map<number, StoreFile | StoredDisk>();
  private disk: ExtentDisk | undefined;
  /** Once it knows a machine: its doorbell, and drives of its domains. */
  private machine: { words: Int32Array; drives: DriveServers; commands: CommandServer } | undefined;

  /** `tell`: what drives have to say, for Domain 0. */
  constructor(
    memory: SharedArrayBuffer,
    store: Store,
    later: Later = () => () => {},
    tell: (news: DriveNews) => void = () => {},
  ) {
    const window = new Window(memory);
    super(window.asked, SHAPE);
    this.window = window;
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
  override close(): void {
    super.close();
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
      if (this.pollAll()) answers++;
      else if (
        machine
          ? Atomics.wait(machine.words, XENHEAP.STORAGE_DOORBELL, seen, LINGER_MS) === 'timed-out'
          : !this.wait(LINGER_MS)
      )
        break;
    }
    Atomics.store(words, SERVER, ASLEEP);
    // Who asked just before that saw no sleeper, and has not rung.
    this.pollAll();
  }

  /** True: there was something to do. What the adapter was given before is done before. */
  private pollAll(): boolean {
    const { machine } = this;
    for (const queue of machine ? [machine.commands, this] : [this])
      if (queue.pending) {
        queue.poll();
        return true;
      }
    return machine?.drives.poll() ?? false;
  }

  /** The caller waits for the answer itself. */
  protected ring(): void {}

  protected start({ slot, device: number, op, at, length }: Taken, done: Done): void {
    const { data } = this.window;
    const file = this.files.get(number);
    if (!op) this.setResult(slot, this.call(number, file, new TextDecoder().decode(data.slice(0, length))));
    else if (!file) throw new Error('The file is closed.');
    else return file.request({ op, at, bytes: length, pieces: [data.subarray(0, length)] }, done);
    done();
  }

  /** @returns bytes of the answer */
  private call(number: number, file: StoreFile | StoredDisk | undefined, question: string): number {
    // The server before may have closed it, and could not say so.
    if (question === CLOSE) this.files.delete(number);
    else if (!file) throw new Error('The file is closed.');
    const answer = file && answerCall(file, this.machine?.drives, question);
    const json = new TextEncoder().encode(JSON.stringify(answer ?? null));
    this.window.data.set(json, ANSWER_START);
    return json.length;
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
  /** Called with what is open in the window whenever that changes: before it is asked for, and after it was closed. */
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
  private readonly queue: QueueClient;
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
    this.queue = new QueueClient(this.window.asked, SHAPE);
  }

  async open(name: string): Promise<StoreFile> {
    const file = ++this.files;
    return this.opened({ file, name }, async () => {
      await this.parts.open(name, file);
      return new WindowFile(this.fileOf(file));
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

  private fileOf(file: number): FileWindow {
    return {
      carryOut: request => this.carryOut(file, request),
      call: (member, ...given) => this.call(file, member, given),
    };
  }

  private carryOut(file: number, request: BlockRequest): void {
    if (!('pieces' in request)) return this.ask(file, request);
    const { data } = this.window;
    const { op } = request;
    let { at } = request;
    for (const piece of request.pieces) {
      for (let from = 0; from < piece.length; from += DATA_BYTES) {
        const part = piece.subarray(from, from + DATA_BYTES);
        if (op === 'write') data.set(part);
        this.ask(file, { op, at: at + from, pieces: [part] });
        if (op === 'read') part.set(data.subarray(0, part.length));
      }
      at += piece.length;
    }
  }

  private call(file: number, member: Member, given: unknown[]): unknown {
    const { windowed } = this;
    const [domain, place, medium] = given as [number, number, DriveMedium];
    if (member === 'attach') {
      const others = windowed.drives.filter(each => each.domain !== domain || each.place !== place);
      windowed.drives = [...others, { domain, place, medium }];
      this.keep();
    }
    const answer = this.answerTo(file, new TextEncoder().encode(JSON.stringify([member, ...given])));
    if (member === 'detach') {
      windowed.drives = windowed.drives.filter(each => each.domain !== domain);
      this.keep();
    } else if (member === 'close') this.forgetFile(file);
    return answer;
  }

  private answerTo(file: number, question: Uint8Array): unknown {
    const { data } = this.window;
    if (question.length > ANSWER_START) throw new RangeError('Too much is asked of the disk at once.');
    data.set(question);
    this.ask(file, { op: 'write', at: 0, pieces: [question] }, OWN_OPERATION);
    return JSON.parse(new TextDecoder().decode(data.slice(ANSWER_START, ANSWER_START + this.queue.result(0))));
  }

  /** Waits for the answer. @throws Error: it cannot be done, or nobody answers */
  private ask(file: number, request: BlockRequest, operation?: number): void {
    const { queue } = this;
    if (this.gone) throw this.gone;
    let failed: Error | undefined;
    queue.put(
      0,
      askedNow(file, request, error => {
        failed = error;
      }),
      [],
      operation,
    );
    if (this.machine) ringStorage(this.machine);
    if (Atomics.load(this.window.words, SERVER) === ASLEEP) this.parts.ring();
    if (!queue.wait(() => this.hasEnded, ANSWER_MS)) throw this.lose();
    queue.poll();
    if (failed) throw failed;
  }
}
