import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { PCI } from '../../pci/pci.ts';
import { TestLine, TestMemory, TestTimers } from '../../testing.ts';
import type { Ethernet } from '../ethernet.ts';
import { frameCheck } from '../ethernet.ts';
import { checksum, get16, get32, ipFrame, parseAddress, parseIp, put16, put32, udpFrame } from '../packets.ts';
import { E1000 } from './e1000.ts';
import { CTRL, EECD, EERD, ICR, RCTL, REG, RXCSUM, RXD, STAT, TCTL, TXD } from './registers.ts';

const MAC = Uint8Array.of(0x00, 0x16, 0x3e, 0x12, 0x34, 0x56),
  OTHER = Uint8Array.of(0x00, 0x16, 0x3e, 0, 0, 1),
  EVERYBODY = new Uint8Array(6).fill(0xff);
const RX = 0x1000,
  TX = 0x2000,
  SLOTS = 8;

const frameTo = (to: Uint8Array, length = 60): Uint8Array => {
  const frame = Uint8Array.from({ length }, (_, i) => i);
  frame.set(to);
  frame.set(OTHER, 6);
  frame.set([0x88, 0xb5], 12);
  return frame;
};
const path = { fromMac: OTHER, from: parseAddress('10.0.2.15'), toMac: MAC, to: parseAddress('10.0.2.16') };

/** Speaks to the card as a driver does. */
class Driver {
  readonly memory = new TestMemory(1 << 20);
  readonly view = new DataView(this.memory.bytes.buffer);
  readonly timers = new TestTimers();
  readonly line = new TestLine();
  readonly wire: Uint8Array[] = [];
  readonly ethernet: Ethernet & { busy: boolean; isDown?: boolean } = {
    busy: false,
    send: frame => void this.wire.push(frame),
  };
  readonly card = new E1000({
    timers: this.timers,
    irq: this.line,
    mac: MAC,
    ethernet: this.ethernet,
  });
  private readonly bars = (
    this.card.fn as unknown as {
      bars: { read(at: number, size: number): number; write(at: number, value: number, size: number): void }[];
    }
  ).bars;
  tail = 0;

  constructor() {
    this.card.fn.dma.lead(this.memory);
    this.card.fn.write(4, 7, 2);
  }

  read(register: number, size = 4): number {
    return this.bars[0].read(register, size);
  }

  write(register: number, value: number): void {
    this.bars[0].write(register, value >>> 0, 4);
  }

  io(offset: number, value?: number): number {
    if (value !== undefined) this.bars[2].write(offset, value, 4);
    return this.bars[2].read(offset, 4);
  }

  /** Rings of eight, receive buffers of 2 KiB at 0x10000, transmit buffers at 0x40000. */
  start(rctl = 0): void {
    for (let i = 0; i < SLOTS; i++) this.view.setUint32(RX + 16 * i, 0x10000 + 2048 * i, true);
    for (const [base, at] of [
      [REG.RDBAL, RX],
      [REG.TDBAL, TX],
    ]) {
      this.write(base, at);
      this.write(base + 8, SLOTS * 16);
    }
    this.write(REG.RDT, SLOTS - 1);
    this.write(REG.RCTL, RCTL.EN | RCTL.BAM | rctl);
    this.write(REG.TCTL, TCTL.EN | TCTL.PSP);
    this.write(REG.IMS, ICR.ALL);
    this.read(REG.ICR);
  }

  put(words: [number, number]): void {
    const at = TX + 16 * this.tail;
    this.view.setUint32(at + 8, words[0], true);
    this.view.setUint32(at + 12, words[1], true);
    this.tail = (this.tail + 1) % SLOTS;
  }

  /** A legacy or data descriptor over bytes; `more`: words 2 and 3 without the length. */
  queue(bytes: Uint8Array, command = TXD.EOP | TXD.IFCS | TXD.RS, options = 0): void {
    const buffer = 0x40000 + 0x8000 * this.tail;
    this.memory.bytes.set(bytes, buffer);
    this.view.setUint32(TX + 16 * this.tail, buffer, true);
    this.put([(bytes.length | (command & TXD.DEXT ? 0x100000 : 0) | (command << 24)) >>> 0, options << 8]);
  }

  context(words: [number, number, number, number]): void {
    const at = TX + 16 * this.tail;
    this.view.setUint32(at, words[0], true);
    this.view.setUint32(at + 4, words[1], true);
    this.put([words[2], words[3]]);
  }

