/** A PC that is attacked: all its devices, with guest memory between two strips that nobody may touch, and a clock that the attacker moves. */
import { MemoryDisk } from '../../../formats/blocks/index.ts';
import {
  type Dma,
  type FolderAnswer,
  type NicModel,
  Pc,
  type State,
  type Timer,
  TimerQueue,
  VIRTIO_DISK_SLOT,
  VIRTIO_KINDS,
} from '../../../devices/index.ts';
import { VIRTIO_DISKS, VIRTIO_PLACE } from '../../../devices/ide/index.ts';

/** Guest memory, and what lies before and behind it. */
const MEMORY_BYTES = 1 << 20,
  STRIP_BYTES = 4096,
  STRIP = 0xa5;
/** More than this for one access is a device that does not end: bytes by DMA, calls of it, and deadlines. */
const MOST_BYTES = 1 << 27,
  MOST_CALLS = 1 << 21,
  MOST_DEADLINES = 1 << 20;
const VIDEO_BYTES = 1 << 20;
const SMALL_DISK = 4096 * 512,
  CD = 1024 * 2048,
  FLOPPY = 1474560;
const MAC = Uint8Array.of(0x00, 0x16, 0x3e, 1, 2, 3);

/** Where the devices of virtio are that are neither disk nor card. */
/** One of each kind; a channel is a port of the console's device. */
export const VIRTIO_ITEMS = Object.keys(VIRTIO_KINDS).map(name => (name === 'channel' ? 'channel,name=one' : name));
export const VIRTIO_SLOTS = VIRTIO_DISK_SLOT + VIRTIO_DISKS;

/** Whatever is asked of a folder. */
const FOUND: FolderAnswer = {
  facts: { mode: 0o40755, bytes: 0, mtimeMs: 0, id: 1 },
  all: [{ mode: 0o100644, bytes: 3, mtimeMs: 0, id: 2 }],
  list: [{ name: 'a', facts: { mode: 0o100644, bytes: 3, mtimeMs: 0, id: 2 } }],
  bytes: Uint8Array.of(1, 2, 3),
  target: 'a',
};

/** Something has gone wrong that no access may lead to. */
export class Broken extends Error {}

/** What is done to a machine: data, so that a second one can be done the same. */
export type Action =
  | { kind: 'in'; port: number; size: number }
  | { kind: 'out'; port: number; size: number; value: number }
  | { kind: 'ins'; port: number; size: number; bytes: number }
  | { kind: 'outs'; port: number; size: number; bytes: Uint8Array }
  | { kind: 'load'; address: number; size: number }
  | { kind: 'store'; address: number; size: number; value: number }
  | { kind: 'memory'; address: number; bytes: Uint8Array }
  | { kind: 'time'; ns: number }
  | { kind: 'frame'; bytes: Uint8Array }
  | { kind: 'key'; code: string; down: boolean }
  | { kind: 'move'; dx: number; dy: number; buttons: number }
  | { kind: 'serial'; bytes: Uint8Array }
  | { kind: 'acknowledge' | 'reset' };

class CountedTimers extends TimerQueue {
  deadlines = 0;

  override create(name: string, callback: () => void): Timer {
    return super.create(name, () => {
      if (++this.deadlines > MOST_DEADLINES) throw new Broken(`the timer "${name}" does not end`);
      callback();
    });
  }
}

export class Target {
  readonly pc: Pc;
  private ns = 0;
  private readonly timers = new CountedTimers({ nowNs: () => this.ns });
  private readonly whole = new Uint8Array(MEMORY_BYTES + 2 * STRIP_BYTES).fill(STRIP);
  private readonly memory = this.whole.subarray(STRIP_BYTES, STRIP_BYTES + MEMORY_BYTES).fill(0);
  private readonly media = [SMALL_DISK, SMALL_DISK, CD, FLOPPY, FLOPPY, SMALL_DISK].map((bytes, i) =>
    new Uint8Array(bytes).fill(i + 1),
  );
  private readonly ethernet: {
    send(frame: Uint8Array): void;
    receive?: (frame: Uint8Array) => void;
    canReceive?: () => boolean;
  } = { send: frame => this.sent(frame) };
  private bytes = 0;
  private calls = 0;
  private sum = 0;

  constructor(nic: NicModel) {
    const [first, second, cd, a, b, third] = this.media;
    const video = new Uint8Array(VIDEO_BYTES);
    this.pc = new Pc({
      timers: this.timers,
      dma: this.dma(),
      memoryMiB: 1,
      startEpochMs: Date.UTC(2026, 10, 21),
      apic: true,
      processors: 2,
      xenPlatform: true,
      serial: [() => {}, () => {}],
      onPowerOff: () => {},
      onReset: () => {},
      onDebugExit: () => {},
      videoMemory: { bytes: video, moved: () => {}, takeDirtyPages: () => null },
      ide: [
        { place: 0, kind: 'disk', disk: new MemoryDisk(first) },
        { place: 1, kind: 'disk', disk: new MemoryDisk(second, { readOnly: true }) },
        { place: 2, kind: 'cdrom', disk: new MemoryDisk(cd, { sectorBytes: 2048, readOnly: true }) },
        { place: 4, kind: 'floppy', disk: new MemoryDisk(a) },
        { place: 5, kind: 'floppy', disk: new MemoryDisk(b, { readOnly: true }) },
        { place: VIRTIO_PLACE, kind: 'disk', disk: new MemoryDisk(third) },
      ],
      cards: [{ model: nic, mac: MAC, ethernet: this.ethernet }],
      virtio: { items: VIRTIO_ITEMS, seed: 1 },
      virtioHost: {
        folder: (device, number) => this.pc.virtio.find(({ name }) => name === device)?.folderAnswer?.(number, FOUND),
      },
    });
    this.pc.installTables();
  }

