/** The last minute of a few lines, drawn by uPlot; each line's name and last value are at its end, of many those of the greatest. */

import 'uplot/dist/uPlot.min.css';
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import { HISTORY_MS } from '../readings.ts';
import { strings } from '../strings.ts';
import { viewStrings } from '../view-strings.ts';
import { shownTheme } from '../theme.ts';
import { niceTop } from './nice-top.ts';

export interface Line {
  name: string;
  /** The colour's token. */
  token: string;
  dash?: boolean;
  /** The token of what is painted below it. */
  fill?: string;
  /** Oldest first; undefined: not known, and the line has a gap. */
  values: readonly (number | undefined)[];
}

interface ChartProps {
  title: string;
  unit: string;
  /** When each value was read, milliseconds of one clock; the last is now. */
  atMs: readonly number[];
  /** Drawn again when this is another array. */
  lines: readonly Line[];
  /** The top of the scale: this, or a round number that is no less. */
  top?: number;
  least: number;
  digits: number;
  /** Pixels. */
  height?: number;
  /** How far back it goes. */
  spanMs?: number;
  /** Lines are parts of a whole: the first is on top of all the others. */
  stacked?: boolean;
  /** Of all of them, next to the title. */
  whole?: string;
}

/** The axis begins with the first reading until there is a minute of them; less than this long it never is. */
const LEAST_SECONDS = 5,
  HEIGHT = 180;
/** Names at the lines' ends: room at the right, and their least distance. */
const MOST_LABEL = 112,
  APART = 13,
  /** Widths of a letter, of a value with its dash, and of what is next to the longest name. */
  LETTER = 5.8,
  VALUE = 56,
  /** Of more parts than this those that are lower than this many pixels are not named. */
  FEW = 4,
  NAMED = 3;

/** Room for the longest name and a value. */
const labelRoom = (lines: readonly Line[]): number =>
  Math.min(MOST_LABEL, VALUE + LETTER * Math.max(0, ...lines.map(({ name }) => name.length)));

/** Each line with those below it: a reading that knows none of them is a gap. */
const stack = (lines: readonly Line[]): Line[] =>
  lines.map((line, i) => ({
    ...line,
    values: line.values.map((_, at) => {
      const parts = lines.slice(i).map(({ values }) => values[at]);
      return parts.every(each => each === undefined)
        ? undefined
        : parts.reduce<number>((sum, each) => sum + (each ?? 0), 0);
    }),
  }));

