/**
 * What the toolstack asks of a kind of guest. Building, stopping, saving and the rest ask the kind of a domain and never test for one: a new kind is one file
 * here and one line in index.ts. What few guests need loads late.
 */
import type { DomainRecord, DriveImage, Machine } from '../../../hypervisor/index.ts';
import type { Kind } from '../../../hypervisor/kinds/index.ts';
import type { GuestRecords } from '../../../hypervisor/memory/index.ts';
import type { Definition, NewDomain } from '../../definitions/config/index.ts';
import type { Services } from '../services.ts';
import type { ModelPlace } from './model-place.ts';

/** A domain that is about to be made, or has just been. */
export interface Planned {
  definition: Definition;
  drives: readonly DriveImage[];
  /** Domains run in workers of their own. */
  elsewhere: boolean;
}

/** Late parts name what they are given. */
type Kvm = typeof import('./kvm/running.ts');

export interface GuestKind {
  readonly kind: Kind;
  /** What its hypervisor keeps about it in machine memory; absent: nothing. */
  readonly records?: GuestRecords;
  /** Domain 0 has a store, event channels and a console for it, and it does not run before they are there. */
  readonly hasStore: boolean;
  /** QEMU runs it by /dev/kvm, where its hypervisor is a process of the host. */
  readonly isAccelerated: boolean;
  /** It has firmware, emulated drives and a screen; others have paravirtual devices alone, and their console from the start. */
  readonly hasBoard: boolean;
  /** ACPI's power button, and its waking from a sleep. */
  readonly hasButton: boolean;
  /** Its store says which of its vCPUs it may have online. */
  readonly vcpusChange: boolean;
  /** Its page tables may be shadowed (hap = 0). */
  readonly mayShadow: boolean;
  /** It is saved only once it has suspended itself. */
  readonly suspendsItself: boolean;
  /** How far its second stage reaches: its RAM; 4 GiB, below which Xen's special pages are; or all of machine memory, which PV guests see. */
  readonly reach: 'ram' | '4 GiB' | 'machine';
  /** After a reset its PC starts again in the same memory; else another domain takes its place, as xl has it. */
  readonly restartsInPlace: boolean;

  /** It sees all the memory that it may ever have, and gets what it is to have now. */
  seesMost(definition: Definition): boolean;
  /** Where its device model runs. */
  modelAt(planned: Planned): ModelPlace;
  /** How many emulated cards the domain gets records of, and whether it gets those of drives that Domain 0 serves (where its device model reaches them by a queue). */
  reserves(planned: Planned): { cards: number; drives: boolean };
  /** Domain 0 opens the medium of a drive, one of these. */
  opensInDomain0(drive: DriveImage, model: ModelPlace, drives: readonly DriveImage[]): boolean;
  /** A drive is an emulated one. */
  emulates(drive: Pick<DriveImage, 'kind' | 'place'>): boolean;
  /** A drive that is no floppy is a disk of its PV drivers. */
  offers(drive: Pick<DriveImage, 'place'>): boolean;

  /** What its balloon driver shall come to. @throws Error with a sentence */
  setMemory(
    host: { machine: Machine; services: Services },
    member: Parameters<Kvm['askBalloon']>[1],
    memoryMiB: number,
  ): void;
  /** What is done with a guest that runs, or goes on from a saved state. */
  running(): Promise<typeof import('./xen/running.ts')['running']>;

  /** What Domain 0 loads before it builds such a domain. */
  load?(): Promise<unknown>;
  /** There is its record, and nothing else yet. @throws HostError */
  prepare?(services: Services, record: DomainRecord, uuid: string): void;
  /** A parameter of Xen; absent: it has none. */
  setParam?(services: Services, id: number, ...param: Parameters<NewDomain['setParam']>): void;
  /** It is built, and about to run; `isRestored`: it goes on from a saved state. */
  begin?(member: Parameters<Kvm['beginBalloon']>[0], isRestored: boolean): void;
  /** It has let go of what was in a PCI slot. */
  ejected?: Kvm['ejected'];
}
