/** Guests that are to be destroyed and definitions that are to be deleted, and the seconds in which a person may keep them. */

import { commandOf } from '../dom0/toolstack/hypervisors/command/index.ts';
import { signal } from '@preact/signals';
import { asTask, command, domains, host } from './host.ts';
import type { DomainSession } from './sessions.ts';

/** How long a guest that is to be destroyed can be kept, and a definition that is to be deleted. */
export const KEEP_SECONDS = 8;

/** Guests that are paused until they are destroyed, by id. */
export const leaving = signal<
  ReadonlyMap<number, { seconds: number; timer: ReturnType<typeof setTimeout>; wasPaused: boolean; stands: boolean }>
>(new Map());

/** One that someone lets run again is kept. What the host's list said before it answered the pause tells nothing of that. */
export function followLeaving(): void {
  const stood = new Set<number>();
  domains.subscribe(list => {
    for (const { id, state } of list) {
      if (state === 'p') stood.add(id);
      else if (stood.delete(id) && leaving.peek().get(id)?.stands) stopLeaving(id);
    }
  });
}

function stopLeaving(id: number): { wasPaused: boolean } | undefined {
  const entry = leaving.peek().get(id);
  if (!entry) return undefined;
  clearTimeout(entry.timer);
  const next = new Map(leaving.peek());
  next.delete(id);
  leaving.value = next;
  return entry;
}

/** Destroys a guest: at once what has stopped, anything else after some seconds in which a person may think again. */
export function destroy(session: DomainSession): void {
  const domain = session.info.peek();
  if (session.over) return void command('destroy', domain);
  if (leaving.peek().has(domain.id)) return destroyNow(session);
  const wasPaused = domain.state === 'p';
  const timer = setTimeout(() => destroyNow(session), KEEP_SECONDS * 1000);
  const entry = { seconds: KEEP_SECONDS, timer, wasPaused, stands: false };
  leaving.value = new Map(leaving.peek()).set(domain.id, entry);
  // Also where the list says that it is paused: somebody may have let it run since.
  void command('pause', domain).then(() => {
    entry.stands = true;
  });
}

export function destroyNow(session: DomainSession): void {
  stopLeaving(session.id);
  if (!session.gone.peek()) void command('destroy', session.info.peek());
}

/** It goes on as before. */
export function keepGuest(session: DomainSession): void {
  if (stopLeaving(session.id)?.wasPaused === false && !session.over) void command('unpause', session.info.peek());
}

/** Definitions that are deleted unless somebody keeps them, by name. */
export const deleting = signal<ReadonlyMap<string, ReturnType<typeof setTimeout>>>(new Map());

/** Deletes a definition after some seconds in which a person may think again; at once where it is asked for twice. */
export function deleteDefinition(name: string): void {
  if (deleting.peek().has(name)) return deleteNow(name);
  deleting.value = new Map(deleting.peek()).set(
    name,
    setTimeout(() => deleteNow(name), KEEP_SECONDS * 1000),
  );
}

function deleteNow(name: string): void {
  keepDefinition(name);
  void asTask(commandOf('delete', name), () => host.delete(name, false, true));
}

/** It stays. */
export function keepDefinition(name: string): void {
  clearTimeout(deleting.peek().get(name));
  const next = new Map(deleting.peek());
  next.delete(name);
  deleting.value = next;
}
