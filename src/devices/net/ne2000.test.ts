import { beforeEach, describe, expect, it } from 'vitest';
import { TestLine, testPc, TestTimers } from '../testing.ts';
import { frameCheck } from './ethernet.ts';
import { isNicModel, NIC_MODELS } from './models.ts';
import { Ne2000Isa, Rtl8029 } from './ne2000.ts';

const MAC = Uint8Array.of(0x52, 0x54, 0x00, 0x12, 0x34, 0x56);
const PEER = Uint8Array.of(0x02, 0, 0, 0, 0, 1);
const BROADCAST = new Uint8Array(6).fill(0xff);
/** DP8390 commands: page 0 with remote DMA aborted, stopped or started. */
const STOP = 0x21,
  START = 0x22,
  READ = 0x0a,
  WRITE = 0x12,
  SEND_PACKET = 0x1a,
  TRANSMIT = 0x26;
const DATA = 0x10,
  RESET = 0x1f;
const PRX = 1,
  PTX = 2,
  OVW = 0x10,
  CNT = 0x20,
  RDC = 0x40,
  RST = 0x80;

function frameTo(destination: Uint8Array, length = 60): Uint8Array {
  const frame = Uint8Array.from({ length }, (_, i) => i);
  frame.set(destination, 0);
  frame.set(PEER, 6);
  frame.set([0x08, 0x00], 12);
  return frame;
}

/** Speaks to the card as a driver does: transmit buffer in pages 0x40-0x45, ring in 0x46-0x7f. */
class Driver {
  readonly timers = new TestTimers();
  readonly line = new TestLine();
  readonly wire: Uint8Array[] = [];
  readonly ethernet = { busy: false, send: (frame: Uint8Array) => void this.wire.push(frame) } as {
    busy: boolean;
    send(frame: Uint8Array): void;
    receive(frame: Uint8Array): void;
    canReceive(): boolean;
  };
  readonly card: Ne2000Isa;
  private readonly range: NonNullable<Ne2000Isa['portRanges']>[number];

  constructor() {
    this.card = new Ne2000Isa({
      timers: this.timers,
      irq: this.line,
      mac: MAC,
      ethernet: this.ethernet,
    });
    this.range = this.card.portRanges[0];
  }

  in(offset: number, size = 1): number {
    return this.range.read(offset, size);
  }

  out(offset: number, value: number, size = 1): void {
    this.range.write(offset, value, size);
  }

  /** A register of page 1 or 2. */
  at(page: number, register: number): number {
    this.out(0, (page << 6) | START);
    const value = this.in(register);
    this.out(0, START);
    return value;
  }

  remote(address: number, bytes: number, command: number): void {
    this.out(8, address & 0xff);
    this.out(9, address >> 8);
    this.out(10, bytes & 0xff);
    this.out(11, bytes >> 8);
    this.out(0, command);
  }

  fetch(address: number, bytes: number): Uint8Array {
    this.remote(address, bytes, READ);
    const into = new Uint8Array(bytes);
    expect(this.range.readBlock!(DATA, 2, into)).toBe(bytes);
    return into;
  }

  init({ rcr = 0x0c, pstop = 0x80 } = {}): void {
    this.out(0, STOP);
    this.out(14, 0x49);
    this.out(12, rcr);
    this.out(13, 0);
    this.out(1, 0x46);
    this.out(2, pstop);
    this.out(3, 0x46);
    this.out(7, 0xff);
    this.out(15, 0x3f);
    this.out(0, 0x61);
    MAC.forEach((byte, i) => this.out(1 + i, byte));
    this.out(7, 0x47);
    this.out(0, START);
  }

  transmit(frame: Uint8Array): void {
    this.remote(0x4000, frame.length, WRITE);
    this.range.writeBlock!(DATA, 2, frame);
    this.out(4, 0x40);
    this.out(5, frame.length & 0xff);
    this.out(6, frame.length >> 8);
    this.out(0, TRANSMIT);
  }
}

