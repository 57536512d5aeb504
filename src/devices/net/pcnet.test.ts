import { beforeEach, describe, expect, it } from 'vitest';
import { TestLine, TestMemory, testPc, TestTimers } from '../testing.ts';
import { crcRemainder, frameCheck } from './ethernet.ts';
import { Pcnet } from './pcnet.ts';

const MAC = Uint8Array.of(0x52, 0x54, 0x00, 0x12, 0x34, 0x56);
const PEER = Uint8Array.of(0x02, 0, 0, 0, 0, 1);
const BROADCAST = new Uint8Array(6).fill(0xff);

/** Destination, source, type, then bytes that count. */
function frameTo(destination: Uint8Array, length = 60, source = PEER): Uint8Array {
  const frame = Uint8Array.from({ length }, (_, i) => i);
  frame.set(destination, 0);
  frame.set(source, 6);
  frame.set([0x08, 0x00], 12);
  return frame;
}

/** Speaks to the chip as a driver does, in word mode, with rings at fixed places. */
class Driver {
  readonly memory = new TestMemory(1 << 20);
  readonly view = new DataView(this.memory.bytes.buffer);
  readonly timers = new TestTimers();
  readonly line = new TestLine();
  readonly wire: Uint8Array[] = [];
  master = true;
  reads = 0;
  readonly chip: Pcnet;
  style = 2;
  readonly rxRing = 0x2000;
  readonly txRing = 0x3000;
  lengthCode = 2;
  mode = 0;
  filter = [0, 0, 0, 0];
  isDown = false;

  constructor() {
    this.chip = new Pcnet(MAC, {
      timers: this.timers,
      irq: this.line,
      busMaster: () => this.master,
      send: frame => this.wire.push(frame),
      isDown: () => this.isDown,
      dma: {
        read: (address, into) => {
          this.reads++;
          this.memory.read(address, into);
        },
        write: (address, from) => this.memory.write(address, from),
      },
    });
  }

  get size(): number {
    return this.style === 0 ? 8 : 16;
  }

  csr(index: number, value?: number): number {
    this.chip.write(0x12, index, 2);
    if (value !== undefined) this.chip.write(0x10, value, 2);
    return this.chip.read(0x10, 2);
  }

  bcr(index: number, value?: number): number {
    this.chip.write(0x12, index, 2);
    if (value !== undefined) this.chip.write(0x16, value, 2);
    return this.chip.read(0x16, 2);
  }

  /** Buffers of 2 KiB at 0x10000 (receive) and 0x40000 (transmit); all receive descriptors are the chip's. */
  init(start = true, csr0 = 0x42): void {
    this.chip.read(0x14, 2);
    this.bcr(20, this.style);
    const { view } = this;
    if (this.style === 0) {
      view.setUint16(0x1000, this.mode, true);
      this.memory.bytes.set(MAC, 0x1002);
      this.filter.forEach((word, i) => view.setUint16(0x1008 + 2 * i, word, true));
      view.setUint32(0x1010, (this.rxRing | (this.lengthCode << 29)) >>> 0, true);
      view.setUint32(0x1014, (this.txRing | (this.lengthCode << 29)) >>> 0, true);
    } else {
      view.setUint32(0x1000, (this.mode | (this.lengthCode << 20) | (this.lengthCode << 28)) >>> 0, true);
      this.memory.bytes.set(MAC, 0x1004);
      this.filter.forEach((word, i) => view.setUint16(0x100c + 2 * i, word, true));
      view.setUint32(0x1014, this.rxRing, true);
      view.setUint32(0x1018, this.txRing, true);
    }
    for (let i = 0; i < 1 << this.lengthCode; i++) this.put(this.rxRing, i, 0x8000, 0x10000 + i * 2048, 2048);
    this.csr(1, 0x1000);
    this.csr(2, 0);
    this.csr(0, 1);
    if (start) this.csr(0, csr0);
  }

