/** The map: a cell a MiB, and from the chosen one lines between the cells to its frames below. */

import { mediaSignal, PHONE } from '../../media.ts';
import type { Shown } from '../inspector.ts';
import { type Cell, type Data, FRAMES } from './facts.ts';
import {
  columnsNamed,
  GAP,
  layoutOf,
  lettered,
  type MapLayout,
  type Run,
  rowsNamed,
  runsOf,
  stripesOf,
} from './map-layout.ts';
import { classOf, ownerName, plateOf, XEN } from './owners.ts';
import { words } from './words.ts';

/** Names of rows are next to the map and names of columns above it; lines lead below it to a cell's frames. */
const LEFT = 52,
  HEAD = 17,
  ZOOM = 16,
  /** Of a stripe, which would not be seen. */
  NARROWEST = 1.2;
const narrow = mediaSignal(PHONE);

/** A second mark next to the hue: lines in one of five directions through a tile, one guest after the other. */
const HATCHES: readonly ((w: number, h: number) => string)[] = [
  (w, h) => `M0 ${h / 2}h${w}`,
  (w, h) => `M${w / 2} 0v${h}`,
  (w, h) => `M${-w / 2} ${h}L${w} ${-h / 2}M0 ${1.5 * h}L${1.5 * w} 0`,
  (w, h) => `M${-w / 2} 0L${w} ${1.5 * h}M0 ${-h / 2}L${1.5 * w} ${h}`,
  (w, h) => `M0 ${h / 2}h${w}M${w / 2} 0v${h}`,
];

type ShownMap = Pick<Shown<Data>, 'data' | 'choose'> & { cell: number; counts: Uint16Array | undefined };

export function MemoryMap({ data: { cells }, choose, cell, counts }: ShownMap) {
  const layout = layoutOf(cells.length, narrow.value),
    { across, side, high, wide, tall, rows } = layout,
    runs = runsOf(cells, layout);
  const onKeyDown = (event: KeyboardEvent): void => {
    const to = { ArrowRight: cell + 1, ArrowLeft: cell - 1, ArrowDown: cell + across, ArrowUp: cell - across }[
      event.key
    ];
    if (to === undefined) return;
    event.preventDefault();
    choose(`m${Math.max(0, Math.min(cells.length - 1, to))}`);
  };
  const onClick = (event: MouseEvent): void => {
    const box = (event.currentTarget as SVGSVGElement).getBoundingClientRect(),
      scale = (LEFT + wide) / box.width;
    const at = Math.floor(((event.clientX - box.left) * scale - LEFT) / side),
      line = Math.floor(((event.clientY - box.top) * scale - HEAD) / high);
    if (at >= 0 && at < across && line >= 0 && line * across + at < cells.length) choose(`m${line * across + at}`);
  };
  return (
    <svg
      viewBox={`${-LEFT} ${-HEAD} ${LEFT + wide} ${HEAD + tall + ZOOM}`}
      class={`memsvg${counts ? ' faded' : ''}`}
      tabIndex={0}
      role="img"
      aria-label={`${words.map}. MiB ${cell}: ${ownerName(cells[cell]!.owner)}`}
      onKeyDown={onKeyDown}
      onClick={onClick}
    >
      <Hatches layout={layout} />
      <Axes layout={layout} cell={cell} />
      <Owners cells={cells} runs={runs} layout={layout} />
      {counts && <Counts cells={cells} counts={counts} layout={layout} />}
      <path
        d={Array.from({ length: across - 1 }, (_, i) => `M${(i + 1) * side - GAP / 2} 0v${rows * high}`).join('')}
        stroke="var(--bg)"
        stroke-width={GAP}
      />
      <Plates runs={runs} layout={layout} />
      <Chosen layout={layout} cell={cell} />
    </svg>
  );
}

interface Part {
  layout: MapLayout;
}

const Hatches = ({ layout: { side, high, tiles } }: Part) => (
  <defs>
    {HATCHES.map((lines, i) => (
      <pattern
        key={i}
        id={`own-${i}`}
        x={-GAP / 2}
        width={side / tiles}
        height={high / tiles}
        patternUnits="userSpaceOnUse"
      >
        <path d={lines(side / tiles, high / tiles)} class="hatch" />
      </pattern>
    ))}
  </defs>
);

