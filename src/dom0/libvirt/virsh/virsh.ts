/**
 * libvirt's spelling of the toolstack: `virsh` with the commands that a VM Server's administrators use most, over the host's domains (toolstack/domains).
 * Source: tools/virsh-domain.c, virsh-domain-monitor.c and virsh-host.c of libvirt 9 for columns and sentences.
 */
import { type CommandHost, domainsOf, type Uses } from '../../toolstack/index.ts';
import { openConsole } from '../../toolstack/commands/index.ts';
import { failed, type Program, type Ran, succeeded, type Surroundings } from '../../toolstack/programs/index.ts';
import { AGENT } from './agent.ts';
import { ATTACHING } from './attaching.ts';
import { CAPABILITIES } from './capabilities.ts';
import { DEFINITIONS } from './definitions.ts';
import { DEVICES } from './devices.ts';
import {
  editDescription,
  editDomain,
  editManagedSave,
  editMetadata,
  editNetwork,
  editSaveImage,
  editSnapshot,
  type OwnsTerminal,
} from './editing.ts';
import { EVENTS } from './events.ts';
import { HOST } from './host.ts';
import { LINKS } from './links.ts';
import { MIGRATING } from './migrating.ts';
import { MONITOR } from './monitor.ts';
import { JOBS } from './jobs.ts';
import { LIFE, started } from './life.ts';
import { RESOURCES } from './resources.ts';
import { SAVED_STATES } from './saved-states.ts';
import { SCREENS, withConsole } from './screens.ts';
import { SNAPSHOT_CREATING } from './snapshot-creating.ts';
import { SNAPSHOTS } from './snapshots.ts';
import { STATES } from './states.ts';
import { NETWORKS } from './networks.ts';
import { NODE_DEVICES } from './node-devices.ts';
import { STORAGE } from './storage.ts';
import { COMMAND, isHere, type VirshCommand, VirshError } from './virsh-command.ts';

const TABLE: Readonly<Record<string, VirshCommand>> = {
  ...STATES,
  ...DEFINITIONS,
  ...LIFE,
  ...SAVED_STATES,
  ...JOBS,
  ...MIGRATING,
  ...DEVICES,
  ...ATTACHING,
  ...LINKS,
  ...RESOURCES,
  ...SNAPSHOT_CREATING,
  ...SNAPSHOTS,
  ...SCREENS,
  ...STORAGE,
  ...NETWORKS,
  ...HOST,
  ...NODE_DEVICES,
  ...CAPABILITIES,
  ...MONITOR,
  ...AGENT,
  ...EVENTS,
};

/** Commands that own the terminal until they end; `with`: those that do so with that option. */
const OWNERS: Readonly<Record<string, { with?: string; begin: OwnsTerminal }>> = {
  edit: { begin: editDomain },
  start: {
    with: 'console',
    begin: async (host, [word], options, terminal, around) => {
      terminal.write((await started(host, word, options)).replace(/\n/g, '\r\n'));
      return OWNERS.console!.begin(host, [word], options, terminal, around);
    },
  },
  'net-edit': { begin: editNetwork },
  'snapshot-edit': { begin: editSnapshot },
  'save-image-edit': { begin: editSaveImage },
  'managedsave-edit': { begin: editManagedSave },
  desc: { with: 'edit', begin: editDescription },
  metadata: { with: 'edit', begin: editMetadata },
  console: {
    begin: async (host, [word], _options, terminal) => {
      const { id, name } = await withConsole(host, word);
      terminal.write(`Connected to domain '${name}'\r\nEscape character is ^] (Ctrl + ])\r\n`);
      await openConsole(host, id!, terminal);
      return '';
    },
  },
};

/**
 * Words by the places that the usage has for them: in order, or behind the option that a place is called by; with `=` in the usage behind that alone. Of a
 * place with `...` behind it more words follow at the end. What has no place is `unexpected`.
 */
function arranged(
  usage: string,
  words: readonly string[],
): { values: string[]; options: ReadonlySet<string>; unexpected: string | undefined } {
  const found = [...usage.matchAll(/(?:--([a-z-]+)(\]? |=))?<([^>]+)>/g)];
  const places = found.map(([, option, , name]) => option ?? name!),
    isFree = found.map(([, , between]) => between !== '=');
  const isList = usage.endsWith('...');
  const values: string[] = [],
    options = new Set<string>();
  let unexpected: string | undefined;
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    const [, option, given] = /^--([^=]*)(?:=(.*))?$/s.exec(word) ?? [];
    const named = option === undefined ? -1 : places.indexOf(option);
    const put = (place: number, value: string): void => {
      values[isList && place === places.length - 1 && values[place] !== undefined ? values.length : place] = value;
    };
    if (named >= 0) put(named, given ?? words[++i] ?? '');
    else if (option !== undefined) options.add(word.slice(2));
    else {
      const free = places.findIndex((_, place) => isFree[place] && values[place] === undefined);
      if (free >= 0) values[free] = word;
      else if (isList) put(places.length - 1, word);
      else unexpected ??= word;
    }
  }
  return { values, options, unexpected };
}

