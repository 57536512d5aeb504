/**
 * AMD PCnet-PCI II Ethernet controller, apart from its PCI function.
 * Source: Am79C970A datasheet, publication 19436. What a wire cannot do here never happens: no collisions, no late or lost carrier, no underflow
 * except by a driver's own descriptors. Frames leave at once, not at 10 Mb/s; work per access is bounded by `POLL_DESCRIPTORS`.
 */
import type { Dma, IrqLine, State, Timer, Timers } from '../bus.ts';
import { assignState, copyState, subState } from '../state.ts';
import { Descriptor, DescriptorLayout } from './descriptor-ring.ts';
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
import { Microwire } from './microwire.ts';
import {
  BCR,
  CSR,
  CSR0,
  CSR3,
  CSR4,
  CSR5,
  CSRPCNET,
  DWIO,
  EE,
  MODE,
  RMD,
  SSIZE32,
  TMD,
  TMD2,
} from './pcnet-registers.ts';

/** Bytes of the I/O space: address PROM in the lower half. */
export const PCNET_PORTS = 32;
const APROM_BYTES = 16;
/** Part number and manufacturer (CSR88, CSR89): Am79C970A, AMD. */
const CHIP_ID = [0x1003, 0x0262];
/** BCR4-BCR7 with nothing lit, BCR18, BCR20, BCR22 after H_RESET. */
const LEDS = [0x00c0, 0x0084, 0x0088, 0x0090];
const BSBC_INITIAL = 0x9001,
  SWS_INITIAL = 0x0200,
  PCILAT_INITIAL = 0xff06;
const LEDOUT = 0x8000,
  LNKSTE = 0x0040,
  APWEN = 0x0100;

/** The longest frame that is put together: what a jabbering transmitter may send before it is cut off, rounded. */
const MAX_GATHERED = 0x4000;
/** Longest frame that a message byte count can tell. */
const MAX_RECEIVED = 0xfff;
/** Descriptors looked at in one access or poll; a driver's ring is rarely longer, and one that never ends costs no more. */
const POLL_DESCRIPTORS = 256;
/** A poll that ended early goes on after this time. */
const CONTINUE_NS = 2_000_000;
/** How soon a busy wire is tried again. */
const WIRE_BUSY_NS = 100_000;
/** Polling of the transmit ring: 65536 bus clocks of 33 MHz (CSR47 = 0). A driver that demands its transmissions needs it seldom. */
const POLL_NS = 2_000_000,
  SELDOM_POLL_NS = 50_000_000;

export interface PcnetWiring {
  dma: Dma;
  timers: Timers;
  irq: IrqLine;
  /** Whether the PCI command register lets the chip be bus master. */
  busMaster(): boolean;
  /** A frame for the wire, without frame check sequence; the receiver's to keep. */
  send(frame: Uint8Array): void;
  /** The wire takes no frame now: what waits is sent a little later. */
  isWireBusy?(): boolean;
  /** It has no link. */
  isDown?(): boolean;
  /** Minimum grant (low byte) and maximum latency for PCI configuration space: BCR22. */
  latency?(value: number): void;
}

/** CSRs that are stored and read back; a write needs STOP or SPND. Others are distinguished in `writeCsr`, or read as zero. */
const isPlain = (index: number): boolean =>
  (index >= 8 && index <= 47) ||
  (index >= 60 && index <= 86) ||
  index === CSR.MERRTO ||
  index === CSR.MFC ||
  index === CSR.RCC;

export class Pcnet {
  private readonly r = {
    aprom: new Uint8Array(APROM_BYTES),
    csr: new Uint16Array(128),
    bcr: new Uint16Array(32),
    rap: 0,
    rxIndex: 0,
    txIndex: 0,
    /** The driver has written TDMD since it started the chip. */
    demands: false,
    pollDeadlineNs: Infinity,
  };

  private readonly wiring: PcnetWiring;
  private readonly eeprom: Microwire;
  private readonly layout: DescriptorLayout;
  private readonly descriptor = new Descriptor();
  private readonly gathered = new Uint8Array(MAX_GATHERED + 1);
  private readonly received = new Uint8Array(MAX_RECEIVED + 1);
  private readonly pollTimer: Timer;

