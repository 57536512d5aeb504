/** A guest's medium as a boot loader reads it. */
import { attachDrives, type Medium, type OpenMedium } from '../../../hypervisor/index.ts';
import type { BlockDevice } from '../../../formats/blocks/index.ts';

/** `kind`: what drive it would lie in. @throws Error with a sentence: it cannot be opened, or, from `read`, be read there */
export function readableOf(medium: Medium, kind: 'disk' | 'cdrom', openMedium: OpenMedium): BlockDevice {
  const [{ disk }] = attachDrives([{ place: -1, kind, readOnly: true, medium }], openMedium, () => {});
  if (!disk) throw new Error(`${medium.name} cannot be opened.`);
  return disk;
}
