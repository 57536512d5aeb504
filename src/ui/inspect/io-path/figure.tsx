/** A request's places in lanes, next to one of another guest; below them what requests cost in the mean. */

import type { ComponentChildren } from 'preact';
import type { FollowedRequest } from '../../../dom0/service/index.ts';
import { domains } from '../../host.ts';
import { ModeBadge, ownerClass, Tag } from '../../parts/marks.tsx';
import { WhyBox } from '../frame.tsx';
import type { Shown } from '../inspector.ts';
import { guestCard, hostCard, hypervisorCard } from './cards.ts';
import { Empty } from './empty.tsx';
import {
  type Comparison,
  comparisonOf,
  countedOf,
  type Data,
  kibOf,
  lastOf,
  meanExits,
  shareOf,
  type Side,
  sumsOf,
  wayOf,
  whatOf,
} from './facts.ts';
import { Card, Crossing, Neighbours, Times, WHERE, Where } from './lanes.tsx';
import { OnDisk } from './on-disk.tsx';
import { Replay } from './replay.tsx';
import { beside } from './source.ts';
import { why } from './why.ts';
import { ioPathWords, timeText, words } from './words.ts';

export function Figure(shown: Shown<Data>) {
  const { own, other } = shown.data;
  if (own.requests.length === 0 && !other) return <Empty session={shown.target.session!} />;
  const compared = comparisonOf(shown),
    { sides, picked, same } = compared,
    reason = why(shown);
  const pick = (i: number, number: number): void =>
    shown.choose(sides.map((_, each) => (each === i ? number : (picked[each]?.number ?? ''))).join(' '));
  return (
    <div class={`col iop${other ? ' two' : ''}`}>
      <div class="row ioph">
        <h3 class="grow">
          {same ? words.twoWays(same.kib, same.what) : words.requestsOf(sides.map(({ name }) => name))}
        </h3>
        <Beside own={own.id} />
      </div>
      <Lanes compared={compared} pick={pick} />
      {picked[0] && <Replay request={picked[0]} id={own.id} />}
      <div class="iopend">
        <Sums compared={compared} />
        {reason && <WhyBox why={reason} />}
      </div>
    </div>
  );
}

/** Which guest's requests are next to these. */
function Beside({ own }: { own: number }) {
  const others = domains.value.filter(({ id, state }) => id > 0 && id !== own && state !== 'c');
  return (
    <label class="row cmp">
      <span class="sec">{words.compare}</span>
      <select
        class="in"
        value={beside.value}
        onChange={event => {
          beside.value = Number(event.currentTarget.value);
        }}
      >
        <option value={0}>{words.none}</option>
        {others.map(({ id, name }) => (
          <option key={id} value={id}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}

function Lanes({ compared, pick }: { compared: Comparison; pick: (side: number, number: number) => void }) {
  const { sides, picked } = compared,
    mostUs = Math.max(1, ...picked.map(each => lastOf(each?.steps ?? [])));
  const lane = (
    [name, what]: readonly [name: string, what: string],
    of: (request: FollowedRequest, side: Side, i: number) => ComponentChildren,
  ) => (
    <>
      <div class="lane-n">
        <b>{name}</b>
        <small>{what}</small>
      </div>
      {sides.map((side, i) => {
        const request = picked[i];
        return (
          <div key={side.id} class={`lane-c ${ownerClass(side.id)}`}>
            {request && of(request, side, i)}
          </div>
        );
      })}
    </>
  );
  return (
    <div class="lanes">
      <div class="lane-n none" />
      {sides.map((side, i) => {
        const request = picked[i];
        return (
          <Head
            key={side.id}
            side={side}
            request={request}
            isSame={compared.same !== undefined}
            pick={number => pick(i, number)}
          />
        );
      })}
      {lane(words.lanes.guest, request => (
        <Card {...guestCard(request)} />
      ))}
      {lane(words.lanes.crossing, request => (
        <Crossing exits={request.exits} told={request.steps.find(({ place }) => place === 'exit')?.what ?? ''} />
      ))}
      {lane(ioPathWords().hypervisorLane, (request, side) => (
        <div class="c-hv">
          <Card {...hypervisorCard(request, side)} />
        </div>
      ))}
      {lane(ioPathWords().hostLane, request => (
        <div class="c-d0">
          <Card {...hostCard(request)} />
        </div>
      ))}
      {picked.some(each => each && each.steps.some(({ place }) => WHERE.has(place))) && (
        <>
          {lane(words.lanes.where, (request, side) => (
            <Where steps={request.steps} id={side.id} />
          ))}
          <OnDisk sides={sides.map(({ id }, i) => ({ id, steps: picked[i]?.steps ?? [] }))} />
        </>
      )}
      {sides.length === 1 &&
        lane(words.lanes.time, (request, side) => <Times steps={request.steps} id={side.id} mostUs={mostUs} />)}
    </div>
  );
}

/** `isSame`: the line above says what it is. */
const Head = ({
  side,
  request,
  isSame,
  pick,
}: {
  side: Side;
  request: FollowedRequest | undefined;
  isSame: boolean;
  pick: (number: number) => void;
}) => (
  <div class={`lane-h ${ownerClass(side.id)}`}>
    <h3>
      <span class="dom">{side.name}</span> <ModeBadge type={side.type} /> {request && words.ways[wayOf(request)]}
    </h3>
    {request ? (
      <h4>
        {!isSame && whatOf(request.steps) && words.of(whatOf(request.steps), kibOf(request.steps))}{' '}
        <Tag kind={request.isDone ? 'done' : 'running'}>{request.isDone ? words.done : words.open}</Tag>
        <Neighbours side={side} picked={request} pick={pick} />
      </h4>
    ) : (
      <p class="sec">{words.waitsFor(side.name)}</p>
    )}
    {side.missed > 0 && <p class="sec">{words.missed(side.missed)}</p>}
  </div>
);

/** What a request costs, side against side. */
function Sums({ compared: { sides, picked, pair } }: { compared: Comparison }) {
  const counted = sides.map(countedOf),
    counts = counted.map(({ length }) => length),
    shares = picked.map(each => (each ? shareOf('controller', each.steps) : 0));
  return (
    <div>
      <dl class="sums">
        {sumsOf(pair ? pair.map(each => [each]) : counted).map(([name, values]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>
              {values.map((value, i) => (
                <span key={i}>
                  {i > 0 && <em>{words.against}</em>}
                  <b class={`dom ${ownerClass(sides[i]!.id)}`}>{value}</b>
                </span>
              ))}
            </dd>
          </div>
        ))}
      </dl>
      <p class="cap-t">
        {pair ? words.inMean(counted.map(meanExits), counts) : words.mean(counts)}
        {shares.length > 1 &&
          shares.every(share => share > 0) &&
          ` ${words.took(
            picked.map(each => timeText(lastOf(each!.steps))),
            shares,
          )}`}
      </p>
    </div>
  );
}
