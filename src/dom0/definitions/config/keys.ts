/**
 * Every key of xl.cfg(5) as of Xen 4.17, those that xend read before it, and what this host does with each: one file a family, one entry a key.
 * A definition never fails because of a key that does nothing here; the reader gets a remark.
 */
import { boot } from './keys/boot.ts';
import { disks } from './keys/disks.ts';
import { events } from './keys/events.ts';
import { identity } from './keys/identity.ts';
import { ofKvm } from './keys/kvm.ts';
import { memory } from './keys/memory.ts';
import { network } from './keys/network.ts';
import { pc } from './keys/pc.ts';
import { processors } from './keys/processors.ts';
import { recovery } from './keys/recovery.ts';
import { xen } from './keys/xen.ts';
import { xend } from './keys/xend.ts';
import type { Definition } from './definition.ts';
import type { Family, NewDomain } from './rule.ts';

export { nearest } from './nearest.ts';

/** A domain with this definition is made, and does not run yet: each key does what it does to one. @throws HostError */
export function buildByKeys(domain: NewDomain, definition: Definition, rules: Family = KEYS): void {
  for (const { build } of Object.values(rules)) build?.(domain, definition);
}

/** In the order in which they are judged: a rule finds in the definition what those before it have put there. */
export const KEYS: Family = {
  ...identity,
  ...ofKvm,
  ...memory,
  ...processors,
  ...disks,
  ...boot,
  ...network,
  ...events,
  ...recovery,
  ...pc,
  ...xen,
  ...xend,
};

/** Keys that somebody above brings with what they ask for: judged, built and written like the others from then on. */
export function addKeys(family: Family): void {
  Object.assign(KEYS, family);
}
