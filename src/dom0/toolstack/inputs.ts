/** What people type and press at a guest, and where it goes: its PV console and screen, its device model in Domain 0, or the domain itself. */
import type { MouseMove } from '../../hypervisor/index.ts';
import type { Member } from './running-domain.ts';
import type { ConsoleInput } from './wire.ts';

export class Inputs {
  private readonly poke: () => void;

  /** `poke`: something came in for a domain on this thread. */
  constructor(poke: () => void) {
    this.poke = poke;
  }

  /** Whatever a window of the page sends; what is none of these is nothing. */
  take(member: Member, input: Uint8Array | ConsoleInput): void {
    if (input instanceof Uint8Array) this.type(member, input);
    else if ('serial' in input && input.serial instanceof Uint8Array) this.type(member, input.serial);
    else if ('key' in input && typeof input.key === 'string') this.key(member, input.key, input.down === true);
    else if ('mouse' in input) this.mouse(member, input.mouse);
  }

  /** Typed at the one terminal that serial port and PV console share. */
  type(member: Member, bytes: Uint8Array): void {
    this.whenBuilt(member, () => this.typed(member, bytes));
  }

  private typed(member: Member, bytes: Uint8Array): void {
    if (member.attached && member.usesPvConsole) member.attached.input(bytes);
    else if (member.model) member.model.serialInput(bytes);
    else return member.runner.ask('serial', bytes);
    this.poke();
  }

  /** A key by its KeyboardEvent.code. */
  key(member: Member, code: string, down: boolean): void {
    this.whenBuilt(member, () => {
      const here = member.attached?.screen ?? member.model;
      if (here) here.key(code, down);
      else member.runner.ask('key', code, down);
    });
  }

  mouse(member: Member, move: MouseMove): void {
    this.whenBuilt(member, () => {
      const here = member.attached?.screen ?? member.model;
      if (here) here.mouse(move);
      else member.runner.ask('mouse', move);
    });
  }

  /** While a guest is built it waits for the devices that it is for. */
  private whenBuilt(member: Member, input: () => void): void {
    if (member.ending) return;
    if (member.early) member.early.push(input);
    else input();
  }
}
