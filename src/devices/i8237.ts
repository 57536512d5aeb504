/**
 * Two Intel 8237A DMA controllers as a PC has them: channels 0 to 3 move bytes, 5 to 7 words, channel 4 passes the first controller's requests on; and the page
 * registers, which hold the addresses' upper bits. Source: Intel 8237A datasheet (231466); 82371FB (PIIX3) datasheet, 2.3.1, and IBM AT technical reference
 * for ports. A device moves a block at once where the chip would take its requests one by one. What devices of the ISA bus cannot see is not built:
 * memory-to-memory transfers, which the PIIX3 has not, priorities, and timing; a request by software moves nothing, since no device answers it.
 */
import type { Dma, PortRange } from './bus.ts';
import { RegisterDevice } from './register-device.ts';

const CHANNELS = 8,
  CASCADE = 4;
const COMMAND_DISABLE = 0x04;
/** Mode register: transfer type (bits 3-2), initialized again at the end (4), downwards (5), mode (7-6; 3: cascade). */
const TYPE = { VERIFY: 0, TO_MEMORY: 1, FROM_MEMORY: 2 } as const;
const AUTOINITIALIZE = 0x10,
  DECREMENT = 0x20,
  MODE_CASCADE = 3;
/** Registers behind addresses and counts. */
const R = {
  COMMAND_STATUS: 8,
  REQUEST: 9,
  MASK: 10,
  MODE: 11,
  CLEAR_FLIP_FLOP: 12,
  MASTER_CLEAR: 13,
  CLEAR_MASK: 14,
  ALL_MASK: 15,
} as const;
/** The page register of each channel, from port 0x80. */
const PAGE_OF = [7, 3, 1, 2, 15, 11, 9, 10];

const initial = () => ({
  command: new Uint8Array(2),
  status: new Uint8Array(2),
  request: new Uint8Array(2),
  mask: new Uint8Array(2).fill(0x0f),
  flipFlop: new Uint8Array(2),
  mode: new Uint8Array(CHANNELS),
  baseAddress: new Uint16Array(CHANNELS),
  baseCount: new Uint16Array(CHANNELS),
  address: new Uint16Array(CHANNELS),
  count: new Uint16Array(CHANNELS),
  pages: new Uint8Array(16),
});

/** What a device sees of its channel: its requests, answered at once. */
export interface DmaChannel {
  /** Bytes for memory. `moved`: as many as the channel took; none while it is masked or set up for the other way. `end`: the last of its count was among them. */
  toMemory(bytes: Uint8Array): { moved: number; end: boolean };
  /** Bytes from memory, likewise. */
  fromMemory(into: Uint8Array): { moved: number; end: boolean };
}

export class I8237 extends RegisterDevice<ReturnType<typeof initial>> {
  readonly addedLater = true;
  readonly portRanges: PortRange[];
  private readonly dma: Dma;

  constructor(dma: Dma) {
    super('dma', initial);
    this.dma = dma;
    const { r } = this;
    this.portRanges = [
      {
        base: 0x00,
        count: 16,
        read: offset => this.read(0, offset),
        write: (offset, value) => this.write(0, offset, value),
      },
      {
        base: 0xc0,
        count: 32,
        read: offset => this.read(1, offset >> 1),
        write: (offset, value) => this.write(1, offset >> 1, value),
      },
      {
        base: 0x81,
        count: 15,
        read: offset => r.pages[offset + 1],
        write: (offset, value) => (r.pages[offset + 1] = value),
      },
    ];
  }

  /** As a BIOS leaves them: the first controller's requests come through. */
  setFirmwareDefaults(): void {
    this.r.mode[CASCADE] = MODE_CASCADE << 6;
    this.r.mask[1] &= ~1;
  }

  // ---- registers

  private read(controller: number, register: number): number {
    const { r } = this;
    if (register < R.COMMAND_STATUS) {
      const channel = controller * 4 + (register >> 1);
      const word = register & 1 ? r.count[channel] : r.address[channel];
      r.flipFlop[controller] ^= 1;
      return r.flipFlop[controller] ? word & 0xff : word >> 8;
    }
    if (register === R.COMMAND_STATUS) {
      const value = r.status[controller] | (r.request[controller] << 4);
      r.status[controller] = 0;
      return value;
    }
    // The PIIX3 lets the mask be read; the temporary register has what only memory-to-memory transfers put there.
    return register === R.ALL_MASK ? r.mask[controller] : register === R.MASTER_CLEAR ? 0 : 0xff;
  }

