/** What hosts tell of themselves, and what the balancer sees of that: averages, and guests on the hosts where they run. */

export interface GuestRules {
  /** The host that it is to run on. */
  pinned?: string;
  /** Groups whose guests share a host. */
  together?: readonly string[];
  /** Groups of which each guest has a host to itself. */
  apart?: readonly string[];
}

export interface GuestSample {
  guest: string;
  /** What it takes of its host's slots: 1 is one slot that is never idle. */
  busySlots: number;
  memoryBytes: number;
  dirtyBytesPerSecond: number;
  rules?: GuestRules;
}

export interface HostSample {
  host: string;
  /** By the balancer's clock. */
  atMs: number;
  slots: number;
  /** The share of its slots that is busy, Domain 0's work with it. */
  busy: number;
  totalBytes: number;
  freeBytes: number;
  /** What its link to other hosts carries. */
  bytesPerSecond: number;
  isCoordinator?: boolean;
  /** False: it takes no guests of others. */
  receives?: boolean;
  /** Why it gives and takes nothing: it is leaving, or its clock is virtual. */
  aside?: string;
  guests: readonly GuestSample[];
}

export interface GuestView extends Omit<GuestSample, 'busySlots'> {
  /** Averages: of the last seconds, and weighed with those before. */
  recentSlots: number;
  slots: number;
  rules: GuestRules;
  /** Until when it stays after a move. */
  restsUntilMs: number;
}

export interface HostView extends Omit<HostSample, 'busy' | 'atMs' | 'guests' | 'receives' | 'isCoordinator'> {
  isCoordinator: boolean;
  receives: boolean;
  /** A guest comes or goes. */
  isMoving: boolean;
  /** Of its slots, those that are busy: averages, by what its guests of now have done, wherever that was. */
  recentSlots: number;
  busySlots: number;
  guests: GuestView[];
}

export interface PoolView {
  nowMs: number;
  hosts: HostView[];
}

export const busyOf = ({ busySlots, slots }: HostView): number => busySlots / slots;
export const recentBusyOf = ({ recentSlots, slots }: HostView): number => recentSlots / slots;
export const freeOf = ({ freeBytes, totalBytes }: HostView): number => freeBytes / totalBytes;
