/** The picture of a schedule: a strip for each processor, below them a lane for each unit with its slices, its waiting and its credit; a line at the decision that is explained. */

import type { ComponentChildren } from 'preact';
import { ownerClass } from '../../owners.ts';
import { signed } from '../../units.ts';
import { type Credit, gathered, joined, type Run, type Turns } from '../runs.ts';

export interface Lane {
  unit: number;
  id: number;
  name: string;
  /** Below its name. */
  says: string;
  runs: readonly Run[];
  credit: readonly Credit[];
}
/** A line across the picture. */
interface Mark {
  ns: number;
  label: string;
  isStrong: boolean;
}

interface ScheduleProps {
  label: string;
  fromNs: number;
  toNs: number;
  pcpus: number;
  runs: readonly Run[];
  lanes: readonly Lane[];
  /** Credits that an accounting hands out, for each pCPU. */
  handedOut: number;
  marks: readonly Mark[];
  /** The decision that is explained. */
  at: { timeNs: number; pcpu: number; to: number } | undefined;
  choose(run: Run): void;
}

const WIDE = 760,
  LEFT = 104,
  /** What follows a credit line: its scale. */
  RIGHT = 40,
  STRIP = 31,
  STRIP_HIGH = 24,
  STRIPS_AT = 22,
  /** What a lane takes at most and at least, and what all have together where they are between that. */
  LANE = 64,
  LANE_LOW = 47,
  LANES = 342,
  /** Of the highest slice in a lane; from there to the top of its credit. */
  SLICE = 18,
  GAP = 8,
  /** Narrower slices in a row are one block; a slice is drawn this wide at least. */
  SHORT = 5,
  NARROWEST = 1.4,
  LETTER_WIDE = 6.7,
  /** Longest name next to a lane. */
  LETTERS = 13;
const words = {
  pcpu: (n: number) => `pCPU ${n}`,
  ms: 'ms',
  /** The longest that fits. */
  turns: (n: number) => [`${n} short turns`, `${n} turns`, `${n}`],
  turnsOf: (n: number, who: string) => `${n} short turns: ${who}`,
};

/** A time's place across the picture. */
type Across = (ns: number) => number;

export function Schedule({ label, fromNs, toNs, pcpus, runs, lanes, handedOut, marks, at, choose }: ScheduleProps) {
  const span = toNs - fromNs,
    x = (ns: number): number => LEFT + (Math.min(span, Math.max(0, ns - fromNs)) / span) * (WIDE - LEFT - RIGHT);
  const scale = creditScale(lanes, handedOut),
    laneHigh = Math.min(LANE, Math.max(LANE_LOW, Math.floor(LANES / lanes.length))),
    top = STRIPS_AT + pcpus * STRIP + 12,
    height = top + lanes.length * laneHigh - 4;
  const isAt = (run: Run): boolean =>
    at !== undefined && run.pcpu === at.pcpu && run.unit === at.to && run.fromNs <= at.timeNs && at.timeNs < run.toNs;
  return (
    <figure class="schw" tabIndex={0}>
      <svg viewBox={`0 0 ${WIDE} ${height}`} width="100%" role="img" aria-label={label}>
        <text x="0" y="11">
          {words.ms}
        </text>
        {marks.map(({ ns, label: says, isStrong }) => (
          <g key={ns}>
            <path d={`M${x(ns)} 16V${height}`} stroke={isStrong ? 'var(--edge)' : 'var(--line)'} />
            <text x={x(ns)} y="11" text-anchor="middle" class="m">
              {says}
            </text>
          </g>
        ))}
        <Strips
          runs={runs}
          lanes={lanes}
          pcpus={pcpus}
          least={(SHORT * span) / (WIDE - LEFT - RIGHT)}
          x={x}
          at={at}
          choose={choose}
        />
        {lanes.map((lane, i) => (
          <LaneRow key={lane.unit} lane={lane} x={x} y={top + i * laneHigh} high={laneHigh} scale={scale} isAt={isAt} />
        ))}
        {at && at.timeNs >= fromNs && (
          <g>
            <path d={`M${x(at.timeNs)} 18V${height}`} stroke="var(--text)" stroke-width="1.8" />
            <path d={`M${x(at.timeNs) - 6} 14h12l-6 8z`} fill="var(--text)" />
          </g>
        )}
      </svg>
    </figure>
  );
}

