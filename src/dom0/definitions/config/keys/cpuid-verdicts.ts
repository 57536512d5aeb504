/**
 * What is said of `cpuid`, and what is wrong with it: loaded for a text that has the key. Sources: libxl_cpuid_parse_config() of Xen 4.17 for the flags; what xl
 * says of what it cannot read, parse_config_data() in tools/xl/xl_parse.c.
 */
import { hasLongMode } from '../../../../cpu/architecture/index.ts';
import { nearest } from '../nearest.ts';
import { approximated, ignored, type Judged, used, wrong } from '../options.ts';
import type { Asked } from '../rule.ts';
import { BUILT, flagsOf, isAsked, nameOf } from './cpuid-flags.ts';

/** Flags that xl knows and no level here has. */
const ABSENT: readonly string[] = (
  'pclmulqdq dtes64 dscpl vmx smx est tm2 cntxid fma xtpr pdcm pcid dca x2apic movbe tsc-deadline aes xsave osxsave avx f16c rdrand psn ds acpi ss htt tm ia64 pbe ' +
  'arat tsc_adjust bmi1 hle avx2 bmi2 erms invpcid rtm cmt mpx avx512f avx512dq rdseed adx avx512-ifma clflushopt clwb proc-trace avx512pf avx512er avx512cd sha ' +
  'avx512bw avx512vl prefetchwt1 avx512-vbmi pku ospke avx512-vbmi2 cet-ss gfni vaes vpclmulqdq avx512-vnni avx512-bitalg avx512-vpopcntdq cldemote pks ' +
  'avx512-4vnniw avx512-4fmaps fsrm avx512-vp2intersect srbds-ctrl md-clear serialize tsxldtrk cet-ibt avx512-fp16 ibrsb stibp l1d-flush arch-caps core-caps ssbd ' +
  'avx-vnni avx512-bf16 fzrm fsrs fsrcs wrmsrns cet-sss intel-psfd mcdt-no cmplegacy svm extapic altmovcr8 abm sse4a misalignsse 3dnowprefetch osvw ibs xop skinit ' +
  'wdt lwp fma4 nodeid tbm topoext perfctr_core perfctr_nb mmxext ffxsr 3dnowext 3dnow clzero rstr-fp-err-ptrs wbnoinvd ibpb ibrs amd-stibp ibrs-always ' +
  'stibp-always ibrs-fast ibrs-same-mode no-lmsl ppin amd-ssbd virt-ssbd ssb-no psfd btc-no ibpb-ret svm_npt svm_lbrv svm_nrips svm_tscrate svm_vmcbclean ' +
  'svm_decode svm_pausefilt lfence+ nscb'
).split(' ');
/** What always is as it is: numbers, and flags that come from elsewhere. */
const FIXED: readonly string[] =
  'maxleaf stepping model family brandid clflush proccount localapicid hypervisor apic procpkg invtsc nc apicidsize maxhvleaf'.split(
    ' ',
  );
const KNOWN = [...Object.keys(BUILT), ...ABSENT, ...FIXED];

/** What is wrong with a text; undefined: it is in range. */
export function problem({ text }: Asked): Judged | undefined {
  const { first, flags } = flagsOf(text);
  if (first === undefined) return undefined;
  if (first !== 'host')
    return wrong('first word must be host', 'the first word must be "host". Write for example "host,nx=0".');
  for (const [name, flag] of flags) {
    if (flag === undefined) return wrong('missing =', `"${name}" has no value. Write ${name}=0 or ${name}=1.`);
    if (!KNOWN.includes(name)) {
      const near = nearest(name, KNOWN);
      return wrong(
        'unknown CPUID flag',
        `"${name}" is an unknown CPUID flag name.${near ? ` Did you mean "${near}"?` : ' xl.cfg(5) lists them.'}`,
      );
    }
    if (isAsked(flag) === undefined && !/^[xks]/.test(flag))
      return wrong('illegal CPUID value', `${name}=${flag} is an illegal CPUID value. It is one of 0, 1, x, k and s.`);
  }
  return undefined;
}

export function judge({ text, definition }: Asked): Judged {
  const { flags } = flagsOf(text);
  const asked = [...flags].map(([name, value]) => [name, isAsked(value ?? '')] as const);
  const done = asked.filter(
    ([name, on]) => on === undefined || BUILT[name] !== undefined || (!on && !FIXED.includes(name)),
  );
  const rest = asked.filter(flag => !done.includes(flag)).map(([name]) => name);
  const { cpuHidden = [], cpuLevel } = definition;
  const width = cpuLevel && (hasLongMode(cpuLevel) ? '64-bit code: CPUID shows long mode' : '32-bit modes only');
  const said = [
    ...(width ? [`has ${width}`] : []),
    ...(cpuHidden.length > 0 ? [`does not show ${cpuHidden.map(nameOf).join(', ')}`] : []),
  ];
  if (rest.length > 0)
    return (said.length > 0 ? approximated : ignored)(
      `not here: ${rest.join(', ')}`.slice(0, 48),
      `${said.length > 0 ? `The processor ${said.join(' and ')}. ` : ''}${rest.join(', ')}: this cannot be shown or changed here.`,
    );
  if (said.length === 0) return used('as the host', 'CPUID shows what the host has.');
  return used(
    [...(width ? [width.replace(/:.*/, '')] : []), ...cpuHidden.map(name => `no ${nameOf(name)}`)]
      .join(', ')
      .slice(0, 48),
    `The processor ${said.join(' and ')}.`,
  );
}
