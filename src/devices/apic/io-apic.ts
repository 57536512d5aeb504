/**
 * Intel 82093AA I/O APIC with 24 inputs or as many as a board wants, and the EOI register of its successors (version 0x20).
 * Source: 82093AA datasheet, order number 290566; ICH datasheets for the EOI register.
 * Inputs are logical: asserted is asserted, whatever polarity a guest programs (the board drives each input as its tables say).
 */
import type { MemoryRange, State } from '../bus.ts';
import { resetState } from '../state.ts';
import type { ApicBus } from './apic-bus.ts';
import { EXTINT, FIXED, LOWEST_PRIORITY } from './apic-bus.ts';
import { RegisterDevice } from '../register-device.ts';

export const IO_APIC_BASE = 0xfec00000;
/** Of the chip; Xen's has VIOAPIC_NUM_PINS (public/arch-x86/hvm/save.h). */
const PINS = 24;
const MOST_PINS = 64;
const VERSION = 0x20;
const REGSEL = 0x00,
  WINDOW = 0x10,
  EOI = 0x40;
const REMOTE_IRR = 0x4000,
  LEVEL = 0x8000,
  MASKED = 0x10000,
  LOGICAL = 0x800;
const LOW_WRITABLE = 0x1afff;

const initial = (pins: number) => ({
  id: 0,
  select: 0,
  /** Redirection table: low and high words. */
  low: new Uint32Array(pins).fill(MASKED),
  high: new Uint32Array(pins),
  /** Levels of inputs 0 to 31, and of the others. */
  lines: 0,
  highLines: 0,
});

/** `words` with those of a shorter table before the rest. */
function within(words: Uint32Array, of: unknown): unknown {
  if (!(of instanceof Uint32Array) || of.length > words.length) return of;
  words.set(of);
  return words;
}

export class IoApic extends RegisterDevice<ReturnType<typeof initial>> {
  private readonly bus: ApicBus;
  readonly range: MemoryRange = {
    base: IO_APIC_BASE,
    length: 0x1000,
    read: offset => this.read(offset),
    write: (offset, value) => this.write(offset, value),
  };

  /** @throws RangeError */
  constructor(bus: ApicBus, pins = PINS) {
    if (pins > MOST_PINS) throw new RangeError(`An I/O APIC of ${pins} inputs: at most ${MOST_PINS}.`);
    super('ioapic', () => initial(pins));
    this.bus = bus;
    bus.onEndOfInterrupt = vector => this.endOfInterrupt(vector);
  }

  /** Level of an input; the edge that counts is the rising one. */
  setLine(pin: number, level: boolean): void {
    const { r } = this;
    if (pin >= r.low.length) return;
    const rises = level && !this.isHigh(pin);
    const bit = 1 << pin,
      lines = pin < 32 ? 'lines' : 'highLines';
    r[lines] = level ? r[lines] | bit : r[lines] & ~bit;
    // "Edge-sensitive interrupts signaled on a masked interrupt pin are ignored."
    if (r.low[pin] & LEVEL || rises) this.serve(pin);
  }

  /** Its identification register, 4 bits, which systems compare with what the tables say. */
  setId(id: number): void {
    this.r.id = id & 0x0f;
  }

  /** Vector that an input delivers; -1: it is masked. */
  vectorOf(pin: number): number {
    const entry = this.r.low[pin];
    return entry & MASKED ? -1 : entry & 0xff;
  }

  private isHigh(pin: number): boolean {
    return ((pin < 32 ? this.r.lines : this.r.highLines) & (1 << pin)) !== 0;
  }

  private serve(pin: number): void {
    const { r } = this;
    const entry = r.low[pin];
    if (entry & MASKED || !this.isHigh(pin)) return;
    if (entry & LEVEL) {
      if (entry & REMOTE_IRR) return;
      const mode = (entry >> 8) & 7;
      // Only what ends with an EOI message waits for one.
      if (mode === FIXED || mode === LOWEST_PRIORITY) r.low[pin] |= REMOTE_IRR;
    }
    const mode = (entry >> 8) & 7;
    // ExtINT asks for INTA cycles; the 8259A reaches the processor over LINT0 on this board.
    if (mode === EXTINT) return;
    this.bus.deliver({
      mode,
      vector: entry & 0xff,
      level: (entry & LEVEL) !== 0,
      destination: r.high[pin] >>> 24,
      logical: (entry & LOGICAL) !== 0,
    });
  }

  private endOfInterrupt(vector: number): void {
    const { r } = this;
    for (let pin = 0; pin < r.low.length; pin++) {
      if ((r.low[pin] & 0xff) !== vector || !(r.low[pin] & REMOTE_IRR)) continue;
      r.low[pin] &= ~REMOTE_IRR;
      this.serve(pin);
    }
  }

  private read(offset: number): number {
    const { r } = this;
    if (offset === REGSEL) return r.select;
    if (offset !== WINDOW) return 0;
    switch (r.select) {
      case 0:
      case 2:
        return r.id << 24;
      case 1:
        return ((r.low.length - 1) << 16) | VERSION;
      default: {
        const pin = (r.select - 0x10) >> 1;
        if (pin < 0 || pin >= r.low.length) return 0;
        return r.select & 1 ? r.high[pin] : r.low[pin];
      }
    }
  }

  private write(offset: number, value: number): void {
    const { r } = this;
    if (offset === REGSEL) r.select = value & 0xff;
    else if (offset === EOI) this.endOfInterrupt(value & 0xff);
    else if (offset === WINDOW) {
      if (r.select === 0) this.setId(value >>> 24);
      const pin = (r.select - 0x10) >> 1;
      if (pin < 0 || pin >= r.low.length) return;
      if (r.select & 1) {
        r.high[pin] = value >>> 0;
        return;
      }
      r.low[pin] = (r.low[pin] & ~LOW_WRITABLE) | (value & LOW_WRITABLE);
      // An edge-triggered entry has no remote IRR.
      if (!(r.low[pin] & LEVEL)) r.low[pin] &= ~REMOTE_IRR;
      else this.serve(pin);
    }
  }

  get memoryRanges(): MemoryRange[] {
    return [this.range];
  }

  override reset(): void {
    const { lines, highLines } = this.r;
    resetState(this.r, { ...this.initial(), lines, highLines });
  }

  /** States of earlier versions had 24 inputs on every board: what lies above is as after a reset. @throws StateError */
  override restore(state: State): void {
    const { low, high } = this.initial();
    super.restore({ highLines: 0, ...state, low: within(low, state.low), high: within(high, state.high) });
  }
}
