/** A domain's console at the terminal. */
import type { ConsoleInput, ConsoleOutput } from '../wire.ts';
import type { Uses } from '../command-host.ts';
import type { Owned } from '../terminal/terminal.ts';
import { command, Refusal } from './command.ts';
import { atLeast, findDomain, readWords } from './words.ts';

/** Ctrl-]: leaves a console, as in xenconsole. */
const LEAVE = '\x1d';

export const attachConsole = command({
  summary: "Attach to domain's console",
  usage: '[options] <Domain>',
  options: [
    ['-t <type>', 'console type, pv or serial: the guest has one terminal for both here'],
    ['-n <number>', 'console number: it has one of each'],
  ],
  /** What it has shown so far, as far as that is remembered. */
  run: async (host: Uses<'domains'>, id: number): Promise<Uint8Array> => host.domains.member(id).console.shown,
  xl: async ({ words }) => {
    readConsole(words);
    throw new Refusal('console needs the terminal.');
  },
  attach: words => {
    const word = readConsole(words);
    return async ({ host }, terminal) => (await openConsole(host, findDomain(host, word), terminal), 0);
  },
});

/** The word for the domain. @throws Refusal */
function readConsole(words: readonly string[]): string {
  const { options, rest } = readWords(words, { values: 'tn' });
  const type = options.get('t') ?? 'pv';
  if (!['pv', 'serial', 'vuart'].includes(type)) throw new Refusal('console type supported are: pv, serial, vuart');
  if (type === 'vuart') throw new Refusal('There is no vuart here, which ARM has: -t takes pv and serial.');
  atLeast('console', rest, 1);
  return rest[0];
}

/** Shows a domain's console until the domain is gone, Ctrl-] is typed, or the terminal goes. @throws Error where there is no such domain */
export async function openConsole(host: Uses<'consoles'>, id: number, terminal: Owned): Promise<void> {
  const { console: port } = await host.consoles.view(id);
  const decoder = new TextDecoder(),
    encoder = new TextEncoder();
  port.onmessage = ({ data }: MessageEvent<ConsoleOutput>) => {
    if ('serial' in data && data.serial) terminal.write(decoder.decode(data.serial, { stream: true }));
  };
  let over = (): void => {};
  await new Promise<void>(resolve => {
    over = resolve;
    terminal.signal.addEventListener('abort', over);
    // The domain is gone.
    port.addEventListener('close', () => resolve(), { once: true });
    terminal.listen(typed => {
      const end = typed.indexOf(LEAVE);
      const text = end < 0 ? typed : typed.slice(0, end);
      if (text !== '') port.postMessage({ serial: encoder.encode(text) } satisfies ConsoleInput);
      if (end >= 0) resolve();
    });
  });
  // The signal is the session's, which may see many consoles.
  terminal.signal.removeEventListener('abort', over);
  port.close();
  terminal.write('\r\n');
}
