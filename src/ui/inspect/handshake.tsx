/** The two halves of a device on the way to each other, over time: who wrote which state, whose watch fired, and what was written before. */

import type { StoreNode } from '../../dom0/service/index.ts';
import { ownerClass } from '../parts/marks.tsx';

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
/** XenbusState, io/xenbus.h. */
export const STATES = [
  'Unknown',
  'Initialising',
  'InitWait',
  'Initialised',
  'Connected',
  'Closing',
  'Closed',
  'Reconfiguring',
  'Reconfigured',
];

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

type Side = 'front' | 'back';
interface Event {
  side: Side;
  ms: number;
  by: number;
  value: string;
  heard: StoreNode['writes'][number]['heard'];
}

/** State writes of both sides in their order. */
export function eventsOf(front: StoreNode, back: StoreNode): Event[] {
  const of = (side: Side, node: StoreNode): Event[] => node.writes.map(write => ({ ...write, side }));
  return [...of('front', front), ...of('back', back)].filter(({ value }) => value !== '').sort((a, b) => a.ms - b.ms);
}

export function Handshake({
  front,
  back,
  nodes,
  device,
  guest,
  backId,
}: {
  front: StoreNode;
  back: StoreNode;
  nodes: readonly StoreNode[];
  device: string;
  guest: { id: number; name: string };
  backId: number;
}) {
  const events = eventsOf(front, back),
    [first] = events;
  if (!first) return null;
  // Who made both directories is the toolstack: the guest's own is written by Domain 0 only then.
  const isMade = ({ by, side, value }: Event, i: number): boolean =>
    by === backId && value === '1' && !events.slice(0, i).some(each => each.side === side);
  const made = events.filter(isMade),
    later = events.filter((each, i) => !isMade(each, i)),
    columns = (made.length > 0 ? 1 : 0) + later.length;
  // The last arrow ends beyond its column, and has its words behind it.
  const step = Math.min(
    (WIDE - LEFT - 30) / Math.max(1, columns),
    (WIDE - LEFT - FIRST - WORDS) / Math.max(1, columns - 1 + REACH),
  );
  const x = (column: number): number => LEFT + FIRST + column * step,
    start = made.length > 0 ? 1 : 0,
    folder = front.path.replace(/\/state$/, '/');
  /** Nodes of the front end's directory that it wrote since the step before. */
  const writtenBefore = (event: Event, i: number): string[] =>
    event.side === 'back'
      ? []
      : nodes
          .filter(
            ({ path, writes }) =>
              path.startsWith(folder) &&
              path !== front.path &&
              writes.some(({ ms, by }) => by === guest.id && ms <= event.ms && ms > (later[i - 1]?.ms ?? first.ms)),
          )
          .map(({ path }) => path.slice(folder.length));
  const hears = ({ side, heard }: Event): boolean =>
    heard.some(({ domid }) => domid === (side === 'front' ? backId : guest.id));
  const Disc = ({ event, at, beside }: { event: Event; at: number; beside?: boolean }) => (
    <g class={ownerClass(event.side === 'front' ? guest.id : backId)}>
      <circle cx={at} cy={LANES[event.side]} r={DISC} fill="var(--c-tint)" stroke="var(--c)" stroke-width="2" />
      <text x={at} y={LANES[event.side] + 4.5} text-anchor="middle" class="m d">
        {event.value}
      </text>
      <text
        x={beside ? at + DISC + 5 : at}
        y={beside ? LANES[event.side] - 5 : event.side === 'front' ? LANES.front - DISC - 5 : LANES.back + DISC + 13}
        text-anchor={beside ? 'start' : 'middle'}
        class="t"
      >
        {STATES[Number(event.value)] ?? ''}
      </text>
    </g>
  );
  const says = events
    .map(event =>
      words.says(
        event.side === 'front' ? words.front : words.back,
        `${event.value} ${STATES[Number(event.value)] ?? ''}`,
        words.after(event.ms - first.ms),
        hears(event),
      ),
    )
    .join('; ');
  return (
    <section class="shake">
      <div class="row wrap">
        <h3>{words.title(device)}</h3>
        <span class="sec">{words.hint}</span>
      </div>
      <div class="shakew" tabIndex={0} role="img" aria-label={says}>
        <svg viewBox={`0 0 ${WIDE} ${HIGH}`} aria-hidden="true">
          <defs>
            <marker id="shake-a" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">
              <path d="M0 0L8 4L0 8" fill="none" stroke="context-stroke" stroke-width="1.5" />
            </marker>
          </defs>
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
          {made.length > 0 && (
            <g class="c-d0">
              <circle cx={x(0) - 26} cy={LANES.toolstack} r="4.5" fill="var(--c)" />
              <text x={x(0) - 14} y={LANES.toolstack - 5} class="t">
                {words.makes}
              </text>
              {made.map(event => (
                <path
                  key={event.side}
                  d={`M${x(0) - 26} ${LANES.toolstack}L${x(0) - (event.side === 'front' ? 7 : 9)} ${LANES[event.side] - DISC - 1}`}
                  stroke="var(--c)"
                  stroke-width="1.5"
                  fill="none"
                  marker-end="url(#shake-a)"
                />
              ))}
              {made.map(event => (
                <Disc key={event.side} event={event} at={x(0)} beside />
              ))}
            </g>
          )}
          {later.map((event, i) => {
            const at = x(start + i),
              other = event.side === 'front' ? 'back' : 'front',
              down = event.side === 'front' ? 1 : -1,
              to = at + step * REACH,
              own = writtenBefore(event, i);
            return (
              <g key={`${event.side} ${event.ms} ${event.value}`}>
                {hears(event) && (
                  <>
                    <path
                      d={`M${at + 9} ${LANES[event.side] + down * 10}L${to} ${LANES[other] - down * 4}`}
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
                <Disc event={event} at={at} />
                {own.length > 0 && (
                  <text x={at} y={LANES.front - DISC - 20} text-anchor="middle">
                    {words.before(own)}
                  </text>
                )}
              </g>
            );
          })}
          <path d={`M${LEFT} ${AXIS}H${WIDE}`} stroke="var(--edge)" />
          {Array.from({ length: columns }, (_, i) => (
            <g key={i}>
              <path d={`M${x(i)} ${AXIS - 3}v6`} stroke="var(--edge)" />
              <text x={x(i)} y={AXIS + 17} text-anchor="middle" class="m">
                {words.after((i < start ? first : later[i - start]!).ms - first.ms)}
              </text>
            </g>
          ))}
        </svg>
      </div>
    </section>
  );
}
