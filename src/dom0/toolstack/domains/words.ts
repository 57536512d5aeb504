/**
 * States of domains, why they are in them, and jobs, in libvirt's words.
 * Source: include/libvirt/libvirt-domain.h (virDomainState, virDomain*Reason, virDomainJobType, virDomainJobOperation), tools/virsh-domain-monitor.c and
 * virsh-domain.c of libvirt 9 for their spelling.
 */
export const REASONS = {
  running: [
    'unknown',
    'booted',
    'migrated',
    'restored',
    'from snapshot',
    'unpaused',
    'migration canceled',
    'save canceled',
    'event wakeup',
    'crashed',
    'post-copy',
  ],
  paused: [
    'unknown',
    'user',
    'migrating',
    'saving',
    'dumping',
    'I/O error',
    'watchdog',
    'from snapshot',
    'shutting down',
    'creating snapshot',
    'crashed',
    'starting up',
    'post-copy',
    'post-copy failed',
  ],
  'in shutdown': ['unknown', 'user'],
  'shut off': ['unknown', 'shutdown', 'destroyed', 'crashed', 'migrated', 'saved', 'failed', 'from snapshot', 'daemon'],
  crashed: ['unknown', 'panicked'],
} as const;

export type Reason<State extends keyof typeof REASONS> = (typeof REASONS)[State][number];

/** What a domain does, and why. */
export type Status = { [State in keyof typeof REASONS]: { state: State; reason: Reason<State> } }[keyof typeof REASONS];

/** What a job is about (virDomainJobOperation). */
export type JobOperation =
  | 'Save'
  | 'Restore'
  | 'Dump'
  | 'Snapshot'
  | 'Snapshot revert'
  | 'Outgoing migration'
  | 'Incoming migration';

/** A job under way, or the last one that there was (virDomainJobInfo). Bytes are of the file or volume that it writes, as far as their number is known. */
export interface JobInfo {
  type: 'None' | 'Bounded' | 'Unbounded' | 'Completed' | 'Failed' | 'Cancelled';
  operation: JobOperation;
  elapsedMs: number;
  dataBytes?: { processed: number; total: number };
  /** Of a migration. */
  memory?: JobMemory;
}

/** Memory of a guest that runs before all of it has come: frames that were left behind, and how many have come; those that somebody represented, and how long. */
export interface PostcopyCounts {
  frames: number;
  came: number;
  faults: number;
  /** Of all of them together, and the longest; where the guest is. */
  latencyMs: number;
  longestMs: number;
}

/** How far a domain's memory is on its way (virDomainJobInfo, VIR_DOMAIN_JOB_MEMORY_* of libvirt-domain.h). */
export interface JobMemory {
  processedBytes: number;
  remainingBytes: number;
  totalBytes: number;
  /** Rounds begun, the first among them. */
  iteration: number;
  /** Frames of each round so far. */
  rounds: readonly number[];
  /** Of each round behind the first, what part of each sixty-fourth of memory was written meanwhile. */
  written?: readonly (readonly number[])[];
  /** Bytes that went while it was paused, once it has moved. */
  restBytes?: number;
  /** Frames that are written a second, as the last round tells; absent: there was none to tell by. */
  dirtyFramesPerSecond?: number;
  bytesPerSecond?: number;
  /** How long it was paused, and how long all of it took, once it has moved. */
  downtimeMs?: number;
  totalMs?: number;
  /** It runs there already; absent: all of it goes before. Times are known where it runs alone. */
  postcopy?: PostcopyCounts;
}
