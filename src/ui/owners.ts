/** Which tint a guest has: no two that live share one. Its id is its identity, the tint a help. */
import { domains } from './host.ts';

/** Those of the style sheet. */
export const TINTS = 'ABCDEFGHIJ';
/** Degrees between hues that are made for more guests, so that each comes to lie far from those before: the golden angle. None of the first is a hue of the style sheet's. */
const ANGLE = 137.508,
  FIRST_HUE = 15;

const tints = new Map<number, number>();
/** What is there of the made ones. */
let made = 0;

/** A to J, then K1, K2 … */
const nameOf = (tint: number): string => TINTS[tint] ?? `K${tint - TINTS.length + 1}`;

/** Gives `id` a tint that none of `living` has: its own by number, or the next that is free. What was given stays. */
export function tintOf(id: number, living: readonly number[]): string {
  for (const each of [...new Set([...living, id])].sort((a, b) => a - b)) {
    if (tints.has(each)) continue;
    const taken = new Set(living.map(other => tints.get(other)));
    const own = (each - 1) % TINTS.length;
    let free = Array.from(TINTS, (_, i) => (own + i) % TINTS.length).find(tint => !taken.has(tint)) ?? TINTS.length;
    while (taken.has(free)) free++;
    tints.set(each, free);
  }
  return nameOf(tints.get(id)!);
}

/** The rules of a tint beyond those of the style sheet, in each theme: as light and as strong as those. */
export function rulesOf(tint: number): string {
  const name = nameOf(tint),
    hue = ((FIRST_HUE + (tint - TINTS.length) * ANGLE) % 360).toFixed(1);
  const tokens = (text: string, fill: string, paper: string): string =>
    `--d${name}:oklch(${text} ${hue});--d${name}-fill:oklch(${fill} ${hue});--d${name}-tint:oklch(${paper} ${hue})`;
  return [
    `:root,[data-theme=light]{${tokens('42% .11', '66% .13', '93% .03')}}`,
    `[data-theme=dark]{${tokens('80% .1', '52% .11', '24% .04')}}`,
    `[data-theme=contrast]{${tokens('86% .11', '66% .17', '20% .06')}}`,
    `.c-${name}{--c:var(--d${name});--c-fill:var(--d${name}-fill);--c-tint:var(--d${name}-tint)}`,
    // A mark next to the hue, as the second five have theirs: two stripes.
    `.chip.c-${name}{background-image:linear-gradient(var(--c-tint) 30%,transparent 30% 70%,var(--c-tint) 70%)}`,
  ].join('\n');
}

function ofGuest(id: number): string {
  const name = tintOf(
      id,
      domains
        .peek()
        .map(domain => domain.id)
        .filter(each => each > 0),
    ),
    beyond = tints.get(id)! - TINTS.length + 1;
  for (; made < beyond; made++)
    document.head.append(Object.assign(document.createElement('style'), { textContent: rulesOf(TINTS.length + made) }));
  return name;
}

/** Domain-0 has a colour of its own. */
export const ownerClass = (id: number): string => (id === 0 ? 'c-d0' : `c-${ofGuest(id)}`);
/** The colour token of the same owner, for what is drawn on a canvas. */
export const ownerToken = (id: number): string => (id === 0 ? '--d0' : `--d${ofGuest(id)}`);
