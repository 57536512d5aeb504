/** The document of `virsh domcapabilities`: virDomainCapsFormat() of libvirt's src/conf/domain_capabilities.c has the order of its elements. */
import { MAX_VCPUS } from '../../../hypervisor/layout/index.ts';

const CPU_MODES = ['host-passthrough', 'maximum', 'host-model', 'custom'];

/** What guests of one domain type, architecture and machine may have. */
export interface DomainCapabilities {
  emulator: string;
  virtType: string;
  machine: string;
  arch: string;
  /** Undefined: the guest has no firmware. `path` of one that cannot be chosen. */
  loader?: { path?: string; readonly: string[] };
  cpuModes: string[];
  disks: { devices: string[]; buses: string[] };
  video: string;
}

const choices = (name: string, values: string[]): string =>
  `      <enum name='${name}'>\n${values.map(value => `        <value>${value}</value>\n`).join('')}      </enum>\n`;

function loaderXml(loader: DomainCapabilities['loader']): string {
  if (!loader) return "    <loader supported='no'/>\n";
  const { path, readonly } = loader;
  return `    <loader supported='yes'>
${path === undefined ? '' : `      <value>${path}</value>\n`}${choices('type', ['rom'])}${choices('readonly', readonly)}    </loader>
`;
}

export function domainCapabilitiesXml(its: DomainCapabilities): string {
  const cpus = CPU_MODES.map(
    mode => `    <mode name='${mode}' supported='${its.cpuModes.includes(mode) ? 'yes' : 'no'}'/>\n`,
  );
  return `<domainCapabilities>
  <path>${its.emulator}</path>
  <domain>${its.virtType}</domain>
  <machine>${its.machine}</machine>
  <arch>${its.arch}</arch>
  <vcpu max='${MAX_VCPUS}'/>
  <iothreads supported='no'/>
  <os supported='yes'>
${loaderXml(its.loader)}  </os>
  <cpu>
${cpus.join('')}  </cpu>
  <devices>
    <disk supported='yes'>
${choices('diskDevice', its.disks.devices)}${choices('bus', its.disks.buses)}    </disk>
    <graphics supported='yes'>
${choices('type', ['vnc'])}    </graphics>
    <video supported='yes'>
${choices('modelType', [its.video])}    </video>
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
