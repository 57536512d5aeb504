/** What a domain gives to what its guest sees of the hypervisor. */
import type { DomainClock } from './clock.ts';
import type { DomainOptions } from './domain-options.ts';
import type { GuestParts } from './guest-interface.ts';

/** A domain that is put together. */
interface Assembled
  extends Pick<
    GuestParts,
    'processor' | 'vcpus' | 'memory' | 'timers' | 'platform' | 'trace' | 'demand' | 'crash' | 'report'
  > {
  options: DomainOptions;
  clock: DomainClock;
  exits: { injectException: GuestParts['raise'] };
  stopSlice(): void;
}

/** `own`: what only the domain itself can do. */
export function guestParts(domain: Assembled, own: Pick<GuestParts, 'callDomain0' | 'end' | 'whereItWas'>): GuestParts {
  const { machine, record, memoryMiB, startEpochMs, xenConsole, xenLog, debug } = domain.options;
  const { processor, vcpus, memory, timers, platform, trace } = domain;
  const console = xenConsole ?? ((bytes: Uint8Array) => bytes.forEach(byte => debug?.(byte)));
  return {
    machine,
    record,
    processor,
    vcpus,
    memory,
    platform,
    timers,
    trace,
    memoryMiB,
    startEpochMs,
    interrupt: (vcpu, vector) => platform.requestInterrupt?.(vcpu, vector),
    localApic: vcpu => platform.localApic?.(vcpu),
    raise: (vector, errorCode) => domain.exits.injectException(vector, errorCode),
    tsc: () => [domain.clock.tsc(processor.retired), domain.clock.tscHigh],
    yield: () => domain.stopSlice(),
    written: mfn => memory.onWrite(mfn),
    demand: gfn => domain.demand(gfn),
    console,
    log: xenLog ?? (line => console(new TextEncoder().encode(`(XEN) ${line}\n`))),
    crash: sentence => domain.crash(sentence),
    report: sentence => domain.report(sentence),
    ...own,
  };
}
