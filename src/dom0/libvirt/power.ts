/**
 * Guests that sleep (S3, S4) and wake up. Source: qemuDomainPMSuspendForDuration() and qemuDomainPMWakeup() of src/qemu/qemu_driver.c of libvirt 9; the driver
 * of libxl has none of both.
 */
import type { Uses } from '../toolstack/index.ts';
import type { Domain } from '../toolstack/domains/index.ts';
import { withAgent } from './agent/index.ts';
import { guestId } from './domains.ts';
import { LibvirtError } from './errors.ts';
import { checkFlags } from './flags.ts';
import { driverOf } from './hypervisors/index.ts';

/** virNodeSuspendTarget. */
export const SLEEP: Readonly<Record<string, number>> = { mem: 0, disk: 1, hybrid: 2 };

/** A guest's agent has it sleep. Here nobody follows a guest that does. @throws LibvirtError */
export async function sleepDomain(
  host: Uses<'toolstack'>,
  domain: Domain,
  target: number,
  seconds: number,
  flags = 0,
): Promise<void> {
  driverOf(host).needsQemu('virDomainPMSuspendForDuration');
  checkFlags(flags, 0, 'qemuDomainPMSuspendForDuration');
  if (seconds !== 0) throw new LibvirtError('ARGUMENT_UNSUPPORTED', 'Duration not supported. Use 0 for now', 'qemu');
  if (!Object.values(SLEEP).includes(target))
    throw new LibvirtError('INVALID_ARG', `Unknown suspend target: ${target}`, 'qemu');
  guestId(domain);
  await withAgent(host, domain, 'virDomainPMSuspendForDuration', async () => {
    throw new LibvirtError('OPERATION_UNSUPPORTED', 'Domain does not have suspend support', 'qemu');
  });
}

/** @throws LibvirtError: none here sleeps */
export async function wakeDomain(host: Uses<'toolstack'>, domain: Domain, flags = 0): Promise<void> {
  driverOf(host).needsQemu('virDomainPMWakeup');
  checkFlags(flags, 0, 'qemuDomainPMWakeup');
  guestId(domain);
  throw new LibvirtError(
    'INTERNAL_ERROR',
    "unable to execute QEMU command 'system_wakeup': Unable to wake up: guest is not in suspended state",
    'qemu',
  );
}