  put(ring: number, index: number, flags: number, buffer: number, length: number): void {
    const { view, style } = this;
    const at = ring + index * this.size;
    if (style === 0) {
      view.setUint32(at, (buffer | (flags << 16)) >>> 0, true);
      view.setUint32(at + 4, 0xf000 | (0x1000 - length), true);
    } else {
      view.setUint32(at + (style === 3 ? 8 : 0), buffer, true);
      view.setUint32(at + (style === 3 ? 0 : 8), 0, true);
      view.setUint32(at + 4, ((flags << 16) | 0xf000 | (0x1000 - length)) >>> 0, true);
    }
  }

  flags(ring: number, index: number): number {
    const at = ring + index * this.size;
    return this.style === 0 ? this.view.getUint8(at + 3) << 8 : this.view.getUint16(at + 6, true);
  }

  /** RMD2 or TMD2 (RMD3, TMD3). */
  status(ring: number, index: number): number {
    const at = ring + index * this.size;
    if (this.style === 0) return this.view.getUint16(at + 6, true);
    return this.view.getUint32(at + (this.style === 3 ? 0 : 8), true);
  }

  /** Fills a transmit descriptor; the chip's from here on. */
  queue(index: number, bytes: Uint8Array, flags = 0x0300): void {
    this.memory.bytes.set(bytes, 0x40000 + index * 2048);
    this.put(this.txRing, index, 0x8000 | flags, 0x40000 + index * 2048, bytes.length);
  }

  demand(): void {
    this.csr(0, 0x48);
  }

  buffer(index: number, length: number): Uint8Array {
    return this.memory.bytes.slice(0x10000 + index * 2048, 0x10000 + index * 2048 + length);
  }
}

let d: Driver;
beforeEach(() => {
  d = new Driver();
});

describe('registers after reset', () => {
  it('show the station address in the PROM, with checksum and "WW"', () => {
    const prom = Uint8Array.from({ length: 16 }, (_, i) => d.chip.read(i, 1));
    expect(prom.slice(0, 6)).toEqual(MAC);
    expect(prom.slice(14)).toEqual(Uint8Array.of(0x57, 0x57));
    const sum = [...prom.slice(0, 12), prom[14], prom[15]].reduce((total, byte) => total + byte, 0);
    expect(prom[12] | (prom[13] << 8)).toBe(sum);
  });

  it('are stopped, with the chip’s identity and the address in CSR12-14', () => {
    expect(d.csr(0)).toBe(0x0004);
    expect(d.csr(88) | (d.csr(89) << 16)).toBe(0x02621003);
    expect([d.csr(12), d.csr(13), d.csr(14)]).toEqual([0x5452, 0x1200, 0x5634]);
    expect(d.csr(4)).toBe(0x0115);
    expect(d.bcr(20)).toBe(0x0200);
    expect(d.bcr(18)).toBe(0x9001);
    expect(d.bcr(22)).toBe(0xff06);
  });

  it('tell that the link is up, and when it is not', () => {
    expect(d.bcr(4)).toBe(0x80c0);
    d.isDown = true;
    expect(d.bcr(4)).toBe(0x00c0);
  });

  it('keep CSR1 and CSR2, writable only while stopped, under two numbers', () => {
    expect(d.csr(1, 0x1234)).toBe(0x1234);
    expect(d.csr(16)).toBe(0x1234);
    d.csr(17, 0x5678);
    expect(d.csr(2)).toBe(0x5678);
    d.init();
    d.csr(1, 0x4444);
    expect(d.csr(1)).toBe(0x1000);
  });

  it('go back with a read of the reset register, but for bus configuration', () => {
    d.init();
    d.bcr(2, 0x0102);
    d.chip.read(0x14, 2);
    expect(d.csr(0)).toBe(0x0004);
    expect(d.bcr(2)).toBe(0x0102);
  });

  it('become doublewords with a doubleword written to RDP, until the RESET pin', () => {
    expect(d.chip.read(0x18, 4)).toBe(0xffffffff);
    d.chip.write(0x10, 0, 4);
    d.chip.write(0x14, 88, 4);
    expect(d.chip.read(0x14, 4)).toBe(88);
    expect(d.chip.read(0x10, 4) & 0xffff).toBe(0x1003);
    d.chip.read(0x18, 4);
    expect(d.chip.read(0x14, 4)).toBe(0);
    d.chip.write(0x14, 18, 4);
    expect(d.chip.read(0x1c, 4)).toBe(0x9081);
    d.chip.reset();
    expect(d.bcr(18)).toBe(0x9001);
  });

  it('choose the software style: SSIZE32 and CSRPCNET follow', () => {
    expect(d.bcr(20, 2)).toBe(0x0302);
    expect(d.bcr(20, 3)).toBe(0x0303);
    expect(d.csr(58)).toBe(0x0303);
    expect(d.bcr(20, 0)).toBe(0x0200);
  });

  it('convert ring lengths in CSR92', () => {
    expect(d.csr(92, 0x4000)).toBe(0x10000 - 16);
  });
});

