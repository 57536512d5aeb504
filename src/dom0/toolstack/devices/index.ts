/** The kinds of devices that guests share with Domain 0; a new kind is its file and one line here. */
import { CARDS } from './cards.ts';
import { DISKS } from './disks.ts';
import { addKeys } from '../../definitions/config/index.ts';
import { type DevicesOf, keysOf } from './kinds.ts';
import { SCREEN } from './screens.ts';

/** By the names that they have in saved states, in the order in which they are attached. */
export const DEVICE_KINDS = {
  cards: CARDS,
  disks: DISKS,
  screen: SCREEN,
};

// Definitions lie below, and learn here of keys that come with a kind.
addKeys(keysOf(DEVICE_KINDS));

/** A guest's devices, by their kinds. */
export type Devices = DevicesOf<typeof DEVICE_KINDS>;

/** Kinds whose devices come to a running guest and go. */
export type Pluggable = {
  [Kind in keyof Devices]: (typeof DEVICE_KINDS)[Kind] extends { hotplug: object } ? Kind : never;
}[keyof Devices];

/** Its devices as xl lists them. */
export type ListOf<Kind extends Pluggable> = ReturnType<Devices[Kind]['list']>;

export type { CardInfo } from './cards.ts';
export type { DeviceKind, GuestDevices, Hotplug, Place, Planned } from './device-kind.ts';
export { type DiskInfo, savedDisks } from './disks.ts';
export {
  type GuestDisk,
  type OpenedDrive,
  openInDomain0,
  queuedMedium,
  type SharedDrive,
} from './drives.ts';
export {
  attachKinds,
  type AttachedKinds,
  type DevicesOf,
  type Given,
  keysOf,
  type Kinds,
  loadKinds,
  plannedOf,
  restoredBy,
} from './kinds.ts';
export { isOpenOnce } from './open-once.ts';
export { writeDevicePaths } from './device-paths.ts';
export { type DeviceInfo, type SharedDevice, SharedDevices } from './shared-devices.ts';
