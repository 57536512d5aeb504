/**
 * Disk images among Domain 0's files lie on the host's disk: each file below /var/lib/xen/images that is one is a volume of its own, whose name says its path.
 *
 *   /var/lib/xen/images/web.img          image+web.img
 *   /var/lib/xen/images/old/web (1).img  image+old+2Fweb+20+281+29.img
 *
 * A character that a volume's name cannot have stands as + and two hexadecimal digits for each byte of its UTF-8.
 */

export const IMAGES = '/var/lib/xen/images';
const PREFIX = 'image+';
/** lvm(8) has 127; another volume's name is made of this one while the file is replaced. */
const MOST_LENGTH = 120;

/** The volume of a file, by its own path; undefined: no image can be there. */
export function imageVolume(path: string): string | undefined {
  const below = path.startsWith(`${IMAGES}/`) ? path.slice(IMAGES.length + 1) : '';
  if (below === '' || below.split('/').some(part => part === '' || part === '.' || part === '..')) return undefined;
  const bytes = [...new TextEncoder().encode(below)];
  const name = PREFIX + bytes.map(byte => (/[\w.-]/.test(String.fromCharCode(byte)) ? String.fromCharCode(byte) : `+${byte.toString(16).toUpperCase().padStart(2, '0')}`)).join('');
  return name.length > MOST_LENGTH ? undefined : name;
}

/** The file that a volume is; undefined: it is none. */
export function imagePath(volume: string): string | undefined {
  if (!volume.startsWith(PREFIX)) return undefined;
  let path: string;
  try {
    path = `${IMAGES}/${decodeURIComponent(volume.slice(PREFIX.length).replaceAll('+', '%'))}`;
  } catch {
    return undefined;
  }
  // Of two names for one path the other is a volume that somebody called so.
  return imageVolume(path) === volume ? path : undefined;
}
