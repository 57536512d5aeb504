/** What Domain 0 counts for its viewers: plain facts, as they pass to the page. */

/** A port of the bridge, with its counts as seen from the bridge. */
export interface BridgePortInfo {
  name: string;
  rxPackets: number;
  rxBytes: number;
  txPackets: number;
  txBytes: number;
  dropped: number;
}

/** What a host counts, and its state. */
export interface Counters {
  /** When it was read, milliseconds of the clock that all workers share. */
  atMs: number;
  /** Seconds since the host was booted. */
  upSeconds: number;
  hasVt: boolean;
  scheduler: string;
  domain0: { memoryMiB: number; vcpus: number; runNs: number };
  /** Processor time of guests so far, nanoseconds by domain id. */
  runNs: Record<number, number>;
  /** In virtual time: how far each guest's own clock has come, nanoseconds by domain id; absent: all have one clock. */
  ownNs?: Record<number, number>;
  /** Seconds since each guest was built, by domain id. */
  upSecondsOf: Record<number, number>;
  /** IPv4 addresses of guests' cards, as far as they are known, by domain id; absent: none is. */
  addresses: Record<number, string[]>;
  /** What guests have read and written on their disks so far, bytes by domain id; absent: it has none. */
  disks: Record<number, { read: number; written: number }>;
  bridge: { name: string; ports: BridgePortInfo[]; stations: { mac: string; port: string; ageSeconds: number }[] };
}
