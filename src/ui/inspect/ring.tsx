/** A device's ring as a picture: who has to move which slot, the indices, and what a request names: grant, guest frame, machine frame. */

import { signal } from '@preact/signals';
import type { RefObject } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import type { RingFacts } from '../../dom0/service/index.ts';
import { host } from '../host.ts';
import { Chip, ownerClass } from '../parts/marks.tsx';
import { inspector, WhyBox } from './frame.tsx';
import type { Shown, Target, Why } from './inspector.ts';
import { lastIn, type SlotState, slotStates } from './ring-slots.ts';
import { grantsOf, type GrantEntry, portsOf, type PortView } from '../../hypervisor/interfaces/xen/view/index.ts';

const words = {
  nothing:
    'No paravirtual device of this guest is connected, so there is no ring. What it does with emulated devices stands under Exits.',
  ring: 'Ring',
  indices: 'Indices',
  columns: ['Name', 'Value', 'Slot', 'Written by', 'Lives'],
  inRing: 'in the ring page',
  own: 'in its own memory',
  frontend: 'frontend',
  backend: 'backend',
  within: 'known by bounds',
  orMore: (n: number) => `≥ ${n}`,
  orLess: (n: number) => `≤ ${n}`,
  between: (from: number, to: number) => (from === to ? `${to}` : `${from}–${to}`),
  caption: (slots: number) => `Indices only grow. Slot = index mod ${slots}.`,
  foundAt: (address: string) => `in its own memory, ${address}`,
  foundHow:
    'Its structure of io/ring.h was found in its memory by the number of slots and the address of the ring’s page. It is read with the ring, at each look.',
  waits: 'wait for Domain-0',
  taken: 'in Domain-0’s hands',
  answered: 'answered, unread',
  drafted: 'drafted, not pushed',
  free: 'free',
  states: {
    D: 'drafted, not pushed',
    W: 'waits for Domain-0',
    T: 'in Domain-0’s hands',
    A: 'answered, unread',
    F: 'free',
  },
  slots: (n: number) => `${n} slots`,
  slotName: (n: number) => `Slot ${n}`,
  slot: (n: number, what: string, index: number) => `Slot ${n}, ${what} ${index}`,
  request: 'request',
  draft: 'draft of request',
  reply: 'response',
  slotEmpty: (n: number) => `Slot ${n}, not used yet`,
  left: 'Read by the frontend: the slot is free for its next request.',
  response: 'The response lies over its request.',
  more: (n: number) => (n === 1 ? 'One more segment follows.' : `${n} more segments follow.`),
  gref: 'grant table',
  gfn: 'guest frame',
  mfn: 'machine frame',
  noGrant: 'not granted any more',
  readonly: 'read-only',
  writable: 'read and write',
  mappedBy: (id: number) => `in use by domain ${id}`,
  unmapped: 'nobody uses it now',
  ringPage: (ref: number, entry: GrantEntry | undefined) =>
    `The ring’s page: gref ${ref}${entry ? `, guest frame 0x${entry.frame.toString(16)}` : ''}.`,
  since: 'Since it was connected',
  requests: 'Requests, answers',
  sent: 'Events sent',
  saved: 'Events saved',
  port: (n: number) => `port ${n}`,
  toBack: 'frontend → Domain-0',
  toFront: 'Domain-0 → frontend',
  perEvent: 'Requests per event',
  pending: 'event pending',
  frontMoves: 'frontend moves next',
  backMoves: 'Domain-0 moves next',
  shared: 'shared index',
  priv: 'private index',
  wake: 'wake me here',
  page: 'The granted page as it is now. Domain-0 may use it until the grant ends.',
};
const EVERY_MS = 250;

/** Which of the guest's rings is looked at. */
const shownRing = signal('');

interface Index {
  name: string;
  value: number;
  by: 'frontend' | 'backend';
  kind: 'shared' | 'private' | 'wake';
  address?: number;
}
interface Data {
  rings: RingFacts[];
  ring: RingFacts;
  slots: SlotState[];
  indices: Index[];
  /** What the frontend keeps to itself, as far as the others tell, where it was not found. */
  unseen: [name: string, value: string][];
  counts: Record<SlotState, number>;
  grants: ReadonlyMap<number, GrantEntry>;
  port: PortView | undefined;
}

