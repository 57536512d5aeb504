/** What is drawn in the lanes of a request: cards, exits as squares, sectors as each layer calls them, and where its time went. */

import type { FollowedRequest } from '../../../dom0/service/index.ts';
import { exitTitle } from '../../../hypervisor/view/index.ts';
import type { CardText } from './cards.ts';
import { countOf, lasts, lastOf, ownerOf, type Side, type Steps } from './facts.ts';
import { timeText, words } from './words.ts';

const MOST_SQUARES = 165,
  /** This many fit in a line at their full width. */
  ONE_LINE = 30,
  /** A segment of the time bar that is this long next to the longest bar has its name in it. */
  NAMED = 0.2;

export const Card = ({ title, figure, text }: CardText) => (
  <div class="lcard">
    <b>{title}</b>
    <b class="fig">{figure}</b>
    <span>{text}</span>
  </div>
);

/** A square for each exit, and what they were. */
export function Crossing({ exits, told: hypercallText }: { exits: FollowedRequest['exits']; told: string }) {
  if (!exits)
    return (
      <div class="cross">
        <p class="sec">{words.uncounted}</p>
      </div>
    );
  const count = countOf(exits),
    hypercall = /EVTCHNOP.*/.exec(hypercallText)?.[0],
    byReason = new Map<number, typeof exits>();
  for (const each of exits) byReason.set(each.reason, [...(byReason.get(each.reason) ?? []), each]);
  return (
    <div class="cross">
      <div class={`sqs${count > ONE_LINE ? ' many' : ''}`} aria-hidden="true">
        {Array.from({ length: Math.min(count, MOST_SQUARES) }, (_, i) => (
          <i key={i} />
        ))}
        {count > MOST_SQUARES && <small>{words.more(count - MOST_SQUARES)}</small>}
      </div>
      <p>
        <b class="big">{count}</b> {words.exit(count)}
        {count === 0 ? (
          <span class="sec">: {words.noExit}</span>
        ) : (
          [...byReason].map(([reason, same], i) => (
            <span key={reason}>
              {i > 0 ? ', ' : ': '}
              {byReason.size > 1 && `${countOf(same)} `}
              {exitTitle(reason)}
              {same.some(({ port }) => port !== undefined) && (
                <span class="sec">
                  {' '}
                  (
                  {same
                    .slice(0, 3)
                    .map(({ port, count: n }) => `${n} × 0x${port!.toString(16)}`)
                    .join(', ')}
                  {same.length > 3 && ' …'})
                </span>
              )}
            </span>
          ))
        )}
        {hypercall && count > 0 && <span class="sec">, {hypercall}</span>}
      </p>
    </div>
  );
}

export const WHERE: ReadonlySet<string> = new Set(['guest disk', 'volume', 'image', 'partition', 'disk', 'stored']);

/** The same sectors as each layer calls them. */
export const Where = ({ steps, id }: { steps: Steps; id: number }) => (
  <ol class="where">
    {steps
      .filter(({ place, what }) => WHERE.has(place) && !what.startsWith('nowhere'))
      .map(({ place, what }) => {
        const [device, ...rest] = what
          .replace(/, \d+ sectors?$/, '')
          .replace('logical extent', 'extent')
          .split(', ');
        return (
          <li key={place} class={ownerOf(place, id)}>
            <small>
              {place}
              {rest.length > 0 && ` ${device}`}
            </small>
            <span>{rest.length > 0 ? rest.join(', ') : device}</span>
          </li>
        );
      })}
  </ol>
);

/** Where its time went: as long as it is next to the longest one here. */
export function Times({ steps, id, mostUs }: { steps: Steps; id: number; mostUs: number }) {
  const took = lasts(steps),
    all = lastOf(steps),
    top = took.indexOf(Math.max(...took));
  return (
    <div class="times">
      <div class="tbar" style={`width:${Math.max(0.6, (100 * all) / mostUs)}%`}>
        {steps.map(
          ({ place }, i) =>
            took[i]! > 0 && (
              <i
                key={i}
                class={ownerOf(place, id)}
                style={`flex-grow:${took[i]}`}
                title={`${place}: ${timeText(took[i]!)}`}
              >
                {took[i]! > mostUs * NAMED && <span>{place}</span>}
              </i>
            ),
        )}
      </div>
      <p>
        <b class="big">{timeText(all)}</b>
        {all > 0 && (
          <span class="sec">
            {' '}
            {words.largest(steps[top]!.place, (100 * took[top]!) / all)};{' '}
            {took
              .map((us, i) => ({ us, place: steps[i]!.place }))
              .filter(({ us }, i) => us >= 0.5 && i !== top)
              .sort((one, other) => other.us - one.us)
              .slice(0, 3)
              .map(({ us, place }) => `${place} ${timeText(us).replace(' ', '\u00a0')}`)
              .join(', ')}
          </span>
        )}
      </p>
    </div>
  );
}

/** To the requests before and after it. */
export function Neighbours({
  side,
  picked,
  pick,
}: {
  side: Side;
  picked: FollowedRequest;
  pick: (number: number) => void;
}) {
  const at = side.requests.findIndex(({ number }) => number === picked.number),
    button = (label: string, text: string, to: number) => {
      const request = side.requests[to];
      return (
        <button
          class="btn"
          aria-label={label}
          title={label}
          disabled={!request}
          onClick={() => request && pick(request.number)}
        >
          {text}
        </button>
      );
    };
  return (
    <span class="near">
      {button(words.earlier(side.name), '‹', at + 1)}
      <span class="sec nw">{words.number(picked.number)}</span>
      {button(words.later(side.name), '›', at - 1)}
    </span>
  );
}
