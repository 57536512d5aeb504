/**
 * What is said of <feature> of <cpu>, compared with what CPUID shows a guest of KVM. The names, leaves and bits are libvirt's (src/cpu_map/x86_features.xml of 9.0), of
 * all that some guest here is shown, and of some that none is.
 */
import { beforeAll, expect, it } from 'vitest';
import { cpuid, featuresOf } from '../../../cpu/architecture/index.ts';
import { underHypervisor } from '../../../hypervisor/interfaces/cpuid.ts';
import { judgeDefinition } from './judge-definition.ts';
import { prepareToRead } from './source.ts';

/** By leaf and register: name and bit. */
const LIBVIRT: Readonly<Record<string, string>> = {
  '1 edx':
    'fpu 0 vme 1 de 2 pse 3 tsc 4 msr 5 pae 6 mce 7 cx8 8 apic 9 sep 11 mtrr 12 pge 13 mca 14 cmov 15 pat 16 pse36 17 pn 18 clflush 19 ds 21 acpi 22 mmx 23 fxsr 24 sse 25 sse2 26 ss 27 ht 28 tm 29 ia64 30 pbe 31',
  '1 ecx':
    'pni 0 pclmuldq 1 dtes64 2 monitor 3 ds_cpl 4 vmx 5 smx 6 est 7 tm2 8 ssse3 9 cid 10 fma 12 cx16 13 xtpr 14 pdcm 15 pcid 17 dca 18 sse4.1 19 sse4.2 20 x2apic 21 movbe 22 popcnt 23 tsc-deadline 24 aes 25 xsave 26 osxsave 27 avx 28 f16c 29 rdrand 30 hypervisor 31',
  '7 ebx':
    'fsgsbase 0 tsc_adjust 1 bmi1 3 hle 4 avx2 5 smep 7 bmi2 8 erms 9 invpcid 10 rtm 11 rdseed 18 adx 19 smap 20 clflushopt 23 sha-ni 29',
  '7 ecx': 'avx512vbmi 1 umip 2 pku 3 gfni 8 la57 16 rdpid 22',
  '80000001 edx': 'syscall 11 nx 20 mmxext 22 fxsr_opt 25 pdpe1gb 26 rdtscp 27 lm 29',
  '80000001 ecx': 'lahf_lm 0 cmp_legacy 1 svm 2 abm 5 sse4a 6 3dnowprefetch 8 topoext 22',
};

beforeAll(() => prepareToRead('<domain/>'));

it('is that no processor has it of those alone that CPUID does not show', () => {
  const features = featuresOf('x86-64-v2');
  const others: string[] = [];
  let shown = 0;
  for (const [place, names] of Object.entries(LIBVIRT)) {
    const [leaf, register] = place.split(' ') as [string, 'ebx' | 'ecx' | 'edx'];
    const number = Number.parseInt(leaf, 16);
    const bits = underHypervisor(number, cpuid(number, 0, true, 0, features))[register];
    for (const [, name, bit] of names.matchAll(/(\S+) (\d+)/g)) {
      const isShown = ((bits >>> Number(bit)) & 1) === 1;
      const text = `<domain type='kvm'><name>v</name><memory unit='MiB'>64</memory><os><type arch='x86_64' machine='pc'>hvm</type></os><cpu mode='host-passthrough'><feature policy='require' name='${name}'/></cpu><devices><disk type='file'><source file='/a'/><target dev='vda'/></disk></devices></domain>`;
      const { findings } = judgeDefinition('v', text);
      const isDenied = findings.some(({ text: said }) => said.includes('no processor here has it'));
      if (isShown === isDenied) others.push(name!);
      if (isShown) shown++;
    }
  }
  expect(others).toEqual([]);
  expect(shown).toBeGreaterThan(35);
});
