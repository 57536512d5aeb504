/**
 * Code that is not flat 32-bit code: 16-bit code, 16-bit stacks, segments with bases and limits. Bases and limits are locals, read where control enters and
 * where a segment register is loaded; what the text takes for granted of segments is asked there once. An access is aligned, and segments begin and end on 4 bytes: so
 * one that begins in its segment ends there, and none wraps. Whatever else (a limit passed, EIP that leaves its segment) is the interpreter's.
 */
import { CR0_PE } from '../architecture/control-bits.ts';
import {
  CR0,
  CS,
  ECX,
  EDI,
  EFLAGS,
  ES,
  ESP,
  RIGHTS_S,
  RIGHTS_UNUSABLE,
  SEG,
  SEG_BASE,
  SEG_LIMIT,
  SEG_RIGHTS,
  SEG_SELECTOR,
  SEG_WORDS,
  SS,
} from '../architecture/registers.ts';
import { DF, VM } from '../architecture/flags.ts';
import type { CodeKind } from '../architecture/regions.ts';
import { cellShift, type Form, memoryArray, memoryOf, type Size, type Value } from '../gen/emitter.ts';
import { PLAIN, PLAIN_MASK } from '../mode.ts';
import type { Decoded, Row } from '../table/index.ts';
import { HAS_CODE } from '../tlb.ts';
import { RegionEmitter, SEGMENT_NAMES } from './emitter.ts';
import type { Region } from './region.ts';
import { miss, number } from './text.ts';

const word = (segment: number, of: number): number => SEG + segment * SEG_WORDS + of;
const SEGMENTS = [0, 1, 2, 3, 4, 5];
/** Locals: a segment's base, its limit; and the words of the state that they come from. */
const base = (segment: number): Value => `s${segment}`,
  limit = (segment: number): Value => `l${segment}`;
export const SEGMENT_LOCALS = SEGMENTS.flatMap(
  segment =>
    [
      [base(segment), word(segment, SEG_BASE)],
      [limit(segment), word(segment, SEG_LIMIT)],
    ] as const,
);

/** Facts that the mode key holds need no check: 16-bit code in segments of 64 KiB at least (gen/narrow.ts). Others are asked. */
const isKnown = ({ code32, flat }: CodeKind): boolean => !code32 && flat;

/**
 * Ops that such regions call and others do not: those that lead to another segment end them; BIOSes and programs of DOS wait for ports in loops, most of which
 * are answered in place.
 */
const ALSO_CALLED = new Set(['callf', 'jmpf', 'callfind', 'jmpfind', 'retf', 'in', 'out']);
export const isAlsoCallable = ({ op }: Row): boolean => ALSO_CALLED.has(op);

/** Ops that read and load segment registers. */
const LOADS = new Set(['movtosreg', 'popsreg', 'lseg']);
export const loadsSegment = ({ op }: Row): boolean => LOADS.has(op);

/** The segment register that one of them loads. */
const loaded = ({ row, reg }: Decoded): number =>
  row!.op === 'movtosreg'
    ? reg
    : SEGMENT_NAMES.indexOf(row!.op === 'popsreg' ? row!.operands[0]! : row!.mnemonic.slice(1).toUpperCase());

/** True if the region expands it: a load where bases are in selectors and the mode key cannot change, and MOV from a segment register. */
export const isLoad = (at: Decoded, kind: CodeKind): boolean =>
  isKnown(kind) &&
  !at.lock &&
  (at.row!.op === 'movsreg'
    ? !at.memory || at.segment !== CS
    : loadsSegment(at.row!) && kind.segments !== 'protected' && loaded(at) !== SS);

/** As `fits` of former.ts: code segments cannot be written; a 16-bit branch cuts EIP, which 32-bit code hardly ever wants. */
export function segmentedFits(form: Form, { segment, operandSize }: Decoded, { code32 }: CodeKind): boolean {
  const { uses } = form;
  if (memoryOf(form)?.writes === true && segment === CS) return false;
  return !code32 || operandSize === 32 || !(uses.direct || uses.indirect);
}

/** Where a direct branch at `offset` leads; null: out of the segment, which the interpreter notices. */
export function targetOf(
  { code32, pageEip }: CodeKind,
  offset: number,
  { length, immediate, operandSize }: Decoded,
): number | null {
  const to = offset + length + immediate;
  if (code32) return to;
  const eip = pageEip + to;
  if (operandSize === 16) return (eip & 0xffff) - pageEip;
  return eip >>> 16 === 0 ? to : null;
}

