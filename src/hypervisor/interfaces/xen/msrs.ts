/**
 * Model-specific registers as Xen 4.17 answers them for guests on an Intel processor: a table, one row a register or range. The first part is what PV
 * and HVM guests share (guest_rdmsr and guest_wrmsr of xen/arch/x86/msr.c, machine checks of cpu/mcheck/vmce.c, no virtual PMU), the second what HVM
 * guests have beyond it (hvm/hvm.c, hvm/vmx/vmx.c); PV guests' own is in pv/emulate.ts. What has no row is the processor's or a device's, or #GP(0).
 * Numbers and names: SDM vol. 4.
 */
import { registers as R } from '../../../cpu/architecture/index.ts';
import type { State } from '../../../devices/index.ts';
import { withMsrs } from '../../domain/exit-controls.ts';
import type { MsrValue } from '../../domain/guest-interface.ts';

const ZERO: MsrValue = [0, 0];
const ONES: MsrValue = [0xffffffff, 0xffffffff];

/** IA32_FEATURE_CONTROL: locked; neither VMX nor local machine checks. */
const FEATURE_CONTROL_LOCKED = 1;
/** MSR_PLATFORM_INFO: MISC_FEATURES_ENABLES can make CPUID fault. */
const PLATFORM_CPUID_FAULTING = 0x80000000;
const FEATURES_CPUID_FAULTING = 1;
/** IA32_MCG_CAP: software error recovery, threshold-based status, CMCI, and this many banks. */
const BANKS = 2,
  MCG_CAP = (1 << 24) | (1 << 11) | (1 << 10) | BANKS;
/** IA32_MISC_ENABLE: no branch trace store, no precise sampling. */
export const MISC_ENABLE_UNAVAILABLE = 0x1800;
/** IA32_DEBUGCTL: last branch records, and single steps only where a branch is taken. */
const DEBUGCTL_LBR = 1,
  DEBUGCTL_BTF = 2;

/** What one vCPU has in registers that are kept here. */
interface VcpuMsrs {
  cpuidFaults: boolean;
  debugCtl: number;
  mcgStatus: MsrValue;
  /** IA32_MCi_CTL2. */
  bankCtl2: MsrValue[];
}

const fresh = (): VcpuMsrs => ({
  cpuidFaults: false,
  debugCtl: 0,
  mcgStatus: ZERO,
  bankCtl2: Array.from({ length: BANKS }, () => ZERO),
});

export interface MsrParts {
  vcpus: number;
  isHvm: boolean;
  /** State words of the vCPU that runs. */
  regs: Int32Array;
  currentVcpu(): number;
  /** The current vCPU's TSC jumps. */
  tscChanged(): void;
}

interface Access {
  index: number;
  vcpu: VcpuMsrs;
  parts: MsrParts;
}

interface Row {
  /** Absent, or undefined: #GP. */
  read?: (access: Access) => MsrValue | undefined;
  /** Absent, or false: #GP. */
  write?: (access: Access, low: number, high: number) => boolean;
}

const zero = (): MsrValue => ZERO;
const ignored = (): boolean => true;
const onlyZero = (_: Access, low: number, high: number): boolean => low === 0 && high === 0;
/** Reads 0, and writes go nowhere. */
const NOTHING: Row = { read: zero, write: ignored };

const COMMON = new Map<number, Row>(),
  HVM_ONLY = new Map<number, Row>();

function rows(
  table: Map<number, Row>,
  row: Row,
  ...ranges: readonly (number | readonly [first: number, last: number])[]
): void {
  for (const range of ranges) {
    const [first, last] = typeof range === 'number' ? [range, range] : range;
    for (let index = first; index <= last; index++) table.set(index, row);
  }
}

