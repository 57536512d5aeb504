/**
 * Time as the ABI tells it: pvclock records, the wall clock in shared_info, runstate, and the timers that raise VIRQ_TIMER.
 * Source: xen/include/public/xen.h (vcpu_time_info), vcpu.h. System time is the domain's clock; its TSC counts it at TSC_HZ, so that old and new
 * records agree for as long as the guest leaves its TSC alone.
 */
import { type AreaField, areaEnds, setArea } from './areas.ts';
import { registers as R } from '../../../cpu/architecture/index.ts';
import type { Timer, Timers } from '../../../devices/index.ts';
import { XEN, XEN_VCPU } from './layout.ts';
import { get64, put64 } from '../../memory/words.ts';
import { EINVAL, PVCLOCK_TSC_STABLE, RUNSTATE, VIRQ, VMASST } from './abi.ts';
import type { VcpuState } from '../../domain/vcpu.ts';
import type { GuestAccess } from '../../memory/guest-access.ts';
import { writeTimeRecord } from '../pvclock.ts';
import { IdleTicks } from './idle-ticks.ts';
import type { Ports } from './events/ports.ts';
import { isPlainMemory } from './memory/writable.ts';
import { RunstateInfo, SHARED_INFO, VCPU_INFO, VcpuTimeInfo } from './shared.ts';
import type { GuestStruct, Width } from './struct.ts';

const HIGH = 2 ** 32;
/** Periodic timers faster than this are refused (xen/common/domain.c). */
const SHORTEST_PERIOD_NS = 1e6;
const IDLE_TICKS_APART_NS = 8e6;
/** Xen's EPOCH (xen/arch/x86/time.c): guests may count on a record that is hardly older, and keep the nanoseconds since in 32 bits. */
const CALIBRATION_NS = 1e9;
const UPDATE_IN_PROGRESS = 0x80000000;

/** In Xen's numbers. */
export const RUNSTATE_OF: Readonly<Record<VcpuState, number>> = {
  running: RUNSTATE.RUNNING,
  runnable: RUNSTATE.RUNNABLE,
  blocked: RUNSTATE.BLOCKED,
  offline: RUNSTATE.OFFLINE,
};

export class XenTime {
  private readonly ports: Ports;
  private readonly words: Int32Array;
  private readonly bytes: DataView;
  private readonly access: GuestAccess;
  private readonly nowNs: () => number;
  private readonly registers: (vcpu: number) => Int32Array;
  private readonly single: Timer[] = [];
  private readonly ticks: IdleTicks[] = [];
  private readonly periodic: Timer[] = [];
  /** When each vCPU's time record was written. */
  private readonly recordNs: number[] = [];

  constructor(ports: Ports, access: GuestAccess, timers: Timers, registers: (vcpu: number) => Int32Array) {
    this.ports = ports;
    this.words = ports.words;
    this.bytes = new DataView(ports.machine.memory);
    this.access = access;
    this.nowNs = () => timers.clock.nowNs();
    this.registers = registers;
    for (let id = 0; id < ports.vcpus; id++) {
      this.ticks.push(new IdleTicks());
      this.recordNs.push(0);
      this.single.push(timers.create(`xen-timer${id}`, () => this.singleFired(id)));
      this.periodic.push(timers.create(`xen-periodic${id}`, () => this.periodFired(id)));
    }
  }

  now(): number {
    return this.nowNs();
  }

  /** A new domain: its wall clock at system time 0, all vCPUs but the first offline. */
  start(startEpochMs: number): void {
    const { words } = this;
    const { xenBlock } = this.ports;
    // Time has run already where a domain starts again.
    put64(words, xenBlock + XEN.WALLCLOCK_SECONDS, Math.floor(startEpochMs / 1000));
    words[xenBlock + XEN.WALLCLOCK_NS] = Math.round((startEpochMs % 1000) * 1e6);
    const now = this.nowNs();
    for (let id = 0; id < this.ports.vcpus; id++) {
      const vcpu = this.ports.vcpu(id);
      words[vcpu + XEN_VCPU.STATE] = id === 0 ? RUNSTATE.RUNNING : RUNSTATE.OFFLINE;
      put64(words, vcpu + XEN_VCPU.STATE_ENTRY, now);
      this.updateRecord(id);
    }
    this.updateWallclock();
  }

  /** Writes the wall clock where the layout of shared_info wants it. */
  updateWallclock(): void {
    const { words, bytes } = this;
    const { xenBlock, sharedInfo, width } = this.ports;
    const layout = SHARED_INFO[width];
    const version = (sharedInfo + layout.wc_version) >>> 2;
    Atomics.add(words, version, 1);
    bytes.setInt32(sharedInfo + layout.wc_sec, words[xenBlock + XEN.WALLCLOCK_SECONDS], true);
    bytes.setInt32(sharedInfo + layout.wc_nsec, words[xenBlock + XEN.WALLCLOCK_NS], true);
    bytes.setInt32(sharedInfo + layout.wc_sec_hi, words[xenBlock + XEN.WALLCLOCK_SECONDS + 1], true);
    Atomics.add(words, version, 1);
  }

