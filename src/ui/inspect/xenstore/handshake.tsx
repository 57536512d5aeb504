/** The two halves of a device on the way to each other, drawn over time: who wrote which state, whose watch fired, and what was written before. */

import type { StoreNode } from '../../../dom0/service/index.ts';
import { ownerClass } from '../../parts/marks.tsx';
import { meetingOf, type Meeting, type StateWrite } from './state-writes.ts';
import { XENBUS_STATES } from '../../xenbus-states.ts';

const words = {
  title: (device: string) => `Handshake of ${device}`,
  hint: 'XenbusState, each write as xenstored kept it; steps are drawn equally far apart',
  toolstack: 'xl',
  toolstackIs: 'toolstack',
  front: 'front end',
  back: 'back end',
  fires: 'watch fires',
  makes: 'makes both directories',
  before: (names: readonly string[]) =>
    `writes ${names.length > 3 ? `${names.slice(0, 3).join(', ')} and ${names.length - 3} more` : names.join(', ')}`,
  after: (ms: number) => (ms >= 1000 ? `+${(ms / 1000).toFixed(2)} s` : `+${ms.toFixed(ms < 10 && ms > 0 ? 2 : 0)} ms`),
  says: (side: string, value: string, at: string, hears: boolean) =>
    `${at}: ${side} ${value}${hears ? ', the other side’s watch fires' : ''}`,
};
const WIDE = 760,
  HIGH = 196,
  LEFT = 108,
  LANES = { toolstack: 22, front: 78, back: 138 },
  AXIS = 170,
  DISC = 12,
  FIRST = 34,
  /** Of a step, how far an arrow goes to the right; what its words take. */
  REACH = 0.52,
  WORDS = 68;

/** Domains of both sides. */
interface Ends {
  guest: { id: number; name: string };
  backId: number;
}

export function Handshake({
  front,
  back,
  nodes,
  device,
  guest,
  backId,
}: Ends & {
  front: StoreNode;
  back: StoreNode;
  nodes: readonly StoreNode[];
  device: string;
}) {
  const meeting = meetingOf(front, back, nodes, guest.id, backId);
  if (!meeting) return null;
  const { firstMs, made, later } = meeting,
    start = made.length > 0 ? 1 : 0,
    columns = start + later.length;
  // The last arrow ends beyond its column, and has its words behind it.
  const step = Math.min(
    (WIDE - LEFT - 30) / Math.max(1, columns),
    (WIDE - LEFT - FIRST - WORDS) / Math.max(1, columns - 1 + REACH),
  );
  const x = (column: number): number => LEFT + FIRST + column * step,
    ends = { guest, backId };
  return (
    <section class="shake">
      <div class="row wrap">
        <h3>{words.title(device)}</h3>
        <span class="sec">{words.hint}</span>
      </div>
      <div class="shakew" tabIndex={0} role="img" aria-label={saysOf(meeting)}>
        <svg viewBox={`0 0 ${WIDE} ${HIGH}`} aria-hidden="true">
          <defs>
            <marker id="shake-a" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">
              <path d="M0 0L8 4L0 8" fill="none" stroke="context-stroke" stroke-width="1.5" />
            </marker>
          </defs>
          <Lanes {...ends} />
          {made.length > 0 && <Made made={made} at={x(0)} {...ends} />}
          {later.map((write, i) => (
            <Write
              key={`${write.side} ${write.ms} ${write.value}`}
              write={write}
              at={x(start + i)}
              step={step}
              {...ends}
            />
          ))}
          <path d={`M${LEFT} ${AXIS}H${WIDE}`} stroke="var(--edge)" />
          {Array.from({ length: columns }, (_, i) => (
            <g key={i}>
              <path d={`M${x(i)} ${AXIS - 3}v6`} stroke="var(--edge)" />
              <text x={x(i)} y={AXIS + 17} text-anchor="middle" class="m">
                {words.after((i < start ? firstMs : later[i - start]!.ms) - firstMs)}
              </text>
            </g>
          ))}
        </svg>
      </div>
    </section>
  );
}

