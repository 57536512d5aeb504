/** The ring next to what one slot holds; below: what its events save, and why. */

import type { RefObject } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { ownerClass } from '../../parts/marks.tsx';
import { WhyBox } from '../frame.tsx';
import type { Shown } from '../inspector.ts';
import { Detail } from './detail.tsx';
import { RingDrawing } from './drawing.tsx';
import { type Data, slotChosen } from './facts.ts';
import { shownRing } from './source.ts';
import { why } from './why.ts';
import { words, wordsOf } from './words.ts';

/** A ring with more slots has no letters in them. */
const FEW = 64;

/** Leads from the chosen slot to what is said of it, where that is next to it: where its text came to lie shows when it is there. */
function useLeader(box: RefObject<HTMLDivElement | null>): void {
  useLayoutEffect(() => {
    const draw = (): void => {
      const svg = box.current?.querySelector<SVGSVGElement>('.ringsvg'),
        heading = box.current?.querySelector('.rslot h3'),
        line = svg?.querySelector('.lead');
      if (!svg || !heading || !line) return;
      const { left, top, right, width } = svg.getBoundingClientRect(),
        there = heading.getBoundingClientRect(),
        {
          viewBox: { baseVal: view },
        } = svg,
        unit = view.width / width;
      const x = view.x + (there.left - left - 6) * unit,
        y = view.y + ((there.top + there.bottom) / 2 - top) * unit;
      line.setAttribute(
        'd',
        width > 0 && there.left > right
          ? `M${line.getAttribute('data-from')}H${view.x + view.width}L${x.toFixed(1)} ${y.toFixed(1)}`
          : '',
      );
    };
    draw();
    addEventListener('resize', draw);
    return () => removeEventListener('resize', draw);
  });
}

export function Figure(shown: Shown<Data>) {
  const box = useRef<HTMLDivElement>(null);
  useLeader(box);
  return (
    <div class="rngv" ref={box}>
      <Ring {...shown} />
      <div class="idet">
        <Detail {...shown} />
      </div>
      <Events {...shown} />
      <WhyBox why={why(shown)} />
    </div>
  );
}

function Ring(shown: Shown<Data>) {
  const { data, choose, target } = shown,
    { ring, slots, counts } = data,
    { slots: count } = ring,
    says = wordsOf(ring);
  const chosen = slotChosen(shown),
    owner = ownerClass(target.session?.id ?? 0),
    isFew = count <= FEW;
  const onKeyDown = (event: KeyboardEvent): void => {
    const to = {
      ArrowRight: chosen + 1,
      ArrowDown: chosen + 1,
      ArrowLeft: chosen - 1,
      ArrowUp: chosen - 1,
      Home: 0,
      End: count - 1,
    }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    choose(String(((to % count) + count) % count));
  };
  return (
    <div class={`col rng ${owner}`}>
      {data.rings.length > 1 && <Choice data={data} choose={choose} />}
      <figure>
        <div
          class="ringw"
          tabIndex={0}
          role="group"
          aria-label={`${ring.name}: ${counts.W} ${says.waits}, ${counts.T} ${says.taken}, ${counts.A} ${words.answered}, ${ring.front ? `${counts.D} ${words.drafted}, ` : ''}${counts.F} ${words.free}. ${words.slotName(chosen)}`}
          onKeyDown={onKeyDown}
        >
          <RingDrawing data={data} chosen={chosen} choose={choose} isFew={isFew} />
          <div class={`unroll${isFew ? '' : ' many'}`} aria-hidden="true">
            {slots.map((state, i) => (
              <span key={i} class={`us sl-${state}${i === chosen ? ' on' : ''}`} onClick={() => choose(String(i))}>
                <small>{i}</small>
                {state !== 'F' && <b>{state}</b>}
              </span>
            ))}
          </div>
        </div>
        <figcaption>{says.caption(count)}</figcaption>
        <Legend owner={owner} says={says} />
      </figure>
    </div>
  );
}

const Choice = ({ data: { rings, ring }, choose }: Pick<Shown<Data>, 'data' | 'choose'>) => (
  <div class="seg" role="group" aria-label={wordsOf(ring).ring}>
    {rings.map(({ key, name }) => (
      <button
        key={key}
        aria-pressed={key === ring.key}
        onClick={() => {
          shownRing.value = key;
          choose('');
        }}
      >
        {name}
      </button>
    ))}
  </div>
);

const Legend = ({ owner, says }: { owner: string; says: typeof words }) => (
  <div class="legend">
    <span>
      <i class={`chip ${owner}`} />
      {says.frontMoves}
    </span>
    <span>
      <i class="chip c-d0" />
      {says.backMoves}
    </span>
    <span>
      <i class="pin" />
      {words.shared}
    </span>
    <span>
      <i class="pin o" />
      {words.priv}
    </span>
    <span>
      <i class="pin d" />
      {words.wake}
    </span>
  </div>
);

function Events({ data: { ring, port } }: Shown<Data>) {
  const says = wordsOf(ring),
    { events } = ring;
  return (
    <div>
      {events && (
        <table class="pad">
          <thead>
            <tr>
              <th>
                {says.since}
                {port?.pending && `, ${words.pending}`}
              </th>
              <th class="num">{says.requests}</th>
              <th class="num">{says.sent}</th>
              <th class="num">{says.saved}</th>
              <th class="num">{says.perEvent}</th>
            </tr>
          </thead>
          <tbody>
            {(
              [
                [says.toBack, events.requests ?? ring.reqProd, events.heard],
                [says.toFront, events.answers ?? ring.rspProd, events.sent],
              ] as const
            ).map(([way, requests, events]) => (
              <tr key={way}>
                <td class="nw">
                  {way}
                  {ring.port >= 0 && `, ${words.port(ring.port)}`}
                </td>
                <td class="num m">{requests}</td>
                <td class="num m">{events}</td>
                <td class="num m">{Math.max(0, requests - events)}</td>
                <td class="num m b">{events === 0 ? '–' : (requests / events).toFixed(1)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </div>
  );
}
