/**
 * A host without Xen: its own system drives the hardware, and the hypervisor is a part of that system's kernel (kvm, kvm_intel). Each guest is a process of
 * it, which asks /dev/kvm for what it needs (Documentation/virt/kvm/api.rst). What is here is that division of work: the system itself is no Linux.
 */
import { needsXen } from '../../definitions/index.ts';
import type { HostDefinition } from './host-definition.ts';
import { kvm } from '../hypervisors/kvm.ts';
import { ofKvm } from '../hypervisors/of-kvm.ts';
import { QEMU_FOLDERS } from '../managed/folders.ts';
import { HypervisorLog } from './hypervisor-log.ts';
import type { StartedHypervisor } from './start-xen.ts';

/** Never fails: words of the command line that mean nothing here are passed over, as the kernel does. */
export function startKvm(host: HostDefinition, commandLine: string): StartedHypervisor {
  const log = new HypervisorLog();
  // There is no hypervisor's console: what the kernel says is in the host's own log.
  log.threshold = 0;
  log.guestThreshold = 0;
  return {
    ...ofKvm,
    refusal: needsXen,
    folders: QEMU_FOLDERS,
    systemName: 'host system',
    processes: true,
    host,
    commandLine,
    options: { scheduler: { policy: 'fair' }, unknown: [] },
    hasVt: host.vt,
    dom0MemoryMiB: 0,
    log,
    spellings: kvm,
  };
}
