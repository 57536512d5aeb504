/** Faults: what leaves an instruction early, and what it was about. */

import {
  HIGH,
  UNDELIVERED,
  UNDELIVERED_EVENTS,
  UNDELIVERED_MOST,
  UNDELIVERED_WORDS,
} from './architecture/registers.ts';

/** Exceptions (SDM vol. 3, table 6-1). */
export const DE = 0,
  DB = 1,
  NMI = 2,
  BP = 3,
  OF_ = 4,
  BR = 5,
  UD = 6,
  NM = 7,
  DF_ = 8,
  TS = 10,
  NP = 11,
  SS_ = 12,
  GP = 13,
  PF_ = 14,
  MF = 16,
  AC_ = 17,
  XM = 19;

/** What leaves an instruction early. Preallocated: throwing them makes no garbage and no stack trace. */
export const FAULT = { what: 'fault' },
  LEAVE = { what: 'VM exit' };

/** The fault that FAULT represents. */
export class Faults {
  vector = 0;
  error = 0;
  /** Of #PF: the linear address, and its high half. */
  address = 0;
  addressHigh = 0;
  /** Of #DB: what DR6 gets. */
  debug = 0;
  /** What an instruction threw: the interpreter catches it at once and leaves. */
  thrown: unknown = null;
  /** Events in a row that could not be delivered, as the state words have them (UNDELIVERED_EVENTS), and how many. */
  private readonly undelivered = new Int32Array(UNDELIVERED_MOST * UNDELIVERED_WORDS);
  /** High halves of the same words. */
  private readonly undeliveredHigh = new Int32Array(UNDELIVERED_MOST * UNDELIVERED_WORDS);
  private undeliveredCount = 0;

  raise(vector: number, error = 0): never {
    this.vector = vector;
    this.error = error;
    throw FAULT;
  }

  raiseDebug(bits: number): never {
    this.debug = bits;
    return this.raise(DB);
  }

  /** The address of #PF as one number, as exits tell it. */
  get linear(): number {
    return this.addressHigh * 2 ** 32 + (this.address >>> 0);
  }

  raisePage(linear: number, error: number, high = 0): never {
    this.notePage(linear, error, high);
    throw FAULT;
  }

  /** For callers that end the instruction without throwing. */
  notePage(linear: number, error: number, high = 0): void {
    this.address = linear;
    this.addressHigh = high;
    this.vector = PF_;
    this.error = error;
    this.thrown = FAULT;
  }

  forgetUndelivered(): void {
    this.undeliveredCount = 0;
  }

  /** `pageFault`: the address that is noted is that of the page fault which was raised last. */
  noteUndelivered(information: number, error: number, pageFault = false): void {
    const { undelivered, undeliveredHigh } = this;
    if (this.undeliveredCount === UNDELIVERED_MOST) {
      undelivered.copyWithin(0, UNDELIVERED_WORDS);
      undeliveredHigh.copyWithin(0, UNDELIVERED_WORDS);
    } else this.undeliveredCount++;
    const at = (this.undeliveredCount - 1) * UNDELIVERED_WORDS;
    undelivered[at] = information;
    undelivered[at + 1] = error;
    undelivered[at + 2] = pageFault ? this.address : 0;
    undeliveredHigh[at + 2] = pageFault ? this.addressHigh : 0;
  }

  /** Into the state words, where a triple fault is looked at. */
  tellUndelivered(R: Int32Array): void {
    const end = this.undeliveredCount * UNDELIVERED_WORDS;
    R.set(this.undelivered.fill(0, end), UNDELIVERED_EVENTS);
    R.set(this.undeliveredHigh.fill(0, end), UNDELIVERED_EVENTS + HIGH);
    R[UNDELIVERED] = this.undeliveredCount;
  }
}

/**
 * Alignment that #AC asks of an operand (SDM vol. 3, table 6-7): its size; 8 for ten bytes; for an environment or a far pointer that of its words. Operands
 * of 16 bytes either must be aligned whatever AC says or need not be (vol. 2, table 2-21).
 */
export function alignmentOf(size: number): number {
  return size === 10 ? 8 : size >= 16 && size % 16 === 0 ? 1 : size & -size;
}
