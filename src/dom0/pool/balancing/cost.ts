/**
 * What a move costs, and what it gains, in seconds of a slot. The copy goes as Xen's: all pages, then those that were written meanwhile, until few are left or
 * after some rounds, and the last while the guest is paused (tools/libs/guest/xg_sr_save.c, SPP_MAX_ITERATIONS, SPP_TARGET_DIRTY_COUNT).
 */
import { busyOf, freeOf, type GuestView, type HostView } from './samples.ts';
import type { Settings } from './settings.ts';

const PAGE_BYTES = 4096;
const MOST_ROUNDS = 5;
const FEW_DIRTY_BYTES = 50 * PAGE_BYTES;

export interface MoveCost {
  bytesPerSecond: number;
  dirtyBytesPerSecond: number;
  copyMs: number;
  stopMs: number;
  slotSeconds: number;
}

/** How long the copy takes, and how long of that the guest is paused. */
export function copyTimes(
  memoryBytes: number,
  dirtyBytesPerSecond: number,
  bytesPerSecond: number,
): { copyMs: number; stopMs: number } {
  let dirtyBytes = memoryBytes;
  let sentBytes = 0;
  for (let round = 0; round < MOST_ROUNDS && dirtyBytes >= FEW_DIRTY_BYTES; round++) {
    sentBytes += dirtyBytes;
    dirtyBytes = Math.min(memoryBytes, dirtyBytesPerSecond * (dirtyBytes / bytesPerSecond));
  }
  sentBytes += dirtyBytes;
  const msOf = (bytes: number): number => (bytes / bytesPerSecond) * 1000;
  return { copyMs: msOf(sentBytes), stopMs: msOf(dirtyBytes) };
}

export function costOf(guest: GuestView, from: HostView, to: HostView, { copySlots }: Settings): MoveCost {
  const { memoryBytes, dirtyBytesPerSecond, slots } = guest;
  const bytesPerSecond = Math.min(from.bytesPerSecond, to.bytesPerSecond);
  const { copyMs, stopMs } = copyTimes(memoryBytes, dirtyBytesPerSecond, bytesPerSecond);
  const slotSeconds = (2 * copySlots * copyMs + slots * stopMs) / 1000;
  return { bytesPerSecond, dirtyBytesPerSecond, copyMs, stopMs, slotSeconds };
}

/**
 * Slots by which a host is above where it should be. One that has no memory left is as badly off as one whose slots are all too few.
 * `slots`, `bytes`: what it takes on.
 */
function excessOf(host: HostView, calm: Calm, slots = 0, bytes = 0): number {
  const busy = busyOf(host) + slots / host.slots;
  const free = freeOf(host) - bytes / host.totalBytes;
  return host.slots * (Math.max(0, busy - calm.busy) + Math.max(0, 1 - free / calm.free));
}

/** Where relief ends. */
export interface Calm {
  busy: number;
  free: number;
}

/** What a move makes better of both hosts, if the load stays as it is while the guest rests there. */
export function benefitOf(guest: GuestView, from: HostView, to: HostView, calm: Calm, { restMs }: Settings): number {
  const { slots, memoryBytes } = guest;
  const gained = excessOf(from, calm) - excessOf(from, calm, -slots, -memoryBytes);
  const lost = excessOf(to, calm, slots, memoryBytes) - excessOf(to, calm);
  return ((gained - lost) * restMs) / 1000;
}
