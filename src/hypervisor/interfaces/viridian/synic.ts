/**
 * Interrupts as Hyper-V's guests have them: the local APIC by MSR, the assist page that spares writes to EOI, and the synthetic interrupt controller with
 * its page of messages. Source: xen/arch/x86/hvm/viridian/synic.c, hvm/vlapic.c; Hypervisor Top-Level Functional Specification, 10 and 11.
 */
import type { EoiAssist } from '../../../devices/index.ts';
import type { MsrValue } from '../../domain/guest-interface.ts';
import { VIRIDIAN } from './features.ts';
import { pageOf, putPage, type ViridianParts } from './parts.ts';
import { SINTS, type ViridianState, type ViridianVcpu } from './state.ts';
import { getMsr, setMsr } from './words.ts';

export const SYNIC_MSR = {
  EOI: 0x40000070,
  ICR: 0x40000071,
  TPR: 0x40000072,
  VP_ASSIST_PAGE: 0x40000073,
  SCONTROL: 0x40000080,
  SVERSION: 0x40000081,
  SIEFP: 0x40000082,
  SIMP: 0x40000083,
  EOM: 0x40000084,
  SINT0: 0x40000090,
  SINT15: 0x4000009f,
} as const;

/** Registers of the local APIC (SDM vol. 3, table 11-1). */
const APIC_TPR = 0x80,
  APIC_EOI = 0xb0,
  APIC_ICR_LOW = 0x300,
  APIC_ICR_HIGH = 0x310;
/** First word of the assist page. */
const NO_EOI = 1;
/** SINTn: vector, masked, no EOI wanted, the guest polls for messages. */
const FIRST_VECTOR = 16,
  SINT_MASKED = 0x10000,
  SINT_AUTO_EOI = 0x20000,
  SINT_POLLING = 0x40000;
/** A message: type, payload's size, flags, then the payload at 16. */
const MESSAGE_BYTES = 256,
  MESSAGE_PAYLOAD = 16,
  TIMER_EXPIRED = 0x80000010,
  TIMER_PAYLOAD_BYTES = 24,
  FLAG_PENDING = 1;

export class Synic {
  private readonly parts: ViridianParts;
  private readonly state: ViridianState;
  /** Messages may go now: timers look whether there is room. */
  poll: (vcpu: number) => void = () => {};

  constructor(parts: ViridianParts, state: ViridianState) {
    this.parts = parts;
    this.state = state;
    if (!(parts.features & (VIRIDIAN.APIC_ASSIST | VIRIDIAN.SYNIC))) return;
    state.vcpus.forEach((_, vcpu) => {
      const local = parts.localApic(vcpu);
      if (local) local.assist = this.assistOf(vcpu);
    });
  }

  private get current(): ViridianVcpu {
    return this.state.vcpus[this.parts.currentVcpu()];
  }

  private get hasSynic(): boolean {
    return (this.parts.features & VIRIDIAN.SYNIC) !== 0;
  }

  // ---- MSRs

  read(index: number): MsrValue | undefined {
    const { current: v, parts } = this;
    const local = parts.localApic(parts.currentVcpu());
    switch (index) {
      case SYNIC_MSR.ICR:
        return local && [local.read(APIC_ICR_LOW, 4) >>> 0, local.read(APIC_ICR_HIGH, 4) >>> 0];
      case SYNIC_MSR.TPR:
        return local && [local.read(APIC_TPR, 4) >>> 0, 0];
      case SYNIC_MSR.VP_ASSIST_PAGE:
        return getMsr(v.vpAssist);
      case SYNIC_MSR.EOI:
        return undefined;
    }
    if (!this.hasSynic) return undefined;
    switch (index) {
      case SYNIC_MSR.SCONTROL:
        return getMsr(v.scontrol);
      case SYNIC_MSR.SVERSION:
        return [1, 0];
      case SYNIC_MSR.SIEFP:
        return getMsr(v.siefp);
      case SYNIC_MSR.SIMP:
        return getMsr(v.simp);
      case SYNIC_MSR.EOM:
        return [0, 0];
      default:
        return getMsr(v.sint, index - SYNIC_MSR.SINT0);
    }
  }