describe('EEPROM behind BCR19', () => {
  const bit = (value: boolean): number => (value ? 1 : 0);
  function clock(dataIn: boolean): number {
    d.bcr(19, 0x14 | bit(dataIn));
    d.bcr(19, 0x16 | bit(dataIn));
    return d.bcr(19) & 1;
  }
  function send(bits: string): void {
    for (const one of bits) clock(one === '1');
  }
  function readWord(address: number): number {
    d.bcr(19, 0x10);
    send(`110${address.toString(2).padStart(6, '0')}`);
    let word = 0;
    for (let i = 0; i < 16; i++) word = (word << 1) | clock(false);
    d.bcr(19, 0x10);
    return word;
  }

  it('is there and was read', () => {
    expect(d.bcr(19) & 0xa000).toBe(0xa000);
  });

  it('gives its words, the address first', () => {
    expect([readWord(0), readWord(1), readWord(2), readWord(7)]).toEqual([0x5452, 0x1200, 0x5634, 0x5757]);
  });

  it('sums up to 0xFF over its first 32 bytes', () => {
    let sum = 0;
    for (let i = 0; i < 16; i++) sum += (readWord(i) >> 8) + (readWord(i) & 0xff);
    expect(sum & 0xff).toBe(0xff);
  });

  it('takes a word after EWEN only', () => {
    d.bcr(19, 0x10);
    send(`101${'010000'}${'1010101111001101'}`);
    d.bcr(19, 0x10);
    expect(readWord(16)).toBe(0xffff);
    send('100110000');
    d.bcr(19, 0x10);
    send(`101${'010000'}${'1010101111001101'}`);
    d.bcr(19, 0x10);
    expect(readWord(16)).toBe(0xabcd);
  });
});

describe('initialization', () => {
  it.each([0, 2, 3])('reads the block of software style %i and says so', style => {
    d.style = style;
    d.mode = 0x0080;
    d.filter = [1, 2, 3, 4];
    d.init(false);
    expect(d.csr(0)).toBe(0x0181);
    expect(d.csr(15)).toBe(0x0080);
    expect([8, 9, 10, 11].map(i => d.csr(i))).toEqual([1, 2, 3, 4]);
    expect(d.csr(24)).toBe(d.rxRing);
    expect(d.csr(30)).toBe(d.txRing);
    expect([d.csr(76), d.csr(78)]).toEqual([0xfffc, 0xfffc]);
    expect(d.csr(6)).toBe(0x2200);
    d.csr(0, 0x42);
    // IDON, INTR, IENA, RXON, TXON, STRT, INIT: what drivers compare with.
    expect(d.csr(0)).toBe(0x01f3);
    expect(d.line.level).toBe(true);
    d.csr(0, 0x0140);
    expect(d.csr(0)).toBe(0x0073);
    expect(d.line.level).toBe(false);
  });

  it('leaves off what DTX and DRX say', () => {
    d.mode = 3;
    d.init();
    expect(d.csr(0) & 0x30).toBe(0);
  });

  it('ends in MERR without bus mastership', () => {
    d.master = false;
    d.init(false);
    expect(d.csr(0) & 0x8900).toBe(0x8800);
  });

  it('takes address bits 31-24 of 16-bit structures from CSR2', () => {
    d.style = 0;
    d.csr(1, 0x1000);
    d.csr(2, 0x0500);
    d.csr(0, 1);
    expect(d.csr(25) >> 8).toBe(5);
  });
});

