/** What src/dom0/pool/balancing offers to other rooms. */
export { Balancer } from './balancer.ts';
export { copyTimes } from './cost.ts';
export type { Decision, Move, Staying } from './decisions.ts';
export { type Energy, energyOf } from './energy.ts';
export { brokenPairs } from './rules.ts';
export type { GuestRules, GuestSample, HostSample } from './samples.ts';
export { DEFAULTS, type Mode, MODES, type Settings } from './settings.ts';
export { energyWords, wordsOf } from './words.ts';
