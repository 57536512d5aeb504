/**
 * Names that QEMU and libvirt know, whether what they name is here or not: another one is a mistake, or for a host that is not this one. Sources: QEMU's
 * `-machine help` and `-device help` (7.2) and its releases since; libvirt's src/cpu_map/x86_*.xml.
 */
import { NIC_MODELS } from '../../../devices/index.ts';

/** Releases of QEMU whose boards have a version: the last minor one of each. */
const LAST_MINOR: Readonly<Record<string, number>> = { 1: 7, 2: 12, 3: 1, 4: 2, 5: 2, 6: 2, 7: 2, 8: 2, 9: 2, 10: 2 };

/** A board: QEMU's, with a release, or with that of a distribution (rhel8.6.0, jammy). */
export function isMachine(name: string): boolean {
  const [, , release] = /^pc-(i440fx|q35)-(.+)$/.exec(name) ?? [];
  if (release === undefined)
    return /^(?:pc|q35|isapc|microvm|none|x-remote|xenpv|xenpvh|xenfv|pc-\d\.\d+|pc-0\.\d+)$/.test(name);
  const [, major, minor] = /^(\d+)\.(\d+)(?:\.\d)?$/.exec(release) ?? [];
  return major === undefined
    ? /^(?:rhel\d[\d.]*|[a-z]{4,}(?:-hpb|-maxcpus|-v2)?)$/.test(release)
    : Number(minor) <= (LAST_MINOR[major] ?? -1);
}

const CARDS = new Set(
  (
    'e1000 e1000-82540em e1000-82544gc e1000-82545em e1000e i82550 i82551 i82557a i82557b i82557c i82558a i82558b i82559a i82559b i82559c i82559er i82562 i82801 ' +
    'igb ne2k_isa ne2k_pci pcnet rocker rtl8139 tulip usb-net virtio virtio-net virtio-net-pci virtio-transitional virtio-non-transitional ' +
    'virtio-net-pci-transitional virtio-net-pci-non-transitional vmxnet vmxnet2 vmxnet3 netfront xen paravirtualized lan9118 smc91c111 spapr-vlan Am79C970A Am79C973 82540EM 82545EM 82543GC'
  ).split(' '),
);
export const isCard = (name: string): boolean => CARDS.has(name) || Object.hasOwn(NIC_MODELS, name);

const CPUS = new Set(
  (
    '486 athlon Broadwell Broadwell-IBRS Broadwell-noTSX Broadwell-noTSX-IBRS Cascadelake-Server Cascadelake-Server-noTSX Conroe Cooperlake core2duo coreduo ' +
    'cpu64-rhel5 cpu64-rhel6 Dhyana EPYC EPYC-Genoa EPYC-IBPB EPYC-Milan EPYC-Rome EPYC-Turin GraniteRapids Haswell Haswell-IBRS ' +
    'Haswell-noTSX Haswell-noTSX-IBRS Icelake-Client Icelake-Client-noTSX Icelake-Server Icelake-Server-noTSX IvyBridge IvyBridge-IBRS kvm32 kvm64 n270 Nehalem ' +
    'Nehalem-IBRS Opteron_G1 Opteron_G2 Opteron_G3 Opteron_G4 Opteron_G5 Penryn pentium pentium2 pentium3 pentiumpro phenom ' +
    'qemu32 qemu64 SandyBridge SandyBridge-IBRS SapphireRapids SierraForest Skylake-Client Skylake-Client-IBRS Skylake-Client-noTSX-IBRS Skylake-Server Skylake-Server-IBRS Skylake-Server-noTSX-IBRS ' +
    'Snowridge Westmere Westmere-IBRS'
  ).split(' '),
);
export const isCpu = (name: string): boolean => CPUS.has(name.replace(/-v\d+$/, ''));
