/** Disks, CD and floppy drives, with the names that Xen has for them, or a guest of KVM. */
import { formatNbdAddress, NBD_PORT, nbdAddressProblem } from '../../../../formats/nbd/index.ts';
import { approximated } from '../options.ts';
import { ruleAt } from '../libvirt-schema.ts';
import { shortened, type Value } from '../xlcfg.ts';
import { busOf } from './bus.ts';
import { childOf, type Element, tag } from './tree.ts';
import { notHere, type XmlReading } from './reading.ts';

/** Back ends of xl by libvirt's names for drivers. */
const BACKENDS: Record<string, string> = { phy: 'phy', qemu: 'qdisk', file: 'qdisk', tap: 'tap', tap2: 'tap' };

/**
 * Names of drives as Xen has them: vda and sda are the first drives of two controllers elsewhere, and one drive here, so the second one gets the next
 * name that is free.
 */
export function drivesOf(read: XmlReading, devices: Element): Map<Element, string> {
  const names = new Map<Element, string>();
  const taken = new Set<string>();
  const { drives } = read.type;
  const disks = devices.children.filter(
    ({ name, attributes }) => name === 'disk' && ['disk', 'cdrom', undefined].includes(attributes.device),
  );
  const devOf = (element: Element): string => childOf(element, 'target')?.attributes.dev ?? '';
  // Virtio disks are Xen's here, and keep their letters before others.
  const inOrder = [...disks].sort(
    (a, b) => Number(!/^(vd|xvd|hd)/.test(devOf(a))) - Number(!/^(vd|xvd|hd)/.test(devOf(b))),
  );
  for (const element of inOrder) {
    const [, prefix, letter, partition] = /^(vd|xvd|hd|sd)([a-z])(\d*)$/.exec(devOf(element)) ?? [];
    if (prefix === undefined) continue;
    const isCdrom = element.attributes.device === 'cdrom',
      bus = busOf(childOf(element, 'target'));
    const kind = drives.prefix(bus, prefix);
    const placed = (of: string): string => drives.taken(kind, of) + partition;
    const isFree = (of: string): boolean => !taken.has(placed(of)) && drives.reaches(kind, of);
    const free = isFree(letter) ? letter : [...(isCdrom ? 'cdb' : ''), ...'abcdefghijklmnopqrstuvwxyz'].find(isFree);
    if (free === undefined) continue;
    taken.add(placed(free));
    const own = kind + letter + partition,
      name = (free === letter ? kind : drives.moved(kind, free, isCdrom)) + free + partition;
    names.set(element, name);
    const remark =
      drives.remark(name, bus) ??
      (free !== letter &&
        approximated(`${name} here`, `${own} is a drive with the number of another one here: it is ${name}.`));
    if (remark) read.remark(element, 'disk', remark);
  }
  return names;
}

export function readFloppy(read: XmlReading, element: Element): void {
  const target = childOf(element, 'target');
  const { dev, bus = 'fdc' } = target?.attributes ?? {};
  if (dev !== 'fda' && dev !== 'fdb')
    return read.problem(target ?? element, "The floppy disk has no <target dev='fda'/> or 'fdb'.");
  if (bus !== 'fdc')
    return read.problem(target!.places.bus, `Invalid bus type '${shortened(bus)}' for floppy disk. Write 'fdc'.`);
  const { path = '', at } = sourceOf(read, element, dev, false) ?? {};
  read.set(dev, at ?? element, path, 'string', at ? tag(at, 'file') : tag(target!, 'dev'));
}

