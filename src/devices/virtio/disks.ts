/** The disks of virtio that a board has. */
import type { BlockDevice } from '../../formats/blocks/index.ts';
import type { IrqLine, Timers } from '../bus.ts';
import { driveDevices } from '../drives.ts';
import { type IdeAttachment, VIRTIO_DISKS, VIRTIO_PLACE } from '../ide/piix-ide.ts';
import type { VirtioBlk } from './blk.ts';

/** Those among drives, by their numbers. @throws RangeError for a place that does not exist; Error where nobody has loaded them */
export function virtioDisks(
  drives: readonly IdeAttachment[],
  make: (number: number) => { timers: Timers; irq: IrqLine },
): { number: number; device: VirtioBlk }[] {
  return drives.flatMap(({ place, kind, disk }) => {
    const number = place - VIRTIO_PLACE;
    if (number < 0) return [];
    if (kind !== 'disk' || number >= VIRTIO_DISKS)
      throw new RangeError(
        `place ${place} does not exist: disks of virtio have ${VIRTIO_PLACE} to ${VIRTIO_PLACE + VIRTIO_DISKS - 1}`,
      );
    return [{ number, device: create(number, disk, make(number)) }];
  });
}

function create(number: number, disk: BlockDevice, parts: { timers: Timers; irq: IrqLine }): VirtioBlk {
  return new (driveDevices().VirtioBlk)({
    ...parts,
    disk,
    name: `virtio-blk${number}`,
    serial: `RSV${String(number).padStart(7, '0')}`,
  });
}
