/**
 * PS/2 keyboard: commands, scan code sets 1-3, LEDs.
 * Source: IBM PS/2 Hardware Interface Technical Reference, "Keyboards (101- and 102-key)".
 * Typematic repeat comes from the host (a browser repeats keydown); the rate set by 0xF3 is stored.
 */
import type { State } from '../bus.ts';
import { assignState, copyState, resetState } from '../state.ts';
import { set1, set2, set3, set3SendsBreakByDefault } from './scancodes.ts';

export const ACK = 0xfa,
  RESEND = 0xfe,
  BAT_OK = 0xaa,
  ECHO = 0xee;
/** Commands, by the manual's names; ECHO is answered with itself. */
const SET_LEDS = 0xed,
  SELECT_SCAN_CODE_SET = 0xf0,
  READ_ID = 0xf2,
  SET_TYPEMATIC_RATE = 0xf3,
  ENABLE = 0xf4,
  DEFAULT_DISABLE = 0xf5,
  SET_DEFAULT = 0xf6,
  SET_ALL_TYPEMATIC = 0xf7,
  SET_ALL_MAKE_BREAK = 0xf8,
  SET_ALL_MAKE = 0xf9,
  SET_ALL_TYPEMATIC_MAKE_BREAK = 0xfa,
  SET_KEY_TYPEMATIC = 0xfb,
  SET_KEY_MAKE_BREAK = 0xfc,
  SET_KEY_MAKE = 0xfd,
  SEND_AGAIN = 0xfe,
  RESET = 0xff;
const OVERRUN = 0x00;
const QUEUE_BYTES = 16;
/** Key events that wait until the keyboard's own buffer has room, so that a script or a paste types as fast as the guest reads. */
const WAITING_KEYS = 512;
/** Set 3 key types that can be chosen per key: bit 0 sends break, bit 1 repeats. */
const TYPEMATIC = 2,
  BREAK = 1;

const initial = () => ({
  scanning: true,
  set: 2,
  leds: 0,
  typematic: 0x2b,
  /** Command whose argument is awaited; 0: none. */
  command: 0,
  last: 0,
  /** Set 3: type of each key by make code. */
  set3Types: Uint8Array.from({ length: 256 }, (_, make) => (set3SendsBreakByDefault(make) ? BREAK : TYPEMATIC)),
  alt: false,
  control: false,
  shift: false,
  queue: [] as number[],
  /** `+` or `-` and a code. */
  waiting: [] as string[],
});

export class Keyboard {
  private readonly r = initial();
  private readonly wake: () => void;

  /** `wake` is called when there is something to send. */
  constructor(wake: () => void) {
    this.wake = wake;
  }

  /** LEDs as last set: bit 0 Scroll Lock, 1 Num Lock, 2 Caps Lock. */
  get leds(): number {
    return this.r.leds;
  }

  /** A key of the host's keyboard by `KeyboardEvent.code`; a repeated keydown is a typematic make. Unknown codes do nothing. */
  key(code: string, down: boolean): void {
    const { r } = this;
    // Nobody reads: the newest is lost, as on a keyboard whose buffer is full.
    if (r.waiting.length < WAITING_KEYS) r.waiting.push(`${down ? '+' : '-'}${code}`);
    this.fill();
  }

  /** Moves events that wait into the buffer, whole ones only. */
  private fill(): void {
    const { r } = this;
    let at = 0;
    for (; at < r.waiting.length; at++) {
      const down = r.waiting[at][0] === '+';
      const code = r.waiting[at].slice(1);
      const bytes = r.scanning ? this.codes(code, down) : [];
      if (r.queue.length + bytes.length > QUEUE_BYTES) break;
      if (code === 'AltLeft' || code === 'AltRight') r.alt = down;
      else if (code === 'ControlLeft' || code === 'ControlRight') r.control = down;
      else if (code === 'ShiftLeft' || code === 'ShiftRight') r.shift = down;
      r.queue.push(...bytes);
    }
    r.waiting.splice(0, at);
    if (r.queue.length > 0) this.wake();
  }

