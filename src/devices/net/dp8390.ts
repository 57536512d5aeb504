/**
 * National DP8390 network interface controller: registers, the ring of received frames in its local memory, transmission, and the remote DMA by which
 * a host reaches that memory through one port. Source: DP8390D/NS32490D datasheet (TL/F/8582), chapters 7, 10 and 11. What a wire cannot do here never
 * happens: no collisions, no lost carrier, no bad check sequence. Frames leave at once, not at 10 Mb/s. In loopback a frame's check sequence is not left
 * in the FIFO, and the registers of page 3 (the board's, where it has any) are not the chip's.
 */
import type { IrqLine, State, Timer, Timers } from '../bus.ts';
import { assignState, copyState } from '../state.ts';
import {
  crcRemainder,
  FCS_BYTES,
  frameCheck,
  HEADER_BYTES,
  isBroadcast,
  isMulticast,
  MAX_FRAME,
  MIN_FRAME,
} from './ethernet.ts';

const CR = { STP: 0x01, STA: 0x02, TXP: 0x04 } as const;
/** Remote DMA commands (CR, bits 5-3); 4 and more: abort. */
const REMOTE = { READ: 1, WRITE: 2, SEND_PACKET: 3 } as const;
const ISR = { PRX: 0x01, PTX: 0x02, OVW: 0x10, CNT: 0x20, RDC: 0x40, RST: 0x80 } as const;
const DCR = { WTS: 0x01, LAS: 0x04, LS: 0x08 } as const;
const TCR = { CRC: 0x01, LOOPBACK: 0x06 } as const;
const RCR = { AB: 0x04, AM: 0x08, PRO: 0x10, MON: 0x20 } as const;
const RSR = { PRX: 0x01, MPA: 0x10, PHY: 0x20, DIS: 0x40 } as const;
/** With bit 1, which is always set. */
const TSR_PTX = 0x03;
/** TSR and RSR after a frame in loopback, by mode (datasheet, "Loopback Modes", path NIC, ENDEC and external). */
const LOOPBACK_TSR = [0, 0x53, 0x43, 0x03],
  LOOPBACK_RSR = 0x02;
const PAGE_BYTES = 256,
  RING_HEADER_BYTES = 4;
/** How soon a busy wire is tried again. */
const WIRE_BUSY_NS = 100_000;

/** Registers of pages 0 (write), 1 and 2 by number; number 0 is CR on every page. */
const W = {
  PSTART: 1,
  PSTOP: 2,
  BNRY: 3,
  TPSR: 4,
  TBCR0: 5,
  TBCR1: 6,
  ISR: 7,
  RSAR0: 8,
  RSAR1: 9,
  RBCR0: 10,
  RBCR1: 11,
  RCR: 12,
  TCR: 13,
  DCR: 14,
  IMR: 15,
} as const;
/** Registers of page 0 (read); ID0 and ID1 are the board's. */
const R = {
  CLDA0: 1,
  CLDA1: 2,
  BNRY: 3,
  TSR: 4,
  ISR: 7,
  CRDA0: 8,
  CRDA1: 9,
  ID0: 10,
  ID1: 11,
  RSR: 12,
  CNTR0: 13,
  CNTR1: 14,
  CNTR2: 15,
} as const;
/** Those of page 1, and those that only page 2 shows. */
const PAR0 = 1,
  CURR = 7,
  MAR0 = 8;
const PAGE2 = { NEXT_PACKET_REMOTE: 3, NEXT_PACKET_LOCAL: 5, ADDRESS_COUNTER_HIGH: 6, ADDRESS_COUNTER_LOW: 7 } as const;

export interface Dp8390Wiring {
  timers: Timers;
  irq: IrqLine;
  /** The chip's local bus: 64 KiB, bytes. */
  readLocal(address: number): number;
  writeLocal(address: number, value: number): void;
  /** A frame for the wire, without frame check sequence; the receiver's to keep. */
  send(frame: Uint8Array): void;
  /** The wire takes no frame now: what waits is sent a little later. */
  isWireBusy?(): boolean;
  /** Registers that a board's own version of the chip has where the chip has none: page 0, and page 3. */
  readExtra?(page: number, register: number): number;
  writeExtra?(page: number, register: number, value: number): void;
}

const lowByte = (word: number, value: number): number => (word & 0xff00) | value;
const highByte = (word: number, value: number): number => (word & 0x00ff) | (value << 8);

export class Dp8390 {
  private readonly r = {
    cr: 0,
    isr: 0,
    imr: 0,
    dcr: 0,
    tcr: 0,
    rcr: 0,
    tsr: 0,
    rsr: 0,
    pstart: 0,
    pstop: 0,
    bnry: 0,
    curr: 0,
    tpsr: 0,
    tbcr: 0,
    clda: 0,
    /** The address that remote DMA has reached, and bytes to go. */
    crda: 0,
    rbcr: 0,
    /** Page behind the frame that a send-packet command gives out. */
    nextPage: 0,
    par: new Uint8Array(6),
    mar: new Uint8Array(8),
    /** Frame alignment errors, check sequence errors, missed frames. */
    tally: new Uint8Array(3),
    retryNs: Infinity,
  };

