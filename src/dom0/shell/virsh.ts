/**
 * libvirt's spelling of the toolstack: `virsh` with the commands that a VM Server's administrators use most, over the host's domains (toolstack/domains).
 * Source: tools/virsh-domain.c, virsh-domain-monitor.c and virsh-host.c of libvirt 9 for columns and sentences.
 */
import { type CommandHost, domainsOf } from '../toolstack/index.ts';
import { editManaged } from './edit.ts';
import { failed, type Program, type Ran, succeeded } from './program.ts';
import { DEFINITIONS } from './virsh/definitions.ts';
import { DEVICES } from './virsh/devices.ts';
import { HOST } from './virsh/host.ts';
import { JOBS } from './virsh/jobs.ts';
import { LIFE } from './virsh/life.ts';
import { SNAPSHOTS } from './virsh/snapshots.ts';
import { STATES } from './virsh/states.ts';
import { COMMAND, find, managedFor, type VirshCommand, VirshError } from './virsh/virsh-command.ts';

const TABLE: Readonly<Record<string, VirshCommand>> = {
  ...STATES,
  ...DEFINITIONS,
  ...LIFE,
  ...JOBS,
  ...DEVICES,
  ...SNAPSHOTS,
  ...HOST,
};

export function virshProgram(host: CommandHost): Program {
  return {
    name: 'virsh',
    summary: "the same in libvirt's spelling: virsh help",
    run: async (words, around): Promise<Ran> => {
      const [name = 'help', ...rest] = words;
      if (name === 'help')
        return succeeded(
          `${Object.values(TABLE)
            .map(({ usage, about }) => `    ${usage.split(' ')[0]!.padEnd(30)} ${about}\n`)
            .join('')}\n`,
        );
      if (!Object.hasOwn(TABLE, name)) return failed(`error: unknown command: '${name}'`);
      const { usage, run } = TABLE[name]!;
      if (rest.includes('--help')) return succeeded(`  SYNOPSIS\n    ${usage}\n`);
      const known = new Set([...usage.matchAll(/--([a-z-]+)/g)].map(([, option]) => option!));
      const options = new Set(rest.filter(word => word.startsWith('--')).map(word => word.slice(2)));
      const unknown = [...options].find(option => !known.has(option));
      if (unknown !== undefined) return failed(`error: command '${name}' doesn't support option --${unknown}`);
      const most = usage.split(' ').filter(word => /^\[?</.test(word)).length;
      const unexpected = rest.filter(word => !word.startsWith('--'))[most];
      if (unexpected !== undefined) return failed(`error: unexpected data '${unexpected}'`);
      try {
        return succeeded(
          await run(
            host,
            rest.filter(word => !word.startsWith('--')),
            options,
            around,
          ),
        );
      } catch (error) {
        return failed(
          error instanceof VirshError ? error.message.replace(COMMAND, name) : `error: ${(error as Error).message}`,
        );
      }
    },
    own: ([command, ...words]) => {
      const [word] = words.filter(each => !each.startsWith('-'));
      if (command !== 'edit' || word === undefined || words.includes('--help')) return undefined;
      return async terminal => {
        const say = (text: string, status: number): number => (
          terminal.write(`${text.replace(/\n/g, '\r\n')}\r\n`), status
        );
        try {
          const domain = managedFor(await find(host, word));
          return say(
            `Domain '${domain.name}' XML configuration ${(await editManaged(host, domain, terminal)) ? 'edited' : 'not changed'}.`,
            0,
          );
        } catch (error) {
          return say(error instanceof VirshError ? error.message : `error: ${(error as Error).message}`, 1);
        }
      };
    },
    complete: async words => {
      if (words.length === 1) return Object.keys(TABLE);
      return TABLE[words[0]!]?.usage.includes('<domain>') ? (await domainsOf(host).list()).map(({ name }) => name) : [];
    },
  };
}
