/** What a guest did, over all the domains that it was when it is started again. */
import type { Domain } from '../../hypervisor/index.ts';

export type Stats = ReturnType<Domain['stats']>;

export function addStats(a: Stats, b: Stats): Stats {
  const exitsByReason = { ...a.exitsByReason };
  for (const [name, count] of Object.entries(b.exitsByReason)) exitsByReason[name] = (exitsByReason[name] ?? 0) + count;
  return {
    instructions: a.instructions + b.instructions,
    nowNs: a.nowNs + b.nowNs,
    runNs: a.runNs + b.runNs,
    idleNs: a.idleNs + b.idleNs,
    exits: a.exits + b.exits,
    exitsByReason,
    model: { where: b.model.where, requests: a.model.requests + b.model.requests, ns: a.model.ns + b.model.ns },
  };
}
