/** What can be done with each thing of the tree: for its menu, the page of a guest and the search. Each knows the command that it is. */

import { pageWords } from './hypervisors/own.ts';
import { type CommandValue, commandOf } from '../dom0/toolstack/hypervisors/command/index.ts';
import type { DefinedDomain } from '../dom0/service/index.ts';
import { asTask, command, host, reportProblem } from './host.ts';
import { sentence } from './sentence.ts';
import { naming } from './parts.ts';
import { type DomainSession, sessions } from './sessions.ts';
import { deleteDefinition, deleting, destroy, keepDefinition, keepGuest, leaving } from './leaving.ts';
import { go, openDomain, saveState } from './navigation.ts';
import { strings } from './strings.ts';

export interface Action {
  name: string;
  command?: CommandValue;
  run(): void;
}

const words = strings.actions;

/** What else can be done with a domain by its number, once this host is in a pool (pool/pool.ts). */
export const ofPool: {
  actions?: (id: number, name: string) => Action[];
  runsOn?: (name: string) => string | undefined;
} = {};

/** The other host of the pool on which a guest of this name runs: it has moved there, or was started there. */
export const runsElsewhere = (name: string): string | undefined => ofPool.runsOn?.(name);

const asks = (command: CommandValue, ask: (its: NonNullable<typeof naming.loaded>) => void) => (): void =>
  void naming.load().then(ask, error => reportProblem(command, strings.errors.partFailed(sentence(error))));

export const cloneAction = (name: string): Action => ({
  name: words.clone(name),
  command: commandOf('clone', name),
  run: asks(commandOf('clone', name), ({ askClone }) => askClone(name)),
});

/** Of a domain that is there or defined: kept as it is, and a twin of it. */
const keptActions = (name: string, snapshots: () => void): Action[] => [
  {
    name: words.snapshot(name),
    command: commandOf('snapshot', name),
    run: () => void asTask(commandOf('snapshot', name), () => host.snapshot(name)),
  },
  { name: words.snapshots(name), run: snapshots },
  cloneAction(name),
];

export function guestActions(session: DomainSession): Action[] {
  const domain = session.info.value;
  const { name, id } = domain;
  const open: Action = { name: words.open(name), run: () => go({ kind: 'domain', id }) };
  if (session.gone.value) return [open];
  const destroys: Action = {
    name: `${leaving.value.has(id) ? strings.guest.destroyNow : strings.guest.destroy} ${name}`,
    command: commandOf('destroy', name),
    run: () => destroy(session),
  };
  if (session.over) return [open, destroys];
  // A guest that leaves has no other actions.
  if (leaving.value.has(id)) return [open, { name: words.keep(name), run: () => keepGuest(session) }, destroys];
  return [
    open,
    domain.state === 'p'
      ? {
          name: `${strings.guest.run} ${name}`,
          command: commandOf('unpause', name),
          run: () => void command('unpause', domain),
        }
      : {
          name: `${strings.guest.pause} ${name}`,
          command: commandOf('pause', name),
          run: () => void command('pause', domain),
        },
    {
      name: words.power(name),
      command: commandOf('shutdown', name, { fallback: true }),
      run: () => void command('shutdown', domain),
    },
    {
      name: words.reboot(name),
      command: commandOf('reboot', name, { fallback: true }),
      run: () => void command('reboot', domain),
    },
    {
      name: `${strings.guest.reset} ${name}`,
      command: commandOf('trigger', name, { what: 'reset' }),
      run: () => void command('reset', domain),
    },
    {
      name: words.media(name),
      command: commandOf('cd-insert', name),
      run: () => go({ kind: 'domain', id, tab: 'overview' }),
    },
    {
      name: words.save(name),
      command: commandOf('save', name, { file: `${name}.save`, leaves: 'running' }),
      run: () => void saveState(domain),
    },
    ...keptActions(name, () => go({ kind: 'domain', id, tab: 'snapshots' })),
    ...(ofPool.actions?.(id, name) ?? []),
    {
      name: words.rename(name),
      command: commandOf('rename', name),
      run: asks(commandOf('rename', name), ({ askRename }) => askRename(name, id)),
    },
    destroys,
  ];
}

export function definedActions({ name, path, errors }: DefinedDomain): Action[] {
  const starts = commandOf('create', undefined, { file: path });
  const look: Action = { name: words.look(name), run: () => go({ kind: 'defined', name }) };
  if (deleting.value.has(name))
    return [
      look,
      { name: words.keep(name), run: () => keepDefinition(name) },
      { name: words.removeNow(name), command: commandOf('delete', name), run: () => deleteDefinition(name) },
    ];
  const begin = (paused: boolean) => () => void asTask(starts, async () => openDomain(await host.start(name, paused)));
  return [
    look,
    ...(errors.length > 0
      ? []
      : [
          { name: words.start(name), command: starts, run: begin(false) },
          {
            name: words.startPaused(name),
            command: commandOf('create', undefined, { file: path, paused: true }),
            run: begin(true),
          },
        ]),
    ...keptActions(name, () => go({ kind: 'defined', name, tab: 'snapshots' })),
    {
      name: words.rename(name),
      command: commandOf('rename', name, { halted: true }),
      run: asks(commandOf('rename', name, { halted: true }), ({ askRename }) => askRename(name)),
    },
    { name: words.remove(name), command: commandOf('delete', name), run: () => deleteDefinition(name) },
  ];
}

export function hostActions(): Action[] {
  const living = [...sessions.value.values()].filter(({ over }) => !over);
  return [
    { name: words.newGuest, run: () => go({ kind: 'home', tab: 'new' }) },
    { name: words.define, run: () => go({ kind: 'defined', name: '' }) },
    { name: pageWords().openShell, run: () => go({ kind: 'shell' }) },
    { name: words.facts, command: commandOf('list'), run: () => go({ kind: 'home', tab: 'host' }) },
    ...(living.length > 1
      ? [
          {
            name: words.allDown,
            command: commandOf('shutdown', undefined, { all: true, fallback: true }),
            run: () => {
              for (const { info } of living) void command('shutdown', info.peek());
            },
          },
        ]
      : []),
  ];
}
