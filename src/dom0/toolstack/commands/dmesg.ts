/** What the hypervisor has printed. The first view shows it. */
import type { CommandHost } from '../command-host.ts';
import { deed } from './command.ts';

export const dmesg = deed({
  /** `clear`: and forgets it. */
  run: async (host: CommandHost, clear: boolean = false): Promise<string> => {
    const { log } = host.toolstack.hypervisor;
    const { text } = log;
    if (clear) log.clear();
    return text;
  },
});
