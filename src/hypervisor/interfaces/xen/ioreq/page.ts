/**
 * The two pages that a hypervisor and a device model in another domain share: requests that a vCPU waits for, a slot each, and a ring of writes for which
 * nobody waits. Source: xen/include/public/hvm/ioreq.h. Neither page is in the guest's reach; a device model may still be wrong, so that everything that is
 * read here is copied once and then checked.
 */

/** STATE_IOREQ_*. */
export const IOREQ_STATE = { NONE: 0, READY: 1, IN_PROCESS: 2, RESPONSE_READY: 3 } as const;
/** IOREQ_TYPE_*: ports, memory, PCI configuration space (address: bus, device and function from bit 8 of the high word, register in the low one). */
export const IOREQ_TYPE = { PIO: 0, COPY: 1, PCI_CONFIG: 2, TIMEOFFSET: 7, INVALIDATE: 8 } as const;

export interface Ioreq {
  type: number;
  /** A port, or a guest-physical address. */
  address: number;
  /** PCI_CONFIG: bus, device and function as in bits 8-23 of port 0xCF8. */
  bdf: number;
  /** What is written, or (`isPointer`) the guest-physical address of the data. */
  data: number;
  /** Elements, and bytes of one. */
  count: number;
  size: number;
  read: boolean;
  /** Elements go down in memory. */
  down: boolean;
  isPointer: boolean;
}

const TWO_TO_32 = 2 ** 32;
const SLOT_WORDS = 8;
const ADDRESS = 0,
  DATA = 2,
  COUNT = 4,
  SIZE = 5,
  PORT = 6,
  /** State in bits 16-19, data_is_ptr 20, dir 21, df 22, type from 24. */
  FLAGS = 7;
const STATE_SHIFT = 16,
  STATE_MASK = 15 << STATE_SHIFT,
  IS_POINTER = 1 << 20,
  READ = 1 << 21,
  DOWN = 1 << 22,
  TYPE_SHIFT = 24;

/** A vCPU's slot of the ioreq page. `words`: over the page. */
export class IoreqSlot {
  private readonly words: Int32Array;
  private readonly at: number;

  constructor(words: Int32Array, vcpu: number) {
    this.words = words;
    this.at = vcpu * SLOT_WORDS;
  }

  /** Event channel port of the guest's domain by which the vCPU's device model is notified, and notifies. */
  get port(): number {
    return this.words[this.at + PORT];
  }

  set port(port: number) {
    this.words[this.at + PORT] = port;
  }

  get state(): number {
    return (Atomics.load(this.words, this.at + FLAGS) & STATE_MASK) >>> STATE_SHIFT;
  }

  set state(state: number) {
    const at = this.at + FLAGS;
    Atomics.store(this.words, at, (this.words[at] & ~STATE_MASK) | (state << STATE_SHIFT));
  }

  /** Fills the slot in and makes it READY. */
  put(request: Ioreq): void {
    const { words, at } = this;
    words[at + ADDRESS] = request.address;
    words[at + ADDRESS + 1] =
      request.type === IOREQ_TYPE.PCI_CONFIG ? request.bdf : Math.floor(request.address / TWO_TO_32);
    words[at + DATA] = request.data;
    words[at + DATA + 1] = request.isPointer ? Math.floor(request.data / TWO_TO_32) : 0;
    words[at + COUNT] = request.count;
    words[at + SIZE] = request.size;
    const bits = (request.isPointer ? IS_POINTER : 0) | (request.read ? READ : 0) | (request.down ? DOWN : 0);
    Atomics.store(words, at + FLAGS, bits | (request.type << TYPE_SHIFT) | (IOREQ_STATE.READY << STATE_SHIFT));
  }