/** As xl would have it; undefined: it cannot be said. */
export function diskOf(
  read: XmlReading,
  element: Element,
  isCdrom: boolean,
  name: string | undefined,
): Value | undefined {
  const { type = 'file', device = 'disk' } = element.attributes;
  const { line, column } = element;
  const target = childOf(element, 'target'),
    driver = childOf(element, 'driver');
  const dev = target?.attributes.dev;
  // Any other word was reported with the attributes.
  if (!['disk', 'cdrom', 'lun'].includes(device)) return undefined;
  if (device === 'lun' && type === 'file')
    return void read.problem(
      element.places.device,
      "Disk device='lun' is only valid for block type disk source. Write device='disk'.",
    );
  if (device === 'lun')
    return void read.remark(
      element,
      'disk',
      notHere('There is no SCSI device of the host here that a guest could talk to.'),
    );
  if (!['file', 'block', 'network'].includes(type)) {
    if (ruleAt('devices', 'disk')?.attributes.get('type')?.words?.includes(type))
      read.problem(
        element,
        `type='${shortened(type)}': a disk is a file here. Write <disk type='file'> with <source file='…'/>.`,
      );
    return undefined;
  }
  if (dev === undefined)
    return void read.problem(
      target ?? element,
      "The disk has no <target dev='…'/>. Write for example <target dev='hda' bus='ide'/>.",
    );
  if (!/^(hd|sd|vd|xvd|ubd)[a-z]+\d*$/.test(dev))
    return void read.problem(
      target!.places.dev,
      `Unknown disk name '${shortened(dev)}'. Write hda, sda, vda or xvda, or another letter at their end.`,
    );
  const source = sourceOf(read, element, dev, !isCdrom);
  if (!source) return undefined;
  const vdev = name ?? dev;
  for (const inner of element.children) {
    if (inner.name === 'encryption')
      return void read.problem(
        inner,
        'An encrypted image is not read here. Decrypt it into a file of its own first (qemu-img convert), and take <encryption> out.',
      );
    if (inner.name === 'iotune' || inner.name === 'serial' || inner.name === 'auth')
      read.remark(inner, `disk.${inner.name}`, notHere('This is not set for single disks here.'));
  }
  const readOnly = isCdrom || element.children.some(inner => inner.name === 'readonly');
  // Several guests may read one without that.
  const shared = !readOnly && childOf(element, 'shareable') !== undefined;
  const format = driver?.attributes.type === 'qcow2' ? 'qcow2' : 'raw';
  const backend = BACKENDS[driver?.attributes.name ?? ''];
  const discard = { unmap: 'discard', ignore: 'no-discard' }[driver?.attributes.discard ?? ''];
  const rest = [
    shared ? 'w!' : readOnly ? 'ro' : 'rw',
    ...(isCdrom ? ['cdrom'] : []),
    // What libxl takes for such an image by itself need not be said.
    ...(backend && backend !== (type === 'block' ? read.type.blockBackend : 'qdisk') ? [`backendtype=${backend}`] : []),
    ...(discard ? [discard] : []),
  ];
  const { path, at, attribute } = source;
  const text = /[,=:]/.test(path)
    ? [`format=${format}`, `vdev=${vdev}`, `access=${rest[0]}`, ...rest.slice(1), `target=${path}`].join(',')
    : [path, format, vdev, ...rest].join(',');
  const parts = {
    vdev: { ...target!.places.dev, said: tag(target!, 'dev') },
    ...(at ? { target: { ...at.places[attribute], said: tag(at, attribute) } } : {}),
  };
  return { kind: 'string', text, line, column, origin: { said: tag(target!, 'dev'), parts } };
}

/** The image of a drive that needs none is ''. undefined: one is missing, which was reported. */
function sourceOf(
  read: XmlReading,
  element: Element,
  name: string,
  needsOne: boolean,
): { path: string; at: Element | undefined; attribute: string } | undefined {
  const source = childOf(element, 'source');
  if (element.attributes.type === 'network') return networkSource(read, element, source, name);
  const attribute = element.attributes.type === 'block' ? 'dev' : 'file';
  const path = source?.attributes[attribute] ?? '';
  if (path !== '' || !needsOne) return { path, at: source, attribute };
  const other = attribute === 'dev' ? 'file' : 'dev';
  const why = source?.attributes[other]
    ? ` A disk of type='${other === 'dev' ? 'block' : 'file'}' has ${other}='…'.`
    : '';
  return void read.problem(
    source ?? element,
    `The disk ${shortened(name)} has no <source ${attribute}='…'/>.${why} Write the path of its image.`,
  );
}

/** A disk that another machine serves. */
function networkSource(
  read: XmlReading,
  element: Element,
  source: Element | undefined,
  disk: string,
): ReturnType<typeof sourceOf> {
  const { protocol, name = '' } = source?.attributes ?? {};
  const host = source && childOf(source, 'host');
  const write = "Write <source protocol='nbd' name='NAME'><host name='HOST' port='10809'/></source>.";
  if (!source || protocol === undefined)
    return void read.problem(source ?? element, `The disk ${shortened(disk)} has no <source protocol='…'/>. ${write}`);
  if (protocol !== 'nbd')
    return void read.problem(
      source.places.protocol,
      `protocol='${shortened(protocol)}': disks of other machines are reached by NBD here. ${write}`,
    );
  const { transport = 'tcp', name: machine, port = `${NBD_PORT}` } = host?.attributes ?? {};
  if (transport !== 'tcp')
    return void read.problem(host!, `transport='${shortened(transport)}': NBD goes by TCP here. ${write}`);
  if (source.attributes.tls === 'yes')
    return void read.problem(source.places.tls, "tls='yes': there is no TLS here. Take it out.");
  if (!machine)
    return void read.problem(host ?? source, `The disk ${shortened(disk)} does not say which machine has it. ${write}`);
  const path = formatNbdAddress({ host: machine, port: Number(port), name });
  const problem = nbdAddressProblem(path);
  return problem ? void read.problem(host!, problem) : { path, at: source, attribute: 'protocol' };
}