  private readonly wiring: Dp8390Wiring;
  private readonly retry: Timer;

  constructor(wiring: Dp8390Wiring) {
    this.wiring = wiring;
    this.retry = wiring.timers.create('dp8390 transmission', () => this.transmit());
    this.reset();
  }

  /** The RESET pin: what the datasheet's table of reset states names; other registers keep what they had. */
  reset(): void {
    const { r } = this;
    r.cr = CR.STP | (4 << 3);
    r.isr = ISR.RST;
    r.imr = 0;
    r.dcr |= DCR.LAS;
    r.tcr &= ~TCR.LOOPBACK;
    this.schedule(Infinity);
    this.update();
  }

  private get running(): boolean {
    return (this.r.cr & (CR.STP | CR.STA)) === CR.STA;
  }

  private get page(): number {
    return this.r.cr >> 6;
  }

  private update(): void {
    this.wiring.irq.set((this.r.isr & this.r.imr & ~ISR.RST) !== 0);
  }

  // ---- registers

  read(register: number): number {
    const value = this.look(register);
    // Tally counters are cleared when they are read.
    if (this.page === 0 && register >= R.CNTR0) this.r.tally[register - R.CNTR0] = 0;
    return value;
  }

  /** A register as a read gives it, without what a read does. */
  private look(register: number): number {
    const { r } = this;
    if (register === 0) return r.cr;
    switch (this.page) {
      case 0:
        switch (register) {
          case R.CLDA0:
            return r.clda & 0xff;
          case R.CLDA1:
            return r.clda >> 8;
          case R.BNRY:
            return r.bnry;
          case R.TSR:
            return r.tsr;
          case R.ISR:
            return r.isr;
          case R.CRDA0:
            return r.crda & 0xff;
          case R.CRDA1:
            return r.crda >> 8;
          case R.ID0:
          case R.ID1:
            return this.wiring.readExtra?.(0, register) ?? 0xff;
          case R.RSR:
            return r.rsr;
          case R.CNTR0:
          case R.CNTR1:
          case R.CNTR2:
            return r.tally[register - R.CNTR0];
          // Collisions; the FIFO, which has bytes during loopback only.
          default:
            return 0;
        }
      case 1:
        return register < CURR ? r.par[register - PAR0] : register === CURR ? r.curr : r.mar[register - MAR0];
      case 2:
        switch (register) {
          case W.PSTART:
            return r.pstart;
          case W.PSTOP:
            return r.pstop;
          case PAGE2.NEXT_PACKET_REMOTE:
            return r.nextPage;
          case W.TPSR:
            return r.tpsr;
          case PAGE2.NEXT_PACKET_LOCAL:
            return r.curr;
          case PAGE2.ADDRESS_COUNTER_HIGH:
            return r.clda >> 8;
          case PAGE2.ADDRESS_COUNTER_LOW:
            return r.clda & 0xff;
          case W.RCR:
            return r.rcr | 0xc0;
          case W.TCR:
            return r.tcr | 0xe0;
          case W.DCR:
            return r.dcr | 0x80;
          case W.IMR:
            return r.imr;
          default:
            return 0xff;
        }
      default:
        return this.wiring.readExtra?.(3, register) ?? 0xff;
    }
  }

  write(register: number, value: number): void {
    const { r } = this;
    if (register === 0) this.command(value);
    else if (this.page === 0) this.writePage0(register, value);
    else if (this.page === 1) {
      if (register < CURR) r.par[register - PAR0] = value;
      else if (register === CURR) r.curr = value;
      else r.mar[register - MAR0] = value;
    } else if (this.page === 3) this.wiring.writeExtra?.(3, register, value);
    this.update();
  }

  private writePage0(register: number, value: number): void {
    const { r } = this;
    switch (register) {
      case W.PSTART:
        r.pstart = value;
        return;
      case W.PSTOP:
        r.pstop = value;
        return;
      case W.BNRY:
        r.bnry = value;
        // After an overflow RST is set until a frame has been removed.
        if (this.running) r.isr &= ~ISR.RST;
        return;
      case W.TPSR:
        r.tpsr = value;
        return;
      case W.TBCR0:
        r.tbcr = lowByte(r.tbcr, value);
        return;
      case W.TBCR1:
        r.tbcr = highByte(r.tbcr, value);
        return;
      case W.ISR:
        r.isr &= ~(value & ~ISR.RST);
        return;
      case W.RSAR0:
        r.crda = lowByte(r.crda, value);
        return;
      case W.RSAR1:
        r.crda = highByte(r.crda, value);
        return;
      case W.RBCR0:
        r.rbcr = lowByte(r.rbcr, value);
        return;
      case W.RBCR1:
        r.rbcr = highByte(r.rbcr, value);
        return;
      case W.RCR:
        r.rcr = value & 0x3f;
        return;
      case W.TCR:
        r.tcr = value & 0x1f;
        return;
      case W.DCR:
        r.dcr = value & 0x7f;
        return;
      case W.IMR:
        r.imr = value & 0x7f;
        return;
      default:
        return;
    }
  }

