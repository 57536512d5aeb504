/** A pointer's movements as those of a PS/2 mouse: whole counts, up positive, collected until they are sent. */

import type { MouseMove } from '../../dom0/service/index.ts';

/** Pixels, lines and pages (WheelEvent.deltaMode) that make one step of a wheel. */
const WHEEL_STEP = [100, 3, 1];
const LEFT = 1,
  RIGHT = 2;

export class MouseMoves {
  private dx = 0;
  private dy = 0;
  private dz = 0;
  private buttons = 0;
  private readonly send: (input: MouseMove) => void;

  constructor(send: (input: MouseMove) => void) {
    this.send = send;
  }

  /** Pixels right and, as screens count, down. Sent with the next `flush()`. */
  move(right: number, down: number): void {
    this.dx += right;
    this.dy -= down;
  }

  wheel(delta: number, deltaMode: number): void {
    this.dz += delta / (WHEEL_STEP[deltaMode] ?? 1);
  }

  /** MouseEvent.buttons has the bits of a PS/2 mouse: left, right, middle, two at the side. A change goes out at once, after what came before. */
  press(buttons: number): void {
    if (buttons === this.buttons) return;
    this.flush();
    this.buttons = buttons & 0x1f;
    this.send({ dx: 0, dy: 0, dz: 0, buttons: this.buttons });
  }

  /** A button down and up again. */
  click(button: typeof LEFT | typeof RIGHT): void {
    this.press(this.buttons | button);
    this.press(this.buttons & ~button);
  }

  /** Sends what has come together; parts of a count stay for the next time. */
  flush(): void {
    const dx = Math.trunc(this.dx),
      dy = Math.trunc(this.dy),
      dz = Math.trunc(this.dz);
    if (dx === 0 && dy === 0 && dz === 0) return;
    this.dx -= dx;
    this.dy -= dy;
    this.dz -= dz;
    this.send({ dx, dy, dz, buttons: this.buttons });
  }

  /** Lets go of everything. */
  release(): void {
    this.dx = this.dy = this.dz = 0;
    this.press(0);
  }
}

/** How far a finger may stray, in pixels, and how long it may stay, in milliseconds, to count as a tap. */
const TAP_PIXELS = 8,
  TAP_MS = 300;

/** Fingers on the screen as on a laptop's touch pad: dragging moves the mouse, a tap clicks, a tap with two fingers is the right button. */
export class TouchPad {
  private readonly fingers = new Map<number, { x: number; y: number }>();
  private strayed = 0;
  private most = 0;
  private since = 0;
  private readonly mouse: MouseMoves;

  constructor(mouse: MouseMoves) {
    this.mouse = mouse;
  }

  down(id: number, x: number, y: number, atMs: number): void {
    if (this.fingers.size === 0) [this.strayed, this.most, this.since] = [0, 0, atMs];
    this.fingers.set(id, { x, y });
    this.most = Math.max(this.most, this.fingers.size);
  }

  move(id: number, x: number, y: number): void {
    const finger = this.fingers.get(id);
    if (!finger) return;
    const dx = x - finger.x,
      dy = y - finger.y;
    this.strayed += Math.abs(dx) + Math.abs(dy);
    this.fingers.set(id, { x, y });
    // Each finger's way counts a part, so that two do not move it twice as far.
    this.mouse.move(dx / this.fingers.size, dy / this.fingers.size);
  }

  /** `cancelled`: the browser took the finger for something else. */
  up(id: number, atMs: number, cancelled = false): void {
    if (!this.fingers.delete(id) || this.fingers.size > 0) return;
    if (!cancelled && this.strayed <= TAP_PIXELS && atMs - this.since <= TAP_MS)
      this.mouse.click(this.most > 1 ? RIGHT : LEFT);
  }
}
