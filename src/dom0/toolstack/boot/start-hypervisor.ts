/** What an entry of the boot menu starts below the guests. */
import { part } from '../../../formats/loading/index.ts';
import type { HostDefinition } from './host-definition.ts';
import type { HostBoot, HypervisorKind } from './menu/index.ts';
import { type StartedHypervisor, startXen } from './start-xen.ts';

const kvm = part(() => import('./start-kvm.ts'), 'starts hosts without Xen');

/** Most hosts have Xen: what starts them without is loaded where an entry names it. */
export function startHypervisor(
  host: HostDefinition,
  { hypervisor, xenCommandLine, dom0CommandLine }: Omit<HostBoot, 'title'>,
  version: string,
): Promise<StartedHypervisor> {
  const starts: Readonly<Record<HypervisorKind, () => Promise<StartedHypervisor>>> = {
    xen: async () => startXen(host, xenCommandLine, version),
    kvm: async () => (await kvm.load()).startKvm(host, dom0CommandLine),
  };
  return starts[hypervisor]();
}
