/** The rings of a lesson's guest, unrolled, and how many doorbells its requests have cost so far. */

import { computed, signal, useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect } from 'preact/hooks';
import type { RingFacts } from '../../dom0/service/index.ts';
import { host } from '../host.ts';
import { slotStates } from '../inspect/ring/slots.ts';
import { mediaSignal, PHONE } from '../media.ts';
import { ownerClass } from '../parts/marks.tsx';
import type { DomainSession } from '../sessions.ts';
import { go } from '../navigation.ts';
import { words } from './words.ts';

const says = words.rings;
const phone = mediaSignal(PHONE);
/** Of the strip and of the chart, in the picture's units: about a pixel each, so that its words can be read. */
const width = computed(() => (phone.value ? 340 : 540));
const CELL = 14,
  HIGH = 214,
  LEFT = 30,
  RIGHT = 104,
  /** Lines of words at the right are so far apart. */
  APART = 15,
  /** A line that ends so far before the others has its name next to its end. */
  BESIDE = 120,
  /** This long are the words at an index, at most. */
  WORDS = 280;

interface Point {
  requests: number;
  doorbells: number;
}
/** Of a round: what was counted before it, and what has come since. */
interface Series {
  id: number;
  base: Point;
  points: readonly Point[];
}

/** By round. A step that is begun again begins its line again: its guest goes back, or is another one. */
const series = signal<ReadonlyMap<number, Series>>(new Map());

/** Of all rounds; where the guest went back, what was counted in later ones has not been. */
const others = (round: number, isBack: boolean): [number, Series][] =>
  [...series.peek()].filter(([no]) => !isBack || no <= round);

interface Props {
  session: DomainSession;
  name: string;
  round: number;
  said: number | undefined;
  /** The round is not measured yet. */
  isOpen: boolean;
  busy: boolean;
  children: ComponentChildren;
}

export function RingStrip({ session, name, round, said, isOpen, busy, children }: Props) {
  const { id } = session,
    rings = useSignal<readonly RingFacts[]>([]);
  useEffect(() => {
    let closed = false;
    const look = async (): Promise<void> => {
      // A guest that is made again is not there for a moment.
      const seen = await host.inspect('rings', id).catch(() => []);
      if (closed) return;
      rings.value = seen;
      const [ring] = seen;
      if (!ring?.events) return;
      const at = { requests: ring.reqCons, doorbells: ring.events.heard },
        kept = series.peek().get(round),
        last = kept?.points.at(-1);
      if (kept?.id !== id || !last) {
        // While earlier steps are done again for it, the round has not begun.
        if (!busy)
          series.value = new Map([
            ...series.peek(),
            [round, { id, base: at, points: [{ requests: 0, doorbells: 0 }] }],
          ]);
        return;
      }
      const point = { requests: at.requests - kept.base.requests, doorbells: at.doorbells - kept.base.doorbells };
      if (point.requests === last.requests && point.doorbells === last.doorbells) return;
      // Each doorbell of the round, at the requests that it was heard at; where there were too many, what was seen of them.
      const { pushes } = ring.events,
        isWhole = point.doorbells <= pushes.length;
      const each = pushes
        .slice(pushes.length - point.doorbells)
        .map((pushed, i): Point => ({ requests: pushed - kept.base.requests, doorbells: i + 1 }));
      series.value = new Map([
        ...others(round, point.requests < last.requests),
        [
          round,
          {
            ...kept,
            points: isWhole
              ? [{ requests: 0, doorbells: 0 }, ...each, ...(each.at(-1)?.requests === point.requests ? [] : [point])]
              : [...kept.points, point],
          },
        ],
      ]);
    };
    // A guest that did nothing has pushed nothing. The reading after counts, too: Domain-0 answers behind it.
    let retired: number | undefined,
      wasNew = true;
    const stop = session.sample.subscribe(sample => {
      const isNew = sample?.retired !== retired;
      if (isNew || wasNew) void look();
      wasNew = isNew;
      retired = sample?.retired;
    });
    return () => {
      closed = true;
      stop();
    };
  }, [session, round, busy]);
  const ring = rings.value[0],
    asTable = useSignal(false);
  if (!ring?.events) return <>{children}</>;
  return (
    <>
      <section class={`panel lring ${ownerClass(id)}`} aria-label={says.ring(name, ring.name, ring.slots)} tabIndex={0}>
        <div class="row">
          <h3 class="grow">{says.ring(name, ring.name, ring.slots)}</h3>
          <button class="btn sm" onClick={() => go({ kind: 'domain', id, tab: 'inspect', name: 'ring' })}>
            {says.inspector}
          </button>
        </div>
        <Strip ring={ring} />
        <States ring={ring} />
      </section>
      <section class={`panel lring chartp ${ownerClass(id)}`} aria-label={says.chart} tabIndex={0}>
        <div class="row">
          <h3 class="grow">{says.chart}</h3>
          <button
            class="btn quiet sm"
            aria-pressed={asTable.value}
            onClick={() => {
              asTable.value = !asTable.value;
            }}
          >
            {says.table}
          </button>
        </div>
        {asTable.value ? (
          <Table />
        ) : (
          <>
            <p class="sec">{says.upward}</p>
            <Chart round={round} said={said} isOpen={isOpen} />
          </>
        )}
        <p class="cap-t">{says.counted}</p>
      </section>
    </>
  );
}