// IA32_P5_MC_ADDR and IA32_P5_MC_TYPE: of bank 1, which never has an error. IA32_PLATFORM_ID.
rows(COMMON, { read: zero }, 0x0, 0x1, 0x17);
rows(COMMON, { read: () => [FEATURE_CONTROL_LOCKED, 0] }, 0x3a);
// IA32_BIOS_UPDT_TRIG: some systems load microcode before they have an interrupt table.
rows(COMMON, { write: ({ parts }) => parts.isHvm }, 0x79);
// IA32_BIOS_SIGN_ID: 0 may be written before the revision is read.
rows(COMMON, { read: zero, write: onlyZero }, 0x8b);
rows(COMMON, { read: () => [PLATFORM_CPUID_FAULTING, 0] }, 0xce);
rows(
  COMMON,
  {
    read: ({ vcpu }) => [vcpu.cpuidFaults ? FEATURES_CPUID_FAULTING : 0, 0],
    write: ({ vcpu }, low, high) => {
      if (low & ~FEATURES_CPUID_FAULTING || high !== 0) return false;
      vcpu.cpuidFaults = low !== 0;
      return true;
    },
  },
  0x140,
);
// IA32_PMCx, IA32_PERFEVTSELx, fixed counters and their controls: the guest has no PMU.
rows(COMMON, NOTHING, [0xc1, 0xc8], [0x186, 0x189], [0x309, 0x30b], [0x38d, 0x390]);
rows(COMMON, { read: () => [MCG_CAP, 0], write: ignored }, 0x179);
rows(
  COMMON,
  {
    read: ({ vcpu }) => vcpu.mcgStatus,
    write: ({ vcpu }, low, high) => {
      vcpu.mcgStatus = [low, high];
      return true;
    },
  },
  0x17a,
);
// IA32_MCG_CTL, which MCG_CAP does not have.
rows(COMMON, NOTHING, 0x17b);
// IA32_PERF_STATUS, IA32_PERF_CTL, IA32_THERM_STATUS: in no CPUID leaf, and read without a handler by Windows and Linux.
rows(COMMON, { read: zero }, 0x198, 0x19c);
rows(COMMON, NOTHING, 0x199);
// IA32_MCi_CTL2, and IA32_MCi_CTL, _STATUS, _ADDR, _MISC; those of banks that are not there.
rows(
  COMMON,
  {
    read: ({ vcpu, index }) => vcpu.bankCtl2[index - 0x280],
    write: ({ vcpu, index }, low, high) => {
      vcpu.bankCtl2[index - 0x280] = [low, high];
      return true;
    },
  },
  [0x280, 0x280 + BANKS - 1],
);
rows(COMMON, NOTHING, [0x280 + BANKS, 0x29f], [0x400 + 4 * BANKS, 0x47f]);
for (let bank = 0; bank < BANKS; bank++) {
  rows(COMMON, { read: () => ONES, write: ignored }, 0x400 + 4 * bank);
  rows(COMMON, { read: zero, write: onlyZero }, [0x401 + 4 * bank, 0x403 + 4 * bank]);
}

// IA32_TSC_ADJUST: the hypervisor adds nothing to the TSC, so all of its offset is the guest's.
rows(
  HVM_ONLY,
  {
    read: ({ parts: { regs } }) => [regs[R.TSC_OFFSET] >>> 0, regs[R.TSC_OFFSET + 1] >>> 0],
    write: ({ parts: { regs, tscChanged } }, low, high) => {
      regs[R.TSC_OFFSET] = low;
      regs[R.TSC_OFFSET + 1] = high;
      tscChanged();
      return true;
    },
  },
  0x3b,
);
rows(HVM_ONLY, { write: ignored }, [0x18a, 0x18d]);
// IA32_MISC_ENABLE: what was read may be written back.
const miscEnable = ({ regs }: MsrParts): number => (regs[R.MSR_MISC_ENABLE] | MISC_ENABLE_UNAVAILABLE) >>> 0;
rows(
  HVM_ONLY,
  {
    read: ({ parts }) => [miscEnable(parts), 0],
    write: ({ parts }, low, high) => low === miscEnable(parts) && high === 0,
  },
  0x1a0,
);
// IA32_DEBUGCTL: a processor without last branch records takes their bit and drops it, as those with architectural ones do. BTF is kept, and this
// processor traps after each instruction all the same.
rows(
  HVM_ONLY,
  {
    read: ({ vcpu }) => [vcpu.debugCtl, 0],
    write: ({ vcpu }, low, high) => {
      if (low & ~(DEBUGCTL_LBR | DEBUGCTL_BTF) || high !== 0) return false;
      vcpu.debugCtl = low & ~DEBUGCTL_LBR;
      return true;
    },
  },
  0x1d9,
);
// IA32_PEBS_ENABLE, IA32_DS_AREA.
rows(HVM_ONLY, NOTHING, 0x3f1, 0x600);
// AMD's NB_CFG and C1E control, for a guest that came from such a host.
rows(HVM_ONLY, NOTHING, 0xc001001f);
rows(HVM_ONLY, { read: zero }, 0xc0010055);

