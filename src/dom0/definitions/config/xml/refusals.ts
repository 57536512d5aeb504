/**
 * What is about secrecy, isolation or what lies on disks, and is not done here: such a domain does not start, for somebody may rely on it. The sentences are
 * those with which libvirt's drivers refuse the same on a host that does not have it. Sources, of libvirt 9.0: src/qemu/qemu_validate.c, qemu_hostdev.c and
 * qemu_cgroup.c, src/libxl/libxl_conf.c, src/conf/domain_validate.c, src/security/security_manager.c.
 */
import { isCpu } from '../known-names.ts';
import { isDone, type Mark, type Support, SUPPORTED } from '../libvirt-support.ts';
import { shortened } from '../xlcfg.ts';
import type { XmlReading } from './reading.ts';
import type { DomainType } from './kinds/index.ts';
import { childOf, type Element } from './tree.ts';

interface Place {
  type: DomainType;
  /** The elements around it, the innermost first. */
  around: readonly Element[];
}
/** Why one is refused; undefined: it asks for nothing. */
type Refusal = (element: Element, place: Place) => string | undefined;

const always =
  (text: string): Refusal =>
  () =>
    text;
/** An attribute, unless it has one of these values. */
const unless =
  (name: string, harmless: readonly string[], text: string): Refusal =>
  ({ attributes }) =>
    harmless.includes(attributes[name] ?? '') ? undefined : text;
const hex = (text = ''): string => shortened(text.replace(/^0x/, '').toLowerCase().padStart(4, '0'));
const macOf = ({ around: [card] }: Place): string => shortened(childOf(card, 'mac')?.attributes.address ?? '');
const diskOf = ({ around }: Place): string => {
  const disk = around.find(({ name }) => name === 'disk');
  return shortened(childOf(disk, 'target')?.attributes.dev ?? '');
};

/** A processor that libvirt's map does not have; one that it has is another here, and no refusal. */
const model: Refusal = ({ text }) => (text === '' || isCpu(text) ? undefined : `Unknown CPU model ${shortened(text)}`);

/** The one node that the host has. */
const isHere = (nodeset: string | undefined): boolean => nodeset === undefined || /^[\s0,-]*$/.test(nodeset);

function hostDevice({ attributes: { mode, type = '' }, children }: Element): string {
  if (mode === 'capabilities') return "hostdev mode 'capabilities' is not supported";
  if (type === 'pci') return "host doesn't support passthrough of host PCI devices";
  if (type !== 'usb') return `hostdev subsys type '${shortened(type)}' not supported`;
  const source = children.find(({ name }) => name === 'source');
  const [vendor, product] = ['vendor', 'product'].map(name => hex(childOf(source, name)?.attributes.id));
  return `Did not find USB device ${vendor}:${product}`;
}

const NO_RESCTRL = always('Resource control is not supported on this host'),
  NO_THROTTLE: Refusal = (_element, place) => `a block I/O throttling is not supported for disk '${diskOf(place)}'`,
  NO_BANDWIDTH: Refusal = (_element, place) =>
    `interface ${macOf(place)} - of bandwidth settings the average of what goes out alone is supported`,
  NO_AUTH: Refusal = (_element, place) =>
    `disk '${diskOf(place)}' cannot log in to where it is: its <auth> is not supported`;

/** Formats of images; what is of type dir is refused for that. */
const READ_HERE = ['raw', 'qcow2', 'fat'];

