/**
 * Files of Domain 0 that lie on the host's disk: each is a volume of its own, whose name says its path. Disk images below /var/lib/xen/images are devices that
 * definitions may name, too; others are there because they are large.
 *
 *   /var/lib/xen/images/web.img          image+web.img
 *   /var/lib/xen/images/old/web (1).img  image+old+2Fweb+20+281+29.img
 *   /root/web.save                       file+root+2Fweb.save
 *
 * A character that a volume's name cannot have is written as + and two hexadecimal digits for each byte of its UTF-8.
 */

export const IMAGES = '/var/lib/xen/images';
const IMAGE_PREFIX = 'image+',
  FILE_PREFIX = 'file+';
/** lvm(8) has 127; another volume's name is made of this one while the file is replaced. */
const MOST_LENGTH = 120;

function nameOf(prefix: string, path: string): string | undefined {
  if (path.split('/').some(part => part === '' || part === '.' || part === '..')) return undefined;
  const bytes = [...new TextEncoder().encode(path)];
  const name =
    prefix +
    bytes
      .map(byte =>
        /[\w.-]/.test(String.fromCharCode(byte))
          ? String.fromCharCode(byte)
          : `+${byte.toString(16).toUpperCase().padStart(2, '0')}`,
      )
      .join('');
  return name.length > MOST_LENGTH ? undefined : name;
}

/** The volume of an image, by its own path; undefined: no image can be there. */
export const imageVolume = (path: string): string | undefined =>
  path.startsWith(`${IMAGES}/`) ? nameOf(IMAGE_PREFIX, path.slice(IMAGES.length + 1)) : undefined;

/** The volume of a large file, by its own path; undefined: its name would be too long. */
export const largeVolume = (path: string): string | undefined => nameOf(FILE_PREFIX, path.slice(1));

/** The file that a volume is; undefined: it is none. */
export function filePath(volume: string): string | undefined {
  const [prefix, root, volumeOf] = volume.startsWith(IMAGE_PREFIX)
    ? [IMAGE_PREFIX, `${IMAGES}/`, imageVolume]
    : [FILE_PREFIX, '/', largeVolume];
  if (!volume.startsWith(prefix)) return undefined;
  let path: string;
  try {
    path = root + decodeURIComponent(volume.slice(prefix.length).replaceAll('+', '%'));
  } catch {
    return undefined;
  }
  // Of two names for one path the other is a volume that somebody called so.
  return volumeOf(path) === volume ? path : undefined;
}