/** Domain-0 was to be woken at that index, and it was passed. */
const isCrossed = ({ reqProd, reqEvent }: RingFacts): boolean => ((reqProd - reqEvent) | 0) >= 0;

/** The slots in a row; both indices that the doorbell is about are at theirs. */
function Strip({ ring }: { ring: RingFacts }) {
  const wide = width.value / ring.slots,
    states = slotStates(ring);
  return (
    <svg viewBox={`0 0 ${width.value} 56`} aria-hidden="true">
      {states.map((state, i) => (
        <g key={i}>
          <rect x={i * wide + 0.75} y="19" width={wide - 1.5} height={CELL + 3} rx="2" class={`sl-${state}`} />
          {state !== 'F' && (
            <text x={(i + 0.5) * wide} y="31" text-anchor="middle">
              {state}
            </text>
          )}
        </g>
      ))}
      {(
        [
          ['req_prod', ring.reqProd, 12, 'var(--c)'],
          ['req_event', ring.reqEvent, 53, 'var(--d0)'],
        ] as const
      ).map(([name, value, y, colour]) => {
        const x = (value & (ring.slots - 1)) * wide,
          isRight = x > width.value - WORDS && x > WORDS,
          // Where neither side has room for its words, they begin at the left.
          at = isRight ? x - 5 : Math.min(x + 5, Math.max(0, width.value - WORDS));
        return (
          <g key={name}>
            <path
              d={y < 20 ? `M${x} 4V40` : `M${x} 15V54`}
              stroke={colour}
              stroke-width="2"
              stroke-dasharray={y < 20 ? undefined : '3 2'}
              fill="none"
            />
            <text x={at} y={y} text-anchor={isRight ? 'end' : 'start'} class="m">
              {says.slot(name, value)}
              {name === 'req_event' && (
                <tspan class="plain">{isCrossed(ring) ? `: ${says.crossed}` : `: ${says.not}`}</tspan>
              )}
            </text>
          </g>
        );
      })}
    </svg>
  );
}

/** What the letters and colours of its slots mean. */
function States({ ring }: { ring: RingFacts }) {
  const states = slotStates(ring);
  return (
    <ul class="lkey">
      {(['D', 'W', 'T', 'A', 'F'] as const)
        .map(state => ({ state, count: states.filter(each => each === state).length }))
        .filter(({ count }) => count > 0)
        .map(({ state, count }) => (
          <li key={state}>
            <i class={`sl-${state}`}>{state === 'F' ? '' : state}</i>
            <b>{count}</b> {says.states[state]}
          </li>
        ))}
    </ul>
  );
}

/** Requests are pushed, to the right, and then a doorbell rings, up. */
const stair = (points: readonly Point[], x: (n: number) => number, y: (n: number) => number): string =>
  points
    .map((point, i) =>
      i === 0 ? `M${x(point.requests)} ${y(point.doorbells)}` : `H${x(point.requests)}V${y(point.doorbells)}`,
    )
    .join('');