describe.each([0, 2, 3])('transmission, software style %i', style => {
  beforeEach(() => {
    d.style = style;
    d.init();
    d.csr(0, 0x7f40);
  });

  it('sends a frame on demand, gives the descriptor back and interrupts', () => {
    const frame = frameTo(BROADCAST, 100, MAC);
    d.queue(0, frame);
    d.demand();
    expect(d.wire).toEqual([frame]);
    expect(d.flags(d.txRing, 0) & 0xc300).toBe(0x0300);
    expect(d.csr(0)).toBe(0x02f3);
    expect(d.line.level).toBe(true);
    d.csr(0, 0x0240);
    expect(d.line.level).toBe(false);
  });

  it('puts a frame together from several buffers', () => {
    const frame = frameTo(PEER, 300, MAC);
    d.queue(0, frame.subarray(0, 14), 0x0200);
    d.queue(1, frame.subarray(14, 200), 0);
    d.queue(2, frame.subarray(200), 0x0100);
    d.demand();
    expect(d.wire).toEqual([frame]);
    expect([0, 1, 2].map(i => d.flags(d.txRing, i) & 0x8000)).toEqual([0, 0, 0]);
  });

  it('goes round its ring', () => {
    for (let i = 0; i < 10; i++) {
      d.queue(i % 4, frameTo(PEER, 60 + i, MAC));
      d.demand();
    }
    expect(d.wire.map(frame => frame.length)).toEqual([60, 61, 62, 63, 64, 65, 66, 67, 68, 69]);
  });

  it('tells of a chain that breaks off, and stops', () => {
    d.queue(0, frameTo(PEER, 60, MAC), 0x0200);
    d.demand();
    expect(d.wire).toEqual([]);
    expect(d.flags(d.txRing, 0) & 0xc000).toBe(0x4000);
    expect((style === 0 ? d.status(d.txRing, 0) : d.status(d.txRing, 0) >>> 16) & 0xc000).toBe(0xc000);
    expect(d.csr(0) & 0x0210).toBe(0x0200);
  });

  it('skips what does not start a frame', () => {
    d.queue(0, frameTo(PEER, 60, MAC), 0x0100);
    d.queue(1, frameTo(PEER, 61, MAC));
    d.demand();
    expect(d.wire.map(frame => frame.length)).toEqual([61]);
    expect(d.flags(d.txRing, 0) & 0x8000).toBe(0);
  });
});