export function Chart({
  title,
  unit,
  atMs,
  lines,
  top,
  least,
  digits,
  height = HEIGHT,
  spanMs = HISTORY_MS,
  stacked = false,
  whole,
}: ChartProps) {
  const holder = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(null),
    labels = labelRoom(lines);
  const last = (values: Line['values']): string =>
    values.at(-1)?.toFixed((values.at(-1) ?? 0) < 1000 ? digits : 0) ?? strings.tree.noData;
  const theme = shownTheme.value;
  const shape = `${theme}/${top}/${spanMs}/${lines.map(({ name, token, dash }) => `${name} ${token} ${dash ?? ''}`).join('/')}`;
  useEffect(() => {
    const parent = holder.current!;
    const style = getComputedStyle(document.documentElement);
    const colour = (token: string): string => style.getPropertyValue(token).trim();
    const axis = {
      stroke: colour('--text-3'),
      font: `11px ${colour('--mono')}`,
      grid: { stroke: colour('--grid'), width: 1 },
      ticks: { show: false },
    };
    const width = (): number => Math.max(120, parent.clientWidth);
    const made = new uPlot(
      {
        width: width(),
        height,
        legend: { show: false },
        cursor: { show: false },
        padding: [8, labels, 0, 0],
        scales: {
          x: {
            time: false,
            range: (_, first) => [-Math.min(spanMs / 1000, Math.max(LEAST_SECONDS, -(first ?? 0))), 0],
          },
          y: { range: (_, __, most) => [0, top ?? niceTop(Math.max(least, most ?? 0))] },
        },
        axes: [
          {
            ...axis,
            size: 20,
            splits: (_, __, from) => [from, 0],
            values: (_, [from = 0]) => [viewStrings.hostPage.ago(Math.round(-from)), viewStrings.hostPage.now],
            grid: { show: false },
          },
          {
            ...axis,
            size: 32,
            gap: 4,
            splits: (_, __, ___, end) => [0, end / 2, end],
            values: (_, ticks) => ticks.map(tickText),
          },
        ],
        series: [
          {},
          ...lines.map(
            ({ token, dash, fill }): uPlot.Series => ({
              stroke: colour(token),
              width: stacked ? 1 : 1.5,
              ...(fill ? { fill: colour(fill) } : {}),
              points: { show: false },
              ...(dash ? { dash: [3, 3] } : {}),
            }),
          ),
        ],
      },
      [[], ...lines.map(() => [])] as unknown as uPlot.AlignedData,
      parent,
    );
    plot.current = made;
    const observer = new ResizeObserver(() => made.setSize({ width: width(), height }));
    observer.observe(parent);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [shape]);
  useEffect(() => {
    const made = plot.current;
    if (!made) return;
    const seconds = atMs.map(each => (each - atMs.at(-1)!) / 1000);
    made.setData([
      seconds,
      ...(stacked ? stack(lines) : lines).map(({ values }) => values.map(value => value ?? null)),
    ] as uPlot.AlignedData);
  }, [lines, shape]);
  return (
    <figure class="chart">
      <figcaption>
        <b>{title}</b> {unit}
        {whole && <span class="m">{whole}</span>}
      </figcaption>
      <div
        class="plot"
        style={`min-height:${height}px`}
        role="img"
        aria-label={`${title}, ${unit}: ${lines.map(({ name, values }) => `${name} ${last(values)}`).join(', ')}`}
      >
        <div ref={holder} />
        <div class="ends" aria-hidden="true" style={`width:${labels - 6}px`}>
          {ends(
            lines,
            stacked,
            top ??
              niceTop(
                Math.max(
                  least,
                  ...(stacked ? stack(lines) : lines).flatMap(({ values }) => values.map(value => value ?? 0)),
                ),
              ),
            height,
          ).map(({ line: { name, token, dash, values }, y }) => (
            <span key={name} style={`--c:var(${token});top:${y}px`}>
              {dash && <i />}
              <span class="cut">{name}</span> <b class="m">{last(values)}</b>
            </span>
          ))}
        </div>
      </div>
    </figure>
  );
}

/** Where a line's name is: at its last value, or in the middle of its part of the whole, pushed apart where they would touch. Of more than there is room for, those of the greatest. */
function ends(lines: readonly Line[], isStacked: boolean, top: number, height: number): { line: Line; y: number }[] {
  const plotTop = 8,
    plotHeight = height - plotTop - 20,
    own = ({ values }: Line): number => values.at(-1) ?? 0,
    below = isStacked ? stack(lines) : lines;
  const at = (i: number): number => (isStacked ? own(below[i]!) - own(lines[i]!) / 2 : own(lines[i]!));
  const isNamed = (line: Line): boolean => !isStacked || lines.length <= FEW || (own(line) / top) * plotHeight >= NAMED;
  const greatest = new Set(
    lines
      .filter(isNamed)
      .sort((a, b) => own(b) - own(a))
      .slice(0, Math.floor((height - 20) / APART)),
  );
  const placed = lines
    .map((line, i) => ({ line, y: plotTop + plotHeight * (1 - Math.min(1, at(i) / top)) - APART / 2 }))
    .filter(({ line }) => greatest.has(line))
    .sort((a, b) => a.y - b.y);
  const lowest = height - 20 - APART / 2;
  placed.forEach((each, i) => {
    each.y = Math.max(each.y, i === 0 ? 0 : placed[i - 1]!.y + APART);
  });
  for (let i = placed.length - 1, limit = lowest; i >= 0; i--, limit -= APART)
    placed[i]!.y = Math.min(placed[i]!.y, limit);
  return placed;
}

/** As short as the axis is narrow. */
const tickText = (tick: number): string =>
  tick >= 10_000
    ? `${tick / 1000}k`
    : tick >= 10 || Number.isInteger(tick)
      ? String(Math.round(tick))
      : tick.toFixed(1);
