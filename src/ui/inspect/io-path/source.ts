/** Asks Domain 0 for the requests of a guest, and of the one next to it, as they come. */

import { signal } from '@preact/signals';
import type { FollowedRequest } from '../../../dom0/service/index.ts';
import { domains, host } from '../../host.ts';
import type { Target } from '../inspector.ts';
import type { Data, Side } from './facts.ts';

/** This many of a guest are kept. */
const KEPT = 60;
/** What is shown next to this guest's: a domain's id; 0: nothing. */
export const beside = signal(0);

export function open({ session }: Target) {
  const kept = new Map<number, FollowedRequest[]>();
  const sideOf = async (id: number): Promise<Side | undefined> => {
    const domain = domains.value.find(each => each.id === id);
    if (!domain) return undefined;
    const seen = await host.inspect('path', id);
    const requests = [...[...seen.requests].reverse(), ...(kept.get(id) ?? [])].slice(0, KEPT);
    kept.set(id, requests);
    return { id, name: domain.name, type: domain.type, requests, missed: seen.missed };
  };
  return {
    async look(): Promise<Data | undefined> {
      if (!session) return undefined;
      // The other one may end meanwhile.
      const [own, other] = await Promise.all([
        sideOf(session.id),
        beside.value > 0 && beside.value !== session.id ? sideOf(beside.value).catch(() => undefined) : undefined,
      ]);
      return own && { own, ...(other ? { other } : {}) };
    },
  };
}
