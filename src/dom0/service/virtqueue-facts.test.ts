import { describe, expect, it } from 'vitest';
import type { VirtQueueLook } from '../../devices/index.ts';
import { virtqueueFacts } from './virtqueue-facts.ts';

/** Indices have gone round once: two chains wait, three are at the device, of which one was given back behind the last one that was told of. */
const look: VirtQueueLook = {
  index: 1,
  name: 'tx',
  size: 8,
  vector: 2,
  descriptors: 0x1000,
  driver: 0x2000,
  device: 0x3000,
  available: { index: 3, event: 0xfffd },
  used: { index: 0xffff, event: 1 },
  taken: 1,
  given: 0xffff,
  chains: Array.from({ length: 8 }, (_, head) => ({
    head,
    pieces: [
      { address: 0x5000, length: 12, isWritten: false },
      { address: 0x6000, length: 60, isWritten: false },
    ],
  })),
  elements: Array.from({ length: 8 }, (_, id) => ({ id, written: 0 })),
  counts: { kicks: 4, interrupts: 2, taken: 0x10001, given: 0xffff, offered: [1, 3] },
};

describe('a virtqueue as a ring', () => {
  it('has indices that do not wrap, those of events one behind, and what each side told', () => {
    const facts = virtqueueFacts('virtio-net', look);
    expect(facts).toMatchObject({
      key: 'virtio-net 1',
      name: 'virtio-net tx',
      fact: 'virtio-net.tx',
      slots: 8,
      reqProd: 0x10003,
      reqCons: 0x10001,
      rspProdPvt: 0xffff,
      rspProd: 0xffff,
      reqEvent: 0x10002,
      rspEvent: 0xfffe,
      events: { heard: 4, sent: 2, requests: 0x10001, answers: 0xffff },
    });
    expect(facts.requests[0]).toEqual({
      fields: [
        ['head', '0'],
        ['descriptors', '2'],
        ['device reads', '72 bytes'],
      ],
      refs: [
        { ref: 0, address: 0x5000, what: '12 bytes that the device reads' },
        { ref: 1, address: 0x6000, what: '60 bytes that the device reads' },
      ],
    });
    expect(facts.responses[3]).toEqual([
      ['id', '3'],
      ['len', '0'],
    ]);
  });

  it('of a saved state, or without indices of events, counts from where it is, and calls nothing unread', () => {
    const facts = virtqueueFacts('virtio-blk2', {
      ...look,
      name: '',
      available: { index: 3, event: undefined },
      used: { index: 0xffff, event: undefined },
      counts: { ...look.counts, taken: 0 },
    });
    expect(facts).toMatchObject({ name: 'vdc', fact: 'vdc', reqCons: 1, rspProd: -1, rspEvent: 0 });
    expect(facts.virtqueue?.hasEvents).toBe(false);
  });
});
