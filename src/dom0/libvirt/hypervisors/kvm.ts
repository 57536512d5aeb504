/**
 * Libvirt's driver of QEMU. Sources: src/qemu/qemu_driver.c; virQEMUCapsInitGuestFromBinary() and virQEMUCapsFillDomainCaps() of
 * src/qemu/qemu_capabilities.c; virCapabilitiesDomainDataLookup() for who finds none.
 */
import { documents } from '../documents-part.ts';
import { MAX_VCPUS } from '../../../hypervisor/layout/index.ts';
import { CGROUP, type Shares } from '../../../hypervisor/scheduler/index.ts';
import { emulatedCards } from '../../definitions/config/index.ts';
import { actionOf, type Uses } from '../../toolstack/index.ts';
import { COMMANDS, perform } from '../../toolstack/commands/index.ts';
import { QEMU, QEMU_MACHINE, QEMU_VERSION } from '../../toolstack/qemu/index.ts';
import { ADDRESS_SOURCE, DESTROY, DUMP, GUEST, SHUTDOWN, VCPU } from '../constants.ts';
import { LibvirtError } from '../errors.ts';
import { QEMU as LIVES } from '../events/lifecycle.ts';
import { domainCapabilitiesXml } from './domain-capabilities.ts';
import type { DomainKind, Driver } from './driver.ts';

const KINDS = [
  ['i686', 32],
  ['x86_64', 64],
] as const;

/** Guests of the host's capabilities; without VT there is no /dev/kvm, and none of kvm. */
const guests = (hasVt: boolean): string =>
  (hasVt ? KINDS : [])
    .map(
      ([arch, bits]) => `  <guest>
    <os_type>hvm</os_type>
    <arch name='${arch}'>
      <wordsize>${bits}</wordsize>
      <emulator>${QEMU}</emulator>
      <machine maxCpus='${MAX_VCPUS}'>${QEMU_MACHINE}</machine>
      <machine canonical='${QEMU_MACHINE}' maxCpus='${MAX_VCPUS}'>pc</machine>
      <domain type='kvm'/>
    </arch>
    <features>
${bits === 32 ? '      <pae/>\n      <nonpae/>\n' : ''}      <acpi default='on' toggle='yes'/>
      <apic default='on' toggle='no'/>
      <cpuselection/>
      <deviceboot/>
    </features>
  </guest>
`,
    )
    .join('\n');

function domainCapabilities(
  hasVt: boolean,
  { virtType = 'kvm', emulator = QEMU, arch = 'x86_64', machine = QEMU_MACHINE }: DomainKind,
): string {
  const refuse = (why: string): never => {
    throw new LibvirtError('INVALID_ARG', why);
  };
  if (virtType !== 'kvm') refuse(`unknown virttype: ${virtType}`);
  if (emulator !== QEMU) refuse(`Cannot check QEMU binary ${emulator}: No such file or directory`);
  if (!hasVt || !KINDS.some(([known]) => known === arch) || ![QEMU_MACHINE, 'pc'].includes(machine))
    refuse(`could not find capabilities for domaintype=kvm arch=${arch} machine=${machine}`);
  return domainCapabilitiesXml({
    emulator: QEMU,
    virtType: 'kvm',
    machine: QEMU_MACHINE,
    arch,
    loader: { readonly: ['yes', 'no'] },
    cpuModes: ['host-passthrough'],
    disks: { devices: ['disk', 'cdrom', 'floppy'], buses: ['ide', 'fdc', 'virtio'] },
    video: 'vga',
  });
}

const [, WITHOUT_LIMIT] = CGROUP.quotaUs,
  /** What is more is no limit. */
  MOST_QUOTA_US = 2 ** 31 - 1;

/** @throws LibvirtError: a value is beyond cgroups' bounds */
function cgroupShares(wanted: Readonly<Record<string, number>>): Shares {
  const shares: Shares = {};
  for (const [field, value] of Object.entries(wanted)) {
    const isQuota = field.endsWith('quota'),
      isPeriod = field.endsWith('period');
    const [least, most] = isPeriod ? CGROUP.periodUs : isQuota ? CGROUP.quotaUs : CGROUP.shares;
    if (!(isQuota && value < 0) && !(value >= least && value <= most))
      throw new LibvirtError('INVALID_ARG', `value of '${field}' is out of range [${least}, ${most}]`);
    if (isPeriod) shares.periodUs = value;
    else if (isQuota) shares.quotaUs = value < 0 || value > MOST_QUOTA_US ? 0 : value;
    else shares.weight = value;
  }
  return shares;
}

