/** --disk and --cdrom: image files as drives on the IDE channels. */
import { closeSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { imageKind as kindOf, type ImageKind, imageProblem, isBootable } from '../../dom0/images.ts';
import { bootPaths, type NamedImage, type PlannedDrive } from '../../dom0/plan.ts';
import type { Boot, DriveImage } from '../../hypervisor/index.ts';
import type { SavedDrive } from '../../hypervisor/disks/saved-disks.ts';
import { type Image, open } from './image-file.ts';
import { UsageError } from './usage-error.ts';

/** The secondary channel's master: where PCs of the time had their CD-ROM drive. */
const CD_PLACE = 2;

/** Whether FILE is a disk image or an ISO; undefined: something else, a kernel or a definition. */
export function imageKind(path: string): 'disk' | 'cdrom' | undefined {
  let image: Image;
  try {
    image = open(path, 'FILE');
  } catch {
    // Whoever reads it next says why.
    return undefined;
  }
  closeSync(image.fd);
  return kindOf(path, image.head);
}

/** "F", "F,ro" or "F,rw": without a word writes go to memory and are gone at the end. */
function openDisk(text: string): Pick<DriveImage, 'readOnly' | 'medium'> {
  const match = /^(.*),(ro|rw)$/s.exec(text);
  const path = match ? match[1] : text;
  const mode = match?.[2];
  const image = open(path, '--disk', mode === 'rw' ? 'r+' : 'r');
  closeSync(image.fd);
  whole(image, 'disk');
  return { readOnly: mode === 'ro', medium: { name: text, path, ...(mode === 'rw' ? { writes: true } : {}) } };
}

/** @throws UsageError for an image that is cut short, or none */
function whole({ name, head, bytes }: Image, kind: ImageKind): void {
  const problem = imageProblem(name, kind, head, bytes);
  if (problem) throw new UsageError(problem.text.replace(/\.$/, ` (--${kind}).`));
}

function openCd(path: string): Pick<DriveImage, 'readOnly' | 'medium'> {
  const image = open(path, '--cdrom');
  closeSync(image.fd);
  whole(image, 'cdrom');
  return { readOnly: true, medium: { name: path, path } };
}

/** Looks at what --disk and --cdrom name. @throws UsageError */
export function openDrives(disks: string[], cdrom: string | undefined): DriveImage[] {
  const places = [0, 1, 2, 3].filter(place => cdrom === undefined || place !== CD_PLACE);
  if (disks.length > places.length)
    throw new UsageError(`There are ${disks.length} disks, and the two IDE channels have room for ${places.length} here. Leave one out.`);
  const drives: DriveImage[] = disks.map((text, i) => ({ place: places[i], kind: 'disk', ...openDisk(text) }));
  if (cdrom !== undefined) drives.push({ place: CD_PLACE, kind: 'cdrom', ...openCd(cdrom) });
  return drives;
}

/** The drives of a saved domain: where it had them, or where --disk and --cdrom say they are now. @throws UsageError */
export function restoredDrives(saved: readonly SavedDrive[], disks: string[], cdrom: string | undefined): DriveImage[] {
  const labels = (kind: SavedDrive['kind']): string[] => saved.filter(drive => drive.kind === kind && drive.bytes >= 0).map(drive => drive.label);
  return openDrives(disks.length > 0 ? disks : labels('disk'), cdrom ?? labels('cdrom')[0]);
}

/** An image that a definition names, as far as it is looked at before it is used; or why it cannot be had. */
export function lookAtImage(path: string): NamedImage | string {
  try {
    const { fd, head, bytes } = open(path, 'disk');
    closeSync(fd);
    return { name: path, head, bytes };
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
}

/** The drives of a definition. What the guest writes is kept in memory. */
export function openPlanned(drives: readonly PlannedDrive[]): DriveImage[] {
  return drives.map(({ place, kind, readOnly, image }): DriveImage => (image ? { place, kind, readOnly, medium: { name: image.name, path: image.name } } : { place, kind: 'cdrom', readOnly: true }));
}

/** SeaBIOS's device paths for what is tried in this order. @throws UsageError where there are drives and none of them can be booted */
export function bootDevices(drives: DriveImage[], order: string): string[] {
  const bootable = drives.some(({ kind, medium }) => {
    if (!medium || !('path' in medium)) return false;
    const image = open(medium.path, 'disk');
    closeSync(image.fd);
    return isBootable(kind, image.head);
  });
  if (drives.length > 0 && !bootable) {
    const [{ kind, medium }] = drives;
    const lacks = kind === 'disk' ? 'its first sector does not end in 55 AA' : 'it has no El Torito boot record';
    throw new UsageError(`${medium?.name ?? 'The drive'} is not bootable: ${lacks}. Take another image, or name a kernel with --kernel.`);
  }
  return bootPaths(drives, order);
}

const NO_FIRMWARE_HERE = 'To boot from a disk firmware is needed, and none is here. Run npm run guests once, or give --bios F and --vgabios F.';

/** SeaBIOS and its VGA BIOS as `npm run guests` fetches them. @throws UsageError where they are not there */
export function fetchedFirmware(): Extract<Boot, { kind: 'firmware' }> {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    const place = join(folder, '.cache/guests/firmware');
    try {
      return {
        kind: 'firmware',
        image: readFileSync(join(place, 'bios-256k.bin')),
        vgaBios: readFileSync(join(place, 'vgabios-stdvga.bin')),
        name: 'bios-256k.bin',
      };
    } catch {
      if (dirname(folder) === folder)
        throw new UsageError(NO_FIRMWARE_HERE);
    }
  }
}
