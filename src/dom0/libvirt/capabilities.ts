/**
 * What the host is and which guests it runs, as libvirt's driver of libxl tells it. Sources: src/libxl/libxl_capabilities.c (guests from Xen's list of
 * capabilities, features), virCapabilitiesFormatXML() and virDomainCapsFormat() of src/conf for the order of the elements.
 */
import { guestKinds } from '../../hypervisor/interfaces/xen/index.ts';
import { MAX_VCPUS } from '../../hypervisor/layout/index.ts';
import { type CommandHost, MACHINE } from '../toolstack/index.ts';
import { LibvirtError } from './errors.ts';
import { isQemu, qemuDomainCapabilities, qemuGuests } from './qemu-driver.ts';

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

export async function capabilities(host: CommandHost): Promise<string> {
  const { pcpus, memoryMiB } = await host.summary();
  const cpus = Array.from(
    { length: pcpus },
    (_, cpu) => `            <cpu id='${cpu}' socket_id='0' die_id='0' core_id='${cpu}' siblings='${cpu}'/>\n`,
  );
  const { hasVt } = host.toolstack.hypervisor;
  const guests = kindsOf(hasVt).map(
    ({ os, machine, arch, features }) => `  <guest>
    <os_type>${os}</os_type>
    <arch name='${arch}'>
      <wordsize>${arch === 'x86_64' ? 64 : 32}</wordsize>
      <emulator>${EMULATOR}</emulator>
${os === 'hvm' ? `      <loader>${LOADER}</loader>\n` : ''}      <machine>${machine}</machine>
      <domain type='xen'/>
    </arch>
${features.length > 0 ? `    <features>\n${features.map(feature => `      ${feature}\n`).join('')}    </features>\n` : ''}  </guest>
`,
  );
  return `<capabilities>

  <host>
    <cpu>
      <arch>${MACHINE}</arch>
      <features>
        <pae/>
      </features>
      <topology sockets='1' dies='1' cores='${pcpus}' threads='1'/>
    </cpu>
    <power_management/>
    <iommu support='no'/>
${isQemu(host) ? '' : '    <netprefix>vif</netprefix>\n'}    <topology>
      <cells num='1'>
        <cell id='0'>
          <memory unit='KiB'>${memoryMiB * 1024}</memory>
          <cpus num='${pcpus}'>
${cpus.join('')}          </cpus>
        </cell>
      </cells>
    </topology>
  </host>

${isQemu(host) ? qemuGuests(hasVt) : guests.join('\n')}
</capabilities>
`;
}

/** Which domain is asked about. */
export interface DomainKind {
  virtType?: string | undefined;
  emulator?: string | undefined;
  arch?: string | undefined;
  machine?: string | undefined;
}

const preference = ({ os, arch }: GuestKind): number =>
  ['hvm', 'xenpvh', 'xen'].indexOf(os) * 2 + (arch === 'x86_64' ? 0 : 1);

/** What a kind of domain can have here; what is undefined the host chooses. @throws LibvirtError */
export function domainCapabilities(host: CommandHost, asked: DomainKind = {}): string {
  if (isQemu(host)) return qemuDomainCapabilities(host.toolstack.hypervisor.hasVt, asked);
  const { virtType = 'xen', emulator = EMULATOR, arch, machine } = asked;
  const refuse = (why: string): never => {
    throw new LibvirtError('INVALID_ARG', why);
  };
  if (virtType !== 'xen') refuse(`unknown virttype: ${virtType}`);
  if (emulator !== EMULATOR) refuse(`emulator ${emulator} is not there: it is ${EMULATOR}`);
  const kinds = kindsOf(host.toolstack.hypervisor.hasVt);
  // A caller that asks for nothing gets what the host prefers: a PC of 64 bits, or what there is.
  const kind =
    [...kinds]
      .sort((a, b) => preference(a) - preference(b))
      .find(known => (!arch || known.arch === arch) && (!machine || known.machine === machine)) ??
    refuse(
      `could not find capabilities for domaintype=xen${arch ? ` arch=${arch}` : ''}${machine ? ` machine=${machine}` : ''}`,
    );
  const one = (name: string, values: string[]): string =>
    `      <enum name='${name}'>\n${values.map(value => `        <value>${value}</value>\n`).join('')}      </enum>\n`;
  const { os } = kind;
  return `<domainCapabilities>
  <path>${EMULATOR}</path>
  <domain>xen</domain>
  <machine>${kind.machine}</machine>
  <arch>${kind.arch}</arch>
  <vcpu max='${MAX_VCPUS}'/>
  <iothreads supported='no'/>
  <os supported='yes'>
${
  os === 'hvm'
    ? `    <loader supported='yes'>
      <value>${LOADER}</value>
${one('type', ['rom'])}${one('readonly', ['yes'])}    </loader>
`
    : "    <loader supported='no'/>\n"
}  </os>
  <cpu>
${['host-passthrough', 'maximum', 'host-model', 'custom'].map(mode => `    <mode name='${mode}' supported='no'/>\n`).join('')}  </cpu>
  <devices>
    <disk supported='yes'>
${one('diskDevice', ['disk', 'cdrom'])}${one('bus', os === 'hvm' ? ['ide', 'xen'] : ['xen'])}    </disk>
    <graphics supported='yes'>
${one('type', ['vnc'])}    </graphics>
    <video supported='yes'>
${one('modelType', [os === 'hvm' ? 'vga' : 'xen'])}    </video>
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
