/**
 * Transmission of the 82540EM: legacy, context and data descriptors, checksums and TCP segments made on the way.
 * Source: the manual (317453), 3.3-3.6. VLAN tags are neither put in nor taken out.
 */
import type { Dma } from '../../bus.ts';
import { HEADER_BYTES, MIN_FRAME } from '../ethernet.ts';
import { get16, get32, put16, put32 } from '../packets.ts';
import { ICR, REG, STAT, TCTL, TXD } from './registers.ts';
import type { Statistics } from './statistics.ts';

const DESCRIPTOR_BYTES = 16;
/** What is put together at most: headers and the longest TCP message that can be cut (64 KiB), or a frame as long as the chip sends (16288). */
const GATHERED_BYTES = 0x12000;
const LONGEST_FRAME = 16288;
/** Descriptors looked at in one go; a ring that never ends costs no more. */
const TURN_DESCRIPTORS = 4096;
/** No TCP cuts into less (TCP_MIN_MSS of Linux). */
const LEAST_SEGMENT = 48;
const FIN_PSH = 0x09,
  CWR = 0x80,
  TCP_FLAGS = 13;

export interface TransmitterParts {
  regs: Uint32Array;
  dma: Dma;
  statistics: Statistics;
  send(frame: Uint8Array): void;
  isWireBusy(): boolean;
  /** Interrupt causes; `delayed`: they may wait for the timers TIDV and TADV. */
  cause(bits: number, delayed: boolean): void;
}

/** A checksum's place: from byte `start` to `end` (0: to the packet's end) it goes to `at`. */
interface Sum {
  start: number;
  at: number;
  end: number;
}

const fold = (sum: number): number => {
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000);
  return sum;
};

/** Ones' complement sum of bytes, which goes on from another. */
function add(bytes: Uint8Array, from: number, to: number, sum = 0): number {
  let at = from;
  for (; at + 1 < to; at += 2) sum += (bytes[at] << 8) | bytes[at + 1];
  return fold(at < to ? sum + (bytes[at] << 8) : sum);
}

export class Transmitter {
  /** The last context descriptor, and what was gathered of the packet under way. */
  readonly state = {
    context: new Uint32Array(4),
    gathered: new Uint8Array(0),
    options: 0,
    segments: false,
    legacyStart: 0,
    legacyOffset: 0,
    legacySum: false,
  };
  private readonly parts: TransmitterParts;
  private readonly descriptor = new Uint8Array(DESCRIPTOR_BYTES);
  private readonly view = new DataView(this.descriptor.buffer);
  private readonly buffer = new Uint8Array(GATHERED_BYTES);
  private length = 0;

  constructor(parts: TransmitterParts) {
    this.parts = parts;
  }

  reset(): void {
    this.state.context.fill(0);
    this.startPacket();
  }

  private startPacket(): void {
    this.length = 0;
    this.state.options = 0;
    this.state.segments = this.state.legacySum = false;
  }

  /** Before the state is copied. */
  beforeSave(): void {
    this.state.gathered = this.buffer.slice(0, this.length);
  }

  afterRestore(): void {
    this.length = Math.min(this.state.gathered.length, GATHERED_BYTES);
    this.buffer.set(this.state.gathered.subarray(0, this.length));
  }

  /** Sends what lies between head and tail. True: the wire is busy, and there is more. */
  run(): boolean {
    const { regs, dma, cause, isWireBusy } = this.parts;
    const word = (register: number): number => regs[register >>> 2];
    const slots = word(REG.TDLEN) / DESCRIPTOR_BYTES;
    if (!(word(REG.TCTL) & TCTL.EN) || slots < 1 || word(REG.TDH) === word(REG.TDT)) return false;
    let causes = 0,
      delayed = true;
    for (let left = TURN_DESCRIPTORS; left > 0 && word(REG.TDH) !== word(REG.TDT); left--) {
      if (isWireBusy()) {
        cause(causes, delayed);
        return true;
      }
      const at = word(REG.TDBAH) * 2 ** 32 + word(REG.TDBAL) + word(REG.TDH) * DESCRIPTOR_BYTES;
      dma.read(at, this.descriptor);
      this.take();
      const command = this.descriptor[11];
      if (command & (TXD.RS | TXD.RPS)) {
        this.descriptor[12] |= TXD.DD;
        dma.write(at + 12, this.descriptor.subarray(12, 13));
        causes |= ICR.TXDW;
        if (!(command & TXD.IDE)) delayed = false;
      }
      const next = word(REG.TDH) + 1;
      regs[REG.TDH >>> 2] = next >= slots ? 0 : next;
      // A tail outside the ring is never met.
      if (next >= slots && word(REG.TDT) >= slots) break;
    }
    if (word(REG.TDH) === word(REG.TDT)) causes |= ICR.TXQE;
    cause(causes, delayed);
    return false;
  }

