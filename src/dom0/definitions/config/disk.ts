/**
 * One disk of a definition. Source: xl-disk-configuration(5) of Xen 4.17: positional target, format, vdev, access; each also by name; flags;
 * `target=` takes the rest of the text; the prefixes of older releases (phy:, file:, tap:aio: and formats). Where the manual leaves it open, as libxlutil of
 * Debian 12 has it (read-by-libxlutil.jsonl).
 */
import type { Remedy } from '../verdicts.ts';
import { VIRTIO_PLACE } from '../../../devices/ide/index.ts';
import type { ImageKind } from '../images/images.ts';
import {
  approximated,
  ignored,
  isDomain0,
  type Judged,
  MOST_OPTIONS,
  type OptionRemark,
  type OptionRule,
  refused,
  unknown,
  unless,
  used,
  wrong,
} from './options.ts';
import { shortened } from './xlcfg.ts';

export interface DiskSpec {
  /** Path as written; '': a CD-ROM drive with nothing in it. */
  target: string;
  format: string;
  /** Name of the virtual device, as written. */
  vdev: string;
  kind: ImageKind;
  readOnly: boolean;
  /** Other guests may write it meanwhile, where they say the same. */
  shared?: boolean;
  /** What else is asked of it, and changes nothing here, as xl has it (`script=block-drbd`, `discard`). Kept for a user who takes the definition elsewhere. */
  others?: readonly string[];
}

const POSITIONAL = ['target', 'format', 'vdev', 'access'] as const;
type Positional = (typeof POSITIONAL)[number];
/** Behind a prefix of older releases. */
const OLD_POSITIONAL: readonly Positional[] = ['target', 'vdev', 'access'];
/** Names before a colon that are ours: files for a CD, and disks that carry files. */
const OUR_PREFIXES = ['files', 'transfer'];
const GOOD = { target: 'a file', format: 'raw', vdev: 'hda, hdb, hdc or hdd', access: 'rw or ro' };
const FORMATS = ['raw', 'qcow', 'qcow2', 'vhd', 'qed', 'empty'];
const ACCESS: Record<string, { readOnly: boolean; shared?: true }> = {
  r: { readOnly: true },
  ro: { readOnly: true },
  w: { readOnly: false },
  rw: { readOnly: false },
  // xend's word, which libvirt writes for a disk that is shareable (xenFormatXMDisk()); xl has none.
  'w!': { readOnly: false, shared: true },
};
/** By name, or by the number of xen-vbd-interface(7). vda is one of virtio, which guests of KVM have. */
const VDEV = /^(xvd[a-z]+\d*|hd[a-z]\d*|sd[a-z]+\d*|vd[a-z]\d*|d\d+(p\d+)?|0x[0-9a-f]{1,8}|[1-9]\d{0,9})$/i;
const oneOf =
  (values: string[], judged: Judged): OptionRule =>
  value =>
    value === '' || values.includes(value)
      ? judged
      : wrong('no such value', `‘${shortened(value)}’ is none of ${values.join(', ')}.`);
const colo = (): Judged => refused('no COLO', 'There is no second host that a disk could be mirrored to. Take it out.');

