/** <domain type='kvm'>, which QEMU runs. */
import { shortened } from '../../xlcfg.ts';
import { approximated } from '../../options.ts';
import type { DomainType, XmlKind } from './domain-type.ts';
import { hvm } from './xen.ts';

const type: DomainType = {
  name: 'kvm',
  key: 'kvm',
  mark: 'k',
  // cpu.shares of cgroups.
  usualWeight: 1024,
  capIsQuota: false,
  blockBackend: 'qdisk',
  balloon: 'none',
  virtio: true,
  machines: true,
  links: true,
  // Two controllers, of virtio and of IDE, and letters on each; other controllers than these are the IDE one's.
  drives: {
    prefix: bus => (bus === 'virtio' ? 'vd' : bus === 'xen' ? 'xvd' : 'hd'),
    taken: (prefix, letter) => prefix + letter,
    reaches: (prefix, letter) => prefix !== 'hd' || letter <= 'd',
    moved: prefix => prefix,
    remark: (name, bus) =>
      name.startsWith('hd') && bus !== 'ide'
        ? approximated(`IDE: ${name}`, `There is no ${shortened(bus)} controller here: it is the IDE drive ${name}.`)
        : undefined,
  },
  refusals: {
    secureBoot: 'Secure boot requires SMM feature enabled',
    transient: 'transient disks not supported yet',
    format: (disk, format) =>
      `disk '${disk}' is of format '${format}', and raw and qcow2 images are supported: qemu-img convert makes one`,
  },
};

export const kvm: XmlKind = { ...hvm, type, machine: 'pc' };
