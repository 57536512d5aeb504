/** The rings of a lesson's guest, unrolled, and how many doorbells its requests have cost so far. */

import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { RingFacts } from '../../dom0/index.ts';
import { host } from '../host.ts';
import { slotStates } from '../inspect/ring-slots.ts';
import { ownerClass } from '../parts/marks.tsx';

const words = {
  ring: (guest: string, ring: RingFacts) => `Ring of ${guest}: ${ring.name}, ${ring.slots} slots`, requests: 'requests', doorbells: 'doorbells heard', each: 'requests per doorbell',
  chart: 'Doorbells against requests, as the machine counts them', bound: 'one each', last: (doorbells: number, requests: number) => `${doorbells} for ${requests}`, slot: (name: string, value: number) => `${name} ${value}`,
};
const EVERY_MS = 400,
  /** Of the strip and of the chart, in the picture's units. */
  WIDTH = 540,
  CELL = 14,
  HIGH = 118,
  LEFT = 30,
  RIGHT = 92;

interface Point { requests: number; doorbells: number }

export function RingStrip({ id, name }: { id: number; name: string }) {
  const rings = useSignal<readonly RingFacts[]>([]);
  const points = useSignal<readonly Point[]>([]);
  useEffect(() => {
    let closed = false;
    points.value = [];
    const look = async (): Promise<void> => {
      // A guest that is made anew is not there for a moment.
      const seen = await host.inspect('rings', id).catch(() => []);
      if (closed) return;
      rings.value = seen;
      const ring = seen[0], last = points.peek().at(-1);
      if (ring?.events && (last?.requests !== ring.reqCons || last.doorbells !== ring.events.heard)) points.value = [...points.peek(), { requests: ring.reqCons, doorbells: ring.events.heard }];
    };
    void look();
    const timer = setInterval(() => void look(), EVERY_MS);
    return () => { closed = true; clearInterval(timer); };
  }, [id]);
  const ring = rings.value[0];
  if (!ring?.events) return null;
  const { heard } = ring.events;
  return <section class={`panel lring ${ownerClass(id)}`} aria-label={words.ring(name, ring)} tabIndex={0}>
    <div class="row wrap"><h3>{words.ring(name, ring)}</h3><span class="grow" /><span class="sec"><b class="m">{ring.reqCons}</b> {words.requests}, <b class="m">{heard}</b> {words.doorbells}{heard > 0 && <>, <b class="m">{(ring.reqCons / heard).toFixed(1)}</b> {words.each}</>}</span></div>
    <Strip ring={ring} />
    <Chart points={points.value} />
  </section>;
}

/** The slots in a row; both indices that the doorbell is about stand at theirs. */
function Strip({ ring }: { ring: RingFacts }) {
  const wide = WIDTH / ring.slots, states = slotStates(ring);
  return <svg viewBox={`0 0 ${WIDTH} 56`} aria-hidden="true">
    {states.map((state, i) => <g key={i}><rect x={i * wide + 0.75} y="19" width={wide - 1.5} height={CELL + 3} rx="2" class={`sl-${state}`} />{state !== 'F' && <text x={(i + 0.5) * wide} y="31" text-anchor="middle">{state}</text>}</g>)}
    {([['req_prod', ring.reqProd, 12, 'var(--c)'], ['req_event', ring.reqEvent, 53, 'var(--d0)']] as const).map(([name, value, y, colour]) => {
      const x = (value & (ring.slots - 1)) * wide, isRight = x > WIDTH - 120;
      return <g key={name}><path d={y < 20 ? `M${x} 4V40` : `M${x} 15V54`} stroke={colour} stroke-width="2" stroke-dasharray={y < 20 ? undefined : '3 2'} fill="none" /><text x={isRight ? x - 5 : x + 5} y={y} text-anchor={isRight ? 'end' : 'start'} class="m">{words.slot(name, value)}</text></g>;
    })}
  </svg>;
}

/** A steep line is a doorbell for each request; a flat one is many requests for one doorbell. */
function Chart({ points }: { points: readonly Point[] }) {
  const last = points.at(-1);
  if (!last || last.requests === 0) return null;
  const most = Math.max(last.requests, last.doorbells);
  const x = (n: number): number => LEFT + ((WIDTH - LEFT - RIGHT) * n) / last.requests, y = (n: number): number => HIGH - ((HIGH - 10) * n) / most;
  const end = y(last.doorbells), bound = y(last.requests);
  return <figure><figcaption class="sec">{words.chart}</figcaption>
    <svg viewBox={`0 0 ${WIDTH} ${HIGH + 18}`} aria-hidden="true">
      <path d={`M${LEFT} 4V${HIGH}H${WIDTH - RIGHT}`} fill="none" stroke="var(--edge)" /><path d={`M${x(0)} ${y(0)}L${x(last.requests)} ${bound}`} stroke="var(--text-2)" stroke-dasharray="4 3" fill="none" />
      <path d={`M${points.map(point => `${x(point.requests)} ${y(point.doorbells)}`).join('L')}`} fill="none" stroke="var(--c)" stroke-width="2.5" />
      {points.map((point, i) => <circle key={i} cx={x(point.requests)} cy={y(point.doorbells)} r="3.5" fill="var(--c)" />)}
      <text x={LEFT - 5} y="13" text-anchor="end" class="m">{most}</text><text x={LEFT - 5} y={HIGH + 2} text-anchor="end" class="m">0</text><text x={LEFT} y={HIGH + 15}>{`0 ${words.requests}`}</text><text x={x(last.requests)} y={HIGH + 15} text-anchor="end" class="m">{last.requests}</text>
      {end - bound > 14 && <text x={x(last.requests) + 9} y={bound + 4}>{words.bound}</text>}<text x={x(last.requests) + 9} y={end + 4} class="b">{words.last(last.doorbells, last.requests)}</text>
    </svg></figure>;
}