  /** `mac`: six bytes, the station address in the EEPROM. */
  constructor(mac: Uint8Array, wiring: PcnetWiring) {
    this.wiring = wiring;
    this.layout = new DescriptorLayout(wiring.dma);
    this.eeprom = new Microwire(eepromContent(mac));
    this.r.aprom.set(eepromContent(mac).subarray(0, APROM_BYTES));
    this.pollTimer = wiring.timers.create('pcnet poll', () => this.poll());
    this.reset();
  }

  // ---- reset

  /** H_RESET: the RESET pin. */
  reset(): void {
    const { r } = this;
    r.bcr.fill(0);
    r.bcr[0] = r.bcr[1] = 5;
    r.bcr[BCR.MC] = 2;
    r.bcr.set(LEDS, BCR.LNKST);
    r.bcr[BCR.BSBC] = BSBC_INITIAL;
    r.bcr[BCR.EECAS] = EE.EDI;
    r.bcr[BCR.PCILAT] = PCILAT_INITIAL;
    this.wiring.latency?.(PCILAT_INITIAL);
    r.csr.fill(0);
    r.rxIndex = r.txIndex = 0;
    r.demands = false;
    this.loadAddress();
    this.softReset();
  }

  /** PADR from the EEPROM. */
  private loadAddress(): void {
    const { aprom, csr } = this.r;
    for (let i = 0; i < 3; i++) csr[CSR.PADR + i] = aprom[2 * i] | (aprom[2 * i + 1] << 8);
  }

  /** S_RESET: a read of the reset register. Bus configuration, DWIO among it, and the addresses stay. */
  private softReset(): void {
    const { r } = this;
    const { csr } = r;
    this.stop();
    csr[3] = csr[5] = csr[CSR.MODE] = csr[CSR.AFC] = csr[CSR.TEST] = 0;
    csr[4] = CSR4.INITIAL;
    csr[CSR.DMATCFW] = 0xd410;
    csr[CSR.MERRTO] = 0x0200;
    csr[CSR.MFC] = csr[CSR.RCC] = 0;
    r.rap = 0;
    this.setStyle(0);
    this.update();
  }

  private stop(): void {
    const { csr } = this.r;
    csr[0] = CSR0.STOP;
    csr[4] &= ~CSR4.CAUSES;
    csr[5] &= ~(CSR5.CAUSES | CSR5.SPND);
    this.schedule(Infinity);
  }

  // ---- I/O space

  private get dwords(): boolean {
    return (this.r.bcr[BCR.BSBC] & DWIO) !== 0;
  }

  read(offset: number, size: number): number {
    if (offset < APROM_BYTES) {
      let value = 0;
      for (let i = 0; i < size; i++) value |= (this.r.aprom[offset + i] ?? 0xff) << (8 * i);
      return value >>> 0;
    }
    const mask = 0xffffffff >>> (32 - 8 * size);
    const at = offset - APROM_BYTES;
    // In word mode there is nothing 32 bits wide to read; drivers try, to find out the mode.
    if (this.dwords ? at & 3 : at & 1 || size === 4) return mask;
    return (this.readPort(this.dwords ? at >> 2 : at >> 1) & mask) >>> 0;
  }

  /** RDP, RAP, RESET, BDP: the same order in both modes. */
  private readPort(port: number): number {
    if (port === 0) return this.readCsr(this.r.rap);
    if (port === 1) return this.r.rap;
    if (port === 3) return this.readBcr(this.r.rap);
    if (port === 2) this.softReset();
    return port === 2 ? 0 : 0xffff;
  }

