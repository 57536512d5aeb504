import { beforeEach, describe, expect, it } from 'vitest';
import { Pic } from './pic.ts';

// Quotations are from the Intel 8259A datasheet (231468).
let pic: Pic;
const port = (address: number) =>
  [pic.masterPorts, pic.slavePorts, pic.elcrPorts].find(
    range => address >= range.base && address < range.base + range.count,
  )!;
const out = (address: number, value: number) => port(address).write(address - port(address).base, value, 1);
const inp = (address: number) => port(address).read(address - port(address).base, 1);

function initialize(icw4 = 0x01, icw1 = 0x11): void {
  for (const [base, vector, cascade] of [
    [0x20, 0x20, 4],
    [0xa0, 0x28, 2],
  ]) {
    out(base, icw1);
    out(base + 1, vector);
    out(base + 1, cascade);
    out(base + 1, icw4);
  }
}
const pulse = (irq: number) => {
  pic.setLine(irq, false);
  pic.setLine(irq, true);
};

beforeEach(() => {
  pic = new Pic(() => {});
  initialize();
});

describe('8259A pair', () => {
  it('"fully nested": IR0 is the highest, a lower one waits for the end of interrupt', () => {
    pulse(4);
    expect(pic.acknowledge()).toBe(0x24);
    pulse(5);
    expect(pic.int).toBe(false);
    pulse(1);
    expect(pic.acknowledge()).toBe(0x21);
    out(0x20, 0x20);
    expect(pic.int).toBe(false);
    out(0x20, 0x20);
    expect(pic.acknowledge()).toBe(0x25);
  });

  it('keeps a masked request in IRR and raises INT when it is unmasked', () => {
    out(0x21, 0xff);
    pulse(3);
    expect(pic.int).toBe(false);
    expect(inp(0x20)).toBe(0x08);
    out(0x21, 0xf7);
    expect(pic.int).toBe(true);
    expect(inp(0x21)).toBe(0xf7);
  });

  it('takes an edge once, however long the line stays high', () => {
    pic.setLine(6, true);
    expect(pic.acknowledge()).toBe(0x26);
    out(0x20, 0x20);
    expect(pic.int).toBe(false);
    pulse(6);
    expect(pic.int).toBe(true);
  });

  it('"if the IR input goes low before this time a DEFAULT IR7 will occur", without a bit in service', () => {
    pic.setLine(3, true);
    pic.setLine(3, false);
    expect(pic.acknowledge()).toBe(0x27);
    out(0x20, 0x0b);
    expect(inp(0x20)).toBe(0);
  });

  it('reaches the processor through the cascade and sets ISR in both', () => {
    pulse(12);
    expect(pic.acknowledge()).toBe(0x2c);
    out(0x20, 0x0b);
    out(0xa0, 0x0b);
    expect(inp(0x20)).toBe(0x04);
    expect(inp(0xa0)).toBe(0x10);
    out(0xa0, 0x20);
    out(0x20, 0x20);
    expect(inp(0x20)).toBe(0);
    expect(inp(0xa0)).toBe(0);
  });

  it('offers the slave’s next request after both ends of interrupt', () => {
    pulse(14);
    pulse(8);
    expect(pic.acknowledge()).toBe(0x28);
    expect(pic.int).toBe(false);
    out(0xa0, 0x20);
    out(0x20, 0x20);
    expect(pic.acknowledge()).toBe(0x2e);
  });

  it('ELCR: a level-triggered request returns until the line drops', () => {
    out(0x4d1, 0x0e);
    expect(inp(0x4d1)).toBe(0x0e);
    pic.setLine(10, true);
    expect(pic.acknowledge()).toBe(0x2a);
    out(0xa0, 0x20);
    out(0x20, 0x20);
    expect(pic.int).toBe(true);
    pic.setLine(10, false);
    expect(pic.int).toBe(false);
  });

  it('ELCR (PIIX3): IRQ 0, 1, 2, 8 and 13 are edge-triggered always', () => {
    out(0x4d0, 0xff);
    out(0x4d1, 0xff);
    expect(inp(0x4d0)).toBe(0xf8);
    expect(inp(0x4d1)).toBe(0xde);
  });

  it('specific end of interrupt clears that bit', () => {
    pulse(5);
    pic.acknowledge();
    pulse(2 + 1);
    pic.acknowledge();
    out(0x20, 0x60 | 5);
    out(0x20, 0x0b);
    expect(inp(0x20)).toBe(0x08);
  });

  it('rotate on non-specific EOI: the served one gets the lowest priority', () => {
    pulse(4);
    pic.acknowledge();
    out(0x20, 0xa0);
    pic.setLine(4, false);
    pulse(4);
    pulse(6);
    expect(pic.acknowledge()).toBe(0x26);
  });

  it('set priority command: IR5 lowest makes IR6 the highest', () => {
    out(0x20, 0xc0 | 5);
    pulse(0);
    pulse(6);
    expect(pic.acknowledge()).toBe(0x26);
    expect(pic.int).toBe(false);
  });

  it('automatic EOI leaves nothing in service', () => {
    initialize(0x03);
    pulse(4);
    expect(pic.acknowledge()).toBe(0x24);
    out(0x20, 0x0b);
    expect(inp(0x20)).toBe(0);
  });

  it('special mask mode "enables interrupts from all other levels (lower as well as higher) that are not masked"', () => {
    pulse(3);
    pic.acknowledge();
    pulse(6);
    expect(pic.int).toBe(false);
    out(0x21, 0x08);
    out(0x20, 0x68);
    expect(pic.acknowledge()).toBe(0x26);
    out(0x20, 0x48);
    expect(pic.int).toBe(false);
  });

  it('special fully nested mode lets a slave in service interrupt again with a higher priority', () => {
    initialize(0x11);
    pulse(14);
    expect(pic.acknowledge()).toBe(0x2e);
    pulse(8);
    expect(pic.acknowledge()).toBe(0x28);
  });

  it('poll: the next read says which level, and acknowledges it', () => {
    pulse(3);
    out(0x20, 0x0c);
    expect(inp(0x20)).toBe(0x83);
    expect(pic.int).toBe(false);
    out(0x20, 0x0b);
    expect(inp(0x20)).toBe(0x08);
    out(0x20, 0x0c);
    expect(inp(0x20)).toBe(0x00);
  });

  it('ICW1 clears the mask and the edge latches, and INT waits for the last word', () => {
    out(0x21, 0xff);
    pulse(4);
    out(0x20, 0x11);
    expect(inp(0x21)).toBe(0);
    expect(inp(0x20)).toBe(0);
    expect(pic.int).toBe(false);
  });
});
