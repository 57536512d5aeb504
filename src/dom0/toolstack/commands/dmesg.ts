/** What the hypervisor has printed. The first view shows it. */
import type { Uses } from '../command-host.ts';
import { deed } from './command.ts';

export const dmesg = deed({
  /** `clear`: and forgets it. */
  run: async (host: Uses<'machine' | 'parts' | 'queue' | 'toolstack'>, clear: boolean = false): Promise<string> => {
    const { log, ...hypervisor } = host.toolstack.hypervisor;
    const text = [...((await hypervisor.kernelLog?.(host)) ?? []), log.text].join('\n');
    if (clear) log.clear();
    return text;
  },
});
