/** Where a ring's slots lie, and where the names of its indices are so that no line crosses another. */

import type { Index } from './facts.ts';
import type { SlotState } from './slots.ts';

/** Of the picture's middle; radii of the ring's edges. */
export const CENTRE = 280,
  MIDDLE = 235,
  OUTER = 222,
  INNER = 154,
  /** From the middle of a mark to its edge. */
  MARK = 5,
  /** Between the mark of an index and its name. */
  BESIDE = 10,
  /** The arrow that tells which way indices grow, between ring and names: where it runs and how long it is. */
  ARROW = 233,
  WAY = 0.9,
  /** Names of indices are on a circle. */
  LABEL = 244;
const SIZE = 2 * CENTRE,
  /** Room at its left and right where no name needs more, and the width of a letter of names. */
  LEFT = -30,
  RIGHT = 104,
  LETTER = 8,
  /** Where the arrow may begin, the first that no name's line crosses, and how far it keeps from those. */
  WAYS = [-1.35, -2.4, -3.1, 0.1],
  CLEAR = 0.15,
  /** Distance between lines of names below each other (LINE), and what two slots' names have in addition (APART). */
  APART = 6,
  LINE = 24,
  /** How far the chosen slot may lie from the right. */
  MOST_TURN = 0.7,
  /** Between names and the line that leads to what is said of the chosen slot. */
  FREE = 12;
export const at = (angle: number, radius: number): [number, number] => [
  CENTRE + radius * Math.sin(angle),
  MIDDLE - radius * Math.cos(angle),
];
export const p = (angle: number, radius: number): string =>
  at(angle, radius)
    .map(value => value.toFixed(1))
    .join(' ');

/** Of the middle of a slot. */
const middleOf = (slot: number, slots: number, turn: number): number => ((slot + 0.5) * 2 * Math.PI) / slots + turn;

/**
 * The ring runs clockwise. It is turned so that the middle of the slots in use lies at the right, where all names have room, but no further than that the chosen
 * one is next to what is said of it.
 */
function turnOf(slots: readonly SlotState[], chosen: number): number {
  const count = slots.length,
    step = (2 * Math.PI) / count,
    isUsed = (i: number): boolean => slots[(i + count) % count] !== 'F';
  const first = slots.findIndex((_, i) => isUsed(i) && !isUsed(i - 1)),
    used = slots.filter((_, i) => isUsed(i)).length;
  const fromMiddle = first < 0 || !isUsed(chosen) ? 0 : (((chosen - first + count) % count) + 0.5 - used / 2) * step;
  return Math.PI / 2 - (chosen + 0.5) * step + Math.min(MOST_TURN, Math.max(-MOST_TURN, fromMiddle));
}

export function sector(i: number, slots: number, grow: number, turn: number): string {
  const step = (2 * Math.PI) / slots,
    gap = Math.min(0.012, step / 8),
    from = i * step + gap + turn,
    to = (i + 1) * step - gap + turn;
  return `M${p(from, OUTER + grow)}A${OUTER + grow} ${OUTER + grow} 0 0 1 ${p(to, OUTER + grow)}L${p(to, INNER - grow)}A${INNER - grow} ${INNER - grow} 0 0 0 ${p(from, INNER - grow)}Z`;
}

/** Indices at the same slot, whose edge is at `own`: their names are below each other. */
interface Group {
  indices: Index[];
  own: number;
}
/** A line leads from the slot's edge to the nearest mark of a group, and from each to the next of it (`fromY`). */
export interface Placed extends Index {
  own: number;
  x: number;
  y: number;
  isRight: boolean;
  isFirst: boolean;
  fromY: number;
}

const heightOf = ({ indices }: Group): number => (indices.length * LINE) / 2 + APART / 2;
/** Heights of names, each as near to its slot's as it can be: what is too near to what is above it moves down, and up again where that ends. */
function spread(groups: readonly Group[], first: number, last: number): number[] {
  const apart = (i: number): number => heightOf(groups[i]!) + heightOf(groups[i + 1]!),
    down: number[] = [];
  groups.forEach(({ own }, i) => {
    down[i] = Math.max(LABEL * (1 - Math.cos(own)), i > 0 ? down[i - 1]! + apart(i - 1) : first);
  });
  for (let i = groups.length - 1; i >= 0; i--)
    down[i] = Math.min(down[i]!, i + 1 < groups.length ? down[i + 1]! - apart(i) : last);
  return down;
}

