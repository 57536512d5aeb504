/** What can be done with each thing of the tree: for its menu, the page of a guest and the search. Each knows the command that it is. */

import { pageWords } from './hypervisors/own.ts';
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
  /** As `xl` (or xm, where xl has none) spells it. */
  command?: string;
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

const asks = (spelled: string, ask: (its: Awaited<ReturnType<typeof naming>>) => void) => (): void =>
  void naming().then(ask, error => reportProblem(spelled, strings.errors.partFailed(sentence(error))));

export const cloneAction = (name: string): Action => ({
  name: words.clone(name),
  command: `xl clone ${name} …`,
  run: asks(`xl clone ${name}`, ({ askClone }) => askClone(name)),
});

/** Of a domain that is there or defined: kept as it is, and a twin of it. */
const keptActions = (name: string, snapshots: () => void): Action[] => [
  {
    name: words.snapshot(name),
    command: `xl snapshot ${name}`,
    run: () => void asTask(`xl snapshot ${name}`, () => host.snapshot(name)),
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
    command: `xl destroy ${name}`,
    run: () => destroy(session),
  };
  if (session.over) return [open, destroys];
  // Nothing else is to be had of one that leaves.
  if (leaving.value.has(id)) return [open, { name: words.keep(name), run: () => keepGuest(session) }, destroys];
  return [
    open,
    domain.state === 'p'
      ? {
          name: `${strings.guest.run} ${name}`,
          command: `xl unpause ${name}`,
          run: () => void command('unpause', domain),
        }
      : {
          name: `${strings.guest.pause} ${name}`,
          command: `xl pause ${name}`,
          run: () => void command('pause', domain),
        },
    { name: words.power(name), command: `xl shutdown -F ${name}`, run: () => void command('shutdown', domain) },
    { name: words.reboot(name), command: `xl reboot -F ${name}`, run: () => void command('reboot', domain) },
    {
      name: `${strings.guest.reset} ${name}`,
      command: `xl trigger ${name} reset`,
      run: () => void command('reset', domain),
    },
    {
      name: words.media(name),
      command: `xl cd-insert ${name}`,
      run: () => go({ kind: 'domain', id, tab: 'overview' }),
    },
    { name: words.save(name), command: `xl save -c ${name} ${name}.save`, run: () => void saveState(domain) },
    ...keptActions(name, () => go({ kind: 'domain', id, tab: 'snapshots' })),
    ...(ofPool.actions?.(id, name) ?? []),
    {
      name: words.rename(name),
      command: `xl rename ${name} …`,
      run: asks(`xl rename ${name}`, ({ askRename }) => askRename(name, id)),
    },
    destroys,
  ];
}

export function definedActions({ name, path, errors }: DefinedDomain): Action[] {
  const spelled = `xl create ${path}`;
  const look: Action = { name: words.look(name), run: () => go({ kind: 'defined', name }) };
  if (deleting.value.has(name))
    return [
      look,
      { name: words.keep(name), run: () => keepDefinition(name) },
      { name: words.removeNow(name), command: `xm delete ${name}`, run: () => deleteDefinition(name) },
    ];
  const begin = (paused: boolean) => () => void asTask(spelled, async () => openDomain(await host.start(name, paused)));
  return [
    look,
    ...(errors.length > 0
      ? []
      : [
          { name: words.start(name), command: spelled, run: begin(false) },
          { name: words.startPaused(name), command: `xl create -p ${path}`, run: begin(true) },
        ]),
    ...keptActions(name, () => go({ kind: 'defined', name, tab: 'snapshots' })),
    {
      name: words.rename(name),
      command: `xm rename ${name} …`,
      run: asks(`xm rename ${name}`, ({ askRename }) => askRename(name)),
    },
    { name: words.remove(name), command: `xm delete ${name}`, run: () => deleteDefinition(name) },
  ];
}

export function hostActions(): Action[] {
  const living = [...sessions.value.values()].filter(({ over }) => !over);
  return [
    { name: words.newGuest, run: () => go({ kind: 'home', tab: 'new' }) },
    { name: words.define, run: () => go({ kind: 'defined', name: '' }) },
    { name: pageWords().openShell, run: () => go({ kind: 'shell' }) },
    { name: words.facts, command: 'xl list', run: () => go({ kind: 'home', tab: 'host' }) },
    ...(living.length > 1
      ? [
          {
            name: words.allDown,
            command: 'xl shutdown -a -F',
            run: () => {
              for (const { info } of living) void command('shutdown', info.peek());
            },
          },
        ]
      : []),
  ];
}