  /** What the slot asks for. */
  get(): Ioreq {
    const { words, at } = this;
    const flags = Atomics.load(words, at + FLAGS),
      type = flags >>> TYPE_SHIFT,
      upper = words[at + ADDRESS + 1] >>> 0,
      isConfig = type === IOREQ_TYPE.PCI_CONFIG;
    return {
      type,
      address: (words[at + ADDRESS] >>> 0) + (isConfig ? 0 : upper * TWO_TO_32),
      bdf: isConfig ? upper : 0,
      data: (words[at + DATA] >>> 0) + (flags & IS_POINTER ? (words[at + DATA + 1] >>> 0) * TWO_TO_32 : 0),
      count: words[at + COUNT] >>> 0,
      size: words[at + SIZE] >>> 0,
      read: (flags & READ) !== 0,
      down: (flags & DOWN) !== 0,
      isPointer: (flags & IS_POINTER) !== 0,
    };
  }

  get data(): number {
    return this.words[this.at + DATA];
  }

  set data(value: number) {
    this.words[this.at + DATA] = value;
  }
}

/** A write of the ring: 1, 2 or 4 bytes below 1 MiB. */
export interface BufferedWrite {
  type: number;
  address: number;
  size: number;
  data: number;
}

export const BUFFERED_SLOTS = 511;
const READ_POINTER = 0,
  WRITE_POINTER = 1,
  FIRST_SLOT = 2,
  /** Type in bits 0-7, dir 9, size as a power of two 10-11, address from 12; then the data. */
  BUFFERED_READ = 1 << 9,
  SIZE_SHIFT = 10,
  ADDRESS_SHIFT = 12;
const SIZES = [1, 2, 4, 8];
/** Pointers run free, to a multiple of the slots below 2^32: where they begin again, so do the slots. */
const WRAP = BUFFERED_SLOTS * 2 ** 23;

/** The page of buffered requests. `words`: over the page. */
export class BufferedPage {
  private readonly words: Int32Array;

  constructor(words: Int32Array) {
    this.words = words;
  }

  /** Writes that wait; more than BUFFERED_SLOTS: the pointers make no sense. */
  get waiting(): number {
    return (
      ((Atomics.load(this.words, WRITE_POINTER) >>> 0) - (Atomics.load(this.words, READ_POINTER) >>> 0) + WRAP) % WRAP
    );
  }

  /** False: it is full, or holds no such write; it is then one to wait for. */
  put({ type, address, size, data }: BufferedWrite): boolean {
    const { words } = this;
    const power = SIZES.indexOf(size);
    if (this.waiting >= BUFFERED_SLOTS || address >= 1 << 20 || power < 0 || power > 2) return false;
    const written = Atomics.load(words, WRITE_POINTER) >>> 0;
    const at = FIRST_SLOT + (written % BUFFERED_SLOTS) * 2;
    words[at] = type | (power << SIZE_SHIFT) | (address << ADDRESS_SHIFT);
    words[at + 1] = data;
    Atomics.store(words, WRITE_POINTER, ((written + 1) % WRAP) | 0);
    return true;
  }

  /** The oldest write; undefined: none waits. @throws Error where the page makes no sense. */
  take(): BufferedWrite | undefined {
    const { words, waiting } = this;
    if (waiting === 0) return undefined;
    if (waiting > BUFFERED_SLOTS)
      throw new Error(`the buffered ioreq page has ${waiting} requests in ${BUFFERED_SLOTS} slots`);
    const read = Atomics.load(words, READ_POINTER) >>> 0;
    const at = FIRST_SLOT + (read % BUFFERED_SLOTS) * 2;
    const head = words[at],
      data = words[at + 1];
    Atomics.store(words, READ_POINTER, ((read + 1) % WRAP) | 0);
    if (head & BUFFERED_READ) throw new Error('the buffered ioreq page asks for a read');
    return {
      type: head & 0xff,
      address: head >>> ADDRESS_SHIFT,
      size: SIZES[(head >>> SIZE_SHIFT) & 3],
      data: data >>> 0,
    };
  }
}
