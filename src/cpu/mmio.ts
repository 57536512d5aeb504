/**
 * Accesses to what is no memory, or to memory without the right. They are answered in place, or leave as EPT violations (SDM vol. 3, 28.3); then the
 * instruction runs again and takes the answers that it already has.
 */
import {
  EPT_READ,
  EPT_WRITE,
  type ExitInfo,
  ExitReason,
  P2M_EXECUTE,
  P2M_WRITE,
  type ProcessorOptions,
} from './architecture/edge.ts';
import { EIP } from './architecture/registers.ts';
import { LEAVE } from './faults.ts';

/** Numbers of an answer: guest-physical address, width, 1 for write, value. */
const ADDRESS = 0,
  WIDTH = 1,
  WRITE = 2,
  VALUE = 3,
  NUMBERS = 4;

/** Places for instructions that access device registers, and accesses to one register after which it is certain that an instruction is such a one. */
const REGISTER_PLACES = 64,
  OFTEN = 32;
/** Numbers of a place: EIP of the instruction, guest-physical address of its last access, accesses in a row to that. */
const AT = 0,
  REGISTER = 1,
  AGAIN = 2,
  PLACE_NUMBERS = 3;

/** An answer's bits that were asked for: not every instruction looks away from others (FLD m80). */
const asked = (value: number, size: number): number => (size >= 4 ? value : value & (size === 1 ? 0xff : 0xffff));

export class Mmio {
  /** Answers to accesses of the instruction under way, in their order. */
  answers: number[] = [];
  /** How many of their numbers it has taken. */
  private taken = 0;
  /** Accesses answered in place so far. */
  answeredInPlace = 0;
  /**
   * What was answered in place since the processor's state was changed last: the first `inPlaceNumbers` of these, if `inPlaceAt` still is the number of
   * instructions retired. Where another access of the same instruction leaves, these are its answers, too: it runs again and must not ask a device twice.
   */
  private readonly inPlace: number[] = [];
  private inPlaceNumbers = 0;
  private inPlaceAt = -1;
  /** Instructions that were answered in place, by EIP. */
  private readonly places = new Float64Array(REGISTER_PLACES * PLACE_NUMBERS);
  private readonly R: Int32Array;
  private readonly exit: ExitInfo;
  private readonly answerAccess: ProcessorOptions['answerAccess'];
  /** Instructions retired before the one under way. */
  private readonly retired: () => number;
  /** See ProcessorOptions. */
  readonly readQuietly: NonNullable<ProcessorOptions['readQuietly']>;

  constructor(
    R: Int32Array,
    exit: ExitInfo,
    retired: () => number,
    { answerAccess, readQuietly = () => -1 }: Pick<ProcessorOptions, 'answerAccess' | 'readQuietly'>,
  ) {
    this.R = R;
    this.exit = exit;
    this.retired = retired;
    this.answerAccess = answerAccess;
    this.readQuietly = readQuietly;
  }

  /** An instruction has had accesses answered, and has to run again to its end. */
  get pending(): boolean {
    return this.answers.length > 0;
  }

  /** The instruction begins, again perhaps. */
  rewind(): void {
    this.taken = this.inPlaceNumbers = 0;
  }

  /** What was answered in place has taken effect (an element of a string instruction), or never will (a fault). */
  committed(): void {
    this.inPlaceNumbers = 0;
  }

  /** The instruction is complete, or will never be. */
  forget(): void {
    this.taken = this.inPlaceNumbers = 0;
    // To set the length takes a call of the runtime, even where it is 0 already.
    if (this.pending) this.answers.length = 0;
  }

  /** An access at a linear and guest-physical address, whose frame has this word of the second stage: what a read finds. */
  access(linear: number, gpa: number, size: number, write: boolean, value: number, entry: number): number {
    const { answers, taken } = this;
    if (taken + VALUE < answers.length) {
      if (
        answers[taken + ADDRESS] === gpa &&
        answers[taken + WIDTH] === size &&
        answers[taken + WRITE] === (write ? 1 : 0)
      ) {
        this.taken = taken + NUMBERS;
        return answers[taken + VALUE]!;
      }
      // Something else than what was answered runs now (the code was changed, an event came between): it asks again.
      answers.length = taken;
    }
    this.describe(linear, gpa, size, write ? EPT_WRITE : EPT_READ, entry, value);
    if (entry === 0 && this.answerAccess?.(this.exit)) {
      this.answeredInPlace++;
      this.note(gpa);
      const found = asked(this.exit.value, size);
      this.remember(gpa, size, write, found);
      return found;
    }
    this.keep();
    throw LEAVE;
  }

  private remember(gpa: number, size: number, write: boolean, found: number): void {
    const { inPlace } = this,
      at = this.retired();
    if (at !== this.inPlaceAt) {
      this.inPlaceAt = at;
      this.inPlaceNumbers = 0;
    }
    const n = this.inPlaceNumbers;
    inPlace[n + ADDRESS] = gpa;
    inPlace[n + WIDTH] = size;
    inPlace[n + WRITE] = write ? 1 : 0;
    inPlace[n + VALUE] = found;
    this.inPlaceNumbers = n + NUMBERS;
  }

  /** The instruction under way will run again: what was answered in place waits for it, as other answers do. */
  keep(): void {
    const { inPlace, inPlaceNumbers, answers } = this;
    this.inPlaceNumbers = 0;
    if (inPlaceNumbers === 0 || this.inPlaceAt !== this.retired()) return;
    for (let i = 0; i < inPlaceNumbers; i++) answers.push(inPlace[i]!);
    this.taken += inPlaceNumbers;
  }

  /** The instruction under way was answered in place at an address. */
  private note(gpa: number): void {
    const { places } = this,
      eip = this.R[EIP]! >>> 0,
      at = (eip % REGISTER_PLACES) * PLACE_NUMBERS;
    const again = places[at + AT] === eip && places[at + REGISTER] === gpa;
    places[at + AT] = eip;
    places[at + REGISTER] = gpa;
    places[at + AGAIN] = again ? places[at + AGAIN]! + 1 : 0;
  }

  /** Whether the instruction at EIP accesses one register of a device, and nothing else lately. What copies to a frame buffer does not. */
  accessesRegister(eip: number): boolean {
    const { places } = this,
      at = ((eip >>> 0) % REGISTER_PLACES) * PLACE_NUMBERS;
    return places[at + AT] === eip >>> 0 && places[at + AGAIN]! >= OFTEN;
  }

  /** Leaves for an access that is never answered: a fetch, or one to a page table that has gone to another host. */
  leave(linear: number, gpa: number, access: number, entry: number): never {
    this.describe(linear, gpa, 1, access, entry, 0);
    throw LEAVE;
  }

  private describe(linear: number, gpa: number, size: number, access: number, entry: number, value: number): void {
    const x = this.exit;
    x.reason =
      (entry & 7) === P2M_WRITE || (entry & 7) === (P2M_WRITE | P2M_EXECUTE)
        ? ExitReason.EPT_MISCONFIGURATION
        : ExitReason.EPT_VIOLATION;
    x.qualification = access | ((entry & 7) << 3) | 0x180;
    x.guestLinear = linear;
    x.guestPhysical = gpa;
    x.size = size;
    x.value = value;
  }

  /** The machine's answer to the access that left last. */
  complete(value: number): void {
    const { exit } = this;
    this.answers.push(
      exit.guestPhysical,
      exit.size,
      (exit.qualification & EPT_WRITE) !== 0 ? 1 : 0,
      asked(value, exit.size),
    );
  }
}
