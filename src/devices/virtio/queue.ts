/**
 * *Idea.* A split virtqueue from the device's side: the driver puts chains of buffers into the available ring, the device returns them in the used
 * ring, and each side tells the other by an index from when on it wants to be notified. Everything is in the guest's memory and nothing read there is
 * trusted: each word is read once, lengths and links are checked, and a chain can never be longer than the queue. Source: OASIS Virtual I/O Device
 * (VIRTIO) 1.2, 2.7.
 */
import type { Dma, State } from '../bus.ts';
import { assignState, copyState, resetState, StateError } from '../state.ts';
import { type Chain, Pieces } from './chain.ts';

/** The driver has broken its rings: the device can only be reset (2.1.2). */
export class BrokenRing extends Error {
  override name = 'BrokenRing';
}

/** Of an interrupt vector: none. */
export const NO_VECTOR = 0xffff;
const DESCRIPTOR_BYTES = 16,
  USED_ELEMENT_BYTES = 8;
const NEXT = 1,
  WRITE = 2,
  INDIRECT = 4;
/** Both rings begin with their flags and their index. */
const INDEX = 2,
  RING = 4;
/** Of the driver's flags: it wants no interrupt. */
const NO_INTERRUPT = 1;
const MOST_BYTES = 2 ** 32;
/** Legacy drivers have all in one block, the device's ring on a page (2.7.2). */
const LEGACY_ALIGNMENT = 4096;

const initial = (size: number) => ({
  size,
  enabled: false,
  /** Guest-physical addresses of the descriptors, of the driver's ring and of the device's. */
  descriptors: 0,
  driver: 0,
  device: 0,
  vector: NO_VECTOR,
  /** Chains taken and given back, in 16 bits, and how many were given back when the driver was last notified. */
  taken: 0,
  given: 0,
  told: 0,
});

/** What both sides have agreed to. */
export interface RingFeatures {
  indirect: boolean;
  eventIndex: boolean;
}

/** A place of the driver's ring: the chain that it names, and its pieces. */
export interface OfferedChain {
  head: number;
  pieces: { address: number; length: number; isWritten: boolean }[];
}

/** A queue as its device sees it, all of one moment. Indices have 16 bits. */
export interface QueueLook {
  index: number;
  size: number;
  vector: number;
  /** Guest-physical addresses. */
  descriptors: number;
  driver: number;
  device: number;
  /** The driver's: its index, and how far the device has come when it wants to hear of it; `event` undefined: it wants to always, or never. */
  available: { index: number; event: number | undefined };
  /** The device's, likewise. */
  used: { index: number; event: number | undefined };
  /** The device's own: chains taken and given back. */
  taken: number;
  given: number;
  /** By place of the driver's ring; of a chain that is the driver's again without its pieces. */
  chains: OfferedChain[];
  /** By place of the device's ring. */
  elements: { id: number; written: number }[];
  counts: QueueCounts;
}

/** Since the board was made. */
export interface QueueCounts {
  kicks: number;
  interrupts: number;
  taken: number;
  given: number;
  /** The driver's index at each of the last kicks. */
  offered: number[];
}

/** The same with what its specification calls it; empty: it is the only one. */
export type VirtQueueLook = QueueLook & { name: string };

/** Kicks whose index is kept. */
const MOST_OFFERED = 32;

export class VirtQueue {
  readonly index: number;
  readonly counts: QueueCounts = { kicks: 0, interrupts: 0, taken: 0, given: 0, offered: [] };
  readonly r: ReturnType<typeof initial>;
  readonly most: number;
  private readonly dma: Dma;
  private readonly features: () => RingFeatures;
  private readonly scratch = new DataView(new ArrayBuffer(DESCRIPTOR_BYTES));
  /** Its first bytes: a request reads dozens of them. */
  private readonly ofWord = new Uint8Array(this.scratch.buffer, 0, 2);
  private readonly ofElement = new Uint8Array(this.scratch.buffer, 0, USED_ELEMENT_BYTES);
  private readonly ofDescriptor = new Uint8Array(this.scratch.buffer);

