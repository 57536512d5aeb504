/**
 * Domain 0's driver for the adapter of the host's disk: through its registers, with command tables in machine memory. Data go straight between the disk and
 * the frames of their owner; what lies in no frame is copied through a buffer.
 * Source: AHCI 1.3.1, clause 10 (software guidelines); ATA8-ACS-3 for the commands.
 */
import {
  ATA,
  CAP,
  CMD,
  ERROR_LOG,
  GHC,
  HBA,
  HEADER,
  HEADER_BYTES,
  IS,
  isQueued,
  LIST_BYTES,
  LOG,
  MOST_REGION_BYTES,
  MOST_SECTORS,
  MOST_TRIM_BLOCKS,
  PORT,
  PORTS,
  RECEIVED,
  RECEIVED_BYTES,
  REGION_BYTES,
  REGIONS,
  type Request,
  SECTOR_BYTES,
  SENSE,
  SLOTS,
  SSTS_UP,
  TRIM,
  TRIM_RANGES,
  writeRequest,
} from '../../../devices/ahci/index.ts';
import { type BlockRequest, DeviceFull, type Done, endOf, gather, scatter } from '../../../formats/blocks/index.ts';
import { FRAME_BYTES } from '../../../hypervisor/memory/index.ts';
import { IO_HOP, partOfRequest, passes } from '../../../hypervisor/tracing/index.ts';
import type { DmaMemory, HostFunction } from '../hardware/host-bus.ts';

/** Of one command: with them a table has 2,816 bytes. */
const MOST_REGIONS = 168;
const TABLE_BYTES = REGIONS + MOST_REGIONS * REGION_BYTES;
/** What is copied at a time; this many commands at once, and one more that is waited for. */
const BUFFER_BYTES = 128 * 1024,
  BUFFERS = 2;
const TABLES = LIST_BYTES + RECEIVED_BYTES,
  BUFFERS_AT = TABLES + SLOTS * TABLE_BYTES;
/** What the driver and the adapter share. */
export const SHARED_BYTES = BUFFERS_AT + (BUFFERS + 1) * BUFFER_BYTES;
/** Of machine memory for it: whole frames. */
export const DISK_DRIVER_BYTES = Math.ceil(SHARED_BYTES / FRAME_BYTES) * FRAME_BYTES;
/** Longest range of one entry to trim: whole extents of the disk. */
const TRIM_STEP = 63_488;
const CAUSES = IS.D2H | IS.PIO | IS.SDB | IS.CONNECT | IS.PHY | IS.TASK_FILE;
/** Of an access that is waited for: how often its end is looked for. */
const LOOKS = 1000;

const SENSES: Readonly<Record<number, string>> = {
  [SENSE.READ_ERROR]: 'unrecovered read error',
  [SENSE.WRITE_ERROR]: 'write error',
  [SENSE.OUT_OF_RANGE]: 'no such sector',
  [SENSE.INVALID]: 'no such command',
};

interface Region {
  address: number;
  length: number;
}

interface Command {
  request: Request;
  /** To the disk or from it. */
  pieces: Uint8Array[];
  bytes: number;
  writes: boolean;
  /** They lie in frames that the adapter can reach in place. */
  inPlace: boolean;
  done: Done;
  /** Gives it to the adapter, as a part of the request that asked for it. */
  issue(): void;
  /** While the adapter has it: where its data are, and their buffer (−1: none). The first buffer is for what is waited for. */
  regions: Region[];
  buffer: number;
}

/** What IDENTIFY DEVICE says. */
export interface DiskIdentity {
  model: string;
  serial: string;
  firmware: string;
  sectors: number;
  /** Commands at a time. */
  depth: number;
}

