/**
 * Parallel flash with Intel's basic command set, 8 bits wide: where a board has its firmware, and where that keeps its variables.
 * Sources: Intel StrataFlash Memory (J3) datasheet, order number 290667 (commands, table 4; status register, table 16; CFI query, appendix A); JEDEC JEP137
 * (command set 0001). As in QEMU's pflash_cfi01, for which OVMF's driver is written: blocks of 4 KiB, a cleared status reads 0, nothing takes time.
 */
import type { Device, MemoryRange, State } from './bus.ts';
import { assignState, copyState, resetState, StateError } from './state.ts';

/** The cells. While the array is read the guest finds them in its memory; a board without such a memory has them in bytes. */
export interface FlashArray {
  readonly length: number;
  read(offset: number): number;
  write(offset: number, from: Uint8Array): void;
  /** Whether the guest reads the cells, or the device answers each read. */
  show(cells: boolean): void;
}

export const FLASH_BLOCK_BYTES = 4096;
const BUFFER_BYTES = 256;

const READ_ARRAY = 0xff,
  READ_ID = 0x90,
  READ_STATUS = 0x70,
  CLEAR_STATUS = 0x50,
  QUERY = 0x98,
  PROGRAM = 0x40,
  PROGRAM_TOO = 0x10,
  PROGRAM_BUFFER = 0xe8,
  ERASE = 0x20,
  CONFIRM = 0xd0,
  LOCK = 0x60,
  SET_LOCK = 0x01;
/** Commands of a second cycle. */
const SETUPS = [PROGRAM, PROGRAM_TOO, PROGRAM_BUFFER, ERASE, LOCK];

const READY = 0x80,
  /** Both errors together: a command sequence that there is not. */
  ERASE_ERROR = 0x20,
  PROGRAM_ERROR = 0x10;

const MANUFACTURER = 0x89,
  DEVICE = 0x18;

const initial = () => ({
  /** What is read: READ_ARRAY, READ_ID, QUERY; else the status. */
  mode: READ_ARRAY,
  /** The command whose second cycle comes; 0: a command comes. */
  setup: 0,
  status: READY,
  /** PROGRAM_BUFFER: bytes that are still to come (-1: their number is), those that came, and where the first of them goes. */
  left: -1,
  buffer: new Uint8Array(BUFFER_BYTES),
  count: 0,
  from: 0,
});

export class Flash implements Device {
  readonly name = 'flash';
  readonly addedLater = true;
  readonly memoryRanges: readonly MemoryRange[];
  private readonly r = initial();
  private readonly array: FlashArray;
  /** Keeps what was written where it outlives the machine. */
  private readonly keep: (offset: number, bytes: Uint8Array) => void;
  /** Blocks that are not as they were at first. */
  private readonly changed = new Set<number>();

  /** It ends at 4 GiB, where the processor begins. */
  constructor(array: FlashArray, keep: (offset: number, bytes: Uint8Array) => void = () => {}) {
    this.array = array;
    this.keep = keep;
    this.memoryRanges = [
      {
        base: 2 ** 32 - array.length,
        length: array.length,
        read: (offset, size) => this.read(offset, size),
        write: (offset, value, size) => this.write(offset, value, size),
      },
    ];
  }

  private read(offset: number, size: number): number {
    let value = 0;
    for (let i = 0; i < size; i++) value |= this.readByte(offset + i) << (8 * i);
    return value >>> 0;
  }

  private readByte(offset: number): number {
    const { r, array } = this;
    if (r.mode === READ_ARRAY) return array.read(offset);
    if (r.mode === READ_ID) return [MANUFACTURER, DEVICE][offset & 0xff] ?? 0;
    if (r.mode === QUERY) return queryTable(array.length)[offset & 0xff] ?? 0;
    return r.status;
  }

  private write(offset: number, value: number, size: number): void {
    const bytes = Uint8Array.from({ length: size }, (_, i) => value >>> (8 * i));
    const { r } = this;
    const before = r.mode;
    if (r.setup === 0) this.command(bytes[0], offset);
    else this.second(bytes, offset);
    if ((before === READ_ARRAY) !== (r.mode === READ_ARRAY)) this.array.show(r.mode === READ_ARRAY);
  }

  private command(command: number, offset: number): void {
    const { r } = this;
    if (command === CLEAR_STATUS) {
      r.status = 0;
      r.mode = READ_ARRAY;
    } else if (SETUPS.includes(command)) {
      r.setup = command;
      r.mode = READ_STATUS;
      r.left = -1;
      r.from = offset;
      if (command === PROGRAM_BUFFER) r.status |= READY;
    } else r.mode = [READ_ID, READ_STATUS, QUERY].includes(command) ? command : READ_ARRAY;
  }

  private second(bytes: Uint8Array, offset: number): void {
    const { r } = this;
    if (r.setup === PROGRAM_BUFFER) return this.buffered(bytes, offset);
    const { setup } = r;
    r.setup = 0;
    r.status |= READY;
    if (setup === PROGRAM || setup === PROGRAM_TOO) return this.program(offset, bytes);
    if (bytes[0] === READ_ARRAY) r.mode = READ_ARRAY;
    else if (setup === ERASE && bytes[0] === CONFIRM) this.erase(offset - (offset % FLASH_BLOCK_BYTES));
    // Blocks have no locks.
    else if (setup !== LOCK || (bytes[0] !== CONFIRM && bytes[0] !== SET_LOCK)) r.status |= ERASE_ERROR | PROGRAM_ERROR;
  }