  go(): void {
    this.write(REG.TDT, this.tail);
  }

  received(slot: number): { length: number; status: number; errors: number; bytes: Uint8Array } {
    const at = RX + 16 * slot;
    const length = this.view.getUint16(at + 8, true);
    return {
      length,
      status: this.view.getUint8(at + 12),
      errors: this.view.getUint8(at + 13),
      bytes: this.memory.bytes.slice(0x10000 + 2048 * slot, 0x10000 + 2048 * slot + length),
    };
  }
}

let d: Driver;
beforeEach(() => {
  d = new Driver();
});

describe('registers', () => {
  it('identify an 82540EM with its link up, in memory and through the I/O window', () => {
    expect([d.card.fn.get(0, 4), d.card.fn.get(8, 4)]).toEqual([0x100e8086, 0x02000002]);
    expect(d.read(REG.STATUS) & 0xc3).toBe(0x83);
    d.io(0, REG.STATUS);
    expect(d.io(4)).toBe(d.read(REG.STATUS));
    d.io(0, REG.RDTR);
    d.io(4, 55);
    expect([d.read(REG.RDTR), d.read(REG.RDTR, 1), d.read(0x1fffc)]).toEqual([55, 55, 0]);
    d.io(0, 0xfffff);
    expect(d.io(4, 1)).toBe(0xffffffff);
  });

  it('say that there are capabilities where a list of them begins, and only there', () => {
    const { fn } = d.card;
    expect((fn.get(PCI.STATUS, 2) & 0x10) !== 0).toBe(fn.get(PCI.CAPABILITIES, 1) !== 0);
  });

  it('give the address and a right checksum from the EEPROM, by EERD and bit by bit', () => {
    const word = (n: number): number => {
      d.write(REG.EERD, EERD.START | (n << 8));
      const value = d.read(REG.EERD);
      expect(value & EERD.DONE).not.toBe(0);
      return value >>> 16;
    };
    expect([0, 1, 2].map(word)).toEqual([0x1600, 0x123e, 0x5634]);
    let sum = 0;
    for (let n = 0; n < 64; n++) sum += word(n);
    expect(sum & 0xffff).toBe(0xbaba);
    // Microwire: start, READ, six bits of address, then sixteen of data.
    d.write(REG.EECD, EECD.REQ);
    expect(d.read(REG.EECD) & EECD.GNT).not.toBe(0);
    const clock = (bit: number): number => {
      const pins = EECD.REQ | EECD.CS | (bit ? EECD.DI : 0);
      d.write(REG.EECD, pins);
      d.write(REG.EECD, pins | EECD.SK);
      return d.read(REG.EECD) & EECD.DO ? 1 : 0;
    };
    for (const bit of [1, 1, 0, 0, 0, 0, 0, 1, 0]) clock(bit);
    let value = 0;
    for (let i = 0; i < 16; i++) value = (value << 1) | clock(0);
    expect(value).toBe(0x5634);
  });

  it('reach the transceiver, which has negotiated 1000 Mb/s', () => {
    const mdic = (command: number): number => {
      d.write(REG.MDIC, command);
      return d.read(REG.MDIC);
    };
    const phy = (register: number): number => mdic((1 << 21) | (register << 16) | (2 << 26)) & 0xffff;
    expect([phy(2), phy(3), phy(1) & 0x24, phy(17) & 0xec00]).toEqual([0x0141, 0x0c20, 0x24, 0xac00]);
    mdic((1 << 21) | (4 << 16) | (1 << 26) | 0x1234);
    expect(phy(4)).toBe(0x1234);
    expect(mdic((2 << 21) | (2 << 26)) & (1 << 30)).not.toBe(0);
    d.read(REG.ICR);
    mdic((1 << 21) | (1 << 26) | 0x1340);
    expect([d.read(REG.ICR), phy(0)]).toEqual([ICR.LSC, 0x1140]);
  });

  it('say that the link is gone, by an interrupt, and that it comes again', () => {
    // The registers of QEMU's e1000 after set_link off: STATUS without LU, BMSR 0x7949.
    const status = (): number => d.read(REG.STATUS) & 2;
    const phy = (register: number): number => {
      d.write(REG.MDIC, (2 << 26) | (1 << 21) | (register << 16));
      return d.read(REG.MDIC) & 0xffff;
    };
    d.read(REG.ICR);
    for (const isDown of [true, false]) {
      d.ethernet.isDown = isDown;
      d.ethernet.linkChanged!();
      expect([status(), phy(1), phy(17) & 0x0400, d.read(REG.ICR) & ICR.LSC]).toEqual(
        isDown ? [0, 0x7949, 0, ICR.LSC] : [2, 0x796d, 0x0400, ICR.LSC],
      );
    }
  });

  it('are as after power-on after CTRL.RST', () => {
    d.start();
    d.write(REG.MTA, 5);
    d.write(REG.CTRL, CTRL.RST);
    expect([REG.RDT, REG.RCTL, REG.IMS, REG.MTA, REG.TDLEN].map(register => d.read(register))).toEqual([0, 0, 0, 0, 0]);
    expect([d.read(REG.RAL), d.read(REG.RAH)]).toEqual([0x123e1600, 0x80005634]);
    expect(d.line.level).toBe(false);
  });
});

