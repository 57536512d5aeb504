/**
 * Reception of the 82540EM: address filters, receive descriptors, checksums looked at on the way.
 * Source: the manual (317453), 3.2 (descriptors), 13.5 (filters). VLAN tags are not taken out, nor filtered by.
 */
import type { Dma } from '../../bus.ts';
import { FCS_BYTES, frameCheck, HEADER_BYTES, MAX_FRAME, MIN_FRAME } from '../ethernet.ts';
import { checksum, ETHERTYPE_IP, get16 } from '../packets.ts';
import { ICR, RAH_AV, RCTL, REG, RXCSUM, RXD, STAT } from './registers.ts';
import type { Statistics } from './statistics.ts';

const DESCRIPTOR_BYTES = 16;
const ADDRESSES = 16;
/** With a VLAN tag: longer ones need RCTL.LPE. */
const LONGEST_PLAIN = MAX_FRAME + 4,
  LONGEST = 16384 - FCS_BYTES;
const TCP = 6,
  UDP = 17;

export interface ReceiverParts {
  regs: Uint32Array;
  dma: Dma;
  statistics: Statistics;
  cause(bits: number, delayed: boolean): void;
}

export class Receiver {
  private readonly parts: ReceiverParts;
  private readonly descriptor = new Uint8Array(DESCRIPTOR_BYTES);
  private readonly view = new DataView(this.descriptor.buffer);

  constructor(parts: ReceiverParts) {
    this.parts = parts;
  }

  private word(register: number): number {
    return this.parts.regs[register >>> 2];
  }

  private get slots(): number {
    return this.word(REG.RDLEN) / DESCRIPTOR_BYTES;
  }

  /** Descriptors that the chip may fill. */
  private get free(): number {
    const { slots } = this;
    const free = (this.word(REG.RDT) - this.word(REG.RDH) + slots) % slots;
    return this.word(REG.RDT) < slots && this.word(REG.RDH) < slots ? free : 0;
  }

  private get bufferBytes(): number {
    const code = (this.word(REG.RCTL) >>> RCTL.BSIZE_SHIFT) & 3;
    return this.word(REG.RCTL) & RCTL.BSEX ? (code === 0 ? 2048 : 32768 >>> code) : 2048 >>> code;
  }

  /** A frame would find buffers, or is not looked at. */
  get ready(): boolean {
    return !(this.word(REG.RCTL) & RCTL.EN) || this.free * this.bufferBytes >= LONGEST_PLAIN + FCS_BYTES;
  }

  receive(frame: Uint8Array): void {
    const { statistics, cause } = this.parts;
    const control = this.word(REG.RCTL);
    if (!(control & RCTL.EN) || control & RCTL.LBM) return;
    statistics.heard(frame.length);
    if (frame.length < HEADER_BYTES) return statistics.count(STAT.RUC);
    if (frame.length > (control & RCTL.LPE ? LONGEST : LONGEST_PLAIN)) return statistics.count(STAT.ROC);
    if (!this.matches(frame, control)) return;
    const whole = new Uint8Array(Math.max(MIN_FRAME, frame.length) + FCS_BYTES);
    whole.set(frame);
    const data = whole.length - FCS_BYTES;
    new DataView(whole.buffer).setUint32(data, frameCheck(whole, data), true);
    const bytes = control & RCTL.SECRC ? whole.subarray(0, data) : whole;
    if (this.free * this.bufferBytes < bytes.length) {
      statistics.count(STAT.MPC);
      return cause(ICR.RXO, false);
    }
    statistics.received(frame);
    this.scatter(bytes, this.checks(frame), frame);
    const { free, slots } = this;
    // 1/2, 1/4, 1/8 of the ring.
    const low = free <= slots >>> (((control >>> RCTL.RDMTS_SHIFT) & 3) + 1);
    cause(ICR.RXT0 | (low ? ICR.RXDMT0 : 0), !low);
  }

  private matches(frame: Uint8Array, control: number): boolean {
    if (frame[0] & 1) {
      if (control & RCTL.BAM && frame.subarray(0, 6).every(byte => byte === 0xff)) return true;
      return (control & RCTL.MPE) !== 0 || this.matchesAddress(frame) || this.matchesTable(frame, control);
    }
    return (control & RCTL.UPE) !== 0 || this.matchesAddress(frame);
  }

