/** A client's pointer as a mouse that moves: a guest's is one. */
import type { MouseMove } from '../../hypervisor/index.ts';
import { type ClientMessage, RELATIVE_CENTRE } from '../../formats/rfb/index.ts';

type PointerMessage = Extract<ClientMessage, { kind: 'pointer' }>;

const WHEEL_AWAY = 8,
  WHEEL_TOWARDS = 16;

export class ClientPointer {
  private readonly move: (move: MouseMove) => void;
  /** The client has the order to send relative moves in place of positions. */
  sendsWays = false;
  private last: { x: number; y: number } | undefined;
  private buttons = 0;

  constructor(move: (move: MouseMove) => void) {
    this.move = move;
  }

  moved({ buttons, x, y }: PointerMessage): void {
    // What the client sent before it knew is a place still; none is as far as that.
    const isWay = this.sendsWays && x > RELATIVE_CENTRE / 2;
    const before = isWay ? { x: RELATIVE_CENTRE, y: RELATIVE_CENTRE } : (this.last ?? { x, y });
    this.last = isWay ? undefined : { x, y };
    const pressed = buttons & ~this.buttons;
    this.buttons = buttons;
    this.move({
      dx: x - before.x,
      dy: before.y - y,
      dz: (pressed & WHEEL_TOWARDS ? 1 : 0) - (pressed & WHEEL_AWAY ? 1 : 0),
      // Left, middle, right here; left, right, middle there.
      buttons: (buttons & 1) | ((buttons & 2) << 1) | ((buttons & 4) >> 1),
    });
  }

  letGo(): void {
    if ((this.buttons & 7) !== 0) this.move({ dx: 0, dy: 0, dz: 0, buttons: 0 });
    this.buttons = 0;
  }
}