  /** `most`: descriptors, a power of two. */
  constructor(index: number, most: number, dma: Dma, features: () => RingFeatures) {
    this.index = index;
    this.most = most;
    this.dma = dma;
    this.features = features;
    this.r = initial(most);
  }

  /** Whether it can have this many descriptors. */
  canHave(size: unknown): size is number {
    const n = size as number;
    return Number.isInteger(n) && n > 0 && n <= this.most && (n & (n - 1)) === 0;
  }

  /** Places it as a legacy driver has it: one block from a page on; 0: it is off. */
  placeLegacy(page: number): void {
    const { r } = this;
    r.descriptors = page * LEGACY_ALIGNMENT;
    r.driver = r.descriptors + DESCRIPTOR_BYTES * r.size;
    r.device = Math.ceil((r.driver + RING + 2 * r.size + 2) / LEGACY_ALIGNMENT) * LEGACY_ALIGNMENT;
    r.enabled = page !== 0;
  }

  private word(address: number): number {
    this.dma.read(address, this.ofWord);
    return this.scratch.getUint16(0, true);
  }

  private putWord(address: number, value: number): void {
    this.scratch.setUint16(0, value, true);
    this.dma.write(address, this.ofWord);
  }

  /** Chains that the driver offers and that were not taken. @throws BrokenRing */
  get waiting(): number {
    const { r } = this;
    const ahead = (this.word(r.driver + INDEX) - r.taken) & 0xffff;
    if (ahead > r.size) throw new BrokenRing(`queue ${this.index}: ${ahead} chains in a ring of ${r.size}`);
    return ahead;
  }

  /** The next chain; undefined: there is none. @throws BrokenRing */
  take(): Chain | undefined {
    const { r } = this;
    if (this.waiting === 0) return undefined;
    const place = r.taken & (r.size - 1);
    const chain = this.chainAt(this.word(r.driver + RING + 2 * place), place);
    r.taken = (r.taken + 1) & 0xffff;
    this.counts.taken++;
    return chain;
  }

  /** Asks to be notified of the next chain, once all were taken. */
  rest(): void {
    const { r } = this;
    if (this.features().eventIndex) this.putWord(r.device + RING + USED_ELEMENT_BYTES * r.size, r.taken);
  }

  /** The chain that begins with a descriptor; `place` -1: it was taken long ago. @throws BrokenRing */
  chainAt(head: number, place = -1): Chain {
    const { r, scratch: descriptor } = this;
    const chain = { head, place, readable: new Pieces(this.dma), writable: new Pieces(this.dma) };
    let table = r.descriptors,
      count = r.size,
      isIndirect = false,
      at = head;
    for (let left = r.size; ; left--) {
      if (left === 0) throw new BrokenRing(`queue ${this.index}: a chain is longer than the queue, or a loop`);
      if (at >= count) throw new BrokenRing(`queue ${this.index}: descriptor ${at} of ${count}`);
      this.dma.read(table + DESCRIPTOR_BYTES * at, this.ofDescriptor);
      const address = descriptor.getUint32(0, true) + descriptor.getUint32(4, true) * 2 ** 32;
      const length = descriptor.getUint32(8, true),
        flags = descriptor.getUint16(12, true);
      at = descriptor.getUint16(14, true);
      if (flags & INDIRECT) {
        if (!this.features().indirect || isIndirect || flags & NEXT || length === 0 || length % DESCRIPTOR_BYTES !== 0)
          throw new BrokenRing(`queue ${this.index}: an indirect descriptor where none may be, or of ${length} bytes`);
        [table, count, isIndirect, at] = [address, length / DESCRIPTOR_BYTES, true, 0];
        left++;
        continue;
      }
      if (flags & WRITE) chain.writable.add(address, length);
      else if (chain.writable.bytes > 0)
        throw new BrokenRing(`queue ${this.index}: a readable descriptor behind a writable one`);
      else chain.readable.add(address, length);
      if (chain.readable.bytes + chain.writable.bytes > MOST_BYTES)
        throw new BrokenRing(`queue ${this.index}: a chain of more than 4 GiB`);
      if (!(flags & NEXT)) return chain;
    }
  }

