/** What is in the rings of a guest's PV devices, slot by slot, for the inspector of rings and for lessons. */
import { OP, readRequest, readResponse, readSegment, type Request, SEGMENTS_PER_PAGE } from '../backends/vbd/index.ts';
import type { RingLook } from '../backends/index.ts';
import { grantsOf, type GrantEntry } from '../../hypervisor/interfaces/xen/view/index.ts';
import type { Devices, Uses } from '../toolstack/index.ts';
import { type FrontIndices, type FrontRings, grantedPage, type RingFacts, type SlotFacts } from './front-rings.ts';

const BLKIF_RSP: Readonly<Record<number, string>> = {
  0: 'BLKIF_RSP_OKAY',
  [-1]: 'BLKIF_RSP_ERROR',
  [-2]: 'BLKIF_RSP_EOPNOTSUPP',
};
const NETIF_RSP: Readonly<Record<number, string>> = {
  0: 'NETIF_RSP_OKAY',
  [-1]: 'NETIF_RSP_ERROR',
  [-2]: 'NETIF_RSP_DROPPED',
  1: 'NETIF_RSP_NULL',
};
const named = (value: number, names: Readonly<Record<number, string>>): string =>
  `${value} ${names[value] ?? ''}`.trimEnd();
const BLKIF_OP = [
  'BLKIF_OP_READ',
  'BLKIF_OP_WRITE',
  'BLKIF_OP_WRITE_BARRIER',
  'BLKIF_OP_FLUSH_DISKCACHE',
  'BLKIF_OP_RESERVED_1',
  'BLKIF_OP_DISCARD',
  'BLKIF_OP_INDIRECT',
];

const idOf = ([low, high]: Request['id']): string => String((high >>> 0) * 2 ** 32 + (low >>> 0));

const WAYS = ['tx', 'rx'] as const;

/** A request to a disk. `granted`: words of a page by its grant, where it is there. An indirect one names pages that list its segments: those are followed. */
export function diskRequest(
  { op, id, sector, segments, list }: Request,
  granted: (ref: number) => Int32Array | undefined,
): SlotFacts {
  const page = list && granted(list.refs[0]!),
    pages = list?.refs.length ?? 0,
    operation = (number: number): string => `${number} ${BLKIF_OP[number] ?? '?'}`;
  const listed = page
    ? Array.from({ length: Math.min(list!.count, SEGMENTS_PER_PAGE) }, (_, i) => readSegment(page, 2 * i))
    : segments;
  const fields: SlotFacts['fields'] = [
    ['operation', operation(list ? OP.INDIRECT : op)],
    ['id', idOf(id)],
    ['sector_number', String(sector)],
  ];
  if (list) fields.splice(1, 0, ['indirect_op', operation(op)]);
  if (list)
    fields.push([
      'nr_segments',
      `${list.count}${pages === 0 ? '' : `, listed in ${pages === 1 ? 'the page' : `${pages} pages, from that`} of gref ${list.refs[0]}`}`,
    ]);
  return {
    fields,
    refs:
      list && !page
        ? list.refs.map(ref => ({ ref, what: 'a page of segments' }))
        : listed.map(({ ref, first, last }) => ({ ref, what: `sectors ${first} to ${last} of the page` })),
    ...(list ? { isListed: true as const } : {}),
  };
}

type Disk = Devices['disks']['all'][number];
type Card = Devices['cards']['all'][number];

/** `found`: private indices of front ends are shown, too. */
export function ringFacts(host: Uses<'domains' | 'toolstack'>, id: number, found?: FrontRings): RingFacts[] {
  if (!host.domains.member(id).attached) return [];
  const { disks, cards } = host.toolstack.services.devices(id);
  const look = new Look(host, id, found);
  const rings = [...disks.all.flatMap(disk => look.disk(disk)), ...cards.all.flatMap(card => look.card(card))];
  found?.seek(id);
  return rings;
}

/** A ring's slots, and what is shown of every ring. `ref`: the grant of its (first) page. */
function read({ words, slotWords, ...indices }: RingLook, ref: number | undefined, front: FrontIndices | undefined) {
  const slots = Array.from({ length: indices.slots }, (_, i) => words.slice(i * slotWords, (i + 1) * slotWords));
  return { slots, facts: { ...indices, ringRefs: ref === undefined ? [] : [ref], ...(front ? { front } : {}) } };
}

/** One look at a guest's rings. */
class Look {
  private readonly host: Uses<'toolstack'>;
  private readonly id: number;
  private readonly found: FrontRings | undefined;
  /** Few ask so, and a grant table is long. */
  private entries: readonly GrantEntry[] | undefined;

  constructor(host: Uses<'toolstack'>, id: number, found: FrontRings | undefined) {
    this.host = host;
    this.id = id;
    this.found = found;
  }

  private node(path: string): number | undefined {
    const text = this.host.toolstack.services.client.read(`/local/domain/${this.id}/device/${path}`);
    return text === undefined ? undefined : Number(text);
  }

