/**
 * The Hyper-V interface that Xen shows a guest with HVM_PARAM_VIRIDIAN ("enlightenments"): CPUID leaves from 0x40000000, where Xen's then lie from
 * 0x40000100, and MSRs up to 0x400001FF. Source: xen/arch/x86/hvm/viridian/viridian.c; Microsoft's Hypervisor Top-Level Functional Specification.
 */
import type { CpuidAnswer } from '../../../cpu/architecture/index.ts';
import type { State } from '../../../devices/index.ts';
import { assignState, copyState, resetState } from '../../../devices/index.ts';
import type { MsrValue } from '../../domain/guest-interface.ts';
import type { Layer } from '../layer.ts';
import { VIRIDIAN } from './features.ts';
import { viridianHypercall, viridianHypercallPage } from './hypercall.ts';
import { pageOf, putPage, type ViridianParts } from './parts.ts';
import { freshState, type ViridianState } from './state.ts';
import { Synic, SYNIC_MSR } from './synic.ts';
import { TIME_MSR, ViridianTime } from './time.ts';
import { getMsr, setMsr } from './words.ts';

const MSR = {
  GUEST_OS_ID: 0x40000000,
  HYPERCALL: 0x40000001,
  VP_INDEX: 0x40000002,
  CRASH_P0: 0x40000100,
  CRASH_P4: 0x40000104,
  CRASH_CTL: 0x40000105,
} as const;

const FIRST_LEAF = 0x40000000,
  LEAVES = 6;
const FIRST_MSR = 0x40000000,
  LAST_MSR = 0x400001ff;
/** Bit of EAX that the hypercall page sets, which tells these calls from Xen's. */
const CALL = 0x80000000;
/** Leaf 2, as Windows Server 2008 has it. */
const BUILD = 0x1772,
  VERSION = 6 << 16;
/** Leaf 3 EAX: registers that the partition may use. */
const ACCESS_REFERENCE_COUNTER = 1 << 1,
  ACCESS_SYNIC = 1 << 2,
  ACCESS_STIMERS = 1 << 3,
  ACCESS_INTERRUPT_CONTROL = 1 << 4,
  ACCESS_HYPERCALL = 1 << 5,
  ACCESS_VP_INDEX = 1 << 6,
  ACCESS_REFERENCE_TSC = 1 << 9,
  ACCESS_FREQUENCIES = 1 << 11;
/** Leaf 3 EDX. */
const DYNAMIC_PARTITIONING = 1 << 3,
  CRASH_MSRS = 1 << 10,
  SINT_POLLING = 1 << 17;
/** Leaf 4 EAX: what is recommended. */
const REMOTE_TLB_FLUSH = 1 << 2,
  MSR_BASED_APIC = 1 << 3,
  RELAXED_TIMING = 1 << 5,
  CLUSTER_IPI = 1 << 10,
  EX_PROCESSOR_MASKS = 1 << 11;
const SPINLOCK_RETRIES = 2047;
/** Leaf 6 EAX: MSR bitmaps and nested paging are in use. */
const MSR_BITMAPS = 1 << 1,
  NESTED_PAGING = 1 << 3;
/** In the high word of the guest's OS id: which system; some know too little to be recommended anything. */
const OS_SHIFT = 8,
  FIRST_OS_WITH_ADVICE = 4;
/** CRASH_CTL, high word. */
const CRASH_NOTIFY = 0x80000000;

export class Viridian implements Layer {
  private readonly parts: ViridianParts;
  private readonly state: ViridianState;
  private readonly synic: Synic;
  private readonly time: ViridianTime;

  constructor(parts: ViridianParts) {
    this.parts = parts;
    this.state = freshState(parts.vcpus);
    this.synic = new Synic(parts, this.state);
    this.time = new ViridianTime(parts, this.state, this.synic);
    this.synic.poll = vcpu => this.time.poll(vcpu);
    this.time.startAt(0n);
  }

  /** Leaves from 0x40000000 to 0x400000FF are its. */
  leaf(leaf: number): CpuidAnswer | undefined {
    if (leaf >>> 8 !== FIRST_LEAF >>> 8) return undefined;
    const { features } = this.parts;
    const { guestOsId } = this.state.domain;
    const has = (feature: number, bit: number): number => (features & feature ? bit : 0);
    const none = { eax: 0, ebx: 0, ecx: 0, edx: 0 };
    const known = guestOsId[0] !== 0 || guestOsId[1] !== 0;
    switch (leaf & 0xff) {
      case 0:
        return { eax: FIRST_LEAF + LEAVES, ebx: 0x7263694d, ecx: 0x666f736f, edx: 0x76482074 };
      case 1:
        return { ...none, eax: 0x31237648 };
      case 2:
        return known ? { ...none, eax: BUILD, ebx: VERSION } : none;
      case 3:
        return {
          ...none,
          eax:
            ACCESS_INTERRUPT_CONTROL |
            ACCESS_HYPERCALL |
            ACCESS_VP_INDEX |
            (features & VIRIDIAN.NO_FREQ ? 0 : ACCESS_FREQUENCIES) |
            has(VIRIDIAN.TIME_REF_COUNT, ACCESS_REFERENCE_COUNTER) |
            has(VIRIDIAN.REFERENCE_TSC, ACCESS_REFERENCE_TSC) |
            has(VIRIDIAN.SYNIC, ACCESS_SYNIC) |
            has(VIRIDIAN.STIMER, ACCESS_STIMERS),
          edx:
            has(VIRIDIAN.CPU_HOTPLUG, DYNAMIC_PARTITIONING) |
            has(VIRIDIAN.CRASH_CTL, CRASH_MSRS) |
            has(VIRIDIAN.SYNIC, SINT_POLLING),
        };
      case 4:
        if (!known || ((guestOsId[1] >>> OS_SHIFT) & 0xff) < FIRST_OS_WITH_ADVICE) return none;
        return {
          ...none,
          eax:
            RELAXED_TIMING |
            MSR_BASED_APIC |
            has(VIRIDIAN.HCALL_REMOTE_TLB_FLUSH, REMOTE_TLB_FLUSH) |
            has(VIRIDIAN.HCALL_IPI, CLUSTER_IPI) |
            has(VIRIDIAN.EX_PROCESSOR_MASKS, EX_PROCESSOR_MASKS),
          ebx: SPINLOCK_RETRIES,
        };
      case 5:
        return { ...none, eax: has(VIRIDIAN.NO_VP_LIMIT, -1) };
      case 6:
        return { ...none, eax: MSR_BITMAPS | NESTED_PAGING };
      default:
        return none;
    }
  }

