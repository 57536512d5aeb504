/** The host's machine as libvirt tells it. Source: virNodeGetInfo() of src/libvirt-host.c. */
import { TSC_HZ } from '../../hypervisor/domain/index.ts';
import { MACHINE, type Uses } from '../toolstack/index.ts';

/** virNodeInfo: one socket, whose cores have a thread each. */
export async function nodeInfo(host: Uses<'summary'>) {
  const { pcpus, memoryMiB } = await host.summary();
  return {
    model: MACHINE,
    memoryKiB: memoryMiB * 1024,
    cpus: pcpus,
    mhz: Math.round(TSC_HZ / 1e6),
    nodes: 1,
    sockets: 1,
    cores: pcpus,
    threads: 1,
  };
}
