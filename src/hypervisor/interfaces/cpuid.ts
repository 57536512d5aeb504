/** CPUID under a hypervisor, whichever that is. */
import { type CpuidAnswer, cpuid, registers as R, shownBy } from '../../cpu/architecture/index.ts';

/** Where a hypervisor's leaves begin. */
const BASE = 0x40000000;
/** Leaf 1 ECX: MONITOR and MWAIT; a hypervisor is present. */
const LEAF1_ECX_MONITOR = 1 << 3,
  LEAF1_ECX_HYPERVISOR = 1 << 31;
const LEAF7_EDX_ARCH_CAPABILITIES = 1 << 29;
/** IA32_APIC_BASE: the local APIC is on. */
const APIC_ENABLED = 0x800;

/** Leaves that no processor has: a hypervisor's. */
export const isHypervisorLeaf = (leaf: number): boolean => leaf >>> 16 === BASE >>> 16;

/** The processor's own answer as a guest sees it: idling by MWAIT is the hypervisor's alone, and so is IA32_ARCH_CAPABILITIES, as in Xen 4.17. */
export function underHypervisor(leaf: number, answer: CpuidAnswer): CpuidAnswer {
  switch (leaf >>> 0) {
    case 1:
      return { ...answer, ecx: (answer.ecx & ~LEAF1_ECX_MONITOR) | LEAF1_ECX_HYPERVISOR };
    case 7:
      return { ...answer, edx: answer.edx & ~LEAF7_EDX_ARCH_CAPABILITIES };
    default:
      return answer;
  }
}

/** The same, of the processor whose state words these are. */
export const leafOf = (regs: Int32Array, leaf: number, subleaf: number): CpuidAnswer =>
  underHypervisor(
    leaf,
    cpuid(leaf, subleaf, (regs[R.MSR_APIC_BASE] & APIC_ENABLED) !== 0, regs[R.APIC_ID], shownBy(regs)),
  );

/** Puts an answer where CPUID puts it; `regs`: state words. */
export function answerCpuid(regs: Int32Array, { eax, ebx, ecx, edx }: CpuidAnswer): void {
  regs[R.EAX] = eax;
  regs[R.EBX] = ebx;
  regs[R.ECX] = ecx;
  regs[R.EDX] = edx;
  for (const register of [R.EAX, R.EBX, R.ECX, R.EDX]) regs[register + R.HIGH] = 0;
}
