/** <domain type='xen'>: what xl has. */
import { approximated } from '../../options.ts';
import type { DomainType, XmlKind } from './domain-type.ts';

export const xen: DomainType = {
  name: 'xen',
  mark: 'x',
  usualWeight: 256,
  capIsQuota: true,
  blockBackend: 'phy',
  balloon: 'xen',
  virtio: false,
  machines: false,
  links: false,
  drives: {
    prefix: (_bus, prefix) => (prefix === 'vd' ? 'xvd' : prefix),
    // Drives of all names have the same numbers.
    taken: (_prefix, letter) => letter,
    reaches: () => true,
    moved: (_prefix, letter, isCdrom) => (isCdrom && letter <= 'd' ? 'hd' : 'xvd'),
    remark: (name, bus) =>
      bus === 'virtio'
        ? approximated(`${name} of Xen`, `A guest of Xen has no disks of virtio: it is ${name}, by Xen's own back end.`)
        : undefined,
  },
  refusals: {
    secureBoot: () => 'Secure boot is not supported on Xen',
    transient: 'libxenlight does not support transient disks',
    format: (_disk, format, driver) => `libxenlight does not support disk format ${format} with disk driver ${driver}`,
  },
};

export const hvm: XmlKind = { type: xen, machine: 'xenfv', os: 'hvm', console: 'serial' };
export const pvh: XmlKind = { type: xen, machine: 'xenpvh', os: 'xenpvh', console: 'xen' };
export const pv: XmlKind = { type: xen, machine: 'xenpv', os: 'linux', arch: 'i686', console: 'xen' };
