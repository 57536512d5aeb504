/** `ping`: echo requests over the host's bridge, to guests and the gateway. What it prints and its statuses are iputils’ (ping(8) of iputils 20221126). */
import type { Uses } from '../toolstack/index.ts';
import type { Echo } from '../host/network/index.ts';
import { formatAddress, parseAddress, STATION_NAMES } from '../../devices/net/index.ts';
import { aborted, failed, type Program, type Surroundings } from '../toolstack/programs/index.ts';

const WRONG_USE = 2,
  NO_ANSWER = 1;
const USAGE = 'Usage\n  ping [-nqv] [-c count] [-i interval] [-s size] [-w deadline] [-W timeout] <destination>\n';
/** IP's header and ICMP's. */
const HEADERS = 28;
const MOST_DATA = 1472;
const LOCALHOST = 0x7f000001;
/** Least and most of the options that have bounds; those that are whole numbers. */
const BOUNDS: Record<string, [number, number]> = { c: [1, Infinity], s: [0, MOST_DATA], i: [0.002, Infinity] },
  WHOLE = 'csw';
const UNREACHABLE = ['Destination Net Unreachable', 'Destination Host Unreachable'];

interface Wanted {
  name: string;
  address: number;
  count: number;
  intervalMs: number;
  size: number;
  deadlineMs: number;
  timeoutMs: number;
  quiet: boolean;
}

class Wrong extends Error {
  readonly status: number;

  constructor(text: string, status: number) {
    super(text);
    this.status = status;
  }
}

/** Options, also attached to their values. @throws Wrong */
function readWords(words: readonly string[]): Wanted {
  const given: Record<string, number> = {};
  const rest: string[] = [];
  let quiet = false;
  const queue = [...words];
  for (let word = queue.shift(); word !== undefined; word = queue.shift()) {
    if (!/^-./.test(word)) {
      rest.push(word);
      continue;
    }
    for (let at = 1; at < word.length; at++) {
      const letter = word[at];
      if ('nqv4Ob'.includes(letter)) quiet ||= letter === 'q';
      else if ('cisWwI'.includes(letter)) {
        const value = word.slice(at + 1) || queue.shift();
        if (value === undefined)
          throw new Wrong(`ping: option requires an argument -- '${letter}'\n\n${USAGE}`, WRONG_USE);
        if (letter !== 'I') given[letter] = number(value, letter);
        break;
      } else throw new Wrong(`ping: invalid option -- '${letter}'\n\n${USAGE}`, WRONG_USE);
    }
  }
  const [name] = rest;
  if (name === undefined) throw new Wrong('ping: usage error: Destination address required', 1);
  const address =
    name.toLowerCase() === 'localhost' ? LOCALHOST : (STATION_NAMES.get(name.toLowerCase()) ?? parseAddress(name));
  if (Number.isNaN(address)) throw new Wrong(`ping: ${name}: Name or service not known`, WRONG_USE);
  const { c: count = Infinity, i: interval = 1, s: size = 56, W: timeout = 10, w: deadline = Infinity } = given;
  return {
    name,
    address,
    count,
    intervalMs: interval * 1000,
    size,
    deadlineMs: deadline * 1000,
    timeoutMs: timeout * 1000,
    quiet,
  };
}

function number(text: string, letter: string): number {
  if (!(WHOLE.includes(letter) ? /^\d+$/ : /^(?:\d+\.?\d*|\.\d+)$/).test(text))
    throw new Wrong(`ping: invalid argument: '${text}'`, 1);
  const [least, most] = BOUNDS[letter] ?? [0, Infinity];
  const value = Number(text);
  if (value < least || value > most)
    throw new Wrong(
      `ping: invalid argument: '${text}': out of range: ${least} <= value${most === Infinity ? '' : ` <= ${most}`}`,
      1,
    );
  return value;
}

/** As many digits as iputils has for a time. */
const tookMs = (ms: number): string => ms.toFixed(ms >= 100 ? 0 : ms >= 10 ? 1 : ms >= 1 ? 2 : 3);