  /** Gives a chain back, with this many bytes written. */
  give({ head }: Pick<Chain, 'head'>, written: number): void {
    const { r, scratch } = this;
    scratch.setUint32(0, head, true);
    scratch.setUint32(4, written, true);
    this.dma.write(r.device + RING + USED_ELEMENT_BYTES * (r.given & (r.size - 1)), this.ofElement);
    r.given = (r.given + 1) & 0xffff;
    this.counts.given++;
    this.putWord(r.device + INDEX, r.given);
  }

  /** The driver has said that there is something. */
  kicked(): void {
    const { counts, r } = this;
    counts.kicks++;
    counts.offered.push(r.enabled ? this.word(r.driver + INDEX) : 0);
    if (counts.offered.length > MOST_OFFERED) counts.offered.shift();
  }

  /** What lies in it now; undefined: it is not in use. Nothing changes. */
  look(): QueueLook | undefined {
    const { r, counts } = this;
    if (!r.enabled) return undefined;
    const { eventIndex } = this.features();
    const available = this.word(r.driver + INDEX),
      waiting = (available - r.taken) & 0xffff;
    const places = Array.from({ length: r.size }, (_, place) => place);
    /** A place that the device has to do with is so far before the driver's index. */
    const ahead = Math.min(r.size, waiting + ((r.taken - r.given) & 0xffff));
    return {
      index: this.index,
      size: r.size,
      vector: r.vector,
      descriptors: r.descriptors,
      driver: r.driver,
      device: r.device,
      available: { index: available, event: eventIndex ? this.word(r.driver + RING + 2 * r.size) : undefined },
      used: {
        index: this.word(r.device + INDEX),
        event: eventIndex ? this.word(r.device + RING + USED_ELEMENT_BYTES * r.size) : undefined,
      },
      taken: r.taken,
      given: r.given,
      chains: places.map(place => {
        const head = this.word(r.driver + RING + 2 * place);
        return { head, pieces: ((available - 1 - place) & (r.size - 1)) < ahead ? this.piecesAt(head) : [] };
      }),
      elements: places.map(place => {
        this.dma.read(r.device + RING + USED_ELEMENT_BYTES * place, this.ofElement);
        return { id: this.scratch.getUint32(0, true), written: this.scratch.getUint32(4, true) };
      }),
      counts: { ...counts, offered: [...counts.offered] },
    };
  }

  private piecesAt(head: number): OfferedChain['pieces'] {
    try {
      const { readable, writable } = this.chainAt(head);
      return [readable, writable].flatMap(({ places }, i) => places.map(each => ({ ...each, isWritten: i === 1 })));
    } catch (error) {
      if (error instanceof BrokenRing) return [];
      throw error;
    }
  }

  /** Chains that were given back since the driver was last notified. */
  get untold(): number {
    return (this.r.given - this.r.told) & 0xffff;
  }

  /** Whether to notify the driver of what was given back since the last notification (2.7.7.2, 2.7.10). From now on it has been. */
  tells(): boolean {
    const { r } = this;
    const since = this.untold;
    r.told = r.given;
    if (since === 0) return false;
    if (!this.features().eventIndex) return (this.word(r.driver) & NO_INTERRUPT) === 0;
    const event = this.word(r.driver + RING + 2 * r.size);
    return ((r.given - event - 1) & 0xffff) < since;
  }

  reset(): void {
    resetState(this.r, initial(this.most));
  }

  save(): State {
    return copyState(this.r);
  }

  /** @throws StateError */
  restore(device: string, state: State): void {
    const name = `${device} queue ${this.index}`;
    if (!this.canHave(state.size)) throw new StateError(name, 'size', `is no power of two up to ${this.most}`);
    assignState(name, this.r, state);
  }
}
