/**
 * One disk of a definition. Source: xl-disk-configuration(5) of Xen 4.17: positional target, format, vdev, access; each also by name; flags;
 * `target=` takes the rest of the text; the prefixes of older releases (phy:, file:, tap:aio: and formats).
 */
import type { ImageKind } from '../images.ts';

export interface DiskSpec {
  /** Path as written; '': a CD-ROM drive with nothing in it. */
  target: string;
  format: string;
  /** Name of the virtual device, as written. */
  vdev: string;
  kind: ImageKind;
  readOnly: boolean;
}

const POSITIONAL = ['target', 'format', 'vdev', 'access'] as const;
const GOOD = { target: 'a file', format: 'raw', vdev: 'hda, hdb, hdc or hdd', access: 'rw or ro' };
const FORMATS = ['raw', 'qcow', 'qcow2', 'vhd', 'qed', 'empty'];
const ACCESS: Record<string, boolean> = { r: true, ro: true, w: false, rw: false };
const VDEV = /^(xvd[a-z]+\d*|hd[a-z]\d*|sd[a-z]+\d*|d\d+(p\d+)?)$/;
/** Named parameters that change nothing here, and flags. */
const OTHER = ['backend', 'backendtype', 'script', 'specification', 'transport'];
const FLAGS = /^(cdrom|direct-io-safe|discard|no-discard|trusted|untrusted|colo.*)$/;
/** Where xl decides by content which position a parameter has. */
const position = (text: string): (typeof POSITIONAL)[number] | undefined => {
  if (FORMATS.includes(text)) return 'format';
  if (VDEV.test(text)) return 'vdev';
  return Object.hasOwn(ACCESS, text) ? 'access' : undefined;
};

/** @returns the disk, or a sentence's end that says what is wrong with the text. */
export function parseDisk(text: string): DiskSpec | string {
  const values: Partial<Record<string, string>> = {};
  let cdrom = false;
  let next = 0;
  let rest = text.trim();
  const old = /^(?:tap2?:)?(phy|file|aio|raw|qcow2?|vhd|tapdisk|tap):/.exec(rest);
  while (old && /^(tap2?|phy|file|aio|tapdisk|ioemu):/.test(rest)) rest = rest.replace(/^[a-z0-9]+:/, '');
  const named = /^(raw|qcow2?|vhd):/.exec(rest);
  if (old && named) {
    values.format = named[1];
    rest = rest.slice(named[0].length);
  }
  while (rest !== '') {
    if (/^target\s*=/.test(rest)) {
      values.target = rest.replace(/^target\s*=\s*/, '');
      break;
    }
    const comma = rest.indexOf(',');
    const part = (comma < 0 ? rest : rest.slice(0, comma)).trim();
    rest = comma < 0 ? '' : rest.slice(comma + 1).trim();
    const pair = /^([a-z]+)\s*=\s*(.*)$/s.exec(part);
    if (pair && (POSITIONAL.includes(pair[1] as 'target') || pair[1] === 'devtype' || OTHER.includes(pair[1]))) {
      if (values[pair[1]] !== undefined) return `${pair[1]} is given twice.`;
      values[pair[1]] = pair[2];
      continue;
    }
    if (FLAGS.test(part)) {
      cdrom ||= part === 'cdrom';
      continue;
    }
    // Older spelling: hdc:cdrom.
    const device = /^(.*):cdrom$/.exec(part);
    if (device) cdrom = true;
    const value = device ? device[1] : part;
    if (next >= POSITIONAL.length) return `there is one ${value ? `‘${value}’` : 'comma'} too many.`;
    // A parameter may be left out where the one that follows can be nothing else (file,vdev,access of older releases).
    const known = next > 0 && value !== '' ? position(value) : undefined;
    const index = known ? POSITIONAL.indexOf(known) : next;
    if (next > 0 && value !== '' && !known) return `‘${value}’ is no ${POSITIONAL[next]}. Write ${GOOD[POSITIONAL[next]]}.`;
    const key = POSITIONAL[Math.max(index, next)];
    next = Math.max(index, next) + 1;
    if (value === '') continue;
    if (values[key] !== undefined) return `${key} is given twice.`;
    values[key] = value;
  }
  cdrom ||= values.devtype === 'cdrom';
  const { target = '', format = 'raw', vdev, access } = values;
  if (!vdev) return "it names no virtual device. Write for example ',raw,hda' behind the file.";
  if (!VDEV.test(vdev)) return `‘${vdev}’ is no virtual device. Write ${GOOD.vdev}.`;
  if (!FORMATS.includes(format)) return `‘${format}’ is no format. Write ${GOOD.format}.`;
  if (access !== undefined && !Object.hasOwn(ACCESS, access)) return `‘${access}’ is no access. Write ${GOOD.access}.`;
  if (target === '' && !cdrom) return 'it names no file.';
  return { target, format, vdev, kind: cdrom ? 'cdrom' : 'disk', readOnly: access === undefined ? cdrom : ACCESS[access] };
}

/** Place on the two IDE channels (0 primary master to 3 secondary slave) of the whole disks a to d, as Xen's emulated controller has them; -1: none. */
export function placeOf(vdev: string): number {
  const letter = /^(?:xvd|hd|sd)([a-d])$/.exec(vdev)?.[1];
  if (letter) return letter.charCodeAt(0) - 97;
  const number = /^d([0-3])(?:p0)?$/.exec(vdev)?.[1];
  return number ? Number(number) : -1;
}