  /** What a back end sees, and between two looks of it the indices of its front ends. */
  private around<Seen>(
    names: readonly { key: string; ref: number | undefined }[],
    look: () => Seen | undefined,
    ringsOf: (seen: Seen) => readonly RingLook[],
  ): { seen: Seen | undefined; fronts: (FrontIndices | undefined)[] } {
    let seen: Seen | undefined;
    const rings = (): readonly RingLook[] => ((seen = look()) === undefined ? [] : ringsOf(seen));
    const wanted = names.map(({ key, ref = -1 }) => ({ key, ref }));
    const fronts = this.found ? this.found.around(this.id, wanted, rings) : (rings(), []);
    return { seen, fronts };
  }

  /** Words of a page by its grant; undefined: it is not there. */
  private granted(ref: number): Int32Array | undefined {
    const { id } = this;
    const { view } = this.host.toolstack;
    this.entries ??= grantsOf(view.domain(id))?.entries ?? [];
    const entry = this.entries.find(each => each.ref === ref);
    const first = grantedPage(view, id, entry);
    return first < 0 ? undefined : view.memory.words.slice(first, first + 2 * SEGMENTS_PER_PAGE);
  }

  disk({ id: { devid }, given: { vdev }, driver: vbd }: Disk): RingFacts[] {
    const device = `vbd/${devid}`,
      ref = this.node(`${device}/ring-ref`) ?? this.node(`${device}/ring-ref0`);
    const { seen, fronts } = this.around(
      [{ key: device, ref }],
      () => vbd.look(),
      ({ ring }) => [ring],
    );
    if (!seen) return [];
    const { sent, heard } = vbd.counts;
    const { slots, facts } = read(seen.ring, ref, fronts[0]);
    return [
      {
        ...facts,
        key: device,
        name: vdev,
        fact: vdev,
        requests: slots.map(slot => diskRequest(readRequest(slot, seen.layout), each => this.granted(each))),
        responses: slots.map(slot => diskResponse(readResponse(slot, seen.layout))),
        port: this.node(`${device}/event-channel`) ?? -1,
        events: { sent, heard, pushes: [...vbd.pushes] },
      },
    ];
  }

  card({ id: { devid }, driver: vif }: Card): RingFacts[] {
    const device = `vif/${devid}`,
      refs = WAYS.map(way => this.node(`${device}/${way}-ring-ref`));
    const { seen, fronts } = this.around(
      WAYS.map((way, i) => ({ key: `${device} ${way}`, ref: refs[i] })),
      () => vif.look(),
      both => WAYS.map(way => both[way]),
    );
    if (!seen) return [];
    return WAYS.map((way, i) => {
      const { slots, facts } = read(seen[way], refs[i], fronts[i]);
      return {
        ...facts,
        key: `${device} ${way}`,
        name: `vif${this.id}.${devid} ${way}`,
        fact: `vif${devid}.${way}`,
        requests: slots.map(way === 'rx' ? roomForPacket : packet),
        responses: slots.map(way === 'rx' ? packetReceived : packetSent),
        port: this.node(`${device}/event-channel`) ?? this.node(`${device}/event-channel-${way}`) ?? -1,
      };
    });
  }
}

function diskResponse({ op, id, status, sector }: ReturnType<typeof readResponse>): SlotFacts['fields'] {
  return [
    ['status', named(status, BLKIF_RSP)],
    ['operation', named(op, BLKIF_OP)],
    ['id', idOf(id)],
    ['sector_number', `${sector}, left of the request`],
  ];
}

/** netif_rx_request. */
const roomForPacket = ([id, ref]: Int32Array): SlotFacts => ({
  fields: [['id', String(id & 0xffff)]],
  refs: [{ ref: ref >>> 0, what: 'room for a packet' }],
});

/** netif_tx_request. */
function packet([ref, offsetAndFlags, idAndSize]: Int32Array): SlotFacts {
  const size = idAndSize >>> 16,
    offset = offsetAndFlags & 0xffff;
  return {
    fields: [
      ['id', String(idAndSize & 0xffff)],
      ['offset', String(offset)],
      ['flags', `0x${(offsetAndFlags >>> 16).toString(16)}`],
      ['size', `${size} bytes`],
    ],
    refs: [{ ref: ref >>> 0, what: `${size} bytes from ${offset}` }],
  };
}

/** netif_tx_response. */
const packetSent = ([first]: Int32Array): SlotFacts['fields'] => [
  ['status', named(first >> 16, NETIF_RSP)],
  ['id', String(first & 0xffff)],
];

/** netif_rx_response. */
function packetReceived([first, second]: Int32Array): SlotFacts['fields'] {
  const status = second >> 16;
  return [
    ['status', status > 0 ? `${status} bytes` : named(status, NETIF_RSP)],
    ['id', String(first & 0xffff)],
    ['offset', String(first >>> 16)],
    ['flags', `0x${(second & 0xffff).toString(16)}`],
  ];
}
