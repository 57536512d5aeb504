/** Which signal of a domain's board reaches which of the domain's parts. */
import type { Processor } from '../../cpu/architecture/index.ts';
import type { PhysicalMap } from './physical-map.ts';
import type { PlatformOptions } from './platform.ts';
import type { Power } from './power.ts';
import type { RunState } from './run-state.ts';
import type { Vcpus } from './vcpus.ts';

/** The domain: its vCPUs are there once the board is. */
interface Wired {
  readonly map: PhysicalMap;
  readonly power: Power;
  readonly state: RunState;
  readonly processor: Processor;
  readonly vcpus: Vcpus;
}

export const signalsOf = (domain: Wired): Omit<PlatformOptions, Exclude<keyof PlatformOptions, `on${string}`>> => ({
  onA20: domain.map.a20.set,
  onNmi: id => domain.vcpus.nmi(id),
  onInit: id => domain.power.init(id),
  onStartup: (id, vector) => domain.vcpus.startup(id, vector),
  onMessage: to => domain.vcpus.turns.call(to),
  onIgnoreNumericError: () => domain.processor.ignoreNumericError(),
  onPowerOff: () => domain.power.end({ kind: 'poweroff', sentence: 'The guest powered off.' }),
  onSleep: () => void domain.state.take('sleep'),
  onWake: () => void domain.state.take('wake'),
  onReset: kind => domain.power.askReset(kind),
  onDebugExit: value => domain.power.debugExit(value),
});
