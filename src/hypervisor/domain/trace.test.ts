import { describe, expect, it } from 'vitest';
import { ExitReason } from '../../cpu/architecture/edge.ts';
import { registers as R } from '../../cpu/architecture/index.ts';
import { asm } from '../../cpu/test-support/asm.ts';
import type { Domain } from './domain.ts';
import { COUNTERS, DOMAIN_TRACE, TRACE_RING_ENTRIES } from '../layout/layout.ts';
import { XEN_TYPE } from '../interfaces/xen/layout.ts';
import { createDomain, destroyDomain } from '../memory/domain-table.ts';
import { type DomainRecord, Machine } from '../memory/machine.ts';
import { NO_TIME, TRACE_KIND, Trace } from '../tracing/trace.ts';
import { exitCounter } from '../view/exit-reasons.ts';
import type { DomainView } from '../view/domain-view.ts';
import { MachineView } from '../view/machine-view.ts';
import type { TraceEntry, TraceReader } from '../view/trace.ts';
import { ENOSYS, EVTCHNOP, HYPERCALL, RUNSTATE, XENVER } from '../interfaces/xen/abi.ts';
import { GNTTABOP } from '../interfaces/xen/grants/grant-op.ts';
import { ARGS, testGuest } from '../interfaces/xen/pvh-program.test-support.ts';
import { statsOf } from './stats.test-support.ts';

const viewOf = ({ options: { machine, record } }: Domain): DomainView =>
  new MachineView(machine.memory).domain(record.id)!;

describe('the trace of a domain', () => {
  it('is written only while somebody watches', () => {
    const { domain, call } = testGuest();
    call(HYPERCALL.XEN_VERSION, XENVER.VERSION);
    const reader = viewOf(domain).watch();
    call(HYPERCALL.XEN_VERSION, XENVER.VERSION);
    expect(reader.take()).toEqual({
      entries: [
        {
          domain: 1,
          sequence: 0,
          kind: TRACE_KIND.HYPERCALL,
          vcpu: 0,
          ns: 0,
          details: [HYPERCALL.XEN_VERSION, 0, 0x40011],
        },
      ],
      missed: 0,
    });
    expect(reader.take().entries).toEqual([]);
    reader.close();
    reader.close();
    expect(domain.trace.on).toBe(false);
    call(HYPERCALL.XEN_VERSION, XENVER.VERSION);
    expect(reader.take().entries).toEqual([]);
  });

  it('says how many entries a slow reader has missed, and shows it none that may be torn', () => {
    const { domain, machine } = testGuest();
    const reader = viewOf(domain).watch();
    const trace = new Trace(machine, domain.options.record, () => 5e9);
    for (let i = 0; i < TRACE_RING_ENTRIES + 100; i++) trace.add(TRACE_KIND.EXIT, 1, i);
    const { entries, missed } = reader.take();
    expect(entries.length + missed).toBe(TRACE_RING_ENTRIES + 100);
    expect(entries[0].details[0]).toBe(missed);
    expect(entries.at(-1)).toEqual({
      domain: 1,
      sequence: TRACE_RING_ENTRIES + 99,
      kind: TRACE_KIND.EXIT,
      vcpu: 1,
      ns: 5e9,
      details: [TRACE_RING_ENTRIES + 99, 0, 0],
      exit: { detail: 0, ns: NO_TIME, cr3: 0, beforeNs: NO_TIME, answerNs: NO_TIME },
    });
  });

  it('has nothing to tell at once where its host went back to an earlier moment, and then what comes', () => {
    const { domain, machine } = testGuest();
    const { record } = domain.options;
    const reader = viewOf(domain).watch();
    const trace = new Trace(machine, record, () => 0);
    for (let i = 0; i < 3; i++) trace.add(TRACE_KIND.EXIT, 0, i);
    expect(reader.take().entries).toHaveLength(3);
    machine.words[(record.traceOffset >>> 2) + DOMAIN_TRACE.WRITTEN] = 1;
    expect(reader.take()).toEqual({ entries: [], missed: 0 });
    trace.add(TRACE_KIND.EXIT, 0, 7);
    expect(reader.take().entries.map(({ sequence, details: [reason] }) => [sequence, reason])).toEqual([[1, 7]]);
  });

  it('leaves the memory alone of a domain that is gone: it is another’s', () => {
    const machine = Machine.create(new SharedArrayBuffer(16 * 2 ** 20));
    const watchers = (record: DomainRecord): number =>
      machine.words[(record.traceOffset >>> 2) + DOMAIN_TRACE.WATCHERS];
    const before = createDomain(machine, 1);
    const watch = (): TraceReader => new MachineView(machine.memory).at(before.index)!.watch();
    const reader = watch();
    const held = machine.secondStage(before).mfn(3);
    machine.takeReference(held, before.id);
    expect(destroyDomain(machine, before)).toBe(false);
    // Who looks at a domain that is dying does not wait for its end either.
    const late = watch();
    machine.dropReference(held);
    expect(destroyDomain(machine, before)).toBe(true);
    const next = createDomain(machine, 1);
    expect([next.index, next.traceOffset]).toEqual([before.index, before.traceOffset]);
    new Trace(machine, next, () => 1).add(TRACE_KIND.EXIT, 0, 1);
    expect(reader.take()).toEqual({ entries: [], missed: 0 });
    reader.close();
    late.close();
    expect(watchers(next)).toBe(0);
  });
});

