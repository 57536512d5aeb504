/** Disks of a guest of KVM that goes on from a saved state: some may have come while it ran (pci-hotplug.ts), and others gone. */
import { VIRTIO_PLACE } from '../../devices/ide/index.ts';
import type { State } from '../../devices/index.ts';
import type { DriveImage } from '../../hypervisor/index.ts';
import { type DefinedDisk, type Definition, placeUnderKvm } from '../definitions/config/index.ts';
import { ideName } from '../definitions/index.ts';
import type { Blueprint } from './running-domain.ts';

type Formats = Readonly<Record<number, unknown>>;

/** How the images of its disks are written, by their places, for a saved state. */
export const formatsOf = ({ disks }: Definition): State =>
  Object.fromEntries(disks.map(disk => [placeUnderKvm(disk) ?? disk.place, disk.format]));

/** The disks of a guest of KVM, of which some may have come while it ran, and others gone. */
function disksNow({ disks }: Definition, drives: readonly DriveImage[], formats?: Formats): DefinedDisk[] {
  const isAt = (disk: DefinedDisk, { place }: DriveImage): boolean => placeUnderKvm(disk) === place;
  const came = drives.filter(drive => drive.place >= VIRTIO_PLACE && !disks.some(disk => isAt(disk, drive)));
  return [
    ...disks.filter(disk => (placeUnderKvm(disk) ?? -1) < VIRTIO_PLACE || drives.some(drive => isAt(disk, drive))),
    ...came.map(({ place, readOnly, medium }): DefinedDisk => {
      const traits = { vdev: ideName(place), kind: 'disk', readOnly, place } as const;
      const format = formats?.[place] === 'qcow2' ? 'qcow2' : 'raw';
      return { ...traits, target: medium?.name ?? '', format, at: { line: 1, column: 1 } };
    }),
  ];
}

/** Of a guest that goes on from a saved state: its definition, as its text has it, becomes what that says. */
export function withDrives(blueprint: Blueprint): Blueprint {
  const { definition, drives = [], saved } = blueprint;
  const formats = saved?.state.toolstack?.formats as Formats | undefined;
  return { ...blueprint, definition: { ...definition, disks: disksNow(definition, drives, formats) } };
}
