/** Domains that another host goes on with where this one is lost. Source: main_remus() in tools/xl/xl_migrate.c and libxl_remus.c of Xen 4.17. */
import type { RemusWish, Uses } from '../command-host.ts';
import { commandOf } from '../hypervisors/command/command-value.ts';
import { type Call, command, Refusal } from './command.ts';
import { atLeast, atMost, findDomain, readWords } from './words.ts';

const INTERVAL_MS = 200;
const CTRL_C = '\x03';
const NO_POOL =
  'This host is in no pool, so that no other one could go on with a domain: pool join ws://HOST:PORT/#CODE.';
const UNSAFE =
  'Unsafe mode must be enabled to replicate to /dev/null,disable network buffering and disk replication: -F.';
const BACKUP_FAILED = 'Remus: Backup failed? resuming domain at primary.';

export const remus = command({
  summary: 'Enable Remus HA for domain',
  usage: '[options] <Domain> [<host>]',
  options: [
    ['-i MS', 'Checkpoint domain memory every MS milliseconds (def. 200ms).'],
    ['-u', 'Disable memory checkpoint compression: pages go as they are, and of the rest what has changed.'],
    ['-s <sshcommand>', 'Hosts of a pool are connected already: it is not used.'],
    ['-e', 'Do not wait in the background for the death of the domain: Domain 0 watches over all domains here.'],
    ['-N <netbufscript>', 'The bridge holds what the domain sends: no script is used.'],
    [
      '-F',
      'Enable unsafe configurations [-b|-n|-d flags]. Use this option with caution as failover may not work as intended.',
    ],
    ['-b', 'Replicate memory checkpoints to /dev/null (blackhole). Works only in unsafe mode.'],
    ['-n', 'Disable network output buffering. Works only in unsafe mode.'],
    ['-d', 'Disable disk replication. Works only in unsafe mode.'],
    ['-c', 'Enable COLO HA: it is not here.'],
    ['-p', 'Use userspace COLO Proxy: it is not here.'],
  ],
  modifies: true,
  /** Until it is protected no more. */
  run: async (host: Uses<'domains' | 'protect' | 'tasks'>, id: number, to: string, wish: RemusWish): Promise<void> => {
    const member = host.domains.living(id);
    const { protect } = host;
    return host.tasks.run(
      commandOf('remus', member.name, { to }),
      async task => {
        if (!protect) throw new Refusal(NO_POOL);
        let count = 0;
        const taken: RemusWish['taken'] = done => {
          task.message = `${++count} checkpoints are there; the last one took ${Math.round(done.tookMs)} ms, with ${done.pages} pages in ${(done.bytes / 1024).toFixed(0)} KiB.`;
          wish.taken?.(done);
        };
        await protect(member, to, { ...wish, taken }).catch((error: Error) => {
          throw new Error(`${error.message}\n${BACKUP_FAILED}\n${member.name} goes on here without protection.`);
        });
      },
      id,
    );
  },
  xl: async (call, run) => {
    const { id, to, wish } = wishOf(call);
    const said: string[] = [];
    await run(id, to, { ...wish, say: line => void said.push(line) });
    return said.map(line => `${line}\n`).join('');
  },
  xlIsSame: true,
  /** Ctrl-C ends it. */
  attach: () => async (call, terminal) => {
    const { id, to, wish } = wishOf(call);
    const stop = new AbortController();
    terminal.listen(typed => {
      if (typed.includes(CTRL_C)) stop.abort();
    });
    await remus.run(call.host, id, to, {
      ...wish,
      signal: stop.signal,
      say: line => terminal.write(`${line}\r\n`),
    });
    return 0;
  },
});

/** What the words want. @throws Refusal */
function wishOf({ host, words }: Call): { id: number; to: string; wish: RemusWish } {
  const { options, rest } = readWords(words, { flags: 'Fbundecp', values: 'isN' });
  atLeast('remus', rest, 2);
  atMost(rest, 2);
  const id = findDomain(host, rest[0]);
  const interval = options.get('i') ?? String(INTERVAL_MS);
  if (!/^\d{1,7}$/.test(interval)) throw new Refusal(`-i ${interval}: write milliseconds, such as -i ${INTERVAL_MS}.`);
  if (options.has('c') || options.has('p'))
    throw new Refusal('COLO is not supported: leave out -c and -p, and checkpoints are taken at an interval.');
  const [blackhole, isOpen, leavesDisk] = ['b', 'n', 'd'].map(letter => options.has(letter));
  if ((blackhole || isOpen || leavesDisk) && !options.has('F')) throw new Refusal(UNSAFE);
  if (!host.protect) throw new Refusal(NO_POOL);
  return {
    id,
    to: rest[1]!,
    wish: {
      // libxl takes its own where there is none.
      intervalMs: Number(interval) || INTERVAL_MS,
      blackhole: blackhole!,
      holdsOutput: !isOpen,
      holdsDisk: !leavesDisk,
    },
  };
}
