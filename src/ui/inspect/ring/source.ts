/** Looks at a guest's rings, the grants behind them and the port by which they ring. */

import { signal } from '@preact/signals';
import { grantsOf, portsOf } from '../../../hypervisor/interfaces/xen/view/index.ts';
import { host } from '../../host.ts';
import type { Target } from '../inspector.ts';
import { type Data, factsOf } from './facts.ts';

/** Which of the guest's rings is looked at. */
export const shownRing = signal('');

export function open({ session, machine }: Target) {
  return {
    async look(): Promise<Data | undefined> {
      if (!session) return undefined;
      const rings = await host.inspect('rings', session.id);
      const ring = rings.find(({ key }) => key === shownRing.value) ?? rings[0];
      if (!ring) return undefined;
      const domain = machine?.domain(session.id);
      return {
        ...factsOf(rings, ring),
        grants: new Map((grantsOf(domain)?.entries ?? []).map(entry => [entry.ref, entry])),
        port: portsOf(domain).find(({ port }) => port === ring.port),
      };
    },
  };
}
