/**
 * The front end's own half of a ring, found in its guest's memory without its help: how far it has drafted requests, and has read responses, it tells nobody.
 * Every front end that was written with Xen's header (Linux, the BSDs, GNU Mach) has four words for it: xen/include/public/io/ring.h, DEFINE_RING_TYPES,
 *
 *   struct __name##_front_ring { RING_IDX req_prod_pvt; RING_IDX rsp_cons; unsigned int nr_ents; struct __name##_sring *sring; }
 *
 * The last two do not change while the device is connected: how many slots there are, and the linear address of the ring's page. They are looked for where
 * the guest's own page tables have pages, so the words follow one another as they do for it, and their address is its own.
 */
import type { RingLook } from '../backends/index.ts';
import type { ClockService } from '../toolstack/index.ts';
import { registers as R } from '../../cpu/architecture/index.ts';
import type { DomainView, MachineView, VcpuState } from '../../hypervisor/view/index.ts';
import { grantsOf, type GrantEntry } from '../../hypervisor/interfaces/xen/view/index.ts';

/** A request as it lies in a slot, in the words of io/blkif.h and io/netif.h. */
export interface SlotFacts {
  fields: [name: string, value: string][];
  /** Grants that it names, each with what of the page it means; of a virtqueue: descriptors in their order, with guest-physical addresses. */
  refs: { ref: number; what: string; address?: number }[];
  /** A field has how many there are. */
  isListed?: true;
}

/** A ring of a guest's device, as its back end sees it. */
export interface RingFacts extends Omit<RingLook, 'words' | 'slotWords'> {
  /** `vbd/51712`, `vif/0 tx`. */
  key: string;
  /** For people: xvda, vif1.0 tx. */
  name: string;
  /** For facts of lessons, which know no domain numbers: xvda, vif0.tx. */
  fact: string;
  requests: SlotFacts[];
  /** The same slots read as responses, which lie over requests, and what of a request outlives them. */
  responses: SlotFacts['fields'][];
  /** The front end's port, and grant references of the ring's pages. */
  port: number;
  ringRefs: number[];
  /** What its front end keeps to itself, of the same moment; undefined: it is not found in its memory, or not yet, or was not looked for. */
  front?: FrontIndices;
  /**
   * Events: sent to the front end and heard of it, and req_prod as each of the last ones was heard, oldest first; undefined: not counted. `requests` and
   * `answers` where the indices do not count them.
   */
  events?: { sent: number; heard: number; pushes: number[]; requests?: number; answers?: number };
  /** It is a virtqueue: its indices have 16 bits, and it lies at these guest-physical addresses. `hasEvents`: both sides say which index they want to hear of. */
  virtqueue?: { hasEvents: boolean; descriptors: number; driver: number; device: number };
}

/** What a ring's front end keeps to itself. */
export interface FrontIndices {
  reqProdPvt: number;
  rspCons: number;
  /** Linear address of req_prod_pvt; rsp_cons is the word behind it. */
  address: number;
}

/** A ring by its device, and the grant of its (first) page: another connection has another one, mostly. */
export interface RingName {
  key: string;
  ref: number;
}

type Indices = Pick<RingLook, 'slots' | 'reqProd' | 'rspProd'>;

const PAGE = 4096,
  PAGE_WORDS = PAGE / 4,
  PAGES = 2 ** 20;
/** The words of the structure, and of a ring's page (io/ring.h). */
const REQ_PROD_PVT = 0,
  RSP_CONS = 1,
  NR_ENTS = 2,
  SRING = 3;
const REQ_PROD = 0,
  RSP_PROD = 2;
/** Kernels live in the upper half of a linear address space (Linux: CONFIG_VMSPLIT), so it is looked through first. */
const FIRST_PAGE = PAGES / 2;
/** Of one turn: pages looked through, about a millisecond, and pages that are not there. Between turns Domain 0's back ends go on. */
const PAGES_A_TURN = 512,
  HOLES_A_TURN = 16_384;
/** A program's address space may lack its kernel (Linux: page table isolation): for this many turns it is waited until the kernel itself runs. */
const MOST_WAITS = 100,
  WAIT_MS = 10;
/** A guest that has no such structure is not looked through all the time. */
const AGAIN_MS = 4000;
/** The guest goes on while words are read: this many looks in a row may make no sense, then it is the structure no more. */
const MOST_MISSES = 8;

