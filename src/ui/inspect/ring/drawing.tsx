/** The ring as a picture: slots by whose turn they are, indices at them, and counts in the middle. */

import type { Shown } from '../inspector.ts';
import type { Data } from './facts.ts';
import {
  ARROW,
  at,
  BESIDE,
  CENTRE,
  INNER,
  LABEL,
  layoutOf,
  MARK,
  MIDDLE,
  OUTER,
  p,
  type Placed,
  sector,
  WAY,
} from './layout.ts';
import { words, wordsOf } from './words.ts';

/** Half the height of four counts in the middle. */
const HALF = 42,
  /** Of their letters, left of the middle: next to three digits. */
  PLATE = 88;

/** `isFew`: there is room for a letter and a number in each slot. */
export function RingDrawing({
  data,
  chosen,
  choose,
  isFew,
}: Pick<Shown<Data>, 'data' | 'choose'> & { chosen: number; isFew: boolean }) {
  const { slots, indices } = data,
    { turn, lead, way, names, left, right } = layoutOf(slots, indices, chosen);
  return (
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
          d={sector(i, slots.length, i === chosen ? 4 : 0, turn)}
          class={`sl-${state}${i === chosen ? ' on' : ''}`}
          onClick={() => choose(String(i))}
        />
      ))}
      <Letters slots={slots} turn={turn} isFew={isFew} />
      <path d={`M${p(way, ARROW)}A${ARROW} ${ARROW} 0 0 1 ${p(way + WAY, ARROW)}`} class="way" marker-end="url(#way)" />
      <path class="lead" data-from={p(lead, OUTER + 4)} />
      {names.map(name => (
        <Name key={name.name} {...name} />
      ))}
      <Counts data={data} />
    </svg>
  );
}

/** Of each slot whose turn it is, and its number. */
const Letters = ({ slots, turn, isFew }: { slots: Data['slots']; turn: number; isFew: boolean }) => (
  <>
    {slots.map((state, i) => {
      const [x, y] = at(((i + 0.5) * 2 * Math.PI) / slots.length + turn, (OUTER + INNER) / 2),
        [nx, ny] = at(((i + 0.5) * 2 * Math.PI) / slots.length + turn, INNER - 14);
      return (
        <g key={i}>
          {isFew && state !== 'F' && (
            <>
              <circle cx={x} cy={y} r="10" fill="var(--panel)" stroke="var(--edge)" stroke-width=".6" />
              <text x={x} y={y + 4} text-anchor="middle" class="pl">
                {state}
              </text>
            </>
          )}
          {(isFew || i % 32 === 0) && (
            <text x={nx} y={ny + 4} text-anchor="middle" class="m">
              {i}
            </text>
          )}
        </g>
      );
    })}
  </>
);

/** An index at its slot. */
function Name({ name, value, kind, by, own, x, y, isRight, isFirst, fromY }: Placed) {
  const colour = by === 'frontend' ? 'var(--c)' : 'var(--d0)';
  return (
    <g>
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
      <text x={isRight ? x + BESIDE : x - BESIDE} y={y + 4} text-anchor={isRight ? 'start' : 'end'} class="m ix">
        <tspan class={kind === 'shared' ? 'b' : ''}>{name}</tspan> {value}
      </text>
    </g>
  );
}

/** How many slots are whose turn. */
function Counts({ data: { ring, counts } }: { data: Data }) {
  const says = wordsOf(ring);
  const lines = (
    [
      ['W', says.waits],
      ['T', says.taken],
      ['A', words.answered],
      ['D', words.drafted],
    ] as const
  ).filter(([state]) => state !== 'D' || ring.front);
  return (
    <>
      <text x={CENTRE} y={MIDDLE - HALF - 33} text-anchor="middle" class="hd">
        {ring.name}, {words.slots(ring.slots)}
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
    </>
  );
}
