/** What is in the virtqueues of a guest, place by place, as ring-facts.ts has it of Xen's rings. Source: OASIS Virtual I/O Device (VIRTIO) 1.2, 2.7. */
import type { VirtQueueLook } from '../../devices/index.ts';
import type { Uses } from '../toolstack/index.ts';
import type { RingFacts, SlotFacts } from './front-rings.ts';

/** Indices have 16 bits: what is ahead of the device is so far ahead, and what is behind it so far behind. */
const MASK = 0xffff;

const BLK = /^virtio-blk(\d+)$/;
/** As the guest calls a disk, and the board all others. */
const nameOf = (device: string, queue: string): string => {
  const disk = BLK.exec(device)?.[1];
  return `${disk === undefined ? device : `vd${String.fromCharCode(97 + Number(disk))}`}${queue && ` ${queue}`}`;
};

/** `name`: of people; `fact`: of lessons. */
export function virtqueueFacts(device: string, look: VirtQueueLook): RingFacts {
  const { size, available, used, taken, given, chains, elements, counts } = look;
  // What was counted tells a place that was never used; a queue of a saved state was not counted from its beginning.
  const reqCons = (counts.taken & MASK) === taken ? counts.taken : taken,
    reqProd = reqCons + ((available.index - taken) & MASK),
    rspProdPvt = reqCons - ((taken - given) & MASK),
    /** The next one that is notified; where events have no index nothing says what was read. */
    after = (from: number, event: number | undefined): number =>
      event === undefined ? from + 1 : from + (((event + 1 - from) << 16) >> 16);
  const rspProd = rspProdPvt - ((given - used.index) & MASK);
  return {
    key: `${device} ${look.index}`,
    name: nameOf(device, look.name),
    fact: nameOf(device, '') + (look.name && `.${look.name}`),
    slots: size,
    reqProd,
    reqCons,
    rspProd,
    rspProdPvt,
    reqEvent: after(reqProd, used.event),
    rspEvent: after(rspProd, available.event),
    requests: chains.map(({ head, pieces }) => chainFacts(head, pieces)),
    responses: elements.map(({ id, written }) => [
      ['id', String(id)],
      ['len', String(written)],
    ]),
    port: -1,
    ringRefs: [],
    events: {
      sent: counts.interrupts,
      heard: counts.kicks,
      pushes: counts.offered,
      requests: counts.taken,
      answers: counts.given,
    },
    virtqueue: {
      hasEvents: available.event !== undefined,
      descriptors: look.descriptors,
      driver: look.driver,
      device: look.device,
    },
  };
}

const chainFacts = (head: number, pieces: VirtQueueLook['chains'][number]['pieces']): SlotFacts => ({
  fields: [
    ['head', String(head)],
    ...(pieces.length > 0 ? [['descriptors', String(pieces.length)] as [string, string]] : []),
    ...(['read', 'write'] as const).flatMap((way): [string, string][] => {
      const those = pieces.filter(({ isWritten }) => isWritten === (way === 'write'));
      const bytes = those.reduce((sum, { length }) => sum + length, 0);
      return bytes > 0 ? [[`device ${way}s`, `${bytes} bytes`]] : [];
    }),
  ],
  refs: pieces.map(({ address, length, isWritten }, i) => ({
    ref: i,
    address,
    what: `${length} bytes that the device ${isWritten ? 'writes' : 'reads'}`,
  })),
});

/** Of all devices of virtio that a driver drives. */
export async function queuesOf(host: Uses<'domains'>, id: number): Promise<RingFacts[]> {
  const looked = await host.domains.living(id).runner.ask('virtqueues');
  return looked.flatMap(({ device, queues }) => queues.map(queue => virtqueueFacts(device, queue)));
}