  /** Writes the time records of vCPUs that have run on for a while. Those that wait get theirs when they run again. */
  calibrate(): void {
    const now = this.nowNs();
    for (let id = 0; id < this.ports.vcpus; id++) {
      if (this.words[this.ports.vcpu(id) + XEN_VCPU.STATE] === RUNSTATE.RUNNING && this.isOld(id, now))
        this.updateRecord(id);
    }
  }

  private isOld(id: number, now: number): boolean {
    return now - this.recordNs[id] >= CALIBRATION_NS;
  }

  /** Writes a vCPU's time record again: at its start, where its vcpu_info moved, after a restore or a write to its TSC, and when it is old. */
  updateRecord(id: number): void {
    this.recordNs[id] = this.nowNs();
    const info = this.words[this.ports.vcpu(id) + XEN_VCPU.INFO];
    if (info !== 0) this.writeRecord(id, info + VCPU_INFO[32].time);
    const area = this.areaPieces(id, XEN_VCPU.TIME_AREA, VcpuTimeInfo.bytes);
    if (area && area.length === 1) this.writeRecord(id, area[0].offset);
  }

  private writeRecord(id: number, at: number): void {
    writeTimeRecord(this.bytes, at, this.nowNs(), this.registers(id), PVCLOCK_TSC_STABLE);
  }

  // ---- areas that the guest registers

  /** Registers an area at a linear address of the current vCPU; false: it is not mapped. */
  registerArea(
    id: number,
    field: AreaField,
    linear: number,
    length: number,
    translate: (linear: number) => number,
  ): boolean {
    const first = translate(linear),
      last = translate(linear + length - 1);
    if (
      first < 0 ||
      last < 0 ||
      this.access.physicalOffset(first, true) < 0 ||
      this.access.physicalOffset(last, true) < 0
    )
      return false;
    setArea(this.words, this.ports.vcpu(id), field, first, last);
    return true;
  }

  /** Where an area lies in machine memory, in one or two pieces; undefined: none is registered, or its memory is gone. */
  private areaPieces(id: number, field: AreaField, length: number): { offset: number; length: number }[] | undefined {
    const ends = areaEnds(this.words, this.ports.vcpu(id), field);
    if (!ends) return undefined;
    const [first, last] = ends;
    const firstOffset = this.access.physicalOffset(first, true),
      lastOffset = this.access.physicalOffset(last, true);
    if (firstOffset < 0 || lastOffset < 0) return undefined;
    // A paravirtual guest may have made a page table of it meanwhile.
    const { machine, record } = this.ports;
    if (!isPlainMemory(machine, record, firstOffset >>> 12) || !isPlainMemory(machine, record, lastOffset >>> 12))
      return undefined;
    const here = 4096 - (first & 4095);
    if (here >= length) return [{ offset: firstOffset, length }];
    return [
      { offset: firstOffset, length: here },
      { offset: lastOffset & ~4095, length: length - here },
    ];
  }

  // ---- runstate

  /** The guest has registered a runstate area: it looks at the time that was stolen from it. */
  get tellsRunstate(): boolean {
    for (let id = 0; id < this.ports.vcpus; id++)
      if (this.words[this.ports.vcpu(id) + XEN_VCPU.RUNSTATE_AREA] !== 0) return true;
    return false;
  }

  /** A vCPU goes to another state. */
  runstate(id: number, state: number): void {
    const { words } = this;
    const vcpu = this.ports.vcpu(id);
    const old = words[vcpu + XEN_VCPU.STATE];
    if (old === state) return;
    const now = Math.floor(this.nowNs());
    this.account(vcpu, old, now);
    words[vcpu + XEN_VCPU.STATE] = state;
    put64(words, vcpu + XEN_VCPU.STATE_ENTRY, now);
    this.publishRunstate(id);
    if (state === RUNSTATE.RUNNING && this.isOld(id, now)) this.updateRecord(id);
  }

  private account(vcpu: number, state: number, now: number): void {
    const { words } = this;
    const total = vcpu + XEN_VCPU.TIMES + state * 2;
    put64(words, total, get64(words, total) + Math.max(0, now - get64(words, vcpu + XEN_VCPU.STATE_ENTRY)));
  }

