/** The drives of a guest that runs: one record for each, with what is open of it in Domain 0. */
import type { IdeAttachment } from '../../devices/index.ts';
import type { BlockDevice } from '../../formats/blocks/index.ts';
import type { DriveImage } from '../../hypervisor/index.ts';
import type { DefinedDisk } from '../definitions/config/index.ts';
import type { MediumDisk } from '../host/storage/index.ts';
import type { GuestDisk, OpenedDrive } from './devices/index.ts';

/** A device of the host, open for a domain. */
export interface OpenDevice {
  disk: MediumDisk;
  /** Of the host. */
  path: string;
  /** Whether the guest waits for room to write. */
  readonly isWaiting: boolean;
  /** The domain is called otherwise from now on. */
  rename(who: string): void;
  close(): void;
}

/** An image whose changes outlive the domain that writes it. */
export interface KeptImage {
  disk: BlockDevice;
  /** The domain is called otherwise from now on. */
  rename(who: string): void;
  /** All that was written is kept when it returns. */
  close(): void;
}

/** A drive of a guest. */
export interface Attachment {
  /** What the guest is built from again. */
  readonly image: DriveImage;
  /** Absent: its definition does not have it. */
  readonly defined?: DefinedDisk | undefined;
  /** Absent: its device model opens the medium itself, or nothing is in it. */
  readonly opened?: OpenedDrive | undefined;
  /** A device of the host that is open for it, or an image whose changes are kept. */
  readonly held?: OpenDevice | KeptImage | undefined;
}

export class Attachments {
  /** Changed by `changeDrive` alone (hotplug.ts). */
  drives: readonly Attachment[];

  constructor(drives: readonly Attachment[] = []) {
    this.drives = drives;
  }

  private opened<Part extends keyof OpenedDrive>(part: Part): NonNullable<OpenedDrive[Part]>[] {
    return this.drives.flatMap(({ opened }) => opened?.[part] ?? []) as NonNullable<OpenedDrive[Part]>[];
  }

  /** Media that are open in Domain 0, as saved-disks.ts knows drives. */
  get media(): IdeAttachment[] {
    return this.opened('medium');
  }

  /** Of those, the emulated drives. */
  get ide(): IdeAttachment[] {
    return this.opened('emulated');
  }

  /** Of those, the disks of PV drivers. */
  get disks(): GuestDisk[] {
    return this.opened('pv');
  }

  /** Devices of the host that are open, and images whose changes are kept. */
  get held(): (OpenDevice | KeptImage)[] {
    return this.drives.flatMap(({ held }) => held ?? []);
  }

  /** Of those, the devices. */
  get devices(): OpenDevice[] {
    return this.held.filter(each => 'path' in each);
  }

  at(place: number): Attachment | undefined {
    return this.drives.find(({ image }) => image.place === place);
  }

  /** Others may have what was held; what was open can still be read. */
  close(): void {
    const { held } = this;
    this.drives = this.drives.map(({ held: _held, ...drive }) => drive);
    for (const each of held) each.close();
  }
}
