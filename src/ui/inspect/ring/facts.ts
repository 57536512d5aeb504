/** What is seen of a ring: whose turn each slot is, its indices with who writes them, and the slot that is explained. */

import type { RingFacts } from '../../../dom0/service/index.ts';
import type { GrantEntry, PortView } from '../../../hypervisor/interfaces/xen/view/index.ts';
import type { Shown } from '../inspector.ts';
import { lastIn, type SlotState, slotStates } from './slots.ts';
import { words } from './words.ts';

export interface Index {
  name: string;
  value: number;
  by: 'frontend' | 'backend';
  kind: 'shared' | 'private' | 'wake';
  address?: number;
  /** Where, if the kind does not say it. */
  lives?: string;
}
export interface Data {
  rings: RingFacts[];
  ring: RingFacts;
  slots: SlotState[];
  indices: Index[];
  /** What the frontend keeps to itself, as far as the others tell, where it was not found. */
  unseen: [name: string, value: string][];
  counts: Record<SlotState, number>;
  grants: ReadonlyMap<number, GrantEntry>;
  port: PortView | undefined;
}

/** Of one of a guest's rings. */
export function factsOf(
  rings: RingFacts[],
  ring: RingFacts,
): Pick<Data, 'rings' | 'ring' | 'slots' | 'indices' | 'unseen' | 'counts'> {
  const slots = slotStates(ring);
  const counts = { D: 0, W: 0, T: 0, A: 0, F: 0 };
  for (const state of slots) counts[state]++;
  if (ring.virtqueue) return { rings, ring, slots, indices: ofVirtqueue(ring), unseen: [], counts };
  const indices: Index[] = [
    { name: 'req_prod', value: ring.reqProd, by: 'frontend', kind: 'shared' },
    { name: 'req_event', value: ring.reqEvent, by: 'backend', kind: 'wake' },
    { name: 'rsp_prod', value: ring.rspProd, by: 'backend', kind: 'shared' },
    { name: 'rsp_event', value: ring.rspEvent, by: 'frontend', kind: 'wake' },
    { name: 'req_cons', value: ring.reqCons, by: 'backend', kind: 'private' },
    { name: 'rsp_prod_pvt', value: ring.rspProdPvt, by: 'backend', kind: 'private' },
    ...(ring.front ? ownOf(ring.front) : []),
  ];
  return { rings, ring, slots, indices, unseen: ring.front ? [] : unseenOf(ring), counts };
}

/** As VIRTIO 1.2 has them (2.7.6 to 2.7.10), in 16 bits; how far the driver has read only it knows. */
function ofVirtqueue({ reqProd, reqEvent, rspProd, rspEvent, reqCons, virtqueue }: RingFacts): Index[] {
  const { inDriverRing, inDeviceRing, inDevice } = words.virtqueue;
  const all: Index[] = [
    { name: 'avail.idx', value: reqProd, by: 'frontend', kind: 'shared', lives: inDriverRing },
    { name: 'avail_event', value: reqEvent - 1, by: 'backend', kind: 'wake', lives: inDeviceRing },
    { name: 'used.idx', value: rspProd, by: 'backend', kind: 'shared', lives: inDeviceRing },
    { name: 'used_event', value: rspEvent - 1, by: 'frontend', kind: 'wake', lives: inDriverRing },
    { name: 'last_avail_idx', value: reqCons, by: 'backend', kind: 'private', lives: inDevice },
  ];
  return all
    .filter(({ kind }) => kind !== 'wake' || virtqueue?.hasEvents)
    .map(index => ({ ...index, value: index.value & 0xffff }));
}

/** As they lie in struct __name##_front_ring: req_prod_pvt first. */
const ownOf = ({ rspCons, reqProdPvt, address }: NonNullable<RingFacts['front']>): Index[] => [
  { name: 'rsp_cons', value: rspCons, by: 'frontend', kind: 'private', address: address + 4 },
  { name: 'req_prod_pvt', value: reqProdPvt, by: 'frontend', kind: 'private', address },
];
/** Where an index is kept. */
export const livesIn = ({ kind, address, lives }: Index): string =>
  lives !== undefined
    ? lives
    : kind !== 'private'
      ? words.inRing
      : address === undefined
        ? words.own
        : words.foundAt(`0x${(address >>> 0).toString(16)}`);

/**
 * RING_FINAL_CHECK_FOR_RESPONSES leaves rsp_event at rsp_cons + 1, and rsp_cons only grows, up to rsp_prod. Linux's netfront asks to be woken half way through
 * what it has sent: of its ring to send only the upper bound is known. What is pushed was made: req_prod_pvt is never behind req_prod.
 */
function unseenOf({ key, rspEvent, rspProd, reqProd }: RingFacts): Data['unseen'] {
  const behind = (rspProd - rspEvent + 1) | 0;
  return [
    ['req_prod_pvt', words.orMore(reqProd)],
    [
      'rsp_cons',
      key.endsWith(' tx') || behind < 0 ? words.orLess(rspProd) : words.between((rspEvent - 1) >>> 0, rspProd),
    ],
  ];
}

/** What lies in such a slot is a request. */
export const asks = (state: SlotState): boolean => state === 'W' || state === 'T' || state === 'D';

/** Unless one is chosen: that which Domain-0 takes next, or has taken last, or has answered last. */
export function slotChosen({ data: { ring, slots }, chosen }: Shown<Data>): number {
  if (/^\d+$/.test(chosen) && Number(chosen) < ring.slots) return Number(chosen);
  const next = ring.reqCons & (ring.slots - 1),
    taken = (ring.reqCons - 1) & (ring.slots - 1);
  return slots[next] === 'W' ? next : slots[taken] === 'T' ? taken : (ring.rspProdPvt - 1) & (ring.slots - 1);
}

/** Fields of the request that a slot holds, or of the response that lies over it; none: it was not used yet. */
export const contentOf = (ring: RingFacts, state: SlotState, slot: number): RingFacts['responses'][number] =>
  asks(state) ? ring.requests[slot]!.fields : lastOf(ring, state, slot) < 0 ? [] : ring.responses[slot]!;

/** The index of what a slot holds, or held last; below 0: it was not used yet. */
export const lastOf = (ring: RingFacts, state: SlotState, slot: number): number =>
  lastIn({ slots: ring.slots, reqProd: state === 'D' ? ring.front!.reqProdPvt : ring.reqProd }, slot);

/** As `hexdump -C` has it: where, 16 bytes, and what of them is ASCII. */
export function hexLine(memory: { byte(address: number): number }, page: number, from: number): string {
  const bytes = Array.from({ length: 16 }, (_, i) => memory.byte(page + from + i)),
    hex = bytes.map(byte => byte.toString(16).padStart(2, '0'));
  return `${from.toString(16).padStart(4, '0')}  ${hex.slice(0, 8).join(' ')}  ${hex.slice(8).join(' ')}  ${bytes.map(byte => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('')}`;
}
