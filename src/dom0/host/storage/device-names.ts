/** How the host's devices are called: as they are written, as Storage knows them, and as people do. */
import { filePath, imageVolume } from './image-names.ts';
import { isNetworkDisk } from '../../../formats/nbd/index.ts';
import { isTransfer } from './transfer-names.ts';

export const GROUP = 'vg0';
/** lvm(8): letters, digits and + _ . -, no hyphen first: a volume's name. */
export const GOOD_NAME = /^(?!-)(?!\.{1,2}$)(?!snapshot|pvmove)[\w+.-]{1,127}$/;
/** The partition that the volume group is on. */
export const LVM_NUMBER = 4;
/** Of an extent of that group. */
export const PE_BYTES = 4 * 2 ** 20;
/** Of a disk that is not there yet. */
export const DISK_BYTES = 500e9;

/** Whether a path is one of the host's devices, or a disk of another machine. */
export const isDevice = (path: string): boolean => path.startsWith('/dev/') || isTransfer(path) || isNetworkDisk(path);

/** A device as it was written, by the one path that this file knows it by: /dev/sdaN or /dev/vg0/NAME; an image file by that of its volume. */
export function canonical(written: string): string {
  const path = written.replace(/^phy:/, '').replace(/^(?!\/)/, '/dev/');
  const image = imageVolume(path);
  if (image !== undefined) return `/dev/${GROUP}/${image}`;
  // A hyphen of a name is doubled in /dev/mapper.
  const mapped = /^\/dev\/mapper\/vg0-(?!-)(.+)$/.exec(path);
  return mapped ? `/dev/${GROUP}/${mapped[1].replaceAll('--', '-')}` : path;
}

/** As people know it: a file's volume by the file. */
export const nameForPeople = (path: string): string => filePath(volumeIn(path) ?? '') ?? path;

/** The volume that a path names; undefined: it names something else. */
export const volumeIn = (path: string): string | undefined => /^\/dev\/vg0\/([^/]+)$/.exec(canonical(path))?.[1];

/** Whether two paths name the same bytes, or the bytes of one are among those of the other. */
export function devicesOverlap(one: string, other: string): boolean {
  const paths = [one, other].map(canonical);
  const holds = (whole: string, part: string): boolean =>
    whole === part ||
    (whole === '/dev/sda' && isDevice(part)) ||
    (whole === `/dev/sda${LVM_NUMBER}` && volumeIn(part) !== undefined);
  return holds(paths[0], paths[1]) || holds(paths[1], paths[0]);
}

/** So begin paths in headers of overlays whose image is none of Domain 0's files: somebody gave it to the page (dom0/service/kept-writes.ts). */
export const GIVEN = 'given:';
export const isGiven = (path: string): boolean => path.startsWith(GIVEN);
