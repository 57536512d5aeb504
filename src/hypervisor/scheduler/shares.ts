/** How domains share the slots, and what the scheduler can be set to: options, and why some cannot be. */

export const DEFAULT_WEIGHT = 256;

/** How long an equal waits for its turn, and how long nobody may preempt one that has just begun. */
export interface Parameters {
  tsliceUs: number;
  ratelimitUs: number;
}
export const XEN_PARAMETERS: Parameters = { tsliceUs: 30_000, ratelimitUs: 1000 };
/** cpu.cfs_period_us. */
export const DEFAULT_PERIOD_US = 100_000;

export interface SchedulerOptions {
  /** Slots, 1 to 32. */
  pcpus: number;
  /** A name in POLICIES (credit). */
  policy?: string;
  /** Microseconds, 1000 to 1000000 (credit: 30000). */
  tsliceUs?: number;
  /** Microseconds, 0 or 100 to 500000 (credit: 1000). */
  ratelimitUs?: number;
}

export interface UnitOptions {
  /** Word of machine memory to change and notify. */
  doorbell: number;
  /** Of 256 with Xen; of a host without it cpu.shares, of 1024. */
  weight?: number;
  /** Per cent of one slot, 0: none. */
  cap?: number;
  /** Without Xen: microseconds on a slot that it may use in each period of this many (cpu.cfs_quota_us, cpu.cfs_period_us); 0: as many as there are. */
  quotaUs?: number;
  periodUs?: number;
  /** Where its vCPUs may run, and where they should. */
  hardAffinity?: Affinity;
  softAffinity?: Affinity;
}

/** Bit n: slot n. One for all vCPUs, or one for each; those behind the list's end go anywhere. */
export type Affinity = number | readonly number[];

/** How a domain shares the slots with others, as a definition says it. */
export type Shares = Omit<UnitOptions, 'doorbell'>;
/** The same of a unit that there is. */
export type SharesOfUnit = Required<Shares> & { hardAffinity: number[]; softAffinity: number[] };
/** Those of `from` that are given. */
export function sharesOf({
  weight,
  cap,
  quotaUs,
  periodUs,
  hardAffinity,
  softAffinity,
}: { [key in keyof Shares]?: Shares[key] | undefined }): Shares {
  return {
    ...(weight === undefined ? {} : { weight }),
    ...(cap === undefined ? {} : { cap }),
    ...(quotaUs === undefined ? {} : { quotaUs }),
    ...(periodUs === undefined ? {} : { periodUs }),
    ...(hardAffinity === undefined ? {} : { hardAffinity }),
    ...(softAffinity === undefined ? {} : { softAffinity }),
  };
}

/** Bounds of cgroups, as libvirt has them (cpu.shares; cpu.cfs_period_us, cpu.cfs_quota_us in microseconds). */
export const CGROUP = {
  shares: [2, 262_144],
  periodUs: [1000, 1_000_000],
  /** The most is no limit. */
  quotaUs: [1000, 17_592_186_044_415],
} as const;

/** Why these cannot be the scheduler's parameters, in a sentence (XEN_SYSCTL_CSCHED_TSLICE_*, XEN_SYSCTL_SCHED_RATELIMIT_*); undefined: they can. */
export function parameterProblem({
  tsliceUs = XEN_PARAMETERS.tsliceUs,
  ratelimitUs = XEN_PARAMETERS.ratelimitUs,
}: Partial<Parameters>): string | undefined {
  if (!(tsliceUs >= 1000 && tsliceUs <= 1_000_000))
    return 'The time slice is out of range: a time slice is 1 to 1000 ms.';
  if (ratelimitUs !== 0 && !(ratelimitUs >= 100 && ratelimitUs <= 500_000))
    return 'The rate limit is out of range: it is 100 to 500000 µs, or 0 for none.';
  if (ratelimitUs > tsliceUs)
    return `A rate limit of ${ratelimitUs} µs is longer than the time slice of ${tsliceUs / 1000} ms.`;
  return undefined;
}

/** Why a domain with this many vCPUs cannot have these shares, as libxl says it; undefined: it can. */
export function sharesProblem({ weight, cap }: Shares, vcpus: number): string | undefined {
  if (weight !== undefined && !(Number.isInteger(weight) && weight >= 1 && weight <= 65535))
    return 'Cpu weight out of range, valid values are within range from 1 to 65535.';
  if (cap !== undefined && !(Number.isInteger(cap) && cap >= 0 && cap <= 100 * vcpus))
    return `Cpu cap out of range, valid range is from 0 to ${100 * vcpus} for specified number of vcpus.`;
  return undefined;
}