  write(offset: number, value: number, size: number): void {
    const { r } = this;
    if (offset < APROM_BYTES) {
      if (r.bcr[BCR.MC] & APWEN)
        for (let i = 0; i < size && offset + i < APROM_BYTES; i++) r.aprom[offset + i] = value >>> (8 * i);
      return;
    }
    const at = offset - APROM_BYTES;
    // A doubleword written to RDP makes the I/O space doublewords, until H_RESET.
    if (size === 4 && at === 0) r.bcr[BCR.BSBC] |= DWIO;
    if (size === 1 || (this.dwords ? at & 3 : at & 1 || size === 4)) return;
    const port = this.dwords ? at >> 2 : at >> 1;
    if (port === 0) this.writeCsr(r.rap, value & 0xffff);
    else if (port === 1) r.rap = value & 0x7f;
    else if (port === 3) this.writeBcr(r.rap, value & 0xffff);
  }

  // ---- control and status registers

  /** STOP or SPND: the registers that the running chip works with may be written. */
  private get idle(): boolean {
    return (this.r.csr[0] & CSR0.STOP) !== 0 || (this.r.csr[5] & CSR5.SPND) !== 0;
  }

  private readCsr(index: number): number {
    const { csr } = this.r;
    if (index === 0) return csr[0] | (csr[0] & CSR0.ERRORS ? CSR0.ERR : 0) | (this.interrupting ? CSR0.INTR : 0);
    if (index === CSR.IADR_ALIAS || index === CSR.IADR_ALIAS + 1) return csr[index - CSR.IADR_ALIAS + CSR.IADR];
    if (index >= CSR.NRDA && index <= CSR.NNXD + 1) return this.ringAddress(index);
    if (index === CSR.SWS) return this.readBcr(BCR.SWS);
    // Ring counters are minus the length for the first descriptor.
    if (index === CSR.RCVRC) return (csr[CSR.RCVRL] + this.r.rxIndex) & 0xffff;
    if (index === CSR.XMTRC) return (csr[CSR.XMTRL] + this.r.txIndex) & 0xffff;
    if (index === CSR.CHIP_ID || index === CSR.CHIP_ID + 1) return CHIP_ID[index - CSR.CHIP_ID];
    return csr[index];
  }

  /** Next, current and next but one descriptors (CSR26-CSR39): receive and transmit by turns, but for the transmit ring's base in between. */
  private ringAddress(index: number): number {
    const { r, layout } = this;
    const pair = index & ~1;
    if (pair === CSR.BADX) return r.csr[index];
    const receive = pair === CSR.NRDA || pair === CSR.CRDA || pair === CSR.NNRD;
    const ahead = pair >= CSR.NNRD ? 2 : pair === CSR.CRDA || pair === CSR.CXDA ? 0 : 1;
    const length = this.ringLength(receive ? CSR.RCVRL : CSR.XMTRL);
    const address =
      this.base(receive ? CSR.BADR : CSR.BADX) + (((receive ? r.rxIndex : r.txIndex) + ahead) % length) * layout.size;
    return index & 1 ? (address >>> 16) & 0xffff : address & 0xffff;
  }

  private writeCsr(index: number, value: number): void {
    const { csr } = this.r;
    switch (index) {
      case 0:
        return this.control(value);
      case CSR.IADR:
      case CSR.IADR + 1:
      case CSR.IADR_ALIAS:
      case CSR.IADR_ALIAS + 1:
        if (this.idle) csr[CSR.IADR + ((index - CSR.IADR) % (CSR.IADR_ALIAS - CSR.IADR))] = value;
        return;
      case 3:
        csr[3] = value & CSR3.WRITABLE;
        break;
      case 4:
        csr[4] =
          (value & ~(CSR4.CAUSES | CSR4.UINTCMD)) |
          (csr[4] & CSR4.CAUSES & ~value) |
          (value & CSR4.UINTCMD ? CSR4.UINT : 0);
        break;
      case 5:
        return this.extendedControl(value);
      case CSR.SWS:
        return this.setStyle(value & 0xff);
      case CSR.RCVRC:
        if (this.idle) this.r.rxIndex = ((value - csr[CSR.RCVRL]) & 0xffff) % this.ringLength(CSR.RCVRL);
        return;
      case CSR.XMTRC:
        if (this.idle) this.r.txIndex = ((value - csr[CSR.XMTRL]) & 0xffff) % this.ringLength(CSR.XMTRL);
        return;
      case CSR.RING_LENGTH_CONVERSION:
        csr[CSR.RING_LENGTH_CONVERSION] = 0x10000 - (1 << Math.min(value >> 12, 9));
        return;
      case CSR.AFC:
        csr[CSR.AFC] = value & 1;
        return;
      case CSR.TEST:
        if (csr[4] & CSR4.EN124) csr[CSR.TEST] = value & 0x001f;
        return;
      default:
        if (isPlain(index) && this.idle) csr[index] = value;
        if (index === CSR.RCVRL) this.r.rxIndex %= this.ringLength(CSR.RCVRL);
        if (index === CSR.XMTRL) this.r.txIndex %= this.ringLength(CSR.XMTRL);
        return;
    }
    this.update();
  }

