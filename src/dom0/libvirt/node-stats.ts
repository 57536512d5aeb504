/**
 * What the host and its guests have used, as libvirt's driver of QEMU tells it; that of libxl has none of these. Sources: virHostMemGetStats() of
 * src/util/virhostmem.c, virCgroupGetPercpuStats() of src/util/vircgroup.c, qemuConnectGetSysinfo() of src/qemu/qemu_driver.c of libvirt 9. What Linux counts
 * and nobody here does (buffers, user and system time) is left out.
 */
import type { CommandHost, Uses } from '../toolstack/index.ts';
import type { Domain } from '../toolstack/domains/index.ts';
import { activeId, infoOf } from './domains.ts';
import { LibvirtError } from './errors.ts';
import { checkFlags } from './flags.ts';
import { driverOf } from './hypervisors/index.ts';

/** VIR_NODE_MEMORY_STATS_ALL_CELLS. */
const ALL_CELLS = -1;
const KIB = 1024;

/** Memory of the host's machine, in KiB, by libvirt's words; a cell is a node of NUMA. @throws LibvirtError */
export async function nodeMemory(host: CommandHost, cell = ALL_CELLS, flags = 0): Promise<[string, number][]> {
  driverOf(host).needsQemu('virNodeGetMemoryStats');
  checkFlags(flags, 0, 'virHostMemGetStats');
  if (cell !== ALL_CELLS && cell !== 0)
    throw new LibvirtError('INVALID_FLAGS', 'cellNum in virHostMemGetStats must be less than or equal to 0', 'domain');
  const { memoryMiB, freeMiB } = await host.summary();
  return [
    ['total', memoryMiB * KIB],
    ['free', freeMiB * KIB],
  ];
}

/**
 * Nanoseconds for which a domain ran: of each processor of the host, or of all (`isTotal`). Of several processors nobody counts for which of them it ran.
 * @throws LibvirtError
 */
export function cpuTimes(host: CommandHost, domain: Domain, isTotal: boolean, flags = 0): number[] {
  driverOf(host).needsQemu('virDomainGetCPUStats');
  checkFlags(flags, 0, 'qemuDomainGetCPUStats');
  activeId(domain);
  const { pcpus } = host.queue;
  if (!isTotal && pcpus > 1)
    throw new LibvirtError(
      'OPERATION_UNSUPPORTED',
      `what a domain ran on each of ${pcpus} processors is not counted: ask for the total alone (--total)`,
      'qemu',
    );
  return [Math.floor(infoOf(host, domain).cpuTimeNs)];
}

/** @throws LibvirtError: the host's machine has no tables of SMBIOS */
export function sysinfo(host: Uses<'toolstack'>): never {
  driverOf(host).needsQemu('virConnectGetSysinfo');
  throw new LibvirtError('CONFIG_UNSUPPORTED', 'Host SMBIOS information is not available', 'qemu');
}
