/**
 * What a kind of device is that a guest's PV drivers share with Domain 0: one row of `DEVICE_KINDS` (index.ts) from definition to back end. The services attach,
 * save and close all kinds by their rows; hot plug, lists and restored domains ask the row for what is particular.
 */
import type { Machine } from '../../../hypervisor/index.ts';
import type { DomainRecord } from '../../../hypervisor/memory/index.ts';
import type { BackendParts } from '../../backends/index.ts';
import type { Definition, Family } from '../../definitions/config/index.ts';
import type { Network } from '../../host/network/index.ts';
import type { GuestDisk } from './drives.ts';

/** A guest's devices of one kind. */
export interface GuestDevices {
  /** The back ends begin: all that the guest had of its own is in the store. */
  start(): void;
  /** Something that the guest asked for is under way at a medium. */
  readonly isBusy?: boolean;
  /** Plain data for a saved state; undefined: nothing. `unasked`: the guest knows nothing of it, and goes on with the rings that it has. @throws SavedStateError */
  save(unasked: boolean): unknown;
  /** What of `save(false)` they are made from, without what they hold; absent: all of it. @throws SavedStateError */
  describe?(): unknown;
  /** The guest is gone: nothing of its devices stays in the store. */
  close(): void;
}

/** Where a guest's devices are attached, and to whom. */
export interface Place {
  backends: BackendParts;
  network: Network;
  machine: Machine;
  record: DomainRecord;
}

/** What a guest's devices follow from. */
export interface Planned {
  definition: Definition;
  /** Its board has a screen. */
  hasVga: boolean;
  /** For PV drivers, with their media open. */
  disks: readonly GuestDisk[];
}

/** How one device of a kind comes to a running guest, and goes. */
export interface Hotplug<Given> {
  /** In sentences: 'disk'. */
  noun: string;
  /** Which one, where its name was written so. */
  called(given: Given, asked: string): string;
  /** Why it stays as long as the guest, as a sentence; undefined: it may go. */
  stays(given: Given, definition: Definition): string | undefined;
}

export interface DeviceKind<Given, Devices extends GuestDevices | undefined> {
  /** Keys of a definition that ask for it, where no family of definitions/config/keys has them. */
  keys?: Family;
  /** Loads Domain 0's program for it, where that is not here from the beginning. @throws HostError */
  load?(): Promise<void>;
  /** What a guest has of it; undefined: nothing. */
  planned(of: Planned): Given | undefined;
  /** Writes what the guest finds in the store; it does not run yet. `saved`: what `save` gave, anybody's word. @throws SavedStateError */
  attach(place: Place, given: Given | undefined, saved: unknown): Devices;
  /** A restored guest's definition, where its text says something else than `saved`. @throws SavedStateError */
  restored?(definition: Definition, saved: unknown): Definition;
}

/** A kind whose devices come to a running guest and go. */
export interface PluggableKind<One, Devices extends GuestDevices> extends DeviceKind<readonly One[], Devices> {
  hotplug: Hotplug<One>;
}