  /** CSR0. */
  private control(value: number): void {
    const { r } = this;
    const { csr } = r;
    if (value & CSR0.STOP) {
      this.stop();
      return this.update();
    }
    csr[0] = (csr[0] & ~(value & CSR0.CAUSES) & ~CSR0.IENA) | (value & CSR0.IENA);
    if (value & CSR0.INIT && !(csr[0] & CSR0.INIT)) this.initialize();
    if (value & CSR0.STRT && !(csr[0] & CSR0.STRT)) this.start();
    if (value & CSR0.TDMD && csr[0] & CSR0.TXON) {
      r.demands = true;
      this.poll();
    }
    this.update();
  }

  private extendedControl(value: number): void {
    const { csr } = this.r;
    const suspended = (csr[5] & CSR5.SPND) !== 0;
    csr[5] = (value & CSR5.WRITABLE) | (csr[5] & CSR5.CAUSES & ~value);
    // Nothing to suspend while stopped.
    if (csr[0] & CSR0.STOP) csr[5] &= ~CSR5.SPND;
    if (suspended && !(csr[5] & CSR5.SPND)) this.poll();
    this.update();
  }

  // ---- bus configuration registers

  private readBcr(index: number): number {
    const { bcr } = this.r;
    if (index === BCR.EECAS) {
      const pin = bcr[BCR.EECAS] & EE.EEN ? this.eeprom.dataOut : (bcr[BCR.EECAS] & EE.EDI) !== 0;
      return (bcr[BCR.EECAS] & ~EE.EDI) | EE.PVALID | EE.EEDET | (pin ? EE.EDI : 0);
    }
    // The link's light burns where it is asked for.
    if (index >= BCR.LNKST && index <= BCR.LED3)
      return bcr[index] | (bcr[index] & LNKSTE && this.wiring.isDown?.() !== true ? LEDOUT : 0);
    return bcr[index] ?? 0;
  }

  private writeBcr(index: number, value: number): void {
    const { bcr } = this.r;
    if (index === BCR.SWS) this.setStyle(value & 0xff);
    else if (index === BCR.EECAS) this.serial(value);
    else if (index === BCR.BSBC) bcr[index] = (value & ~DWIO) | (bcr[index] & DWIO);
    else if (index >= BCR.LNKST && index <= BCR.LED3) bcr[index] = value & ~LEDOUT;
    else if (index === BCR.FDC) bcr[index] = value & 7;
    else if (index === BCR.MC || index === BCR.INTCON || index === 16 || index === 17) bcr[index] = value;
    else if (index === BCR.PCILAT) {
      bcr[index] = value;
      this.wiring.latency?.(value);
    }
  }

  /** BCR19: the EEPROM's pins, or a new automatic read of it (over at once). */
  private serial(value: number): void {
    const { r } = this;
    r.bcr[BCR.EECAS] = value & (EE.EEN | EE.ECS | EE.ESK | EE.EDI);
    if (value & EE.PREAD && r.csr[0] & CSR0.STOP) return this.loadAddress();
    if (value & EE.EEN) this.eeprom.drive((value & EE.ECS) !== 0, (value & EE.ESK) !== 0, (value & EE.EDI) !== 0);
  }