/** By its path; attributes with @. */
const REFUSALS: Readonly<Record<string, Refusal>> = {
  blkiotune: always('Block I/O tuning is not available on this host'),
  memtune: always('Memory cgroup is not available on this host'),
  numatune: ({ children }) => {
    const bad = children.find(({ attributes }) => !isHere(attributes.nodeset));
    return (
      bad &&
      `NUMA node ${/[1-9]\d*/.exec(bad.attributes.nodeset)?.[0] ?? shortened(bad.attributes.nodeset)} is unavailable`
    );
  },
  launchSecurity: ({ attributes: { type } }) =>
    `${type === 's390-pv' ? 'S390 PV' : 'SEV'} launch security is not supported with this ${'QEMU binary'}`,
  seclabel: ({ attributes: { type, model } }) =>
    type === 'none' || model === undefined || model === 'dac'
      ? undefined
      : `Security driver model '${shortened(model)}' is not available`,
  'cpu/model': model,
  'cputune/cachetune': NO_RESCTRL,
  'cputune/memorytune': NO_RESCTRL,
  'os/firmware': ({ children }, { type, around: [os, domain] }) =>
    children.some(({ attributes: { name, enabled } }) => name === 'secure-boot' && enabled === 'yes')
      ? type.refusals.secureBoot(os!, domain)
      : undefined,
  'os/loader': ({ attributes }, { type, around: [os, domain] }) =>
    attributes.secure === 'yes' ? type.refusals.secureBoot(os!, domain) : undefined,
  'devices/hostdev': hostDevice,
  'devices/lease': ({ children }) =>
    `Lease ${shortened(children.find(({ name }) => name === 'key')?.text ?? '')} cannot be acquired: this host has no lock manager for lockspaces`,
  'devices/tpm': ({ children }) =>
    `The QEMU executable /usr/bin/qemu-system-x86_64 does not support TPM backend type ${shortened(children.find(({ name }) => name === 'backend')?.attributes.type ?? '')}`,
  // Reported when it is read.
  'devices/disk/encryption': () => undefined,
  'devices/disk/source/encryption': always('encrypted images are not supported'),
  'devices/disk/auth': NO_AUTH,
  'devices/disk/source/auth': NO_AUTH,
  'devices/disk/iotune': (element, place) => (element.children.length > 0 ? NO_THROTTLE(element, place) : undefined),
  'devices/disk/driver@type': ({ attributes: { type, name = 'qemu' } }, place) =>
    type === undefined || READ_HERE.includes(type)
      ? undefined
      : place.type.refusals.format(diskOf(place), shortened(type), shortened(name)),
  'devices/disk/transient': (_element, { type }) => type.refusals.transient,
  'devices/disk/source@tls': unless('tls', ['', 'no'], 'this qemu does not support TLS transport for NBD'),
  'devices/disk/source/reservations': ({ attributes }) =>
    attributes.managed === 'no' ? undefined : 'reservations not supported with this QEMU binary',
  'devices/disk/source/slices': always('slices of images are not supported'),
  'devices/graphics@defaultMode': unless(
    'defaultMode',
    ['', 'any', 'insecure'],
    'spice defaultMode secure requested in XML configuration, but TLS connection is not available',
  ),
  'devices/graphics@tlsPort': ({ attributes }) =>
    Number(attributes.tlsPort) > 0
      ? 'spice TLS port set in XML configuration, but TLS is disabled in qemu.conf'
      : undefined,
  'devices/graphics/channel': unless(
    'mode',
    ['', 'any', 'insecure'],
    'spice secure channels set in XML configuration, but TLS connection is not available',
  ),
  'devices/interface/filterref': ({ attributes }) =>
    `Network filter not found: no nwfilter with matching name '${shortened(attributes.filter ?? '')}'`,
  'devices/interface/link': (element, place) =>
    element.attributes.state === 'down' && !place.type.links
      ? `interface ${macOf(place)} - a link that is down is not supported`
      : undefined,
  'devices/interface/port': ({ attributes }, place) =>
    attributes.isolated === 'yes' ? `interface ${macOf(place)} - isolated ports are not supported` : undefined,
  'devices/interface/vlan': (_element, place) =>
    `interface ${macOf(place)} - vlan tag not supported for this connection type`,
  'devices/interface/bandwidth/inbound': (_element, place) =>
    NO_BANDWIDTH(_element, { ...place, around: place.around.slice(1) }),
  ...Object.fromEntries(
    ['burst', 'floor', 'peak'].map(name => [
      `devices/interface/bandwidth/outbound@${name}`,
      ((element, place) => NO_BANDWIDTH(element, { ...place, around: place.around.slice(1) })) satisfies Refusal,
    ]),
  ),
};

/** Paths that are refused: each has its words. */
export const refusedPaths = (): string[] => Object.keys(REFUSALS);

const LEFT_OUT = (what: string): string =>
  `${what} is not done here: the definition keeps it, and the document of what runs does not have it.`;

/** Refusals of a domain, and a verdict on what is left out and has none yet. */
export class NotDone {
  private readonly read: XmlReading;

  constructor(read: XmlReading) {
    this.read = read;
  }

  /** Before anything else is said of these elements. */
  refuse(element: Element, support: Support = SUPPORTED, path = '', around: readonly Element[] = []): void {
    const place = { type: this.read.type, around };
    if (support.mark === '!' || support.mark === 'k') this.say(element, element.name, REFUSALS[path]?.(element, place));
    for (const name of Object.keys(element.attributes))
      this.say(element.places[name], `${element.name}.${name}`, REFUSALS[`${path}@${name}`]?.(element, place));
    for (const child of element.children) {
      const inner = support.elements.get(child.name);
      if (inner) this.refuse(child, inner, path === '' ? child.name : `${path}/${child.name}`, [element, ...around]);
    }
  }

  private say(at: { line: number; column: number } | undefined, key: string, text: string | undefined): void {
    if (text === undefined) return;
    const kind = text.startsWith('operation failed: ') ? '' : 'unsupported configuration: ';
    this.read.refusal(at!, key, `${kind}${text}.`);
  }

  /** Behind what the readers have said. */
  tellRest(element: Element, support: Support = SUPPORTED): void {
    const { mark: own } = this.read.type;
    const isOut = (mark: Mark | undefined): boolean =>
      mark !== undefined && mark !== '.' && mark !== '!' && !isDone(mark, own);
    if (isOut(support.mark)) return this.leftOut(element, element.name, `<${element.name}>`);
    if (support.isWhole) return;
    for (const name of Object.keys(element.attributes))
      if (isOut(support.attributes.get(name)))
        this.leftOut(element.places[name], `${element.name}.${name}`, `${name} of <${element.name}>`);
    for (const child of element.children) {
      const inner = support.elements.get(child.name);
      if (inner) this.tellRest(child, inner);
    }
  }

  private leftOut(at: { line: number; column: number }, key: string, what: string): void {
    this.read.unsaid(at, key, { verdict: 'ignored', short: 'not here', text: LEFT_OUT(what) });
  }
}