  private codes(code: string, down: boolean): readonly number[] {
    const { r } = this;
    if (r.set !== 3) {
      const bytes = set2(code, down, r);
      return r.set === 1 ? set1(bytes) : bytes;
    }
    const make = set3(code);
    if (make === 0) return [];
    if (down) return [make];
    return r.set3Types[make] & BREAK ? [0xf0, make] : [];
  }

  private setDefaults(): void {
    const { r } = this;
    const { set3Types, typematic } = initial();
    r.set3Types.set(set3Types);
    r.typematic = typematic;
    r.set = 2;
    this.clear();
  }

  private clear(): void {
    this.r.queue.length = 0;
    this.r.waiting.length = 0;
  }

  private send(...bytes: number[]): void {
    const { r } = this;
    for (const byte of bytes) if (byte !== RESEND) r.last = byte;
    r.queue.push(...bytes);
    this.wake();
  }

  /** A byte from the controller. */
  receive(value: number): void {
    const { r } = this;
    // What follows a command is its argument, unless it is a command.
    if (r.command !== 0 && value < SET_LEDS) {
      const { command } = r;
      r.command = 0;
      this.argument(command, value);
      return;
    }
    r.command = 0;
    switch (value) {
      case SET_LEDS:
      case SELECT_SCAN_CODE_SET:
      case SET_TYPEMATIC_RATE:
        r.command = value;
        this.send(ACK);
        return;
      case SET_KEY_TYPEMATIC:
      case SET_KEY_MAKE_BREAK:
      case SET_KEY_MAKE:
        r.scanning = false;
        r.command = value;
        this.send(ACK);
        return;
      case ECHO:
        this.send(ECHO);
        return;
      case READ_ID:
        this.send(ACK, 0xab, 0x83);
        return;
      case ENABLE:
        this.clear();
        r.scanning = true;
        this.send(ACK);
        return;
      case DEFAULT_DISABLE:
        this.setDefaults();
        r.scanning = false;
        this.send(ACK);
        return;
      case SET_DEFAULT:
        this.setDefaults();
        this.send(ACK);
        return;
      case SET_ALL_TYPEMATIC:
      case SET_ALL_MAKE_BREAK:
      case SET_ALL_MAKE:
      case SET_ALL_TYPEMATIC_MAKE_BREAK:
        // All keys: typematic; make/break; make; typematic and make/break.
        r.set3Types.fill([TYPEMATIC, BREAK, 0, TYPEMATIC | BREAK][value - SET_ALL_TYPEMATIC]);
        this.send(ACK);
        return;
      case SEND_AGAIN:
        this.send(r.last);
        return;
      case RESET:
        this.reset();
        this.send(ACK, BAT_OK);
        return;
      default:
        this.send(RESEND);
    }
  }

  private argument(command: number, value: number): void {
    const { r } = this;
    switch (command) {
      case SET_LEDS:
        r.leds = value & 7;
        break;
      case SELECT_SCAN_CODE_SET:
        if (value === 0) {
          this.send(ACK, r.set);
          return;
        }
        if (value > 3) {
          this.send(RESEND);
          return;
        }
        this.clear();
        r.set = value;
        break;
      case SET_TYPEMATIC_RATE:
        r.typematic = value & 0x7f;
        break;
      default:
        // One key of set 3; more may follow until a command comes.
        r.set3Types[value] = command === SET_KEY_TYPEMATIC ? TYPEMATIC : command === SET_KEY_MAKE_BREAK ? BREAK : 0;
        r.command = command;
    }
    this.send(ACK);
  }

  get hasData(): boolean {
    return this.r.queue.length > 0;
  }

  next(): number {
    const byte = this.r.queue.shift() ?? OVERRUN;
    if (this.r.waiting.length > 0) this.fill();
    return byte;
  }

  reset(): void {
    resetState(this.r, initial());
  }

  save(): State {
    return copyState(this.r);
  }

  restore(state: State): void {
    assignState('keyboard', this.r, state);
  }
}
