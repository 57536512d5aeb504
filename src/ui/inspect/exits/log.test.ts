import { describe, expect, it } from 'vitest';
import { ExitReason } from '../../../cpu/architecture/index.ts';
import { NO_TIME, TRACE_KIND } from '../../../hypervisor/tracing/index.ts';
import type { TraceEntry } from '../../../hypervisor/view/index.ts';
import { CommonClock, ExitLog } from './log.ts';

const entry = (
  sequence: number,
  kind: number,
  vcpu: number,
  details: [number, number, number],
  ns = 0,
): TraceEntry => ({
  domain: 1,
  sequence,
  kind,
  vcpu,
  ns: sequence,
  details,
  ...(kind === TRACE_KIND.EXIT
    ? {
        exit: {
          detail: 5,
          ns,
          cr3: 0x1000,
          beforeNs: ns === NO_TIME ? NO_TIME : 1000,
          answerNs: ns === NO_TIME ? NO_TIME : 2000,
        },
      }
    : {}),
});
const VMCALL: [number, number, number] = [ExitReason.VMCALL, 0x1000, 0];

describe('the log of exits', () => {
  it('has a hypercall in the row of the exit by which it came, each vCPU for itself, and of a multicall the whole', () => {
    const log = new ExitLog(10);
    log.take(
      {
        missed: 0,
        entries: [
          entry(0, TRACE_KIND.EXIT, 0, VMCALL, 20_000),
          entry(1, TRACE_KIND.EXIT, 1, [ExitReason.HLT, 0x2000, 0], NO_TIME),
          entry(2, TRACE_KIND.HYPERCALL, 0, [1, 0, 0]),
          entry(3, TRACE_KIND.HYPERCALL, 0, [13, 7, 0]),
        ],
      },
      1000,
    );
    const rows = log.newest();
    expect(rows.map(({ reason, call, ns, hostNs }) => [reason, call?.number, ns, hostNs])).toEqual([
      [ExitReason.HLT, undefined, undefined, 1001],
      [ExitReason.VMCALL, 13, 20_000, 1000],
    ]);
    expect(rows[1]).toMatchObject({
      detail: 5,
      cr3: 0x1000,
      call: { first: 7, result: 0 },
      parts: { beforeNs: 1000, answerNs: 2000 },
    });
    expect(rows[0]!.parts).toBeUndefined();
  });

  it('sums what exits of one kind took: for one hypercall and operation, of one guest', () => {
    const log = new ExitLog(10),
      call = (sequence: number, first: number, ns: number) => [
        entry(sequence, TRACE_KIND.EXIT, 0, VMCALL, ns),
        entry(sequence + 1, TRACE_KIND.HYPERCALL, 0, [29, first, 0]),
      ];
    log.take(
      { missed: 0, entries: [...call(0, 3, 5000), ...call(2, 1, 90_000), ...call(4, 3, 0), ...call(6, 3, 10_000)] },
      0,
    );
    const [last, , other] = log.newest();
    // The last one is not over: what it was for may still come.
    expect(log.timesOf(last!)).toEqual({ timed: 2, ns: 5000, beforeNs: 2000, answerNs: 4000 });
    expect(log.timesOf(other!)).toMatchObject({ timed: 1, ns: 90_000 });
  });

  it('leaves out of a kind what took far longer than the others', () => {
    const log = new ExitLog(20);
    log.take(
      {
        missed: 0,
        entries: [...Array.from({ length: 9 }, () => 5000), 2_000_000, 10_000, 0].map((ns, i) =>
          entry(i, TRACE_KIND.EXIT, 0, [ExitReason.HLT, 0x2000, 0], ns),
        ),
      },
      0,
    );
    expect(log.timesOf(log.newest()[0]!)).toMatchObject({ timed: 10, ns: 55_000, apart: 1 });
  });

  it('gives no hypercall to an exit that it has not seen, and counts what was overwritten', () => {
    const log = new ExitLog(10);
    log.take({ missed: 0, entries: [entry(0, TRACE_KIND.EXIT, 0, VMCALL)] }, 0);
    log.take(
      { missed: 30, entries: [entry(31, TRACE_KIND.HYPERCALL, 0, [29, 0, 0]), entry(32, TRACE_KIND.EXIT, 0, VMCALL)] },
      0,
    );
    expect(log.newest().map(({ call }) => call)).toEqual([undefined, undefined]);
    expect(log.seen).toBe(1 + 1 + 15);
  });

  it('keeps the newest, what vCPUs had kept of before last of all', () => {
    const log = new ExitLog(2);
    log.takeKept(1, 0, [
      { number: 3, reason: 12, ip: 0, qualification: 0, detail: 0 },
      { number: 4, reason: 30, ip: 0, qualification: 0, detail: 0 },
    ]);
    expect(log.newest().map(({ key }) => key)).toEqual(['k1.0.4', 'k1.0.3']);
    log.take({ missed: 0, entries: [entry(0, TRACE_KIND.EXIT, 0, VMCALL)] }, 1);
    expect(log.newest().map(({ key }) => key)).toEqual(['l1.0', 'k1.0.4']);
  });

  it('has the newest on top in virtual time, too, from one look to the next, and behind what is without a time', () => {
    const log = new ExitLog(10),
      clock = new CommonClock();
    log.takeKept(1, 0, [{ number: 3, reason: 12, ip: 0, qualification: 0, detail: 0 }]);
    // Nobody writes the clock of all workers there.
    for (const sequence of [5, 900, 40_000])
      log.take(
        { missed: 0, entries: [entry(sequence, TRACE_KIND.EXIT, 0, VMCALL)] },
        clock.aheadOf(1, { hostUs: 0, nowNs: sequence + 100 }),
      );
    expect(log.newest().map(({ key, hostNs, ownNs }) => [key, hostNs, ownNs])).toEqual([
      ['l1.40000', 40_000, 40_000],
      ['l1.900', 900, 900],
      ['l1.5', 5, 5],
      ['k1.0.3', undefined, undefined],
    ]);
  });

  it('puts the clocks of guests in virtual time on the first one’s, once', () => {
    const clock = new CommonClock();
    expect(clock.aheadOf(1, { hostUs: 0, nowNs: 5000 })).toBe(0);
    expect(clock.aheadOf(2, { hostUs: 0, nowNs: 1000 })).toBe(4000);
    expect(clock.aheadOf(1, { hostUs: 0, nowNs: 9000 })).toBe(0);
    expect(clock.aheadOf(2, { hostUs: 0, nowNs: 3000 })).toBe(4000);
    // In real time all workers share one.
    expect(clock.aheadOf(3, { hostUs: 70, nowNs: 3000 })).toBe(67_000);
  });

  it('forgets what has not happened, where a host in virtual time went back', () => {
    const log = new ExitLog(10);
    log.take({ missed: 0, entries: [5, 20, 30].map(each => entry(each, TRACE_KIND.EXIT, 0, VMCALL)) }, 0);
    log.goBack(1, 10);
    log.take({ missed: 0, entries: [entry(20, TRACE_KIND.EXIT, 0, VMCALL)] }, 0);
    expect(log.newest().map(({ key }) => key)).toEqual(['l1.20', 'l1.5']);
  });
});
