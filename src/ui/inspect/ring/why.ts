/** Whether the next push into a ring would send an event, and why. */

import type { RingFacts } from '../../../dom0/service/index.ts';
import type { Shown, Why } from '../inspector.ts';
import type { Data } from './facts.ts';

export function why({ data: { ring } }: Pick<Shown<Data>, 'data'>): Why {
  if (ring.virtqueue) return kickWhy(ring);
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
      answer: `No. req_event is ${ring.reqEvent}, which req_prod has passed: the push that passed it rings, once, for all behind it. Domain-0 sets req_event again in its final check, before it sleeps.`,
      source,
    };
  return {
    question: 'Would the next push send an event?',
    answer: `Not with one request: Domain-0 wants to be woken at ${ring.reqEvent}, when ${distance} more are there.`,
    source,
  };
}

/** The same of a virtqueue (VIRTIO 1.2, 2.7.10): avail_event is the index of the chain to be notified of. */
function kickWhy({ reqProd, reqEvent, reqCons, virtqueue }: RingFacts): Why {
  const question = 'Would the device be notified of the next chain?',
    source = 'VIRTIO 1.2, 2.7.10',
    [now, event] = [reqProd & 0xffff, (reqEvent - 1) & 0xffff];
  if (!virtqueue!.hasEvents)
    return {
      question,
      answer: 'Yes. The driver has not taken up VIRTIO_F_EVENT_IDX, and the device wants each.',
      source,
    };
  if (event === now)
    return {
      question,
      answer: `Yes. It is the one at ${now}, and avail_event is ${event}: the device has taken all up to ${reqCons & 0xffff}, and wants to hear of the next.`,
      source,
    };
  return {
    question,
    answer: `No. avail_event is ${event}, and avail.idx has passed it: the device was notified, and sets avail_event again once it has taken everything.`,
    source,
  };
}
