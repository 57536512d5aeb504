/** `brctl` for the host's bridge, and `tcpdump`, which writes what passes it into a file. Source: brctl(8) of bridge-utils; tcpdump(1). */
import type { Uses } from '../toolstack/index.ts';
import { capture, formatStations } from '../host/network/index.ts';
import { aborted, failed, type Program, type Ran, succeeded, type Surroundings } from '../toolstack/programs/index.ts';

export const bridgePrograms = (host: Uses<'clock' | 'toolstack'>): Program[] => [brctl(host), tcpdump(host)];

const COMMANDS = ['show', 'showmacs'];

const brctl = (host: Uses<'toolstack'>): Program => ({
  name: 'brctl',
  summary: 'the bridge: show [bridge], showmacs bridge',
  run: async ([command, name]) => {
    const { bridge } = host.toolstack.services.network;
    if (!COMMANDS.includes(command ?? ''))
      return failed(
        `Usage: brctl [commands]\ncommands:\n\tshow      [ <bridge> ]\t\tshow a list of bridges\n\tshowmacs  <bridge>\t\tshow a list of mac addrs\n`,
      );
    if (command === 'show') {
      if (name !== undefined && name !== bridge.name) return failed(`bridge ${name} does not exist!`);
      return succeeded(showBridge(host));
    }
    if (name === undefined)
      return failed(
        'Incorrect number of arguments for command\nUsage: brctl showmacs <bridge>\tshow a list of mac addrs',
      );
    if (name !== bridge.name) return failed(`read of forward table failed: No such device`);
    return succeeded(formatStations(bridge.stations()));
  },
  complete: words => (words.length === 1 ? COMMANDS : [host.toolstack.services.network.bridge.name]),
});

/** show_bridge() of bridge-utils: the first interface is in the bridge's line. */
function showBridge({ toolstack }: Uses<'toolstack'>): string {
  const { bridge, mac } = toolstack.services.network;
  const id = [...mac].map(byte => byte.toString(16).padStart(2, '0')).join('');
  const [first = '', ...others] = bridge.list().map(({ name }) => name);
  return [
    'bridge name\tbridge id\t\tSTP enabled\tinterfaces',
    `${bridge.name}\t\t8000.${id}\tno\t\t${first}`,
    ...others.map(name => `\t\t\t\t\t\t\t${name}`),
  ]
    .map(line => `${line}\n`)
    .join('');
}

/** A file of Domain 0 has not much more. */
const MOST_BYTES = 32 * 2 ** 20;
const USAGE = 'Usage: tcpdump -w FILE [-i INTERFACE] [-c COUNT] [-G SECONDS]\n';

interface Wanted {
  file: string;
  port: string | undefined;
  /** Packets, and seconds, after which it ends by itself. */
  count: number;
  seconds: number;
}

const tcpdump = (host: Uses<'clock' | 'toolstack'>): Program => ({
  name: 'tcpdump',
  summary: 'writes the packets on the bridge into a file: tcpdump -w FILE',
  run: async (words, around) => {
    const wanted = readWords(words);
    if (typeof wanted === 'string') return failed(wanted);
    if (wanted.count === Infinity && wanted.seconds === Infinity)
      return failed('tcpdump: in a script it ends after -c packets or -G seconds: write how many.');
    return record(host, wanted, around, aborted(around.signal));
  },
  // Alone on its line it ends by Ctrl-C.
  own: words => {
    const wanted = readWords(words);
    if (typeof wanted === 'string' || wanted.count !== Infinity || wanted.seconds !== Infinity) return undefined;
    return async (terminal, around) => {
      terminal.write(
        `tcpdump: listening on ${wanted.port ?? host.toolstack.services.network.bridge.name}, link-type EN10MB (Ethernet), snapshot length 262144 bytes; Ctrl-C ends it\r\n`,
      );
      const interrupted = new Promise<void>(resolve => terminal.listen(typed => /[\x03\x04]/.test(typed) && resolve()));
      const { stdout, stderr, status } = await record(
        host,
        wanted,
        around,
        Promise.race([interrupted, aborted(terminal.signal)]),
      );
      terminal.write(`${stdout}${stderr}`.replace(/\n/g, '\r\n'));
      return status;
    };
  },
  complete: words =>
    words.at(-2) === '-i' ? ['xenbr0', ...host.toolstack.services.network.bridge.list().map(({ name }) => name)] : [],
});

/** A string: what is wrong with the words. */
function readWords(words: readonly string[]): Wanted | string {
  const wanted: Wanted = { file: '', port: undefined, count: Infinity, seconds: Infinity };
  const left = [...words];
  for (let word = left.shift(); word !== undefined; word = left.shift()) {
    const [, letter, rest] = /^-([wicGsUnep])(.*)$/.exec(word) ?? [];
    if (letter === undefined)
      return word.startsWith('-')
        ? `tcpdump: invalid option ‘${word}’\n${USAGE}`
        : `tcpdump: ${word}: there are no filters here; all packets are written.`;
    if ('Unep'.includes(letter)) continue;
    const value = rest || left.shift();
    if (value === undefined) return `tcpdump: option requires an argument -- '${letter}'\n${USAGE}`;
    if (letter === 'w') wanted.file = value;
    else if (letter === 'i') wanted.port = value;
    else if (!/^[1-9]\d{0,8}$/.test(value))
      return `tcpdump: invalid ${letter === 'c' ? 'packet count' : 'number'} ${value}`;
    else if (letter === 'c') wanted.count = Number(value);
    else if (letter === 'G') wanted.seconds = Number(value);
  }
  return wanted.file === ''
    ? `tcpdump: packets are written to a file, and not printed: write -w FILE.\n${USAGE}`
    : wanted;
}

async function record(
  host: Uses<'clock' | 'toolstack'>,
  { file, port: name, count, seconds }: Wanted,
  { writeFile }: Pick<Surroundings, 'writeFile'>,
  interrupted: Promise<void>,
): Promise<Ran> {
  const { bridge } = host.toolstack.services.network;
  const port = bridge.list().find(each => each.name === name);
  if (name !== undefined && name !== bridge.name && name !== 'any' && !port)
    return failed(`tcpdump: ${name}: No such device exists`);
  const pieces: Uint8Array[] = [];
  let bytes = 0,
    dropped = 0,
    packets = 0,
    full = (): void => {};
  const ended = new Promise<void>(resolve => {
    full = resolve;
  });
  // The file's head comes first, then a packet at a time.
  const { stop } = capture(
    bridge,
    port,
    () => host.clock.epochMs() * 1e6,
    piece => {
      const isPacket = pieces.length > 0;
      if (isPacket && (packets >= count || bytes + piece.length > MOST_BYTES)) {
        dropped++;
        return full();
      }
      if (isPacket) packets++;
      pieces.push(piece.slice());
      bytes += piece.length;
      if (packets >= count) full();
    },
  );
  let cancel = (): void => {};
  if (seconds !== Infinity) cancel = host.clock.later(seconds * 1000, full);
  await Promise.race([ended, interrupted]);
  cancel();
  stop();
  await writeFile(file, new Uint8Array(await new Blob(pieces as BlobPart[]).arrayBuffer()));
  return {
    stdout: '',
    stderr: `${packets} packet${packets === 1 ? '' : 's'} captured\n${bytes + 1500 > MOST_BYTES ? `${dropped} packets dropped: the file has ${MOST_BYTES / 2 ** 20} MiB\n` : ''}`,
    status: 0,
  };
}
