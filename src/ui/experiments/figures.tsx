/** What an experiment has measured, from its rows alone: chart and table. */
import type { ComponentChildren } from 'preact';
import { type Cells, type Drawing, headOf, short } from '../../lessons/experiments/index.ts';
import { Bars } from './bars.tsx';
import { Lines } from './lines.tsx';
import { words } from './words.ts';

/** `children`: what is between them. */
export const Figures = ({
  drawing,
  cells,
  children,
}: {
  drawing: Drawing;
  cells: Cells;
  children?: ComponentChildren;
}) => (
  <>
    {drawing.kind === 'bars' ? <Bars drawing={drawing} cells={cells} /> : <Lines drawing={drawing} cells={cells} />}
    {children}
    <NumberTable cells={cells} />
  </>
);

const NumberTable = ({ cells: { columns, rows } }: { cells: Cells }) => (
  <div class="xtable" role="region" aria-label={words.table} tabIndex={0}>
    <table>
      <thead>
        <tr>
          {columns.map(column => (
            <th key={column.id} class={typeof rows[0]?.[column.id] === 'number' ? 'num' : ''}>
              {headOf(column)}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row, i) => (
          <tr key={i}>
            {columns.map(({ id }) => {
              const value = row[id];
              return typeof value === 'number' ? (
                <td key={id} class="num m">
                  {short(value)}
                </td>
              ) : (
                <td key={id}>{value}</td>
              );
            })}
          </tr>
        ))}
      </tbody>
    </table>
  </div>
);