/** Whether they can be the private indices of this ring: nothing is answered that was not asked, and there is a slot for each. */
export function arePlausible(
  { slots, reqProd, rspProd }: Indices,
  { reqProdPvt, rspCons }: Pick<FrontIndices, 'reqProdPvt' | 'rspCons'>,
): boolean {
  return (
    (reqProdPvt - reqProd) >>> 0 <= slots && (rspProd - rspCons) >>> 0 <= slots && (reqProdPvt - rspCons) >>> 0 <= slots
  );
}

/** Index of the first machine word of the page that a domain has granted; -1: it is not there. */
export const grantedPage = (view: MachineView, id: number, entry: GrantEntry | undefined): number =>
  view.memory.frame(entry?.use?.mfn ?? (entry && view.domain(id)?.p2m(entry.frame)?.mfn) ?? -1);

/** A guest's memory by linear addresses. */
export interface LinearMemory {
  /** Index of the first machine word of the page at an address; -1: none is there. */
  pageAt(linear: number): number;
  /** The machine's. */
  words: Int32Array;
}

/** A ring whose front end is looked for. */
export interface Wanted {
  key: string;
  slots: number;
  /** Index of the first machine word of its page. */
  page: number;
}

/** Where the structure lies: its address, and the index of the machine word of each of its four. */
export interface Found {
  address: number;
  words: readonly number[];
}

/** Looks through one page that is there, `page` words into machine memory, for the front ends of `wanted`. */
export function findInPage(
  memory: LinearMemory,
  linear: number,
  page: number,
  wanted: readonly Wanted[],
  found: (wanted: Wanted, where: Found) => void,
): void {
  const { words: machine } = memory,
    word = (at: number): number => Atomics.load(machine, at);
  for (let i = 0; i < PAGE_WORDS; i++) {
    const slots = machine[page + i];
    for (const each of wanted)
      if (slots === each.slots) {
        // The structure may begin in the page before, and end in the next.
        const at = (field: number): number => {
          const address = (linear + (i + field - NR_ENTS) * 4) >>> 0;
          if (address >>> 12 === linear >>> 12) return page + i + field - NR_ENTS;
          const other = memory.pageAt(address);
          return other < 0 ? -1 : other + ((address & (PAGE - 1)) >>> 2);
        };
        const words = [REQ_PROD_PVT, RSP_CONS, NR_ENTS, SRING].map(at);
        if (words.includes(-1)) continue;
        const sring = word(words[SRING]!);
        if ((sring & (PAGE - 1)) !== 0 || memory.pageAt(sring >>> 0) !== each.page) continue;
        const rspCons = word(words[RSP_CONS]!),
          rspProd = word(each.page + RSP_PROD),
          reqProd = word(each.page + REQ_PROD),
          reqProdPvt = word(words[REQ_PROD_PVT]!);
        if (arePlausible({ slots: each.slots, rspProd, reqProd }, { rspCons, reqProdPvt }))
          found(each, { address: (linear + (i - NR_ENTS) * 4) >>> 0, words });
      }
  }
}

interface Known extends Found {
  ref: number;
  slots: number;
  sring: number;
  misses: number;
}

interface Missing extends RingName {
  slots: number;
}

const nameOf = ({ key, ref }: RingName): string => `${key} ${ref}`;

/** One guest's. */
interface Guest {
  known: Map<string, Known>;
  missing: Missing[];
  searches: boolean;
  /** By ring and grant, those that were looked for; of the same ones not before this time of the host's clock. */
  tried: Set<string>;
  notBeforeMs: number;
}

export class FrontRings {
  private readonly view: MachineView;
  private readonly clock: Pick<ClockService, 'later' | 'hostMs'>;
  private readonly guests = new Map<number, Guest>();

  constructor(view: MachineView, clock: Pick<ClockService, 'later' | 'hostMs'>) {
    this.view = view;
    this.clock = clock;
  }

