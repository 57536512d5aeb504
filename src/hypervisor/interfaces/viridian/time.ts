/**
 * Time as Hyper-V tells it: partition reference time (100-ns units), its page for guests that read the TSC themselves, frequencies, synthetic timers.
 * Source: xen/arch/x86/hvm/viridian/time.c; Hypervisor Top-Level Functional Specification, 12.
 */
import { TSC_HZ } from '../../../cpu/architecture/index.ts';
import { APIC_TIMER_HZ } from '../../../devices/index.ts';
import type { Timer } from '../../../devices/index.ts';
import type { MsrValue } from '../../domain/guest-interface.ts';
import { VIRIDIAN } from './features.ts';
import { pageOf, putPage, type ViridianParts } from './parts.ts';
import type { Synic } from './synic.ts';
import { STIMERS, type ViridianState } from './state.ts';
import { fromBig, getMsr, setMsr, toBig } from './words.ts';

export const TIME_MSR = {
  TIME_REF_COUNT: 0x40000020,
  REFERENCE_TSC: 0x40000021,
  TSC_FREQUENCY: 0x40000022,
  APIC_FREQUENCY: 0x40000023,
  STIMER0_CONFIG: 0x400000b0,
  STIMER3_COUNT: 0x400000b7,
} as const;

const UNIT_NS = 100;
/** Reference time is (TSC * scale) >> 64, + offset; Xen takes 32 bits of the scale. */
const SCALE = ((10000n << 32n) / BigInt(TSC_HZ / 1000)) << 32n;
const MASK_64 = (1n << 64n) - 1n;
/** HV_REFERENCE_TSC_PAGE. */
const SEQUENCE = 0,
  PAGE_SCALE = 8,
  PAGE_OFFSET = 16;
/** STIMERn_CONFIG. */
const ENABLE = 1,
  PERIODIC = 2,
  LAZY = 4,
  AUTO_ENABLE = 8,
  SINT_SHIFT = 16;
/** Periods that are made up for. */
const MOST_MISSED = 3n;

export class ViridianTime {
  private readonly parts: ViridianParts;
  private readonly state: ViridianState;
  private readonly synic: Synic;
  private readonly timers: Timer[][];

  constructor(parts: ViridianParts, state: ViridianState, synic: Synic) {
    this.parts = parts;
    this.state = state;
    this.synic = synic;
    this.timers = state.vcpus.map((_, vcpu) =>
      Array.from({ length: STIMERS }, (_timer, n) =>
        parts.timers.create(`viridian-stimer${vcpu}.${n}`, () => this.expire(vcpu, n)),
      ),
    );
  }

  private has(feature: number): boolean {
    return (this.parts.features & feature) !== 0;
  }

  private scaledTsc(): bigint {
    return (toBig(...this.parts.tsc()) * SCALE) >> 64n;
  }

  /** Now, in units of 100 ns since the domain began. */
  referenceTime(): bigint {
    return (this.scaledTsc() + BigInt(this.state.domain.referenceOffset)) & MASK_64;
  }

  /** Reference time goes on from here. */
  startAt(time: bigint): void {
    this.state.domain.referenceOffset = Number(time - this.scaledTsc());
    this.updatePage(false);
  }

  // ---- MSRs

  read(index: number): MsrValue | undefined {
    switch (index) {
      case TIME_MSR.TSC_FREQUENCY:
        return this.has(VIRIDIAN.NO_FREQ) ? undefined : [TSC_HZ, 0];
      case TIME_MSR.APIC_FREQUENCY:
        return this.has(VIRIDIAN.NO_FREQ) ? undefined : [APIC_TIMER_HZ, 0];
      case TIME_MSR.REFERENCE_TSC:
        return this.has(VIRIDIAN.REFERENCE_TSC) ? getMsr(this.state.domain.referenceTsc) : undefined;
      case TIME_MSR.TIME_REF_COUNT:
        return this.has(VIRIDIAN.TIME_REF_COUNT) ? fromBig(this.referenceTime()) : undefined;
      default:
        return this.readStimer(index);
    }
  }

  write(index: number, low: number, high: number): boolean {
    if (index >= TIME_MSR.STIMER0_CONFIG && index <= TIME_MSR.STIMER3_COUNT) return this.writeStimer(index, low, high);
    if (index !== TIME_MSR.REFERENCE_TSC || !this.has(VIRIDIAN.REFERENCE_TSC)) return false;
    setMsr(this.state.domain.referenceTsc, low, high);
    this.updatePage(true);
    return true;
  }

  private updatePage(initialise: boolean): void {
    const { parts, state } = this;
    const offset = pageOf(parts, state.domain.referenceTsc);
    if (offset < 0) return;
    if (initialise) putPage(parts, offset);
    const view = new DataView(parts.bytes.buffer, offset);
    view.setBigUint64(PAGE_SCALE, SCALE, true);
    view.setBigInt64(PAGE_OFFSET, BigInt(state.domain.referenceOffset), true);
    // 0 would say that the page is not to be used.
    view.setUint32(SEQUENCE, (view.getUint32(SEQUENCE, true) + 1) >>> 0 || 1, true);
  }

