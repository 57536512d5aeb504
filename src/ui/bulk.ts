/** What can be done with several guests and definitions at once, each by the command that it is for one. */

import { type CommandValue, commandOf } from '../dom0/toolstack/hypervisors/command/index.ts';
import type { DefinedDomain } from '../dom0/service/index.ts';
import type { Action } from './actions.ts';
import { asTask, command as change, host, info, reportProblem } from './host.ts';
import { halted } from './inventory.ts';
import { lacksTogether } from './memory-together.ts';
import { chosen, clear } from './selection.ts';
import { type DomainSession, sessions } from './sessions.ts';
import { deleteDefinition, deleting, destroy, keepDefinition, keepGuest, leaving } from './leaving.ts';
import { count } from './strings.ts';

const guests = (n: number): string => count(n, 'guest');
const words = {
  start: (n: number) => `Start ${n}`,
  pause: (n: number) => `Pause ${n}`,
  run: (n: number) => `Run ${n}`,
  down: (n: number) => `Shut ${n} down`,
  destroy: (n: number) => `Destroy ${n}`,
  remove: (n: number) => `Delete ${count(n, 'definition')}`,
  keep: (n: number) => `Keep ${n}`,
  none: 'Choose none',
};

/** Of what was chosen, that which is there. */
export function chosenRows(): { running: DomainSession[]; defined: DefinedDomain[] } {
  const keys = chosen.value;
  return {
    running: [...sessions.value.values()].filter(session => keys.has(session.info.value.name) && !session.gone.value),
    defined: halted.value.filter(({ name }) => keys.has(name)),
  };
}

/** For the bar above lists, and the menu of a row that is chosen with others. Nothing that would be refused is offered. */
export function bulkActions({
  running,
  defined,
}: {
  running: readonly DomainSession[];
  defined: readonly DefinedDomain[];
}): Action[] {
  const living = running.filter(session => !session.over && !leaving.value.has(session.id)),
    going = running.filter(({ id }) => leaving.value.has(id));
  const paused = living.filter(({ info }) => info.value.state === 'p'),
    awake = living.filter(session => !paused.includes(session));
  const good = defined.filter(({ errors, name }) => errors.length === 0 && !deleting.value.has(name)),
    there = defined.filter(({ name }) => !deleting.value.has(name)),
    removed = defined.filter(({ name }) => deleting.value.has(name));
  const each = (
    name: (n: number) => string,
    command: CommandValue,
    of: readonly DomainSession[],
    run: (session: DomainSession) => unknown,
  ): Action[] =>
    of.length === 0
      ? []
      : [
          {
            name: name(of.length),
            command,
            run: () => {
              for (const session of of) void run(session);
            },
          },
        ];
  return [
    ...(good.length === 0
      ? []
      : [{ name: words.start(good.length), command: commandOf('start'), run: () => void startAll(good) }]),
    ...each(words.pause, commandOf('pause'), awake, ({ info }) => change('pause', info.peek())),
    ...each(words.run, commandOf('unpause'), paused, ({ info }) => change('unpause', info.peek())),
    ...each(words.down, commandOf('shutdown', undefined, { fallback: true }), living, ({ info }) =>
      change('shutdown', info.peek()),
    ),
    ...each(
      words.destroy,
      commandOf('destroy'),
      running.filter(session => !going.includes(session)),
      destroy,
    ),
    ...(there.length === 0
      ? []
      : [
          {
            name: words.remove(there.length),
            command: commandOf('delete'),
            run: () => {
              for (const { name } of there) deleteDefinition(name);
            },
          },
        ]),
    ...(going.length + removed.length === 0
      ? []
      : [
          {
            name: words.keep(going.length + removed.length),
            run: () => {
              for (const session of going) keepGuest(session);
              for (const { name } of removed) keepDefinition(name);
            },
          },
        ]),
    { name: words.none, run: clear },
  ];
}

/** One after the other, where the machine has memory for all. */
async function startAll(all: readonly DefinedDomain[]): Promise<void> {
  const lacks = lacksTogether(
    all.map(({ memoryMiB }) => memoryMiB),
    info.peek()?.freeMiB ?? 0,
  );
  if (lacks !== undefined) return reportProblem(commandOf('start'), lacks);
  for (const { name } of all) await asTask(commandOf('start', name), () => host.start(name, false));
}

export const chosenText = ({
  running,
  defined,
}: {
  running: readonly unknown[];
  defined: readonly unknown[];
}): string => `${guests(running.length + defined.length)} chosen`;
