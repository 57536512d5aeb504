import { beforeEach, describe, expect, it } from 'vitest';
import { IoBus } from '../io-bus.ts';
import { TestLine, testPc, type TestPc, TestTimers } from '../testing.ts';
import { Piix4Pm, PM_BASE } from './piix4-pm.ts';

// Promises are those of the ACPI specification, chapter 4, and the 82371AB datasheet.
let t: TestPc;
const STATUS = PM_BASE,
  ENABLE = PM_BASE + 2,
  CONTROL = PM_BASE + 4,
  TIMER = PM_BASE + 8,
  GPE_STATUS = PM_BASE + 0xc,
  GPE_ENABLE = PM_BASE + 0xe;
const sci = () => (t.in(0xa0) & 2) !== 0;

beforeEach(() => {
  t = testPc();
  t.pc.installTables();
  t.out(0xb2, 0xf1);
});

describe('ACPI fixed hardware', () => {
  it('the PM timer has 24 bits and runs at 3.579545 MHz', () => {
    expect(t.in(TIMER, 4)).toBe(0);
    t.timers.advanceMs(1000);
    expect(t.in(TIMER, 4)).toBe(3579545);
    t.timers.advanceMs(4000);
    expect(t.in(TIMER, 4)).toBe((3579545 * 5) % 0x1000000);
    expect(t.in(TIMER, 2)).toBe(t.in(TIMER, 4) & 0xffff);
  });

  it('TMR_STS is set when bit 23 changes and, enabled, raises the SCI; writing 1 clears it', () => {
    t.out(ENABLE, 1, 2);
    t.timers.advanceMs(2343);
    expect(t.in(STATUS, 2)).toBe(0);
    t.timers.advanceMs(1);
    expect(t.in(STATUS, 2)).toBe(1);
    expect(sci()).toBe(true);
    t.out(STATUS, 1, 2);
    expect(t.in(STATUS, 2)).toBe(0);
    expect(sci()).toBe(false);
    t.timers.advanceMs(2344);
    expect(sci()).toBe(true);
  });

  it('the power button is an event only where it is enabled', () => {
    expect(t.pc.pressPowerButton()).toBe(false);
    expect(t.in(STATUS, 2)).toBe(0x100);
    t.out(STATUS, 0x100, 2);
    t.out(ENABLE, 0x100, 2);
    expect(t.pc.pressPowerButton()).toBe(true);
    expect(sci()).toBe(true);
    t.out(STATUS, 0x100, 2);
    expect(sci()).toBe(false);
  });

  it('the SMI command port switches between legacy and ACPI mode', () => {
    expect(t.in(CONTROL, 2) & 1).toBe(1);
    t.out(0xb2, 0xf0);
    expect(t.in(CONTROL, 2) & 1).toBe(0);
  });

  it('a general-purpose event raises the SCI where its own bit enables it; writing 1 clears that one', () => {
    const bus = new IoBus(),
      line = new TestLine(),
      pm = new Piix4Pm(new TestTimers(), bus, line, () => {});
    bus.plugPorts(pm.smiPorts);
    pm.place(PM_BASE, 0);
    bus.writePort(0xb2, 0xf1, 1);
    const seen = (): unknown[] => [bus.readPort(GPE_STATUS, 2), line.level];
    bus.writePort(GPE_ENABLE, 0x208, 2);
    expect(bus.readPort(GPE_ENABLE, 2)).toBe(0x208);
    pm.raiseGpe(4);
    expect(seen()).toEqual([0x10, false]);
    pm.raiseGpe(9);
    expect(seen()).toEqual([0x210, true]);
    bus.writePort(GPE_STATUS, 0x200, 2);
    expect(seen()).toEqual([0x10, false]);
    bus.writePort(GPE_ENABLE, 0x10, 2);
    expect(seen()).toEqual([0x10, true]);
  });

  it('SLP_EN with the type of S5 powers off; the bit reads 0', () => {
    t.out(CONTROL, 1 | (1 << 10) | 0x2000, 2);
    expect(t.events).toEqual([]);
    expect(t.in(CONTROL, 2) & 0x2000).toBe(0);
    t.out(CONTROL, 1, 2);
    t.out(CONTROL + 1, 0x20, 1);
    expect(t.events).toEqual(['power off']);
  });
});
