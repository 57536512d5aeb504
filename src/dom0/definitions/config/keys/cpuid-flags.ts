/**
 * Flags of CPUID as a definition writes them (`host`, and flags that are otherwise), and what is built here of those that xl has names for. Sources:
 * xl.cfg(5), "CPUID"; libxl_cpuid_parse_config() and its table in tools/libs/light/libxl_cpuid.c of Xen 4.17.
 */

/** Flags of what is built here, by the names that the instruction table has for them. */
export const BUILT: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    (
      'fpu vme de pse tsc msr pae mce mtrr pge mca cmov pat pse36 clfsh mmx fxsr sse sse2 sse3 monitor ssse3 popcnt fsgsbase smep smap umip rdpid ' +
      'syscall nx rdtscp lm'
    )
      .split(' ')
      .map(name => [name, name]),
  ),
  cmpxchg8: 'cx8',
  cmpxchg16: 'cx16',
  sysenter: 'sep',
  sse4_1: 'sse41',
  'sse4.1': 'sse41',
  sse4_2: 'sse42',
  'sse4.2': 'sse42',
  lahfsahf: 'lahf_lm',
  page1gb: 'pdpe1gb',
};

/** Names of libvirt's CPU map (src/cpu_map/x86_features.xml) that the instruction table has otherwise. */
const LIBVIRT: Readonly<Record<string, string>> = {
  pni: 'sse3',
  clflush: 'clfsh',
  'sse4.1': 'sse41',
  'sse4.2': 'sse42',
};
/** Bits that CPUID shows every guest, whatever its processor's model: its local APIC, and that there is a hypervisor (src/hypervisor/interfaces/cpuid.ts). */
export const ALWAYS_SHOWN: readonly string[] = ['apic', 'hypervisor'];
/** Built, and shown to no guest: idling by MWAIT is the hypervisor's. */
const NEVER_SHOWN: readonly string[] = ['monitor'];
/** xl's name of a feature that libvirt calls `name`; undefined: nothing here has it. */
export function nameFromLibvirt(name: string): string | undefined {
  const feature = LIBVIRT[name] ?? name;
  if (NEVER_SHOWN.includes(feature)) return undefined;
  return Object.entries(BUILT).find(([, built]) => built === feature)?.[0];
}
/** libvirt's name of a feature. */
export const libvirtNameOf = (feature: string): string =>
  Object.entries(LIBVIRT).find(([, built]) => built === feature)?.[0] ?? feature;

/** Flags of `host,flag=value,…`, the last of each; a flag without a value has none. Values: a number, or the first letter of x (default), k and s (as the host has it). */
export function flagsOf(text: string): { first: string | undefined; flags: Map<string, string | undefined> } {
  const [first, ...words] = text.split(',').filter(word => word !== '');
  const flags = words.map((word): [string, string | undefined] => {
    const at = word.indexOf('=');
    return at < 0 ? [word, undefined] : [word.slice(0, at), word.slice(at + 1)];
  });
  return { first, flags: new Map(flags) };
}

/** Whether a flag is asked for; undefined: it is as it would be. */
export function isAsked(value: string): boolean | undefined {
  const number = /^\s*[+-]?(0x[0-9a-f]+|\d+)/i.exec(value)?.[1];
  return number === undefined ? undefined : Number(number) % 2 === 1;
}

/** xl's name of a feature. */
export const nameOf = (feature: string): string => Object.entries(BUILT).find(([, name]) => name === feature)![0];