export class AhciDriver {
  private readonly fn: HostFunction;
  private readonly idle: () => void;
  private readonly memory: DmaMemory;
  private readonly view: DataView;
  /** Of the port's adapter: commands at a time. */
  readonly slots: number;
  readonly version: string;
  readonly disk: DiskIdentity;
  private readonly inFlight: (Command | undefined)[] = new Array(SLOTS).fill(undefined);
  /** How many those are; the disk has one of them alone. */
  private flying = 0;
  private isAlone = false;
  private readonly freeBuffers = Array.from({ length: BUFFERS }, (_, i) => i + 1);
  /** For the adapter, once it has room. */
  private queue: Command[] = [];
  /** Ended, and not reported yet. */
  private ended: { command: Command; error: Error | undefined }[] = [];

  /**
   * Finds the disk at the adapter's port. `memory`: SHARED_BYTES that the adapter reaches; `idle`: called while an access is waited for, so that the disk, which
   * may be in another worker, gets on. @throws Error where no disk answers
   */
  constructor(fn: HostFunction, memory: DmaMemory, idle = (): void => {}) {
    this.fn = fn;
    this.idle = idle;
    this.memory = memory;
    const { bytes, address } = this.memory;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    fn.write(HBA.GHC, GHC.RESET);
    fn.write(HBA.GHC, GHC.AHCI);
    const version = fn.read(HBA.VS);
    this.version = `${version >>> 16}.${(version >>> 8) & 0xff}.${version & 0xff}`.replace(/\.0$/, '');
    this.slots = ((fn.read(HBA.CAP) & CAP.SLOTS) >>> 8) + 1;
    if (this.port(PORT.SSTS) !== SSTS_UP) throw new Error('ata1: no disk answers.');
    this.set(PORT.CLB, address);
    this.set(PORT.FB, address + LIST_BYTES);
    this.startPort();
    this.set(PORT.IE, CAUSES);
    fn.onInterrupt(() => this.interrupt());
    fn.write(HBA.IS, 0xffffffff);
    fn.write(HBA.GHC, (GHC.AHCI | GHC.INTERRUPTS) >>> 0);
    this.disk = this.identify();
    // Sense data tell what went wrong.
    this.wait(this.command({ command: ATA.SET_FEATURES, features: 0xc3, lba: 0, count: 1 }));
  }

  /** Where the adapter is on the PCI bus. */
  get bus(): string {
    return `0000:00:${this.fn.slot.toString(16).padStart(2, '0')}.0`;
  }

  private port(register: number): number {
    return this.fn.read(PORTS + register);
  }

  private set(register: number, value: number): void {
    this.fn.write(PORTS + register, value >>> 0);
  }

  /** The port takes commands, from the first slot on. */
  private startPort(): void {
    this.set(PORT.SERR, 0xffffffff);
    this.set(PORT.IS, 0xffffffff);
    this.set(PORT.CMD, CMD.SPIN_UP | CMD.POWER | CMD.FIS);
    this.set(PORT.CMD, CMD.SPIN_UP | CMD.POWER | CMD.FIS | CMD.START);
  }

  private identify(): DiskIdentity {
    const into = new Uint8Array(SECTOR_BYTES);
    this.wait(this.command({ command: ATA.IDENTIFY, features: 0, lba: 0, count: 0 }, [into]));
    const words = new Uint16Array(into.buffer);
    const text = (first: number, count: number): string =>
      String.fromCharCode(
        ...[...words.subarray(first, first + count)].flatMap(word => [word >>> 8, word & 0xff]),
      ).trim();
    return {
      model: text(27, 20),
      serial: text(10, 10),
      firmware: text(23, 4),
      sectors: words[100] + words[101] * 2 ** 16 + words[102] * 2 ** 32,
      depth: (words[75] & 31) + 1,
    };
  }

  // ---- requests

  /** Whole sectors. `done` is called in a turn of Domain 0; of what is waited for before this returns. */
  request(request: BlockRequest, done: Done): void {
    if (request.waits) return this.waitForAll(request, done);
    const commands = [...this.commandsFor(request)];
    if (commands.length === 0) return done();
    const ended = commands.length === 1 ? done : endOf(commands.length, done);
    for (const command of commands) {
      command.done = ended;
      command.issue = partOfRequest(command.issue);
      this.queue.push(command);
    }
    this.pump();
  }

