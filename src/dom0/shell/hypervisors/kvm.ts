/** A Linux-style system on the computer itself, with KVM in its kernel where the computer has VT. */
import { processPrograms } from '../processes.ts';
import { withoutXen } from '../without-xen.ts';
import type { HostSystem } from './system.ts';
import { xen } from './xen.ts';

export const kvm: HostSystem = {
  name: 'a host with KVM',
  version: 'KVM',
  seesVt: true,
  cpuFlags: [],
  withoutKvm: {
    ok: '',
    stat: 'kvm_stat: There is no KVM here: this computer has no VT.',
    perf: "perf: there are no performance events here. Exits by reason: kvm_stat -1 -f kvm_exit, or gdb's monitor exits.",
  },
  processors: host => host.queue.pcpus,
  programs: host => [...withoutXen(xen.programs(host)), ...processPrograms(host)],
};