  /** RAL and RAH, 16 pairs. */
  private matchesAddress(frame: Uint8Array): boolean {
    const low = frame[0] | (frame[1] << 8) | (frame[2] << 16) | (frame[3] << 24),
      high = frame[4] | (frame[5] << 8);
    const { regs } = this.parts;
    for (let i = 0, at = REG.RAL >>> 2; i < ADDRESSES; i++, at += 2)
      if (regs[at + 1] & RAH_AV && (regs[at + 1] & 0xffff) === high && (regs[at] | 0) === low) return true;
    return false;
  }

  /** The multicast table: 12 bits of the address' last two bytes, where RCTL.MO says. */
  private matchesTable(frame: Uint8Array, control: number): boolean {
    const shift = [4, 3, 2, 0][(control >>> RCTL.MO_SHIFT) & 3];
    const hash = (((frame[5] << 8) | frame[4]) >>> shift) & 0xfff;
    return ((this.parts.regs[(REG.MTA >>> 2) + (hash >>> 5)] >>> (hash & 31)) & 1) !== 0;
  }

  /** What the chip says about IP and TCP or UDP: status in the low byte, errors above. */
  private checks(frame: Uint8Array): number {
    const control = this.word(REG.RXCSUM);
    const ip = frame.subarray(HEADER_BYTES);
    if (
      !(control & (RXCSUM.IPOFLD | RXCSUM.TUOFLD)) ||
      ip.length < 20 ||
      get16(frame, 12) !== ETHERTYPE_IP ||
      ip[0] >> 4 !== 4
    )
      return RXD.IXSM;
    const header = (ip[0] & 15) * 4,
      total = get16(ip, 2);
    if (header < 20 || header > total || total > ip.length) return RXD.IXSM;
    let said = 0;
    if (control & RXCSUM.IPOFLD) said |= RXD.IPCS | (checksum(ip.subarray(0, header)) === 0 ? 0 : RXD.IPE << 8);
    const protocol = ip[9],
      sum = protocol === TCP ? 16 : 6;
    const isWhole =
      (get16(ip, 6) & 0x3fff) === 0 && (protocol === TCP || protocol === UDP) && header + sum + 2 <= total;
    if (!(control & RXCSUM.TUOFLD) || !isWhole || (protocol === UDP && get16(ip, header + sum) === 0)) return said;
    const pseudo = get16(ip, 12) + get16(ip, 14) + get16(ip, 16) + get16(ip, 18) + protocol + (total - header);
    return said | RXD.TCPCS | (checksum(ip.subarray(header, total), pseudo) === 0 ? 0 : RXD.TCPE << 8);
  }

  private scatter(bytes: Uint8Array, said: number, frame: Uint8Array): void {
    const { regs, dma } = this.parts;
    const { descriptor, view, bufferBytes, slots } = this;
    const start = this.word(REG.RXCSUM) & RXCSUM.PCSS;
    for (let done = 0; done < bytes.length; ) {
      const at = this.word(REG.RDBAH) * 2 ** 32 + this.word(REG.RDBAL) + this.word(REG.RDH) * DESCRIPTOR_BYTES;
      dma.read(at, descriptor);
      const part = bytes.subarray(done, done + bufferBytes);
      dma.write(view.getUint32(4, true) * 2 ** 32 + view.getUint32(0, true), part);
      done += part.length;
      const last = done >= bytes.length;
      view.setUint16(8, part.length, true);
      view.setUint16(10, last && start < frame.length ? ~checksum(frame.subarray(start)) & 0xffff : 0, true);
      descriptor[12] = RXD.DD | (last ? RXD.EOP | (said & 0xff) : 0);
      descriptor[13] = last ? said >>> 8 : 0;
      view.setUint16(14, 0, true);
      dma.write(at + 8, descriptor.subarray(8));
      regs[REG.RDH >>> 2] = (this.word(REG.RDH) + 1) % slots;
    }
  }
}