/** Names are on the side of their slots, so that no line crosses another: at the right above and below the line that leads to what is said of the chosen slot. */
function placed(all: readonly Index[], slots: number, turn: number, lead: number): Placed[] {
  const whole = 2 * Math.PI;
  const bySlot = new Map<number, Index[]>();
  for (const index of all) {
    const slot = index.value & (slots - 1);
    bySlot.set(slot, [...(bySlot.get(slot) ?? []), index]);
  }
  const groups = [...bySlot]
    .map(([slot, indices]): Group => ({ indices, own: ((((slot * whole) / slots + turn) % whole) + whole) % whole }))
    .sort((a, b) => a.own - b.own);
  const above = groups.filter(({ own }) => own < lead),
    below = groups.filter(({ own }) => own >= lead && own < whole / 2),
    left = groups.filter(({ own }) => own >= whole / 2).reverse();
  const place = (side: readonly Group[], first: number, last: number): Placed[] => {
    const down = spread(side, first, last),
      isRight = side !== left;
    return side.flatMap(({ indices, own }, i) => {
      const ys = indices.map(
        (_, line) =>
          MIDDLE - LABEL + Math.min(2 * LABEL, Math.max(0, down[i]!)) + (line - (indices.length - 1) / 2) * LINE,
      );
      const out = Math.max(...ys.map(y => Math.sqrt(Math.max(0, LABEL ** 2 - (y - MIDDLE) ** 2)))),
        edgeY = at(own, OUTER)[1],
        away = ys.map(y => Math.abs(y - edgeY)),
        first = away.indexOf(Math.min(...away));
      return indices.map((index, line) => ({
        ...index,
        own,
        x: CENTRE + (isRight ? out : -out),
        y: ys[line]!,
        isRight,
        isFirst: line === first,
        fromY: ys[line - Math.sign(line - first)]!,
      }));
    });
  };
  const leadDown = LABEL - OUTER * Math.cos(lead);
  const gap = (group: Group | undefined): number => (group ? heightOf(group) + FREE : 0);
  // Of several names the first or last one is to lie within the picture, too.
  const inside = (group: Group | undefined): number => (group ? ((group.indices.length - 1) * LINE) / 2 : 0);
  return [
    ...place(above, inside(above[0]), leadDown - gap(above.at(-1))),
    ...place(below, leadDown + gap(below[0]), 2 * LABEL - inside(below.at(-1))),
    ...place(left, inside(left[0]), 2 * LABEL - inside(left.at(-1))),
  ];
}

/** Positions of everything of a ring whose slot `chosen` is explained. */
export interface RingLayout {
  /** Angles: that the ring is turned by, of the chosen slot's middle, and where the arrow of growth begins. */
  turn: number;
  lead: number;
  way: number;
  names: Placed[];
  /** The picture's edges, where all names have room. */
  left: number;
  right: number;
}
export function layoutOf(slots: readonly SlotState[], indices: readonly Index[], chosen: number): RingLayout {
  const turn = turnOf(slots, chosen),
    lead = middleOf(chosen, slots.length, turn),
    names = placed(indices, slots.length, turn, lead),
    whole = 2 * Math.PI;
  const crossed = names.flatMap(({ own, x, y }) => [own, Math.atan2(x - CENTRE, MIDDLE - y)]);
  const isFree = (from: number): boolean =>
    crossed.every(angle => (((angle - from + CLEAR) % whole) + whole) % whole > WAY + 2 * CLEAR);
  const reach = names.map(
    ({ name, value, x, isRight }) => (isRight ? x : -x) + BESIDE + LETTER * `${name} ${value}`.length,
  );
  return {
    turn,
    lead,
    way: WAYS.find(isFree) ?? WAYS[0]!,
    names,
    left: Math.max(LEFT, ...reach.filter((_, i) => !names[i]!.isRight)),
    right: Math.max(SIZE + RIGHT, ...reach.filter((_, i) => names[i]!.isRight)),
  };
}
