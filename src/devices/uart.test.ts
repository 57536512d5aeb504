import { beforeEach, describe, expect, it } from 'vitest';
import { TestLine } from './testing.ts';
import { Uart } from './uart.ts';

// Quotations are from the National Semiconductor PC16550D datasheet.
let irq: TestLine;
let sent: number[];
let uart: Uart;
const w = (offset: number, value: number) => uart.ports.write(offset, value, 1);
const r = (offset: number) => uart.ports.read(offset, 1);
const bytes = (text: string) => new TextEncoder().encode(text);
const OUT2 = 8;

beforeEach(() => {
  irq = new TestLine();
  sent = [];
  uart = new Uart('uart0', 0x3f8, irq, byte => sent.push(byte));
});

describe('16550A', () => {
  it('starts as the reset table says', () => {
    expect([1, 2, 3, 4, 5, 6].map(r)).toEqual([0x00, 0x01, 0x00, 0x00, 0x60, 0xb0]);
  });

  it('DLAB turns the first two registers into the divisor latch', () => {
    w(3, 0x83);
    w(0, 0x0c);
    w(1, 0x01);
    expect([r(0), r(1)]).toEqual([0x0c, 0x01]);
    w(3, 0x03);
    expect(r(1)).toBe(0);
    expect(sent).toEqual([]);
  });

  it('THRE interrupt: when enabled with THR empty, after each byte, and gone once IIR has shown it', () => {
    w(4, OUT2);
    w(1, 2);
    expect(irq.level).toBe(true);
    expect(r(2)).toBe(0x02);
    expect(irq.level).toBe(false);
    expect(r(2)).toBe(0x01);
    w(0, 0x41);
    expect(sent).toEqual([0x41]);
    expect(irq.level).toBe(true);
    w(1, 0);
    expect(irq.level).toBe(false);
    w(1, 2);
    expect(r(2)).toBe(0x02);
  });

  it('interrupts only with OUT2', () => {
    w(1, 2);
    expect(irq.level).toBe(false);
    w(4, OUT2);
    expect(irq.level).toBe(true);
  });

  // QEMU's hw/char/serial.c (serial_update_irq): MCR is not looked at. xv6 leaves it 0.
  it('where the machine is QEMU’s, interrupts without OUT2, in loopback, too', () => {
    const qemus = new Uart('uart0', 0x3f8, irq, () => {}, false);
    qemus.ports.write(1, 1, 1);
    expect(irq.level).toBe(false);
    qemus.input(bytes('x'));
    expect(irq.level).toBe(true);
    qemus.ports.write(4, 0x10, 1);
    expect(irq.level).toBe(true);
    expect(qemus.ports.read(0, 1)).toBe(0x78);
    expect(irq.level).toBe(false);
  });

  it('without FIFO has a rising edge for each byte: a driver that takes one an interrupt gets them all', () => {
    const rises: boolean[] = [];
    const each = new Uart('uart1', 0x2f8, { set: level => rises.at(-1) === level || rises.push(level) }, () => {});
    each.ports.write(4, OUT2, 1);
    each.ports.write(1, 1, 1);
    each.input(bytes('ab'));
    expect([each.ports.read(0, 1), each.ports.read(0, 1)]).toEqual([0x61, 0x62]);
    expect(rises).toEqual([false, true, false, true, false]);
  });

  it('FIFO: 14 bytes reach the trigger level, fewer give the character time-out', () => {
    w(2, 0xc7);
    expect(r(2) & 0xc0).toBe(0xc0);
    w(4, OUT2);
    w(1, 1);
    uart.input(bytes('abc'));
    expect(r(2)).toBe(0xcc);
    uart.input(bytes('defghijklmn'));
    expect(r(2)).toBe(0xc4);
    expect(String.fromCharCode(...Array.from({ length: 14 }, () => r(0)))).toBe('abcdefghijklmn');
    expect(r(2)).toBe(0xc1);
    expect(r(5) & 1).toBe(0);
    expect(irq.level).toBe(false);
  });

  it('holds back what does not fit and loses nothing', () => {
    w(2, 0x01);
    const text = 'x'.repeat(5000);
    const taken = uart.input(bytes(text));
    expect(taken).toBe(4096);
    let read = 0;
    while (r(5) & 1) {
      expect(r(5) & 2).toBe(0);
      r(0);
      read++;
    }
    expect(read).toBe(4096);
  });

  it('knows whether anybody reads what arrives: by interrupt, or in a loop over LSR', () => {
    expect(uart.listening).toBe(false);
    w(1, 1);
    expect(uart.listening).toBe(true);
    w(1, 0);
    for (let i = 0; i < 10; i++) {
      r(5);
      w(0, 0x41);
    }
    expect(uart.listening).toBe(false);
    for (let i = 0; i < 4; i++) r(5);
    expect(uart.listening).toBe(true);
    r(0);
    expect(uart.listening).toBe(false);
  });

  it('receiver line status has priority over data, data over THRE, THRE over modem status', () => {
    w(4, 0x10);
    w(1, 0x0f);
    // In loopback: an overrun of the one-byte receiver, a modem change, THRE.
    w(0, 1);
    w(0, 2);
    w(4, 0x13);
    expect(r(2)).toBe(0x06);
    expect(r(5) & 2).toBe(2);
    expect(r(2) & 0x0f).toBe(0x04);
    r(0);
    expect(r(2)).toBe(0x02);
    expect(r(2)).toBe(0x00);
    r(6);
    expect(r(2)).toBe(0x01);
  });

  it('loopback: "the transmitted data is immediately received", modem outputs drive modem inputs', () => {
    w(4, 0x10);
    expect(r(6) & 0xf0).toBe(0);
    w(0, 0x5a);
    expect(sent).toEqual([]);
    expect(r(5) & 1).toBe(1);
    expect(r(0)).toBe(0x5a);
    for (const [mcr, msr] of [
      [1, 0x20],
      [2, 0x10],
      [4, 0x40],
      [8, 0x80],
    ]) {
      w(4, 0x10 | mcr);
      expect(r(6) & 0xf0).toBe(msr);
    }
  });

  it('delta bits: set by a change, TERI by the trailing edge of RI, cleared by the read', () => {
    w(4, 0x10);
    r(6);
    w(4, 0x14);
    expect(r(6) & 0x0f).toBe(0);
    w(4, 0x10);
    expect(r(6) & 0x0f).toBe(4);
    expect(r(6) & 0x0f).toBe(0);
  });

  it('scratch register', () => {
    w(7, 0xa5);
    expect(r(7)).toBe(0xa5);
  });
});