  write(index: number, low: number, high: number): boolean {
    const { current: v, parts } = this;
    const vcpu = parts.currentVcpu();
    const local = parts.localApic(vcpu);
    switch (index) {
      case SYNIC_MSR.EOI:
        local?.write(APIC_EOI, 0, 4);
        return true;
      case SYNIC_MSR.ICR:
        local?.write(APIC_ICR_HIGH, high, 4);
        local?.write(APIC_ICR_LOW, low, 4);
        return true;
      case SYNIC_MSR.TPR:
        local?.write(APIC_TPR, low, 4);
        return true;
      case SYNIC_MSR.VP_ASSIST_PAGE:
        // What was offered on the page before is taken back.
        local?.assist?.withdraw();
        v.assistPending = false;
        this.place(v.vpAssist, low, high);
        return true;
    }
    if (!this.hasSynic) return false;
    switch (index) {
      case SYNIC_MSR.SCONTROL:
        setMsr(v.scontrol, low, high);
        return true;
      case SYNIC_MSR.SVERSION:
        return false;
      case SYNIC_MSR.SIEFP:
        setMsr(v.siefp, low, high);
        return true;
      case SYNIC_MSR.SIMP:
        this.place(v.simp, low, high);
        break;
      case SYNIC_MSR.EOM:
        v.messagePending = 0;
        break;
      default: {
        const source = index - SYNIC_MSR.SINT0;
        if ((low & 0xff) < FIRST_VECTOR) return false;
        setMsr(v.sint, low, high, source);
        if (low & SINT_POLLING) v.messagePending &= ~(1 << source);
      }
    }
    this.poll(vcpu);
    return true;
  }

  private place(msr: Uint32Array, low: number, high: number): void {
    setMsr(msr, low, high);
    const offset = pageOf(this.parts, msr);
    if (offset >= 0) putPage(this.parts, offset);
  }

  // ---- the local APIC's side

  private assistOf(vcpu: number): EoiAssist {
    const { parts, state } = this;
    const v = state.vcpus[vcpu];
    const page = (): number => (parts.features & VIRIDIAN.APIC_ASSIST ? pageOf(parts, v.vpAssist) : -1);
    const setWord = (offset: number, value: number): void => {
      new DataView(parts.bytes.buffer).setUint32(offset, value, true);
      parts.written(Math.floor(offset / 4096));
    };
    return {
      offer: () => {
        const offset = page();
        if (offset < 0) return;
        if (v.assistPending)
          parts.crash(
            'The guest has taken an interrupt while it still owed the end of another that it may leave out (Hyper-V APIC assist).',
          );
        v.assistPending = true;
        setWord(offset, NO_EOI);
      },
      omitted: () => {
        const offset = page();
        if (offset < 0 || !v.assistPending || parts.bytes[offset] & NO_EOI) return false;
        v.assistPending = false;
        return true;
      },
      withdraw: () => {
        const offset = page();
        if (offset < 0) return;
        if (parts.bytes[offset] & NO_EOI) setWord(offset, 0);
        v.assistPending = false;
      },
      isAutomatic: vector => {
        const source = this.sourceOf(v, vector);
        return source >= 0 && (v.sint[2 * source] & SINT_AUTO_EOI) !== 0;
      },
      ended: vector => {
        const source = this.sourceOf(v, vector);
        if (source < 0) return;
        v.messagePending &= ~(1 << source);
        this.poll(vcpu);
      },
    };
  }

  /** The source whose interrupts have a vector, the last one of several; -1: none. */
  private sourceOf(v: ViridianVcpu, vector: number): number {
    if (!this.hasSynic || vector < FIRST_VECTOR) return -1;
    for (let source = SINTS - 1; source >= 0; source--) if ((v.sint[2 * source] & 0xff) === vector) return source;
    return -1;
  }

  // ---- messages

  /** Puts a timer's message into the slot of an interrupt source; false: there is no room now, or no page. */
  deliverTimer(vcpu: number, source: number, timer: number, expiration: MsrValue, now: MsrValue): boolean {
    const { parts, state } = this;
    const v = state.vcpus[vcpu];
    const offset = pageOf(parts, v.simp);
    if (offset < 0 || v.messagePending & (1 << source)) return false;
    const view = new DataView(parts.bytes.buffer, offset + source * MESSAGE_BYTES, MESSAGE_BYTES);
    if (view.getUint32(0, true) !== 0) {
      view.setUint8(5, view.getUint8(5) | FLAG_PENDING);
      v.messagePending |= 1 << source;
      return false;
    }
    const words = [TIMER_EXPIRED, TIMER_PAYLOAD_BYTES];
    words.forEach((word, i) => view.setUint32(i * 4, word, true));
    [timer, 0, ...expiration, ...now].forEach((word, i) => view.setUint32(MESSAGE_PAYLOAD + i * 4, word, true));
    parts.written(Math.floor(offset / 4096));
    if (!(v.sint[2 * source] & SINT_MASKED)) parts.interrupt(vcpu, v.sint[2 * source] & 0xff);
    return true;
  }
}