  // ---- synthetic timers

  private readStimer(index: number): MsrValue | undefined {
    if (!this.has(VIRIDIAN.STIMER)) return undefined;
    const { stimerConfig, stimerCount, stimerPending } = this.state.vcpus[this.parts.currentVcpu()];
    const n = (index - TIME_MSR.STIMER0_CONFIG) >> 1;
    if (index & 1) return getMsr(stimerCount, n);
    const [low, high] = getMsr(stimerConfig, n);
    // One shot that has gone off is off, also while its message waits.
    return [!(low & PERIODIC) && stimerPending & (1 << n) ? low & ~ENABLE : low, high];
  }

  private writeStimer(index: number, low: number, high: number): boolean {
    if (!this.has(VIRIDIAN.STIMER)) return false;
    const vcpu = this.parts.currentVcpu();
    const { stimerConfig, stimerCount } = this.state.vcpus[vcpu];
    const n = (index - TIME_MSR.STIMER0_CONFIG) >> 1;
    this.stop(vcpu, n);
    if (index & 1) {
      setMsr(stimerCount, low, high, n);
      if (low === 0 && high === 0) stimerConfig[2 * n] &= ~ENABLE;
      else if (stimerConfig[2 * n] & AUTO_ENABLE) stimerConfig[2 * n] |= ENABLE;
    } else {
      setMsr(stimerConfig, low, high, n);
      // Interrupt source 0 is not for timers.
      if (((low >>> SINT_SHIFT) & 15) === 0) stimerConfig[2 * n] &= ~ENABLE;
    }
    if (stimerConfig[2 * n] & ENABLE) this.start(vcpu, n);
    return true;
  }

  private stop(vcpu: number, n: number): void {
    this.state.vcpus[vcpu].stimerStarted &= ~(1 << n);
    this.timers[vcpu][n].cancel();
  }

  private start(vcpu: number, n: number): void {
    const v = this.state.vcpus[vcpu];
    const count = toBig(...getMsr(v.stimerCount, n)),
      now = this.referenceTime();
    let expiration: bigint;
    if (v.stimerConfig[2 * n] & PERIODIC) {
      if (count === 0n) return;
      expiration = now + count;
      if (v.stimerStarted & (1 << n) && !(v.stimerConfig[2 * n] & LAZY)) {
        const next = toBig(...getMsr(v.stimerExpiration, n)) + count;
        const missed = next <= now ? (now - next) / count + 1n : 0n;
        if (missed === 0n) expiration = next;
        else if (missed <= MOST_MISSED) expiration = now + count / missed;
      }
    } else expiration = count;
    setMsr(v.stimerExpiration, ...fromBig(expiration), n);
    if (expiration <= now) return this.expire(vcpu, n);
    v.stimerStarted |= 1 << n;
    v.stimerPending &= ~(1 << n);
    this.timers[vcpu][n].set(this.parts.timers.clock.nowNs() + Number(expiration - now) * UNIT_NS);
  }

  private expire(vcpu: number, n: number): void {
    this.state.vcpus[vcpu].stimerPending |= 1 << n;
    this.poll(vcpu);
  }

  /** Messages of timers that have gone off, as far as there is room for them. */
  poll(vcpu: number): void {
    const v = this.state.vcpus[vcpu];
    for (let n = 0; v.stimerPending !== 0 && n < STIMERS; n++) {
      if (!(v.stimerPending & (1 << n))) continue;
      const config = v.stimerConfig[2 * n];
      // It may have been switched off meanwhile.
      if (
        config & ENABLE &&
        !this.synic.deliverTimer(
          vcpu,
          (config >>> SINT_SHIFT) & 15,
          n,
          getMsr(v.stimerExpiration, n),
          fromBig(this.referenceTime()),
        )
      )
        continue;
      v.stimerPending &= ~(1 << n);
      if (!(config & ENABLE)) continue;
      if (config & PERIODIC) this.start(vcpu, n);
      else v.stimerConfig[2 * n] &= ~ENABLE;
    }
  }

  /** After a restore: reference time goes on where it was, and timers that run are set again. */
  restored(referenceTime: bigint): void {
    this.startAt(referenceTime);
    this.state.vcpus.forEach((v, vcpu) => {
      for (let n = 0; n < STIMERS; n++) {
        v.stimerStarted &= ~(1 << n);
        if (v.stimerConfig[2 * n] & ENABLE) this.start(vcpu, n);
      }
    });
  }

  reset(): void {
    for (const timers of this.timers) for (const timer of timers) timer.cancel();
    this.startAt(0n);
  }
}
