/** Sentences behind what libxl says of the same: a host with KVM has no libxl, and nobody there hears it. */
import type { StartedHypervisor } from './boot/index.ts';

export const behindLibxl = (
  { hypervisor }: { hypervisor: Pick<StartedHypervisor, 'kind'> },
  said: readonly string[],
  sentence: string,
): string => [...(hypervisor.kind === 'kvm' ? [] : said), sentence].join('\n');