describe('transmission', () => {
  it('polls the ring by itself, unless TXDPOLL says not to', () => {
    d.init();
    d.queue(0, frameTo(PEER, 60, MAC));
    d.timers.advanceMs(3);
    expect(d.wire.length).toBe(1);
    d.csr(4, 0x1115);
    d.queue(1, frameTo(PEER, 60, MAC));
    d.demand();
    d.queue(2, frameTo(PEER, 60, MAC));
    d.timers.advanceMs(1000);
    expect(d.wire.length).toBe(2);
  });

  it('pads with APAD_XMT', () => {
    d.init();
    d.csr(4, 0x0915);
    d.queue(0, frameTo(PEER, 20, MAC));
    d.demand();
    expect(d.wire[0].length).toBe(60);
    expect(d.wire[0].slice(20)).toEqual(new Uint8Array(40));
  });

  it('takes the driver’s check sequence with DXMTFCS, and no frame with a wrong one gets through; ADD_FCS overrides it', () => {
    d.mode = 0x0008;
    d.init();
    const frame = frameTo(PEER, 64, MAC);
    new DataView(frame.buffer).setUint32(60, frameCheck(frame, 60), true);
    d.queue(0, frame);
    d.queue(1, frameTo(PEER, 64, MAC));
    d.queue(2, frameTo(PEER, 62, MAC), 0x2300);
    d.demand();
    expect(d.wire.map(one => one.length)).toEqual([60, 62]);
  });

  it('calls more than 1518 bytes on the wire babble', () => {
    d.init();
    d.queue(0, frameTo(PEER, 1514, MAC));
    d.demand();
    expect(d.csr(0) & 0x4000).toBe(0);
    d.queue(1, frameTo(PEER, 1515, MAC));
    d.demand();
    expect(d.csr(0) & 0xc000).toBe(0xc000);
  });

  it('interrupts for the frames that LTINT marks, with LTINTEN; for none with TOKINTD', () => {
    d.init();
    d.csr(5, 0x4000);
    d.queue(0, frameTo(PEER, 60, MAC));
    d.demand();
    expect(d.csr(0) & 0x0200).toBe(0);
    d.queue(1, frameTo(PEER, 60, MAC), 0x1300);
    d.demand();
    expect(d.csr(0) & 0x0200).toBe(0x0200);
    d.csr(0, 0x0240);
    d.csr(5, 0x8000);
    d.queue(2, frameTo(PEER, 60, MAC), 0x1300);
    d.demand();
    expect(d.csr(0) & 0x0200).toBe(0);
  });

  it('does not send while stopped or suspended, and goes on where it was', () => {
    d.init();
    d.csr(5, 1);
    expect(d.csr(5) & 1).toBe(1);
    d.queue(0, frameTo(PEER, 60, MAC));
    d.demand();
    expect(d.wire.length).toBe(0);
    d.csr(5, 0);
    expect(d.wire.length).toBe(1);
    d.csr(0, 4);
    expect(d.csr(0)).toBe(4);
    d.queue(1, frameTo(PEER, 60, MAC));
    d.demand();
    expect(d.wire.length).toBe(1);
    d.csr(0, 2);
    expect(d.wire.length).toBe(2);
  });
});

describe.each([0, 2, 3])('reception, software style %i', style => {
  beforeEach(() => {
    d.style = style;
    d.init();
    d.csr(0, 0x7f40);
  });

  it('stores a frame for its address with its check sequence, and interrupts', () => {
    const frame = frameTo(MAC, 100);
    d.chip.receive(frame);
    expect(d.flags(d.rxRing, 0)).toBe(style === 0 ? 0x0300 : 0x0340);
    expect(d.status(d.rxRing, 0) & 0xfff).toBe(104);
    expect(d.buffer(0, 100)).toEqual(frame);
    // The remainder over data and check sequence is a constant of the polynomial (IEEE 802.3, 3.2.9).
    expect(crcRemainder(d.buffer(0, 104), 104)).toBe(0xdebb20e3);
    expect(d.csr(0)).toBe(0x04f3);
    expect(d.line.level).toBe(true);
  });

  it('pads what is shorter than a frame', () => {
    d.chip.receive(frameTo(MAC, 42));
    expect(d.status(d.rxRing, 0) & 0xfff).toBe(64);
    expect(d.buffer(0, 60).slice(42)).toEqual(new Uint8Array(18));
  });

  it('fills several buffers with one frame', () => {
    for (let i = 0; i < 4; i++) d.put(d.rxRing, i, 0x8000, 0x10000 + i * 2048, 32);
    d.chip.receive(frameTo(MAC, 70));
    expect([0, 1, 2].map(i => d.flags(d.rxRing, i) & 0xff00)).toEqual([0x0200, 0x0000, 0x0100]);
    expect(d.flags(d.rxRing, 3)).toBe(0x8000);
    expect(d.status(d.rxRing, 2) & 0xfff).toBe(74);
    expect([...d.buffer(0, 32), ...d.buffer(1, 32), ...d.buffer(2, 6)]).toEqual([...frameTo(MAC, 70)]);
  });

  it('tells of a frame for which the buffers do not suffice', () => {
    d.put(d.rxRing, 0, 0x8000, 0x10000, 64);
    d.put(d.rxRing, 1, 0, 0x10800, 64);
    d.chip.receive(frameTo(MAC, 70));
    expect(d.flags(d.rxRing, 0) & 0xff00).toBe(0x5600);
    expect(d.csr(0) & 0x0400).toBe(0x0400);
  });

  it('counts what it misses, with an interrupt', () => {
    for (let i = 0; i < 6; i++) d.chip.receive(frameTo(MAC, 60));
    expect(d.csr(112)).toBe(2);
    expect(d.csr(0) & 0x9000).toBe(0x9000);
  });
});