/** A steep stair is a doorbell for each request; one of long steps is many requests for one doorbell. */
function Chart({ round, said, isOpen }: { round: number; said: number | undefined; isOpen: boolean }) {
  const lines = [...series.value]
    .map(([no, { points }]) => ({ no, points, last: points.at(-1)! }))
    .filter(({ last }) => last.requests > 0);
  if (lines.length === 0) return <p class="sec">{says.none}</p>;
  const wide = Math.max(...lines.map(({ last }) => last.requests)),
    most = Math.max(...lines.map(({ last }) => last.doorbells), said ?? 0, 1);
  const x = (n: number): number => LEFT + ((width.value - LEFT - RIGHT) * n) / wide,
    y = (n: number): number => HIGH - ((HIGH - 12) * n) / most;
  // Of a line that goes on the name is where it is, off the line of the guess.
  const beside = lines.find(({ no, last }) => no === round && x(last.requests) < width.value - RIGHT - BESIDE),
    besideY =
      beside &&
      y(beside.last.doorbells) +
        (said !== undefined && Math.abs(y(said) - y(beside.last.doorbells)) < APART / 2 ? APART : 0);
  const labels = [
    ...lines
      .filter(line => line !== beside)
      .map(({ no, last }) => ({
        text: says.last(no, last.doorbells, isOpen && no === round),
        at: y(last.doorbells),
        isHere: no === round,
      })),
    ...(said === undefined ? [] : [{ text: says.said(said), at: y(said), isHere: false }]),
  ].sort((a, b) => a.at - b.at);
  // Names keep their distance: the lower one gives way, and none is below the axis.
  for (let i = 1; i < labels.length; i++) labels[i]!.at = Math.max(labels[i]!.at, labels[i - 1]!.at + APART);
  for (let i = labels.length - 1; i >= 0; i--)
    labels[i]!.at = Math.min(labels[i]!.at, i + 1 < labels.length ? labels[i + 1]!.at - APART : HIGH);
  return (
    <svg viewBox={`0 0 ${width.value} ${HIGH + 18}`} aria-hidden="true">
      <path d={`M${LEFT} 4V${HIGH}H${width.value - RIGHT}`} fill="none" stroke="var(--edge)" />
      {said !== undefined && (
        <path
          d={`M${LEFT} ${y(said)}H${x(wide)}`}
          stroke="var(--hv)"
          stroke-width="1.6"
          stroke-dasharray="2 3"
          fill="none"
        />
      )}
      {lines.map(({ no, points, last }) => (
        <g key={no}>
          <path
            d={stair(points, x, y)}
            fill="none"
            stroke={no === round ? 'var(--c)' : 'var(--text-2)'}
            stroke-width={no === round ? 2.5 : 1.5}
            stroke-dasharray={no === round ? undefined : '5 3'}
          />
          {no === round &&
            points
              .slice(1)
              .map(point => (
                <circle key={point.doorbells} cx={x(point.requests)} cy={y(point.doorbells)} r="2.5" fill="var(--c)" />
              ))}
          <circle
            cx={x(last.requests)}
            cy={y(last.doorbells)}
            r="4"
            fill={no === round ? 'var(--c)' : 'var(--text-2)'}
          />
        </g>
      ))}
      {beside && (
        <text x={x(beside.last.requests) + 9} y={besideY! + 4} class="b">
          {says.last(beside.no, beside.last.doorbells, isOpen)}
        </text>
      )}
      {labels.map(({ text, at, isHere }) => (
        <text key={text} x={width.value - RIGHT + 9} y={at + 4} class={isHere ? 'b' : ''}>
          {text}
        </text>
      ))}
      <text x={LEFT - 5} y="16" text-anchor="end" class="m">
        {most}
      </text>
      <text x={LEFT - 5} y={HIGH + 2} text-anchor="end" class="m">
        0
      </text>
      <text x={LEFT} y={HIGH + 15}>{`0 ${says.requests}`}</text>
      <text x={x(wide)} y={HIGH + 15} text-anchor="end" class="m">
        {wide}
      </text>
    </svg>
  );
}

/** Of each doorbell, how many requests had been taken when it was heard. */
function Table() {
  const lines = [...series.value].map(([no, { points }]) => ({ no, points })),
    most = Math.max(0, ...lines.map(({ points }) => points.at(-1)!.doorbells));
  if (most === 0) return <p class="sec">{says.none}</p>;
  return (
    <div class="lbells" tabIndex={0}>
      <table>
        <thead>
          <tr>
            <th>{says.bell}</th>
            {lines.map(({ no }) => (
              <th key={no} class="num">
                {says.ofRound(no)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {Array.from({ length: most }, (_, i) => (
            <tr key={i}>
              <td class="m">{i + 1}</td>
              {lines.map(({ no, points }) => (
                <td key={no} class="num m">
                  {points.find(({ doorbells }) => doorbells > i)?.requests ?? ''}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
