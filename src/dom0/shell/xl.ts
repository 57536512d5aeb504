/** `xl`, and its older spelling `xm`, as programs of the shell: the toolstack's table of commands, and the console, which owns the terminal. */
import type { ConsoleInput, ConsoleOutput } from '../api.ts';
import type { HostCore } from '../host.ts';
import { Refusal, runXl, type Table } from '../toolstack/commands/index.ts';
import { findDomain } from '../toolstack/commands/words.ts';
import { failed, type Owned, type Program, succeeded, type Surroundings } from './program.ts';

/** Ctrl-]: leaves a console, as in xenconsole. */
const LEAVE = '\x1d';
const CONSOLE = 'console';
const CONSOLE_ABOUT = 'Attach to domain\'s console';

export function xlProgram(name: string, host: HostCore, table: Table): Program {
  const names = [...Object.keys(table).filter(one => table[one]!.xl), CONSOLE, 'help'].sort();
  return {
    name,
    summary: 'creates and controls domains: xl help',
    run: (words, around) => run(words, around, host, table),
    own: ([command, ...words]) => (command === CONSOLE && !words.includes('-h') ? terminal => openConsole(host, words, terminal) : undefined),
    complete: words => {
      if (words.length === 1) return names;
      return table[words[0]!]?.usage.includes('Domain') || words[0] === CONSOLE ? host.all().map(domain => domain.name) : [];
    },
  };
}

async function run(words: string[], { readFile, writeFile }: Surroundings, host: HostCore, table: Table): ReturnType<Program['run']> {
  // It is no entry of the table: what it does takes a terminal.
  if (words[0] === CONSOLE) return succeeded(`Usage: xl [-v] ${CONSOLE} <Domain>\n\n${CONSOLE_ABOUT}. Ctrl-] leaves it.\n`);
  try {
    return succeeded(
      await runXl(table, {
        host,
        words,
        read: async path => new Blob([(await readFile(path)) as BlobPart]),
        write: async (path, data) => writeFile(path, new Uint8Array(await data.arrayBuffer())),
      }),
    );
  } catch (error) {
    return failed((error as Error).message, error instanceof Refusal ? error.status : 1);
  }
}

/** Shows a domain's console until the domain is gone, Ctrl-] is typed, or the terminal goes. Its status is 1 where there is no such domain. */
async function openConsole(host: HostCore, [word]: string[], terminal: Owned): Promise<number> {
  if (word === undefined) {
    terminal.write("'xl console' requires at least 1 argument.\r\n");
    return 2;
  }
  const { console } = await host.view(findDomain(host, word));
  const decoder = new TextDecoder(), encoder = new TextEncoder();
  console.onmessage = ({ data }: MessageEvent<ConsoleOutput>) => {
    if ('serial' in data && data.serial) terminal.write(decoder.decode(data.serial, { stream: true }));
  };
  await new Promise<void>(resolve => {
    terminal.signal.addEventListener('abort', () => resolve(), { once: true });
    // The domain is gone.
    console.addEventListener('close', () => resolve(), { once: true });
    terminal.listen(typed => {
      const end = typed.indexOf(LEAVE);
      const text = end < 0 ? typed : typed.slice(0, end);
      if (text !== '') console.postMessage({ serial: encoder.encode(text) } satisfies ConsoleInput);
      if (end >= 0) resolve();
    });
  });
  console.close();
  terminal.write('\r\n');
  return 0;
}
