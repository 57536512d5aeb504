/** What src/dom0/pool/balancing offers to other rooms. */
export { Balancer } from './balancer.ts';
export { copyTimes } from './cost.ts';
export type { Because, Decision, Ends, Move, Stay, Staying, Why } from './decisions.ts';
export { type Energy, energyOf, POWER, type PowerModel } from './energy.ts';
export { plan } from './plan.ts';
export { brokenPairs } from './rules.ts';
export type { GuestRules, GuestSample, GuestView, HostSample, HostView, PoolView } from './samples.ts';
export { DEFAULTS, type Mode, MODES, type Settings } from './settings.ts';
export { energyWords, wordsOf } from './words.ts';
