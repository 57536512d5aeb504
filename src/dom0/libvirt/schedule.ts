/**
 * Shares of processor time. Sources: libxlDomainGetSchedulerParametersFlags() and its like of src/libxl/libxl_driver.c, and of QEMU's driver
 * qemuDomainGetSchedulerParametersFlags() and its like of src/qemu/qemu_driver.c.
 */
import type { CommandHost, Uses } from '../toolstack/index.ts';
import type { Domain } from '../toolstack/domains/index.ts';
import { activeId } from './domains.ts';
import { failing, LibvirtError } from './errors.ts';
import { type EventParameter, tellOfDomain } from './events/index.ts';
import { checkFlags, LIVE } from './flags.ts';
import { driverOf, functionOf } from './hypervisors/index.ts';

/** Its parameters in the driver's order. */
export const schedulerOf = (host: Uses<'toolstack'>) => driverOf(host).scheduler;

/** By the scheduler's fields, in their order. @throws LibvirtError */
export function sharesOf(host: CommandHost, domain: Domain, flags = 0): Readonly<Record<string, number>> {
  const { type, read } = schedulerOf(host);
  checkFlags(flags, LIVE, functionOf(host, 'DomainGetSchedulerParametersFlags'));
  const { record } = host.domains.unit(activeId(domain));
  const shares = host.queue.shares(record.index);
  if (!shares) throw new LibvirtError('OPERATION_INVALID', `Only '${type}' scheduler is supported`);
  return read(shares);
}

/** `wanted`: by the scheduler's fields. @throws LibvirtError */
export async function setShares(
  host: CommandHost,
  domain: Domain,
  wanted: Readonly<Record<string, number>>,
  flags = 0,
): Promise<void> {
  checkFlags(flags, LIVE, functionOf(host, 'DomainSetSchedulerParametersFlags'));
  const id = activeId(domain);
  await failing(() => schedulerOf(host).adjust(host, id, wanted));
  const parameters = Object.entries(wanted).map(([field, value]): EventParameter => {
    const kind = field.endsWith('quota') ? 'hyper' : 'unsignedHyper';
    return { field: `cputune.${field}`, value: { kind, value } };
  });
  tellOfDomain(host, domain, { kind: 'tunable', parameters });
}
