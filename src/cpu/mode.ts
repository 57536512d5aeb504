/**
 * What code may be run as, derived from segment registers, CR0 and CPL: code and stack size, the code segment, and whether the segments are such that the
 * switches may handle operands. The *mode key* is what a record depends on besides its bytes.
 */
import type { MemoryAccess } from './access.ts';
import { EFER_LMA } from './architecture/control-bits.ts';
import { ALL } from './architecture/flags.ts';
import { arithmeticOf, SUB64 } from './architecture/long-flags.ts';
import {
  CPL,
  CS,
  DS,
  EFER,
  ES,
  FB,
  FDP,
  FIP,
  FK,
  FS,
  GS,
  HIGH,
  LEFT,
  RIGHTS_DB,
  RIGHTS_L,
  RIGHTS_S,
  RIGHTS_UNUSABLE,
  SEG,
  SEG_BASE,
  SEG_LIMIT,
  SEG_RIGHTS,
  SEG_WORDS,
  SS,
} from './architecture/registers.ts';
import { S_USER, USER } from './scratch.ts';
import type { CodeSize } from './table/row.ts';
import type { Tlb } from './tlb.ts';
import type { Views } from './views.ts';

/** Bits of the mode key. FLAT: segments for which the switch handles operands (for 16-bit code see gen/narrow.ts). */
export const KEY_CODE32 = 1,
  KEY_STACK32 = 2,
  KEY_FLAT = 4,
  /** 64-bit code: none of the others is set. */ KEY_LONG = 8,
  KEYS = 16;
/** 32-bit code and stack in flat segments, as systems have them. */
export const FLAT = KEY_CODE32 | KEY_STACK32 | KEY_FLAT;

/** A data segment that may be read and written, does not expand down: S and W set; code, expand-down, unusable clear. */
export const PLAIN_MASK = RIGHTS_UNUSABLE | RIGHTS_S | 0xe,
  PLAIN = RIGHTS_S | 2;
export const isPlain = (rights: number): boolean => (rights & PLAIN_MASK) === PLAIN;

/** IA-32e mode is active: 64-bit code, or compatibility code next to it. */
export const inLongMode = (R: Int32Array): boolean => (R[EFER]! & EFER_LMA) !== 0;

export class Mode {
  /** Mode key: records of one do not run in another. */
  key = 0;
  /** The code segment's base, and its limit as an unsigned number. */
  csBase = 0;
  csLimit = 0xffff;
  private readonly R: Int32Array;
  private readonly S: Int32Array;
  private readonly tlb: Tlb;
  private readonly memory: MemoryAccess;

  constructor({ R, S }: Views, tlb: Tlb, memory: MemoryAccess) {
    this.R = R;
    this.S = S;
    this.tlb = tlb;
    this.memory = memory;
  }

  get code32(): boolean {
    return (this.key & KEY_CODE32) !== 0;
  }
  /** Code size, for the decoder. */
  get bits(): CodeSize {
    return this.long ? 64 : this.code32 ? 32 : 16;
  }
  get stack32(): boolean {
    return (this.key & KEY_STACK32) !== 0;
  }
  get flat(): boolean {
    return (this.key & KEY_FLAT) !== 0;
  }
  /** 64-bit code. */
  get long(): boolean {
    return this.key === KEY_LONG;
  }
  /** 16-bit code whose segments satisfy the second switch. A selector loaded in real mode leaves it so: limits stay, bases are paragraphs. */
  get narrowSegments(): boolean {
    return (this.key & (KEY_CODE32 | KEY_FLAT)) === KEY_FLAT;
  }

