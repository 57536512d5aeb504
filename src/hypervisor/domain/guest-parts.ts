/** What a domain gives to what its guest sees of the hypervisor. */
import type { DomainClock } from './clock.ts';
import type { DomainOptions } from './domain-options.ts';
import type { GuestParts } from './guest-interface.ts';
import type { RunState } from './run-state.ts';

/** A domain that is put together. */
interface Assembled extends Pick<GuestParts, 'processor' | 'vcpus' | 'memory' | 'timers' | 'platform' | 'trace'> {
  options: DomainOptions;
  clock: DomainClock;
  exits: { injectException: GuestParts['raise'] };
  map: Pick<GuestParts, 'demand'>;
  state: RunState;
  power: Pick<GuestParts, 'end' | 'crash' | 'report' | 'whereItWas'>;
}

export function guestParts(domain: Assembled): GuestParts {
  const { machine, record, memoryMiB, startEpochMs, xenConsole, xenLog, debug, company } = domain.options;
  const { processor, vcpus, memory, timers, platform, trace, map, state, power } = domain;
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
    yield: () => state.stop(),
    // Where others share its time, when Domain 0 hears of an event does not depend on where a slice happens to end.
    callDomain0: () => void (company && state.take('call')),
    written: mfn => memory.onWrite(mfn),
    demand: gfn => map.demand(gfn),
    console,
    log: xenLog ?? (line => console(new TextEncoder().encode(`(XEN) ${line}\n`))),
    crash: sentence => power.crash(sentence),
    report: sentence => power.report(sentence),
    whereItWas: sentence => power.whereItWas(sentence),
    end: ending => power.end(ending),
  };
}
