/**
 * Who holds frames of domains next to their own second stages: tables of grants, page tables of paravirtual guests, caches of frames that are populated
 * on demand, drivers that let a device reach memory. Memory knows none of them; each is registered for its machine (`hold`), by the code that makes a domain for it,
 * and is asked where a domain ends, where a worker has died, and where everything is counted.
 */
import { DOMAIN, MAX_DOMAINS } from '../layout/layout.ts';
import type { DomainRecord, Machine } from './machine.ts';

/** `domains`: those that it has to do with. It is asked of no other. */
export interface FrameHolder {
  /** The domain dies: what it has of others ends, and they learn of it. May be called again. */
  detach?(machine: Machine, record: DomainRecord): void;
  /** It runs no more and its RAM goes back: no reference on its own frames is left here that nobody else needs. */
  release?(machine: Machine, record: DomainRecord): void;
  /** What is kept for it in frames of the hypervisor's goes back. False: others still use its frames by that; it is asked again later. */
  close?(machine: Machine, record: DomainRecord): boolean;
  /** The worker of a domain has died: locks that it held are taken from it, and what it had half done is undone. */
  repair?(machine: Machine, dead: DomainRecord, domains: readonly DomainRecord[]): void;
  /** Tells `add` how many references it holds on frames of the domain, then calls `then`; from the first to the last nothing of it changes. */
  count?(
    machine: Machine,
    record: DomainRecord,
    add: (mfn: number, references: number) => void,
    then: () => void,
  ): void;
  /** Tells `tally` all that it holds, and what does not hold together. */
  audit?(tally: Tally, domains: readonly DomainRecord[]): void;
  /** Whether it lets a domain see a frame that is another's, or the hypervisor's. */
  shows?(machine: Machine, record: DomainRecord, mfn: number, write: boolean): boolean;
}

/** References that do not lie in machine memory: those of Domain 0's programs. */
export interface Held {
  /** Machine frame to references, of foreign mappings; `readOnly`: those of them that only read. */
  frames?: ReadonlyMap<number, number>;
  readOnly?: ReadonlyMap<number, number>;
  /** `grantKey` to uses of a grant: readers in bits 0-15, writers in 16-31. */
  grants?: ReadonlyMap<number, number>;
}

/** What a holder tells of: this many references and uses there are, and what it finds wrong. */
export interface Tally {
  readonly machine: Machine;
  readonly held: Held;
  say(problem: string): void;
  /** Frames of the hypervisor's that are in use for something. */
  own(first: number, count: number): void;
  /** References on a frame that only read it. */
  read(mfn: number, references?: number): void;
  /** A reference by which somebody writes a frame who is not its owner's processor. Where frames have types that is a use of one. */
  write(mfn: number): void;
  /** The same of one whose writes the owner's processor must count with. */
  writeByOthers(mfn: number): void;
  /** A reference that is a use of a frame as this FRAME_TYPE. */
  use(mfn: number, type: number): void;
  /** The domain sees a frame that is not its own. */
  sees(record: DomainRecord, mfn: number, write: boolean): void;
}

/** What the interface that a guest sees keeps of its domain in machine memory. */
export interface GuestRecords {
  /** Number of the interface (DOMAIN.INTERFACE); not 0. */
  readonly number: number;
  /**
   * RAM as the guest sees it: from 0 with a PC's hole at 0xA0000-0xBFFFF; from 0 without one; or by its machine frames, which the guest's own tables name and
   * which have types for that.
   */
  readonly ram: 'pc' | 'flat' | 'typed';
  /** Who holds frames by that: they have to do with domains of this interface. */
  readonly holders: readonly FrameHolder[];
  /** Bytes next to the records that every domain has: whole frames. */
  bytes(): number;
  /** Lays them out in zeroed memory from `offset` (DomainRecord.guestOffset). */
  place(machine: Machine, offset: number, vcpus: number): void;
  /** This many frames of RAM the domain has from the start. */
  populated(machine: Machine, offset: number, frames: number): void;
  /** The domain's frames of RAM from the `first` to the `end`th get memory when they are first used, out of `frames` frames. False: the host has too little. */
  populateOnDemand(machine: Machine, record: DomainRecord, first: number, end: number, frames: number): boolean;
}

interface Registered {
  /** Each with the interface (GuestRecords.number) whose domains it has to do with; undefined: with all domains. */
  holders: Map<FrameHolder, number | undefined>;
  /** Those whose holders are among them. */
  interfaces: Set<number>;
}

/** Who was registered in this thread for a machine. */
const registered = new WeakMap<Machine, Registered>();

function of(machine: Machine): Registered {
  let known = registered.get(machine);
  if (!known) registered.set(machine, (known = { holders: new Map(), interfaces: new Set() }));
  return known;
}

/** From now on this one is asked, too, of whichever domain. */
export function hold(machine: Machine, holder: FrameHolder): void {
  of(machine).holders.set(holder, undefined);
}

/** From now on there may be domains with records of this interface. */
export function know(machine: Machine, { number, holders }: GuestRecords): void {
  const known = of(machine);
  known.interfaces.add(number);
  for (const holder of holders) known.holders.set(holder, number);
}

const concerns = (number: number | undefined, record: DomainRecord): boolean =>
  number === undefined || number === record.interface;

/** All who hold frames on this machine, each with the domains that it has to do with. @throws Error as `holdersOf` */
export function holders(machine: Machine): { holder: FrameHolder; domains: DomainRecord[] }[] {
  const domains = Array.from({ length: MAX_DOMAINS }, (_, index) => machine.domain(index)).filter(({ id }) => id >= 0);
  return Array.from(known(machine), ([holder, number]) => ({
    holder,
    domains: domains.filter(record => concerns(number, record)),
  }));
}

/** The holders that a domain concerns. @throws Error where some domain has records of an interface that is not known here: they would be lost */
export const holdersOf = (machine: Machine, record: DomainRecord): FrameHolder[] =>
  [...known(machine)].flatMap(([holder, number]) => (concerns(number, record) ? [holder] : []));

function known(machine: Machine): Registered['holders'] {
  const { holders, interfaces } = of(machine);
  for (let index = 0; index < MAX_DOMAINS; index++) {
    const entry = machine.domainEntry({ index }),
      number = machine.words[entry + DOMAIN.ID] === 0 ? 0 : machine.words[entry + DOMAIN.INTERFACE];
    if (number !== 0 && !interfaces.has(number))
      throw new Error(`the records of the domain at ${index} are of interface ${number}, which is not known here`);
  }
  return holders;
}
