/** Lists of what guests have of one kind of device. */
import type { Uses } from '../command-host.ts';
import type { ListOf, Pluggable } from '../devices/index.ts';
import { type Command, command } from './command.ts';
import { atLeast, findDomain, readWords } from './words.ts';

/** `xl NAME`: the domains' devices in one table. */
export const deviceList = <Kind extends Pluggable>(
  kind: Kind,
  name: string,
  summary: string,
  format: (devices: ListOf<Kind>) => string,
): Command<[id: number], ListOf<Kind>> =>
  command({
    summary,
    usage: '<Domain(s)>',
    run: async (host: Uses<'toolstack'>, id: number) => host.toolstack.services.list(id, kind),
    xl: async ({ host, words }, run) => {
      const { rest } = readWords(words);
      atLeast(name, rest, 1);
      const lists = await Promise.all(rest.map(word => run(findDomain(host, word))));
      return format(lists.flat() as ListOf<Kind>);
    },
  });
