/** Xen's CPUID leaves at 0x40000000, and what it adds to the processor's own. Source: xen/include/public/arch-x86/cpuid.h. */
import type { CpuidAnswer } from '../../../cpu/architecture/index.ts';
import { TSC_HZ } from '../../../cpu/architecture/index.ts';
import {
  CPUID_BASE,
  CPUID_BASE_MOVED,
  MSR_HYPERCALL_PAGE,
  MSR_HYPERCALL_PAGE_MOVED,
  XEN_MAJOR,
  XEN_MINOR,
} from './abi.ts';
import { tscScale } from '../pvclock.ts';

const LEAVES = 5;
/** Leaf base + 3: the host's TSC is reliable, RDTSCP is there. */
const TSC_RELIABLE = 2,
  TSC_RDTSCP = 4;
/** Leaf base + 4: grants are mapped for devices, EBX has the vCPU's id, ECX the domain's, upcall vectors work. */
const IOMMU_MAPPINGS = 1 << 2,
  VCPU_ID_PRESENT = 1 << 3,
  DOMAIN_ID_PRESENT = 1 << 4,
  UPCALL_VECTOR = 1 << 6;
const PHYSICAL_ADDRESS_BITS = 36;
/** Leaf base + 2 ECX: MMU_PT_UPDATE_PRESERVE_AD works (PV). */
const PRESERVE_AD = 1;

export interface CpuidDomain {
  id: number;
  vcpu: number;
  pv: boolean;
  /** Hyper-V's leaves lie where Xen's would be. */
  moved?: boolean;
}

/** Xen's answer for a leaf of its range; undefined: the leaf is the processor's. */
export function xenLeaf(
  leaf: number,
  subleaf: number,
  { id, vcpu, pv, moved = false }: CpuidDomain,
): CpuidAnswer | undefined {
  leaf >>>= 0;
  if (leaf < CPUID_BASE || leaf > CPUID_BASE + 0xffff) return undefined;
  const base = moved ? CPUID_BASE_MOVED : CPUID_BASE;
  const none = { eax: 0, ebx: 0, ecx: 0, edx: 0 };
  switch (leaf - base) {
    case 0:
      return { eax: base + LEAVES, ebx: 0x566e6558, ecx: 0x65584d4d, edx: 0x4d4d566e };
    case 1:
      return { ...none, eax: (XEN_MAJOR << 16) | XEN_MINOR };
    case 2:
      return { ...none, eax: 1, ebx: moved ? MSR_HYPERCALL_PAGE_MOVED : MSR_HYPERCALL_PAGE, ecx: pv ? PRESERVE_AD : 0 };
    case 3:
      if (subleaf === 0) return { ...none, eax: TSC_RELIABLE | TSC_RDTSCP, ecx: TSC_HZ / 1000 };
      if (subleaf === 1) {
        const { mul, shift } = tscScale(TSC_HZ);
        return { ...none, ecx: mul | 0, edx: shift };
      }
      return subleaf === 2 ? { ...none, eax: TSC_HZ / 1000 } : none;
    case 4:
      return pv || subleaf !== 0
        ? none
        : { ...none, eax: IOMMU_MAPPINGS | VCPU_ID_PRESENT | DOMAIN_ID_PRESENT | UPCALL_VECTOR, ebx: vcpu, ecx: id };
    case 5:
      return pv && subleaf === 0 ? { ...none, ebx: PHYSICAL_ADDRESS_BITS } : none;
    default:
      return none;
  }
}

/** What a paravirtual guest is not shown, since it cannot have it without page tables and a ring 0 of its own: VME, PSE, MTRR, PGE, PSE-36; SMEP, SMAP; UMIP; IA32_ARCH_CAPABILITIES, which is Xen's. */
const LEAF1_EDX_OF_HVM = (1 << 1) | (1 << 3) | (1 << 12) | (1 << 13) | (1 << 17),
  LEAF7_EBX_OF_HVM = (1 << 7) | (1 << 20),
  LEAF7_ECX_OF_HVM = 1 << 2,
  LEAF7_EDX_OF_HVM = 1 << 29;

/** What `underHypervisor` gave as a paravirtual guest sees it. Source: features marked S and H in xen/include/public/arch-x86/cpufeatureset.h. */
export function ofParavirtual(leaf: number, answer: CpuidAnswer): CpuidAnswer {
  switch (leaf >>> 0) {
    case 1:
      return { ...answer, edx: answer.edx & ~LEAF1_EDX_OF_HVM };
    case 7:
      return {
        ...answer,
        ebx: answer.ebx & ~LEAF7_EBX_OF_HVM,
        ecx: answer.ecx & ~LEAF7_ECX_OF_HVM,
        edx: answer.edx & ~LEAF7_EDX_OF_HVM,
      };
    default:
      return answer;
  }
}
