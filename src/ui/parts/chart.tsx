/** The last minute of a few lines, drawn by uPlot; each line's name and last value stand at its end. */

import 'uplot/dist/uPlot.min.css';
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import { HISTORY_MS } from '../readings.ts';
import { strings } from '../strings.ts';
import { shownTheme } from '../theme.ts';
import { niceTop } from './nice-top.ts';

export interface Line {
  name: string;
  /** The colour's token. */
  token: string;
  dash?: boolean;
  /** Oldest first; undefined: not known, and the line has a gap. */
  values: readonly (number | undefined)[];
}

interface ChartProps {
  title: string;
  unit: string;
  /** When each value was read, milliseconds of one clock; the last is now. */
  atMs: readonly number[];
  /** Drawn anew when this is another array. */
  lines: readonly Line[];
  /** The top of the scale: this, or a round number that is no less. */
  top?: number;
  least: number;
  digits: number;
}

const FROM_SECONDS = -HISTORY_MS / 1000,
  HEIGHT = 116,
  /** Between two names at the ends of lines. */
  APART = 14,
  LABELS = 104;

export function Chart({ title, unit, atMs, lines, top, least, digits }: ChartProps) {
  const holder = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(null);
  const ends = useSignal<readonly { name: string; token: string; top: number; text: string }[]>([]);
  const theme = shownTheme.value;
  const shape = `${theme}/${top}/${lines.map(({ name, token, dash }) => `${name} ${token} ${dash ?? ''}`).join('/')}`;
  useEffect(() => {
    const parent = holder.current!;
    const style = getComputedStyle(document.documentElement);
    const colour = (token: string): string => style.getPropertyValue(token).trim();
    const axis = { stroke: colour('--text-3'), font: `11px ${colour('--mono')}`, grid: { stroke: colour('--grid'), width: 1 }, ticks: { show: false } };
    const width = (): number => Math.max(120, parent.clientWidth - LABELS);
    const made = new uPlot({
      width: width(), height: HEIGHT, legend: { show: false }, cursor: { show: false }, padding: [8, 14, 0, 0],
      scales: { x: { time: false, range: [FROM_SECONDS, 0] }, y: { range: (_, __, most) => [0, top ?? niceTop(Math.max(least, most ?? 0))] } },
      axes: [
        { ...axis, size: 20, splits: () => [FROM_SECONDS, 0], values: () => [strings.hostPage.ago, strings.hostPage.now], grid: { show: false } },
        { ...axis, size: 42, splits: (_, __, ___, end) => [0, end / 2, end], values: (_, ticks) => ticks.map(tick => (tick >= 10 || Number.isInteger(tick) ? String(Math.round(tick)) : tick.toFixed(1))) },
      ],
      series: [{}, ...lines.map(({ token, dash }): uPlot.Series => ({ stroke: colour(token), width: 1.5, points: { show: false }, ...(dash ? { dash: [3, 3] } : {}) }))],
    }, [[], ...lines.map(() => [])] as unknown as uPlot.AlignedData, parent);
    plot.current = made;
    const observer = new ResizeObserver(() => made.setSize({ width: width(), height: HEIGHT }));
    observer.observe(parent);
    return () => { observer.disconnect(); made.destroy(); plot.current = null; };
  }, [shape]);
  useEffect(() => {
    const made = plot.current;
    if (!made) return;
    const seconds = atMs.map(each => (each - atMs.at(-1)!) / 1000);
    made.setData([seconds, ...lines.map(({ values }) => values.map(value => value ?? null))] as uPlot.AlignedData);
    const placed = lines.map(({ name, token, values }) => {
      const value = values.at(-1);
      return { name, token, top: made.valToPos(value ?? 0, 'y') + 2, text: value === undefined ? strings.tree.noData : value.toFixed(digits) };
    }).sort((a, b) => a.top - b.top);
    // From the lowest upwards each makes room for the one below it.
    for (let i = placed.length - 1; i >= 0; i--) placed[i]!.top = Math.min(placed[i]!.top, (placed[i + 1]?.top ?? HEIGHT - 6) - APART);
    // What stands there already needs no other drawing of this part.
    if (JSON.stringify(placed) !== JSON.stringify(ends.peek())) ends.value = placed;
  }, [lines, shape, digits]);
  return <figure class="chart">
    <figcaption><b>{title}</b> {unit}</figcaption>
    <div class="plot" ref={holder} role="img" aria-label={`${title}, ${unit}: ${lines.map(({ name, values }) => `${name} ${values.at(-1)?.toFixed(digits) ?? strings.tree.noData}`).join(', ')}`}>
      {ends.value.map(({ name, token, top, text }) => <span key={name} class="end" style={`top:${top}px;color:var(${token})`} aria-hidden="true"><span class="cut">{name}</span> <b class="m">{text}</b></span>)}
    </div>
  </figure>;
}