describe('address filter', () => {
  const took = (frame: Uint8Array): boolean => {
    d.csr(0, 0x7f40);
    d.chip.receive(frame);
    return (d.csr(0) & 0x0400) !== 0;
  };
  // 01:00:5E:00:00:01 (all hosts).
  const ALL_HOSTS = Uint8Array.of(0x01, 0x00, 0x5e, 0x00, 0x00, 0x01);
  const OTHER = Uint8Array.of(0x02, 0, 0, 0, 0, 9);

  it('takes its own address and broadcasts', () => {
    d.init();
    expect(took(frameTo(MAC))).toBe(true);
    expect(took(frameTo(BROADCAST))).toBe(true);
    expect(d.flags(d.rxRing, 1) & 0x70).toBe(0x10);
    expect(took(frameTo(OTHER))).toBe(false);
    expect(took(frameTo(ALL_HOSTS))).toBe(false);
  });

  it('takes groups whose hash the logical address filter holds', () => {
    const hash = crcRemainder(ALL_HOSTS, 6) >>> 26;
    d.filter[hash >> 4] = 1 << (hash & 15);
    d.init();
    expect(took(frameTo(ALL_HOSTS))).toBe(true);
    expect(d.flags(d.rxRing, 0) & 0x70).toBe(0x20);
    const miss = ALL_HOSTS.slice();
    while (crcRemainder(miss, 6) >>> 26 === hash) miss[5]++;
    expect(took(frameTo(miss))).toBe(false);
  });

  it('takes everything in promiscuous mode, and less with DRCVBC and DRCVPA', () => {
    d.mode = 0x8000;
    d.init();
    expect(took(frameTo(OTHER))).toBe(true);
    expect(d.flags(d.rxRing, 0) & 0x70).toBe(0);
    d.mode = 0x6000;
    d.init();
    expect(took(frameTo(MAC))).toBe(false);
    expect(took(frameTo(BROADCAST))).toBe(false);
  });

  it('can be changed while suspended', () => {
    d.init();
    d.csr(15, 0x8000);
    expect(took(frameTo(OTHER))).toBe(false);
    d.csr(5, 1);
    d.csr(15, 0x8000);
    d.csr(5, 0);
    expect(took(frameTo(OTHER))).toBe(true);
  });
});

