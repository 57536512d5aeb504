/** A domain's console at the terminal. */
import type { ConsoleInput, ConsoleOutput } from '../wire.ts';
import type { CommandHost } from '../command-host.ts';
import type { Owned } from '../terminal/terminal.ts';
import { command } from './command.ts';
import { atLeast, findDomain, readWords } from './words.ts';

/** Ctrl-]: leaves a console, as in xenconsole. */
const LEAVE = '\x1d';

export const attachConsole = command({
  summary: "Attach to domain's console",
  usage: '<Domain>',
  options: [['-t <pv|serial>', 'console type: the guest has one terminal for both here']],
  /** What it has shown so far, as far as that is remembered. */
  run: async (host: CommandHost, id: number): Promise<Uint8Array> => host.member(id).console.shown,
  attach:
    words =>
    async ({ host }, terminal) => {
      const { rest } = readWords(words, { values: 'tn' });
      atLeast('console', rest, 1);
      await openConsole(host, findDomain(host, rest[0]), terminal);
      return 0;
    },
});

/** Shows a domain's console until the domain is gone, Ctrl-] is typed, or the terminal goes. @throws Error where there is no such domain */
export async function openConsole(host: CommandHost, id: number, terminal: Owned): Promise<void> {
  const { console: port } = await host.view(id);
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