  private setStyle(style: number): void {
    const { layout } = this;
    layout.style = style;
    this.r.bcr[BCR.SWS] = style | (layout.wide ? SSIZE32 : 0) | (style === 1 ? 0 : CSRPCNET);
    if (style === 0) this.r.bcr[BCR.SWS] = SWS_INITIAL;
  }

  // ---- start

  private base(low: number): number {
    const { csr } = this.r;
    return (csr[low] | (csr[low + 1] << 16)) >>> 0;
  }

  private ringLength(index: number): number {
    return 0x10000 - (this.r.csr[index] || 0xffff);
  }

  /** Reads the initialization block, in the form that SSIZE32 says. */
  private initialize(): void {
    const { r, layout } = this;
    const { csr } = r;
    csr[0] = (csr[0] & ~CSR0.STOP) | CSR0.INIT;
    if (!this.masters()) return;
    const wide = layout.wide;
    const block = new Uint8Array(wide ? 28 : 24);
    this.wiring.dma.read((this.base(1) & (wide ? ~3 : ~1)) >>> 0, block);
    const view = new DataView(block.buffer);
    csr[CSR.MODE] = view.getUint16(0, true);
    const address = wide ? 4 : 2;
    const filter = wide ? 12 : 8;
    for (let i = 0; i < 3; i++) csr[CSR.PADR + i] = view.getUint16(address + 2 * i, true);
    for (let i = 0; i < 4; i++) csr[CSR.LADRF + i] = view.getUint16(filter + 2 * i, true);
    const receive = view.getUint32(wide ? 20 : 16, true);
    const transmit = view.getUint32(wide ? 24 : 20, true);
    // Without room for them, address bits 31-24 come from CSR2.
    layout.upper = csr[CSR.IADR + 1] >> 8;
    const place = (value: number): number => (wide ? value & ~15 : (value & 0xfffff8) | (layout.upper << 24)) >>> 0;
    const put = (low: number, value: number): void => {
      csr[low] = value & 0xffff;
      csr[low + 1] = value >>> 16;
    };
    put(CSR.BADR, place(receive));
    put(CSR.BADX, place(transmit));
    const receiveLength = wide ? block[2] >> 4 : receive >>> 29;
    const transmitLength = wide ? block[3] >> 4 : transmit >>> 29;
    csr[CSR.RXTX_LENGTH] = (transmitLength << 12) | (receiveLength << 8);
    csr[CSR.RCVRL] = 0x10000 - (1 << Math.min(receiveLength, 9));
    csr[CSR.XMTRL] = 0x10000 - (1 << Math.min(transmitLength, 9));
    r.rxIndex = r.txIndex = 0;
    csr[0] |= CSR0.IDON;
  }

  private start(): void {
    const { r, layout } = this;
    const { csr } = r;
    layout.upper = csr[CSR.IADR + 1] >> 8;
    r.demands = false;
    csr[0] =
      (csr[0] & ~CSR0.STOP) |
      CSR0.STRT |
      (csr[CSR.MODE] & MODE.DTX ? 0 : CSR0.TXON) |
      (csr[CSR.MODE] & MODE.DRX ? 0 : CSR0.RXON);
    this.poll();
  }

  /** Bus mastership; without it the wait for the bus ends in MERR. */
  private masters(): boolean {
    if (this.wiring.busMaster()) return true;
    this.r.csr[0] |= CSR0.MERR;
    return false;
  }

  // ---- transmission

  private schedule(deadlineNs: number): void {
    this.r.pollDeadlineNs = deadlineNs;
    this.pollTimer.set(deadlineNs);
  }

  /** Sends what the transmit ring holds, and asks to be called again. */
  private poll(): void {
    const { r, wiring } = this;
    const { csr } = r;
    this.schedule(Infinity);
    let budget = POLL_DESCRIPTORS,
      busy = false;
    while (budget > 0 && csr[0] & CSR0.TXON && !(csr[5] & CSR5.SPND) && this.masters()) {
      busy = wiring.isWireBusy?.() === true;
      if (busy) break;
      const taken = this.transmit();
      if (taken === 0) break;
      budget -= taken;
    }
    if (csr[0] & CSR0.TXON && !(csr[5] & CSR5.SPND)) {
      const now = wiring.timers.clock.nowNs();
      if (busy) this.schedule(now + WIRE_BUSY_NS);
      else if (budget <= 0) this.schedule(now + CONTINUE_NS);
      else if (!(csr[4] & CSR4.TXDPOLL)) this.schedule(now + (r.demands ? SELDOM_POLL_NS : POLL_NS));
    }
    this.update();
  }