  /** CR. STA and TXP stay set: STP ends what STA began, and a transmission ends by itself. */
  private command(value: number): void {
    const { r } = this;
    r.cr = value | (r.cr & (CR.STA | CR.TXP));
    if (value & CR.STP) r.isr |= ISR.RST;
    else if (value & CR.STA) r.isr &= ~ISR.RST;
    const remote = (value >> 3) & 7;
    if (remote === REMOTE.SEND_PACKET) this.startSendPacket();
    else if ((remote === REMOTE.READ || remote === REMOTE.WRITE) && r.rbcr === 0) r.isr |= ISR.RDC;
    if (r.cr & CR.TXP && this.running) this.transmit();
  }

  // ---- remote DMA

  /** The frame at the boundary, its length from its header. */
  private startSendPacket(): void {
    const { r, wiring } = this;
    r.crda = r.bnry * PAGE_BYTES;
    r.nextPage = wiring.readLocal(r.crda + 1);
    r.rbcr = wiring.readLocal(r.crda + 2) | (wiring.readLocal(r.crda + 3) << 8);
    if (r.rbcr === 0) this.endRemote();
  }

  private endRemote(): void {
    const { r } = this;
    r.isr |= ISR.RDC;
    if (((r.cr >> 3) & 7) === REMOTE.SEND_PACKET) r.bnry = r.nextPage;
  }

  /** Bytes of one transfer: 1 or 2. */
  get transferBytes(): number {
    return this.r.dcr & DCR.WTS ? 2 : 1;
  }

  /** Whether a read of the data port finds something. */
  get hasData(): boolean {
    const remote = (this.r.cr >> 3) & 7;
    return this.r.rbcr > 0 && (remote === REMOTE.READ || remote === REMOTE.SEND_PACKET);
  }

  /** Whether a write to the data port goes somewhere. */
  get takesData(): boolean {
    return this.r.rbcr > 0 && ((this.r.cr >> 3) & 7) === REMOTE.WRITE;
  }

  /** One transfer from local memory: a byte, or a word (of an even address) where DCR says so. All ones when no read is under way. */
  readData(): number {
    const { r, wiring } = this;
    if (!this.hasData) return 0xffff >> (16 - 8 * this.transferBytes);
    const value =
      r.dcr & DCR.WTS ? wiring.readLocal(r.crda & ~1) | (wiring.readLocal(r.crda | 1) << 8) : wiring.readLocal(r.crda);
    this.advance();
    return value;
  }

  writeData(value: number): void {
    const { r, wiring } = this;
    if (!this.takesData) return;
    if (r.dcr & DCR.WTS) {
      wiring.writeLocal(r.crda & ~1, value & 0xff);
      wiring.writeLocal(r.crda | 1, (value >> 8) & 0xff);
    } else wiring.writeLocal(r.crda, value & 0xff);
    this.advance();
  }

  private advance(): void {
    const { r } = this;
    const bytes = this.transferBytes;
    r.crda = (r.crda + bytes) & 0xffff;
    // The end of the ring leads to its start.
    if (r.crda === r.pstop * PAGE_BYTES) r.crda = r.pstart * PAGE_BYTES;
    r.rbcr = Math.max(0, r.rbcr - bytes);
    if (r.rbcr > 0) return;
    this.endRemote();
    this.update();
  }

  // ---- transmission

  private schedule(retryNs: number): void {
    this.r.retryNs = retryNs;
    this.retry.set(retryNs);
  }

  private transmit(): void {
    const { r, wiring } = this;
    this.schedule(Infinity);
    if (!(r.cr & CR.TXP) || !this.running) return;
    const loopback = (r.tcr & TCR.LOOPBACK) >> 1;
    if (loopback === 0) {
      if (wiring.isWireBusy?.()) return this.schedule(wiring.timers.clock.nowNs() + WIRE_BUSY_NS);
      this.put();
      r.tsr = TSR_PTX;
    } else {
      r.tsr = LOOPBACK_TSR[loopback];
      r.rsr = LOOPBACK_RSR;
    }
    r.cr &= ~CR.TXP;
    r.isr |= ISR.PTX;
    this.update();
  }

