/** The mouse moved, or its buttons changed. */
import type { MouseMove } from '../domain/mouse-move.ts';
import { verb } from './verb.ts';

export const mouse = verb({
  mayBeLost: true,
  apply: ({ domain }, { dx, dy, dz, buttons }: MouseMove) => domain.platform.mouse.move(dx, dy, dz, buttons),
});
