/** Sentences behind what libxl says of the same, on a host that has it. */
import type { Hypervisor } from './hypervisors/hypervisor.ts';

export const behindLibxl = (
  { hypervisor }: { hypervisor: Pick<Hypervisor, 'libxlSays'> },
  said: readonly string[],
  sentence: string,
): string => [...hypervisor.libxlSays(said), sentence].join('\n');
