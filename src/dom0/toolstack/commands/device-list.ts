/** Lists of what guests have of one kind of device. */
import type { CommandHost } from '../command-host.ts';
import type { Pluggable } from '../devices/index.ts';
import type { Devices } from '../services.ts';
import { type Command, command } from './command.ts';
import { atLeast, findDomain, readWords } from './words.ts';

type Infos<Kind extends Pluggable> = ReturnType<Devices[Kind]['list']>;

/** `xl NAME`: the domains' devices in one table. */
export const deviceList = <Kind extends Pluggable>(
  kind: Kind,
  name: string,
  summary: string,
  format: (devices: Infos<Kind>) => string,
): Command<[id: number], Infos<Kind>> =>
  command({
    summary,
    usage: '<Domain(s)>',
    run: async (host: CommandHost, id: number) => host.toolstack.services.list(id, kind),
    xl: async ({ host, words }, run) => {
      const { rest } = readWords(words);
      atLeast(name, rest, 1);
      const lists = await Promise.all(rest.map(word => run(findDomain(host, word))));
      return format(lists.flat() as Infos<Kind>);
    },
  });
