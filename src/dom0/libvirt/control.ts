/**
 * What only libvirt's driver of QEMU does with a domain that runs: its monitor, a non-maskable interrupt, how its process and its disks are. Source:
 * qemuDomainQemuMonitorCommandWithFiles(), qemuDomainInjectNMI(), qemuDomainGetControlInfo() and qemuDomainGetDiskErrors() of src/qemu/qemu_driver.c of libvirt 9.0.
 */
import type { CommandHost, Guest, Uses } from '../toolstack/index.ts';
import { COMMANDS } from '../toolstack/commands/index.ts';
import type { Domain } from '../toolstack/domains/index.ts';
import { askHuman, askMonitor } from '../toolstack/qemu/index.ts';
import { guestId } from './domains.ts';
import { failing, LibvirtError } from './errors.ts';
import { checkFlags } from './flags.ts';
import { driverOf } from './hypervisors/index.ts';

/** VIR_DOMAIN_QEMU_MONITOR_COMMAND_HMP. */
export const HUMAN = 1 << 0;

/** libvirt numbers what it asks of a host's monitors. */
const asked = new WeakMap<CommandHost['toolstack'], number>();

function running(host: Uses<'toolstack'>, domain: Domain): Guest {
  const guest = host.toolstack.members.get(guestId(domain));
  if (!guest || guest.ending) throw new LibvirtError('OPERATION_INVALID', 'domain is not running');
  return guest;
}

/** What a guest's monitor answers: to a command in JSON, or, with HUMAN, to a line. @throws LibvirtError */
export async function monitorCommand(host: CommandHost, domain: Domain, text: string, flags = 0): Promise<string> {
  driverOf(host).needsQemu('virDomainQemuMonitorCommand');
  checkFlags(flags, HUMAN, 'qemuDomainQemuMonitorCommandWithFiles');
  const guest = running(host, domain);
  if ((flags & HUMAN) !== 0) return failing(() => askHuman(host, guest, text));
  const number = (asked.get(host.toolstack) ?? 0) + 1;
  asked.set(host.toolstack, number);
  return failing(async () => JSON.stringify(await askMonitor(host, guest, text, `libvirt-${number}`)));
}

/** One for each of its processors, as QEMU's inject-nmi has it (x86_nmi() of hw/i386/x86.c). @throws LibvirtError */
export async function injectNmi(host: CommandHost, domain: Domain, flags = 0): Promise<void> {
  driverOf(host).needsQemu('virDomainInjectNMI');
  checkFlags(flags, 0, 'qemuDomainInjectNMI');
  const { record } = running(host, domain);
  await failing(async () => {
    for (let vcpu = 0; vcpu < record.vcpus; vcpu++) await COMMANDS.trigger.run(host, record.id, 'nmi', vcpu);
  });
}

/** virDomainControlState. */
export const CONTROL: readonly string[] = ['ok', 'job', 'occupied', 'error'];

/** virDomainControlInfo: of a monitor here nobody waits for an answer. @throws LibvirtError */
export function controlInfo(
  host: CommandHost,
  domain: Domain,
  flags = 0,
): { state: number; details: number; ms: number } {
  driverOf(host).needsQemu('virDomainGetControlInfo');
  checkFlags(flags, 0, 'qemuDomainGetControlInfo');
  running(host, domain);
  return { state: CONTROL.indexOf('ok'), details: 0, ms: 0 };
}

/** virDomainDiskErrorCode. */
export const DISK_ERROR = { UNSPECIFIED: 1, NO_SPACE: 2 };

/** Disks on which a write waits for room, as QEMU's io-status says (werror=enospc, which is its default). @throws LibvirtError */
export function diskErrors(host: CommandHost, domain: Domain, flags = 0): { disk: string; error: number }[] {
  driverOf(host).needsQemu('virDomainGetDiskErrors');
  checkFlags(flags, 0, 'qemuDomainGetDiskErrors');
  const { attachments, blueprint } = running(host, domain),
    { devices } = attachments;
  return blueprint.definition.disks
    .filter(({ target }) => devices.some(({ path, isWaiting }) => isWaiting && path === target))
    .map(({ vdev }) => ({ disk: vdev, error: DISK_ERROR.NO_SPACE }));
}