  /** After segment registers, CR0, CPL or EFLAGS.AC changed. */
  changed(): void {
    const { R } = this;
    const cs = SEG + CS * SEG_WORDS,
      ss = SEG + SS * SEG_WORDS;
    this.csBase = R[cs + SEG_BASE]!;
    this.csLimit = R[cs + SEG_LIMIT]! >>> 0;
    this.S[S_USER] = R[CPL] === 3 ? USER : 0;
    if (R[CPL] === 3) this.tlb.enterUser();
    if ((R[EFER]! & EFER_LMA) !== 0 && (R[cs + SEG_RIGHTS]! & RIGHTS_L) !== 0) {
      this.csBase = 0;
      this.csLimit = 0xffffffff;
      this.setKey(KEY_LONG);
      return;
    }
    let key = 0;
    if ((R[cs + SEG_RIGHTS]! & RIGHTS_DB) !== 0) key |= KEY_CODE32;
    if ((R[ss + SEG_RIGHTS]! & RIGHTS_DB) !== 0) key |= KEY_STACK32;
    if ((key & KEY_CODE32) === 0) {
      if (
        this.narrowCode(R[cs + SEG_RIGHTS]!) &&
        !this.memory.checksAlignment &&
        this.narrow(ES) &&
        this.narrow(SS) &&
        this.narrow(DS) &&
        this.narrow(FS) &&
        this.narrow(GS)
      )
        key |= KEY_FLAT;
      this.endOfCode();
    } else if (
      this.csBase === 0 &&
      this.csLimit === 0xffffffff &&
      !this.memory.checksAlignment &&
      this.plainFlat(ES) &&
      this.plainFlat(SS) &&
      this.plainFlat(DS)
    )
      key |= KEY_FLAT;
    this.setKey(key);
    // What the processor itself read and wrote above 4 GiB.
    this.tlb.leaveLong();
  }

  private setKey(key: number): void {
    if (key === this.key) return;
    if (this.long) this.leaveLong();
    this.key = key;
    this.tlb.flushCode();
  }

  /** Other code knows neither the kinds of flags of 64-bit code nor slots of addresses above 4 GiB. */
  private leaveLong(): void {
    const { R } = this;
    if ((R[FK]! & 15) >= SUB64) {
      R[FB] = arithmeticOf(R);
      R[FK] = ALL;
    }
    this.tlb.leaveLong();
    // The x87's pointers have 32 bits there, and its commonest instructions write no more.
    R[FIP + HIGH] = R[FDP + HIGH] = 0;
    for (let i = 0; i < 8; i++) R[LEFT + i] = R[i]!;
  }

  /** Before 64-bit code or the outside sees what other code of long mode left: registers that it wrote have no high half. */
  settle(): void {
    const { R } = this;
    if ((R[EFER]! & EFER_LMA) === 0 || this.long) return;
    for (let i = 0; i < 8; i++) {
      if (R[LEFT + i] === R[i]) continue;
      R[LEFT + i] = R[i]!;
      R[i + HIGH] = 0;
    }
  }

  /** After CS was loaded as real mode and virtual-8086 mode load it: where the segments satisfied the second switch they still do. */
  realCodeChanged(): void {
    if (!this.narrowSegments) return this.changed();
    this.csBase = this.R[SEG + CS * SEG_WORDS + SEG_BASE]!;
    this.csLimit = this.R[SEG + CS * SEG_WORDS + SEG_LIMIT]! >>> 0;
    this.endOfCode();
  }

  /** The page that the segment ends in: what was found there was perhaps not for a segment that ends. */
  private endOfCode(): void {
    const end = this.csBase + this.csLimit;
    if (((end + 1) & 4095) !== 0) this.tlb.CP[((end >>> 12) & (USER - 1)) + this.S[S_USER]!] = 0;
  }

  private plainFlat(segment: number): boolean {
    const s = SEG + segment * SEG_WORDS;
    const { R } = this;
    return R[s + SEG_BASE] === 0 && R[s + SEG_LIMIT] === -1 && isPlain(R[s + SEG_RIGHTS]!);
  }

  /** What the second switch asks of data segments: see gen/narrow.ts. */
  private narrow(segment: number): boolean {
    const s = SEG + segment * SEG_WORDS;
    const { R } = this;
    return (R[s + SEG_BASE]! & 3) === 0 && R[s + SEG_LIMIT]! >>> 0 >= 0xffff && isPlain(R[s + SEG_RIGHTS]!);
  }

  /** Of a code segment: readable code, or (real mode) data. */
  private narrowCode(rights: number): boolean {
    return (
      (this.csBase & 3) === 0 &&
      this.csLimit >= 0xffff &&
      (rights & (RIGHTS_UNUSABLE | RIGHTS_S | 2)) === (RIGHTS_S | 2)
    );
  }
}
