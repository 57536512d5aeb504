/** Lines of an experiment: one for each thing that was tried, its name at its end; what was predicted is dashed. */
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { type Cells, type Drawing, headOf, type Row, short } from '../../lessons/experiments/index.ts';
import { linear } from './scale.ts';
import { words } from './words.ts';

type LineDrawing = Extract<Drawing, { kind: 'lines' }>;

const HEIGHT = 280,
  LEFT = 46,
  TOP = 10,
  BOTTOM = 40,
  /** A letter's width, and the least distance of two names. */
  LETTER = 6.1,
  APART = 14,
  FEW_TICKS = 9;
const HUES = ['--dA', '--dD', '--dC', '--dB', '--dH', '--dE', '--dI', '--dG'];
const SHAPES = [
  'M-3.5-3.5h7v7h-7z',
  'M0-4.6 4.4 3.4h-8.8z',
  'M0-4.8 4.8 0 0 4.8-4.8 0z',
  'M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0',
];

interface Drawn {
  name: string;
  points: readonly (readonly [x: number, y: number])[];
  hue: string;
  shape?: string;
}

const pointsOf = (rows: readonly Row[], x: string, y: string): Drawn['points'] =>
  rows
    .flatMap(row => (typeof row[x] === 'number' && typeof row[y] === 'number' ? [[row[x], row[y]] as const] : []))
    .sort(([a], [b]) => a - b);

function linesOf(
  { x, series, value, theory }: LineDrawing,
  rows: readonly Row[],
): { measured: Drawn[]; predicted: Drawn[] } {
  const names = [...new Set(rows.map(row => String(row[series])))];
  const of = (name: string): readonly Row[] => rows.filter(row => String(row[series]) === name);
  return {
    measured: names.map((name, i) => ({
      name,
      points: pointsOf(of(name), x, value),
      hue: HUES[i % HUES.length]!,
      shape: SHAPES[i % SHAPES.length]!,
    })),
    predicted:
      theory === undefined
        ? []
        : names.map((name, i) => ({ name, points: pointsOf(of(name), x, theory), hue: HUES[i % HUES.length]! })),
  };
}

/** Names at the lines' ends, pushed apart. */
function placed(lines: readonly Drawn[], y: (value: number) => number): { line: Drawn; at: number }[] {
  const all = lines
    .filter(({ points }) => points.length > 0)
    .map(line => ({ line, at: y(line.points.at(-1)![1]) }))
    .sort((a, b) => a.at - b.at);
  all.forEach((each, i) => {
    each.at = Math.max(each.at, i === 0 ? TOP : all[i - 1]!.at + APART);
  });
  for (let i = all.length - 1, limit = HEIGHT - BOTTOM; i >= 0; i--, limit -= APART)
    all[i]!.at = Math.min(all[i]!.at, limit);
  return all;
}

type Scale = (value: number) => number;
const Points = ({ of: { points, shape, hue }, x, y }: { of: Drawn; x: Scale; y: Scale }) => (
  <>
    {points.map(([px, py]) => (
      <path key={px} d={shape} transform={`translate(${x(px)} ${y(py)})`} fill={`var(${hue})`} stroke="none" />
    ))}
  </>
);

const Names = ({ of }: { of: readonly Drawn[] }) => (
  <ul class="legend">
    {of.map(({ name, hue, shape }) => (
      <li key={name} style={`color:var(${hue})`}>
        <svg width="12" height="12" viewBox="-6 -6 12 12" aria-hidden="true">
          <path d={shape} fill="currentColor" />
        </svg>{' '}
        {name}
      </li>
    ))}
  </ul>
);

export function Lines({ drawing, cells: { columns, rows } }: { drawing: LineDrawing; cells: Cells }) {
  const holder = useRef<HTMLElement>(null),
    width = useSignal(640);
  useEffect(() => {
    const observer = new ResizeObserver(() => {
      width.value = Math.max(280, holder.current?.clientWidth ?? 0);
    });
    observer.observe(holder.current!);
    return () => observer.disconnect();
  }, []);
  const { measured, predicted } = linesOf(drawing, rows),
    all = [...measured, ...predicted].flatMap(({ points }) => points),
    longest = 14 + LETTER * Math.max(...measured.map(({ name }) => name.length)),
    // On a phone names would be cut: they are below.
    atEnds = longest <= width.value / 2.6,
    right = atEnds ? longest : 14;
  const xs = [...new Set(all.map(([x]) => x))].sort((a, b) => a - b),
    xTicks = xs.filter((_, i) => i % Math.ceil(xs.length / FEW_TICKS) === 0),
    scale = linear(Math.max(...all.map(([, y]) => y), 0));
  const from = xs[0] ?? 0,
    span = Math.max((xs.at(-1) ?? 1) - from, 1e-9);
  const x = (value: number): number => LEFT + ((value - from) / span) * (width.value - LEFT - right),
    y = (value: number): number => TOP + (1 - scale.at(value)) * (HEIGHT - TOP - BOTTOM);
  const path = ({ points }: Drawn): string =>
    points.map(([px, py], i) => `${i ? 'L' : 'M'}${x(px).toFixed(1)} ${y(py).toFixed(1)}`).join('');
  const column = (id: string): string => headOf(columns.find(each => each.id === id)!);
  return (
    <figure class="xlines" ref={holder}>
      <figcaption class="sec">
        {column(drawing.value)}
        {predicted.length > 0 && `; ╌ ${words.predicted}`}
      </figcaption>
      <svg width={width.value} height={HEIGHT} role="img" aria-label={`${column(drawing.value)}; ${column(drawing.x)}`}>
        {scale.ticks.map(tick => (
          <g key={tick}>
            <path d={`M${LEFT} ${y(tick)}H${width.value - right}`} stroke="var(--grid)" />
            <text x={LEFT - 6} y={y(tick) + 4} text-anchor="end" class="m">
              {short(tick)}
            </text>
          </g>
        ))}
        {xTicks.map(tick => (
          <text key={tick} x={x(tick)} y={HEIGHT - BOTTOM + 16} text-anchor="middle" class="m">
            {short(tick)}
          </text>
        ))}
        <text x={(LEFT + width.value - right) / 2} y={HEIGHT - 6} text-anchor="middle">
          {column(drawing.x)}
        </text>
        {predicted.map(line => (
          <path
            key={line.name}
            d={path(line)}
            fill="none"
            stroke={`var(${line.hue})`}
            stroke-dasharray="5 4"
            stroke-opacity=".8"
          />
        ))}
        {measured.map(line => (
          <g key={line.name} stroke={`var(${line.hue})`} fill="none">
            <path d={path(line)} stroke-width="1.8" />
            <Points of={line} x={x} y={y} />
          </g>
        ))}
        {(atEnds ? placed(measured, y) : []).map(({ line, at }) => (
          <text key={line.name} x={width.value - right + 8} y={at + 4} style={`fill:var(${line.hue})`}>
            {line.name}
          </text>
        ))}
      </svg>
      {!atEnds && <Names of={measured} />}
    </figure>
  );
}
