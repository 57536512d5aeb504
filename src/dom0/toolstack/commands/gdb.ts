/** gdb at a domain: where a debugger of this machine finds it. The command is ours; with Xen one starts gdbsx. */
import { debugging } from '../parts.ts';
import type { Listening } from '../../host/nbd/index.ts';
import type { CommandHost, Guest } from '../command-host.ts';
import { command, Refusal } from './command.ts';
import { atLeast, findDomain, readWords, wholeNumber } from './words.ts';

const MOST_PORT = 0xffff;
/** Where debuggers are listened for, as long as their domain is there. */
const listening = new WeakMap<Guest, Listening>();

export const gdb = command({
  summary: 'Let gdb debug a domain, from a port of this machine',
  usage: '[-d] <Domain> [Port]',
  options: [['-d', 'No longer.']],
  modifies: true,
  /** The port where it is listened on 127.0.0.1 (0: any; default: where it is already, or any); undefined: nowhere any more. The domain runs on until gdb is there. */
  run: async (host: CommandHost, id: number, port?: number, isOff = false): Promise<number | undefined> => {
    const member = host.domains.living(id),
      { sockets } = host.parts,
      before = listening.get(member);
    if (!sockets)
      throw new Refusal(
        `This host runs in a page, where nobody can connect to it: gdb debugs ${member.name} where the host is a process (ringside sh, ringside boot --gdb). Here the inspector of the processor steps it, and xl break and xl back stop it.`,
      );
    if (port !== undefined && !(Number.isInteger(port) && port >= 0 && port <= MOST_PORT))
      throw new Refusal(`${port} is not a port: write a number from 0 to ${MOST_PORT}.`);
    if (before && !isOff && (port === undefined || port === before.port)) return before.port;
    listening.delete(member);
    before?.close();
    if (isOff) return undefined;
    const { listenForGdb } = await debugging.load();
    const next = await listenForGdb(host.toolstack, () => (member.ending ? undefined : member), sockets, port ?? 0);
    listening.set(member, next);
    member.whenOver.add(() => next.close());
    return next.port;
  },
  xl: async ({ host, words }, run) => {
    const { options, rest } = readWords(words, { flags: 'd' });
    atLeast('gdb', rest, 1);
    const id = findDomain(host, rest[0]);
    if (id === 0) throw new Refusal('Domain 0 cannot be debugged: it is what answers gdb.');
    const port = await run(id, rest[1] === undefined ? undefined : wholeNumber(rest[1], 'port'), options.has('d'));
    return port === undefined ? '' : `gdb finds it by: target remote 127.0.0.1:${port}\n`;
  },
});
