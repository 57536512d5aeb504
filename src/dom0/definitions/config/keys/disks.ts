/** Keys about disks. Source: xl.cfg(5) and xl-disk-configuration(5). */
import type { XenKind } from '../../../../hypervisor/kinds/index.ts';
import { definedAs } from '../../kinds/index.ts';
import type { Remedy } from '../../verdicts.ts';
import { FLOPPY_PLACE, VIRTIO_PLACE } from '../../../../devices/ide/index.ts';
import { deviceNumber } from '../device-number.ts';
import type { Definition } from '../definition.ts';
import { type DiskSpec, formatDisk, IN_MEMORY, parseDisk } from '../disk.ts';
import { isDevice, isTransfer } from '../../../host/storage/index.ts';
import { isNetworkDisk, nbdAddressProblem } from '../../../../formats/nbd/index.ts';
import { approximated, ignored, type Judged, type OptionRemark, used, wrong } from '../options.ts';
import { alike, type Asked, type Family, oneOf, only, rule, TOLD } from '../rule.ts';
import { said } from '../values.ts';
import type { Value } from '../xlcfg.ts';

/** hdc. */
const CDROM_PLACE = 2;
const PLACES = ['primary master', 'primary slave', 'secondary master', 'secondary slave'];

/** What becomes of the disk, and of what the guest writes to it. `isStored`: it is on the host's disk, whatever its path looks like. */
export function diskVerdict(
  spec: DiskSpec,
  place: number,
  type: XenKind,
  isStored: boolean = isDevice(spec.target),
): Judged {
  if (spec.kind === 'floppy') return floppyVerdict(spec, isStored);
  if (isTransfer(spec.target))
    return used(
      'transfer disk',
      `${spec.vdev} is a FAT disk of Domain 0, empty at first. xl transfer ls lists what the guest has left there.`,
    );
  if (place < 0) return virtualVerdict(spec, type, isStored);
  const isVirtio = place >= VIRTIO_PLACE;
  const where = isVirtio ? `virtio disk ${spec.vdev}` : PLACES[place],
    is = isVirtio ? `${spec.vdev} is a disk of virtio.` : `The disk is the IDE ${where}.`;
  if (spec.kind === 'cdrom')
    return used(
      `${where}, CD-ROM drive`,
      `The CD-ROM drive is the IDE ${where}${spec.target === '' ? ', with nothing in it' : ''}.`,
    );
  if (spec.readOnly && spec.vdev.startsWith('hd')) return used(where, is);
  if (spec.readOnly && isVirtio) return used(`${where}, read only`, `${is} It is read only.`);
  const kept = spec.readOnly
    ? 'It is read only.'
    : isStored
      ? `What the guest writes is on ${spec.target}.`
      : IN_MEMORY;
  const ide =
    spec.vdev.startsWith('hd') || isVirtio
      ? ''
      : ` ${spec.vdev} is an IDE disk until the guest's PV drivers unplug that, as Xen has it.`;
  const text = `${is} ${kept}${ide}`;
  // An IDE disk cannot be write-protected.
  if (isStored && !spec.readOnly) return used(where, text);
  return approximated(spec.readOnly ? `${where}, read only` : `${where}; the file stays as it is`, text);
}

function floppyVerdict({ vdev, target }: DiskSpec, isStored: boolean): Judged {
  const drive = `floppy drive ${vdev.slice(-1).toUpperCase()}`;
  if (target === '') return ignored('no floppy drive', `There is no ${drive.slice(7)}.`);
  const text = `The floppy disk is in ${drive.slice(7)}.`;
  return isStored
    ? used(drive, `${text} What the guest writes is on ${target}.`)
    : approximated(`${drive}; the file stays as it is`, `${text} ${IN_MEMORY}`);
}

/** A disk for PV drivers alone. */
function virtualVerdict({ vdev, kind, readOnly, target }: DiskSpec, type: XenKind, isStored: boolean): Judged {
  const what = kind === 'cdrom' ? 'CD' : 'disk';
  if (target === '')
    return ignored(
      'nothing in it',
      `A ${type.toUpperCase()} guest has no emulated CD-ROM drive, and a virtual one is there with its medium.`,
    );
  if (readOnly)
    return used(
      `virtual ${what}, read only`,
      `${vdev} is a virtual ${what} for the guest's PV drivers. It is read only.`,
    );
  if (isStored)
    return used(
      `virtual ${what}`,
      `${vdev} is a virtual ${what} for the guest's PV drivers. What the guest writes is on ${target}.`,
    );
  return approximated(
    `virtual ${what}; the file stays as it is`,
    `${vdev} is a virtual ${what} for the guest's PV drivers. ${IN_MEMORY}`,
  );
}

