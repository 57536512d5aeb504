/**
 * Running guests are saved every few minutes where somebody wants that, with their disks, and can go on from there after a reload. A checkpoint is a snapshot
 * (xl snapshot), and the one before it goes when the new one is whole. Nothing is saved as the page closes: there is no time for it.
 */
import { effect, signal } from '@preact/signals';
import { CHECKPOINTS } from '../dom0/toolstack/snapshots/index.ts';
import type { Checkpoint, NamedFile } from '../dom0/service/index.ts';
import { host, living } from './host.ts';
import { sentence } from './sentence.ts';
import { inventory, look } from './inventory.ts';
import { filesAtHand, remembered } from './reopen.ts';
import { saveEvery } from './settings.ts';
import { openDomain } from './navigation.ts';

/** A guest that is being saved now. */
export const saving = signal<string | undefined>(undefined);
/** Why a guest could not be saved, or did not go on from its checkpoint, by its name. */
export const problems = signal<ReadonlyMap<string, string>>(new Map());

function note(name: string, problem?: string): void {
  const next = new Map(problems.peek());
  if (problem === undefined) next.delete(name);
  else next.set(name, problem);
  problems.value = next;
}

/** Guests that run now, by name. */
export const running = (): string[] => living.value.map(({ name }) => name);

/** Those of guests that do not run. */
export const waiting = (): Checkpoint[] => {
  const names = new Set(running());
  const latest = new Map((inventory.value?.stored?.checkpoints ?? []).toReversed().map(each => [each.domain, each]));
  return [...latest.values()].filter(({ domain }) => !names.has(domain));
};

/** When a guest was saved last; undefined: not yet. */
export const savedMs = (name: string): number | undefined =>
  inventory.value?.stored?.checkpoints.find(({ domain }) => domain === name)?.savedMs;

async function saveOne(name: string): Promise<void> {
  const before = (await host['snapshot-list'](name))
    .map(record => record.name)
    .filter(each => (CHECKPOINTS as readonly string[]).includes(each));
  // Both are there where the page ended between the new one and the old one's end.
  for (const old of before.splice(0, before.length - 1)) await host['snapshot-delete'](name, old);
  await host.snapshot(
    name,
    CHECKPOINTS.find(each => !before.includes(each)),
  );
  for (const old of before) await host['snapshot-delete'](name, old);
}

/** Saves all guests that run, one after the other. */
export async function saveAll(): Promise<void> {
  if (saving.peek() !== undefined) return;
  try {
    for (const name of running()) {
      saving.value = name;
      await saveOne(name).then(
        () => note(name),
        error => note(name, sentence(error)),
      );
    }
  } finally {
    saving.value = undefined;
  }
  await look();
}

/** Has a guest go on from its checkpoint; `images`: files for its drives that the page cannot open by itself. */
export async function goOn({ domain, name }: Checkpoint, images: readonly NamedFile[] = []): Promise<void> {
  try {
    const known = remembered.peek().find(each => each.name === domain);
    const made = await host.revert(domain, name, [...images, ...(known ? await filesAtHand(known) : [])]);
    note(domain);
    if (made) openDomain(made);
  } catch (error) {
    note(domain, sentence(error));
  }
}

export async function forget({ domain, name }: Checkpoint): Promise<void> {
  await host['snapshot-delete'](domain, name).then(
    () => note(domain),
    error => note(domain, sentence(error)),
  );
  await look();
}

/** When they are saved next, by the browser's clock; undefined: when somebody asks. */
export const nextMs = signal<number | undefined>(undefined);

let follows = false;
/** Saves at intervals from now on, as long and as often as is wanted. */
export function follow(): void {
  if (follows) return;
  follows = true;
  effect(() => {
    const everyMs = saveEvery.value * 60_000;
    const plan = (): void => {
      nextMs.value = everyMs === 0 ? undefined : Date.now() + everyMs;
    };
    plan();
    if (everyMs === 0) return;
    const timer = setInterval(() => {
      plan();
      void saveAll();
    }, everyMs);
    return () => clearInterval(timer);
  });
}