describe('what the trace has', () => {
  const kindsOf = (entries: TraceEntry[]): Set<number> => new Set(entries.map(({ kind }) => kind));

  it('exits, requests to the device model (those that are answered in place, too) and faults', () => {
    const code = asm('mov dx, 0x3c8; out dx, al; mov byte [0xa0000], 1; mov ecx, 0x12345; wrmsr');
    const { domain } = testGuest({ code, type: XEN_TYPE.HVM });
    const reader = viewOf(domain).watch();
    domain.runSlice();
    const { entries } = reader.take();
    expect(kindsOf(entries)).toEqual(new Set([TRACE_KIND.EXIT, TRACE_KIND.IOREQ, TRACE_KIND.FAULT]));
    const of = (kind: number): number[][] => entries.filter(entry => entry.kind === kind).map(({ details }) => details);
    expect(of(TRACE_KIND.IOREQ)).toEqual([
      [0x3c8, 1, 1],
      [0xa0000, 0, 1],
    ]);
    expect(of(TRACE_KIND.EXIT).map(([reason]) => reason)).toEqual(
      expect.arrayContaining([ExitReason.IO, ExitReason.EPT_VIOLATION, ExitReason.WRMSR]),
    );
    expect(of(TRACE_KIND.FAULT)).toEqual([[13, expect.any(Number), 0]]);
    expect(entries.every(({ domain: id, vcpu }) => id === 1 && vcpu === 0)).toBe(true);
  });

  it('hypercalls, also unknown ones, events, elements of grant operations and runstates', () => {
    const { domain, call, put } = testGuest();
    call(HYPERCALL.EVENT_CHANNEL_OP, EVTCHNOP.BIND_IPI, put(ARGS, 0, 0));
    const reader = viewOf(domain).watch();
    expect(call(39)).toBe(-ENOSYS);
    call(HYPERCALL.EVENT_CHANNEL_OP, EVTCHNOP.SEND, put(ARGS, 1));
    call(HYPERCALL.GRANT_TABLE_OP, GNTTABOP.MAP_GRANT_REF, put(ARGS, 0x5000, 0, 2, 77, 0, 0, 0, 0), 1);
    domain.vcpus.block();
    const { entries } = reader.take();
    const of = (kind: number): number[][] => entries.filter(entry => entry.kind === kind).map(({ details }) => details);
    expect(of(TRACE_KIND.HYPERCALL).map(([number, , result]) => [number, result])).toEqual([
      [39, -ENOSYS],
      [HYPERCALL.EVENT_CHANNEL_OP, 0],
      [HYPERCALL.GRANT_TABLE_OP, 0],
    ]);
    expect(of(TRACE_KIND.EVENT)).toEqual([[1, -1, 0]]);
    expect(of(TRACE_KIND.UPCALL)).toHaveLength(1);
    expect(of(TRACE_KIND.GRANT)).toEqual([[GNTTABOP.MAP_GRANT_REF, 77, expect.any(Number)]]);
    expect(of(TRACE_KIND.GRANT)[0][2]).toBeLessThan(0);
    expect(of(TRACE_KIND.RUNSTATE)).toEqual([[RUNSTATE.BLOCKED, 0, 0]]);
  });
});