describe('interrupts', () => {
  it('are masked by CSR3, not in CSR0', () => {
    d.init();
    d.csr(0, 0x7f40);
    d.csr(3, 0x5f00);
    d.chip.receive(frameTo(MAC));
    expect(d.line.level).toBe(false);
    expect(d.csr(0)).toBe(0x0473);
    d.csr(3, 0);
    expect(d.line.level).toBe(true);
    d.csr(0, 0);
    expect(d.line.level).toBe(false);
    expect(d.csr(0) & 0x0080).toBe(0x0080);
  });

  it('come from UINTCMD, and from TXSTRT unless masked', () => {
    d.init();
    d.csr(0, 0x7f40);
    d.csr(4, 0x0195);
    expect(d.csr(4)).toBe(0x0155);
    expect(d.line.level).toBe(true);
    d.csr(4, 0x0155);
    expect(d.line.level).toBe(false);
    d.csr(4, 0x0111);
    d.csr(3, 0x0200);
    d.queue(0, frameTo(PEER, 60, MAC));
    d.demand();
    expect(d.csr(4) & 8).toBe(8);
    expect(d.line.level).toBe(true);
  });
});

describe('loopback', () => {
  it('internal: the frame comes back and does not leave', () => {
    d.mode = 0x0044;
    d.init();
    const frame = frameTo(MAC, 80, MAC);
    d.queue(0, frame);
    d.demand();
    expect(d.wire).toEqual([]);
    expect(d.buffer(0, 80)).toEqual(frame);
    expect(d.status(d.rxRing, 0) & 0xfff).toBe(84);
    d.chip.receive(frameTo(MAC));
    expect(d.flags(d.rxRing, 1)).toBe(0x8000);
  });

  it('external: it does both', () => {
    d.mode = 0x0004;
    d.init();
    d.queue(0, frameTo(MAC, 80, MAC));
    d.demand();
    expect(d.wire.length).toBe(1);
    expect(d.flags(d.rxRing, 0) & 0x8000).toBe(0);
  });

  it('shows a wrong check sequence as CRC', () => {
    d.mode = 0x004c;
    d.init();
    d.queue(0, frameTo(MAC, 80, MAC));
    d.demand();
    expect(d.flags(d.rxRing, 0) & 0x4800).toBe(0x4800);
  });

  it('fails with RTRY where FCOLL forces collisions', () => {
    d.mode = 0x0054;
    d.init();
    d.queue(0, frameTo(MAC, 80, MAC));
    d.demand();
    expect(d.flags(d.txRing, 0) & 0xc000).toBe(0x4000);
    expect(d.status(d.txRing, 0) >>> 16).toBe(0x0400);
  });
});

describe('receive features', () => {
  it('ASTRP_RCV strips padding and check sequence where the length field tells of padding', () => {
    d.init();
    d.csr(4, 0x0515);
    const frame = frameTo(MAC, 60);
    frame.set([0, 10], 12);
    d.chip.receive(frame);
    expect(d.status(d.rxRing, 0) & 0xfff).toBe(24);
    d.chip.receive(frameTo(MAC, 60));
    expect(d.status(d.rxRing, 1) & 0xfff).toBe(64);
  });

  it('RCVALGN puts two bytes before the frame and does not count them', () => {
    d.init(false);
    d.csr(122, 1);
    d.csr(0, 0x42);
    d.chip.receive(frameTo(MAC, 60));
    expect(d.memory.bytes.slice(0x10002, 0x10002 + 60)).toEqual(frameTo(MAC, 60));
    expect(d.status(d.rxRing, 0) & 0xfff).toBe(64);
  });
});