describe('transmission', () => {
  it('gathers descriptors to a frame, tells what is done and interrupts', () => {
    d.start();
    const frame = frameTo(OTHER, 100);
    d.queue(frame.subarray(0, 40), TXD.IFCS | TXD.RS);
    d.queue(frame.subarray(40));
    d.go();
    expect(d.wire).toEqual([frame]);
    expect([d.view.getUint8(TX + 12) & 1, d.view.getUint8(TX + 28) & 1, d.read(REG.TDH), d.line.level]).toEqual([
      1,
      1,
      2,
      true,
    ]);
    expect(d.read(REG.ICR)).toBe(ICR.TXDW | ICR.TXQE);
    expect([d.line.level, d.read(STAT.GPTC), d.read(STAT.GPTC), d.read(STAT.GOTC)]).toEqual([false, 1, 0, 104]);
    d.queue(frameTo(OTHER, 20));
    d.go();
    expect(d.wire[1]).toHaveLength(60);
  });

  it('waits while the wire is busy, and while it is no bus master', () => {
    d.start();
    d.ethernet.busy = true;
    d.queue(frameTo(OTHER));
    d.go();
    expect([d.wire.length, d.read(REG.TDH)]).toEqual([0, 0]);
    d.ethernet.busy = false;
    d.timers.advanceMs(1);
    expect(d.wire).toHaveLength(1);
    d.card.fn.write(4, 3, 2);
    d.queue(frameTo(OTHER));
    d.go();
    expect(d.wire).toHaveLength(1);
  });

  it('fills in checksums where a context says, or a legacy descriptor', () => {
    d.start();
    const whole = udpFrame(path, 1, 2, Uint8Array.of(1, 2, 3));
    const blank = whole.slice();
    put16(blank, 24, 0);
    const length = blank.length - 34;
    const pseudo = get16(blank, 26) + get16(blank, 28) + get16(blank, 30) + get16(blank, 32) + 17 + length;
    put16(blank, 40, (pseudo & 0xffff) + (pseudo >>> 16));
    d.context([(14 | (24 << 8) | (33 << 16)) >>> 0, 34 | (40 << 8), (TXD.DEXT << 24) >>> 0, 0]);
    d.queue(blank, TXD.EOP | TXD.IFCS | TXD.RS | TXD.DEXT, TXD.IXSM | TXD.TXSM);
    d.go();
    const padded = new Uint8Array(60);
    padded.set(whole);
    expect(d.wire).toEqual([padded]);
    put16(blank, 24, get16(whole, 24));
    d.memory.bytes.set(blank, 0x40000 + 0x8000 * d.tail);
    d.view.setUint32(TX + 16 * d.tail, 0x40000 + 0x8000 * d.tail, true);
    d.put([(blank.length | (40 << 16) | ((TXD.EOP | TXD.IC | TXD.RS) << 24)) >>> 0, 34 << 8]);
    d.go();
    expect(d.wire[1]).toEqual(padded);
  });

  it('cuts TCP messages into segments with right headers', () => {
    d.start();
    const data = Uint8Array.from({ length: 3000 }, (_, i) => i * 3);
    const tcp = new Uint8Array(20 + data.length);
    put32(tcp, 4, 1000);
    tcp[12] = 0x50;
    tcp[13] = 0x19;
    tcp.set(data, 20);
    const packet = ipFrame(path, 6, tcp);
    const pseudo = get16(packet, 26) + get16(packet, 28) + get16(packet, 30) + get16(packet, 32) + 6;
    put16(packet, 50, (pseudo & 0xffff) + (pseudo >>> 16));
    put16(packet, 24, 0);
    put16(packet, 16, 0);
    d.context([
      (14 | (24 << 8) | (33 << 16)) >>> 0,
      34 | (50 << 8),
      (3000 | ((TXD.DEXT | TXD.TSE | TXD.IP | TXD.TCP) << 24)) >>> 0,
      ((54 << 8) | (1460 << 16)) >>> 0,
    ]);
    const command = TXD.IFCS | TXD.RS | TXD.DEXT | TXD.TSE;
    d.queue(packet.subarray(0, 54), command, TXD.IXSM | TXD.TXSM);
    d.queue(packet.subarray(54), command | TXD.EOP, 0);
    d.go();
    expect(d.wire.map(frame => frame.length)).toEqual([1514, 1514, 134]);
    const joined: number[] = [];
    d.wire.forEach((frame, i) => {
      const ip = parseIp(frame)!;
      const head = new Uint8Array(12);
      put32(head, 0, ip.source);
      put32(head, 4, ip.destination);
      head[9] = 6;
      put16(head, 10, ip.payload.length);
      expect(checksum(Uint8Array.from([...head, ...ip.payload]))).toBe(0);
      expect([get32(ip.payload, 4), ip.payload[13], get16(frame, 18)]).toEqual([
        1000 + 1460 * i,
        i === 2 ? 0x19 : 0x10,
        i,
      ]);
      joined.push(...ip.payload.subarray(20));
    });
    expect(joined).toEqual([...data]);
    expect(d.read(STAT.TSCTC)).toBe(1);
  });
});

