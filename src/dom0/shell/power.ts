/** reboot, poweroff and their like: programs of the shell that end the host. */
import { failed, type Program, succeeded } from '../toolstack/programs/index.ts';

/** What becomes of the host. */
export type PowerState = 'reboot' | 'poweroff';

/** Brings the host down in order; `say` gets a line of what happens. It resolves when that is done, and the terminal may be gone then. */
export type Power = (what: PowerState, say: (line: string) => void) => Promise<void>;

/** What the words of `shutdown` ask for; undefined: nothing that it knows. */
function shutdownWords(words: readonly string[]): PowerState | undefined {
  const rest = words.filter(word => word !== 'now' && word !== '+0');
  if (rest.some(word => !/^-(?:[hPr]|-halt|-poweroff|-reboot)$/.test(word))) return undefined;
  return rest.some(word => word === '-r' || word === '--reboot') ? 'reboot' : 'poweroff';
}

export function powerPrograms(power: Power): Program[] {
  const program = (
    name: string,
    summary: string,
    what: (words: readonly string[]) => PowerState | undefined,
  ): Program => ({
    name,
    summary,
    runsAnywhere: true,
    run: async words => {
      const state = what(words);
      if (!state)
        return failed(
          `${name}: ${words.join(' ')} is not known here: write ${name === 'shutdown' ? 'shutdown -h now, or shutdown -r now' : `${name} alone`}.`,
        );
      let said = '';
      await power(state, line => {
        said += `${line}\n`;
      });
      return succeeded(said);
    },
    own: words => {
      const state = what(words);
      return (
        state &&
        (async terminal => {
          await power(state, line => terminal.write(`${line}\r\n`));
          return 0;
        })
      );
    },
  });
  const alone = (state: PowerState) => (words: readonly string[]) => (words.length === 0 ? state : undefined);
  return [
    program('reboot', 'shuts all guests down and starts the host again, from its boot menu', alone('reboot')),
    program('poweroff', 'shuts all guests down and the host off', alone('poweroff')),
    program('halt', 'the same as poweroff', alone('poweroff')),
    program('shutdown', 'shutdown -h now: poweroff; shutdown -r now: reboot', shutdownWords),
  ];
}

/** What Domain 0 said when it started. */
export const dmesgProgram = (lines: readonly string[]): Program => ({
  name: 'dmesg',
  summary: 'what Domain 0 said when it started (xl dmesg: the hypervisor)',
  run: async () => succeeded(lines.map(line => `${line}\n`).join('')),
});
