/** Which enlightenments a guest has: bits of HVM_PARAM_VIRIDIAN, and the groups that xl.cfg(5) calls them by. Source: xen/include/public/hvm/params.h; tools/libs/light/libxl_x86.c. */
export const VIRIDIAN = {
  BASE_FREQ: 1 << 0,
  NO_FREQ: 1 << 1,
  TIME_REF_COUNT: 1 << 2,
  REFERENCE_TSC: 1 << 3,
  HCALL_REMOTE_TLB_FLUSH: 1 << 4,
  APIC_ASSIST: 1 << 5,
  CRASH_CTL: 1 << 6,
  SYNIC: 1 << 7,
  STIMER: 1 << 8,
  HCALL_IPI: 1 << 9,
  EX_PROCESSOR_MASKS: 1 << 10,
  NO_VP_LIMIT: 1 << 11,
  CPU_HOTPLUG: 1 << 12,
} as const;
const FEATURES = (1 << 13) - 1;

/** What HVM_PARAM_VIRIDIAN takes (hvm_set_param). */
export function isViridian(low: number, high: number): boolean {
  return high === 0 && (low & ~FEATURES) === 0 && (low & VIRIDIAN.BASE_FREQ) !== 0;
}

/** Groups by name. */
const GROUPS: Readonly<Record<string, number>> = {
  base: VIRIDIAN.BASE_FREQ,
  freq: 0,
  time_ref_count: VIRIDIAN.TIME_REF_COUNT,
  reference_tsc: VIRIDIAN.REFERENCE_TSC,
  hcall_remote_tlb_flush: VIRIDIAN.HCALL_REMOTE_TLB_FLUSH,
  apic_assist: VIRIDIAN.APIC_ASSIST,
  crash_ctl: VIRIDIAN.CRASH_CTL,
  synic: VIRIDIAN.SYNIC,
  stimer: VIRIDIAN.STIMER | VIRIDIAN.SYNIC | VIRIDIAN.TIME_REF_COUNT,
  hcall_ipi: VIRIDIAN.HCALL_IPI,
  ex_processor_masks: VIRIDIAN.EX_PROCESSOR_MASKS,
  no_vp_limit: VIRIDIAN.NO_VP_LIMIT,
  cpu_hotplug: VIRIDIAN.CPU_HOTPLUG,
};
export const VIRIDIAN_GROUPS = Object.keys(GROUPS);
/** What `viridian = 1` and "defaults" represent. */
const DEFAULTS = ['base', 'freq', 'time_ref_count', 'apic_assist', 'crash_ctl', 'no_vp_limit', 'cpu_hotplug'];

/**
 * The bits for a list of groups, "defaults", "all" and "!GROUP"; of a group and its negation the later one counts, "defaults" rank below both.
 * 0: no group is left. A string: why it is refused, the end of a sentence.
 */
export function viridianFeatures(words: readonly string[]): number | string {
  const enabled = new Set<string>(),
    disabled = new Set<string>();
  let defaults = false;
  for (const word of words) {
    const name = word.replace(/^!/, '');
    if (word === 'all') for (const group of VIRIDIAN_GROUPS) enabled.add(group);
    else if (word === 'defaults') defaults = true;
    else if (!(name in GROUPS))
      return `there is no group ${name || 'without a name'}. The groups are ${VIRIDIAN_GROUPS.join(', ')}; "all" and "defaults" name several.`;
    else {
      (word === name ? enabled : disabled).add(name);
      (word === name ? disabled : enabled).delete(name);
    }
  }
  if (defaults) for (const group of DEFAULTS) enabled.add(group);
  for (const group of disabled) enabled.delete(group);
  if (enabled.size === 0) return 0;
  if (!enabled.has('base')) return 'the group base is not among them, and the others need it. Add "base".';
  const bits = [...enabled].reduce((mask, group) => mask | GROUPS[group], 0);
  return enabled.has('freq') ? bits : bits | VIRIDIAN.NO_FREQ;
}

/** Groups that come to these bits; the other way round than `viridianFeatures`. */
export function viridianGroups(features: number): string[] {
  const groups = VIRIDIAN_GROUPS.filter(group => group !== 'freq' && (features & GROUPS[group]) === GROUPS[group]);
  return features & VIRIDIAN.NO_FREQ ? groups : [...groups, 'freq'];
}
