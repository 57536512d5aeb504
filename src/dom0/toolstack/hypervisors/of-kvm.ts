/** A host with KVM, which is a part of the host's own kernel: there is no Domain 0 and no libxl. */
import { domain0Log } from '../parts.ts';
import type { Hypervisor } from './hypervisor.ts';

export const ofKvm: Hypervisor = {
  kind: 'kvm',
  hasDomain0: false,
  libxlSays: () => [],
  // libvirt draws behind it (macPrefix of virQEMUDriverDomainDefParserConfig), all three bytes (virMacAddrGenerate()).
  stations: { prefix: '52:54:00', drawn: 0xffffff },
  kernelLog: async host => (await domain0Log.load()).kernelLines(host, host.toolstack.hypervisor.commandLine),
};
