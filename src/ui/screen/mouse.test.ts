import { beforeEach, describe, expect, it } from 'vitest';
import type { MouseMove } from '../../dom0/service/api.ts';
import { MouseMoves, TouchPad } from './mouse.ts';

let sent: MouseMove[] = [];
let mouse = new MouseMoves(input => sent.push(input));
beforeEach(() => {
  sent = [];
  mouse = new MouseMoves(input => sent.push(input));
});

describe('a PS/2 mouse behind a pointer', () => {
  it('counts up as positive, where screens count down', () => {
    mouse.move(3, -5);
    mouse.flush();
    expect(sent).toEqual([{ dx: 3, dy: 5, dz: 0, buttons: 0 }]);
  });

  it('sends whole counts and keeps the rest', () => {
    mouse.move(0.6, 0);
    mouse.flush();
    expect(sent).toEqual([]);
    mouse.move(0.6, 0);
    mouse.flush();
    expect(sent).toEqual([{ dx: 1, dy: 0, dz: 0, buttons: 0 }]);
  });

  it('sends a button after the movement that led to it, and holds it while dragging', () => {
    mouse.move(7, 0);
    mouse.press(1);
    mouse.move(1, 0);
    mouse.flush();
    mouse.release();
    expect(sent.map(({ dx, buttons }) => [dx, buttons])).toEqual([
      [7, 0],
      [0, 1],
      [1, 1],
      [0, 0],
    ]);
  });

  it('turns the wheel towards the user for a page that scrolls down', () => {
    mouse.wheel(100, 0);
    mouse.wheel(-6, 1);
    mouse.flush();
    expect(sent).toEqual([{ dx: 0, dy: 0, dz: -1, buttons: 0 }]);
  });
});

describe('fingers', () => {
  it('move the mouse when dragged and click when tapped', () => {
    const pad = new TouchPad(mouse);
    pad.down(1, 100, 100, 0);
    pad.move(1, 130, 90);
    pad.up(1, 100);
    mouse.flush();
    expect(sent).toEqual([{ dx: 30, dy: 10, dz: 0, buttons: 0 }]);
    pad.down(2, 100, 100, 1000);
    pad.up(2, 1100);
    expect(sent.slice(1).map(({ buttons }) => buttons)).toEqual([1, 0]);
  });

  it('are the right button when two tap together', () => {
    const pad = new TouchPad(mouse);
    pad.down(1, 100, 100, 0);
    pad.down(2, 150, 100, 20);
    pad.up(1, 90);
    pad.up(2, 110);
    expect(sent.map(({ buttons }) => buttons)).toEqual([2, 0]);
  });
});