  /** One frame, or descriptors that belong to none. Returns how many were taken; 0: the ring is empty. */
  private transmit(): number {
    const { r, layout, descriptor, gathered } = this;
    const { csr } = r;
    const ring = this.base(CSR.BADX);
    const ringLength = this.ringLength(CSR.XMTRL);
    const fetch = (): boolean => {
      layout.fetch((ring + r.txIndex * layout.size) >>> 0, descriptor);
      return (descriptor.flags & TMD.OWN) !== 0;
    };
    const next = (): void => {
      r.txIndex = (r.txIndex + 1) % ringLength;
    };
    if (!fetch()) return 0;
    let taken = 1;
    if (!(descriptor.flags & TMD.STP)) {
      // Not the start of a frame: given back unsent.
      layout.release(descriptor.at, descriptor.flags & ~TMD.OWN);
      next();
      return taken;
    }
    csr[4] |= CSR4.TXSTRT;
    const first = descriptor.flags;
    let length = 0;
    for (;;) {
      const room = Math.min(descriptor.length, MAX_GATHERED - length);
      this.wiring.dma.read(descriptor.buffer, gathered.subarray(length, length + room));
      length += room;
      if (room < descriptor.length) csr[4] |= CSR4.JAB;
      if (descriptor.flags & TMD.ENP) break;
      const { at, flags } = descriptor;
      next();
      // The rest is not there, or there is no end to it.
      if (taken === POLL_DESCRIPTORS || !fetch()) {
        this.underflow(at, flags);
        return taken;
      }
      layout.release(at, flags & ~TMD.OWN);
      taken++;
    }
    const { at, flags } = descriptor;
    next();
    const retry = (csr[CSR.MODE] & (MODE.FCOLL | MODE.LOOP)) === (MODE.FCOLL | MODE.LOOP);
    const interrupts = retry || (!(csr[5] & CSR5.TOKINTD) && (!(csr[5] & CSR5.LTINTEN) || (flags & TMD.LTINT) !== 0));
    // Before the status: in loopback the receive ring may be the same memory, and the transmitter has the last word.
    if (!retry) this.put(length, first);
    const attempts = retry ? (csr[CSR.MODE] & MODE.DRTY ? 1 : 15) : 0;
    const errors = retry ? TMD2.RTRY : 0;
    layout.close(
      at,
      (flags & ~(TMD.OWN | TMD.ERR)) | (retry ? TMD.ERR : 0),
      (errors * 0x10000 + attempts) >>> 0,
      errors,
    );
    if (interrupts) csr[0] |= CSR0.TINT;
    return taken;
  }

  /** The chain of a frame's buffers breaks off: BUFF and UFLO in the last one; the transmitter stops unless DXSUFLO lets it go on. */
  private underflow(at: number, flags: number): void {
    const { csr } = this.r;
    const errors = TMD2.BUFF | TMD2.UFLO;
    this.layout.close(at, (flags & ~TMD.OWN) | TMD.ERR, (errors * 0x10000) >>> 0, errors);
    csr[0] |= CSR0.TINT;
    if (!(csr[3] & CSR3.DXSUFLO)) csr[0] &= ~CSR0.TXON;
  }

