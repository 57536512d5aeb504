/** The host and its hypervisor: what they are, and what the host is to be. */
import { type CpuidAnswer, cpuid, featuresOf } from '../../../cpu/architecture/index.ts';
import { TSC_HZ } from '../../../hypervisor/domain/index.ts';
import {
  CHANGESET,
  guestKinds,
  PV_VIRT_START,
  XEN_EXTRA,
  XEN_MAJOR,
  XEN_MINOR,
} from '../../../hypervisor/interfaces/xen/index.ts';
import type { HostInfo } from '../wire.ts';
import { describeHost, keepHostWords, keptHostWords, readKeptHost } from '../boot/index.ts';
import type { CommandHost, Uses } from '../command-host.ts';
import { commandOf } from '../hypervisors/command/command-value.ts';
import { command, Refusal } from './command.ts';
import { readWords } from './words.ts';

/** CPUID leaf 1, ECX. */
const VMX = 1 << 5;
/**
 * What uname(2) of Domain 0 calls the machine. Domain 0 is paravirtual, and paravirtual kernels have 32 bits: so a Xen of 64 bits shows them no long mode
 * (recalculate_cpuid_policy() of xen/arch/x86/cpu-policy.c), and libvirt takes its host's architecture from here. What the processors have is in hw_caps.
 */
export const MACHINE = 'i686';

export const info = command({
  summary: 'Get information about Xen host',
  usage: '[-n] [Key]',
  options: [['-n, --numa', 'List host NUMA topology information']],
  run: (host: Uses<'summary'>): Promise<HostInfo> => host.summary(),
  xl: async ({ host, words }, run) => {
    const { options, rest } = readWords(words, { flags: 'n', long: { numa: 'n' } });
    const facts = await run();
    const values = hostFacts(host, facts);
    if (rest[0] !== undefined) return values.has(rest[0]) ? `${values.get(rest[0])}\n` : '';
    const rows = [...values].map(([key, value]) => `${key.padEnd(23)}: ${value}\n`);
    // Between what the machine and what the hypervisor is.
    if (options.has('n')) rows.splice([...values.keys()].indexOf('xen_major'), 0, topology(facts));
    return rows.join('');
  },
});

export const hostSet = command({
  summary: 'Show or change the settings of the host for its next boot',
  usage: '[pcpus=N] [memory=MIB] [vt=on|off]',
  modifies: true,
  /** What it has now, and what it will; the device suggests what nobody has set. `words`: as --host and ?host= take them, which count more. */
  run: async (host: CommandHost, words: readonly string[] = []): Promise<{ now: string; next: string }> => {
    const { own: files } = host.files;
    if (!files) throw new Refusal('This Domain 0 cannot store files, so it cannot keep settings.');
    const now = describeHost(host.toolstack.hypervisor.host);
    if (words.length === 0) {
      const kept = await keptHostWords(files);
      return { now, next: readKeptHost(kept).problem ?? kept };
    }
    return host.tasks.run(commandOf('host-set', undefined, { words }), async task => {
      const next = await keepHostWords(files, words);
      task.message = `From the next boot on: ${next}.`;
      return { now, next };
    });
  },
  xl: async ({ words }, run) => {
    const { now, next } = await run(readWords(words).rest);
    return `${'now'.padEnd(23)}: ${now}\n${'next boot'.padEnd(23)}: ${next === '' ? 'as the device suggests' : next}\n`;
  },
});

/** output_topologyinfo() and output_numainfo(): one socket, one node. */
function topology({ pcpus, memoryMiB, freeMiB }: HostInfo): string {
  const cpus = Array.from(
    { length: pcpus },
    (_, cpu) =>
      `${String(cpu).padStart(3)}:    ${String(cpu).padStart(4)}     ${'0'.padStart(4)}     ${'0'.padStart(4)}\n`,
  );
  const node = `${'0'.padStart(4)}:    ${String(memoryMiB).padStart(6)}     ${String(freeMiB).padStart(6)}      10\n`;
  return `cpu_topology           :\ncpu:    core    socket     node\n${cpus.join('')}device topology        :\ndevice           node\nNo device topology data available\nnuma_info              :\nnode:    memsize    memfree    distances\n${node}`;
}

/** The rows of `xl info`, in the order of output_xeninfo() and its like in tools/xl/xl_info.c. */
function hostFacts(host: CommandHost, { version, memoryMiB, freeMiB, pcpus }: HostInfo): Map<string, string | number> {
  const { hypervisor: xen } = host.toolstack;
  return new Map<string, string | number>([
    ['host', host.toolstack.identity.name],
    ['release', version],
    ['version', `Ringside ${version}`],
    ['machine', MACHINE],
    ['nr_cpus', pcpus],
    ['max_cpu_id', pcpus - 1],
    ['nr_nodes', 1],
    ['cores_per_socket', pcpus],
    ['threads_per_core', 1],
    ['cpu_mhz', (TSC_HZ / 1e6).toFixed(3)],
    ['hw_caps', hardwareWords(xen.hasVt)],
    ['virt_caps', xen.hasVt ? 'pv hvm hap shadow gnttab-v1 gnttab-v2' : 'pv gnttab-v1 gnttab-v2'],
    ['total_memory', memoryMiB],
    ['free_memory', freeMiB],
    ['sharing_freed_memory', 0],
    ['sharing_used_memory', 0],
    ['outstanding_claims', 0],
    ['free_cpus', 0],
    ['xen_major', XEN_MAJOR],
    ['xen_minor', XEN_MINOR],
    ['xen_extra', XEN_EXTRA],
    ['xen_version', `${XEN_MAJOR}.${XEN_MINOR}${XEN_EXTRA}`],
    ['xen_caps', guestKinds(xen.hasVt)],
    ['xen_scheduler', host.queue.policy.name],
    ['xen_pagesize', 4096],
    ['platform_params', `virt_start=0x${PV_VIRT_START.toString(16)}`],
    ['xen_changeset', CHANGESET],
    ['xen_commandline', xen.commandLine],
    ['cc_compiler', 'TypeScript'],
    ['cc_compile_by', 'ringside'],
    ['cc_compile_domain', ''],
    ['cc_compile_date', ''],
    ['build_id', ''],
    ['xend_config_format', 4],
  ]);
}

/** The eight words of features that Xen knows of the processors: CPUID 1 EDX and ECX, 0x80000001 EDX and ECX, 0xD/1 EAX, 7 EBX and ECX, 0x80000007 EDX. */
function hardwareWords(hasVt: boolean): string {
  const leaf = (number: number): CpuidAnswer => cpuid(number, 0, true, 0, featuresOf('x86-64-v2'));
  const one = leaf(1),
    seven = leaf(7),
    extended = leaf(0x80000001);
  const words = [
    one.edx,
    one.ecx | (hasVt ? VMX : 0),
    extended.edx,
    extended.ecx,
    0,
    seven.ebx,
    seven.ecx,
    leaf(0x80000007).edx,
  ];
  return words.map(word => (word >>> 0).toString(16).padStart(8, '0')).join(':');
}
