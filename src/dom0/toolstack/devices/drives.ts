/** Drives of a guest with their media open: which of them are emulated, which are for PV drivers, and how both share a medium. */
import type { BlockDevice } from '../../../formats/blocks/index.ts';
import type { IdeAttachment } from '../../../devices/ide/index.ts';
import type { DriveImage, Medium } from '../../../hypervisor/index.ts';
import { backend } from '../../backends/index.ts';
import { deviceNumber } from '../../definitions/config/index.ts';
import { ideName } from '../../definitions/index.ts';

/** A disk for the PV drivers of a guest. */
export interface GuestDisk {
  /** xvda, hda, sda, d0 …: `deviceNumber` knows it, and no other disk of the guest has the same number. */
  vdev: string;
  kind: 'disk' | 'cdrom';
  readOnly: boolean;
  /** NO_DISC: nothing lies in the drive. */
  disk: BlockDevice;
  /** Where the medium is, for people; empty: there is none. */
  target: string;
  /** Place of the emulated drive that has the same medium, and whose changes are saved with that; -1: none has. */
  place: number;
  /** That drive is in another worker, and its changes are saved here. */
  isQueued?: true;
  /** A new domain has the disk. */
  begin?(): void;
}

/** A drive of a guest, with its medium open; `disk` null: nothing is in it. */
export type OpenDrive = IdeAttachment & {
  vdev: string;
  readOnly: boolean;
  /** Where the medium is, for people. */
  target: string;
};

/** What is open of a drive: as saved-disks.ts knows it, by its place, or the number of its device where it has none; as an emulated drive; as a disk of PV drivers. */
export interface OpenedDrive {
  medium: IdeAttachment;
  emulated?: IdeAttachment;
  pv?: GuestDisk;
}

/** What a kind of guest has for a drive (kinds/kind.ts). */
interface Shown {
  emulates(drive: Pick<DriveImage, 'kind' | 'place'>): boolean;
  offers(drive: Pick<DriveImage, 'place'>): boolean;
}

/** What of a drive a guest has emulated, and what for PV drivers. `isQueued`: the emulated ones are in another worker. */
export function divideDrive(drive: OpenDrive, guest: Shown, isQueued = false): Omit<OpenedDrive, 'medium'> {
  const { vdev, kind, readOnly, target, disk } = drive;
  const isEmulated = guest.emulates(drive),
    place = isEmulated ? drive.place : -1;
  const emulated = isEmulated ? { emulated: bare(drive) } : {};
  if (kind === 'floppy' || !guest.offers(drive)) return emulated;
  const pv = { vdev, kind, readOnly, target, place };
  if (!isEmulated || !disk) return { ...emulated, pv: { ...pv, disk: disk ?? backend('drives').NO_DISC } };
  const shared = shareDisk(disk);
  return {
    emulated: { place, kind, disk: shared.emulated },
    pv: { ...pv, disk: shared.pv, begin: shared.begin, ...(isQueued ? { isQueued } : {}) },
  };
}

/** Opens drives in Domain 0, and divides each (`divideDrive`). @throws what `open` does */
export function openInDomain0(
  images: readonly DriveImage[],
  guest: Shown,
  open: (images: readonly DriveImage[]) => IdeAttachment[],
  isQueued = false,
): OpenedDrive[] {
  const named = images.map(image => ({ ...image, vdev: image.vdev ?? ideName(image.place) }));
  const media = open(
    named.map(image => ({ ...image, place: image.place < 0 ? (deviceNumber(image.vdev) ?? -1) : image.place })),
  );
  return named.map(({ place, vdev, readOnly, medium }, i) => {
    const drive: OpenDrive = { ...media[i], place, vdev, readOnly, target: medium?.name ?? '' };
    return { medium: media[i], ...divideDrive(drive, guest, isQueued) };
  });
}

/** A medium that is open here, as a drive in another worker knows it. */
export const queuedMedium = (name: string, disk: BlockDevice): Extract<Medium, { queued: unknown }> => {
  const { sectorBytes, bytes, readOnly } = disk;
  return { name, queued: { sectorBytes, bytes, readOnly, label: 'label' in disk ? String(disk.label) : name } };
};

const bare = ({ place, ...drive }: OpenDrive): IdeAttachment =>
  drive.kind === 'disk' ? { place, kind: 'disk', disk: drive.disk } : { place, kind: drive.kind, disk: drive.disk };

/** The emulated drive's side of a medium that PV drivers share. */
export interface SharedDrive {
  /** The listener is called at once, and whenever it changes, whether PV drivers have used the medium. */
  whenClaimed(listener: (isClaimed: boolean) => void): void;
}

/**
 * A medium that an emulated drive and PV drivers share, one after the other: the drive cannot write any more once the PV drivers have used it. Xen leaves it
 * to the guest to unplug the drive first.
 */
function shareDisk(disk: BlockDevice): { emulated: BlockDevice; pv: BlockDevice; begin: () => void } {
  const pvSide = { hasClaimed: false, tell: (_isClaimed: boolean): void => {} };
  const setClaimed = (isClaimed: boolean): void => {
    if (pvSide.hasClaimed === isClaimed) return;
    pvSide.hasClaimed = isClaimed;
    pvSide.tell(isClaimed);
  };
  const whenClaimed: SharedDrive['whenClaimed'] = listener => {
    pvSide.tell = listener;
    listener(pvSide.hasClaimed);
  };
  const emulated = disk.behind((request, done) =>
    pvSide.hasClaimed && (request.op === 'write' || request.op === 'discard')
      ? done(new Error('The PV drivers have the medium.'))
      : disk.request(request, done),
  );
  // Among its properties, so that it goes back with the host (hypervisor/history/kept-objects.ts).
  Object.assign(emulated, { whenClaimed, pvSide });
  const pv = disk.behind((request, done) => {
    if (request.op !== 'flush') setClaimed(true);
    disk.request(request, done);
  });
  const begin = (): void => setClaimed(false);
  return { emulated, pv, begin };
}