  /** The first `length` gathered bytes go out: padded, with a frame check sequence of ours or the driver's. */
  private put(length: number, flags: number): void {
    const { gathered } = this;
    const { csr } = this.r;
    const pads = (csr[4] & CSR4.APAD_XMT) !== 0;
    if (pads && length < MIN_FRAME) {
      gathered.fill(0, length, MIN_FRAME);
      length = MIN_FRAME;
    }
    // In the ILACC's descriptors the bit takes the sequence away instead.
    const dynamic = (flags & TMD.ADD_FCS) !== 0;
    const disabled = (csr[CSR.MODE] & MODE.DXMTFCS) !== 0;
    const adds = pads || (this.layout.style === 1 ? !disabled && !dynamic : !disabled || dynamic);
    const data = adds ? length : length - FCS_BYTES;
    if (data + FCS_BYTES > MAX_FRAME + FCS_BYTES) csr[0] |= CSR0.BABL;
    if (data < HEADER_BYTES) return;
    const good = adds || frameCheck(gathered, data) === new DataView(gathered.buffer).getUint32(data, true);
    const frame = gathered.slice(0, data);
    if (csr[CSR.MODE] & MODE.LOOP) this.accept(frame, good);
    // Any receiver drops a frame with a wrong check sequence.
    if (good && !(csr[CSR.MODE] & MODE.LOOP && csr[CSR.MODE] & MODE.INTL)) this.wiring.send(frame);
  }

  // ---- reception

  /** A frame from the wire, without frame check sequence; shorter ones than the wire knows are padded. */
  receive(frame: Uint8Array): void {
    // In loopback the receiver listens to the transmitter only.
    if (this.r.csr[CSR.MODE] & MODE.LOOP) return;
    this.accept(frame, true);
    this.update();
  }

  /** Whether a frame from the wire would be kept, or is none of ours: not while the driver has yet to give the next buffer. */
  get canReceive(): boolean {
    const { r, layout, descriptor } = this;
    const { csr } = r;
    if (!(csr[0] & CSR0.RXON) || csr[CSR.MODE] & MODE.LOOP || !this.wiring.busMaster()) return true;
    if (csr[5] & CSR5.SPND) return false;
    layout.fetch((this.base(CSR.BADR) + r.rxIndex * layout.size) >>> 0, descriptor);
    return (descriptor.flags & RMD.OWN) !== 0;
  }

  /** PAM, LAFM or BAM; 0: taken since all are; -1: not for us. */
  private match(frame: Uint8Array): number {
    const { csr } = this.r;
    const mode = csr[CSR.MODE];
    if (isBroadcast(frame) && !(mode & MODE.DRCVBC)) return RMD.BAM;
    if (isMulticast(frame)) {
      const bit = crcRemainder(frame, 6) >>> 26;
      if ((csr[CSR.LADRF + (bit >> 4)] >> (bit & 15)) & 1) return RMD.LAFM;
    } else if (!(mode & MODE.DRCVPA)) {
      let same = true;
      for (let i = 0; i < 6; i++) if (frame[i] !== ((csr[CSR.PADR + (i >> 1)] >> (8 * (i & 1))) & 0xff)) same = false;
      if (same) return RMD.PAM;
    }
    return mode & MODE.PROM ? 0 : -1;
  }

  private accept(frame: Uint8Array, goodFcs: boolean): void {
    const { csr } = this.r;
    if (
      !(csr[0] & CSR0.RXON) ||
      csr[5] & CSR5.SPND ||
      frame.length < HEADER_BYTES ||
      frame.length + FCS_BYTES > MAX_RECEIVED
    )
      return;
    const matched = this.match(frame);
    if (matched < 0 || !this.masters()) return;
    const { received } = this;
    received.set(frame);
    let length = frame.length;
    if (length < MIN_FRAME) {
      received.fill(0, length, MIN_FRAME);
      length = MIN_FRAME;
    }
    // ASTRP_RCV: what is a length, and says that there is padding, takes padding and check sequence away.
    const type = (received[12] << 8) | received[13];
    if (csr[4] & CSR4.ASTRP_RCV && type < MIN_FRAME - HEADER_BYTES) length = HEADER_BYTES + type;
    else {
      const fcs = goodFcs ? frameCheck(received, length) : ~frameCheck(received, length);
      for (let i = 0; i < FCS_BYTES; i++) received[length++] = fcs >>> (8 * i);
    }
    this.scatter(length, matched | (goodFcs ? 0 : RMD.CRC | RMD.ERR));
  }

