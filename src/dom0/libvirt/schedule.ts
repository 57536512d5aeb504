/**
 * Shares of processor time. Sources: libxlDomainGetSchedulerParametersFlags() and its like of src/libxl/libxl_driver.c, and of QEMU's driver
 * qemuDomainGetSchedulerParametersFlags() and its like of src/qemu/qemu_driver.c.
 */
import { CGROUP, type Shares } from '../../hypervisor/scheduler/index.ts';
import type { CommandHost } from '../toolstack/index.ts';
import { COMMANDS, perform } from '../toolstack/commands/index.ts';
import type { Domain } from '../toolstack/domains/index.ts';
import { activeId } from './domains.ts';
import { failing, LibvirtError } from './errors.ts';
import { type EventParameter, tellOfDomain } from './events/index.ts';
import { checkFlags, LIVE } from './flags.ts';
import { isQemu } from './qemu-driver.ts';

interface Scheduler {
  type: 'credit' | 'posix';
  driver: 'libxl' | 'qemu';
  /** Its parameters in the driver's order, and of which type the value of each is. */
  fields: Readonly<Record<string, 'unsigned' | 'unsignedHyper' | 'hyper'>>;
}

const CREDIT: Scheduler = { type: 'credit', driver: 'libxl', fields: { weight: 'unsigned', cap: 'unsigned' } };
/** A domain's in cgroups. What a vCPU has is all that its domain has, as both share one thread. */
const POSIX: Scheduler = {
  type: 'posix',
  driver: 'qemu',
  fields: {
    cpu_shares: 'unsignedHyper',
    vcpu_period: 'unsignedHyper',
    vcpu_quota: 'hyper',
    global_period: 'unsignedHyper',
    global_quota: 'hyper',
  },
};
const [, WITHOUT_LIMIT] = CGROUP.quotaUs,
  /** What is more is no limit. */
  MOST_QUOTA_US = 2 ** 31 - 1;

export const schedulerOf = (host: CommandHost): Scheduler => (isQemu(host) ? POSIX : CREDIT);

/** By the scheduler's fields, in their order. @throws LibvirtError */
export function sharesOf(host: CommandHost, domain: Domain, flags = 0): Readonly<Record<string, number>> {
  const { type, driver } = schedulerOf(host);
  checkFlags(flags, LIVE, `${driver}DomainGetSchedulerParametersFlags`);
  const { record } = host.unit(activeId(domain));
  const shares = host.queue.shares(record.index);
  if (!shares) throw new LibvirtError('OPERATION_INVALID', `Only '${type}' scheduler is supported`);
  const { weight, cap, periodUs } = shares;
  if (type === 'credit') return { weight, cap };
  const quotaUs = shares.quotaUs === 0 ? WITHOUT_LIMIT : shares.quotaUs;
  return {
    cpu_shares: weight,
    vcpu_period: periodUs,
    vcpu_quota: quotaUs,
    global_period: periodUs,
    global_quota: quotaUs,
  };
}

/** `wanted`: by the scheduler's fields. @throws LibvirtError */
export async function setShares(
  host: CommandHost,
  domain: Domain,
  wanted: Readonly<Record<string, number>>,
  flags = 0,
): Promise<void> {
  const { type, driver } = schedulerOf(host);
  checkFlags(flags, LIVE, `${driver}DomainSetSchedulerParametersFlags`);
  const id = activeId(domain);
  await failing(async () => {
    if (type === 'credit') await perform(host, 'sched-credit', COMMANDS['sched-credit'], { domain: id, ...wanted });
    else host.queue.adjust(host.unit(id).record.index, cgroupShares(wanted));
  });
  if (!isQemu(host)) return;
  const parameters = Object.entries(wanted).map(([field, value]): EventParameter => {
    const kind = field.endsWith('quota') ? 'hyper' : 'unsignedHyper';
    return { field: `cputune.${field}`, value: { kind, value } };
  });
  tellOfDomain(host, domain, { kind: 'tunable', parameters });
}

/** @throws LibvirtError: a value is beyond cgroups' bounds */
function cgroupShares(wanted: Readonly<Record<string, number>>): Shares {
  const shares: Shares = {};
  for (const [field, value] of Object.entries(wanted)) {
    const isQuota = field.endsWith('quota'),
      isPeriod = field.endsWith('period');
    const [least, most] = isPeriod ? CGROUP.periodUs : isQuota ? CGROUP.quotaUs : CGROUP.shares;
    if (!(isQuota && value < 0) && !(value >= least && value <= most))
      throw new LibvirtError('INVALID_ARG', `value of '${field}' is out of range [${least}, ${most}]`);
    if (isPeriod) shares.periodUs = value;
    else if (isQuota) shares.quotaUs = value < 0 || value > MOST_QUOTA_US ? 0 : value;
    else shares.weight = value;
  }
  return shares;
}
