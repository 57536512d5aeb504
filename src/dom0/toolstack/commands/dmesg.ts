/** What the hypervisor has printed. The first view shows it. */
import type { HostCore } from '../../host.ts';
import { command } from './command.ts';
import { readWords } from './words.ts';

export const dmesg = command({
  summary: 'Read and/or clear dmesg buffer',
  usage: '[-c]',
  options: [['-c', 'Clear dmesg buffer as well as printing it']],
  /** What the hypervisor has printed. `clear`: and forgets it. */
  run: async (host: HostCore, clear: boolean = false): Promise<string> => {
    const { log } = host.toolstack.xen;
    const { text } = log;
    if (clear) log.clear();
    return text;
  },
  xl: async ({ words }, run) => run(readWords(words, { flags: 'c' }).options.has('c')),
});
