/** `pool`: hosts that know each other, as Domain 0's shell joins, lists and leaves them. */
import { type CommandHost, timeOf } from '../toolstack/index.ts';
import type { Membership } from '../pool/index.ts';
import { failed, type Program, type Ran, succeeded } from '../toolstack/programs/index.ts';

const USAGE = `Usage: pool COMMAND

  join ws://HOST:PORT/#CODE [NAME] [--role member|giver|viewer]
                                     join the pool of that hub as NAME; a giver takes no guests, a viewer only looks
  join tabs [NAME]                   join the pool of this browser's tabs
  list                               hosts: load, distance, and traffic with this one
  guests                             which guest runs where
  leases                             the owner of each guest, and who granted it
  balance [performance|density|off] [--automatic]
                                     what should move where, and why; or set how this host wants to be balanced
  receive on|off                     whether guests may move here from other hosts
  replicas                           snapshots of other hosts' guests that are stored here
  restore GUEST [--at TIME]          continue a guest here from such a snapshot, if its host is lost
  emergency                          grant leases here, if the host that did is gone permanently
  tasks                              recent tasks of all hosts
  leave                              leave the pool
`;
const WRONG_USE = 2;

export const poolProgram = (host: CommandHost): Program => ({
  name: 'pool',
  summary: 'other hosts: pool join ws://HOST:PORT/#CODE, pool list, pool guests, pool leave',
  run: async ([verb, ...words]) => {
    const run = verb !== undefined && Object.hasOwn(VERBS, verb) ? VERBS[verb] : undefined;
    if (verb === '--help' || verb === 'help') return succeeded(USAGE);
    if (!run) return failed(verb === undefined ? USAGE : `pool: ${verb} is not a command.\n${USAGE}`, WRONG_USE);
    try {
      return await run((await import('../pool/membership.ts')).membershipOf(host), words);
    } catch (error) {
      return failed(`pool: ${(error as Error).message}`);
    }
  },
  complete: words => (words.length > 1 ? [] : Object.keys(VERBS)),
});

/** Its value (empty: there is none behind it; undefined: it is not there), and the words without both. */
function option(words: readonly string[], name: string): [value: string | undefined, rest: readonly string[]] {
  const at = words.indexOf(name);
  return at < 0 ? [undefined, words] : [words[at + 1] ?? '', words.toSpliced(at, 2)];
}

