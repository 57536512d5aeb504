/** Pools for tests of the balancer. */
import type { GuestView, HostView } from './samples.ts';

export const MIB = 2 ** 20;

export const guest = (name: string, slots: number, more: Partial<GuestView> = {}): GuestView => ({
  guest: name,
  slots,
  recentSlots: slots,
  memoryBytes: 64 * MIB,
  dirtyBytesPerSecond: 0,
  rules: {},
  restsUntilMs: 0,
  ...more,
});

/** Of four slots and 1 GiB, of which its guests have theirs. */
export function host(name: string, guests: GuestView[] = [], more: Partial<HostView> = {}): HostView {
  const busySlots = guests.reduce((sum, { slots }) => sum + slots, 0);
  return {
    host: name,
    slots: 4,
    totalBytes: 1024 * MIB,
    freeBytes: (more.totalBytes ?? 1024 * MIB) - guests.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0),
    bytesPerSecond: 20 * MIB,
    isCoordinator: false,
    receives: true,
    isMoving: false,
    busySlots,
    recentSlots: guests.reduce((sum, { recentSlots }) => sum + recentSlots, 0),
    guests,
    ...more,
  };
}
