/** Runs a description once without text, to learn what it asks for. */
import { ECX } from '../architecture/registers.ts';
import type { Description, Emitter, Held, Size, Uses, Value } from './emitter.ts';

class Survey implements Emitter {
  readonly uses: Uses = {
    reads: new Set(),
    writes: new Set(),
    sets: [],
    operands: 0,
    atomic: false,
    selector: false,
    address: false,
    counter: false,
    bitOffset: false,
    flags: false,
    cc: false,
    condition: false,
    stack: false,
    drops: false,
    pushes: false,
    direct: false,
    indirect: false,
    returns: false,
    string: false,
  };
  readonly bits: Size;
  readonly operands: number;
  constructor(bits: Size, operands: number) {
    this.bits = bits;
    this.operands = operands;
  }
  readonly shift = 0;
  readonly width = 32;
  get cc(): number {
    this.uses.cc = true;
    return 0;
  }
  private touch(set: Set<number>, operand: number): void {
    set.add(operand);
    this.uses.operands = Math.max(this.uses.operands, operand + 1);
  }
  read(operand: number, held: Held): Value {
    this.touch(this.uses.reads, operand);
    this.uses.bitOffset ||= held === 'bit';
    return '';
  }
  write(operand: number): void {
    this.touch(this.uses.writes, operand);
  }
  atomic(): void {
    this.uses.atomic = true;
  }
  immediate(): Value {
    return '';
  }
  selector(): Value {
    this.uses.selector = true;
    return '';
  }
  address(): Value {
    this.uses.address = true;
    return '';
  }
  register(): Value {
    return '';
  }
  setRegister(register: number, bits: Size): void {
    this.uses.sets.push([register, bits]);
  }
  counter(): Value {
    this.uses.counter = true;
    return '';
  }
  countedDown(): Value {
    return this.counter();
  }
  setCounter(): void {
    this.uses.counter = true;
    this.setRegister(ECX, 32);
  }
  sum(): Value {
    return '';
  }
  difference(): Value {
    return '';
  }
  bitwise(): Value {
    return '';
  }
  complement(): Value {
    return '';
  }
  shifted(): Value {
    return '';
  }
  rotated(): Value {
    return '';
  }
  from(): Value {
    return '';
  }
  withBit(): Value {
    return '';
  }
  bitNumber(): Value {
    return '';
  }
  reversed(): Value {
    return '';
  }
  product(): Value {
    return '';
  }
  productHigh(): Value {
    return '';
  }
  productFlags(): Value {
    return '';
  }
  signExtended(): Value {
    return '';
  }
  signs(): Value {
    return '';
  }
  isZero(): Value {
    return '';
  }
  isNotZero(): Value {
    return '';
  }
  differ(): Value {
    return '';
  }
  result(): Value {
    return '';
  }
  keep(): Value {
    return '';
  }
  mask(): Value {
    return '';
  }
  skipIf(): void {}
  when(_condition: Value, then: () => void): void {
    then();
  }
  truth(): Value {
    return '';
  }
  choose(): void {
    this.write(0);
  }
  flags(): void {}
  changeFlags(): void {
    this.uses.flags = true;
  }
  carry(): Value {
    this.uses.flags = true;
    return '';
  }
  condition(cc?: number): Value {
    this.uses.flags = true;
    this.uses.condition ||= cc === undefined;
    return '';
  }
  top(): Value {
    this.uses.stack = true;
    return '';
  }
  drop(): void {
    this.uses.drops = true;
  }
  slot(): void {
    this.uses.stack = this.uses.pushes = true;
  }
  push(): void {}
  locate(eip?: Value): void {
    this.uses[eip === undefined ? 'direct' : 'indirect'] = true;
  }
  go(): void {}
  branch(_condition: Value, effects?: () => void): void {
    this.uses.direct = true;
    effects?.();
  }
  returnAddress(): Value {
    this.uses.returns = true;
    return '';
  }
  source(): Value {
    this.uses.string = true;
    return '';
  }
  destination(): Value {
    return this.source();
  }
  storeElement(): void {
    this.source();
  }
  advance(pointer: number): void {
    this.setRegister(pointer, 32);
  }
  repeats(): void {}
}

export function usesOf(description: Description, bits: Size, operands: number): Uses {
  const survey = new Survey(bits, operands);
  description(survey);
  return survey.uses;
}