  private waitForAll(request: BlockRequest, done: Done): void {
    try {
      for (const command of this.commandsFor(request)) this.wait(command);
    } catch (error) {
      return done(error as Error);
    }
    done();
  }

  private command(request: Request, pieces: Uint8Array[] = [], writes = false, inPlace = false): Command {
    const command: Command = {
      request,
      pieces,
      writes,
      inPlace,
      bytes: pieces.reduce((sum, { length }) => sum + length, 0),
      done: () => {},
      issue: () => this.issue(command),
      regions: [],
      buffer: -1,
    };
    return command;
  }

  private *commandsFor(request: BlockRequest): Generator<Command> {
    if (request.op === 'flush')
      return yield this.command({ command: ATA.FLUSH_CACHE_EXT, features: 0, lba: 0, count: 0 });
    if (request.op === 'discard') return yield* this.trims(request.at / SECTOR_BYTES, request.bytes / SECTOR_BYTES);
    const writes = request.op === 'write';
    const machine = this.memory.bytes.buffer;
    const inPlace = request.pieces.every(
      ({ buffer, byteOffset, length }) =>
        buffer === machine && byteOffset % 2 === 0 && length % SECTOR_BYTES === 0 && length <= MOST_REGION_BYTES,
    );
    let lba = request.at / SECTOR_BYTES;
    for (const pieces of inPlace ? inRegions(request.pieces) : inBuffers(request.pieces)) {
      const sectors = pieces.reduce((sum, { length }) => sum + length, 0) / SECTOR_BYTES;
      yield this.command(
        { command: writes ? ATA.WRITE_QUEUED : ATA.READ_QUEUED, features: sectors % MOST_SECTORS, lba, count: 0 },
        pieces,
        writes,
        inPlace,
      );
      lba += sectors;
    }
  }

  private *trims(first: number, sectors: number): Generator<Command> {
    const end = first + sectors;
    for (let lba = first; lba < end; ) {
      const list = new DataView(new ArrayBuffer(MOST_TRIM_BLOCKS * SECTOR_BYTES));
      let ranges = 0;
      for (; lba < end && ranges < MOST_TRIM_BLOCKS * TRIM_RANGES; ranges++) {
        const count = Math.min(TRIM_STEP, end - lba);
        list.setUint32(8 * ranges, lba >>> 0, true);
        list.setUint16(8 * ranges + 4, Math.floor(lba / 2 ** 32), true);
        list.setUint16(8 * ranges + 6, count, true);
        lba += count;
      }
      const blocks = Math.ceil(ranges / TRIM_RANGES);
      yield this.command(
        { command: ATA.DATA_SET_MANAGEMENT, features: TRIM, lba: 0, count: blocks },
        [new Uint8Array(list.buffer, 0, blocks * SECTOR_BYTES)],
        true,
      );
    }
  }

  /** Gives the adapter what it has room for, in order; one that is not queued there has the disk alone. */
  private pump(): void {
    while (this.queue.length > 0) {
      const [command] = this.queue;
      if (!this.hasRoom(command)) return;
      this.queue.shift();
      command.issue();
    }
  }

  private hasRoom({ request, inPlace, bytes, buffer }: Command): boolean {
    if (this.flying === this.slots || this.isAlone) return false;
    if (!isQueued(request.command))
      return this.flying === 0 && (bytes === 0 || buffer === 0 || this.freeBuffers.length > 0);
    return inPlace || buffer === 0 || this.freeBuffers.length > 0;
  }

