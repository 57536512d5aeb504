/**
 * What the toolstack asks of a kind of guest. Building, stopping, saving and the rest ask the kind of a domain and never test for one: a new kind is one file
 * here and one line in index.ts.
 */
import type { DomainRecord, DriveImage } from '../../../hypervisor/index.ts';
import type { Kind } from '../../../hypervisor/kinds/index.ts';
import type { GuestRecords } from '../../../hypervisor/memory/index.ts';
import type { Definition, NewDomain } from '../../definitions/config/index.ts';
import type { Services } from '../services.ts';

/** A domain that is about to be made, or has just been. */
export interface Planned {
  definition: Definition;
  drives: readonly DriveImage[];
  /** Domains run in workers of their own. */
  elsewhere: boolean;
}

export interface GuestKind {
  readonly kind: Kind;
  /** What its hypervisor keeps about it in machine memory; absent: nothing. */
  readonly records?: GuestRecords;
  /** Its kernel finds Xen: it has a store, event channels and a console in Domain 0, and runs on a host with Xen alone. */
  readonly isOfXen: boolean;
  /** It runs only where the processor has VT-x. */
  readonly needsVt: boolean;
  /** It has firmware, emulated drives and a screen; others have paravirtual devices alone, and their console from the start. */
  readonly hasBoard: boolean;
  /** Its page tables may be shadowed (hap = 0). */
  readonly mayShadow: boolean;
  /** How far its second stage reaches: its RAM; 4 GiB, below which Xen's special pages are; or all of machine memory, which PV guests see. */
  readonly reach: 'ram' | '4 GiB' | 'machine';
  /** After a reset its PC starts again in the same memory; else another domain takes its place, as xl has it. */
  readonly restartsInPlace: boolean;

  /** It sees all the memory that it may ever have, and gets what it is to have now. */
  seesMost(definition: Definition): boolean;
  /** Its device model runs in Domain 0. */
  modelInDomain0(planned: Planned): boolean;
  /** The domain gets records of an emulated card, and of drives that Domain 0 serves (not where its device model is there). */
  reserves(planned: Planned): { card: boolean; drives: boolean };
  /** Domain 0 opens the medium of a drive. `inWorker`: the domain's device model is in the domain's own worker. */
  opensInDomain0(drive: DriveImage, inWorker: boolean): boolean;

  /** What its balloon driver shall come to. @throws Error with a sentence */
  setMemory(services: Services, domain: Balloon, memoryMiB: number): void;
  /** What Domain 0 has for its memory, while its runner starts; absent: its balloon is asked through the store. */
  loadMemory?(): Promise<typeof import('./kvm/memory.ts')>;

  /** What Domain 0 loads before it builds such a domain. */
  load?(): Promise<unknown>;
  /** There is its record, and nothing else yet. @throws HostError */
  prepare?(services: Services, record: DomainRecord, uuid: string, modelHere: boolean): void;
  /** A parameter of Xen; absent: it has none. */
  setParam?(services: Services, id: number, ...param: Parameters<NewDomain['setParam']>): void;
}

/** A domain whose memory changes. */
interface Balloon {
  name: string;
  record: DomainRecord;
  /** Once `loadMemory` is there. */
  askMemory?: (memoryMiB: number) => void;
}
