/**
 * Files that a kernel has about its processors and its hypervisor, as people and hand-outs read them to see whether KVM is there. Sources: show_cpuinfo() in
 * arch/x86/kernel/cpu/proc.c of Linux 6.1; arch/x86/kvm/vmx/vmx.c for the parameters of kvm_intel.
 */
import { systemOf } from './hypervisors/index.ts';
import { cpuid, featuresOf, TSC_HZ } from '../../cpu/architecture/index.ts';
import type { CommandHost } from '../toolstack/index.ts';

/** Names of Linux (arch/x86/include/asm/cpufeatures.h) that the instruction table has otherwise. */
const LINUX: Readonly<Record<string, string>> = {
  sse3: 'pni',
  clfsh: 'clflush',
  sse41: 'sse4_1',
  sse42: 'sse4_2',
};
const LEAF_ADDRESSES = 0x80000008,
  LEAF_BRAND = 0x80000002;

const textOf = (words: readonly number[]): string =>
  new TextDecoder('latin1').decode(new Uint8Array(Int32Array.from(words).buffer)).replace(/\0[^]*$/, '');
const leaf = (number: number) => cpuid(number, 0, true);

export const hasVmx = (host: CommandHost): boolean => systemOf(host).seesVt && host.toolstack.hypervisor.hasVt;

function cpuinfo(host: CommandHost): string {
  const { eax: last, ebx, ecx, edx } = leaf(0),
    { eax: version } = leaf(1),
    { eax: widths } = leaf(LEAF_ADDRESSES);
  const family = (version >>> 8) & 15,
    isExtended = family === 6 || family === 15;
  const brand = textOf(
    [0, 1, 2].flatMap(i => {
      const part = leaf(LEAF_BRAND + i);
      return [part.eax, part.ebx, part.ecx, part.edx];
    }),
  ).trim();
  const mhz = (TSC_HZ / 1e6).toFixed(3),
    count = systemOf(host).processors(host);
  const flags = [
    ...[...featuresOf()].map(name => LINUX[name] ?? name),
    ...(hasVmx(host) ? ['vmx'] : []),
    ...systemOf(host).cpuFlags,
  ];
  return Array.from({ length: count }, (_, id) =>
    [
      `processor\t: ${id}`,
      `vendor_id\t: ${textOf([ebx, edx, ecx])}`,
      `cpu family\t: ${family === 15 ? family + ((version >>> 20) & 255) : family}`,
      `model\t\t: ${((version >>> 4) & 15) | (isExtended ? ((version >>> 16) & 15) << 4 : 0)}`,
      `model name\t: ${brand}`,
      `stepping\t: ${version & 15}`,
      `cpu MHz\t\t: ${mhz}`,
      ...(count > 1
        ? [`physical id\t: ${id}`, 'siblings\t: 1', 'core id\t\t: 0', 'cpu cores\t: 1', `apicid\t\t: ${id}`]
        : []),
      'fpu\t\t: yes',
      'fpu_exception\t: yes',
      `cpuid level\t: ${last}`,
      'wp\t\t: yes',
      `flags\t\t: ${flags.join(' ')}`,
      `bogomips\t: ${((2 * TSC_HZ) / 1e6).toFixed(2)}`,
      `address sizes\t: ${widths & 255} bits physical, ${(widths >>> 8) & 255} bits virtual`,
      'power management:',
      '',
      '',
    ].join('\n'),
  ).join('');
}

const PARAMETERS = '/sys/module/kvm_intel/parameters/';

/** What a file reads as; undefined: there is none. '' for a device, which is opened and not read. */
export function kernelFile(host: CommandHost, path: string): string | undefined {
  if (path === '/proc/cpuinfo') return cpuinfo(host);
  // What makes it a hypervisor is built in.
  if (path === '/proc/modules') return '';
  if (!hasVmx(host)) return undefined;
  if (path === '/dev/kvm') return '';
  // Guests find no VT of their own; the rest is as the host's log says (toolstack/boot/domain0-log.ts).
  return path.startsWith(PARAMETERS)
    ? { nested: 'N\n', ept: 'Y\n', unrestricted_guest: 'Y\n', vpid: 'Y\n' }[path.slice(PARAMETERS.length)]
    : undefined;
}
