/** Pools of processors, of which there is one. Source: main_cpupoollist() in tools/xl/xl_cpupool.c, libxl_cpupool_qualifier_to_cpupoolid() of Xen 4.17. */
import type { CommandHost } from '../command-host.ts';
import { command, Refusal } from './command.ts';
import { readWords } from './words.ts';

export const POOL = 'Pool-0';

/** Whether a word is the pool's name or number. */
export const isPool = (word: string): boolean => word === POOL || word === '0';

export const cpupoolList = command({
  summary: 'List CPU pools on host',
  usage: '[-c|--cpus] [<CPU Pool>]',
  options: [['-c, --cpus', 'Output list of CPUs used by a pool']],
  run: async (host: CommandHost): Promise<{ name: string; pcpus: number; scheduler: string; domains: number }> => ({
    name: POOL,
    pcpus: host.queue.pcpus,
    scheduler: host.queue.policy.name,
    domains: 1 + host.domains.all().length,
  }),
  xl: async ({ words }, run) => {
    const { options, rest } = readWords(words, { flags: 'c', long: { cpus: 'c' } });
    if (rest.length > 0 && !isPool(rest[0])) throw new Refusal(`Pool '${rest[0]}' does not exist`);
    const { name, pcpus, scheduler, domains } = await run();
    if (options.has('c'))
      return `${'Name'.padEnd(19)}CPU list\n${name.padEnd(19)}${[...Array(pcpus).keys()].join(',')}\n`;
    return `${'Name'.padEnd(19)}CPUs   Sched     Active   Domain count\n${name.padEnd(19)}${String(pcpus).padStart(3)} ${scheduler.padStart(9)}       y       ${String(domains).padStart(4)}\n`;
  },
});