  private issue(command: Command): void {
    const { fn, view, memory, inFlight } = this;
    const { request, pieces, bytes, writes, inPlace } = command;
    const slot = inFlight.indexOf(undefined);
    const queued = isQueued(request.command);
    passes(IO_HOP.CONTROLLER, request.command, bytes / SECTOR_BYTES);
    inFlight[slot] = command;
    this.flying++;
    this.isAlone = !queued;
    if (inPlace)
      command.regions = joined(pieces.map(piece => ({ address: fn.map(piece) as number, length: piece.length })));
    else if (bytes > 0) {
      if (command.buffer < 0) command.buffer = this.freeBuffers.pop() as number;
      const at = bufferAt(command.buffer);
      if (writes) gather(pieces, memory.bytes, at);
      command.regions = [{ address: memory.address + at, length: bytes }];
    }
    const table = TABLES + slot * TABLE_BYTES;
    writeRequest(memory.bytes.subarray(table, table + 20), queued ? { ...request, count: slot << 3 } : request);
    command.regions.forEach(({ address, length }, i) => {
      const at = table + REGIONS + i * REGION_BYTES;
      view.setUint32(at, address, true);
      view.setUint32(at + 4, 0, true);
      view.setUint32(at + 12, length - 1, true);
    });
    const header = slot * HEADER_BYTES;
    view.setUint32(header, 5 | (writes ? HEADER.WRITE : 0) | (command.regions.length << 16), true);
    view.setUint32(header + 4, 0, true);
    view.setUint32(header + 8, memory.address + table, true);
    view.setUint32(header + 12, 0, true);
    if (queued) this.set(PORT.SACT, 1 << slot);
    this.set(PORT.CI, 1 << slot);
  }

  /** The adapter does not have it any more. */
  private takeBack(slot: number): Command {
    const { fn, inFlight, freeBuffers } = this;
    const command = inFlight[slot] as Command;
    inFlight[slot] = undefined;
    this.flying--;
    this.isAlone = false;
    if (command.inPlace) for (const piece of command.pieces) fn.unmap(piece);
    if (command.buffer > 0) {
      freeBuffers.push(command.buffer);
      command.buffer = -1;
    }
    return command;
  }

  private end(slot: number, error?: Error): void {
    const { buffer, writes, pieces } = this.inFlight[slot] as Command;
    if (buffer >= 0 && !writes && !error) scatter(this.memory.bytes, pieces, bufferAt(buffer));
    this.ended.push({ command: this.takeBack(slot), error });
  }

  // ---- what the adapter says

  private interrupt(): void {
    do {
      this.reap();
      for (const { command, error } of this.ended.splice(0)) command.done(error);
      this.pump();
    } while (this.ended.length > 0 || this.port(PORT.IS) !== 0);
  }

  /** Looks for what has ended. */
  private reap(): void {
    const is = this.port(PORT.IS);
    if (is & (IS.CONNECT | IS.PHY)) this.set(PORT.SERR, 0xffffffff);
    this.set(PORT.IS, is);
    this.fn.write(HBA.IS, 1);
    const busy = this.port(PORT.SACT) | this.port(PORT.CI);
    this.inFlight.forEach((command, slot) => {
      if (command && !((busy >>> slot) & 1)) this.end(slot);
    });
    if (is & IS.TASK_FILE) this.recover();
  }

  /** A command has failed, and the port has stopped: the other commands are issued again (AHCI 1.3.1, 6.2.2.2). */
  private recover(): void {
    const slots = this.inFlight.flatMap((command, slot) => (command ? [slot] : []));
    const queued = !this.isAlone;
    const commands = new Map(slots.map(slot => [slot, this.takeBack(slot)]));
    this.set(PORT.CMD, CMD.SPIN_UP | CMD.POWER | CMD.FIS);
    this.startPort();
    let failed = slots[0],
      sense: number;
    if (queued) {
      const log = new Uint8Array(SECTOR_BYTES);
      this.ask({ command: ATA.READ_LOG_EXT, features: 0, lba: ERROR_LOG, count: 1 }, log);
      failed = log[LOG.TAG] & (SLOTS - 1);
      sense = (log[LOG.SENSE] << 16) | (log[LOG.SENSE + 1] << 8) | log[LOG.SENSE + 2];
    } else {
      this.ask({ command: ATA.REQUEST_SENSE, features: 0, lba: 0, count: 0 });
      sense = this.view.getUint32(LIST_BYTES + RECEIVED.D2H + 4, true) & 0xffffff;
    }
    for (const [slot, command] of commands) {
      if (slot !== failed) this.queue.unshift(command);
      else this.ended.push({ command, error: errorOf(command.request, sense) });
    }
  }