  /** vcpu_runstate_info, with the times up to the last change of state. */
  private runstateInfo(id: number, width: Width): GuestStruct<typeof RunstateInfo> {
    const { words } = this;
    const vcpu = this.ports.vcpu(id);
    const info = RunstateInfo.at(width).blank();
    info.state = words[vcpu + XEN_VCPU.STATE];
    info.state_entry_time = get64(words, vcpu + XEN_VCPU.STATE_ENTRY);
    info.time = [0, 1, 2, 3].map(state => get64(words, vcpu + XEN_VCPU.TIMES + 2 * state));
    return info;
  }

  /** As GET_RUNSTATE_INFO gives it to code of a width: the state under way counts up to now. */
  runstateNow(id: number, width: Width): DataView {
    const info = this.runstateInfo(id, width);
    const under = Math.max(0, Math.floor(this.nowNs()) - info.state_entry_time);
    info.time = info.time.map((ns, state) => (state === info.state ? ns + under : ns));
    return info.view;
  }

  /** Writes the runstate area, as the guest has latched its width; with the assist, the entry time's top bit tells a reader that it changes. */
  publishRunstate(id: number): void {
    const { width } = this.ports,
      type = RunstateInfo.at(width);
    const pieces = this.areaPieces(id, XEN_VCPU.RUNSTATE_AREA, type.bytes);
    if (!pieces) return;
    const { bytes } = this.ports.machine;
    const { view } = this.runstateInfo(id, width);
    const whole = new Uint8Array(view.buffer);
    const put = (): void => {
      for (let at = 0, i = 0; i < pieces.length; at += pieces[i++].length)
        bytes.set(whole.subarray(at, at + pieces[i].length), pieces[i].offset);
    };
    if (this.words[this.ports.xenBlock + XEN.ASSISTS] & (1 << VMASST.RUNSTATE_UPDATE_FLAG)) {
      const high = type.offsets.state_entry_time + 4,
        entry = view.getUint32(high, true);
      view.setUint32(high, (entry | UPDATE_IN_PROGRESS) >>> 0, true);
      put();
      view.setUint32(high, entry, true);
    }
    put();
  }

  // ---- timers

  /** VIRQ_TIMER at an absolute system time; 0 stops it, and what is past comes at once. */
  setSingle(id: number, ns: number): void {
    put64(this.words, this.ports.vcpu(id) + XEN_VCPU.SINGLE_NS, ns);
    if (ns === 0) this.single[id].cancel();
    else if (ns <= this.nowNs()) this.singleFired(id);
    else {
      const regs = this.registers(id);
      const retired = (regs[R.RETIRED_HIGH] >>> 0) * HIGH + (regs[R.RETIRED_LOW] >>> 0);
      const slackNs = this.ticks[id].slackNs(this.nowNs(), ns, retired);
      // While it is awake for this one the next does not follow at once.
      const apartNs = Math.min(slackNs, IDLE_TICKS_APART_NS);
      this.single[id].set(ns + apartNs, slackNs - apartNs);
    }
  }

  private singleFired(id: number): void {
    put64(this.words, this.ports.vcpu(id) + XEN_VCPU.SINGLE_NS, 0);
    this.single[id].cancel();
    this.ports.raiseVirq(id, VIRQ.TIMER);
  }

  /** 0 stops it. Returns 0 or -EINVAL. */
  setPeriodic(id: number, periodNs: number): number {
    if (periodNs !== 0 && periodNs < SHORTEST_PERIOD_NS) return -EINVAL;
    const vcpu = this.ports.vcpu(id);
    put64(this.words, vcpu + XEN_VCPU.PERIOD_NS, periodNs);
    const next = periodNs === 0 ? 0 : Math.floor(this.nowNs()) + periodNs;
    put64(this.words, vcpu + XEN_VCPU.PERIODIC_NS, next);
    this.periodic[id].set(next === 0 ? Infinity : next);
    return 0;
  }

  private periodFired(id: number): void {
    const vcpu = this.ports.vcpu(id);
    const period = get64(this.words, vcpu + XEN_VCPU.PERIOD_NS);
    const next = Math.max(get64(this.words, vcpu + XEN_VCPU.PERIODIC_NS) + period, this.nowNs());
    put64(this.words, vcpu + XEN_VCPU.PERIODIC_NS, next);
    this.periodic[id].set(next);
    this.ports.raiseVirq(id, VIRQ.TIMER);
  }

  /** After a restore: timers and records as the XEN block has them. */
  restored(): void {
    this.updateWallclock();
    for (let id = 0; id < this.ports.vcpus; id++) {
      const vcpu = this.ports.vcpu(id);
      const single = get64(this.words, vcpu + XEN_VCPU.SINGLE_NS),
        periodic = get64(this.words, vcpu + XEN_VCPU.PERIODIC_NS);
      this.single[id].set(single === 0 ? Infinity : single);
      this.periodic[id].set(periodic === 0 ? Infinity : periodic);
      this.updateRecord(id);
    }
  }
}