  /** The first `length` received bytes go to as many buffers as they need. `last`: flags of the descriptor in which they end. */
  private scatter(length: number, last: number): void {
    const { r, layout, descriptor, received } = this;
    const { csr } = r;
    const ring = this.base(CSR.BADR);
    const ringLength = this.ringLength(CSR.RCVRL);
    const fetch = (): boolean => {
      layout.fetch((ring + r.rxIndex * layout.size) >>> 0, descriptor);
      return (descriptor.flags & RMD.OWN) !== 0;
    };
    if (!fetch()) return this.miss();
    // RCVALGN: two bytes before the header bring the data to a doubleword.
    let shift = csr[CSR.AFC] & 1 ? 2 : 0;
    let start: number = RMD.STP;
    let done = 0;
    for (;;) {
      const { at, length: room } = descriptor;
      const part = Math.max(0, Math.min(room - shift, length - done));
      this.wiring.dma.write((descriptor.buffer + shift) >>> 0, received.subarray(done, done + part));
      done += part;
      shift = Math.max(0, shift - room);
      r.rxIndex = (r.rxIndex + 1) % ringLength;
      if (done === length) {
        layout.close(at, start | RMD.ENP | last, length, length);
        break;
      }
      if (!fetch()) {
        layout.close(at, start | RMD.ERR | RMD.BUFF | RMD.OFLO, 0, 0);
        break;
      }
      layout.release(at, start);
      start = 0;
    }
    csr[0] |= CSR0.RINT;
  }

  private miss(): void {
    const { csr } = this.r;
    csr[0] |= CSR0.MISS;
    csr[CSR.MFC]++;
    if (csr[CSR.MFC] === 0) csr[4] |= CSR4.MFCO;
  }

  // ---- interrupt

  /** INTR: some cause that is not masked. */
  private get interrupting(): boolean {
    const { csr } = this.r;
    return (
      (csr[0] & CSR0.INTERRUPTS & ~csr[3]) !== 0 ||
      (csr[4] & CSR4.MASKED & ~(csr[4] << 1)) !== 0 ||
      (csr[4] & CSR4.UINT) !== 0 ||
      (csr[5] & CSR5.CAUSES & (csr[5] << 1)) !== 0
    );
  }

  private update(): void {
    this.wiring.irq.set((this.r.csr[0] & CSR0.IENA) !== 0 && this.interrupting);
  }

  // ---- state

  save(): State {
    return { ...copyState(this.r), eeprom: this.eeprom.save() };
  }

  /** Throws StateError. */
  restore(name: string, state: State): void {
    this.eeprom.restore(`${name} eeprom`, subState(name, state, 'eeprom'));
    assignState(name, this.r, state);
    this.layout.style = this.r.bcr[BCR.SWS] & 0xff;
    this.layout.upper = this.r.csr[CSR.IADR + 1] >> 8;
    this.pollTimer.set(this.r.pollDeadlineNs);
    this.update();
  }

  /** CSRs and BCRs as a read shows them, without what a read does. */
  peek(): State {
    const { r } = this;
    return {
      mode: this.dwords ? 'dword' : 'word',
      rap: r.rap,
      aprom: r.aprom.slice(),
      rxIndex: r.rxIndex,
      txIndex: r.txIndex,
      csr: Uint16Array.from(r.csr, (_, i) => this.readCsr(i)),
      bcr: Uint16Array.from(r.bcr, (_, i) => this.readBcr(i)),
    };
  }
}

/**
 * What the board's maker wrote to the EEPROM: address, hardware ID 0x11, checksum of the first 12 bytes and the last two, "WW";
 * byte 31 makes the sum of the 32 bytes 0xFF.
 */
function eepromContent(mac: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(32);
  bytes.set(mac.subarray(0, 6));
  bytes[9] = 0x11;
  bytes[14] = bytes[15] = 0x57;
  const sum = bytes.reduce((total, byte) => total + byte, 0);
  bytes[12] = sum;
  bytes[13] = sum >> 8;
  bytes[31] = 0xff - (bytes.reduce((total, byte) => total + byte, 0) & 0xff);
  return bytes;
}
