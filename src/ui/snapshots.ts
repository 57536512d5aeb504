/** What a person does with snapshots. */

import { type CommandValue, commandOf } from '../dom0/toolstack/hypervisors/command/index.ts';
import { signal } from '@preact/signals';
import { asTask, host } from './host.ts';
import { look } from './inventory.ts';
import { sessions } from './sessions.ts';
import { KEEP_SECONDS } from './leaving.ts';
import { go, keepFiles } from './navigation.ts';

export const takes = (domain: string, name: string, description: string): CommandValue =>
  commandOf('snapshot', domain, { name, description });

/** @throws Error with a sentence */
export async function take(domain: string, name?: string, description?: string): Promise<void> {
  await host.snapshot(domain, name, description || undefined);
  await look();
}

/** Takes a domain back, and shows it where it runs then. Files that this page gave it are given again. @throws Error with a sentence */
export async function goBack(domain: string, snapshot: string): Promise<void> {
  const session = [...sessions.peek().values()].findLast(({ info }) => info.peek().name === domain),
    files = session?.files;
  const made = await host.revert(domain, snapshot, files ?? []);
  await look();
  if (!made) return;
  if (files) keepFiles(made, files);
  go({ kind: 'domain', id: made.id, tab: 'snapshots' });
}

/** Snapshots that are deleted unless somebody keeps them, by `DOMAIN/NAME`. */
export const leavingSnapshots = signal<ReadonlyMap<string, ReturnType<typeof setTimeout>>>(new Map());
const keyOf = (domain: string, name: string): string => `${domain}/${name}`;
export const isLeaving = (domain: string, name: string): boolean => leavingSnapshots.value.has(keyOf(domain, name));

/** Deletes it after some seconds in which a person may think again; at once where it is asked for twice. */
export function forget(domain: string, name: string): void {
  const now = (): void => {
    keepSnapshot(domain, name);
    void asTask(commandOf('snapshot-delete', domain, { snapshot: name }), () =>
      host['snapshot-delete'](domain, name),
    ).then(look);
  };
  if (leavingSnapshots.peek().has(keyOf(domain, name))) return now();
  leavingSnapshots.value = new Map(leavingSnapshots.peek()).set(
    keyOf(domain, name),
    setTimeout(now, KEEP_SECONDS * 1000),
  );
}

/** It stays. */
export function keepSnapshot(domain: string, name: string): void {
  clearTimeout(leavingSnapshots.peek().get(keyOf(domain, name)));
  const next = new Map(leavingSnapshots.peek());
  next.delete(keyOf(domain, name));
  leavingSnapshots.value = next;
}
