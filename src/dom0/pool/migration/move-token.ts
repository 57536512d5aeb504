/** What names a move, on both hosts. */
import type { CommandHost, Guest, Uses } from '../../toolstack/index.ts';

/** Moves that each host has begun: what one says does not depend on how many others there are in this process. */
const moves = new WeakMap<CommandHost['toolstack'], number>();

function nextMove({ toolstack }: Uses<'toolstack'>): number {
  const next = (moves.get(toolstack) ?? 0) + 1;
  moves.set(toolstack, next);
  return next;
}

/** `me`: what the host is called among others. */
export const moveToken = (host: Uses<'clock' | 'toolstack'>, me: string, { uuid }: Guest): string =>
  `${me} ${uuid} ${Math.round(host.clock.epochMs())} ${nextMove(host)}`;
