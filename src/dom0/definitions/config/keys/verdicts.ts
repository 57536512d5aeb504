/** What is said of keys that few definitions have. */
export * as cpuid from './cpuid-verdicts.ts';
export * as devices from './device-options.ts';
export * as places from '../../places-of-cards.ts';
export * as formats from '../../other-format.ts';
export * as kvm from './kvm-verdicts.ts';
export * as refusals from './refusals.ts';
export * as tags from '../tags.ts';
export * as vfb from '../vfb.ts';
export * as vif from '../vif.ts';
