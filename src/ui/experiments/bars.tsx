/** Bars of an experiment: a group for each thing that was done, a bar for each way to do it, its number at its end. */
import { type Drawing, headOf, type Row, short, TIMES } from '../../lessons/experiments/index.ts';
import type { Cells } from '../../lessons/experiments/index.ts';
import { linear, logarithmic } from './scale.ts';
import { words } from './words.ts';

type BarDrawing = Extract<Drawing, { kind: 'bars' }>;

const numberIn = (row: Row, id: string): number | undefined => {
  const value = row[id];
  return typeof value === 'number' ? value : undefined;
};
const unique = <T,>(all: readonly T[]): T[] => [...new Set(all)];

export function Bars({ drawing, cells: { columns, rows } }: { drawing: BarDrawing; cells: Cells }) {
  const isTimed = rows.some(row => TIMES.ms in row),
    value = isTimed ? TIMES.ms : drawing.value,
    column = columns.find(({ id }) => id === value)!,
    isLog = drawing.isLog === true;
  const all = rows.flatMap(row =>
    [value, TIMES.most, isTimed ? '' : (drawing.theory ?? '')].flatMap(id => numberIn(row, id) ?? []),
  );
  const scale = isLog ? logarithmic(all) : linear(Math.max(...all)),
    series = unique(rows.map(row => row[drawing.series]));
  const at = (number: number): string => `${100 * scale.at(number)}%`;
  return (
    <figure class="xbars">
      <figcaption class="sec">
        {headOf(column)}
        {isLog && `, ${words.logAxis}`}
        {drawing.theory && !isTimed && (
          <>
            ; <i class="xtheory" aria-hidden="true" /> {words.predicted}
          </>
        )}
      </figcaption>
      {unique(rows.map(row => row[drawing.group])).map(group => (
        <section key={group}>
          <h3>{group}</h3>
          {rows
            .filter(row => row[drawing.group] === group)
            .map((row, i) => {
              const number = numberIn(row, value) ?? 0,
                theory = isTimed || !drawing.theory ? undefined : numberIn(row, drawing.theory),
                least = numberIn(row, TIMES.least),
                most = numberIn(row, TIMES.most);
              return (
                <div key={i} class="xbar">
                  <span>{row[drawing.series]}</span>
                  <span class="xtrack">
                    {scale.ticks.map(tick => (
                      <i key={tick} class="xtick" style={`left:${at(tick)}`} />
                    ))}
                    <i class={`xfill x${series.indexOf(row[drawing.series]) % 3}`} style={`width:${at(number)}`} />
                    {least !== undefined && most !== undefined && (
                      <i
                        class="xspread"
                        style={`left:${at(least)};width:${100 * (scale.at(most) - scale.at(least))}%`}
                      />
                    )}
                    {theory !== undefined && <i class="xtheory" style={`left:${at(theory)}`} />}
                  </span>
                  <b class="m">{short(number)}</b>
                </div>
              );
            })}
        </section>
      ))}
      <div class="xbar xaxis" aria-hidden="true">
        <span />
        <span class="xtrack">
          {scale.ticks.map(tick => (
            <span key={tick} style={`left:${at(tick)}`}>
              {short(tick)}
            </span>
          ))}
        </span>
        <b />
      </div>
    </figure>
  );
}