describe('reception', () => {
  it('takes what is for the station, everybody and chosen groups', () => {
    d.start();
    const group = Uint8Array.of(1, 0, 0x5e, 0, 0, 0xfb);
    const taken = (frame: Uint8Array): boolean => {
      const before = d.read(REG.RDH);
      d.ethernet.receive?.(frame);
      d.write(REG.RDT, (d.read(REG.RDH) + SLOTS - 1) % SLOTS);
      return d.read(REG.RDH) !== before;
    };
    expect([MAC, EVERYBODY, OTHER, group].map(to => taken(frameTo(to)))).toEqual([true, true, false, false]);
    const hash = ((0xfb << 8) >>> 4) & 0xfff;
    d.write(REG.MTA + 4 * (hash >>> 5), 1 << (hash & 31));
    expect(taken(frameTo(group))).toBe(true);
    d.write(REG.RCTL, RCTL.EN | RCTL.UPE);
    expect([OTHER, EVERYBODY].map(to => taken(frameTo(to)))).toEqual([true, false]);
    expect([d.read(STAT.GPRC), d.read(STAT.BPRC), d.read(STAT.TPR)]).toEqual([4, 1, 7]);
  });

  it('writes frame, check sequence and descriptor, and interrupts', () => {
    d.start();
    const frame = frameTo(MAC, 50);
    d.ethernet.receive?.(frame);
    const { length, status, bytes } = d.received(0);
    expect([length, status & 3, d.line.level, d.read(REG.ICR)]).toEqual([64, RXD.DD | RXD.EOP, true, ICR.RXT0]);
    expect(bytes.subarray(0, 50)).toEqual(frame);
    expect(new DataView(bytes.buffer).getUint32(60, true)).toBe(frameCheck(bytes, 60));
    d.write(REG.RCTL, RCTL.EN | RCTL.BAM | RCTL.SECRC);
    d.ethernet.receive?.(frameTo(MAC, 100));
    expect(d.received(1).length).toBe(100);
  });

  it('spreads long frames over buffers where it may, and drops them where not', () => {
    d.start();
    d.ethernet.receive?.(frameTo(MAC, 4000));
    expect([d.read(REG.RDH), d.read(STAT.ROC)]).toEqual([0, 1]);
    d.write(REG.RCTL, RCTL.EN | RCTL.LPE);
    d.ethernet.receive?.(frameTo(MAC, 4000));
    expect([0, 1].map(slot => [d.received(slot).length, d.received(slot).status & 3])).toEqual([
      [2048, RXD.DD],
      [1956, RXD.DD | RXD.EOP],
    ]);
  });

  it('says so when it has no buffers, and that it will have', () => {
    d.start();
    for (let i = 0; i < 7; i++) d.ethernet.receive?.(frameTo(MAC));
    expect([d.ethernet.canReceive?.(), d.read(REG.ICR) & ICR.RXO]).toEqual([false, 0]);
    d.ethernet.receive?.(frameTo(MAC));
    expect([d.read(REG.ICR) & ICR.RXO, d.read(STAT.MPC)]).toEqual([ICR.RXO, 1]);
    d.write(REG.RDT, 3);
    expect(d.ethernet.canReceive?.()).toBe(true);
  });

  it('looks at checksums where it is told to', () => {
    d.start();
    d.write(REG.RXCSUM, RXCSUM.IPOFLD | RXCSUM.TUOFLD);
    const good = udpFrame({ ...path }, 1, 2, new Uint8Array(40)),
      bad = good.slice();
    bad[60] ^= 1;
    for (const frame of [good, bad, frameTo(MAC)]) d.ethernet.receive?.(frame);
    expect([0, 1, 2].map(slot => [d.received(slot).status & 0x64, d.received(slot).errors])).toEqual([
      [RXD.IPCS | RXD.TCPCS, 0],
      [RXD.IPCS | RXD.TCPCS, RXD.TCPE],
      [RXD.IXSM, 0],
    ]);
  });
});

