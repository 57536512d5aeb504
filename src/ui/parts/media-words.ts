/** Words of the media in a screen's bar, and which of the files that the page has could lie in a drive. */
import type { GuestDrive, NamedFile } from '../../dom0/service/index.ts';

export const mediaWords = {
  label: 'Media',
  drive: (kind: GuestDrive['kind'], vdev: string, target: string) =>
    `${kind === 'floppy' ? 'Floppy' : 'CD'} ${vdev}: ${target || 'empty'}`,
  insert: 'Insert a file…',
  take: (name: string) => `Insert ${name}`,
  eject: 'Eject',
  download: (name: string) => `Download ${name} as it is now`,
};

/** The largest floppy disk that a drive here takes: 2.88 MB, as its drive formats it. */
const FLOPPY_BYTES = 2880 * 1024;
const PACKED = /\.(?:gz|xz|zst)$/i;

/** By its name and size, as far as one can tell without reading it. Other files can be inserted by the browser's dialogue. */
export function couldLieIn(kind: GuestDrive['kind'], { name, data }: NamedFile): boolean {
  const unpacked = name.replace(PACKED, '');
  if (kind === 'cdrom') return /\.(?:iso|cdr|toast)$/i.test(unpacked);
  return /\.(?:img|ima|image|flp|vfd|dsk|fd|bin|raw)$/i.test(unpacked) && data.size <= FLOPPY_BYTES;
}
