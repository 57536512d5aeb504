/**
 * What libvirt's driver of QEMU answers where that of libxl answers otherwise. Sources: virQEMUCapsInitGuestFromBinary() and virQEMUCapsFillDomainCaps() of
 * src/qemu/qemu_capabilities.c; virCapabilitiesDomainDataLookup() for who finds none.
 */
import { MAX_VCPUS } from '../../hypervisor/layout/index.ts';
import type { CommandHost } from '../toolstack/index.ts';
import { QEMU, QEMU_MACHINE } from '../toolstack/qemu/index.ts';
import { ERROR_DOMAIN, LibvirtError } from './errors.ts';

export const isQemu = ({ toolstack: { hypervisor } }: CommandHost): boolean => hypervisor.kind === 'kvm';

/** A function of the host's driver, as virCheckFlags() names it: both have it by one name. */
export const functionOf = (host: CommandHost, name: string): string => `${isQemu(host) ? 'qemu' : 'libxl'}${name}`;

/** virErrorDomain of an error: what no other part of libvirt says is the driver's. */
export const errorDomainOf = (host: CommandHost, { from }: LibvirtError): number =>
  ERROR_DOMAIN[from === 'libxl' && isQemu(host) ? 'qemu' : from];

/** @throws LibvirtError: the driver of libxl has no such function */
export function needsQemu(host: CommandHost, what: string): void {
  if (!isQemu(host)) throw new LibvirtError('NO_SUPPORT', what, 'domain');
}

const KINDS = [
  ['i686', 32],
  ['x86_64', 64],
] as const;

/** Guests of the host's capabilities; without VT there is no /dev/kvm, and none of kvm. */
export const qemuGuests = (hasVt: boolean): string =>
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

/** @throws LibvirtError */
export function qemuDomainCapabilities(
  hasVt: boolean,
  {
    virtType = 'kvm',
    emulator = QEMU,
    arch = 'x86_64',
    machine = QEMU_MACHINE,
  }: {
    virtType?: string | undefined;
    emulator?: string | undefined;
    arch?: string | undefined;
    machine?: string | undefined;
  } = {},
): string {
  const refuse = (why: string): never => {
    throw new LibvirtError('INVALID_ARG', why);
  };
  if (virtType !== 'kvm') refuse(`unknown virttype: ${virtType}`);
  if (emulator !== QEMU) refuse(`Cannot check QEMU binary ${emulator}: No such file or directory`);
  if (!hasVt || !KINDS.some(([known]) => known === arch) || ![QEMU_MACHINE, 'pc'].includes(machine))
    refuse(`could not find capabilities for domaintype=kvm arch=${arch} machine=${machine}`);
  const one = (name: string, values: string[]): string =>
    `      <enum name='${name}'>\n${values.map(value => `        <value>${value}</value>\n`).join('')}      </enum>\n`;
  return `<domainCapabilities>
  <path>${QEMU}</path>
  <domain>kvm</domain>
  <machine>${QEMU_MACHINE}</machine>
  <arch>${arch}</arch>
  <vcpu max='${MAX_VCPUS}'/>
  <iothreads supported='no'/>
  <os supported='yes'>
    <loader supported='yes'>
${one('type', ['rom'])}${one('readonly', ['yes', 'no'])}    </loader>
  </os>
  <cpu>
    <mode name='host-passthrough' supported='yes'/>
    <mode name='maximum' supported='no'/>
    <mode name='host-model' supported='no'/>
    <mode name='custom' supported='no'/>
  </cpu>
  <devices>
    <disk supported='yes'>
${one('diskDevice', ['disk', 'cdrom', 'floppy'])}${one('bus', ['ide', 'fdc', 'virtio'])}    </disk>
    <graphics supported='yes'>
${one('type', ['vnc'])}    </graphics>
    <video supported='yes'>
${one('modelType', ['vga'])}    </video>
    <hostdev supported='no'/>
  </devices>
  <features>
    <gic supported='no'/>
    <vmcoreinfo supported='no'/>
    <genid supported='no'/>
    <sev supported='no'/>
  </features>
</domainCapabilities>
`;
}
