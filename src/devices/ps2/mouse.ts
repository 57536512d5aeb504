/**
 * PS/2 mouse with Microsoft's IntelliMouse extensions (wheel; wheel and five buttons).
 * Sources: IBM PS/2 Hardware Interface Technical Reference, "Auxiliary devices"; Microsoft, "IntelliMouse" device identification
 * by sample-rate sequences.
 */
import type { State } from '../bus.ts';
import { assignState, copyState, resetState } from '../state.ts';
import { ACK, BAT_OK, RESEND } from './keyboard.ts';

/** Commands, by the manual's names. */
const SET_SCALING_1_1 = 0xe6,
  SET_SCALING_2_1 = 0xe7,
  SET_RESOLUTION = 0xe8,
  STATUS_REQUEST = 0xe9,
  SET_STREAM_MODE = 0xea,
  READ_DATA = 0xeb,
  RESET_WRAP_MODE = 0xec,
  SET_WRAP_MODE = 0xee,
  SET_REMOTE_MODE = 0xf0,
  READ_DEVICE_TYPE = 0xf2,
  SET_SAMPLING_RATE = 0xf3,
  ENABLE = 0xf4,
  DISABLE = 0xf5,
  SET_DEFAULT = 0xf6,
  SEND_AGAIN = 0xfe,
  RESET = 0xff;
const ERROR = 0xfc;
/** Three rates in a row that turn the extensions on: to wheel (identifier 3), then to five buttons (4). */
const WHEEL = [200, 100, 80],
  BUTTONS = [200, 200, 80];
const ID_PLAIN = 0,
  ID_WHEEL = 3,
  ID_BUTTONS = 4;
/** A mouse holds what it could not send as one movement, not as a list. */
const QUEUE_BYTES = 16;

const initial = () => ({
  id: ID_PLAIN,
  reporting: false,
  remote: false,
  wrap: false,
  scaling21: false,
  resolution: 2,
  rate: 100,
  rates: [0, 0, 0],
  /** Command whose argument is awaited; 0: none. */
  command: 0,
  last: [] as number[],
  dx: 0,
  dy: 0,
  dz: 0,
  /** Bit 0 left, 1 right, 2 middle, 3 and 4 side buttons. */
  buttons: 0,
  sentButtons: 0,
  queue: [] as number[],
});

const clamp = (value: number, least: number, most: number): number => Math.max(least, Math.min(most, value));

export class Mouse {
  private readonly r = initial();
  private readonly wake: () => void;

  constructor(wake: () => void) {
    this.wake = wake;
  }

  /** Movement in counts: right, up and wheel towards the user positive; buttons: bit 0 left, 1 right, 2 middle, 3-4 side. */
  move(dx: number, dy: number, dz: number, buttons: number): void {
    const { r } = this;
    r.dx += Math.trunc(dx);
    r.dy += Math.trunc(dy);
    r.dz += Math.trunc(dz);
    r.buttons = buttons & 0x1f;
    if (r.remote || !r.reporting) return;
    this.report();
    this.wake();
  }

  /** A packet of what happened since the last one, if there is room and anything to say. */
  private report(): void {
    const { r } = this;
    const news = (): boolean => r.dx !== 0 || r.dy !== 0 || r.dz !== 0 || r.buttons !== r.sentButtons;
    while (r.queue.length + 4 <= QUEUE_BYTES && news()) r.queue.push(...this.packet());
  }

  private packet(): number[] {
    const { r } = this;
    const dx = clamp(r.dx, -255, 255);
    const dy = clamp(r.dy, -255, 255);
    r.dx -= dx;
    r.dy -= dy;
    r.sentButtons = r.buttons;
    const scale = (value: number): number => {
      // 2:1 scaling applies to stream mode only (table in "Set Scaling 2:1").
      if (!r.scaling21 || r.remote) return value;
      const size = Math.abs(value);
      return Math.sign(value) * (size > 5 ? size * 2 : [0, 1, 1, 3, 6, 9][size]);
    };
    const x = scale(dx);
    const y = scale(dy);
    const overflow = (x > 255 || x < -256 ? 0x40 : 0) | (y > 255 || y < -256 ? 0x80 : 0);
    const bytes = [overflow | (y < 0 ? 0x20 : 0) | (x < 0 ? 0x10 : 0) | 8 | (r.buttons & 7), x & 0xff, y & 0xff];
    if (r.id === ID_PLAIN) {
      r.dz = 0;
      return bytes;
    }
    const dz = clamp(r.dz, -8, 7);
    r.dz -= dz;
    bytes.push(r.id === ID_WHEEL ? dz & 0xff : (dz & 15) | ((r.buttons & 0x18) << 1));
    return bytes;
  }