  private write(controller: number, register: number, value: number): void {
    const { r } = this;
    const bit = 1 << (value & 3);
    if (register < R.COMMAND_STATUS) return this.writeWord(controller, register, value);
    switch (register) {
      case R.COMMAND_STATUS:
        r.command[controller] = value;
        return;
      case R.REQUEST:
        r.request[controller] = value & 4 ? r.request[controller] | bit : r.request[controller] & ~bit;
        return;
      case R.MASK:
        r.mask[controller] = value & 4 ? r.mask[controller] | bit : r.mask[controller] & ~bit;
        return;
      case R.MODE:
        r.mode[controller * 4 + (value & 3)] = value & 0xfc;
        return;
      case R.CLEAR_FLIP_FLOP:
        r.flipFlop[controller] = 0;
        return;
      case R.MASTER_CLEAR:
        r.command[controller] = r.status[controller] = r.request[controller] = r.flipFlop[controller] = 0;
        r.mask[controller] = 0x0f;
        return;
      case R.CLEAR_MASK:
        r.mask[controller] = 0;
        return;
      default:
        r.mask[controller] = value & 0x0f;
    }
  }

  /** Base and current registers together, a byte at a time. */
  private writeWord(controller: number, register: number, value: number): void {
    const { r } = this;
    const channel = controller * 4 + (register >> 1);
    const [base, current] = register & 1 ? [r.baseCount, r.count] : [r.baseAddress, r.address];
    base[channel] = r.flipFlop[controller] ? (base[channel] & 0x00ff) | (value << 8) : (base[channel] & 0xff00) | value;
    current[channel] = base[channel];
    r.flipFlop[controller] ^= 1;
  }

  // ---- transfers

  /** A device's end of a channel. */
  channel(channel: number): DmaChannel {
    return {
      toMemory: bytes => this.move(channel, bytes, TYPE.TO_MEMORY),
      fromMemory: into => this.move(channel, into, TYPE.FROM_MEMORY),
    };
  }

  private enabled(channel: number): boolean {
    const { r } = this;
    const controller = channel >> 2;
    if (r.command[controller] & COMMAND_DISABLE || r.mask[controller] & (1 << (channel & 3))) return false;
    return controller === 1 || this.enabled(CASCADE);
  }

  private move(channel: number, bytes: Uint8Array, way: number): { moved: number; end: boolean } {
    const { r } = this;
    const mode = r.mode[channel];
    const type = (mode >> 2) & 3;
    if (!this.enabled(channel) || mode >> 6 === MODE_CASCADE || (type !== way && type !== TYPE.VERIFY))
      return { moved: 0, end: false };
    const unit = channel < CASCADE ? 1 : 2;
    const units = Math.min(Math.floor(bytes.length / unit), r.count[channel] + 1);
    const step = mode & DECREMENT ? -1 : 1;
    // The pages' registers do not count: an address wraps within its 64 K units.
    for (let done = 0; done < units; ) {
      const at = (r.address[channel] + step * done) & 0xffff;
      const piece = step < 0 ? 1 : Math.min(units - done, 0x10000 - at);
      const linear =
        unit === 1 ? (r.pages[PAGE_OF[channel]] << 16) | at : ((r.pages[PAGE_OF[channel]] & 0xfe) << 16) | (at << 1);
      const part = bytes.subarray(done * unit, (done + piece) * unit);
      if (type === TYPE.TO_MEMORY) this.dma.write(linear, part);
      else if (type === TYPE.FROM_MEMORY) this.dma.read(linear, part);
      done += piece;
    }
    const end = units > r.count[channel];
    r.address[channel] += step * units;
    r.count[channel] -= units;
    if (end) this.finish(channel);
    return { moved: units * unit, end };
  }

  /** Terminal count. */
  private finish(channel: number): void {
    const { r } = this;
    const controller = channel >> 2;
    const bit = 1 << (channel & 3);
    r.status[controller] |= bit;
    r.request[controller] &= ~bit;
    if (!(r.mode[channel] & AUTOINITIALIZE)) r.mask[controller] |= bit;
    else {
      r.address[channel] = r.baseAddress[channel];
      r.count[channel] = r.baseCount[channel];
    }
  }
}