/** The same in words. */
const saysOf = ({ firstMs, all }: Meeting): string =>
  all
    .map(({ side, value, ms, hears }) =>
      words.says(
        side === 'front' ? words.front : words.back,
        `${value} ${XENBUS_STATES[Number(value)] ?? ''}`,
        words.after(ms - firstMs),
        hears,
      ),
    )
    .join('; ');

const Lanes = ({ guest, backId }: Ends) => (
  <>
    {(
      [
        ['toolstack', words.toolstack, words.toolstackIs, backId],
        ['front', guest.name, words.front, guest.id],
        ['back', 'Domain-0', words.back, backId],
      ] as const
    ).map(([lane, name, is, id]) => (
      <g key={lane} class={ownerClass(id)}>
        <rect x="0" y={LANES[lane] - 9} width="10" height="10" rx="2" fill="var(--c-fill)" stroke="var(--c)" />
        <text x="16" y={LANES[lane]} class="t">
          {name.slice(0, 14)}
        </text>
        <text x="16" y={LANES[lane] + 13}>
          {is}
        </text>
        <path d={`M${LEFT} ${LANES[lane]}H${WIDE}`} stroke="var(--line)" />
      </g>
    ))}
  </>
);

/** A state at its side's lane. `next to`: its name follows it. */
const Disc = ({
  write: { side, value },
  at,
  beside,
  guest,
  backId,
}: Ends & { write: StateWrite; at: number; beside?: boolean }) => (
  <g class={ownerClass(side === 'front' ? guest.id : backId)}>
    <circle cx={at} cy={LANES[side]} r={DISC} fill="var(--c-tint)" stroke="var(--c)" stroke-width="2" />
    <text x={at} y={LANES[side] + 4.5} text-anchor="middle" class="m d">
      {value}
    </text>
    <text
      x={beside ? at + DISC + 5 : at}
      y={beside ? LANES[side] - 5 : side === 'front' ? LANES.front - DISC - 5 : LANES.back + DISC + 13}
      text-anchor={beside ? 'start' : 'middle'}
      class="t"
    >
      {XENBUS_STATES[Number(value)] ?? ''}
    </text>
  </g>
);

/** The toolstack makes both directories. */
const Made = ({ made, at, ...ends }: Ends & { made: readonly StateWrite[]; at: number }) => (
  <g class="c-d0">
    <circle cx={at - 26} cy={LANES.toolstack} r="4.5" fill="var(--c)" />
    <text x={at - 14} y={LANES.toolstack - 5} class="t">
      {words.makes}
    </text>
    {made.map(write => (
      <path
        key={write.side}
        d={`M${at - 26} ${LANES.toolstack}L${at - (write.side === 'front' ? 7 : 9)} ${LANES[write.side] - DISC - 1}`}
        stroke="var(--c)"
        stroke-width="1.5"
        fill="none"
        marker-end="url(#shake-a)"
      />
    ))}
    {made.map(write => (
      <Disc key={write.side} write={write} at={at} beside {...ends} />
    ))}
  </g>
);

/** A later state, with an arrow to the other side where that heard of it. */
function Write({ write, at, step, ...ends }: Ends & { write: Meeting['later'][number]; at: number; step: number }) {
  const { side, hears, before } = write,
    other = side === 'front' ? 'back' : 'front',
    down = side === 'front' ? 1 : -1,
    to = at + step * REACH;
  return (
    <g>
      {hears && (
        <>
          <path
            d={`M${at + 9} ${LANES[side] + down * 10}L${to} ${LANES[other] - down * 4}`}
            stroke="var(--hv)"
            stroke-width="1.6"
            fill="none"
            marker-end="url(#shake-a)"
          />
          <circle cx={to} cy={LANES[other]} r="3.5" fill="var(--hv)" />
          <text x={to + 3} y={LANES.front + (LANES.back - LANES.front) / 2 + 4 + down * 7} class="w">
            {words.fires}
          </text>
        </>
      )}
      <Disc write={write} at={at} {...ends} />
      {before.length > 0 && (
        <text x={at} y={LANES.front - DISC - 20} text-anchor="middle">
          {words.before(before)}
        </text>
      )}
    </g>
  );
}
