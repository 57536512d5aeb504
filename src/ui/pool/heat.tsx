/** Where a guest that moves writes: a row for each round behind the first, a cell for each part of its memory, the darker the more of it was written meanwhile. */
import { words } from './words.ts';

/** Of a part of which a page was written, and what all of it adds to that. */
const FAINT = 0.25,
  MORE = 0.75;
const ROW = 8,
  GAP = 1;

export function Heat({ written }: { written: readonly (readonly number[])[] }) {
  const parts = written[0]?.length ?? 0;
  if (parts === 0) return null;
  const busiest = written.map(row => row.filter(part => part > 0).length);
  return (
    <>
      <span class="pheat-of" aria-hidden="true">
        {words.heatOf}
      </span>
      <svg
        class="pheat"
        role="img"
        aria-label={words.heat(busiest, parts)}
        viewBox={`0 0 ${parts} ${written.length * ROW}`}
        preserveAspectRatio="none"
        style={`height:${written.length * ROW}px`}
      >
        <title>{words.heat(busiest, parts)}</title>
        {written.flatMap((row, y) =>
          row.map(
            (part, x) =>
              part > 0 && (
                <rect
                  key={`${x} ${y}`}
                  x={x}
                  y={y * ROW}
                  width={1}
                  height={ROW - GAP}
                  opacity={FAINT + MORE * Math.min(1, part)}
                />
              ),
          ),
        )}
      </svg>
    </>
  );
}
