/** Whether a guest's processor has what a kernel of 64 bits needs, whatever its format is. */
import type { LoadOptions } from './entry.ts';
import { LoadError } from './plan.ts';

/** What 64-bit code takes for granted, next to long mode itself (REQUIRED_MASK0 of arch/x86/include/asm/required-features.h; x86-64 psABI, 3.1.1). */
const TAKEN_FOR_GRANTED = ['fpu', 'msr', 'cx8', 'pge', 'cmov'];
/** Where CPUID hides one of these it hides long mode, too (xen/tools/gen-cpuid.py). */
const LONG_MODE_NEEDS = ['fpu', 'pae', 'fxsr', 'sse', 'sse2'];

/** A kernel of 64 bits for a processor that does not show what it needs. `what` it is, and which `other` one would do. @throws LoadError */
export function refuseLong(
  isLong: boolean,
  { name, features = new Set() }: LoadOptions,
  what = 'kernel',
  other = 'a kernel built for 32-bit x86 (i386)',
): void {
  if (!isLong) return;
  if (!features.has('lm')) {
    const hidden = LONG_MODE_NEEDS.filter(feature => !features.has(feature)),
      wanted = [...hidden, 'lm'].map(feature => `${feature}=1`).join(',');
    throw new LoadError(
      `${name} is a 64-bit ${what}, and the guest's processor has 32-bit modes only${hidden.length > 0 ? `: it does not show ${hidden.join(', ')}` : ''}. Give it x86-64-v2 (--cpu x86-64-v2, or ${wanted} in cpuid), or use ${other}.`,
    );
  }
  const missing = TAKEN_FOR_GRANTED.filter(feature => !features.has(feature)).join(', ');
  if (missing !== '')
    throw new LoadError(
      `${name} is a 64-bit ${what}, and the guest's processor does not show ${missing}, which 64-bit code takes for granted. Take that out of cpuid (--cpu).`,
    );
}
