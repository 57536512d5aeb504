/** Whether the next push into a ring would send an event, and why. */

import type { Shown, Why } from '../inspector.ts';
import type { Data } from './facts.ts';

export function why({ data: { ring } }: Pick<Shown<Data>, 'data'>): Why {
  const next = (ring.reqProd + 1) >>> 0,
    source = 'xen/include/public/io/ring.h, RING_PUSH_REQUESTS_AND_CHECK_NOTIFY';
  const distance = (ring.reqEvent - ring.reqProd) | 0;
  if (distance === 1)
    return {
      question: 'Would the next push send an event?',
      answer: `Yes. It moves req_prod from ${ring.reqProd} to ${next}, past req_event, which is ${ring.reqEvent}: Domain-0 has looked at all requests, sleeps, and wants to be woken.`,
      source,
    };
  if (distance <= 0)
    return {
      question: 'Would the next push send an event?',
      answer: `No. req_event is ${ring.reqEvent}, which req_prod has passed: the push that passed it rings, once, for all behind it. Domain-0 sets req_event anew in its final check, before it sleeps.`,
      source,
    };
  return {
    question: 'Would the next push send an event?',
    answer: `Not with one request: Domain-0 wants to be woken at ${ring.reqEvent}, when ${distance} more are there.`,
    source,
  };
}
