/**
 * The hypervisor's start on a host: what its command line makes of the host's definition, and what its log says of that.
 * Source of the log's words: __start_xen() in xen/arch/x86/setup.c, start_vmx(), scheduler_init() and cmdline_parse() of Xen 4.17.
 */
import { XEN_EXTRA, XEN_MAJOR, XEN_MINOR } from '../../../hypervisor/interfaces/xen/index.ts';
import type { Spellings } from '../hypervisors/spelling.ts';
import type { Hypervisor } from '../hypervisors/hypervisor.ts';
import { ofXen } from '../hypervisors/of-xen.ts';
import { xenLife } from '../hypervisors/xen-life.ts';
import { type HostDefinition, LEAST_MEMORY_MIB } from './host-definition.ts';
import { HypervisorLog } from './hypervisor-log.ts';
import type { Kind } from '../../../hypervisor/kinds/index.ts';
import type { ManagedFolders } from '../managed/folders.ts';
import { readXenOptions, XEN_SCHEDULERS, type XenOptions } from './xen-options.ts';

/** A hypervisor that has started, before there are domains. */
export interface StartedHypervisor extends Hypervisor {
  host: HostDefinition;
  /** Xen's, as the boot loader gave it; the kernel's where the hypervisor is in there. */
  commandLine: string;
  options: XenOptions;
  /** Why it runs no guests of this kind; undefined: it does. Absent: it runs all kinds. */
  refusal?(kind: Kind): string | undefined;
  /** A real host with it would have no KVM, which guests find here. */
  addsKvm?: true;
  /** Where definitions are; absent: where xl has them. */
  folders?: ManagedFolders;
  /** What the page calls the system that drives the devices. */
  systemName: 'Domain-0' | 'host system';
  /** Guests are processes of that system. */
  processes?: true;
  /** It uses VT-x: the host has it, and the command line leaves it on. */
  hasVt: boolean;
  /** Domain 0's own; 0: what its drivers take. */
  dom0MemoryMiB: number;
  log: HypervisorLog;
  /** Commands as its tools have them: those at least that a first guest needs. */
  spellings: Partial<Spellings>;
}

const SCHEDULERS: Record<string, string> = { credit: 'SMP Credit Scheduler', rr: 'Round Robin Scheduler' };
const DEFAULT_POLICY = 'credit';
/** Domain 0's software is one worker. */
const DOM0_VCPUS = 1;
/** What dom0_mem leaves to guests. */
const GUESTS_MIB = 32;

/** Starts Xen on a host. Never fails: what is wrong on the command line is in the log, and the default counts. */
export function startXen(host: HostDefinition, commandLine: string, version: string): StartedHypervisor {
  const { problems, ...options } = readXenOptions(commandLine);
  const log = new HypervisorLog();
  log.threshold = options.loglvl ?? log.threshold;
  log.guestThreshold = options.guestLoglvl ?? log.guestThreshold;
  log.print('warning', `Xen version ${XEN_MAJOR}.${XEN_MINOR}${XEN_EXTRA} (Ringside ${version}) debug=n`);
  log.print('warning', `Command line: ${commandLine}`);
  for (const word of options.unknown) log.print('warning', `parameter "${word.split('=')[0]}" unknown!`);
  for (const { xen, sentence } of problems) {
    log.print('warning', xen);
    if (sentence !== xen) log.print('warning', sentence);
  }
  log.print('warning', `System RAM: ${host.memoryMiB}MB (${host.memoryMiB * 1024}kB)`);
  const hasVt = host.vt && !options.noVmx;
  if (hasVt) {
    log.print('info', 'HVM: VMX enabled');
    log.print('info', 'HVM: Hardware Assisted Paging (HAP) detected');
  } else
    log.print(
      'warning',
      host.vt
        ? 'HVM: VMX is hidden by cpuid=no-vmx; only paravirtual guests can run'
        : 'HVM: the processors have no VMX; only paravirtual guests can run',
    );
  if (options.hvmFep) {
    // As Xen warns: it is for tests of its emulator.
    log.print('warning', '*** WARNING: HVM FORCED EMULATION PREFIX IS AVAILABLE ***');
    if (!hasVt) log.print('warning', 'hvm_fep has no effect: there are no HVM guests.');
  }
  const policy = options.scheduler.policy ?? DEFAULT_POLICY;
  log.print('warning', `Using scheduler: ${SCHEDULERS[policy] ?? policy} (${policy})`);
  log.print('info', `Schedulers of this build: ${XEN_SCHEDULERS.join(', ')}`);
  log.print('warning', `Brought up ${host.pcpus} CPUs`);
  log.print('info', `Dom0 has maximum ${DOM0_VCPUS} VCPUs`);
  if ((options.dom0MaxVcpus ?? DOM0_VCPUS) > DOM0_VCPUS)
    log.print('warning', `dom0_max_vcpus=${options.dom0MaxVcpus}: Domain 0 is one worker, and has one vCPU`);
  const dom0MemoryMiB = memoryOf(options.dom0MemoryMiB ?? 0, host, log);
  if (options.noReboot) log.print('info', 'noreboot: a fault of Domain 0 leaves the host stopped');
  return {
    ...ofXen,
    addsKvm: true,
    systemName: 'Domain-0',
    host,
    commandLine,
    options,
    hasVt,
    dom0MemoryMiB,
    log,
    spellings: xenLife,
  };
}

/** What dom0_mem asks for, as far as there is memory. */
function memoryOf(askedMiB: number, { memoryMiB }: HostDefinition, log: HypervisorLog): number {
  const most = Math.max(0, memoryMiB - Math.max(GUESTS_MIB, LEAST_MEMORY_MIB / 2));
  if (askedMiB > most)
    log.print('warning', `dom0_mem=${askedMiB}M is more than the host can give: Domain 0 has ${most} MiB`);
  const given = Math.min(askedMiB, most);
  if (given > 0) log.print('warning', `Dom0 has ${given * 256} pages of its own (${given} MiB)`);
  return given;
}