  private send(...bytes: number[]): void {
    this.r.last = bytes;
    this.r.queue.push(...bytes);
    this.wake();
  }

  private setDefaults(): void {
    const { r } = this;
    const { resolution, rate, reporting, remote, scaling21 } = initial();
    Object.assign(r, { resolution, rate, reporting, remote, scaling21, dx: 0, dy: 0, dz: 0 });
  }

  /** A byte from the controller. */
  receive(value: number): void {
    const { r } = this;
    if (r.wrap && value !== RESET && value !== RESET_WRAP_MODE) {
      this.send(value);
      return;
    }
    if (r.command !== 0) {
      const { command } = r;
      r.command = 0;
      this.argument(command, value);
      return;
    }
    // A command stops the packet under way.
    r.queue.length = 0;
    switch (value) {
      case SET_SCALING_1_1:
      case SET_SCALING_2_1:
        r.scaling21 = value === SET_SCALING_2_1;
        break;
      case SET_RESOLUTION:
      case SET_SAMPLING_RATE:
        r.command = value;
        break;
      case STATUS_REQUEST:
        this.send(ACK, this.status, r.resolution, r.rate);
        return;
      case SET_STREAM_MODE:
        r.remote = false;
        break;
      case READ_DATA:
        this.send(ACK, ...this.packet());
        return;
      case RESET_WRAP_MODE:
        r.wrap = false;
        break;
      case SET_WRAP_MODE:
        r.wrap = true;
        break;
      case SET_REMOTE_MODE:
        r.remote = true;
        break;
      case READ_DEVICE_TYPE:
        this.send(ACK, r.id);
        return;
      case ENABLE:
        r.reporting = true;
        break;
      case DISABLE:
        r.reporting = false;
        break;
      case SET_DEFAULT:
        this.setDefaults();
        break;
      case SEND_AGAIN: {
        const { last } = r;
        this.send(...last);
        return;
      }
      case RESET: {
        const { buttons } = r;
        resetState(r, initial());
        r.buttons = buttons;
        r.sentButtons = buttons;
        this.send(ACK, BAT_OK, ID_PLAIN);
        return;
      }
      default:
        this.send(RESEND);
        return;
    }
    this.send(ACK);
  }

  /** First byte of the answer to a status request. */
  private get status(): number {
    const { remote, reporting, scaling21, buttons } = this.r;
    return (
      (remote ? 0x40 : 0) |
      (reporting ? 0x20 : 0) |
      (scaling21 ? 0x10 : 0) |
      ((buttons & 1) << 2) |
      ((buttons & 4) >> 1) |
      ((buttons & 2) >> 1)
    );
  }

  private argument(command: number, value: number): void {
    const { r } = this;
    if (command === SET_RESOLUTION) {
      if (value > 3) {
        this.send(ERROR);
        return;
      }
      r.resolution = value;
    } else {
      if (![10, 20, 40, 60, 80, 100, 200].includes(value)) {
        this.send(ERROR);
        return;
      }
      r.rate = value;
      r.rates = [r.rates[1], r.rates[2], value];
      const is = (sequence: number[]) => sequence.every((rate, i) => r.rates[i] === rate);
      if (is(WHEEL) && r.id === ID_PLAIN) r.id = ID_WHEEL;
      else if (is(BUTTONS) && r.id === ID_WHEEL) r.id = ID_BUTTONS;
    }
    this.send(ACK);
  }

  get hasData(): boolean {
    return this.r.queue.length > 0;
  }

  next(): number {
    const byte = this.r.queue.shift() ?? 0;
    if (this.r.queue.length === 0 && this.r.reporting && !this.r.remote) this.report();
    return byte;
  }

  reset(): void {
    resetState(this.r, initial());
  }

  save(): State {
    return copyState(this.r);
  }

  restore(state: State): void {
    assignState('mouse', this.r, state);
  }
}
