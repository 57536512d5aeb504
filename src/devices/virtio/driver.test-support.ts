/** A driver of virtio devices for tests: it does what chapter 3 of VIRTIO 1.2 asks of one, and what it should not where a test says so. */
import { TestLine, TestMemory, TestTimers } from '../testing.ts';
import { IoBus } from '../io-bus.ts';
import { PCI, PciBus } from '../pci/pci.ts';
import type { VirtioPci } from './transport.ts';

export const LEGACY = 0xc000,
  TABLE = 0xe0000000,
  MODERN = 0xe0010000;
export const COMMON = MODERN,
  ISR = MODERN + 0x1000,
  CONFIG = MODERN + 0x2000,
  NOTIFY = MODERN + 0x3000;
const SIZE = 16;
/** Of a queue: its rings, and where its buffers lie. */
const RINGS = 0x1000,
  BUFFERS = 0x20000;
const NEXT = 1,
  WRITE = 2,
  INDIRECT = 4;

export interface Piece {
  bytes?: Uint8Array;
  /** The device writes this many. */
  room?: number;
  at?: number;
}

export class VirtioDriver {
  readonly memory = new TestMemory(1 << 20);
  readonly view = new DataView(this.memory.bytes.buffer);
  readonly timers: TestTimers;
  readonly line = new TestLine();
  readonly bus = new IoBus();
  readonly messages: number[] = [];
  readonly pci = new PciBus(
    this.bus,
    { base: 0, count: 1, read: () => 0, write: () => {} },
    this.memory,
    (_address, data) => this.messages.push(data),
  );
  readonly device: VirtioPci;
  readonly size = SIZE;
  private readonly offered: number[] = [];
  private nextBuffer = BUFFERS;

  constructor(make: (parts: { timers: TestTimers; irq: TestLine }) => VirtioPci, timers = new TestTimers()) {
    this.timers = timers;
    this.device = make({ timers, irq: this.line });
    this.pci.add(5, 0, this.device.fn);
    const { fn } = this.device;
    fn.write(PCI.BAR0, LEGACY, 4);
    fn.write(PCI.BAR0 + 4, TABLE, 4);
    fn.write(PCI.BAR0 + 16, MODERN, 4);
    fn.write(PCI.COMMAND, 7, 2);
  }

  read(address: number, size = 4): number {
    return this.bus.readMemory(address, size);
  }

  write(address: number, value: number, size = 4): void {
    this.bus.writeMemory(address, value >>> 0, size);
  }

  get status(): number {
    return this.read(COMMON + 0x14, 1);
  }

  set status(value: number) {
    this.write(COMMON + 0x14, value, 1);
  }

  /** What is offered, low word and high word. */
  offers(): [number, number] {
    const words = [0, 1].map(word => {
      this.write(COMMON, word);
      return this.read(COMMON + 4);
    });
    return [words[0]!, words[1]!];
  }

  /** Agrees to features; returns whether the device does, too. */
  agree(low: number, high = 1): boolean {
    this.status = 0;
    this.status = 1;
    this.status = 3;
    [low, high].forEach((word, i) => {
      this.write(COMMON + 8, i);
      this.write(COMMON + 12, word);
    });
    this.status = 11;
    return (this.status & 8) !== 0;
  }

  ring(queue: number): { descriptors: number; driver: number; device: number } {
    const descriptors = RINGS * (1 + 3 * queue);
    return { descriptors, driver: descriptors + RINGS, device: descriptors + 2 * RINGS };
  }

  /** Sets queues up and says that it drives the device. */
  begin(queues: number, low = 0): void {
    if (!this.agree(low)) throw new Error('The device does not agree.');
    for (let queue = 0; queue < queues; queue++) this.enable(queue);
    this.status = 15;
  }

  enable(queue: number): void {
    const ring = this.ring(queue);
    this.write(COMMON + 0x16, queue, 2);
    this.write(COMMON + 0x18, SIZE, 2);
    [ring.descriptors, ring.driver, ring.device].forEach((address, i) => {
      this.write(COMMON + 0x20 + 8 * i, address);
      this.write(COMMON + 0x24 + 8 * i, 0);
    });
    this.write(COMMON + 0x1c, 1, 2);
    this.offered[queue] = 0;
  }

  descriptor(queue: number, index: number, address: number, length: number, flags: number, next = 0): void {
    this.put(this.ring(queue).descriptors + 16 * index, address, length, flags, next);
  }

  put(at: number, address: number, length: number, flags: number, next: number): void {
    const { view } = this;
    view.setUint32(at, address, true);
    view.setUint32(at + 4, 0, true);
    view.setUint32(at + 8, length, true);
    view.setUint16(at + 12, flags, true);
    view.setUint16(at + 14, next, true);
  }

  /** Puts pieces into memory and a chain of them from `first` on, in the queue's table or in one of their own. Returns where each piece is. */
  chain(queue: number, first: number, pieces: readonly Piece[], isIndirect = false): number[] {
    const places = pieces.map(({ bytes, room = 0, at }) => {
      const place = at ?? this.nextBuffer;
      if (at === undefined) this.nextBuffer += (bytes?.length ?? room) + 64;
      if (bytes) this.memory.bytes.set(bytes, place);
      return place;
    });
    const table = isIndirect ? (this.nextBuffer += 512) - 512 : this.ring(queue).descriptors + 16 * first;
    pieces.forEach(({ bytes, room = 0 }, i) => {
      const flags = (bytes ? 0 : WRITE) | (i < pieces.length - 1 ? NEXT : 0);
      this.put(table + 16 * i, places[i]!, bytes?.length ?? room, flags, (isIndirect ? 0 : first) + i + 1);
    });
    if (isIndirect) this.descriptor(queue, first, table, 16 * pieces.length, INDIRECT);
    return places;
  }

  /** Offers the chain that begins with a descriptor. */
  offer(queue: number, head: number, notify = true): void {
    const { driver } = this.ring(queue);
    const index = this.offered[queue]!;
    this.view.setUint16(driver + 4 + 2 * (index % SIZE), head, true);
    this.offered[queue] = (index + 1) & 0xffff;
    this.view.setUint16(driver + 2, this.offered[queue]!, true);
    if (notify) this.notify(queue);
  }

  notify(queue: number): void {
    this.write(NOTIFY + 4 * queue, queue, 2);
  }

  /** What was given back: heads and bytes written. */
  used(queue: number): [head: number, written: number][] {
    const { device } = this.ring(queue);
    const count = this.view.getUint16(device + 2, true);
    return Array.from({ length: count }, (_, i) => {
      const at = device + 4 + 8 * (i % SIZE);
      return [this.view.getUint32(at, true), this.view.getUint32(at + 4, true)];
    });
  }
}