  /**
   * A look at rings of a guest, with what their front ends keep to themselves as it was at the same moment: rsp_cons is read before what it follows, req_prod_pvt
   * behind what it is ahead of, so a guest that goes on meanwhile is not seen to contradict itself.
   */
  around(id: number, names: readonly RingName[], look: () => readonly RingLook[]): (FrontIndices | undefined)[] {
    const { memory } = this.view,
      guest = this.guestOf(id);
    const known = names.map(({ key, ref }) => {
      const its = guest.known.get(key);
      return its?.ref === ref ? its : undefined;
    });
    const read = known.map(each => each && memory.unsigned(each.words[RSP_CONS]!)),
      rings = look();
    return rings.map((ring, i): FrontIndices | undefined => {
      const each = known[i],
        { key, ref } = names[i]!;
      if (!each) {
        guest.missing.push({ key, ref, slots: ring.slots });
        return undefined;
      }
      const indices = {
        address: each.address,
        rspCons: read[i]!,
        reqProdPvt: memory.unsigned(each.words[REQ_PROD_PVT]!),
      };
      const isSame = memory.word(each.words[NR_ENTS]!) === each.slots && memory.word(each.words[SRING]!) === each.sring;
      if (isSame && arePlausible(ring, indices)) {
        each.misses = 0;
        return indices;
      }
      if (!isSame || ++each.misses > MOST_MISSES) guest.known.delete(key);
      return undefined;
    });
  }

  /** Looks for those that looks since the last call did not know, for looks to come. */
  seek(id: number): void {
    const guest = this.guestOf(id),
      missing = guest.missing.splice(0);
    if (missing.length === 0 || guest.searches) return;
    if (this.clock.hostMs() >= guest.notBeforeMs) guest.tried.clear();
    if (missing.every(ring => guest.tried.has(nameOf(ring)))) return;
    for (const ring of missing) guest.tried.add(nameOf(ring));
    void this.search(id, guest, missing);
  }

  private guestOf(id: number): Guest {
    let guest = this.guests.get(id);
    if (!guest)
      this.guests.set(
        id,
        (guest = { known: new Map(), missing: [], searches: false, tried: new Set(), notBeforeMs: 0 }),
      );
    return guest;
  }

  /** Piece by piece: Domain 0 has other things to do. */
  private async search(id: number, guest: Guest, missing: readonly Missing[]): Promise<void> {
    guest.searches = true;
    const { memory } = this.view,
      entries = grantsOf(this.view.domain(id))?.entries;
    const refs = new Map<string, number>();
    let wanted = missing.flatMap(({ key, ref, slots }): Wanted[] => {
      const page = grantedPage(
        this.view,
        id,
        entries?.find(each => each.ref === ref),
      );
      refs.set(key, ref);
      return page < 0 ? [] : [{ key, slots, page }];
    });
    let waits = 0;
    for (let done = 0; done < PAGES && wanted.length > 0; ) {
      await new Promise<void>(next => void this.clock.later(0, next));
      const domain = this.view.domain(id);
      if (!domain) break;
      const state = stateOf(domain, waits < MOST_WAITS);
      if (!state) {
        waits++;
        await new Promise<void>(next => void this.clock.later(WAIT_MS, next));
        continue;
      }
      const linear: LinearMemory = { pageAt: address => memory.frame(state.frameAt(address)), words: memory.words };
      for (let pages = 0, holes = 0; done < PAGES && pages < PAGES_A_TURN && holes < HOLES_A_TURN; done++) {
        const address = (((FIRST_PAGE + done) % PAGES) * PAGE) >>> 0,
          page = linear.pageAt(address);
        if (page < 0) holes++;
        else {
          pages++;
          findInPage(linear, address, page, wanted, (each, where) => {
            guest.known.set(each.key, {
              ...where,
              ref: refs.get(each.key)!,
              slots: each.slots,
              sring: memory.word(where.words[SRING]!),
              misses: 0,
            });
            wanted = wanted.filter(other => other !== each);
          });
        }
      }
    }
    guest.searches = false;
    guest.notBeforeMs = this.clock.hostMs() + AGAIN_MS;
    if (!this.view.domain(id)) this.guests.delete(id);
  }
}

/** An address space with the kernel in it; undefined: better to be asked again. */
function stateOf(domain: DomainView, isPatient: boolean): VcpuState | undefined {
  const vcpus = domain.vcpus().sort((a, b) => Number(b.isCurrent) - Number(a.isCurrent)),
    states = vcpus.map(vcpu => vcpu.look()).filter(({ torn }) => !torn);
  return states.find(({ regs }) => regs[R.CPL] !== 3) ?? (isPatient ? undefined : states[0]);
}
