/** The layers of a type as boxes, and between them what crossed, each arrow with its count. */
import type { Read, TypeId } from './run.ts';
import { words } from './words.ts';

interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
  name: string;
  has?: string;
  owner: 'guest' | 'c-hv' | 'c-d0' | 'c-hw';
  /** Took no part. */
  isIdle?: boolean;
}
interface Arrow {
  from: [x: number, y: number];
  to: [x: number, y: number];
  count: number;
  says: string;
  /** There and back. */
  both?: boolean;
}

const WIDTH = 264,
  HEIGHT = 236,
  HALF = 124,
  RIGHT = WIDTH - HALF;
/** Rows of boxes: top and height. */
const TOP = { y: 18, height: 52 },
  MIDDLE = { y: 106, height: 56 },
  BOTTOM = { y: 202, height: 32 },
  /** Between two rows: a count is in the last gap that its arrow crosses. */
  GAP = MIDDLE.y - TOP.y - TOP.height;
const { boxes, arrows } = words;

const hardware: Box = { x: 0, ...BOTTOM, width: WIDTH, name: boxes.hardware, owner: 'c-hw' };
const guest = (has: string): Box => ({ x: RIGHT, ...TOP, width: HALF, name: boxes.guest, has, owner: 'guest' });
const beside = (name: string, has: string, isIdle = false): Box => ({
  x: 0,
  ...TOP,
  width: HALF,
  name,
  has,
  owner: 'c-d0',
  isIdle,
});
const below = (name: string, has: string): Box => ({ x: 0, ...MIDDLE, width: WIDTH, name, has, owner: 'c-hv' });

/** The layout. Of a hosted one the system is a layer more. */
const BOXES: Readonly<Record<TypeId, readonly Box[]>> = {
  hosted: [
    { ...guest(boxes.guestOf.drive), y: 2, height: 46 },
    { x: RIGHT, y: 82, height: 44, width: HALF, name: boxes.monitor, has: boxes.monitorHas, owner: 'c-hv' },
    { x: 0, y: 158, height: 44, width: WIDTH, name: boxes.system, has: boxes.systemHas, owner: 'c-hw' },
    { ...hardware, y: 208, height: 26 },
  ],
  xen: [beside(boxes.dom0, boxes.dom0Has), guest(boxes.guestOf.ring), below(boxes.xen, boxes.xenHas), hardware],
  esx: [
    beside(boxes.console, boxes.consoleHas, true),
    guest(boxes.guestOf.drive),
    below(boxes.vmkernel, boxes.vmkernelHas),
    hardware,
  ],
  kvm: [
    { ...beside(boxes.qemu, boxes.qemuHas), owner: 'c-hv' },
    guest(boxes.guestMode),
    below(boxes.linux, boxes.linuxHas),
    hardware,
  ],
};

const middleOf = (from: number, to: number): number => (to > from + GAP ? to - GAP / 2 : (from + to) / 2);

/** Those that happened. */
export function arrowsOf({ type, crossings }: Read): Arrow[] {
  const { exits, hypercalls, modelRequests, events, answers, calls, bytes, copies } = crossings,
    left = exits.reduce((sum, { count }) => sum + count, 0),
    guestX = RIGHT + 22;
  const all: Record<Read['type'], Arrow[]> = {
    hosted: [
      { from: [guestX, 48], to: [guestX, 82], count: left, says: arrows.exits(left), both: true },
      { from: [guestX, 126], to: [guestX, 158], count: calls, says: arrows.calls(calls), both: true },
    ],
    xen: [
      { from: [guestX, 70], to: [guestX, 106], count: hypercalls, says: arrows.hypercalls(hypercalls), both: true },
      { from: [28, 106], to: [28, 70], count: events, says: arrows.events(events) },
      { from: [80, 70], to: [80, 106], count: answers, says: arrows.answers(answers) },
      { from: [HALF, 44], to: [RIGHT, 44], count: copies.length, says: arrows.copy(bytes / 1024) },
      // Domain 0 drives the devices itself: Xen is not between.
      { from: [4, 70], to: [4, 202], count: calls, says: arrows.reads(calls), both: true },
    ],
    esx: [
      { from: [guestX, 70], to: [guestX, 106], count: left, says: arrows.exits(left), both: true },
      { from: [guestX, 162], to: [guestX, 202], count: calls, says: arrows.reads(calls), both: true },
    ],
    kvm: [
      { from: [guestX, 70], to: [guestX, 106], count: left, says: arrows.exits(left), both: true },
      { from: [14, 106], to: [14, 70], count: modelRequests, says: arrows.toQemu(modelRequests), both: true },
      { from: [96, 70], to: [96, 106], count: calls, says: arrows.reads(calls), both: true },
      { from: [HALF, 44], to: [RIGHT, 44], count: copies.length, says: arrows.copy(bytes / 1024) },
    ],
  };
  return all[type].filter(({ count }) => count > 0);
}

/** `read` undefined: nothing has happened yet, or here. */
export function Picture({ type, title, read }: { type: TypeId; title: string; read: Read | undefined }) {
  const drawn = read ? arrowsOf(read) : [],
    id = `ty-${type}`;
  return (
    <svg
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      role="img"
      aria-label={words.figure(
        title,
        drawn.map(({ says }) => says),
      )}
    >
      <defs>
        <marker
          id={id}
          viewBox="0 0 8 8"
          refX="7"
          refY="4"
          markerWidth="7"
          markerHeight="7"
          orient="auto-start-reverse"
        >
          <path d="M0 .5L7.5 4L0 7.5z" />
        </marker>
      </defs>
      {BOXES[type].map(({ x, y, width, height, name, has, owner, isIdle }) => (
        <g key={name} class={`${owner === 'guest' ? '' : owner}${isIdle ? ' idle' : ''}`}>
          <rect x={x + 0.5} y={y + 0.5} width={width - 1} height={height - 1} rx="3" />
          <text x={x + 9} y={y + (has ? height / 2 - 2 : height / 2 + 4)} class="b">
            {name}
          </text>
          {has && (
            <text x={x + 9} y={y + height / 2 + 14}>
              {has}
            </text>
          )}
        </g>
      ))}
      {drawn.map(({ from, to, says, both }) => {
        const isLevel = from[1] === to[1];
        return (
          <g key={says} class="cross-a">
            <path
              d={`M${from.join(' ')}L${to.join(' ')}`}
              marker-end={`url(#${id})`}
              marker-start={both ? `url(#${id})` : undefined}
            />
            <text
              x={isLevel ? (from[0] + to[0]) / 2 : from[0] + 7}
              y={isLevel ? TOP.y - 6 : middleOf(from[1], to[1]) + 4}
              text-anchor={isLevel ? 'middle' : 'start'}
            >
              {says}
            </text>
          </g>
        );
      })}
    </svg>
  );
}
