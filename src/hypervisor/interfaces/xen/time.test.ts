import { beforeEach, describe, expect, it } from 'vitest';
import { TSC_OFFSET } from '../../../cpu/architecture/registers.ts';
import type { Timer, Timers } from '../../../devices/bus.ts';
import { XEN_VCPU } from './layout.ts';
import { createDomain } from '../../memory/domain-table.ts';
import { FRAME_BYTES, Machine } from '../../memory/machine.ts';
import { RUNSTATE } from './abi.ts';
import type { GuestAccess } from '../../memory/guest-access.ts';
import { Ports } from './events/ports.ts';
import { XenTime } from './time.ts';
import { VCPU_INFO, VcpuTimeInfo } from './shared.ts';
import { XEN_PVH } from './records.ts';

describe('the time record of a vCPU (vcpu_time_info)', () => {
  const SECOND = 1e9;
  let nowNs: number;
  let machine: Machine;
  let time: XenTime;
  let at: number;
  const record = (): { version: number; tsc: number; system: number } => {
    const view = new DataView(machine.memory, at, VcpuTimeInfo.bytes);
    return {
      version: view.getUint32(VcpuTimeInfo.offsets.version, true),
      tsc: Number(view.getBigUint64(VcpuTimeInfo.offsets.tsc_timestamp, true)),
      system: Number(view.getBigUint64(VcpuTimeInfo.offsets.system_time, true)),
    };
  };

  beforeEach(() => {
    nowNs = 5 * SECOND;
    machine = Machine.create(new SharedArrayBuffer(16 * 2 ** 20));
    const domain = createDomain(machine, 1, 256, { guest: XEN_PVH });
    const ports = new Ports(machine, domain);
    const registers = new Int32Array(256);
    registers[TSC_OFFSET] = 7;
    const timer = { set() {}, cancel() {} } as unknown as Timer;
    const timers = { clock: { nowNs: () => nowNs }, create: () => timer } as unknown as Timers;
    time = new XenTime(ports, {} as GuestAccess, timers, () => registers);
    const frame = machine.allocate(1, domain.id)![0];
    at = frame * FRAME_BYTES + VCPU_INFO[32].time;
    machine.words[ports.vcpu(0) + XEN_VCPU.INFO] = frame * FRAME_BYTES;
    time.start(0);
  });

  // Mini-OS for x86_32 keeps the nanoseconds since the record in 32 bits: older than 4.29 s, and its clock goes backwards.
  it('is written anew once a second while the vCPU runs, as the calibration of Xen does', () => {
    const first = record();
    expect([first.tsc, first.system, first.version & 1]).toEqual([5 * SECOND + 7, 5 * SECOND, 0]);
    nowNs += 0.9 * SECOND;
    time.calibrate();
    expect(record()).toEqual(first);
    nowNs += 0.2 * SECOND;
    time.calibrate();
    expect(record()).toEqual({ tsc: 6.1 * SECOND + 7, system: 6.1 * SECOND, version: first.version + 2 });
  });

  it('is left alone while the vCPU waits, and is of now when it runs again', () => {
    const first = record();
    time.runstate(0, RUNSTATE.BLOCKED);
    nowNs += 10 * SECOND;
    time.calibrate();
    expect(record()).toEqual(first);
    time.runstate(0, RUNSTATE.RUNNING);
    expect(record().system).toBe(15 * SECOND);
  });
});