/** Pings until it has sent all, its deadline comes or `stopped` does. @returns the status */
async function ping(
  host: Uses<'clock' | 'toolstack'>,
  wanted: Wanted,
  write: (text: string) => void,
  stopped: Promise<void>,
): Promise<number> {
  const { name, address, count, intervalMs, size, deadlineMs, timeoutMs, quiet } = wanted;
  const { later, hostMs } = host.clock;
  const dotted = formatAddress(address);
  const station = await host.toolstack.services.network.own(later);
  const id = ++pings & 0xffff;
  const data = Uint8Array.from({ length: size }, (_, i) => i);
  const startMs = hostMs();
  const after = (ms: number): Promise<void> => new Promise(resolve => void later(Math.min(ms, 2 ** 31 - 1), resolve));
  let isOver = false;
  const over = Promise.race([stopped, ...(deadlineMs === Infinity ? [] : [after(deadlineMs)])]).then(() => {
    isOver = true;
  });
  write(`PING ${name} (${dotted}) ${size}(${size + HEADERS}) bytes of data.\n`);
  let sent = 0,
    received = 0,
    errors = 0;
  const times: number[] = [];
  const tell = (sequence: number, echo: Echo, ms: number): void => {
    if (echo.unreachable !== undefined) {
      errors++;
      const why = UNREACHABLE[echo.unreachable] ?? `Destination Unreachable, Bad Code: ${echo.unreachable}`;
      if (!quiet) write(`From ${formatAddress(echo.from)} icmp_seq=${sequence} ${why}\n`);
      return;
    }
    received++;
    times.push(ms);
    if (!quiet)
      write(
        `${echo.bytes} bytes from ${formatAddress(echo.from)}: icmp_seq=${sequence} ttl=${echo.ttl} time=${tookMs(ms)} ms\n`,
      );
  };
  while (sent < count && !isOver) {
    const sequence = ++sent,
      fromMs = hostMs();
    const asked = station.echo(address, id, sequence & 0xffff, data, Promise.race([over, after(timeoutMs)]));
    const told = asked.then(echo => echo && tell(sequence, echo, hostMs() - fromMs));
    // The next one waits for its time, whether or not this one was answered; the last one for its answer.
    await (sent === count ? told : Promise.race([over, after(intervalMs)]));
  }
  const tookAll = Math.round(hostMs() - startMs);
  const loss = Number(((100 * (sent - received)) / Math.max(1, sent)).toPrecision(6));
  write(
    `\n--- ${name} ping statistics ---\n${sent} packets transmitted, ${received} received,${errors > 0 ? ` +${errors} errors,` : ''} ${loss}% packet loss, time ${tookAll}ms\n`,
  );
  if (times.length > 0) {
    const mean = times.reduce((sum, each) => sum + each, 0) / times.length;
    const square = times.reduce((sum, each) => sum + each * each, 0) / times.length;
    const all = [Math.min(...times), mean, Math.max(...times), Math.sqrt(Math.max(0, square - mean * mean))];
    write(`rtt min/avg/max/mdev = ${all.map(each => each.toFixed(3)).join('/')} ms\n`);
  }
  return received > 0 && (deadlineMs === Infinity || count === Infinity || received >= count) ? 0 : NO_ANSWER;
}
/** Each has an identifier of its own. */
let pings = 0;

export const pingProgram = (host: Uses<'clock' | 'toolstack'>): Program => ({
  name: 'ping',
  summary: 'asks a guest or the gateway for an echo: ping -c 3 10.0.2.15',
  run: async (words, around: Surroundings) => {
    try {
      const wanted = readWords(words);
      if (wanted.count === Infinity && wanted.deadlineMs === Infinity)
        return failed('ping: in a script it ends after -c packets or -w seconds: write how many.', WRONG_USE);
      let stdout = '';
      const status = await ping(host, wanted, text => (stdout += text), aborted(around.signal));
      return { stdout, stderr: '', status };
    } catch (error) {
      if (error instanceof Wrong) return failed(error.message, error.status);
      throw error;
    }
  },
  // Alone on its line it tells as it goes, and ends by Ctrl-C.
  own: words => {
    let wanted: Wanted;
    try {
      wanted = readWords(words);
    } catch {
      return undefined;
    }
    return async terminal => {
      const interrupted = new Promise<void>(resolve => terminal.listen(typed => /[\x03\x04]/.test(typed) && resolve()));
      return ping(
        host,
        wanted,
        text => terminal.write(text.replace(/\n/g, '\r\n')),
        Promise.race([interrupted, aborted(terminal.signal)]),
      );
    };
  },
  runsAnywhere: true,
});