const VERBS: Record<string, (membership: Membership, words: string[]) => Promise<Ran>> = {
  join: async (membership, words) => {
    const [role = 'member', [address, name, ...more]] = option(words, '--role');
    if (address === undefined || more.length > 0) return failed(USAGE, WRONG_USE);
    const { isRole, ROLES } = await import('../pool/names.ts');
    if (!isRole(role)) return failed(`pool: --role ${role}: write one of ${ROLES.join(', ')}.`, WRONG_USE);
    const { pool, url, whyViewer } = await membership.join(address, { name, role });
    const others = pool.hosts.map(host => host.name);
    return succeeded(
      `This host is ${pool.me} in the pool at ${url}. ${others.length === 0 ? 'No other host is there yet' : `There are ${others.join(', ')}`}.\n${whyViewer === undefined ? '' : `It is a viewer. ${whyViewer}\n`}`,
    );
  },
  list: async membership => {
    const { pool, state } = membership.here;
    const { loads } = state;
    const row = (name: string, delay: string, sent: string, received: string, role: string): string[] => {
      const load = loads.get(name);
      return [
        name,
        ...(load
          ? [percent(load.busy), mib(load.freeBytes), mib(load.totalBytes), String(load.guests.length)]
          : ['?', '?', '?', '?']),
        delay,
        sent,
        received,
        role,
      ];
    };
    const away = pool.away === undefined ? '' : `${pool.away} This host joins again by itself.\n`;
    return succeeded(
      away +
        columns([
          ['Name', 'Busy(%)', 'Free(MiB)', 'Mem(MiB)', 'Guests', 'Delay(ms)', 'Sent(KiB)', 'Got(KiB)', 'Role'],
          row(pool.me, '-', '-', '-', pool.role),
          ...pool.hosts.map(({ name, delayMs, sentBytes, receivedBytes, role }) =>
            row(name, delayMs === undefined ? '?' : delayMs.toFixed(1), kib(sentBytes), kib(receivedBytes), role),
          ),
        ]),
    );
  },
  guests: async membership => {
    const { pool, state } = membership.here;
    const isThere = (host: string): boolean => host === pool.me || pool.hosts.some(({ name }) => name === host);
    return succeeded(
      columns([
        ['Name', 'Mem(MiB)', 'Host', 'State', 'UUID'],
        ...state.guests
          .toSorted((a, b) => (a.name < b.name ? -1 : 1))
          .map(({ uuid, name, memoryMiB, host, state: how }) => [
            name,
            String(memoryMiB),
            host,
            isThere(host) ? how : 'lost',
            `  ${uuid}`,
          ]),
      ]),
    );
  },
  leases: async membership => {
    const { state, ownership } = membership.here;
    const nameOf = new Map(state.guests.map(({ uuid, name }) => [uuid, name]));
    return succeeded(
      `Coordinator: ${ownership.coordinatorName}\n${columns([
        ['Name', 'Owner', 'Epoch', 'UUID'],
        ...[...state.leases].map(([uuid, { owner, epoch }]) => [
          nameOf.get(uuid) ?? '-',
          owner ?? 'nobody',
          String(epoch),
          `  ${uuid}`,
        ]),
      ])}`,
    );
  },
  balance: async (membership, words) => {
    const { state, balancing } = membership.here;
    const { energyWords, MODES, wordsOf } = await import('../pool/balancing/index.ts');
    const automatic = words.includes('--automatic');
    const [word, ...more] = words.filter(each => each !== '--automatic');
    const mode = MODES.find(each => each === word);
    if (more.length > 0 || (word !== undefined && !mode)) return failed(USAGE, WRONG_USE);
    if (mode || automatic) state.setWish({ mode: mode ?? 'performance', automatic });
    const { wish, decisions, energy } = balancing;
    const told = decisions.map(each => `${wordsOf(each)}\n`).join('');
    return succeeded(
      `${wish.mode}, ${wish.automatic ? 'automatic' : 'advised'}\n${told === '' ? 'Nothing is to be done.\n' : told}${energyWords(energy)}\n`,
    );
  },
  receive: async (membership, [word, ...more]) => {
    if ((word !== 'on' && word !== 'off') || more.length > 0) return failed(USAGE, WRONG_USE);
    membership.here.pool.setReceives(word === 'on');
    return succeeded('');
  },
  replicas: async membership => {
    const { replicas } = membership.here;
    return succeeded(
      columns([
        ['Name', 'Snapshots', 'MiB', `  ${'Last'.padEnd(TIME_LENGTH)}`, '  UUID'],
        // By its UUID somebody tells two guests of one name apart.
        ...[...replicas.list].map(([uuid, { name, points, bytes }]) => [
          name,
          String(points.length),
          mib(bytes),
          `  ${timeOf(points.at(-1)!.atMs)}`,
          `  ${uuid}`,
        ]),
      ]),
    );
  },
  restore: async (membership, words) => {
    const [time, [guest, ...more]] = option(words, '--at');
    if (guest === undefined || more.length > 0 || time === '') return failed(USAGE, WRONG_USE);
    const atMs = time === undefined ? undefined : Date.parse(`${time.replace(' ', 'T')}Z`);
    if (Number.isNaN(atMs))
      return failed(`pool: ${time} is no time. Write one as pool replicas does: 2026-11-28T04:00:00.`);
    // Within that second.
    const { failover } = membership.here;
    return succeeded(`${await failover.restore(guest, atMs === undefined ? undefined : atMs + 999)}\n`);
  },
  emergency: async membership => {
    const { pool, ownership } = membership.here;
    const { coordinatorName } = ownership;
    membership.emergency();
    return succeeded(`${pool.me} gives leases from now on, in place of ${coordinatorName}.\n`);
  },
  tasks: async membership =>
    succeeded(
      membership.here.state.tasks
        .map(
          ({ host, command, state, atMs, message }) =>
            `${timeOf(atMs)} ${host}: ${command}: ${state}${message === '' ? '' : `: ${message}`}\n`,
        )
        .join(''),
    ),
  leave: async membership => {
    await membership.leave();
    return succeeded('');
  },
};

/** Of a time as timeOf writes it. */
const TIME_LENGTH = 19;

const percent = (share: number): string => (100 * share).toFixed(0);
const mib = (bytes: number): string => (bytes / 2 ** 20).toFixed(0);
const kib = (bytes: number): string => (bytes / 1024).toFixed(0);

/** As `xl list` sets them: names to the left, numbers to the right. */
const columns = (rows: readonly string[][]): string =>
  rows.map(([name, ...cells]) => `${name!.padEnd(16)}${cells.map(cell => cell.padStart(10)).join('')}\n`).join('');
