/** Which of ten tints a guest has: no two that live share one while they are ten or fewer. Its id is its identity, the tint a help. */
import { domains } from './host.ts';

export const TINTS = 'ABCDEFGHIJ';

const tints = new Map<number, number>();

/** Gives `id` a tint that none of `living` has: its own by number, or the next that is free. What was given stays. */
export function tintOf(id: number, living: readonly number[]): string {
  for (const each of [...new Set([...living, id])].sort((a, b) => a - b)) {
    if (tints.has(each)) continue;
    const taken = new Set(living.map(other => tints.get(other)));
    const own = (each - 1) % TINTS.length;
    const free = Array.from(TINTS, (_, i) => (own + i) % TINTS.length).find(tint => !taken.has(tint));
    tints.set(each, free ?? own);
  }
  return TINTS[tints.get(id)!]!;
}

const ofGuest = (id: number): string => tintOf(id, domains.peek().map(domain => domain.id).filter(each => each > 0));

/** Domain-0 has a colour of its own. */
export const ownerClass = (id: number): string => (id === 0 ? 'c-d0' : `c-${ofGuest(id)}`);
/** The colour token of the same owner, for what is drawn on a canvas. */
export const ownerToken = (id: number): string => (id === 0 ? '--d0' : `--d${ofGuest(id)}`);