function open({ session, machine }: Target) {
  return {
    async look(): Promise<Data | undefined> {
      if (!session) return undefined;
      const rings = await host.inspect('rings', session.id);
      const ring = rings.find(({ key }) => key === shownRing.value) ?? rings[0];
      if (!ring) return undefined;
      const slots = slotStates(ring);
      const domain = machine?.domain(session.id);
      const indices: Index[] = [
        { name: 'req_prod', value: ring.reqProd, by: 'frontend', kind: 'shared' },
        { name: 'req_event', value: ring.reqEvent, by: 'backend', kind: 'wake' },
        { name: 'rsp_prod', value: ring.rspProd, by: 'backend', kind: 'shared' },
        { name: 'rsp_event', value: ring.rspEvent, by: 'frontend', kind: 'wake' },
        { name: 'req_cons', value: ring.reqCons, by: 'backend', kind: 'private' },
        { name: 'rsp_prod_pvt', value: ring.rspProdPvt, by: 'backend', kind: 'private' },
        ...(ring.front ? ownOf(ring.front) : []),
      ];
      const counts = { D: 0, W: 0, T: 0, A: 0, F: 0 };
      for (const state of slots) counts[state]++;
      return {
        rings,
        ring,
        slots,
        indices,
        unseen: ring.front ? [] : unseenOf(ring),
        counts,
        grants: new Map((grantsOf(domain)?.entries ?? []).map(entry => [entry.ref, entry])),
        port: portsOf(domain).find(({ port }) => port === ring.port),
      };
    },
  };
}

/** As they lie in struct __name##_front_ring: req_prod_pvt first. */
const ownOf = ({ rspCons, reqProdPvt, address }: NonNullable<RingFacts['front']>): Index[] => [
  { name: 'rsp_cons', value: rspCons, by: 'frontend', kind: 'private', address: address + 4 },
  { name: 'req_prod_pvt', value: reqProdPvt, by: 'frontend', kind: 'private', address },
];
const livesIn = ({ kind, address }: Index): string =>
  kind !== 'private'
    ? words.inRing
    : address === undefined
      ? words.own
      : words.foundAt(`0x${(address >>> 0).toString(16)}`);

/**
 * RING_FINAL_CHECK_FOR_RESPONSES leaves rsp_event at rsp_cons + 1, and rsp_cons only grows, up to rsp_prod. Linux's netfront asks to be woken half way through
 * what it has sent: of its ring to send only the upper bound is known. What is pushed was made: req_prod_pvt is never behind req_prod.
 */
function unseenOf({ key, rspEvent, rspProd, reqProd }: RingFacts): Data['unseen'] {
  const behind = (rspProd - rspEvent + 1) | 0;
  return [
    ['req_prod_pvt', words.orMore(reqProd)],
    [
      'rsp_cons',
      key.endsWith(' tx') || behind < 0 ? words.orLess(rspProd) : words.between((rspEvent - 1) >>> 0, rspProd),
    ],
  ];
}

const SIZE = 560,
  CENTRE = SIZE / 2,
  MIDDLE = 235,
  OUTER = 222,
  INNER = 154,
  /** Room at its left and right where no name needs more, and the width of a letter of names. */
  LEFT = -30,
  RIGHT = 104,
  LETTER = 8,
  /** From the middle of a mark to its edge. */
  MARK = 5,
  /** Between the mark of an index and its name. */
  BESIDE = 10,
  /** The arrow that tells which way indices grow: between ring and names. */
  ARROW = 233,
  /** How long it is, where it may begin, the first that no name's line crosses, and how far it keeps from those. */
  WAY = 0.9,
  WAYS = [-1.35, -2.4, -3.1, 0.1],
  CLEAR = 0.15,
  /** Names of indices stand on a circle, lines of names this far below each other, and those of two slots so much more. */
  LABEL = 244,
  APART = 6,
  LINE = 24,
  /** Half the height of four counts in the middle. */
  HALF = 42,
  /** Of their letters, left of the middle: beside three digits. */
  PLATE = 88,
  /** How far the chosen slot may lie from the right. */
  MOST_TURN = 0.7,
  /** Between names and the line that leads to what is said of the chosen slot. */
  FREE = 12;