/** What a region asks where control enters: text. `text` is the rest of it. */
export function entryText({ blocks }: Region, kind: CodeKind, text: string): string {
  const instructions = blocks.flatMap(block => block.instructions);
  // All that EIP may be, in it and right behind it.
  const places = instructions.flatMap(({ offset, target, decoded, form }) => [
    offset,
    offset + decoded.length - (decoded.row!.ends === true ? 1 : 0),
    ...(form.uses.direct ? [target] : []),
  ]);
  const first = `base + ${number(Math.min(...places))}`,
    last = `base + ${number(Math.max(...places))}`,
    refuse: Value[] = [];
  if (isKnown(kind)) refuse.push(`(${first} | ${last}) >>> 16 !== 0`);
  else {
    refuse.push(`(${first}) >>> 0 > ${limit(CS)} >>> 0`, `(${last}) >>> 0 > ${limit(CS)} >>> 0`);
    for (const segment of SEGMENTS) {
      if (!new RegExp(`\\b${limit(segment)}\\b`).test(text)) continue;
      const [mask, rights] = segment === CS ? [RIGHTS_UNUSABLE | RIGHTS_S | 2, RIGHTS_S | 2] : [PLAIN_MASK, PLAIN];
      refuse.push(
        `((${base(segment)} | ~${limit(segment)}) & 3) !== 0`,
        `(R[${word(segment, SEG_RIGHTS)}] & ${mask}) !== ${rights}`,
      );
    }
  }
  if (instructions.some(({ decoded, form, called }) => form.op === '' && !called && loadsSegment(decoded.row!))) {
    refuse.push(kind.segments === 'real' ? `(R[${CR0}] & ${CR0_PE}) !== 0` : `(R[${EFLAGS}] & ${VM}) === 0`);
  }
  return `if (${refuse.join(' || ')}) return;\n`;
}

/** Text behind a called instruction: after a load of a segment register the region does not know its segments any more, unless the mode key says enough. */
export const behindCall = ({ row, length }: Decoded, offset: number, left: number, kind: CodeKind): string =>
  loadsSegment(row!) && !isKnown(kind) ? ` ip = ${number(offset + length)}; m = ${left}; break out;` : '';

export class SegmentedEmitter extends RegionEmitter {
  private readonly code: CodeKind;
  constructor(code: CodeKind, ...rest: ConstructorParameters<typeof RegionEmitter>) {
    super(...rest);
    this.code = code;
  }

  private get isShort(): boolean {
    return this.at.decoded.addressSize === 16;
  }

  /** Puts the linear address of `bits` at an offset in a segment into `t`, and the TLB's entry into `e`. `short`: the offset has 16 bits. */
  private reach(table: 'TR' | 'TW', segment: number, offset: Value, short: boolean, bits: Size, unless = ''): void {
    if (isKnown(this.code) && short) this.say(`t = (${offset}) + ${base(segment)} | 0;`);
    else {
      this.say(`t = ${offset};`);
      this.say(
        this.leaveIf(
          isKnown(this.code)
            ? `t >>> 16 !== 0 && R[${word(segment, SEG_LIMIT)}] !== -1`
            : `t >>> 0 > ${limit(segment)} >>> 0`,
        ),
      );
      this.say(`t = t + ${base(segment)} | 0;`);
    }
    if (table === 'TR') this.say(this.leaveIf(`${miss(table, 't', bits / 8)}${unless}`));
    else {
      // Programs of this kind often have data next to their code: a store to a line that holds none changes none (`CodeCache.wrote`).
      this.say(
        `e = TW[(t >>> 12) + u]; if ((e & 3) === ${HAS_CODE} && (LINES[(e ^ t) >>> 12] >>> (t >>> 7 & 31) & 1) === 0) e ^= ${HAS_CODE};`,
      );
      this.say(this.leaveIf(`${bits === 8 ? 'e & 1' : `(e | t) & ${bits / 8 - 1}`}${unless}`));
    }
  }
  private low(register: number): Value {
    return `r${register} & 65535`;
  }
  private setLow(register: number, value: Value): string {
    return `r${register} = r${register} & -65536 | ${value} & 65535;`;
  }
  /** The stack pointer, or another register in its place. */
  private pointer(register: number): Value {
    return this.code.stack32 ? `r${register}` : this.low(register);
  }
  private setStackPointer(value: Value): string {
    return this.code.stack32 ? `r${ESP} = ${value} | 0;` : this.setLow(ESP, value);
  }

  /** A word that is read at any address of a segment of 64 KiB: old programs seldom align them. Across a page's end, or the segment's, it is the interpreter's. */
  private get isAnywhere(): boolean {
    const memory = memoryOf(this.form);
    return isKnown(this.code) && this.isShort && memory?.bits === 16 && !memory.writes;
  }
  protected override operand(bits: Size, writes: boolean): void {
    if (this.isAnywhere) {
      const segment = base(this.at.decoded.segment);
      this.say(
        `t = (${this.address()}) + ${segment} | 0; if ((t & 1) !== 0) { ${this.leaveIf(`(t & 4095) === 4095 || (t - ${segment} & 65535) === 65535`)} }`,
      );
      this.say(`${this.leaveIf(miss('TR', 't', 1))} h = (e ^ t) >>> 0;`);
      return;
    }
    this.reach(writes ? 'TW' : 'TR', this.at.decoded.segment, this.address(), this.isShort, bits);
    this.say(`h = (e ^ t) >>> ${cellShift(bits)};`);
  }

