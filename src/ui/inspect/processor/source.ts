/** Looks at a vCPU's registers, and marks those that have changed since the look before. */

import { signal } from '@preact/signals';
import type { Target } from '../inspector.ts';
import { type Data, valuesOf } from './facts.ts';

/** Exits that are listed. */
const LAST = 8;
/** Which vCPU is looked at. */
export const shownVcpu = signal(0);

export function open({ session, machine }: Target) {
  let before: Map<string, number> | undefined;
  return {
    look(): Data | undefined {
      const domain = session && machine?.domain(session.id);
      const vcpus = domain?.vcpus() ?? [];
      const vcpu = vcpus[shownVcpu.value] ?? vcpus[0];
      if (!vcpu) return undefined;
      const state = vcpu.look();
      const now = valuesOf(state),
        changed = new Set(
          [...now].filter(([name, value]) => before && before.get(name) !== value).map(([name]) => name),
        );
      before = now;
      return {
        count: vcpus.length,
        vcpu: vcpu.id,
        state,
        changed,
        lasts: vcpu.lastExits().exits.slice(-LAST).reverse(),
        isStill: session!.info.peek().state === 'p',
      };
    },
  };
}