/** Options before the command say which host is meant. The words behind them, or why that host cannot be reached. */
function connected(host: Uses<'toolstack'>, words: readonly string[]): string[] | Ran {
  const [first, uri, ...rest] = words;
  const [, given] = /^--connect=(.*)$/.exec(first ?? '') ?? [];
  if (given === undefined && first !== '-c' && first !== '--connect') return [...words];
  const name = given ?? uri;
  if (name === undefined) return failed(`error: option '${first}' requires an argument`);
  if (!isHere(host, name))
    return failed(`error: failed to connect to the hypervisor\nerror: no connection driver available for ${name}`);
  return given === undefined ? rest : words.slice(1);
}

/** Several commands may be in one word, with ; between them. */
const commandsIn = (words: readonly string[]): string[][] =>
  words.length === 1 && /[\s;]/.test(words[0]!)
    ? words[0]!
        .split(';')
        .map(command => [...command.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(([, a, b, c]) => a ?? b ?? c!))
        .filter(command => command.length > 0)
    : [[...words]];

export function virshProgram(host: CommandHost): Program {
  const ran = async (words: readonly string[], around: Surroundings): Promise<Ran> => {
    const [name = 'help', ...rest] = words;
    if (name === 'help')
      return succeeded(
        `${Object.values(TABLE)
          .map(({ usage, about }) => `    ${usage.split(' ')[0]!.padEnd(30)} ${about}\n`)
          .join('')}\n`,
      );
    const { usage, run } = TABLE[name]!;
    if (rest.includes('--help')) return succeeded(`  SYNOPSIS\n    ${usage}\n`);
    const known = new Set([...usage.matchAll(/--([a-z0-9-]+)/g)].map(([, option]) => option!));
    const { values, options, unexpected } = arranged(usage, rest);
    const unknown = [...options].find(option => !known.has(option));
    if (unknown !== undefined) return failed(`error: command '${name}' doesn't support option --${unknown}`);
    if (unexpected !== undefined) return failed(`error: unexpected data '${unexpected}'`);
    try {
      return succeeded(await run(host, values, options, around));
    } catch (error) {
      if (!(error instanceof VirshError)) return failed(`error: ${(error as Error).message}`);
      return { ...failed(error.message.replaceAll(COMMAND, name)), stdout: error.printed };
    }
  };
  return {
    name: 'virsh',
    summary: "the same in libvirt's spelling: virsh help",
    run: async (words, around): Promise<Ran> => {
      const rest = connected(host, words);
      if (!Array.isArray(rest)) return rest;
      const commands = commandsIn(rest);
      // All of a word is read before any of it is done.
      const unknown = commands.find(([name = 'help']) => name !== 'help' && !Object.hasOwn(TABLE, name));
      if (unknown) return failed(`error: unknown command: '${unknown[0]}'`);
      const all: Ran[] = [];
      for (const each of commands) all.push(await ran(each, around));
      const joined = (of: 'stdout' | 'stderr'): string => all.map(one => one[of]).join('');
      return { stdout: joined('stdout'), stderr: joined('stderr'), status: all.at(-1)?.status ?? 0 };
    },
    // It says itself that it has none.
    runsAnywhere: words => words.includes('console'),
    own: words => {
      const rest = connected(host, words);
      if (!Array.isArray(rest)) return undefined;
      const [command = '', ...given] = rest;
      const owner = Object.hasOwn(OWNERS, command) ? OWNERS[command] : undefined;
      if (!owner || given.includes('--help')) return undefined;
      const { values, options } = arranged(TABLE[command]!.usage, given);
      if (values[0] === undefined || (owner.with !== undefined && !options.has(owner.with))) return undefined;
      return async (terminal, around) => {
        const say = (text: string): void => terminal.write(text.replace(/\n/g, '\r\n'));
        try {
          say(await owner.begin(host, values, options, terminal, around));
          return 0;
        } catch (error) {
          say(`${error instanceof VirshError ? error.message : `error: ${(error as Error).message}`}\n`);
          return 1;
        }
      };
    },
    complete: async words => {
      if (words.length === 1) return Object.keys(TABLE);
      return TABLE[words[0]!]?.usage.includes('<domain>') ? (await domainsOf(host).list()).map(({ name }) => name) : [];
    },
  };
}
