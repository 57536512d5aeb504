/**
 * Serial EEPROM of 64 words (93C46) behind chip select, clock and data.
 * Source: Microchip 93C46B datasheet (DS21749), 2.0-3.0: start bit, two bits of opcode, six of address, most significant bit first;
 * a read answers with a zero bit before the data.
 */
import { assignState, copyState } from '../state.ts';
import type { State } from '../bus.ts';

const WORDS = 64;
const READ = 2,
  WRITE = 1,
  ERASE = 3;

export class Microwire {
  /** `received` bits of an instruction in `shift`; `out` counts the bits of `data` that are still to go, the zero before them included. */
  private readonly r = {
    words: new Uint16Array(WORDS).fill(0xffff),
    selected: false,
    clock: false,
    shift: 0,
    received: 0,
    data: 0,
    out: 0,
    address: 0,
    writable: false,
    dataOut: true,
  };

  /** Contents as bytes, the low byte of each word first. */
  constructor(content: Uint8Array) {
    content.forEach((byte, i) => {
      const { words } = this.r;
      words[i >> 1] = i & 1 ? (words[i >> 1] & 0xff) | (byte << 8) : (words[i >> 1] & 0xff00) | byte;
    });
  }

  /** What a word holds. */
  word(address: number): number {
    return this.r.words[address & (WORDS - 1)];
  }

  get dataOut(): boolean {
    return this.r.dataOut;
  }

  /** Levels of the three pins; the chip acts when the clock rises. */
  drive(select: boolean, clock: boolean, dataIn: boolean): void {
    const { r } = this;
    if (!select) {
      if (r.selected) this.finish();
      r.selected = false;
      r.received = r.shift = r.out = 0;
      r.dataOut = true;
    } else if (clock && !r.clock) this.clockIn(dataIn);
    r.selected = select;
    r.clock = clock;
  }

  private clockIn(bit: boolean): void {
    const { r } = this;
    if (r.out > 0) {
      r.out--;
      r.dataOut = ((r.data >> r.out) & 1) !== 0;
      // The address counts on by itself while the clock runs (sequential read).
      if (r.out === 0) {
        r.address = (r.address + 1) & (WORDS - 1);
        r.data = r.words[r.address];
        r.out = 16;
      }
      return;
    }
    if (r.received === 0 && !bit) return;
    if (r.received >= 25) return;
    r.shift = (r.shift << 1) | (bit ? 1 : 0);
    r.received++;
    if (r.received === 9 && ((r.shift >> 6) & 3) === READ) {
      r.address = r.shift & 63;
      r.data = r.words[r.address];
      r.out = 16;
      r.dataOut = false;
    }
  }

  /** Chip select falls: what writes starts now, and is over at once. */
  private finish(): void {
    const { r } = this;
    if (r.received !== 9 && r.received !== 25) return;
    const instruction = r.received === 25 ? r.shift >> 16 : r.shift;
    const opcode = (instruction >> 6) & 3;
    const address = instruction & 63;
    if (opcode === 0) {
      // EWDS 00, WRAL 01, ERAL 10, EWEN 11 in the address' upper bits.
      const kind = address >> 4;
      if (kind === 0 || kind === 3) r.writable = kind === 3;
      else if (r.writable && kind === 2) r.words.fill(0xffff);
      else if (r.writable && r.received === 25) r.words.fill(r.shift & 0xffff);
    } else if (!r.writable) return;
    else if (opcode === WRITE && r.received === 25) r.words[address] = r.shift & 0xffff;
    else if (opcode === ERASE) r.words[address] = 0xffff;
  }

  save(): State {
    return copyState(this.r);
  }

  restore(name: string, state: State): void {
    assignState(name, this.r, state);
  }
}
