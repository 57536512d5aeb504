/**
 * Libvirt's driver of libxl. Sources: src/libxl/libxl_driver.c, src/libxl/libxl_capabilities.c (guests from Xen's list of capabilities, features).
 */
import { guestKinds, XEN_MAJOR, XEN_MINOR } from '../../../hypervisor/interfaces/xen/index.ts';
import { COMMANDS, perform } from '../../toolstack/commands/index.ts';
import { ADDRESS_SOURCE, DUMP, SHUTDOWN, VCPU } from '../constants.ts';
import { LibvirtError } from '../errors.ts';
import { LIBXL } from '../events/lifecycle.ts';
import { domainCapabilitiesXml } from './domain-capabilities.ts';
import type { DomainKind, Driver } from './driver.ts';

/** The device model of a guest with a PC, and what starts its firmware: where Xen's packages have them. */
const EMULATOR = '/usr/lib/xen/bin/qemu-system-i386',
  LOADER = '/usr/lib/xen/boot/hvmloader';

interface GuestKind {
  os: 'hvm' | 'xen' | 'xenpvh';
  machine: 'xenfv' | 'xenpv' | 'xenpvh';
  arch: 'i686' | 'x86_64';
  features: string[];
}

/** Words of Xen's list by what they say: hvm or xen, 32 or 64 bits, with p: PAE. PVH guests are where HVM ones are. */
function kindsOf(hasVt: boolean): GuestKind[] {
  const kinds: GuestKind[] = [];
  for (const [, type, bits, pae] of guestKinds(hasVt).matchAll(/\b(xen|hvm)-[0-9.]+-x86_(32|64)(p?)/g)) {
    const os = type === 'hvm' ? 'hvm' : 'xen',
      arch = bits === '64' ? 'x86_64' : 'i686';
    let kind = kinds.find(known => known.os === os && known.arch === arch);
    if (!kind) kinds.push((kind = { os, machine: os === 'hvm' ? 'xenfv' : 'xenpv', arch, features: [] }));
    if (bits === '32') kind.features.push(pae ? '<pae/>' : '<nonpae/>');
  }
  const hap = "<hap default='on' toggle='yes'/>";
  for (const { os, features } of kinds) {
    features.sort().reverse();
    if (os === 'hvm') features.push("<acpi default='on' toggle='yes'/>", "<apic default='on' toggle='no'/>", hap);
  }
  return [
    ...kinds,
    ...kinds
      .filter(({ os }) => os === 'hvm')
      .map(({ arch }): GuestKind => ({ os: 'xenpvh', machine: 'xenpvh', arch, features: [hap] })),
  ];
}

const guestXml = ({ os, machine, arch, features }: GuestKind): string => `  <guest>
    <os_type>${os}</os_type>
    <arch name='${arch}'>
      <wordsize>${arch === 'x86_64' ? 64 : 32}</wordsize>
      <emulator>${EMULATOR}</emulator>
${os === 'hvm' ? `      <loader>${LOADER}</loader>\n` : ''}      <machine>${machine}</machine>
      <domain type='xen'/>
    </arch>
${features.length > 0 ? `    <features>\n${features.map(feature => `      ${feature}\n`).join('')}    </features>\n` : ''}  </guest>
`;

const preference = ({ os, arch }: GuestKind): number =>
  ['hvm', 'xenpvh', 'xen'].indexOf(os) * 2 + (arch === 'x86_64' ? 0 : 1);

function domainCapabilities(
  hasVt: boolean,
  { virtType = 'xen', emulator = EMULATOR, arch, machine }: DomainKind,
): string {
  const refuse = (why: string): never => {
    throw new LibvirtError('INVALID_ARG', why);
  };
  if (virtType !== 'xen') refuse(`unknown virttype: ${virtType}`);
  if (emulator !== EMULATOR) refuse(`emulator ${emulator} is not there: it is ${EMULATOR}`);
  const kinds = kindsOf(hasVt);
  // A caller that asks for nothing gets what the host prefers: a PC of 64 bits, or what there is.
  const kind =
    [...kinds]
      .sort((a, b) => preference(a) - preference(b))
      .find(known => (!arch || known.arch === arch) && (!machine || known.machine === machine)) ??
    refuse(
      `could not find capabilities for domaintype=xen${arch ? ` arch=${arch}` : ''}${machine ? ` machine=${machine}` : ''}`,
    );
  const hasBoard = kind.os === 'hvm';
  return domainCapabilitiesXml({
    emulator: EMULATOR,
    virtType: 'xen',
    machine: kind.machine,
    arch: kind.arch,
    ...(hasBoard ? { loader: { path: LOADER, readonly: ['yes'] } } : {}),
    cpuModes: [],
    disks: { devices: ['disk', 'cdrom'], buses: hasBoard ? ['ide', 'xen'] : ['xen'] },
    video: hasBoard ? 'vga' : 'xen',
  });
}

export const xen: Driver = {
  name: 'libxl',
  uri: 'xen:///system',
  hypervisor: { name: 'Xen', major: XEN_MAJOR, minor: XEN_MINOR, micro: 0 },
  hasXl: true,
  domainTypes: ['xen', 'kvm'],
  runs: { xen: 'Xen', kvm: 'KVM' },
  lives: LIBXL,
  reports: new Set(['metadata-change']),
  scheduler: {
    type: 'credit',
    fields: { weight: 'unsigned', cap: 'unsigned' },
    read: ({ weight, cap }) => ({ weight, cap }),
    adjust: (host, domain, wanted) => perform(host, 'sched-credit', COMMANDS['sched-credit'], { domain, ...wanted }),
  },
  idleVcpu: VCPU.BLOCKED,
  addresses: { sources: [ADDRESS_SOURCE.lease], others: 'Unsupported' },
  shutDown: { flags: SHUTDOWN.ACPI | SHUTDOWN.PARAVIRT, name: 'libxlDomainShutdownFlags' },
  reboot: { flags: SHUTDOWN.PARAVIRT, name: 'libxlDomainReboot' },
  destroyFlags: 0,
  dumpFlags: DUMP.CRASH | DUMP.LIVE,
  vcpuFlags: 0,
  prefersAgent: false,
  pausesCrashed: false,
  checksDefinedVcpus: false,
  vcpusStay: ['INVALID_ARG', 'invalid flag combination: the maximum of a running domain stays', 'libxl'],
  needsQemu: (what, error = 'NO_SUPPORT') => {
    throw new LibvirtError(error, what, error === 'NO_SUPPORT' ? 'domain' : 'libxl');
  },
  rebootGuest: (host, id) => perform(host, 'reboot', COMMANDS.reboot, id),
  // Memory comes and goes by MiB.
  balloonMiB: kib => Math.max(1, Math.floor(kib / 1024)),
  cardName: (_host, _domid, port) => port,
  // Those of PV drivers.
  cards: ({ toolstack: { services } }, id) =>
    services.list(id, 'cards').map(({ devid, mac, counts }) => ({ name: `vif${id}.${devid}`, mac, counts })),
  document: (_host, text) => text,
  netPrefix: '    <netprefix>vif</netprefix>\n',
  guests: hasVt => kindsOf(hasVt).map(guestXml).join('\n'),
  domainCapabilities,
};