describe('an NE2000', () => {
  let card: Driver;
  beforeEach(() => {
    card = new Driver();
  });

  it('is found as Linux’s ne looks for one: tally counters clear when read, reset sets RST, the PROM holds the address twice and 57h', () => {
    expect(card.in(0)).toBe(0x21);
    expect(card.in(RESET)).toBe(0);
    expect(card.in(7) & RST).toBe(RST);
    card.out(14, 0x48);
    card.remote(0, 32, READ);
    const prom = Array.from({ length: 32 }, () => card.in(DATA));
    expect(prom.slice(0, 12)).toEqual([...MAC].flatMap(byte => [byte, byte]));
    expect(prom.slice(28)).toEqual([0x57, 0x57, 0x57, 0x57]);
    expect(card.in(7) & RDC).toBe(RDC);
    // More than was asked for is nothing.
    expect(card.in(DATA)).toBe(0xff);
  });

  it('interrupts at once for a remote transfer of no bytes, by which drivers find their interrupt', () => {
    card.out(15, 0x50);
    card.remote(0, 0, READ);
    expect(card.line.level).toBe(true);
    card.out(15, 0);
    expect(card.line.level).toBe(false);
  });

  it('keeps 16 KiB from 4000h and nothing elsewhere, by bytes and by words', () => {
    card.init();
    card.remote(0x4000, 4, WRITE);
    card.out(DATA, 0x2211, 2);
    card.out(DATA, 0x4433, 2);
    expect(card.in(7)).toBe(RDC);
    expect([...card.fetch(0x4000, 4)]).toEqual([0x11, 0x22, 0x33, 0x44]);
    card.out(14, 0x48);
    card.remote(0x4001, 2, READ);
    // Two bytes of a word access, as the bus splits it for a card of eight bits.
    expect(card.in(DATA, 2)).toBe(0x3322);
    card.remote(0x8000, 1, WRITE);
    card.out(DATA, 0x55);
    card.remote(0x8000, 1, READ);
    expect(card.in(DATA)).toBe(0xff);
  });

  it('sends what lies at TPSR, and says so', () => {
    card.init();
    const frame = frameTo(BROADCAST, 342);
    card.transmit(frame);
    expect(card.wire).toEqual([frame]);
    expect([card.in(4), card.in(0) & 4, card.in(7)]).toEqual([0x03, 0, RDC | PTX]);
    expect(card.line.level).toBe(true);
    card.out(7, PTX);
    expect(card.line.level).toBe(false);
  });

  it('waits for a busy wire', () => {
    card.init();
    card.ethernet.busy = true;
    card.transmit(frameTo(PEER));
    expect([card.wire.length, card.in(0) & 4]).toEqual([0, 4]);
    card.timers.advanceMs(1);
    card.ethernet.busy = false;
    card.timers.advanceMs(1);
    expect([card.wire.length, card.in(0) & 4, card.in(7) & PTX]).toEqual([1, 0, PTX]);
  });

  it('sends a driver’s own check sequence if it is right', () => {
    card.init();
    card.out(13, 1);
    const frame = new Uint8Array(64);
    frame.set(frameTo(PEER));
    card.transmit(frame);
    expect(card.wire).toEqual([]);
    new DataView(frame.buffer).setUint32(60, frameCheck(frame, 60), true);
    card.transmit(frame);
    expect(card.wire).toEqual([frame.slice(0, 60)]);
  });

  it('has the datasheet’s status after each loopback, and sends nothing', () => {
    card.init();
    const statuses = [2, 4, 6].map(mode => {
      card.out(13, mode);
      card.out(7, 0xff);
      card.transmit(frameTo(PEER));
      return [card.in(4), card.in(12), card.in(7) & ~RDC];
    });
    expect(statuses).toEqual([
      [0x53, 0x02, 0x02],
      [0x43, 0x02, 0x02],
      [0x03, 0x02, 0x02],
    ]);
    expect(card.wire).toEqual([]);
  });

  it('puts a frame into the ring with status, next page and length, its check sequence behind it', () => {
    card.init();
    const frame = frameTo(MAC, 300);
    card.ethernet.receive(frame);
    expect([card.in(7), card.in(12), card.at(1, 7)]).toEqual([PRX, 0x01, 0x49]);
    const stored = card.fetch(0x4700, 308);
    expect([...stored.subarray(0, 4)]).toEqual([0x01, 0x49, 304 & 0xff, 304 >> 8]);
    expect(stored.subarray(4, 304)).toEqual(frame);
    expect(new DataView(stored.buffer).getUint32(304, true)).toBe(frameCheck(frame, 300));
    // A short one is as long as the wire makes it.
    card.ethernet.receive(frameTo(BROADCAST, 42));
    expect([...card.fetch(0x4900, 4)]).toEqual([0x21, 0x4a, 64, 0]);
  });

  it('wraps at PSTOP, into the ring and out of it', () => {
    card.init({ pstop: 0x48 });
    card.out(3, 0x47);
    card.out(0, 0x62);
    card.out(7, 0x47);
    card.out(0, START);
    card.out(2, 0x48);
    card.out(1, 0x40);
    const frame = frameTo(MAC, 400);
    card.ethernet.receive(frame);
    expect(card.at(1, 7)).toBe(0x41);
    expect(card.fetch(0x4704, 400)).toEqual(frame);
  });

  it('gives a whole frame by the send-packet command, and moves the boundary', () => {
    card.init();
    const frame = frameTo(MAC, 100);
    card.out(3, 0x47);
    card.out(0, 0x62);
    card.out(7, 0x47);
    card.out(0, START);
    card.out(3, 0x46);
    card.ethernet.receive(frame);
    card.out(3, 0x47);
    card.out(0, SEND_PACKET);
    const bytes = Array.from({ length: 52 }, () => card.in(DATA, 2)).flatMap(word => [word & 0xff, word >> 8]);
    expect(bytes.slice(4)).toEqual([...frame]);
    expect([card.in(7) & RDC, card.in(3)]).toEqual([RDC, 0x48]);
  });

  it('takes its own address, groups that MAR lets in, everybody, and all stations’ with PRO', () => {
    card.init({ rcr: 0 });
    const taken = (destination: number[]): boolean => {
      card.out(7, 0xff);
      card.ethernet.receive(frameTo(Uint8Array.from(destination)));
      card.out(3, card.at(1, 7) - 1);
      return (card.in(7) & PRX) !== 0;
    };
    // 01:00:5e:00:00:01 is bit 31 of MAR: the upper six bits of the CRC as ether_crc() of Linux has it are 1fh.
    const GROUP = [0x01, 0x00, 0x5e, 0, 0, 1];
    expect([taken([...MAC]), taken([...PEER]), taken([...BROADCAST]), taken(GROUP)]).toEqual([
      true,
      false,
      false,
      false,
    ]);
    card.out(12, 0x0c);
    expect([taken([...BROADCAST]), taken(GROUP)]).toEqual([true, false]);
    card.out(0, 0x62);
    card.out(8 + (31 >> 3), 1 << (31 & 7));
    card.out(0, START);
    expect([taken(GROUP), taken([0x01, 0x00, 0x5e, 0, 0, 2])]).toEqual([true, false]);
    card.out(12, 0x10);
    expect([taken([...PEER]), taken(GROUP)]).toEqual([true, false]);
  });

  it('does not run into the boundary: OVW and a missed frame; the wire can ask before', () => {
    card.init({ pstop: 0x4c });
    card.out(3, 0x46);
    expect(card.ethernet.canReceive()).toBe(false);
    card.ethernet.receive(frameTo(MAC, 600));
    expect([card.in(7), card.at(1, 7)]).toEqual([PRX, 0x4a]);
    card.ethernet.receive(frameTo(MAC, 600));
    expect([card.in(7), card.in(12), card.at(1, 7)]).toEqual([PRX | OVW | RST, 0x10, 0x4a]);
    expect([card.in(15), card.in(15)]).toEqual([1, 0]);
    card.out(3, 0x49);
    expect(card.in(7) & RST).toBe(0);
  });

  it('counts in monitor mode and keeps nothing; a counter at 128 interrupts', () => {
    card.init({ rcr: 0x24 });
    for (let i = 0; i < 300; i++) card.ethernet.receive(frameTo(BROADCAST));
    expect([card.in(7), card.in(12), card.at(1, 7)]).toEqual([CNT, 0x60, 0x47]);
    expect(card.in(15)).toBe(192);
  });

  it('hears nothing while it is stopped', () => {
    card.init();
    card.out(0, STOP);
    expect([card.in(7) & RST, card.ethernet.canReceive()]).toEqual([RST, true]);
    card.ethernet.receive(frameTo(MAC));
    expect(card.in(7)).toBe(RST);
  });

  it('goes on after it was saved in the middle of a transfer', () => {
    card.init();
    const frame = frameTo(MAC, 200);
    card.ethernet.receive(frame);
    card.remote(0x4704, 200, READ);
    const first = Array.from({ length: 50 }, () => card.in(DATA, 2));
    const state = structuredClone(card.card.save());
    const other = new Driver();
    other.card.restore(state);
    const rest = Array.from({ length: 50 }, () => other.in(DATA, 2));
    expect([...first, ...rest].flatMap(word => [word & 0xff, word >> 8])).toEqual([...frame]);
    expect([other.line.level, other.card.peek()]).toEqual([true, { ...other.card.peek(), par: MAC }]);
    expect(() => other.card.restore({ ...state, ram: new Uint8Array(4) })).toThrow(
      'saved state of ne2k: ram is not 16384 bytes',
    );
  });
});

