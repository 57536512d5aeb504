/** Shares of processor time. Source: libxlDomainGetSchedulerParametersFlags() and its like of src/libxl/libxl_driver.c. */
import type { CommandHost } from '../command-host.ts';
import { COMMANDS, perform } from '../commands/index.ts';
import type { Domain } from '../domains/index.ts';
import { activeId } from './domains.ts';
import { failing, LibvirtError } from './errors.ts';
import { checkFlags, LIVE } from './flags.ts';

export const SCHEDULER = 'credit';

/** @throws LibvirtError */
export function sharesOf(host: CommandHost, domain: Domain, flags = 0): { weight: number; cap: number } {
  checkFlags(flags, LIVE, 'libxlDomainGetSchedulerParametersFlags');
  const { record } = host.unit(activeId(domain));
  const shares = host.queue.shares(record.index);
  if (!shares) throw new LibvirtError('OPERATION_INVALID', "Only 'credit' scheduler is supported");
  return { weight: shares.weight, cap: shares.cap };
}

/** @throws LibvirtError */
export async function setShares(
  host: CommandHost,
  domain: Domain,
  shares: { weight?: number; cap?: number },
  flags = 0,
): Promise<void> {
  checkFlags(flags, LIVE, 'libxlDomainSetSchedulerParametersFlags');
  const id = activeId(domain);
  await failing(() => perform(host, 'sched-credit', COMMANDS['sched-credit'], { domain: id, ...shares }));
}