  private count(length: number): void {
    this.bytes += length;
    if (this.bytes > MOST_BYTES || ++this.calls > MOST_CALLS) throw new Broken('DMA that does not end');
  }

  private dma(): Dma {
    const { memory } = this;
    const inside = (address: number, length: number): void => {
      this.count(length);
      if (!Number.isInteger(address) || address < 0) throw new Broken(`DMA at ${address}, which is no address`);
    };
    return {
      read: (address, into) => {
        inside(address, into.length);
        into.fill(0xff).set(memory.subarray(address, address + into.length));
      },
      write: (address, from) => {
        inside(address, from.length);
        if (address < memory.length) memory.set(from.subarray(0, memory.length - address), address);
      },
      views: (address, length) => {
        inside(address, length);
        return address + length <= memory.length ? [memory.subarray(address, address + length)] : null;
      },
    };
  }

  private sent(frame: Uint8Array): void {
    if (frame.length > 0xffff) throw new Broken(`a frame of ${frame.length} bytes`);
    this.sum = (this.sum * 31 + frame.length) | 0;
  }

  /** Goes on where another one is, as a restored machine does. @throws StateError */
  continue(from: Target): void {
    this.ns = from.ns;
    this.sum = from.sum;
    this.memory.set(from.memory);
    from.media.forEach((bytes, i) => this.media[i].set(bytes));
    this.pc.restore(structuredClone(from.pc.save()));
  }

  /** Does it; what was read, or 0. @throws Broken, and what no device may throw */
  do(action: Action): number {
    const { pc } = this;
    this.bytes = this.calls = this.timers.deadlines = 0;
    switch (action.kind) {
      case 'in':
        return pc.bus.readPort(action.port, action.size);
      case 'out':
        pc.bus.writePort(action.port, action.value, action.size);
        return 0;
      case 'ins': {
        const into = new Uint8Array(action.bytes);
        const moved = pc.bus.readPortBlock(action.port, action.size, into);
        if (!(moved >= 0 && moved <= into.length)) throw new Broken(`${moved} bytes of ${into.length} were given`);
        return into.reduce((sum, byte) => (sum * 31 + byte) | 0, moved);
      }
      case 'outs': {
        const moved = pc.bus.writePortBlock(action.port, action.size, action.bytes);
        if (!(moved >= 0 && moved <= action.bytes.length))
          throw new Broken(`${moved} bytes of ${action.bytes.length} were taken`);
        return moved;
      }
      case 'load':
        return pc.bus.readMemory(action.address, action.size);
      case 'store':
        pc.bus.writeMemory(action.address, action.value, action.size);
        return 0;
      case 'memory':
        this.memory.set(action.bytes, action.address);
        return 0;
      case 'time':
        this.pass(action.ns);
        return 0;
      case 'frame':
        this.ethernet.receive?.(action.bytes.slice());
        return this.ethernet.canReceive?.() ? 1 : 0;
      case 'key':
        pc.keyboard.key(action.code, action.down);
        return 0;
      case 'move':
        pc.mouse.move(action.dx, action.dy, 0, action.buttons);
        return 0;
      case 'serial':
        return pc.serialInput(0, action.bytes);
      case 'acknowledge':
        return pc.intr ? pc.acknowledge(0) : -1;
      case 'reset':
        pc.reset();
        return 0;
    }
  }

  /** Deadlines at their own times, as far as a machine that has better to do looks at them. */
  private pass(ns: number): void {
    const end = this.ns + ns;
    for (let i = 0; i < 100 && this.timers.nextDeadlineNs <= end; i++) {
      this.ns = Math.max(this.ns, this.timers.nextDeadlineNs);
      this.timers.run();
    }
    this.ns = end;
    this.timers.run();
  }

  /** Two bytes of guest memory. */
  word(address: number): number {
    return this.memory[address] | (this.memory[address + 1] << 8);
  }

  /** A byte outside of guest memory has changed. */
  get isTouched(): boolean {
    const { whole } = this;
    return (
      whole.subarray(0, STRIP_BYTES).some(byte => byte !== STRIP) ||
      whole.subarray(STRIP_BYTES + MEMORY_BYTES).some(byte => byte !== STRIP)
    );
  }

  /** All that a guest could tell two machines apart by. */
  get outcome(): State {
    return {
      memory: this.memory,
      media: this.media,
      sent: this.sum,
      interrupts: [this.pc.intrOf(0), this.pc.intrOf(1)],
      devices: this.pc.save(),
    };
  }

  /** A doubleword of a function's configuration space. */
  config(bdf: number, offset: number): number {
    return this.pc.pci.configAccess(bdf, offset, 4, true, 0);
  }
}

/** Where two states differ first, as a path; undefined: they are equal. */
export function difference(a: unknown, b: unknown, path = ''): string | undefined {
  if (ArrayBuffer.isView(a) && ArrayBuffer.isView(b)) {
    const same =
      a.byteLength === b.byteLength &&
      Buffer.compare(
        new Uint8Array(a.buffer, a.byteOffset, a.byteLength),
        new Uint8Array(b.buffer, b.byteOffset, b.byteLength),
      ) === 0;
    return same ? undefined : path;
  }
  if (typeof a === 'object' && typeof b === 'object' && a !== null && b !== null) {
    for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
      const found = difference((a as State)[key], (b as State)[key], `${path}.${key}`);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  return Object.is(a, b) ? undefined : `${path} (${String(a)} and ${String(b)})`;
}