const Axes = ({ layout, cell }: Part & { cell: number }) => (
  <>
    {columnsNamed(layout, cell).map(column => (
      <text key={column} x={(column * layout.wide) / layout.across + 1} y="-5" class="m">
        +{column}
      </text>
    ))}
    {rowsNamed(layout, cell).map(row => (
      <text key={row} x="-9" y={row * layout.high + layout.high / 2 + 4} text-anchor="end" class="m">
        {row * layout.across} M
      </text>
    ))}
  </>
);

/** Runs of cells in their owners' colours, and stripes of those who own most of no cell. */
function Owners({
  cells,
  runs,
  layout: { side, high, x, y },
}: Part & { cells: readonly Cell[]; runs: readonly Run[] }) {
  const Fill = ({ owner, from, width }: { owner: number; from: [x: number, y: number]; width: number }) => (
    <g class={classOf(owner)}>
      <rect x={from[0]} y={from[1]} width={width} height={high - GAP} class="own" />
      {owner >= 0 && owner !== XEN && (
        <rect x={from[0]} y={from[1]} width={width} height={high - GAP} fill={`url(#own-${owner % HATCHES.length})`} />
      )}
    </g>
  );
  return (
    <>
      {runs.map(({ from, to, owner }) => (
        <Fill key={from} owner={owner} from={[x(from), y(from)]} width={(to - from + 1) * side - GAP} />
      ))}
      {stripesOf(cells, FRAMES).map(({ cell, owner, from, part }) => (
        <Fill
          key={`${cell}.${owner}`}
          owner={owner}
          from={[x(cell) + from * (side - GAP), y(cell)]}
          width={Math.max(NARROWEST, part * (side - GAP))}
        />
      ))}
    </>
  );
}

/** Of what the view counts: the more of it lies in a cell, the stronger its colour. */
function Counts({
  cells,
  counts,
  layout: { side, high, x, y },
}: Part & { cells: readonly Cell[]; counts: Uint16Array }) {
  const top = Math.max(1, ...counts);
  return (
    <>
      {cells.map(
        ({ owner }, i) =>
          counts[i]! > 0 && (
            <rect
              key={i}
              x={x(i)}
              y={y(i)}
              width={side - GAP}
              height={high - GAP}
              class={`cnt ${classOf(owner)}`}
              fill-opacity={0.25 + 0.75 * Math.sqrt(counts[i]! / top)}
            />
          ),
      )}
    </>
  );
}

const Plates = ({ runs, layout }: Part & { runs: readonly Run[] }) => (
  <>
    {lettered(runs, layout, owner => plateOf(owner).length).map(({ from, owner }) => {
      const middle = layout.y(from) + (layout.high - GAP) / 2;
      return (
        <g key={from} class={classOf(owner)}>
          <rect
            x={layout.x(from) + 2.5}
            y={middle - 5.5}
            width={plateOf(owner).length * 7 + 5}
            height="11"
            rx="2"
            class="plate"
          />
          <text x={layout.x(from) + 5} y={middle + 3.7} class="m pl">
            {plateOf(owner)}
          </text>
        </g>
      );
    })}
  </>
);

/** The cell whose frames are listed below: its frame, its names, and the lines that lead there. */
function Chosen({ layout: { across, side, high, wide, tall, x, y }, cell }: Part & { cell: number }) {
  const column = cell % across,
    row = Math.floor(cell / across),
    left = column * side - GAP / 2,
    right = (column + 1) * side - GAP / 2,
    under = (row + 1) * high;
  return (
    <>
      <g class="lead">
        <path d={`M${left} ${tall}L0 ${tall + ZOOM}H${wide}L${right} ${tall}z`} class="fan" />
        <path d={`M${left} ${under}V${tall}L0 ${tall + ZOOM}M${right} ${under}V${tall}L${wide} ${tall + ZOOM}`} />
      </g>
      <rect x={left} y={row * high} width={side} height={high} rx="1.5" class="here" />
      <g class="at">
        <text x="-9" y={y(cell) + (high - GAP) / 2 + 4} text-anchor="end" class="m">
          {row * across} M
        </text>
        <text x={x(cell) + (side - GAP) / 2} y="-5" text-anchor="middle" class="m">
          +{column}
        </text>
      </g>
    </>
  );
}
