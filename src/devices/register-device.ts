/** What devices have in common whose whole state is one object of registers: reset, save, restore and a look without side effects. */
import type { Device, State } from './bus.ts';
import { assignState, copyState, resetState } from './state.ts';

export abstract class RegisterDevice<Registers extends object> implements Device {
  readonly name: string;
  protected readonly r: Registers;
  protected readonly initial: () => Registers;

  /** `initial`: registers after reset, a new object each time. */
  constructor(name: string, initial: () => Registers) {
    this.name = name;
    this.initial = initial;
    this.r = initial();
  }

  reset(): void {
    resetState(this.r, this.initial());
  }

  save(): State {
    return copyState(this.r);
  }

  /** Lines that the device drives come back with the lines' own state. @throws StateError */
  restore(state: State): void {
    assignState(this.name, this.r, state);
  }

  peek(): State {
    return copyState(this.r);
  }
}
