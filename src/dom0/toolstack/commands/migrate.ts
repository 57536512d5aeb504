/** Domains that go to another host, and come from one. Source: main_migrate() and main_migrate_receive() in tools/xl/xl_migrate.c of Xen 4.17. */
import { judgeDefinition } from '../../definitions/config/index.ts';
import type { CommandHost, Moved, MoveWish } from '../command-host.ts';
import { commandOf } from '../hypervisors/command/command-value.ts';
import { type Call, command, Refusal } from './command.ts';
import { atLeast, atMost, findDomain, readWords } from './words.ts';

/** What was sent, and how long that took. */
const summaryOf = ({ rounds, bytes, totalMs, downtimeMs, silentMs, leftBehind, notConverged }: Moved): string =>
  `${(bytes / 2 ** 20).toFixed(1)} MiB went in ${(totalMs / 1000).toFixed(2)} s, ${rounds.length === 0 ? 'all of them while it was paused' : `${rounds.length} ${rounds.length === 1 ? 'round' : 'rounds'} while it ran`}; it was paused for ${Math.round(downtimeMs)} ms${silentMs === undefined ? '' : `, answered no ping for ${Math.round(silentMs)}`}${leftBehind === undefined ? '' : `, and went on before ${leftBehind} of its pages were there`}.${notConverged === undefined ? '' : ` ${notConverged}`}`;

/** The move of `domain`, as the task log has it. */
const valueOf = (domain: string, to: string, { paused, autoConverge, postcopy, copyStorage }: MoveWish) =>
  commandOf('migrate', domain, { to, paused, autoConverge, postcopy: postcopy !== undefined, copyStorage });

const ONE_HOST =
  'This host knows no other to which a domain could go. Join a pool, or use xl save: it writes a state that another host takes with xl restore.';

export const migrate = command({
  summary: 'Migrate a domain to another host',
  usage: '[options] <Domain> <host>',
  options: [
    ['-C <config>', 'Send <config> instead of config file from creation.'],
    ['-p', 'Do not unpause domain after migrating it.'],
    ['-e', 'Do not wait in the background for the death of the domain: Domain 0 watches over all domains here'],
    ['-s <sshcommand>', 'Hosts of a pool are connected already: it is not used.'],
    ['--live', 'The same: a domain always moves while it runs.'],
    ['--debug', 'Send all of its memory again while it is paused, and compare it there.'],
    [
      '--auto-converge',
      'Slow it down while it writes faster than its pages go there. (QEMU has this, and xl does not.)',
    ],
    ['--postcopy', 'Let it run there before all of its memory is there. (QEMU has this, and xl does not.)'],
    ['--copy-storage-all', 'Copy its volumes to the other host while it runs. (libvirt has this, and xl does not.)'],
    ['--copy-storage-inc', 'The same; of a volume on an image that the other host has, too, only what was written.'],
    ['-D', 'Preserve the domain id: it is not, a domain that moved has a new one.'],
  ],
  modifies: true,
  /** How it went. */
  run: async (host: CommandHost, id: number, to: string, wish: MoveWish = {}): Promise<Moved> => {
    const member = host.domains.living(id);
    return host.tasks.run(
      valueOf(member.name, to, wish),
      async task => {
        if (!host.moveTo) throw new Refusal(ONE_HOST);
        const moved = await host.moveTo(member, to, wish);
        task.message = summaryOf(moved);
        return moved;
      },
      id,
    );
  },
  xl: async (call, run) => {
    const { id, to, wish } = await wishOf(call);
    const said: string[] = [];
    try {
      await run(id, to, { ...wish, say: line => void said.push(line) });
    } catch (error) {
      throw new Refusal([...said, (error as Error).message].join('\n'));
    }
    return said.map(line => `${line}\n`).join('');
  },
  xlIsSame: true,
  /** Says it as it happens; Ctrl-C ends it. */
  attach: () => async (call, terminal) => {
    const { id, to, wish } = await wishOf(call);
    const stop = new AbortController();
    terminal.listen(typed => {
      if (typed.includes(CTRL_C)) stop.abort();
    });
    await migrate.run(call.host, id, to, {
      ...wish,
      signal: stop.signal,
      say: line => terminal.write(`\r${line}\x1b[K\r\n`),
      progress: (iteration, copied, dirty) => {
        if (copied < dirty)
          terminal.write(`\rxc: Frames iteration ${iteration}: ${copied}/${dirty}  ${percent(copied, dirty)}%\x1b[K`);
      },
    });
    return 0;
  },
});

const CTRL_C = '\x03';
/** Long options alone: xl numbers them from 0x100 on. */
const DEBUG = '\u0100',
  AUTO_CONVERGE = '\u0101',
  COPY_ALL = '\u0102',
  COPY_INC = '\u0103',
  POSTCOPY = '\u0104';
const percent = (part: number, whole: number): number => Math.floor((100 * part) / Math.max(1, whole));

/** What the words want. @throws Refusal */
async function wishOf({ host, words, read }: Call): Promise<{ id: number; to: string; wish: MoveWish }> {
  const { options, rest } = readWords(words, {
    flags: `FepD${DEBUG}${AUTO_CONVERGE}${COPY_ALL}${COPY_INC}${POSTCOPY}`,
    values: 'Cs',
    long: {
      debug: DEBUG,
      live: 'e',
      'auto-converge': AUTO_CONVERGE,
      'copy-storage-all': COPY_ALL,
      'copy-storage-inc': COPY_INC,
      postcopy: POSTCOPY,
    },
  });
  atLeast('migrate', rest, 2);
  atMost(rest, 2);
  const id = findDomain(host, rest[0]);
  if (!host.moveTo) throw new Refusal(ONE_HOST);
  if (options.has('D')) throw new Refusal('A domain that moved has a new number there: migrate it without -D.');
  const config = options.get('C');
  const definition = config === undefined ? undefined : await (await read(config)).text();
  if (definition !== undefined) {
    const [wrong] = judgeDefinition(host.domains.living(id).name, definition).findings.filter(
      ({ verdict }) => verdict === 'error',
    );
    if (wrong) throw new Refusal(`${config}: ${wrong.text}`);
  }
  const wish: MoveWish = {
    ...(options.has('p') ? { paused: true } : {}),
    ...(options.has(DEBUG) ? { verify: true } : {}),
    ...(options.has(AUTO_CONVERGE) ? { autoConverge: true } : {}),
    ...(options.has(POSTCOPY) ? { postcopy: 'after-precopy' } : {}),
    ...(options.has(COPY_ALL) ? { copyStorage: 'all' } : options.has(COPY_INC) ? { copyStorage: 'inc' } : {}),
    ...(definition === undefined ? {} : { definition }),
  };
  return { id, to: rest[1]!, wish };
}
