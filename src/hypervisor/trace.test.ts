import { describe, expect, it } from 'vitest';
import { COUNTERS, TRACE_RING_ENTRIES } from './layout.ts';
import { TRACE_KIND, Trace, TraceReader } from './trace.ts';
import { HYPERCALL } from './xen/abi.ts';
import { testGuest } from './xen/pvh-program.test-support.ts';

describe('the trace of a domain', () => {
  it('is written only while somebody watches', () => {
    const { domain, call, machine } = testGuest();
    call(HYPERCALL.XEN_VERSION, 0);
    const reader = new TraceReader(machine, domain.options.record);
    call(HYPERCALL.XEN_VERSION, 0);
    expect(reader.take()).toEqual({ entries: [{ kind: TRACE_KIND.HYPERCALL, vcpu: 0, ns: 0, details: [HYPERCALL.XEN_VERSION, 0, 0x40011] }], missed: 0 });
    expect(reader.take().entries).toEqual([]);
    reader.close();
    reader.close();
    expect(domain.trace.on).toBe(false);
    call(HYPERCALL.XEN_VERSION, 0);
    expect(reader.take().entries).toEqual([]);
  });

  it('says how many entries a slow reader has missed, and shows it none that may be torn', () => {
    const { domain, machine } = testGuest();
    const reader = new TraceReader(machine, domain.options.record);
    const trace = new Trace(machine, domain.options.record, () => 5e9);
    for (let i = 0; i < TRACE_RING_ENTRIES + 100; i++) trace.add(TRACE_KIND.EXIT, 1, i);
    const { entries, missed } = reader.take();
    expect(entries.length + missed).toBe(TRACE_RING_ENTRIES + 100);
    expect(entries[0].details[0]).toBe(missed);
    expect(entries.at(-1)).toEqual({ kind: TRACE_KIND.EXIT, vcpu: 1, ns: 5e9, details: [TRACE_RING_ENTRIES + 99, 0, 0] });
  });
});

describe('the time of exits', () => {
  it('is taken of one in 64, where there is a clock', () => {
    let ms = 0;
    const { domain, machine } = testGuest({ code: [...Array.from({ length: 130 }, () => [0xe6, 0x80]).flat(), 0xfa, 0xf4], options: { hostMs: () => (ms += 0.001) } });
    for (let i = 0; i < 50 && domain.runSlice().state === 'running'; i++);
    const at = domain.options.record.countersOffset >>> 2;
    let samples = 0,
      ns = 0;
    for (let i = 0; i < 128; i++) {
      samples += machine.words[at + COUNTERS.EXIT_SAMPLES + i];
      ns += machine.words[at + COUNTERS.EXIT_SAMPLE_NS + 2 * i];
    }
    expect(samples).toBe(Math.ceil(domain.stats().exits / 64));
    expect(ns).toBeGreaterThanOrEqual(samples * 1000);
  });
});