/** Parameters by name, next to the positional ones, and flags. */
const OPTIONS: Record<string, OptionRule> = {
  target: () => used('the image', 'This file is in the drive.'),
  format: value => formatVerdict(value),
  vdev: () => used('the drive', 'It says which drive the disk is.'),
  access: value =>
    ACCESS[value]?.shared
      ? approximated('xm’s word', 'Other guests may write it, too. xl refuses it.')
      : used('who may write', 'It says whether the guest may write.'),
  devtype: oneOf(['cdrom', 'disk'], used('as asked', 'It says whether the drive is a CD-ROM drive.')),
  backend: unless(isDomain0, refused('back ends are in Domain 0', 'Back ends are in Domain 0 only. Take backend out.')),
  backendtype: oneOf(
    ['phy', 'qdisk', 'standalone', 'tap'],
    ignored('the host reads the file', 'This host reads the file itself: there is one implementation.'),
  ),
  script: () => ignored('no scripts', 'Domain 0 runs no block scripts: the target is taken for a file.'),
  specification: oneOf(
    ['xen', 'virtio'],
    ignored(
      'Xen’s protocol',
      'Disks have Xen’s own back end, and an emulated IDE drive in HVM guests; there is none of virtio.',
    ),
  ),
  transport: oneOf(['mmio'], ignored('no virtio', 'The disk is not one of virtio.')),
  grant_usage: oneOf(['0', '1'], ignored('no virtio', 'The disk is not one of virtio.')),
  'active-disk': colo,
  'hidden-disk': colo,
};
/** What a disk's own fields say. */
const SAID = new Set(['target', 'format', 'vdev', 'access', 'devtype']);
const FLAGS: Record<string, Judged> = {
  cdrom: used('CD-ROM drive', 'The drive is a CD-ROM drive.'),
  'direct-io-safe': ignored(
    'writes stay in memory',
    'The file is never written, so there is no page cache to go past.',
  ),
  discard: used('for PV drivers', 'PV drivers may say what they need no more. IDE disks of this PC have no TRIM.'),
  'no-discard': approximated(
    'discard is offered',
    'PV drivers may say what they need no more: what the guest writes is kept in memory anyway.',
  ),
};
/** Of an image file that is written by no one: where what the guest writes is. */
export const IN_MEMORY =
  'What the guest writes is kept in memory, and by a page in its storage; the file stays as it is.';

const isColo = (name: string): boolean => /^colo(-[a-z]+)?$/.test(name);

/** The file's content counts; a definition that says otherwise gets a remark. */
const formatVerdict = (value: string): Judged =>
  ['', 'raw', 'qcow2', 'empty'].includes(value)
    ? used('as asked', "The file's first bytes say whether it is raw or qcow2.")
    : ignored(
        `${shortened(value)} is not read`,
        `The file's first bytes say what it is, and raw and qcow2 images are read: a ${shortened(value)} image is refused.`,
      );

const isValueOf = (key: Exclude<Positional, 'target'>, text: string): boolean =>
  key === 'format' ? FORMATS.includes(text) : key === 'vdev' ? VDEV.test(text) : Object.hasOwn(ACCESS, text);

/** What older releases have before a target: kinds of back ends and formats (`tap:aio:`, `phy:`), and names of block scripts. */
function olderPrefixes(
  text: string,
  remark: (name: string, judged: Judged, from: string) => void,
): { rest: string; isThere: boolean; devices: string; format?: string | undefined; script?: string | undefined } {
  let rest = text,
    devices = '',
    format: string | undefined;
  // Blanks behind a prefix are none of the path (libxlu_disk_l.l).
  const isKind = /^(?:tap2?:\s*)?(phy|file|aio|raw|qcow2?|vhd|tapdisk|tap|ioemu):/.test(rest);
  if (isKind) {
    const prefix = /^(?:(?:tap2?|phy|file|aio|tapdisk|ioemu):\s*)*/.exec(rest)![0];
    rest = rest.slice(prefix.length);
    // xend's phy: names devices by their names in /dev.
    if (/(^|:\s*)phy:\s*$/.test(prefix) && /^[^/,]/.test(rest)) devices = '/dev/';
    const named = /^(raw|qcow2?|vhd):\s*/.exec(rest);
    if (named) {
      format = named[1];
      remark('format', formatVerdict(named[1]), rest);
      rest = rest.slice(named[0].length);
    }
  }
  const script = /^(iscsi|e?nbd|drbd):(?!\/\/)\s*/.exec(rest);
  if (script) {
    rest = rest.slice(script[0].length);
    remark('script', OPTIONS.script(''), rest);
  }
  return { rest, isThere: isKind || script !== null, devices, format, script: script?.[1] };
}

