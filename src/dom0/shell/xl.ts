/** `xl`, and its older spelling `xm`, as programs of the shell: the toolstack's table of commands. Those that the table says own the terminal. */
import type { CommandHost } from '../toolstack/index.ts';
import { attachXl, commandNamed, namesOf, Refusal, runXl, type Table } from '../toolstack/commands/index.ts';
import { visible } from '../toolstack/terminal/index.ts';
import { callOf, failed, type Program, type Ran, succeeded } from '../toolstack/programs/index.ts';

const ABOUT = {
  xl: 'creates and controls domains: xl help',
  xm: "the same in xend's spelling, with domains that it manages: xm help",
};

/** Letters of options before a command, and its own words. */
function parted(words: readonly string[]): { letters: string[]; own: string[] } {
  const at = words.findIndex(word => !/^-./.test(word)) >>> 0;
  return { letters: words.slice(0, at).flatMap(word => [...word.slice(1)]), own: words.slice(at) };
}

/** Global options that change nothing here: how much is said, and how. */
const WITHOUT_EFFECT = 'vftT';

/**
 * The words behind xl's global options (xl(1), "GLOBAL OPTIONS"). With -N a command only says what it would do (main() of tools/xl/xl.c).
 * @throws Refusal where there is no such option, or the command cannot
 */
function withoutGlobal(words: readonly string[], table: Table, program: 'xl' | 'xm'): string[] {
  const { letters, own } = parted(words);
  const unknown = letters.find(letter => !`${WITHOUT_EFFECT}N`.includes(letter));
  if (unknown !== undefined) throw new Refusal(`${program}: invalid option -- '${unknown}'\nunknown global option`);
  if (!letters.includes('N')) return own;
  const [word = '', ...rest] = own;
  const name = commandNamed(table, word, program);
  if (name !== undefined && !table[name]?.dryRun) throw new Refusal('command does not implement -N (dryrun) option');
  return [word, ...(name === undefined ? [] : ['-n']), ...rest];
}

export function xlProgram(program: 'xl' | 'xm', host: CommandHost, table: Table): Program {
  const names = [...namesOf(table, program), 'help'].sort();
  return {
    name: program,
    summary: ABOUT[program],
    run: async (words, around) => {
      try {
        const own = withoutGlobal(words, table, program);
        return succeeded(await runXl(table, callOf(host, own, around, program)));
      } catch (error) {
        return refused(error as Error);
      }
    },
    own: given => {
      const { letters, own: words } = parted(given);
      const run = letters.every(letter => WITHOUT_EFFECT.includes(letter))
        ? attachXl(table, words, program)
        : undefined;
      return (
        run &&
        (async (terminal, around) => {
          try {
            return await run(callOf(host, words.slice(1), around, program), terminal);
          } catch (error) {
            terminal.write(`${visible((error as Error).message).replace(/\n/g, '\r\n')}\r\n`);
            return statusOf(error);
          }
        })
      );
    },
    runsAnywhere: words => {
      const name = commandNamed(table, parted(words).own[0] ?? '', program);
      return name !== undefined && table[name]?.xlIsSame === true;
    },
    complete: async words => {
      if (words.length === 1) return names;
      const { usage = '', only }: Partial<Table[string]> = Object.hasOwn(table, words[0]!) ? table[words[0]!]! : {};
      if (!usage.includes('Domain')) return [];
      const managed = only === 'xm' ? await host.managed?.list() : undefined;
      return [...(managed ?? host.domains.all())].map(({ name }) => name);
    },
  };
}

/** `xentop`, as which `xl top` is known, too. */
export function xentopProgram(host: CommandHost, table: Table): Program {
  const xl = xlProgram('xl', host, table);
  return {
    name: 'xentop',
    summary: 'what domains use, again and again; -b for a script',
    run: (words, around) => xl.run(['top', ...words], around),
    own: words => xl.own?.(['top', ...words]),
  };
}

/** What a command that was refused leaves. */
const refused = (error: Error): Ran => ({
  ...(error.message === '' ? succeeded('') : failed(error.message)),
  stdout: error instanceof Refusal ? error.printed : '',
  status: statusOf(error),
});

const statusOf = (error: unknown): number => (error instanceof Refusal ? error.status : 1);
