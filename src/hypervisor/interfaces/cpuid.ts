/** CPUID under a hypervisor, whichever that is. */
import { type CpuidAnswer, registers as R } from '../../cpu/architecture/index.ts';

/** Where a hypervisor's leaves begin. */
const BASE = 0x40000000;
/** Leaf 1 ECX: MONITOR and MWAIT; a hypervisor is present. */
const LEAF1_ECX_MONITOR = 1 << 3,
  LEAF1_ECX_HYPERVISOR = 1 << 31;

/** Leaves that no processor has: a hypervisor's. */
export const isHypervisorLeaf = (leaf: number): boolean => leaf >>> 16 === BASE >>> 16;

/** The processor's own answer as a guest sees it: idling by MWAIT is the hypervisor's alone. */
export function underHypervisor(leaf: number, answer: CpuidAnswer): CpuidAnswer {
  return leaf >>> 0 === 1 ? { ...answer, ecx: (answer.ecx & ~LEAF1_ECX_MONITOR) | LEAF1_ECX_HYPERVISOR } : answer;
}

/** Puts an answer where CPUID puts it; `regs`: state words. */
export function answerCpuid(regs: Int32Array, { eax, ebx, ecx, edx }: CpuidAnswer): void {
  regs[R.EAX] = eax;
  regs[R.EBX] = ebx;
  regs[R.ECX] = ecx;
  regs[R.EDX] = edx;
  for (const register of [R.EAX, R.EBX, R.ECX, R.EDX]) regs[register + R.HIGH] = 0;
}
