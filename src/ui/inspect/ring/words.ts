/** The texts around a ring, its indices and its slots. */

import type { RingFacts } from '../../../dom0/service/index.ts';
import type { GrantEntry } from '../../../hypervisor/interfaces/xen/view/index.ts';

export const words = {
  nothing:
    'No paravirtual device of this guest is connected, so there is no ring. What it does with emulated devices is under Exits.',
  virtqueue: {
    inDriverRing: 'in the available ring',
    inDeviceRing: 'in the used ring',
    inDevice: 'in the device',
    noGrant: 'the device reaches all of its guest’s memory',
    memory: 'The memory as it is now, as far as its page goes.',
    lies: ({ descriptors, driver, device }: NonNullable<RingFacts['virtqueue']>) =>
      `Descriptors, available ring and used ring lie at ${[descriptors, driver, device].map(at => `0x${at.toString(16)}`).join(', ')} of the guest’s memory.`,
  },
  ring: 'Ring',
  indices: 'Indices',
  columns: ['Name', 'Value', 'Slot', 'Written by', 'Lives'],
  inRing: 'in the ring page',
  own: 'in its own memory',
  frontend: 'frontend',
  backend: 'backend',
  within: 'known by bounds',
  orMore: (n: number) => `≥ ${n}`,
  orLess: (n: number) => `≤ ${n}`,
  between: (from: number, to: number) => (from === to ? `${to}` : `${from}–${to}`),
  caption: (slots: number) => `Indices only grow. Slot = index mod ${slots}.`,
  foundAt: (address: string) => `in its own memory, ${address}`,
  foundHow:
    'Its structure of io/ring.h was found in its memory by the number of slots and the address of the ring’s page. It is read with the ring, at each look.',
  waits: 'wait for Domain-0',
  taken: 'in Domain-0’s hands',
  answered: 'answered, unread',
  drafted: 'drafted, not pushed',
  free: 'free',
  states: {
    D: 'drafted, not pushed',
    W: 'waits for Domain-0',
    T: 'in Domain-0’s hands',
    A: 'answered, unread',
    F: 'free',
  },
  slots: (n: number) => `${n} slots`,
  slotName: (n: number) => `Slot ${n}`,
  slot: (n: number, what: string, index: number) => `Slot ${n}, ${what} ${index}`,
  request: 'request',
  draft: 'draft of request',
  reply: 'response',
  slotEmpty: (n: number) => `Slot ${n}, not used yet`,
  left: 'Read by the frontend: the slot is free for its next request.',
  response: 'The response lies over its request.',
  more: (n: number) => (n === 1 ? 'One more segment follows.' : `${n} more segments follow.`),
  gref: 'grant table',
  gfn: 'guest frame',
  mfn: 'machine frame',
  noGrant: 'not granted any more',
  readonly: 'read-only',
  writable: 'read and write',
  mappedBy: (id: number) => `in use by domain ${id}`,
  unmapped: 'nobody uses it now',
  ringPage: (ref: number, entry: GrantEntry | undefined) =>
    `The ring’s page: gref ${ref}${entry ? `, guest frame 0x${entry.frame.toString(16)}` : ''}.`,
  since: 'Since it was connected',
  requests: 'Requests, answers',
  sent: 'Events sent',
  saved: 'Events saved',
  port: (n: number) => `port ${n}`,
  toBack: 'frontend → Domain-0',
  toFront: 'Domain-0 → frontend',
  perEvent: 'Requests per event',
  pending: 'event pending',
  frontMoves: 'frontend moves next',
  backMoves: 'Domain-0 moves next',
  shared: 'shared index',
  priv: 'private index',
  wake: 'wake me here',
  page: 'The granted page as it is now. Domain-0 may use it until the grant ends.',
};

/** The same of a virtqueue: its sides are driver and device, and they tell each other by kicks and interrupts. */
const ofVirtqueue: Partial<typeof words> = {
  ring: 'Queue',
  frontend: 'driver',
  backend: 'device',
  caption: slots =>
    `Indices have 16 bits. Place = index mod ${slots}. Answers may come in another order: the used ring says by id which chain each is of.`,
  waits: 'wait for the device',
  taken: 'in the device’s hands',
  states: {
    ...words.states,
    W: 'waits for the device',
    T: 'in the device’s hands',
  },
  request: 'chain',
  reply: 'used element',
  left: 'Read by the driver: its descriptors are free for the next chain.',
  response: 'The used ring names the chain by the index of its first descriptor.',
  more: n => (n === 1 ? 'One more descriptor follows.' : `${n} more descriptors follow.`),
  since: 'Since the board was made',
  requests: 'Chains',
  sent: 'Notifications',
  saved: 'Saved',
  toBack: 'driver → device, by a write to its register',
  toFront: 'device → driver, by an interrupt',
  perEvent: 'Chains per notification',
  frontMoves: 'driver moves next',
  backMoves: 'device moves next',
};
const wordsOfVirtqueue: typeof words = { ...words, ...ofVirtqueue };

export const wordsOf = ({ virtqueue }: Pick<RingFacts, 'virtqueue'>): typeof words =>
  virtqueue ? wordsOfVirtqueue : words;