const at = (angle: number, radius: number): [number, number] => [
  CENTRE + radius * Math.sin(angle),
  MIDDLE - radius * Math.cos(angle),
];
const p = (angle: number, radius: number): string =>
  at(angle, radius)
    .map(value => value.toFixed(1))
    .join(' ');

/**
 * The ring runs clockwise. It is turned so that the middle of the slots in use lies at the right, where all names have room, but no further than that the chosen
 * one is beside what is said of it.
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

function sector(i: number, slots: number, grow: number, turn: number): string {
  const step = (2 * Math.PI) / slots,
    gap = Math.min(0.012, step / 8),
    from = i * step + gap + turn,
    to = (i + 1) * step - gap + turn;
  return `M${p(from, OUTER + grow)}A${OUTER + grow} ${OUTER + grow} 0 0 1 ${p(to, OUTER + grow)}L${p(to, INNER - grow)}A${INNER - grow} ${INNER - grow} 0 0 0 ${p(from, INNER - grow)}Z`;
}

/** Indices at the same slot, whose edge is at `own`: their names stand below each other. */
interface Group {
  indices: Index[];
  own: number;
}
/** A line leads from the slot's edge to the nearest mark of a group, and from each to the next of it (`fromY`). */
interface Placed extends Index {
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

/** Names stand on the side of their slots, so that no line crosses another: at the right above and below the line that leads to what is said of the chosen slot. */
function placed(all: readonly Index[], slots: number, turn: number, lead: number): Placed[] {
  const whole = 2 * Math.PI;
  const groups = [...Map.groupBy(all, ({ value }) => value & (slots - 1))]
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

/** What lies in such a slot is a request. */
const asks = (state: SlotState): boolean => state === 'W' || state === 'T' || state === 'D';

/** Unless one is chosen: that which Domain-0 takes next, or has taken last, or has answered last. */
function slotChosen({ data: { ring, slots }, chosen }: Shown<Data>): number {
  if (/^\d+$/.test(chosen) && Number(chosen) < ring.slots) return Number(chosen);
  const next = ring.reqCons & (ring.slots - 1),
    taken = (ring.reqCons - 1) & (ring.slots - 1);
  return slots[next] === 'W' ? next : slots[taken] === 'T' ? taken : (ring.rspProdPvt - 1) & (ring.slots - 1);
}

/** Leads from the chosen slot to what is said of it, where that stands beside it: where its text came to lie shows when it is there. */
function useLeader(box: RefObject<HTMLDivElement | null>): void {
  useLayoutEffect(() => {
    const draw = (): void => {
      const svg = box.current?.querySelector<SVGSVGElement>('.ringsvg'),
        heading = box.current?.querySelector('.rslot h3'),
        line = svg?.querySelector('.lead');
      if (!svg || !heading || !line) return;
      const { left, top, right, width } = svg.getBoundingClientRect(),
        there = heading.getBoundingClientRect(),
        {
          viewBox: { baseVal: view },
        } = svg,
        unit = view.width / width;
      const x = view.x + (there.left - left - 6) * unit,
        y = view.y + ((there.top + there.bottom) / 2 - top) * unit;
      line.setAttribute(
        'd',
        width > 0 && there.left > right
          ? `M${line.getAttribute('data-from')}H${view.x + view.width}L${x.toFixed(1)} ${y.toFixed(1)}`
          : '',
      );
    };
    draw();
    addEventListener('resize', draw);
    return () => removeEventListener('resize', draw);
  });
}

/** The ring beside what one slot holds; below: what its events save, and why. */
function Figure(shown: Shown<Data>) {
  const box = useRef<HTMLDivElement>(null);
  useLeader(box);
  return (
    <div class="rngv" ref={box}>
      <Ring {...shown} />
      <div class="idet">
        <Detail {...shown} />
      </div>
      <Events {...shown} />
      <WhyBox why={why(shown)} />
    </div>
  );
}

function Ring(shown: Shown<Data>) {
  const { data, choose, target } = shown,
    { ring, slots, indices, counts } = data,
    { slots: count } = ring;
  const chosen = slotChosen(shown),
    owner = ownerClass(target.session?.id ?? 0),
    few = count <= 64,
    turn = turnOf(slots, chosen),
    lead = ((chosen + 0.5) * 2 * Math.PI) / count + turn,
    names = placed(indices, count, turn, lead);
  const crossed = names.flatMap(({ own, x, y }) => [own, Math.atan2(x - CENTRE, MIDDLE - y)]);
  const way =
    WAYS.find(from =>
      crossed.every(
        angle => (((angle - from + CLEAR) % (2 * Math.PI)) + 2 * Math.PI) % (2 * Math.PI) > WAY + 2 * CLEAR,
      ),
    ) ?? WAYS[0]!;
  const lines = (
    [
      ['W', words.waits],
      ['T', words.taken],
      ['A', words.answered],
      ['D', words.drafted],
    ] as const
  ).filter(([state]) => state !== 'D' || ring.front);
  const reach = names.map(
    ({ name, value, x, isRight }) => (isRight ? x : -x) + BESIDE + LETTER * `${name} ${value}`.length,
  );
  const left = Math.max(LEFT, ...reach.filter((_, i) => !names[i]!.isRight)),
    right = Math.max(SIZE + RIGHT, ...reach.filter((_, i) => names[i]!.isRight));
  const onKeyDown = (event: KeyboardEvent): void => {
    const to = {
      ArrowRight: chosen + 1,
      ArrowDown: chosen + 1,
      ArrowLeft: chosen - 1,
      ArrowUp: chosen - 1,
      Home: 0,
      End: count - 1,
    }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    choose(String(((to % count) + count) % count));
  };
  return (
    <div class={`col rng ${owner}`}>
      {data.rings.length > 1 && (
        <div class="seg" role="group" aria-label={words.ring}>
          {data.rings.map(({ key, name }) => (
            <button
              key={key}
              aria-pressed={key === ring.key}
              onClick={() => {
                shownRing.value = key;
                choose('');
              }}
            >
              {name}
            </button>
          ))}
        </div>
      )}
      <figure>
        <div
          class="ringw"
          tabIndex={0}
          role="group"
          aria-label={`${ring.name}: ${counts.W} ${words.waits}, ${counts.T} ${words.taken}, ${counts.A} ${words.answered}, ${ring.front ? `${counts.D} ${words.drafted}, ` : ''}${counts.F} ${words.free}. ${words.slotName(chosen)}`}
          onKeyDown={onKeyDown}
        >
          <svg
            viewBox={`${-left} ${MIDDLE - LABEL - 4} ${left + right} ${2 * LABEL + 22}`}
            class="ringsvg"
            aria-hidden="true"
          >
            <defs>
              <pattern id="hatch" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
                <rect width="5" height="5" fill="var(--d0-tint)" />
                <path d="M0 0v5" stroke="var(--d0)" stroke-width="2" />
              </pattern>
              <marker id="way" viewBox="0 0 10 10" refX="8" refY="5" markerWidth="9" markerHeight="9" orient="auto">
                <path d="M1 1l7 4l-7 4" fill="none" stroke="var(--text-2)" stroke-width="1.4" />
              </marker>
            </defs>
            {slots.map((state, i) => (
              <path
                key={i}
                d={sector(i, count, i === chosen ? 4 : 0, turn)}
                class={`sl-${state}${i === chosen ? ' on' : ''}`}
                onClick={() => choose(String(i))}
              />
            ))}
            {slots.map((state, i) => {
              const [x, y] = at(((i + 0.5) * 2 * Math.PI) / count + turn, (OUTER + INNER) / 2),
                [nx, ny] = at(((i + 0.5) * 2 * Math.PI) / count + turn, INNER - 14);
              return (
                <g key={i}>
                  {few && state !== 'F' && (
                    <>
                      <circle cx={x} cy={y} r="10" fill="var(--panel)" stroke="var(--edge)" stroke-width=".6" />
                      <text x={x} y={y + 4} text-anchor="middle" class="pl">
                        {state}
                      </text>
                    </>
                  )}
                  {(few || i % 32 === 0) && (
                    <text x={nx} y={ny + 4} text-anchor="middle" class="m">
                      {i}
                    </text>
                  )}
                </g>
              );
            })}
            <path
              d={`M${p(way, ARROW)}A${ARROW} ${ARROW} 0 0 1 ${p(way + WAY, ARROW)}`}
              class="way"
              marker-end="url(#way)"
            />
            <path class="lead" data-from={p(lead, OUTER + 4)} />
            {names.map(({ name, value, kind, by, own, x, y, isRight, isFirst, fromY }) => {
              const colour = by === 'frontend' ? 'var(--c)' : 'var(--d0)';
              return (
                <g key={name}>
                  <path
                    d={
                      isFirst
                        ? `M${p(own, INNER)}L${p(own, OUTER + 7)}L${x} ${y}`
                        : `M${x} ${fromY + MARK * Math.sign(y - fromY)}V${y - MARK * Math.sign(y - fromY)}`
                    }
                    fill="none"
                    stroke={colour}
                    stroke-width="1.5"
                    stroke-dasharray={kind === 'wake' ? '3 2' : undefined}
                  />
                  {kind === 'wake' ? (
                    <path d={`M${x} ${y - 5}l5 5l-5 5l-5 -5z`} fill="var(--panel)" stroke={colour} stroke-width="1.5" />
                  ) : (
                    <circle
                      cx={x}
                      cy={y}
                      r="4.4"
                      fill={kind === 'shared' ? colour : 'var(--panel)'}
                      stroke={colour}
                      stroke-width="1.5"
                    />
                  )}
                  <text
                    x={isRight ? x + BESIDE : x - BESIDE}
                    y={y + 4}
                    text-anchor={isRight ? 'start' : 'end'}
                    class="m ix"
                  >
                    <tspan class={kind === 'shared' ? 'b' : ''}>{name}</tspan> {value}
                  </text>
                </g>
              );
            })}
            <text x={CENTRE} y={MIDDLE - HALF - 33} text-anchor="middle" class="hd">
              {ring.name}, {words.slots(count)}
            </text>
            {lines.map(([state, says], i) => {
              const y = MIDDLE - HALF + (i + (4 - lines.length) / 2) * 28;
              return (
                <g key={state}>
                  <circle
                    cx={CENTRE - PLATE}
                    cy={y}
                    r="9.5"
                    fill="var(--panel)"
                    stroke={state === 'A' || state === 'D' ? 'var(--c)' : 'var(--d0)'}
                    stroke-width="1.4"
                    stroke-dasharray={state === 'D' ? '3 2' : undefined}
                  />
                  <text x={CENTRE - PLATE} y={y + 4} text-anchor="middle" class="pl">
                    {state}
                  </text>
                  <text x={CENTRE - 36} y={y + 7} text-anchor="end" class="ct">
                    {counts[state]}
                  </text>
                  <text x={CENTRE - 28} y={y + 4} class="hd">
                    {says}
                  </text>
                </g>
              );
            })}
            <text x={CENTRE} y={MIDDLE + HALF + 41} text-anchor="middle" class="hd">
              {counts.F} {words.free}
            </text>
          </svg>
          <div class={`unroll${few ? '' : ' many'}`} aria-hidden="true">
            {slots.map((state, i) => (
              <span key={i} class={`us sl-${state}${i === chosen ? ' on' : ''}`} onClick={() => choose(String(i))}>
                <small>{i}</small>
                {state !== 'F' && <b>{state}</b>}
              </span>
            ))}
          </div>
        </div>
        <figcaption>{words.caption(count)}</figcaption>
        <div class="legend">
          <span>
            <i class={`chip ${owner}`} />
            {words.frontMoves}
          </span>
          <span>
            <i class="chip c-d0" />
            {words.backMoves}
          </span>
          <span>
            <i class="pin" />
            {words.shared}
          </span>
          <span>
            <i class="pin o" />
            {words.priv}
          </span>
          <span>
            <i class="pin d" />
            {words.wake}
          </span>
        </div>
      </figure>
    </div>
  );
}

function Detail(shown: Shown<Data>) {
  const { data, target } = shown,
    { ring, slots, indices, grants } = data;
  const slot = slotChosen(shown),
    state = slots[slot]!,
    last = lastIn({ slots: ring.slots, reqProd: state === 'D' ? ring.front!.reqProdPvt : ring.reqProd }, slot),
    isUsed = last >= 0,
    isRequest = asks(state);
  const { fields, refs, isListed } = ring.requests[slot]!;
  return (
    <>
      <section>
        <h3>{words.indices}</h3>
        <table class="idxs">
          <thead>
            <tr>
              {words.columns.map((name, i) => (
                <th key={name} class={i === 1 || i === 2 ? 'num' : ''}>
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {indices.map(index => {
              const { name, value, by, address } = index;
              return (
                <tr key={name}>
                  <td class="m b">{name}</td>
                  <td class="m num">{value}</td>
                  <td class="m num">{value & (ring.slots - 1)}</td>
                  <td class="nw">
                    <Chip id={by === 'backend' ? 0 : (target.session?.id ?? 0)} /> {words[by]}
                  </td>
                  <td class="sec" title={address === undefined ? undefined : words.foundHow}>
                    {livesIn(index)}
                  </td>
                </tr>
              );
            })}
            {data.unseen.map(([name, value]) => (
              <tr key={name} class="dim">
                <td class="m">{name}</td>
                <td class="m num nw" colSpan={2}>
                  {value}
                </td>
                <td class="nw">
                  <Chip id={target.session?.id ?? 0} /> {words.frontend}
                </td>
                <td class="sec">{words.within}</td>
              </tr>
            ))}
          </tbody>
        </table>
        {ring.ringRefs.map(ref => (
          <p key={ref} class="cap-t">
            {words.ringPage(ref, grants.get(ref))}
          </p>
        ))}
      </section>
      <section
        class={`rslot ${state === 'A' || state === 'F' || state === 'D' ? ownerClass(target.session?.id ?? 0) : 'c-d0'}`}
      >
        <div class="row">
          <h3>
            {isUsed
              ? words.slot(slot, state === 'D' ? words.draft : isRequest ? words.request : words.reply, last)
              : words.slotEmpty(slot)}
          </h3>
          <span class="grow" />
          <span class="nw">
            <i class={`mk${state === 'D' ? ' dash' : ''}`}>{state}</i> <b>{words.states[state]}</b>
          </span>
        </div>
        {isUsed && (
          <>
            <dl class="kv">
              {(isRequest ? fields : ring.responses[slot]!).map(([name, value]) => (
                <>
                  <dt>{name}</dt>
                  <dd>{value}</dd>
                </>
              ))}
            </dl>
            {!isRequest && <p class="cap-t">{state === 'F' ? words.left : words.response}</p>}
            {isRequest &&
              refs
                .slice(0, 1)
                .map(({ ref, what }) => (
                  <Chain key={ref} target={target} entry={grants.get(ref)} gref={ref} what={what} />
                ))}
            {isRequest && refs.length > 1 && !isListed && <p class="cap-t">{words.more(refs.length - 1)}</p>}
          </>
        )}
      </section>
    </>
  );
}

function Events({ data: { ring, port } }: Shown<Data>) {
  return (
    <div>
      {ring.events && (
        <table class="pad">
          <thead>
            <tr>
              <th>
                {words.since}
                {port?.pending && `, ${words.pending}`}
              </th>
              <th class="num">{words.requests}</th>
              <th class="num">{words.sent}</th>
              <th class="num">{words.saved}</th>
              <th class="num">{words.perEvent}</th>
            </tr>
          </thead>
          <tbody>
            {(
              [
                [words.toBack, ring.reqProd, ring.events.heard],
                [words.toFront, ring.rspProd, ring.events.sent],
              ] as const
            ).map(([way, requests, events]) => (
              <tr key={way}>
                <td class="nw">
                  {way}, {words.port(ring.port)}
                </td>
                <td class="num m">{requests}</td>
                <td class="num m">{events}</td>
                <td class="num m">{Math.max(0, requests - events)}</td>
                <td class="num m b">{events === 0 ? '–' : (requests / events).toFixed(1)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </div>
  );
}

/** A grant, the guest's frame behind it, the machine's behind that; what is in a page of requests. The ring's own begins with the indices, which stand above. */
function Chain({
  target,
  entry,
  gref,
  what,
}: {
  target: Target;
  entry: GrantEntry | undefined;
  gref: number;
  what: string;
}) {
  const domain = target.session && target.machine?.domain(target.session.id);
  const mfn = entry && (entry.use?.mfn ?? domain?.p2m(entry.frame)?.mfn);
  const lines =
    mfn !== undefined && mfn >= 0 && target.machine
      ? [0, 16].map(from => hexLine(target.machine!.memory, mfn * 4096, from))
      : undefined;
  return (
    <div>
      <ol class="chain">
        <li class={target.session && ownerClass(target.session.id)}>
          <small>{words.gref}</small>
          <b>gref {gref}</b>
          <span>
            {entry ? `${entry.readonly ? words.readonly : words.writable}, to dom ${entry.domid}` : words.noGrant}
          </span>
        </li>
        {entry && (
          <li class={target.session && ownerClass(target.session.id)}>
            <small>{words.gfn}</small>
            <b>0x{entry.frame.toString(16)}</b>
            <span>{what}</span>
          </li>
        )}
        {mfn !== undefined && (
          <li class="c-hv">
            <small>{words.mfn}</small>
            <b>0x{mfn.toString(16)}</b>
            <span>{entry?.use ? words.mappedBy(entry.use.user) : words.unmapped}</span>
          </li>
        )}
      </ol>
      {lines && (
        <>
          <pre class="hexline m" tabIndex={0}>
            {lines.join('\n')}
          </pre>
          <p class="cap-t">{words.page}</p>
        </>
      )}
    </div>
  );
}

/** As `hexdump -C` has it: where, 16 bytes, and what of them is ASCII. */
function hexLine(memory: { byte(address: number): number }, page: number, from: number): string {
  const bytes = Array.from({ length: 16 }, (_, i) => memory.byte(page + from + i)),
    hex = bytes.map(byte => byte.toString(16).padStart(2, '0'));
  return `${from.toString(16).padStart(4, '0')}  ${hex.slice(0, 8).join(' ')}  ${hex.slice(8).join(' ')}  ${bytes.map(byte => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('')}`;
}

function why({ data: { ring } }: Shown<Data>): Why {
  const next = (ring.reqProd + 1) >>> 0,
    source = 'xen/include/public/io/ring.h, RING_PUSH_REQUESTS_AND_CHECK_NOTIFY';
  const distance = (ring.reqEvent - ring.reqProd) | 0;
  if (distance === 1)
    return {
      question: 'Would the next push send an event?',
      answer: `Yes. It moves req_prod from ${ring.reqProd} to ${next}, past req_event, which is ${ring.reqEvent}: Domain-0 has looked at all requests, sleeps, and wants to be woken.`,
      source,
    };
  if (distance <= 0)
    return {
      question: 'Would the next push send an event?',
      answer: `No. req_event is ${ring.reqEvent}, which req_prod has passed: the push that passed it rings, once, for all behind it. Domain-0 sets req_event anew in its final check, before it sleeps.`,
      source,
    };
  return {
    question: 'Would the next push send an event?',
    answer: `Not with one request: Domain-0 wants to be woken at ${ring.reqEvent}, when ${distance} more are there.`,
    source,
  };
}

export const Rings = inspector<Data>({
  everyMs: EVERY_MS,
  nothing: words.nothing,
  open,
  Figure,
  why: () => undefined,
  tables: ({ ring, slots, indices, unseen }) => [
    {
      name: words.indices,
      columns: words.columns,
      rows: indices
        .map(index => [index.name, index.value, index.value & (ring.slots - 1), index.by, livesIn(index)])
        .concat(unseen.map(([name, value]) => [name, value, '', 'frontend', words.within])),
    },
    {
      name: `${ring.name}: slots`,
      columns: ['Slot', 'State', 'Content', 'Grants'],
      rows: slots.map((state, i) => [
        i,
        words.states[state],
        (asks(state) ? ring.requests[i]!.fields : lastIn(ring, i) < 0 ? [] : ring.responses[i]!)
          .map(([name, value]) => `${name} ${value}`)
          .join('; '),
        ring.requests[i]!.refs.map(({ ref }) => ref).join(' '),
      ]),
    },
  ],
});