  ownsMsr(index: number): boolean {
    return index >= FIRST_MSR && index <= LAST_MSR;
  }

  /** Undefined: #GP. */
  readMsr(index: number): MsrValue | undefined {
    const { domain, vcpus } = this.state;
    const current = this.parts.currentVcpu();
    switch (index) {
      case MSR.GUEST_OS_ID:
        return getMsr(domain.guestOsId);
      case MSR.HYPERCALL:
        return getMsr(domain.hypercallGpa);
      case MSR.VP_INDEX:
        return [current, 0];
      case MSR.CRASH_CTL:
        return [0, CRASH_NOTIFY];
      default:
    }
    if (index >= MSR.CRASH_P0 && index <= MSR.CRASH_P4) return getMsr(vcpus[current].crashParams, index - MSR.CRASH_P0);
    return isSynic(index) ? this.synic.read(index) : isTime(index) ? this.time.read(index) : undefined;
  }

  /** False: #GP. */
  writeMsr(index: number, low: number, high: number): boolean {
    const { parts } = this;
    const { domain, vcpus } = this.state;
    const { crashParams } = vcpus[parts.currentVcpu()];
    switch (index) {
      case MSR.GUEST_OS_ID:
        setMsr(domain.guestOsId, low, high);
        return true;
      case MSR.HYPERCALL: {
        setMsr(domain.hypercallGpa, low, high);
        const offset = pageOf(parts, domain.hypercallGpa);
        if (offset >= 0) putPage(parts, offset, viridianHypercallPage());
        return true;
      }
      case MSR.VP_INDEX:
        return true;
      case MSR.CRASH_CTL:
        if (!(high & CRASH_NOTIFY)) return true;
        parts.latchCrash();
        parts.log(
          `VIRIDIAN GUEST_CRASH: ${Array.from({ length: crashParams.length / 2 }, (_, i) => `0x${(crashParams[2 * i + 1] * 2 ** 32 + crashParams[2 * i]).toString(16)}`).join(' ')}`,
        );
        return true;
      default:
    }
    if (index >= MSR.CRASH_P0 && index <= MSR.CRASH_P4) {
      setMsr(crashParams, low, high, index - MSR.CRASH_P0);
      return true;
    }
    return isSynic(index) ? this.synic.write(index, low, high) : isTime(index) && this.time.write(index, low, high);
  }

  /** VMCALL with the bit CALL in EAX, from ring 0. */
  hypercall(eax: number): boolean {
    if (!(eax & CALL)) return false;
    viridianHypercall(this.parts);
    return true;
  }

  reset(): void {
    const { domain, vcpus } = freshState(this.parts.vcpus);
    resetState(this.state.domain, domain);
    this.state.vcpus.forEach((vcpu, i) => resetState(vcpu, vcpus[i]));
    this.time.reset();
  }

  /** The domain's record, and one for each vCPU. */
  save(): { domain: State; vcpus: State[] } {
    return {
      domain: { ...copyState(this.state.domain), referenceTime: Number(this.time.referenceTime()) },
      vcpus: this.state.vcpus.map(copyState),
    };
  }

  /** @throws StateError, naming record and field */
  restore(domain: State | undefined, vcpus: readonly (State | undefined)[]): void {
    assignState('VIRIDIAN_DOMAIN', this.state.domain, domain ?? {});
    this.state.vcpus.forEach((vcpu, i) => assignState(`VIRIDIAN_VCPU ${i}`, vcpu, vcpus[i] ?? {}));
    const time = domain?.referenceTime;
    this.time.restored(typeof time === 'number' && Number.isSafeInteger(time) ? BigInt(time) : 0n);
  }
}

const isSynic = (index: number): boolean =>
  (index >= SYNIC_MSR.EOI && index <= SYNIC_MSR.VP_ASSIST_PAGE) ||
  (index >= SYNIC_MSR.SCONTROL && index <= SYNIC_MSR.EOM) ||
  (index >= SYNIC_MSR.SINT0 && index <= SYNIC_MSR.SINT15);
const isTime = (index: number): boolean =>
  (index >= TIME_MSR.TIME_REF_COUNT && index <= TIME_MSR.APIC_FREQUENCY) ||
  (index >= TIME_MSR.STIMER0_CONFIG && index <= TIME_MSR.STIMER3_COUNT);
