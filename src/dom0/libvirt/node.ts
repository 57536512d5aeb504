/** The host's machine as libvirt tells it. Source: virNodeGetInfo() of src/libvirt-host.c. */
import { TSC_HZ } from '../../hypervisor/domain/index.ts';
import { XEN_MAJOR, XEN_MINOR } from '../../hypervisor/interfaces/xen/index.ts';
import { type CommandHost, MACHINE } from '../toolstack/index.ts';
import { QEMU_VERSION } from '../toolstack/qemu/index.ts';

/** The connection that a host's clients have: to libvirt's driver of Xen, or of QEMU. */
export const uriOf = ({ toolstack: { hypervisor } }: CommandHost): 'xen:///system' | 'qemu:///system' =>
  hypervisor.kind === 'xen' ? 'xen:///system' : 'qemu:///system';

/** What libvirt calls the host's hypervisor (virConnectGetType()), and its version. */
export function hypervisorOf({ toolstack: { hypervisor } }: CommandHost) {
  if (hypervisor.kind === 'xen') return { name: 'Xen', major: XEN_MAJOR, minor: XEN_MINOR, micro: 0 };
  return { name: 'QEMU', ...QEMU_VERSION };
}

/** virNodeInfo: one socket, whose cores have a thread each. */
export async function nodeInfo(host: CommandHost) {
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
