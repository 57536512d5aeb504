/** <domain type='kvm'>, which QEMU runs. */
import { shortened } from '../../xlcfg.ts';
import { approximated } from '../../options.ts';
import { childOf, type Element } from '../tree.ts';
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
    secureBoot,
    transient: 'transient disks not supported yet',
    format: (disk, format) =>
      `disk '${disk}' is of format '${format}', and raw and qcow2 images are supported: qemu-img convert makes one`,
  },
};

/** No board here has what it wants: qemuFirmwareFillDomain() where libvirt is to look for firmware, else qemuValidateDomainDefBoot(). */
function secureBoot(os: Element, domain?: Element): string {
  if (os.attributes.firmware === 'efi') return "operation failed: Unable to find any firmware to satisfy 'efi'";
  if (!/q35/.test(childOf(os, 'type')?.attributes.machine ?? ''))
    return 'Secure boot is supported with q35 machine types only';
  return childOf(childOf(domain, 'features'), 'smm')?.attributes.state === 'on'
    ? 'Secure boot is not supported'
    : 'Secure boot requires SMM feature enabled';
}

export const kvm: XmlKind = { ...hvm, type, machine: 'pc' };
