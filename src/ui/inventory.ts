/** What the host has beside its running domains, asked for once a second while somebody looks, and the readings of the last minute. */

import { batch, computed, effect, signal } from '@preact/signals';
import type { Inventory, StateInfo } from '../dom0/index.ts';
import { domains, host, hostsLost, info, reportProblem, sentence } from './host.ts';
import { sessions } from './sessions.ts';
import { learnState, state } from './shell-session.ts';

/** A reading a second, for a minute. */
export const READING_MS = 1000,
  READINGS = 61;
/** Where an earlier visit left nothing, definitions and disk are opened when a guest has its first prompt, or after this time. */
const QUIET_MS = 4000;

/** One look at the host. Per cent of one processor and MiB by domain id; bytes that guests sent and got in this second. */
export interface Reading {
  atMs: number;
  cpuPercent: Readonly<Record<number, number>>;
  memoryMiB: Readonly<Record<number, number>>;
  freeMiB: number;
  sentBytes: number;
  gotBytes: number;
}

export const inventory = signal<Inventory | undefined>(undefined);
/** Oldest first. */
export const readings = signal<readonly Reading[]>([]);

/** Domain 0's share of a processor, 0 to 1, for its row: oldest first. */
export const domain0History = computed(() => readings.value.map(({ cpuPercent }) => (cpuPercent[0] ?? 0) / 100));

let opens = false;
let failed = '';

/** Definitions and disk may be looked at from now on. */
export function openState(): void {
  if (opens) return;
  opens = true;
  void look();
}

async function look(): Promise<void> {
  try {
    const seen = await host.inventory(opens);
    if (seen.stored && !state.peek()) void learnState();
    failed = '';
    note(seen);
  } catch (error) {
    // Told once; what needs no disk is read on.
    if (opens && failed !== sentence(error)) reportProblem('Domain-0', sentence(error));
    failed = sentence(error);
    opens = false;
  }
}

function note(seen: Inventory): void {
  const before = inventory.peek(), machine = info.peek();
  const all = readings.peek();
  batch(() => {
    inventory.value = seen;
    if (!before || !machine || seen.atMs <= before.atMs) return;
    readings.value = [...all.slice(1 - READINGS), readingOf(before, seen, machine.freeMiB)];
  });
}

function readingOf(before: Inventory, seen: Inventory, freeMiB: number): Reading {
  const ns = (seen.atMs - before.atMs) * 1e6;
  const percent = (from: number | undefined, to: number): number => (from === undefined ? 0 : Math.max(0, (100 * (to - from)) / ns));
  const ports = (of: Inventory) => of.bridge.ports.filter(({ name }) => name.startsWith('vif'));
  const sum = (of: Inventory, what: 'rxBytes' | 'txBytes'): number => ports(of).reduce((total, port) => total + port[what], 0);
  return {
    atMs: seen.atMs,
    cpuPercent: { 0: percent(before.domain0.runNs, seen.domain0.runNs), ...Object.fromEntries(Object.entries(seen.runNs).map(([id, runNs]) => [id, percent(before.runNs[Number(id)], runNs)])) },
    memoryMiB: { 0: seen.domain0.memoryMiB, ...Object.fromEntries(domains.peek().filter(({ state }) => !'-s'.includes(state)).map(({ id, memoryMiB }) => [id, memoryMiB])) },
    freeMiB,
    sentBytes: Math.max(0, sum(seen, 'rxBytes') - sum(before, 'rxBytes')),
    gotBytes: Math.max(0, sum(seen, 'txBytes') - sum(before, 'txBytes')),
  };
}

/** Begins. `resumed`: what an earlier visit left is open, or known to be another tab's. */
export function followInventory(resumed: Promise<StateInfo | undefined>): void {
  setInterval(() => { if (!document.hidden && info.peek()) void look(); }, READING_MS);
  // Whoever opens a shell has opened them.
  state.subscribe(known => { if (known) openState(); });
  void resumed.then(known => {
    if (known?.kept) return openState();
    // Another tab has it, and may be gone when somebody asks.
    if (known) return;
    const stop = effect(() => { if ([...sessions.value.values()].some(({ spoke }) => spoke.value)) openState(); });
    setTimeout(() => { stop(); openState(); }, QUIET_MS);
  });
  hostsLost.subscribe(lost => {
    if (lost === 0) return;
    batch(() => { inventory.value = undefined; readings.value = []; });
  });
  // A new or ended domain is looked at soon.
  domains.subscribe(() => { if (inventory.peek()) setTimeout(() => void look(), 50); });
}
