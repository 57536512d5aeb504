/**
 * Domain 0's driver for the host's network card: through its registers, with descriptors and buffers in machine memory.
 * Source: Intel, PCI/PCI-X Family of Gigabit Ethernet Controllers Software Developer's Manual (317453), chapter 14 (initialization), 3.2 and 3.3 (descriptors).
 */
import { CTRL, EERD, ICR, RCTL, REG, RXD, TCTL, TXD } from '../../../devices/net/e1000/index.ts';
import type { DmaMemory, HostFunction } from '../hardware/host-bus.ts';

export const E1000_ID = { vendor: 0x8086, device: 0x100e } as const;

const DESCRIPTOR_BYTES = 16;
/** Descriptors of each ring (a multiple of 8), and bytes of a buffer. */
const SLOTS = 32,
  BUFFER_BYTES = 2048;
const RING_BYTES = SLOTS * DESCRIPTOR_BYTES;
const CAUSES = ICR.RXT0 | ICR.RXO | ICR.RXDMT0 | ICR.LSC;

export class E1000Driver {
  /** Station address, from the card's EEPROM. */
  readonly mac: Uint8Array;
  /** Frames that found no free descriptor. */
  dropped = 0;
  private readonly fn: HostFunction;
  private readonly onFrame: (frame: Uint8Array) => void;
  private readonly memory: DmaMemory;
  private readonly view: DataView;
  private rxNext = 0;
  private txNext = 0;
  /** The oldest descriptor that the card may still have. */
  private txOldest = 0;

  /** `onFrame` gets what the card receives, in Domain 0's turn. @throws HostError where there is too little memory */
  constructor(fn: HostFunction, onFrame: (frame: Uint8Array) => void) {
    this.fn = fn;
    this.onFrame = onFrame;
    this.memory = fn.share(2 * RING_BYTES + 2 * SLOTS * BUFFER_BYTES);
    const { bytes, address } = this.memory;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    fn.write(REG.IMC, 0xffffffff);
    fn.write(REG.CTRL, CTRL.RST);
    fn.write(REG.IMC, 0xffffffff);
    fn.read(REG.ICR);
    this.mac = new Uint8Array(6);
    for (let word = 0; word < 3; word++) {
      const value = this.eeprom(word);
      this.mac.set([value & 0xff, value >>> 8], 2 * word);
    }
    fn.write(REG.CTRL, (fn.read(REG.CTRL) | CTRL.SLU | CTRL.ASDE) >>> 0);
    for (let i = 0; i < 128; i++) fn.write(REG.MTA + 4 * i, 0);
    for (let slot = 0; slot < SLOTS; slot++) this.giveBuffer(slot);
    const ring = (base: number, length: number, head: number, tail: number, at: number): void => {
      fn.write(base, address + at);
      fn.write(base + 4, 0);
      fn.write(length, RING_BYTES);
      fn.write(head, 0);
      fn.write(tail, 0);
    };
    ring(REG.RDBAL, REG.RDLEN, REG.RDH, REG.RDT, 0);
    ring(REG.TDBAL, REG.TDLEN, REG.TDH, REG.TDT, RING_BYTES);
    // A bridge hears all that is on the wire; buffers of 2 KiB, without the frame check sequence.
    fn.write(REG.RCTL, RCTL.EN | RCTL.UPE | RCTL.MPE | RCTL.BAM | RCTL.SECRC);
    fn.write(REG.RDT, SLOTS - 1);
    fn.write(REG.TIPG, 10 | (8 << 10) | (6 << 20));
    fn.write(REG.TCTL, TCTL.EN | TCTL.PSP | (15 << 4) | (64 << 12));
    fn.onInterrupt(() => this.interrupt());
    fn.write(REG.IMS, CAUSES);
  }

  private eeprom(word: number): number {
    this.fn.write(REG.EERD, EERD.START | (word << 8));
    for (let tries = 0; tries < 1000; tries++) {
      const value = this.fn.read(REG.EERD);
      if (value & EERD.DONE) return value >>> 16;
    }
    return 0xffff;
  }

  private rxBuffer(slot: number): number {
    return 2 * RING_BYTES + slot * BUFFER_BYTES;
  }

  private txBuffer(slot: number): number {
    return 2 * RING_BYTES + (SLOTS + slot) * BUFFER_BYTES;
  }

  private giveBuffer(slot: number): void {
    const { view, memory } = this;
    const at = slot * DESCRIPTOR_BYTES;
    view.setUint32(at, memory.address + this.rxBuffer(slot), true);
    view.setUint32(at + 4, 0, true);
    view.setUint32(at + 8, 0, true);
    view.setUint32(at + 12, 0, true);
  }

  private interrupt(): void {
    const { fn, view, memory } = this;
    fn.read(REG.ICR);
    let given = -1;
    for (
      let at = this.rxNext * DESCRIPTOR_BYTES;
      view.getUint8(at + 12) & RXD.DD;
      at = this.rxNext * DESCRIPTOR_BYTES
    ) {
      const slot = this.rxNext;
      const length = Math.min(view.getUint16(at + 8, true), BUFFER_BYTES);
      // A frame over several buffers is longer than any that the bridge takes.
      const whole = (view.getUint8(at + 12) & RXD.EOP) !== 0 && view.getUint8(at + 13) === 0;
      const frame = memory.bytes.slice(this.rxBuffer(slot), this.rxBuffer(slot) + length);
      this.giveBuffer(slot);
      given = slot;
      this.rxNext = (slot + 1) % SLOTS;
      if (whole) this.onFrame(frame);
    }
    if (given >= 0) fn.write(REG.RDT, given);
  }

  /** False: all descriptors are the card's, or the frame is too long; it is lost. */
  send(frame: Uint8Array): boolean {
    const { view, memory } = this;
    while (this.txOldest !== this.txNext && view.getUint8(RING_BYTES + this.txOldest * DESCRIPTOR_BYTES + 12) & TXD.DD)
      this.txOldest = (this.txOldest + 1) % SLOTS;
    const next = (this.txNext + 1) % SLOTS;
    if (next === this.txOldest || frame.length > BUFFER_BYTES) {
      this.dropped++;
      return false;
    }
    const at = RING_BYTES + this.txNext * DESCRIPTOR_BYTES,
      buffer = this.txBuffer(this.txNext);
    memory.bytes.set(frame, buffer);
    view.setUint32(at, memory.address + buffer, true);
    view.setUint32(at + 4, 0, true);
    view.setUint32(at + 8, frame.length | ((TXD.EOP | TXD.IFCS | TXD.RS) << 24), true);
    view.setUint32(at + 12, 0, true);
    this.txNext = next;
    this.fn.write(REG.TDT, next);
    return true;
  }
}