  private take(): void {
    const { view, descriptor, state } = this;
    const command = descriptor[11],
      extended = (command & TXD.DEXT) !== 0;
    if (extended && (descriptor[10] & 0xf0) === 0) {
      for (let i = 0; i < 4; i++) state.context[i] = view.getUint32(4 * i, true);
      return;
    }
    const bytes = view.getUint32(8, true) & (extended ? 0xfffff : 0xffff);
    if (extended && this.length === 0) {
      state.options = descriptor[13];
      state.segments = (command & TXD.TSE) !== 0;
    } else if (!extended && command & TXD.IC) {
      state.legacySum = true;
      state.legacyOffset = descriptor[10];
      state.legacyStart = descriptor[13];
    }
    const room = Math.min(bytes, GATHERED_BYTES - this.length);
    this.parts.dma.read(
      view.getUint32(4, true) * 2 ** 32 + view.getUint32(0, true),
      this.buffer.subarray(this.length, this.length + room),
    );
    this.length += room;
    if (!(command & TXD.EOP)) return;
    const packet = this.buffer.slice(0, this.length);
    if (state.segments) this.cut(packet);
    else {
      if (state.legacySum) put(packet, { start: state.legacyStart, at: state.legacyOffset, end: 0 });
      if (state.options & TXD.IXSM) put(packet, this.ipSum);
      if (state.options & TXD.TXSM) put(packet, this.transportSum);
      this.send(packet);
    }
    this.startPacket();
  }

  private get ipSum(): Sum {
    const [word] = this.state.context;
    return { start: word & 0xff, at: (word >>> 8) & 0xff, end: word >>> 16 };
  }

  private get transportSum(): Sum {
    const [, word] = this.state.context;
    return { start: word & 0xff, at: (word >>> 8) & 0xff, end: word >>> 16 };
  }

  /** TCP segmentation: one header for many segments (3.5). */
  private cut(packet: Uint8Array): void {
    const { context, options } = this.state;
    const header = (context[3] >>> 8) & 0xff,
      most = context[3] >>> 16,
      command = context[2] >>> 24;
    const { ipSum, transportSum } = this;
    // What no driver asks for: nothing is sent.
    if (
      most < LEAST_SEGMENT ||
      header > packet.length ||
      transportSum.start + TCP_FLAGS >= header ||
      ipSum.start + 6 > header
    )
      return;
    const isTcp = (command & TXD.TCP) !== 0,
      isIp4 = (command & TXD.IP) !== 0;
    for (let at = header, n = 0; at < packet.length || n === 0; at += most, n++) {
      const data = packet.subarray(at, at + most),
        last = at + most >= packet.length;
      const segment = new Uint8Array(header + data.length);
      segment.set(packet.subarray(0, header));
      segment.set(data, header);
      if (isIp4) {
        put16(segment, ipSum.start + 2, segment.length - ipSum.start);
        put16(segment, ipSum.start + 4, (get16(packet, ipSum.start + 4) + n) & 0xffff);
      } else put16(segment, ipSum.start + 4, segment.length - ipSum.start - 40);
      const length = segment.length - transportSum.start;
      if (isTcp) {
        put32(segment, transportSum.start + 4, (get32(packet, transportSum.start + 4) + (at - header)) >>> 0);
        segment[transportSum.start + TCP_FLAGS] &= ~((last ? 0 : FIN_PSH) | (n === 0 ? 0 : CWR));
      } else put16(segment, transportSum.start + 4, length);
      // The pseudo header that the driver has left there has no length.
      if (transportSum.at + 2 <= header)
        put16(segment, transportSum.at, fold(get16(segment, transportSum.at) + length));
      if (options & TXD.IXSM) put(segment, ipSum);
      if (options & TXD.TXSM) put(segment, transportSum);
      this.send(segment);
    }
    this.parts.statistics.count(STAT.TSCTC);
  }

  private send(packet: Uint8Array): void {
    const { regs, statistics, send } = this.parts;
    if (packet.length < HEADER_BYTES || packet.length > LONGEST_FRAME) return;
    let frame = packet;
    if (regs[REG.TCTL >>> 2] & TCTL.PSP && packet.length < MIN_FRAME) {
      frame = new Uint8Array(MIN_FRAME);
      frame.set(packet);
    }
    statistics.sent(frame);
    send(frame);
  }
}

/** Sums with the present value of the checksum's field, as the driver has put the pseudo header there, and puts the complement there. */
function put(packet: Uint8Array, { start, at, end }: Sum): void {
  if (at + 2 > packet.length || start >= packet.length) return;
  put16(packet, at, ~add(packet, start, Math.min(end === 0 ? packet.length : end + 1, packet.length)) & 0xffff);
}