/** @returns the disk, or a sentence's end that says what is wrong with the text. `remarks` gets what each named option and flag comes to, `fix` what would fix it. */
export function parseDisk(
  text: string,
  remarks: OptionRemark[] = [],
  mend: (remedy: Remedy) => void = () => {},
): DiskSpec | string {
  const values: Partial<Record<string, string>> = Object.create(null);
  let cdrom = false;
  let next = 0;
  let rest = text.trimStart();
  let positional: readonly Positional[] = POSITIONAL;
  const others: string[] = [];
  const remark = (name: string, judged: Judged, from = rest): void =>
    void remarks.push({ name, offset: text.length - from.length, ...judged });
  const older = olderPrefixes(rest, remark);
  rest = older.rest;
  if (older.isThere) positional = OLD_POSITIONAL;
  if (older.format !== undefined) values.format = older.format;
  if (older.script !== undefined) others.push(`script=block-${older.script}`);
  const prefix = positional === POSITIONAL ? /^(?!nbd:\/\/)([a-z][a-z0-9]*):/.exec(rest)?.[1] : undefined;
  if (prefix !== undefined && OUR_PREFIXES.includes(prefix)) {
    if (VDEV.test(/^[^,]*,\s*([^,:]*)/.exec(rest)?.[1] ?? '')) positional = OLD_POSITIONAL;
  } else if (prefix !== undefined && rest[prefix.length + 1] === '/')
    return `‘${shortened(prefix)}:’ is no prefix. Write the path of a file; one with a colon must be last, as target=.`;
  // An empty CD drive of older releases.
  if (/^,[^,]*:cdrom(?:,|$)/.test(rest)) positional = OLD_POSITIONAL;
  while (rest !== '') {
    if (remarks.length > MOST_OPTIONS) return `it has more than ${MOST_OPTIONS} options.`;
    if (rest.startsWith('target=')) {
      remark('target', OPTIONS.target(''));
      if (values.target !== undefined) return 'target is given twice.';
      values.target = rest.slice('target='.length);
      break;
    }
    const comma = rest.indexOf(',');
    const part = comma < 0 ? rest : rest.slice(0, comma);
    const after = comma < 0 ? '' : rest.slice(comma + 1).trimStart();
    const pair = /^([a-z][-a-z0-9_]*)=(.*)$/s.exec(part);
    if (pair) {
      const [, name, value] = pair;
      if (values[name] !== undefined && name !== 'access') return `${name} is given twice.`;
      values[name] = value;
      if (value !== '' && Object.hasOwn(OPTIONS, name) && !SAID.has(name)) others.push(`${name}=${value}`);
      remark(name, judgedOption(name, value));
      rest = after;
      continue;
    }
    const flag = isColo(part) ? colo() : Object.hasOwn(FLAGS, part) ? FLAGS[part] : undefined;
    if (flag) {
      remark(part, flag);
      if (part === 'cdrom') cdrom = true;
      else others.push(part);
      rest = after;
      continue;
    }
    // Older spellings: hdc:cdrom, hda:disk, ioemu:hdc.
    const device = next > 0 ? /^(?:ioemu:)?([a-z0-9]+)(?::(cdrom|disk))?$/i.exec(part) : undefined;
    const isVdev = device && VDEV.test(device[1]);
    if (isVdev && device[2] === 'cdrom') cdrom = true;
    const value = isVdev ? device[1] : part;
    // It is one of the older prefixes wherever it comes.
    if (next === 1 && isVdev && part.startsWith('ioemu:')) positional = OLD_POSITIONAL;
    if (next >= positional.length) return `there is one ${value ? `‘${shortened(value)}’` : 'comma'} too many.`;
    const key = positional[next++];
    if (value !== '' && key !== 'target' && !isValueOf(key, value)) {
      if (key === 'format') mend({ write: GOOD.format, of: value });
      return `‘${shortened(value)}’ is no ${key}. Write ${GOOD[key]}.`;
    }
    if (value !== '' && values[key] !== undefined) return `${key} is given twice.`;
    if (value !== '') values[key] = value;
    if (value !== '' && key === 'format' && formatVerdict(value).verdict !== 'used')
      remark('format', formatVerdict(value));
    rest = after;
  }
  return specOf(values, { isCd: cdrom || values.devtype === 'cdrom', devices: older.devices, others, mend });
}

