/** A machine as another product describes it, as far as it is read here, and a definition of one that is like it. */
import { MAX_MEMORY_MIB, MAX_VCPUS } from '../../../hypervisor/layout/index.ts';

export interface Machine {
  name?: string | undefined;
  memoryMiB?: number | undefined;
  vcpus?: number | undefined;
  kernel?: string | undefined;
  ramdisk?: string | undefined;
  cmdline?: string | undefined;
  /** Files, as they are named there. */
  disks?: readonly string[];
  cds?: readonly string[];
}

const MOST_NAME = 64,
  MOST_DRIVES = 3;
const PLACES = ['hda', 'hdb', 'hdd'];
const CD_PLACE = 'hdc';

const fileName = (path: string): string => path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1);
/** In the quotation marks of xl.cfg, which has no way to write one within. */
const quoted = (text: string): string => `"${text.replaceAll(/["\\\n\r]/g, '')}"`;

/** Formats of images that are converted first (images.ts reads raw and qcow2). */
const CONVERTED = /\.(vmdk|vdi|vhdx?|qed|hdd|hds)$/i;
const rawName = (path: string): string => fileName(path).replace(CONVERTED, '.img');

/** What makes images that are read here of those that a machine has; undefined: they are read as they are. */
export function conversion({ disks = [] }: Machine): string | undefined {
  const [first] = disks.filter(path => CONVERTED.test(path));
  return first === undefined ? undefined : `qemu-img convert -O raw ${fileName(first)} ${rawName(first)}`;
}

/** Lines of xl.cfg, one behind the other. */
export function definitionOf({
  name,
  memoryMiB,
  vcpus,
  kernel,
  ramdisk,
  cmdline,
  disks = [],
  cds = [],
}: Machine): string {
  const format = (path: string): string => (/\.qcow2?$/i.test(path) ? 'qcow2' : 'raw');
  const drives = [
    ...disks.slice(0, MOST_DRIVES).map((path, i) => `${quoted(`${rawName(path)},${format(path)},${PLACES[i]},w`)}`),
    ...cds.slice(0, 1).map(path => quoted(`${fileName(path)},raw,${CD_PLACE}:cdrom,r`)),
  ];
  return [
    `name = ${quoted((name ?? 'guest').slice(0, MOST_NAME) || 'guest')}`,
    'type = "hvm"',
    `memory = ${Math.min(memoryMiB ?? 256, MAX_MEMORY_MIB)}`,
    ...(vcpus !== undefined && vcpus > 1 ? [`vcpus = ${Math.min(vcpus, MAX_VCPUS)}`] : []),
    ...(kernel === undefined ? [] : [`kernel = ${quoted(fileName(kernel))}`]),
    ...(ramdisk === undefined ? [] : [`ramdisk = ${quoted(fileName(ramdisk))}`]),
    ...(cmdline === undefined ? [] : [`extra = ${quoted(cmdline)}`]),
    ...(drives.length > 0 ? [`disk = [ ${drives.join(', ')} ]`] : []),
  ].join('; ');
}

const UNITS: Readonly<Record<string, number>> = { k: 2 ** -10, m: 1, g: 2 ** 10, t: 2 ** 20, '': 1 };

/** "2G", "512", "64Mi": MiB, where a number alone is of `plain` MiB. */
export function mebibytes(text: string | undefined, plain = 1): number | undefined {
  const [, digits, unit] = /^\s*"?(\d+(?:\.\d+)?)\s*([kmgt]?)i?b?"?\s*$/i.exec(text ?? '') ?? [];
  if (digits === undefined) return undefined;
  const value = Math.round(Number(digits) * (unit === '' ? plain : UNITS[unit!.toLowerCase()]!));
  return value > 0 ? value : undefined;
}

export function whole(text: string | undefined): number | undefined {
  const value = Number(text);
  return text !== undefined && Number.isInteger(value) && value > 0 ? value : undefined;
}