const stripAt = (pcpu: number): number => STRIPS_AT + pcpu * STRIP;

/** A strip for each processor: who had it; turns shorter than `least` nanoseconds in a row are one block. */
function Strips({
  runs,
  lanes,
  pcpus,
  least,
  x,
  at,
  choose,
}: Pick<ScheduleProps, 'runs' | 'lanes' | 'pcpus' | 'at' | 'choose'> & { least: number; x: Across }) {
  const { wide, short } = gathered(joined(runs), least),
    of = (unit: number): Lane | undefined => lanes.find(each => each.unit === unit),
    line = at && x(at.timeNs);
  return (
    <>
      <pattern id="short-turns" width="4" height="4" patternUnits="userSpaceOnUse">
        <rect width="4" height="4" fill="var(--panel)" />
        <path d="M1 0v4" stroke="var(--line)" stroke-width="1.6" />
      </pattern>
      {Array.from({ length: pcpus }, (_, pcpu) => (
        <g key={pcpu}>
          <text x="0" y={stripAt(pcpu) + 16} class="lb b">
            {words.pcpu(pcpu)}
          </text>
          <path d={`M${LEFT} ${stripAt(pcpu) + STRIP_HIGH}H${WIDE - RIGHT}`} stroke="var(--line)" />
        </g>
      ))}
      {short.map(turns => (
        <g key={`${turns.pcpu} ${turns.fromNs}`}>
          <Block
            run={turns}
            x={x}
            line={line}
            fill="url(#short-turns)"
            stroke="var(--edge)"
            texts={words.turns(sumOf(turns))}
          >
            <title>
              {words.turnsOf(
                sumOf(turns),
                [...turns.of].map(([unit, n]) => `${of(unit)?.name ?? '?'} ${n}`).join(', '),
              )}
            </title>
          </Block>
        </g>
      ))}
      {wide.map(run => {
        const lane = of(run.unit);
        return (
          <g
            key={`${run.pcpu} ${run.fromNs}`}
            class={`slice ${ownerClass(Math.max(0, lane?.id ?? 0))}`}
            onClick={() => choose(run)}
          >
            <Block run={run} x={x} line={line} fill="var(--c-tint)" stroke="var(--c)" texts={[lane?.name ?? '?']} />
          </g>
        );
      })}
    </>
  );
}

/** `line`: across the picture. A name is on the wider side of it. */
function Block({
  run,
  x,
  line: across,
  fill,
  stroke,
  texts,
  children,
}: {
  run: Pick<Run, 'pcpu' | 'fromNs' | 'toNs'>;
  x: Across;
  line: number | undefined;
  fill: string;
  stroke: string;
  texts: readonly string[];
  children?: ComponentChildren;
}) {
  const left = x(run.fromNs),
    right = Math.max(left + NARROWEST, x(run.toNs)),
    width = right - left,
    y = stripAt(run.pcpu),
    line = across === undefined ? undefined : Math.min(right, Math.max(left, across)),
    [from, to] = line === undefined || line - left > right - line ? [left, line ?? right] : [line, right],
    text = texts.find(each => each.length * LETTER_WIDE + 6 < to - from);
  return (
    <>
      {children}
      <rect
        x={left}
        y={y}
        width={width}
        height={STRIP_HIGH}
        rx={width > 6 ? 2 : 0}
        fill={fill}
        stroke={stroke}
        stroke-width={width > 3 ? 1 : 0}
      />
      {text && (
        <text x={(from + to) / 2} y={y + 16} text-anchor="middle" class="lb">
          {text}
        </text>
      )}
    </>
  );
}
const sumOf = ({ of }: Turns): number => [...of.values()].reduce((sum, n) => sum + n, 0);