  protected override load(): Value {
    return this.isAnywhere ? '((h & 1) === 0 ? M2[h >>> 1] : M1[h] | M1[h + 1] << 8)' : super.load();
  }

  override counter(): Value {
    return this.isShort ? `(${this.low(ECX)})` : super.counter();
  }
  override countedDown(): Value {
    return this.isShort ? this.result(`(r${ECX} - 1) & 65535`) : super.countedDown();
  }
  override setCounter(value: Value): void {
    if (this.isShort) this.effect(this.setLow(ECX, value));
    else super.setCounter(value);
  }

  override top(pointer = ESP): Value {
    this.say(`h = ${this.pointer(pointer)};`);
    this.reach('TR', SS, 'h', !this.code.stack32, this.bits);
    this.say(`t = ${memoryArray(this.bits)}[(e ^ t) >>> ${cellShift(this.bits)}];`);
    return 't';
  }
  override drop(more?: Value): void {
    this.effect(this.setStackPointer(`(h + ${this.bytes}${more === undefined ? '' : ` + ${more}`})`));
  }
  override slot(): void {
    const below = `r${ESP} - ${this.bytes}`;
    this.say(`h = ${this.code.stack32 ? `${below} | 0` : `${below} & 65535`};`);
    this.reach('TW', SS, 'h', !this.code.stack32, this.bits);
  }
  override push(value: Value, bits = this.bits): void {
    this.say(`${memoryArray(bits)}[(e ^ t) >>> ${cellShift(bits)}] = ${value}; ${this.setStackPointer('h')}`);
  }

  override locate(eip?: Value): void {
    super.locate(eip);
    if (eip === undefined) return;
    if (!isKnown(this.code)) this.say(this.leaveIf(`${eip} >>> 0 > ${limit(CS)} >>> 0`));
    else if (this.bits === 32) this.say(this.leaveIf(`${eip} >>> 16 !== 0`));
  }

  protected override findElement(table: 'TR' | 'TW', pointer: number): void {
    this.reach(
      table,
      pointer === EDI ? ES : this.at.decoded.segment,
      this.isShort ? this.low(pointer) : `r${pointer}`,
      this.isShort,
      this.bits,
      ` | R[${EFLAGS}] & ${DF}`,
    );
    this.say(`h = (e ^ t) >>> ${cellShift(this.bits)};`);
  }
  override advance(pointer: number): void {
    if (this.isShort) this.effect(this.setLow(pointer, `(r${pointer} + ${this.bytes})`));
    else super.advance(pointer);
  }

  /** The text of an instruction that `isLoad` knows. */
  expandLoad(): string {
    const { decoded } = this.at,
      { row, memory, rm, reg, operandSize } = decoded,
      size = operandSize === 16 ? 16 : 32;
    if (row!.op === 'movsreg') {
      const selector = `R[${word(reg, SEG_SELECTOR)}]`;
      if (memory) {
        this.operand(16, true);
        this.say(`M2[h] = ${selector};`);
      } else this.setRegister(rm, size, selector);
      return this.finish();
    }
    if (row!.op === 'popsreg') {
      this.say(`h = ${this.pointer(ESP)};`);
      this.reach('TR', SS, 'h', !this.code.stack32, size);
      this.say(`a = M2[(e ^ t) >>> 1]; ${this.setStackPointer(`(h + ${size / 8})`)}`);
    } else if (row!.op === 'lseg') {
      // The pointer lies in one page and below the limit, or the interpreter reads it.
      const bytes = size / 8;
      this.say(`h = ${this.address()}; ${this.leaveIf(`h >>> 0 > ${65536 - bytes - 2}`)}`);
      this.reach('TR', decoded.segment, 'h', true, size);
      this.say(
        `${this.leaveIf(`(t & 4095) > ${4096 - bytes - 2}`)} h = (e ^ t) >>> 1; a = M2[h + ${bytes / 2}]; b = ${size === 16 ? 'M2[h]' : 'M2[h] | M2[h + 1] << 16'};`,
      );
      this.setRegister(reg, size, 'b');
    } else if (memory) {
      this.operand(16, false);
      this.say('a = M2[h];');
    } else this.say(`a = ${this.low(rm)};`);
    this.loadReal(loaded(decoded));
    return this.finish();
  }
  /** The selector in `a`, as `setRealSegment` loads it (../segments.ts). */
  private loadReal(segment: number): void {
    const rights = `R[${word(segment, SEG_RIGHTS)}]`;
    this.say(`R[${word(segment, SEG_SELECTOR)}] = a; R[${word(segment, SEG_BASE)}] = ${base(segment)} = a << 4;`);
    this.say(
      this.code.segments === 'real'
        ? `${rights} = ${rights} & 49152 | 147;`
        : `R[${word(segment, SEG_LIMIT)}] = 65535; ${rights} = 243;`,
    );
  }
}