/** One finding for each disk, and one for each option in its text. */
function eachDisk(asked: Asked, take: (disk: Definition['disks'][number]) => void): void {
  const { value, definition } = asked;
  const { drives, type } = definedAs(definition);
  const found: Definition['disks'] = [];
  const one = (item: Value): Judged => {
    let remedy: Remedy | undefined;
    const fail = (short: string, text: string): Judged => wrong(short, `${said('disk', item)}: ${text}`, remedy);
    if (item.kind === 'list') return fail('wants a text', 'each disk is one text.');
    const remarks: OptionRemark[] = [];
    const spec = parseDisk(item.text, remarks, to => {
      remedy = to;
    });
    asked.tellOptions('disk', item, remarks);
    if (typeof spec === 'string') return fail('not understood', spec);
    const addressProblem = isNetworkDisk(spec.target) ? nbdAddressProblem(spec.target) : undefined;
    if (addressProblem) return fail('not understood', addressProblem);
    const number = deviceNumber(spec.vdev);
    // PVH and PV guests have no IDE.
    const place = drives.place(spec);
    if (place === undefined)
      return fail(
        'no such drive',
        `a guest of KVM has ${drives.names}, and no ${spec.kind === 'cdrom' ? 'CD in ' : ''}${spec.vdev}.`,
      );
    if (number === undefined && drives.haveNumbers)
      return fail('no such disk', `${spec.vdev} has no number (xen-vbd-interface(7)). Write for example xvdb.`);
    const other = found.find(
      disk => (number !== undefined && deviceNumber(disk.vdev) === number) || (place >= 0 && disk.place === place),
    );
    if (other)
      return fail(
        `${spec.vdev} is taken`,
        `${spec.vdev} and ${other.vdev} of line ${other.at.line} are the same drive. Write another of ${drives.names}.`,
      );
    if (place >= 0 || spec.target !== '')
      found.push({
        ...spec,
        place,
        at: {
          line: item.line,
          column: item.column,
          ...(item.origin?.parts?.target ? { image: item.origin.parts.target } : {}),
        },
      });
    return diskVerdict(spec, place, type);
  };
  for (const item of value.kind === 'list' ? value.items : []) asked.tell(item, 'disk', one(item));
  found.forEach(take);
}

/** fda and fdb, keys of xm and of libxl's first releases. */
function floppy(unit: 0 | 1): Family {
  const vdev = unit === 0 ? 'fda' : 'fdb';
  const letter = unit === 0 ? 'A' : 'B';
  const floppyOf = (text: string): DiskSpec => ({
    target: text.replace(/^file:/, ''),
    format: 'raw',
    vdev,
    kind: 'floppy',
    readOnly: false,
  });
  return only(['hvm'], {
    [vdev]: rule('string', used(`floppy drive ${letter}`, `The image of a floppy disk, in drive ${letter}.`), {
      into: (definition, asked) => {
        const spec = floppyOf(asked.text);
        if (spec.target !== '') definition.disks.push({ ...spec, place: FLOPPY_PLACE + unit, at: asked.placeOf(vdev) });
      },
      judge: ({ text }) => floppyVerdict(floppyOf(text), false),
      from: ({ disks }) => disks.find(disk => disk.vdev === vdev)?.target,
    }),
  });
}

export const disks: Family = {
  disk: rule('list', used('no disks', 'The PC has no disks.'), {
    judge: asked => {
      if (asked.value.kind === 'list' && asked.value.items.length === 0) return undefined;
      eachDisk(asked, disk => asked.definition.disks.push(disk));
      return TOLD;
    },
    from: ({ disks }) => {
      const others = disks.filter(({ kind }) => kind !== 'floppy');
      return others.length > 0 ? others.map(formatDisk) : undefined;
    },
  }),
  ...floppy(0),
  ...floppy(1),
  cdrom: rule('string', used('CD-ROM drive hdc', 'xend’s key for the disc in the CD-ROM drive hdc.'), {
    guests: ['hvm'],
    judge: asked => {
      if (asked.text === '') return undefined;
      const { disks } = asked.definition;
      const other = disks.find(({ place }) => place === CDROM_PLACE);
      if (other)
        return ignored(
          'hdc is taken',
          `${other.vdev} of line ${other.at.line} is that drive already. xl has disk = [ ',raw,hdc,cdrom' ] for a CD-ROM drive.`,
        );
      disks.push({
        target: asked.text,
        format: 'raw',
        vdev: 'hdc',
        kind: 'cdrom',
        readOnly: true,
        place: CDROM_PLACE,
        at: { line: asked.value.line, column: asked.value.column },
      });
      return used('CD-ROM drive hdc', 'The disc is in the CD-ROM drive hdc. This is xend’s key; xl has disk for it.');
    },
  }),
  ...only(
    ['hvm'],
    alike(
      'hdtype',
      'string',
      approximated('disks are IDE', 'Disks are on the two IDE channels of the PC; there is no AHCI controller.'),
      value => value === 'ide',
      oneOf(['ide', 'ahci']),
    ),
  ),
};
