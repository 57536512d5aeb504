/** What the host is and which guests it runs. Source: virCapabilitiesFormatXML() of src/conf for the order of the elements. */
import { MACHINE, type Uses } from '../toolstack/index.ts';
import { type DomainKind, driverOf } from './hypervisors/index.ts';

export async function capabilities(host: Uses<'summary' | 'toolstack'>): Promise<string> {
  const { pcpus, memoryMiB } = await host.summary();
  const cpus = Array.from(
    { length: pcpus },
    (_, cpu) => `            <cpu id='${cpu}' socket_id='0' die_id='0' core_id='${cpu}' siblings='${cpu}'/>\n`,
  );
  const { netPrefix, guests } = driverOf(host);
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
${netPrefix}    <topology>
      <cells num='1'>
        <cell id='0'>
          <memory unit='KiB'>${memoryMiB * 1024}</memory>
          <cpus num='${pcpus}'>
${cpus.join('')}          </cpus>
        </cell>
      </cells>
    </topology>
  </host>

${guests(host.toolstack.hypervisor.hasVt)}
</capabilities>
`;
}

/** What a kind of domain can have here; what is undefined the host chooses. @throws LibvirtError */
export const domainCapabilities = (host: Uses<'toolstack'>, asked: DomainKind = {}): string =>
  driverOf(host).domainCapabilities(host.toolstack.hypervisor.hasVt, asked);