/** Slices as high as their priority, dots where it waited; below them the credit. */
function LaneRow({
  lane: { unit, id, name, says, runs, credit },
  x,
  y,
  high,
  scale,
  isAt,
}: {
  lane: Lane;
  x: Across;
  y: number;
  high: number;
  scale: Scale;
  isAt: (run: Run) => boolean;
}) {
  const base = y + SLICE;
  return (
    <g class={ownerClass(Math.max(0, id))}>
      <rect x="0" y={y + 3} width="10" height="10" rx="2" fill="var(--c-fill)" stroke="var(--c)" />
      <text x="15" y={y + 12} class="lb">
        <title>{name}</title>
        {name.length > LETTERS ? `${name.slice(0, LETTERS - 1)}…` : name}
      </text>
      <text x="15" y={y + 27}>
        {says}
      </text>
      <pattern id={`over-${unit}`} width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
        <rect width="5" height="5" fill="var(--c-tint)" />
        <path d="M0 0v5" stroke="var(--c)" stroke-width="2.4" />
      </pattern>
      <path d={`M${LEFT} ${base}H${WIDE - RIGHT}`} stroke="var(--line)" />
      {runs.map(run => (
        <Slice key={run.fromNs} run={run} x={x} y={y} isOn={isAt(run)} />
      ))}
      <CreditCurve of={credit} x={x} top={base + GAP} bottom={y + high - 10} scale={scale} />
      <path d={`M0 ${y + high - 5}H${WIDE}`} stroke="var(--line)" />
    </g>
  );
}

function Slice({ run, x, y, isOn }: { run: Run; x: Across; y: number; isOn: boolean }) {
  const left = x(run.fromNs),
    width = Math.max(NARROWEST, x(run.toNs) - left),
    isBoost = run.priority === 0,
    top = y + (isBoost ? 2 : 5),
    waitedFrom = x(run.fromNs - run.waitedNs);
  return (
    <g>
      {run.waitedNs > 0 && waitedFrom < left && (
        <path
          d={`M${waitedFrom} ${y + SLICE}H${left}`}
          stroke="var(--c)"
          stroke-width="1.8"
          stroke-dasharray="1.5 2.5"
        />
      )}
      <rect
        x={left}
        y={top}
        width={width}
        height={y + SLICE - top}
        fill={run.priority === -2 ? `url(#over-${run.unit})` : 'var(--c-fill)'}
        stroke={isOn ? 'var(--text)' : 'var(--c)'}
        stroke-width={isOn ? 1.8 : width > 3 ? 0.8 : 0}
      />
      {isBoost && <rect x={left} y={y - 2} width={Math.max(width, 3)} height="3" fill="var(--hv)" />}
    </g>
  );
}

/** One scale for all lanes, so that they compare. */
interface Scale {
  least: number;
  most: number;
}

/** From the least credit in the picture to the greatest, and never finer than what an accounting hands out; 0 is in it. */
export function creditScale(lanes: readonly Pick<Lane, 'credit'>[], handedOut: number): Scale {
  const all = lanes.flatMap(({ credit }) => credit.map(each => each.credit));
  return { least: Math.min(-handedOut, ...all), most: Math.max(handedOut, ...all) };
}

/** Filled as far as its 0; its value at the end is behind it. */
function CreditCurve({
  of,
  x,
  top,
  bottom,
  scale: { least, most },
}: {
  of: readonly Credit[];
  x: Across;
  top: number;
  bottom: number;
  scale: Scale;
}) {
  const last = of.at(-1);
  if (!last) return null;
  const at = (credit: number): number => bottom - ((credit - least) / (most - least)) * (bottom - top),
    points = of.map(({ ns, credit }) => `${x(ns).toFixed(1)} ${at(credit).toFixed(1)}`);
  return (
    <>
      <path d={`M${x(of[0]!.ns)} ${at(0)}L${points.join('L')}L${x(last.ns)} ${at(0)}Z`} fill="var(--c-tint)" />
      <path d={`M${LEFT} ${at(0)}H${WIDE - RIGHT}`} stroke="var(--edge)" stroke-width=".7" />
      <path d={`M${points.join('L')}`} fill="none" stroke="var(--c)" stroke-width="1.5" stroke-linejoin="round" />
      <text x={WIDE} y={at(last.credit) + 4} text-anchor="end" class="m">
        {signed(Math.round(last.credit))}
      </text>
    </>
  );
}
