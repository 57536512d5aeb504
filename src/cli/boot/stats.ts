/** What a guest did, over all the domains that it was when it is started again; read in machine memory, wherever it runs. */
import type { Toolstack } from '../../dom0/toolstack/index.ts';
import type { Member } from '../../dom0/toolstack/index.ts';
import { exitsByName } from '../../hypervisor/view/index.ts';
import type { TierCounters } from '../../hypervisor/view/index.ts';
import { type ModelAccount, modelAccount, xenViewOf } from '../../hypervisor/interfaces/xen/view/index.ts';
import { DRIVE_QUEUE } from '../../hypervisor/layout/index.ts';
import { Pod } from '../../hypervisor/interfaces/xen/memory/index.ts';

export interface Stats {
  instructions: number;
  nowNs: number;
  runNs: number;
  idleNs: number;
  exits: number;
  exitsByReason: Record<string, number>;
  /** Reads of local APICs that were no exits. */
  apicReads: number;
  model: ModelAccount;
  /** What the second tier of its processor did. */
  tier: TierCounters;
  /** Frames that a guest of Xen has and may have, and what of its memory is populated on demand. */
  memory?: object;
  /** Rings between its emulated drives and the workers that have their media (Atomics.notify), where those are in other workers. */
  driveRings: number;
}

export function statsOf({ view, machine }: Toolstack, { record }: Member): Stats {
  const domain = view.at(record.index)!;
  const { retired: instructions, nowNs, runNs, idleNs, exits, byReason, apicReads, tier } = domain.counters();
  const reservation = xenViewOf(domain)?.reservation;
  const stats = {
    instructions,
    nowNs,
    runNs,
    idleNs,
    exits,
    exitsByReason: exitsByName(byReason),
    apicReads,
    model: modelAccount(domain),
    tier,
    driveRings: ringsOf(machine, record),
  };
  if (!reservation) return stats;
  const { target, sweeps } = new Pod(machine, record);
  const { podCachePages, podEntries } = target;
  return {
    ...stats,
    memory: { frames: reservation.current, maxFrames: reservation.most, podCachePages, podEntries, podSweeps: sweeps },
  };
}

/** What a guest that runs has done until now, with what it and its devices of virtio exchanged: kicks, interrupts, and chains given back. */
export async function statsNow(toolstack: Toolstack, member: Member): Promise<object> {
  const looked = await member.runner.ask('virtqueues');
  const { instructions, exits, exitsByReason, driveRings } = statsOf(toolstack, member),
    { hypercalls } = toolstack.view.at(member.record.index)!.counters();
  return {
    instructions,
    exits,
    exitsByReason,
    driveRings,
    // By number, those that were asked for.
    hypercalls: Object.fromEntries([...hypercalls.entries()].filter(([, count]) => count > 0)),
    virtqueues: looked.flatMap(({ device, queues }) =>
      queues.map(({ index, name, counts: { kicks, interrupts, given } }) => ({
        device,
        queue: name || String(index),
        kicks,
        interrupts,
        given,
      })),
    ),
  };
}

const ringsOf = ({ words }: Toolstack['machine'], { drivesOffset }: Member['record']): number =>
  drivesOffset === 0 ? 0 : Atomics.load(words, (drivesOffset >>> 2) + DRIVE_QUEUE.RINGS);

export function addStats(a: Stats, b: Stats): Stats {
  const exitsByReason = { ...a.exitsByReason };
  for (const [name, count] of Object.entries(b.exitsByReason)) exitsByReason[name] = (exitsByReason[name] ?? 0) + count;
  return {
    ...b,
    instructions: a.instructions + b.instructions,
    nowNs: a.nowNs + b.nowNs,
    runNs: a.runNs + b.runNs,
    idleNs: a.idleNs + b.idleNs,
    exits: a.exits + b.exits,
    driveRings: a.driveRings + b.driveRings,
    exitsByReason,
    apicReads: a.apicReads + b.apicReads,
    tier: addTiers(a.tier, b.tier),
    model: { where: b.model.where, requests: a.model.requests + b.model.requests, ns: a.model.ns + b.model.ns },
  };
}

/** What happened adds up; what there is, is what the later one has. */
function addTiers(a: TierCounters, b: TierCounters): TierCounters {
  const sum = (
    name: 'retired' | 'samples' | 'regionSamples' | 'compiled' | 'evicted' | 'dropped' | 'givenUp',
  ): number => a[name] + b[name];
  return {
    ...b,
    retired: sum('retired'),
    samples: sum('samples'),
    regionSamples: sum('regionSamples'),
    compiled: sum('compiled'),
    evicted: sum('evicted'),
    dropped: sum('dropped'),
    givenUp: sum('givenUp'),
  };
}