/** A PC has no button for it: the code that presses the power button notes that, and the guest begins again (qemuDomainSetFakeReboot()). */
const startsAgain: typeof actionOf = (definition, ending) => actionOf({ ...definition, onPoweroff: 'restart' }, ending);

/** Taps of a guest of QEMU, by the places of its cards: libvirt counts them all (virNetDevReserveName()). */
const tapsOf = ({ toolstack: { services } }: Uses<'toolstack'>, domid: number): ReadonlyMap<number, string> =>
  new Map(services.network.cardsOf(domid).map(({ place, tap }) => [place, `vnet${tap}`]));

const { ACPI, AGENT } = SHUTDOWN;

export const kvm: Driver = {
  name: 'qemu',
  uri: 'qemu:///system',
  hypervisor: { name: 'QEMU', ...QEMU_VERSION },
  hasXl: false,
  domainTypes: ['kvm'],
  runs: { xen: 'QEMU', kvm: 'KVM' },
  lives: LIVES,
  reports: new Set(['metadata-change', 'reboot', 'tray-change', 'tunable']),
  // A domain's in cgroups. What a vCPU has is all that its domain has, as both share one thread.
  scheduler: {
    type: 'posix',
    fields: {
      cpu_shares: 'unsignedHyper',
      vcpu_period: 'unsignedHyper',
      vcpu_quota: 'hyper',
      global_period: 'unsignedHyper',
      global_quota: 'hyper',
    },
    read: ({ weight, periodUs, quotaUs: quota }) => {
      const quotaUs = quota === 0 ? WITHOUT_LIMIT : quota;
      return {
        cpu_shares: weight,
        vcpu_period: periodUs,
        vcpu_quota: quotaUs,
        global_period: periodUs,
        global_quota: quotaUs,
      };
    },
    adjust: async (host, id, wanted) => host.queue.adjust(host.domains.unit(id).record.index, cgroupShares(wanted)),
  },
  // qemuDomainHelperGetVcpus() knows no other state of one that is there.
  idleVcpu: VCPU.RUNNING,
  addresses: { sources: Object.values(ADDRESS_SOURCE), others: 'Unknown' },
  shutDown: { flags: ACPI | AGENT, name: 'qemuDomainShutdownFlags' },
  reboot: { flags: ACPI | AGENT, name: 'qemuDomainReboot' },
  destroyFlags: DESTROY.GRACEFUL | DESTROY.REMOVE_LOGS,
  dumpFlags: DUMP.CRASH | DUMP.LIVE | DUMP.MEMORY_ONLY,
  vcpuFlags: GUEST,
  prefersAgent: true,
  pausesCrashed: true,
  checksDefinedVcpus: true,
  vcpusStay: ['OPERATION_INVALID', "maximum vcpu count of a live domain can't be modified", 'qemu'],
  needsQemu: () => {},
  rebootGuest: (host, id) => {
    host.domains.living(id).endsAs = startsAgain;
    return perform(host, 'trigger', COMMANDS.trigger, id, 'power');
  },
  // A balloon has pages of 4 KiB.
  balloonMiB: kib => Math.max(1, Math.ceil(kib / 4) / 256),
  cardName: (host, domid, port) => tapsOf(host, domid).get(Number(/\.(\d+)/.exec(port)?.[1])) ?? '-',
  cards: ({ toolstack: { services } }, id, definition) =>
    services.network.cardsOf(id).map(({ place, tap, port: { port } }) => ({
      name: `vnet${tap}`,
      mac: emulatedCards(definition).find(card => card.place === place)?.mac,
      counts: port.counts,
    })),
  document: async (host, text, { definition, id = 0, managed }, isDefinition) => {
    const { qemuDocument } = await documents.load();
    return isDefinition
      ? qemuDocument(text, managed?.definition ?? definition)
      : qemuDocument(text, definition, tapsOf(host, id));
  },
  netPrefix: '',
  guests,
  domainCapabilities,
};