  /** A command of the driver's own, while nothing else is in flight. */
  private ask(request: Request, into?: Uint8Array): void {
    const command = this.command(request, into ? [into] : []);
    command.buffer = 0;
    this.issue(command);
    const isDone = this.port(PORT.CI) === 0;
    this.set(PORT.IS, 0xffffffff);
    this.takeBack(this.inFlight.indexOf(command));
    if (!isDone) throw new Error('ata1: the disk does not say what failed.');
    if (into) scatter(this.memory.bytes, [into], bufferAt(0));
  }

  /** Has a command carried out, and looks until it has ended; others that end meanwhile are reported in Domain 0's turn. @throws DeviceFull, Error */
  private wait(command: Command): void {
    this.set(PORT.IE, 0);
    try {
      if (!command.inPlace) command.buffer = 0;
      this.queue.unshift(command);
      for (let looks = 0; looks < LOOKS; looks++) {
        this.pump();
        this.reap();
        const at = this.ended.findIndex(each => each.command === command);
        if (at < 0) {
          this.idle();
          continue;
        }
        const [{ error }] = this.ended.splice(at, 1);
        if (error) throw error;
        return;
      }
      throw new Error('ata1: the disk does not answer.');
    } finally {
      this.set(PORT.IE, CAUSES);
      if (this.ended.length > 0 || this.queue.length > 0) this.fn.interruptAgain();
    }
  }

  /** The disk goes: callers that wait for it get an error. */
  close(): void {
    const gone = new Error('The disk was taken away.');
    this.set(PORT.IE, 0);
    this.set(PORT.CMD, CMD.SPIN_UP | CMD.POWER);
    const waiting = [
      ...this.inFlight.flatMap((command, slot) => (command ? [this.takeBack(slot)] : [])),
      ...this.queue.splice(0),
    ];
    const failing = [...this.ended.splice(0), ...waiting.map(command => ({ command, error: gone }))];
    for (const { command, error } of failing) command.done(error);
  }
}

const bufferAt = (number: number): number => BUFFERS_AT + number * BUFFER_BYTES;

/** Frames that lie side by side are one region. */
function joined(regions: readonly Region[]): Region[] {
  const found: Region[] = [];
  for (const { address, length } of regions) {
    const last = found.at(-1);
    if (last && last.address + last.length === address) last.length += length;
    else found.push({ address, length });
  }
  return found;
}

function errorOf({ lba }: Request, sense: number): Error {
  if (sense === SENSE.NO_ROOM) return new DeviceFull('the disk has no room for what was not written before');
  return new Error(`ata1: ${SENSES[sense] ?? `sense ${sense.toString(16)}`} at sector ${lba}`);
}

/** Pieces by the commands that take them. */
function* inRegions(pieces: readonly Uint8Array[]): Generator<Uint8Array[]> {
  let group: Uint8Array[] = [],
    bytes = 0;
  for (const piece of pieces) {
    if (group.length === MOST_REGIONS || bytes + piece.length > MOST_REGION_BYTES) {
      yield group;
      group = [];
      bytes = 0;
    }
    group.push(piece);
    bytes += piece.length;
  }
  if (group.length > 0) yield group;
}

function* inBuffers(pieces: readonly Uint8Array[]): Generator<Uint8Array[]> {
  let group: Uint8Array[] = [],
    room = BUFFER_BYTES;
  for (const piece of pieces)
    for (let at = 0; at < piece.length; ) {
      const part = piece.subarray(at, at + room);
      group.push(part);
      at += part.length;
      room -= part.length;
      if (room > 0) continue;
      yield group;
      group = [];
      room = BUFFER_BYTES;
    }
  if (group.length > 0) yield group;
}
