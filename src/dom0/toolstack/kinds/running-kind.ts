/** What a kind of guest has that only some guests come to: loaded late. */
import type { State } from '../../../devices/index.ts';
import type { Machine, SavedState } from '../../../hypervisor/index.ts';
import type { DefinedDisk, Definition } from '../../definitions/config/index.ts';
import type { Blueprint, Member } from '../running-domain.ts';
import type { Services } from '../services.ts';
import type { Plugging } from './plugging.ts';

/** Where the pages of a guest are counted, and what moves them is found. */
interface Memory {
  machine: Machine;
  services: Services;
}

/** The memory of a guest that runs. */
export interface GuestMemory {
  /** Frames of RAM that it has now. */
  frames(host: Memory, member: Member): number;
  /** Something in it follows its target. */
  listens(host: Memory, member: Member): boolean;
  /** What nothing does where nothing listens. */
  silence: string;
}

/** Devices of a guest that goes on from a saved state: some may have come while it ran, and others gone. */
export interface SavedDevices {
  /** For Domain 0's record of it: the devices that it has now. */
  record(definition: Definition): State;
  /** Its definition, as its text has it, becomes what the state says. */
  restored(blueprint: Blueprint): Blueprint;
  /** Paths of the images that it had, with their drives, as the record has them. */
  targets(saved: SavedState): Pick<DefinedDisk, 'vdev' | 'target'>[];
}

/** What a kind has that only some guests come to. */
export interface RunningKind {
  memory: GuestMemory;
  plugging: Plugging;
  savedDevices: SavedDevices;
}
