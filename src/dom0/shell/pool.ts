/** `pool`: hosts that know each other, as Domain 0's shell joins, lists and leaves them. */
import type { CommandHost } from '../toolstack/index.ts';
import type { Membership } from '../pool/index.ts';
import { failed, type Program, type Ran, succeeded } from './program.ts';

const USAGE = `Usage: pool COMMAND

  join ws://HOST:PORT/#CODE [NAME]   be a host of the pool of that hub, called NAME
  list                               its hosts, how far they are, and what passed between them and this one
  leave                              be alone again
`;
const WRONG_USE = 2;

export const poolProgram = (host: CommandHost): Program => ({
  name: 'pool',
  summary: 'other hosts: pool join ws://HOST:PORT/#CODE, pool list, pool leave',
  run: async ([verb, ...words]) => {
    const run = verb !== undefined && Object.hasOwn(VERBS, verb) ? VERBS[verb] : undefined;
    if (verb === '--help' || verb === 'help') return succeeded(USAGE);
    if (!run) return failed(verb === undefined ? USAGE : `pool: ${verb} is no command.\n${USAGE}`, WRONG_USE);
    try {
      return await run((await import('../pool/membership.ts')).membershipOf(host), words);
    } catch (error) {
      return failed(`pool: ${(error as Error).message}`);
    }
  },
  complete: words => (words.length > 1 ? [] : Object.keys(VERBS)),
});

const VERBS: Record<string, (membership: Membership, words: string[]) => Promise<Ran>> = {
  join: async (membership, [address, name, ...more]) => {
    if (address === undefined || more.length > 0) return failed(USAGE, WRONG_USE);
    const { pool, url } = await membership.join(address, name);
    const others = pool.hosts.map(host => host.name);
    return succeeded(
      `This host is ${pool.me} in the pool at ${url}. ${others.length === 0 ? 'No other host is there yet' : `There are ${others.join(', ')}`}.\n`,
    );
  },
  list: async membership => {
    const { pool } = membership;
    const rows = [
      ['Name', 'Delay(ms)', 'Sent(KiB)', 'Received(KiB)', 'Version'],
      [pool.me, '-', '-', '-', 'this host'],
      ...pool.hosts.map(({ name, delayMs, sentBytes, receivedBytes, version }) => [
        name,
        delayMs === undefined ? '?' : delayMs.toFixed(1),
        (sentBytes / 1024).toFixed(0),
        (receivedBytes / 1024).toFixed(0),
        version,
      ]),
    ];
    return succeeded(columns(rows));
  },
  leave: async membership => {
    membership.leave();
    return succeeded('');
  },
};

/** As `xl list` sets them: names to the left, numbers to the right. */
const columns = (rows: readonly string[][]): string =>
  rows.map(([name, ...cells]) => `${name.padEnd(16)}${cells.map(cell => cell.padStart(15)).join('')}\n`).join('');
