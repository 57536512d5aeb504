/**
 * What a domain's moves to other hosts may take: bytes a second, and how long it may be paused. Source: virDomainMigrateSetMaxSpeed() and
 * virDomainMigrateSetMaxDowntime() of libvirt 9, with what its driver of QEMU has where nobody has said anything.
 */

export interface MoveLimits {
  /** MiB a second; QEMU's most, and 0: as fast as it goes. */
  speedMiB: number;
  /** Undefined: nobody has said. */
  downtimeMs?: number;
}

/** QEMU_DOMAIN_MIG_BANDWIDTH_MAX: what is more in bytes is no number of 63 bits. */
export const MOST_SPEED_MIB = Math.floor(2 ** 63 / 2 ** 20) - 1;
/** As QEMU has it (MAX_MIGRATE_DOWNTIME), and what it has at first. */
export const MOST_DOWNTIME_MS = 2_000_000,
  DOWNTIME_MS = 300;

/** By the host, and there by the domain's name, as its jobs are. */
const limits = new WeakMap<object, Map<string, MoveLimits>>();

export const limitsOf = (toolstack: object, name: string): Readonly<MoveLimits> =>
  limits.get(toolstack)?.get(name) ?? { speedMiB: MOST_SPEED_MIB };

/** Also of a move that is under way. */
export function limit(toolstack: object, name: string, some: Partial<MoveLimits>): void {
  const all = limits.get(toolstack) ?? new Map<string, MoveLimits>();
  limits.set(toolstack, all.set(name, { ...limitsOf(toolstack, name), ...some }));
}

/** Undefined: as fast as it goes. */
export const bytesPerSecondOf = (toolstack: object, name: string): number | undefined => {
  const { speedMiB } = limitsOf(toolstack, name);
  return speedMiB === 0 || speedMiB >= MOST_SPEED_MIB ? undefined : speedMiB * 2 ** 20;
};

/** Who is called so next has none. */
export const forgetLimits = (toolstack: object, name: string): void => void limits.get(toolstack)?.delete(name);