describe('an exit in the trace', () => {
  it('says of a string instruction how many bytes it carried, and so does the ring of last exits', () => {
    const { domain } = testGuest({
      code: asm('mov esi, 0; mov ecx, 4; mov dx, 0x3c9; rep outsb; cli; hlt'),
      type: XEN_TYPE.HVM,
    });
    const view = viewOf(domain),
      reader = view.watch();
    domain.runSlice();
    const carried = reader
      .take()
      .entries.filter(({ kind, details }) => kind === TRACE_KIND.EXIT && details[0] === ExitReason.IO)
      .map(({ exit }) => exit!.detail);
    expect(carried.reduce((sum, bytes) => sum + bytes, 0)).toBe(4);
    expect(
      view
        .vcpus()[0]!
        .lastExits()
        .exits.filter(({ reason }) => reason === ExitReason.IO)
        .map(({ detail }) => detail),
    ).toEqual(carried);
  });

  it('has what it was about, the time that it took, in parts where somebody was asked, and the guest’s CR3; parts are in the counters, too', () => {
    let ms = 0;
    const { domain } = testGuest({
      code: asm('mov dx, 0x3c8; mov al, 7; out dx, al; mov byte [0xa0000], 1; cli; hlt'),
      type: XEN_TYPE.HVM,
      options: { hostMs: () => (ms += 0.001) },
    });
    const view = viewOf(domain),
      reader = view.watch();
    domain.runSlice();
    const exits = reader.take().entries.filter(({ kind }) => kind === TRACE_KIND.EXIT);
    const of = (reason: number): TraceEntry['exit'] => exits.find(({ details }) => details[0] === reason)!.exit;
    expect(of(ExitReason.IO)).toEqual({
      detail: 7,
      ns: expect.any(Number),
      cr3: domain.processor.regs[R.CR3],
      beforeNs: expect.any(Number),
      answerNs: expect.any(Number),
    });
    // Only the first is a sample; each has its parts while somebody watches.
    for (const { ns, beforeNs, answerNs } of [of(ExitReason.IO)!, of(ExitReason.EPT_VIOLATION)!]) {
      expect(Math.min(beforeNs, answerNs)).toBeGreaterThan(0);
      expect(beforeNs + answerNs).toBeLessThan(ns);
    }
    expect(of(ExitReason.HLT)).toMatchObject({ beforeNs: NO_TIME, answerNs: NO_TIME });
    expect(of(ExitReason.EPT_VIOLATION)!.detail).toBe(0xa0000);
    expect(exits.every(({ exit }) => exit!.ns >= 1000)).toBe(true);
    // The first exit of all is a sample: before, answer and the rest are its whole time.
    const { samples, sampleNs, beforeNs, answerNs } = view.counters(),
      first = exitCounter(exits[0].details[0]);
    expect(samples[first]).toBe(1);
    expect(beforeNs[first]).toBeGreaterThan(0);
    expect(answerNs[first]).toBeGreaterThan(0);
    expect(beforeNs[first] + answerNs[first]).toBeLessThan(sampleNs[first]);
  });

  it('keeps to itself where a long multicall has gone round the ring', () => {
    const { domain, machine } = testGuest();
    const reader = viewOf(domain).watch(),
      trace = new Trace(machine, domain.options.record, () => 1);
    trace.beginExit(0, ExitReason.VMCALL, 0, 0, 0);
    for (let i = 0; i < TRACE_RING_ENTRIES; i++) trace.add(TRACE_KIND.EXIT, 0, i);
    trace.endExit(77);
    expect(reader.take().entries.every(({ exit }) => exit!.ns === NO_TIME)).toBe(true);
  });
});

describe('the counts of exits', () => {
  it('are there for the domain and for each vCPU, with the time of one where times are taken, and accesses that are answered in place among them', () => {
    let ms = 0;
    const { domain } = testGuest({
      code: asm('mov edi, 0xa0000; mov ecx, 200; rep stosb; cli; hlt'),
      type: XEN_TYPE.HVM,
      vcpus: 2,
      options: { hostMs: () => (ms += 0.001) },
    });
    for (let i = 0; i < 50 && domain.runSlice().state === 'running'; i++);
    const { domain: all, vcpus, meanNs } = viewOf(domain).exits();
    expect(all.EPT_VIOLATION).toBe(200);
    expect(vcpus).toEqual([all, {}]);
    expect(meanNs.EPT_VIOLATION).toBeGreaterThanOrEqual(1000);
  });
});

describe('the time of exits', () => {
  it('is taken of one in 64, where there is a clock', () => {
    let ms = 0;
    const { domain, machine } = testGuest({
      code: asm('times 130 out 0x80, al; cli; hlt'),
      options: { hostMs: () => (ms += 0.001) },
    });
    for (let i = 0; i < 50 && domain.runSlice().state === 'running'; i++);
    const at = domain.options.record.countersOffset >>> 2;
    let samples = 0,
      ns = 0;
    for (let i = 0; i < 128; i++) {
      samples += machine.words[at + COUNTERS.EXIT_SAMPLES + i];
      ns += machine.words[at + COUNTERS.EXIT_SAMPLE_NS + 2 * i];
    }
    expect(samples).toBe(Math.ceil(statsOf(domain).exits / 64));
    expect(ns).toBeGreaterThanOrEqual(samples * 1000);
  });
});
