/** What Domain 0 says when it starts: the hardware that its drivers found, and what it serves. `dmesg` in its shell shows it. */
import type { CommandHost, Uses } from '../command-host.ts';
import type { HostState } from '../../host/state/index.ts';
import { bootWordsOf } from '../hypervisors/boot-words.ts';
import type { HostBoot } from './menu/index.ts';

const SECTOR_BYTES = 512;

/** Lines in the order in which things come up; all of them read from the host as it is. @throws as HostState.files */
export async function domain0Log(
  host: CommandHost,
  { storage }: HostState,
  { dom0CommandLine }: Pick<HostBoot, 'dom0CommandLine'>,
): Promise<string[]> {
  const { hypervisor } = host.toolstack;
  await host.disk.openDevices();
  const { disk } = storage;
  const { serves } = bootWordsOf(hypervisor.kind);
  return [
    ...kernelLines(host, dom0CommandLine),
    ...adapterLines(disk.drivenBy),
    `sda: ${disk.bytes / SECTOR_BYTES} ${SECTOR_BYTES}-byte logical blocks: (${(disk.bytes / 1e9).toFixed(0)} GB/${(disk.bytes / 2 ** 30).toFixed(0)} GiB)`,
    ` sda: ${storage.partitions.map(({ number }) => `sda${number}`).join(' ')}`,
    `The disk is in ${storage.where}${storage.outlivesHost ? '' : ': it is gone with the host'}`,
    `lvm: ${storage.volumes.length} logical volume(s) in volume group "vg0"`,
    serves(host),
    `Managed domains: ${((await host.managed?.list()) ?? []).map(({ name }) => name).join(' ') || 'none'}`,
  ];
}

/** The first of these lines, before the disk is there. */
export function kernelLines(host: Uses<'machine' | 'parts' | 'queue' | 'toolstack'>, given: string): string[] {
  const { services, hypervisor } = host.toolstack,
    { hardware, network } = services;
  const { system, commandLine, booting, kernel } = bootWordsOf(hypervisor.kind);
  return [
    `Ringside ${host.parts.version}, ${system}`,
    `Command line: ${commandLine(given)}`,
    `Booting ${booting(host)}`,
    ...kernel(host),
    ...hardware.list().map(line => `pci 0000:${line}`),
    `e1000: eth0 is up; ${network.bridge.name}: port eth0 is forwarding`,
  ];
}

/** Of the disk's adapter and of the disk, as their driver found them; none where the host has no disk of its own. */
function adapterLines(driver: HostState['storage']['disk']['drivenBy']): string[] {
  if (!driver) return [];
  const { version, slots, disk, bus } = driver;
  return [
    `ahci ${bus}: AHCI ${version}, ${slots} command slots, 1 port`,
    `ata1.00: ${disk.model}, ${disk.firmware}: ${disk.sectors} sectors, NCQ (depth ${Math.min(disk.depth, slots)})`,
  ];
}
