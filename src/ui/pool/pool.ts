/** The pool of this host as Domain 0 has it, looked at while its panel is shown, and what can be done with it. */
import { type CommandValue, commandOf } from '../../dom0/toolstack/hypervisors/command/index.ts';
import { signal } from '@preact/signals';
import type { DiskToMove } from '../../dom0/pool/index.ts';
import type { LookedGuest, LookedHost, PoolLook } from '../../dom0/service/index.ts';
import type { MoveWish } from '../../dom0/toolstack/index.ts';
import { type Action, cloneAction, ofPool } from '../actions.ts';
import { asTask, host } from '../host.ts';
import { sentence } from '../sentence.ts';
import { go } from '../navigation.ts';
import { words } from './words.ts';

/** Between two looks, and while a guest of this host moves. */
const LOOK_MS = 1000,
  MOVING_MS = 250;

/** Null: this host is in no pool; undefined: nobody has looked yet. */
export const pool = signal<PoolLook | null | undefined>(undefined);
/** Why the last look returned nothing: what is shown is of the previous one. */
export const lookProblem = signal<string | undefined>(undefined);
/** Why what was asked for last was not done. */
export const problem = signal<string | undefined>(undefined);
/** A guest of this host that is dragged, by its number. */
export const dragged = signal<LookedGuest | undefined>(undefined);

let isLooking = false,
  lookedMs = -Infinity;

export async function lookAtPool(): Promise<void> {
  if (isLooking) return;
  isLooking = true;
  lookedMs = performance.now();
  try {
    pool.value = (await host.pool('look')) ?? null;
    lookProblem.value = undefined;
  } catch (error) {
    lookProblem.value = sentence(error);
  } finally {
    isLooking = false;
  }
}

/** Looks every this many milliseconds until it is called. */
export function followPool(everyMs = LOOK_MS): () => void {
  void lookAtPool();
  const timer = setInterval(() => {
    const isMoving = pool.peek()?.hosts.some(({ guests }) => guests.some(({ job }) => job));
    if (document.hidden || (!isMoving && performance.now() - lookedMs < everyMs)) return;
    void lookAtPool();
  }, MOVING_MS);
  return () => clearInterval(timer);
}

/** Does something with the pool, and looks at what came of it. */
export async function act(work: () => Promise<unknown>): Promise<void> {
  problem.value = undefined;
  try {
    await work();
  } catch (error) {
    problem.value = sentence(error);
  }
  await lookAtPool();
}

/** Where a typed code or address leads: a code alone is of the hub that this page comes from. */
export const addressOf = (typed: string): string => (/[:#]/.test(typed) ? typed : `${location.origin}/#${typed}`);

/** What the link led here with. */
export const givenCode = (): string => new URLSearchParams(location.search).get('pool') ?? '';

/** The page that the pool's hub serves, and which joins it. */
export function linkInto({ url, code }: PoolLook): string {
  const link = new URL(url.replace(/^ws/, 'http'));
  link.searchParams.set('pool', code ?? '');
  return link.href;
}

export const migrate = ({ id, name }: LookedGuest, to: string, wish: MoveWish = {}): void =>
  void asTask(migrating(name, to, wish), () => host.migrate(id!, to, { ...wish, pings: true })).then(lookAtPool);

export const migrating = (
  name: string,
  to: string,
  { autoConverge, copyStorage, postcopy }: MoveWish = {},
): CommandValue => commandOf('migrate', name, { to, autoConverge, copyStorage, postcopy: postcopy !== undefined });

/** A move of which somebody is to say how. */
export interface AskedMove {
  guest: LookedGuest;
  to: string;
  disks: readonly DiskToMove[];
  /** It is slowed down while it writes faster than its pages go there. */
  slowed: boolean;
}
export const askedMove = signal<AskedMove | undefined>(undefined);

/** Asks how it is to go where it has disks that it cannot go without, or (`always`) in any case. */
export async function send(guest: LookedGuest, to: string, { always = false, slowed = false } = {}): Promise<void> {
  const disks = await host.inspect('move', guest.id!).catch(() => []);
  if (always || disks.some(({ how }) => how === 'copied')) askedMove.value = { guest, to, disks, slowed };
  else migrate(guest, to, slowed ? { autoConverge: true } : {});
}

/** Guests of this host can go there. */
export const isTarget = ({ isMe, isThere, role, facts }: LookedHost): boolean =>
  isThere && !isMe && role !== 'viewer' && facts?.receives !== false;

/** This host is a viewer: its guests go nowhere. */
export const looksOn = (hosts: readonly LookedHost[]): boolean =>
  hosts.some(({ isMe, role }) => isMe && role === 'viewer');

/** Where guests of this host may go. */
export const targetsOf = (hosts: readonly LookedHost[]): LookedHost[] => (looksOn(hosts) ? [] : hosts.filter(isTarget));

/** What can be done with a guest of this host. */
export function guestActions(guest: LookedGuest, hosts: readonly LookedHost[]): Action[] {
  const { id, name } = guest;
  return [
    { name: words.open(name), run: () => go({ kind: 'domain', id: id! }) },
    ...targetsOf(hosts).flatMap(({ name: to }) => [
      ...[false, true].map(slowed => ({
        name: (slowed ? words.migrateSlowed : words.migrateTo)(to),
        command: migrating(name, to, slowed ? { autoConverge: true } : {}),
        run: (): void => void send(guest, to, { slowed }),
      })),
      { name: words.optionsTo(to), run: (): void => void send(guest, to, { always: true }) },
    ]),
    cloneAction(name),
  ];
}

ofPool.runsOn = name =>
  pool.value?.hosts.find(({ isMe, isThere, guests }) => !isMe && isThere && guests.some(guest => guest.name === name))
    ?.name;

/** In the menus of a guest of this host: a move, of which its dialog asks how. */
ofPool.actions = (id, name) => {
  const hosts = pool.value?.hosts ?? [],
    told = hosts.flatMap(({ guests }) => guests).find(each => each.id === id),
    // Of a guest that has just come the pool knows for a moment what it was called on its way.
    guest = told && { ...told, name };
  return !guest
    ? []
    : targetsOf(hosts).map(({ name: to }) => ({
        name: words.moveTo(guest.name, to),
        command: migrating(guest.name, to),
        run: () => {
          go({ kind: 'home', tab: 'pool' });
          void send(guest, to, { always: true });
        },
      }));
};
