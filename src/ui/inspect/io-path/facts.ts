/** What is known of requests on their way: which one is shown, by which path it went, and what each cost. */

import type { FollowedRequest } from '../../../dom0/service/index.ts';
import { ownerClass } from '../../owners.ts';
import type { Shown } from '../inspector.ts';
import { figure, sizeText, timeText, words } from './words.ts';

/** The typical request is one of the last this many. */
const RECENT = 40;

/** A guest's requests, newest first. */
export interface Side {
  id: number;
  name: string;
  type: string;
  requests: FollowedRequest[];
  /** Records of the last look that were overwritten before they were read. */
  missed: number;
}
export interface Data {
  own: Side;
  other?: Side;
}

/** Whose colour a place has: the guest's, Xen's, Domain-0's, or that of the host's own disk. */
export const OWNERS: Readonly<Record<string, 'guest' | 'c-hv' | 'c-d0' | 'c-hw'>> = {
  'front end': 'guest',
  virtqueue: 'guest',
  'guest disk': 'guest',
  exit: 'c-hv',
  'back end': 'c-d0',
  'device model': 'c-d0',
  volume: 'c-d0',
  image: 'c-d0',
  bridge: 'c-d0',
  card: 'guest',
  partition: 'c-hw',
  disk: 'c-hw',
  controller: 'c-hw',
  stored: 'c-hw',
  data: 'c-d0',
  file: 'c-hw',
  answer: 'c-d0',
};
export const ownerOf = (place: string, id: number): string => {
  const owner = OWNERS[place] ?? 'c-hw';
  return owner === 'guest' ? ownerClass(id) : owner;
};

/** The one whose exits are nearest to the mean, as the sums below tell it; of several the one in the middle by its time. */
function meanOf(requests: readonly FollowedRequest[]): FollowedRequest | undefined {
  const mean = sum(requests, ({ exits }) => countOf(exits)) / requests.length,
    apart = ({ exits }: FollowedRequest): number => Math.abs(countOf(exits) - mean),
    least = Math.min(...requests.map(apart));
  return typicalOf(requests.filter(each => apart(each) === least));
}
/** The one in the middle by its time: the last one may be one that waited for something else. */
const typicalOf = (requests: readonly FollowedRequest[]): FollowedRequest | undefined =>
  [...requests].sort((a, b) => lastOf(a.steps) - lastOf(b.steps))[requests.length >> 1];
/** The chosen request of a side; unless one is chosen, a typical one of the last that were answered, whose exits are known, and that took some. */
export function chosenOf({ requests }: Side, chosen: string): FollowedRequest | undefined {
  const done = requests.slice(0, RECENT).filter(({ isDone }) => isDone);
  return (
    requests.find(({ number }) => String(number) === chosen) ??
    meanOf(done.filter(({ exits }) => exits && exits.length > 0)) ??
    done[0] ??
    requests[0]
  );
}

export type Steps = FollowedRequest['steps'];
export type Way = 'ring' | 'virtqueue' | 'drive' | 'card' | 'other';
export const wayOf = ({ steps }: FollowedRequest): Way => {
  const places = new Set(steps.map(({ place }) => place));
  return places.has('front end')
    ? 'ring'
    : places.has('virtqueue')
      ? 'virtqueue'
      : places.has('device model')
        ? 'drive'
        : places.has('card')
          ? 'card'
          : 'other';
};
export const lastOf = (steps: Steps): number => Math.max(0, ...steps.map(({ us }) => us));
export const bytesOf = (exits: FollowedRequest['exits'] = []): number =>
  exits.reduce((sum, { bytes = 0 }) => sum + bytes, 0);
export const countOf = (exits: readonly { count: number }[] = []): number =>
  exits.reduce((sum, { count }) => sum + count, 0);
export const kibOf = (steps: Steps): number | undefined => {
  const sectors = /(\d+) sectors?/.exec(steps.find(({ place }) => place === 'guest disk')?.what ?? '')?.[1];
  return sectors === undefined ? undefined : Number(sectors) / 2;
};
export const whatOf = (steps: Steps): string =>
  /: (\w+)$/.exec(steps.find(({ place }) => /back end|model/.test(place))?.what ?? '')?.[1] ?? '';
/** Percent of its time. */
export const shareOf = (where: string, steps: Steps): number =>
  (100 * lasts(steps).reduce((sum, us, i) => sum + (steps[i]!.place === where ? us : 0), 0)) /
  Math.max(1, lastOf(steps));
/** Time at a place: until the next one was reached. */
export const lasts = (steps: Steps): number[] => steps.map(({ us }, i) => Math.max(0, (steps[i + 1]?.us ?? us) - us));

/** Requests whose exits are known, of those that were answered. */
export const countedOf = ({ requests }: Side): FollowedRequest[] =>
  requests.filter(({ exits, isDone }) => exits && isDone);

const sum = (requests: readonly FollowedRequest[], of: (request: FollowedRequest) => number): number =>
  requests.reduce((total, request) => total + of(request), 0);
export const meanExits = (requests: readonly FollowedRequest[]): string =>
  figure(sum(requests, ({ exits }) => countOf(exits)) / requests.length);

/** Means of each side's requests. */
export function sumsOf(counted: readonly (readonly FollowedRequest[])[]): [name: string, values: string[]][] {
  const exits = counted.map(requests => sum(requests, ({ exits: each }) => countOf(each))),
    kib = counted.map(requests => sum(requests, ({ steps }) => kibOf(steps) ?? 0));
  const values = (of: (i: number) => number, text: (n: number) => string): string[] =>
    counted.map((_, i) => (Number.isFinite(of(i)) ? text(of(i)) : '–'));
  return [
    [
      counted.every(({ length }) => length === 1) ? words.exits : words.perRequest,
      values(i => exits[i]! / counted[i]!.length, figure),
    ],
    ...(kib.every(each => each > 0)
      ? [[words.perKib, values(i => exits[i]! / kib[i]!, figure)] as [string, string[]]]
      : []),
    // Where a driver moves the data itself that is what tells the ways apart; the times have a lane of their own.
    counted.some(requests => requests.some(request => wayOf(request) === 'drive'))
      ? [words.copied, values(i => sum(counted[i]!, ({ exits: each }) => bytesOf(each)) / counted[i]!.length, sizeText)]
      : [words.answered, values(i => lastOf(typicalOf(counted[i]!)?.steps ?? []) || NaN, timeText)],
  ];
}

/** The requests that are shown, one of each side, and whether they compare. */
export interface Comparison {
  sides: Side[];
  picked: (FollowedRequest | undefined)[];
  /** Both do the same by different ways: so much, and what. */
  same: { kib: number; what: string } | undefined;
  /** They represent themselves, since they are alike and were counted. Else means do: one request alone may be the one that rang for all others. */
  pair: [FollowedRequest, FollowedRequest] | undefined;
}
export function comparisonOf({ data: { own, other }, chosen }: Pick<Shown<Data>, 'data' | 'chosen'>): Comparison {
  const sides = [own, ...(other ? [other] : [])],
    keys = chosen.split(' '),
    picked = sides.map((side, i) => chosenOf(side, keys[i] ?? '')),
    [one, two] = picked,
    kib = one && kibOf(one.steps);
  const isSame =
    one &&
    two &&
    kib &&
    kib === kibOf(two.steps) &&
    whatOf(one.steps) === whatOf(two.steps) &&
    wayOf(one) !== wayOf(two);
  return {
    sides,
    picked,
    same: isSame ? { kib, what: whatOf(one.steps) } : undefined,
    pair: isSame && one.exits && two.exits ? [one, two] : undefined,
  };
}
