/** What passes between a balloon (balloon.ts) and the host. */

/** Statistics that there are: swapped in and out, faults, memory free, in all, available, caches, huge pages. */
export const STAT_TAGS = 10;

/** What a balloon holds, as it reports it. */
export interface BalloonReport {
  /** A driver drives it. */
  isDriven: boolean;
  pages: number;
  /** By tag; undefined: the driver has said nothing of it. Absent: no statistics have come. */
  stats?: { nowNs: number; values: readonly (bigint | undefined)[] };
}

/** What is wanted of a balloon; what is absent stays. */
export interface BalloonWish {
  pages?: number;
  /** Between two statistics, in seconds; 0: none are asked for. */
  periodS?: number;
}
