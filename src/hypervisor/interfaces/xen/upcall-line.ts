/**
 * The upcall of a guest whose vCPU has no vector of its own (HVM_PARAM_CALLBACK_IRQ, xen/include/public/hvm/params.h): an interrupt line, a global one or a pin
 * of a PCI slot, or a vector that is injected past the local APIC.
 */
import type { State } from '../../../devices/index.ts';
import type { Platform } from '../../domain/platform.ts';
import { CALLBACK_VIA, HVM_PARAM } from './abi.ts';
import type { Ports } from './events/ports.ts';
import { getParam, setParam } from './hvm/params.ts';
import { XEN_TYPE, XEN_VCPU } from './layout.ts';

export class UpcallLine {
  private readonly ports: Ports;
  /** XEN_TYPE. */
  private readonly type: number;
  private readonly platform: Platform;
  private isHigh = false;

  constructor(ports: Ports, type: number, platform: Platform) {
    this.ports = ports;
    this.type = type;
    this.platform = platform;
  }

  private get via(): { type: number; low: number; high: number } {
    const [low, high] = getParam(this.ports, HVM_PARAM.CALLBACK_IRQ);
    return { type: high >>> 24, low, high };
  }

  private hasVector(id: number): boolean {
    return this.ports.words[this.ports.vcpu(id) + XEN_VCPU.VECTOR] !== 0;
  }

  /** Vector that is injected past the local APIC while an upcall is pending (callback by vector); -1: none now. */
  directVector(id: number): number {
    if (this.type === XEN_TYPE.PV || !this.ports.upcallPending(id) || this.hasVector(id)) return -1;
    const { type, low } = this.via;
    return type === CALLBACK_VIA.VECTOR ? low & 0xff : -1;
  }

  /** Callback by an interrupt line: high while vCPU 0 has an upcall pending. */
  update(): void {
    if (this.type !== XEN_TYPE.HVM) return;
    const { type, low, high } = this.via;
    const byLine = (type === CALLBACK_VIA.GSI && low !== 0) || type === CALLBACK_VIA.PCI_INTX;
    const level = byLine && !this.hasVector(0) && this.ports.upcallPending(0);
    if (level === this.isHigh) return;
    this.isHigh = level;
    if (type === CALLBACK_VIA.GSI || (type === CALLBACK_VIA.PCI_INTX && high << 8 === 0)) this.set(level);
  }

  /** The guest may have acknowledged it. */
  follow(): void {
    if (this.isHigh) this.update();
  }

  /** HVM_PARAM_CALLBACK_IRQ is about to change. */
  drop(): void {
    if (!this.isHigh) return;
    this.isHigh = false;
    this.set(false);
  }

  private set(level: boolean): void {
    const { type, low } = this.via,
      { platform } = this;
    if (type === CALLBACK_VIA.GSI) platform.setUpcallGsi?.(low & 0xff, level);
    else platform.setUpcallPin?.((low >>> 11) & 31, low & 3, level);
  }

  /** Whether it is high, and how it was chosen. */
  save(): State {
    const { low, high } = this.via;
    return { high: this.isHigh, via: [low, high] };
  }

  restore(state: State): void {
    const [low, high] = state.via as [number, number];
    setParam(this.ports, HVM_PARAM.CALLBACK_IRQ, low, high);
    this.isHigh = state.high as boolean;
  }
}
