/** The parts of a domain that stay what they are while it lives, for what starts it, resets it and answers its exits: below `Domain`, which has them. */
import type { Processor } from '../../cpu/architecture/index.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import type { Trace } from '../tracing/trace.ts';
import type { DomainOptions } from './domain-options.ts';
import type { GuestInterface, GuestTraits } from './guest-interface.ts';
import type { ModelElsewhere } from './model-elsewhere.ts';
import type { PhysicalMap } from './physical-map.ts';
import type { Platform } from './platform.ts';
import type { RunState } from './run-state.ts';
import type { ShadowPaging } from './shadow-paging.ts';
import type { Vcpus } from './vcpus.ts';

export interface BuiltDomain {
  readonly options: DomainOptions;
  readonly memory: GuestMemory;
  readonly processor: Processor;
  readonly platform: Platform;
  readonly map: PhysicalMap;
  readonly traits: GuestTraits;
  readonly guest: GuestInterface;
}

/** The domain whose exits they are. */
export interface ExitedDomain extends BuiltDomain {
  readonly vcpus: Vcpus;
  readonly trace: Trace;
  readonly shadow: ShadowPaging | undefined;
  readonly remote: ModelElsewhere | undefined;
  readonly state: RunState;
  readonly slices: {
    /** This many exits were counted. */
    afterCount(total: number): void;
    /** The exit was answered without leaving `run()`. */
    answeredInPlace(): void;
  };
  readonly power: {
    /** False: nothing takes a triple fault for a reset. */
    tripleFault(): boolean;
    crash(sentence: string, then?: 'restart' | 'end'): void;
  };
}