describe('interrupts', () => {
  it('are masked, raised by ICS, and no more frequent than ITR says', () => {
    d.write(REG.ICS, ICR.LSC);
    expect(d.line.level).toBe(false);
    d.write(REG.IMS, ICR.LSC);
    expect(d.line.level).toBe(true);
    d.write(REG.IMC, ICR.LSC);
    expect(d.line.level).toBe(false);
    d.write(REG.ITR, 1000);
    d.write(REG.IMS, ICR.LSC);
    d.read(REG.ICR);
    d.write(REG.ICS, ICR.LSC);
    expect(d.line.level).toBe(false);
    d.timers.advanceNs(256_000);
    expect(d.line.level).toBe(true);
  });

  it('of frames wait for RDTR, but not longer than RADV', () => {
    d.start();
    d.write(REG.RDTR, 100);
    d.write(REG.RADV, 150);
    d.ethernet.receive?.(frameTo(MAC));
    d.timers.advanceNs(90 * 1024);
    d.ethernet.receive?.(frameTo(MAC));
    expect(d.line.level).toBe(false);
    d.timers.advanceNs(60 * 1024);
    expect([d.line.level, d.read(REG.ICR)]).toEqual([true, ICR.RXT0]);
  });
});

describe('its state', () => {
  it('goes on elsewhere in the middle of a packet', () => {
    d.start();
    const frame = frameTo(OTHER, 100);
    d.queue(frame.subarray(0, 40), TXD.IFCS);
    d.go();
    const next = new Driver();
    next.card.restore(d.card.save());
    next.memory.bytes.set(d.memory.bytes);
    next.tail = d.tail;
    next.queue(frame.subarray(40));
    next.go();
    expect(next.wire).toEqual([frame]);
    expect(next.card.peek()).toMatchObject({ TDH: 2, STATUS: 0x83 });
    expect(() => next.card.restore({})).toThrow(/e1000/);
  });

  it('survives any registers, rings and frames', () => {
    const registers = [...Object.values(REG), 0x5400, 0x5404, 0x8000];
    const step = fc.tuple(
      fc.constantFrom(...registers),
      fc.oneof(fc.integer(), fc.nat(0xffff), fc.constantFrom(RX, TX, 128)),
    );
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 40 }),
        fc.uint8Array({ minLength: 256, maxLength: 256 }),
        fc.nat(3000),
        (steps, bytes, length) => {
          const any = new Driver();
          any.start();
          any.memory.bytes.set(bytes, TX);
          for (const [register, value] of steps) {
            any.write(register, value);
            any.read(register);
          }
          any.ethernet.receive?.(frameTo(MAC, 14 + length));
          any.go();
          any.timers.advanceMs(1);
          expect(any.wire.every(frame => frame.length <= 16288)).toBe(true);
        },
      ),
      { numRuns: 150 },
    );
  });
});
