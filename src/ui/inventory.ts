/** What the host has next to its running domains, asked for while somebody looks, and the readings of the last hour, which Domain 0 goes on to take meanwhile. */

import { batch, computed, effect, signal } from '@preact/signals';
import type { Inventory, Reading, StateInfo } from '../dom0/service/index.ts';
import { thinned } from '../dom0/service/readings/index.ts';
import { afterPrompt } from './prompt-reached.ts';
import { domains, host, hostsLost, info, living, reportProblem } from './host.ts';
import { hostSystemName } from './hypervisors/of-host.ts';
import { sentence } from './sentence.ts';
import { bySecond, HISTORY_MS, telling } from './readings.ts';
import { foundElsewhere, noteState, state } from './shell-session.ts';
import type { Place } from './place.ts';
import { place } from './navigation.ts';
import { strings } from './strings.ts';

/** Between two looks where counters are shown as they go, and elsewhere, where the tree lists what is there. */
const SHOWN_MS = 1000,
  TREE_MS = 3000;

export const inventory = signal<Inventory | undefined>(undefined);
/** What is defined and does not run. A look at the definitions is older than the last report of the domains: joined here, none ever is in both. */
export const halted = computed(() => {
  const running = new Set(living.value.map(({ name }) => name));
  return (inventory.value?.stored?.defined ?? []).filter(({ name }) => !running.has(name));
});
/** Oldest first. */
export const readings = signal<readonly Reading[]>([]);

/** What this host is called: in a pool as others call it. */
export const hostName = computed(() => inventory.value?.nameInPool ?? strings.hostName);

const part = (percent: number | undefined): number | undefined => (percent === undefined ? undefined : percent / 100);
/** Domain 0's share of a processor, 0 to 1, for its row: a value a second, oldest first. */
export const domain0History = computed(() =>
  bySecond(readings.value, HISTORY_MS / 1000, ({ cpuPercent }) => part(cpuPercent[0])),
);
const latest = computed(() => telling(readings.value).at(-1));
/** The host's clock did not move between the last two looks: nobody ran. */
const stands = signal(false);
/** A domain's share of a processor at the last reading: of the same second for all of them, so that they add up; undefined: it is too new. */
export const partOf = (id: number): number | undefined => part(stands.value ? 0 : latest.value?.cpuPercent[id]);
/** What they make together, in processors; undefined: nothing was read yet. A slice that began before the reading may count whole: never more than there are. */
export const hostPart = computed(() => {
  const percents = Object.values(latest.value?.cpuPercent ?? {});
  return stands.value
    ? 0
    : percents.length === 0
      ? undefined
      : Math.min(info.value?.pcpus ?? Infinity, percents.reduce((sum, percent) => sum + percent, 0) / 100);
});

/** Somebody wants definitions and disk. */
let opens = false;
/** They could not be opened: they are asked for again when somebody does, or another Domain 0 is there. */
let refused = false;
/** The look that goes on: at which Domain 0, and whether another one is wanted after it. */
let going: { lost: number; again: boolean } | undefined;
let lookedAtMs = -Infinity;

/** Definitions and disk may be looked at from now on. */
export function openState(): void {
  if (opens && !refused) return;
  opens = true;
  refused = false;
  void look();
}

/** One look at a time; a caller that wants one meanwhile gets the next. */
export async function look(): Promise<void> {
  const lost = hostsLost.peek();
  // One that ended may never answer.
  if (going?.lost === lost) {
    going.again = true;
    return;
  }
  const mine = (going = { lost, again: false });
  lookedAtMs = performance.now();
  const opening = opens && !refused;
  try {
    const seen = await host.inventory(opening, readings.peek().at(-1)?.atMs ?? -Infinity);
    if (hostsLost.peek() === lost) note(seen);
  } catch (error) {
    // What needs no disk is read on. That Domain 0 ended says nothing about its disk.
    if (hostsLost.peek() === lost && opening) {
      refused = true;
      reportProblem(hostSystemName(), sentence(error));
    }
  }
  if (going !== mine) return;
  going = undefined;
  if (mine.again) void look();
}

function note(seen: Inventory): void {
  const before = inventory.peek();
  batch(() => {
    inventory.value = seen;
    // One in virtual time may have gone back.
    stands.value = before !== undefined && seen.atMs <= before.atMs;
    if (before && seen.atMs < before.atMs) readings.value = readings.peek().filter(({ atMs }) => atMs <= seen.atMs);
    if (seen.stored?.where) noteState(seen.stored.where);
    if (seen.readings.length > 0) readings.value = thinned([...readings.peek(), ...seen.readings], seen.atMs);
  });
}

const showsCounters = ({ kind, tab }: Place): boolean =>
  (kind === 'home' && (tab === 'host' || tab === 'network')) || (kind === 'domain' && tab === 'history');

function lookIfDue(): void {
  // Timers are not exact: half a period is no period.
  const everyMs = showsCounters(place.peek()) ? SHOWN_MS : TREE_MS;
  if (!document.hidden && info.peek() && performance.now() - lookedAtMs > everyMs - SHOWN_MS / 2) void look();
}

/** Begins. `resumed`: what an earlier visit left is open, or known to be another tab's. */
export function followInventory(resumed: Promise<StateInfo | undefined>): void {
  setInterval(lookIfDue, SHOWN_MS);
  document.addEventListener('visibilitychange', lookIfDue);
  place.subscribe(lookIfDue);
  // Opening a shell opens them.
  state.subscribe(known => {
    if (known) openState();
  });
  void resumed.then(known => {
    if (known?.kept) return openState();
    // Another tab has it, and may be gone when somebody asks.
    if (known) {
      foundElsewhere.value = known;
      return;
    }
    // Where an earlier visit left nothing, definitions and disk come behind the first prompt.
    effect(() => {
      if (afterPrompt.value) openState();
    });
  });
  hostsLost.subscribe(lost => {
    if (lost === 0) return;
    going = undefined;
    refused = false;
    batch(() => {
      inventory.value = undefined;
      readings.value = [];
      stands.value = false;
    });
  });
  // A new or ended domain is looked at soon.
  domains.subscribe(() => {
    if (inventory.peek() && !document.hidden) setTimeout(() => void look(), 50);
  });
}
