/** What an entry of the boot menu starts below the guests. */
import { part } from '../../../formats/loading/index.ts';
import type { HostDefinition } from './host-definition.ts';
import type { HostBoot } from './menu/index.ts';
import { type StartedHypervisor, startXen } from './start-xen.ts';

const kvm = part(() => import('./start-kvm.ts'), 'starts hosts without Xen');

/** Most hosts have Xen: what starts them without is loaded where an entry names it. */
export const startHypervisor = async (
  host: HostDefinition,
  { hypervisor, xenCommandLine, dom0CommandLine }: Omit<HostBoot, 'title'>,
  version: string,
): Promise<StartedHypervisor> =>
  hypervisor === 'xen' ? startXen(host, xenCommandLine, version) : (await kvm.load()).startKvm(host, dom0CommandLine);