function judgedOption(name: string, value: string): Judged {
  if (isColo(name)) return colo();
  if (Object.hasOwn(OPTIONS, name)) return OPTIONS[name](value);
  return unknown(name, 'disk', [...Object.keys(OPTIONS), ...Object.keys(FLAGS)], true);
}

/** What was found, as a disk. A string tells what is wrong. */
function specOf(
  values: Partial<Record<string, string>>,
  {
    isCd,
    devices,
    others,
    mend,
  }: { isCd: boolean; devices: string; others: readonly string[]; mend: (remedy: Remedy) => void },
): DiskSpec | string {
  // An empty value is as none.
  const { target = '', vdev } = values,
    format = values.format || 'raw',
    access = values.access || undefined;
  if (!vdev) return "it names no virtual device. Write for example ',raw,hda' behind the file.";
  if (!VDEV.test(vdev)) return `‘${shortened(vdev)}’ is no virtual device. Write ${GOOD.vdev}.`;
  if (!FORMATS.includes(format)) mend({ write: GOOD.format, of: format });
  if (!FORMATS.includes(format)) return `‘${shortened(format)}’ is no format. Write ${GOOD.format}.`;
  if (access !== undefined && !Object.hasOwn(ACCESS, access))
    return `‘${shortened(access)}’ is no access. Write ${GOOD.access}.`;
  if (target === '' && !isCd) return 'it names no file.';
  return {
    target: devices + target,
    format,
    vdev,
    kind: isCd ? 'cdrom' : 'disk',
    // xl has no CD drive that is written, whatever its access says.
    readOnly: isCd || (access !== undefined && ACCESS[access].readOnly),
    ...(!isCd && access !== undefined && ACCESS[access].shared ? { shared: true } : {}),
    ...(others.length > 0 ? { others } : {}),
  };
}

/** The value of an option that is kept for others. */
export const otherOption = ({ others = [] }: DiskSpec, name: string): string | undefined =>
  others.find(option => option.startsWith(`${name}=`))?.slice(name.length + 1);

/** The disk as its definition would have it. */
export function formatDisk({ target, format, vdev, kind, readOnly, shared, others = [] }: DiskSpec): string {
  const cdrom = kind === 'cdrom';
  const form = format === 'qcow2' ? format : 'raw';
  const access = shared ? ['w!'] : readOnly === cdrom ? [] : ['ro'];
  // A path with what means something between or before the parameters is last, by name.
  if (/[,=:]/.test(target))
    return [
      `format=${form}`,
      `vdev=${vdev}`,
      ...access.map(value => `access=${value}`),
      ...(cdrom ? ['cdrom'] : []),
      ...others,
      `target=${target}`,
    ].join(',');
  return [target, form, vdev, ...access, ...(cdrom ? ['cdrom'] : []), ...others].join(',');
}

/** Place of a drive of a guest of KVM: on the IDE channels, or among the disks of virtio, which has no CDs; undefined: there is no such. */
export function placeUnderKvm({ vdev, kind }: DiskSpec): number | undefined {
  const [, bus, letter] = /^(?:(hd)(?=[a-d]$)|vd(?=[a-h]$))([a-z])$/.exec(vdev) ?? [];
  if (letter === undefined || (!bus && kind === 'cdrom')) return undefined;
  return letter.charCodeAt(0) - 97 + (bus ? 0 : VIRTIO_PLACE);
}

/** Place on the two IDE channels (0 primary master to 3 secondary slave) of the whole disks a to d, as Xen's emulated controller has them; -1: none. */
export function placeOf(vdev: string): number {
  const letter = /^(?:xvd|hd|sd)([a-d])$/.exec(vdev)?.[1];
  if (letter) return letter.charCodeAt(0) - 97;
  const number = /^d([0-3])(?:p0)?$/.exec(vdev)?.[1];
  return number ? Number(number) : -1;
}
