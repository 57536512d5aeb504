/** Where a guest's device model is: in the domain's own worker, on the thread of Domain 0, or in Domain 0 itself. */
import { floppyDriveTypes, type IdeAttachment } from '../../../devices/ide/index.ts';
import { MODEL, MODEL_STATE, XEN_MODEL } from '../../../hypervisor/interfaces/xen/index.ts';
import type { DomainRecord, DriveImage, Machine } from '../../../hypervisor/index.ts';
import type { DomainStart } from '../runners/runner.ts';

/** What Domain 0 has open of its drives, and which of these are emulated. */
interface Open {
  readonly media: readonly unknown[];
  readonly ide: IdeAttachment[];
}

export interface ModelPlace {
  /** It reaches the media that Domain 0 has open through a queue in the domain's records. */
  readonly queues: boolean;
  readonly inDomain0: boolean;
  /** The domain waits for it from its first instruction on. */
  prepare?(machine: Machine, record: DomainRecord): void;
  /** What the domain's runner is given of its drives: `images`, or what is open of them. */
  start(open: Open, images: DriveImage[], diskChanges?: Uint8Array[]): Partial<DomainStart> & { floppyDrives?: number };
}

export const IN_WORKER: ModelPlace = {
  queues: true,
  inDomain0: false,
  start: (_open, drives, diskChanges) => (drives.length > 0 ? { drives, ...(diskChanges ? { diskChanges } : {}) } : {}),
};

export const ON_THREAD: ModelPlace = {
  queues: false,
  inDomain0: false,
  start: (open, ...drives) => (open.media.length > 0 ? { ide: open.ide } : IN_WORKER.start(open, ...drives)),
};

export const IN_DOMAIN_0: ModelPlace = {
  queues: false,
  inDomain0: true,
  prepare: ({ words }, { guestOffset }) => {
    words[(guestOffset >>> 2) + XEN_MODEL + MODEL.STATE] = MODEL_STATE.WANTED;
  },
  start: ({ media, ide }) => (media.length > 0 ? { floppyDrives: floppyDriveTypes(ide) } : {}),
};