describe('hostile rings', () => {
  it('cost bounded work where no descriptor is ever given back (ring outside RAM)', () => {
    d.init(false);
    d.csr(0, 4);
    d.csr(30, 0);
    d.csr(31, 0xf000);
    d.csr(78, 1);
    d.reads = 0;
    d.csr(0, 0x42);
    expect(d.reads).toBeLessThan(1100);
    d.reads = 0;
    d.demand();
    expect(d.reads).toBeLessThan(1100);
  });

  it('cost bounded work where a frame has no end', () => {
    d.lengthCode = 9;
    d.init();
    const bytes = new Uint8Array(4096);
    for (let i = 0; i < 512; i++) d.put(0x3000, i, i === 0 ? 0x8200 : 0x8000, 0x40000, 4096);
    d.memory.bytes.set(bytes, 0x40000);
    d.reads = 0;
    d.demand();
    expect(d.reads).toBeLessThan(1100);
    expect(d.wire).toEqual([]);
    d.timers.advanceMs(100);
    expect(d.reads).toBeLessThan(2200);
  });

  it('hold a frame of any length out, and one-byte buffers are no harm', () => {
    d.init();
    d.chip.receive(new Uint8Array(10));
    d.chip.receive(frameTo(MAC, 9000));
    expect(d.flags(d.rxRing, 0)).toBe(0x8000);
    d.csr(5, 1);
    d.csr(24, 0);
    d.csr(25, 0xf000);
    d.csr(5, 0);
    d.reads = 0;
    d.chip.receive(frameTo(MAC, 1514));
    expect(d.reads).toBeLessThan(2000);
  });
});

describe('state', () => {
  it('is saved and restored with what is under way', () => {
    d.init();
    d.csr(0, 0x0140);
    d.queue(0, frameTo(PEER, 60, MAC));
    d.demand();
    d.queue(1, frameTo(PEER, 61, MAC));
    const state = structuredClone(d.chip.save());
    const other = new Driver();
    other.style = d.style;
    other.memory.bytes.set(d.memory.bytes);
    other.chip.restore('pcnet', state);
    expect(other.line.level).toBe(true);
    expect(other.chip.peek()).toEqual(d.chip.peek());
    other.demand();
    expect(other.wire.map(frame => frame.length)).toEqual([61]);
    expect(() => other.chip.restore('pcnet', {})).toThrow(/pcnet/);
  });

  it('is shown without side effects', () => {
    d.init();
    const before = d.csr(0);
    d.chip.peek();
    expect(d.csr(0)).toBe(before);
  });
});

describe('in the machine', () => {
  it('sits in slot 3 with its BARs and interrupts on INTA', () => {
    const sent: Uint8Array[] = [];
    const ethernet = {
      send: (frame: Uint8Array) => void sent.push(frame),
      receive: undefined as ((frame: Uint8Array) => void) | undefined,
    };
    const t = testPc({ cards: [{ model: 'pcnet', mac: MAC, ethernet }] });
    t.pc.installTables();
    const fn = t.pc.pci.at(3, 0)!;
    expect(fn.get(0, 4)).toBe(0x20001022);
    expect(fn.get(8, 4)).toBe(0x02000016);
    expect(fn.get(0x3c, 4)).toBe(0xff06010b);
    const port = fn.get(0x10, 4) & ~3;
    expect(t.in(port)).toBe(MAC[0]);
    expect(t.pc.bus.readMemory(fn.get(0x14, 4) + 1, 1)).toBe(MAC[1]);
    // A user interrupt goes all the way.
    t.out(port + 0x12, 4, 2);
    t.out(port + 0x10, 0x0195, 2);
    t.out(0xa1, 0xf7);
    t.out(0x21, 0xfb);
    t.out(port + 0x12, 0, 2);
    expect(t.pc.intr).toBe(false);
    t.out(port + 0x10, 0x0042, 2);
    expect(t.pc.intr).toBe(true);
    expect(ethernet.receive).toBeTypeOf('function');
    const state = structuredClone(t.pc.save());
    const again = testPc({ cards: [{ model: 'pcnet', mac: MAC, ethernet: { send: () => {} } }] });
    again.pc.restore(state);
    expect(again.pc.intr).toBe(true);
  });

  it('refuses a group address', () => {
    expect(() => testPc({ cards: [{ model: 'pcnet', mac: BROADCAST, ethernet: { send: () => {} } }] })).toThrow(
      RangeError,
    );
  });
});