/** Accesses of an HVM guest to these leave the processor; to those that an MSR bitmap does not tell they do anyway, and others are its own. */
const HVM_MSRS = [...COMMON.keys(), ...HVM_ONLY.keys()].filter(index => index < 0x2000);
const HVM_BITMAP = withMsrs(null, HVM_MSRS, HVM_MSRS);

export class GuestMsrs {
  private readonly parts: MsrParts;
  private vcpus: VcpuMsrs[];

  constructor(parts: MsrParts) {
    this.parts = parts;
    this.vcpus = Array.from({ length: parts.vcpus }, fresh);
  }

  /** For `Controls.msrBitmap`; null: ring 0 is not the guest's. */
  get bitmap(): Uint8Array | null {
    return this.parts.isHvm ? HVM_BITMAP : null;
  }

  private row(index: number): Row | undefined {
    return COMMON.get(index) ?? (this.parts.isHvm ? HVM_ONLY.get(index) : undefined);
  }

  private access(index: number): Access {
    return { index, vcpu: this.vcpus[this.parts.currentVcpu()], parts: this.parts };
  }

  /** Whether the table has a register; else ask the processor and the devices. */
  has(index: number): boolean {
    return this.row(index) !== undefined;
  }

  /** Undefined: #GP. */
  read(index: number): MsrValue | undefined {
    return this.row(index)?.read?.(this.access(index));
  }

  /** False: #GP. */
  write(index: number, low: number, high: number): boolean {
    return this.row(index)?.write?.(this.access(index), low >>> 0, high >>> 0) ?? false;
  }

  /** The current vCPU's CPUID faults where it is not the kernel's. */
  get cpuidFaults(): boolean {
    return this.vcpus[this.parts.currentVcpu()].cpuidFaults;
  }

  reset(): void {
    this.vcpus = this.vcpus.map(fresh);
  }

  save(): State[] {
    return this.vcpus.map(vcpu => ({ ...vcpu }));
  }

  /** Of a state that `areMsrs` has looked at. */
  restore(saved: readonly State[]): void {
    this.vcpus = saved.map(vcpu => ({ ...(vcpu as unknown as VcpuMsrs) }));
  }
}

/** Whether plain data is what `GuestMsrs.save` gave for this many vCPUs. */
export function areMsrs(saved: unknown, vcpus: number): boolean {
  const isValue = (value: unknown): boolean =>
    Array.isArray(value) && value.length === 2 && value.every(Number.isInteger);
  return (
    Array.isArray(saved) &&
    saved.length === vcpus &&
    saved.every((vcpu: Partial<VcpuMsrs> | null) => {
      const { cpuidFaults, debugCtl, mcgStatus, bankCtl2 } = vcpu ?? {};
      return (
        typeof cpuidFaults === 'boolean' &&
        Number.isInteger(debugCtl) &&
        isValue(mcgStatus) &&
        Array.isArray(bankCtl2) &&
        bankCtl2.length === BANKS &&
        bankCtl2.every(isValue)
      );
    })
  );
}