  /** Puts the frame on the wire. What no station would take is lost there: fragments, giants, and the driver's own check sequence if it is wrong. */
  private put(): void {
    const { r, wiring } = this;
    const frame = new Uint8Array(r.tbcr);
    for (let i = 0; i < frame.length; i++) frame[i] = wiring.readLocal((r.tpsr * PAGE_BYTES + i) & 0xffff);
    const inhibited = (r.tcr & TCR.CRC) !== 0;
    const length = frame.length - (inhibited ? FCS_BYTES : 0);
    if (length < HEADER_BYTES || length > MAX_FRAME) return;
    if (inhibited && frameCheck(frame, length) !== new DataView(frame.buffer).getUint32(length, true)) return;
    wiring.send(inhibited ? frame.slice(0, length) : frame);
  }

  // ---- reception

  /** The page behind one of the ring. */
  private after(page: number): number {
    const { r } = this;
    const next = (page + 1) & 0xff;
    return next === r.pstop ? r.pstart : next;
  }

  /** The page behind a frame of this many bytes, check sequence included; -1: it would run into the boundary. */
  private pageAfter(bytes: number): number {
    const { r } = this;
    let page = r.curr;
    for (let left = bytes + RING_HEADER_BYTES; left > 0; left -= PAGE_BYTES) {
      page = this.after(page);
      if (page === r.bnry) return -1;
    }
    return page;
  }

  /** Whether a frame from the wire would be kept, or is none of ours: not while the driver has left no room for a long one. */
  get canReceive(): boolean {
    const { r } = this;
    if (!this.running || r.tcr & TCR.LOOPBACK || r.rcr & RCR.MON) return true;
    return this.pageAfter(MAX_FRAME + FCS_BYTES) >= 0;
  }

  private accepts(frame: Uint8Array): boolean {
    const { r } = this;
    if (isBroadcast(frame)) return (r.rcr & RCR.AB) !== 0;
    if (isMulticast(frame)) {
      // The six most significant bits of the remainder, that of the highest power first; ours comes with its lowest power there.
      const crc = crcRemainder(frame, 6);
      let bit = 0;
      for (let i = 0; i < 6; i++) bit = (bit << 1) | ((crc >>> i) & 1);
      return (r.rcr & RCR.AM) !== 0 && ((r.mar[bit >> 3] >> (bit & 7)) & 1) !== 0;
    }
    return (r.rcr & RCR.PRO) !== 0 || r.par.every((byte, i) => byte === frame[i]);
  }

  private missed(): void {
    const { r } = this;
    // The counters stop at 192: the two upper bits are set.
    if (r.tally[2] < 192) r.tally[2]++;
    if (r.tally[2] & 0x80) r.isr |= ISR.CNT;
  }

  /** A frame from the wire, without frame check sequence; shorter ones than the wire knows are padded. */
  receive(frame: Uint8Array): void {
    const { r } = this;
    if (
      !this.running ||
      r.tcr & TCR.LOOPBACK ||
      frame.length < HEADER_BYTES ||
      frame.length > MAX_FRAME ||
      !this.accepts(frame)
    )
      return;
    const group = isMulticast(frame) ? RSR.PHY : 0;
    if (r.rcr & RCR.MON) {
      r.rsr = RSR.DIS | group;
      this.missed();
    } else this.keep(frame, group);
    this.update();
  }

  private keep(frame: Uint8Array, group: number): void {
    const { r, wiring } = this;
    const length = Math.max(frame.length, MIN_FRAME);
    const next = this.pageAfter(length + FCS_BYTES);
    if (next < 0) {
      r.isr |= ISR.OVW | ISR.RST;
      r.rsr = RSR.MPA | group;
      this.missed();
      return;
    }
    const stored = new Uint8Array(length + FCS_BYTES);
    stored.set(frame);
    new DataView(stored.buffer).setUint32(length, frameCheck(stored, length), true);
    let page = r.curr;
    let within = RING_HEADER_BYTES;
    for (const byte of stored) {
      if (within === PAGE_BYTES) {
        page = this.after(page);
        within = 0;
      }
      wiring.writeLocal(page * PAGE_BYTES + within++, byte);
    }
    r.clda = (page * PAGE_BYTES + within) & 0xffff;
    r.rsr = RSR.PRX | group;
    const header = [r.rsr, next, stored.length & 0xff, stored.length >> 8];
    header.forEach((byte, i) => wiring.writeLocal(r.curr * PAGE_BYTES + i, byte));
    r.curr = next;
    r.isr |= ISR.PRX;
  }

  // ---- state

  save(): State {
    return copyState(this.r);
  }

  /** Throws StateError. */
  restore(name: string, state: State): void {
    assignState(name, this.r, state);
    this.retry.set(this.r.retryNs);
    this.update();
  }

  peek(): State {
    return copyState(this.r);
  }
}
