/** The mouse moved, or its buttons changed. */
import type { MouseMove } from '../domain/mouse-move.ts';
import { verb } from './verb.ts';

export const mouse = verb({ mayBeLost: true, apply: ({ domain }, move: MouseMove) => domain.mouse(move) });