  /** Their number less one, the bytes, CONFIRM. */
  private buffered(bytes: Uint8Array, offset: number): void {
    const { r } = this;
    if (r.left < 0) {
      r.left = bytes[0] + 1;
      r.count = 0;
      return;
    }
    if (r.left > 0) {
      if (r.count === 0) r.from = offset;
      const some = bytes.subarray(0, Math.min(r.left, BUFFER_BYTES - r.count));
      // They come in order, as drivers write them.
      if (offset !== r.from + r.count) r.status |= PROGRAM_ERROR;
      r.buffer.set(some, r.count);
      r.count += some.length;
      r.left -= some.length;
      return;
    }
    r.setup = 0;
    r.status |= READY;
    if (bytes[0] !== CONFIRM) r.status |= ERASE_ERROR | PROGRAM_ERROR;
    else if (!(r.status & PROGRAM_ERROR)) this.program(r.from, r.buffer.slice(0, r.count));
  }

  /** Cells go from 1 to 0 alone. */
  private program(offset: number, bytes: Uint8Array): void {
    const { array } = this;
    const some = bytes.subarray(0, array.length - offset);
    this.put(
      offset,
      some.map((byte, i) => byte & array.read(offset + i)),
    );
  }

  private erase(offset: number): void {
    this.put(offset, new Uint8Array(FLASH_BLOCK_BYTES).fill(0xff));
  }

  private put(offset: number, bytes: Uint8Array): void {
    for (let at = offset; at < offset + bytes.length; at += FLASH_BLOCK_BYTES - (at % FLASH_BLOCK_BYTES))
      this.changed.add(Math.floor(at / FLASH_BLOCK_BYTES));
    this.array.write(offset, bytes);
    this.keep(offset, bytes);
  }

  /** The cells keep what they hold. */
  reset(): void {
    resetState(this.r, initial());
    this.array.show(true);
  }

  save(): State {
    const blocks = [...this.changed].sort((a, b) => a - b);
    const cells = new Uint8Array(blocks.length * FLASH_BLOCK_BYTES);
    blocks.forEach((block, i) => {
      for (let k = 0; k < FLASH_BLOCK_BYTES; k++)
        cells[i * FLASH_BLOCK_BYTES + k] = this.array.read(block * FLASH_BLOCK_BYTES + k);
    });
    return { ...copyState(this.r), blocks, cells };
  }

  /** Over the image that the machine was built with. @throws StateError */
  restore(state: State): void {
    const { blocks, cells } = state;
    const last = this.array.length / FLASH_BLOCK_BYTES;
    if (!Array.isArray(blocks) || !blocks.every(block => Number.isInteger(block) && block >= 0 && block < last))
      throw new StateError(this.name, 'blocks', 'does not fit its size');
    if (!(cells instanceof Uint8Array) || cells.length !== blocks.length * FLASH_BLOCK_BYTES)
      throw new StateError(this.name, 'cells', `is not ${blocks.length} blocks`);
    for (const [key, most] of [
      ['left', BUFFER_BYTES],
      ['count', BUFFER_BYTES],
      ['from', this.array.length],
    ] as const)
      if (!Number.isInteger(state[key]) || (state[key] as number) < -1 || (state[key] as number) > most)
        throw new StateError(this.name, key, `is not from -1 to ${most}`);
    assignState(this.name, this.r, state);
    (blocks as number[]).forEach((block, i) => {
      this.changed.add(block);
      this.array.write(block * FLASH_BLOCK_BYTES, cells.subarray(i * FLASH_BLOCK_BYTES, (i + 1) * FLASH_BLOCK_BYTES));
    });
    this.array.show(this.r.mode === READ_ARRAY);
  }

  peek(): State {
    return { ...copyState(this.r), changed: this.changed.size };
  }
}

/** What a CFI query reads: identification, system interface, geometry. */
function queryTable(length: number): number[] {
  const table = new Array<number>(0x34).fill(0);
  const put = (at: number, ...bytes: number[]): void => bytes.forEach((byte, i) => (table[at + i] = byte));
  const blocks = length / FLASH_BLOCK_BYTES - 1;
  // "QRY"; command set 0001; its own table at 31h, "PRI" version 1.0.
  put(0x10, 0x51, 0x52, 0x59, 0x01, 0x00, 0x31, 0x00);
  // 4.5 to 5.5 V, no VPP; times as powers of two: program and buffer 128 µs, erase 1024 ms, and at most 16 times as long.
  put(0x1b, 0x45, 0x55, 0x00, 0x00, 0x07, 0x07, 0x0a, 0x00, 0x04, 0x04, 0x04, 0x00);
  put(0x27, Math.ceil(Math.log2(length)), 0x00, 0x00, Math.log2(BUFFER_BYTES), 0x00, 0x01);
  put(0x2d, blocks & 0xff, blocks >> 8, FLASH_BLOCK_BYTES >> 8, FLASH_BLOCK_BYTES >> 16);
  put(0x31, 0x50, 0x52, 0x49);
  return table;
}