describe('an RTL8029AS', () => {
  const make = () => {
    const ethernet = { send: () => {} };
    return testPc({ cards: [{ model: 'ne2k_pci', mac: MAC, ethernet }] });
  };
  const BASE = 0xc100;

  function config(pc: ReturnType<typeof testPc>, register: number, value?: number): number {
    pc.out(0xcf8, 0x80001800 | register, 4);
    if (value !== undefined) pc.out(0xcfc, value, 4);
    return pc.in(0xcfc, 4);
  }

  it('is a PCI function with 32 ports, and says who it is', () => {
    const pc = make();
    expect(config(pc, 0)).toBe(0x802910ec);
    expect(config(pc, 8) >>> 8).toBe(0x020000);
    config(pc, 0x10, 0xffffffff);
    expect(config(pc, 0x10)).toBe(0xffffffe1);
    config(pc, 0x10, BASE);
    config(pc, 4, 1);
    expect([pc.in(BASE), pc.in(BASE + 10), pc.in(BASE + 11)]).toEqual([0x21, 0x50, 0x43]);
    // Two words are a doubleword of the data port.
    pc.out(BASE + 14, 0x49);
    pc.out(BASE + 10, 32);
    pc.out(BASE, READ);
    expect(pc.in(BASE + DATA, 4)).toBe(0x54545252);
  });

  it('takes full duplex where 9346CR lets CONFIG3 be written, as Linux’s ne2k-pci sets it', () => {
    const pc = make();
    config(pc, 0x10, BASE);
    config(pc, 4, 1);
    pc.out(BASE, 0xe1);
    pc.out(BASE + 6, 0x40);
    expect(pc.in(BASE + 6)).toBe(0);
    pc.out(BASE + 1, 0xc0);
    pc.out(BASE + 6, 0x40);
    pc.out(BASE + 1, 0);
    expect([pc.in(BASE + 6), pc.in(BASE + 14), pc.in(BASE + 15)]).toEqual([0x40, 0x29, 0x80]);
    const state = pc.pc.save();
    const other = make();
    other.pc.restore(state);
    expect(other.in(BASE + 6)).toBe(0x40);
  });

  it('refuses the address of a group', () => {
    const parts = {
      timers: new TestTimers(),
      irq: new TestLine(),
      mac: BROADCAST,
      ethernet: { send: () => {} },
    };
    expect(() => new Rtl8029(parts)).toThrow(RangeError);
  });

  it('and the card on the ISA bus are in the list of models', () => {
    expect([isNicModel('ne2k_pci'), isNicModel('ne2k_isa'), isNicModel('constructor')]).toEqual([true, true, false]);
    const { pc } = testPc({ cards: [{ model: 'ne2k_isa', mac: MAC, ethernet: { send: () => {} } }] });
    expect(pc.bus.readPort(0x300, 1)).toBe(0x21);
    expect(NIC_MODELS.ne2k_isa.isaIrq).toBe(5);
  });
});
