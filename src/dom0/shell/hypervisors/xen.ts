/** Domain 0, a guest of Xen's. */
import { XEN_EXTRA, XEN_MAJOR, XEN_MINOR } from '../../../hypervisor/interfaces/xen/index.ts';
import { COMMANDS } from '../../toolstack/commands/index.ts';
import { xenstorePrograms } from '../xenstore.ts';
import { xentopProgram, xlProgram } from '../xl.ts';
import type { HostSystem } from './system.ts';

export const xen: HostSystem = {
  name: 'Domain 0',
  version: `Xen ${XEN_MAJOR}.${XEN_MINOR}${XEN_EXTRA}`,
  seesVt: false,
  cpuFlags: ['hypervisor'],
  withoutKvm: {
    ok: 'INFO: Xen has this computer: what it has of VT is in xl info and xl dmesg\n',
    stat: 'kvm_stat: Xen has this computer, and no KVM: exits of its guests are in xl trace NAME.',
    perf: 'perf: there are no performance events here. Exits of a guest one by one: xl trace NAME.',
  },
  // Whatever the host has (xl info).
  processors: () => 1,
  programs: host => [
    xlProgram('xl', host, COMMANDS),
    xlProgram('xm', host, COMMANDS),
    xentopProgram(host, COMMANDS),
    ...xenstorePrograms(host.toolstack.services.xenstored.client()),
  ],
};
